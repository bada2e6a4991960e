// THE address map: where everything stands in an address space and in low memory.
// Plain numbers, so that C, assembly and the linker scripts all read this one file.
//
//	4 GiB	     ----------------------------------------------------------------
//		     physical memory from 0, the first 256 MiB of it	     kernel
//	KERNBASE     ---------------------------------------------------------------- 0xf0000000
//		     kernel stacks: CPU i's ends at KSTACKTOP - i * KSTKSTRIDE
//		     ...
//		     frame windows: FRAMEWINDOW(i), for frames past the first 256 MiB
//	MMIOLIM	     ---------------------------------------------------------------- 0xefc00000
//		     device registers (the local APIC)
//	ULIM	     ---------------------------------------------------------------- 0xef800000
//		     UVPT: this address space's own page tables		 r- user
//	UVPT	     ---------------------------------------------------------------- 0xef400000
//		     UPAGES: pages[]					 r- user
//	UPAGES	     ---------------------------------------------------------------- 0xef000000
//		     UENVS: envs[]					 r- user
//	UTOP	     ---------------------------------------------------------------- 0xeec00000
//		     one page: the exception stack			 rw user
//		     one page, empty
//	USTACKTOP    ---------------------------------------------------------------- 0xeebfe000
//		     the normal stack, growing down			 rw user
//		     ...
//		     program text, data, heap				 rw user
//	UTEXT	     ---------------------------------------------------------------- 0x00800000
//		     UTEMP .. UTEXT: scratch of the libc		 rw user
//	UTEMP	     ---------------------------------------------------------------- 0x00400000
//		     free for programs					 rw user
//	0	     ----------------------------------------------------------------

#ifndef FAULTLINE_INC_MEMLAYOUT_H
#define FAULTLINE_INC_MEMLAYOUT_H

#define PGSIZE 4096
#define PTSIZE 0x400000 // what one page table maps

// The kernel's part.
#define KERNBASE 0xf0000000
#define KSTACKTOP KERNBASE
#define KSTKSIZE 0x8000    // one CPU's kernel stack: 8 pages
#define KSTKGAP 0x8000     // nothing below it, so that an overflow faults
#define KSTKSTRIDE 0x10000 // KSTKSIZE + KSTKGAP; CPU number = distance from KSTACKTOP / this
#define MMIOLIM 0xefc00000
#define MMIOBASE 0xef800000
#define ULIM MMIOBASE

// Where CPU i looks at frames that the map at KERNBASE does not reach: two pages.
#define FRAMEWINDOW(i) (MMIOLIM + (i) *2 * PGSIZE)

// Seen by programs, written by the kernel.
#define UVPT 0xef400000
#define UVPD (UVPT + (UVPT >> 12) * 4) // the page directory is its own page table
#define UPAGES 0xef000000
#define UENVS 0xeec00000

// The program's part.
#define UTOP UENVS
#define UXSTACKTOP UTOP
#define UXSTACKBASE (UXSTACKTOP - PGSIZE)
#define USTACKTOP (UTOP - 2 * PGSIZE)
#define UTEXT 0x00800000
#define UTEMP 0x00400000
#define PFTEMP (UTEMP + PTSIZE - PGSIZE) // where the copy-on-write handler fills a new page
#define USTABDATA (PTSIZE / 2)

// The top word of the normal stack holds `thisenv'.  The stack is the one part of memory
// that even sfork() does not share, so each env has its own.
#define UTHISENV (USTACKTOP - 4)

// Physical memory.
#define IOPHYSMEM 0x0a0000    // video memory and ROMs from here
#define EXTPHYSMEM 0x100000   // to here; the kernel is loaded at the end of the hole
#define KERNWINDOW 0x10000000 // memory below this is also at KERNBASE: 256 MiB
#define MPENTRY_PADDR 0x7000  // start-up code of the other CPUs

#define NCPU 16 // CPUs the kernel has room for
#ifndef NENV
#define NENV 1024 // environments; a power of two, at most 4096
#endif

#ifndef __ASSEMBLER__

#include "inc/types.h"

// What is known of a frame of physical memory: pages[PGNUM(physical address)].
struct PageInfo {
	uint32_t pp_ref; // [K] mappings and other owners; 0 exactly when the frame is free
};

#endif
#endif
