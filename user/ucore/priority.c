// Shares of a CPU in proportion to the priorities: five children with the priorities 1 to 5 count for
// some seconds, and what they have counted is as 1 to 5, if there is one CPU.

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <ulib.h>

#define CHILDREN 5
#define MAX_TIME 3000                          // milliseconds
#define BATCH 1000                             // rounds of the loop, between looking at the clock
#define SHARES (CHILDREN * (CHILDREN + 1) / 2) // of all together

static void
spin(void)
{
	for (volatile int i = 0; i < 20; i++)
		;
}

// Count until the time has come.  All begin together: the parent lets them.
static unsigned int
count(unsigned int end)
{
	unsigned int acc = 0;

	do {
		for (int i = 0; i < BATCH; i++)
			spin();
		acc++;
	} while ((int) (gettime_msec() - end) < 0);
	return acc;
}

static void
child(int priority, sem_t start, unsigned int end)
{
	unsigned int acc;

	lab6_set_priority(priority);
	sem_wait(start);
	acc = count(end);
	cprintf("child pid %d, acc %u, time %u\n", getpid(), acc, gettime_msec());
	exit(acc);
}

int
main(void)
{
	unsigned int end = gettime_msec() + MAX_TIME;
	int pid[CHILDREN], acc[CHILDREN];
	uint64_t total = 0;
	sem_t start = sem_init(0);

	assert(start >= 0);
	lab6_set_priority(CHILDREN + 1);
	for (int i = 0; i < CHILDREN; i++) {
		pid[i] = fork();
		if (pid[i] == 0)
			child(i + 1, start, end);
		assert(pid[i] > 0);
	}
	cprintf("main: fork ok,now need to wait pids.\n");
	for (int i = 0; i < CHILDREN; i++)
		assert(sem_post(start) == 0);

	for (int i = 0; i < CHILDREN; i++) {
		assert(waitpid(pid[i], &acc[i]) == 0 && acc[i] > 0);
		cprintf("main: pid %d, acc %d, time %u\n", pid[i], acc[i], gettime_msec());
		total += acc[i];
	}
	cprintf("main: wait pids over\n");
	cprintf("sched result:");
	for (int i = 0; i < CHILDREN; i++)
		cprintf(" %d", (int) ((acc[i] * 2ull * SHARES / total + 1) / 2));
	cprintf("\n");
	assert(sem_free(start) == 0);
	return 0;
}
