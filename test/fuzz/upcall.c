// Page faults and other exceptions of a program with anything in its registers and anything for an exception stack:
// either the frame is where it belongs and nothing else has changed, or nothing has.

#include "kern/upcall.h"

#include "inc/string.h"
#include "test/fuzz/fuzz.h"
#include "test/host/world.h"

#define UXBASE (UXSTACKTOP - PGSIZE)
#define FRAME 52

static struct Env *env, *other;
static struct Trapframe *tf;

static uint32_t
an_esp(void)
{
	uint8_t b = byte();

	switch (b % 8) {
	case 0 ... 2: // as the handler left it
		return tf->tf_esp - b / 8;
	case 3:
		return UXSTACKTOP + 8 - b / 8;
	case 4:
		return UXBASE - 8 + b / 8;
	case 5:
		return UXBASE + FRAME - 8 + b / 8;
	case 6:
		return UXBASE + byte() * 16 + b / 8;
	default:
		return word();
	}
}

// What may happen to the page at UXBASE, and to its neighbour.
static void
change_stack(void)
{
	static const uint32_t perms[] = {RW, RO, RO | PTE_COW, RW | PTE_SHARE, RO | PTE_GIVENW};
	uint8_t b = byte();
	uint32_t va = b & 1 ? UXBASE : UXBASE - PGSIZE;
	struct Space *sp = &kenv(env)->space;
	struct PageInfo *pp;
	pte_t pte;

	switch (b / 2 % 6) {
	case 0 ... 1:
		give_page(env, va, RW);
		break;
	case 2:
		give_page(env, va, CHOOSE(perms));
		break;
	case 3:
		page_remove(sp, va);
		break;
	case 4: // give it to the other one too
		if (!(pp = page_lookup(sp, va, &pte)))
			break;
		CHECK(page_incref(pp));
		CHECK_EQ(page_insert(&kenv(other)->space, pp, va, RW | PTE_GIVENW), 0);
		break;
	case 5: // the same page twice
		if (!(pp = page_lookup(sp, va, &pte)))
			break;
		CHECK(page_incref(pp));
		CHECK_EQ(page_insert(sp, pp, va ^ PGSIZE, CHOOSE(perms) & ~PTE_GIVENW & ~PTE_W), 0);
		break;
	}
}

static void
fault(void)
{
	static uint8_t page[PGSIZE];
	uint32_t what = word(), err = byte(), bad = 0x1234;
	const bool exception = err & 8;
	const uint32_t stack_bits = bits_at(env, UXBASE), stack = frame_at(env, UXBASE);

	if (stack)
		memcpy(page, fake_frame(stack), PGSIZE);
	if (exception) {
		tf->tf_trapno = what;
		tf->tf_err = err;
	}
	const uint32_t upcall = exception ? kenv(env)->exception_upcall : kenv(env)->upcall;
	const struct Trapframe was = *tf;
	const struct Kenv kenv_was = *kenv(env);
	const struct Env env_was = *env;
	const int64_t esp = was.tf_esp;
	const bool nested = esp >= (int64_t) UXBASE && esp < (int64_t) UXSTACKTOP;
	const int64_t at = (nested ? esp - 4 : (int64_t) UXSTACKTOP) - FRAME;
	const bool fits = at >= (int64_t) UXBASE && (stack_bits & RW) == RW;
	struct Snapshot before = {0};

	if (!fits)
		before = snapshot(true);
	int r = exception ? upcall_exception(env, &bad) : upcall_page_fault(env, what, err, &bad);
	CHECK_EQ(r, fits ? 0 : -E_FAULT);
	CHECK_EQ(bad, fits ? 0x1234 : at);
	if (fits) {
		const uint32_t want[] = {
			what,
			err,
			was.tf_regs.reg_edi,
			was.tf_regs.reg_esi,
			was.tf_regs.reg_ebp,
			was.tf_regs.reg_oesp,
			was.tf_regs.reg_ebx,
			was.tf_regs.reg_edx,
			was.tf_regs.reg_ecx,
			was.tf_regs.reg_eax,
			was.tf_eip,
			was.tf_eflags,
			was.tf_esp,
		};
		static_assert(sizeof want == FRAME, "the frame, word by word");
		memcpy(page + (at - UXBASE), want, sizeof want);
		CHECK(memcmp(fake_frame(stack), page, PGSIZE) == 0);
		CHECK_EQ(tf->tf_esp, at);
		CHECK_EQ(tf->tf_eip, upcall);
		CHECK_EQ(tf->tf_eflags, was.tf_eflags & ~(FL_TF | FL_DF));
		tf->tf_esp = was.tf_esp;
		tf->tf_eip = was.tf_eip;
		tf->tf_eflags = was.tf_eflags;
		CHECK(memcmp(kenv(env), &kenv_was, sizeof kenv_was) == 0);
		CHECK(memcmp(env, &env_was, sizeof env_was) == 0);
		tf->tf_esp = at;
		tf->tf_eip = upcall;
		tf->tf_eflags = was.tf_eflags & ~(FL_TF | FL_DF);
	} else {
		struct Snapshot after = snapshot(true);
		CHECK(snapshot_is(&before, &after));
	}
	world_check();
}

void
fuzz(void)
{
	fake_start(30, byte() >= 0xf0 ? 8 : 0);
	env = program(NULL, 0);
	other = program(NULL, 1);
	tf = &kenv(env)->frame;
	env_set_upcall(env, word());
	env_set_exceptions(env, word(), EXCEPTIONS);
	for (int i = 0; i < 100 && more(); i++) {
		uint8_t b = byte();
		if (b % 4 == 0) {
			change_stack();
			continue;
		}
		if (b % 4 == 1) {
			tf->tf_eip = word();
			tf->tf_eflags = word();
			for (size_t j = 0; j < sizeof tf->tf_regs / 4; j++)
				((uint32_t *) &tf->tf_regs)[j] = b * (j + 1);
			env_sanitize(tf);
		}
		tf->tf_esp = an_esp();
		fault();
	}
}
