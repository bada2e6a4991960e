// The stock pager region_remote, and region_serve on the other side: pagers that are other programs.
// One does as it should; others end, lie, or do not answer, and then their clients alone are killed,
// with a report that says why.  Clients that send nonsense, or do not wait, disturb nobody.
//
// The reports stand on the console in the order of the table `bad', for test/gallery.t to read.

#include "inc/ipc.h"
#include "inc/region.h"
#include "user/attack.h"

#define NPAGES 16
#define WORDS (PGSIZE / 4)
#define MEMORY ((volatile uint32_t *) 0x10000000) // a client's
#define PAGE(n) (MEMORY + (n) *WORDS)
#define OUT ((uint32_t *) 0x20000000) // a pager's: what it answers

enum { ZERO, PATTERN, STORE, KEYS }; // what the good pager has

// Words of the shared page.
enum { FAULTS, OPENED, STORED, FORKS, CHILD, ODD, PROGRESS, DONE, STEPS, QUIT };

static uint32_t
count(int what)
{
	uint32_t n = SHARED[what];

	SHARED[what] = 0;
	return n;
}

// The good pager.

static uint32_t store[NPAGES][WORDS];

static int
on_fault(const struct Request *q, struct Answer *a)
{
	const bool write = q->fault.access == REGION_WRITE;

	SHARED[FAULTS]++;
	if (q->key == ZERO && !q->fault.missing) {
		SHARED[OPENED]++;
		return 0;
	}
	assert(sys_page_alloc(0, OUT, RW) == 0);
	for (int i = 0; q->key == PATTERN && i < WORDS; i++)
		OUT[i] = q->offset + i;
	if (q->key == STORE)
		memcpy(OUT, store[q->offset / PGSIZE], PGSIZE);
	*a = (struct Answer){.page = OUT, .perm = q->key == PATTERN && !write ? RO : RW};
	return 0;
}

static bool
is_odd(const struct Request *q)
{
	const struct Fault *f = &q->fault;

	return q->key >= KEYS || q->offset >= NPAGES * PGSIZE ||
		(q->kind == REQUEST_WRITE_BACK && q->key != STORE) ||
		(q->kind == REQUEST_FAULT &&
		 (f->env != q->client || f->region != (uint32_t) MEMORY || f->offset != q->offset ||
		  ROUNDDOWN(f->va, PGSIZE) - f->region != q->offset ||
		  (f->access != REGION_READ && f->access != REGION_WRITE)));
}

static int
answer_well(const struct Request *q, struct Answer *a)
{
	assert(q->kind <= REQUEST_FORK);
	if (is_odd(q)) {
		SHARED[ODD]++;
		return -E_INVAL;
	}
	switch (q->kind) {
	case REQUEST_FAULT:
		return on_fault(q, a);
	case REQUEST_WRITE_BACK:
		memcpy(store[q->offset / PGSIZE], q->page, PGSIZE);
		SHARED[STORED]++;
		return 0;
	case REQUEST_FORK:
		SHARED[CHILD] = q->child;
		SHARED[FORKS]++;
		return 0;
	}
	return -E_INVAL;
}

// Others, each of which has one fault.

static int
answer_nothing(const struct Request *q, struct Answer *a)
{
	return 0;
}

static int
answer_read_only(const struct Request *q, struct Answer *a)
{
	assert(sys_page_alloc(0, OUT, RW) == 0);
	*a = (struct Answer){.page = OUT, .perm = RO};
	return 0;
}

static int
answer_number(const struct Request *q, struct Answer *a)
{
	return 7;
}

static int
answer_no_such_page(const struct Request *q, struct Answer *a)
{
	*a = (struct Answer){.page = OUT, .perm = RO};
	return 0;
}

static int
answer_refusal(const struct Request *q, struct Answer *a)
{
	return -E_NOT_FOUND;
}

static int
answer_and_end(const struct Request *q, struct Answer *a)
{
	if (q->offset == 3 * PGSIZE)
		exit();
	return answer_well(q, a);
}

static void
serve(uint32_t answer)
{
	for (;;) {
		assert(region_serve((void *) answer, 0) == 0);
		sys_page_unmap(0, OUT);
	}
}

