// Compressed paging: a region of 2 MB in 64 frames, and a pool for what does not fit, compressed.
//
// Appel and Li 1991 name compression as what a pager may do instead of writing to a disk; Wilson,
// Kaplan and Smaragdakis (The Case for Compressed Caching in Virtual Memory Systems, 1999) measured
// it and gave an algorithm for what stands in memory, WK (user/wk.h).  Pages of zeros cost nothing, and
// those that do not become smaller are kept as they are.
//
// Which page goes is decided by second chance (clock).  Whether a page was used since the hand
// passed is found out by protection, as on the VAX (Babaoglu and Joy, Converting a Swap-Based System
// to do Paging in an Architecture Lacking Page-Referenced Bits, 1981): the hand takes all access
// away, and an access brings it back by a fault.  The pager reads such pages through the alias.
// Primitives: TRAP, PROT1, UNPROT, DIRTY, MAP2.
//
// The pager says: fault: room for one more, or access comes back; fill: decompress; write_back:
// compress.  A page that was not written to goes as it came, as the pool still has it.
//
// The same work is done in the region and in plain memory, and must have the same outcome.

#include "user/gallery.h"
#include "user/wk.h"

#define REGION 0x40000000
#define ALIAS 0x48000000
#define PLAIN 0x50000000
#define POOL 0x58000000
#define PAGES 512
#define FRAMES 64

// The pool: cells of 64 bytes, in chains.  It grows by a page when there is no free cell.

#define CELL 64
#define CELLS (PAGES * PGSIZE / CELL)
#define NO_CELL 0xffff

static uint16_t next_cell[CELLS], free_cell = NO_CELL;
static uint32_t pool_pages, free_cells;

static void *
cell_at(uint32_t cell)
{
	return (void *) (POOL + cell * CELL);
}

static void
cell_free(uint32_t cell)
{
	next_cell[cell] = free_cell;
	free_cell = cell;
	free_cells++;
}

static int
pool_grow(void)
{
	uint32_t first = pool_pages * (PGSIZE / CELL);
	int r;

	if (first == CELLS)
		return -E_NO_MEM;
	if ((r = sys_page_alloc(0, cell_at(first), RW)) < 0)
		return r;
	pool_pages++;
	for (uint32_t cell = first + PGSIZE / CELL; cell-- > first;)
		cell_free(cell);
	return 0;
}

static void
pool_drop(uint32_t cell)
{
	while (cell != NO_CELL) {
		uint32_t next = next_cell[cell];

		cell_free(cell);
		cell = next;
	}
}

// Store size bytes.  Returns the first cell, or a negative error.
static int
pool_store(const uint8_t *from, uint32_t size)
{
	uint32_t first = NO_CELL, end = ROUNDUP(size, CELL);
	int r;

	while (free_cells < end / CELL)
		if ((r = pool_grow()) < 0)
			return r;
	while (end) { // the last first, so that each finds the next one there
		uint32_t cell = free_cell, start = end - CELL;

		free_cell = next_cell[cell];
		free_cells--;
		next_cell[cell] = first;
		first = cell;
		memcpy(cell_at(cell), from + start, MIN(size - start, (uint32_t) CELL));
		end = start;
	}
	return first;
}

static void
pool_load(uint32_t cell, uint8_t *to, uint32_t size)
{
	for (; size; cell = next_cell[cell]) {
		uint32_t n = MIN(size, (uint32_t) CELL);

		memcpy(to, cell_at(cell), n);
		to += n;
		size -= n;
	}
}

// The pager.

static uint32_t packed[WK_SPACE]; // a handler's stack has no room for it

// What stands in the pool for a page: nothing, if it is zero.
static struct Slot {
	uint16_t first; // cell
	uint16_t size;  // in bytes; PGSIZE: it is not compressed
} slots[PAGES];

static struct Ring {
	uint32_t offset;
	bool used; // since the hand passed; if not, the page allows no access
} ring[FRAMES];
static uint32_t resident, hand;

static struct {
	uint32_t faults, chances, packed, raw, zero, stored; // stored: bytes of the packed
	uint32_t out, in;                                    // pages, for the ticks
	uint64_t out_ticks, in_ticks;
} did;

