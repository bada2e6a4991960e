// What the programs of `make bench' have in common: the clock, windows in time, the lines that
// conf/bench reads, and the operations that are timed, one function each.
//
// Time is rdtsc.  Under QEMU's -icount shift=0 it advances by one for each guest instruction, so
// a figure is exact; otherwise it is a clock.  The figure of a row is the least of many windows,
// less what an empty window takes.  Nothing is printed inside a window, and what happened in it
// is verified behind it.

#ifndef FAULTLINE_USER_BENCH_H
#define FAULTLINE_USER_BENCH_H

#include "inc/bench.h"
#include "inc/ipc.h"
#include "inc/lib.h"

#define WINDOWS 64
#define RW (PTE_P | PTE_U | PTE_W)
#define RO (PTE_P | PTE_U)
#define PAGE(i) ((void *) (0x10000000 + (i) *PGSIZE)) // where the rows play
#define WORD(va) (*(volatile uint32_t *) (va))
#define LAST_WORD(va) (((volatile uint32_t *) (va))[PGSIZE / 4 - 1])
// A page that the whole family of a program shares, near the program: a further page table would
// be more for fork to look at.
#define COMMON_VA ((void *) (UTEXT + PTSIZE - PGSIZE))

// What a window took.
struct Cost {
	uint64_t time;
	uint32_t entries, cr3_loads, invlpgs; // 0 unless the kernel counts them
};

static struct Cost empty;  // a window without anything in it
static struct Cost opened; // the counts when the window was opened

static inline bool
kernel_counts(void)
{
	return uvpt[PGNUM(BENCH_PAGE)] & PTE_P;
}

static inline struct Cost
counts(void)
{
	const volatile struct BenchCounts *c = (void *) BENCH_PAGE;

	if (!kernel_counts())
		return (struct Cost){};
	return (struct Cost){0, c->entries, c->cr3_loads, c->invlpgs};
}

static inline __attribute__((always_inline)) uint64_t
now(void)
{
	asm volatile("" : : : "memory");
	uint64_t time = read_tsc();
	asm volatile("" : : : "memory");
	return time;
}

#define NO_COST ((struct Cost){.time = UINT64_MAX})

static struct Cost least = NO_COST; // of this row's windows so far

static inline __attribute__((always_inline)) uint64_t
window_open(void)
{
	// The first write may fault, if there was a fork before; that must not count.
	opened.time = 0;
	asm volatile("" : : : "memory");
	opened = counts();
	return now();
}

// A window has ended; closed is what was counted until then.  It may have been another env that saw the end.
static __attribute__((noinline, unused)) void
window_closed(uint64_t start, uint64_t end, struct Cost closed)
{
	uint64_t time = end - start - empty.time;

	if (time < least.time)
		least = (struct Cost){time, closed.entries - opened.entries,
				      closed.cr3_loads - opened.cr3_loads,
				      closed.invlpgs - opened.invlpgs};
}

static __attribute__((noinline, unused)) void
window_close(uint64_t start, uint64_t end)
{
	window_closed(start, end, counts());
}

// Run some statements in a window of the row that is being measured.
#define TIME(...)                                                                                  \
	do {                                                                                       \
		uint64_t start_ = window_open();                                                   \
		__VA_ARGS__;                                                                       \
		window_close(start_, now());                                                       \
	} while (0)

// What the row's cheapest window has cost; the next window begins another row.
static inline struct Cost
least_cost(void)
{
	struct Cost cost = least;

	least = NO_COST;
	return cost;
}

static inline struct Cost
cost_difference(struct Cost more, struct Cost less)
{
	return (struct Cost){more.time - less.time, more.entries - less.entries,
			     more.cr3_loads - less.cr3_loads, more.invlpgs - less.invlpgs};
}

// A line for conf/bench: what n operations took together, and the counts if there are any.
static inline void
report(const char *row, struct Cost cost, unsigned n)
{
	cprintf("bench %s %lld %u", row, cost.time, n);
	if (kernel_counts())
		cprintf(" %d %d %d", cost.entries, cost.cr3_loads, cost.invlpgs);
	cprintf("\n");
}

// A moment that conf/bench can compare with its own clock.
static inline void
report_clock(void)
{
	cprintf("bench clock %llu\n", now());
}

static inline void
calibrate(void)
{
	empty = (struct Cost){};
	for (int i = 0; i < WINDOWS; i++)
		TIME();
	empty = least_cost();
}

static inline void
must(int r)
{
	if (r < 0)
		panic("%e", r);
}

// The same page in every env that is forked from here on.
static inline void *
common_page(void)
{
	must(sys_page_alloc(0, COMMON_VA, RW | PTE_SHARE));
	return COMMON_VA;
}

// n fresh pages at PAGE(0) and so on.
static inline void
make_pages(int n)
{
	for (int i = 0; i < n; i++)
		must(sys_page_alloc(0, PAGE(i), RW));
}

static inline void
drop_pages(int n)
{
	for (int i = 0; i < n; i++)
		must(sys_page_unmap(0, PAGE(i)));
}

// A child that runs f, and ends if that returns.
static inline __attribute__((always_inline)) envid_t
child(void (*f)(void))
{
	envid_t id = fork();

	must(id);
	if (id == 0) {
		f();
		exit();
	}
	return id;
}

// Whether all that id had has been given back.
static inline bool
gone(envid_t id)
{
	return envs[ENVX(id)].env_id != id || envs[ENVX(id)].env_status == ENV_FREE;
}

static inline void
wait(envid_t id)
{
	while (!gone(id))
		sys_yield();
}

static inline void
destroy(envid_t id)
{
	must(sys_env_destroy(id));
	wait(id);
}

// The operations, as a program would write them.

// Other rights for one page of this env's, or for the n pages from va on.
static inline __attribute__((always_inline)) void
protect_page(void *va, int perm)
{
	must(sys_page_protect(0, va, perm));
}

static inline __attribute__((always_inline)) void
protect_pages(void *va, int n, int perm)
{
	const uint32_t change = PAGES_TO(PTE_W, perm & PTE_W);

	for (int done; n > 0; n -= done, va = (char *) va + done * PGSIZE)
		must(done = sys_pages_protect(0, va, n, PAGES_IF(0, 0), change));
}

#define NO_PAGE ((void *) UTOP)
#define ECHO_END 0xffffffff

// Send value to a server, and wait for its answer.
static inline __attribute__((always_inline)) uint32_t
call(envid_t to, uint32_t value)
{
	must(sys_ipc_call_value(to, value, IPC_ONLY));
	return thisenv->env_ipc_value;
}

// The same with a page.
static inline __attribute__((always_inline)) uint32_t
call_with_page(envid_t to, uint32_t value, void *page)
{
	must(sys_ipc_call(to, value, page, RW | IPC_ONLY, NO_PAGE));
	return thisenv->env_ipc_value;
}

// Answer each call with one more.
static inline void
echo(void)
{
	must(sys_ipc_recv(NO_PAGE));
	while (thisenv->env_ipc_value != ECHO_END)
		must(sys_ipc_call_value(thisenv->env_ipc_from, thisenv->env_ipc_value + 1, 0));
}

// Answer each call with the first word of the page that came, and one more.
static inline void
echo_page(void)
{
	must(sys_ipc_recv(PAGE(0)));
	while (thisenv->env_ipc_value != ECHO_END)
		must(sys_ipc_call(thisenv->env_ipc_from, WORD(PAGE(0)) + 1, NO_PAGE, 0, PAGE(0)));
}

#endif
