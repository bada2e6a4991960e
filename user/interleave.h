// All interleavings of two threads of six steps each, one after the other: 924 of them.  Each step
// is atomic; what a step finds decides what the next ones do.

#ifndef FAULTLINE_USER_INTERLEAVE_H
#define FAULTLINE_USER_INTERLEAVE_H

#include "user/dirtycow.h"

#define STEPS 6
#define INTERLEAVINGS 924 // 12 over 6

struct Model {
	const char *name;
	void (*step[2])(int i, const struct Manner *how); // i from 0 to STEPS - 1
	bool (*violated)(void);
};

// What the models work on, zero at the start of each interleaving.
static struct {
	struct Page page;
	bool write;                  // the forced write knows that it is one
	volatile uint32_t *frame[2]; // what each has found
	uint32_t looked_at[2];       // the entry when it looked
	uint32_t scratch[2];         // where a copy is made
	uint32_t mine[2];            // and where it goes
	uint32_t word, copy;         // what is in the page, and in the copy of it
	uint32_t seen[3];
	uint32_t owners; // how many have the frame
	bool one;        // the two have the same frame
	bool marked;     // copy-on-write
	bool sole;       // the count that was read was 1
} w;

#define SECRET 7 // what stands in the file
#define NEW 8    // what is written

// Forced writes against discards.

static void
force_step(int i, const struct Manner *how)
{
	if (i == 0)
		w.write = true;
	if (i == STEPS - 1) {
		if (w.frame[0])
			w.frame[0][0] = NEW; // else it would go on
	} else if (!w.frame[0] && i % 2 == 0) {
		w.frame[0] = page_follow(&w.page, w.write);
	} else if (!w.frame[0] && page_fault_in(&w.page, w.write, 1, how) && how->forgets) {
		w.write = false;
	}
}

static void
discard_step(int i, const struct Manner *how)
{
	if (i % 2 == 0)
		page_discard(&w.page);
	else if (!page_follow(&w.page, false))
		page_fault_in(&w.page, false, 2, how);
}

static bool
file_changed(void)
{
	return w.page.frame[FILE_FRAME][0] != SECRET;
}

// Two threads fault on one page: each makes a copy, and writes to a word of its own.

static void
write_one(int t, int i, const struct Manner *how)
{
	struct Page *p = &w.page;

	switch (i) {
	case 0:
		w.looked_at[t] = p->entry;
		break;
	case 1:
		p->frame[t + 1][0] = p->frame[FILE_FRAME][0];
		break;
	case 2:
		if (!(w.looked_at[t] & ENTRY_PRIVATE))
			page_install(p, w.looked_at[t],
				     ENTRY(t + 1u, ENTRY_PRESENT | ENTRY_PRIVATE), how);
		break;
	case 3:
		w.frame[t] = page_follow(p, true);
		break;
	case 4:
		w.frame[t][1 + t] = NEW;
		break;
	}
}

static void
write_first(int i, const struct Manner *how)
{
	write_one(0, i, how);
}

static void
write_second(int i, const struct Manner *how)
{
	write_one(1, i, how);
}

static bool
write_lost(void)
{
	volatile uint32_t *frame = page_follow(&w.page, true);

	return frame[1] != NEW || frame[2] != NEW || frame[0] != SECRET;
}

// Two threads copy pages of their own, by way of one page or of two.

static void
copy_one(int t, int i, const struct Manner *how)
{
	uint32_t *scratch = &w.scratch[how->overwrites ? 0 : t];

	if (i == 1)
		*scratch = 0; // a fresh page
	else if (i == 2)
		*scratch = SECRET + t;
	else if (i == 3)
		w.mine[t] = *scratch;
	else if (i == 4)
		*scratch = 0; // it is moved away
}

static void
copy_first(int i, const struct Manner *how)
{
	copy_one(0, i, how);
}

static void
copy_second(int i, const struct Manner *how)
{
	copy_one(1, i, how);
}

static bool
copies_mixed(void)
{
	return w.mine[0] != SECRET || w.mine[1] != SECRET + 1;
}

// One thread forks, and its child looks three times; its sibling writes.

static void
fork_step(int i, const struct Manner *how)
{
	if (i == 0)
		w.marked = true; // in our own tables; the sibling has others
	else if (i == 1)
		w.one = how->overwrites; // the child has the same frame
	else if (i == 2)
		w.copy = w.word; // or a copy
	else
		w.seen[i - 3] = w.one ? w.word : w.copy;
}

static void
sibling_step(int i, const struct Manner *how)
{
	(void) how;
	w.word = i + 1;
}

static bool
child_changed(void)
{
	return w.seen[0] != w.seen[1] || w.seen[1] != w.seen[2];
}

// A page that waits, and that nobody else has: its owner writes to it, and meanwhile somebody takes a
// snapshot of it, and looks three times.

static void
owner_step(int i, const struct Manner *how)
{
	switch (i) {
	case 1:
		w.sole = w.owners == 1; // the count is read
		break;
	case 2: // the right is given: by what was read, or by what is so in this very step
		if (how->overwrites ? w.sole : w.owners == 1)
			w.marked = false;
		else
			w.one = false;
		break;
	case 3:
		if (!w.one) // a copy; the other mapping has the old frame alone
			w.marked = false;
		break;
	case 4:
		if (!w.marked && w.one)
			w.word = NEW; // else it faults again, or writes to the copy
		break;
	}
}

static void
snapshot_step(int i, const struct Manner *how)
{
	(void) how;
	if (i == 0)
		w.owners++;
	else if (i == 1)
		w.marked = w.marked || w.one;
	else if (i < 5)
		w.seen[i - 2] = w.word;
}

static bool
snapshot_changed(void)
{
	return w.seen[0] != w.seen[1] || w.seen[1] != w.seen[2];
}

static const struct Model models[] = {
	{"a forced write, and a discard", {force_step, discard_step}, file_changed},
	{"two threads fault on one page", {write_first, write_second}, write_lost},
	{"one PFTEMP for two", {copy_first, copy_second}, copies_mixed},
	{"fork while a sibling writes", {fork_step, sibling_step}, child_changed},
	{"a count that is read before", {owner_step, snapshot_step}, snapshot_changed},
};

// Run one: bit i of `order' says whose step is the i-th.
static inline bool
interleave(const struct Model *m, uint32_t order, const struct Manner *how)
{
	int next[2] = {0};

	memset(&w, 0, sizeof w);
	w.page.frame[FILE_FRAME][0] = SECRET;
	w.marked = w.one = true;
	w.owners = 1;
	for (int i = 0; i < 2 * STEPS; i++) {
		const int t = order >> i & 1;

		m->step[t](next[t]++, how);
	}
	return m->violated();
}

static inline int
steps_of_second(uint32_t order)
{
	int n = 0;

	for (; order; order &= order - 1)
		n++;
	return n;
}

// In how many of all interleavings m is violated; *shown is the first of these.
static inline uint32_t
interleave_all(const struct Model *m, const struct Manner *how, uint32_t *shown)
{
	uint32_t n = 0, violations = 0;

	for (uint32_t order = 0; order < 1u << 2 * STEPS; order++) {
		if (steps_of_second(order) != STEPS)
			continue;
		n++;
		if (interleave(m, order, how) && violations++ == 0)
			*shown = order;
	}
	if (n != INTERLEAVINGS)
		panic("%u interleavings", n);
	return violations;
}

#endif
