// Messages.
//
// An env that waits to send stands in the queue of its receiver (Kenv.senders), with the message
// in Kenv.out and HOLD_SEND; one that waits for a message has env_ipc_recving and HOLD_RECV.  A
// message passes when both are there, whoever comes second, and the sender's page is looked at
// then.  An env that calls does first the one and then the other, without running in between.  Among
// those in the queue are envs that have ended, whose last message the kernel writes (kern/env.c).

#include "kern/ipc.h"

#include "inc/error.h"
#include "inc/ipc.h"
#include "kern/env.h"
#include "kern/page.h"

#define PERM_BITS 0xfffu // of Message.how
#define HOW_BITS (PERM_BITS | IPC_NOWAIT | IPC_ONLY | IPC_TIMEOUT(0xffff))

// Whether to waits for a message, and from may be its sender.
static bool
takes(struct Env *to, struct Env *from)
{
	return to->env_ipc_recving && (!kenv(to)->only || kenv(to)->only == from->env_id);
}

// Whether from may send the page at va to to with perm.
static bool
may_send(struct Env *from, struct Env *to, uint32_t va, uint32_t perm)
{
	if (!user_page(va) || !user_perm(perm))
		return false;
	pte_t *pte = walk(&kenv(from)->space, va);
	return pte && *pte && passed_perm(*pte, from == to, perm);
}

int
ipc_pass_page(struct Env *from, struct Env *to, uint32_t srcva, uint32_t how)
{
	uint32_t dstva = (uint32_t) (uintptr_t) to->env_ipc_dstva, perm = how & PERM_BITS;

	if (dstva >= UTOP)
		return may_send(from, to, srcva, perm) ? 0 : -E_INVAL;
	if (!user_page(srcva) || !user_perm(perm))
		return -E_INVAL;
	int r = page_map(&kenv(from)->space, srcva, &kenv(to)->space, dstva, perm);
	return r < 0 ? r : (int) perm;
}

// Give the message m of from to its receiver, who waits for it.
//	-E_INVAL, -E_NO_MEM	as ipc_try_send; the receiver waits on
static int
deliver(struct Env *from, const struct Message *m)
{
	struct Env *to = m->to;
	int perm = m->srcva < UTOP ? ipc_pass_page(from, to, m->srcva, m->how) : 0;

	if (perm < 0)
		return perm;
	to->env_ipc_perm = perm;
	to->env_ipc_value = m->value;
	to->env_ipc_from = from->env_id;
	to->env_ipc_recving = false;
	env_finish(to, HOLD_RECV, 0);
	return 0;
}

// e waits as long as `how' says.
static void
set_patience(struct Env *e, uint32_t how)
{
	uint32_t ms = how / IPC_TIMEOUT(1);

	if (ms > 0)
		timer_set(&kenv(e)->timer, ms);
}

// Let e wait for a message.  Its call is over when one comes, or with -E_TIMEOUT.
static void
wait_for_message(struct Env *e, envid_t only, uint32_t dstva, uint32_t how)
{
	struct Kenv *k = kenv(e);

	k->only = only;
	e->env_ipc_dstva = (void *) (uintptr_t) dstva;
	e->env_ipc_recving = true;
	env_set_result(e, 0);
	env_hold(e, HOLD_RECV);
	set_patience(e, how);
}

// The same for the answer to the message m, which e has sent.
static void
wait_for_answer(struct Env *e, const struct Message *m)
{
	envid_t only = m->how & IPC_ONLY ? m->to->env_id : 0;

	if (only)
		kenv(m->to)->awaited = true;
	wait_for_message(e, only, m->dstva, m->how);
}

// sender's message has been taken, or could not be (r).  If it calls, it waits for the answer.
// Returns whether it does.
static bool
sent(struct Env *sender, int r)
{
	struct Message m = kenv(sender)->out;

	env_withdraw(sender);
	if (r < 0 || !m.call) {
		env_finish(sender, HOLD_SEND, r);
		return false;
	}
	timer_cancel(&kenv(sender)->timer);
	wait_for_answer(sender, &m);
	env_release(sender, HOLD_SEND);
	return true;
}

