// The process library: the family, how processes wait, sleep and end, and each edge of their states.

#include "inc/ipc.h"
#include "user/family.h"

#define SOON 30 // ms

// Each step of a child that we want to see is a word of the shared page.
static void
reach(int step)
{
	SHARED[0] = step;
}

static void
await(int step)
{
	while (SHARED[0] != (uint32_t) step)
		proc_yield();
}

static int
return_it(int code)
{
	return code;
}

static int
sleep_for_ever(int arg)
{
	reach(1);
	proc_sleep(arg);
	return 1;
}

static __attribute__((noreturn)) int
run_for_ever(int arg)
{
	reach(1);
	for (;;)
		arg++;
}

static int
write_to_nothing(int va)
{
	*(volatile int *) va = 1;
	return 0;
}

// Codes and ends.

static void
codes(void)
{
	static const int tried[] = {0,      1,       -1,        0xfff,     0x1000,
				    0xffff, 0x10000, INT32_MIN, INT32_MAX, -0x8000};

	for (unsigned i = 0; i < sizeof tried / sizeof *tried; i++)
		ends(child(return_it, tried[i]), PROC_EXITED, tried[i]);
	pid_t pid = child(return_it, 7);
	CHECK(proc_waitpid(0, NULL) == pid);
	CHECK(proc_waitpid(pid, NULL) == -E_BAD_ENV);
}

static __attribute__((noreturn)) int
end_by_exit(int arg)
{
	exit();
}

static void
ends_of_all_kinds(void)
{
	struct ProcStatus status;
	pid_t pid;

	ends(child(end_by_exit, 0), PROC_EXITED, 0);
	ends(child(write_to_nothing, 0x1000), PROC_FAULTED, KILLED);
	CHECK(proc_kill(child(sleep_for_ever, 100000)) == 0);
	CHECK((pid = proc_waitpid(0, &status)) > 2);
	CHECK(status.end == PROC_KILLED && status.code == KILLED);
	CHECK(proc_state(pid) == PROC_FREE);
}

// Waiting.

static void
wait_errors(void)
{
	struct ProcStatus *read_only = (struct ProcStatus *) UTEXT;
	pid_t pid, other;

	CHECK(proc_waitpid(0, NULL) == -E_BAD_ENV);
	CHECK(proc_waitpid(1, NULL) == -E_BAD_ENV);
	CHECK(proc_waitpid(2, NULL) == -E_BAD_ENV);
	CHECK(proc_waitpid(-1, NULL) == -E_BAD_ENV);
	CHECK(proc_waitpid(INT32_MAX, NULL) == -E_BAD_ENV);
	CHECK(proc_waitpid_how(0, NULL, PROC_NOHANG) == -E_BAD_ENV);
	pid = child(sleep_for_ever, 100000);
	CHECK(proc_waitpid_how(0, NULL, PROC_NOHANG) == 0);
	CHECK(proc_waitpid_how(pid, NULL, PROC_NOHANG) == 0);
	CHECK(proc_waitpid(pid, (void *) 0x1000) == -E_FAULT);
	CHECK(proc_waitpid(pid, read_only) == -E_FAULT);
	CHECK(proc_waitpid(pid, (void *) (UTOP - 4)) == -E_FAULT);
	CHECK(proc_waitpid(pid, (void *) UINT32_MAX) == -E_FAULT);
	other = child(return_it, 5);
	ends(other, PROC_EXITED, 5);
	CHECK(proc_kill(pid) == 0);
	ends(pid, PROC_KILLED, KILLED);
}

static void
zombies_wait_in_line(void)
{
	pid_t pid[5];

	for (int i = 0; i < 5; i++) {
		pid[i] = child(return_it, i);
		await_state(pid[i], PROC_ZOMBIE);
	}
	ends(pid[3], PROC_EXITED, 3);
	for (int i = 0; i < 5; i++)
		if (i != 3)
			CHECK(proc_waitpid(0, NULL) == pid[i]);
}

// Killing.

static int
kill_it(int pid)
{
	return proc_kill(pid);
}

static int
kill_parent(int arg)
{
	int r = proc_kill(proc_getppid());

	CHECK(r == 0);
	// Its memory may be there for a while yet; then we are init's.
	while (proc_getppid() != 1)
		proc_yield();
	reach(2);
	return 0;
}

static int
be_killed_by_child(int arg)
{
	child(kill_parent, 0);
	proc_sleep(100000);
	return 0;
}

