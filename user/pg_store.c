// A persistent heap: objects with ordinary pointers that survive the program and the machine.
//
// Appel and Li's (1991) persistent store: the heap is a region at a fixed address, whose pages are read
// from the disk when they are touched first, and those that have been written to (DIRTY) go back at a
// commit.  Nothing else is between the program and its objects: no call reads or writes one.
//
// A commit is atomic by shadow pages (Lorie, Physical Integrity in a Large Segmented Database, 1977)
// and two roots that take turns (Challis 1978).  A block that the last commit refers to is never written
// to.  The changed pages go to free blocks; when they have arrived (disk_flush), one sector, the root, is
// written, which has the table of all pages, a generation and a checksum.  Generation g's root is sector
// g % 2, so the old one stays.  Whoever opens the store takes the valid root of the higher generation.
//
//	sector 0, 1	the roots
//	8 + 8b ...	block b, a page
//
// Below, the power fails at each sector of a commit.  What has been written since the last flush may have
// arrived then, or a part of a sector, or nothing.  The store is opened again, and must have what was
// there before, or all of the new.
//
// The objects are a tree over the bits of hashed keys (a trie; Fredkin 1960), two at a time, so it is at
// most 16 deep, and where an object stands says which keys it may have.

#include "user/failingdisk.h"

#define HEAP ((struct Heap *) 0x40000000) // where it is, always
#define HEAP_PAGES 62
#define HEAP_SIZE (HEAP_PAGES * PGSIZE)
#define BLOCKS (2 * HEAP_PAGES + 8) // so each page soon finds a free one

#define SECTORS_OF_PAGE (PGSIZE / SECTOR_SIZE)
#define FIRST_BLOCK 8 // its sector
#define DISK_SECTORS (FIRST_BLOCK + BLOCKS * SECTORS_OF_PAGE)

#define ITEMS_AT_ONCE 500 // that each start of the program adds
#define ITEMS_OF_FAILURE 2

// --- The store: pages in blocks. ---

struct Root {
	uint32_t magic;
	uint32_t generation; // commits so far
	struct Heap *heap;   // where its pointers point to
	struct Slot {
		uint32_t block;    // 0: the page is zero; else block number + 1
		uint32_t checksum; // of the page
	} slots[HEAP_PAGES];
	uint32_t checksum; // of what is above
};
static_assert(sizeof(struct Root) == SECTOR_SIZE, "the root is written in one piece");
#define MAGIC 0x65524f74

static struct Root root;      // of the last commit, but with the pages that have been written since
static uint8_t taken[BLOCKS]; // by the last commit, or since
static volatile uint32_t pages_read; // volatile: faults change it
static uint32_t pages_written;
static bool forgotten; // what is in memory will not be stored

// FNV-1a (Fowler, Noll and Vo), a word at a time.
static uint32_t
checksum(const void *of, size_t size)
{
	const uint32_t *word = of, *end = of + size;
	uint32_t sum = 2166136261u;

	while (word < end)
		sum = (sum ^ *word++) * 16777619u;
	return sum;
}

static uint32_t
root_checksum(const struct Root *r)
{
	return checksum(r, offsetof(struct Root, checksum));
}

static uint32_t
sector_of(uint32_t block)
{
	return FIRST_BLOCK + block * SECTORS_OF_PAGE;
}

static int
read_page(struct Region *r, uint32_t offset, void *page)
{
	const struct Slot *slot = &root.slots[offset / PGSIZE];
	int e;

	if (slot->block == 0)
		return 0;
	if ((e = disk_read(sector_of(slot->block - 1), page, SECTORS_OF_PAGE)) < 0)
		return e;
	pages_read++;
	return checksum(page, PGSIZE) == slot->checksum ? 0 : -E_INVAL;
}

// Write a page to a block that the last commit does not know: not always to the same, so that what an
// earlier attempt has left there is not taken for what should have arrived.
static int
write_page(struct Region *r, uint32_t offset, const void *page)
{
	static uint32_t seed = 1;
	uint32_t block;

	if (forgotten)
		return 0;
	do {
		block = xorshift(&seed) % BLOCKS;
	} while (taken[block]);
	taken[block] = true;
	root.slots[offset / PGSIZE] = (struct Slot){block + 1, checksum(page, PGSIZE)};
	pages_written++;
	return failing_write(sector_of(block), page, SECTORS_OF_PAGE);
}

