// Memory that would come into being if the program touched it; but it is the kernel that does,
// and the kernel calls no handlers.

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
	sys_cputs((char *) 0xdeadbeef, 4);
}
