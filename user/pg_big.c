// More objects than addresses: a graph in a space of 64-bit addresses, walked by 32-bit pointers.
//
// Wilson (Pointer Swizzling at Page Fault Time: Efficiently Supporting Huge Address Spaces on
// Standard Hardware, 1991; and Texas, Singhal, Kakkad and Wilson 1992), which Appel and Li name among
// what virtual memory is good for, as persistent stores and as extended addressability.  Primitives:
// TRAP, mapping a page, DIRTY, and addresses where nothing is mapped.
//
// In the store, objects refer to each other by 64-bit ids.  When a page of an object is touched, the
// pager's fill gets it from the store and swizzles it: each id becomes an ordinary pointer, to
// addresses that are set aside for the object named, but stay empty until they are touched, too.  So
// the program only ever sees pointers, and follows them as any; there is no test on the way.
// Addresses run ahead of memory, and are used up long before it is.  Then all pages are evicted; those
// that were changed are swizzled back and stored by write_back.  No pointer means anything any more, and the
// program starts again from the one id that it has kept.
//
// Most of this store is not stored: what an object is follows from its id, by a hash, until it is
// changed.  So the walk can be repeated without memory, from the definition, and must have the same sum.

#include "user/gallery.h"

#define WINDOW 0x40000000
#define WINDOW_SIZE 0x20000000
#define STORE 0x80000000

// An id is the address of an object in the store: there is room for one each OBJECT_SIZE bytes.
// Its first page has this; the others are data.
#define OBJECT_SIZE 0x10000
#define CHILDREN 8

// In the store, and in memory.
union Ref {
	uint64_t id;
	struct Object *to;
};

struct Object {
	union Ref next; // the next tree
	union Ref child[CHILDREN];
	uint32_t value;
	uint32_t visits;
};

#define REFS (1 + CHILDREN) // and they come first

// Ids and pointers.

#define SLOTS (WINDOW_SIZE / OBJECT_SIZE)
#define BUCKETS (2 * SLOTS)

// The addresses of slot i, from WINDOW + i * OBJECT_SIZE on, are those of ids[i].
static uint64_t ids[SLOTS];
static uint32_t slots;
static uint16_t bucket[BUCKETS]; // a hash table of ids: a slot and 1, or 0

static struct {
	uint64_t reserved; // slots
	uint32_t filled, stored, recycles, swizzled, unswizzled;
	uint32_t resident, most; // pages, since addresses were used again last
} did;

// Spread the bits of x (the finalizer of SplitMix64; Steele, Lea and Flood, 2014).
static uint64_t
mix(uint64_t x)
{
	x = (x ^ x >> 30) * 0xbf58476d1ce4e5b9;
	x = (x ^ x >> 27) * 0x94d049bb133111eb;
	return x ^ x >> 31;
}

// Returns NULL when no addresses are left.
static struct Object *
pointer_to(uint64_t id)
{
	uint32_t b = id / OBJECT_SIZE % BUCKETS;

	for (; bucket[b]; b = (b + 1) % BUCKETS)
		if (ids[bucket[b] - 1] == id)
			return (struct Object *) (WINDOW + (bucket[b] - 1) * OBJECT_SIZE);
	if (slots == SLOTS)
		return NULL;
	ids[slots] = id;
	bucket[b] = ++slots;
	did.reserved++;
	return (struct Object *) (WINDOW + (slots - 1) * OBJECT_SIZE);
}

static uint64_t
id_of(const struct Object *object)
{
	return object ? ids[((uint32_t) object - WINDOW) / OBJECT_SIZE] : 0;
}

static int
swizzle(struct Object *object)
{
	union Ref *refs = &object->next;

	for (int i = 0; i < REFS; i++) {
		struct Object *to = NULL;

		if (refs[i].id && !(to = pointer_to(refs[i].id)))
			return -E_NO_MEM;
		did.swizzled += to != NULL;
		refs[i] = (union Ref){.to = to};
	}
	return 0;
}

static void
unswizzle(struct Object *object)
{
	union Ref *refs = &object->next;

	for (int i = 0; i < REFS; i++) {
		refs[i].id = id_of(refs[i].to);
		did.unswizzled += refs[i].id != 0;
	}
}

// What objects are, by definition.

#define FIRST_TREE 0x123456789abc0000

