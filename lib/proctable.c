// init's table: which processes there are, who is whose parent, which envs they have, and how they end.
//
//	(none) --_table_fork--> UNINIT --_table_start--> runs --end_process--> ending --gone--> ZOMBIE --reap--> (none)
//
// Nothing is taken from a process but by two functions.  end_process decides that it ends: its envs
// are destroyed, and what they wait for is forgotten.  gone() comes when the kernel has given back the memory
// of the last of them: its descriptors are closed, its children go to init, and its parent is told.

#include "lib/proc.h"

static struct Process *
init_process(void)
{
	return &INIT->process[1];
}

static struct Process *
find(uint32_t pid)
{
	struct Process *p = &INIT->process[pid % PROC_MAX];

	return pid != 0 && (uint32_t) p->pid == pid ? p : NULL;
}

struct Task *
_table_task(envid_t env)
{
	struct Task *t = &INIT->task[ENVX(env)];

	return t->env == env ? t : NULL;
}

// Records.

static void
clear(struct Process *p, pid_t pid, struct Process *parent)
{
	*p = (struct Process){.pid = pid, .parent = parent, .threads = 1};
	link_init(&p->sibling);
	link_init(&p->children);
	link_init(&p->zombies);
	link_init(&p->waiting);
	link_init(&p->joining);
	link_init(&p->tasks);
}

// A new process, UNINIT; NULL when there are too many.
static struct Process *
new_process(struct Process *parent)
{
	struct Process *p;
	pid_t pid = INIT->last;

	if (INIT->nprocesses == PROC_MAX - 1)
		return NULL;
	do {
		pid = pid + 1 < PID_LIMIT ? pid + 1 : 2;
		p = &INIT->process[pid % PROC_MAX];
	} while (p->pid != 0);
	INIT->last = pid;
	INIT->nprocesses++;
	clear(p, pid, parent);
	link_insert(&parent->children, &p->sibling);
	return p;
}

static void
free_process(struct Process *p)
{
	link_remove(&p->sibling);
	p->pid = 0;
	INIT->nprocesses--;
}

static struct Task *
new_task(struct Process *p, envid_t env, int number, bool main)
{
	struct Task *t = &INIT->task[ENVX(env)];

	*t = (struct Task){.env = env, .process = p, .number = number, .main = main};
	link_init(&t->queue);
	link_init(&t->timed);
	link_insert(&p->tasks, &t->in_process);
	p->threads |= 1u << number;
	return t;
}

// The env in this slot, if it is one that t has made and not started; or -E_BAD_ENV.
static envid_t
made_by(const struct Task *t, uint32_t slot)
{
	const volatile struct Env *e = &envs[ENVX(slot)];
	const envid_t id = e->env_id;

	if (slot >= NENV || INIT->task[slot].env != 0)
		return -E_BAD_ENV;
	if (e->env_parent_id != t->env || e->env_keeper != INIT->self ||
	    e->env_status != ENV_NOT_RUNNABLE || e->env_id != id)
		return -E_BAD_ENV;
	return id;
}

static struct Task *
task_of_parent(const struct Task *t, uint32_t slot)
{
	struct Task *made = slot < NENV ? &INIT->task[slot] : NULL;

	if (!made || made->env == 0 || made->started || envs[slot].env_parent_id != t->env)
		return NULL;
	return made->process->ending ? NULL : made;
}

static void
set_name(struct Process *p, const char *name)
{
	// It may be in a window, where its end may move.
	for (int i = 0; i < PROC_NAME - 1; i++)
		p->name[i] = ((const volatile char *) name)[i];
	p->name[PROC_NAME - 1] = '\0';
	if (INIT->config.started)
		INIT->config.started(p->pid, p->name);
}

// Waiting for children.

static bool
has_child(const struct Process *p, uint32_t pid)
{
	const struct Process *child = find(pid);

	if (pid == 0)
		return !link_alone(&p->children) || !link_alone(&p->zombies);
	return child && child->parent == p;
}

