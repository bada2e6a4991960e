// Regions over fork and sfork: whatever state a page is in, parent and child go on from the same
// contents, and neither sees what the other writes afterwards, however it takes back the right to
// write; only region_shared is shared.  And pagers that wait for messages while the program itself is
// in the middle of one.

#include "inc/ipc.h"
#include "user/pagers.h"

#define SPAN (16 * PGSIZE)
#define START(kind) (ARENA + (kind) *2 * SPAN)
#define ALIAS(kind) (START(kind) + SPAN)
#define STEP SHARED[0]
#define TOLD SHARED[1]

enum Kind {
	WRITTEN,         // plain, and written to
	CLEAN,           // only read
	MISSING,         // not there at all
	PROTECTED,       // all of it readable only
	PART_PROTECTED,  // one page of it
	OPENED,          // protected once, and opened again
	ALIASED,         // written through the region
	ALIAS_WRITTEN,   // through the alias
	ALIAS_READ_ONLY, // readable only
	ALIAS_CLOSED,    // not accessible but through the alias
	WATCHED,
	PRIVATE_FILE,
	SNAPSHOT,
	NESTED, // a region in a region
	KINDS
};

static volatile uint32_t ntold;

static void
tell(struct Region *r, uint32_t offset)
{
	ntold++;
}

static uint32_t file_words[4 * PGSIZE / 4];
static struct Watch watch = {.written = tell};
static struct File file = {.read = file_in_memory, .size = sizeof file_words, .arg = file_words};
static struct Region *region[KINDS];

static bool
aliased(int kind)
{
	return kind >= ALIASED && kind <= ALIAS_CLOSED;
}

static const struct Pager *
pager_of(int kind)
{
	return kind == WATCHED         ? &region_watched
		: kind == PRIVATE_FILE ? &region_file
				       : &region_zero;
}

// Make the regions; the first word of each, if it is to have one, is its kind + 1.
static void
make_regions(void)
{
	for (int k = 0; k < KINDS; k++) {
		void *arg = k == WATCHED ? (void *) &watch : k == PRIVATE_FILE ? &file : NULL;

		if (aliased(k))
			region[k] = add_alias(START(k), 4, REGION_RW, &region_zero, ALIAS(k));
		else
			region[k] = add(START(k), 4, REGION_RW, pager_of(k), arg);
		if (k == NESTED)
			region[k] = add(START(k), 1, REGION_RW, &region_zero, NULL);
		if (k != MISSING && k != CLEAN)
			WORD(START(k)) = k + 1;
	}
	CHECK(WORD(START(CLEAN)) == 0);
	MUST(region_protect(region[PROTECTED], 0, 4 * PGSIZE, REGION_READ));
	MUST(region_protect(region[PART_PROTECTED], 0, PGSIZE, REGION_READ));
	MUST(region_protect(region[OPENED], 0, 4 * PGSIZE, REGION_READ));
	MUST(region_protect(region[OPENED], 0, 4 * PGSIZE, REGION_RW));
	WORD(ALIAS(ALIAS_WRITTEN)) = ALIAS_WRITTEN + 1;
	MUST(region_protect(region[ALIAS_READ_ONLY], 0, 4 * PGSIZE, REGION_READ));
	MUST(region_protect(region[ALIAS_CLOSED], 0, 4 * PGSIZE, REGION_NONE));
	MUST(region_watch(region[WATCHED]));
	MUST(region_snapshot(region[SNAPSHOT], (void *) ALIAS(SNAPSHOT)));
	ntold = 0;
}

static uint32_t
before(int kind)
{
	return kind == MISSING || kind == CLEAN ? 0 : kind + 1;
}

// What stands in each region: what was there before the fork, plus `add', if it has been written.
static void
compare(uint32_t plus, const char *who)
{
	for (int k = 0; k < KINDS; k++) {
		uint32_t va = k == ALIAS_CLOSED ? ALIAS(k) : START(k);

		if (WORD(va) != before(k) + plus)
			panic("%s, kind %d: %u, not %u", who, k, WORD(va), before(k) + plus);
		if (aliased(k))
			CHECK(WORD(ALIAS(k)) == before(k) + plus);
	}
	CHECK(WORD(ALIAS(SNAPSHOT)) == SNAPSHOT + 1);
}

static void
closed_ones_are_closed(void)
{
	CHECK(!can_write(START(PROTECTED), 1) && !can_write(START(PART_PROTECTED), 1));
	CHECK(can_write(START(PART_PROTECTED) + PGSIZE, 1));
	CHECK(!can_write(START(ALIAS_READ_ONLY), 1) && !can_read(START(ALIAS_CLOSED)));
	CHECK(!can_write(ALIAS(SNAPSHOT), 1));
	for (int k = 0; k < KINDS; k++)
		CHECK(region_at((void *) START(k)) == region[k]);
}

