// Page faults and other exceptions as upcalls: where the frame goes, what is in it, and when there is no
// room.

#include "kern/upcall.h"

#include "inc/string.h"
#include "test/host/world.h"

#define UXBASE (UXSTACKTOP - PGSIZE)
#define FRAME ((uint32_t) sizeof(struct UTrapframe))
#define HANDLER 0x00800abc

static struct Env *env;
static struct Trapframe *tf;

// In a world just made: a program with a handler and, unless perm is 0, an exception stack.
static void
one_program(uint32_t perm)
{
	env = program(NULL, 0);
	tf = &kenv(env)->frame;
	if (perm)
		give_page(env, UXBASE, perm);
	env_set_upcall(env, HANDLER);
	tf->tf_regs = (struct PushRegs){1, 2, 3, 4, 5, 6, 7, 8};
	tf->tf_eip = 0x00801111;
	tf->tf_eflags |= FL_CF | FL_OF;
	tf->tf_esp = USTACKTOP - 32;
}

// A fault while the stack is at esp must be handled with a frame at va.
static void
goes_to(uint32_t esp, uint32_t va)
{
	struct UTrapframe utf, want;
	uint32_t bad = 0x1234;

	tf->tf_esp = esp;
	struct Trapframe before = *tf;
	CHECK_EQ(upcall_page_fault(env, 0xdeadbeef, FEC_U | FEC_WR, &bad), 0);
	CHECK_EQ(tf->tf_esp, va);
	CHECK_EQ(tf->tf_eip, HANDLER);
	CHECK_EQ(bad, 0x1234);
	want = (struct UTrapframe){{0xdeadbeef},  FEC_U | FEC_WR,   before.tf_regs,
				   before.tf_eip, before.tf_eflags, esp};
	peek(env, va, &utf, sizeof utf);
	CHECK(memcmp(&utf, &want, sizeof utf) == 0);
	before.tf_esp = tf->tf_esp;
	before.tf_eip = tf->tf_eip;
	before.tf_eflags &= ~(FL_TF | FL_DF);
	CHECK(memcmp(tf, &before, sizeof before) == 0);
	world_check();
}

// A fault while the stack is at esp must fail at va, and change nothing.
static void
fails_at(uint32_t esp, uint32_t va)
{
	uint32_t bad = 0x1234;

	tf->tf_esp = esp;
	struct Snapshot before = snapshot(true);
	CHECK_EQ(upcall_page_fault(env, 0xdeadbeef, FEC_U | FEC_WR, &bad), -E_FAULT);
	struct Snapshot after = snapshot(true);
	CHECK(snapshot_is(&before, &after));
	CHECK_EQ(bad, va);
	world_check();
}

TEST(a_fault_elsewhere_starts_a_frame_at_the_top_of_the_exception_stack)
{
	const uint32_t elsewhere[] = {
		USTACKTOP,  USTACKTOP - 1, UXBASE - 1, UXBASE - PGSIZE, 0,
		4,          UXSTACKTOP,    UTOP + 4,   KERNBASE,        0xfffffffc,
		0xffffffff, VA_A + 1,      0x80000000};

	world();
	one_program(RW);
	for (size_t i = 0; i < ARRAY_SIZE(elsewhere); i++)
		goes_to(elsewhere[i], UXSTACKTOP - FRAME);
}

TEST(a_fault_in_the_handler_goes_below_its_stack_with_one_word_between)
{
	world();
	one_program(RW);
	goes_to(USTACKTOP, UXSTACKTOP - FRAME);
	goes_to(UXSTACKTOP - FRAME, UXSTACKTOP - FRAME - 4 - FRAME);
	goes_to(UXSTACKTOP - 1, UXSTACKTOP - 1 - 4 - FRAME); // of any alignment
	goes_to(UXSTACKTOP - 4, UXSTACKTOP - 4 - 4 - FRAME);
	goes_to(UXBASE + 2222, UXBASE + 2222 - 4 - FRAME);
}

TEST(the_word_between_two_frames_is_not_written)
{
	uint32_t word = 0xabcdef01;

	world();
	one_program(RW);
	poke(env, UXBASE + 1000 - 4, &word, 4);
	goes_to(UXBASE + 1000, UXBASE + 1000 - 4 - FRAME);
	peek(env, UXBASE + 1000 - 4, &word, 4);
	CHECK_EQ(word, 0xabcdef01);
}

TEST(the_exception_stack_is_used_to_its_last_byte_and_no_further)
{
	world();
	one_program(RW);
	goes_to(UXBASE + FRAME + 4, UXBASE);
	for (uint32_t esp = UXBASE; esp < UXBASE + FRAME + 4; esp++)
		fails_at(esp, esp - 4 - FRAME);
}

TEST(an_overflow_does_not_go_on_in_the_page_below)
{
	world();
	one_program(RW);
	give_page(env, UXBASE - PGSIZE, RW);
	fails_at(UXBASE + 4, UXBASE + 4 - 4 - FRAME);
	fails_at(UXBASE + FRAME + 3, UXBASE - 1);
}

