// A generational garbage collector whose write barrier is the pager.
//
// Most objects die young (Ungar, Generation scavenging, 1984): new ones are made in a small nursery, and
// when that is full, a minor collection copies the few that live to the old generation and leaves
// the rest of that alone.  Which old objects have pointers to young ones must be known then, so writes to
// the old generation must be noticed.  Appel and Li (Virtual memory primitives for user programs,
// 1991) name two ways in which the pages can tell, without an instruction in the mutator:
//
//	protection	PROTN, TRAP, UNPROT: old pages are read-only, the first write to one faults,
//			and the pager notes the page and opens it until the next minor collection
//	dirty bits	DIRTY: the hardware notes the first write, and each minor collection asks
//			which pages it was
//
// Both find the same pages.  They are compared with scanning all of the old generation, and all
// three with the same mutator in a nursery that never fills.  The collector itself writes to old
// pages at the region's alias (MAP2), where they are not protected.
//
// Objects become old at their first minor collection, and stay: there is no major one here.

#include "user/heap.h"

#define NURSERY 0x20000000
#define SMALL (64 * PGSIZE)
#define LARGE (3072 * PGSIZE) // never fills
#define OLD 0x30000000
#define ALIAS 0x40000000
#define OLD_PAGES 1024

enum How { NEVER, ALL, PROTECTION, DIRTY, HOWS };
static const char *const how_names[] = {"never collected", "all of the old generation scanned",
					"remembered by protection", "remembered by dirty bits"};

struct Figures {
	uint32_t checksum;
	uint32_t survivors;   // bytes
	uint32_t image;       // checksum of the old generation, addresses and all
	uint64_t total;       // ticks that the mutator took, with collections and faults
	uint32_t collections; // minor
	uint32_t remembered;  // old pages that they scanned
	uint32_t faults;
	uint64_t fault_time; // ticks of the barrier: in faults,
	uint64_t find_time;  // in finding out which pages, and being told of further writes,
	uint64_t scan_time;  // and in scanning these pages
};

static enum How how;
static struct Figures *figures;
static uint64_t trip; // ticks to a fault's handler and back

static uint32_t nursery_size; // in bytes
static uint32_t new_at;       // in the nursery: where the next object will be

// Old pages are numbered from 0, and those up to old_page are in use.
static struct Region *old;
static uint32_t old_page;                   // where the next object is copied to,
static uint16_t used[OLD_PAGES];            // behind what is in it already
static uint32_t remembered[OLD_PAGES / 32]; // the pages to be scanned at the next collection

static struct Object *
alias(uint32_t va)
{
	return (struct Object *) (va - OLD + ALIAS);
}

static bool
is_young(const struct Object *p)
{
	return (uint32_t) p - NURSERY < nursery_size;
}

static bool
visible(const struct Object *p)
{
	uint32_t page = PGNUM((uint32_t) p - OLD);

	return (uint32_t) p - NURSERY < new_at - NURSERY ||
		(page <= old_page && (uint32_t) p % PGSIZE < used[page]);
}

static bool
has(uint32_t page)
{
	return remembered[page / 32] >> page % 32 & 1;
}

static void
remember(uint32_t page)
{
	remembered[page / 32] |= 1u << page % 32;
}

// Where the object at p is in the old generation: copy it, unless that has been done.
static struct Object *
promote(struct Object *p)
{
	struct Object *copy;
	uint32_t size;

	if (!is_young(p))
		return p;
	if (!(p->header & 1))
		return (struct Object *) p->header;
	size = size_of(p);
	if (used[old_page] + size > PGSIZE) {
		old_page++;
		CHECK(old_page < OLD_PAGES);
	}
	copy = (struct Object *) (OLD + old_page * PGSIZE + used[old_page]);
	used[old_page] += size;
	memcpy(alias((uint32_t) copy), p, size);
	p->header = (uint32_t) copy;
	figures->survivors += size;
	return copy;
}

