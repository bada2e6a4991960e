// Keepers: who is told when an env has ended, how it hears of it, and what it may do.

#include "inc/ipc.h"
#include "inc/trap.h"
#include "kern/sched.h"
#include "test/host/world.h"

#define NO_PAGE UTOP

// keeper keeps its child, whose child is grandchild; other is nobody's.
static struct Env *keeper, *child, *grandchild, *other;

static void
off_cpu(struct Env *e)
{
	if (e->env_status == ENV_RUNNING)
		env_yield(e);
	let_notice(e);
}

#define RESULT(e, ...)                                                                             \
	({                                                                                         \
		run_on(e, 0);                                                                      \
		int32_t result_ = call(e, __VA_ARGS__);                                            \
		off_cpu(e);                                                                        \
		result_;                                                                           \
	})

static void
family(void)
{
	world();
	keeper = program(NULL, NOCPU);
	child = program(keeper, NOCPU);
	CHECK_EQ(RESULT(keeper, env_set_keeper, child->env_id, keeper->env_id), 0);
	CHECK(kenv(child)->keeper == keeper);
	grandchild = program(child, NOCPU);
	CHECK(kenv(grandchild)->keeper == keeper);
	other = program(NULL, NOCPU);
	fake_clear_console();
}

#define HEARD(e, id, why)                                                                          \
	do {                                                                                       \
		CHECK_EQ(e->env_ipc_from, id);                                                     \
		CHECK_EQ(e->env_ipc_value, why);                                                   \
		CHECK_EQ(e->env_ipc_perm, IPC_ENDED);                                              \
		CHECK_EQ(e->env_ipc_recving, 0);                                                   \
	} while (0)

TEST(a_keeper_hears_of_an_end_when_all_memory_is_back)
{
	family();
	envid_t id = child->env_id;
	give_page(child, VA_A, RW);
	uint32_t nfree = page_nfree();
	CHECK_EQ(RESULT(child, env_destroy, 0), 0);
	CHECK_EQ(page_nfree(), nfree + 3); // the page, its table, the directory
	CHECK_EQ(child->env_status, ENV_DYING);
	CHECK(env_is_notice(child));
	CHECK_EQ(RESULT(keeper, ipc_recv, NO_PAGE), 0);
	HEARD(keeper, id, IPC_ENDED_ITSELF);
	CHECK_EQ(child->env_status, ENV_FREE);
	// Once.
	CHECK_EQ(RESULT(keeper, ipc_wait, 0, NO_PAGE, IPC_NOWAIT), -E_TIMEOUT);
}

TEST(a_keeper_that_waits_is_woken)
{
	family();
	envid_t id = child->env_id;
	CHECK_EQ(RESULT(keeper, ipc_recv, NO_PAGE), 0);
	CHECK_EQ(keeper->env_status, ENV_NOT_RUNNABLE);
	env_destroy(other, child);
	world_check();
	HEARD(keeper, id, IPC_ENDED_BY_OTHER);
	CHECK_EQ(keeper->env_status, ENV_RUNNABLE);
	CHECK_EQ((int32_t) kenv(keeper)->frame.tf_regs.reg_eax, 0);
	CHECK_EQ(child->env_status, ENV_FREE);
}

TEST(the_cpu_that_takes_the_last_of_its_memory_runs_the_keeper_next)
{
	family();
	env_destroy(NULL, grandchild);
	env_destroy(NULL, other);
	CHECK_EQ(RESULT(keeper, ipc_recv, NO_PAGE), 0); // of the grandchild
	CHECK_EQ(RESULT(keeper, ipc_recv, NO_PAGE), 0);
	run_on(child, 0);
	enter(child, SYS_env_destroy, (const uint32_t[5]){0});
	CHECK(sched_pick(child, 0) == keeper);
	fake_switch(0, keeper);
	world_check();
	HEARD(keeper, child->env_id, IPC_ENDED_ITSELF);
}

