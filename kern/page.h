// Physical pages: who owns each frame of memory.

#ifndef FAULTLINE_KERN_PAGE_H
#define FAULTLINE_KERN_PAGE_H

#include "inc/memlayout.h"
#include "inc/types.h"

extern struct PageInfo *pages; // [K] one for each frame, published at UPAGES
extern uint32_t npages;        // [I]

// Start with no memory to give: n frames, described by two arrays of n zeroed words each.
void page_init(struct PageInfo *infos, uint32_t *links, uint32_t n);

// The frames first..end-1 are usable memory, and nobody has them.  Frame 0 is never given.
// At most NFRESH ranges are kept; more are ignored.
void page_add(uint32_t first, uint32_t end);

// A zeroed frame with one reference, the caller's; NULL when there is none.
// PAGE_KERNEL: one below KERNWINDOW, for a page table or directory.
enum PageKind { PAGE_USER, PAGE_KERNEL };
struct PageInfo *page_alloc(enum PageKind kind);

// One more reference.  False, and no change, when the count would wrap.
bool page_incref(struct PageInfo *pp);

// One reference less; the last one frees the frame.
void page_decref(struct PageInfo *pp);

// A word for the owner of a frame, 0 after page_alloc.  Page tables count their entries in it.
uint32_t *page_note(struct PageInfo *pp);

// How many frames are free.
uint32_t page_nfree(void);

// No frame from this number on has ever been given to anyone.
uint32_t page_limit(void);

static inline uint32_t
page_number(const struct PageInfo *pp)
{
	return pp - pages;
}

#endif