static int
zip_write_back(struct Region *r, uint32_t offset, const void *page)
{
	struct Slot *slot = &slots[offset / PGSIZE];
	uint64_t start = ticks();
	uint32_t size = wk_is_zero(page) ? 0 : wk_pack(page, packed) ?: PGSIZE;
	int first = NO_CELL;

	if (size && (first = pool_store(size == PGSIZE ? page : packed, size)) < 0)
		return first;
	if (slot->size)
		pool_drop(slot->first);
	*slot = (struct Slot){.first = first, .size = size};
	did.out++;
	did.out_ticks += ticks() - start;
	did.zero += size == 0;
	did.raw += size == PGSIZE;
	did.packed += size && size < PGSIZE;
	did.stored += size < PGSIZE ? size : 0;
	return 0;
}

static int
zip_fill(struct Region *r, uint32_t offset, void *page)
{
	const struct Slot *slot = &slots[offset / PGSIZE];
	uint64_t start = ticks();

	if (slot->size == 0)
		return 0;
	if (slot->size == PGSIZE) {
		pool_load(slot->first, page, PGSIZE);
	} else {
		pool_load(slot->first, (uint8_t *) packed, slot->size);
		wk_unpack(packed, page);
	}
	did.in++;
	did.in_ticks += ticks() - start;
	return 0;
}

// Turn the hand until it is at a page that was not used, and evict that.
static int
make_room(struct Region *r)
{
	int error;

	for (;; hand = (hand + 1) % FRAMES) {
		if (!ring[hand].used)
			return region_evict(r, ring[hand].offset, PGSIZE);
		if ((error = region_protect(r, ring[hand].offset, PGSIZE, REGION_NONE)) < 0)
			return error;
		ring[hand].used = false;
	}
}

static int
second_chance(struct Region *r, uint32_t offset)
{
	for (uint32_t i = 0; i < resident; i++)
		if (ring[i].offset == offset) {
			ring[i].used = true;
			did.chances++;
			return region_protect(r, offset, PGSIZE, REGION_RW);
		}
	return REGION_DECLINED;
}

static int
zip_fault(struct Region *r, const struct Fault *f, struct UTrapframe *utf)
{
	int error;

	if (!f->missing)
		return second_chance(r, f->offset);
	did.faults++;
	if (resident < FRAMES) {
		ring[resident++] = (struct Ring){.offset = f->offset, .used = true};
		return REGION_DEFAULT;
	}
	if ((error = make_room(r)) < 0)
		return error;
	ring[hand] = (struct Ring){.offset = f->offset, .used = true};
	hand = (hand + 1) % FRAMES;
	return REGION_DEFAULT;
}

static const struct Pager zip_pager = {
	.name = "zip", .fault = zip_fault, .fill = zip_fill, .write_back = zip_write_back};

// The work: records in most pages, as programs have them, some pages of noise, some nearly empty, and
// some that are only read.

#define ROUNDS 6
#define STEPS 3000
#define NEAR 40 // pages that a round is mostly about

struct Record {
	uint32_t next; // looks like a pointer
	uint32_t key;
	uint32_t count;
	uint32_t unused;
};

static void
build_page(uint32_t p, uint32_t *page, uint32_t *seed)
{
	if (p % 8 == 5) {
		for (uint32_t i = 0; i < WK_WORDS; i++)
			page[i] = xorshift(seed);
	} else if (p % 8 == 6) {
		for (uint32_t i = 0; i < WK_WORDS; i += 100)
			page[i] = p * i;
	} else if (p % 8 != 7) {
		struct Record *records = (struct Record *) page;

		for (uint32_t i = 0; i < PGSIZE / sizeof(struct Record); i++) {
			records[i].next = 0x40000000 + p * PGSIZE + xorshift(seed) % PGSIZE;
			records[i].key = xorshift(seed) % 1000;
			records[i].count = i;
		}
	}
}

static uint32_t
sum_page(const uint32_t *page, uint32_t sum)
{
	for (uint32_t i = 0; i < WK_WORDS; i++)
		sum = (sum << 5 | sum >> 27) + page[i];
	return sum;
}

