// The contract of regions, line by line: what is refused, who is asked about a fault and in what
// order, and what becomes of pages.  The stock pagers, fork, and the lack of memory have tests of
// their own: pagers_stock, pagers_fork, pagers_mem.

#include "user/pagers.h"

static int
try_add(uint32_t start, uint32_t size, int prot, int max, uint32_t alias)
{
	struct Region *made = (struct Region *) 1, *here = region_at((void *) start);
	int r = region_add(&made,
			   &(struct Region){.name = "try",
					    .start = start,
					    .size = size,
					    .prot = prot,
					    .max = max,
					    .alias = alias,
					    .pager = &region_zero});

	if (r < 0) {
		CHECK(made == (struct Region *) 1 && region_at((void *) start) == here);
	} else {
		CHECK(region_at((void *) start) == made && made->start == start);
		CHECK(region_remove(made) == 0);
	}
	return r;
}

#define RANGE(start, size) try_add(start, size, REGION_RW, REGION_RW, 0)

static void
refusals(void)
{
	const uint32_t page = PGSIZE;
	struct Region *r;

	CHECK(RANGE(ARENA, page) == 0);
	CHECK(RANGE(0, page) == 0);
	CHECK(RANGE(UTEMP - page, page) == 0);
	CHECK(RANGE(USTACKTOP - 100 * page, page) == 0);
	CHECK(RANGE(ARENA, 0) == -E_INVAL);
	CHECK(RANGE(ARENA + 4, page) == -E_INVAL);
	CHECK(RANGE(ARENA, page + 4) == -E_INVAL);
	CHECK(RANGE(0xfffff000, 2 * page) == -E_INVAL);
	CHECK(RANGE(ARENA, 0xfffff000) == -E_INVAL);
	CHECK(RANGE(UTEMP, page) == -E_INVAL);
	CHECK(RANGE(UTEXT - page, page) == -E_INVAL);
	CHECK(RANGE(UTEMP - page, 2 * page) == -E_INVAL);
	CHECK(RANGE(0, UTEXT + page) == -E_INVAL);
	CHECK(RANGE(USTACKTOP, page) == -E_INVAL);
	CHECK(RANGE(USTACKTOP - 100 * page, 101 * page) == -E_INVAL);
	CHECK(RANGE(UXSTACKBASE, page) == -E_INVAL);
	CHECK(RANGE(UTOP, page) == -E_INVAL);
	CHECK(RANGE(KERNBASE, page) == -E_INVAL);

	CHECK(try_add(ARENA, page, REGION_READ, REGION_READ, 0) == 0);
	CHECK(try_add(ARENA, page, REGION_NONE, REGION_NONE, 0) == 0);
	CHECK(try_add(ARENA, page, REGION_RW, REGION_READ, 0) == -E_INVAL);
	CHECK(try_add(ARENA, page, REGION_READ, REGION_NONE, 0) == -E_INVAL);
	CHECK(try_add(ARENA, page, REGION_WRITE, REGION_RW, 0) == -E_INVAL);
	CHECK(try_add(ARENA, page, REGION_READ, REGION_WRITE, 0) == -E_INVAL);
	CHECK(try_add(ARENA, page, 4, REGION_RW, 0) == -E_INVAL);
	CHECK(try_add(ARENA, page, -1, REGION_RW, 0) == -E_INVAL);
	CHECK(try_add(ARENA, page, REGION_RW, 7, 0) == -E_INVAL);

	CHECK(region_add(&r, &(struct Region){.start = ARENA, .size = page}) == -E_INVAL);

	r = add(ARENA, 8, REGION_RW, &region_zero, NULL);
	CHECK(RANGE(ARENA - page, 2 * page) == -E_INVAL);
	CHECK(RANGE(ARENA + 7 * page, 2 * page) == -E_INVAL);
	CHECK(RANGE(ARENA - page, 10 * page) == -E_INVAL);
	CHECK(RANGE(ARENA - page, 9 * page) == -E_INVAL);
	CHECK(RANGE(ARENA, 9 * page) == -E_INVAL);
	CHECK(RANGE(ARENA, page) == 0);
	CHECK(RANGE(ARENA + 7 * page, page) == 0);
	CHECK(RANGE(ARENA, 8 * page) == -E_INVAL); // the same once more
	CHECK(RANGE(ARENA - page, page) == 0);
	CHECK(RANGE(ARENA + 8 * page, page) == 0);
	CHECK(region_remove(r) == 0 && !region_at((void *) ARENA));
}

