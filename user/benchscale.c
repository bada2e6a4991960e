// `make bench SCALE=1': what an operation costs when there is more of everything.  Each line is an
// operation and a size; the cost for a unit of work must be the same for all sizes.

#include "user/bench.h"

static const int page_counts[] = {16, 256, 1024, 65536};
static const int env_counts[] = {2, 64, 1000}; // this one among them

#define MAX_ENVS 1000
#define TRIES 4

static void
report_size(const char *what, int size, struct Cost cost, unsigned n)
{
	char row[64];

	snprintf(row, sizeof row, "%s/%d", what, size);
	report(row, cost, n);
}

// Pages.

static void
last_written(void)
{
	WORD(COMMON_VA) = thisenv->env_id;
}

// From fork to the end of the child.
static struct Cost
fork_exit(void)
{
	envid_t id;

	for (int i = 0; i < TRIES; i++) {
		TIME(id = child(last_written); wait(id));
		assert(gone(id) && WORD(COMMON_VA) == (uint32_t) id);
	}
	return least_cost();
}

static bool
rights_are(int n, uint32_t perm)
{
	for (int i = 0; i < n; i++)
		if ((uvpt[PGNUM(PAGE(i))] & (PTE_P | PTE_U | PTE_W)) != perm)
			return false;
	return true;
}

static void
map_pages(int n, void *page)
{
	for (int i = 0; i < n; i++)
		must(sys_page_map(0, page, 0, PAGE(i), RW));
}

static void
at_pages(int n, struct Cost fork_alone)
{
	void *page = COMMON_VA;
	const volatile uint32_t *owners = &pages[PGNUM(uvpt[PGNUM(page)])].pp_ref;

	make_pages(n);
	report_size("fork_exit", n, cost_difference(fork_exit(), fork_alone), n);

	make_pages(n); // they are no longer copy-on-write
	for (int i = 0; i < TRIES; i++) {
		protect_pages(PAGE(0), n, RW);
		TIME(protect_pages(PAGE(0), n, RO));
		assert(rights_are(n, RO));
	}
	report_size("protect", n, least_cost(), n);

	for (int i = 0; i < TRIES; i++) {
		make_pages(n);
		TIME(drop_pages(n));
		assert(rights_are(n, 0));
	}
	report_size("unmap", n, least_cost(), n);

	for (int i = 0; i < TRIES; i++) {
		TIME(map_pages(n, page));
		assert(*owners == (uint32_t) n + 1);
		drop_pages(n);
	}
	report_size("map", n, least_cost(), n);
}

// Envs.

static envid_t pool[MAX_ENVS];

static void
sleeper(void)
{
	sys_ipc_recv((void *) UTOP);
}

static void
yielder(void)
{
	for (;;)
		sys_yield();
}

static void
pool_make(int n, void (*f)(void))
{
	for (int i = 0; i < n; i++)
		pool[i] = child(f);
	for (int i = 0; i < 4; i++)
		sys_yield(); // each has come to where it stays
}

static void
pool_drop(int n)
{
	for (int i = 0; i < n; i++)
		destroy(pool[i]);
}

// With n envs that are there and wait for messages, this one and its partner among them.
static void
among_sleepers(int n)
{
	envid_t id, partner;
	uint32_t value;

	pool_make(n - 2, sleeper);
	partner = child(yielder);
	sys_yield();
	uint32_t runs = envs[ENVX(partner)].env_runs;
	for (int i = 0; i < WINDOWS; i++)
		TIME(sys_yield());
	report_size("yield_roundtrip", n, least_cost(), 1);
	assert(envs[ENVX(partner)].env_runs >= runs + WINDOWS);
	destroy(partner);

	partner = child(echo);
	sys_yield();
	for (uint32_t i = 0; i < WINDOWS; i++) {
		TIME(value = call(partner, i));
		assert(value == i + 1);
	}
	report_size("ipc_roundtrip", n, least_cost(), 1);
	destroy(partner);

	partner = child(sleeper);
	sys_yield();
	for (int i = 0; i < WINDOWS; i++)
		TIME(id = sys_exofork(); must(id); destroy(id));
	report_size("exofork_destroy", n, least_cost(), 1);
	destroy(partner);
	pool_drop(n - 2);
}

// With n envs that are there and all want to run.
static void
among_yielders(int n)
{
	pool_make(n - 1, yielder);
	uint32_t runs = envs[ENVX(pool[n - 2])].env_runs;
	for (int i = 0; i < TRIES; i++)
		TIME(sys_yield());
	report_size("yield_each", n, least_cost(), n);
	assert(envs[ENVX(pool[n - 2])].env_runs >= runs + TRIES);
	pool_drop(n - 1);
}

void
umain(int argc, char **argv)
{
	struct Cost fork_alone;

	calibrate();
	common_page();
	for (size_t i = 0; i < ARRAY_SIZE(env_counts); i++) {
		among_sleepers(env_counts[i]);
		among_yielders(env_counts[i]);
	}
	fork_alone = fork_exit();
	for (size_t i = 0; i < ARRAY_SIZE(page_counts); i++)
		at_pages(page_counts[i], fork_alone);
	cprintf("benchscale: OK\n");
}