// Without the library: a page with the wrong word.
static void
send_wrong_word(uint32_t unused)
{
	assert(sys_page_alloc(0, OUT, RW) == 0 && sys_ipc_wait(0, (void *) UTOP, 0) == 0);
	sys_ipc_send(thisenv->env_ipc_from, 0x7fffffff, OUT, RW | IPC_NOWAIT);
}

static void
be_silent(uint32_t unused)
{
	for (;;)
		sys_ipc_recv((void *) UTOP);
}

static void
be_deaf(uint32_t unused)
{
	for (;;)
		sys_yield();
}

// Clients.

static struct Remote remote;
static envid_t good;

static struct Region *
attach(envid_t pager, uint32_t key, uint32_t limit)
{
	const struct Region like = {.name = "remote memory",
				    .start = (uint32_t) MEMORY,
				    .size = NPAGES * PGSIZE,
				    .prot = REGION_RW,
				    .max = REGION_RW,
				    .pager = &region_remote,
				    .arg = &remote};
	struct Region *r;

	remote = (struct Remote){.pager = pager, .key = key, .limit = limit};
	assert(region_add(&r, &like) == 0);
	return r;
}

static void
await_sole(volatile uint32_t *page)
{
	for (int i = 0; pages[PGNUM(uvpt[PGNUM(page)])].pp_ref != 1; i++) {
		assert(i < 10000);
		sys_yield();
	}
}

static void
read_zeros(uint32_t unused)
{
	struct Region *r = attach(good, ZERO, 0);

	for (uint32_t i = 0; i < NPAGES * WORDS; i++)
		assert(MEMORY[i] == 0);
	for (int i = 0; i < NPAGES; i++)
		PAGE(i)[i] = i;
	assert(count(FAULTS) == NPAGES);

	// What the client itself has protected is the pager's to open.
	assert(region_protect(r, 5 * PGSIZE, PGSIZE, REGION_READ) == 0);
	PAGE(5)[1] = 1;
	PAGE(5)[2] = 2;
	assert(count(FAULTS) == 1 && count(OPENED) == 1 && PAGE(5)[5] == 5);
	SHARED[DONE] = SURVIVED;
}

static void
read_pattern(uint32_t unused)
{
	attach(good, PATTERN, 0);
	for (uint32_t i = 0; i < NPAGES * WORDS; i++)
		assert(MEMORY[i] == i / WORDS * PGSIZE + i % WORDS);
	assert(count(FAULTS) == NPAGES);
	PAGE(7)[7] = 0; // came read-only: one more
	assert(count(FAULTS) == 1 && PAGE(7)[6] == 7 * PGSIZE + 6);
	SHARED[DONE] = SURVIVED;
}

// Everything that has been written to goes to the pager, once, and comes back from there.
static void
write_back(uint32_t unused)
{
	struct Region *r = attach(good, STORE, 0);

	for (int i = 0; i < NPAGES; i++)
		PAGE(i)[9] = i + 100;
	assert(region_sync(r, 0, r->size) == 0 && count(STORED) == NPAGES);
	await_sole(PAGE(NPAGES - 1)); // the pager has a copy, and lets go of ours
	assert(region_sync(r, 0, r->size) == 0 && count(STORED) == 0);
	PAGE(3)[9] = 3;
	assert(region_sync(r, 0, r->size) == 0 && count(STORED) == 1);
	assert(count(FAULTS) == NPAGES);

	assert(region_evict(r, 0, r->size) == 0 && count(STORED) == 0);
	for (int i = 0; i < NPAGES; i++) {
		assert(!region_present(r, i * PGSIZE));
		assert(PAGE(i)[9] == (uint32_t) (i == 3 ? 3 : i + 100));
	}
	assert(count(FAULTS) == NPAGES);
	PAGE(4)[9] = 4;
	assert(region_evict(r, 4 * PGSIZE, PGSIZE) == 0 && count(STORED) == 1);
	assert(PAGE(4)[9] == 4 && count(FAULTS) == 1);
	PAGE(5)[9] = 5;
	assert(region_remove(r) == 0 && count(STORED) == 1);
	r = attach(good, STORE, 0);
	assert(PAGE(5)[9] == 5 && count(FAULTS) == 1);

	// A pager that does not store says so, and the page stays.
	assert(region_remove(r) == 0);
	r = attach(good, PATTERN, 0);
	PAGE(6)[6] = 6;
	assert(region_evict(r, 0, r->size) == -E_INVAL && count(ODD) == 1);
	assert(region_present(r, 6 * PGSIZE) && PAGE(6)[6] == 6);
	SHARED[DONE] = SURVIVED;
}

