// The env table.  Owns envs[], the run queue, and every change of env_status.
//
// Whether an env may run is kept as the set of reasons why it may not (Kenv.hold), so that a
// program that waits for a message and is also stopped by its parent needs both to end.
//
// Each CPU has a queue of the envs that run or may run there: exactly the RUNNABLE and RUNNING
// ones are in one (Kenv.home says in which), and the RUNNING one is its first.  A turn that is
// over just moves the ring on by one.  A CPU with an empty queue takes from the longest one.
// An env is in one queue at most (Kenv.link): one of these, that of the dead, or that of those
// who wait to send to another env, where an env that has ended waits for its keeper to hear of it.
//
// A CPU has an env (Space.cpu) from env_next to env_let_go, whatever happens to its state between.  Nothing takes an env from a CPU; the CPU
// is told (cpu_kick), and lets go.  Only then is a dying env put into the queue of the dead,
// from which its memory is given back a part at a time: nobody waits for the end of a large one.

#include "kern/env.h"

#include "inc/assert.h"
#include "inc/error.h"
#include "inc/ipc.h"
#include "inc/string.h"
#include "kern/page.h"

struct Env envs[NENV] __attribute__((aligned(PGSIZE)));
struct Kenv kenvs[NENV];
unsigned env_nkilled; // [K]
bool env_quiet;

struct Runq runqs[NCPU];

unsigned env_nwaiting;                 // [K] in all run queues
static struct Queue dead;              // [K] DYING, and no CPU has them
unsigned env_nactive;                  // [K]
static uint32_t free_slots[NENV / 32]; // [K] a bit for each slot
static int lowest;                     // [K] the words before this one are 0

void
env_init(void)
{
	memset(free_slots, 0xff, sizeof free_slots);
	lowest = 0;
	memset(runqs, 0, sizeof runqs);
	dead.first = NULL;
	env_nwaiting = env_nactive = env_nkilled = 0;
	timer_init();
}

struct Env *
env_find(struct Env *self, envid_t id)
{
	struct Env *e = id == 0 ? self : &envs[ENVX(id)];

	if (e->env_status == ENV_FREE || e->env_status == ENV_DYING)
		return NULL;
	return id == 0 || e->env_id == id ? e : NULL;
}

struct Env *
env_find_child(struct Env *self, envid_t id)
{
	struct Env *e = env_find(self, id);

	return e && (e == self || e->env_parent_id == self->env_id || kenv(e)->keeper == self)
		? e
		: NULL;
}

struct Env *
env_find_ended(struct Env *self, envid_t id)
{
	struct Env *e = &envs[ENVX(id)];

	return e->env_id == id && e->env_status == ENV_DYING && kenv(e)->keeper == self ? e : NULL;
}

static bool
is_ready(unsigned status)
{
	return status == ENV_RUNNABLE || status == ENV_RUNNING;
}

static bool
is_active(unsigned status)
{
	return is_ready(status) || status == ENV_DYING;
}

static void
count_waiting(struct Env *e, int n)
{
	runqs[kenv(e)->home].waiting += n;
	env_nwaiting += n;
}

// The one place where a state changes: keeps queues and counts in step with it.
static void
set_status(struct Env *e, enum EnvStatus status)
{
	struct Kenv *k = kenv(e);
	bool was_ready = is_ready(e->env_status);
	struct Queue *q = &runqs[k->home].queue;

	env_nactive += is_active(status) - is_active(e->env_status);
	count_waiting(e, (status == ENV_RUNNABLE) - (e->env_status == ENV_RUNNABLE));
	e->env_status = status;
	if (was_ready && !is_ready(status))
		queue_remove(q, &k->link);
	else if (!was_ready && is_ready(status))
		queue_add(q, &k->link);
}

// Whether the first of this queue is being run.
static bool
runs_first(const struct Queue *q)
{
	return q->first && queued_env(q->first)->env_status == ENV_RUNNING;
}

// e, which is RUNNABLE, is the next one to run in its queue.
static void
go_next(struct Env *e)
{
	struct Queue *q = &runqs[kenv(e)->home].queue;
	struct Link *l = &kenv(e)->link;

	queue_remove(q, l);
	if (!runs_first(q)) {
		queue_push(q, l);
		return;
	}
	// Behind the first is last, if the ring begins one further on.
	struct Link *first = q->first;
	q->first = first->next;
	queue_add(q, l);
	q->first = first;
}

#define LAST_LIFE (INT32_MAX >> ENVGENSHIFT)

static uint32_t
life(const struct Env *e)
{
	return (uint32_t) e->env_id >> ENVGENSHIFT;
}