#define ALIASED(start, pages, alias) try_add(start, (pages) *PGSIZE, REGION_RW, REGION_RW, alias)

static void
alias_refusals(void)
{
	const uint32_t page = PGSIZE, other = ARENA + 64 * PGSIZE;
	struct Region *r = add(ARENA, 8, REGION_RW, &region_zero, NULL), *a;

	CHECK(ALIASED(other, 4, other + 4 * page) == 0);
	CHECK(ALIASED(other, 4, other - 4 * page) == 0);
	CHECK(ALIASED(other, 4, other) == -E_INVAL);
	CHECK(ALIASED(other, 4, other + 3 * page) == -E_INVAL);
	CHECK(ALIASED(other, 4, other - 3 * page) == -E_INVAL);
	CHECK(ALIASED(other, 4, other + 8 * page + 4) == -E_INVAL);
	CHECK(ALIASED(other, 4, UTEMP) == -E_INVAL);
	CHECK(ALIASED(other, 4, UTEXT - page) == -E_INVAL);
	CHECK(ALIASED(other, 4, USTACKTOP - page) == -E_INVAL);
	CHECK(ALIASED(other, 4, 0xfffff000) == -E_INVAL);
	CHECK(ALIASED(other, 4, ARENA) == -E_INVAL);
	CHECK(ALIASED(other, 4, ARENA + 7 * page) == -E_INVAL);
	CHECK(ALIASED(other, 4, ARENA - 3 * page) == -E_INVAL);
	CHECK(ALIASED(ARENA, 4, other) == -E_INVAL);
	CHECK(region_remove(r) == 0);

	// Nor where there are pages.
	MUST(sys_page_alloc(0, (void *) (ARENA + page), RW));
	WORD(ARENA + page) = 1;
	CHECK(ALIASED(ARENA, 4, other) == -E_INVAL && ALIASED(other, 4, ARENA) == -E_INVAL);
	CHECK(WORD(ARENA + page) == 1);
	MUST(sys_page_unmap(0, (void *) (ARENA + page)));

	a = add_alias(ARENA, 4, REGION_RW, &region_zero, other);
	CHECK(RANGE(other, page) == -E_INVAL);
	CHECK(RANGE(other - page, 2 * page) == -E_INVAL);
	CHECK(RANGE(other + 4 * page, page) == 0);
	CHECK(region_remove(a) == 0);
	CHECK(RANGE(other, page) == 0);
}

// No pager functions at all: zero, with what the protection allows.
static void
defaults(void)
{
	static const struct Pager nothing = {.name = "nothing"};
	struct Region *r = add(ARENA, 4, REGION_READ, &nothing, NULL);

	CHECK(!region_present(r, 0));
	CHECK(!can_write(ARENA, 1) && !region_present(r, 0));
	CHECK(WORD(ARENA) == 0 && region_present(r, 0) && !region_present(r, PGSIZE));
	CHECK(!can_write(ARENA, 1) && WORD(ARENA) == 0);
	CHECK(region_protect(r, 0, r->size, REGION_RW) == 0 && r->prot == REGION_RW);
	WORD(ARENA) = 1;
	WORD(ARENA + PGSIZE) = 2;
	CHECK(WORD(ARENA + PGSIZE + 4) == 0);
	CHECK(can_read(ARENA + 3 * PGSIZE) && !can_read(ARENA + 4 * PGSIZE));
	CHECK(region_remove(r) == 0);
	CHECK(!can_read(ARENA) && !(uvpt[PGNUM(ARENA)] & PTE_P));
}

// Regions within regions within regions.

static volatile uint32_t asked[8], nasked;
static uint32_t answers[3];

static int
nested_fault(struct Region *r, const struct Fault *f, struct UTrapframe *utf)
{
	uint32_t level = (uint32_t) r->arg;

	CHECK(nasked < ARRAY_SIZE(asked));
	CHECK(f->offset == ROUNDDOWN(f->va, PGSIZE) - r->start && f->region == r->start);
	CHECK(f->va == utf->utf_fault_va && f->eip == utf->utf_eip);
	CHECK(f->env == thisenv->env_id);
	asked[nasked++] = level;
	return answers[level];
}

