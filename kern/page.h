// Physical pages: who owns each frame of memory.

#ifndef FAULTLINE_KERN_PAGE_H
#define FAULTLINE_KERN_PAGE_H

#include "inc/assert.h"
#include "inc/memlayout.h"
#include "inc/types.h"

extern struct PageInfo *pages; // [K] one for each frame, published at UPAGES
extern uint32_t npages;        // [I]
extern uint32_t *page_words;   // [K] free: the next free frame; in use: page_note()

// Start with no memory to give: n frames, described by two arrays of n zeroed words each.
void page_init(struct PageInfo *infos, uint32_t *words, uint32_t n);

// The frames first..end-1 are usable memory, and nobody has them.  Frame 0 is never given.
// At most NFRESH ranges are kept; more are ignored.
void page_add(uint32_t first, uint32_t end);

// The n frames from first on, which were not given by page_add, are the kernel's for good, and
// programs may read them: each has a reference that is never given up.  Called once at most.
void page_keep(uint32_t first, uint32_t n);

// The i-th of these frames, or NULL when there are not so many.
struct PageInfo *page_kept(uint32_t i);

// A frame with one reference, the caller's; NULL when there is none.
// PAGE_USER: zeroed, for a program.
// PAGE_TABLE: zeroed, below KERNWINDOW.
// PAGE_DIRECTORY: below KERNWINDOW, and either zeroed or as page_give_back got it.
enum PageKind { PAGE_USER, PAGE_TABLE, PAGE_DIRECTORY, PAGE_KINDS };
struct PageInfo *page_alloc(enum PageKind kind);

// The same for a program, but with whatever somebody else has left in it: for a caller who fills
// all of it before anyone sees it.
struct PageInfo *page_alloc_unclean(void);

// Free the frame, of which there is no more than its one reference.
void page_free(struct PageInfo *pp);

// The same for a PAGE_TABLE that is all zero again, or a PAGE_DIRECTORY that is ready for use: the
// next who wants one finds it so.
void page_give_back(struct PageInfo *pp, enum PageKind kind);

// The frame that is handed out after ppn (0: first of all) to who wants a frame of this kind and
// gets it without work; 0 when there is none.
uint32_t page_next_ready(enum PageKind kind, uint32_t ppn);

// How many frames are free.
uint32_t page_nfree(void);

// No frame from this number on has ever been given to anyone, or kept.
uint32_t page_limit(void);

static inline uint32_t
page_number(const struct PageInfo *pp)
{
	return pp - pages;
}

// A word for the owner of a frame, 0 after page_alloc.
static inline uint32_t *
page_note(struct PageInfo *pp)
{
	return &page_words[page_number(pp)];
}

// One more reference.  False, and no change, when the count would wrap.
static inline bool
page_incref(struct PageInfo *pp)
{
	assert(pp->pp_ref > 0);
	if (pp->pp_ref == UINT32_MAX)
		return false;
	pp->pp_ref++;
	return true;
}

// The same for a frame that is known to have one, as it stands in an entry.
static inline bool
page_incref_mapped(struct PageInfo *pp)
{
	if (++pp->pp_ref != 0)
		return true;
	pp->pp_ref--;
	return false;
}

// One reference less; the last one frees the frame.
static inline void
page_decref(struct PageInfo *pp)
{
	assert(pp->pp_ref > 0);
	if (pp->pp_ref == 1)
		page_free(pp);
	else
		pp->pp_ref--;
}

#endif
