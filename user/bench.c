// The figures of doc/performance.md, one line each: `make bench'.
//
// Time is rdtsc, which under QEMU's -icount shift=0 advances by one for each guest instruction,
// so that a figure is exact.  Each is the smallest of many windows, less what an empty window
// takes.  Every row checks that what it timed has really happened.

#include "inc/lib.h"

#define WINDOWS 64
#define RW (PTE_P | PTE_U | PTE_W)
#define RO (PTE_P | PTE_U)
#define PAGE(i) ((void *) (0x10000000 + (i) *PGSIZE)) // where the rows play
#define ECHO_END 0xffffffff

static uint64_t empty; // what a window without anything in it takes
static uint64_t best;  // of the row that is being measured

static inline uint64_t
now(void)
{
	return read_tsc();
}

static void
report(const char *row, uint64_t figure)
{
	cprintf("bench %s %llu\n", row, figure);
}

static void
window(uint64_t start, uint64_t end)
{
	best = MIN(best, end - start - empty);
}

// Run `code' between two looks at the clock, WINDOWS times, with `before' and `after' outside.
#define MEASURE(before, code, after)                                                               \
	do {                                                                                       \
		best = UINT64_MAX;                                                                 \
		for (int i = 0; i < WINDOWS; i++) {                                                \
			before;                                                                    \
			uint64_t start = now();                                                    \
			code;                                                                      \
			uint64_t end = now();                                                      \
			after;                                                                     \
			window(start, end);                                                        \
		}                                                                                  \
	} while (0)

static void
must(int r)
{
	if (r < 0)
		panic("%e", r);
}

static void
calibrate(void)
{
	empty = 0;
	MEASURE(, , );
	empty = best;

	// A loop of 2,000,001 instructions: a mov, and a million times two.
	uint64_t start = now();
	asm volatile("movl $1000000, %%ecx; 1: decl %%ecx; jnz 1b" : : : "ecx", "cc");
	report("calibration_2000001", now() - start - empty);
}

// Calls.

static void
calls(void)
{
	envid_t id, self = thisenv->env_id;

	MEASURE(, id = sys_getenvid(), assert(id == self));
	report("null_syscall", best);
	MEASURE(, sys_yield(), );
	report("yield_self", best);
	MEASURE(, must(sys_page_alloc(0, PAGE(0), RW)),
		assert(*(int *) PAGE(0) == 0 && ((int *) PAGE(1))[-1] == 0);
		*(int *) PAGE(0) = 1; must(sys_page_unmap(0, PAGE(0))));
	report("page_alloc", best);

	must(sys_page_alloc(0, PAGE(0), RW));
	*(int *) PAGE(0) = 17;
	MEASURE(, must(sys_page_map(0, PAGE(0), 0, PAGE(1), RW));
		must(sys_page_unmap(0, PAGE(1))), assert(!(uvpt[PGNUM(PAGE(1))] & PTE_P)));
	report("page_map_unmap", best);
	MEASURE(must(sys_page_map(0, PAGE(0), 0, PAGE(0), RW)),
		must(sys_page_map(0, PAGE(0), 0, PAGE(0), RO)),
		assert(!(uvpt[PGNUM(PAGE(0))] & PTE_W) && *(int *) PAGE(0) == 17));
	report("page_protect", best);
	must(sys_page_unmap(0, PAGE(0)));
}

// A child that runs f, which does not return.
static envid_t
child(void (*f)(void))
{
	envid_t id = fork();

	must(id);
	if (id == 0)
		f();
	return id;
}

static void
wait(envid_t id)
{
	const volatile struct Env *e = &envs[ENVX(id)];

	while (e->env_id == id && e->env_status != ENV_FREE)
		sys_yield();
}

static void
yielder(void)
{
	for (;;)
		sys_yield();
}

static void
switches(void)
{
	envid_t other = child(yielder);
	uint32_t runs;

	sys_yield();
	MEASURE(runs = envs[ENVX(other)].env_runs, sys_yield(),
		assert(envs[ENVX(other)].env_runs == runs + 1));
	report("yield_roundtrip", best);
	must(sys_env_destroy(other));

	envid_t id;
	MEASURE(, id = sys_exofork(); must(id); must(sys_env_destroy(id)), );
	report("exofork_destroy", best);
}

