// Regions: which there are, who is asked when a page in one faults, and what fork does about them.
//
// The table is read by the fault handler at any moment, also in the middle of a change, as the change
// itself may fault (its pages are copy-on-write after a fork).  So each change is one word at a
// time, and each word is right for its page before and after it.

#include "lib/region.h"

static bool
have_root(void)
{
	return region_pte(ROOT_PAGE) & PTE_P;
}

// The next page of the pool, zeroed; 0 when there is no memory, or no room.
static uint32_t
pool_page(void)
{
	uint32_t va = ROOT->pool;

	if (va == PRIVATE_END || sys_page_alloc(0, (void *) va, PTE_P | PTE_U | PTE_W) < 0)
		return 0;
	ROOT->pool = va + PGSIZE;
	return va;
}

// The entry of the table that says to which region the page at va belongs, and possibly those around
// it; *covers is where what it says ends.
static uint32_t *
table_entry(uint32_t va, uint32_t *covers)
{
	uint32_t *block = &ROOT->blocks[PDX(va)];

	if (*block & LEAF) {
		*covers = ROUNDDOWN(va, PGSIZE) + PGSIZE;
		return (uint32_t *) (*block - LEAF) + PTX(va);
	}
	*covers = ROUNDDOWN(va, PTSIZE) + PTSIZE;
	return block;
}

// Whether the pages from start to end-1 are all in r, or all in none if r is NULL, and not in a region
// inside it.
static bool
all_in(const struct Region *r, uint32_t start, uint32_t end)
{
	while (start < end)
		if (*table_entry(start, &start) != (uint32_t) r)
			return false;
	return true;
}

bool
region_none(uint32_t start, uint32_t end)
{
	return all_in(NULL, start, end);
}

static void
fill(uint32_t *entries, uint32_t n, uint32_t value)
{
	asm volatile("rep stosl" : "+D"(entries), "+c"(n) : "a"(value) : "memory");
}

// Make sure that the table can tell the page at va from the one before it.	-E_NO_MEM
static int
split(uint32_t va)
{
	uint32_t *block = &ROOT->blocks[PDX(va)], leaf;

	if (va % PTSIZE == 0 || (*block & LEAF))
		return 0;
	if (!(leaf = pool_page()))
		return -E_NO_MEM;
	fill((uint32_t *) leaf, NPTENTRIES, *block);
	*block = leaf + LEAF;
	return 0;
}

static void
set_range(uint32_t start, uint32_t end, const struct Region *r)
{
	uint32_t next;

	for (; start < end; start = next) {
		uint32_t *const block = &ROOT->blocks[PDX(start)];

		next = MIN(end, ROUNDDOWN(start, PTSIZE) + PTSIZE);
		if (*block & LEAF)
			fill((uint32_t *) (*block - LEAF) + PTX(start), PGNUM(next - start),
			     (uint32_t) r);
		else
			*block = (uint32_t) r;
	}
}

static struct Record *
new_record(void)
{
	struct Record *made = ROOT->free, *more;

	if (!made) {
		if (!(more = (struct Record *) pool_page()))
			return NULL;
		for (uint32_t i = 0; i < PGSIZE / sizeof *more; i++) {
			more[i].next = made;
			made = &more[i];
		}
	}
	ROOT->free = made->next;
	return made;
}

static void
forget(struct Record *record)
{
	record->region.pager = &region_guard; // should a fault of this moment come to ask it
	record->next = ROOT->free;
	ROOT->free = record;
}

struct Region *
region_at(const void *va)
{
	return have_root() ? region_lookup((uint32_t) va) : NULL;
}

// Asking.

// What a pager says about a fault in its region.
static int
ask(struct Region *r, struct UTrapframe *utf)
{
	const uint32_t va = utf->utf_fault_va;
	const struct Fault f = {
		.va = va,
		.offset = ROUNDDOWN(va - r->start, PGSIZE),
		.access = utf->utf_err & FEC_WR ? REGION_WRITE : REGION_READ,
		.missing = !(utf->utf_err & FEC_PR) &&
			!region_present(r, ROUNDDOWN(va - r->start, PGSIZE)),
		.eip = utf->utf_eip,
		.region = r->start,
		.env = thisenv->env_id,
	};
	int answer = REGION_DEFAULT;

	if (r->pager->fault)
		answer = r->pager->fault(r, &f, utf);
	return answer == REGION_DEFAULT ? region_default(r, &f) : answer;
}