// Write to each, after what it takes, by turns through the region and its alias.
static void
write_all(uint32_t plus, uint32_t turn)
{
	MUST(region_protect(region[PROTECTED], 0, 4 * PGSIZE, REGION_RW));
	MUST(region_protect(region[PART_PROTECTED], 0, PGSIZE, REGION_RW));
	if (turn % 2)
		MUST(region_protect(region[ALIAS_READ_ONLY], 0, 4 * PGSIZE, REGION_RW));
	for (int k = 0; k < KINDS; k++) {
		uint32_t va = START(k);

		if ((k == ALIAS_CLOSED || k == ALIAS_READ_ONLY) && turn % 2 == 0)
			va = ALIAS(k);
		else if (k == ALIAS_CLOSED)
			MUST(region_protect(region[k], 0, 4 * PGSIZE, REGION_RW));
		if (k == ALIASED || k == ALIAS_WRITTEN)
			va = turn % 2 ? ALIAS(k) : START(k);
		WORD(va) = before(k) + plus;
	}
	if (turn % 2)
		CHECK(WORD(START(ALIAS_CLOSED)) == ALIAS_CLOSED + 1 + plus);
	CHECK(ntold == 1);
}

static void
wait_step(uint32_t step)
{
	while (STEP < step)
		sys_yield();
	CHECK(STEP == step);
}

// One of the two: the first writes while the other has not, and so on.
static void
go_on(bool first, uint32_t turn, uint32_t plus, const char *who)
{
	compare(0, who);
	closed_ones_are_closed();
	if (first) {
		write_all(plus, turn);
		compare(plus, who);
		STEP = 1;
		wait_step(2);
		compare(plus, who);
		STEP = 3;
	} else {
		wait_step(1);
		compare(0, who);
		closed_ones_are_closed();
		write_all(plus, turn);
		compare(plus, who);
		STEP = 2;
		wait_step(3);
		compare(plus, who);
	}
	// As it was at first, from the snapshot that both have.
	MUST(region_restore(region[SNAPSHOT], (void *) ALIAS(SNAPSHOT)));
	CHECK(WORD(START(SNAPSHOT)) == SNAPSHOT + 1);
	WORD(START(SNAPSHOT)) = 5;
	CHECK(WORD(ALIAS(SNAPSHOT)) == SNAPSHOT + 1);
}

static void
remove_regions(void)
{
	MUST(region_snapshot_drop(region[SNAPSHOT], (void *) ALIAS(SNAPSHOT)));
	for (int k = 0; k < KINDS; k++)
		while (region_at((void *) START(k)))
			MUST(region_remove(region_at((void *) START(k))));
}

// Turn by turn, the child or the parent is first, and the writes go here or there.  In half of them
// both have the pages from an earlier fork already, whose child still lives.
static void
each_state(void)
{
	uint32_t frames = 0;

	for (uint32_t turn = 0; turn < 8; turn++) {
		envid_t sleeper = 0, child;

		make_regions();
		STEP = 0;
		if (turn & 4 && (sleeper = MUST(fork())) == 0)
			for (;;)
				sys_ipc_recv((void *) UTOP);
		child = MUST(fork());
		go_on((turn >> 1) % 2 == (child == 0), turn, child == 0 ? 1000 : 2000,
		      child == 0 ? "child" : "parent");
		if (child == 0)
			exit();
		wait_end(child);
		if (sleeper)
			destroy(sleeper);
		remove_regions();
		own_pages();
		if (turn == 0)
			frames = free_frames();
		CHECK(free_frames() == frames);
	}
}

// With sfork, both write to the same pages, whatever each protects for itself; but for those that were
// missing.
static void
shared_states(void)
{
	for (uint32_t turn = 0; turn < 4; turn++) {
		envid_t child;

		make_regions();
		WORD(START(MISSING)) = 0;
		child = MUST(sfork());
		if (child == 0) {
			closed_ones_are_closed();
			write_all(1000, turn);
			compare(1000, "sforked child");
			exit();
		}
		wait_end(child);
		compare(1000, "parent of the sforked");
		closed_ones_are_closed();
		ntold = 0;
		write_all(2000, turn >> 1);
		compare(2000, "parent of the sforked");
		remove_regions();
	}
}

