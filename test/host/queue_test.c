// The queues of the CPUs: who is next in them, and how envs go from one to another; and the
// weights, which say how long a turn is.

#include "kern/queue.h"

#include "inc/ipc.h"
#include "kern/sched.h"
#include "test/host/world.h"

static struct Env *e[NENV];

// n envs that may run, in the queue of CPU 0 in the order of e[].
static void
waiting(int n)
{
	world();
	for (int i = 0; i < n; i++)
		e[i] = program(NULL, NOCPU);
}

// Who waits in cpu's queue, in the order in which they would run, is `want', by index.
static void
queue_is(int cpu, const char *want)
{
	struct Link *first = runqs[cpu].queue.first, *l = first;

	for (; l; l = l->next == first ? NULL : l->next) {
		CHECK(*want);
		CHECK_EQ(queued_env(l) - e[0], *want++ - '0');
	}
	CHECK_EQ(*want, '\0');
	world_check();
}

TEST(a_queue_keeps_the_order_in_which_links_came)
{
	struct Queue q = {NULL};
	struct Link a, b, c;

	queue_add(&q, &a);
	CHECK(q.first == &a && a.next == &a && a.prev == &a);
	queue_add(&q, &b);
	queue_push(&q, &c);
	CHECK(q.first == &c && c.next == &a && a.next == &b && b.next == &c);
	CHECK(c.prev == &b && b.prev == &a && a.prev == &c);
	queue_remove(&q, &a); // from the middle
	CHECK(!a.next && q.first == &c && c.next == &b && b.next == &c);
	queue_remove(&q, &c); // the first
	CHECK(q.first == &b && b.next == &b);
	queue_remove(&q, &b); // the last one
	CHECK(!q.first && !b.next);
	queue_push(&q, &c);
	CHECK(q.first == &c && c.next == &c);
}

TEST(who_yields_goes_behind_all_others)
{
	waiting(3);
	struct Env *self = sched_pick(NULL, 0);
	queue_is(0, "012"); // who runs is the first
	CHECK_EQ(call(self, yield), 0);
	queue_is(0, "120");
	CHECK(sched_pick(self, 0) == e[1]);
	queue_is(0, "120");
}

TEST(who_is_started_goes_behind_all_others)
{
	waiting(3);
	struct Env *self = sched_pick(NULL, 0);
	env_hold(e[1], HOLD_STOPPED);
	queue_is(0, "02");
	env_release(e[1], HOLD_STOPPED);
	queue_is(0, "021");
	env_release(self, HOLD_STOPPED);
	queue_is(0, "021");
}

// e[i] waits for a message.
static void
waits(int i)
{
	run_on(e[i], 1);
	CHECK_EQ(call(e[i], ipc_recv, UTOP), 0);
	let_notice(e[i]);
	kenv(e[i])->home = 0; // as if CPU 0 had run it
}

TEST(who_gets_a_message_is_the_next_to_run)
{
	waiting(4);
	waits(2);
	waits(3);
	run_on(e[0], 0);
	queue_is(0, "01");
	CHECK_EQ(call(e[0], ipc_try_send, e[2]->env_id, 1, UTOP, 0), 0);
	queue_is(0, "021");
	CHECK_EQ(call(e[0], ipc_try_send, e[3]->env_id, 1, UTOP, 0), 0);
	queue_is(0, "0321");
	env_yield(e[0]);
	queue_is(0, "3210");
}

TEST(who_gets_a_message_is_first_where_nobody_runs)
{
	waiting(3);
	waits(2);
	run_on(e[0], 1);
	queue_is(0, "1");
	CHECK_EQ(call(e[0], ipc_try_send, e[2]->env_id, 1, UTOP, 0), 0);
	queue_is(0, "21");
	CHECK(env_next(0) == e[2]);
	CHECK_EQ(kenv(e[2])->home, 0);
}

TEST(who_gets_a_message_and_is_stopped_waits_at_the_end_once_it_is_started)
{
	waiting(3);
	waits(2);
	env_hold(e[2], HOLD_STOPPED);
	run_on(e[0], 0);
	CHECK_EQ(call(e[0], ipc_try_send, e[2]->env_id, 1, UTOP, 0), 0);
	queue_is(0, "01");
	env_release(e[2], HOLD_STOPPED);
	queue_is(0, "012");
}