TEST(the_last_message_says_why)
{
	family();
	run_on(child, 0);
	env_kill(child, IPC_ENDED_BY_TRAP(T_DIVIDE));
	off_cpu(child);
	CHECK_EQ(RESULT(keeper, ipc_recv, NO_PAGE), 0);
	HEARD(keeper, child->env_id, IPC_ENDED_BY_TRAP(T_DIVIDE));

	family();
	run_on(child, 0);
	enter(child, SYS_cputs, (const uint32_t[5]){KERNBASE, 4});
	off_cpu(child);
	CHECK_EQ(RESULT(keeper, ipc_recv, NO_PAGE), 0);
	HEARD(keeper, child->env_id, IPC_ENDED_BY_ADDRESS);

	family();
	CHECK_EQ(RESULT(keeper, env_destroy, child->env_id), 0);
	CHECK_EQ(RESULT(keeper, ipc_recv, NO_PAGE), 0);
	HEARD(keeper, child->env_id, IPC_ENDED_BY_OTHER);
}

TEST(ends_and_messages_are_heard_of_in_their_order)
{
	family();
	envid_t first = child->env_id, last = grandchild->env_id;
	CHECK_EQ(RESULT(child, env_destroy, 0), 0);
	CHECK_EQ(RESULT(other, ipc_send, keeper->env_id, 7, NO_PAGE, 0), 0);
	CHECK_EQ(RESULT(grandchild, env_destroy, 0), 0);
	CHECK_EQ(RESULT(keeper, ipc_recv, NO_PAGE), 0);
	HEARD(keeper, first, IPC_ENDED_ITSELF);
	CHECK_EQ(RESULT(keeper, ipc_wait, 0, NO_PAGE, IPC_NOWAIT), 0);
	CHECK_EQ(keeper->env_ipc_from, other->env_id);
	CHECK_EQ(keeper->env_ipc_perm, 0);
	CHECK_EQ(RESULT(keeper, ipc_wait, 0, VA_A, IPC_NOWAIT), 0);
	HEARD(keeper, last, IPC_ENDED_ITSELF);
	CHECK_EQ(frame_at(keeper, VA_A), 0);
}

TEST(a_closed_receive_takes_the_end_of_that_env_and_of_no_other)
{
	family();
	envid_t id = child->env_id;
	CHECK_EQ(RESULT(grandchild, env_destroy, 0), 0);
	CHECK_EQ(RESULT(keeper, ipc_wait, id, NO_PAGE, 0), 0); // while it lives
	CHECK_EQ(keeper->env_status, ENV_NOT_RUNNABLE);
	CHECK_EQ(RESULT(child, env_destroy, 0), 0);
	HEARD(keeper, id, IPC_ENDED_ITSELF);
	// When it has ended before.
	CHECK_EQ(RESULT(keeper, ipc_wait, grandchild->env_id, NO_PAGE, 0), 0);
	HEARD(keeper, grandchild->env_id, IPC_ENDED_ITSELF);
	CHECK_EQ(grandchild->env_status, ENV_FREE);
	CHECK_EQ(RESULT(keeper, ipc_wait, grandchild->env_id, NO_PAGE, 0), -E_BAD_ENV);
}

TEST(a_closed_receive_waits_for_the_memory_of_who_is_dying)
{
	family();
	run_on(child, 1);
	env_destroy(NULL, child);
	CHECK(!env_is_notice(child));
	CHECK_EQ(RESULT(keeper, ipc_wait, child->env_id, NO_PAGE, IPC_NOWAIT), -E_TIMEOUT);
	CHECK_EQ(RESULT(keeper, ipc_wait, child->env_id, NO_PAGE, 0), 0);
	CHECK_EQ(keeper->env_status, ENV_NOT_RUNNABLE);
	let_notice(child);
	HEARD(keeper, child->env_id, IPC_ENDED_BY_OTHER);
	fake_cpu = 0;
}

TEST(who_is_no_keeper_hears_nothing)
{
	family();
	CHECK_EQ(RESULT(other, ipc_wait, child->env_id, NO_PAGE, 0), 0);
	CHECK_EQ(RESULT(child, env_destroy, 0), 0);
	CHECK_EQ((int32_t) kenv(other)->frame.tf_regs.reg_eax, -E_BAD_ENV);
	CHECK_EQ(RESULT(other, ipc_wait, child->env_id, NO_PAGE, 0), -E_BAD_ENV);
	CHECK_EQ(RESULT(grandchild, ipc_wait, child->env_id, NO_PAGE, 0), -E_BAD_ENV);
}