static int
nested_fill(struct Region *r, uint32_t offset, void *page)
{
	WORD(page) = (uint32_t) r->arg * 1000 + offset / PGSIZE;
	return 0;
}

static const struct Pager nested = {.name = "nested", .fault = nested_fault, .fill = nested_fill};

static void
nesting(void)
{
	const uint32_t va = ARENA + 5 * PGSIZE; // in all three
	struct Region *outer = add(ARENA, 16, REGION_RW, &nested, (void *) 2);
	struct Region *middle = add(ARENA + 4 * PGSIZE, 4, REGION_RW, &nested, (void *) 1);
	struct Region *inner = add(va, 1, REGION_RW, &nested, (void *) 0);

	CHECK(region_at((void *) va) == inner && region_at((void *) (va + PGSIZE)) == middle);
	CHECK(region_at((void *) (va - PGSIZE)) == middle && region_at((void *) ARENA) == outer);
	CHECK(region_at((void *) (va + 3 * PGSIZE)) == outer);
	CHECK(inner->outer == middle && middle->outer == outer && !outer->outer);
	CHECK(region_remove(middle) == -E_INVAL && region_remove(outer) == -E_INVAL);
	for (uint32_t decline = REGION_DECLINED; decline != 0;
	     decline = decline == REGION_DECLINED ? -E_NO_DISK : 0)
		for (uint32_t level = 0; level <= 3; level++) {
			for (uint32_t i = 0; i < 3; i++)
				answers[i] = i < level ? decline : REGION_DEFAULT;
			nasked = 0;
			CHECK(can_read(va) == (level < 3));
			CHECK(nasked == MIN(level + 1, 3u));
			for (uint32_t i = 0; i < nasked; i++)
				CHECK(asked[i] == i);
			if (level < 3)
				CHECK(WORD(va) ==
				      level * 1000 +
					      (level == 0           ? 0
						       : level == 1 ? 1
								    : 5));
			MUST(region_evict(inner, 0, PGSIZE));
			CHECK(!region_present(outer, 5 * PGSIZE));
		}
	answers[0] = answers[1] = answers[2] = REGION_DEFAULT;
	// The pages of the inner go with it; those of the others stay.
	WORD(va) = 1;
	WORD(va + PGSIZE) = 2;
	CHECK(region_remove(inner) == 0);
	CHECK(region_at((void *) va) == middle && WORD(va) == 1001 && WORD(va + PGSIZE) == 2);
	CHECK(region_remove(middle) == 0 && WORD(va) == 2005);
	// A region over pages that are there takes them as they are.
	WORD(va) = 77;
	inner = add(va, 1, REGION_RW, &nested, (void *) 0);
	CHECK(WORD(va) == 77 && region_present(inner, 0));
	CHECK(region_remove(inner) == 0 && region_remove(outer) == 0);
}

// A pager that handles its faults itself.
static int
opening_fault(struct Region *r, const struct Fault *f, struct UTrapframe *utf)
{
	seen.faults++;
	seen.last = *f;
	if (f->missing)
		return REGION_DEFAULT;
	return region_protect(r, f->offset, PGSIZE, REGION_RW);
}

static const struct Pager opening = {.name = "opening", .fault = opening_fault};

