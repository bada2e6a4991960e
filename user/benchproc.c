// The rows of `make bench' about processes.  On Linux, a program without a C library did the same, by the
// calls in brackets; conf/figures has what they took.
//
//	spawn			a program is spawned, until its main function runs
//				(clone with CLONE_VM | CLONE_VFORK and execve, as posix_spawn does it)
//	exec			a process that has just been forked runs a program, until its main function
//				runs (execve)
//	fork_exec_wait		fork, exec in the child, a program that writes a few bytes to a pipe and exits, and
//				the parent has waited for it (fork, execve, waitpid)
//	pipe_roundtrip		a byte to another process by a pipe, and one back by another
//	pipe_bandwidth		4096 bytes by a pipe: a 256th of 1 MB that is written and read in pieces of
//				4096 bytes, from the moment the reader asks for it until it has the last
//	thread_create_join	a thread that does nothing is made and waited for (clone of a thread for
//				which there is a stack, and futex)
//	kill_wait		a child that sleeps is killed and waited for (kill with SIGKILL, waitpid)
//
// init is an env of its own, so what a process asks for includes the switches to init and back.  The
// program that is run is this one.

#include "inc/proc.h"
#include "user/bench.h"

#define SELF "benchproc"
#define CODE 42        // of a program that was run
#define PAGES 256      // a megabyte of them
#define A_MINUTE 60000 // in ms
#define KILLED (-9)    // the code of those that were killed

// What an env saw when a window began, or ended.
struct Moment {
	uint64_t time;
	struct Cost counts;
};

static int up[2]; // a pipe from children

// The program that is run.

#define RUN_WRITES_TO 4 // is up[1]: descriptors stay, variables do not
static char *const argv_of_run[] = {SELF, "run", NULL};

static void
be_run(uint64_t time)
{
	const struct Moment end = {time, counts()};

	proc_exit(proc_write(RUN_WRITES_TO, &end, sizeof end) == sizeof end ? CODE : 1);
}

// It has run, and ended as it should.	Returns when.
static struct Moment
end_of_run(pid_t pid)
{
	struct ProcStatus status;
	struct Moment end;

	assert(proc_waitpid(pid, &status) == pid);
	assert(status.end == PROC_EXITED && status.code == CODE);
	assert(proc_read(up[0], &end, sizeof end) == sizeof end);
	return end;
}

static void
run_programs(void)
{
	struct Moment *const start = common_page(), end;
	struct ProcStatus status;
	pid_t pid;
	uint64_t time;

	for (int i = 0; i < WINDOWS; i++) {
		time = window_open();
		must(pid = proc_spawn(SELF, argv_of_run));
		end = end_of_run(pid);
		window_closed(time, end.time, end.counts);
	}
	report("spawn", least_cost(), 1);

	for (int i = 0; i < WINDOWS; i++) {
		must(pid = proc_fork());
		if (pid == 0) {
			start->counts = counts();
			start->time = now();
			must(proc_exec(SELF, argv_of_run));
		}
		end = end_of_run(pid);
		opened = start->counts;
		window_closed(start->time, end.time, end.counts);
	}
	report("exec", least_cost(), 1);

	for (int i = 0; i < WINDOWS; i++) {
		TIME(pid = proc_fork(); if (pid == 0) must(proc_exec(SELF, argv_of_run));
		     assert(proc_waitpid(pid, &status) == pid));
		assert(status.code == CODE);
		must(proc_read(up[0], &end, sizeof end));
	}
	report("fork_exec_wait", least_cost(), 1);
}

// Pipes.

static int down[2]; // to a child

// A child that calls f until there is nothing more to read from us.
static pid_t
server(void (*f)(char asked))
{
	char c;
	pid_t pid;

	must(proc_pipe(down));
	must(pid = proc_fork());
	if (pid > 0) {
		must(proc_close(down[0]));
		return pid;
	}
	must(proc_close(down[1]));
	while (proc_read(down[0], &c, 1) == 1)
		f(c);
	proc_exit(CODE);
}

static void
end_server(pid_t pid)
{
	struct ProcStatus status;

	must(proc_close(down[1]));
	assert(proc_waitpid(pid, &status) == pid);
	assert(status.end == PROC_EXITED && status.code == CODE);
}

static void
write_one_more(char c)
{
	c++;
	assert(proc_write(up[1], &c, 1) == 1);
}

static char page[PGSIZE];

static char
byte(int i)
{
	return i * 7;
}

static void
write_pages(char unused)
{
	for (int i = 0; i < PGSIZE; i++)
		page[i] = byte(i);
	for (int i = 0; i < PAGES; i++) {
		page[0] = i;
		assert(proc_write(up[1], page, PGSIZE) == PGSIZE);
	}
}

// Returns the sum of their first bytes.
static __attribute__((noinline)) uint32_t
read_pages(void)
{
	uint32_t sum = 0;

	for (int i = 0; i < PAGES; i++) {
		assert(proc_read(up[0], page, PGSIZE) == PGSIZE);
		sum += (uint8_t) page[0];
	}
	return sum;
}

static void
verify_page(void)
{
	for (int i = 1; i < PGSIZE; i++)
		assert(page[i] == byte(i));
	memset(page, 0, PGSIZE);
}

static void
pipes(void)
{
	uint32_t sum;
	char c;
	pid_t pid = server(write_one_more);

	for (int i = 0; i < WINDOWS; i++) {
		c = i;
		TIME(must(proc_write(down[1], &c, 1)); must(proc_read(up[0], &c, 1)));
		assert(c == i + 1);
	}
	report("pipe_roundtrip", least_cost(), 1);
	end_server(pid);

	pid = server(write_pages);
	for (int i = 0; i < WINDOWS; i++) {
		TIME(must(proc_write(down[1], &c, 1)); sum = read_pages());
		assert(sum == PAGES * (PAGES - 1) / 2);
		verify_page();
	}
	report("pipe_bandwidth", least_cost(), PAGES);
	end_server(pid);
}

// Threads.

static volatile int threads_run;

static void *
count_thread(void *arg)
{
	threads_run++;
	return arg;
}

static void
threads(void)
{
	void *result;
	int thread;

	for (int i = 0; i < WINDOWS; i++) {
		TIME(must(thread = proc_thread_create(count_thread, page));
		     must(proc_thread_join(thread, &result)));
		assert(threads_run == i + 1 && result == page);
	}
	report("thread_create_join", least_cost(), 1);
}

// The end.

static void
kills(void)
{
	struct ProcStatus status;
	pid_t pid, ended;

	for (int i = 0; i < WINDOWS; i++) {
		must(pid = proc_fork());
		if (pid == 0)
			for (;;)
				proc_sleep(A_MINUTE);
		while (proc_state(pid) != PROC_SLEEPING)
			proc_yield();
		TIME(must(proc_kill(pid)); ended = proc_waitpid(pid, &status));
		assert(ended == pid && status.end == PROC_KILLED && status.code == KILLED);
	}
	report("kill_wait", least_cost(), 1);
}

void
umain(int argc, char **argv)
{
	static const struct ProcConfig config = {.killed_code = KILLED};
	const uint64_t start = now();

	if (argc == 2)
		be_run(start);
	proc_begin(&config);
	must(proc_pipe(up));
	assert(up[1] == RUN_WRITES_TO);
	calibrate();
	run_programs();
	pipes();
	kills();
	threads();
	cprintf(SELF ": OK\n");
}