// Ref i of an object: any other of the 2^48.  One in eight is missing, but never the first two.
static uint64_t
defined_ref(uint64_t id, uint32_t i)
{
	uint64_t hash = mix(id + i + 1);

	return i > 1 && hash % 8 == 0 ? 0 : hash / OBJECT_SIZE * OBJECT_SIZE;
}

static uint32_t
defined_value(uint64_t id)
{
	return mix(id);
}

// Word i of an object's data.
static uint32_t
defined_data(uint64_t id, uint32_t i)
{
	return (uint32_t) (id >> 16) + i * 0x9e3779b1;
}

static void
generate(uint64_t id, uint32_t offset, void *page)
{
	struct Object *object = page;
	uint32_t *data = page;

	if (offset == 0) {
		for (int i = 0; i < REFS; i++)
			(&object->next)[i].id = defined_ref(id, i);
		object->value = defined_value(id);
	} else {
		for (uint32_t i = 0; i < PGSIZE / sizeof(uint32_t); i++)
			data[i] = defined_data(id, offset / sizeof(uint32_t) + i);
	}
}

// The store: pages that differ from the definition.  One that is not there yet is zero in `keys'.

#define STORED_MAX 8192

static uint64_t keys[2 * STORED_MAX]; // ids + offsets of pages, + 1
static uint16_t stored_at[2 * STORED_MAX];

// Where the key of a page is, or may be put.
static uint32_t
store_find(uint64_t page)
{
	uint32_t k = mix(page) % ARRAY_SIZE(keys);

	while (keys[k] && keys[k] != page + 1)
		k = (k + 1) % ARRAY_SIZE(keys);
	return k;
}

static void *
stored_page(uint32_t k)
{
	return (void *) (STORE + stored_at[k] * PGSIZE);
}

// Returns a page in *page to store what is at the address `address' of the store.
static int
store_make(uint64_t address, void **page)
{
	uint32_t k = store_find(address);
	int r;

	if (!keys[k]) {
		if (did.stored == STORED_MAX)
			return -E_NO_MEM;
		stored_at[k] = did.stored;
		if ((r = sys_page_alloc(0, stored_page(k), RW)) < 0)
			return r;
		did.stored++;
		keys[k] = address + 1;
	}
	*page = stored_page(k);
	return 0;
}

// The pager.

static int
big_fill(struct Region *r, uint32_t offset, void *page)
{
	uint32_t slot = offset / OBJECT_SIZE, within = offset % OBJECT_SIZE;

	if (slot >= slots)
		return -E_INVAL; // a pointer that nobody was given
	uint32_t k = store_find(ids[slot] + within);
	if (keys[k])
		memcpy(page, stored_page(k), PGSIZE);
	else
		generate(ids[slot], within, page);
	did.filled++;
	did.most = MAX(did.most, ++did.resident);
	return within ? 0 : swizzle(page);
}

static int
big_write_back(struct Region *r, uint32_t offset, const void *page)
{
	uint32_t within = offset % OBJECT_SIZE;
	void *to;
	int error;

	if ((error = store_make(ids[offset / OBJECT_SIZE] + within, &to)) < 0)
		return error;
	memcpy(to, page, PGSIZE);
	if (within == 0)
		unswizzle(to);
	return 0;
}

static const struct Pager big_pager = {
	.name = "big", .fill = big_fill, .write_back = big_write_back};
static struct Region *region;

// Use all addresses again.  The caller has no pointers.
static void
recycle(void)
{
	MUST(region_evict(region, 0, WINDOW_SIZE));
	memset(bucket, 0, sizeof bucket);
	slots = did.resident = 0;
	did.recycles++;
}

// The work: trees, as long as there are trees.  Leaves have children, too, who are given addresses as
// all who are referred to, but nobody visits.

#define TREES 1200
#define AGAIN 150 // are walked a second time, to see the changes
#define LEVELS 3
#define SLOTS_FOR_TREE (REFS * (1 + CHILDREN + CHILDREN * CHILDREN))

// Which word of an object's data is looked at.
static uint32_t
word_of(uint32_t value)
{
	const uint32_t head = PGSIZE / sizeof(uint32_t);

	return head + value % (OBJECT_SIZE / sizeof(uint32_t) - head);
}

