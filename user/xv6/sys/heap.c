// sbrk, which gives memory at once, as xv6 does.
//
// The heap of the process library takes a frame when a page is touched, and ends the program when there
// is none.  xv6's programs ask instead, and count on what they were given; so sbrk touches it for them.

#include "inc/proc.h"
#include "inc/region.h"

// So many pages are not even begun when there are fewer free ones: it could take all that others
// need meanwhile.
#define MANY 256

// What is no memory is in the table, too, with a count of 0; the kernel's image and the first page have
// counts that never change.  So this is a little too many, and by the same number always.
int
xv6_freepages(void)
{
	int n = 0;

	for (uint32_t va = UPAGES; va < UVPT && (uvpt[PGNUM(va)] & PTE_P); va += PGSIZE)
		for (uint32_t p = va; p < va + PGSIZE; p += sizeof(struct PageInfo))
			n += ((const volatile struct PageInfo *) p)->pp_ref == 0;
	return n;
}

// Have pages for all addresses from start to end-1, which are new in the heap.
//	-E_NO_MEM
static int
fill(uint32_t start, uint32_t end)
{
	struct Region *heap = region_at((void *) start);
	int r = 0;

	if (end - start >= MANY * PGSIZE && (int) ((end - start) / PGSIZE) > xv6_freepages())
		return -E_NO_MEM;
	for (uint32_t va = start; va < end && r == 0; va += PGSIZE)
		r = region_fill(heap, va - heap->start);
	return r;
}

char *
xv6_sbrk(int n)
{
	char *old = proc_sbrk(n);

	if (!old)
		return (char *) -1;
	if (n > 0 &&
	    fill(ROUNDUP((uint32_t) old, PGSIZE), ROUNDUP((uint32_t) old + n, PGSIZE)) < 0) {
		proc_sbrk(-n);
		return (char *) -1;
	}
	return old;
}