// A pager that is a client, too: it has its pages from another, and while it is asked for some.
static int
answer_from_other(const struct Request *q, struct Answer *a)
{
	struct Region *r = region_at((void *) MEMORY);
	void *page = (void *) (r->start + q->offset);

	if (q->kind == REQUEST_FAULT) {
		assert(sys_page_alloc(0, OUT, RW) == 0);
		memcpy(OUT, page, PGSIZE);
		*a = (struct Answer){.page = OUT, .perm = RW};
	} else {
		memcpy(page, q->page, PGSIZE);
	}
	return region_evict(r, q->offset, PGSIZE);
}

static void
serve_from_other(uint32_t unused)
{
	attach(good, STORE, 0);
	serve((uint32_t) answer_from_other);
}

static void
use_two(uint32_t pager)
{
	struct Region *r = attach(pager, ZERO, 0);

	for (int i = 0; i < NPAGES; i++)
		PAGE(i)[3] = i + 200;
	assert(count(FAULTS) == NPAGES && count(STORED) == 0);
	assert(region_evict(r, 0, r->size) == 0);
	assert(count(FAULTS) == NPAGES && count(STORED) == NPAGES);
	for (int i = 0; i < NPAGES; i++)
		assert(PAGE(i)[3] == (uint32_t) i + 200);
	SHARED[DONE] = SURVIVED;
}

// The pager is told of a child, which then asks for its pages itself.
static void
fork_client(uint32_t unused)
{
	envid_t child;

	attach(good, PATTERN, 0);
	PAGE(0)[0] = 1;
	assert((child = fork()) >= 0);
	if (child == 0) {
		assert(PAGE(0)[0] == 1 && PAGE(1)[1] == PGSIZE + 1);
		PAGE(0)[0] = 2;
		assert(count(FAULTS) == 2);
		SHARED[DONE] = thisenv->env_id;
		return;
	}
	wait_end(child);
	assert(count(DONE) == (uint32_t) child);
	assert(count(FORKS) == 1 && count(CHILD) == (uint32_t) child);
	assert(PAGE(0)[0] == 1 && count(FAULTS) == 0);
	SHARED[DONE] = SURVIVED;
}

// The pager and its client whom nothing disturbs.
static void
go_on(uint32_t unused)
{
	struct Region *r = attach(good, STORE, 0);

	for (uint32_t n = 0; !SHARED[QUIT]; n++) {
		PAGE(n % NPAGES)[n % WORDS] = n;
		assert(region_evict(r, 0, r->size) == 0);
		assert(PAGE(n % NPAGES)[n % WORDS] == n);
		SHARED[STEPS]++;
	}
}

static void
use_all(uint32_t pager)
{
	attach(pager, ZERO, 0);
	for (int i = 0; i < NPAGES; i++) {
		assert(MEMORY[i * WORDS] == 0);
		SHARED[PROGRESS] = i + 1;
	}
	SHARED[DONE] = SURVIVED;
}

static void
write_once(uint32_t pager)
{
	attach(pager, ZERO, 50);
	PAGE(2)[0] = 1;
	SHARED[DONE] = SURVIVED;
}

// A client with a handler of its own is asked when the pager fails.
static void
own_handler(struct UTrapframe *utf)
{
	assert(sys_page_alloc(0, (void *) ROUNDDOWN(utf->utf_fault_va, PGSIZE), RW) == 0);
}

static void
help_yourself(uint32_t pager)
{
	set_pgfault_handler(own_handler);
	write_once(pager);
}

