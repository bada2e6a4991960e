// Dirty COW (CVE-2016-5195), and what else of its kind copy-on-write in user space can do wrong: a
// decision is made in one step, and acted on in a later one, when it is no longer true.
//
// First each race as two threads of six steps, in all orders that there are; then on two CPUs at the
// same time, 1,000,000 rounds of ours, or 100,000 where one takes many page faults.  Each time a naive way, which must be seen to fail, and ours,
// which must not.  doc/cow.md tells the story.  On one CPU nothing runs at the same time, and nothing is
// said of that.

#include "user/attack.h"
#include "user/gallery.h"
#include "user/interleave.h"

#define NAIVE 0x200 // of PTE_AVAIL, what the library leaves to the program's own handler
#define BATCH 1024u // pages that are raced for before the threads meet again
#define ROUNDS 1000000u
#define FEWER 100000u // of what is naive
#define PATIENCE 100u // how many times as many rounds, where the host is slow
#define LATER 10      // what a naive handler does between looking and acting, in pauses

#define WORD(va) (*(volatile uint32_t *) (va))
#define DATA 0x20000000u   // pages that the threads write to
#define FILE 0x22000000u   // those that must not change
#define VIEW 0x23000000u   // the main thread's view of the other's, or of a child's
#define FAMILY 0x26000000u // pages that both threads have
#define PLACE(start, i) ((start) + (i) *PGSIZE)

// What the two threads and their children all see, also after a fork.
static volatile struct Race {
	uint32_t role;        // of the second thread
	uint32_t began, over; // how many races have
	uint32_t stop;
	uint32_t turn[2]; // how often each has come to the meeting
	uint32_t passes;  // of the second thread
	uint32_t violations;
	int cpu; // of the second thread
} *const race = (volatile struct Race *) SHARED_VA;

static envid_t second; // the thread that plays the second role
static struct Page page[BATCH];
static const struct Manner *manner;
static uint32_t batches; // that the race has,
static uint32_t rounds;  // and rounds

// Both, before either goes on.
static void
meet(int t)
{
	const uint32_t turn = ++race->turn[t];

	while ((int32_t) (race->turn[!t] - turn) < 0)
		pause();
}

static void
violated(void)
{
	__atomic_fetch_add(&race->violations, 1, __ATOMIC_SEQ_CST);
}

// Run both roles of a race at the same time.
static void
run(uint32_t role, void (*first)(void))
{
	race->stop = race->passes = race->turn[0] = race->turn[1] = 0;
	race->role = role;
	race->began++;
	first();
	race->stop = true;
	while (race->over != race->began)
		pause();
}

// Run a race, and tell what came of it.  Where the host has no two CPUs for us all the time, it may take
// more rounds until what is naive is seen to fail.
static void
judge(uint32_t role, void (*first)(void), bool fails, const char *what, const char *who)
{
	uint32_t n = 0;

	race->violations = 0;
	do {
		run(role, first);
		n += rounds;
	} while (fails && race->violations == 0 && n < PATIENCE * ROUNDS);
	cprintf("dirtycow: %s: %s: %u violations in %u rounds\n", what, who, race->violations, n);
	CHECK(fails ? race->violations > 0 : race->violations == 0);
}

// 1  A forced write, and a discard: by a pager in user space.

static void
force_page(void)
{
	struct Page *p = &page[0];

	for (uint32_t n = 0; n < rounds; n++) {
		const uint32_t passes = race->passes;

		page_force(p, 1, 0, n + 1, manner);
		if (p->frame[FILE_FRAME][0] != 0) {
			violated();
			p->frame[FILE_FRAME][0] = 0;
		}
		while (n % BATCH == 0 && race->passes == passes)
			pause(); // the other must be there
	}
}

static void
discard_page(void)
{
	while (!race->stop) {
		page_discard(&page[0]);
		race->passes++;
	}
}

// The same with page faults, by the library.  The second thread writes to pages that wait for their
// copies; the first puts the file's in their place again.

#define PASSES 4 // of writes to all pages, for each discard of all

static void
discard_copies(void)
{
	uint32_t passes = 0;

	for (uint32_t n = 0; n <= batches; n++) {
		CHECK(sys_pages_map((void *) FILE, second, (void *) DATA, BATCH, RO | PTE_COW) ==
		      BATCH);
		for (uint32_t i = 0; i < BATCH; i++)
			if (WORD(PLACE(FILE, i)) != i)
				violated();
		if (n == 0)
			meet(0);
		while (race->passes - passes < PASSES)
			pause();
		passes = race->passes;
	}
}

