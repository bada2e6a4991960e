// A copying garbage collector that never stops the program for long: the pages not yet collected are
// inaccessible, and a fault on one collects just that page.
//
// The idea is that of Ellis, Li and Appel (Real-time concurrent collection on stock multiprocessors,
// 1988), in which the pager takes the place of the test before each read that Baker's collector
// (List processing in real time on a serial computer, 1978) needs.  There are two spaces.  When one is
// full, the flip: the mutator's roots are copied to the other, whose pages are all inaccessible, and the
// mutator goes on at once.  What it may hold points into the new space only; what lies there still has
// pointers into the old one, so a page stays inaccessible until all of these have been forwarded.
//
//	TRAP	the pager's fault(): the mutator needs this page now
//	PROTN	at the flip, the space that is left becomes inaccessible
//	UNPROT	a page that has been scanned, or is given out for new objects
//	MAP2	the collector works at the region's alias, where nothing is protected
//
// The rest of the collection is done in small pieces, when the mutator takes a page for new objects.
// In the paper a thread on another processor does it; here it is the same program, so this collector is
// incremental, and its longest pause is what one of its pieces takes.  It is compared with itself
// scanning all pages at the flip, and both with the same mutator in a heap that never fills.

#include "user/heap.h"

#define HEAP 0x20000000
#define ALIAS 0x40000000
#define SPACE (288 * PGSIZE)  // each of the two
#define LARGE (3072 * PGSIZE) // a space that never fills
#define MAX_PAGES (LARGE / PGSIZE)
#define PIECE 1        // pages scanned for each page given out
#define WINDOW 1000000 // ticks: short pauses are no good if they leave nothing between them

enum How { NEVER, STOPPED, INCREMENTAL };

// What the mutator was held up by: FAULT and PIECES happen in INCREMENTAL only.
enum Action { FLIP, PIECES, FAULT, ACTIONS };
static const char *const action_names[] = {"flip", "piece", "fault"};

struct Figures {
	uint32_t checksum;
	uint64_t total;            // ticks that the mutator took, with all its collector did
	uint64_t longest[ACTIONS]; // ticks of one action
	uint32_t count[ACTIONS];   // how many there were
	uint32_t pages[ACTIONS];   // scanned by them
	uint32_t most_pages;       // scanned by any one
	uint32_t most_busy;        // ticks that all of them took of one window
	uint32_t copied;           // bytes
};

// The collector.  Pages are numbered from the start of their space; those from 0 to copy_page hold
// what was copied, those from new_page on what was made since the flip.
static enum How how;
static struct Region *heap;
static uint32_t space;           // size of a space, in bytes
static uint32_t from, to;        // where the two start
static bool collecting;          // there are unscanned pages, or may be
static uint32_t scan_page;       // all before it are scanned
static uint32_t copy_page;       // where the next object is copied to,
static uint16_t used[MAX_PAGES]; // behind what is in it already
static bool open[MAX_PAGES];     // scanned: the mutator may use it
static uint32_t new_page;        // the last that was given out
static uint32_t new_at, new_end; // what is left of it
static uint32_t scanned;         // pages, by the action that goes on
static uint64_t trip;            // ticks to a fault's handler and back
static struct Figures *figures;

static struct Object *
alias(const void *p)
{
	return (struct Object *) ((uint32_t) p - HEAP + ALIAS);
}

static bool
visible(const struct Object *p)
{
	uint32_t page = PGNUM((uint32_t) p - to);

	return page <= copy_page || (page >= new_page && page < space / PGSIZE);
}

static void
protect(uint32_t start, uint32_t size, int prot)
{
	if (how == INCREMENTAL)
		MUST(region_protect(heap, start - HEAP, size, prot));
}

// The collector had the time from start to end.
static void
charge(uint64_t start, uint64_t end)
{
	static uint64_t window, charged;
	static uint32_t busy;

	if (start < charged) // the trip of this fault was shorter than trip
		start = charged;
	charged = end;
	while (start < end) {
		uint64_t limit = (start / WINDOW + 1) * WINDOW;

		if (limit > end)
			limit = end;
		if (window != start / WINDOW)
			busy = 0;
		window = start / WINDOW;
		busy += limit - start;
		start = limit;
		if (figures->most_busy < busy)
			figures->most_busy = busy;
	}
}

