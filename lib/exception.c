// Exceptions of this program that are not page faults: a handler in C for each vector.

#include "inc/lib.h"

extern int _xstack_install(void);
extern int (*_exceptions_give)(envid_t child);
extern void _exception_upcall(void);

static void (*handlers[T_SIMDERR + 1])(struct UTrapframe *utf); // by vector
static uint32_t handled;                                        // and as bits

static int
give(envid_t envid)
{
	return sys_env_set_exception_upcall(envid, _exception_upcall, handled);
}

// Called by _exception_upcall, in lib/exentry.S, which cannot go back to a single step: its own next
// instruction would be stepped.
void _exception(struct UTrapframe *utf);

void
_exception(struct UTrapframe *utf)
{
	void (*handler)(struct UTrapframe * utf) = handlers[utf->utf_trapno];

	// There is none when another env with the same memory has taken it away.  Then what raises
	// this exception once more is destroyed.
	if (handler)
		handler(utf);
	else
		give(0);
	if (utf->utf_eflags & FL_TF)
		utf_resume(utf);
}

int
set_exception_handler(unsigned trapno, void (*handler)(struct UTrapframe *utf))
{
	int r;

	if (trapno >= 32 || !(EXCEPTIONS >> trapno & 1))
		return -E_INVAL;
	if (handler && (r = _xstack_install()) < 0)
		return r;
	// A handler is there before the kernel knows of it, and still after it has forgotten it.
	if (handler) {
		handlers[trapno] = handler;
		handled |= 1u << trapno;
	} else {
		handled &= ~(1u << trapno);
	}
	_exceptions_give = handled ? give : NULL;
	if ((r = give(0)) < 0)
		return r;
	handlers[trapno] = handler;
	return 0;
}
