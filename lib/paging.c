// The pages of regions: what comes, what goes, and what may be done with them.
//
// A page of a region is missing; or it can be read, and PTE_TRAP says that writing is the pager's
// business; or it can be written to.  Beside that it may be copy-on-write, which is nobody's business
// but lib/cow.c's: a page that may be written to and waits for its copy has PTE_COW and neither PTE_W
// nor PTE_TRAP.  A region with an alias has all of its pages there, and at most those at its own
// addresses.

#include "lib/region.h"

#define RIGHTS (PTE_P | PTE_U | PTE_W)

int
region_rights(const struct Region *r, int prot)
{
	return PTE_P | PTE_U | (prot & REGION_WRITE ? PTE_W : PTE_TRAP) |
		(r->alias || r->pager->shared ? PTE_SHARE : 0);
}

bool
region_present(const struct Region *r, uint32_t offset)
{
	return region_pte((r->alias ? r->alias : r->start) + offset) & PTE_P;
}

// The reserve.

// A page of it, but not the one at `but'; or NULL.
static void *
reserved(const void *but)
{
	for (uint32_t va = RESERVE; va < RESERVE + REGION_RESERVE_MAX * PGSIZE; va += PGSIZE)
		if ((region_pte(va) & PTE_P) && (void *) va != but)
			return (void *) va;
	return NULL;
}

// Let the system have a frame of the reserve, but not the one at `but', for a page table.  Whether there
// was one.
static bool
spare(const void *but)
{
	void *page = reserved(but);

	return page && sys_page_unmap(0, page) == 0;
}

static int
move(void *from, void *to, int rights)
{
	int r = sys_page_move(0, from, to, rights);

	return r == -E_NO_MEM && spare(from) ? sys_page_move(0, from, to, rights) : r;
}

static int
map_too(void *from, void *to, int rights)
{
	int r = sys_page_map(0, from, 0, to, rights);

	return r == -E_NO_MEM && spare(from) ? sys_page_map(0, from, 0, to, rights) : r;
}

int
region_take(void *va)
{
	void *page = reserved(NULL);

	return page ? move(page, va, RIGHTS) : -E_NO_MEM;
}

int
region_alloc(uint32_t va)
{
	int r = sys_page_alloc(0, (void *) va, RIGHTS);

	return r == -E_NO_MEM ? region_take((void *) va) : r;
}

// Pages that come.

// Let the page at `from' be the one at offset, and no longer be where it is.
static int
settle(struct Region *r, uint32_t offset, void *from)
{
	const int rights = region_rights(r, r->prot);
	void *page = region_page(r, offset), *alias = (void *) (r->alias + offset);
	int err;

	if (!r->alias)
		return r->prot == REGION_NONE ? -E_INVAL : move(from, page, rights);
	if (r->prot == REGION_NONE) {
		sys_page_unmap(0, page);
		return move(from, alias, region_rights(r, REGION_RW));
	}
	// The entry for the page comes first, as it may need a page table.
	if ((err = map_too(from, page, rights)) < 0)
		return err;
	if ((err = move(from, alias, region_rights(r, REGION_RW))) < 0)
		sys_page_unmap(0, page);
	return err;
}

// Where to fill a page meanwhile; NULL when that is done too often at once.
static void *
scratch(void)
{
	if (ROOT->filling == SCRATCH_PAGES)
		return NULL;
	return (void *) (SCRATCH + ROOT->filling++ * PGSIZE);
}

// Where scratch() was: let it be the page at offset, unless it could not be filled.
static int
filled(struct Region *r, uint32_t offset, void *page, int err)
{
	if (err == 0)
		err = settle(r, offset, page);
	if (err < 0)
		sys_page_unmap(0, page);
	ROOT->filling--;
	return err < 0 ? err : 0;
}

// Zero pages need no scratch.
static int
fill_zero(struct Region *r, uint32_t offset)
{
	void *page = region_page(r, offset);
	int err = region_alloc((uint32_t) page);

	if (err < 0)
		return err;
	return sys_page_protect(0, page, region_rights(r, r->prot));
}

int
region_fill(struct Region *r, uint32_t offset)
{
	void *page;
	int err;

	if (!region_has(r, offset, PGSIZE))
		return -E_INVAL;
	if (region_present(r, offset))
		return 0;
	if (!r->pager->fill && !r->alias && r->prot != REGION_NONE)
		return fill_zero(r, offset);
	if (!(page = scratch()))
		return -E_NO_MEM;
	err = region_alloc((uint32_t) page);
	if (err == 0 && r->pager->fill)
		err = r->pager->fill(r, offset, page);
	return filled(r, offset, page, err);
}

