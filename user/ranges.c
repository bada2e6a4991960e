// The calls on ranges of pages: each does what the same call does page by page; and after one that
// takes rights away has returned, nobody uses them, on whatever CPU.

#include "user/attack.h"

#define ROUNDS 300
#define SLOTS 80

// Two windows with the same in them, across ends of tables: one for the call on the range, the other
// for calls page by page.  And two empty ones.
#define WINDOW(i) (0x10000000 + (i) *4 * PTSIZE - 30 * PGSIZE)
#define ONE WINDOW(1)
#define OTHER WINDOW(2)
#define ONE_TO WINDOW(3)
#define OTHER_TO WINDOW(4)
#define VIEW 0x30000000 // what a child has
#define VISIBLE (PTE_SYSCALL & ~PTE_P)

static uint32_t seed = 1;

static uint32_t
below(uint32_t n)
{
	seed = seed * 1103515245 + 12345;
	return (seed >> 8) % n;
}

static void
must(int r)
{
	if (r < 0)
		panic("%e", r);
}

static pte_t
entry(uint32_t va)
{
	return uvpd[PDX(va)] & PTE_P ? uvpt[PGNUM(va)] : 0;
}

// Do a call on a range until all of it is done.
#define WHOLE(n, call)                                                                             \
	for (uint32_t done = 0, r; done < (n); done += r) {                                        \
		must(r = call);                                                                    \
		assert(r > 0 && r <= (n) -done);                                                   \
	}

static const uint32_t sets[] = {0, 0, PTE_W, PTE_W, PTE_COW, PTE_SHARE, PTE_W | PTE_COW, PTE_AVAIL};

// What one call is about.
static uint32_t first, n, any, none, clear, set;

static void
pick(void)
{
	first = below(SLOTS);
	n = 1 + below(SLOTS - first);
	any = sets[below(ARRAY_SIZE(sets))];
	none = below(2) ? 0 : sets[below(ARRAY_SIZE(sets))];
	clear = sets[below(ARRAY_SIZE(sets))];
	set = sets[below(ARRAY_SIZE(sets))];
}

static bool
matches(pte_t pte)
{
	return (pte & PTE_P) && (!any || (pte & any)) && !(pte & none);
}

static int
changed(pte_t pte)
{
	return (pte & PTE_SYSCALL & ~clear) | set;
}

// The same pages, with the same in them, at the same places of both windows.
static void
fill(void)
{
	static const int perms[] = {RO, RW, RW | PTE_COW, RO | PTE_COW, RW | PTE_SHARE};
	uint32_t density = 1 + below(6);

	for (uint32_t i = 0; i < SLOTS; i++) {
		int perm = perms[below(ARRAY_SIZE(perms))], later = perms[below(ARRAY_SIZE(perms))];
		for (uint32_t at = ONE; at == ONE || at == OTHER; at += OTHER - ONE) {
			void *va = (void *) (at + i * PGSIZE);
			if (i % density) {
				must(sys_page_unmap(0, va));
				continue;
			}
			must(sys_page_alloc(0, va, RW));
			*(volatile uint32_t *) va = i + seed % 1000 * 256;
			must(sys_page_map(0, va, 0, va, perm));
			sys_page_protect(0, va, later);
		}
	}
}

// That two pages are both there with the same rights and the same in them, or both not.
static void
same(uint32_t a, uint32_t b)
{
	if ((entry(a) ^ entry(b)) & (VISIBLE | PTE_P))
		panic("%08x has %03x, but %08x %03x", a, entry(a) & 0xfff, b, entry(b) & 0xfff);
	if (entry(a) && *(volatile uint32_t *) a != *(volatile uint32_t *) b)
		panic("%08x and %08x differ", a, b);
}

static void
protect(void)
{
	uint32_t va = ONE + first * PGSIZE;

	WHOLE(n,
	      sys_pages_protect(0, (void *) (va + done * PGSIZE), n - done, PAGES_IF(any, none),
				PAGES_TO(clear, set)));
	for (uint32_t i = first; i < first + n; i++) {
		va = OTHER + i * PGSIZE;
		if (matches(entry(va)))
			sys_page_protect(0, (void *) va, changed(entry(va))); // or it may not
	}
}

static void
unmap(void)
{
	uint32_t va = ONE + first * PGSIZE;

	WHOLE(n, sys_pages_unmap(0, (void *) (va + done * PGSIZE), n - done));
	for (uint32_t i = first; i < first + n; i++)
		must(sys_page_unmap(0, (void *) (OTHER + i * PGSIZE)));
}

static void
map(void)
{
	uint32_t to = below(SLOTS - n + 1) * PGSIZE, va = ONE + first * PGSIZE;

	WHOLE(n,
	      sys_pages_map((void *) (va + done * PGSIZE), 0,
			    (void *) (ONE_TO + to + done * PGSIZE), n - done, RO | PTE_COW));
	for (uint32_t i = 0; i < n; i++) {
		va = OTHER + (first + i) * PGSIZE;
		if (entry(va))
			must(sys_page_map(0, (void *) va, 0, (void *) (OTHER_TO + to + i * PGSIZE),
					  RO | PTE_COW));
	}
}