static void
protection(void)
{
	struct Region *r;

	forget_seen();
	MUST(region_add(&r,
			&(struct Region){.name = "readable",
					 .start = ARENA,
					 .size = 4 * PGSIZE,
					 .prot = REGION_READ,
					 .max = REGION_READ,
					 .pager = &opening}));
	CHECK(WORD(ARENA) == 0);
	CHECK(region_protect(r, 0, PGSIZE, REGION_RW) == -E_INVAL);
	CHECK(!can_write(ARENA, 1));
	CHECK(region_remove(r) == 0);

	forget_seen();
	r = add(ARENA, 4, REGION_RW, &opening, NULL);
	CHECK(region_protect(r, 0, PGSIZE, REGION_NONE) == -E_INVAL);
	CHECK(region_protect(r, 0, PGSIZE, REGION_WRITE) == -E_INVAL);
	CHECK(region_protect(r, 0, PGSIZE, 8) == -E_INVAL);
	CHECK(region_protect(r, 0, 5 * PGSIZE, REGION_READ) == -E_INVAL);
	CHECK(region_protect(r, 4 * PGSIZE, PGSIZE, REGION_READ) == -E_INVAL);
	CHECK(region_protect(r, 2 * PGSIZE, 0xfffff000, REGION_READ) == -E_INVAL);
	CHECK(region_protect(r, 4, PGSIZE, REGION_READ) == -E_INVAL);
	CHECK(region_protect(r, 0, 100, REGION_READ) == -E_INVAL);
	CHECK(region_dirty(r, 0, 5 * PGSIZE, NULL) == -E_INVAL);
	CHECK(region_sync(r, PGSIZE, 4 * PGSIZE) == -E_INVAL);
	CHECK(region_evict(r, 0xfffff000, 2 * PGSIZE) == -E_INVAL);
	CHECK(region_fill(r, 4 * PGSIZE) == -E_INVAL);
	CHECK(region_put(r, 4 * PGSIZE, (void *) ARENA) == -E_INVAL);
	for (uint32_t i = 0; i < 3; i++)
		WORD(ARENA + i * PGSIZE) = i;
	CHECK(seen.faults == 3 && seen.last.missing && seen.last.access == REGION_WRITE);
	// A part: r->prot, and so the pages to come, stay as they were.
	CHECK(region_protect(r, 0, 2 * PGSIZE, REGION_READ) == 0 && r->prot == REGION_RW);
	CHECK(WORD(ARENA) == 0 && WORD(ARENA + PGSIZE) == 1 && seen.faults == 3);
	WORD(ARENA + PGSIZE) = 5;
	CHECK(seen.faults == 4 && !seen.last.missing && seen.last.access == REGION_WRITE);
	CHECK(seen.last.va == ARENA + PGSIZE && seen.last.offset == PGSIZE);
	WORD(ARENA + PGSIZE) = 6;
	WORD(ARENA + 2 * PGSIZE) = 6;
	CHECK(seen.faults == 4 && WORD(ARENA + PGSIZE) == 6);
	// All of it, and those to come.
	CHECK(region_protect(r, 0, 4 * PGSIZE, REGION_READ) == 0 && r->prot == REGION_READ);
	CHECK(WORD(ARENA + 3 * PGSIZE) == 0 && seen.faults == 5);
	WORD(ARENA + 3 * PGSIZE) = 9;
	CHECK(seen.faults == 6 && !seen.last.missing);
	CHECK(region_remove(r) == 0);
}

// The same pages at two addresses: the second is always open.
static void
aliases(void)
{
	const uint32_t alias = ARENA + 64 * PGSIZE;
	struct Region *r;

	forget_seen();
	r = add_alias(ARENA, 4, REGION_RW, &opening, alias);
	WORD(ARENA) = 1;
	CHECK(WORD(alias) == 1 && seen.faults == 1);
	WORD(alias) = 2;
	CHECK(WORD(ARENA) == 2 && seen.faults == 1);
	CHECK(region_protect(r, 0, PGSIZE, REGION_READ) == 0);
	WORD(alias) = 3;
	CHECK(WORD(ARENA) == 3 && seen.faults == 1);
	CHECK(region_protect(r, 0, PGSIZE, REGION_NONE) == 0);
	CHECK(region_present(r, 0));
	WORD(alias + 4) = 4;
	CHECK(seen.faults == 1 && region_present(r, 0));
	CHECK(region_protect(r, 0, PGSIZE, REGION_READ) == 0);
	CHECK(WORD(ARENA) == 3 && WORD(ARENA + 4) == 4 && seen.faults == 1);
	// All of it inaccessible: faults come, and the page is there and filled once.
	CHECK(region_protect(r, 0, r->size, REGION_NONE) == 0);
	WORD(ARENA) = 6;
	CHECK(seen.faults == 2 && !seen.last.missing && WORD(alias) == 6);
	CHECK(region_fill(r, PGSIZE) == 0 && region_present(r, PGSIZE));
	WORD(alias + PGSIZE) = 8;
	CHECK(seen.faults == 2);
	CHECK(WORD(ARENA + PGSIZE) == 8 && seen.faults == 3 && !seen.last.missing);
	CHECK(region_dirty(r, 0, r->size, NULL) == 2);
	WORD(alias + PGSIZE) = 9;
	CHECK(region_dirty(r, 0, r->size, NULL) == 1 && region_dirty(r, 0, r->size, NULL) == 0);
	CHECK(region_evict(r, 0, r->size) == 0);
	CHECK(!(uvpt[PGNUM(alias)] & PTE_P) && !(uvpt[PGNUM(ARENA)] & PTE_P));
	CHECK(region_remove(r) == 0);
}

