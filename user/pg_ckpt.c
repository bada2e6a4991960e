// A checkpoint of a program that goes on meanwhile: Li, Naughton & Plank, Real-Time, Concurrent
// Checkpoint for Parallel Programs, 1990, one of Appel and Li's (1991) applications.
//
// To stop a program until its memory is copied takes as long as the memory is large.  Instead, all of it
// is protected by one call (PROTN), and the program goes on.  A copier saves page after page and takes
// the protection away.  A page that the program writes to before the copier has come to it faults
// (TRAP); the pager saves it first, and lets the program have it (UNPROT).  What is saved is the memory
// of one moment, that of the call.
//
// A further checkpoint saves the pages that have been written to since the one before (DIRTY), and
// shares the others with it, so each is complete.
//
// The program is the Gauss-Seidel relaxation of a grid, in integers, a row to a page; all that it knows
// is in the region, also how far it is.  The copier is called by it after each row; it could be another
// thread.  Checkpoints are kept in memory, and read-only: a disk is user/pg_store.c's matter.

#include "user/gallery.h"

#define WIDTH (PGSIZE / sizeof(int))
#define ROWS 128
#define SWEEPS 4
#define STEPS (SWEEPS * (ROWS - 2)) // a row each
#define FIRST_AT 176                // when checkpoints are taken, in steps
#define SECOND_AT 270
#define TRIES 3
#define PAGES (1 + ROWS)
#define SIZE (PAGES * PGSIZE)

// The memory of the program.
struct State {
	uint32_t step; // the next
	uint32_t unused[PGSIZE / 4 - 1];
	int grid[ROWS][WIDTH];
};
static_assert(sizeof(struct State) == SIZE, "a row is a page");
#define STATE ((struct State *) 0x40000000)

// --- Checkpoints. ---

// Checkpoint n, and where there is none, none.
#define CHECKPOINT(n) ((struct State *) (0x50000000 + (n) *0x1000000))
#define NONE 0
#define STOPPED 1 // the program has stopped for it
#define FIRST 2   // it has not
#define SECOND 3

static struct Region *region;

// The checkpoint that is being made, and the one before it; the copier has still to look at the first
// `left' pages, and those that are not as in the last are in `unsaved'.  Faults change it.
static volatile struct {
	int to, from;
	uint32_t left;
	uint32_t unsaved[ROUNDUP(PAGES, 32) / 32];
} now;
static volatile struct {
	uint32_t by_copier, by_faults;
} saved[SECOND + 1];

static void *
page_of(const struct State *state, uint32_t page)
{
	return (char *) state + page * PGSIZE;
}

static bool
has_page(int checkpoint, uint32_t page)
{
	void *va = page_of(CHECKPOINT(checkpoint), page);

	return (uvpd[PDX(va)] & PTE_P) && (uvpt[PGNUM(va)] & PTE_P);
}

// Let the checkpoint have the page as it is, or as it was in the last, and the program write to it.
// Returns whether it had to be saved.
static bool
keep(uint32_t page)
{
	bool unsaved = now.unsaved[page / 32] >> page % 32 & 1;
	void *to = page_of(CHECKPOINT(now.to), page);

	if (unsaved)
		MUST(sys_page_copy(0, page_of(STATE, page), 0, to, RO));
	else
		MUST(sys_page_map(0, page_of(CHECKPOINT(now.from), page), 0, to, RO));
	MUST(region_protect(region, page * PGSIZE, PGSIZE, REGION_RW));
	return unsaved;
}

// The pager: the program writes to a page before the copier has come to it.
static int
fault(struct Region *r, const struct Fault *f, struct UTrapframe *utf)
{
	if (f->missing)
		return REGION_DEFAULT;
	saved[now.to].by_faults += keep(f->offset / PGSIZE);
	return REGION_HANDLED;
}

static const struct Pager checkpointed = {.name = "checkpointed", .fault = fault};

// Begin checkpoint `to'; `from' is the last before it.
static void
begin(int to, int from)
{
	now.to = to;
	now.from = from;
	now.left = PAGES;
	MUST(region_dirty(region, 0, SIZE, (uint32_t *) now.unsaved));
	MUST(region_protect(region, 0, SIZE, REGION_READ));
}

// The copier: do the next page of those that no fault has done, from the last to the first.
static void
copy_one(void)
{
	while (now.left > 0 && has_page(now.to, now.left - 1))
		now.left--;
	if (now.left > 0)
		saved[now.to].by_copier += keep(--now.left);
}

static bool
is_complete(void)
{
	return now.left == 0;
}

// Let the program have the state that the checkpoint is of.
static void
restore(int checkpoint)
{
	MUST(region_protect(region, 0, SIZE, REGION_RW));
	for (uint32_t page = 0; page < PAGES; page++)
		MUST(region_put(region, page * PGSIZE, page_of(CHECKPOINT(checkpoint), page)));
}

// --- The program. ---

static void
start(void)
{
	uint32_t seed = 1;

	STATE->step = 0;
	for (int y = 0; y < ROWS; y++)
		for (uint32_t x = 0; x < WIDTH; x++)
			STATE->grid[y][x] = xorshift(&seed) >> 4;
}

