// Physical pages.  Owns pages[] and the free frames; only this file writes pp_ref.
//
// A frame is free exactly when its count is 0, and a count never wraps, so a frame that anyone
// can still reach is never handed out again.
//
// Free frames stand in two pools, because only memory below KERNWINDOW can hold page tables:
// programs get the frames above it first.  A pool is a list of frames given back, linked
// through links[], and ranges of frames that nobody has had yet; so starting up costs nothing
// for each frame, and the list costs one word for each.

#include "kern/page.h"

#include "inc/assert.h"
#include "kern/cpu.h"

#define NFRESH 32

struct Pool {
	uint32_t free;  // first frame of the list, 0 at its end
	uint32_t nfree; // frames in list and ranges
	int nfresh;
	struct {
		uint32_t next, end;
	} fresh[NFRESH];
};

struct PageInfo *pages;
uint32_t npages;

static uint32_t *links;  // [K] free: the next free frame; in use: page_note()
static struct Pool low;  // [K] below KERNWINDOW
static struct Pool high; // [K] the rest
static uint32_t limit;   // [K] page_limit()

void
page_init(struct PageInfo *infos, uint32_t *notes, uint32_t n)
{
	pages = infos;
	links = notes;
	npages = n;
	low = high = (struct Pool){0};
	limit = 0;
}

static void
pool_add(struct Pool *pool, uint32_t first, uint32_t end)
{
	if (first >= end || pool->nfresh == NFRESH)
		return;
	pool->fresh[pool->nfresh].next = first;
	pool->fresh[pool->nfresh].end = end;
	pool->nfresh++;
	pool->nfree += end - first;
}

void
page_add(uint32_t first, uint32_t end)
{
	const uint32_t border = KERNWINDOW / PGSIZE;

	first = MAX(first, 1u);
	end = MIN(end, npages);
	pool_add(&low, first, MIN(end, border));
	pool_add(&high, MAX(first, border), end);
}

// Take a frame out of pool, or 0.
static uint32_t
pool_take(struct Pool *pool)
{
	uint32_t ppn = pool->free;

	if (pool->nfree == 0)
		return 0;
	if (ppn) {
		pool->free = links[ppn];
	} else {
		ppn = pool->fresh[pool->nfresh - 1].next++;
		if (pool->fresh[pool->nfresh - 1].next == pool->fresh[pool->nfresh - 1].end)
			pool->nfresh--;
	}
	pool->nfree--;
	return ppn;
}

struct PageInfo *
page_alloc(enum PageKind kind)
{
	uint32_t ppn = 0;

	if (kind == PAGE_USER)
		ppn = pool_take(&high);
	if (!ppn)
		ppn = pool_take(&low);
	if (!ppn)
		return NULL;
	assert(pages[ppn].pp_ref == 0);
	pages[ppn].pp_ref = 1;
	links[ppn] = 0;
	limit = MAX(limit, ppn + 1);
	frame_zero(ppn);
	return &pages[ppn];
}

bool
page_incref(struct PageInfo *pp)
{
	assert(pp->pp_ref > 0);
	if (pp->pp_ref == UINT32_MAX)
		return false;
	pp->pp_ref++;
	return true;
}

void
page_decref(struct PageInfo *pp)
{
	uint32_t ppn = page_number(pp);
	struct Pool *pool = ppn < KERNWINDOW / PGSIZE ? &low : &high;

	assert(pp->pp_ref > 0);
	if (--pp->pp_ref > 0)
		return;
	links[ppn] = pool->free;
	pool->free = ppn;
	pool->nfree++;
}

uint32_t *
page_note(struct PageInfo *pp)
{
	return &links[page_number(pp)];
}

uint32_t
page_limit(void)
{
	return limit;
}

uint32_t
page_nfree(void)
{
	return low.nfree + high.nfree;
}
