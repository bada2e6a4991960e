// Undo without end: an editor each of whose states is a snapshot of all its data.
//
// The text stands in a gap buffer (as in Emacs), and that in a region, together with all that the
// editor knows.  After each edit, region_snapshot keeps the state: it maps the same frames a second
// time, read-only, and the next write to each page copies that page alone, as fork does.  Appel and
// Li (1991) have it as concurrent checkpointing and, over many states, as Feldman and Brown's
// debugger with reverse execution (1989).  The program needs no log of edits, no inverse of each
// command, and no care: to undo is region_restore, whatever happened in between.
//
// The states form a tree: an edit after an undo begins a branch, and nothing is ever lost.  At the
// end all are visited in a random order; each must be as it was, and the deepest must be what the
// same edits give in plain memory.

#include "user/frames.h"
#include "user/gallery.h"

#define PAGES 32
#define SIZE (PAGES * PGSIZE)
#define TEXT 0x10000000u
#define HISTORY 0x20000000u // state i is at HISTORY + i * SIZE
#define STATES 240
#define STEPS 360
#define HOPS 300

// The characters are those before the gap and those from its end on.
struct Text {
	uint32_t gap, end;
	char chars[SIZE - 2 * sizeof(uint32_t)];
};
static_assert(sizeof(struct Text) == SIZE, "the region is filled");

// Put some letters at a place, after some others have gone from there.
struct Edit {
	uint32_t at, gone, come;
	char letter;
};

struct State {
	int parent, child; // the latest one made from here; -1: none
	uint32_t depth, checksum;
	struct Edit edit; // by which it came from its parent
};

static struct Text *const text = (struct Text *) TEXT;
static struct Text plain; // without pages or snapshots
static struct Region *region;
static struct State states[STATES];
static int nstates, now;
static uint32_t seed = 1989;
static uint64_t snapshot_time, restore_time, restores;

static uint32_t
length(const struct Text *t)
{
	return sizeof t->chars - (t->end - t->gap);
}

static void
move_gap(struct Text *t, uint32_t at)
{
	if (at < t->gap) {
		memmove(t->chars + t->end - (t->gap - at), t->chars + at, t->gap - at);
		t->end -= t->gap - at;
	} else {
		memmove(t->chars + t->gap, t->chars + t->end, at - t->gap);
		t->end += at - t->gap;
	}
	t->gap = at;
}

static void
edit(struct Text *t, const struct Edit *e)
{
	move_gap(t, e->at);
	t->end += e->gone;
	memset(t->chars + t->gap, e->letter, e->come);
	t->gap += e->come;
}

// What the text begins with: most of the buffer, all alike but for the lines' ends.
static void
begin(struct Text *t)
{
	t->gap = 0;
	t->end = PGSIZE * 3;
	for (uint32_t i = t->end; i < sizeof t->chars; i++)
		t->chars[i] = i % 72 ? 'a' + i / 72 % 26 : '\n';
}

// Near where the last edit was, mostly, as people edit.
static struct Edit
choose_edit(void)
{
	uint32_t room = text->end - text->gap, near = text->gap + 500 - xorshift(&seed) % 1000;
	struct Edit e;

	e.at = xorshift(&seed) % 16 == 0 ? xorshift(&seed) : near;
	e.at %= length(text);
	e.come = MIN(xorshift(&seed) % 40, room);
	e.gone = MIN(xorshift(&seed) % 40, length(text) - e.at);
	e.letter = 'A' + xorshift(&seed) % 26;
	return e;
}

// Of all words of a state, the gap's too.
static uint32_t
checksum(const void *at)
{
	uint32_t sum = 0;

	for (const uint32_t *word = at; word < (const uint32_t *) at + SIZE / 4; word++)
		sum = (sum << 5 | sum >> 27) + *word;
	return sum;
}

static void *
snapshot(int state)
{
	return (void *) (HISTORY + state * SIZE);
}

// The text as it is now becomes a state.
static void
record(int parent, const struct Edit *e)
{
	uint64_t start;

	states[nstates] = (struct State){parent, -1, 0, checksum(text), *e};
	if (parent >= 0) {
		states[nstates].depth = states[parent].depth + 1;
		states[parent].child = nstates;
	}
	start = ticks();
	MUST(region_snapshot(region, snapshot(nstates)));
	snapshot_time += ticks() - start;
	now = nstates++;
}

static void
go_to(int state)
{
	uint64_t start = ticks();

	MUST(region_restore(region, snapshot(state)));
	restore_time += ticks() - start;
	restores++;
	now = state;
	CHECK(checksum(text) == states[state].checksum);
}

