// The rows of `make bench' about regions: what a fault costs a program that has ten of them, and one
// that has a thousand.

#include "inc/region.h"
#include "user/bench.h"

#define FEW 10
#define MANY 1000
#define FAULTS 10 // in a window, each in another region

// Regions lie apart, over much of the address space, so no two have a leaf of the table's in common
// more often than they must.
#define PLACE(i) ((void *) (UTEXT + PTSIZE + (uint32_t) (i) *PTSIZE / 2))
static_assert(UTEXT + PTSIZE + (uint64_t) MANY * PTSIZE / 2 < USTACKTOP - PTSIZE, "there is room");

static int faults;

static int
skip_instruction(struct Region *r, const struct Fault *f, struct UTrapframe *utf)
{
	faults++;
	utf->utf_eip += 2; // the one of touch()
	return REGION_HANDLED;
}

static const struct Pager skipping = {.name = "skipping", .fault = skip_instruction};

static inline __attribute__((always_inline)) void
touch(void *va)
{
	asm volatile("movl %%ecx, (%%eax)" : : "a"(va), "c"(0) : "memory");
}

// Regions number `from' to n-1.
static void
add_regions(int from, int n)
{
	for (int i = from; i < n; i++) {
		const struct Region like = {
			.name = "bench",
			.start = (uint32_t) PLACE(i),
			.size = PGSIZE,
			.prot = REGION_RW,
			.max = REGION_RW,
			.pager = &skipping,
		};
		must(region_add(NULL, &like));
	}
}

// Of n regions, faults in some that are spread over all.
static void
measure(const char *row, int n)
{
	void *places[FAULTS];

	for (int i = 0; i < WINDOWS; i++) {
		faults = 0;
		for (int k = 0; k < FAULTS; k++)
			places[k] = PLACE((i + k * n / FAULTS) % n);
		TIME(for (int k = 0; k < FAULTS; k++) touch(places[k]));
		assert(faults == FAULTS);
	}
	report(row, least_cost(), FAULTS);
}

void
umain(int argc, char **argv)
{
	calibrate();
	add_regions(0, FEW);
	measure("region_fault_10", FEW);
	add_regions(FEW, MANY);
	measure("region_fault_1000", MANY);
	cprintf("benchregion: OK\n");
}
