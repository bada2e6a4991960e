// Migration: a running program goes to another env, with its registers, its stack and its memory.
//
// Post-copy, after Hines, Deshpande and Gopalan, Post-Copy Live Migration of Virtual Machines, 2009:
// the program goes on at once on the other side, with registers and stack and nothing else.  It gets
// the pages that it touches by faults (region_remote) from where it was; from there the others are
// pushed meanwhile, those behind the last fault first, and when all have gone, the source ends.
// Compared are stop-and-copy, where all pages go while the program stands still; and pre-copy, after
// Clark et al., Live Migration of Virtual Machines, 2005: they go while it still runs, those that it
// writes to meanwhile (region_dirty) once more, and the last of them while it stands still.
//
// Here a machine is an env.  The source makes the destination before it has any memory, and as the
// parent may change its page tables and registers.  Pages are sent as copies, so that no frame is
// in both.  The moment to go is a fault, too: the program touches a page that only the destination
// has; the pager finds all registers in the UTrapframe, sends them, and replaces them by those of
// a server.  The downtime is from there to the first thing that the program does in the destination.

#include "inc/ipc.h"
#include "user/gallery.h"

#define NPAGES 256
#define SIZE (NPAGES * PGSIZE)
#define MEMORY ((uint32_t *) 0x10000000) // the program's
#define PAGE(n) ((void *) ((uint32_t) MEMORY + (n) *PGSIZE))
#define DOOR ((volatile int *) 0x20000000) // touching it is the moment to go
#define OUT ((void *) 0x20001000)          // a page that answers a fault

#define TURNS 512 // of the computation
#define STEPS 500 // in each
#define WINDOW 32 // pages that a turn works with; those of the next begin one further
#define GO 256    // the turn before which the program goes
#define ROUNDS 6  // turns before that, in which pre-copy sends what has changed
#define BATCH 4   // pages pushed before looking for faults again

enum Way { STAY, STOP_AND_COPY, PRE_COPY, POST_COPY };
static const char *const names[] = {"it stays", "stop-and-copy", "pre-copy", "post-copy"};

// What is measured: the only memory that all have in common.
struct Figures {
	uint64_t stopped, resumed, ended;
	uint32_t before; // pages copied while the program runs in the source,
	uint32_t during; // while it stands still,
	uint32_t faults; // for faults,
	uint32_t pushed; // and else while it runs in the destination
};
#define FIGURES ((struct Figures *) 0x30000000)

static enum Way way;
static envid_t root, source, destination;

// The source, while the program runs there.

static struct Region *memory;

// Copy the pages that have been written to since the last time.  Returns how many these were.
static uint32_t
copy_changed(void)
{
	uint32_t bits[NPAGES / 32], n = MUST(region_dirty(memory, 0, SIZE, bits));

	for (uint32_t i = 0; i < NPAGES; i++)
		if (bits[i / 32] >> i % 32 & 1)
			MUST(sys_page_copy(0, PAGE(i), destination, PAGE(i), RW));
	return n;
}

// The library's `thisenv' stands on the stack, and is the destination's there.
static void
send_stack(uint32_t esp)
{
	const volatile struct Env *self = thisenv;

	thisenv = &envs[ENVX(destination)];
	for (uint32_t va = ROUNDDOWN(esp, PGSIZE); va < USTACKTOP; va += PGSIZE)
		MUST(sys_page_copy(0, (void *) va, destination, (void *) va, RW));
	thisenv = self;
}

static void
send_registers(const struct UTrapframe *utf)
{
	struct Trapframe tf = {.tf_regs = utf->utf_regs,
			       .tf_eip = utf->utf_eip,
			       .tf_eflags = utf->utf_eflags,
			       .tf_esp = utf->utf_esp};

	MUST(sys_env_set_trapframe(destination, &tf));
}

static void stay_behind(void) __attribute__((noreturn));