// Faults.

static unsigned faults;

static void
skip_instruction(struct UTrapframe *utf)
{
	faults++;
	utf->utf_eip += 2; // movl %eax, (%ecx)
}

static void
unprotect(struct UTrapframe *utf)
{
	faults++;
	must(sys_page_map(0, (void *) ROUNDDOWN(utf->utf_fault_va, PGSIZE), 0,
			  (void *) ROUNDDOWN(utf->utf_fault_va, PGSIZE), RW));
}

static inline void
touch(void *va)
{
	asm volatile("movl %0, (%1)" : : "a"(1), "c"(va) : "memory");
}

static void
upcalls(void)
{
	set_pgfault_handler(skip_instruction);
	faults = 0;
	MEASURE(, touch(PAGE(0)), );
	assert(faults == WINDOWS);
	report("fault_upcall_null", best);

	set_pgfault_handler(unprotect);
	must(sys_page_alloc(0, PAGE(0), RW));
	faults = 0;
	MEASURE(, must(sys_page_map(0, PAGE(0), 0, PAGE(0), RO)); touch(PAGE(0)), );
	assert(faults == WINDOWS);
	report("prot_trap_unprot", best);

	for (int n = 0; n < 100; n++)
		must(sys_page_alloc(0, PAGE(n), RW));
	MEASURE(for (int n = 0; n < 100; n++) must(sys_page_map(0, PAGE(n), 0, PAGE(n), RW)),
		for (int n = 0; n < 100; n++) must(sys_page_map(0, PAGE(n), 0, PAGE(n), RO)), );
	report("protN_per_page", best / 100);
	faults = 0;
	MEASURE(, for (int n = 0; n < 100; n++) must(sys_page_map(0, PAGE(n), 0, PAGE(n), RO));
		for (int n = 0; n < 100; n++) touch(PAGE(n)), );
	assert(faults == 100 * WINDOWS);
	report("appel_protN_trap_unprot", best / 100);
	for (int n = 0; n < 100; n++)
		must(sys_page_unmap(0, PAGE(n)));
}

// Fork.

static void
sleeper(void)
{
	sys_ipc_recv((void *) UTOP);
	exit();
}

static void
cow(void)
{
	for (int n = 0; n < WINDOWS; n++) {
		must(sys_page_alloc(0, PAGE(n), RW));
		*(int *) PAGE(n) = n;
	}
	envid_t id = child(sleeper);
	MEASURE(, touch(PAGE(i)), assert(*(int *) PAGE(i) == 1));
	report("cow_fault_shared", best);
	must(sys_env_destroy(id));

	id = child(sleeper);
	must(sys_env_destroy(id));
	wait(id);
	MEASURE(assert(pages[PGNUM(uvpt[PGNUM(PAGE(i))])].pp_ref == 1), touch(PAGE(i)), );
	report("cow_fault_sole", best);
	for (int n = 0; n < WINDOWS; n++)
		must(sys_page_unmap(0, PAGE(n)));
}

static unsigned touched; // pages that the child of forks() writes to

static void
toucher(void)
{
	for (unsigned n = 0; n < touched; n++)
		touch(PAGE(n));
	exit();
}

// fork, and fork to the end of the child, with n pages more than the program has.
static void
forks(unsigned n, bool touching, uint64_t *latency, uint64_t *whole)
{
	*latency = *whole = UINT64_MAX;
	touched = touching ? n : 0;
	for (unsigned i = 0; i < n; i++) {
		must(sys_page_alloc(0, PAGE(i), RW));
		*(unsigned *) PAGE(i) = i + 2;
	}
	for (int i = 0; i < 8; i++) {
		uint64_t start = now();
		envid_t id = child(toucher);
		uint64_t forked = now();
		wait(id);
		uint64_t end = now();
		*latency = MIN(*latency, forked - start - empty);
		*whole = MIN(*whole, end - start - empty);
		for (unsigned p = 0; p < n; p++)
			assert(*(unsigned *) PAGE(p) == p + 2);
	}
	for (unsigned i = 0; i < n; i++)
		must(sys_page_unmap(0, PAGE(i)));
}