TEST(an_env_that_its_cpu_still_has_goes_on_there)
{
	waiting(3);
	run_on(e[2], 1);
	run_on(e[0], 0);
	fake_cpu = 0;
	env_hold(e[2], HOLD_STOPPED);
	CHECK(fake_kicked[1]);
	queue_is(1, "");
	env_release(e[2], HOLD_STOPPED);
	CHECK_EQ(e[2]->env_status, ENV_RUNNING);
	queue_is(1, "2");
	CHECK(sched_pick(e[2], 1) == e[2]);
	CHECK_EQ(e[2]->env_runs, 1);
}

TEST(an_env_that_goes_on_is_the_first_again_though_others_came)
{
	waiting(3);
	run_on(e[2], 1);
	fake_cpu = 0;
	env_hold(e[2], HOLD_STOPPED);
	env_move(e[1], 1);
	queue_is(1, "1");
	env_release(e[2], HOLD_STOPPED);
	queue_is(1, "21");
}

TEST(an_idle_cpu_takes_the_first_that_waits_where_most_do)
{
	waiting(6);
	CHECK(env_next(0) == e[0]);
	run_on(e[5], 1);
	env_move(e[4], 1);
	queue_is(0, "0123");
	queue_is(1, "54");
	CHECK(env_next(2) == e[1]);
	CHECK_EQ(kenv(e[1])->home, 2);
	CHECK_EQ(e[1]->env_cpunum, 2);
	queue_is(0, "023");
	queue_is(2, "1");
	CHECK(env_next(3) == e[2]);
	queue_is(0, "03");
	queue_is(1, "54"); // who runs is never taken
}

TEST(an_idle_cpu_takes_the_first_of_a_queue_of_which_none_runs)
{
	waiting(3);
	CHECK(env_next(3) == e[0]);
	queue_is(0, "12");
}

TEST(a_cpu_serves_its_own_queue_before_longer_ones)
{
	waiting(5);
	env_move(e[4], 2);
	CHECK(env_next(2) == e[4]);
	queue_is(0, "0123");
}

TEST(the_clock_evens_out_queues_that_differ_by_two)
{
	waiting(4);
	CHECK(env_next(0) == e[0]);
	run_on(e[3], 1);
	queue_is(0, "012");
	fake_cpu = 1;
	sched_tick(e[3], 1);
	env_let_go(e[3]);
	fake_switch(1, NULL);
	queue_is(0, "02");
	queue_is(1, "13"); // who came goes first, and e[3]'s turn is over
	waiting(3);
	CHECK(env_next(0) == e[0]);
	run_on(e[2], 1);
	fake_cpu = 1;
	env_balance(1);
	queue_is(0, "01"); // one more is none too many
	queue_is(1, "2");
	env_balance(0); // and nothing comes to where most are
	queue_is(0, "01");
	queue_is(1, "2");
}

TEST(balance_never_takes_who_runs)
{
	waiting(2);
	CHECK(env_next(0) == e[0]);
	run_on(e[1], 1);
	env_balance(2);
	queue_is(0, "0");
	queue_is(1, "1");
	queue_is(2, "");
}

TEST(a_child_begins_in_the_queue_of_its_parent_and_with_its_weight)
{
	world();
	struct Env *parent = program(NULL, 3);
	CHECK_EQ(kenv(parent)->weight, 1);
	CHECK_EQ(call(parent, env_set_weight, 0, 7), 0);
	int32_t id = call(parent, exofork);
	CHECK(id > 0);
	CHECK_EQ(kenv(&envs[ENVX(id)])->weight, 7);
	CHECK_EQ(call(parent, env_set_status, id, ENV_RUNNABLE), 0);
	CHECK_EQ(kenv(&envs[ENVX(id)])->home, 3);
	CHECK_EQ(call(parent, env_set_weight, id, 2), 0);
	CHECK_EQ(kenv(parent)->weight, 7);
	CHECK_EQ(kenv(&envs[ENVX(id)])->weight, 2);
}

