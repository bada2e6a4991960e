// A handler at an address where nothing is: its own page faults come back to it until the
// exception stack is full.

#include "inc/lib.h"

// Volatile: the compilers must not find out that it is NULL.
static uint32_t *volatile nowhere;

void
umain(int argc, char **argv)
{
	int r;

	if ((r = sys_page_alloc(0, (void *) (UXSTACKTOP - PGSIZE), PTE_P | PTE_U | PTE_W)) < 0)
		panic("sys_page_alloc: %e", r);
	sys_env_set_pgfault_upcall(0, (void *) 0xdeadbeef);
	*nowhere = 0;
}
