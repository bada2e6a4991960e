// What a kernel built with BENCH=1 counts for `make bench', on a page that programs may read.
//
// The page is the last of the window at UPAGES, where only frames at the very end of 4 GiB would
// stand.  Other kernels have no such page, and not one instruction of this.

#ifndef FAULTLINE_INC_BENCH_H
#define FAULTLINE_INC_BENCH_H

#include "inc/memlayout.h"

#define BENCH_PAGE (UPAGES + PTSIZE - PGSIZE)

// Offsets for assembly; kern/bench.c proves them.
#define BENCH_ENTRIES 0
#define BENCH_CR3_LOADS 4
#define BENCH_INVLPGS 8
#define BENCH_STARTED 16

#ifdef __ASSEMBLER__

// ds may still be the program's.
#if BENCH
#define BENCH_COUNT(offset) lock incl % ss : bench_counts + offset
#else
#define BENCH_COUNT(offset)
#endif

#else

// Since the start, on all CPUs together; a count may wrap.
struct BenchCounts {
	uint32_t entries;   // [A] ways into the kernel: sysenter, interrupts, faults
	uint32_t cr3_loads; // [A]
	uint32_t invlpgs;   // [A]
	uint32_t unused;
	uint64_t started; // [I] rdtsc of the kernel's first instruction
	char rest[PGSIZE - 24];
};

#if BENCH
extern struct BenchCounts bench_counts;
#define BENCH_COUNT(what) __sync_fetch_and_add(&bench_counts.what, 1)
#else
#define BENCH_COUNT(what) ((void) 0)
#endif

#endif
#endif