// Who waits for a child that is not there any more waits in vain.
static void
disappoint(struct Process *p)
{
	for (EACH_LINK(l, &p->waiting)) {
		struct Task *t = LINKED(l, struct Task, queue);

		if (!has_child(p, t->what))
			_init_answer(t, -E_BAD_ENV);
	}
}

// t has waited for child, which is a zombie and then is no more.
static void
reap(struct Task *t, struct Process *child)
{
	const int32_t answer = WAIT_ANSWER(child->pid, child->end, child->code);

	t->code = child->code;
	free_process(child);
	_init_answer(t, answer);
	disappoint(t->process);
}

void
_table_wait(struct Task *t, uint32_t arg)
{
	struct Process *p = t->process, *child = NULL;
	const uint32_t pid = arg / 2;

	if (!has_child(p, pid)) {
		_init_answer(t, -E_BAD_ENV);
		return;
	}
	if (pid != 0)
		child = find(pid);
	else if (!link_alone(&p->zombies))
		child = LINKED(p->zombies.next, struct Process, sibling);
	if (child && child->zombie)
		reap(t, child);
	else if (arg & PROC_NOHANG)
		_init_answer(t, 0);
	else
		_init_wait(t, WAIT_CHILD, pid, &p->waiting);
}

static void
make_zombie(struct Process *p)
{
	struct Process *parent = p->parent;

	p->zombie = true;
	link_remove(&p->sibling);
	link_insert(&parent->zombies, &p->sibling);
	for (EACH_LINK(l, &parent->waiting)) {
		struct Task *t = LINKED(l, struct Task, queue);

		if (t->what == 0 || t->what == (uint32_t) p->pid) {
			reap(t, p);
			return;
		}
	}
}

// The end.

static void
end_process(struct Process *p, enum ProcEnd end, int code)
{
	if (p->ending)
		return;
	p->ending = true;
	p->end = end;
	p->code = code;
	for (EACH_LINK(l, &p->tasks)) {
		struct Task *t = LINKED(l, struct Task, in_process);

		_init_forget(t);
		sys_env_destroy(t->env); // unless it has ended already
	}
}

// p has no env any more, and no memory.
static void
gone(struct Process *p)
{
	struct Process *parent = p->parent, *init = init_process();

	_pipe_close_all(p);
	for (EACH_LINK(l, &p->children)) {
		LINKED(l, struct Process, sibling)->parent = init;
		link_remove(l);
		link_insert(&init->children, l);
	}
	for (EACH_LINK(l, &p->zombies))
		free_process(LINKED(l, struct Process, sibling));
	if ((p->started || p->ending) && !p->abandoned && parent != init) {
		make_zombie(p);
		return;
	}
	free_process(p);
	disappoint(parent);
}

// The thread with this number has ended.
static void
thread_ended(struct Process *p, int number)
{
	const uint32_t bit = 1u << number;

	p->joinable |= bit;
	for (EACH_LINK(l, &p->joining)) {
		struct Task *t = LINKED(l, struct Task, queue);

		if (t->what == (uint32_t) number)
			_table_join(t, number);
	}
}

static void
tell_fault(const struct Process *p, const struct Task *t)
{
	if (INIT->config.verbose)
		cprintf("process %d (%s) has faulted, in env %08x\n", p->pid, p->name, t->env);
}

// t has ended by itself: what becomes of its process.
static void
outlive(struct Process *p, struct Task *t, uint32_t why)
{
	if (!t->started) {
		p->threads &= ~(t->main ? 0 : 1u << t->number);
	} else if (why == IPC_ENDED_BY_OTHER) {
		end_process(p, PROC_KILLED, INIT->config.killed_code);
	} else if (why != IPC_ENDED_ITSELF) {
		tell_fault(p, t);
		end_process(p, PROC_FAULTED, INIT->config.killed_code);
	} else if (t->main) {
		end_process(p, PROC_EXITED, 0);
	} else {
		thread_ended(p, t->number);
	}
}

