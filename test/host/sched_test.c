// Scheduling: round robin, and what ends a turn.

#include "kern/sched.h"

#include "inc/string.h"
#include "test/host/world.h"

TEST(with_nothing_to_run_nobody_is_picked)
{
	world();
	CHECK(!sched_pick(NULL, 0));
	CHECK_EQ(fake_wakes, 0);
}

TEST(envs_take_turns_in_the_order_in_which_they_came)
{
	struct Env *e[3], *self = NULL;

	world();
	for (int i = 0; i < 3; i++)
		e[i] = program(NULL, NOCPU);
	for (int i = 0; i < 30; i++) {
		self = sched_pick(self, 0);
		CHECK(self == e[i % 3]);
		CHECK_EQ(self->env_status, ENV_RUNNING);
		world_check();
		CHECK_EQ(call(self, yield), 0);
		CHECK_EQ(self->env_status, ENV_RUNNABLE);
	}
	for (int i = 0; i < 3; i++)
		CHECK_EQ(e[i]->env_runs, 10);
}

TEST(an_env_goes_on_until_its_time_is_up)
{
	world();
	struct Env *a = program(NULL, NOCPU), *b = program(NULL, NOCPU);
	CHECK(sched_pick(NULL, 0) == a);
	CHECK(sched_pick(a, 0) == a);
	CHECK_EQ(a->env_runs, 1);
	sched_tick(a, 0);
	CHECK_EQ(a->env_status, ENV_RUNNABLE);
	CHECK(sched_pick(a, 0) == b);
	sched_tick(b, 0);
	CHECK(sched_pick(b, 0) == a);
	world_check();
}

TEST(an_env_alone_goes_on_after_its_time_is_up)
{
	world();
	struct Env *a = program(NULL, 0);
	sched_tick(a, 0);
	CHECK(sched_pick(a, 0) == a);
	CHECK_EQ(a->env_status, ENV_RUNNING);
	CHECK_EQ(kenv(a)->space.cpu, 0);
	world_check();
}

TEST(a_tick_does_not_wake_an_env_that_was_stopped)
{
	world();
	struct Env *a = program(NULL, 0);
	env_hold(a, HOLD_STOPPED);
	sched_tick(a, 0);
	CHECK_EQ(a->env_status, ENV_NOT_RUNNABLE);
	CHECK(!sched_pick(a, 0));
	CHECK_EQ(kenv(a)->space.cpu, NOCPU);
	world_check();
}

TEST(a_dying_env_ends_when_its_cpu_picks_another)
{
	world();
	struct Env *a = program(NULL, 0), *b = program(NULL, NOCPU);
	env_destroy(NULL, a);
	CHECK_EQ(a->env_status, ENV_DYING);
	sched_tick(a, 0);
	CHECK_EQ(a->env_status, ENV_DYING);
	CHECK(sched_pick(a, 0) == b);
	CHECK_EQ(a->env_status, ENV_FREE);
	world_check();
}

TEST(no_env_runs_on_two_cpus)
{
	world();
	struct Env *a = program(NULL, NOCPU), *b = program(NULL, NOCPU);
	CHECK(sched_pick(NULL, 0) == a);
	CHECK(sched_pick(NULL, 1) == b);
	CHECK(!sched_pick(NULL, 2));
	CHECK_EQ(kenv(a)->space.cpu, 0);
	CHECK_EQ(kenv(b)->space.cpu, 1);
	CHECK_EQ(b->env_cpunum, 1);
	env_release(a, HOLD_STOPPED); // as sys_env_set_status(a, ENV_RUNNABLE)
	CHECK(!sched_pick(NULL, 2));
	world_check();
}

TEST(an_env_moves_to_the_cpu_that_is_free)
{
	world();
	struct Env *a = program(NULL, 0);
	sched_tick(a, 0);
	env_let_go(a);
	CHECK(sched_pick(NULL, 3) == a);
	CHECK_EQ(kenv(a)->space.cpu, 3);
	CHECK_EQ(a->env_cpunum, 3);
	world_check();
}

TEST(an_idle_cpu_is_woken_when_more_waits_than_was_taken)
{
	world();
	program(NULL, NOCPU);
	struct Env *b = program(NULL, NOCPU);
	struct Env *self = sched_pick(NULL, 0);
	CHECK_EQ(fake_wakes, 1);
	CHECK(sched_pick(NULL, 1) == b);
	CHECK_EQ(fake_wakes, 1);
	sched_pick(self, 0);
	CHECK_EQ(fake_wakes, 1);
}

TEST(a_full_table_of_envs_is_served_evenly)
{
	struct Env *self[2] = {NULL, NULL};

	fake_start(2 * NENV, 0);
	for (int i = 0; i < NENV; i++)
		program(NULL, NOCPU);
	// Until the queues are equally long, some have had more.
	for (int i = 0; i < 104 * NENV; i++) {
		if (i == 4 * NENV)
			for (int e = 0; e < NENV; e++)
				envs[e].env_runs = 0;
		if (self[i % 2])
			sched_tick(self[i % 2], i % 2);
		self[i % 2] = sched_pick(self[i % 2], i % 2);
		CHECK(self[i % 2]);
	}
	for (int i = 0; i < NENV; i++)
		CHECK_EQ(envs[i].env_runs, 100);
	world_check();
}
