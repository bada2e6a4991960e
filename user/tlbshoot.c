// Translations: after a call has unmapped, remapped or lowered the rights of a page, nobody uses
// the old one, on whatever CPU; and a mapping that is replaced is there all the time.
//
// A child reads or writes one page without a pause, on another CPU if there is one.  Its parent
// changes the mapping, and looks whether the child still sees or touches what it had.

#include "user/attack.h"

#define ROUNDS 60
#define WATCH 300000 // cycles

#define TARGET ((volatile uint32_t *) 0x10000000) // in the child
#define MINE ((volatile uint32_t *) 0x20000000)   // the parent's view of the same frame
#define OTHER ((volatile uint32_t *) 0x20001000)
#define SECRET 0x5ec2e7

// What the child tells.
#define STOP SHARED[0]
#define TURNS SHARED[1]
#define SEEN SHARED[2]
#define FAULTS SHARED[3]
#define LEAKS SHARED[4]
#define START SHARED[5] // and what it is told

static void
wait_and_retry(struct UTrapframe *utf)
{
	if (ROUNDDOWN(utf->utf_fault_va, PGSIZE) != (uintptr_t) TARGET)
		panic("fault at %08x", utf->utf_fault_va);
	FAULTS++;
	if (STOP)
		exit();
	sys_yield();
}

// Most of them without the kernel; with one CPU, the parent shall have its turns too.
static void
take_turn(void)
{
	if (++TURNS % 64 == 0)
		sys_yield();
}

// No handler of fork's is needed for these: they touch nothing but shared pages and TARGET.
static void
reader(uint32_t arg)
{
	set_pgfault_handler(wait_and_retry);
	while (!STOP) {
		uint32_t word = *TARGET;

		SEEN = word;
		if (word == SECRET)
			LEAKS++;
		take_turn();
	}
}

static void
writer(uint32_t arg)
{
	set_pgfault_handler(wait_and_retry);
	while (!STOP) {
		*TARGET = TURNS | 1;
		take_turn();
	}
}

static envid_t
start(void (*f)(uint32_t))
{
	STOP = TURNS = SEEN = FAULTS = LEAKS = 0;
	return spawn(f, 0);
}

static void
stop(envid_t id)
{
	STOP = true;
	wait_end(id);
}

static void
map(envid_t id, volatile uint32_t *from, int perm)
{
	assert(sys_page_map(0, (void *) from, id, (void *) TARGET, perm) == 0);
}

static void
fresh(volatile uint32_t *va)
{
	assert(sys_page_alloc(0, (void *) va, RW) == 0);
}

static uint32_t
frame(volatile uint32_t *va)
{
	return PGNUM(uvpt[PGNUM(va)]);
}

// Let the child run on until it has taken some more turns.
static void
let_run(envid_t id)
{
	for (uint32_t turns = TURNS; TURNS - turns < 3;) {
		assert(alive(id));
		sys_yield();
	}
}

// For some time, *va must stay what it is, whatever the child does.
static void
watch(volatile uint32_t *va, uint32_t word)
{
	uint64_t end = read_tsc() + WATCH;

	while (read_tsc() < end)
		assert(*va == word);
	sys_yield();
	assert(*va == word);
}

static void
unmap_from_reader(void)
{
	envid_t id = start(reader);
	int reused = 0;

	for (uint32_t round = 1; round <= ROUNDS; round++) {
		fresh(MINE);
		*MINE = round;
		map(id, MINE, RO);
		while (SEEN != round)
			sys_yield();

		uint32_t old = frame(MINE);
		assert(sys_page_unmap(0, (void *) MINE) == 0);
		assert(sys_page_unmap(id, (void *) TARGET) == 0);
		fresh(MINE);
		reused += frame(MINE) == old;
		*MINE = SECRET;
		watch(MINE, SECRET);
		assert(LEAKS == 0);
	}
	stop(id);
	assert(reused > ROUNDS / 2);
	cprintf("tlbshoot: unmapped from a reader, frame reused\n");
}

static void
unmap_from_writer(void)
{
	envid_t id = start(writer);

	for (int round = 0; round < ROUNDS; round++) {
		fresh(MINE);
		map(id, MINE, RW);
		let_run(id);
		assert(*MINE != 0);
		assert(sys_page_unmap(id, (void *) TARGET) == 0);
		*MINE = 0;
		watch(MINE, 0);
	}
	stop(id);
	cprintf("tlbshoot: unmapped from a writer\n");
}

