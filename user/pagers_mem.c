// Regions when there is much of them, or too little memory: thousands of regions, every failure for
// lack of memory, the reserve, and the reports of programs that come to an end.  Children end here as
// they should, so a run of this does not count as one that went well: the last line says whether it did.

#include "user/pagers.h"

#define HEAP 0x40000000u
#define HEAP_END 0x80000000u
#define FAR 0x90000000u              // no page table is there until it must be
#define SPARE (ARENA + 256 * PGSIZE) // in a page table that is there
#define STEP SHARED[0]
#define DONE SHARED[1]

// Many.

static int
numbered_fill(struct Region *r, uint32_t offset, void *page)
{
	WORD(page) = (uint32_t) r->arg;
	return 0;
}

static const struct Pager numbered = {.name = "numbered", .fill = numbered_fill};

// n regions of one page, each with a page that is nobody's behind it.  Returns what a fault takes.
static uint32_t
many(uint32_t n)
{
	uint64_t start, took = 0;
	uint32_t seed = n;

	for (uint32_t i = 0; i < n; i++)
		add(ARENA + i * 2 * PGSIZE, 1, REGION_RW, &numbered, (void *) (i + 1));
	for (uint32_t i = 0; i < n; i++) {
		uint32_t k = xorshift(&seed) % n, va = ARENA + k * 2 * PGSIZE;

		CHECK(region_at((void *) va)->arg == (void *) (k + 1));
		CHECK(!region_at((void *) (va + PGSIZE)));
		start = ticks();
		region_touch((void *) va, 4, REGION_READ);
		took += ticks() - start;
		CHECK(WORD(va) == k + 1);
		CHECK(region_evict(region_at((void *) va), 0, PGSIZE) == 0);
	}
	// Every other one goes, then the rest.
	for (uint32_t i = 0; i < n; i += 2)
		MUST(region_remove(region_at((void *) (ARENA + i * 2 * PGSIZE))));
	for (uint32_t i = 0; i < n; i++)
		CHECK(!region_at((void *) (ARENA + i * 2 * PGSIZE)) == (i % 2 == 0));
	for (uint32_t i = 1; i < n; i += 2)
		MUST(region_remove(region_at((void *) (ARENA + i * 2 * PGSIZE))));
	return took / n;
}

static void
thousands(void)
{
	uint32_t few = many(10), thousand = many(1000), more = many(3000), frames = free_frames();

	// The second time, everything is there that it takes.
	many(3000);
	CHECK(free_frames() == frames);
	cprintf("pagers_mem: a fault with 10 regions takes %u %s, with 1000 %u, with 3000 %u\n",
		few, tick_unit(), thousand, more);
}

// None left.

static uint32_t none; // what free_frames() says then, of what is no memory

// Take all memory, but `left' frames.
static void
take_all(uint32_t left)
{
	uint32_t va = HEAP;
	int r;

	while ((r = sys_page_alloc(0, (void *) va, RW)) == 0)
		va += PGSIZE;
	CHECK(r == -E_NO_MEM && va < HEAP_END);
	sys_page_alloc(0, (void *) SPARE, RW); // if one was left, and not two
	none = free_frames();
	while (left-- > 0)
		sys_page_unmap(0, (void *) (va -= PGSIZE));
}

static void
give_back(void)
{
	for (uint32_t va = HEAP; va < HEAP_END && (uvpd[PDX(va)] & PTE_P); va += PGSIZE)
		sys_page_unmap(0, (void *) va);
	sys_page_unmap(0, (void *) SPARE);
}