static const struct Pager filling = {.name = "filling", .fill = counting_fill};

// Which pages have been written to.
static void
dirty(void)
{
	struct Region *r;
	uint32_t bits[3] = {~0u, ~0u, 0x55};

	forget_seen();
	r = add(ARENA, 40, REGION_RW, &filling, NULL);
	CHECK(WORD(ARENA) == 100 && region_dirty(r, 0, r->size, bits) == 0);
	CHECK(bits[0] == 0 && (bits[1] & 0xff) == 0 && bits[2] == 0x55);
	WORD(ARENA + 3 * PGSIZE) = 1;
	WORD(ARENA + 38 * PGSIZE) = 2;
	CHECK(region_dirty(r, 30 * PGSIZE, 10 * PGSIZE, bits) == 1);
	CHECK((bits[0] & 0x3ff) == 1 << 8);
	CHECK(region_dirty(r, 0, r->size, bits) == 1 && bits[0] == 1 << 3 && !(bits[1] & 0xff));
	CHECK(region_dirty(r, 0, r->size, NULL) == 0);
	WORD(ARENA + 3 * PGSIZE) = 3;
	CHECK(region_dirty(r, 0, r->size, NULL) == 1);
	// Protecting a page does not make it clean.
	WORD(ARENA) = 5;
	CHECK(region_protect(r, 0, PGSIZE, REGION_READ) == 0);
	CHECK(region_dirty(r, 0, PGSIZE, NULL) == 1);
	CHECK(region_protect(r, 0, PGSIZE, REGION_RW) == 0);
	CHECK(region_dirty(r, 0, r->size, NULL) == 0);
	WORD(ARENA) = 6;
	CHECK(region_protect(r, 0, r->size, REGION_READ) == 0);
	CHECK(region_protect(r, 0, r->size, REGION_RW) == 0);
	CHECK(region_dirty(r, 0, PGSIZE, NULL) == 1);
	// What comes anew is clean.
	WORD(ARENA) = 7;
	CHECK(region_evict(r, 0, PGSIZE) == 0 && WORD(ARENA) == 100);
	CHECK(region_dirty(r, 0, PGSIZE, NULL) == 0);
	WORD(ARENA) = 8;
	CHECK(region_put(r, 0, (void *) (ARENA + PGSIZE)) == 0);
	CHECK(region_dirty(r, 0, PGSIZE, NULL) == 0);
	CHECK(region_remove(r) == 0);
}

// The same with an alias: a write at either address counts, once.
static void
dirty_aliased(void)
{
	const uint32_t alias = ARENA + 64 * PGSIZE;
	struct Region *r = add_alias(ARENA, 4, REGION_RW, &region_zero, alias);

	for (uint32_t i = 0; i < 4; i++)
		CHECK(WORD(ARENA + i * PGSIZE) == 0);
	CHECK(region_dirty(r, 0, r->size, NULL) == 0);
	for (uint32_t all = 0; all < 2; all++)
		for (int prot = REGION_NONE; prot <= REGION_READ; prot++) {
			uint32_t size = all ? r->size : PGSIZE;

			WORD(ARENA) = 1;
			WORD(alias + PGSIZE) = 2;
			CHECK(region_protect(r, 0, size, prot) == 0);
			CHECK(region_dirty(r, 0, r->size, NULL) == 2);
			CHECK(region_dirty(r, 0, r->size, NULL) == 0);
			WORD(alias) = 3;
			CHECK(region_protect(r, 0, size, REGION_RW) == 0);
			CHECK(region_dirty(r, 0, r->size, NULL) == 1);
		}
	CHECK(region_remove(r) == 0);
}

