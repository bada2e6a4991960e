// Regions against a model of them: thousands of random steps on regions with and without an alias,
// with and without a store, under copy-on-write, each compared with what plain arrays say.

#include "user/pagers.h"

#define PAGES 12
#define ALIAS (ARENA + 0x1000000)
#define SNAPSHOT (ARENA + 0x2000000)
#define SCRATCH_PAGE (ARENA + 0x3000000)
#define STEPS 4000

static struct {
	bool alias, store;
	int prot; // the region's
	struct Page {
		bool present, dirty;
		int prot;
		uint32_t value, stored;
	} page[PAGES], kept[PAGES];
	bool is_kept;
} model;

static struct Region *region;
static uint32_t seed, forks;

static uint32_t
random_below(uint32_t n)
{
	return xorshift(&seed) % n;
}

static int
model_fill(struct Region *r, uint32_t offset, void *page)
{
	WORD(page) = model.page[offset / PGSIZE].stored;
	return 0;
}

static int
model_write_back(struct Region *r, uint32_t offset, const void *page)
{
	struct Page *p = &model.page[offset / PGSIZE];

	CHECK(p->present && p->dirty && WORD(page) == p->value);
	p->stored = p->value;
	p->dirty = false;
	return 0;
}

static const struct Pager with_store = {
	.name = "store", .fill = model_fill, .write_back = model_write_back};
static const struct Pager without_store = {.name = "no store", .fill = model_fill};

static void
come(struct Page *p, uint32_t value)
{
	p->present = true;
	p->dirty = false;
	p->prot = model.prot;
	p->value = value;
}

static void
access_page(uint32_t i, bool write)
{
	struct Page *p = &model.page[i];
	const uint32_t va = ARENA + i * PGSIZE, value = xorshift(&seed);
	const int prot = p->present ? p->prot : model.prot;
	const bool may = prot & (write ? REGION_WRITE : REGION_READ);

	if (may && !p->present)
		come(p, p->stored);
	if (write) {
		CHECK(can_write(va, value) == may);
		if (may) {
			p->value = value;
			p->dirty = true;
		}
	} else {
		CHECK(can_read(va) == may);
	}
	CHECK(region_present(region, i * PGSIZE) == p->present);
	if (may)
		CHECK(WORD(va) == p->value);
}

static void
access_alias(uint32_t i, bool write)
{
	struct Page *p = &model.page[i];
	const uint32_t va = ALIAS + i * PGSIZE;

	if (!model.alias)
		return;
	if (!p->present)
		come(p, p->stored);
	if (write) {
		WORD(va) = p->value = xorshift(&seed);
		p->dirty = true;
	}
	CHECK(WORD(va) == p->value);
}

static void
protect(uint32_t first, uint32_t n)
{
	const int prots[] = {REGION_READ, REGION_RW, REGION_NONE};
	const int prot = prots[random_below(3)];
	const int r = region_protect(region, first * PGSIZE, n * PGSIZE, prot);

	if (prot == REGION_NONE && !model.alias) {
		CHECK(r == -E_INVAL);
		return;
	}
	CHECK(r == 0);
	for (uint32_t i = first; i < first + n; i++)
		model.page[i].prot = prot;
	if (n == PAGES)
		model.prot = prot;
	CHECK(region->prot == model.prot);
}

static void
ask_dirty(uint32_t first, uint32_t n)
{
	uint32_t bits, right = 0, count = 0;

	for (uint32_t i = 0; i < n; i++)
		if (model.page[first + i].present && model.page[first + i].dirty) {
			right |= 1u << i;
			count++;
			model.page[first + i].dirty = model.store;
		}
	CHECK(region_dirty(region, first * PGSIZE, n * PGSIZE, &bits) == (int) count);
	CHECK(bits == right);
}

static void
all_stored(uint32_t first, uint32_t n)
{
	for (uint32_t i = first; i < first + n; i++)
		CHECK(!model.store || !model.page[i].present || !model.page[i].dirty);
}

static void
evict(uint32_t first, uint32_t n)
{
	CHECK(region_evict(region, first * PGSIZE, n * PGSIZE) == 0);
	all_stored(first, n);
	for (uint32_t i = first; i < first + n; i++) {
		model.page[i].present = model.page[i].dirty = false;
		CHECK(!region_present(region, i * PGSIZE));
	}
}

static void
sync(uint32_t first, uint32_t n)
{
	CHECK(region_sync(region, first * PGSIZE, n * PGSIZE) == 0);
	all_stored(first, n);
	for (uint32_t i = first; i < first + n; i++)
		model.page[i].dirty = false; // also without a store
}