// Promote what the objects of an old page point to, from the one at `at' on: up to `end', or to what
// is copied there meanwhile.
static void
scan(uint32_t page, uint32_t at, const uint16_t *end)
{
	while (at < *end) {
		struct Object *o = alias(OLD + page * PGSIZE + at);

		for (unsigned i = 0; i < pointers(o); i++)
			o->pointer[i] = promote(o->pointer[i]);
		at += size_of(o);
	}
}

// Let remembered[] be the pages that may have pointers to young objects.
static void
find_remembered(void)
{
	if (how == ALL)
		memset(remembered, -1, sizeof remembered);
	if (how == DIRTY)
		region_dirty(old, 0, (old_page + 1) * PGSIZE, remembered);
}

// No old page has a pointer to a young object now: be told of those that are written to from here
// on.
static void
forget_remembered(void)
{
	uint32_t page = 0, end;

	if (how == DIRTY) // what has been promoted has made pages dirty, too
		region_dirty(old, 0, (old_page + 1) * PGSIZE, NULL);
	for (; how == PROTECTION && page <= old_page; page = end + 1) {
		for (end = page; end <= old_page && has(end);)
			end++;
		if (end > page)
			MUST(region_protect(old, page * PGSIZE, (end - page) * PGSIZE,
					    REGION_READ));
	}
	memset(remembered, 0, sizeof remembered);
}

// Promote what lives in the nursery, which is empty then.
static void __attribute__((noinline)) collect(void)
{
	uint32_t first = old_page;
	uint16_t first_used = used[first];
	uint64_t start, found, scanned, promoted;

	CHECK(how != NEVER);
	start = ticks();
	find_remembered();
	found = ticks();
	for (uint32_t page = 0; page <= first; page++) {
		if (!has(page))
			continue;
		scan(page, 0, page == first ? &first_used : &used[page]);
		figures->remembered++;
	}
	scanned = ticks();
	for (unsigned i = 0; i < nroots; i++)
		roots[i] = promote(roots[i]);
	for (uint32_t page = first; page <= old_page; page++)
		scan(page, page == first ? first_used : 0, &used[page]);
	new_at = NURSERY;
	promoted = ticks();
	forget_remembered();
	figures->find_time += found - start + (ticks() - promoted);
	figures->scan_time += scanned - found;
	figures->collections++;
}

static struct Object *
make(uint32_t value, unsigned n)
{
	uint32_t size = sizeof(struct Object) + n * sizeof(struct Object *);
	struct Object *o;

	if (new_at + size > NURSERY + nursery_size)
		collect();
	o = (struct Object *) new_at;
	new_at += size;
	o->header = 1 + 2 * n;
	o->value = value;
	memset(o->pointer, 0, n * sizeof o->pointer[0]);
	return o;
}

// The mutator writes to an old page for the first time since the last collection.
static int
fault(struct Region *r, const struct Fault *f, struct UTrapframe *utf)
{
	uint64_t start = ticks();
	int result;

	if (f->missing)
		return REGION_DEFAULT;
	if (f->access != REGION_WRITE || has(PGNUM(f->offset)))
		return REGION_DECLINED;
	remember(PGNUM(f->offset));
	result = region_protect(r, f->offset, PGSIZE, REGION_RW);
	figures->faults++;
	figures->fault_time += ticks() - start + trip;
	return result;
}

static const struct Pager barrier = {.name = "write barrier", .fault = fault};

// What a fault costs before and after its handler.
static uint64_t
probe_trip(void)
{
	struct Figures empty = {0};
	uint64_t start, took;

	figures = &empty;
	start = ticks();
	*(volatile uint32_t *) OLD = 0;
	took = ticks() - start;
	CHECK(empty.faults == 1 && has(0));
	forget_remembered();
	return took - empty.fault_time;
}

