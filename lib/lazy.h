// Demand loading: what the loader leaves in a program whose pages come when they are touched.
//
// It is one page at LAZY: a list of the pages that are still to come, and a small handler of page faults that
// brings them (lib/lazyentry.S).  The handler is the kernel's upcall, needs nothing of the program, and
// leaves all other faults to the program's own upcall, once there is one.

#ifndef FAULTLINE_LIB_LAZY_H
#define FAULTLINE_LIB_LAZY_H

#include "inc/memlayout.h"

// The loader's addresses, and the page itself, are between the regions' and PFTEMP.
#define LOADER_START (LAZY - 2 * PGSIZE)
#define LAZY (PFTEMP - PGSIZE)
#define LAZY_RANGES (LAZY + 16)
#define LAZY_NRANGES 24
#define LAZY_ENTRY (LAZY_RANGES + LAZY_NRANGES * 16)

#ifndef __ASSEMBLER__

#include "inc/image.h"

// Pages from `start' to below `end'.  Those of the file begin with page `page' of the archive; when that is
// 0, they are zero.  perm is what the copy gets; 0: it is the file's own page, not a copy.
struct LazyRange {
	uint32_t start, end;
	uint32_t page;
	uint32_t perm;
};

struct Lazy {
	void (*next)(void); // the upcall for faults that are none of these, or NULL
	uint32_t unused[3];
	struct LazyRange ranges[LAZY_NRANGES]; // up to one with an end of 0
};

// Where it is in a program that was loaded so.
#define THE_LAZY ((struct Lazy *) LAZY)

// Whether this program was.
#define lazily_loaded() (thisenv->env_pgfault_upcall == (void *) LAZY_ENTRY)

// The rights that the page at va will have when it comes; 0: it has come, or will not.
int _lazy_rights(uint32_t va);

// Bring what is still to come of the size bytes at start that may be written to, and of what stands with them; from
// now on they are memory as any other.	-E_NO_MEM
int _lazy_settle(uint32_t start, uint32_t size);

#endif
#endif
