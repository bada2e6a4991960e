// A fork that copies every page at once, with nothing but system calls.  Parent and child then
// take turns counting.

#include "inc/lib.h"

static void
copy_page(envid_t child, void *va, int perm)
{
	int r;

	if ((r = sys_page_alloc(0, (void *) UTEMP, PTE_P | PTE_U | PTE_W)) < 0)
		panic("sys_page_alloc: %e", r);
	memcpy((void *) UTEMP, va, PGSIZE);
	if ((r = sys_page_map(0, (void *) UTEMP, child, va, perm)) < 0)
		panic("sys_page_map: %e", r);
	if ((r = sys_page_unmap(0, (void *) UTEMP)) < 0)
		panic("sys_page_unmap: %e", r);
}

static void
copy_memory(envid_t child)
{
	for (uintptr_t va = UTEXT; va < USTACKTOP; va += PGSIZE)
		if ((uvpd[PDX(va)] & PTE_P) && (uvpt[PGNUM(va)] & PTE_P))
			copy_page(child, (void *) va, uvpt[PGNUM(va)] & PTE_SYSCALL);
}

static envid_t
dumbfork(void)
{
	envid_t child = sys_exofork();
	int r;

	if (child < 0)
		panic("sys_exofork: %e", child);
	if (child == 0) {
		// The stack is a copy, and the parent's thisenv came with it.
		thisenv = &envs[ENVX(sys_getenvid())];
		return 0;
	}

	copy_memory(child);
	if ((r = sys_env_set_status(child, ENV_RUNNABLE)) < 0)
		panic("sys_env_set_status: %e", r);
	return child;
}

void
umain(int argc, char **argv)
{
	bool parent = dumbfork() != 0;

	for (int i = 0; i < (parent ? 10 : 20); i++) {
		cprintf("%d: I am the %s!\n", i, parent ? "parent" : "child");
		sys_yield();
	}
}