// All pages stay for all of the run, so that no way is charged for getting them.
static void
start_heap(void)
{
	struct Region young = {
		.name = "nursery",
		.start = NURSERY,
		.size = nursery_size,
		.prot = REGION_RW,
		.max = REGION_RW,
		.pager = &region_zero,
	};
	struct Region like = {
		.name = "old generation",
		.start = OLD,
		.size = OLD_PAGES * PGSIZE,
		.prot = how == PROTECTION ? REGION_READ : REGION_RW,
		.max = REGION_RW,
		.alias = ALIAS,
		.pager = &barrier,
	};

	MUST(region_add(NULL, &young));
	region_touch((void *) NURSERY, nursery_size, REGION_WRITE);
	MUST(region_add(&old, &like));
	for (uint32_t offset = 0; offset < like.size; offset += PGSIZE)
		MUST(region_fill(old, offset));
	new_at = NURSERY;
	old_page = 0;
	memset(used, 0, sizeof used);
	forget_remembered();
	trip = 0;
	if (how == PROTECTION)
		trip = least(probe_trip);
}

static uint32_t
image(void)
{
	const uint32_t *words = (const uint32_t *) OLD;
	uint32_t sum = 0;

	for (uint32_t i = 0; i < (old_page + 1) * PGSIZE / sizeof *words; i++)
		sum = 31 * sum + words[i];
	return sum;
}

static void
run(enum How what, struct Figures *f)
{
	uint64_t start;

	how = what;
	nursery_size = how == NEVER ? LARGE : SMALL;
	start_heap();
	figures = f;
	start = ticks();
	f->checksum = mutate();
	f->total = ticks() - start;
	f->image = image();
	MUST(region_remove(old));
	MUST(region_remove(region_at((void *) NURSERY)));
}

static uint64_t
cost(const struct Figures *f)
{
	return f->fault_time + f->find_time + f->scan_time;
}

static void
show(const struct Figures *f)
{
	const char *unit = tick_unit();

	cprintf("pg_gen: %s: checksum %08x, %llu %s\n", how_names[how], f->checksum, f->total,
		unit);
	if (f->collections == 0)
		return;
	cprintf("pg_gen:\t%u minor collections, %u KiB survive, image %08x, %u pages remembered\n",
		f->collections, f->survivors / 1024, f->image, f->remembered);
	cprintf("pg_gen:\tbarrier %llu %s: %u faults %llu, finding %llu, scanning %llu\n", cost(f),
		unit, f->faults, f->fault_time, f->find_time, f->scan_time);
}

void
umain(int argc, char **argv)
{
	static struct Figures f[HOWS];
	const char *unit = tick_unit();

	for (enum How what = NEVER; what < HOWS; what++) {
		run(what, &f[what]);
		show(&f[what]);
		CHECK(f[what].checksum == f[NEVER].checksum);
	}
	CHECK(f[NEVER].collections == 0 && f[ALL].collections > 10);
	for (enum How what = PROTECTION; what < HOWS; what++) {
		CHECK(f[what].collections == f[ALL].collections);
		CHECK(f[what].survivors == f[ALL].survivors && f[what].image == f[ALL].image);
		CHECK(f[what].remembered > 0 && f[what].remembered < f[ALL].remembered / 2);
	}
	CHECK(f[PROTECTION].faults >= f[PROTECTION].remembered && f[DIRTY].faults == 0);
	CHECK(f[DIRTY].remembered == f[PROTECTION].remembered);
	cprintf("pg_gen: OK: %u minor collections, %u KiB survive, %u pages remembered, "
		"%u pages when all are scanned, %llu %s by protection, %llu %s by dirty bits, "
		"%llu %s by scanning all, %llu pointers checked\n",
		f[ALL].collections, f[ALL].survivors / 1024, f[DIRTY].remembered, f[ALL].remembered,
		cost(&f[PROTECTION]), unit, cost(&f[DIRTY]), unit, cost(&f[ALL]), unit, followed);
}