int
region_put(struct Region *r, uint32_t offset, const void *from)
{
	void *page;
	int err;

	if (!region_has(r, offset, PGSIZE))
		return -E_INVAL;
	if (!(page = scratch()))
		return -E_NO_MEM;
	if ((err = region_alloc((uint32_t) page)) == 0)
		memcpy(page, from, PGSIZE);
	return filled(r, offset, page, err);
}

int
region_move(struct Region *r, uint32_t offset, void *from)
{
	const pte_t pte = (uint32_t) from < UTOP ? region_pte((uint32_t) from) : 0;
	const struct Region *owner = region_at(from);

	if (!region_has(r, offset, PGSIZE) || PGOFF(from) != 0 || !(pte & PTE_P))
		return -E_INVAL;
	if (owner && owner->alias)
		return -E_INVAL;
	if ((r->max & REGION_WRITE) && !(pte & PTE_W))
		return -E_INVAL;
	return settle(r, offset, from);
}

int
region_default(struct Region *r, const struct Fault *f)
{
	if (!f->missing || (f->access & ~r->prot))
		return REGION_DECLINED;
	return region_fill(r, f->offset);
}

// Protection.

// Let it be known that the page at va, which may be written to, has been.
static void
soil(uint32_t va)
{
	write_nothing((void *) va);
}

// What is known of pages that are about to go, and stay at the alias.
static void
keep_dirty(const struct Region *r, uint32_t offset, uint32_t size)
{
	for (uint32_t o = offset; o < offset + size; o = region_after(r, o))
		if (region_pte(r->start + o) & PTE_D)
			soil(r->alias + o);
}

// Let the page at va, which is there, have these rights beside copy-on-write.
static int
protect_page(uint32_t va, pte_t pte, int rights)
{
	int err;

	if (!(pte & PTE_COW))
		return sys_page_protect(0, (void *) va, rights);
	if (!(rights & PTE_W))
		return sys_page_protect(0, (void *) va, rights | PTE_COW);
	// Who asks for it is about to write, so the page becomes its own.
	err = _cow_own((void *) va, rights);
	if (err == 0 && (pte & PTE_D))
		soil(va);
	return err;
}

static int
protect_one(struct Region *r, uint32_t offset, int prot)
{
	const uint32_t va = r->start + offset;
	const pte_t pte = region_pte(va);

	if (prot == REGION_NONE) {
		keep_dirty(r, offset, PGSIZE);
		return sys_page_unmap(0, (void *) va);
	}
	if (pte & PTE_P)
		return protect_page(va, pte, region_rights(r, prot));
	if (!r->alias || !region_present(r, offset))
		return 0;
	return sys_page_map(0, (void *) (r->alias + offset), 0, (void *) va,
			    region_rights(r, prot));
}

// Those that were made REGION_NONE come back.
static int
bring_back(struct Region *r, uint32_t offset, uint32_t size, int prot)
{
	int err = 0;

	for (uint32_t o = offset; o < offset + size && err == 0; o = region_after(r, o))
		if (!(region_pte(r->start + o) & PTE_P))
			err = protect_one(r, o, prot);
	return err;
}

static int
protect_many(struct Region *r, uint32_t offset, uint32_t size, int prot)
{
	const uint32_t first = r->start + offset, count = size / PGSIZE;
	int err;

	if (prot == REGION_NONE) {
		keep_dirty(r, offset, size);
		return ALL_PAGES(first, count, sys_pages_unmap(0, va, n));
	}
	if (prot == REGION_READ)
		err = ALL_PAGES(first, count,
				sys_pages_protect(0, va, n, 0, PAGES_TO(PTE_W, PTE_TRAP)));
	else if ((err = ALL_PAGES(first, count,
				  sys_pages_protect(0, va, n, PAGES_IF(0, PTE_COW),
						    PAGES_TO(PTE_TRAP, PTE_W)))) == 0)
		err = ALL_PAGES(
			first, count,
			sys_pages_protect(0, va, n, PAGES_IF(PTE_COW, 0), PAGES_TO(PTE_TRAP, 0)));
	return err < 0 || !r->alias ? err : bring_back(r, offset, size, prot);
}