TEST(an_answer_that_never_comes_is_the_last_message)
{
	family();
	CHECK_EQ(RESULT(child, ipc_recv, NO_PAGE), 0);
	CHECK_EQ(RESULT(keeper, ipc_call_value, child->env_id, 1, IPC_ONLY), 0);
	CHECK_EQ(RESULT(child, env_destroy, 0), 0);
	HEARD(keeper, child->env_id, IPC_ENDED_ITSELF);
}

TEST(an_env_that_has_ended_is_there_for_nobody)
{
	family();
	CHECK_EQ(RESULT(child, env_destroy, 0), 0);
	CHECK(env_is_notice(child));
	CHECK_EQ(RESULT(keeper, env_destroy, child->env_id), -E_BAD_ENV);
	CHECK_EQ(RESULT(keeper, page_alloc, child->env_id, VA_A, RW), -E_BAD_ENV);
	CHECK_EQ(RESULT(keeper, ipc_try_send, child->env_id, 1, NO_PAGE, 0), -E_BAD_ENV);
	CHECK_EQ(RESULT(keeper, env_set_keeper, child->env_id, 0), -E_BAD_ENV);
	env_destroy(NULL, child); // once more is nothing
	world_check();
	CHECK(env_is_notice(child));
}

TEST(notices_are_no_activity_and_hold_slots)
{
	struct Env *e[NENV], *again;
	int n = 0;

	world();
	keeper = program(NULL, NOCPU);
	for (n = 0; n < 20; n++) {
		e[n] = program(keeper, NOCPU);
		env_set_keeper(e[n], keeper);
	}
	uint32_t nfree = page_nfree();
	CHECK_EQ(RESULT(keeper, ipc_wait, e[0]->env_id, NO_PAGE, 0), 0);
	for (int i = 1; i < n; i++)
		env_destroy(NULL, e[i]);
	reap_all();
	CHECK_EQ(page_nfree(), nfree + n - 1);
	CHECK_EQ(env_nactive, 1); // the first of them
	CHECK_EQ(env_alloc(&again, NULL), 0);
	CHECK_EQ(again - envs, n + 1);
	env_destroy(NULL, e[0]);
	HEARD(keeper, e[0]->env_id, IPC_ENDED_BY_OTHER);
	for (int i = 1; i < n; i++) {
		CHECK_EQ(RESULT(keeper, ipc_recv, NO_PAGE), 0);
		HEARD(keeper, e[i]->env_id, IPC_ENDED_BY_OTHER);
		CHECK_EQ(e[i]->env_status, ENV_FREE);
	}
	CHECK_EQ(env_nactive, 1); // the keeper
}

TEST(a_keeper_may_do_what_a_parent_may)
{
	family();
	envid_t id = grandchild->env_id;
	CHECK_EQ(RESULT(keeper, env_set_status, id, ENV_NOT_RUNNABLE), 0);
	CHECK_EQ(RESULT(keeper, page_alloc, id, VA_A, RW), 0);
	CHECK_EQ(RESULT(keeper, env_set_weight, id, 3), 0);
	CHECK_EQ(RESULT(keeper, env_set_status, id, ENV_RUNNABLE), 0);
	CHECK_EQ(RESULT(child, env_set_weight, id, 4), 0); // the parent still may, too
	CHECK_EQ(RESULT(other, env_set_weight, id, 5), -E_BAD_ENV);
	CHECK_EQ(RESULT(keeper, env_destroy, id), 0);
}

