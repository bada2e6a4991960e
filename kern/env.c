// The env table.  Owns envs[], the run queue, and every change of env_status.
//
// Whether an env may run is kept as the set of reasons why it may not (Kenv.hold), so that a
// program that waits for a message and is also stopped by its parent needs both to end.  An env
// is in the run queue exactly when it is RUNNABLE, and a CPU has it (Space.cpu) from env_next to
// env_let_go, whatever happens to its state between.  Nothing takes an env from a CPU; the CPU
// is told (cpu_kick), and lets go.  Only then is a dying env put into the queue of the dead,
// from which its memory is given back a part at a time: nobody waits for the end of a large one.

#include "kern/env.h"

#include "inc/assert.h"
#include "inc/error.h"
#include "inc/string.h"
#include "kern/page.h"

struct Env envs[NENV] __attribute__((aligned(PGSIZE)));
struct Kenv kenvs[NENV];
unsigned env_nkilled; // [K]
bool env_quiet;

// A ring of envs, linked through Kenv.next and prev.
struct Queue {
	struct Env *first;
};

static struct Queue runnable;          // [K] exactly the RUNNABLE ones
static struct Queue dead;              // [K] DYING, and no CPU has them
static unsigned nactive;               // [K]
static uint32_t free_slots[NENV / 32]; // [K] a bit for each slot

void
env_init(void)
{
	memset(envs, 0, sizeof envs);
	memset(kenvs, 0, sizeof kenvs);
	memset(free_slots, 0xff, sizeof free_slots);
	runnable.first = dead.first = NULL;
	nactive = env_nkilled = 0;
	for (int i = 0; i < NENV; i++)
		env_sanitize(&envs[i].env_tf);
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

	return e && (e == self || e->env_parent_id == self->env_id) ? e : NULL;
}

static void
queue_add(struct Queue *q, struct Env *e)
{
	struct Kenv *k = kenv(e);

	if (!q->first) {
		q->first = k->next = k->prev = e;
		return;
	}
	k->next = q->first;
	k->prev = kenv(q->first)->prev;
	kenv(k->prev)->next = e;
	kenv(q->first)->prev = e;
}

static void
queue_remove(struct Queue *q, struct Env *e)
{
	struct Kenv *k = kenv(e);

	if (k->next == e) {
		q->first = NULL;
	} else {
		kenv(k->next)->prev = k->prev;
		kenv(k->prev)->next = k->next;
		if (q->first == e)
			q->first = k->next;
	}
	k->next = k->prev = NULL;
}

static bool
is_active(unsigned status)
{
	return status == ENV_RUNNABLE || status == ENV_RUNNING || status == ENV_DYING;
}

// The one place where a state changes: keeps queue and count in step with it.
static void
set_status(struct Env *e, enum EnvStatus status)
{
	if (e->env_status == ENV_RUNNABLE)
		queue_remove(&runnable, e);
	nactive += is_active(status) - is_active(e->env_status);
	e->env_status = status;
	if (status == ENV_RUNNABLE)
		queue_add(&runnable, e);
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
	for (int i = 0; i < NENV / 32; i++) {
		if (free_slots[i]) {
			int bit = __builtin_ctz(free_slots[i]);
			free_slots[i] &= free_slots[i] - 1;
			return &envs[i * 32 + bit];
		}
	}
	return NULL;
}

// A slot that has had all its lives is not used again: an id that somebody may still hold must
// never mean another env.
static void
give_slot(struct Env *e)
{
	if (life(e) < LAST_LIFE)
		free_slots[(e - envs) / 32] |= 1u << (e - envs) % 32;
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
	memset(k, 0, sizeof *k);
	if (space_init(&k->space) < 0) {
		give_slot(e);
		return -E_NO_MEM;
	}
	fpu_reset(&k->fpu);
	env_sanitize(&k->frame);
	k->hold = HOLD_STOPPED;
	k->program = parent ? kenv(parent)->program : 0;

	if (parent)
		family_join(e, parent);

	e->env_id = (envid_t) ((life(e) + 1) << ENVGENSHIFT | (uint32_t) (e - envs));
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
	set_status(e, k->space.cpu == NOCPU ? ENV_RUNNABLE : ENV_RUNNING);
	// Who has a message goes first: behind a second sender, it would always find the first one's.
	if (reason == HOLD_RECV && e->env_status == ENV_RUNNABLE)
		runnable.first = e;
}

void
env_yield(struct Env *e)
{
	assert(e->env_status == ENV_RUNNING);
	set_status(e, ENV_RUNNABLE);
}

struct Env *
env_next(int cpu)
{
	struct Env *e = runnable.first;

	if (!e)
		return NULL;
	set_status(e, ENV_RUNNING);
	kenv(e)->space.cpu = cpu;
	e->env_cpunum = cpu;
	e->env_runs++;
	return e;
}

bool
env_any_runnable(void)
{
	return runnable.first != NULL;
}

void
env_let_go(struct Env *e)
{
	assert(e->env_status != ENV_RUNNING);
	kenv(e)->space.cpu = NOCPU;
	if (e->env_status != ENV_DYING)
		return;
	cpu_forget(e);
	queue_add(&dead, e);
	env_reap();
}

bool
env_reap(void)
{
	struct Env *e = dead.first;

	if (!e)
		return false;
	if (!space_free_some(&kenv(e)->space))
		return true;
	queue_remove(&dead, e);
	env_tell(kenv(e)->killer, "free env", e);
	set_status(e, ENV_FREE);
	give_slot(e);
	return true;
}

bool
env_any_dead(void)
{
	return dead.first != NULL;
}

// Let e die: from now on nobody finds it.
static void
die(struct Env *by, struct Env *e)
{
	struct Kenv *k = kenv(e);

	k->killer = by ? by->env_id : 0;
	set_status(e, ENV_DYING);
	family_leave(e);
	if (k->space.cpu == NOCPU)
		queue_add(&dead, e);
	else
		cpu_kick(k->space.cpu);
}

void
env_destroy(struct Env *by, struct Env *e)
{
	struct Env *child, *grandchild;

	if (e->env_status == ENV_DYING)
		return;
	while ((child = kenv(e)->child)) {
		family_leave(child);
		if (!(kenv(child)->hold & HOLD_STOPPED))
			continue;
		// A descendant that only the child could have started is ours to look after now.
		while ((grandchild = kenv(child)->child)) {
			family_leave(grandchild);
			family_join(grandchild, e);
		}
		die(by, child);
	}
	die(by, e);
	env_reap();
}

void
env_kill(struct Env *e)
{
	env_nkilled++;
	env_destroy(e, e);
}

unsigned
env_nactive(void)
{
	return nactive;
}

void
env_set_frame(struct Env *self, struct Env *e, const struct Trapframe *tf)
{
	struct Kenv *k = kenv(e);

	memset(&k->cputs, 0, sizeof k->cputs);
	if (e == self || k->space.cpu == NOCPU) {
		k->frame = *tf;
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
