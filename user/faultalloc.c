// Memory that comes into being when it is touched.  The second string lies across two pages,
// so that writing it faults inside the handler.

#include "inc/lib.h"

static void
handler(struct UTrapframe *utf)
{
	char *va = (char *) utf->utf_fault_va;
	int r;

	cprintf("fault %x\n", va);
	if ((r = sys_page_alloc(0, ROUNDDOWN(va, PGSIZE), PTE_P | PTE_U | PTE_W)) < 0)
		panic("allocating at %x in page fault handler: %e", va, r);
	snprintf(va, 100, "this string was faulted in at %x", va);
}

void
umain(int argc, char **argv)
{
	set_pgfault_handler(handler);
	cprintf("%s\n", (char *) 0xdeadbeef);
	cprintf("%s\n", (char *) 0xcafebffe);
}
