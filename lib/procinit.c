// init: how it begins, hears and ends.  What the requests do is in lib/proctable.c, lib/procpipe.c and
// lib/procsem.c.
//
// It never waits for a client.  A client that has asked waits for the answer, so that a send that does
// not wait reaches it, or nobody.  It believes the kernel who has asked, and who has ended; all else that
// a request says is looked at.

#include "lib/proc.h"

bool
_init_answer(struct Task *t, int32_t value)
{
	_init_forget(t);
	if (t != INIT->asking)
		return sys_ipc_send(t->env, value, (void *) UTOP, IPC_NOWAIT) == 0;
	INIT->answer = value;
	INIT->answered = true;
	return true;
}

void
_init_wait(struct Task *t, enum Wait why, uint32_t what, struct Link *queue)
{
	t->waits = why;
	t->what = what;
	link_insert(queue, &t->queue);
}

void
_init_forget(struct Task *t)
{
	t->waits = WAIT_NONE;
	link_remove(&t->queue);
	link_remove(&t->timed);
}

static int32_t
take_window(struct Task *t)
{
	int r;

	if ((thisenv->env_ipc_perm & RW) != RW)
		return -E_INVAL;
	if ((r = sys_page_move(0, (void *) ARRIVAL, window(t), RW)) == 0)
		t->window = true; // and if not, there is still the old one, if there was one
	return r;
}

// Do what t asks for, and answer: now, or later, or never.
static void
serve(struct Task *t, uint32_t word)
{
	const uint32_t arg = WORD_ARG(word);
	struct Process *p = t->process;

	switch ((enum ProcOp) WORD_OP(word)) {
	case OP_EXEC:
		_table_exec(t, arg);
		return;
	case OP_EXIT:
		_table_exit(t, arg);
		return;
	case OP_THREAD_EXIT:
		_table_thread_exit(t, arg);
		return;
	case OP_WAIT:
		_table_wait(t, arg);
		return;
	case OP_JOIN:
		_table_join(t, arg);
		return;
	case OP_READ:
		_pipe_io(t, arg, false);
		return;
	case OP_WRITE:
		_pipe_io(t, arg, true);
		return;
	case OP_SEM_DOWN:
		_sem_down(t, arg);
		return;
	case OP_GETPID:
		_init_answer(t, p->pid);
		return;
	case OP_GETPPID:
		_init_answer(t, p->parent->pid);
		return;
	case OP_CODE_HIGH:
		t->code_high = arg;
		_init_answer(t, 0);
		return;
	case OP_CODE:
		_init_answer(t, t->code);
		return;
	case OP_FORK:
		_init_answer(t, _table_fork(t, arg));
		return;
	case OP_ABANDON:
		_init_answer(t, _table_abandon(t, arg));
		return;
	case OP_START:
		_init_answer(t, _table_start(t, arg, false));
		return;
	case OP_SPAWN:
		_init_answer(t, _table_start(t, arg, true));
		return;
	case OP_KILL:
		_init_answer(t, _table_kill(arg));
		return;
	case OP_STATE:
		_init_answer(t, _table_state(arg));
		return;
	case OP_WINDOW:
		_init_answer(t, take_window(t));
		return;
	case OP_PIPE:
		_init_answer(t, _pipe_new(p));
		return;
	case OP_CLOSE:
		_init_answer(t, _pipe_close(p, arg));
		return;
	case OP_DUP:
		_init_answer(t, _pipe_dup(p, arg));
		return;
	case OP_SEM_NEW:
		_init_answer(t, _sem_new(arg));
		return;
	case OP_SEM_UP:
		_init_answer(t, _sem_up(arg));
		return;
	case OP_SEM_FREE:
		_init_answer(t, _sem_free(arg));
		return;
	case OP_THREAD:
		_init_answer(t, _table_thread(t, arg));
		return;
	case OP_THREAD_START:
		_init_answer(t, _table_thread_start(t, arg));
		return;
	case OP_PAGE:
		_init_answer(t, _table_page(t, arg));
		return;
	case NOPS:
		break;
	}
	_init_answer(t, -E_INVAL);
}