void
_table_ended(envid_t env, uint32_t why)
{
	struct Task *t = _table_task(env);
	struct Process *p;

	if (!t)
		return;
	p = t->process;
	_init_forget(t);
	if (t->window)
		sys_page_unmap(0, window(t));
	link_remove(&t->in_process);
	if (!t->gone && !p->ending)
		outlive(p, t, why);
	t->env = 0;
	if (link_alone(&p->tasks))
		gone(p);
}

static int
whole_code(const struct Task *t, uint32_t low)
{
	return (int) (t->code_high << 16 | (low & 0xffff));
}

void
_table_exit(struct Task *t, uint32_t code)
{
	end_process(t->process, PROC_EXITED, whole_code(t, code));
}

int32_t
_table_abandon(struct Task *t, uint32_t pid)
{
	struct Process *p = find(pid);

	if (!p || p->parent != t->process || p->started)
		return -E_BAD_ENV;
	if (p->ending)
		return p->pid;
	p->abandoned = true;
	return -E_INVAL;
}

int32_t
_table_kill(pid_t pid)
{
	struct Process *p = find(pid);

	if (!p || p->abandoned || p == init_process())
		return -E_BAD_ENV;
	if (p->ending)
		return -E_INVAL;
	end_process(p, PROC_KILLED, INIT->config.killed_code);
	return 0;
}

enum ProcState
_table_state(pid_t pid)
{
	struct Process *p = find(pid);
	enum ProcState state = PROC_SLEEPING;

	if (!p || p->abandoned)
		return PROC_FREE;
	if (p->ending)
		return PROC_ZOMBIE;
	if (!p->started && p != init_process())
		return PROC_UNINIT;
	for (EACH_LINK(l, &p->tasks)) {
		const unsigned status =
			envs[LINKED(l, struct Task, in_process) - INIT->task].env_status;

		if (status == ENV_RUNNING)
			return PROC_RUNNING;
		if (status == ENV_RUNNABLE)
			state = PROC_RUNNABLE;
	}
	return state;
}

// New processes, and new programs.

void
_table_first(envid_t env, const char *name)
{
	struct Process *p = new_process(init_process());
	struct Task *t;

	assert(p);
	t = new_task(p, env, 0, true);
	_pipe_console(p);
	p->started = t->started = true;
	set_name(p, name);
}

int32_t
_table_fork(struct Task *t, uint32_t slot)
{
	const envid_t env = made_by(t, slot);
	struct Process *p;

	if (env < 0)
		return env;
	if (!(p = new_process(t->process)))
		return -E_NO_FREE_ENV;
	p->threads = 0;
	new_task(p, env, t->number, true); // it goes on on the same stack
	memcpy(p->name, t->process->name, sizeof p->name);
	_pipe_inherit(p, t->process);
	return p->pid;
}

int32_t
_table_start(struct Task *t, uint32_t slot, bool program)
{
	struct Task *made = task_of_parent(t, slot);
	struct Process *p;
	int r;

	if (!made || !made->main)
		return -E_BAD_ENV;
	p = made->process;
	if ((r = sys_env_set_status(made->env, ENV_RUNNABLE)) < 0)
		return r;
	p->started = made->started = true;
	if (program && t->window) {
		p->threads = 1;
		made->number = 0;
		set_name(p, window(t));
	}
	return p->pid;
}

static void
replace(struct Task *t)
{
	_init_forget(t);
	t->gone = true;
	sys_env_destroy(t->env);
}