// Which pages are not stored yet.
static void
stored(void)
{
	struct Region *r;

	forget_seen();
	r = add(ARENA, 40, REGION_RW, &counting, NULL);
	CHECK(WORD(ARENA + PGSIZE) == 101);
	WORD(ARENA + 3 * PGSIZE) = 3;
	WORD(ARENA + 38 * PGSIZE) = 2;
	for (int i = 0; i < 2; i++)
		CHECK(region_dirty(r, 0, r->size, NULL) == 2);
	CHECK(region_sync(r, 0, r->size) == 0 && seen.writes == 2);
	CHECK(seen.stored[3] == 3 && seen.stored[38] == 2);
	CHECK(region_dirty(r, 0, r->size, NULL) == 0);
	CHECK(region_sync(r, 0, r->size) == 0 && seen.writes == 2);
	WORD(ARENA + 3 * PGSIZE) = 4;
	CHECK(region_sync(r, 0, 3 * PGSIZE) == 0 && seen.writes == 2);
	CHECK(region_sync(r, 3 * PGSIZE, PGSIZE) == 0 && seen.writes == 3 && seen.stored[3] == 4);
	CHECK(region_present(r, 3 * PGSIZE) && WORD(ARENA + 3 * PGSIZE) == 4);

	// Also what has been protected since.
	WORD(ARENA) = 6;
	CHECK(region_protect(r, 0, PGSIZE, REGION_READ) == 0);
	CHECK(region_sync(r, 0, r->size) == 0 && seen.writes == 4 && seen.stored[0] == 6);
	CHECK(region_protect(r, 0, r->size, REGION_RW) == 0);

	// Evicted, read again, and evicted: what came anew is stored.
	WORD(ARENA) = 7;
	CHECK(region_evict(r, 0, PGSIZE) == 0 && seen.writes == 5 && seen.stored[0] == 7);
	CHECK(!region_present(r, 0) && WORD(ARENA) == 100);
	CHECK(region_evict(r, 0, PGSIZE) == 0 && seen.writes == 5);
	CHECK(region_remove(r) == 0 && seen.writes == 5);
}

// Storing fails: nothing is lost.
static void
write_errors(void)
{
	struct Region *r;

	forget_seen();
	r = add(ARENA, 4, REGION_RW, &counting, NULL);
	WORD(ARENA + PGSIZE) = 11;
	WORD(ARENA + 2 * PGSIZE) = 12;
	seen.write_answer = -E_NO_DISK;
	CHECK(region_sync(r, 0, r->size) == -E_NO_DISK);
	CHECK(region_evict(r, 0, r->size) == -E_NO_DISK);
	CHECK(region_remove(r) == -E_NO_DISK && region_at((void *) ARENA) == r);
	CHECK(WORD(ARENA + PGSIZE) == 11 && WORD(ARENA + 2 * PGSIZE) == 12);
	seen.write_answer = 0;
	CHECK(region_sync(r, PGSIZE, PGSIZE) == 0 && seen.writes == 1);
	CHECK(region_remove(r) == 0 && seen.writes == 2 && seen.written == (1 << 1 | 1 << 2));
}

static void
fill_errors(void)
{
	struct Region *r;

	forget_seen();
	r = add(ARENA, 4, REGION_RW, &counting, NULL);
	seen.fill_answer = -E_NO_DISK;
	CHECK(region_fill(r, 0) == -E_NO_DISK && !region_present(r, 0));
	CHECK(!can_read(ARENA) && !region_present(r, 0) && seen.fills == 2);
	seen.fill_answer = 0;
	CHECK(region_fill(r, 0) == 0 && seen.fills == 3 && WORD(ARENA) == 100);
	CHECK(region_fill(r, 0) == 0 && seen.fills == 3);
	CHECK(region_remove(r) == 0);
}