TEST(faults_nest_until_the_stack_is_full)
{
	world();
	one_program(RW);
	uint32_t esp = USTACKTOP, va = UXSTACKTOP - FRAME;
	int depth = 0;
	while (va >= UXBASE) {
		goes_to(esp, va);
		esp = va;
		va -= 4 + FRAME;
		depth++;
	}
	fails_at(esp, va);
	CHECK_EQ(depth, (PGSIZE + 4) / (FRAME + 4));
}

TEST(a_program_without_an_exception_stack_fails_where_its_frame_would_start)
{
	world();
	one_program(0);
	fails_at(USTACKTOP, UXSTACKTOP - FRAME);
	fails_at(UXBASE + 2048, UXBASE + 2048 - 4 - FRAME);
	give_page(env, UXBASE - PGSIZE, RW); // a table
	fails_at(USTACKTOP, UXSTACKTOP - FRAME);
}

TEST(an_exception_stack_that_is_read_only_is_none)
{
	world();
	one_program(RO);
	fails_at(USTACKTOP, UXSTACKTOP - FRAME);
	world();
	one_program(RO | PTE_COW);
	fails_at(0, UXSTACKTOP - FRAME);
}

TEST(the_handler_starts_with_the_flags_that_c_expects)
{
	world();
	one_program(RW);
	tf->tf_eflags |= FL_DF | FL_TF;
	goes_to(USTACKTOP, UXSTACKTOP - FRAME); // the frame has all flags, for the way back
	CHECK(!(tf->tf_eflags & (FL_DF | FL_TF)));
	CHECK(tf->tf_eflags & FL_IF);
}

TEST(the_frame_is_written_where_the_kernel_has_no_address)
{
	world_both_pools();
	one_program(RW);
	CHECK(frame_at(env, UXBASE) >= BORDER);
	goes_to(USTACKTOP, UXSTACKTOP - FRAME);
}

TEST(an_exception_is_a_frame_with_its_vector_and_its_error_code_at_the_upcall_for_exceptions)
{
	const uint32_t vectors[] = {T_DIVIDE, T_DEBUG, T_BRKPT, T_GPFLT, T_ALIGN, T_SIMDERR};
	struct UTrapframe utf;
	uint32_t bad = 0x1234;

	world();
	one_program(RW);
	env_set_exceptions(env, HANDLER + 0x100, EXCEPTIONS);
	for (size_t i = 0; i < ARRAY_SIZE(vectors); i++) {
		tf->tf_trapno = vectors[i];
		tf->tf_err = 0x28 * i;
		tf->tf_eip = 0x00802222;
		tf->tf_esp = i % 2 ? UXSTACKTOP - FRAME : USTACKTOP - 32;
		tf->tf_eflags |= FL_TF | FL_DF;
		const struct Trapframe before = *tf;
		const uint32_t va = UXSTACKTOP - FRAME - (i % 2 ? 4 + FRAME : 0);
		CHECK_EQ(upcall_exception(env, &bad), 0);
		CHECK_EQ(tf->tf_eip, HANDLER + 0x100);
		CHECK_EQ(tf->tf_esp, va);
		CHECK_EQ(tf->tf_eflags, before.tf_eflags & ~(FL_TF | FL_DF));
		CHECK(memcmp(&tf->tf_regs, &before.tf_regs, sizeof tf->tf_regs) == 0);
		peek(env, va, &utf, sizeof utf);
		CHECK_EQ(utf.utf_trapno, vectors[i]);
		CHECK_EQ(utf.utf_err, 0x28 * i);
		CHECK_EQ(utf.utf_eip, 0x00802222);
		CHECK_EQ(utf.utf_esp, before.tf_esp);
		CHECK_EQ(utf.utf_eflags, before.tf_eflags);
		CHECK(memcmp(&utf.utf_regs, &before.tf_regs, sizeof utf.utf_regs) == 0);
		world_check();
	}
	CHECK_EQ(bad, 0x1234);
}

TEST(an_exception_without_room_for_its_frame_fails_as_a_page_fault_does)
{
	uint32_t bad = 0x1234;

	world();
	one_program(RO);
	env_set_exceptions(env, HANDLER, EXCEPTIONS);
	tf->tf_trapno = T_DIVIDE;
	struct Snapshot before = snapshot(true);
	CHECK_EQ(upcall_exception(env, &bad), -E_FAULT);
	struct Snapshot after = snapshot(true);
	CHECK(snapshot_is(&before, &after));
	CHECK_EQ(bad, UXSTACKTOP - FRAME);
}

TEST(an_env_wants_the_exceptions_of_its_mask_and_no_interrupt)
{
	world();
	one_program(RW);
	for (uint32_t i = 0; i < 256; i++)
		CHECK(!upcall_wanted(env, i));
	env_set_exceptions(env, HANDLER, EXCEPTIONS & ~(1u << T_BOUND));
	for (uint32_t i = 0; i < 32; i++)
		CHECK_EQ(upcall_wanted(env, i), i != T_BOUND && (EXCEPTIONS >> i & 1));
	for (uint32_t i = 32; i < 256; i++)
		CHECK(!upcall_wanted(env, i));
}
