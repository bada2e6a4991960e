// The process library: kill storms.  Processes fork, wait, talk through pipes, sleep, grow and make threads,
// while one of them kills any pid, at any moment.  At the end nothing may be lost: no frame, no process.
// Its argument, a number, makes another storm.

#include "user/family.h"

#ifndef STORM_ROUNDS
#define STORM_ROUNDS 80
#endif
#define DEEP 3
#define TRIED 100 // pids that a killer tries

static void act(int depth);

static void
sometimes_fork(int depth)
{
	const pid_t pid = depth < DEEP ? proc_fork() : -1;

	if (pid == 0) {
		random_state += proc_getpid() * 7919;
		act(depth + 1);
		proc_exit(depth);
	}
	if (pid > 0 && random() % 4 > 0)
		proc_waitpid(random() % 2 ? pid : 0, NULL);
}

static void
talk(int depth)
{
	static char text[3 * PGSIZE];
	int fd[2];

	if (proc_pipe(fd) < 0)
		return;
	const pid_t pid = depth < DEEP ? proc_fork() : -1;
	if (pid == 0) {
		proc_close(fd[0]);
		while (proc_write(fd[1], text, random() % sizeof text) > 0 && random() % 10 > 0)
			;
		proc_exit(0);
	}
	proc_close(fd[1]);
	while (proc_read(fd[0], text, random() % sizeof text) > 0 && random() % 20 > 0)
		;
	proc_close(fd[0]);
}

static void
grow(void)
{
	char *s = proc_sbrk(5 * PGSIZE);

	if (s)
		for (int i = 0; i < 5; i++)
			s[i * PGSIZE] = 1;
}

static void *
run_thread(void *arg)
{
	grow();
	if (random() % 4 == 0)
		proc_sleep(10);
	return arg;
}

static void
make_threads(void)
{
	int thread[2];

	for (int i = 0; i < 2; i++)
		thread[i] = proc_thread_create(run_thread, NULL);
	if (random() % 4 > 0)
		for (int i = 0; i < 2; i++)
			proc_thread_join(thread[i], NULL);
}

// Run this program again, beside this process or in its place.
static void
run(int depth)
{
	static char *const argv[] = {"procstorm", "again", NULL};

	if (depth < DEEP)
		proc_spawn(argv[0], argv);
	else if (random() % 4 == 0)
		proc_exec(argv[0], argv);
}

static void
act(int depth)
{
	for (int n = random() % 6; n > 0; n--) {
		switch (random() % 9) {
		case 0:
		case 1:
		case 2:
			sometimes_fork(depth);
			break;
		case 3:
			talk(depth);
			break;
		case 4:
			proc_sleep(random() % 20);
			break;
		case 5:
			grow();
			proc_sbrk(-3 * PGSIZE);
			break;
		case 6:
			make_threads();
			break;
		case 7:
			proc_yield();
			break;
		case 8:
			run(depth);
			break;
		}
	}
}

static int
storm(int seed)
{
	random_state = seed * 2654435761u + 1;
	act(0);
	return 0;
}

static int
kill_any(int seed)
{
	const pid_t me = proc_getpid();

	random_state = seed * 40503u + 1;
	for (int i = 0; i < TRIED; i++) {
		// the first, and those of before, are spared
		const pid_t pid = me + random() % 64;

		if (pid != me && proc_state(pid) != PROC_FREE && random() % 2 == 0)
			proc_kill(pid);
		if (random() % 16 == 0)
			proc_yield();
	}
	return 0;
}

static void
one_round(int i)
{
	const pid_t killer = child(kill_any, i);

	for (int n = 0; n < 3; n++)
		child(storm, i * 3 + n);
	// The orphans are init's, and may outlive this: what they are is what no pid is any more.
	while (proc_waitpid(0, NULL) > 0)
		;
	CHECK(proc_state(killer) == PROC_FREE);
}

// Until the orphans have ended, too.
static void
calm(void)
{
	for (pid_t pid = 3; pid < 0x8000; pid++)
		while (proc_state(pid) != PROC_FREE)
			proc_sleep(10);
}

void
umain(int argc, char **argv)
{
	uint32_t before;
	int first = 0;

	if (argc > 1 && strcmp(argv[1], "again") != 0)
		first = strtol(argv[1], NULL, 0) * STORM_ROUNDS;
	else if (argc > 1) {
		random_state += proc_getpid() * 7919;
		act(DEEP - 1);
		return;
	}
	begin_family();
	for (int i = 0; i < 3; i++)
		one_round(first + i);
	calm();
	own_pages();
	before = free_frames();
	for (int i = 3; i < STORM_ROUNDS; i++)
		one_round(first + i);
	calm();
	own_pages();
	if (free_frames() != before)
		panic("%d frames are lost", before - free_frames());
	cprintf("procstorm: OK\n");
}
