// fork and sfork: a copy of this program made by the program itself, out of system calls that any
// library could use.
//
// Nothing is copied at first, but the stack that is in use.  Both sides get each page read-only and
// marked PTE_COW, and the first write to it, by either side, faults; the handler then makes a copy
// for the side that writes, or takes the page back when the other side has gone.  doc/kernel.md
// goes through it step by step.

#include "inc/lib.h"

#define RIGHTS (PTE_P | PTE_U | PTE_W)

// Fork itself writes to no more of its stack than this, down from its own frame, in bytes.
#define STACK_IN_USE 512

extern void (*_pgfault_handler)(struct UTrapframe *utf);
extern int _pgfault_install(void (*handler)(struct UTrapframe *utf));
extern void _pgfault_upcall(void);
extern int (*_exceptions_give)(envid_t child);

// What the program itself wants to be told of, beside copy-on-write.
static void (*other_handler)(struct UTrapframe *utf);

// The page table entry for va, or 0 when there is none, or none of ours.
static pte_t
entry(uint32_t va)
{
	return va < UTOP && (uvpd[PDX(va)] & PTE_P) ? uvpt[PGNUM(va)] : 0;
}

// The rights that a copy-on-write page has when it is one env's own.
static int
own_rights(pte_t pte)
{
	return (pte & PTE_SYSCALL & ~PTE_COW) | PTE_W;
}

// Give this env a page of its own in the place of the copy-on-write page at va.
static void __attribute__((noinline)) copy_page(void *va)
{
	int r;

	if ((r = sys_page_copy(0, va, 0, (void *) PFTEMP, RIGHTS)) < 0 ||
	    (r = sys_page_move(0, (void *) PFTEMP, va, own_rights(uvpt[PGNUM(va)]))) < 0)
		panic("copy on write of %p: %e", va, r);
}

// A fault that is not ours.
static void __attribute__((noinline)) pass_on(struct UTrapframe *utf)
{
	if (!other_handler)
		panic("unhandled page fault: %s of %08x at %08x, err %x",
		      utf->utf_err & FEC_WR ? "write" : "read", utf->utf_fault_va, utf->utf_eip,
		      utf->utf_err);
	other_handler(utf);
}

// The error code of a write to a page that is there, and may not be written to.
#define WRITE_PROTECTED (FEC_PR | FEC_WR | FEC_U)

// As a page is there, so is the table that shows its entry.  Whether anybody else has the page is
// the kernel's to decide.
static void
cow_handler(struct UTrapframe *utf)
{
	uint32_t va = utf->utf_fault_va;

	if (utf->utf_err == WRITE_PROTECTED && va < UTOP) {
		pte_t pte = uvpt[PGNUM(va)];

		if (pte & PTE_COW) {
			int r = sys_page_protect(0, (void *) ROUNDDOWN(va, PGSIZE),
						 own_rights(pte) | PAGE_SOLE);
			if (r < 0)
				copy_page((void *) ROUNDDOWN(utf->utf_fault_va, PGSIZE));
			return;
		}
	}
	pass_on(utf);
}

// Give the n pages from number `first' on to child: shared or read-only as they are here, or else
// copy-on-write on both sides.
static int
duppage(envid_t child, uint32_t first, uint32_t n)
{
	int r = 0;

	for (; n > 0; first += r, n -= r) {
		r = sys_pages_share(child, (void *) (first * PGSIZE), n,
				    PAGES_IF(PTE_W | PTE_COW, PTE_SHARE), PAGES_TO(PTE_W, PTE_COW));
		if (r < 0)
			return r;
	}
	return 0;
}

// Give page number n to child, which must be able to write there at once, and so must we.
static int
copypage(envid_t child, uint32_t n)
{
	void *va = (void *) (n * PGSIZE);
	pte_t pte = entry((uint32_t) va);

	if (!(pte & PTE_W) || (pte & PTE_SHARE))
		return duppage(child, n, 1);
	return sys_page_copy(0, va, child, va, pte & PTE_SYSCALL);
}

// Map the pages from number `first' on in child too, as they are.
static int
sharepages(envid_t child, uint32_t first, uint32_t n)
{
	int r = 0;

	// Those that wait for their copy get it, so that both share it, by being written to.
	for (uint32_t i = first; i < first + n; i++) {
		uint32_t va = i * PGSIZE;
		if (!(uvpd[PDX(va)] & PTE_P))
			i |= NPTENTRIES - 1;
		else if ((uvpt[i] & PTE_COW) && !(uvpt[i] & PTE_SHARE))
			__sync_fetch_and_add((volatile char *) va, 0);
	}
	for (; n > 0; first += r, n -= r) {
		r = sys_pages_share(child, (void *) (first * PGSIZE), n, PAGES_IF_NEVER,
				    PAGES_TO(0, 0));
		if (r < 0)
			return r;
	}
	return 0;
}

// Give the pages from number `first' to end-1 to child as duppage does, but those of the stack that
// is in use at esp as copies.  A write of ours to them while we fork would need a copy anyway, and
// the child's first step does.
static int
duppages(envid_t child, uint32_t first, uint32_t end, uint32_t esp)
{
	uint32_t low = PGNUM(esp - STACK_IN_USE), high = PGNUM(esp);
	int r = 0;

	if (low < first || high >= end)
		return duppage(child, first, end - first);
	if ((r = duppage(child, first, low - first)) < 0)
		return r;
	for (uint32_t n = low; n <= high && r == 0; n++)
		r = copypage(child, n);
	return r < 0 ? r : duppage(child, high + 1, end - high - 1);
}

static int
give_memory(envid_t child, uint32_t esp)
{
	return duppages(child, 0, PGNUM(UXSTACKTOP - PGSIZE), esp);
}

// The same, but all is shared but the normal stack, which goes from USTACKTOP down to the first gap.
static int
share_memory(envid_t child, uint32_t esp)
{
	const uint32_t top = PGNUM(USTACKTOP);
	uint32_t bottom = top;
	int r;

	while (entry((bottom - 1) * PGSIZE) & PTE_P)
		bottom--;
	if ((r = sharepages(child, 0, bottom)) < 0 || (r = duppages(child, bottom, top, esp)) < 0)
		return r;
	return sharepages(child, top, PGNUM(UXSTACKTOP - PGSIZE) - top);
}

static inline __attribute__((always_inline)) envid_t
fork_by(int (*give)(envid_t child, uint32_t esp))
{
	envid_t child;
	int r;

	if (_pgfault_handler != cow_handler)
		other_handler = _pgfault_handler;
	if ((r = _pgfault_install(cow_handler)) < 0)
		return r;

	child = sys_exofork();
	if (child < 0)
		return child;
	if (child == 0) {
		thisenv = &envs[ENVX(sys_getenvid())];
		return 0;
	}
	if ((r = give(child, (uint32_t) __builtin_frame_address(0))) < 0 ||
	    (r = sys_page_alloc(child, (void *) (UXSTACKTOP - PGSIZE), RIGHTS)) < 0 ||
	    (r = sys_env_set_pgfault_upcall(child, _pgfault_upcall)) < 0 ||
	    (_exceptions_give && (r = _exceptions_give(child)) < 0) ||
	    (r = sys_env_set_status(child, ENV_RUNNABLE)) < 0) {
		sys_env_destroy(child);
		return r;
	}
	return child;
}

envid_t
fork(void)
{
	return fork_by(give_memory);
}

envid_t
sfork(void)
{
	return fork_by(share_memory);
}