// Share a window with a child that never runs, and see through its parent what it has.
static void
share(void)
{
	envid_t child = sys_exofork();
	pte_t was[SLOTS];

	if (child == 0)
		exit();
	must(child);
	for (uint32_t i = 0; i < SLOTS; i++)
		was[i] = entry(ONE + i * PGSIZE);
	if (below(2)) // something to be replaced
		must(sys_pages_share(child, (void *) ONE, SLOTS, PAGES_IF_NEVER, 0));
	WHOLE(n,
	      sys_pages_share(child, (void *) (ONE + (first + done) * PGSIZE), n - done,
			      PAGES_IF(any, none), PAGES_TO(clear, set)));
	for (uint32_t i = first; i < first + n; i++) {
		void *va = (void *) (ONE + i * PGSIZE);
		int r = sys_page_map(child, va, 0, (void *) VIEW, RO);
		if (!was[i]) {
			assert(r == -E_INVAL && !entry((uint32_t) va));
			continue;
		}
		must(r);
		pte_t here = entry((uint32_t) va);
		assert(PTE_ADDR(entry(VIEW)) == PTE_ADDR(was[i]) &&
		       PTE_ADDR(here) == PTE_ADDR(was[i]));
		// It may write now, if it may here.
		r = sys_page_map(child, va, 0, (void *) VIEW, RW);
		assert((r == 0) == !!(here & PTE_W));
		// And later, if it may now, or it matched and we may.
		bool later = sys_page_protect(child, va, RW) == 0;
		assert(!(was[i] & PTE_W) || later || !matches(was[i]));
		// What was done here is what is done page by page.
		void *other = (void *) (OTHER + i * PGSIZE);
		if (matches(entry((uint32_t) other)))
			sys_page_protect(0, other, changed(entry((uint32_t) other)));
	}
	must(sys_env_destroy(child));
}

static void
compare(void)
{
	static void (*const calls[])(void) = {protect, protect, unmap, map, share, share};

	for (int i = 0; i < ROUNDS; i++) {
		if (i % 3 == 0)
			fill();
		pick();
		calls[below(ARRAY_SIZE(calls))]();
		for (uint32_t slot = 0; slot < SLOTS; slot++) {
			same(ONE + slot * PGSIZE, OTHER + slot * PGSIZE);
			same(ONE_TO + slot * PGSIZE, OTHER_TO + slot * PGSIZE);
		}
	}
	for (int i = 1; i <= 4; i++)
		must(sys_pages_unmap(0, (void *) WINDOW(i), SLOTS));
	cprintf("ranges: %d calls do what others do page by page\n", ROUNDS);
}

// Which pages have been written to since somebody asked

#define DIRTY(i) (!!(uvpt[PGNUM(ONE) + (i)] & PTE_D))
#define PAGES 40 // more than are invalidated one by one

// Forget what was written to n pages from number i on, or move it to a bit of our own.
static void
forget_writes(uint32_t i, uint32_t n, pte_t bit)
{
	must(sys_pages_protect(0, (void *) (ONE + i * PGSIZE), n, PAGES_IF(PTE_D, 0),
			       PAGES_TO(PTE_D, bit)));
	for (uint32_t end = i + n; i < end; i++)
		assert(!DIRTY(i));
}

static void
note_writes(void)
{
	for (uint32_t i = 0; i < PAGES; i++)
		must(sys_page_alloc(0, (void *) (ONE + i * PGSIZE), RW));
	for (uint32_t round = 1; round <= ROUNDS; round++) {
		const uint32_t many = 1 + below(round % 2 ? PAGES : 4),
			       from = below(PAGES - many + 1);
		bool written[PAGES] = {false};
		for (uint32_t i = 0; i < 20; i++) {
			uint32_t page = below(PAGES);
			*(volatile uint32_t *) (ONE + page * PGSIZE) = round;
			written[page] = true;
		}
		for (uint32_t i = 0; i < PAGES; i++)
			if (DIRTY(i) != written[i])
				panic("round %u: page %u is %s", round, i,
				      written[i] ? "not dirty" : "dirty");
		const pte_t bit = round % 4 ? 0 : PTE_SHARE;
		forget_writes(from, many, bit);
		for (uint32_t i = from; i < from + many; i++)
			assert(!(uvpt[PGNUM(ONE) + i] & PTE_SHARE) == !(bit && written[i]));
		// And again, while the CPU has just used them.
		for (uint32_t i = 0; i < PAGES; i++)
			*(volatile uint32_t *) (ONE + i * PGSIZE) = round;
		for (uint32_t i = 0; i < PAGES; i++)
			assert(DIRTY(i));
		must(sys_pages_protect(0, (void *) ONE, PAGES, 0, PAGES_TO(PTE_SHARE, 0)));
		forget_writes(0, PAGES, 0);
	}
	assert(sys_pages_protect(0, (void *) ONE, 1, 0, PAGES_TO(0, PTE_D)) == -E_INVAL);
	must(sys_pages_unmap(0, (void *) ONE, PAGES));
	cprintf("ranges: every write is noted\n");
}