TEST(nobody_escapes_from_its_keeper)
{
	family();
	envid_t id = child->env_id, far = grandchild->env_id;
	CHECK_EQ(RESULT(child, env_set_keeper, 0, 0), -E_BAD_ENV);
	CHECK_EQ(RESULT(child, env_set_keeper, 0, id), -E_BAD_ENV);
	CHECK_EQ(RESULT(child, env_set_keeper, far, 0), -E_BAD_ENV);
	CHECK_EQ(RESULT(child, env_set_keeper, far, id), -E_BAD_ENV);
	CHECK_EQ(RESULT(child, env_set_keeper, far, keeper->env_id), -E_BAD_ENV);
	CHECK_EQ(RESULT(other, env_set_keeper, id, other->env_id), -E_BAD_ENV);
	CHECK_EQ(RESULT(grandchild, env_set_keeper, id, far), -E_BAD_ENV);
	// Also when its parent has gone.
	env_destroy(NULL, child);
	CHECK(kenv(grandchild)->keeper == keeper);
	CHECK_EQ(RESULT(grandchild, env_set_keeper, 0, 0), -E_BAD_ENV);
	struct Env *more = program(grandchild, NOCPU);
	CHECK(kenv(more)->keeper == keeper);
}

TEST(a_keeper_is_the_caller_or_its_own_keeper_or_nobody)
{
	family();
	envid_t id = child->env_id, far = grandchild->env_id;
	CHECK_EQ(RESULT(keeper, env_set_keeper, id, id), -E_BAD_ENV);
	CHECK_EQ(RESULT(keeper, env_set_keeper, id, far), -E_BAD_ENV);
	CHECK_EQ(RESULT(keeper, env_set_keeper, id, other->env_id), -E_BAD_ENV);
	CHECK_EQ(RESULT(keeper, env_set_keeper, id, -1), -E_BAD_ENV);
	CHECK_EQ(RESULT(keeper, env_set_keeper, 0x7ffff000, 0), -E_BAD_ENV);
	CHECK_EQ(RESULT(keeper, env_set_keeper, 0, keeper->env_id), -E_BAD_ENV);
	CHECK_EQ(RESULT(keeper, env_set_keeper, 0, 0), 0);
	// Handed on: the grandchild is let go, kept by the child, and given to the child's keeper.
	CHECK_EQ(RESULT(keeper, env_set_keeper, far, 0), 0);
	CHECK(!kenv(grandchild)->keeper);
	CHECK_EQ(RESULT(child, env_set_keeper, far, id), 0);
	CHECK(kenv(grandchild)->keeper == child);
	CHECK_EQ(RESULT(keeper, env_set_keeper, far, 0), -E_BAD_ENV);
	CHECK_EQ(RESULT(child, env_set_keeper, far, keeper->env_id), 0);
	CHECK(kenv(grandchild)->keeper == keeper);
}

TEST(those_whose_keeper_ends_live_on)
{
	family();
	uint32_t nfree = page_nfree();
	CHECK_EQ(RESULT(child, env_destroy, 0), 0);
	CHECK(env_is_notice(child));
	env_destroy(NULL, keeper);
	world_check();
	CHECK_EQ(child->env_status, ENV_FREE); // nobody is there to hear of it
	CHECK_EQ(grandchild->env_status, ENV_RUNNABLE);
	CHECK(!kenv(grandchild)->keeper);
	CHECK_EQ(RESULT(grandchild, env_destroy, 0), 0);
	CHECK_EQ(grandchild->env_status, ENV_FREE);
	CHECK_EQ(page_nfree(), nfree + 3);
}

TEST(a_dying_env_whose_keeper_ends_is_no_notice)
{
	family();
	run_on(child, 1);
	env_destroy(NULL, child);
	env_destroy(NULL, keeper);
	world_check();
	let_notice(child);
	CHECK_EQ(child->env_status, ENV_FREE);
	fake_cpu = 0;
}

TEST(who_is_stopped_lives_as_long_as_parent_or_keeper_can_start_it)
{
	family();
	run_on(grandchild, 0);
	off_cpu(grandchild);
	env_hold(grandchild, HOLD_STOPPED);
	env_destroy(NULL, child);
	world_check();
	CHECK_EQ(grandchild->env_status, ENV_NOT_RUNNABLE);
	CHECK_EQ(RESULT(keeper, env_set_status, grandchild->env_id, ENV_RUNNABLE), 0);
	CHECK_EQ(RESULT(grandchild, env_set_status, 0, ENV_NOT_RUNNABLE), 0);
	CHECK_EQ(grandchild->env_status, ENV_NOT_RUNNABLE); // the keeper could start it
	env_destroy(NULL, keeper);
	world_check();
	CHECK_EQ(grandchild->env_status, ENV_FREE);
}