// Writes before the fork are still to be stored after it, by both.
static void
dirty_over_fork(void)
{
	struct Region *r;
	envid_t child;

	forget_seen();
	r = add(ARENA, 4, REGION_RW, &counting, NULL);
	WORD(ARENA) = 1;
	WORD(ARENA + PGSIZE) = 2;
	MUST(region_protect(r, PGSIZE, PGSIZE, REGION_READ));
	CHECK(WORD(ARENA + 2 * PGSIZE) == 102);
	child = MUST(fork());
	CHECK(seen.forks == (child != 0)); // the child has the memory of before
	// A store that fails changes neither that nor that they wait for their copies.
	seen.write_answer = -E_NO_DISK;
	CHECK(region_sync(r, 0, r->size) == -E_NO_DISK && seen.writes == 0);
	seen.write_answer = 0;
	CHECK(!(uvpt[PGNUM(ARENA)] & PTE_W) && !(uvpt[PGNUM(ARENA + PGSIZE)] & PTE_W));
	// To open a page that waits for its copy makes it no cleaner.
	MUST(region_protect(r, PGSIZE, PGSIZE, REGION_RW));
	CHECK(region_sync(r, 0, r->size) == 0 && seen.writes == 2);
	CHECK(seen.stored[0] == 1 && seen.stored[1] == 2);
	WORD(ARENA) = 3;
	CHECK(region_dirty(r, 0, r->size, NULL) == 1);
	CHECK(region_remove(r) == 0 && seen.writes == 3);
	if (child == 0) {
		SHARED[5] = SURVIVED;
		exit();
	}
	wait_end(child);
	CHECK(SHARED[5] == SURVIVED);
}

static void
fork_fails(void)
{
	struct Region *r, *first = add(ARENA + 64 * PGSIZE, 1, REGION_RW, &region_zero, NULL);

	forget_seen();
	r = add(ARENA, 4, REGION_RW, &counting, NULL);
	WORD(ARENA) = 1;
	seen.fork_answer = -E_NOT_SUPP;
	CHECK(fork() == -E_NOT_SUPP && seen.forks == 1 && alone());
	seen.fork_answer = 0;
	WORD(ARENA) = 2;
	CHECK(WORD(ARENA) == 2 && region_remove(r) == 0 && region_remove(first) == 0);
}

// A family's memory.
static void
shared(void)
{
	struct Region *r = add(ARENA, 4, REGION_RW, &region_shared, NULL);
	envid_t child;

	CHECK(WORD(ARENA) == 0);
	WORD(ARENA) = 1;
	STEP = 0;
	child = MUST(fork());
	if (child == 0) {
		CHECK(WORD(ARENA) == 1);
		if ((child = MUST(fork())) == 0) {
			WORD(ARENA + 3 * PGSIZE) = 4; // nobody had touched it
			exit();
		}
		wait_end(child);
		CHECK(WORD(ARENA + 3 * PGSIZE) == 4);
		MUST(region_protect(region_at((void *) ARENA), 0, 4 * PGSIZE, REGION_READ));
		CHECK(!can_write(ARENA, 9));
		STEP = 1;
		wait_step(2);
		CHECK(WORD(ARENA + PGSIZE) == 2);
		MUST(region_protect(region_at((void *) ARENA), 0, 4 * PGSIZE, REGION_RW));
		WORD(ARENA + 2 * PGSIZE) = 3;
		exit();
	}
	wait_step(1);
	CHECK(WORD(ARENA + 3 * PGSIZE) == 4);
	WORD(ARENA + PGSIZE) = 2;
	STEP = 2;
	wait_end(child);
	CHECK(WORD(ARENA + 2 * PGSIZE) == 3);
	CHECK(region_remove(r) == 0);
}

// Pages that are protected while fork comes can be opened on both sides.
static void
shared_protected(void)
{
	struct Region *r = add(ARENA, 4, REGION_RW, &region_shared, NULL);
	envid_t child;

	WORD(ARENA) = 1;
	MUST(region_protect(r, 0, r->size, REGION_READ));
	child = MUST(fork());
	if (child == 0) {
		CHECK(!can_write(ARENA, 2) && !can_write(ARENA + PGSIZE, 2));
		MUST(region_protect(r, 0, PGSIZE, REGION_RW));
		WORD(ARENA) = 3;
		MUST(region_protect(r, 0, r->size, REGION_RW));
		for (uint32_t i = 1; i < 4; i++)
			WORD(ARENA + i * PGSIZE) = 3;
		exit();
	}
	wait_end(child);
	for (uint32_t i = 0; i < 4; i++)
		CHECK(WORD(ARENA + i * PGSIZE) == 3);
	CHECK(region_remove(r) == 0);
}