// The program touches the door.
static int
door_fault(struct Region *r, const struct Fault *f, struct UTrapframe *utf)
{
	FIGURES->stopped = ticks();
	if (way != POST_COPY)
		FIGURES->during = copy_changed();
	send_stack(utf->utf_esp);
	send_registers(utf);
	MUST(sys_env_set_status(destination, ENV_RUNNABLE));

	// The program has gone; the stack that it had serves those who remain.
	utf->utf_eip = (uint32_t) stay_behind;
	utf->utf_esp = ROUNDDOWN(utf->utf_esp, 16) - sizeof(uint32_t);
	return REGION_HANDLED;
}

static const struct Pager door = {.name = "door", .fault = door_fault};

// The source, when the program has gone.

static bool gone[NPAGES];
static uint32_t left = NPAGES, next; // how many are here, and from where on to push

static void
has_gone(uint32_t page)
{
	gone[page] = true;
	left--;
}

// The destination has touched a page, which may have been pushed since.
static int
answer(const struct Request *q, struct Answer *a)
{
	uint32_t page = q->offset / PGSIZE;

	CHECK(q->kind == REQUEST_FAULT && q->client == destination && page < NPAGES);
	next = page;
	if (gone[page])
		return 0;
	MUST(sys_page_copy(0, PAGE(page), 0, OUT, RW));
	*a = (struct Answer){.page = OUT, .perm = RW};
	has_gone(page);
	FIGURES->faults++;
	return 0;
}

static void
push(uint32_t n)
{
	for (; n > 0 && left > 0; next++) {
		uint32_t page = next % NPAGES;

		if (gone[page])
			continue;
		MUST(sys_page_copy(0, PAGE(page), destination, PAGE(page), RW));
		has_gone(page);
		FIGURES->pushed++;
		n--;
	}
}

// Push, but let those who wait for a page come first.  End when there is nothing left to push.
static void
stay_behind(void)
{
	sys_yield();
	while (way == POST_COPY && left > 0) {
		while (region_serve(answer, IPC_NOWAIT) == 0)
			MUST(sys_page_unmap(0, OUT));
		push(BATCH);
		sys_yield();
	}
	exit();
}

// The destination.

// The page may be pushed while we ask for it, and then the source may have ended.
static int
arriving_fault(struct Region *r, const struct Fault *f, struct UTrapframe *utf)
{
	int err = region_remote.fault(r, f, utf);

	return err != REGION_HANDLED && region_present(r, f->offset) ? REGION_HANDLED : err;
}

static const struct Pager arriving = {.name = "arriving", .fault = arriving_fault};

static void
add(struct Region **made, void *start, uint32_t size, const struct Pager *pager, void *arg)
{
	struct Region like = {.name = pager->name,
			      .start = (uint32_t) start,
			      .size = size,
			      .prot = REGION_RW,
			      .max = REGION_RW,
			      .pager = pager,
			      .arg = arg};

	MUST(region_add(made, &like));
}

// Be ready for the memory, and wait for the registers.
static void
stand_ready(void)
{
	static struct Remote remote;

	remote.pager = source;
	add(NULL, MEMORY, SIZE, &arriving, &remote);
	MUST(sys_page_alloc(0, (void *) DOOR, RO));
	ipc_send(source, 0, NULL, 0);
	for (;;)
		sys_yield();
}

// The program: numbers at random change numbers at random, in a part of the memory that moves on.

// All that it knows of migration.
static void
turn(int n)
{
	if (way == PRE_COPY && n >= GO - ROUNDS && n < GO)
		FIGURES->before += copy_changed();
	if (n == GO) {
		(void) *DOOR;
		FIGURES->resumed = ticks();
	}
}

// The next number: those of xorshift, shuffled (Bays and Durham, 1976).
#define SHUFFLED 32
static uint32_t
draw(uint32_t *state, uint32_t *shuffled)
{
	uint32_t *slot = &shuffled[*state % SHUFFLED], n = *slot;

	*slot = xorshift(state);
	return n;
}

