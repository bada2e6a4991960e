// The process library: threads, which share an address space.

#include "user/family.h"

#define THREADS 6
#define ROUNDS 200

static volatile int counter;
static volatile int stop;
static char *volatile grown;

static void *
count(void *arg)
{
	for (int i = 0; i < ROUNDS; i++)
		__sync_fetch_and_add(&counter, 1);
	return (void *) ((int) arg * 1000003 - 7);
}

static void
start_and_join(void)
{
	int thread[THREADS];
	void *result;

	counter = 0;
	for (int i = 0; i < THREADS; i++)
		CHECK((thread[i] = proc_thread_create(count, (void *) i)) > 0);
	for (int i = THREADS; i-- > 0;) {
		CHECK(proc_thread_join(thread[i], &result) == 0);
		CHECK((int) result == i * 1000003 - 7);
		CHECK(proc_thread_join(thread[i], NULL) == -E_BAD_ENV);
	}
	CHECK(counter == THREADS * ROUNDS);
	CHECK(proc_thread_join(-1, NULL) == -E_BAD_ENV);
	CHECK(proc_thread_join(1000, NULL) == -E_BAD_ENV);
	CHECK(proc_thread_join(0, NULL) == -E_BAD_ENV); // this one
	CHECK(proc_thread_join(1, (void **) UTEXT) == -E_FAULT);
}

// One memory: what comes later is there for all, in both directions, and on stacks, too.

static void *
grow(void *arg)
{
	char *s = proc_sbrk(3 * PGSIZE);

	memset(s, 't', 3 * PGSIZE);
	grown = s;
	*(volatile int *) arg = 42;
	while (s[3 * PGSIZE - 1] != 'm')
		sys_yield();
	return s;
}

static void __attribute__((noinline)) one_memory(int depth)
{
	volatile int local[1024]; // below what each env has for itself
	int thread;
	void *result;

	local[0] = 0;
	if (depth > 0) {
		one_memory(depth - 1);
		return;
	}
	grown = NULL;
	CHECK((thread = proc_thread_create(grow, (void *) &local[0])) > 0);
	while (!grown)
		sys_yield();
	for (int i = 0; i < 3 * PGSIZE; i++)
		CHECK(grown[i] == 't');
	while (local[0] != 42)
		sys_yield();
	grown[3 * PGSIZE - 1] = 'm';
	CHECK(proc_thread_join(thread, &result) == 0);
	CHECK(result == grown);
	CHECK(proc_sbrk(-3 * PGSIZE) == grown + 3 * PGSIZE);
	CHECK(proc_sbrk(3 * PGSIZE) == grown && grown[0] == 0);
	CHECK(proc_sbrk(-3 * PGSIZE));
}

// All touch the same new pages at once.
static void *
touch_all(void *arg)
{
	for (int i = 0; i < 20; i++)
		__sync_fetch_and_add((int *) (grown + i * PGSIZE), 1);
	return NULL;
}

static void
same_pages(void)
{
	int thread[THREADS];

	grown = proc_sbrk(20 * PGSIZE);
	for (int i = 0; i < THREADS; i++)
		CHECK((thread[i] = proc_thread_create(touch_all, NULL)) > 0);
	for (int i = 0; i < THREADS; i++)
		CHECK(proc_thread_join(thread[i], NULL) == 0);
	for (int i = 0; i < 20; i++)
		CHECK(*(int *) (grown + i * PGSIZE) == THREADS);
	proc_sbrk(-20 * PGSIZE);
}

// Fork: what siblings write afterwards is not for the child.

static volatile uint32_t *flags;

static void *
keep_writing(void *arg)
{
	while (!stop)
		for (int i = 0; i < 1024; i++)
			flags[i]++;
	return NULL;
}

static int
look(int arg)
{
	for (int n = 0; n < 50; n++) {
		const uint32_t before = flags[n];

		proc_yield();
		CHECK(flags[n] == before);
	}
	CHECK(proc_thread_join(1, NULL) == -E_BAD_ENV); // the child has one thread
	flags[0] = 0xffffff;
	return 0;
}