TEST(a_weight_is_1_to_100_ticks_of_an_env_of_ours)
{
	const uint32_t bad[] = {0, WEIGHT_MAX + 1, 0x80000000, 0xffffffff};

	world();
	struct Env *self = program(NULL, 0), *other = program(NULL, NOCPU);
	struct Env *child = program(self, NOCPU);
	struct Env *grandchild = program(child, NOCPU);
	for (size_t i = 0; i < ARRAY_SIZE(bad); i++)
		CHECK_EQ(call(self, env_set_weight, 0, bad[i]), -E_INVAL);
	CHECK_EQ(call(self, env_set_weight, 0, WEIGHT_MAX), 0);
	CHECK_EQ(call(self, env_set_weight, 0, 1), 0);
	CHECK_EQ(call(self, env_set_weight, child->env_id, WEIGHT_MAX), 0);
	CHECK_EQ(call(self, env_set_weight, other->env_id, 1), -E_BAD_ENV);
	CHECK_EQ(call(self, env_set_weight, grandchild->env_id, 1), -E_BAD_ENV);
	CHECK_EQ(call(self, env_set_weight, 0x7ffff000, 1), -E_BAD_ENV);
	CHECK_EQ(call(self, env_set_weight, other->env_id, 0), -E_BAD_ENV);
}

TEST(a_turn_is_as_many_ticks_as_the_weight_says)
{
	unsigned got[3] = {0};

	waiting(3);
	struct Env *self = sched_pick(NULL, 0);
	kenv(e[0])->weight = 1;
	kenv(e[1])->weight = 3;
	kenv(e[2])->weight = WEIGHT_MAX;
	for (int n = 0; n < 10 * (1 + 3 + WEIGHT_MAX); n++) {
		got[self - e[0]]++;
		sched_tick(self, 0);
		self = sched_pick(self, 0);
	}
	CHECK_EQ(got[0], 10);
	CHECK_EQ(got[1], 30);
	CHECK_EQ(got[2], 10 * WEIGHT_MAX);
	CHECK_EQ(e[1]->env_runs, 10); // one turn each time
	world_check();
}

TEST(a_turn_that_was_long_enough_ends_when_the_weight_becomes_less)
{
	waiting(2);
	kenv(e[0])->weight = 10;
	struct Env *self = sched_pick(NULL, 0);
	for (int i = 0; i < 5; i++)
		sched_tick(self, 0);
	CHECK_EQ(call(self, env_set_weight, 0, 2), 0);
	sched_tick(self, 0);
	CHECK(sched_pick(self, 0) == e[1]);
}

TEST(queues_of_four_cpus_stay_even_and_lose_nobody)
{
	struct Env *on[4] = {NULL};
	unsigned most = 0;

	random_seed(21);
	world();
	for (int i = 0; i < 20; i++)
		e[i] = program(NULL, NOCPU);
	for (int n = 0; n < 4000; n++) {
		int cpu = random_below(4);
		struct Env *other = e[random_below(20)];

		fake_cpu = cpu;
		fake_kicked[cpu] = false;
		if (on[cpu] && on[cpu]->env_status == ENV_RUNNING)
			sched_tick(on[cpu], cpu);
		if (random_below(20) == 0) {
			if (kenv(other)->hold)
				env_release(other, HOLD_STOPPED);
			else
				env_hold(other, HOLD_STOPPED);
		}
		struct Env *next = sched_pick(on[cpu], cpu);
		if (next != on[cpu])
			fake_switch(cpu, next);
		on[cpu] = next;
		world_check();
	}
	for (int i = 0; i < 20; i++)
		if (kenv(e[i])->hold)
			env_release(e[i], HOLD_STOPPED);
	for (int n = 0; n < 400; n++) {
		int cpu = fake_cpu = n % 4;
		fake_kicked[cpu] = false;
		if (on[cpu] && on[cpu]->env_status == ENV_RUNNING)
			sched_tick(on[cpu], cpu);
		struct Env *next = sched_pick(on[cpu], cpu);
		if (next != on[cpu])
			fake_switch(cpu, next);
		on[cpu] = next;
		world_check();
	}
	for (int cpu = 0; cpu < 4; cpu++) {
		CHECK(runqs[cpu].waiting >= 3);
		most = MAX(most, runqs[cpu].waiting);
	}
	CHECK(most <= 5);
}