static void
kills(void)
{
	pid_t pid;

	CHECK(proc_kill(0) == -E_BAD_ENV);
	CHECK(proc_kill(1) == -E_BAD_ENV);
	CHECK(proc_kill(-5) == -E_BAD_ENV);
	CHECK(proc_kill(3333) == -E_BAD_ENV);

	reach(0);
	pid = child(run_for_ever, 0);
	await(1);
	ends(child(kill_it, pid), PROC_EXITED, 0); // by a brother
	ends(pid, PROC_KILLED, KILLED);

	pid = child(return_it, 3);
	await_state(pid, PROC_ZOMBIE);
	CHECK(proc_kill(pid) == -E_INVAL);
	ends(pid, PROC_EXITED, 3); // and nothing has changed

	pid = proc_fork();
	if (pid == 0)
		proc_kill(proc_getpid());
	ends(pid, PROC_KILLED, KILLED);

	reach(0);
	ends(child(be_killed_by_child, 0), PROC_KILLED, KILLED);
	await(2);
}

// Orphans.

static int
leave_orphans(int n)
{
	for (int i = 0; i < n; i++) {
		pid_t pid = proc_fork();

		if (pid == 0) {
			while (proc_getppid() != 1)
				proc_sleep(10);
			__sync_fetch_and_add(&SHARED[1], 1);
			proc_exit(i);
		}
	}
	child(return_it, 0); // nobody waits for this one
	return 0;
}

static void
orphans(void)
{
	SHARED[1] = 0;
	ends(child(leave_orphans, 5), PROC_EXITED, 0);
	while (SHARED[1] != 5)
		proc_sleep(10);
	CHECK(proc_waitpid(0, NULL) == -E_BAD_ENV); // they are not ours
}

// States: each edge of the diagram in doc/processes.md.  An UNINIT child is one that we make by hand.

int _proc_forking(envid_t child);
int _proc_forked(envid_t child, int r);

static envid_t
make_uninit(pid_t *pid)
{
	envid_t env = sys_exofork();

	CHECK(env > 0);
	CHECK((*pid = _proc_forking(env)) > 0);
	CHECK(proc_state(*pid) == PROC_UNINIT);
	return env;
}

static void
states(void)
{
	envid_t env;
	pid_t pid;

	// none -> UNINIT -> none
	env = make_uninit(&pid);
	CHECK(proc_waitpid_how(pid, NULL, PROC_NOHANG) == 0);
	CHECK(sys_env_destroy(env) == 0);
	await_state(pid, PROC_FREE);
	// UNINIT -> ZOMBIE
	env = make_uninit(&pid);
	CHECK(proc_kill(pid) == 0);
	CHECK(_proc_forked(env, 0) == 0); // so fork would return it
	await_state(pid, PROC_ZOMBIE);
	ends(pid, PROC_KILLED, KILLED);
	// UNINIT -> none: its fork fails for another reason.
	env = make_uninit(&pid);
	CHECK(_proc_forked(env, -E_NO_MEM) == -E_NO_MEM);
	CHECK(proc_state(pid) == PROC_FREE && proc_kill(pid) == -E_BAD_ENV);
	CHECK(sys_env_destroy(env) == 0);
	CHECK(proc_waitpid(pid, NULL) == -E_BAD_ENV); // who has waited waits in vain

	// UNINIT -> RUNNABLE -> RUNNING -> ZOMBIE: it has no memory, and faults.
	env = make_uninit(&pid);
	CHECK(_proc_forked(env, 0) == 0);
	ends(pid, PROC_FAULTED, KILLED);

	// RUNNABLE or, if it has a CPU, RUNNING, and ->  ZOMBIE
	reach(0);
	pid = child(run_for_ever, 0);
	await(1);
	enum ProcState state = proc_state(pid);
	CHECK(state == PROC_RUNNABLE || state == PROC_RUNNING);
	CHECK(proc_state(2) == PROC_RUNNING || proc_state(2) == PROC_SLEEPING);
	CHECK(proc_kill(pid) == 0);
	await_state(pid, PROC_ZOMBIE);
	ends(pid, PROC_KILLED, KILLED);

	// RUNNING -> SLEEPING -> RUNNABLE
	reach(0);
	pid = child(sleep_for_ever, SOON);
	await(1);
	await_state(pid, PROC_SLEEPING);
	ends(pid, PROC_EXITED, 1);

	// SLEEPING -> ZOMBIE -> none
	pid = child(sleep_for_ever, 100000);
	await_state(pid, PROC_SLEEPING);
	CHECK(proc_kill(pid) == 0);
	await_state(pid, PROC_ZOMBIE);
	CHECK(proc_waitpid(pid, NULL) == pid);
	CHECK(proc_state(pid) == PROC_FREE);
	CHECK(proc_state(-1) == PROC_FREE && proc_state(100000) == PROC_FREE);
}

