// A table of 16 MB in one frame: four million square roots, of which at most 1024 exist at a time.
//
// Appel and Li (Virtual Memory Primitives for User Programs, 1991) let a fault compute what an
// address means.  A table of square roots in a single page is the smallest example of it, and has
// been one in lectures on their paper (MIT 6.S081).  Primitives: TRAP, and mapping a page.
//
// The pager says two things.  fault: the page before goes, and a missing page is to be filled.
// fill: the roots that belong there.  The rest of the program reads table[i] as if it were memory.
//
// Entry i is the square root of i with 21 bits after the binary point, rounded down; 32 bits hold
// the largest, as i has 22 bits.  In integers: the greatest r with r * r <= i << 42.

#include "user/frames.h"
#include "user/gallery.h"

#define TABLE 0x40000000
#define ENTRIES (1u << 22)
#define SIZE (ENTRIES * sizeof(uint32_t))
#define PER_PAGE (PGSIZE / sizeof(uint32_t))
#define NOTHING 0xffffffff

static const volatile uint32_t *const table = (const volatile uint32_t *) TABLE;
static struct Region *region;
static uint32_t held = NOTHING; // the offset of the page that is there
static uint32_t faults;
static uint64_t filling; // ticks in fill

// Square roots.

static uint64_t
scaled(uint32_t i)
{
	return (uint64_t) i << 42;
}

// The integer square root, bit by bit.  All else is checked against this.
static uint32_t
root(uint64_t n)
{
	uint32_t r = 0;

	for (uint32_t bit = 1u << 31; bit; bit >>= 1)
		if ((uint64_t) (r | bit) * (r | bit) <= n)
			r |= bit;
	return r;
}

// Whether r is root(n): r * r <= n < (r + 1) * (r + 1), where nothing overflows.
static bool
is_root(uint32_t r, uint64_t n)
{
	uint64_t square = (uint64_t) r * r;

	return square <= n && n - square <= 2 * (uint64_t) r;
}

// The roots from entry `first' on, each from the one before.  The steps from root to root become
// smaller, so each is found by trying from the last one (one more, as roots are rounded) downwards.
static void
roots_from(uint32_t first, uint32_t *to)
{
	uint32_t r = root(scaled(first)), step = r - root(scaled(first - 1));
	uint64_t rest = scaled(first) - (uint64_t) r * r;

	to[0] = r;
	for (uint32_t i = 1; i < PER_PAGE; i++) {
		uint64_t more;

		rest += scaled(1);
		step++;
		while ((more = (2 * (uint64_t) r + step) * step) > rest)
			step--;
		rest -= more;
		to[i] = r += step;
	}
}

// How many frames the table has.

static uint32_t
page_tables(void)
{
	uint32_t n = 0;

	for (uint32_t va = TABLE; va < TABLE + SIZE; va += PTSIZE)
		n += (uvpd[PDX(va)] & PTE_P) != 0;
	return n;
}

static uint32_t
mapped_pages(void)
{
	uint32_t n = 0;

	for (uint32_t va = TABLE; va < TABLE + SIZE; va += PGSIZE)
		n += (uvpd[PDX(va)] & PTE_P) && (uvpt[PGNUM(va)] & PTE_P);
	return n;
}

// How many were free, with the table's own page tables, when it had no page; 0: do not count.
static uint32_t frames;
static uint32_t most; // frames at once

static void
count_frames(void)
{
	uint32_t n = frames - free_frames() - page_tables();

	most = MAX(most, n);
	CHECK(n == 1);
}

// The pager.

static int
sqrt_fault(struct Region *r, const struct Fault *f, struct UTrapframe *utf)
{
	int error;

	if (!f->missing)
		return REGION_DECLINED; // a write
	faults++;
	if (held != NOTHING && (error = region_evict(r, held, PGSIZE)) < 0)
		return error;
	held = f->offset;
	return REGION_DEFAULT;
}

static int
sqrt_fill(struct Region *r, uint32_t offset, void *page)
{
	if (frames && faults % 64 == 0)
		count_frames();
	uint64_t start = ticks();
	if (offset)
		roots_from(offset / sizeof(uint32_t), page);
	else // where steps are large, and there is none before the first
		for (uint32_t i = 0; i < PER_PAGE; i++)
			((uint32_t *) page)[i] = root(scaled(i));
	filling += ticks() - start;
	return 0;
}

