// The row boot of `make bench': from the kernel's first instruction to here.  Only a kernel built
// with BENCH=1 knows when that was.

#include "user/bench.h"

void
umain(int argc, char **argv)
{
	uint64_t end = now();
	const volatile struct BenchCounts *c = (void *) BENCH_PAGE;

	if (!kernel_counts())
		panic("this kernel does not know when it started: build it with BENCH=1");
	assert(0 < c->started && c->started < end);
	report("boot", (struct Cost){end - c->started, 0, c->cr3_loads, c->invlpgs}, 1);
	cprintf("benchboot: OK\n");
}