static const struct Pager store_pager = {
	.name = "store",
	.fill = read_page,
	.write_back = write_page,
};
static struct Region *region;

// Which blocks the last commit refers to.
static void
find_taken(void)
{
	memset(taken, 0, sizeof taken);
	for (int i = 0; i < HEAP_PAGES; i++)
		if (root.slots[i].block > 0)
			taken[root.slots[i].block - 1] = true;
}

// Make all that has been done since the last commit permanent, or nothing of it.  After an error, the
// store has to be opened again.
static int
commit(void)
{
	int r;

	if ((r = region_sync(region, 0, HEAP_SIZE)) < 0 || (r = failing_flush()) < 0)
		return r;
	root.generation++;
	root.checksum = root_checksum(&root);
	if ((r = failing_write(root.generation % 2, &root, 1)) < 0 || (r = failing_flush()) < 0)
		return r;
	find_taken();
	return 0;
}

// Neither a root nor an empty sector may be somebody else's.
static bool
read_root(uint32_t sector, struct Root *r)
{
	MUST(disk_read(sector, r, 1));
	if (r->magic != 0 && r->magic != MAGIC)
		panic("the disk is neither empty nor a store");
	return r->magic == MAGIC && r->checksum == root_checksum(r);
}

// Map the store as the last commit left it; an empty one, when there has been none.
static void
open_store(void)
{
	static struct Root other;
	struct Region like = {.name = "store",
			      .start = (uint32_t) HEAP,
			      .size = HEAP_SIZE,
			      .prot = REGION_RW,
			      .max = REGION_RW,
			      .pager = &store_pager};
	bool found = read_root(0, &root);

	if (read_root(1, &other) && (!found || other.generation > root.generation)) {
		root = other;
		found = true;
	}
	if (!found)
		root = (struct Root){.magic = MAGIC, .heap = HEAP};
	if (root.heap != HEAP)
		panic("the store's pointers are for %p", root.heap);
	find_taken();
	MUST(region_add(&region, &like));
}

// Let go of the memory, and of all that has not been committed.
static void
close_store(void)
{
	forgotten = true;
	MUST(region_remove(region));
	memset(&root, 0, sizeof root);
	forgotten = false;
}

// --- The objects. ---

struct Item {
	uint32_t key, value;
	struct Item *child[4];
};

// What the heap begins with.  A heap of zeros is an empty one.
struct Heap {
	uint32_t count; // its keys are 0, 1, ... count - 1
	uint32_t sum;   // of the values
	struct Item *tree;
	struct Item items[]; // the first count of them are in use
};
#define ITEMS ((HEAP_SIZE - sizeof(struct Heap)) / sizeof(struct Item))

// The finalizer of MurmurHash3 (Appleby): no two keys have the same hash.
static uint32_t
hash(uint32_t x)
{
	x = (x ^ x >> 16) * 0x85ebca6b;
	x = (x ^ x >> 13) * 0xc2b2ae35;
	return x ^ x >> 16;
}

static uint32_t
value_of(uint32_t key)
{
	return hash(~key);
}

// Where the pointer to the item with this key is, or would be.
static struct Item **
find(uint32_t key)
{
	struct Item **link = &HEAP->tree;

	for (uint32_t h = hash(key); *link && (*link)->key != key; h >>= 2)
		link = &(*link)->child[h & 3];
	return link;
}

static void
add_items(uint32_t n)
{
	while (n-- > 0) {
		uint32_t key = HEAP->count++;
		struct Item **link = find(key);

		CHECK(!*link);
		*link = &HEAP->items[key];
		**link = (struct Item){.key = key, .value = value_of(key)};
		HEAP->sum += value_of(key);
	}
}

// Empty the heap when this start of the program might fill it.
static void
make_room(void)
{
	if (ITEMS - HEAP->count >= 2 * ITEMS_AT_ONCE)
		return;
	cprintf("pg_store: the heap is full, and begins anew\n");
	HEAP->count = HEAP->sum = 0;
	HEAP->tree = NULL;
}