static void
forking(void)
{
	uint64_t few, many, whole_few, whole_many;

	forks(0, false, &few, &whole_few);
	report("fork_latency_0", few);
	report("fork_exit_wait_0", whole_few);
	forks(256, false, &few, &whole_few);
	forks(1024, false, &many, &whole_many);
	report("fork_slope", (many - few) / 768);
	forks(256, true, &few, &whole_few);
	forks(1024, true, &many, &whole_many);
	report("touch_slope", (whole_many - whole_few) / 768);
}

// Messages.

static void
echo(void)
{
	for (;;) {
		envid_t from;
		int perm;
		uint32_t value = ipc_recv(&from, PAGE(0), &perm);
		if (value == ECHO_END)
			exit();
		ipc_send(from, value + 1, perm ? PAGE(0) : NULL, perm);
	}
}

static void
messages(void)
{
	envid_t other = child(echo);
	uint32_t value;
	int perm;

	sys_yield();
	MEASURE(, ipc_send(other, i, NULL, 0);
		value = ipc_recv(NULL, NULL, NULL), assert(value == (uint32_t) i + 1));
	report("ipc_roundtrip_value", best);
	must(sys_page_alloc(0, PAGE(1), RW));
	MEASURE(*(int *) PAGE(1) = i, ipc_send(other, i, PAGE(1), RW);
		value = ipc_recv(NULL, PAGE(2), &perm),
		assert(value == (uint32_t) i + 1 && perm == RW && *(int *) PAGE(2) == i));
	report("ipc_roundtrip_page", best);
	ipc_send(other, ECHO_END, NULL, 0);
	wait(other);
	must(sys_page_unmap(0, PAGE(1)));
	must(sys_page_unmap(0, PAGE(2)));
}

// Whole programs.

static volatile unsigned *leaves; // in a page that forks share

static void
tree(int depth)
{
	for (int i = 0; i < 2; i++) {
		envid_t id = fork();
		must(id);
		if (id == 0) {
			if (depth < 3)
				tree(depth + 1);
			__sync_fetch_and_add(leaves, 1);
			exit();
		}
	}
}

static void
forktree(void)
{
	uint64_t start;

	leaves = PAGE(0);
	must(sys_page_alloc(0, PAGE(0), RW | PTE_SHARE));
	best = UINT64_MAX;
	for (int i = 0; i < 8; i++) {
		*leaves = 0;
		start = now();
		tree(1);
		while (*leaves < 14)
			sys_yield();
		window(start, now());
	}
	report("forktree_3", best);
	must(sys_page_unmap(0, PAGE(0)));
}

#define PRIMES 100
static uint32_t prime_number(int n);

// A pipeline of filters, each of which starts the next one: it takes numbers, and passes on those
// that its prime does not divide.  The last one tells the parent its prime.
static void
sieve(envid_t parent)
{
	uint32_t prime, x;
	envid_t next = 0;

	for (int n = 1; next == 0; n++) {
		prime = ipc_recv(NULL, NULL, NULL);
		if (n == PRIMES) {
			ipc_send(parent, prime, NULL, 0);
			sleeper();
		}
		must(next = fork());
	}
	for (;;)
		if ((x = ipc_recv(NULL, NULL, NULL)) % prime)
			ipc_send(next, x, NULL, 0);
}

static void
primes(void)
{
	uint64_t start = now();
	envid_t self = thisenv->env_id, source = fork(), first;

	must(source);
	if (source == 0) {
		must(first = fork());
		if (first == 0)
			sieve(self);
		for (uint32_t x = 2;; x++)
			ipc_send(first, x, NULL, 0);
	}
	assert(ipc_recv(NULL, NULL, NULL) == (int32_t) prime_number(PRIMES));
	report("primes_100", now() - start - empty);
}

static uint32_t
prime_number(int n)
{
	uint32_t x = 1, d;

	while (n > 0) {
		x++;
		for (d = 2; d < x && x % d; d++)
			;
		n -= d == x;
	}
	return x;
}

void
umain(int argc, char **argv)
{
	calibrate();
	calls();
	switches();
	upcalls();
	cow();
	forking();
	messages();
	forktree();
	primes();
	cprintf("bench: OK\n");
}
