// Page faults of this program: the exception stack, and the handler in C.

#include "inc/lib.h"

// Called by _pgfault_upcall, in lib/pfentry.S.
void (*_pgfault_handler)(struct UTrapframe *utf);

extern void _pgfault_upcall(void);
extern int _xstack_install(void);

// What set_pgfault_handler does.	-E_NO_MEM
int
_pgfault_install(void (*handler)(struct UTrapframe *utf))
{
	int r;

	// The handler first: once the upcall is set, it may be called.  A page that is shared with a
	// child is better not written to without need.
	if (_pgfault_handler != handler)
		_pgfault_handler = handler;
	if (thisenv->env_pgfault_upcall == _pgfault_upcall)
		return 0;
	r = _xstack_install();
	return r < 0 ? r : sys_env_set_pgfault_upcall(0, _pgfault_upcall);
}

void
set_pgfault_handler(void (*handler)(struct UTrapframe *utf))
{
	int r = _pgfault_install(handler);

	if (r < 0)
		panic("exception stack: %e", r);
}
