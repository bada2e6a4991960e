// Calls of the process library, one at a time, for conf/trace: what each takes, and who does it.
//
// Each row is a function row_NAME, from its first instruction until somebody calls row_done.  It is run a few
// times, because the first time something may have to be made that stays.

#include "inc/proc.h"
#include "user/family.h"

#define SELF "proctrace"
#define TIMES 3

static __attribute__((noinline)) void
row_done(void)
{
	asm volatile("");
}

// The rows.

#define ROW static __attribute__((noinline)) void

static int fd[2];
static int sem;
static pid_t pid;
static struct ProcStatus status;
static char page[PGSIZE];
static volatile int *heap;

static char *const argv_done[] = {SELF, "done", NULL}; // a program that ends the row
static char *const argv_run[] = {SELF, "run", NULL};   // one that only exits

ROW
row_getppid(void)
{
	proc_getppid();
	row_done();
}

ROW
row_fork(void)
{
	if ((pid = proc_fork()) == 0)
		proc_exit(0);
	row_done();
}

ROW
row_spawn(void)
{
	pid = proc_spawn(SELF, argv_done);
}

ROW
row_exec(void)
{
	proc_exec(SELF, argv_done);
}

// With a child that exits at once.
ROW
row_waitpid(void)
{
	proc_waitpid(pid, &status);
	row_done();
}

ROW
row_fork_exec_wait(void)
{
	if ((pid = proc_fork()) == 0)
		proc_exec(SELF, argv_run);
	proc_waitpid(pid, &status);
	row_done();
}

ROW
row_kill_wait(void)
{
	proc_kill(pid);
	proc_waitpid(pid, &status);
	row_done();
}

ROW
row_pipe_close(void)
{
	proc_pipe(fd);
	proc_close(fd[0]);
	proc_close(fd[1]);
	row_done();
}

ROW
row_write(void)
{
	proc_write(fd[1], page, PGSIZE);
	row_done();
}

ROW
row_read(void)
{
	proc_read(fd[0], page, PGSIZE);
	row_done();
}

ROW
row_sem_up(void)
{
	proc_sem_up(sem);
	row_done();
}

ROW
row_sem_down(void)
{
	proc_sem_down(sem, 0);
	row_done();
}

static void *
nothing(void *arg)
{
	return arg;
}

ROW
row_thread_create_join(void)
{
	proc_thread_join(proc_thread_create(nothing, NULL), NULL);
	row_done();
}

ROW
row_sbrk_touch(void)
{
	heap = proc_sbrk(PGSIZE);
	*heap = 1;
	row_done();
}

// What comes before a row, and after it.

static int
exec(int unused)
{
	row_exec();
	return 1;
}

static __attribute__((noreturn)) int
sleep_long(int ms)
{
	for (;;)
		proc_sleep(ms);
}

static void
programs(void)
{
	row_spawn();
	ends(pid, PROC_EXITED, 0);
	ends(child(exec, 0), PROC_EXITED, 0);
	row_fork_exec_wait();
	CHECK(status.end == PROC_EXITED && status.code == 0);
}

static void
family(void)
{
	row_getppid();
	row_fork();
	row_waitpid();
	CHECK(status.end == PROC_EXITED && status.code == 0);
	pid = child(sleep_long, 60000);
	await_state(pid, PROC_SLEEPING);
	row_kill_wait();
	CHECK(status.end == PROC_KILLED && status.code == KILLED);
}

static void
pipes(void)
{
	row_pipe_close();
	CHECK(proc_pipe(fd) == 0);
	row_write();
	row_read();
	CHECK(proc_close(fd[0]) == 0 && proc_close(fd[1]) == 0);
}

static void
semaphores(void)
{
	CHECK((sem = proc_sem_new(0)) >= 0);
	row_sem_up();
	row_sem_down();
	CHECK(proc_sem_free(sem) == 0);
}

void
umain(int argc, char **argv)
{
	if (argc == 2) {
		if (strcmp(argv[1], "done") == 0)
			row_done();
		proc_exit(0);
	}
	begin_family();
	for (int i = 0; i < TIMES; i++) {
		programs();
		family();
		pipes();
		semaphores();
		row_sbrk_touch();
	}
	for (int i = 0; i < TIMES; i++) // last: from then on, fork has more to do
		row_thread_create_join();
	cprintf(SELF ": OK\n");
}
