// What a program that is loaded on demand does about what has not come yet, when that matters.

#include "lib/lazy.h"
#include "lib/pgfault.h"

static bool
is_mapped(uint32_t va)
{
	return (uvpd[PDX(va)] & PTE_P) && (uvpt[PGNUM(va)] & PTE_P);
}

// As lib/lazyentry.S does it, but that the caller hears of errors.
static int
bring(const struct LazyRange *range, uint32_t va)
{
	void *const page = (void *) va;
	int r;

	if (range->page == 0)
		return sys_page_alloc(0, page, range->perm);
	if ((r = sys_archive_page(range->page + PGNUM(va - range->start), 0, page)) < 0)
		return r;
	if ((r = sys_page_copy(0, page, 0, page, range->perm)) < 0)
		sys_page_unmap(0, page);
	return r;
}

static int
bring_all(struct LazyRange *range)
{
	int r = 0;

	for (uint32_t va = range->start; va < range->end && r == 0; va += PGSIZE)
		if (!is_mapped(va))
			r = bring(range, va);
	if (r == 0)
		range->start = range->end;
	return r;
}

static_assert(sizeof(struct Lazy) == LAZY_ENTRY - LAZY, "lib/lazyentry.S");
static_assert(offsetof(struct Lazy, ranges) == LAZY_RANGES - LAZY, "lib/lazyentry.S");
static_assert(sizeof(struct LazyRange) == 16, "lib/lazyentry.S");

int
_lazy_rights(uint32_t va)
{
	if (lazily_loaded() && va < IMAGE_END && !is_mapped(va))
		for (const struct LazyRange *range = THE_LAZY->ranges; range->end; range++)
			if (range->start <= va && va < range->end)
				return range->perm ? (int) range->perm : PTE_P | PTE_U;
	return 0;
}

int
_lazy_settle(uint32_t start, uint32_t size)
{
	int r = 0;

	for (struct LazyRange *range = THE_LAZY->ranges; range->end && r == 0; range++)
		if (range->perm && range->start < start + size && start < range->end)
			r = bring_all(range);
	return r;
}