// Edits, with some steps back and some forth again between them.
static void
work(void)
{
	for (int i = 0; i < STEPS && nstates < STATES; i++) {
		uint32_t choice = xorshift(&seed) % 8;

		if (choice == 0) {
			int to = now;
			for (uint32_t n = 1 + xorshift(&seed) % 12; n > 0 && states[to].parent >= 0;
			     n--)
				to = states[to].parent;
			go_to(to);
		} else if (choice == 1 && states[now].child >= 0) {
			go_to(states[now].child);
		} else {
			struct Edit e = choose_edit();
			edit(text, &e);
			record(now, &e);
		}
	}
}

// The frame at va, or 0.
static uint32_t
frame(uint32_t va)
{
	if (!(uvpd[PDX(va)] & PTE_P) || !(uvpt[PGNUM(va)] & PTE_P))
		return 0;
	return PGNUM(uvpt[PGNUM(va)]);
}

// The pages in which states differ from those that they were made from.
static uint32_t
copied(void)
{
	uint32_t n = 0;

	for (int i = 1; i < nstates; i++)
		for (uint32_t offset = 0; offset < SIZE; offset += PGSIZE)
			n += frame((uint32_t) snapshot(i) + offset) !=
				frame((uint32_t) snapshot(states[i].parent) + offset);
	return n;
}

// All states, and then some more, in a random order.
static void
visit(void)
{
	static int order[STATES];

	for (int i = 0; i < nstates; i++) {
		int j = xorshift(&seed) % (i + 1);
		order[i] = order[j];
		order[j] = i;
	}
	for (int i = 0; i < nstates; i++)
		go_to(order[i]);
	for (int i = 0; i < HOPS; i++) {
		go_to(xorshift(&seed) % nstates);
		edit(text, &(struct Edit){.at = text->gap, .come = 1, .letter = '!'});
		CHECK(checksum(text) != states[now].checksum);
	}
}

static int
deepest(void)
{
	int best = 0;

	for (int i = 1; i < nstates; i++)
		if (states[i].depth > states[best].depth)
			best = i;
	return best;
}

static void
replay(int state)
{
	if (states[state].parent < 0) {
		begin(&plain);
		return;
	}
	replay(states[state].parent);
	edit(&plain, &states[state].edit);
}

// What each page costs that is written to for the first time in a state.
static uint32_t
page_time(void)
{
	uint64_t start;

	go_to(now);
	start = ticks();
	for (uint32_t offset = 0; offset < SIZE; offset += PGSIZE)
		*(volatile char *) (TEXT + offset) = 1;
	return (ticks() - start) / PAGES;
}

// And what the whole state costs without pages' help.
static uint32_t
copy_time(void)
{
	uint64_t start;

	memcpy(&plain, text, SIZE);
	start = ticks();
	memcpy(&plain, text, SIZE);
	return ticks() - start;
}

// Forget all states: what they have alone comes back.
static void
forget(uint32_t copies)
{
	uint32_t before = free_frames();

	for (int i = 0; i < nstates; i++)
		MUST(region_snapshot_drop(region, snapshot(i)));
	CHECK(free_frames() == before + copies);
}

void
umain(int argc, char **argv)
{
	uint32_t leaves = 0, copies, copying, one_page;

	MUST(region_add(&region,
			&(struct Region){.name = "text",
					 .start = TEXT,
					 .size = SIZE,
					 .prot = REGION_RW,
					 .max = REGION_RW,
					 .pager = &region_zero}));
	begin(text);
	record(-1, &(struct Edit){0});
	work();
	for (int i = 0; i < nstates; i++)
		leaves += states[i].child < 0;
	CHECK(leaves > 4);
	copies = copied();
	visit();
	CHECK(copied() == copies);

	go_to(deepest());
	replay(now);
	CHECK(memcmp(&plain, text, SIZE) == 0);
	cprintf("pg_undo: %d states in %u branches, the deepest after %u edits\n", nstates, leaves,
		states[now].depth);
	copying = copy_time();
	one_page = page_time();
	// The text holds the frames of the root that it has; so go there, and these stay.
	go_to(0);
	forget(copies);
	CHECK(checksum(text) == states[0].checksum);
	cprintf("pg_undo: OK: %d snapshots of %u pages, %u pages copied of %u, %u %s a snapshot, "
		"and %u for each page that it copies, %u an undo, %u to copy everything\n",
		nstates, PAGES, copies, nstates * PAGES, (uint32_t) (snapshot_time / nstates),
		tick_unit(), one_page, (uint32_t) (restore_time / restores), copying);
}