TEST(who_is_stopped_ends_when_its_keeper_does_not_want_it_any_more)
{
	family();
	run_on(grandchild, 0);
	off_cpu(grandchild);
	env_hold(grandchild, HOLD_STOPPED);
	const uint32_t far = grandchild->env_id;
	CHECK_EQ(RESULT(keeper, env_set_keeper, far, 0), 0);
	CHECK_EQ(grandchild->env_status, ENV_NOT_RUNNABLE); // its parent could start it
	CHECK_EQ(RESULT(child, env_set_keeper, far, keeper->env_id), 0);
	env_destroy(NULL, child);
	world_check();
	CHECK_EQ(grandchild->env_status, ENV_NOT_RUNNABLE); // its keeper could
	CHECK_EQ(RESULT(keeper, env_set_keeper, far, 0), 0);
	CHECK_EQ(grandchild->env_status, ENV_FREE);
	CHECK_EQ(RESULT(keeper, ipc_recv, NO_PAGE), 0);
	HEARD(keeper, child->env_id, IPC_ENDED_BY_OTHER);
	CHECK_EQ(RESULT(keeper, ipc_wait, 0, NO_PAGE, IPC_NOWAIT), -E_TIMEOUT); // of child alone
}

TEST(a_child_that_has_never_run_goes_with_its_parent)
{
	family();
	env_hold(grandchild, HOLD_STOPPED);
	env_destroy(NULL, child);
	reap_all();
	CHECK(env_is_notice(grandchild)); // of whom the keeper hears, all the same
	CHECK_EQ(RESULT(keeper, ipc_recv, NO_PAGE), 0);
	CHECK_EQ(RESULT(keeper, ipc_recv, NO_PAGE), 0);
	HEARD(keeper, child->env_id == keeper->env_ipc_from ? child->env_id : grandchild->env_id,
	      IPC_ENDED_BY_OTHER);
}

TEST(a_keeper_that_goes_with_its_parent_keeps_nobody)
{
	family();
	struct Env *kept = program(child, NOCPU);
	env_set_keeper(kept, child);
	struct Env *far = program(kept, NOCPU); // kept by the child, too
	env_set_keeper(child, NULL);
	env_hold(child, HOLD_STOPPED);
	env_hold(kept, HOLD_STOPPED);
	env_hold(far, HOLD_STOPPED);
	env_destroy(NULL, keeper);
	reap_all();
	CHECK_EQ(child->env_status, ENV_FREE);
	CHECK_EQ(kept->env_status, ENV_FREE);
	CHECK_EQ(far->env_status, ENV_FREE);
	CHECK_EQ(grandchild->env_status, ENV_RUNNABLE);
}

TEST(a_message_of_a_living_env_never_looks_like_an_end)
{
	family();
	give_page(child, VA_A, RW);
	CHECK_EQ(RESULT(keeper, ipc_recv, VA_C), 0);
	const uint32_t how[] = {IPC_ENDED, IPC_ENDED | RO, IPC_ENDED | RW};
	for (size_t i = 0; i < ARRAY_SIZE(how); i++) {
		CHECK_EQ(RESULT(child, ipc_send, keeper->env_id, 0, VA_A, how[i]), -E_INVAL);
		CHECK_EQ(RESULT(child, ipc_try_send, keeper->env_id, 0, VA_A, how[i]), -E_INVAL);
		CHECK_EQ(RESULT(child, ipc_call_value, keeper->env_id, 0, how[i]), -E_INVAL);
	}
	CHECK_EQ(RESULT(child, ipc_try_send, keeper->env_id, 0, NO_PAGE, IPC_ENDED), 0);
	CHECK_EQ(keeper->env_ipc_perm, 0);
}