static void
write_copies(void)
{
	meet(1);
	for (uint32_t n = 1; !race->stop; n++) {
		for (uint32_t i = 0; i < BATCH; i++)
			WORD(PLACE(DATA, i)) = ~n;
		race->passes++;
	}
}

// 2  Both threads fault on one page.

static void
write_pages(int t)
{
	for (uint32_t n = 1; n <= batches; n++) {
		meet(t);
		for (uint32_t i = 0; i < BATCH; i++)
			page_force(&page[i], 1 + t, 1 + t, n, manner);
		meet(t);
		for (uint32_t i = 0; i < BATCH && t == 0; i++) {
			const volatile uint32_t *frame = page_follow(&page[i], true);

			if (!frame || frame[1] != n || frame[2] != n)
				violated();
			page_discard(&page[i]);
		}
	}
}

static void
write_pages_first(void)
{
	write_pages(0);
}

static void
write_pages_second(void)
{
	write_pages(1);
}

// The same by the library, for which it is one frame in two page tables; and each copy comes by way of
// the PFTEMP of who makes it.

static void
write_file_copies(int t)
{
	const uint32_t last = PGSIZE - 4;

	for (uint32_t n = 1; n <= batches; n++) {
		CHECK(sys_pages_map((void *) FILE, 0, (void *) DATA, BATCH, RO | PTE_COW) == BATCH);
		meet(t);
		for (uint32_t i = 0; i < BATCH; i++)
			WORD(PLACE(DATA, i) + 4 + 4 * t) = n;
		for (uint32_t i = 0; i < BATCH; i++) {
			const uint32_t va = PLACE(DATA, i);

			if (WORD(va) != i || WORD(va + 4 + 4 * t) != n ||
			    WORD(va + 4 + 4 * !t) != 0 || WORD(va + last) != i ||
			    WORD(PLACE(FILE, i) + 4 + 4 * t) != 0)
				violated();
		}
	}
}

static void
write_file_copies_first(void)
{
	write_file_copies(0);
}

static void
write_file_copies_second(void)
{
	write_file_copies(1);
}

// 3  Both copy pages of their own, by way of one page or of two.

static uint32_t scratch[2][FRAME_WORDS], mine[2][FRAME_WORDS];

static void
copy_pages(int t)
{
	volatile uint32_t *const by_way_of = scratch[manner->overwrites ? 0 : t];

	for (uint32_t n = 0; n < batches; n++) {
		meet(t);
		for (uint32_t i = 0; i < BATCH; i++) {
			for (int word = 0; word < FRAME_WORDS; word++)
				by_way_of[word] = 2 * i + t;
			for (int word = 0; word < FRAME_WORDS; word++)
				mine[t][word] = by_way_of[word];
			bool mixed = false;
			for (int word = 0; word < FRAME_WORDS; word++)
				mixed |= mine[t][word] != 2 * i + t;
			if (mixed)
				violated();
		}
	}
}

static void
copy_pages_first(void)
{
	copy_pages(0);
}

static void
copy_pages_second(void)
{
	copy_pages(1);
}

// 4  One forks while the other writes.  What a child has from then on must not change.

#define FORK_PAGES 8192u

static uint32_t first_look[FORK_PAGES];

static void
write_all(void)
{
	for (uint32_t n = 1; !race->stop; n++) {
		for (uint32_t i = 0; i < FORK_PAGES; i++)
			WORD(PLACE(FAMILY, i)) = n;
		race->passes++;
	}
}

// Look at n pages, and again when the other has written to all of them.
static void
look_twice(uint32_t start, uint32_t n)
{
	uint32_t passes;

	for (uint32_t i = 0; i < n; i++)
		first_look[i] = WORD(PLACE(start, i));
	passes = race->passes;
	while (race->passes - passes < 2)
		pause();
	for (uint32_t i = 0; i < n; i++)
		if (WORD(PLACE(start, i)) != first_look[i])
			violated();
}