// Find the lowest free slot and take it.
static struct Env *
take_slot(void)
{
	for (; lowest < NENV / 32; lowest++) {
		if (free_slots[lowest]) {
			int bit = __builtin_ctz(free_slots[lowest]);
			free_slots[lowest] &= free_slots[lowest] - 1;
			return &envs[lowest * 32 + bit];
		}
	}
	return NULL;
}

// A slot that has had all its lives is not used again: an id that somebody may still hold must
// never mean another env.
static void
give_slot(struct Env *e)
{
	int i = e - envs;

	if (life(e) == LAST_LIFE)
		return;
	free_slots[i / 32] |= 1u << i % 32;
	lowest = MIN(lowest, i / 32);
}

static void
family_join(struct Env *e, struct Env *parent)
{
	struct Kenv *k = kenv(e), *p = kenv(parent);

	k->parent = parent;
	k->older = p->child;
	if (p->child)
		kenv(p->child)->younger = e;
	p->child = e;
}

static void
family_leave(struct Env *e)
{
	struct Kenv *k = kenv(e);

	if (!k->parent)
		return;
	if (k->older)
		kenv(k->older)->younger = k->younger;
	if (k->younger)
		kenv(k->younger)->older = k->older;
	else
		kenv(k->parent)->child = k->older;
	k->parent = k->older = k->younger = NULL;
}

void
env_set_keeper(struct Env *e, struct Env *keeper)
{
	struct Kenv *k = kenv(e);

	if (k->keeper)
		queue_remove(&kenv(k->keeper)->kept, &k->kept_link);
	k->keeper = keeper;
	e->env_keeper = keeper ? keeper->env_id : 0;
	if (keeper)
		queue_add(&kenv(keeper)->kept, &k->kept_link);
}

void
env_tell(envid_t by, const char *what, const struct Env *e)
{
	if (env_quiet)
		return;
	cprintf("[%08x] %s", by, what);
	if (e)
		cprintf(" %08x", e->env_id);
	cprintf("\n");
}

int
env_alloc(struct Env **ep, struct Env *parent)
{
	struct Env *e = take_slot();

	if (!e)
		return -E_NO_FREE_ENV;
	struct Kenv *k = kenv(e);
	memset(&k->frame, 0, sizeof *k - offsetof(struct Kenv, frame));
	if (space_init(&k->space) < 0) {
		give_slot(e);
		return -E_NO_MEM;
	}
	if (!parent)
		fpu_reset(&k->fpu);
	env_sanitize(&k->frame);
	k->env = e;
	k->home = parent ? kenv(parent)->home : 0;
	k->weight = parent ? kenv(parent)->weight : 1;
	k->hold = HOLD_STOPPED;
	k->program = parent ? kenv(parent)->program : 0;

	if (parent) {
		family_join(e, parent);
		if (kenv(parent)->keeper)
			env_set_keeper(e, kenv(parent)->keeper);
	}

	e->env_id = (envid_t) ((life(e) + 1) << ENVGENSHIFT | (uint32_t) (e - envs));
	k->id = e->env_id;
	env_sanitize(&e->env_tf);
	e->env_parent_id = parent ? parent->env_id : 0;
	e->env_type = ENV_TYPE_USER;
	e->env_runs = 0;
	e->env_cpunum = 0;
	e->env_pgfault_upcall = NULL;
	e->env_ipc_recving = false;
	e->env_ipc_dstva = NULL;
	e->env_ipc_value = 0;
	e->env_ipc_from = 0;
	e->env_ipc_perm = 0;
	set_status(e, ENV_NOT_RUNNABLE);
	env_tell(e->env_parent_id, "new env", e);
	*ep = e;
	return 0;
}

void
env_set_upcall(struct Env *e, uint32_t upcall)
{
	kenv(e)->upcall = upcall;
	e->env_pgfault_upcall = (void *) (uintptr_t) upcall;
}

void
env_hold(struct Env *e, unsigned reason)
{
	struct Kenv *k = kenv(e);

	assert(e->env_status != ENV_FREE && e->env_status != ENV_DYING);
	k->hold |= reason;
	if (e->env_status == ENV_NOT_RUNNABLE)
		return;
	set_status(e, ENV_NOT_RUNNABLE);
	if (k->space.cpu != NOCPU)
		cpu_kick(k->space.cpu);
}

void
env_release(struct Env *e, unsigned reason)
{
	struct Kenv *k = kenv(e);

	assert(e->env_status != ENV_FREE && e->env_status != ENV_DYING);
	k->hold &= ~reason;
	if (k->hold || e->env_status != ENV_NOT_RUNNABLE)
		return;
	if (k->space.cpu == NOCPU) {
		set_status(e, ENV_RUNNABLE);
		// Who has a message goes first: behind a second sender, it would always find the
		// first one's.
		if (reason == HOLD_RECV)
			go_next(e);
		return;
	}
	k->home = k->space.cpu;
	set_status(e, ENV_RUNNING);
	runqs[k->home].queue.first = &k->link;
}

