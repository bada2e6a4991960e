// Memory runs out at every place where a call takes some: with 0, 1, 2.. free frames, until it
// succeeds.  That a call which fails changes nothing is checked by call().

#include "inc/string.h"
#include "test/host/world.h"

static struct Env *self, *child;

static void
family(bool both_pools)
{
	if (both_pools)
		world_both_pools();
	else
		world();
	self = program(NULL, 0);
	child = program(self, NOCPU);
}

// A call must need exactly n frames of a kind, failing for want of them.
#define NEEDS(n, kind, ...)                                                                        \
	do {                                                                                       \
		uint32_t nframes = 0;                                                              \
		for (;; nframes++) {                                                               \
			leave_frames(kind, nframes);                                               \
			int32_t r = call(__VA_ARGS__);                                             \
			if (r >= 0)                                                                \
				break;                                                             \
			CHECK_EQ(r, -E_NO_MEM);                                                    \
			CHECK(nframes < 10);                                                       \
		}                                                                                  \
		CHECK_EQ(nframes, n);                                                              \
	} while (0)

TEST(page_alloc_needs_a_page_and_perhaps_a_table)
{
	family(false);
	NEEDS(2, PAGE_USER, self, page_alloc, 0, VA_A, RW);
	NEEDS(1, PAGE_USER, self, page_alloc, 0, VA_B, RW);
	NEEDS(2, PAGE_USER, self, page_alloc, 0, VA_C, RW);
	NEEDS(2, PAGE_USER, self, page_alloc, child->env_id, VA_A, RW);
	// What is replaced is not there to be used: it must stay if there is nothing else.
	NEEDS(1, PAGE_USER, self, page_alloc, 0, VA_A, RW);
}

TEST(page_alloc_needs_low_memory_for_a_table_only)
{
	family(true);
	NEEDS(1, PAGE_TABLE, self, page_alloc, 0, VA_A, RW);
	NEEDS(0, PAGE_TABLE, self, page_alloc, 0, VA_B, RW);
	CHECK(frame_at(self, VA_A) >= BORDER && frame_at(self, VA_B) >= BORDER);
}

TEST(page_map_needs_a_table_at_most)
{
	family(false);
	give_page(self, VA_A, RW);
	NEEDS(0, PAGE_USER, self, page_map, 0, VA_A, 0, VA_B, RW);
	NEEDS(1, PAGE_USER, self, page_map, 0, VA_A, 0, VA_C, RO);
	NEEDS(1, PAGE_USER, self, page_map, 0, VA_A, child->env_id, VA_A, RW);
	NEEDS(0, PAGE_USER, self, page_map, child->env_id, VA_A, 0, VA_A, RW);

	family(true);
	give_page(self, VA_A, RW);
	NEEDS(1, PAGE_TABLE, self, page_map, 0, VA_A, child->env_id, VA_C, RW);
}

TEST(page_copy_needs_a_page_and_perhaps_a_table)
{
	family(false);
	give_page(self, VA_A, RW);
	NEEDS(1, PAGE_USER, self, page_copy, 0, VA_A, 0, VA_B, RW);
	NEEDS(2, PAGE_USER, self, page_copy, 0, VA_A, 0, VA_C, RO);
	NEEDS(2, PAGE_USER, self, page_copy, 0, VA_A, child->env_id, VA_A, RO);
	NEEDS(1, PAGE_USER, self, page_copy, child->env_id, VA_A, child->env_id, VA_A, RW);
	family(true);
	give_page(self, VA_A, RW);
	NEEDS(1, PAGE_TABLE, self, page_copy, 0, VA_A, 0, VA_C, RW);
}

TEST(page_move_needs_a_table_at_most)
{
	family(false);
	give_page(self, VA_A, RW);
	NEEDS(0, PAGE_USER, self, page_move, 0, VA_A, VA_B, RW);
	NEEDS(1, PAGE_USER, self, page_move, 0, VA_B, VA_C, RW);
	NEEDS(0, PAGE_USER, self, page_move, 0, VA_C, VA_A, RW);
}

TEST(ranges_need_tables_and_stop_where_there_is_none)
{
	const uint32_t end = VA_C + PGSIZE;

	for (int share = 0; share < 2; share++) {
		family(false);
		give_page(self, VA_C - PGSIZE, RW);
		give_page(self, VA_C, RW);
		leave_frames(PAGE_USER, 0);
		uint32_t arg[5] = {VA_C - PGSIZE, child->env_id, VA_C - PGSIZE, 2, RO};
		if (share)
			memcpy(arg,
			       (uint32_t[]){child->env_id, VA_C - PGSIZE, 2, PTE_W,
					    PAGES_TO(PTE_W, PTE_COW)},
			       sizeof arg);
		uint32_t number = share ? SYS_pages_share : SYS_pages_map;
		CHECK_EQ(call_number(self, number, arg), -E_NO_MEM);
		leave_frames(PAGE_USER, 1);
		CHECK_EQ(call_number(self, number, arg), 1);
		CHECK_EQ(bits_at(self, VA_C), RW | PTE_GIVENW);
		CHECK_EQ(frame_at(child, VA_C), 0);
		leave_frames(PAGE_USER, 1);
		CHECK_EQ(call_number(self, number, arg), 2);
		CHECK_EQ(frame_at(child, VA_C), frame_at(self, VA_C));
	}
	CHECK_EQ(call(self, pages_share, child->env_id, VA_A, (end - VA_A) / PGSIZE, 0, 0),
		 (end - VA_A) / PGSIZE);
}