// What fails leaves nothing behind, and nothing is missing afterwards.
static void
failures(uint32_t left)
{
	const uint32_t alias = ARENA + 64 * PGSIZE;
	struct Region *r = add(ARENA, 4, REGION_RW, &numbered, (void *) 7), *a, *made = NULL;
	struct Region *far = add(FAR, 4, REGION_RW, &numbered, (void *) 8);
	uint32_t frames, added = 0;
	int err;

	a = add_alias(ARENA + 16 * PGSIZE, 4, REGION_RW, &region_zero, alias);
	WORD(ARENA) = 1;
	take_all(left);
	frames = free_frames();
	CHECK(frames == none + left);
	for (uint32_t offset = PGSIZE; offset < 4 * PGSIZE; offset += PGSIZE) {
		err = region_fill(r, offset);
		CHECK(err == 0 || err == -E_NO_MEM);
		CHECK(region_present(r, offset) == (err == 0));
	}
	CHECK(region_evict(r, PGSIZE, 3 * PGSIZE) == 0 && free_frames() == frames);
	// A page and a page table, of which there is one at most.
	if ((err = region_fill(far, 0)) < 0) {
		CHECK(err == -E_NO_MEM && !region_present(far, 0) && free_frames() == frames);
		CHECK(left < 2 && !(uvpd[PDX(FAR)] & PTE_P));
	}
	if (left == 0) {
		CHECK(region_put(r, 0, (void *) ARENA) == -E_NO_MEM && WORD(ARENA) == 1);
		CHECK(region_put(a, 0, (void *) ARENA) == -E_NO_MEM && !region_present(a, 0));
		CHECK(region_fill(a, 0) == -E_NO_MEM && !region_present(a, 0));
		CHECK(region_snapshot(r, (void *) FAR) == -E_INVAL);
		CHECK(region_snapshot(r, (void *) (FAR + PTSIZE)) == -E_NO_MEM);
		WORD(ARENA) = 2; // it is not waiting for a copy
		CHECK(fork() == -E_NO_MEM);
		CHECK(region_reserve(4) == -E_NO_MEM && region_reserve(0) == 0);
	}
	// As many regions as there is room for, each in a part of the table that is not split.
	for (uint32_t va = FAR + 2 * PTSIZE; va < USTACKTOP - PTSIZE; va += PTSIZE) {
		err = region_add(&made,
				 &(struct Region){.name = "more",
						  .start = va + PGSIZE,
						  .size = PGSIZE,
						  .prot = REGION_RW,
						  .max = REGION_RW,
						  .pager = &region_zero});
		CHECK(err == 0 || err == -E_NO_MEM);
		CHECK(!region_at((void *) (va + PGSIZE)) == (err < 0));
		added += err == 0;
	}
	CHECK(left > 0 || added == 0);
	for (uint32_t va = FAR + 2 * PTSIZE; va < USTACKTOP - PTSIZE; va += PTSIZE)
		if (region_at((void *) (va + PGSIZE)))
			CHECK(region_remove(region_at((void *) (va + PGSIZE))) == 0);
	give_back();
	CHECK(WORD(ARENA) == 1 + (left == 0) && WORD(ARENA + PGSIZE) == 7 && WORD(FAR) == 8);
	CHECK(region_remove(r) == 0 && region_remove(a) == 0 && region_remove(far) == 0);
}

// A child does it, so that everything comes back.
static void
in_child(void (*f)(uint32_t), uint32_t arg)
{
	uint32_t frames;
	envid_t child;

	own_pages();
	frames = free_frames();
	STEP = DONE = 0;
	child = spawn(f, arg);
	own_pages(); // what the child does not give us when it has taken all
	STEP = 1;
	wait_end(child);
	own_pages();
	if (free_frames() != frames)
		panic("%u frames were free, and now %u", frames, free_frames());
}

static void
fail_in_child(uint32_t left)
{
	own_pages();
	while (STEP != 1)
		sys_yield();
	failures(left);
	DONE = SURVIVED;
}

// The reserve.

// Fill n pages from a reserve of n: that works, and the next is the end.
static void
fill_from_reserve(uint32_t n)
{
	const struct Pager *pager = n % 2 ? &region_zero : &numbered;
	struct Region *r = add(ARENA, 64, REGION_RW, pager, (void *) 9);

	WORD(ARENA + 63 * PGSIZE) = 1; // the page tables
	own_pages();
	while (STEP != 1)
		sys_yield();
	CHECK(region_reserve(REGION_RESERVE_MAX + 1) == -E_INVAL);
	CHECK(region_reserve(n) == (int) n);
	take_all(0);
	for (uint32_t i = 0; i < n; i++) {
		CHECK(WORD(ARENA + i * PGSIZE) == (n % 2 ? 0 : 9));
		CHECK(WORD(ARENA + i * PGSIZE + 4) == 0);
		WORD(ARENA + i * PGSIZE) = 1;
		DONE = i + 1;
	}
	CHECK(region_fill(r, n * PGSIZE) == -E_NO_MEM && !region_present(r, n * PGSIZE));
	CHECK(region_reserve(n) == -E_NO_MEM);
	// With memory again, so is the reserve.
	for (uint32_t i = 0; i < n; i++)
		sys_page_unmap(0, (void *) (HEAP + i * PGSIZE));
	CHECK(region_reserve(n) == (int) n);
	CHECK(WORD(ARENA + n * PGSIZE) == (n % 2 ? 0 : 9));
	// One has gone; what there is stays, and can be given back.
	CHECK(region_reserve(n) == -E_NO_MEM);
	CHECK(n == 1 || WORD(ARENA + (n + 1) * PGSIZE) == (n % 2 ? 0 : 9));
	CHECK(region_reserve(0) == 0);
	take_all(0);
	DONE = SURVIVED;
	WORD(ARENA + 62 * PGSIZE) = 1;
	DONE = 0;
}

