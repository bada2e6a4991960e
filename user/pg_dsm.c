// Shared virtual memory: three nodes that have no frame in common see one memory.
//
// After Li and Hudak, Memory Coherence in Shared Virtual Memory Systems, 1989: a page has one writer,
// or any number of readers, and a central manager knows its owner and who has copies.  Here a node is
// two envs: a worker, which computes and faults, and its parent, the server, which may change the
// worker's page tables.  Between nodes there are only messages, and what a page holds travels as a
// copy: the server that gets it copies it into a frame of its worker's, and drops the one that came.
//
// The worker's pager is one message to the manager, and when the answer comes, the page is there:
//
//	read	worker -> manager -> server of the owner, which keeps it read-only
//			-> server of the worker, with the page -> manager, who goes on
//	write	the same, after all other copies have been dropped, each by a message and its
//			answer; nor does the owner keep it.  A worker that has a copy is sent none.
//
// Nobody waits for somebody who may wait for him.  Workers call the manager, and nobody calls them;
// servers only answer; and the manager, who does one thing after the other, takes no more than the
// answer that he waits for, while requests stand in the kernel's queue.
//
// The workers solve Laplace's equation by Jacobi's iteration in fixed point: each round makes each inner
// cell the mean of its neighbours in the other of two grids.  The result must be that of the same
// iteration in plain memory.  It is done twice: once to check after each fault, from the page tables and
// not from the manager's books, that a page has one writer or readers, and once for the time.

#include "inc/ipc.h"
#include "user/gallery.h"

#define NODES 3
#define COLUMNS 256
#define ROWS 96
#define STEADY 700 // iterate until no cell changes by more than this
#define HOT (1 << 16)

// What the nodes share.  The last page is where they tell each other how much their cells have
// changed: all write to it in each round, each to words of its own.
struct Memory {
	int grid[2][ROWS][COLUMNS];
	int change[2][NODES];
};
#define SHARED ((struct Memory *) 0x10000000)
#define NPAGES (ROUNDUP(sizeof(struct Memory), PGSIZE) / PGSIZE)
#define PAGE(n) ((void *) ((uint32_t) SHARED + (n) *PGSIZE))

#define LETTER ((void *) 0x20000000) // where a server takes a page, or looks at one
#define NOWHERE ((void *) UTOP)
#define PATIENCE IPC_TIMEOUT(20000)

// A message: what it says, of which page, about which node.
enum {
	READ,    // worker to manager: I want to read it
	WRITE,   //	I want to write to it
	BARRIER, //	answer when all are here
	DONE,    //	my checksum comes next
	SEND,    // manager to server: send it to the node, and keep it read-only
	GIVE,    //	send it to the node
	GRANT,   //	your worker may write to it
	DROP,    //	your worker has it no longer
	TELL,    //	what has your worker?
	QUIT,    //	end, both of you
	COPY,    // server to server: here it is, to be read
	ORIGINAL //	here it is, to be written to
};
#define MESSAGE(what, page, node)                                                                  \
	((uint32_t) (what) | (uint32_t) (page) << 8 | (uint32_t) (node) << 24)
#define WHAT(message) ((message) &0xff)
#define PAGE_OF(message) ((message) >> 8 & 0xffff)
#define NODE_OF(message) ((message) >> 24)

static envid_t manager, servers[NODES], workers[NODES];

// The computation.

// One round for the rows from `from' to before `to'.  Returns the greatest change of a cell.
static int
relax(int (*old)[COLUMNS], int (*new)[COLUMNS], int from, int to)
{
	int most = 0;

	for (int y = MAX(from, 1); y < MIN(to, ROWS - 1); y++)
		for (int x = 1; x < COLUMNS - 1; x++) {
			int mean =
				(old[y - 1][x] + old[y + 1][x] + old[y][x - 1] + old[y][x + 1]) / 4;
			int change = mean - old[y][x];
			most = MAX(most, change < 0 ? -change : change);
			new[y][x] = mean;
		}
	return most;
}