TEST(exofork_needs_a_directory)
{
	family(false);
	NEEDS(1, PAGE_USER, self, exofork);
	family(true);
	NEEDS(1, PAGE_TABLE, self, exofork);
}

TEST(an_exofork_without_memory_uses_up_no_slot_and_no_id)
{
	family(false);
	leave_frames(PAGE_USER, 0);
	for (int i = 0; i < 2 * NENV; i++)
		CHECK_EQ(call(self, exofork), -E_NO_MEM);
	leave_frames(PAGE_USER, 1);
	CHECK_EQ(call(self, exofork), 0x1003);
}

// Let child wait for a message, with a page at va.
static void
waits_at(uint32_t va)
{
	run_on(child, 1);
	CHECK_EQ(call(child, ipc_recv, va), 0);
	let_notice(child);
}

TEST(a_message_needs_a_table_at_most_and_the_receiver_waits_until_it_is_there)
{
	family(false);
	give_page(self, VA_A, RW);
	waits_at(VA_C);
	NEEDS(1, PAGE_USER, self, ipc_try_send, child->env_id, 1, VA_A, RW);
	CHECK_EQ(child->env_ipc_value, 1);
	CHECK_EQ(frame_at(child, VA_C), frame_at(self, VA_A));
	waits_at(VA_C);
	NEEDS(0, PAGE_USER, self, ipc_try_send, child->env_id, 2, VA_A, RO);
	waits_at(VA_A);
	NEEDS(0, PAGE_USER, self, ipc_try_send, child->env_id, 3, UTOP, 0);
}

TEST(a_call_waits_for_the_memory_of_the_dead_instead_of_failing)
{
	family(false);
	struct Env *e = program(self, NOCPU);
	give_page(e, VA_A, RO);
	for (uint32_t va = VA_A + PGSIZE; va < VA_A + 3 * PTSIZE; va += PGSIZE) {
		CHECK(page_incref(&pages[frame_at(e, VA_A)]));
		CHECK_EQ(page_insert(&kenv(e)->space, &pages[frame_at(e, VA_A)], va, RO), 0);
	}
	// From the bottom, the first part gives back a table, and the last the page and the rest.
	for (uint32_t va = VA_A; va < VA_A + PTSIZE; va += PGSIZE)
		page_remove(&kenv(e)->space, va);
	leave_frames(PAGE_USER, 0);
	CHECK_EQ(call(self, env_destroy, e->env_id), 0);
	CHECK_EQ(e->env_status, ENV_DYING);
	leave_frames(PAGE_USER, 0);
	CHECK_EQ(call(self, page_alloc, 0, VA_A, RW), 0);
	CHECK(call_parts > 1);
	reap_all();
	leave_frames(PAGE_USER, 0);
	CHECK_EQ(call(self, exofork), -E_NO_MEM);
}

TEST(a_call_waits_for_the_slot_of_the_dead_instead_of_failing)
{
	fake_start(300, 0);
	self = program(NULL, 0);
	child = program(self, NOCPU);
	for (int i = 0; i < 2; i++) { // it will die in more than one part
		struct Env *below = program(child, NOCPU);
		env_hold(below, HOLD_STOPPED);
	}
	while (call(self, exofork) > 0)
		;
	CHECK_EQ(call(self, env_destroy, child->env_id), 0);
	for (int i = 0; i < 3; i++)
		CHECK(call(self, exofork) > 0);
	CHECK_EQ(call(self, exofork), -E_NO_FREE_ENV);
	world_check();
}

TEST(all_other_calls_need_no_memory)
{
	family(false);
	give_page(self, VA_A, RW);
	give_page(child, VA_A, RW);
	NEEDS(0, PAGE_USER, self, cputs, VA_A, 5);
	NEEDS(0, PAGE_USER, self, cgetc);
	NEEDS(0, PAGE_USER, self, getenvid);
	NEEDS(0, PAGE_USER, self, page_protect, 0, VA_A, RO);
	NEEDS(0, PAGE_USER, self, pages_protect, 0, VA_A, 10, 0, PAGES_TO(0, PTE_W));
	NEEDS(0, PAGE_USER, self, pages_unmap, child->env_id, VA_B, 10);
	NEEDS(0, PAGE_USER, self, page_unmap, child->env_id, VA_A);
	leave_frames(PAGE_USER, 0);
	NEEDS(0, PAGE_USER, self, page_unmap, child->env_id, VA_C);
	NEEDS(0, PAGE_USER, self, env_set_status, child->env_id, ENV_NOT_RUNNABLE);
	NEEDS(0, PAGE_USER, self, env_set_pgfault_upcall, child->env_id, 1);
	NEEDS(0, PAGE_USER, self, env_set_exception_upcall, child->env_id, 1, EXCEPTIONS);
	NEEDS(0, PAGE_USER, self, env_set_trapframe, child->env_id, VA_A);
	NEEDS(0, PAGE_USER, self, env_destroy, child->env_id);
	NEEDS(0, PAGE_USER, self, yield);
	world_check();
}