// Check the items from `item' on, whose hashes end in `low', 2 * depth bits.  Returns how many they are.
static uint32_t
verify_items(const struct Item *item, uint32_t low, int depth, uint32_t *sum)
{
	uint32_t n = 1;

	if (!item)
		return 0;
	CHECK(item->key < HEAP->count && item == &HEAP->items[item->key]);
	CHECK(depth <= 16 && item->value == value_of(item->key));
	CHECK(depth == 16 || ((hash(item->key) ^ low) & ((1u << 2 * depth) - 1)) == 0);
	*sum += item->value;
	for (uint32_t i = 0; i < 4; i++)
		n += verify_items(item->child[i], low | i << 2 * depth, depth + 1, sum);
	return n;
}

// Check all that must hold.
static void
verify(void)
{
	uint32_t sum = 0, expected = 0;

	CHECK(HEAP->count <= ITEMS);
	CHECK(verify_items(HEAP->tree, 0, 0, &sum) == HEAP->count);
	for (uint32_t key = 0; key < HEAP->count; key++) {
		expected += value_of(key);
		CHECK(*find(key));
	}
	CHECK(sum == HEAP->sum && sum == expected);
}

// --- What is shown. ---

// How often the power has failed, and what was there then.
static uint32_t failures, all_old, all_new;

// Add items and let the power fail at sector k of the commit; open the store again.
// Returns whether there were as many: else the commit has succeeded.
static bool
fail_at(uint32_t k)
{
	uint32_t generation = root.generation, count = HEAP->count;

	power = k;
	add_items(ITEMS_OF_FAILURE);
	int r = commit();
	bool failed = power == 0;
	power = FOREVER;
	if (!failed) {
		CHECK(r == 0);
		return false;
	}
	CHECK(r == -E_NO_DISK);
	close_store();
	open_store();
	verify();
	uint32_t is_new = root.generation - generation;
	CHECK(is_new <= 1 && HEAP->count == count + is_new * ITEMS_OF_FAILURE);
	failures++;
	all_old += !is_new;
	all_new += is_new;
	return true;
}

// At each sector, until the power suffices.
static void
fail_everywhere(void)
{
	for (uint32_t k = 1;; k++)
		for (luck = 0; luck < ARRAY_SIZE(arriving); luck++)
			if (!fail_at(k))
				return;
}

// How many pages it takes to find one item in a store that has just been opened.  Not inlined: a compiler,
// which does not know that reads of the heap change pages_read, would move that across other reads.
static uint32_t __attribute__((noinline)) pages_to_find(uint32_t key)
{
	close_store();
	open_store();
	pages_read = 0;
	CHECK((*find(key))->value == value_of(key));
	return pages_read;
}

void
umain(int argc, char **argv)
{
	int sectors = disk_size();

	if (sectors < 0)
		panic("there is no disk (%e): make run-pg_store DISK=file", sectors);
	if (sectors < DISK_SECTORS)
		panic("the disk has %d sectors, and must have %d", sectors, DISK_SECTORS);

	open_store();
	cprintf("pg_store: found generation %u, %u objects\n", root.generation, HEAP->count);
	verify();
	if (root.generation == 0)
		fail_everywhere();
	make_room();
	add_items(ITEMS_AT_ONCE);
	pages_written = 0;
	MUST(commit());
	uint32_t written = pages_written;
	fail_everywhere();
	uint32_t pages_found = pages_to_find(HEAP->count / 2);
	verify();

	cprintf("pg_store: after %u power failures in commits, %u times all was old and %u times "
		"all new\n",
		failures, all_old, all_new);
	cprintf("pg_store: generation %u, %u objects\n", root.generation, HEAP->count);
	cprintf("pg_store: OK: %u objects in %u pages, %u power failures survived, %u pages "
		"written to add %u objects, %u pages read to find one\n",
		HEAP->count, PGNUM(&HEAP->items[HEAP->count]) - PGNUM(HEAP) + 1, failures, written,
		ITEMS_AT_ONCE, pages_found);
}