static uint32_t
add(uint32_t sum, uint32_t value, uint32_t visits, uint32_t data)
{
	return sum * 31 + (value ^ data) + visits;
}

static uint32_t visited;

// There is nothing here of windows and ids.
static uint32_t
walk(const struct Object *object, uint32_t level, uint32_t sum)
{
	const uint32_t *data = (const uint32_t *) object;

	visited++;
	sum = add(sum, object->value, object->visits, data[word_of(object->value)]);
	if (level + 1 < LEVELS)
		for (int i = 0; i < CHILDREN; i++)
			if (object->child[i].to)
				sum = walk(object->child[i].to, level + 1, sum);
	return sum;
}

// The last child of the tree and the first one's first child take each other's place.
static void
change(struct Object *tree)
{
	struct Object *first = tree->child[0].to;
	union Ref last = tree->child[CHILDREN - 1];

	tree->child[CHILDREN - 1] = first->child[0];
	first->child[0] = last;
	tree->visits++;
	first->visits++;
}

static uint32_t
walk_trees(uint32_t n, uint32_t sum)
{
	uint64_t at = FIRST_TREE;

	for (uint32_t i = 0; i < n; i++) {
		if (SLOTS - slots < SLOTS_FOR_TREE + 1)
			recycle();
		struct Object *tree = pointer_to(at);
		sum = walk(tree, 0, sum);
		change(tree);
		at = id_of(tree->next.to);
	}
	return sum;
}

// The same from the definition.

static uint64_t
child_of(uint64_t id, uint32_t i)
{
	return defined_ref(id, 1 + i);
}

// After the change of `tree', if that is not 0.
static uint64_t
child_now(uint64_t tree, uint64_t id, uint32_t i)
{
	uint64_t first = child_of(tree, 0);

	if (tree && id == tree && i == CHILDREN - 1)
		return child_of(first, 0);
	if (tree && id == first && i == 0)
		return child_of(tree, CHILDREN - 1);
	return child_of(id, i);
}

static uint32_t
defined_walk(uint64_t tree, uint64_t id, uint32_t level, uint32_t sum)
{
	uint32_t value = defined_value(id);
	bool changed = tree && (id == tree || id == child_of(tree, 0));

	sum = add(sum, value, changed, defined_data(id, word_of(value)));
	if (level + 1 < LEVELS)
		for (uint32_t i = 0; i < CHILDREN; i++) {
			uint64_t child = child_now(tree, id, i);

			if (child)
				sum = defined_walk(tree, child, level + 1, sum);
		}
	return sum;
}

static uint32_t
defined_trees(uint32_t n, bool changed, uint32_t sum)
{
	uint64_t at = FIRST_TREE;

	for (uint32_t i = 0; i < n; i++) {
		sum = defined_walk(changed ? at : 0, at, 0, sum);
		at = defined_ref(at, 0);
	}
	return sum;
}

void
umain(int argc, char **argv)
{
	const struct Region like = {.name = "objects",
				    .start = WINDOW,
				    .size = WINDOW_SIZE,
				    .prot = REGION_RW,
				    .max = REGION_RW,
				    .pager = &big_pager};
	uint64_t start;
	uint32_t sum;

	MUST(region_add(&region, &like));
	start = ticks();
	sum = walk_trees(TREES, 0);
	start = ticks() - start;
	uint32_t walked = visited / (0x100000 / OBJECT_SIZE), a_visit = start / visited;
	CHECK(sum == defined_trees(TREES, false, 0));
	CHECK(walked > 4096);
	sum = walk_trees(AGAIN, sum);
	CHECK(sum == defined_trees(AGAIN, true, defined_trees(TREES, false, 0)));
	MUST(region_remove(region));
	CHECK(did.recycles && did.stored >= 2 * TREES);

	cprintf("pg_big: OK: %u MB of objects walked, %u MB of addresses given out in a window of "
		"%u MB, %u recycles, %u pages faulted in, %u at once, %u pointers swizzled, %u "
		"swizzled back, "
		"%u pages stored, %u %s an object\n",
		walked, (uint32_t) (did.reserved / (0x100000 / OBJECT_SIZE)), WINDOW_SIZE >> 20,
		did.recycles, did.filled, did.most, did.swizzled, did.unswizzled, did.stored,
		a_visit, tick_unit());
}