static void
relax_row(void)
{
	int(*row)[WIDTH] = &STATE->grid[1 + STATE->step % (ROWS - 2)];

	for (uint32_t x = 1; x < WIDTH - 1; x++)
		row[0][x] = (row[-1][x] + row[1][x] + row[0][x - 1] + row[0][x + 1]) / 4;
	STATE->step++;
}

static uint32_t
result(void)
{
	const uint32_t *word = (uint32_t *) STATE;
	uint32_t sum = 0;

	for (uint32_t i = 0; i < SIZE / sizeof *word; i++)
		sum = sum * 31 + word[i];
	return sum;
}

// How checkpoints are taken.
enum Way { NEVER, STOPPING, CONCURRENTLY };

// How long each step takes, the least of a few runs, as other programs on the host disturb the clock.
static uint64_t took[CONCURRENTLY + 1][STEPS];

static void
take_checkpoint(enum Way way)
{
	if (STATE->step == FIRST_AT && way == STOPPING) {
		begin(STOPPED, NONE);
		while (!is_complete())
			copy_one();
	}
	if (STATE->step == FIRST_AT && way == CONCURRENTLY)
		begin(FIRST, NONE);
	if (STATE->step == SECOND_AT && way == CONCURRENTLY) {
		CHECK(is_complete());
		begin(SECOND, FIRST);
	}
}

// Compute to the end.
static void
compute(enum Way way)
{
	while (STATE->step < STEPS) {
		uint64_t *least = &took[way][STATE->step], from = ticks();

		take_checkpoint(way);
		if (!is_complete())
			copy_one();
		relax_row();
		uint64_t taken = ticks() - from;
		*least = MIN(*least, taken);
	}
}

// Start from the checkpoint, in memory that has nothing of the program any more.
static uint32_t
restart(int checkpoint, uint32_t step)
{
	MUST(region_evict(region, 0, SIZE));
	CHECK(STATE->step == 0 && STATE->grid[1][1] == 0);
	restore(checkpoint);
	CHECK(STATE->step == step);
	compute(NEVER);
	return result();
}

// Forget the checkpoints from `first' to `last'.
static void
drop(int first, int last)
{
	for (int i = first; i <= last; i++) {
		saved[i].by_copier = saved[i].by_faults = 0;
		for (uint32_t page = 0; page < PAGES; page++)
			MUST(sys_page_unmap(0, page_of(CHECKPOINT(i), page)));
	}
}

// Compute from the beginning, a few times.
static void
measure(enum Way way)
{
	for (int i = 0; i < STEPS; i++)
		took[way][i] = UINT64_MAX;
	for (int i = 0; i < TRIES; i++) {
		if (way == STOPPING)
			drop(STOPPED, STOPPED);
		if (way == CONCURRENTLY)
			drop(FIRST, SECOND);
		start();
		compute(way);
	}
}

// How much longer a step takes at most than without checkpoints.
static uint64_t
longest_interruption(enum Way way)
{
	uint64_t longest = 0;

	for (int i = 0; i < STEPS; i++)
		if (took[way][i] > took[NEVER][i])
			longest = MAX(longest, took[way][i] - took[NEVER][i]);
	return longest;
}

void
umain(int argc, char **argv)
{
	struct Region like = {.name = "memory of the program",
			      .start = (uint32_t) STATE,
			      .size = SIZE,
			      .prot = REGION_RW,
			      .max = REGION_RW,
			      .pager = &checkpointed};

	MUST(region_add(&region, &like));
	measure(NEVER);
	uint32_t expected = result();

	measure(STOPPING);
	CHECK(result() == expected && saved[STOPPED].by_copier == PAGES);

	measure(CONCURRENTLY);
	CHECK(result() == expected && is_complete());
	CHECK(saved[FIRST].by_copier + saved[FIRST].by_faults == PAGES);
	CHECK(saved[FIRST].by_faults > 0 && saved[SECOND].by_faults > 0);
	uint32_t second = saved[SECOND].by_copier + saved[SECOND].by_faults;
	CHECK(second < PAGES);

	// Both are of the same step, so they must be the same.
	CHECK(memcmp(CHECKPOINT(FIRST), CHECKPOINT(STOPPED), SIZE) == 0);
	CHECK(restart(FIRST, FIRST_AT) == expected);
	CHECK(restart(SECOND, SECOND_AT) == expected);

	cprintf("pg_ckpt: %u pages saved by faults and %u by the copier; of the second checkpoint, "
		"%u and %u\n",
		saved[FIRST].by_faults, saved[FIRST].by_copier, saved[SECOND].by_faults,
		saved[SECOND].by_copier);
	cprintf("pg_ckpt: OK: %u pages, %llu %s the longest interruption, %llu %s if it stops, %u "
		"pages in the second checkpoint\n",
		PAGES, longest_interruption(CONCURRENTLY), tick_unit(),
		longest_interruption(STOPPING), tick_unit(), second);
}