// An alias has nothing but pages that have not come yet.
static int
ask_alias(struct Region *r, uint32_t va)
{
	return region_fill(r, ROUNDDOWN(va - r->alias, PGSIZE));
}

static bool
in_alias(const struct Region *r, uint32_t va)
{
	return va - r->start >= r->size;
}

static bool
trapped(const struct UTrapframe *utf)
{
	const uint32_t va = utf->utf_fault_va;

	return (utf->utf_err & FEC_PR) && va < UTOP && (uvpt[PGNUM(va)] & PTE_TRAP);
}

static void
region_fault(struct UTrapframe *utf)
{
	const uint32_t va = utf->utf_fault_va;
	struct Region *r = have_root() ? region_lookup(va) : NULL, *outer;
	int why = 0;

	for (; r; r = outer) {
		outer = r->outer; // r may be gone when its pager returns
		int answer = in_alias(r, va) ? ask_alias(r, va) : ask(r, utf);
		if (answer == REGION_HANDLED)
			return;
		if (answer < 0)
			why = answer;
		if (answer == REGION_REFUSED)
			break;
	}
	if (region_at((void *) va))
		ROOT->why = why;
	// A page that a region protects is not to be written to because it is copy-on-write, too.
	if (!r && _pgfault_layers[PGFAULT_COW] && !trapped(utf))
		_pgfault_layers[PGFAULT_COW](utf);
	else
		_pgfault_layers[PGFAULT_OWN](utf);
}

// Who was asked in vain.
static void
tell_regions(const struct UTrapframe *utf)
{
	const struct Region *r = region_at((void *) utf->utf_fault_va);

	if (!r)
		return;
	for (; r; r = r->outer)
		cprintf("  in   %s, 0x%08x to 0x%08x, may be %s%s, pager %s\n", r->name, r->start,
			r->start + r->size,
			r->prot == REGION_NONE ? "neither read nor written" : "read",
			r->prot & REGION_WRITE ? " and written" : "", r->pager->name);
	if (ROOT->why)
		cprintf("  why  %e\n", ROOT->why);
}

// Fork.

// Let the page at offset of r, which has an alias, be a copy of itself.
static int
copy_aliased(struct Region *r, uint32_t offset)
{
	void *alias = (void *) (r->alias + offset);
	const pte_t pte = region_pte(r->start + offset);
	const int prot = pte & PTE_W ? REGION_RW : pte & PTE_P ? REGION_READ : REGION_NONE;
	const bool dirty = (pte | region_pte(r->alias + offset)) & PTE_D;
	int err;

	if ((err = region_put(r, offset, alias)) < 0 ||
	    (err = region_protect(r, offset, PGSIZE, prot)) < 0)
		return err;
	if (dirty)
		write_nothing(alias);
	return 0;
}

// The child has the pages of r, which has an alias, as all that is shared; so ours become copies.
static int
fork_alias(struct Region *r, envid_t child)
{
	// What is protected may be opened there, too.
	int err = ALL_PAGES(r->start, r->size / PGSIZE,
			    sys_pages_share(child, va, n, PAGES_IF(PTE_TRAP, 0), PAGES_TO(0, 0)));

	for (uint32_t o = 0; o < r->size && err == 0; o = region_after(r, o))
		if (region_present(r, o))
			err = copy_aliased(r, o);
	return err;
}

static int
fork_regions(envid_t child, bool shared)
{
	int r;

	if (!have_root())
		return 0;
	// The reserve is not the child's, and copy-on-write no more.
	if ((r = sys_pages_unmap(child, (void *) RESERVE, REGION_RESERVE_MAX)) < 0 ||
	    (r = sys_pages_protect(0, (void *) RESERVE, REGION_RESERVE_MAX, PAGES_IF(PTE_COW, 0),
				   PAGES_TO(PTE_COW, PTE_W))) < 0)
		return r;
	r = 0;
	for (struct Record *record = ROOT->forking; record && r == 0; record = record->next) {
		struct Region *region = &record->region;

		if (region->alias && !shared)
			r = fork_alias(region, child);
		if (r == 0 && region->pager->fork)
			r = region->pager->fork(region, child);
	}
	return r;
}

int
region_begin(void)
{
	int r;

	if (!have_root()) {
		if ((r = sys_page_alloc(0, ROOT, PTE_P | PTE_U | PTE_W)) < 0)
			return r;
		ROOT->pool = POOL;
	}
	_pgfault_report = tell_regions;
	_pgfault_fork = fork_regions;
	_pgfault_reserve = region_take;
	return _pgfault_set(PGFAULT_REGIONS, region_fault);
}

