// Page faults of this program: the exception stack, and who handles them.

#include "lib/pgfault.h"

// Called by _pgfault_upcall, in lib/pfentry.S: the first of the layers that there are.
void (*_pgfault_handler)(struct UTrapframe *utf);

void (*_pgfault_report)(const struct UTrapframe *utf);
int (*_pgfault_reserve)(void *va);
int (*_pgfault_fork)(envid_t child, bool shared);

extern void _pgfault_upcall(void);

// Say what is known here; then let the instruction fault again, and the kernel say the rest.
static void
unhandled(struct UTrapframe *utf)
{
	cprintf("[%08x] page fault that nobody handles: %s of %08x, %s\n", thisenv->env_id,
		utf->utf_err & FEC_WR ? "write" : "read", utf->utf_fault_va,
		utf->utf_err & FEC_PR ? "which is protected" : "where nothing is mapped");
	if (_pgfault_report)
		_pgfault_report(utf);
	sys_env_set_pgfault_upcall(0, NULL);
}

void (*_pgfault_layers[PGFAULT_LAYERS])(struct UTrapframe *utf) = {[PGFAULT_OWN] = unhandled};

int
_pgfault_set(enum PgfaultLayer layer, void (*handler)(struct UTrapframe *utf))
{
	int first = 0, r;

	// The handler first: once the upcall is set, it may be called.  A page that is shared with a
	// child is better not written to without need.
	if (_pgfault_layers[layer] != handler)
		_pgfault_layers[layer] = handler;
	while (!_pgfault_layers[first])
		first++;
	if (_pgfault_handler != _pgfault_layers[first])
		_pgfault_handler = _pgfault_layers[first];
	if (thisenv->env_pgfault_upcall == _pgfault_upcall)
		return 0;
	if (lazily_loaded()) {
		THE_LAZY->next = _pgfault_upcall;
		return 0;
	}
	r = sys_page_alloc(0, (void *) UXSTACKBASE, PTE_P | PTE_U | PTE_W);
	return r < 0 ? r : sys_env_set_pgfault_upcall(0, _pgfault_upcall);
}

void
set_pgfault_handler(void (*handler)(struct UTrapframe *utf))
{
	int r = _pgfault_set(PGFAULT_OWN, handler ? handler : unhandled);

	if (r < 0)
		panic("exception stack: %e", r);
}
