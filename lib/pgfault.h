// Who is asked when a page faults, in this order; each may leave a fault to those behind it.

#ifndef FAULTLINE_LIB_PGFAULT_H
#define FAULTLINE_LIB_PGFAULT_H

#include "inc/lib.h"
#include "lib/lazy.h"

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

// What processes (lib/proc.c) and threads (lib/thread.c) have to do with fork.  They are linked only into
// programs that call them; otherwise these are NULL.

// A child has been made, and has no memory yet.  Returns its pid, 0 if it has none, or an error: fork() fails.
int _proc_forking(envid_t child) __attribute__((weak));
// It is complete (r is 0): let it run; or cannot be, for this error.  Returns 0 if fork() succeeds: also when
// the child has been killed meanwhile, and has ended like any other.
int _proc_forked(envid_t child, int r) __attribute__((weak));
// For a program that may have threads: have a second page of the normal stack.  Returns whether there is one.
bool _thread_room(void) __attribute__((weak));
// The program begins.
void _proc_start(void) __attribute__((weak));

// Let child have all memory that the threads of one process share.  The top page of the normal stack,
// and the library's own, are copy-on-write.	-E_NO_MEM
int _fork_threads(envid_t child);

// In a page table entry: what the page is protected from is its region's business, and not
// copy-on-write's, which may be there, too.
#define PTE_TRAP 0x200

// The library's own addresses, between UTEMP and UTEXT: the lowest pages are left to programs, and
// what regions need is private to each env, even after sfork().
#define PRIVATE_START (UTEMP + 8 * PGSIZE)
#define PRIVATE_END LOADER_START

// What the library keeps for each env alone, sfork or not: at the low end of its exception stack, where
// a frame comes only when the next would be fatal.  That page is never copy-on-write, so writing here
// from within a fault is no fault and costs no copy; it is new and zero in every child; and it is
// there from the first _pgfault_set on.
struct EnvOwn {
	struct Cowstat cow;
	uint32_t shares; // memory with others, since an sfork or a thread
};
#define OWN ((struct EnvOwn *) UXSTACKBASE)

#endif