static void *
fork_here(void *arg)
{
	const int mine = 17;
	pid_t pid = proc_fork();

	if (pid == 0) {
		CHECK(mine == 17);
		int thread = proc_thread_create(count, NULL);
		CHECK(thread >= 0 && proc_thread_join(thread, NULL) == 0);
		proc_exit(mine);
	}
	return (void *) pid;
}

static void
threads_and_fork(void)
{
	int thread;
	void *result;

	stop = 0;
	flags = proc_sbrk(PGSIZE);
	flags[0] = 1;
	CHECK((thread = proc_thread_create(keep_writing, NULL)) > 0);
	ends(child(look, 0), PROC_EXITED, 0);
	stop = 1;
	CHECK(proc_thread_join(thread, NULL) == 0);
	CHECK(flags[0] != 0xffffff);
	proc_sbrk(-PGSIZE);

	CHECK((thread = proc_thread_create(fork_here, NULL)) > 0);
	CHECK(proc_thread_join(thread, &result) == 0);
	ends((pid_t) result, PROC_EXITED, 17);
}

// Children end, and leave their envs' slots to those of other threads.
static void *
fork_often(void *arg)
{
	for (int i = 0; i < 20; i++) {
		const int code = (int) arg + i;
		const pid_t pid = proc_fork();

		if (pid == 0)
			proc_exit(code);
		ends(pid, PROC_EXITED, code);
	}
	return arg;
}

static void
threads_that_fork_are_told_of_their_own_children(void)
{
	int thread[3];

	for (int i = 0; i < 3; i++)
		CHECK((thread[i] = proc_thread_create(fork_often, (void *) (i * 100))) > 0);
	fork_often((void *) 300);
	for (int i = 0; i < 3; i++)
		CHECK(proc_thread_join(thread[i], NULL) == 0);
}

// The end of a process with threads.

static void *
wait_for_ever(void *arg)
{
	proc_sleep(1000000);
	return arg;
}

static void *
fault(void *arg)
{
	*(volatile int *) 0x1000 = 1;
	return NULL;
}

static void *
exit_here(void *arg)
{
	proc_exit((int) arg);
}

static int
threads_then(int what)
{
	for (int i = 0; i < 3; i++)
		CHECK(proc_thread_create(wait_for_ever, NULL) > 0);
	switch (what) {
	case 0:
		return 5;
	case 1:
		CHECK(proc_thread_create(fault, NULL) > 0);
		break;
	case 2:
		CHECK(proc_thread_create(exit_here, (void *) 6) > 0);
		break;
	case 3:
		proc_kill(proc_getpid());
	}
	proc_thread_join(1, NULL);
	return 0;
}

static void
ends_of_a_process(void)
{
	ends(child(threads_then, 0), PROC_EXITED, 5);
	ends(child(threads_then, 1), PROC_FAULTED, KILLED);
	ends(child(threads_then, 2), PROC_EXITED, 6);
	ends(child(threads_then, 3), PROC_KILLED, KILLED);
}

// Two threads wait for one child.
static void *
wait_too(void *arg)
{
	return (void *) proc_waitpid((pid_t) arg, NULL);
}

static int
end_soon(int arg)
{
	proc_sleep(50);
	return 0;
}

static void
two_wait(void)
{
	const pid_t pid = child(end_soon, 0);
	int thread = proc_thread_create(wait_too, (void *) pid), mine;
	void *result;

	CHECK(thread > 0);
	mine = proc_waitpid(pid, NULL);
	CHECK(proc_thread_join(thread, &result) == 0);
	CHECK((mine == pid && (int) result == -E_BAD_ENV) ||
	      (mine == -E_BAD_ENV && (int) result == pid));
}

static void
all(void)
{
	start_and_join();
	one_memory(2);
	same_pages();
	threads_and_fork();
	threads_that_fork_are_told_of_their_own_children();
	ends_of_a_process();
	two_wait();
}

static int
all_in_child(int arg)
{
	all();
	return 0;
}

void
umain(int argc, char **argv)
{
	uint32_t before;

	begin_family();
	ends(child(all_in_child, 0), PROC_EXITED, 0);
	own_pages();
	before = free_frames();
	for (int i = 0; i < 3; i++) {
		// a child, whose memory all goes
		ends(child(all_in_child, 0), PROC_EXITED, 0);
	}
	CHECK(free_frames() == before);
	all();
	cprintf("procthreads: OK\n");
}
