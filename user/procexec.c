// The process library: programs of the archive.  This one runs itself, with an argument that says as what.

#include "user/family.h"

#define ME "procexec"

static volatile int global = 5; // comes lazily
static volatile int shared[3000];

static int
run(const char *what, const char *arg)
{
	char *const argv[] = {ME, (char *) what, (char *) arg, NULL};

	return proc_spawn(ME, argv);
}

static void
become(const char *what)
{
	char *const argv[] = {ME, (char *) what, NULL};

	panic("exec: %e", proc_exec(ME, argv));
}

static void *
write_shared(void *arg)
{
	global = 6;
	shared[2500] = 7;
	*(volatile int *) arg = 8;
	return NULL;
}

static int
threads(void)
{
	volatile int local = 0;
	int thread = proc_thread_create(write_shared, (void *) &local);

	CHECK(thread > 0 && proc_thread_join(thread, NULL) == 0);
	return global * 100 + shared[2500] * 10 + local;
}

static int
deep(int n)
{
	volatile char here[1000];

	here[0] = 1;
	return n == 0 ? 0 : deep(n - 1) + here[0];
}

// What the program is when it is run by itself.
static int
act(const char *what, const char *arg)
{
	char text[4];

	if (strcmp(what, "code") == 0)
		return strtol(arg, NULL, 10);
	if (strcmp(what, "lazy") == 0) {
		static struct ProcStatus untouched[1000];
		static char text[3 * PGSIZE] = {[2 * PGSIZE] = 'h', 'i', '\n'};

		CHECK(proc_waitpid(0, &untouched[600]) == -E_BAD_ENV);
		CHECK(proc_write(1, text + 2 * PGSIZE, 3) == 3);
		return 1;
	}
	if (strcmp(what, "deep") == 0)
		return deep(500);
	if (strcmp(what, "threads") == 0)
		return threads();
	if (strcmp(what, "again") == 0) {
		text[0] = proc_getpid();
		CHECK(proc_write(4, text, 1) == 1);
		become("last");
	}
	if (strcmp(what, "last") == 0) {
		text[0] = proc_getpid();
		text[1] = proc_getppid();
		CHECK(proc_write(4, text, 2) == 2);
		return 44;
	}
	return -1;
}

static void *
sleep_on(void *arg)
{
	proc_sleep(1000000);
	return arg;
}

static void
exec_keeps(bool with_threads)
{
	int fd[2], n;
	char text[4];
	pid_t pid;

	CHECK(proc_pipe(fd) == 0 && fd[1] == 4);
	pid = proc_fork();
	if (pid == 0) {
		CHECK(proc_exec("no such program", NULL) < 0);
		CHECK(!with_threads || proc_thread_create(sleep_on, NULL) > 0);
		become("again");
	}
	proc_close(fd[1]);
	for (n = 0; n < 3;) {
		int r = proc_read(fd[0], text + n, 3 - n);
		CHECK(r > 0);
		n += r;
	}
	CHECK(text[0] == (char) pid && text[1] == (char) pid && text[2] == 2);
	CHECK(proc_read(fd[0], text, 1) == 0);
	proc_close(fd[0]);
	ends(pid, PROC_EXITED, 44);
}

static void
all(void)
{
	char *const none[] = {"x", NULL};

	ends(run("code", "-123456"), PROC_EXITED, -123456);
	ends(run("lazy", ""), PROC_EXITED, 1);
	ends(run("deep", ""), PROC_EXITED, 500);
	ends(run("threads", ""), PROC_EXITED, 678);
	CHECK(proc_spawn("no such program", none) == -E_NOT_FOUND);
	CHECK(proc_waitpid(0, NULL) == -E_BAD_ENV);
	exec_keeps(false);
	exec_keeps(true);
}

void
umain(int argc, char **argv)
{
	uint32_t before;

	if (argc > 1)
		proc_exit(act(argv[1], argc > 2 ? argv[2] : ""));
	begin_family();
	own_pages();
	all();
	before = free_frames();
	for (int i = 0; i < 5; i++)
		all();
	CHECK(free_frames() == before);
	cprintf("procexec: OK\n");
}
