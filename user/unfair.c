// Who takes all it can get leaves the others their part.  A victim counts beside programs that
// loop, yield, call, fault or fork without an end; then it measures how long the kernel keeps it
// waiting while a great deal is printed, or given back.
//
// Times are compared with each other only, and the best of several tries counts: the host may
// have other things to do, but a kernel that starves a program does so each time.

#include "user/attack.h"

#define WINDOW 200000000 // cycles
#define TRIES 4
#define ATTACKERS 2
#define CALLS 100 // in a window
#define PAGE 0x10000000u
#define NOTHING 0x0fffff00
#define TURNS SHARED[0]
#define READY SHARED[1]
#define GO SHARED[2]
#define TEXT_SIZE (96 * 1024)
#define MAPPINGS (860 * 1024) // most of an address space, for a long end
#define CROWD 150

// The attackers.

static void
spin(void)
{
	for (;;)
		;
}

// An interrupt cannot come after the first of these; it must come after the second.
static void
shadow(void)
{
	for (;;)
		asm volatile("movw %%ss,%%ax; 1: movw %%ax,%%ss; jmp 1b" : : : "eax");
}

static void
repeat(void)
{
	const uint32_t size = 8 * 1024 * 1024;

	sys_page_alloc(0, (void *) PAGE, RW);
	for (uint32_t va = PAGE; va < PAGE + size; va += PGSIZE)
		sys_page_map(0, (void *) PAGE, 0, (void *) va, RW);
	for (;;) {
		uint32_t to = PAGE, n = size;

		asm volatile("rep stosb" : "+D"(to), "+c"(n) : "a"(0) : "memory");
	}
}

static void
yield(void)
{
	for (;;)
		sys_yield();
}

static void
call(void)
{
	for (;;)
		sys_getenvid();
}

static void
send(void)
{
	for (;;)
		sys_ipc_try_send(0, 0, (void *) SHARED_VA, RW);
}

static void
map(void)
{
	for (uint32_t i = 0;; i++)
		sys_page_map(0, (void *) SHARED_VA, 0, (void *) (PAGE + i % 64 * PTSIZE), RW);
}

static void
skip(struct UTrapframe *utf)
{
	if (utf->utf_fault_va != NOTHING)
		panic("fault at %08x", utf->utf_fault_va);
}

static void
fault(void)
{
	own_pages();
	set_pgfault_handler(skip);
	asm volatile("movl %c0,%%eax" : : "i"(NOTHING) : "eax");
}

static void
breed(void)
{
	for (;;) {
		envid_t id = sys_exofork();

		if (id == 0)
			exit();
		sys_env_destroy(id);
	}
}

static const struct {
	const char *name;
	void (*run)(void);
} attacks[] = {
	{"loops", spin},
	{"interrupt shadows", shadow},
	{"yields", yield},
	{"calls", call},
	{"messages", send},
	{"mappings", map},
	{"page faults", fault},
	{"children", breed},
	{"long instructions", repeat},
};

static void
attack(uint32_t i)
{
	attacks[i].run();
}

static void
count(uint32_t calls)
{
	for (;; TURNS++)
		if (calls)
			sys_getenvid();
}

// What the victim does in a window of time.
static uint32_t
turns_in_window(void)
{
	uint64_t end = read_tsc() + WINDOW;
	uint32_t turns = TURNS;

	// With a CPU alone, this env is one more that takes part.
	while (read_tsc() < end)
		sys_yield();
	return TURNS - turns;
}

