// Snapshots of regions.  One is nothing but the same pages at another place, read-only there and
// copy-on-write here.

#include "lib/region.h"

#define READ_ONLY (PTE_P | PTE_U)

// Whether the pages of r may be had by two, and `at' may be a snapshot of them.  What has been stored
// since would not go back with them.
static bool
snapshot_fits(const struct Region *r, const void *at)
{
	const uint32_t start = (uint32_t) at;

	if (r->alias || r->pager->shared || r->pager->write_back || PGOFF(start) != 0)
		return false;
	if (start >= USTACKTOP || r->size > USTACKTOP - start)
		return false;
	if (start < UTEXT && start + r->size > UTEMP)
		return false;
	return region_none(start, start + r->size);
}

int
region_snapshot_drop(struct Region *r, void *at)
{
	if (!snapshot_fits(r, at))
		return -E_INVAL;
	return ALL_PAGES(at, r->size / PGSIZE, sys_pages_unmap(0, va, n));
}

int
region_snapshot(struct Region *r, void *at)
{
	const uint32_t pages = r->size / PGSIZE, distance = (uint32_t) at - r->start;
	int err;

	if ((err = _cow_begin()) < 0 || (err = region_snapshot_drop(r, at)) < 0)
		return err;
	err = ALL_PAGES(r->start, pages,
			sys_pages_map(va, 0, (char *) va + distance, n, READ_ONLY));
	if (err == 0)
		err = ALL_PAGES(r->start, pages,
				sys_pages_protect(0, va, n, PAGES_IF(PTE_W | PTE_TRAP, 0),
						  PAGES_TO(PTE_W, PTE_COW)));
	if (err < 0)
		region_snapshot_drop(r, at);
	return err;
}

int
region_restore(struct Region *r, const void *at)
{
	const uint32_t pages = r->size / PGSIZE, distance = (uint32_t) at - r->start;
	const int rights = READ_ONLY | PTE_COW | (r->prot & REGION_WRITE ? 0 : PTE_TRAP);
	int err;

	if (!snapshot_fits(r, at))
		return -E_INVAL;
	if ((err = _cow_begin()) < 0)
		return err;
	// What has come since is missing again.
	for (uint32_t o = 0; o < r->size; o = region_after(r, o))
		if ((region_pte(r->start + o) & PTE_P) && !(region_pte((uint32_t) at + o) & PTE_P))
			sys_page_unmap(0, region_page(r, o));
	return ALL_PAGES(at, pages, sys_pages_map(va, 0, (char *) va - distance, n, rights));
}