// What a fork does with pages that knows of no siblings: copy-on-write for the child and for us.
static void
fork_naively(void)
{
	const envid_t child = MUST(sys_exofork());

	if (child == 0)
		exit();
	for (uint32_t n = 0; n < batches; n++) {
		for (uint32_t i = 0; i < FORK_PAGES; i += NPTENTRIES)
			CHECK(sys_pages_share(child, (void *) PLACE(FAMILY, i), NPTENTRIES,
					      PAGES_IF(PTE_W | PTE_COW, PTE_SHARE),
					      PAGES_TO(PTE_W, PTE_COW)) == NPTENTRIES);
		for (uint32_t i = 0; i < FORK_PAGES; i++)
			MUST(sys_page_map(child, (void *) PLACE(FAMILY, i), 0,
					  (void *) PLACE(VIEW, i), RO));
		look_twice(VIEW, FORK_PAGES);
	}
	sys_env_destroy(child);
	for (uint32_t i = 0; i < FORK_PAGES; i += NPTENTRIES) {
		MUST(sys_pages_unmap(0, (void *) PLACE(VIEW, i), NPTENTRIES));
		MUST(sys_pages_protect(0, (void *) PLACE(FAMILY, i), NPTENTRIES,
				       PAGES_IF(PTE_COW, 0), PAGES_TO(PTE_COW, PTE_W)));
	}
}

static void
fork_ours(void)
{
	for (uint32_t n = 0; n < batches; n++) {
		const envid_t child = MUST(fork());

		if (child == 0) {
			look_twice(FAMILY, FORK_PAGES);
			exit();
		}
		wait_end(child);
	}
}

// 5  A page waits, and nobody else has it; its owner writes to it, and the other takes a snapshot of it at
// the same time.  A round is a write to a page that waits.

static void
naive_handler(struct UTrapframe *utf)
{
	void *va = (void *) ROUNDDOWN(utf->utf_fault_va, PGSIZE);
	const bool sole = pages[PGNUM(uvpt[PGNUM(va)])].pp_ref == 1;

	for (int i = 0; i < LATER; i++)
		pause();
	if (sole) {
		MUST(sys_page_protect(0, va, RW));
		return;
	}
	MUST(sys_page_copy(0, va, 0, (void *) PFTEMP, RW));
	MUST(sys_page_move(0, (void *) PFTEMP, va, RW));
}

#define EVERY 4 // of how many pages one has its snapshot taken

static uint32_t mark; // what says that a page waits: ours is the library's handler

static void
write_own(void)
{
	for (uint32_t i = 0; i < BATCH; i++)
		MUST(sys_page_alloc(0, (void *) PLACE(DATA, i), RW));
	set_pgfault_handler(naive_handler);
	meet(1);
	for (uint32_t n = 1; !race->stop; n++) {
		for (uint32_t i = 0; i < BATCH; i++)
			WORD(PLACE(DATA, i)) = n;
		race->passes++;
	}
	set_pgfault_handler(NULL);
}

static void
take_snapshots(void)
{
	meet(0);
	for (uint32_t n = 0; n < batches; n++) {
		uint32_t passes;

		// As an earlier snapshot has left them that was dropped.
		MUST(sys_pages_protect(second, (void *) DATA, BATCH, PAGES_IF(PTE_W, 0),
				       PAGES_TO(PTE_W, mark)));
		for (uint32_t i = 0; i < BATCH; i += EVERY) {
			MUST(sys_page_map(second, (void *) PLACE(DATA, i), 0,
					  (void *) PLACE(VIEW, i), RO));
			MUST(sys_page_protect(second, (void *) PLACE(DATA, i), RO | mark));
			first_look[i] = WORD(PLACE(VIEW, i));
		}
		passes = race->passes;
		while (race->passes - passes < 2)
			pause();
		for (uint32_t i = 0; i < BATCH; i += EVERY)
			if (WORD(PLACE(VIEW, i)) != first_look[i])
				violated();
		MUST(sys_pages_unmap(0, (void *) VIEW, BATCH));
	}
}

// All orders.

static void
show_order(uint32_t order)
{
	char letters[2 * STEPS + 1] = "";

	for (int i = 0; i < 2 * STEPS; i++)
		letters[i] = order >> i & 1 ? 'B' : 'A';
	cprintf("dirtycow:   the first of these: %s\n", letters);
}

static void
in_all_orders(void)
{
	for (size_t i = 0; i < ARRAY_SIZE(models); i++) {
		const struct Model *m = &models[i];
		uint32_t shown = 0, none = 0;
		const uint32_t by_naive = interleave_all(m, &naive, &shown);
		const uint32_t by_ours = interleave_all(m, &cured, &none);

		cprintf("dirtycow: %s: naive %u, ours %u of %u interleavings violated\n", m->name,
			by_naive, by_ours, INTERLEAVINGS);
		show_order(shown);
		CHECK(by_naive > 0 && by_ours == 0);
	}
}

