// fork and sfork: a copy of this program made by the program itself, out of system calls that any
// library could use.
//
// Nothing is copied at first, but the stack that is in use.  Both sides get each page read-only and
// marked PTE_COW, and lib/cow.c makes a copy for the side that writes first.  doc/kernel.md goes
// through it step by step.

#include "lib/pgfault.h"

#define RIGHTS (PTE_P | PTE_U | PTE_W)

// Fork itself writes to no more of its stack than this, down from its own frame, in bytes.
#define STACK_IN_USE 512

extern int (*_exceptions_give)(envid_t child);

// The page table entry for va, or 0 when there is none, or none of ours.
static pte_t
entry(uint32_t va)
{
	return va < UTOP && (uvpd[PDX(va)] & PTE_P) ? uvpt[PGNUM(va)] : 0;
}

// Give the n pages from number `first' on to child: shared or read-only as they are here, or else
// copy-on-write on both sides.
static int
mark(envid_t child, uint32_t first, uint32_t n)
{
	const int cow = PTE_W | PTE_COW | (_pgfault_fork ? PTE_TRAP : 0);
	int r = 0;

	for (; n > 0; first += r, n -= r) {
		r = sys_pages_share(child, (void *) (first * PGSIZE), n, PAGES_IF(cow, PTE_SHARE),
				    PAGES_TO(PTE_W, PTE_COW));
		if (r < 0)
			return r;
	}
	return 0;
}

// Whether somebody else may write to page number n without a fault, or comes to do so.  Nobody can
// come by a page that only we have while we fork, so a count of 1 is not too old to act on.
static bool
is_siblings(uint32_t n)
{
	const int writable = PTE_W | (_pgfault_fork ? PTE_TRAP : 0);
	const pte_t pte = uvpt[n];

	return (pte & writable) && !(pte & (PTE_COW | PTE_SHARE)) && pages[PGNUM(pte)].pp_ref > 1;
}

// Give child a copy of page number n, and leave ours as it is.
static int
give_copy(envid_t child, uint32_t n)
{
	void *va = (void *) (n * PGSIZE);
	const int rights = uvpt[n] & PTE_SYSCALL;
	int r = sys_page_copy(0, va, child, va, rights | PTE_W);

	return r < 0 || (rights & PTE_W) ? r : sys_page_protect(child, va, rights);
}