// One edge is hot, in both grids; all else is 0.
static void
heat(struct Memory *m)
{
	for (int x = 0; x < COLUMNS; x++)
		m->grid[0][0][x] = m->grid[1][0][x] = HOT;
}

static uint32_t
checksum(const struct Memory *m, int rounds)
{
	uint32_t sum = rounds;

	for (int y = 0; y < ROWS; y++)
		for (int x = 0; x < COLUMNS; x++)
			sum = (sum << 5 | sum >> 27) + m->grid[rounds & 1][y][x];
	return sum;
}

// All of it, in memory of one's own.  Returns the number of rounds.
static int
iterate(struct Memory *m)
{
	int rounds = 0, most;

	heat(m);
	do {
		most = relax(m->grid[rounds & 1], m->grid[~rounds & 1], 0, ROWS);
		rounds++;
	} while (most > STEADY);
	return rounds;
}

// A worker.

static int
fault(struct Region *r, const struct Fault *f, struct UTrapframe *utf)
{
	uint32_t what = f->access == REGION_WRITE ? WRITE : READ;

	return sys_ipc_call_value(manager, MESSAGE(what, f->offset / PGSIZE, 0), 0);
}

static const struct Pager shared_memory = {.name = "shared virtual memory", .fault = fault};

static void
barrier(void)
{
	MUST(sys_ipc_call_value(manager, MESSAGE(BARRIER, 0, 0), 0));
}

static int
greatest(const int *change)
{
	return MAX(change[0], MAX(change[1], change[2]));
}

// Node me's part.  The words of `change' are used in turns: whoever is a round ahead writes to others
// than those that somebody still reads.
static void
work(int me)
{
	struct Region like = {.name = "shared",
			      .start = (uint32_t) SHARED,
			      .size = NPAGES * PGSIZE,
			      .prot = REGION_RW,
			      .max = REGION_RW,
			      .pager = &shared_memory};
	int rounds = 0, now;

	MUST(region_add(NULL, &like));
	barrier();
	if (me == 0)
		heat(SHARED);
	barrier();
	do {
		now = rounds & 1;
		SHARED->change[now][me] = relax(SHARED->grid[now], SHARED->grid[!now],
						me * ROWS / NODES, (me + 1) * ROWS / NODES);
		rounds++;
		barrier();
	} while (greatest(SHARED->change[now]) > STEADY);

	uint32_t sum = checksum(SHARED, rounds);
	ipc_send(manager, MESSAGE(DONE, rounds, 0), NULL, 0);
	ipc_send(manager, sum, NULL, 0);
	ipc_recv(NULL, NULL, NULL); // until then, others may want the pages that are here
}

// A server.

// Send the page to another server.  It is write-protected or gone here before it is there.
static void
send(envid_t worker, uint32_t page, envid_t to, bool keep)
{
	MUST(sys_page_map(worker, PAGE(page), 0, LETTER, RO));
	if (keep)
		MUST(sys_page_protect(worker, PAGE(page), RO));
	else
		MUST(sys_page_unmap(worker, PAGE(page)));
	MUST(sys_ipc_send(to, MESSAGE(keep ? COPY : ORIGINAL, page, 0), LETTER, RO | PATIENCE));
	MUST(sys_page_unmap(0, LETTER));
}

// The page has come.  The copy's first right is to be written to, so that this may be granted later.
static void
take(envid_t worker, uint32_t page, int rights)
{
	MUST(sys_page_copy(0, LETTER, worker, PAGE(page), RW));
	MUST(sys_page_protect(worker, PAGE(page), rights));
	MUST(sys_page_unmap(0, LETTER));
}

// What my worker may do with the page: its frame and PTE_P and PTE_W, or 0.  The kernel lets me have
// no more than he has now.  Nobody but the two of us may have the frame.
static uint32_t
look(envid_t worker, uint32_t page)
{
	if (sys_page_map(worker, PAGE(page), 0, LETTER, RW) < 0 &&
	    sys_page_map(worker, PAGE(page), 0, LETTER, RO) < 0)
		return 0;
	pte_t pte = uvpt[PGNUM(LETTER)];

	CHECK(pages[PGNUM(pte)].pp_ref == 2);
	MUST(sys_page_unmap(0, LETTER));
	return PTE_ADDR(pte) | (pte & (PTE_P | PTE_W));
}