static uint32_t
compute(void)
{
	uint32_t state = 2009, shuffled[SHUFFLED] = {0}, sum = 0;

	for (int n = 0; n < TURNS; n++) {
		turn(n);
		for (int i = 0; i < STEPS; i++) {
			uint32_t random = draw(&state, shuffled);
			uint32_t page = (n + random % WINDOW) % NPAGES;
			uint32_t *word = (uint32_t *) PAGE(page) + random / WINDOW % (PGSIZE / 4);

			sum = sum * 31 + *word;
			*word = sum ^ random;
		}
	}
	return sum;
}

// What the memory is at the end, when all of it must be here, and nobody else's.
static uint32_t
checksum(void)
{
	uint32_t sum = 0;

	for (uint32_t page = 0; page < NPAGES; page++) {
		pte_t pte = uvpt[PGNUM(PAGE(page))];
		CHECK((pte & PTE_P) && pages[PGNUM(pte)].pp_ref == 1);
	}
	for (uint32_t i = 0; i < SIZE / sizeof *MEMORY; i++)
		sum = sum * 31 + MEMORY[i];
	return sum;
}

// It begins in the source.  Who comes to the end is for the pagers to say.
static void
program(void)
{
	uint32_t random = 1, sum;

	for (uint32_t i = 0; i < SIZE / sizeof *MEMORY; i++)
		MEMORY[i] = xorshift(&random);
	sum = compute();
	FIGURES->ended = ticks();
	CHECK((sys_getenvid() == source) == (way == STAY));
	if (way != STAY)
		await_end(source);
	ipc_send(root, sum + checksum(), NULL, 0);
}

static void
be_source(void)
{
	source = sys_getenvid();
	if (way == STAY) {
		MUST(sys_page_alloc(0, (void *) DOOR, RO));
	} else {
		if ((destination = MUST(fork())) == 0)
			stand_ready();
		ipc_recv(NULL, NULL, NULL);
		MUST(sys_env_set_status(destination, ENV_NOT_RUNNABLE));
		add(NULL, (void *) DOOR, PGSIZE, &door, NULL);
	}
	add(&memory, MEMORY, SIZE, &region_zero, NULL);
	program();
}

// Returns the result.
static uint32_t
run(enum Way how)
{
	envid_t first, last;
	uint32_t sum;

	way = how;
	*FIGURES = (struct Figures){0};
	if ((first = MUST(fork())) == 0) {
		be_source();
		exit();
	}
	sum = ipc_recv(&last, NULL, NULL);
	await_end(first);
	await_end(last);
	return sum;
}

void
umain(int argc, char **argv)
{
	uint32_t expected, downtime[POST_COPY + 1];

	root = sys_getenvid();
	MUST(sys_page_alloc(0, FIGURES, RW | PTE_SHARE));
	expected = run(STAY);
	cprintf("%-14s%10s%10s%10s%10s%12s%12s\n", "pages copied", "before", "during", "faults",
		"pushed", "downtime", "to the end");
	for (enum Way how = STOP_AND_COPY; how <= POST_COPY; how++) {
		CHECK(run(how) == expected);
		downtime[how] = FIGURES->resumed - FIGURES->stopped;
		cprintf("%-14s%10u%10u%10u%10u%12u%12llu\n", names[how], FIGURES->before,
			FIGURES->during, FIGURES->faults, FIGURES->pushed, downtime[how],
			FIGURES->ended - FIGURES->stopped);
		if (how == STOP_AND_COPY)
			CHECK(FIGURES->during == NPAGES);
	}
	CHECK(FIGURES->faults + FIGURES->pushed == NPAGES);
	cprintf("pg_migrate: OK: %u faults, %u pages pushed, downtime %u %s, %u with pre-copy, "
		"%u with stop-and-copy\n",
		FIGURES->faults, FIGURES->pushed, downtime[POST_COPY], tick_unit(),
		downtime[PRE_COPY], downtime[STOP_AND_COPY]);
}