static const struct Pager sqrt_pager = {.name = "sqrt", .fault = sqrt_fault, .fill = sqrt_fill};

// Ways to use it.  Each returns how many lookups it made.

static uint32_t
read_in_order(void)
{
	for (uint32_t i = 0; i < ENTRIES; i++)
		CHECK(is_root(table[i], scaled(i)));
	return ENTRIES;
}

#define RANDOM_LOOKUPS 2000

static uint32_t
read_at_random(void)
{
	uint32_t seed = 1;

	for (uint32_t n = 0; n < RANDOM_LOOKUPS; n++) {
		uint32_t i = xorshift(&seed) % ENTRIES;

		CHECK(table[i] == root(scaled(i)));
		if (n % 64 == 0)
			count_frames();
	}
	return RANDOM_LOOKUPS;
}

#define SEARCHES 200

// The last entry that is at most v, of which the roots need not be known: (v + 1) squared is the
// first number that is too large.
static uint32_t
search(uint32_t v, uint32_t *lookups)
{
	uint32_t low = 0, high = ENTRIES;

	while (high - low > 1) {
		uint32_t middle = low + (high - low) / 2;

		++*lookups;
		if (table[middle] <= v)
			low = middle;
		else
			high = middle;
	}
	CHECK(low == ((uint64_t) v * v + 2 * (uint64_t) v) >> 42);
	return low;
}

static uint32_t
search_in_it(void)
{
	uint32_t seed = 2, lookups = 0;

	for (uint32_t n = 0; n < SEARCHES; n++)
		search(xorshift(&seed), &lookups);
	return lookups;
}

// One way to use the table, and how often the page was there.
struct Use {
	const char *name;
	uint32_t (*use)(void);
	uint32_t lookups;
	uint32_t faults;
	uint32_t hits; // of 10,000 lookups
};

static void
measure(struct Use *u)
{
	uint32_t before = faults;

	u->lookups = u->use();
	CHECK(mapped_pages() == 1);
	u->faults = faults - before;
	u->hits = (uint64_t) (u->lookups - u->faults) * 10000 / u->lookups;
	cprintf("%s: %u lookups, %u faults\n", u->name, u->lookups, u->faults);
}

// The ticks of a lookup that faults, and how many of them went into the roots.
#define MISSES 64

static uint32_t
miss_time(uint32_t *roots)
{
	uint64_t start = ticks();
	uint32_t before = faults;

	filling = 0;
	for (uint32_t n = 1; n <= MISSES; n++)
		(void) table[n * (ENTRIES / MISSES) - 1];
	start = ticks() - start;
	CHECK(faults == before + MISSES);
	*roots = filling / MISSES;
	return start / MISSES;
}

static struct Use uses[] = {{.name = "in order", .use = read_in_order},
			    {.name = "at random", .use = read_at_random},
			    {.name = "by binary search", .use = search_in_it}};

void
umain(int argc, char **argv)
{
	const struct Region like = {.name = "table of square roots",
				    .start = TABLE,
				    .size = SIZE,
				    .prot = REGION_READ,
				    .max = REGION_READ,
				    .pager = &sqrt_pager};
	uint32_t took, roots;

	MUST(region_add(&region, &like));
	CHECK(table[2] ==
	      2965820); // 1.41421 * 2^21; whatever the library needs for faults, it has now
	frames = free_frames() + page_tables() + mapped_pages();
	for (uint32_t i = 0; i < ARRAY_SIZE(uses); i++)
		measure(&uses[i]);
	frames = 0;
	took = miss_time(&roots);
	MUST(region_remove(region));

	cprintf("pg_sqrt: OK: %u entries in %u frame", ENTRIES, most);
	for (uint32_t i = 0; i < ARRAY_SIZE(uses); i++)
		cprintf(", %u lookups with %u faults and %u.%02u %% hits %s", uses[i].lookups,
			uses[i].faults, uses[i].hits / 100, uses[i].hits % 100, uses[i].name);
	cprintf(", %u %s a fault, %u of them for the roots\n", took, tick_unit(), roots);
}
