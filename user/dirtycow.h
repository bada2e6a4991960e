// A pager with page tables of its own, as a kernel has them: which frame each page of a mapping has,
// the file's or a private copy.  The mapping is private and read-only; a debugger may nevertheless
// write to it (`forced'), and changes its private copy, never the file.
//
// The naive one goes about this as Linux did until CVE-2016-5195: a forced write looks for the frame,
// faults in what is missing, and looks again.  The frame that it finds then is not writable, because
// the mapping is not; so once the private copy has been made, it looks for it as if to read.  Who
// discards the copy in between has it find the file.

#ifndef FAULTLINE_USER_DIRTYCOW_H
#define FAULTLINE_USER_DIRTYCOW_H

#include "inc/lib.h"

#define FRAME_WORDS 16
#define FILE_FRAME 0 // the frames of a page: the file's, and one for a copy made by each thread
#define NFRAMES 3

// An entry: the number of a frame, and bits.
#define ENTRY_PRESENT 1
#define ENTRY_PRIVATE 2 // a copy, made for a write
#define ENTRY(frame, bits) ((frame) << 8 | (bits))

struct Page {
	volatile uint32_t entry;
	volatile uint32_t frame[NFRAMES][FRAME_WORDS];
};

// How a pager goes about it.
struct Manner {
	bool forgets;    // that it is a write, once the copy has been made
	bool overwrites; // an entry that has changed since it looked
};
static const struct Manner __attribute__((unused)) naive = {.forgets = true, .overwrites = true};
static const struct Manner __attribute__((unused)) cured = {0};

// The frame of the page, if it may be used so.
static inline volatile uint32_t *
page_follow(struct Page *p, bool write)
{
	const uint32_t entry = p->entry;

	if (!(entry & ENTRY_PRESENT) || (write && !(entry & ENTRY_PRIVATE)))
		return NULL;
	return p->frame[entry >> 8];
}

static inline void
page_install(struct Page *p, uint32_t looked_at, uint32_t entry, const struct Manner *how)
{
	if (how->overwrites)
		p->entry = entry;
	else
		compare_and_swap(&p->entry, looked_at, entry);
}

// Supply what an access needs; a copy goes to the frame `own'.  Whether it was a copy.
static inline bool
page_fault_in(struct Page *p, bool write, uint32_t own, const struct Manner *how)
{
	const uint32_t entry = p->entry;

	if (write && !(entry & ENTRY_PRIVATE)) {
		for (int i = 0; i < FRAME_WORDS; i++)
			p->frame[own][i] = p->frame[FILE_FRAME][i];
		page_install(p, entry, ENTRY(own, ENTRY_PRESENT | ENTRY_PRIVATE), how);
		return true;
	}
	if (!write && !(entry & ENTRY_PRESENT))
		page_install(p, entry, ENTRY(FILE_FRAME, ENTRY_PRESENT), how);
	return false;
}

static inline void
page_force(struct Page *p, uint32_t own, uint32_t word, uint32_t value, const struct Manner *how)
{
	volatile uint32_t *frame;
	bool write = true;

	while (!(frame = page_follow(p, write))) {
		if (page_fault_in(p, write, own, how) && how->forgets)
			write = false;
		pause(); // where a kernel lets others run
	}
	frame[word] = value;
}

// Drop the private copy: the page is what the file is, when it is touched next.
static inline void
page_discard(struct Page *p)
{
	p->entry = 0;
}

#endif