void
env_set_result(struct Env *e, int32_t result)
{
	struct Kenv *k = kenv(e);

	if (!k->frame_is_new)
		k->frame.tf_regs.reg_eax = result;
}

void
env_finish(struct Env *e, unsigned reason, int32_t result)
{
	timer_cancel(&kenv(e)->timer);
	env_set_result(e, result);
	env_release(e, reason);
}

void
env_yield(struct Env *e)
{
	assert(e->env_status == ENV_RUNNING);
	set_status(e, ENV_RUNNABLE);
	runqs[kenv(e)->home].queue.first = kenv(e)->link.next;
}

void
env_move(struct Env *e, int cpu)
{
	struct Kenv *k = kenv(e);

	assert(e->env_status == ENV_RUNNABLE);
	queue_remove(&runqs[k->home].queue, &k->link);
	count_waiting(e, -1);
	k->home = cpu;
	queue_add(&runqs[cpu].queue, &k->link);
	count_waiting(e, 1);
	go_next(e);
}

// Move the first that waits in the longest queue to cpu, if more than `more' envs wait there.
static void
steal(int cpu, unsigned more)
{
	struct Runq *longest = &runqs[0];

	for (int i = 1; i < NCPU; i++)
		if (runqs[i].waiting > longest->waiting)
			longest = &runqs[i];
	if (longest->waiting <= more)
		return;
	struct Link *first = longest->queue.first;
	env_move(queued_env(runs_first(&longest->queue) ? first->next : first), cpu);
}

void
env_balance(int cpu)
{
	if (env_nwaiting > runqs[cpu].waiting + 1)
		steal(cpu, runqs[cpu].waiting + 1);
}

struct Env *
env_next(int cpu)
{
	struct Queue *q = &runqs[cpu].queue;

	if (env_nwaiting == 0)
		return NULL;
	if (!q->first)
		steal(cpu, 0);
	struct Env *e = queued_env(q->first);
	assert(e->env_status == ENV_RUNNABLE);
	set_status(e, ENV_RUNNING);
	kenv(e)->space.cpu = cpu;
	kenv(e)->frame_is_new = false;
	e->env_cpunum = cpu;
	e->env_runs++;
	return e;
}

bool
env_any_runnable(void)
{
	return env_nwaiting > 0;
}

// No CPU has e any more, which is DYING: its memory can go.
static void
bury(struct Env *e)
{
	queue_add(&dead, &kenv(e)->link);
	cpu_dead(true);
}

void
env_let_go(struct Env *e)
{
	assert(e->env_status != ENV_RUNNING);
	kenv(e)->space.cpu = NOCPU;
	if (e->env_status != ENV_DYING)
		return;
	cpu_forget(e);
	bury(e);
	env_reap();
}

static void
set_free(struct Env *e)
{
	set_status(e, ENV_FREE);
	give_slot(e);
}

// e, a notice, is not one any more, whether its keeper has heard of it or not.
static void
vanish(struct Env *e)
{
	env_withdraw(e);
	env_set_keeper(e, NULL);
	env_nactive++; // as set_status believes
	set_free(e);
}

void
env_take_notice(struct Env *e)
{
	struct Env *to = kenv(e)->keeper;

	to->env_ipc_perm = IPC_ENDED;
	to->env_ipc_value = kenv(e)->why;
	to->env_ipc_from = e->env_id;
	to->env_ipc_recving = false;
	vanish(e);
	env_finish(to, HOLD_RECV, 0);
}

// e, which has a keeper, becomes a notice.  From now on nothing happens to it by itself.
static void
become_notice(struct Env *e)
{
	struct Kenv *k = kenv(e);
	struct Env *to = k->keeper;

	k->out = (struct Message){.to = to};
	queue_add(&kenv(to)->senders, &k->link);
	env_nactive--;
	if (to->env_ipc_recving && (!kenv(to)->only || kenv(to)->only == e->env_id))
		env_take_notice(e);
}

bool
env_reap(void)
{
	if (!dead.first)
		return false;
	struct Env *e = queued_env(dead.first);
	if (!space_free_some(&kenv(e)->space))
		return true;
	queue_remove(&dead, &kenv(e)->link);
	cpu_dead(dead.first != NULL);
	env_tell(kenv(e)->killer, "free env", e);
	if (kenv(e)->keeper)
		become_notice(e);
	else
		set_free(e);
	return true;
}

bool
env_any_dead(void)
{
	return dead.first != NULL;
}