// My worker can go on, and so can the manager; but the worker first, or else the page may be taken
// from him before he has touched it.
static void
granted(envid_t worker)
{
	ipc_send(worker, 0, NULL, 0);
	sys_yield();
	ipc_send(manager, 0, NULL, 0);
}

static void
serve(envid_t worker)
{
	for (;;) {
		uint32_t message = ipc_recv(NULL, LETTER, NULL), page = PAGE_OF(message);

		switch (WHAT(message)) {
		case SEND:
		case GIVE:
			send(worker, page, servers[NODE_OF(message)], WHAT(message) == SEND);
			break;
		case COPY:
		case ORIGINAL:
			take(worker, page, WHAT(message) == COPY ? RO : RW);
			granted(worker);
			break;
		case GRANT:
			MUST(sys_page_protect(worker, PAGE(page), RW));
			granted(worker);
			break;
		case DROP:
			MUST(sys_page_unmap(worker, PAGE(page)));
			ipc_send(manager, 0, NULL, 0);
			break;
		case TELL:
			ipc_send(manager, look(worker, page), NULL, 0);
			break;
		case QUIT:
			ipc_send(worker, 0, NULL, 0);
			await_end(worker);
			exit();
		}
	}
}

// Node me: who all are, a worker, and at node 0 all pages.
static void
node(int me)
{
	envid_t worker;

	for (int i = 0; i < NODES; i++)
		servers[i] = ipc_recv(NULL, NULL, NULL);
	if ((worker = MUST(fork())) == 0) {
		work(me);
		exit();
	}
	for (uint32_t page = 0; me == 0 && page < NPAGES; page++)
		MUST(sys_page_alloc(worker, PAGE(page), RW));
	ipc_send(manager, worker, NULL, 0);
	serve(worker);
}

// The manager.

struct Page {
	int owner;
	uint32_t copies; // bit i: node i has one, be it the owner's
};
static struct Page table[NPAGES];
static bool checking;

static struct Figures {
	uint32_t reads, writes, invalidations, pages, messages, rounds;
	uint64_t start, end;
} figures;

static void
tell(int node, uint32_t what, uint32_t page, int other)
{
	MUST(sys_ipc_send(servers[node], MESSAGE(what, page, other), NOWHERE, PATIENCE));
}

static uint32_t
answer_of(envid_t env)
{
	MUST(sys_ipc_wait(env, NOWHERE, PATIENCE));
	return thisenv->env_ipc_value;
}

// One writer, or readers; where the books say so; and no frame is with two nodes.
static void
check_page(uint32_t page)
{
	uint32_t has[NODES], copies = 0, writers = 0;

	for (int i = 0; i < NODES; i++) {
		tell(i, TELL, page, 0);
		has[i] = answer_of(servers[i]);
		copies |= has[i] ? 1 << i : 0;
		writers += (has[i] & PTE_W) != 0;
		for (int j = 0; j < i; j++)
			CHECK(!has[i] || PTE_ADDR(has[i]) != PTE_ADDR(has[j]));
	}
	CHECK(copies == table[page].copies && (copies & 1 << table[page].owner));
	CHECK(writers == 0 || (writers == 1 && (copies & (copies - 1)) == 0));
}

// Have all copies dropped but those in `but'.
static void
invalidate(uint32_t page, uint32_t but)
{
	for (int i = 0; i < NODES; i++)
		if (table[page].copies & ~but & 1 << i) {
			tell(i, DROP, page, 0);
			answer_of(servers[i]);
			figures.invalidations++;
			figures.messages += 2;
		}
}

// Let who have the page from its owner.
static void
fetch(uint32_t page, int who, uint32_t what)
{
	tell(table[page].owner, what, page, who);
	answer_of(servers[who]);
	figures.pages++;
	figures.messages += 3;
}

