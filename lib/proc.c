// Processes, as a program sees them: each function is a request to init, or two.

#include "lib/proc.h"

int32_t
_proc_call(enum ProcOp op, uint32_t arg)
{
	int r = -E_BAD_ENV;

	if (thisenv->env_keeper)
		r = sys_ipc_call_value(thisenv->env_keeper, WORD(op, arg), IPC_ONLY);
	return r < 0 ? r : (int32_t) thisenv->env_ipc_value;
}

static bool
have_window(void)
{
	return (uvpd[PDX(PROC_WINDOW)] & PTE_P) && (uvpt[PGNUM(PROC_WINDOW)] & PTE_P);
}

int
_proc_window(void)
{
	void *const at = (void *) PROC_WINDOW;
	int r;

	if (have_window())
		return 0;
	// fork must not make it copy-on-write: init has this frame, and no other.
	if ((r = sys_page_alloc(0, at, RW | PTE_SHARE)) < 0)
		return r;
	r = sys_ipc_call(thisenv->env_keeper, WORD(OP_WINDOW, 0), at, RW | IPC_ONLY, (void *) UTOP);
	if (r == 0)
		r = (int) thisenv->env_ipc_value;
	if (r < 0)
		sys_page_unmap(0, at);
	return r;
}

// A program of a family begins.
void
_proc_start(void)
{
	int r;

	if (thisenv->env_keeper && (r = _proc_memory()) < 0)
		panic("memory of a process: %e", r);
}

// The family.

// What was known last, and to whom: threads have the same pid, and a child asks again.
static pid_t known_pid;
static envid_t known_to;

pid_t
proc_getpid(void)
{
	pid_t pid;

	if (known_to == thisenv->env_id)
		return known_pid;
	if ((pid = _proc_call(OP_GETPID, 0)) > 0) {
		known_pid = pid;
		known_to = thisenv->env_id;
	}
	return pid;
}

pid_t
proc_getppid(void)
{
	return _proc_call(OP_GETPPID, 0);
}

// The pid of the last child that each thread has made, by the thread's slot.
static uint16_t last_child[NENV];

int
_proc_forking(envid_t child)
{
	const int pid = thisenv->env_keeper ? _proc_call(OP_FORK, ENVX(child)) : 0;

	last_child[ENVX(thisenv->env_id)] = MAX(pid, 0);
	return pid;
}

int
_proc_forked(envid_t child, int r)
{
	const pid_t pid = last_child[ENVX(thisenv->env_id)];

	if (!thisenv->env_keeper)
		return r < 0 ? r : sys_env_set_status(child, ENV_RUNNABLE);
	if (r == 0 && have_window())
		r = sys_page_unmap(child, (void *) PROC_WINDOW);
	if (r == 0)
		r = _proc_call(OP_START, ENVX(child));
	if (r < 0 && pid > 0 && _proc_call(OP_ABANDON, pid) == pid)
		return 0;
	return MIN(r, 0);
}

pid_t
proc_fork(void)
{
	const envid_t child = fork();

	return child > 0 ? last_child[ENVX(thisenv->env_id)] : child;
}

int32_t
_proc_call_with_code(enum ProcOp op, int code)
{
	if ((uint32_t) code >> 16)
		_proc_call(OP_CODE_HIGH, (uint32_t) code >> 16);
	return _proc_call(op, code & 0xffff);
}

void
proc_exit(int code)
{
	_proc_call_with_code(OP_EXIT, code);
	exit();
}

pid_t
proc_waitpid_how(pid_t pid, struct ProcStatus *status, int how)
{
	int32_t r;

	if (status && !proc_accessible(status, sizeof *status, REGION_WRITE))
		return -E_FAULT;
	if (pid < 0 || pid >= PID_LIMIT)
		return -E_BAD_ENV;
	if ((r = _proc_call(OP_WAIT, WAIT_ARG(pid, how & PROC_NOHANG))) <= 0)
		return r;
	if (status) {
		const int code = r & WAIT_LONG ? _proc_call(OP_CODE, 0) : (int) ANSWER_CODE(r);

		*status = (struct ProcStatus){.code = code, .end = ANSWER_END(r)};
	}
	return ANSWER_PID(r);
}

pid_t
proc_waitpid(pid_t pid, struct ProcStatus *status)
{
	return proc_waitpid_how(pid, status, 0);
}

int
proc_kill(pid_t pid)
{
	return pid <= 0 || pid >= PID_LIMIT ? -E_BAD_ENV : _proc_call(OP_KILL, pid);
}

enum ProcState
proc_state(pid_t pid)
{
	int32_t r = pid <= 0 || pid >= PID_LIMIT ? -E_BAD_ENV : _proc_call(OP_STATE, pid);

	return r < 0 ? PROC_FREE : (enum ProcState) r;
}

// Time.

void
proc_yield(void)
{
	sys_yield();
}

uint32_t
proc_time(void)
{
	return sys_clock_ms();
}

int
proc_sleep(uint32_t ms)
{
	int r = 0;

	if (ms == 0)
		sys_yield();
	// init sends nothing unasked, so this is a wait for the time.
	for (; ms > 0; ms -= MIN(ms, 60000u)) {
		r = sys_ipc_wait(thisenv->env_keeper, (void *) UTOP, IPC_TIMEOUT(MIN(ms, 60000u)));
		if (r != -E_TIMEOUT)
			return r;
	}
	return 0;
}

int
proc_set_weight(uint32_t weight)
{
	return sys_env_set_weight(0, weight);
}

// Semaphores.

int
proc_sem_new(int value)
{
	return value < 0 || value >= 1 << ARG_BITS ? -E_INVAL : _proc_call(OP_SEM_NEW, value);
}

int
proc_sem_up(int id)
{
	return id < 0 || id >= SEMS ? -E_INVAL : _proc_call(OP_SEM_UP, id);
}

int
proc_sem_down(int id, uint32_t ms)
{
	int r;

	if (id < 0 || id >= SEMS)
		return -E_INVAL;
	while ((r = _proc_call(OP_SEM_DOWN, SEM_ARG(id, MIN(ms, SEM_MS - 1u)))) == -E_TIMEOUT) {
		if (ms < SEM_MS)
			break;
		ms -= SEM_MS - 1;
	}
	return r;
}

int
proc_sem_free(int id)
{
	return id < 0 || id >= SEMS ? -E_INVAL : _proc_call(OP_SEM_FREE, id);
}