// The same as mark(); but where others share our memory since an sfork, we cannot make theirs
// read-only, and what they wrote would be seen by the child.  It gets copies, then, and we go on sharing.
static int
duppage(envid_t child, uint32_t first, uint32_t n)
{
	const uint32_t end = first + n;
	int r = 0;

	if (!OWN->shares)
		return mark(child, first, n);
	for (uint32_t i = first; i < end && r == 0; i++) {
		if (!(uvpd[PDX(i * PGSIZE)] & PTE_P)) {
			i |= NPTENTRIES - 1;
		} else if (is_siblings(i)) {
			if ((r = mark(child, first, i - first)) == 0)
				r = give_copy(child, i);
			first = i + 1;
		}
	}
	return r < 0 || first >= end ? r : mark(child, first, end - first);
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

// End the wait of the copy-on-write page at va for its copy.  Not by writing there: a fault that finds
// no memory is the end, and sfork can fail instead.
static int
copy_now(uint32_t va, pte_t pte)
{
	const bool protected = _pgfault_fork && (pte & PTE_TRAP);

	return _cow_own((void *) va, (pte & PTE_SYSCALL & ~PTE_COW) | (protected ? 0 : PTE_W));
}

// Whether any of these pages is copy-on-write: GROUP from number `first' on, whose page table is there.
#define GROUP 32
#define EIGHT(p) ((p)[0] | (p)[1] | (p)[2] | (p)[3] | (p)[4] | (p)[5] | (p)[6] | (p)[7])
static inline bool
any_cow(uint32_t first)
{
	const pte_t *const pte = (const pte_t *) &uvpt[first]; // one look will do

	return (EIGHT(pte) | EIGHT(pte + 8) | EIGHT(pte + 16) | EIGHT(pte + 24)) & PTE_COW;
}

// End the wait of all such pages from number `first' to end-1, which are of one page table.
static int
copy_table(uint32_t first, uint32_t end)
{
	int r;

	for (uint32_t i = first; i < end; i++) {
		if (i % GROUP == 0 && !any_cow(i))
			i |= GROUP - 1;
		else if ((uvpt[i] & PTE_COW) && !(uvpt[i] & PTE_SHARE) &&
			 (r = copy_now(i * PGSIZE, uvpt[i])) < 0)
			return r;
	}
	return 0;
}

static int
copy_all(uint32_t first, uint32_t end)
{
	const uint32_t tables = ROUNDUP(end, NPTENTRIES) / NPTENTRIES;
	int r;

	for (uint32_t table = first / NPTENTRIES; table < tables; table++)
		if ((uvpd[table] & PTE_P) &&
		    (r = copy_table(MAX(first, table * NPTENTRIES),
				    MIN(end, (table + 1) * NPTENTRIES))) < 0)
			return r;
	return 0;
}

// Map the pages from number `first' on in child too, as they are; those that may be written to once
// their region allows it, may so there, too.
static int
sharepages(envid_t child, uint32_t first, uint32_t n)
{
	const uint32_t when = _pgfault_fork ? PAGES_IF(PTE_TRAP, 0) : PAGES_IF_NEVER;
	int r = copy_all(first, first + n);

	if (r < 0)
		return r;
	for (; n > 0; first += r, n -= r) {
		r = sys_pages_share(child, (void *) (first * PGSIZE), n, when, PAGES_TO(0, 0));
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
	return duppages(child, 0, PGNUM(UXSTACKBASE), esp);
}

// The same, but all is shared but the normal stack from page number `bottom' on, and what regions have
// for each env.
static int
share_but(envid_t child, uint32_t esp, uint32_t bottom)
{
	const uint32_t top = PGNUM(USTACKTOP), private = PGNUM(PRIVATE_START),
		       public = PGNUM(PRIVATE_END);
	int r;

	// What has not come yet would come to each side by itself.
	if (lazily_loaded() && (r = _lazy_settle(0, UTOP)) < 0)
		return r;
	// What is private to each env is nobody else's to write to.
	if ((r = sharepages(child, 0, private)) < 0 ||
	    (r = (_pgfault_fork ? mark : sharepages)(child, private, public - private)) < 0 ||
	    (r = sharepages(child, public, bottom - public)) < 0 ||
	    (r = duppages(child, bottom, top, esp)) < 0)
		return r;
	return sharepages(child, top, PGNUM(UXSTACKBASE) - top);
}

// The normal stack goes from USTACKTOP down to the first gap.
static int
share_memory(envid_t child, uint32_t esp)
{
	uint32_t bottom = PGNUM(USTACKTOP);

	while (entry((bottom - 1) * PGSIZE) & PTE_P)
		bottom--;
	return share_but(child, esp, bottom);
}

int
_fork_threads(envid_t child)
{
	return share_but(child, (uint32_t) __builtin_frame_address(0), PGNUM(UTHISENV));
}

// Give child all that it needs to run.
static inline __attribute__((always_inline)) int
complete(envid_t child, int (*give)(envid_t child, uint32_t esp))
{
	int r;

	if ((r = give(child, (uint32_t) __builtin_frame_address(0))) < 0 ||
	    (_pgfault_fork && (r = _pgfault_fork(child, give == share_memory)) < 0) ||
	    (r = sys_page_alloc(child, (void *) UXSTACKBASE, RIGHTS)) < 0 ||
	    (r = sys_env_set_pgfault_upcall(child, thisenv->env_pgfault_upcall)) < 0)
		return r;
	return _exceptions_give ? _exceptions_give(child) : 0;
}

static inline __attribute__((always_inline)) envid_t
fork_by(int (*give)(envid_t child, uint32_t esp))
{
	envid_t child;
	int r;

	if ((r = _cow_begin()) < 0)
		return r;

	child = sys_exofork();
	if (child < 0)
		return child;
	if (child == 0) {
		thisenv = &envs[ENVX(sys_getenvid())];
		if (give == share_memory)
			OWN->shares = true;
		return 0;
	}
	r = _proc_forking ? _proc_forking(child) : 0;
	if (r >= 0)
		r = complete(child, give);
	if (_proc_forked)
		r = _proc_forked(child, r);
	else if (r == 0)
		r = sys_env_set_status(child, ENV_RUNNABLE);
	if (r < 0)
		sys_env_destroy(child);
	else if (give == share_memory)
		OWN->shares = true;
	return r < 0 ? r : child;
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