// An action that began at start is over.
static void
account(enum Action action, uint64_t start)
{
	uint64_t end = ticks();

	charge(start, end);
	if (figures->longest[action] < end - start)
		figures->longest[action] = end - start;
	figures->count[action]++;
	figures->pages[action] += scanned;
	if (figures->most_pages < scanned)
		figures->most_pages = scanned;
	scanned = 0;
}

static void
next_copy_page(void)
{
	copy_page++;
	CHECK(copy_page < new_page);
	used[copy_page] = 0;
	open[copy_page] = false;
}

// Where the object at p is in the new space: copy it, unless that has been done.
static struct Object *
forward(struct Object *p)
{
	struct Object *old = alias(p), *copy;
	uint32_t size;

	if ((uint32_t) p - from >= space)
		return p;
	if (!(old->header & 1))
		return (struct Object *) old->header;
	size = size_of(old);
	if (used[copy_page] + size > PGSIZE)
		next_copy_page();
	copy = (struct Object *) (to + copy_page * PGSIZE + used[copy_page]);
	used[copy_page] += size;
	memcpy(alias(copy), old, size);
	old->header = (uint32_t) copy;
	figures->copied += size;
	return copy;
}

// Forward all pointers in a page of the new space, and let the mutator have it.  No further object
// may be copied to it then.
static void
scan(uint32_t page)
{
	uint32_t start = to + page * PGSIZE;

	for (uint32_t at = 0; at < used[page];) {
		struct Object *o = alias((void *) (start + at));

		for (unsigned i = 0; i < pointers(o); i++)
			o->pointer[i] = forward(o->pointer[i]);
		at += size_of(o);
	}
	if (page == copy_page)
		next_copy_page();
	open[page] = true;
	scanned++;
	protect(start, PGSIZE, REGION_RW);
}

// Scan at most n pages.
static void
collect(uint32_t n)
{
	while (collecting && n > 0) {
		if (scan_page < copy_page && open[scan_page]) {
			scan_page++;
		} else if (used[scan_page] > 0) {
			scan(scan_page);
			n--;
		} else {
			collecting = false;
		}
	}
}

static void
flip(void)
{
	uint32_t full = to;

	CHECK(how != NEVER && !collecting);
	to = from;
	from = full;
	protect(from, space, REGION_NONE); // the other has been so since the flip before
	new_page = space / PGSIZE;
	copy_page = scan_page = 0;
	used[0] = 0;
	open[0] = false;
	for (unsigned i = 0; i < nroots; i++)
		roots[i] = forward(roots[i]);
	collecting = true;
	if (how == STOPPED)
		collect(space / PGSIZE);
}

// The mutator touches a page that is not open.  What is not in the part that objects were copied to,
// no pointer that it may have leads to.
static int
fault(struct Region *r, const struct Fault *f, struct UTrapframe *utf)
{
	uint64_t start = ticks() - trip;
	uint32_t page = PGNUM(f->va - to);

	if (f->va - to >= space || page > copy_page || open[page])
		return REGION_DECLINED;
	scan(page);
	account(FAULT, start);
	return REGION_HANDLED;
}

// A page for new objects, and a piece of the collection.
static void __attribute__((noinline)) take_page(void)
{
	uint64_t start = ticks();
	enum Action action = PIECES;

	collect(PIECE);
	if (!collecting && new_page == copy_page + 1) {
		flip();
		action = FLIP;
	}
	new_page--;
	CHECK(new_page > copy_page); // else PIECE is too small for so much that lives
	new_at = to + new_page * PGSIZE;
	new_end = new_at + PGSIZE;
	protect(new_at, PGSIZE, REGION_RW);
	account(action, start);
}

static struct Object *
make(uint32_t value, unsigned n)
{
	uint32_t size = sizeof(struct Object) + n * sizeof(struct Object *);
	struct Object *o;

	if (new_end - new_at < size)
		take_page();
	o = (struct Object *) new_at;
	new_at += size;
	o->header = 1 + 2 * n;
	o->value = value;
	memset(o->pointer, 0, n * sizeof o->pointer[0]);
	return o;
}