int
region_protect(struct Region *r, uint32_t offset, uint32_t size, int prot)
{
	int err;

	if (!region_has(r, offset, size) || (prot & ~r->max) || prot == REGION_WRITE ||
	    (prot == REGION_NONE && !r->alias))
		return -E_INVAL;
	err = size == PGSIZE ? protect_one(r, offset, prot) : protect_many(r, offset, size, prot);
	if (err == 0 && size == r->size)
		r->prot = prot;
	return err;
}

// Pages that have been written to.

static bool
is_dirty(const struct Region *r, uint32_t offset)
{
	pte_t pte = region_pte(r->start + offset);

	if (r->alias)
		pte |= region_pte(r->alias + offset);
	return pte & PTE_D;
}

// From now on, the pages are those as which they stand.
static int
make_clean(const struct Region *r, uint32_t offset, uint32_t size)
{
	const uint32_t when = PAGES_IF(PTE_D, 0), change = PAGES_TO(PTE_D, 0);
	int err = ALL_PAGES(r->start + offset, size / PGSIZE,
			    sys_pages_protect(0, va, n, when, change));

	if (err == 0 && r->alias)
		err = ALL_PAGES(r->alias + offset, size / PGSIZE,
				sys_pages_protect(0, va, n, when, change));
	return err;
}

int
region_dirty(struct Region *r, uint32_t offset, uint32_t size, uint32_t *bits)
{
	int n = 0, err;

	if (!region_has(r, offset, size))
		return -E_INVAL;
	for (uint32_t i = 0; i < size / PGSIZE; i++) {
		bool dirty = is_dirty(r, offset + i * PGSIZE);

		n += dirty;
		if (bits && i % 32 == 0)
			bits[i / 32] = 0;
		if (bits)
			bits[i / 32] |= (uint32_t) dirty << i % 32;
	}
	// Where there is a store, those that it does not have yet must be known until it has them.
	err = n > 0 && !r->pager->write_back ? make_clean(r, offset, size) : 0;
	return err < 0 ? err : n;
}

// Let it be known that the page at offset has been written to, whatever its rights.
static void
soil_page(struct Region *r, uint32_t offset)
{
	const uint32_t va = (r->alias ? r->alias : r->start) + offset;
	const int rights = region_pte(va) & PTE_SYSCALL;

	// What has been written to before was given with PTE_W.
	sys_page_protect(0, (void *) va, rights | PTE_W);
	soil(va);
	sys_page_protect(0, (void *) va, rights);
}

// Write back the page at offset, if it has been written to.  It is clean from before that on, as the
// pager may write to any page while it stores this one.
static int
write_back(struct Region *r, uint32_t offset)
{
	const uint32_t from = r->alias ? r->alias : r->start;
	int err;

	if (!r->pager->write_back || !is_dirty(r, offset))
		return 0;
	if ((err = make_clean(r, offset, PGSIZE)) == 0 &&
	    (err = r->pager->write_back(r, offset, (void *) (from + offset))) < 0)
		soil_page(r, offset);
	return err < 0 ? err : 0;
}

int
region_sync(struct Region *r, uint32_t offset, uint32_t size)
{
	int err = 0;

	if (!region_has(r, offset, size))
		return -E_INVAL;
	if (!r->pager->write_back)
		return make_clean(r, offset, size);
	for (uint32_t o = offset; o < offset + size && err == 0; o = region_after(r, o))
		err = write_back(r, o);
	return err;
}

static int
unmap(const struct Region *r, uint32_t offset, uint32_t size)
{
	int err = ALL_PAGES(r->start + offset, size / PGSIZE, sys_pages_unmap(0, va, n));

	if (err == 0 && r->alias)
		err = ALL_PAGES(r->alias + offset, size / PGSIZE, sys_pages_unmap(0, va, n));
	return err;
}

int
region_evict(struct Region *r, uint32_t offset, uint32_t size)
{
	int err = 0;

	if (!region_has(r, offset, size))
		return -E_INVAL;
	if (!r->pager->write_back)
		return unmap(r, offset, size);
	for (uint32_t o = offset; o < offset + size && err == 0; o = region_after(r, o))
		if (region_present(r, o) && (err = write_back(r, o)) == 0)
			err = unmap(r, o, PGSIZE);
	return err;
}

void
region_touch(const void *start, size_t size, int access)
{
	uint32_t va = (uint32_t) start;

	while (size > 0) {
		size_t n = MIN(size, PGSIZE - PGOFF(va));

		if (access & REGION_WRITE)
			write_nothing((void *) va);
		else
			(void) *(const volatile char *) va;
		va += n;
		size -= n;
	}
}
