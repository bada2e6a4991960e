// A model of messages.

#include "test/host/letters.h"

#include "inc/ipc.h"
#include "inc/string.h"
#include "test/host/world.h"

#define HOW_BITS 0xffff3fffu

enum Does { RUNS, SENDS, RECEIVES };

static struct Post {
	envid_t id; // 0: nobody is there
	enum Does does;
	bool new_frame; // no result goes to it
	uint32_t ticks; // of patience; 0: without end

	// What it sends,
	struct Env *to;
	uint32_t value, srcva, how, dstva;
	bool call;
	unsigned number; // in the order in which they began to wait

	struct Env *keeper;
	envid_t only; // receives from
	struct {
		uint32_t value, perm;
		envid_t from;
	} last; // what came
} posts[NENV];

// Those who have ended and whose keeper has not heard of it.
static struct End {
	envid_t id; // 0: none in this slot
	struct Env *keeper;
	bool waits;      // to be heard of: all memory has been given back
	unsigned number; // as of a post
} ends[NENV];

static const struct Pages *pages_of;
static struct Env *caller; // whose call is going on
static unsigned number;
unsigned letters_sent, letters_waited, letters_ends;

static struct Post *
post(struct Env *e)
{
	return &posts[e - envs];
}

void
letters_init(const struct Pages *p)
{
	memset(posts, 0, sizeof posts);
	memset(ends, 0, sizeof ends);
	pages_of = p;
	letters_sent = letters_waited = letters_ends = 0;
}

bool
letters_knows(uint32_t n)
{
	return n == SYS_ipc_try_send || n == SYS_ipc_recv || n == SYS_ipc_send ||
		n == SYS_ipc_wait || n == SYS_ipc_call || n == SYS_ipc_call_value;
}

bool
letters_wait(struct Env *e)
{
	return post(e)->does != RUNS;
}

static struct Env *
find(struct Env *self, uint32_t id)
{
	if (id == 0)
		return self;
	for (struct Env *e = envs; e < envs + NENV; e++)
		if (post(e)->id && (uint32_t) post(e)->id == id)
			return e;
	return NULL;
}

static void
begin(struct Env *e, enum Does does, uint32_t how)
{
	uint32_t ms = how >> 16;

	post(e)->does = does;
	post(e)->ticks = ms ? 1 + (ms + 9) / 10 : 0;
}

static void
finish(struct Env *e, int32_t result)
{
	if (e != caller && !post(e)->new_frame)
		CHECK_EQ((int32_t) kenv(e)->frame.tf_regs.reg_eax, result);
	post(e)->does = RUNS;
	post(e)->ticks = 0;
	post(e)->new_frame = false;
}

static bool
takes_from(struct Env *e, envid_t id)
{
	return post(e)->does == RECEIVES && (!post(e)->only || post(e)->only == id);
}

static bool
takes(struct Env *e, struct Env *from)
{
	return takes_from(e, post(from)->id);
}

void
letters_keeper(struct Env *e, struct Env *keeper)
{
	post(e)->keeper = keeper;
}

struct Env *
letters_keeper_of(struct Env *e)
{
	return post(e)->keeper;
}

static int
deliver(struct Env *from, const struct Post *p)
{
	struct Env *to = p->to;
	uint32_t perm = p->how & 0xfff;
	bool page = p->srcva < UTOP && post(to)->dstva < UTOP;

	if (p->srcva < UTOP && !pages_of->offers(from, to, p->srcva, perm))
		return -E_INVAL;
	if (page && pages_of->pass(from, to, p->srcva, perm, post(to)->dstva) < 0)
		return -E_NO_MEM;
	post(to)->last.value = p->value;
	post(to)->last.from = post(from)->id;
	post(to)->last.perm = page ? perm : 0;
	letters_sent++;
	finish(to, 0);
	return 0;
}

static void
wait_for_answer(struct Env *e)
{
	post(e)->only = post(e)->how & IPC_ONLY ? post(post(e)->to)->id : 0;
	begin(e, RECEIVES, post(e)->how);
}

// Of those who wait to send to e, from whom it takes a message, the one who came first.
static struct Env *
first_sender(struct Env *e)
{
	struct Env *first = NULL;

	for (struct Env *s = envs; s < envs + NENV; s++)
		if (post(s)->does == SENDS && post(s)->to == e && takes(e, s) &&
		    (!first || post(s)->number < post(first)->number))
			first = s;
	return first;
}