// Pages from elsewhere.
static void
put_and_move(void)
{
	const uint32_t from = ARENA + 64 * PGSIZE, lazy = ARENA + 80 * PGSIZE;
	struct Region *r, *source = add(lazy, 4, REGION_RW, &counting, NULL);

	forget_seen();
	r = add(ARENA, 4, REGION_RW, &region_zero, NULL);
	MUST(sys_page_alloc(0, (void *) from, RW));
	WORD(from) = 42;
	CHECK(region_put(r, 0, (void *) from) == 0 && region_present(r, 0));
	CHECK(WORD(ARENA) == 42);
	WORD(ARENA) = 43;
	CHECK(WORD(from) == 42);
	CHECK(region_put(r, 0, (void *) from) == 0 && WORD(ARENA) == 42);
	// From one that is not there yet.
	CHECK(region_put(r, PGSIZE, (void *) (lazy + PGSIZE)) == 0 && WORD(ARENA + PGSIZE) == 101);

	WORD(from) = 44;
	CHECK(region_move(r, 0, (void *) from) == 0 && WORD(ARENA) == 44);
	CHECK(!(uvpt[PGNUM(from)] & PTE_P));
	WORD(ARENA) = 45;
	CHECK(region_move(r, 0, (void *) from) == -E_INVAL && WORD(ARENA) == 45);
	MUST(sys_page_alloc(0, (void *) from, RO));
	CHECK(region_move(r, 0, (void *) from) == -E_INVAL && WORD(ARENA) == 45);
	CHECK((uvpt[PGNUM(from)] & PTE_P) && region_move(r, 4, (void *) from) == -E_INVAL);
	// With r's protection.
	MUST(sys_page_alloc(0, (void *) from, RW));
	CHECK(region_protect(r, 0, r->size, REGION_READ) == 0);
	CHECK(region_put(r, 2 * PGSIZE, (void *) from) == 0 && can_read(ARENA + 2 * PGSIZE));
	CHECK(!can_write(ARENA + 2 * PGSIZE, 1));
	CHECK(region_move(r, 3 * PGSIZE, (void *) from) == 0 && can_read(ARENA + 3 * PGSIZE));
	CHECK(!can_write(ARENA + 3 * PGSIZE, 1));
	CHECK(region_remove(r) == 0 && region_remove(source) == 0);
}

// The same where the pages have an alias: both show the new page at any time.
static void
put_aliased(void)
{
	const uint32_t alias = ARENA + 32 * PGSIZE, from = ARENA + 64 * PGSIZE;
	struct Region *r = add_alias(ARENA, 2, REGION_RW, &region_zero, alias);

	MUST(sys_page_alloc(0, (void *) from, RW));
	WORD(from) = 1;
	WORD(ARENA) = 9;
	CHECK(region_put(r, 0, (void *) from) == 0 && WORD(ARENA) == 1 && WORD(alias) == 1);
	WORD(alias) = 2;
	CHECK(WORD(ARENA) == 2 && WORD(from) == 1);
	// Pages that are at two places cannot be moved from one of them.
	CHECK(region_move(r, PGSIZE, (void *) ARENA) == -E_INVAL);
	CHECK(region_move(r, 0, (void *) alias) == -E_INVAL && WORD(ARENA) == 2);
	CHECK(region_protect(r, 0, r->size, REGION_NONE) == 0);
	CHECK(region_put(r, PGSIZE, (void *) from) == 0 && WORD(alias + PGSIZE) == 1);
	CHECK(!can_read(ARENA + PGSIZE));
	CHECK(region_move(r, 0, (void *) from) == 0 && WORD(alias) == 1 && !can_read(ARENA));
	CHECK(region_protect(r, 0, r->size, REGION_RW) == 0);
	WORD(ARENA) = 5;
	WORD(ARENA + PGSIZE) = 6;
	CHECK(WORD(alias) == 5 && WORD(alias + PGSIZE) == 6);
	CHECK(region_remove(r) == 0 && !(uvpt[PGNUM(alias)] & PTE_P));
}

static void
touching(void)
{
	static uint8_t data[3 * PGSIZE];
	struct Region *r;

	forget_seen();
	r = add(ARENA, 8, REGION_RW, &filling, NULL);
	region_touch((void *) ARENA, 0, REGION_READ);
	CHECK(seen.fills == 0);
	region_touch((void *) (ARENA + PGSIZE - 1), 2, REGION_READ);
	CHECK(seen.fills == 2 && region_present(r, 0) && region_present(r, PGSIZE));
	region_touch((void *) (ARENA + 100), PGSIZE, REGION_RW);
	CHECK(seen.fills == 2 && region_dirty(r, 0, r->size, NULL) == 2);
	CHECK(WORD(ARENA) == 100);
	region_touch((void *) (ARENA + 2 * PGSIZE), 6 * PGSIZE, REGION_WRITE);
	CHECK(seen.fills == 8 && region_dirty(r, 0, r->size, NULL) == 6);
	memset(data, 3, sizeof data);
	region_touch(data, sizeof data, REGION_WRITE);
	region_touch((void *) UTEXT, PGSIZE, REGION_READ);
	for (uint32_t i = 0; i < sizeof data; i++)
		CHECK(data[i] == 3);
	CHECK(region_remove(r) == 0);
}

// Regions that come and go while a fault is handled.