// Messages that mean nothing, with and without a page; and nobody waits for some of the answers.
static void
send_nonsense(uint32_t unused)
{
	uint32_t answers = 0;

	assert(sys_page_alloc(0, OUT, RW) == 0);
	for (int i = 0; i < WORDS; i++)
		OUT[i] = random();
	assert(sys_ipc_call(good, 0, (void *) UTOP, IPC_ONLY, (void *) UTOP) == 0);
	assert((int) thisenv->env_ipc_value == -E_INVAL);
	assert(sys_ipc_call(good, 3, OUT, RO | IPC_ONLY, (void *) UTOP) == 0);
	assert((int) thisenv->env_ipc_value == -E_INVAL);
	for (int i = 0; i < 100; i++) {
		uint32_t word = random();

		if ((word & 3) == REQUEST_FORK) // the pager has nothing against it
			continue;
		assert(sys_ipc_call(good, word | KEYS << 2, OUT, RO | IPC_ONLY, (void *) UTOP) ==
		       0);
		answers += (int) thisenv->env_ipc_value == -E_INVAL;
		assert(sys_ipc_send(good, word, i % 2 ? OUT : (void *) UTOP, RO) == 0);
	}
	assert(answers > 50);
	SHARED[DONE] = SURVIVED;
}

// The whole.

// A client of the good pager, which must come to its end.
static void
succeed(void (*client)(uint32_t), uint32_t arg)
{
	SHARED[FAULTS] = SHARED[DONE] = 0;
	wait_end(spawn(client, arg));
	assert(count(DONE) == SURVIVED);
}

static const struct Bad {
	const char *what;
	void (*pager)(uint32_t arg);
	void *arg;
	void (*client)(uint32_t pager);
} bad[] = {
	{"ends with a request in hand", serve, answer_and_end, use_all},
	{"answers without a page", serve, answer_nothing, write_once},
	{"sends a page that is read-only", serve, answer_read_only, write_once},
	{"answers with a number", serve, answer_number, write_once},
	{"sends a page with a wrong word", send_wrong_word, NULL, write_once},
	{"names a page that it has not", serve, answer_no_such_page, write_once},
	{"refuses", serve, answer_refusal, write_once},
	{"does not answer", be_silent, NULL, write_once},
	{"does not listen", be_deaf, NULL, write_once},
};

static void
await_steps(envid_t client)
{
	uint32_t before = SHARED[STEPS];

	while (SHARED[STEPS] - before < 3) {
		assert(alive(client));
		sys_yield();
	}
}

// A client of a bad pager, which must not come to its end.
static void
fail(const struct Bad *b)
{
	envid_t pager;

	cprintf("a pager that %s:\n", b->what);
	SHARED[PROGRESS] = 0;
	pager = spawn(b->pager, (uint32_t) b->arg);
	wait_end(spawn(b->client, pager));
	assert(SHARED[DONE] != SURVIVED);
	if (b->arg == answer_and_end)
		assert(!alive(pager) && SHARED[PROGRESS] == 3);
	destroy(pager);
}

// The pager is ended while a client waits for it.
static void
end_under_client(void)
{
	envid_t pager = spawn(be_silent, 0), client = spawn(use_all, pager);

	cprintf("a pager that is ended:\n");
	while (envs[ENVX(pager)].env_ipc_from != client)
		sys_yield();
	destroy(pager);
	wait_end(client);
	assert(SHARED[DONE] != SURVIVED);
}

static void
succeed_with(void (*pager)(uint32_t), void (*client)(uint32_t))
{
	envid_t id = spawn(pager, 0);

	succeed(client, id);
	destroy(id);
}

void
umain(int argc, char **argv)
{
	envid_t undisturbed;
	uint32_t frames;

	share_page();
	good = spawn(serve, (uint32_t) answer_well);
	succeed(read_zeros, 0);
	destroy(good);
	frames = free_frames(); // since fork has its exception stack, and tables for its copies
	good = spawn(serve, (uint32_t) answer_well);
	succeed(read_pattern, 0);
	succeed(write_back, 0);
	succeed(fork_client, 0);
	assert(count(ODD) == 0);
	succeed_with(serve_from_other, use_two);
	succeed_with(be_deaf, help_yourself);

	undisturbed = spawn(go_on, 0);
	for (uint32_t i = 0; i < sizeof bad / sizeof *bad; i++) {
		fail(&bad[i]);
		await_steps(undisturbed);
	}
	end_under_client();
	assert(count(ODD) == 0);
	succeed(send_nonsense, 0);
	assert(count(ODD) > 50);
	await_steps(undisturbed);
	SHARED[QUIT] = true;
	wait_end(undisturbed);
	destroy(good);
	assert(free_frames() == frames);
	cprintf("pagers_remote: OK\n");
}