static const struct Pager collector = {.name = "collector", .fault = fault};

// What a fault costs before and after its handler, from one that has nothing to scan.
static uint64_t
probe_trip(void)
{
	struct Figures empty = {0};
	uint64_t start, took;

	figures = &empty;
	copy_page = used[0] = open[0] = 0;
	protect(to, PGSIZE, REGION_NONE);
	start = ticks();
	*(volatile uint32_t *) to;
	took = ticks() - start;
	CHECK(empty.count[FAULT] == 1 && empty.pages[FAULT] == 1);
	return took - empty.longest[FAULT];
}

// Both spaces are empty, and the pages of all but NEVER's stay for all of the run.
static void
start_heap(void)
{
	struct Region like = {
		.name = "heap",
		.start = HEAP,
		.prot = REGION_RW,
		.max = REGION_RW,
		.alias = ALIAS,
		.pager = &collector,
	};

	space = how == NEVER ? LARGE : SPACE;
	like.size = how == NEVER ? space : 2 * space;
	MUST(region_add(&heap, &like));
	for (uint32_t offset = 0; offset < like.size; offset += PGSIZE)
		MUST(region_fill(heap, offset));
	to = HEAP;
	from = HEAP + space;
	new_page = space / PGSIZE;
	trip = 0;
	if (how == INCREMENTAL)
		trip = least(probe_trip);
	protect(HEAP, like.size, REGION_NONE);
	collecting = false;
	copy_page = 0;
	used[0] = 0;
	new_at = new_end = 0;
	scanned = 0;
}

static void
run(enum How what, struct Figures *f)
{
	uint64_t start;

	how = what;
	start_heap();
	figures = f;
	start = ticks();
	f->checksum = mutate();
	f->total = ticks() - start;
	MUST(region_remove(heap));
}

static void
show(const char *name, const struct Figures *f)
{
	cprintf("pg_gc: %s: checksum %08x, %llu %s, %u KiB copied\n", name, f->checksum, f->total,
		tick_unit(), f->copied / 1024);
	for (int i = 0; i < ACTIONS; i++)
		if (f->count[i] > 0)
			cprintf("pg_gc:\t%u x %s: %u pages scanned, longest %llu %s\n", f->count[i],
				action_names[i], f->pages[i], f->longest[i], tick_unit());
}

static uint64_t
longest(const struct Figures *f)
{
	uint64_t most = 0;

	for (int i = 0; i < ACTIONS; i++)
		if (most < f->longest[i])
			most = f->longest[i];
	return most;
}

// What the mutator had of the window in which it had least, in per cent.
static uint32_t
left(const struct Figures *f)
{
	return (WINDOW - f->most_busy) / (WINDOW / 100);
}

void
umain(int argc, char **argv)
{
	static struct Figures never, stopped, incremental;
	const char *unit = tick_unit();

	run(NEVER, &never);
	run(STOPPED, &stopped);
	run(INCREMENTAL, &incremental);
	show("never collected", &never);
	show("stopped for each collection", &stopped);
	show("collected page by page", &incremental);

	CHECK(never.count[FLIP] == 0 && never.copied == 0);
	CHECK(stopped.checksum == never.checksum && incremental.checksum == never.checksum);
	CHECK(stopped.count[FLIP] > 1 && incremental.count[FLIP] > 1);
	CHECK(incremental.most_busy <= WINDOW && stopped.most_busy <= WINDOW);
	CHECK(stopped.count[FAULT] == 0 && incremental.count[FAULT] > 0);
	CHECK(stopped.most_pages > 10 * incremental.most_pages && incremental.most_pages <= PIECE);
	cprintf("pg_gc: OK: %llu %s longest pause, %llu %s longest pause when stopped, "
		"%u %% of the worst million left, %u %% when stopped, "
		"%llu %s in all, %llu %s in all when stopped, %u collections, "
		"%u collections when stopped, %u faults, %llu pointers checked\n",
		longest(&incremental), unit, longest(&stopped), unit, left(&incremental),
		left(&stopped), incremental.total, unit, stopped.total, unit,
		incremental.count[FLIP], stopped.count[FLIP], incremental.count[FAULT], followed);
}
