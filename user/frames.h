// How much memory is left, for programs that must leave as much behind as they found.

#ifndef FAULTLINE_USER_FRAMES_H
#define FAULTLINE_USER_FRAMES_H

#include "inc/lib.h"

// Frames that nobody has.  What is no memory counts as free, now as later.
static inline __attribute__((unused)) uint32_t
free_frames(void)
{
	uint32_t n = 0;

	for (uintptr_t va = UPAGES; va < UVPT && (uvpt[PGNUM(va)] & PTE_P); va += PGSIZE)
		for (uintptr_t pp = va; pp < va + PGSIZE; pp += sizeof(struct PageInfo))
			n += ((const volatile struct PageInfo *) pp)->pp_ref == 0;
	return n;
}

#endif