// One step: follow a record, or change a word.
static uint32_t
step(uint32_t *page, uint32_t random)
{
	struct Record *record = (struct Record *) page + random % (PGSIZE / sizeof(struct Record));

	if (random & 0x10000) {
		record->count++;
		record = (struct Record *) page + record->next % PGSIZE / sizeof(struct Record);
	}
	return record->key ^ record->count;
}

static uint32_t
work(uint32_t *memory)
{
	uint32_t seed = 7, sum = 0;

	for (uint32_t p = 0; p < PAGES; p++)
		build_page(p, memory + p * WK_WORDS, &seed);
	for (uint32_t round = 0; round < ROUNDS; round++) {
		for (uint32_t n = 0; n < STEPS; n++) {
			uint32_t random = xorshift(&seed);
			uint32_t p = random >> 17 & 31 ? round * 80 + (random >> 22) % NEAR
						       : (random >> 22) % PAGES;

			sum = sum * 31 + step(memory + p * WK_WORDS, random);
		}
		memset(memory + (round * 80 + 8) * WK_WORDS, 0, 8 * PGSIZE); // and zero again
		for (uint32_t p = 0; p < PAGES; p++)
			sum = sum_page(memory + p * WK_WORDS, sum);
	}
	return sum;
}

static uint32_t
frames_of(uint32_t start, uint32_t n)
{
	uint32_t count = 0;

	for (uint32_t va = start; va < start + n * PGSIZE; va += PGSIZE)
		count += (uvpd[PDX(va)] & PTE_P) && (uvpt[PGNUM(va)] & PTE_P);
	return count;
}

static uint32_t
work_in_plain_memory(uint64_t *took)
{
	for (uint32_t p = 0; p < PAGES; p++)
		MUST(sys_page_alloc(0, (void *) (PLAIN + p * PGSIZE), RW));
	*took = ticks();
	uint32_t sum = work((uint32_t *) PLAIN);
	*took = ticks() - *took;
	return sum;
}

static void
check_end(struct Region *region)
{
	CHECK(frames_of(ALIAS, PAGES) == FRAMES && frames_of(REGION, PAGES) <= FRAMES);
	CHECK(frames_of(POOL, PAGES) == pool_pages && pool_pages + FRAMES < PAGES);
	CHECK(did.packed && did.raw && did.zero && did.chances);
	CHECK(memcmp((void *) REGION, (void *) PLAIN, PAGES * PGSIZE) == 0);

	// Zero pages cost nothing.
	memset((void *) REGION, 0, PAGES * PGSIZE);
	MUST(region_remove(region));
	CHECK(free_cells == pool_pages * (PGSIZE / CELL));
	CHECK(frames_of(ALIAS, PAGES) == 0 && frames_of(REGION, PAGES) == 0);
}

void
umain(int argc, char **argv)
{
	const struct Region like = {.name = "compressed memory",
				    .start = REGION,
				    .size = PAGES * PGSIZE,
				    .prot = REGION_RW,
				    .max = REGION_RW,
				    .alias = ALIAS,
				    .pager = &zip_pager};
	struct Region *region;
	uint64_t plain, start, took;
	uint32_t sum;

	wk_test();
	sum = work_in_plain_memory(&plain);
	MUST(region_add(&region, &like));
	start = ticks();
	CHECK(work((uint32_t *) REGION) == sum);
	took = ticks() - start;
	const typeof(did) work_did = did;
	check_end(region);

	did = work_did;
	uint32_t ratio = (uint64_t) did.packed * PGSIZE * 100 / did.stored;
	cprintf("plain memory: %llu %s; here %llu\n", plain, tick_unit(), took);
	cprintf("pg_zip: OK: %u pages in %u frames and %u of the pool, %u.%02u to 1, %u pages "
		"compressed, %u kept raw, %u zero, %u faults, %u second chances, %u %s a page out, "
		"%u in, %u a fault\n",
		PAGES, FRAMES, pool_pages, ratio / 100, ratio % 100, did.packed, did.raw, did.zero,
		did.faults, did.chances, (uint32_t) (did.out_ticks / did.out), tick_unit(),
		(uint32_t) (did.in_ticks / did.in), (uint32_t) ((took - plain) / did.faults));
}