static int
adding_fault(struct Region *r, const struct Fault *f, struct UTrapframe *utf)
{
	struct Region *inner;

	MUST(region_add(&inner,
			&(struct Region){.name = "added",
					 .start = r->start + f->offset,
					 .size = PGSIZE,
					 .prot = REGION_RW,
					 .max = REGION_RW,
					 .pager = &counting}));
	return REGION_HANDLED;
}

static int
removing_fault(struct Region *r, const struct Fault *f, struct UTrapframe *utf)
{
	MUST(region_remove(region_at((void *) (ARENA + 64 * PGSIZE))));
	return REGION_DEFAULT;
}

static int
suicidal_fault(struct Region *r, const struct Fault *f, struct UTrapframe *utf)
{
	MUST(region_remove(r));
	return REGION_HANDLED;
}

static const struct Pager adding = {.name = "adding", .fault = adding_fault},
			  removing = {.name = "removing", .fault = removing_fault},
			  suicidal = {.name = "suicidal", .fault = suicidal_fault};

static void
changes_in_handlers(void)
{
	struct Region *r, *inner;

	forget_seen();
	r = add(ARENA, 32, REGION_RW, &adding, NULL);
	for (uint32_t i = 0; i < 32; i++)
		CHECK(WORD(ARENA + i * PGSIZE) == 100);
	CHECK(seen.faults == 32 && region_remove(r) == -E_INVAL);
	for (uint32_t i = 0; i < 32; i++) {
		inner = region_at((void *) (ARENA + i * PGSIZE));
		CHECK(inner != r && region_remove(inner) == 0);
	}
	CHECK(region_remove(r) == 0);

	r = add(ARENA, 4, REGION_RW, &removing, NULL);
	add(ARENA + 64 * PGSIZE, 4, REGION_RW, &region_zero, NULL);
	WORD(ARENA + 64 * PGSIZE) = 1;
	CHECK(WORD(ARENA) == 0 && !region_at((void *) (ARENA + 64 * PGSIZE)));
	CHECK(!can_read(ARENA + 64 * PGSIZE) && region_remove(r) == 0);

	// A pager that removes its own region: the fault is then the outer's.
	r = add(ARENA, 4, REGION_RW, &counting, NULL);
	add(ARENA, 1, REGION_RW, &suicidal, NULL);
	CHECK(WORD(ARENA) == 100 && region_at((void *) ARENA) == r);
	CHECK(region_remove(r) == 0);
}

// Pages of one region are made from those of the next, which are missing, too.
#define CHAIN 4

static int
chain_fill(struct Region *r, uint32_t offset, void *page)
{
	WORD(page) = WORD(r->start + r->size + offset) + 1;
	return 0;
}

static const struct Pager chain = {.name = "chain", .fill = chain_fill};

static void
nested_faults(void)
{
	struct Region *r[CHAIN + 1];

	forget_seen();
	for (uint32_t i = 0; i <= CHAIN; i++)
		r[i] = add(ARENA + i * 4 * PGSIZE, 4, REGION_RW, i < CHAIN ? &chain : &counting,
			   NULL);
	CHECK(WORD(ARENA + 2 * PGSIZE) == 102 + CHAIN);
	for (uint32_t i = 0; i <= CHAIN; i++) {
		CHECK(WORD(ARENA + (i * 4 + 2) * PGSIZE) == 102 + CHAIN - i);
		CHECK(!region_present(r[i], 0) && region_present(r[i], 2 * PGSIZE));
	}
	CHECK(seen.fills == 1);
	for (uint32_t i = 0; i <= CHAIN; i++)
		CHECK(region_remove(r[i]) == 0);
}

void
umain(int argc, char **argv)
{
	set_pgfault_handler(own_handler);
	share_page();
	refusals();
	alias_refusals();
	cprintf("pagers: what is refused\n");
	defaults();
	nesting();
	cprintf("pagers: who is asked\n");
	protection();
	aliases();
	cprintf("pagers: protection\n");
	dirty();
	dirty_aliased();
	stored();
	write_errors();
	fill_errors();
	cprintf("pagers: what has been written\n");
	put_and_move();
	put_aliased();
	touching();
	cprintf("pagers: pages from elsewhere\n");
	changes_in_handlers();
	nested_faults();
	cprintf("pagers: faults in faults\n");
	cprintf("pagers: OK\n");
}