static void
share(uint32_t i, uint32_t calls)
{
	uint32_t alone, beside;

	for (int try = 1;; try++) {
		envid_t id[ATTACKERS], victim = spawn(count, calls);

		alone = turns_in_window();
		for (int j = 0; j < ATTACKERS; j++)
			id[j] = spawn(attack, i);
		beside = turns_in_window();
		for (int j = 0; j < ATTACKERS; j++)
			destroy(id[j]);
		destroy(victim);
		// A fair part would be one in ATTACKERS + 1; but where each call waits for one of
		// theirs, which may be long, it is a number of calls.
		if (beside >= alone / (4 * (ATTACKERS + 1)) || (calls && beside >= CALLS))
			break;
		if (try == TRIES)
			panic("beside %s: %u turns, not %u", attacks[i].name, beside, alone);
	}
	cprintf("unfair: a program that %s, beside %s\n", calls ? "calls" : "counts",
		attacks[i].name);
}

// The long calls.

static void
wait_for_go(void)
{
	READY = true;
	while (!GO)
		pause();
}

static void
print_much(uint32_t arg)
{
	static char text[TEXT_SIZE];

	for (int i = 0; i < TEXT_SIZE; i++)
		text[i] = i % 512 == 511 ? '\n' : ' ';
	wait_for_go();
	sys_cputs(text, sizeof text);
}

static void
leave_mappings(uint32_t arg)
{
	for (uint32_t i = 0; i < MAPPINGS; i++)
		if (sys_page_map(0, (void *) SHARED_VA, 0, (void *) (PAGE + i * PGSIZE), RO) < 0)
			panic("mapping %u", i);
	wait_for_go();
}

// One exit ends them all.
static void
leave_crowd(uint32_t arg)
{
	for (int n = 0; n < CROWD; n++) {
		envid_t id = sys_exofork();

		if (id == 0)
			exit();
		for (uint32_t i = 0; i < NPTENTRIES; i++)
			if (sys_page_map(0, (void *) SHARED_VA, id, (void *) (PAGE + i * PGSIZE),
					 RO) < 0)
				panic("mapping %u", i);
	}
	wait_for_go();
}

static void
start(void (*f)(uint32_t))
{
	READY = GO = false;
	spawn(f, 0);
	while (!READY)
		sys_yield();
	GO = true;
}

// While f runs, the kernel is closed to others for a small part of that time only.
static void
often_open(void (*f)(uint32_t), const char *what)
{
	for (int try = 1;; try++) {
		uint64_t began, before, longest = 0;

		start(f);
		began = before = read_tsc();
		while (!alone()) {
			for (int i = 0; i < 20; i++) {
				uint64_t now;

				sys_getenvid();
				now = read_tsc();
				longest = MAX(longest, now - before);
				before = now;
			}
			sys_yield();
		}
		uint32_t took = (before - began) >> 10;
		uint32_t part = (uint32_t) (longest >> 10) * 100 / (took + 1);
		cprintf("unfair: %s took %u K cycles, the longest wait was %u%% of it\n", what,
			took, part);
		if (part < 25)
			return;
		if (try == TRIES)
			panic("all wait for %s", what);
	}
}

static bool
any_dying(void)
{
	for (int i = 0; i < NENV; i++)
		if (envs[i].env_status == ENV_DYING)
			return true;
	return false;
}

// While what f leaves behind is being given back, others can make at least so many calls.
static void
open_meanwhile(void (*f)(uint32_t), uint32_t least, const char *what)
{
	for (int try = 1;; try++) {
		uint32_t calls = 0;

		start(f);
		while (!alone()) {
			sys_getenvid();
			calls += any_dying();
		}
		cprintf("unfair: %u calls at %s\n", calls, what);
		if (calls >= least)
			return;
		if (try == TRIES)
			panic("all wait for %s", what);
	}
}

void
umain(int argc, char **argv)
{
	share_page();
	for (uint32_t i = 0; i < ARRAY_SIZE(attacks); i++)
		for (int calls = 0; calls < 2; calls++)
			share(i, calls);
	often_open(print_much, "a long text");
	open_meanwhile(leave_mappings, 4, "the end of an env with many mappings");
	open_meanwhile(leave_crowd, 4, "the end of a crowd");
	cprintf("unfair: OK\n");
}