// Of those who have ended, of whom e may hear now, the one who came first.
static struct End *
first_end(struct Env *e)
{
	struct End *first = NULL;

	for (struct End *x = ends; x < ends + NENV; x++)
		if (x->id && x->waits && x->keeper == e && takes_from(e, x->id) &&
		    (!first || x->number < first->number))
			first = x;
	return first;
}

static void
hear(struct End *x)
{
	struct Post *p = post(x->keeper);

	CHECK(takes_from(x->keeper, x->id));
	p->last.value = kenvs[x - ends].why;
	p->last.from = x->id;
	p->last.perm = IPC_ENDED;
	finish(x->keeper, 0);
	x->id = 0;
	letters_ends++;
}

static void
serve(struct Env *e)
{
	struct Env *s;
	struct End *x;

	for (;;) {
		s = first_sender(e);
		x = first_end(e);
		if (x && (!s || x->number < post(s)->number)) {
			hear(x);
			return;
		}
		if (!s)
			return;
		int r = deliver(s, post(s));
		letters_waited += r == 0;
		if (r < 0 || !post(s)->call) {
			finish(s, r);
			continue;
		}
		wait_for_answer(s);
		e = s;
	}
}

static bool
bad_dstva(uint32_t va)
{
	return va < UTOP && va % PGSIZE != 0;
}

static int32_t
send(struct Env *self, uint32_t n, uint32_t id, uint32_t value, uint32_t srcva, uint32_t how,
     uint32_t dstva)
{
	struct Post *p = post(self);
	struct Env *to = find(self, id);
	const bool call = n == SYS_ipc_call || n == SYS_ipc_call_value;

	if (!to)
		return -E_BAD_ENV;
	if (n == SYS_ipc_try_send && srcva < UTOP && how > 0xfff)
		return -E_INVAL;
	if (n != SYS_ipc_try_send && (how & ~HOW_BITS || (call && bad_dstva(dstva))))
		return -E_INVAL;
	if (srcva < UTOP && !pages_of->offers(self, to, srcva, how & 0xfff))
		return -E_INVAL;

	struct Post m = {.to = to, .value = value, .srcva = srcva, .how = how};
	bool now = takes(to, self);
	if (now) {
		int r = deliver(self, &m);
		if (r < 0 || !call)
			return r;
	} else if (n == SYS_ipc_try_send || how & IPC_NOWAIT || to == self) {
		return -E_IPC_NOT_RECV;
	}
	m.id = p->id;
	m.keeper = p->keeper;
	m.last = p->last;
	m.dstva = dstva;
	m.call = call;
	m.number = number++;
	*p = m;
	if (now) {
		wait_for_answer(self);
		serve(self);
	} else {
		begin(self, SENDS, how);
	}
	return 0;
}

static int32_t
receive(struct Env *self, uint32_t from, uint32_t dstva, uint32_t how)
{
	struct Post *p = post(self);
	struct Env *only = from ? find(self, from) : NULL;

	const struct End *x = from ? &ends[ENVX(from)] : NULL;
	bool ended = from && !only && (uint32_t) x->id == from && x->keeper == self;

	if (from && !ended && (!only || only == self))
		return -E_BAD_ENV;
	if (how & ~HOW_BITS || bad_dstva(dstva))
		return -E_INVAL;
	p->only = from;
	p->dstva = dstva;
	begin(self, RECEIVES, how);
	serve(self);
	if (how & IPC_NOWAIT && p->does == RECEIVES) {
		finish(self, 0);
		return -E_TIMEOUT;
	}
	return 0;
}

int32_t
letters_call(struct Env *self, uint32_t n, const uint32_t arg[5])
{
	int32_t r;

	caller = self;
	post(self)->new_frame = false;
	if (n == SYS_ipc_recv)
		r = receive(self, 0, arg[0], 0);
	else if (n == SYS_ipc_wait)
		r = receive(self, arg[0], arg[1], arg[2]);
	else if (n == SYS_ipc_call_value)
		r = send(self, n, arg[0], arg[1], UTOP, arg[2], UTOP);
	else
		r = send(self, n, arg[0], arg[1], arg[2], arg[3], arg[4]);
	caller = NULL;
	return r;
}

void
letters_tick(void)
{
	for (struct Env *e = envs; e < envs + NENV; e++)
		if (post(e)->does != RUNS && post(e)->ticks > 0 && --post(e)->ticks == 0)
			finish(e, -E_TIMEOUT);
}

