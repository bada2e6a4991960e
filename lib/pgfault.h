// Who is asked when a page faults, in this order; each may leave a fault to those behind it.

#ifndef FAULTLINE_LIB_PGFAULT_H
#define FAULTLINE_LIB_PGFAULT_H

#include "inc/lib.h"

enum PgfaultLayer {
	PGFAULT_REGIONS, // inc/region.h
	PGFAULT_COW,     // fork's copy-on-write
	PGFAULT_OWN,     // set_pgfault_handler; or what ends the program, with a report
	PGFAULT_LAYERS
};

// Their handlers.  Only the last is always there.
extern void (*_pgfault_layers[PGFAULT_LAYERS])(struct UTrapframe *utf);

// Let handler be the one of this layer from now on.	-E_NO_MEM: for the exception stack
int _pgfault_set(enum PgfaultLayer layer, void (*handler)(struct UTrapframe *utf));

// Tell more about a fault that nobody handles, before the kernel's own lines; or NULL.
extern void (*_pgfault_report)(const struct UTrapframe *utf);

// Map a frame that was set aside at va, with all rights; NULL when nobody has set any aside.  It has
// any contents.	-E_NO_MEM: none is left
extern int (*_pgfault_reserve)(void *va);

// Copy-on-write, in lib/cow.c: handle its faults from now on.	-E_NO_MEM
int _cow_begin(void);
// End the wait of the page at va for its copy: let this env have it for itself, with these rights,
// which do not have PTE_COW.	-E_NO_MEM
int _cow_own(void *va, int rights);

// What regions have to do with fork.  fork() has given memory to child, as copies or (sfork) shared;
// a negative error makes it fail.  NULL when there are no regions.
extern int (*_pgfault_fork)(envid_t child, bool shared);

// In a page table entry: what the page is protected from is its region's business, and not
// copy-on-write's, which may be there, too.
#define PTE_TRAP 0x200

// The library's own addresses, between UTEMP and UTEXT: the lowest pages are left to programs, and
// what regions need is private to each env, even after sfork().
#define PRIVATE_START (UTEMP + 8 * PGSIZE)
#define PRIVATE_END PFTEMP

// What the library keeps for each env alone, sfork or not: at the low end of its exception stack, where
// a frame comes only when the next would be fatal.  That page is never copy-on-write, so writing here
// from within a fault is no fault and costs no copy; it is new and zero in every child; and it is
// there from the first _pgfault_set on.
struct EnvOwn {
	struct Cowstat cow;
	uint32_t shares; // memory with a parent or children, since an sfork
};
#define OWN ((struct EnvOwn *) UXSTACKBASE)

#endif
