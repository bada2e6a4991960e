// What the tests of regions and pagers have in common: a pager that counts, and accesses that may
// fail.

#ifndef FAULTLINE_USER_PAGERS_H
#define FAULTLINE_USER_PAGERS_H

#include "user/attack.h"
#include "user/gallery.h"

#define ARENA 0x10000000u
#define WORD(va) (*(volatile uint32_t *) (va))

// An access that the program's own handler skips, when nobody before it has handled the fault.
uint32_t probe_read(uint32_t va);
void probe_write(uint32_t va, uint32_t value);
extern char probe_read_at[], probe_read_end[], probe_write_at[], probe_write_end[];
asm(".text\n"
    "probe_read:	movl 4(%esp), %edx\n"
    "probe_read_at:	movl (%edx), %eax\n"
    "probe_read_end:	ret\n"
    "probe_write:	movl 4(%esp), %edx\n"
    "		movl 8(%esp), %eax\n"
    "probe_write_at:	movl %eax, (%edx)\n"
    "probe_write_end:	ret\n");

static volatile uint32_t unhandled, unhandled_va; // faults that the own handler got

static inline void
own_handler(struct UTrapframe *utf)
{
	unhandled++;
	unhandled_va = utf->utf_fault_va;
	if (utf->utf_eip == (uint32_t) probe_read_at)
		utf->utf_eip = (uint32_t) probe_read_end;
	else if (utf->utf_eip == (uint32_t) probe_write_at)
		utf->utf_eip = (uint32_t) probe_write_end;
	else
		panic("fault at %08x, eip %08x", utf->utf_fault_va, utf->utf_eip);
}

// Whether the access can be made.
static inline __attribute__((unused)) bool
can_read(uint32_t va)
{
	uint32_t before = unhandled;

	probe_read(va);
	CHECK(unhandled == before || (unhandled == before + 1 && unhandled_va == va));
	return unhandled == before;
}

static inline __attribute__((unused)) bool
can_write(uint32_t va, uint32_t value)
{
	uint32_t before = unhandled;

	probe_write(va, value);
	CHECK(unhandled == before || (unhandled == before + 1 && unhandled_va == va));
	return unhandled == before;
}

// A region that may be given all rights.
static inline __attribute__((unused)) struct Region *
add(uint32_t start, uint32_t npages, int prot, const struct Pager *pager, void *arg)
{
	struct Region *r;

	MUST(region_add(&r,
			&(struct Region){.name = "test",
					 .start = start,
					 .size = npages * PGSIZE,
					 .prot = prot,
					 .max = REGION_RW,
					 .pager = pager,
					 .arg = arg}));
	CHECK(region_at((void *) start) == r);
	return r;
}

static inline __attribute__((unused)) struct Region *
add_alias(uint32_t start, uint32_t npages, int prot, const struct Pager *pager, uint32_t alias)
{
	struct Region *r;

	MUST(region_add(&r,
			&(struct Region){.name = "aliased",
					 .start = start,
					 .size = npages * PGSIZE,
					 .prot = prot,
					 .max = REGION_RW,
					 .pager = pager,
					 .alias = alias}));
	return r;
}

// A pager that counts, and answers as it is told.  Pages are filled with their number + 100.
// Volatile, as no compiler knows that an access can be a fault.
static volatile struct Seen {
	uint32_t faults, fills, writes, forks;
	struct Fault last;
	int fault_answer, fill_answer, write_answer, fork_answer;
	uint32_t stored[64]; // the first word of each page, as written back
	uint32_t written;    // a bit for each
} seen = {.fault_answer = REGION_DEFAULT};

static inline int
counting_fault(struct Region *r, const struct Fault *f, struct UTrapframe *utf)
{
	seen.faults++;
	seen.last = *f;
	return seen.fault_answer;
}

static inline int
counting_fill(struct Region *r, uint32_t offset, void *page)
{
	seen.fills++;
	if (seen.fill_answer == 0)
		WORD(page) = offset / PGSIZE + 100;
	return seen.fill_answer;
}

static inline int
counting_write(struct Region *r, uint32_t offset, const void *page)
{
	if (seen.write_answer < 0)
		return seen.write_answer;
	seen.writes++;
	seen.stored[offset / PGSIZE % 64] = WORD(page);
	seen.written |= 1u << offset / PGSIZE % 32;
	return 0;
}

static inline int
counting_fork(struct Region *r, envid_t child)
{
	seen.forks++;
	return seen.fork_answer;
}

static const struct Pager __attribute__((unused)) counting = {.name = "counting",
							      .fault = counting_fault,
							      .fill = counting_fill,
							      .write_back = counting_write,
							      .fork = counting_fork};

static inline __attribute__((unused)) void
forget_seen(void)
{
	seen = (struct Seen){.fault_answer = REGION_DEFAULT};
}

#endif
