// Copy-on-write: pages that others have too are read-only and marked PTE_COW.  The first write to one
// faults, and is given a copy; or the page itself, when nobody else has it any more.
//
// Pages are marked by fork, and by region_snapshot.  doc/cow.md has all states of a page and what
// leads from one to another.

#include "lib/pgfault.h"

#define RIGHTS (PTE_P | PTE_U | PTE_W)

// The rights that a copy-on-write page has when it is one env's own.
static int
own_rights(pte_t pte)
{
	return (pte & PTE_SYSCALL & ~PTE_COW) | PTE_W;
}

// A copy of the page at va, at PFTEMP, in a frame that was set aside.
static int
copy_to_reserve(const void *va)
{
	int r = _pgfault_reserve ? _pgfault_reserve((void *) PFTEMP) : -E_NO_MEM;

	if (r == 0)
		memcpy((void *) PFTEMP, va, PGSIZE);
	return r;
}

// Give this env a page of its own, with these rights, in the place of the one at va.
static int __attribute__((noinline)) copy_page(void *va, int rights)
{
	int r = sys_page_copy(0, va, 0, (void *) PFTEMP, RIGHTS);

	if (r == -E_NO_MEM)
		r = copy_to_reserve(va);
	if (r < 0 || (r = sys_page_move(0, (void *) PFTEMP, va, rights)) < 0)
		return r;
	OWN->cow.copied++;
	return 0;
}

// A write that nobody repeats is one that the copy remembers, too.
static int
copy_dirty_page(void *va, int rights)
{
	int r = copy_page(va, rights | PTE_W);

	if (r < 0)
		return r;
	write_nothing((void *) va);
	return rights & PTE_W ? 0 : sys_page_protect(0, va, rights);
}

int
_cow_own(void *va, int rights)
{
	int r = sys_page_protect(0, va, rights | PAGE_SOLE);

	if (r == 0) {
		OWN->cow.taken++;
		return 0;
	}
	return uvpt[PGNUM(va)] & PTE_D ? copy_dirty_page(va, rights) : copy_page(va, rights);
}

// Somebody else has the page at va, too.
static void __attribute__((noinline)) copy_on_write(void *va)
{
	int r = copy_page(va, own_rights(uvpt[PGNUM(va)]));

	if (r < 0)
		panic("copy on write of %p: %e", va, r);
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
				copy_on_write((void *) ROUNDDOWN(utf->utf_fault_va, PGSIZE));
			else
				OWN->cow.taken++;
			return;
		}
	}
	_pgfault_layers[PGFAULT_OWN](utf);
}

struct Cowstat
cowstat(void)
{
	struct Cowstat none = {0};

	// Who has no exception stack has had no fault.
	if (!(uvpd[PDX(UXSTACKBASE)] & PTE_P) || !(uvpt[PGNUM(UXSTACKBASE)] & PTE_P))
		return none;
	return OWN->cow;
}

int
_cow_begin(void)
{
	return _pgfault_set(PGFAULT_COW, cow_handler);
}