void
letters_new_frame(struct Env *e)
{
	post(e)->new_frame = post(e)->does != RUNS;
}

// e has ended.  Its keeper, if it has not ended too, will hear of it.
static void
has_ended(struct Env *e)
{
	struct Post *dead = post(e);

	if (dead->keeper)
		ends[e - envs] = (struct End){.id = dead->id, .keeper = dead->keeper};

	for (struct Env *other = envs; other < envs + NENV; other++) {
		struct Post *p = post(other);
		if (other != e &&
		    ((p->does == SENDS && p->to == e) ||
		     (p->does == RECEIVES && p->only == dead->id && other != dead->keeper)))
			finish(other, -E_BAD_ENV);
	}
	memset(dead, 0, sizeof *dead);
}

static bool
alive(struct Env *e)
{
	return e->env_status != ENV_FREE && e->env_status != ENV_DYING;
}

// Those whose keeper has ended are kept by nobody.
static void
keeps_nobody(struct Env *e)
{
	for (struct Env *other = envs; other < envs + NENV; other++) {
		if (post(other)->keeper == e)
			post(other)->keeper = NULL;
		if (ends[other - envs].keeper == e)
			ends[other - envs].id = 0;
	}
}

// Those who have ended and whose memory has been given back: they wait to be heard of, in the order
// of the kernel's queue; whom the kernel does not have any more has been heard of at once, and before
// all that wait now.
static void
check_ends(void)
{
	for (struct End *x = ends; x < ends + NENV; x++) {
		struct Env *e = &envs[x - ends];
		if (x->id && (e->env_id != x->id || e->env_status == ENV_FREE))
			hear(x);
	}
	for (struct Env *e = envs; e < envs + NENV; e++) {
		struct Link *first = kenv(e)->senders.first, *l = first;
		for (; l; l = l->next == first ? NULL : l->next) {
			struct Env *dead = queued_env(l);
			struct End *x = &ends[dead - envs];
			if (dead->env_status != ENV_DYING)
				continue;
			CHECK_EQ(x->id, dead->env_id);
			CHECK(x->keeper == e);
			if (!x->waits)
				x->number = number++;
			x->waits = true;
			CHECK(!takes_from(e, x->id));
		}
	}
}

void
letters_check(void)
{
	// First all that have ended, lest they get a result.
	bool ended[NENV];
	for (struct Env *e = envs; e < envs + NENV; e++) {
		ended[e - envs] = post(e)->id && (!alive(e) || e->env_id != post(e)->id);
		if (ended[e - envs])
			post(e)->does = RUNS;
	}
	for (struct Env *e = envs; e < envs + NENV; e++)
		if (ended[e - envs])
			keeps_nobody(e);
	for (struct Env *e = envs; e < envs + NENV; e++)
		if (ended[e - envs])
			has_ended(e);
	check_ends();
	for (struct Env *e = envs; e < envs + NENV; e++) {
		if (!alive(e) || post(e)->id == e->env_id)
			continue;
		struct Env *parent = e->env_parent_id ? find(NULL, e->env_parent_id) : NULL;
		post(e)->id = e->env_id;
		post(e)->keeper = parent ? post(parent)->keeper : NULL;
	}
	for (struct Env *e = envs; e < envs + NENV; e++) {
		struct Post *p = post(e);
		struct Kenv *k = kenv(e);
		if (!p->id)
			continue;
		CHECK(k->keeper == p->keeper);
		CHECK_EQ(e->env_ipc_recving, p->does == RECEIVES);
		CHECK_EQ(k->out.to != NULL, p->does == SENDS);
		CHECK_EQ(k->hold & (HOLD_RECV | HOLD_SEND),
			 p->does == SENDS              ? HOLD_SEND
				 : p->does == RECEIVES ? HOLD_RECV
						       : 0u);
		CHECK_EQ(e->env_ipc_value, p->last.value);
		CHECK_EQ(e->env_ipc_from, p->last.from);
		CHECK_EQ((uint32_t) e->env_ipc_perm, p->last.perm);
		CHECK_EQ(k->timer.link.next != NULL, p->does != RUNS && p->ticks > 0);
		if (p->does == SENDS)
			CHECK(k->out.to == p->to);
		if (p->does == RECEIVES)
			CHECK_EQ((uint32_t) (uintptr_t) e->env_ipc_dstva, p->dstva);
	}
}