// e has just begun to wait.  If somebody waits to send to it, take the first message that it may
// have; who sent that may now wait for an answer, and is served next.
static void
serve(struct Env *e)
{
	while (e) {
		struct Env *caller = NULL;
		struct Link *l = kenv(e)->senders.first, *last = l ? l->prev : NULL, *next;

		for (; l && e->env_ipc_recving; l = next) {
			struct Env *sender = queued_env(l);
			next = l == last ? NULL : l->next;
			if (!takes(e, sender))
				continue;
			if (env_is_notice(sender))
				env_take_notice(sender);
			else if (sent(sender, deliver(sender, &kenv(sender)->out)))
				caller = sender;
		}
		e = caller;
	}
}

// e's patience is over.
static void
give_up(struct Env *e)
{
	if (kenv(e)->out.to) {
		env_withdraw(e);
		env_finish(e, HOLD_SEND, -E_TIMEOUT);
	} else {
		e->env_ipc_recving = false;
		env_finish(e, HOLD_RECV, -E_TIMEOUT);
	}
}

// Wait until the receiver takes m.
static void
wait_to_send(struct Env *self, const struct Message *m)
{
	struct Kenv *k = kenv(self);

	k->out = *m;
	env_set_result(self, 0);
	env_hold(self, HOLD_SEND);
	queue_add(&kenv(m->to)->senders, &k->link);
	set_patience(self, m->how);
}

static bool
page_or_none(uint32_t va)
{
	return va >= UTOP || user_page(va);
}

int
ipc_try_send(struct Env *self, const struct Message *m)
{
	if (takes(m->to, self))
		return deliver(self, m);
	if (m->srcva < UTOP && !may_send(self, m->to, m->srcva, m->how & PERM_BITS))
		return -E_INVAL;
	return -E_IPC_NOT_RECV;
}

int
ipc_send(struct Env *self, const struct Message *m, bool *waits)
{
	int r;

	*waits = false;
	if (m->how & ~HOW_BITS || (m->call && !page_or_none(m->dstva)))
		return -E_INVAL;
	r = ipc_try_send(self, m);
	if (r == 0 && m->call) {
		// Its answer is what self waits for: it goes on here and now, unless it already does
		// somewhere else.
		if (m->to->env_status == ENV_RUNNABLE)
			env_move(m->to, kenv(self)->home);
		wait_for_answer(self, m);
		serve(self);
		*waits = true;
	} else if (r == -E_IPC_NOT_RECV && !(m->how & IPC_NOWAIT) && m->to != self) {
		wait_to_send(self, m);
		*waits = true;
	}
	return r;
}

// Let self take a message that waits for it already, or leave it as it was.
//	-E_TIMEOUT	there is none
static int
take_now(struct Env *self, envid_t only, uint32_t dstva)
{
	struct Kenv *k = kenv(self);
	void *old_dstva = self->env_ipc_dstva;
	envid_t old_only = k->only;

	k->only = only;
	self->env_ipc_dstva = (void *) (uintptr_t) dstva;
	self->env_ipc_recving = true;
	serve(self);
	if (!self->env_ipc_recving)
		return 0;
	self->env_ipc_recving = false;
	self->env_ipc_dstva = old_dstva;
	k->only = old_only;
	return -E_TIMEOUT;
}

int
ipc_recv(struct Env *self, envid_t only, uint32_t dstva, uint32_t how)
{
	if (how & ~HOW_BITS || !page_or_none(dstva))
		return -E_INVAL;
	if (how & IPC_NOWAIT)
		return take_now(self, only, dstva);
	wait_for_message(self, only, dstva, how);
	serve(self);
	return 0;
}

void
ipc_tick(void)
{
	struct Timer *t;

	timer_tick();
	while ((t = timer_over()))
		give_up(QUEUED(t, struct Kenv, timer)->env);
}