static void
replace(uint32_t i, bool move)
{
	const uint32_t value = xorshift(&seed);

	MUST(sys_page_alloc(0, (void *) SCRATCH_PAGE, RW));
	WORD(SCRATCH_PAGE) = value;
	if (model.prot == REGION_NONE && !model.alias)
		return;
	if (move)
		CHECK(region_move(region, i * PGSIZE, (void *) SCRATCH_PAGE) == 0);
	else
		CHECK(region_put(region, i * PGSIZE, (void *) SCRATCH_PAGE) == 0);
	CHECK(!(uvpt[PGNUM(SCRATCH_PAGE)] & PTE_P) == move);
	come(&model.page[i], value);
}

static void
snapshot(void)
{
	int r = region_snapshot(region, (void *) SNAPSHOT);

	CHECK(r == (model.alias || model.store ? -E_INVAL : 0));
	if (r < 0)
		return;
	memcpy(model.kept, model.page, sizeof model.kept);
	model.is_kept = true;
}

// The rights are the region's afterwards, and nothing is dirty that was not before.
static void
restore(void)
{
	if (!model.is_kept)
		return;
	CHECK(region_restore(region, (void *) SNAPSHOT) == 0);
	region_dirty(region, 0, region->size, NULL);
	for (uint32_t i = 0; i < PAGES; i++) {
		model.page[i] = model.kept[i];
		model.page[i].prot = model.prot;
		model.page[i].dirty = false;
	}
}

// A child that writes what it may, and is not seen.
static void
fork_once(void)
{
	envid_t child = MUST(fork());

	if (child != 0)
		forks++;
	if (child == 0) {
		seed += sys_getenvid();
		for (uint32_t i = 0; i < PAGES; i++)
			access_page(i, random_below(2));
		MUST(region_protect(region, 0, region->size, REGION_RW));
		for (uint32_t i = 0; i < PAGES; i++)
			model.page[i].prot = REGION_RW;
		model.prot = REGION_RW;
		for (uint32_t i = 0; i < PAGES; i++) {
			access_page(i, random_below(2));
			access_alias(i, random_below(2));
		}
		ask_dirty(0, PAGES);
		__sync_fetch_and_add(&SHARED[0], 1);
		exit();
	}
	if (random_below(2))
		wait_end(child); // else it has the pages while we go on
}

static void
step(void)
{
	const uint32_t first = random_below(PAGES);
	const uint32_t n = random_below(4) == 0 ? PAGES : 1 + random_below(PAGES - first);
	const uint32_t from = n == PAGES ? 0 : first;

	switch (random_below(32)) {
	case 0 ... 9:
		access_page(first, true);
		break;
	case 10 ... 13:
		access_page(first, false);
		break;
	case 14 ... 17:
		access_alias(first, random_below(2));
		break;
	case 18 ... 21:
		protect(from, n);
		break;
	case 22 ... 23:
		ask_dirty(from, n);
		break;
	case 24:
		sync(from, n);
		break;
	case 25:
		evict(from, n);
		break;
	case 26 ... 27:
		replace(first, random_below(2));
		break;
	case 28:
		snapshot();
		break;
	case 29 ... 30:
		restore();
		break;
	case 31:
		if (random_below(8) == 0)
			fork_once();
		break;
	}
}

static void
compare(void)
{
	for (uint32_t i = 0; i < PAGES; i++) {
		const struct Page *p = &model.page[i];

		CHECK(region_present(region, i * PGSIZE) == p->present);
		if (p->present && p->prot != REGION_NONE)
			CHECK(WORD(ARENA + i * PGSIZE) == p->value);
		if (p->present && model.alias)
			CHECK(WORD(ALIAS + i * PGSIZE) == p->value);
		if (model.is_kept && model.kept[i].present)
			CHECK(WORD(SNAPSHOT + i * PGSIZE) == model.kept[i].value);
	}
}

static void
run(bool alias, bool store)
{
	const struct Pager *pager = store ? &with_store : &without_store;
	SHARED[0] = forks = 0; // children that have come to their end, and all
	memset(&model, 0, sizeof model);
	model.alias = alias;
	model.store = store;
	model.prot = REGION_RW;
	for (uint32_t i = 0; i < PAGES; i++)
		model.page[i].stored = i + 1;
	region = alias ? add_alias(ARENA, PAGES, REGION_RW, pager, ALIAS)
		       : add(ARENA, PAGES, REGION_RW, pager, NULL);
	for (uint32_t i = 0; i < STEPS; i++) {
		step();
		compare();
	}
	while (!alone())
		sys_yield();
	CHECK(forks > 0 && SHARED[0] == forks);
	if (model.is_kept)
		MUST(region_snapshot_drop(region, (void *) SNAPSHOT));
	CHECK(region_remove(region) == 0);
	cprintf("pagers_model: %s alias, %s store: %u children agree\n", alias ? "an" : "no",
		store ? "a" : "no", forks);
}

void
umain(int argc, char **argv)
{
	set_pgfault_handler(own_handler);
	share_page();
	for (uint32_t i = 0; i < 4; i++) {
		seed = 1991 + i;
		run(i & 1, i & 2);
	}
	cprintf("pagers_model: OK\n");
}
