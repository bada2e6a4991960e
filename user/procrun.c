// The process library: an init whose first process is a program of the archive, and what init tells its config.

#include "user/family.h"

#define ME "procrun"

static int nstarted;

static void
started(pid_t pid, const char *name)
{
	cprintf("%d is %s\n", pid, name);
	nstarted++;
}

static void
all_ended(void)
{
	if (nstarted == 4) // init, the first, its exec, and one that it has spawned
		cprintf("procrun: OK\n");
}

static int
wait_in_vain(int arg)
{
	proc_sleep(30);
	CHECK(proc_getppid() == 1);
	return 0;
}

void
umain(int argc, char **argv)
{
	static const struct ProcConfig config = {
		.killed_code = KILLED,
		.started = started,
		.all_ended = all_ended,
		.verbose = true,
	};
	char *const child_argv[] = {ME, "child", NULL};
	char *const next[] = {ME, "next", NULL};

	if (argc < 2)
		proc_run_init(&config, ME, (char *[]){ME, "first", NULL});
	if (strcmp(argv[1], "first") == 0) {
		CHECK(proc_getpid() == 2 && proc_getppid() == 1);
		proc_begin(&config); // it is a process already
		CHECK(proc_getpid() == 2);
		ends(proc_spawn(ME, child_argv), PROC_FAULTED, KILLED);
		proc_exec(ME, next);
	}
	if (strcmp(argv[1], "child") == 0)
		*(volatile int *) 0x1000 = 1;
	if (strcmp(argv[1], "next") == 0) {
		CHECK(proc_getpid() == 2);
		child(wait_in_vain, 0); // init is there until this one has ended, too
	}
}
