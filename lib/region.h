// What the library's files about regions share.
//
// All that regions need to know stands between UTEMP and UTEXT, in pages of this env alone, sfork or
// not, and never in the program's data: a region may cover all of that.
//
//	PFTEMP		where copy-on-write fills a page
//	LAZY		struct Lazy, if the program is loaded on demand (lib/lazy.h)
//	LOADER_START	where a loader fills pages
//	PRIVATE_END	----------------------------------------------------------------
//	POOL		one page after another: leaves of the table, and records of regions
//	ROOT		struct Root
//	SCRATCH		where pages are filled, one for each fill that is going on
//	REMOTE		a record, and a page that has come, of a message to a pager (lib/remote.c)
//	RESERVE		frames set aside
//	PROC_WINDOW	what a process shares with init (lib/proc.h)
//	PRIVATE_START	----------------------------------------------------------------

#ifndef FAULTLINE_LIB_REGION_H
#define FAULTLINE_LIB_REGION_H

#include "inc/region.h"
#include "lib/pgfault.h"

#define RESERVE (PRIVATE_START + PGSIZE)
#define REMOTE (RESERVE + REGION_RESERVE_MAX * PGSIZE)
#define SCRATCH (REMOTE + 2 * PGSIZE)
#define SCRATCH_PAGES 8 // one handler in another has no room for more on the exception stack
#define ROOT_PAGE (SCRATCH + SCRATCH_PAGES * PGSIZE)
#define ROOT ((struct Root *) ROOT_PAGE)
#define POOL (ROOT_PAGE + PGSIZE)

struct Record {
	struct Region region;
	struct Record *next; // of those that are free, or of those that fork asks
};

// Which region a page is in, innermost, is found in two steps, as a CPU finds a page: by 4 MB, and
// then, if these are not all in one region, by the page in a leaf.  So a fault costs the same
// whatever the number of regions.
struct Root {
	uint32_t blocks[PDX(USTACKTOP - 1) + 1]; // a region, 0, or a leaf's address + LEAF
	struct Record *free;
	struct Record *forking; // regions with something to do for a fork
	uint32_t pool;          // the first of its addresses that is not in use
	uint32_t filling;       // how many of the pages at SCRATCH are in use
	int why;                // the last error with which a pager has declined
};
#define LEAF 1

static_assert(sizeof(struct Root) <= PGSIZE, "the root is a page");
static_assert((PRIVATE_END - POOL) / PGSIZE >= PDX(USTACKTOP) + 12,
	      "and there is room for all leaves");

// The page table entry for va, or 0 when there is no table for it.
static inline pte_t
region_pte(uint32_t va)
{
	return uvpd[PDX(va)] & PTE_P ? uvpt[PGNUM(va)] : 0;
}

// The innermost region at va, when there is a root; NULL when there is none.
static inline struct Region *
region_lookup(uint32_t va)
{
	uint32_t found;

	if (va >= USTACKTOP)
		return NULL;
	found = ROOT->blocks[PDX(va)];
	if (found & LEAF)
		found = ((const uint32_t *) (found - LEAF))[PTX(va)];
	return (struct Region *) found;
}

// Whether size bytes at offset are pages of r.
static inline bool
region_has(const struct Region *r, uint32_t offset, uint32_t size)
{
	return PGOFF(offset) == 0 && PGOFF(size) == 0 && offset <= r->size &&
		size <= r->size - offset;
}

static inline void *
region_page(const struct Region *r, uint32_t offset)
{
	return (void *) (r->start + offset);
}

// Prepare this env for regions, if it is not.	-E_NO_MEM
int region_begin(void);

// The rights in its page table entry of a page of r with this protection, not REGION_NONE.
int region_rights(const struct Region *r, int prot);

// A fresh page with all rights at va, from the reserve if there is no other.	-E_NO_MEM
int region_alloc(uint32_t va);
// Map a frame of the reserve at va.	-E_NO_MEM
int region_take(void *va);

// Answer a fault in r as for a pager without a fault function.
int region_default(struct Region *r, const struct Fault *f);

// A range call until it has done all; call is an expression of va and n.
#define ALL_PAGES(first, count, call)                                                              \
	({                                                                                         \
		uint32_t va_ = (uint32_t) (first), n_ = (count);                                   \
		int r_ = 0;                                                                        \
		while (n_ > 0) {                                                                   \
			void *const va = (void *) va_;                                             \
			const uint32_t n = n_;                                                     \
			if ((r_ = (call)) < 0)                                                     \
				break;                                                             \
			va_ += r_ * PGSIZE;                                                        \
			n_ -= r_;                                                                  \
		}                                                                                  \
		r_ < 0 ? r_ : 0;                                                                   \
	})

#endif