// Nobody will take a message from e any more, nor get one; but its keeper, if it waits for one from e
// alone, waits for the last one.
static void
disappoint_others(struct Env *e)
{
	struct Kenv *k = kenv(e);

	while (k->senders.first) {
		struct Env *sender = queued_env(k->senders.first);
		assert(sender->env_status != ENV_DYING);
		env_withdraw(sender);
		env_finish(sender, HOLD_SEND, -E_BAD_ENV);
	}
	for (int i = 0; i < NENV && k->awaited; i++) {
		struct Env *other = &envs[i];
		if (other->env_status == ENV_FREE || other->env_status == ENV_DYING ||
		    !other->env_ipc_recving || kenvs[i].only != e->env_id || other == k->keeper)
			continue;
		other->env_ipc_recving = false;
		env_finish(other, HOLD_RECV, -E_BAD_ENV);
	}
}

void
env_withdraw(struct Env *sender)
{
	struct Kenv *k = kenv(sender);

	if (!k->out.to)
		return;
	queue_remove(&kenv(k->out.to)->senders, &k->link);
	k->out.to = NULL;
}

// Those that e keeps are kept by nobody.  Who has no parent either is now the child of heir, who is
// about to end and looks after it.  Keepers and parents are always older than those they look after,
// so nobody becomes his own ancestor.
static void
stop_keeping(struct Env *e, struct Env *heir)
{
	while (kenv(e)->kept.first) {
		struct Env *kept = QUEUED(kenv(e)->kept.first, struct Kenv, kept_link)->env;
		if (env_is_notice(kept)) {
			vanish(kept);
			continue;
		}
		env_set_keeper(kept, NULL);
		if (kept->env_status != ENV_DYING && !kenv(kept)->parent)
			family_join(kept, heir);
	}
}

// Whether e, whose parent is about to end, goes with it: nobody else could start it.  A keeper
// could, but does not know of an env that has never run.
static bool
goes_with_parent(struct Env *e)
{
	return (kenv(e)->hold & HOLD_STOPPED) && (!kenv(e)->keeper || e->env_runs == 0);
}

// Let e, which keeps nobody, die: from now on nobody finds it.
static void
die(struct Env *by, struct Env *e, uint32_t why)
{
	struct Kenv *k = kenv(e);

	k->killer = by ? by->env_id : 0;
	k->why = why;
	k->hold = 0;
	timer_cancel(&k->timer);
	env_withdraw(e);
	set_status(e, ENV_DYING);
	family_leave(e);
	disappoint_others(e);
	if (k->space.cpu == NOCPU)
		bury(e);
	else
		cpu_kick(k->space.cpu);
}

// The same with everyone whom nobody could start any more.
static void
end(struct Env *by, struct Env *e, uint32_t why)
{
	struct Env *child, *grandchild;

	if (e->env_status == ENV_DYING)
		return;
	if (kenv(e)->kept.first)
		stop_keeping(e, e);
	while ((child = kenv(e)->child)) {
		family_leave(child);
		if (!goes_with_parent(child))
			continue;
		stop_keeping(child, e);
		// A descendant that only the child could have started is ours to look after now.
		while ((grandchild = kenv(child)->child)) {
			family_leave(grandchild);
			family_join(grandchild, e);
		}
		die(by, child, IPC_ENDED_BY_OTHER);
	}
	die(by, e, why);
	env_reap();
}

void
env_destroy(struct Env *by, struct Env *e)
{
	end(by, e, by == e ? IPC_ENDED_ITSELF : IPC_ENDED_BY_OTHER);
}

void
env_kill(struct Env *e, uint32_t why)
{
	env_nkilled++;
	end(e, e, why);
}

void
env_set_frame(struct Env *self, struct Env *e, const struct Trapframe *tf)
{
	struct Kenv *k = kenv(e);

	memset(&k->cputs, 0, sizeof k->cputs);
	if (e == self || k->space.cpu == NOCPU) {
		k->frame = *tf;
		k->frame_is_new = e != self;
		k->sysexit = 0;
		return;
	}
	k->next_frame = *tf;
	k->has_next_frame = true;
	cpu_kick(k->space.cpu);
}

bool
env_take_frame(struct Env *self)
{
	struct Kenv *k = kenv(self);

	if (!k->has_next_frame)
		return false;
	k->has_next_frame = false;
	k->frame = k->next_frame;
	k->sysexit = 0;
	return true;
}

void
env_sanitize(struct Trapframe *tf)
{
	tf->tf_cs = GD_UT | 3;
	tf->tf_ds = tf->tf_es = tf->tf_ss = GD_UD | 3;
	tf->tf_padding1 = tf->tf_padding2 = tf->tf_padding3 = tf->tf_padding4 = 0;
	tf->tf_eflags = (tf->tf_eflags & FL_USER) | FL_IF | 2;
}