static void
lower_rights(void)
{
	envid_t id = start(writer);

	for (int round = 0; round < ROUNDS; round++) {
		fresh(MINE);
		map(id, MINE, RW);
		let_run(id);
		if (round % 2 == 0)
			map(id, MINE, RO);
		else
			assert(sys_page_map(id, (void *) TARGET, id, (void *) TARGET, RO) == 0);
		*MINE = 0;
		watch(MINE, 0);
	}
	stop(id);
	cprintf("tlbshoot: rights lowered\n");
}

static void
late_writer(uint32_t arg)
{
	while (!START)
		sys_yield();
	writer(0);
}

// To and fro between two pages, by sys_page_map and sys_page_alloc: the child never faults, and never writes to
// the one that it has lost.
static void
replace(void)
{
	envid_t id;

	START = false;
	STOP = TURNS = FAULTS = 0;
	id = spawn(late_writer, 0);
	fresh(MINE); // after the fork: it would make them copy-on-write
	fresh(OTHER);
	map(id, MINE, RW);
	START = true;
	for (int round = 0; round < ROUNDS * 2; round++) {
		volatile uint32_t *to = round % 2 ? MINE : OTHER, *from = round % 2 ? OTHER : MINE;

		let_run(id);
		assert(*from != 0);
		map(id, to, RW);
		*from = 0;
		watch(from, 0);
	}
	for (int round = 0; round < ROUNDS; round++) {
		let_run(id);
		assert(sys_page_alloc(id, (void *) TARGET, RW) == 0);
		assert(sys_page_map(id, (void *) TARGET, 0, (void *) OTHER, RW) == 0);
		*MINE = 0;
		watch(MINE, 0);
	}
	assert(FAULTS == 0);
	stop(id);
	cprintf("tlbshoot: replaced without a gap\n");
}

static void
receiver(uint32_t parent)
{
	for (uint32_t round = 1; round <= ROUNDS; round++) {
		*TARGET = 0; // the old page, by a translation that has just been used
		sys_ipc_recv((void *) TARGET);
		if (*TARGET != round || thisenv->env_ipc_value != round)
			panic("message %u brought %u", round, *TARGET);
	}
	SHARED[0] = SURVIVED;
}

// A message puts a page in the place of another.
static void
replace_by_message(void)
{
	envid_t id;

	fresh(TARGET);
	SHARED[0] = 0;
	id = spawn(receiver, 0);
	for (uint32_t round = 1; round <= ROUNDS; round++) {
		fresh(MINE);
		*MINE = round;
		ipc_send(id, round, (void *) MINE, RW);
	}
	wait_end(id);
	assert(SHARED[0] == SURVIVED);
	cprintf("tlbshoot: replaced by a message\n");
}

#define PAGES 64

static void
scribbler(uint32_t arg)
{
	for (;;) {
		for (int i = 0; i < PAGES; i++)
			TARGET[i * PGSIZE / 4] = 1;
		take_turn();
	}
}

// The frames of an env that is destroyed while it runs go to its parent, and stay as they are.
static void
destroy_writer(void)
{
	const volatile uint32_t *const word = MINE;

	for (int round = 0; round < ROUNDS / 4; round++) {
		envid_t id;

		for (int i = 0; i < PAGES; i++)
			fresh(TARGET + i * PGSIZE / 4);
		STOP = TURNS = 0;
		id = spawn(scribbler, 0);
		for (int i = 0; i < PAGES; i++)
			assert(sys_page_unmap(0, (void *) (TARGET + i * PGSIZE / 4)) == 0);
		let_run(id);
		assert(sys_env_destroy(id) == 0);
		if (round % 2)
			wait_end(id);
		for (int i = 0; i < 2 * PAGES; i++)
			fresh(MINE + i * PGSIZE / 4);
		for (uint64_t end = read_tsc() + WATCH; read_tsc() < end;)
			for (int i = 0; i < 2 * PAGES; i++)
				assert(word[i * PGSIZE / 4] == 0);
		wait_end(id);
	}
	cprintf("tlbshoot: destroyed while writing\n");
}

void
umain(int argc, char **argv)
{
	share_page();
	unmap_from_reader();
	unmap_from_writer();
	lower_rights();
	replace();
	replace_by_message();
	destroy_writer();
	cprintf("tlbshoot: OK\n");
}
