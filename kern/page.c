// Physical pages.  Owns pages[] and the free frames; only this file and its header write pp_ref.
//
// A frame is free exactly when its count is 0, and a count never wraps, so a frame that anyone
// can still reach is never handed out again.
//
// Free frames stand in two pools, because only memory below KERNWINDOW can hold page tables:
// programs get the frames above it first.  A pool is a list of frames given back, linked
// through page_words[], and ranges of frames that nobody has had yet; so starting up costs nothing
// for each frame, and the list costs one word for each.
//
// What a page table or a directory is when its space goes is what the next one must be when it
// comes: an empty one.  So these are given back as they are, to lists of their own, and go from
// there to their next owner without being touched.  They are free like all others: when there is
// nothing else, anybody gets them.

#include "kern/page.h"

#include "kern/cpu.h"

#define NFRESH 32

struct Pool {
	uint32_t free; // first frame of the list, 0 at its end
	int nfresh;
	struct {
		uint32_t next, end;
	} fresh[NFRESH];
};

struct PageInfo *pages;
uint32_t npages;
uint32_t *page_words;

static struct Pool low;            // [K] below KERNWINDOW
static struct Pool high;           // [K] the rest
static uint32_t ready[PAGE_KINDS]; // [K] lists; PAGE_USER has none
static uint32_t nfree;             // [K] frames in all pools and lists
static uint32_t limit;             // [K] page_limit()
static uint32_t kept, nkept;       // [I] frames that the kernel keeps and programs may read

void
page_init(struct PageInfo *infos, uint32_t *words, uint32_t n)
{
	pages = infos;
	page_words = words;
	npages = n;
	low = high = (struct Pool){0};
	ready[PAGE_TABLE] = ready[PAGE_DIRECTORY] = 0;
	nfree = limit = kept = nkept = 0;
}

static void
pool_add(struct Pool *pool, uint32_t first, uint32_t end)
{
	if (first >= end || pool->nfresh == NFRESH)
		return;
	pool->fresh[pool->nfresh].next = first;
	pool->fresh[pool->nfresh].end = end;
	pool->nfresh++;
	nfree += end - first;
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

void
page_keep(uint32_t first, uint32_t n)
{
	kept = first;
	nkept = n;
	limit = MAX(limit, first + n);
	for (struct PageInfo *pp = &pages[first]; n > 0; n--)
		pp++->pp_ref = 1;
}

struct PageInfo *
page_kept(uint32_t i)
{
	return i < nkept ? &pages[kept + i] : NULL;
}

static void
push(uint32_t *list, uint32_t ppn)
{
	page_words[ppn] = *list;
	*list = ppn;
	nfree++;
}

// The first frame of the list, or 0.
static inline uint32_t
pop(uint32_t *list)
{
	uint32_t ppn = *list;

	if (ppn)
		*list = page_words[ppn];
	return ppn;
}

// A frame of the pool, or 0.
static inline uint32_t
pool_take(struct Pool *pool)
{
	uint32_t ppn = pop(&pool->free);

	if (ppn || pool->nfresh == 0)
		return ppn;
	ppn = pool->fresh[pool->nfresh - 1].next++;
	if (pool->fresh[pool->nfresh - 1].next == pool->fresh[pool->nfresh - 1].end)
		pool->nfresh--;
	limit = MAX(limit, ppn + 1);
	return ppn;
}

// Any frame that will do for this kind, or 0.  Those that somebody else could have as they are
// come last.
static inline uint32_t
take(enum PageKind kind)
{
	uint32_t ppn = 0;

	if (kind == PAGE_USER)
		ppn = pool_take(&high);
	if (!ppn)
		ppn = pool_take(&low);
	if (!ppn)
		ppn = pop(&ready[PAGE_TABLE]);
	if (!ppn)
		ppn = pop(&ready[PAGE_DIRECTORY]);
	return ppn;
}

// The frame leaves the free ones.
static inline struct PageInfo *
hand_out(uint32_t ppn)
{
	assert(pages[ppn].pp_ref == 0);
	pages[ppn].pp_ref = 1;
	page_words[ppn] = 0;
	nfree--;
	return &pages[ppn];
}

struct PageInfo *
page_alloc_unclean(void)
{
	uint32_t ppn = take(PAGE_USER);

	return ppn ? hand_out(ppn) : NULL;
}

struct PageInfo *
page_alloc(enum PageKind kind)
{
	uint32_t ppn = kind == PAGE_USER ? 0 : pop(&ready[kind]);

	if (ppn)
		return hand_out(ppn);
	ppn = take(kind);
	if (!ppn)
		return NULL;
	struct PageInfo *pp = hand_out(ppn);
	frame_zero(ppn);
	return pp;
}

void
page_free(struct PageInfo *pp)
{
	uint32_t ppn = page_number(pp);

	assert(pp->pp_ref == 1);
	pp->pp_ref = 0;
	push(ppn < KERNWINDOW / PGSIZE ? &low.free : &high.free, ppn);
}

void
page_give_back(struct PageInfo *pp, enum PageKind kind)
{
	assert(pp->pp_ref == 1 && kind != PAGE_USER);
	pp->pp_ref = 0;
	push(&ready[kind], page_number(pp));
}

uint32_t
page_next_ready(enum PageKind kind, uint32_t ppn)
{
	return ppn ? page_words[ppn] : ready[kind];
}

uint32_t
page_limit(void)
{
	return limit;
}

uint32_t
page_nfree(void)
{
	return nfree;
}
