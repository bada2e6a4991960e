// Kernels built with BENCH=1: the page that inc/bench.h describes.

#include "kern/bench.h"

#include "inc/bench.h"
#include "inc/mmu.h"
#include "kern/cpu.h"
#include "kern/mem.h"

static_assert(offsetof(struct BenchCounts, entries) == BENCH_ENTRIES, "trapentry.S, sysenter.S");
static_assert(offsetof(struct BenchCounts, cr3_loads) == BENCH_CR3_LOADS, "assembly");
static_assert(offsetof(struct BenchCounts, invlpgs) == BENCH_INVLPGS, "assembly");
static_assert(offsetof(struct BenchCounts, started) == BENCH_STARTED, "entry.S");
static_assert(sizeof(struct BenchCounts) == PGSIZE, "nothing else is published with it");

struct BenchCounts bench_counts __attribute__((aligned(PGSIZE)));

void
bench_publish(void)
{
	pte_t *table = KADDR(PTE_ADDR(kern_pgdir[PDX(BENCH_PAGE)]));

	table[PTX(BENCH_PAGE)] = PADDR(&bench_counts) | PTE_P | PTE_U | PTE_G;
}
