// Messages, and the passing of pages from one address space to another, which sys_page_map and
// a message do in the same way: what is offered is checked first, and accepted in one step.

#include "kern/ipc.h"

#include "inc/error.h"
#include "kern/env.h"
#include "kern/page.h"

int
page_offer(struct Env *from, uint32_t va, struct Env *to, uint32_t perm, struct PageGift *g)
{
	pte_t pte;

	if (!user_page(va) || !user_perm(perm))
		return -E_INVAL;
	g->page = page_lookup(&kenv(from)->space, va, &pte);
	if (!g->page)
		return -E_INVAL;
	g->perm = passed_perm(pte, from == to, perm);
	return g->perm ? 0 : -E_INVAL;
}

int
page_accept(struct Env *to, uint32_t va, const struct PageGift *g)
{
	if (!page_incref(g->page))
		return -E_NO_MEM;
	int r = page_insert(&kenv(to)->space, g->page, va, g->perm);
	if (r < 0)
		page_decref(g->page);
	return r;
}

int
ipc_try_send(struct Env *self, struct Env *to, uint32_t value, uint32_t srcva, uint32_t perm)
{
	struct PageGift gift = {0};
	uint32_t dstva = (uint32_t) (uintptr_t) to->env_ipc_dstva;
	int r;

	if (srcva < UTOP && (r = page_offer(self, srcva, to, perm, &gift)) < 0)
		return r;
	if (!to->env_ipc_recving)
		return -E_IPC_NOT_RECV;
	if (gift.page && dstva < UTOP) {
		if ((r = page_accept(to, dstva, &gift)) < 0)
			return r;
		to->env_ipc_perm = perm;
	} else {
		to->env_ipc_perm = 0;
	}
	to->env_ipc_value = value;
	to->env_ipc_from = self->env_id;
	to->env_ipc_recving = false;
	env_release(to, HOLD_RECV);
	return 0;
}

int
ipc_recv(struct Env *self, uint32_t dstva)
{
	if (dstva < UTOP && !user_page(dstva))
		return -E_INVAL;
	self->env_ipc_dstva = (void *) (uintptr_t) dstva;
	self->env_ipc_recving = true;
	env_hold(self, HOLD_RECV);
	return 0;
}