// The races.

enum {
	FORCE,
	FORCE_LIBRARY,
	TWO,
	TWO_LIBRARY,
	SCRATCHES,
	FORKING,
	FORKING_LIBRARY,
	COUNT,
	COUNT_LIBRARY,
};

static void (*const second_roles[])(void) = {
	[FORCE] = discard_page,          [FORCE_LIBRARY] = write_copies,
	[TWO] = write_pages_second,      [TWO_LIBRARY] = write_file_copies_second,
	[SCRATCHES] = copy_pages_second, [FORKING] = write_all,
	[FORKING_LIBRARY] = write_all,   [COUNT] = write_own,
	[COUNT_LIBRARY] = write_own,
};

static void
play_second(envid_t first)
{
	for (;;) {
		while (race->began == race->over) {
			race->cpu = thisenv->env_cpunum;
			if (!alive(first))
				exit();
			pause();
		}
		second_roles[race->role]();
		race->over++;
	}
}

// Whether the two run on CPUs of their own, once they have had time to.
static bool
on_two_cpus(void)
{
	for (int i = 0; i < 100000; i++) {
		if (race->cpu != thisenv->env_cpunum && race->cpu >= 0)
			return true;
		if (i % 10000 == 0)
			sys_yield();
		pause();
	}
	return false;
}

static void
fill(uint32_t start, uint32_t n)
{
	for (uint32_t i = 0; i < n; i++) {
		MUST(sys_page_alloc(0, (void *) PLACE(start, i), RW));
		WORD(PLACE(start, i)) = WORD(PLACE(start, i) + PGSIZE - 4) = i;
	}
}

// Each batch has n rounds, and a race at least `least'.
static void
race_for(uint32_t n, uint32_t least)
{
	batches = (least + n - 1) / n;
	rounds = batches * n;
}

static void
by_pagers(uint32_t role, void (*first)(void), uint32_t n, const char *what)
{
	race_for(n, FEWER);
	manner = &naive;
	judge(role, first, true, what, "naive pager");
	race_for(n, ROUNDS);
	manner = &cured;
	judge(role, first, false, what, "cured pager");
}

static void
by_faults(uint32_t role, void (*first)(void), uint32_t n, uint32_t least, const char *what)
{
	race_for(n, least);
	judge(role, first, false, what, "library");
}

static void
naively(uint32_t role, void (*first)(void), uint32_t n, const char *what, const char *who)
{
	race_for(n, FEWER);
	judge(role, first, true, what, who);
}

static void
at_the_same_time(void)
{
	by_pagers(FORCE, force_page, BATCH, models[0].name);
	by_faults(FORCE_LIBRARY, discard_copies, PASSES * BATCH, ROUNDS, models[0].name);
	by_pagers(TWO, write_pages_first, BATCH, models[1].name);
	by_faults(TWO_LIBRARY, write_file_copies_first, 2 * BATCH, ROUNDS, models[1].name);
	by_pagers(SCRATCHES, copy_pages_first, 2 * BATCH, models[2].name);
	mark = NAIVE;
	naively(COUNT, take_snapshots, BATCH, models[4].name, "naive handler");
	mark = PTE_COW;
	by_faults(COUNT_LIBRARY, take_snapshots, BATCH, ROUNDS, models[4].name);
	naively(FORKING, fork_naively, FORK_PAGES, models[3].name, "naive fork");
	by_faults(FORKING_LIBRARY, fork_ours, FORK_PAGES, ROUNDS, models[3].name);
}

void
umain(int argc, char **argv)
{
	const envid_t first = thisenv->env_id;

	in_all_orders();
	share_page();
	race->cpu = -1;
	fill(FILE, BATCH);
	fill(FAMILY, FORK_PAGES);
	const envid_t child = MUST(sfork());
	if (child == 0)
		play_second(first);
	second = child; // a variable of both
	if (on_two_cpus())
		at_the_same_time();
	else
		cprintf("dirtycow: one CPU: nothing runs at the same time, and nothing is "
			"claimed\n");
	sys_env_destroy(second);
	wait_end(second);
	cprintf("dirtycow: OK\n");
}