// A message has come.  Returns whom to answer at once, with INIT->answer; or 0.
static envid_t
hear(void)
{
	const envid_t from = thisenv->env_ipc_from;
	const uint32_t word = thisenv->env_ipc_value;
	const int perm = thisenv->env_ipc_perm;
	struct Task *t = _table_task(from);

	if (perm & IPC_ENDED) {
		_table_ended(from, word);
		return 0;
	}
	INIT->asking = t;
	INIT->answered = false;
	if (t && t->started && !t->gone && !t->process->ending) {
		_init_forget(t); // it has given up what it had asked for
		serve(t, word);
	} else {
		INIT->answered = true;
		INIT->answer = -E_BAD_ENV;
	}
	INIT->asking = NULL;
	if (perm)
		sys_page_unmap(0, (void *) ARRIVAL);
	return INIT->answered ? from : 0;
}

// Answer `to', unless that is 0, and wait for the next message, as long as nobody loses patience.
static int
answer_and_wait(envid_t to)
{
	const uint32_t how = _sem_timeouts();
	int r = -E_BAD_ENV;

	if (to != 0)
		r = sys_ipc_call(to, INIT->answer, (void *) UTOP, how | IPC_NOWAIT,
				 (void *) ARRIVAL);
	if (r < 0 && r != -E_TIMEOUT) // or it has got none, and this is no concern of ours
		r = sys_ipc_wait(0, (void *) ARRIVAL, how);
	return r;
}

// The end.

static bool
kept(int slot)
{
	return envs[slot].env_status != ENV_FREE && envs[slot].env_keeper == INIT->self &&
		envs[slot].env_id != INIT->self;
}

// End what the family has made without telling us, until its memory is back.  Returns whether there was
// anything: it may have made more, in slots that had been looked at.
static bool
end_strays(void)
{
	bool any = false;

	for (int slot = 0; slot < NENV; slot++) {
		while (kept(slot)) {
			any = true;
			sys_env_destroy(envs[slot].env_id);
			sys_ipc_wait(0, (void *) UTOP, IPC_TIMEOUT(10));
		}
	}
	return any;
}

static void
end_family(void)
{
	while (end_strays())
		;
	assert(_table_empty());
	if (INIT->config.all_ended)
		INIT->config.all_ended();
	exit();
}

void
_init_run(void)
{
	envid_t to = 0;

	for (;;) {
		const int r = answer_and_wait(to);

		to = r == 0 ? hear() : 0;
		if (INIT->nprocesses == 0)
			end_family();
	}
}

// The beginning.

static void
have_page(uint32_t va)
{
	int r = sys_page_alloc(0, (void *) va, RW);

	if (r < 0)
		panic("init's memory: %e", r);
}

// It stays when the page goes.
static void
have_page_table(uint32_t va)
{
	have_page(va);
	sys_page_unmap(0, (void *) va);
}

void
_init_prepare(const struct ProcConfig *config)
{
	for (uint32_t va = INIT_VA; va < INIT_VA + sizeof(struct Init); va += PGSIZE)
		have_page(va);
	have_page_table(ARRIVAL);
	have_page_table(WINDOWS);
	have_page_table(PIPE_PAGES);
	for (uint32_t va = USTACKTOP - PGSIZE; uvpt[PGNUM(va)] & PTE_P; va -= PGSIZE)
		__sync_fetch_and_add((volatile char *) va, 0);
	INIT->config = *config;
	INIT->self = thisenv->env_id;
	_table_init();
	_pipe_init();
	_sem_init();
}

void
_init_adopt(envid_t env, const char *name)
{
	int r;

	if ((r = sys_env_set_keeper(env, INIT->self)) < 0)
		panic("the first process: %e", r);
	_table_first(env, name);
}

void
proc_begin(const struct ProcConfig *config)
{
	envid_t child;
	int r;

	if (thisenv->env_keeper)
		return;
	if ((child = fork()) < 0)
		panic("fork of the first process: %e", child);
	if (child == 0) {
		// The parent, whoever else there is, says when it is init.
		if ((r = sys_ipc_wait(thisenv->env_parent_id, (void *) UTOP, 0)) < 0 ||
		    (r = _proc_memory()) < 0)
			panic("the first process: %e", r);
		return;
	}
	_init_prepare(config);
	_init_adopt(child, binaryname);
	ipc_send(child, 0, NULL, 0);
	_init_run();
}