// A child that writes to the pages of a window without a pause, on another CPU if there is one.

#define TARGET ((volatile uint32_t *) ONE) // in the child, a word in each page
#define MINE ((volatile uint32_t *) OTHER) // the same pages, as the parent sees them
#define WORDS (PGSIZE / 4)
#define STOP SHARED[0]
#define TURNS SHARED[1]
#define FAULTS SHARED[2]
#define LOST SHARED[3]
#define ROUND SHARED[4] // what the parent does, from 1
#define CHECKED SHARED[5]
#define WATCH 100000 // cycles
// What marks a page that has been taken away: not PTE_COW, on which the library of the child would act.
#define TAKEN PTE_SHARE

// What has been written to is dirty, whatever has happened to its rights since.  Until the parent has
// begun another round, nothing changes.
static void
check_dirty(void)
{
	uint32_t round = ROUND;

	for (uint32_t i = 0; i < SLOTS; i++)
		if (TARGET[i * WORDS] && !(uvpt[PGNUM(ONE) + i] & PTE_D))
			LOST++;
	CHECKED = round;
	while (ROUND == round && !STOP)
		sys_yield();
}

static void
wait_and_retry(struct UTrapframe *utf)
{
	uint32_t slot = (utf->utf_fault_va - ONE) / PGSIZE;

	if (slot >= SLOTS)
		panic("fault at %08x", utf->utf_fault_va);
	FAULTS++;
	if (STOP)
		exit();
	if (ROUND && (utf->utf_err & FEC_PR))
		check_dirty();
	sys_yield();
}

static void
writer(uint32_t arg)
{
	own_pages();
	set_pgfault_handler(wait_and_retry);
	for (uint32_t turn = 1; !STOP; turn++) {
		uint32_t slot = turn % SLOTS;
		TARGET[slot * WORDS] = turn;
		if (++TURNS % 64 == 0)
			sys_yield();
	}
}

static void
watch(uint32_t cycles)
{
	for (uint64_t end = read_tsc() + cycles; read_tsc() < end;)
		pause();
	sys_yield();
}

// Nobody writes to the pages that have been taken away.
static void
check_still(const char *after)
{
	uint32_t seen[SLOTS];

	for (uint32_t i = first; i < first + n; i++)
		seen[i] = MINE[i * WORDS];
	watch(WATCH);
	for (uint32_t i = first; i < first + n; i++)
		if (MINE[i * WORDS] != seen[i])
			panic("page %u is written to after %s", i, after);
}

static envid_t child;

static void
wait_for_writes(void)
{
	uint32_t turns = TURNS;

	while (TURNS - turns < 2 * SLOTS)
		watch(1000);
}

static void
give(void)
{
	WHOLE(SLOTS,
	      sys_pages_map((void *) (OTHER + done * PGSIZE), child, (void *) (ONE + done * PGSIZE),
			    SLOTS - done, RW));
}

static void
take_away(void)
{
	memset((void *) SHARED, 0, PGSIZE);
	child = spawn(writer, 0);
	for (uint32_t i = 0; i < SLOTS; i++)
		must(sys_page_alloc(0, (void *) (MINE + i * WORDS), RW));

	give();
	for (int round = 0; round < 60; round++) {
		wait_for_writes();
		pick();
		if (round % 3 == 0)
			n = MIN(n, 8u);
		void *va = (void *) (ONE + first * PGSIZE);
		must(sys_pages_protect(child, va, n, PAGES_IF(PTE_W, 0), PAGES_TO(PTE_W, TAKEN)));
		check_still("sys_pages_protect");
		must(sys_pages_protect(child, va, n, PAGES_IF(TAKEN, 0), PAGES_TO(TAKEN, PTE_W)));
	}
	for (int round = 0; round < 60; round++) {
		wait_for_writes();
		pick();
		must(sys_pages_unmap(child, (void *) (ONE + first * PGSIZE), n));
		check_still("sys_pages_unmap");
		give();
	}
	// And while the child writes to them for the first time.
	for (uint32_t round = 1; round <= 300; round++) {
		must(sys_pages_unmap(child, (void *) ONE, SLOTS));
		for (uint32_t i = 0; i < SLOTS; i++)
			MINE[i * WORDS] = 0;
		give();
		ROUND = round;
		for (uint64_t end = read_tsc() + below(20000); read_tsc() < end;)
			pause();
		must(sys_pages_protect(child, (void *) ONE, SLOTS, PAGES_IF(PTE_W, 0),
				       PAGES_TO(PTE_W, TAKEN)));
		while (CHECKED != round)
			watch(100);
	}
	assert(FAULTS > 0 && LOST == 0);
	STOP = 1;
	must(sys_pages_unmap(child, (void *) ONE, SLOTS));
	wait_end(child);
	cprintf("ranges: what is taken away is gone at once\n");
}

void
umain(int argc, char **argv)
{
	share_page();
	compare();
	while (!alone())
		sys_yield();
	uint32_t frames = free_frames();
	compare();
	compare();
	while (!alone())
		sys_yield();
	assert(free_frames() == frames);
	note_writes();
	take_away();
	cprintf("ranges: OK\n");
}
