// The invariants of the core, as code.  Run after every step of the host tests, and by kernels
// built with CHECK=1.

#include "kern/check.h"

#include "inc/assert.h"
#include "inc/string.h"
#include "kern/env.h"
#include "kern/page.h"

// Count the references that one address space holds, and check its shape on the way.  Returns how
// many entries there were to look at.
static unsigned
count_space(struct Env *e, uint32_t *refs)
{
	struct Space *sp = &kenv(e)->space;
	uint32_t self = frame_of(sp->pgdir), tables = 0;
	const uint32_t hardware = PTE_A | PTE_D; // what the CPU writes by itself
	const uint32_t limit = page_limit();

	refs[self]++;
	for (uint32_t i = 0; i < NPDENTRIES; i++) {
		pde_t pde = sp->pgdir[i];

		if (i == PDX(UVPT)) {
			assert(pde & PTE_P && !(pde & PTE_W));
			assert(PTE_ADDR(pde) >> PGSHIFT == self);
			continue;
		}
		if (i >= PDX(UTOP)) {
			assert((pde & ~hardware) == (kern_pgdir[i] & ~hardware));
			continue;
		}
		assert((sp->tables[i / GROUP] >> i % GROUP & 1) == (pde & PTE_P));
		if (!(pde & PTE_P))
			continue;

		uint32_t table = PTE_ADDR(pde) >> PGSHIFT;
		const pte_t *pte = frame_ptr(table);
		const uint32_t groups = *page_note(&pages[table]);

		refs[table]++;
		tables++;
		for (int j = 0; j < NPTENTRIES; j++) {
			uint32_t entry = pte[j], frame = PTE_ADDR(entry) >> PGSHIFT;

			if (entry == 0)
				continue;
			assert((entry & (PTE_P | PTE_U | PTE_G | PTE_PCD | PTE_PWT)) ==
			       (PTE_P | PTE_U));
			assert(!(entry & PTE_W) || (entry & PTE_GIVENW));
			assert(frame < limit);
			refs[frame]++;
			assert(groups >> j / GROUP & 1);
		}
	}
	for (uint32_t word = 0; word < 32; word++)
		assert((*page_note(&pages[self]) >> word & 1) ==
		       (word < ARRAY_SIZE(sp->tables) && sp->tables[word] != 0));
	return (tables + 1) * NPTENTRIES;
}

static void
check_env(struct Env *e)
{
	struct Kenv *k = kenv(e);

	if (e->env_status == ENV_FREE) {
		assert(!k->space.pgdir && !k->link.next && !k->kept_link.next && !k->kept.first);
		return;
	}
	assert(!k->space.pgdir == env_is_notice(e));
	assert((k->keeper != NULL) == (k->kept_link.next != NULL));
	assert(e->env_keeper == (k->keeper ? k->keeper->env_id : 0));
	assert(!env_is_notice(e) || k->out.to == k->keeper);
	assert(e->env_id > 0 && &envs[ENVX(e->env_id)] == e);
	assert(k->env == e && k->id == e->env_id);
	assert((uintptr_t) e->env_pgfault_upcall == k->upcall);
	assert((e->env_status == ENV_RUNNABLE || e->env_status == ENV_RUNNING || k->out.to ||
		(e->env_status == ENV_DYING && k->space.cpu == NOCPU)) == (k->link.next != NULL));
	assert(!k->parent || e->env_parent_id == k->parent->env_id);
	assert(!k->younger || kenv(k->younger)->older == e);
	assert(!k->older || kenv(k->older)->younger == e);
	assert(!k->child || kenv(k->child)->parent == e);
	assert(e->env_status != ENV_RUNNING || k->space.cpu != NOCPU);
	if (e->env_status != ENV_DYING) {
		assert((e->env_status == ENV_NOT_RUNNABLE) == (k->hold != 0));
		assert(!!(k->hold & HOLD_RECV) == !!e->env_ipc_recving);
		assert(!!(k->hold & HOLD_SEND) == (k->out.to != NULL));
		assert(!k->timer.link.next || k->hold & (HOLD_RECV | HOLD_SEND));
	}
	// While a CPU has the env, it may write there at any moment.
	if (k->space.cpu != NOCPU)
		return;
	assert(k->frame.tf_cs == (GD_UT | 3) && k->frame.tf_ss == (GD_UD | 3));
	assert(k->frame.tf_eflags & FL_IF);
	assert(!(k->frame.tf_eflags & (FL_IOPL_MASK | FL_VM)));
}

// The queues of the CPUs, and those of senders: who is in them belongs there.
static void
check_queues(void)
{
	for (int cpu = 0; cpu < NCPU; cpu++) {
		struct Link *first = runqs[cpu].queue.first, *l = first;
		unsigned waiting = 0;

		for (; l; l = l->next == first ? NULL : l->next) {
			struct Env *e = queued_env(l);
			assert(l->next->prev == l && kenv(e)->home == cpu);
			if (e->env_status == ENV_RUNNING)
				assert(l == first && kenv(e)->space.cpu == cpu);
			else
				assert(e->env_status == ENV_RUNNABLE);
			waiting += e->env_status == ENV_RUNNABLE;
		}
		assert(waiting == runqs[cpu].waiting);
	}
	for (struct Env *e = envs; e < envs + NENV; e++) {
		struct Link *first = kenv(e)->senders.first, *l = first;

		assert(!l || (e->env_status != ENV_FREE && e->env_status != ENV_DYING));
		for (; l; l = l->next == first ? NULL : l->next) {
			assert(l->next->prev == l && kenv(queued_env(l))->out.to == e);
			// Who has ended is not kept waiting.
			assert(!env_is_notice(queued_env(l)) || !e->env_ipc_recving ||
			       (kenv(e)->only && kenv(e)->only != queued_env(l)->env_id));
		}
		first = l = kenv(e)->kept.first;
		assert(!l || (e->env_status != ENV_FREE && e->env_status != ENV_DYING));
		for (; l; l = l->next == first ? NULL : l->next)
			assert(l->next->prev == l &&
			       QUEUED(l, struct Kenv, kept_link)->keeper == e);
	}
}

unsigned
check_all(uint32_t *refs)
{
	unsigned active = 0, runnable = 0, work = page_limit();

	memset(refs, 0, page_limit() * sizeof *refs);
	for (struct Env *e = envs; e < envs + NENV; e++) {
		check_env(e);
		if (kenv(e)->space.pgdir) {
			work += count_space(e, refs);
		}
		active += e->env_status == ENV_RUNNABLE || e->env_status == ENV_RUNNING ||
			(e->env_status == ENV_DYING && !env_is_notice(e));
		runnable += e->env_status == ENV_RUNNABLE;
	}
	for (uint32_t i = 0; page_kept(i); i++)
		refs[page_number(page_kept(i))]++;
	check_queues();
	assert(active == env_nactive);
	assert(runnable == env_nwaiting);
	for (uint32_t i = 0, limit = page_limit(); i < limit; i++)
		assert(pages[i].pp_ref == refs[i]);
	return work;
}