// With sfork all memory is shared, and the regions are each env's own nevertheless.
static void
sforked(void)
{
	struct Region *r = add(ARENA, 4, REGION_RW, &region_zero, NULL), *mine;
	envid_t child;

	WORD(ARENA) = 1;
	STEP = 0;
	child = MUST(sfork());
	if (child == 0) {
		CHECK(region_at((void *) ARENA) && WORD(ARENA) == 1);
		WORD(ARENA) = 2;
		CHECK(WORD(ARENA + PGSIZE) == 0);
		add(ARENA + 64 * PGSIZE, 4, REGION_RW, &region_zero, NULL);
		WORD(ARENA + 64 * PGSIZE) = 7;
		STEP = 1;
		wait_step(2);
		CHECK(!region_at((void *) (ARENA + 128 * PGSIZE)));
		CHECK(region_at((void *) (ARENA + 64 * PGSIZE)));
		CHECK(region_remove(region_at((void *) ARENA)) == 0);
		STEP = 3;
		exit();
	}
	wait_step(1);
	CHECK(WORD(ARENA) == 2);
	CHECK(!region_at((void *) (ARENA + 64 * PGSIZE)) && !can_read(ARENA + 64 * PGSIZE));
	mine = add(ARENA + 128 * PGSIZE, 4, REGION_RW, &region_zero, NULL);
	WORD(ARENA + 128 * PGSIZE) = 8;
	STEP = 2;
	wait_end(child);
	CHECK(region_at((void *) ARENA) == r && WORD(ARENA) == 2);
	CHECK(region_remove(r) == 0 && region_remove(mine) == 0);
}

// A pager that asks another env, and a program that receives with the results going to its pages.

static envid_t server;

static int
asking_fill(struct Region *r, uint32_t offset, void *page)
{
	CHECK(sys_ipc_call(server, offset, (void *) UTOP, IPC_ONLY, (void *) UTOP) == 0);
	WORD(page + 2048) = thisenv->env_ipc_value;
	return 0;
}

static const struct Pager asking = {.name = "asking", .fill = asking_fill};

static void
serve(uint32_t arg)
{
	for (;;) {
		CHECK(sys_ipc_recv((void *) UTOP) == 0);
		envid_t to = thisenv->env_ipc_from;
		uint32_t value = thisenv->env_ipc_value;
		CHECK(sys_ipc_send(to, value + 12345, (void *) UTOP, 0) == 0);
	}
}

static void
send_some(uint32_t to)
{
	const uint32_t page = ARENA + 64 * PGSIZE;

	for (uint32_t i = 0; i < 8; i++) {
		MUST(sys_page_alloc(0, (void *) page, RW));
		WORD(page) = i;
		ipc_send(to, 1000 + i, i % 2 ? (void *) page : NULL, RW);
	}
}

static void
messages(void)
{
	const uint32_t taken = ARENA + 32 * PGSIZE;
	struct Region *r;
	envid_t sender;

	server = spawn(serve, 0);
	sender = spawn(send_some, thisenv->env_id);
	r = add(ARENA, 20, REGION_RW, &asking, NULL);
	for (uint32_t i = 0; i < 8; i++) {
		uint32_t from = ARENA + i * 2 * PGSIZE, perm = from + PGSIZE;

		CHECK(ipc_recv((envid_t *) from, (void *) taken, (int *) perm) ==
		      (int32_t) (1000 + i));
		CHECK((envid_t) WORD(from) == sender && WORD(perm) == (i % 2 ? RW : 0));
		CHECK(WORD(from + 2048) == from - ARENA + 12345);
		CHECK(WORD(perm + 2048) == perm - ARENA + 12345);
		if (i % 2)
			CHECK(WORD(taken) == i);
	}
	wait_end(sender);
	destroy(server);
	CHECK(region_remove(r) == 0);
	MUST(sys_page_unmap(0, (void *) taken));
}

// A page that a message brings into a region is its page.
static void
received_page(void)
{
	struct Region *r = add(ARENA, 4, REGION_RW, &region_zero, NULL);
	envid_t sender = spawn(send_some, thisenv->env_id);

	for (uint32_t i = 0; i < 8; i++)
		CHECK(ipc_recv(NULL, (void *) (ARENA + PGSIZE), NULL) == (int32_t) (1000 + i));
	wait_end(sender);
	CHECK(region_present(r, PGSIZE) && WORD(ARENA + PGSIZE) == 7);
	CHECK(region_protect(r, 0, r->size, REGION_READ) == 0 && !can_write(ARENA + PGSIZE, 1));
	CHECK(region_protect(r, 0, r->size, REGION_RW) == 0 && can_write(ARENA + PGSIZE, 1));
	CHECK(region_remove(r) == 0);
}

void
umain(int argc, char **argv)
{
	set_pgfault_handler(own_handler);
	share_page();
	each_state();
	shared_states();
	cprintf("pagers_fork: pages in each state\n");
	dirty_over_fork();
	fork_fails();
	cprintf("pagers_fork: what pagers are told\n");
	shared();
	shared_protected();
	sforked();
	cprintf("pagers_fork: shared and sfork\n");
	messages();
	received_page();
	cprintf("pagers_fork: pagers that wait\n");
	cprintf("pagers_fork: OK\n");
}
