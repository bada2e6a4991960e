// The kernel's own map, and which memory there is.

#ifndef FAULTLINE_KERN_MEM_H
#define FAULTLINE_KERN_MEM_H

#include "inc/mmu.h"
#include "inc/types.h"

struct Multiboot;

// Read the loader's memory map, build the kernel's map and load it.  On the boot stack.
void mem_init(const struct Multiboot *mb);

// Give stacks to CPUs 1..n-1, and all memory that is left to page.c.
void mem_give(int n);

extern uint32_t kern_cr3;        // [I] physical address of kern_pgdir
extern pte_t *kern_window_table; // [C] each CPU its own FRAMEWINDOW

// In kernels built with CHECK=1: a word for each frame, for check_all.
extern uint32_t *check_words; // [K]

// Map the size bytes of device registers at pa, uncached, for good.
void *mmio_map(physaddr_t pa, size_t size);

// Copy n bytes of physical memory at pa, wherever that is.
void phys_read(physaddr_t pa, void *dst, size_t n);

// The kernel's address for pa, below KERNWINDOW.
#define KADDR(pa) ((void *) (KERNBASE + (uint32_t) (pa)))
#define PADDR(va) ((physaddr_t) ((uintptr_t) (va) -KERNBASE))

#endif
