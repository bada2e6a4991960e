// The invariants themselves: check_all() notices when one is broken.

#include "inc/string.h"
#include "test/host/world.h"

static struct Env *run, *wait; // one runs on CPU 0, one is in the queue
static struct Kenv *k;
static pte_t *pte; // of run's writable page

static void
sound(void)
{
	world();
	run = program(NULL, 0);
	wait = program(run, NOCPU);
	give_page(run, VA_A, RW);
	k = kenv(run);
	uint32_t table = PTE_ADDR(k->space.pgdir[PDX(VA_A)]) >> PGSHIFT;
	pte = (pte_t *) fake_frame(table) + PTX(VA_A);
	world_check();
}

static void
check(void *unused)
{
	(void) unused;
	world_check();
}

#define BROKEN_BY(change)                                                                          \
	do {                                                                                       \
		sound();                                                                           \
		change;                                                                            \
		if (!test_panics(check, NULL))                                                     \
			test_fail(__FILE__, __LINE__, "not noticed: %s", #change);                 \
	} while (0)

TEST(wrong_counts_of_references_are_noticed)
{
	BROKEN_BY(pages[frame_at(run, VA_A)].pp_ref++);
	BROKEN_BY(pages[frame_at(run, VA_A)].pp_ref--);
	BROKEN_BY(page_alloc(PAGE_USER));          // a frame that nobody has
	BROKEN_BY(pages[page_limit()].pp_ref = 1); // and one that was never given
	BROKEN_BY(*page_note(&pages[PTE_ADDR(k->space.pgdir[PDX(VA_A)]) >> PGSHIFT]) = 0);
	BROKEN_BY(*page_note(&pages[frame_of(k->space.pgdir)]) = 0);
	BROKEN_BY(*page_note(&pages[frame_of(k->space.pgdir)]) |= 2);
	BROKEN_BY(k->space.tables[PDX(VA_A) / 32] = 0);
	BROKEN_BY(k->space.tables[PDX(VA_A) / 32] |= 1);
	BROKEN_BY(pte[1] = pte[0]);
	BROKEN_BY(pte[0] = 0);
}

TEST(entries_that_no_program_may_have_are_noticed)
{
	BROKEN_BY(pte[0] &= ~PTE_U);
	BROKEN_BY(pte[0] &= ~PTE_GIVENW);
	BROKEN_BY(pte[0] |= PTE_G);
	BROKEN_BY(pte[0] |= PTE_PCD);
	BROKEN_BY(pte[0] |= PTE_PWT);
	BROKEN_BY(pte[0] = npages << PGSHIFT | RO);
	BROKEN_BY(pte[1] = PTE_W);
	BROKEN_BY(k->space.pgdir[PDX(UVPT)] |= PTE_W);
	BROKEN_BY(k->space.pgdir[PDX(UVPT)] += PGSIZE);
	BROKEN_BY(k->space.pgdir[PDX(UTOP)] = 0);
	BROKEN_BY(k->space.pgdir[NPDENTRIES - 1] |= PTE_U);
}

TEST(states_that_contradict_each_other_are_noticed)
{
	BROKEN_BY(run->env_status = ENV_RUNNABLE);
	BROKEN_BY(run->env_status = ENV_DYING; k->space.cpu = NOCPU);
	BROKEN_BY(run->env_status = ENV_NOT_RUNNABLE);
	BROKEN_BY(run->env_status = ENV_FREE);
	BROKEN_BY(wait->env_status = ENV_RUNNING);
	BROKEN_BY(wait->env_status = ENV_NOT_RUNNABLE);
	BROKEN_BY(k->space.cpu = NOCPU);
	BROKEN_BY(k->hold = HOLD_STOPPED);
	BROKEN_BY(k->hold = HOLD_RECV; run->env_ipc_recving = 1);
	BROKEN_BY(run->env_ipc_recving = 1);
	BROKEN_BY(k->link.next = k->link.prev = NULL);
	BROKEN_BY(k->home = 1);
	BROKEN_BY(runqs[0].waiting++);
	BROKEN_BY(env_nwaiting++);
	BROKEN_BY(kenv(wait)->link.next = NULL);
	BROKEN_BY(run->env_id = 0);
	BROKEN_BY(run->env_id++);
	BROKEN_BY(run->env_id = INT32_MIN);
	BROKEN_BY(run->env_parent_id = 5; kenv(wait)->parent = wait);
	BROKEN_BY(k->child = NULL; kenv(wait)->younger = run);
	BROKEN_BY(kenv(wait)->older = run);
	BROKEN_BY(kenv(wait)->parent = NULL);
}

TEST(registers_with_privilege_are_noticed)
{
	BROKEN_BY(kenv(wait)->frame.tf_cs = GD_KT);
	BROKEN_BY(kenv(wait)->frame.tf_ss = GD_KD);
	BROKEN_BY(kenv(wait)->frame.tf_eflags &= ~FL_IF);
	BROKEN_BY(kenv(wait)->frame.tf_eflags |= FL_IOPL_3);
	BROKEN_BY(kenv(wait)->frame.tf_eflags |= FL_VM);
}

TEST(a_machine_that_was_not_told_is_noticed)
{
	BROKEN_BY(fake_touch(run, VA_A); pte[0] &= ~PTE_W);
	BROKEN_BY(k->has_next_frame = true; fake_cpu = 1);
}