// Page tables, too, come from the reserve: kind 0 and 1 need one, kind 2 has an alias elsewhere.
static void
tables_from_reserve(uint32_t kind)
{
	const struct Pager *pager = kind == 0 ? &region_zero : &numbered;
	const uint32_t needs = kind == 2 ? 3 : 2;
	struct Region *r;

	r = kind == 2 ? add_alias(FAR, 2, REGION_RW, pager, FAR + PTSIZE)
		      : add(FAR, 2, REGION_RW, pager, NULL);
	r->arg = (void *) 9;
	own_pages();
	while (STEP != 1)
		sys_yield();
	CHECK(region_reserve(needs - 1) == (int) needs - 1);
	take_all(0);
	CHECK(region_fill(r, 0) == -E_NO_MEM && !region_present(r, 0));
	give_back();
	CHECK(region_reserve(needs) == (int) needs);
	for (uint32_t va = FAR; va <= FAR + PTSIZE; va += PTSIZE)
		CHECK(!(uvpd[PDX(va)] & PTE_P) || kind == 2);
	take_all(0);
	WORD(FAR) += 1;
	CHECK(WORD(FAR) == (kind == 0 ? 1 : 10) && (kind < 2 || WORD(FAR + PTSIZE) == 10));
	DONE = SURVIVED;
}

// The same for copies-on-write: the parent has the pages too.
static volatile uint32_t data[16 * PGSIZE / 4] __attribute__((aligned(PGSIZE)));

static void
copy_from_reserve(uint32_t n)
{
	// All but those that are to wait.
	for (uint32_t va = UTEXT; va < USTACKTOP; va += PGSIZE) {
		if (!(uvpd[PDX(va)] & PTE_P))
			va += PTSIZE - PGSIZE;
		else if ((uvpt[PGNUM(va)] & PTE_COW) && va - (uint32_t) data >= sizeof data)
			region_touch((void *) va, 4, REGION_WRITE);
	}
	CHECK(region_reserve(n) == (int) n);
	STEP = 2;
	while (STEP != 3)
		sys_yield();
	take_all(0);
	for (uint32_t i = 0; i < n; i++) {
		data[i * PGSIZE / 4] = 100;
		CHECK(data[i * PGSIZE / 4] == 100 && data[i * PGSIZE / 4 + 1] == i + 1);
	}
	DONE = SURVIVED;
	data[n * PGSIZE / 4] = 100;
	DONE = 0;
}

static void
copies(void)
{
	envid_t child;

	for (uint32_t i = 0; i < 16; i++)
		data[i * PGSIZE / 4] = data[i * PGSIZE / 4 + 1] = i + 1;
	STEP = DONE = 0;
	child = spawn(copy_from_reserve, 5);
	while (STEP != 2)
		sys_yield();
	for (uint32_t va = UTEXT; va < USTACKTOP; va += PGSIZE) {
		if (!(uvpd[PDX(va)] & PTE_P))
			va += PTSIZE - PGSIZE;
		else if ((uvpt[PGNUM(va)] & PTE_COW) && va - (uint32_t) data >= sizeof data)
			region_touch((void *) va, 4, REGION_WRITE);
	}
	STEP = 3;
	wait_end(child);
	CHECK(DONE == SURVIVED);
	for (uint32_t i = 0; i < 16; i++)
		CHECK(data[i * PGSIZE / 4] == i + 1);
}

// Ends.

static int
failing_fill(struct Region *r, uint32_t offset, void *page)
{
	return -E_NO_DISK;
}

static const struct Pager failing = {.name = "failing", .fill = failing_fill};

static void
end(uint32_t how)
{
	struct Region *outer = add(ARENA, 16, REGION_NONE, &region_guard, NULL);
	struct Region *r = add(ARENA + 4 * PGSIZE, 4, REGION_READ, &failing, NULL);

	(void) outer, (void) r;
	DONE = SURVIVED;
	switch (how) {
	case 0: // nobody's
		WORD(HEAP) = 1;
		break;
	case 1: // one who declines
		WORD(ARENA + 100) = 1;
		break;
	case 2: // one who cannot, and one who declines
		(void) WORD(ARENA + 5 * PGSIZE + 8);
		break;
	case 3: // readable only
		r->pager = &region_zero;
		(void) WORD(ARENA + 5 * PGSIZE);
		WORD(ARENA + 5 * PGSIZE) = 1;
		break;
	case 4: // from a system call
		sys_cputs((char *) ARENA, 10);
		break;
	case 5: // a pager's own
		region_touch((void *) (ARENA + 5 * PGSIZE), 1, REGION_READ);
		break;
	}
	DONE = 0;
}

void
umain(int argc, char **argv)
{
	share_page();
	thousands();
	for (uint32_t left = 0; left < 8; left++) {
		in_child(fail_in_child, left);
		CHECK(DONE == SURVIVED);
	}
	cprintf("pagers_mem: failures leave nothing behind\n");
	for (uint32_t n = 1; n <= REGION_RESERVE_MAX / 2; n += n < 4 ? 1 : 12) {
		in_child(fill_from_reserve, n);
		CHECK(DONE == SURVIVED);
	}
	for (uint32_t kind = 0; kind < 3; kind++) {
		in_child(tables_from_reserve, kind);
		CHECK(DONE == SURVIVED);
	}
	copies();
	cprintf("pagers_mem: the reserve\n");
	for (uint32_t how = 0; how < 6; how++) {
		cprintf("pagers_mem: end %u\n", how);
		in_child(end, how);
		CHECK(DONE == SURVIVED);
	}
	cprintf("pagers_mem: OK\n");
}