void
_table_exec(struct Task *t, uint32_t slot)
{
	struct Process *p = t->process;
	const envid_t env = made_by(t, slot);
	struct Task *made;

	if (env < 0) {
		_init_answer(t, env);
		return;
	}
	for (EACH_LINK(l, &p->tasks)) {
		struct Task *other = LINKED(l, struct Task, in_process);

		if (other != t)
			replace(other);
	}
	p->threads = p->joinable = 0;
	made = new_task(p, env, 0, true);
	made->started = true;
	if (t->window)
		set_name(p, window(t));
	sys_env_set_status(env, ENV_RUNNABLE); // or it would end with who has made it
	replace(t);
}

// Threads.

int32_t
_table_thread(struct Task *t, uint32_t slot)
{
	const envid_t env = made_by(t, slot);
	struct Process *p = t->process;
	int number;

	if (env < 0)
		return env;
	if (p->threads == UINT32_MAX)
		return -E_NO_FREE_ENV;
	number = __builtin_ctz(~p->threads);
	new_task(p, env, number, false);
	p->result[number] = 0;
	return number;
}

int32_t
_table_thread_start(struct Task *t, uint32_t slot)
{
	struct Task *made = task_of_parent(t, slot);
	int r;

	if (!made || made->main)
		return -E_BAD_ENV;
	if ((r = sys_env_set_status(made->env, ENV_RUNNABLE)) < 0)
		return r;
	made->started = true;
	return 0;
}

void
_table_thread_exit(struct Task *t, uint32_t code)
{
	struct Process *p = t->process;
	const int result = whole_code(t, code);

	if (t->main) {
		end_process(p, PROC_EXITED, result);
		return;
	}
	p->result[t->number] = result;
	thread_ended(p, t->number);
	replace(t);
}

void
_table_join(struct Task *t, uint32_t number)
{
	struct Process *p = t->process;
	const uint32_t bit = number < THREADS_MAX ? 1u << number : 0;

	if (!(p->threads & bit) || number == (uint32_t) t->number) {
		_init_answer(t, -E_BAD_ENV);
	} else if (p->joinable & bit) {
		p->threads &= ~bit;
		p->joinable &= ~bit;
		t->code = p->result[number];
		_init_answer(t, 0);
	} else {
		_init_wait(t, WAIT_JOIN, number, &p->joining);
	}
}

// Let all of p's threads but t have t's page at va, too.
static int
spread(const struct Process *p, const struct Task *t, void *va)
{
	int r = 0;

	for (EACH_LINK(l, &p->tasks)) {
		struct Task *other = LINKED(l, struct Task, in_process);

		if (other != t && !other->gone && r == 0)
			r = sys_page_map(t->env, va, other->env, va, RW);
		r = r == -E_BAD_ENV ? 0 : r; // it has just ended
	}
	return r;
}

static void
take_back(const struct Process *p, void *va)
{
	for (EACH_LINK(l, &p->tasks))
		sys_page_unmap(LINKED(l, struct Task, in_process)->env, va);
}

int32_t
_table_page(struct Task *t, uint32_t number)
{
	const struct Process *p = t->process;
	void *va = (void *) (number * PGSIZE);
	int r;

	if (number >= PGNUM(USTACKTOP))
		return -E_INVAL;
	// All have it or none, but another may have asked in between.
	if (sys_page_protect(t->env, va, RW) == 0)
		return 0;
	if ((r = sys_page_alloc(t->env, va, RW)) < 0)
		return r;
	if ((r = spread(p, t, va)) < 0)
		take_back(p, va);
	return r;
}

void
_table_init(void)
{
	struct Process *init = init_process();

	clear(init, 1, NULL);
	set_name(init, "init");
	init->parent = init;
	INIT->last = 1;
}

bool
_table_empty(void)
{
	for (int i = 0; i < PROC_MAX; i++)
		if (INIT->process[i].pid > 1)
			return false;
	for (int i = 0; i < NENV; i++)
		if (INIT->task[i].env != 0)
			return false;
	return INIT->nprocesses == 0 && !_pipe_any();
}
