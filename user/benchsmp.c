// The row smp of `make bench WALL=1': a job that several CPUs can share.  Workers make children one
// after the other, each of which writes to all its worker's pages.  There is nothing to wait for
// but each other, and no two workers share a page that is written to.

#include "user/bench.h"

#define WORKERS 4
#define CHILDREN 100
#define PAGES 32

static uint32_t
pages_sum(void)
{
	uint32_t sum = 0;

	for (int i = 0; i < PAGES; i++)
		sum += WORD(PAGE(i));
	return sum;
}

// Tell the worker what was in the pages before they were written to.
static void
write_all(void)
{
	uint32_t sum = 0;

	for (int i = 0; i < PAGES; i++)
		sum += xchg(PAGE(i), 0);
	assert(pages_sum() == 0);
	ipc_send(thisenv->env_parent_id, sum, NULL, 0);
}

static void
worker(void)
{
	make_pages(PAGES);
	for (int i = 0; i < PAGES; i++)
		WORD(PAGE(i)) = thisenv->env_id + i;

	uint32_t sum = pages_sum();
	for (int n = 0; n < CHILDREN; n++) {
		envid_t id = child(write_all);
		assert((uint32_t) ipc_recv(NULL, NULL, NULL) == sum && pages_sum() == sum);
		wait(id);
	}
	ipc_send(thisenv->env_parent_id, CHILDREN, NULL, 0);
}

static void
job(void)
{
	for (int n = 0; n < WORKERS; n++)
		child(worker);
	for (int n = 0; n < WORKERS; n++)
		assert(ipc_recv(NULL, NULL, NULL) == CHILDREN);
}

void
umain(int argc, char **argv)
{
	TIME(job());
	report("smp", least_cost(), 1);
	cprintf("benchsmp: OK\n");
}
