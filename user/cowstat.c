// What copy-on-write costs and saves in a tree of forks: for each program of the tree, the pages that
// it had copied because others had them too, and those that it got back as they were.
//
// Each program writes to some of the pages that it has from its parent, forks twice, waits for both
// children to end, and writes to the same pages again.

#include "user/attack.h"

#define DEPTH 3
#define NODES ((1 << DEPTH) - 1)
#define PAGES 32   // that all have,
#define WRITTEN 10 // and to how many of them each writes
#define HEAP 0x10000000
#define WORD(i) (*(volatile uint32_t *) (HEAP + (i) *PGSIZE))

// What each has counted, by its number in the tree: 1 is the root, 2n and 2n+1 are the children of n.
static volatile struct Cowstat *const tree = (volatile struct Cowstat *) SHARED_VA;

static void
write_some(uint32_t node)
{
	for (uint32_t i = 0; i < WRITTEN; i++)
		WORD(i) = node;
}

static void
check_pages(uint32_t node)
{
	for (uint32_t i = 0; i < PAGES; i++)
		assert(WORD(i) == (i < WRITTEN ? node : 0));
}

static void
keep(uint32_t node)
{
	const struct Cowstat now = cowstat();

	tree[node].copied = now.copied;
	tree[node].taken = now.taken;
}

static void
grow(uint32_t node)
{
	envid_t child[2];

	write_some(node);
	if (2 * node <= NODES) {
		for (uint32_t i = 0; i < 2; i++) {
			child[i] = spawn(grow, 2 * node + i);
			wait_end(child[i]);
		}
		// Nobody else has them now.
		const struct Cowstat before = cowstat();
		write_some(node);
		const struct Cowstat after = cowstat();
		assert(after.copied == before.copied && after.taken == before.taken + WRITTEN);
	} else {
		assert(cowstat().copied >= WRITTEN && cowstat().taken == 0);
	}
	check_pages(node);
	keep(node);
}

void
umain(int argc, char **argv)
{
	struct Cowstat sum = {0};

	assert(cowstat().copied == 0 && cowstat().taken == 0);
	share_page();
	for (uint32_t i = 0; i < PAGES; i++)
		assert(sys_page_alloc(0, (void *) &WORD(i), RW) == 0);
	grow(1);
	for (uint32_t node = 1; node <= NODES; node++) {
		const uint32_t copied = tree[node].copied, taken = tree[node].taken;

		cprintf("cowstat: program %u: %u copied, %u taken back\n", node, copied, taken);
		sum.copied += copied;
		sum.taken += taken;
	}
	cprintf("cowstat: OK: %u forks of %u pages and more, %u pages copied, %u taken back\n",
		NODES - 1, PAGES, sum.copied, sum.taken);
}