// Time.

static void
time_passes(void)
{
	uint32_t before = proc_time();

	CHECK(proc_sleep(SOON) == 0);
	CHECK(proc_time() - before >= SOON);
	CHECK(proc_sleep(0) == 0);
	CHECK(proc_set_weight(3) == 0);
	CHECK(proc_set_weight(1) == 0);
	CHECK(proc_set_weight(0) == -E_INVAL);
}

// Semaphores.

static int
up_later(int id)
{
	proc_sleep(SOON);
	return proc_sem_up(id);
}

static int
down(int id)
{
	reach(1);
	return proc_sem_down(id, 0);
}

static void
semaphores(void)
{
	int id = proc_sem_new(2);
	pid_t pid;

	CHECK(id >= 0);
	CHECK(proc_sem_down(id, 0) == 0 && proc_sem_down(id, 10) == 0);
	CHECK(proc_sem_down(id, SOON) == -E_TIMEOUT);
	pid = child(up_later, id);
	CHECK(proc_sem_down(id, 0) == 0);
	ends(pid, PROC_EXITED, 0);

	// Who was killed takes nothing.
	pid = child(down, id);
	await_state(pid, PROC_SLEEPING);
	CHECK(proc_kill(pid) == 0);
	CHECK(proc_sem_up(id) == 0);
	CHECK(proc_sem_down(id, 0) == 0);
	ends(pid, PROC_KILLED, KILLED);

	pid = child(down, id);
	await_state(pid, PROC_SLEEPING);
	CHECK(proc_sem_free(id) == 0);
	ends(pid, PROC_EXITED, -E_INVAL);
	CHECK(proc_sem_up(id) == -E_INVAL && proc_sem_up(-1) == -E_INVAL);
	CHECK(proc_sem_down(12345, 0) == -E_INVAL && proc_sem_new(-1) == -E_INVAL);
}

// Who is not of the table, and who asks nonsense.

static void __attribute__((noinline)) copy_memory(envid_t env)
{
	const uint32_t cow = PTE_W | (PTE_AVAIL & ~PTE_SHARE);
	int n = PGNUM(UXSTACKBASE);

	for (int first = 0, r; first < n; first += r)
		CHECK((r = sys_pages_share(env, (void *) (first * PGSIZE), n - first,
					   PAGES_IF(cow, PTE_SHARE), PAGES_TO(PTE_W, PTE_COW))) >
		      0);
	CHECK(sys_page_alloc(env, (void *) UXSTACKBASE, RW) == 0);
	CHECK(sys_env_set_pgfault_upcall(env, thisenv->env_pgfault_upcall) == 0);
	CHECK(sys_env_set_status(env, ENV_RUNNABLE) == 0);
}

static int
ask_nonsense(int op)
{
	static const uint32_t arguments[] = {
		0, -1, 1, 0x7ffffff, 0x3ffffff, 0x2000, 1 << 13 | 5000};

	for (unsigned i = 0; i < sizeof arguments / sizeof *arguments; i++)
		sys_ipc_call_value(thisenv->env_keeper, op | arguments[i] << 5,
				   IPC_ONLY | IPC_TIMEOUT(20));
	return 0;
}

static void
strangers(void)
{
	envid_t env;

	SHARED[2] = 0;
	if ((env = sys_exofork()) == 0) {
		int r = sys_ipc_call_value(thisenv->env_keeper, 0, IPC_ONLY);
		SHARED[2] = r == 0 ? envs[ENVX(sys_getenvid())].env_ipc_value : 1;
		exit();
	}
	copy_memory(env);
	while (SHARED[2] == 0)
		proc_yield();
	if ((int) SHARED[2] != -E_BAD_ENV)
		panic("a stranger hears %d", SHARED[2]);

	// Each request in a process of its own, as some are the end.
	for (uint32_t op = 0; op < 32; op++)
		CHECK(proc_waitpid(child(ask_nonsense, op), NULL) > 0);
	CHECK(proc_getpid() == 2);
}

void
umain(int argc, char **argv)
{
	uint32_t before;

	begin_family();
	codes();
	before = free_frames();
	codes();
	ends_of_all_kinds();
	wait_errors();
	zombies_wait_in_line();
	kills();
	orphans();
	states();
	time_passes();
	semaphores();
	strangers();
	CHECK(free_frames() == before);
	cprintf("proctest: OK\n");
}