int
region_reserve(unsigned n)
{
	unsigned have = 0;
	int r;

	if (n > REGION_RESERVE_MAX)
		return -E_INVAL;
	if ((r = region_begin()) < 0)
		return r;
	for (uint32_t va = RESERVE; va < RESERVE + REGION_RESERVE_MAX * PGSIZE; va += PGSIZE) {
		bool there = region_pte(va) & PTE_P;

		if (there && have == n)
			sys_page_unmap(0, (void *) va);
		else if (!there && have < n &&
			 (r = sys_page_alloc(0, (void *) va, PTE_P | PTE_U | PTE_W)) < 0)
			return r;
		have += have < n;
	}
	return have;
}

// Adding and removing.

static bool
forks(const struct Region *r)
{
	return r->alias || r->pager->fork;
}

static bool
is_prot(int prot)
{
	return prot == REGION_NONE || prot == REGION_READ || prot == REGION_RW;
}

// Whether size bytes at start may be a region: some pages below USTACKTOP and outside the libc's own.
static bool
is_range(uint32_t start, uint32_t size)
{
	return PGOFF(start) == 0 && PGOFF(size) == 0 && size > 0 && start < USTACKTOP &&
		size <= USTACKTOP - start && (start >= UTEXT || start + size <= UTEMP);
}

static bool
disjoint(uint32_t a, uint32_t b, uint32_t size)
{
	return a < b ? size <= b - a : size <= a - b;
}

static bool
any_mapped(uint32_t start, uint32_t size)
{
	for (uint32_t va = start; va < start + size; va = page_after(va))
		if (region_pte(va) & PTE_P)
			return true;
	return false;
}

// Whether r may stand where it wants to, when there is a root.
static bool
fits(const struct Region *r, const struct Region *outer)
{
	const uint32_t end = r->start + r->size;

	if (outer && (outer->alias || r->alias || in_alias(outer, r->start)))
		return false;
	if (outer && outer->start == r->start && outer->size == r->size)
		return false;
	if (r->alias && !region_none(r->alias, r->alias + r->size))
		return false;
	if (r->alias && (any_mapped(r->start, r->size) || any_mapped(r->alias, r->size)))
		return false;
	return all_in(outer, r->start, end);
}

static int
split_around(uint32_t start, uint32_t size)
{
	int r = split(start);

	return r < 0 ? r : start + size < USTACKTOP ? split(start + size) : 0;
}

int
region_add(struct Region **made, const struct Region *like)
{
	struct Region *outer, *r;
	struct Record *record;
	int err;

	if (!like->pager || !is_range(like->start, like->size) || !is_prot(like->prot) ||
	    !is_prot(like->max) || (like->prot & ~like->max))
		return -E_INVAL;
	if (like->alias &&
	    (!is_range(like->alias, like->size) || !disjoint(like->start, like->alias, like->size)))
		return -E_INVAL;
	if ((err = region_begin()) < 0 ||
	    (lazily_loaded() && (err = _lazy_settle(like->start, like->size)) < 0))
		return err;
	outer = region_lookup(like->start);
	if (!fits(like, outer))
		return -E_INVAL;
	// A table that is finer than it must be says the same.
	if ((err = split_around(like->start, like->size)) < 0 ||
	    (like->alias && (err = split_around(like->alias, like->size)) < 0))
		return err;
	if (!(record = new_record()))
		return -E_NO_MEM;
	r = &record->region;
	*r = *like;
	r->outer = outer;
	if (forks(r)) {
		record->next = ROOT->forking;
		ROOT->forking = record;
	}
	set_range(r->start, r->start + r->size, r);
	if (r->alias)
		set_range(r->alias, r->alias + r->size, r);
	if (made)
		*made = r;
	return 0;
}

static void
forget_fork(struct Record *record)
{
	struct Record **link = &ROOT->forking;

	while (*link != record)
		link = &(*link)->next;
	*link = record->next;
}

int
region_remove(struct Region *r)
{
	struct Record *record = (struct Record *) r;
	int err;

	if (!all_in(r, r->start, r->start + r->size))
		return -E_INVAL;
	if ((err = region_evict(r, 0, r->size)) < 0)
		return err;
	set_range(r->start, r->start + r->size, r->outer);
	if (r->alias)
		set_range(r->alias, r->alias + r->size, NULL);
	if (forks(r))
		forget_fork(record);
	forget(record);
	return 0;
}
