// Page faults and other exceptions as upcalls.
//
// The exception stack is one page at a fixed place.  A trap taken elsewhere starts a frame at
// its top; one taken on it, by the handler itself, goes below what the handler has there.
// One word is left free in between, because the way back from the handler (lib/pfentry.S)
// stores the address to return to on the stack that it returns to.

#include "kern/upcall.h"

#include "inc/error.h"
#include "kern/env.h"

// Let self go on at `upcall', with a frame that begins with the words `what' and err.
static int
push(struct Env *self, uint32_t upcall, uint32_t what, uint32_t err, uint32_t *bad)
{
	struct Kenv *k = kenv(self);
	struct Trapframe *tf = &k->frame;
	struct UTrapframe utf = {
		.utf_fault_va = what,
		.utf_err = err,
		.utf_regs = tf->tf_regs,
		.utf_eip = tf->tf_eip,
		.utf_eflags = tf->tf_eflags,
		.utf_esp = tf->tf_esp,
	};
	uint32_t top = UXSTACKTOP;

	if (tf->tf_esp >= UXSTACKBASE && tf->tf_esp < UXSTACKTOP)
		top = tf->tf_esp - 4;
	// No wrap: UXSTACKBASE is far from 0.
	uint32_t va = top - sizeof utf;
	if (va < UXSTACKBASE) {
		*bad = va;
		return -E_FAULT;
	}
	int r = copy_to_user(&k->space, va, &utf, sizeof utf, bad);
	if (r < 0)
		return r;
	tf->tf_esp = va;
	tf->tf_eip = upcall;
	tf->tf_eflags &= ~(uint32_t) (FL_TF | FL_DF); // the handler is C, and not what is stepped
	return 0;
}

int
upcall_page_fault(struct Env *self, uint32_t fault_va, uint32_t err, uint32_t *bad)
{
	return push(self, kenv(self)->upcall, fault_va, err, bad);
}

bool
upcall_wanted(struct Env *self, uint32_t trapno)
{
	return trapno < 32 && (kenv(self)->exceptions >> trapno & 1);
}

int
upcall_exception(struct Env *self, uint32_t *bad)
{
	const struct Kenv *k = kenv(self);

	return push(self, k->exception_upcall, k->frame.tf_trapno, k->frame.tf_err, bad);
}
