// fork and sfork: a copy of this program made by the program itself, out of five system calls.
//
// Nothing is copied at first.  Both sides get each page read-only and marked PTE_COW, and the
// first write to it, by either side, faults; the handler then makes a copy for the side that
// writes.  doc/kernel.md goes through it step by step.

#include "inc/lib.h"

#define RIGHTS (PTE_P | PTE_U | PTE_W)

extern void (*_pgfault_handler)(struct UTrapframe *utf);
extern void _pgfault_upcall(void);

// What the program itself wants to be told of, beside copy-on-write.
static void (*other_handler)(struct UTrapframe *utf);

// The page table entry for va, or 0 when there is none, or none of ours.
static pte_t
entry(uint32_t va)
{
	return va < UTOP && (uvpd[PDX(va)] & PTE_P) ? uvpt[PGNUM(va)] : 0;
}

// Give this env a page of its own in the place of the copy-on-write page at va.
static int
copy_page(uint32_t va)
{
	int perm = (entry(va) & PTE_SYSCALL & ~PTE_COW) | PTE_W;
	void *page = (void *) va;
	int r;

	if ((r = sys_page_alloc(0, (void *) PFTEMP, RIGHTS)) < 0)
		return r;
	memcpy((void *) PFTEMP, page, PGSIZE);
	if ((r = sys_page_map(0, (void *) PFTEMP, 0, page, perm)) < 0)
		return r;
	return sys_page_unmap(0, (void *) PFTEMP);
}

static void
cow_handler(struct UTrapframe *utf)
{
	uint32_t va = ROUNDDOWN(utf->utf_fault_va, PGSIZE);
	int r;

	if (!(utf->utf_err & FEC_WR) || !(entry(va) & PTE_COW)) {
		if (!other_handler)
			panic("unhandled page fault: %s of %08x at %08x, err %x",
			      utf->utf_err & FEC_WR ? "write" : "read", utf->utf_fault_va,
			      utf->utf_eip, utf->utf_err);
		other_handler(utf);
		return;
	}
	if ((r = copy_page(va)) < 0)
		panic("copy on write of %08x: %e", va, r);
}

// Map the page at va in child: shared or read-only as it is here, or else copy-on-write.
// The child comes first.  The other way round, a write of ours in between (to the stack, say)
// would make the page writable here again, and the child would be given a page we write to.
static int
duppage(envid_t child, uint32_t va)
{
	void *page = (void *) va;
	int perm = entry(va) & PTE_SYSCALL;
	int r;

	if ((perm & PTE_SHARE) || !(perm & (PTE_W | PTE_COW)))
		return sys_page_map(0, page, child, page, perm);
	perm = (perm & ~PTE_W) | PTE_COW;
	if ((r = sys_page_map(0, page, child, page, perm)) < 0)
		return r;
	return sys_page_map(0, page, 0, page, perm);
}

// Whether va is on the normal stack, which goes from USTACKTOP down to the first gap.
static bool
on_stack(uint32_t va)
{
	if (va >= USTACKTOP)
		return false;
	while (va < USTACKTOP && (entry(va) & PTE_P))
		va += PGSIZE;
	return va == USTACKTOP;
}

// Map the page at va in child too, for both to write to; but the stack as fork does.
static int
sharepage(envid_t child, uint32_t va)
{
	if (on_stack(va))
		return duppage(child, va);
	// A page that waits for its copy is copied by writing to it: the handler uses PFTEMP, which
	// a fault of our own stack might need at the same time.
	if ((entry(va) & PTE_COW) && !(entry(va) & PTE_SHARE))
		__sync_fetch_and_add((volatile char *) va, 0);
	return sys_page_map(0, (void *) va, child, (void *) va, entry(va) & PTE_SYSCALL);
}

// Hand every page below UTOP to child, by give(), and make an exception stack for it.
static int
give_memory(envid_t child, int (*give)(envid_t child, uint32_t va))
{
	int r;

	for (uint32_t va = 0; va < UTOP; va += PGSIZE) {
		if (!(uvpd[PDX(va)] & PTE_P)) {
			va += PTSIZE - PGSIZE;
			continue;
		}
		if (va == UXSTACKTOP - PGSIZE || !(uvpt[PGNUM(va)] & PTE_P))
			continue;
		if ((r = give(child, va)) < 0)
			return r;
	}
	return sys_page_alloc(child, (void *) (UXSTACKTOP - PGSIZE), RIGHTS);
}

static envid_t
fork_by(int (*give)(envid_t child, uint32_t va))
{
	envid_t child;
	int r;

	if (_pgfault_handler != cow_handler)
		other_handler = _pgfault_handler;
	set_pgfault_handler(cow_handler);

	child = sys_exofork();
	if (child < 0)
		return child;
	if (child == 0) {
		thisenv = &envs[ENVX(sys_getenvid())];
		return 0;
	}
	if ((r = give_memory(child, give)) < 0 ||
	    (r = sys_env_set_pgfault_upcall(child, _pgfault_upcall)) < 0 ||
	    (r = sys_env_set_status(child, ENV_RUNNABLE)) < 0) {
		sys_env_destroy(child);
		return r;
	}
	return child;
}

envid_t
fork(void)
{
	return fork_by(duppage);
}

envid_t
sfork(void)
{
	return fork_by(sharepage);
}