static void
on_read(uint32_t page, int who)
{
	figures.reads++;
	fetch(page, who, SEND);
	table[page].copies |= 1 << who;
}

static void
on_write(uint32_t page, int who)
{
	figures.writes++;
	if (table[page].copies & 1 << who) {
		invalidate(page, 1 << who);
		tell(who, GRANT, page, 0);
		answer_of(servers[who]);
		figures.messages += 2;
	} else {
		invalidate(page, 1 << table[page].owner);
		fetch(page, who, GIVE);
	}
	table[page] = (struct Page){.owner = who, .copies = 1 << who};
}

static void
on_fault(uint32_t what, uint32_t page, int who)
{
	figures.messages++;
	if (what == READ)
		on_read(page, who);
	else
		on_write(page, who);
	if (checking)
		check_page(page);
}

static void
release_all(void)
{
	figures.end = ticks();
	if (!figures.start)
		figures.start = figures.end;
	for (int i = 0; i < NODES; i++)
		MUST(sys_ipc_send(workers[i], 0, NOWHERE, PATIENCE));
}

static int
node_of(envid_t worker)
{
	int i = 0;

	while (workers[i] != worker)
		CHECK(++i < NODES);
	return i;
}

// Do what the workers ask for, until all are done, with the checksum that is expected.
static void
manage(uint32_t sum)
{
	for (int waiting = 0, done = 0; done < NODES;) {
		uint32_t message = answer_of(0);
		int who = node_of(thisenv->env_ipc_from);

		switch (WHAT(message)) {
		case READ:
		case WRITE:
			on_fault(WHAT(message), PAGE_OF(message), who);
			break;
		case BARRIER:
			if (++waiting == NODES) {
				waiting = 0;
				release_all();
			}
			break;
		case DONE:
			figures.rounds = PAGE_OF(message);
			CHECK(answer_of(workers[who]) == sum);
			done++;
		}
	}
}

// The whole, from no node to no node.
static void
run(uint32_t sum)
{
	memset(&figures, 0, sizeof figures);
	for (uint32_t page = 0; page < NPAGES; page++)
		table[page] = (struct Page){.owner = 0, .copies = 1};
	for (int i = 0; i < NODES; i++)
		if ((servers[i] = MUST(fork())) == 0)
			node(i);
	for (int i = 0; i < NODES; i++)
		for (int j = 0; j < NODES; j++)
			ipc_send(servers[i], servers[j], NULL, 0);
	for (int i = 0; i < NODES; i++)
		workers[i] = answer_of(servers[i]);
	manage(sum);
	for (uint32_t page = 0; page < NPAGES; page++)
		check_page(page);
	for (int i = 0; i < NODES; i++)
		tell(i, QUIT, 0, 0);
	for (int i = 0; i < NODES; i++)
		await_end(servers[i]);
}

void
umain(int argc, char **argv)
{
	static struct Memory plain;
	uint64_t start = ticks();
	int rounds = iterate(&plain);
	uint64_t serial = ticks() - start;
	uint32_t sum = checksum(&plain, rounds), faults, tenths;

	manager = sys_getenvid();
	for (int i = 0; i < 2; i++) {
		checking = i == 0;
		run(sum);
		CHECK(figures.rounds == (uint32_t) rounds);
		cprintf("%d nodes, %d pages: the result is the serial one%s\n", NODES, (int) NPAGES,
			checking ? "; each fault left one writer, or readers" : "");
	}
	faults = figures.reads + figures.writes;
	tenths = figures.messages * 10 / faults;
	cprintf("pg_dsm: OK: %u read faults, %u write faults, %u invalidations, %u pages sent, "
		"%u.%u messages a fault, %u rounds, %llu %s, %llu serial\n",
		figures.reads, figures.writes, figures.invalidations, figures.pages, tenths / 10,
		tenths % 10, figures.rounds, figures.end - figures.start, tick_unit(), serial);
}
