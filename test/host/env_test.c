// The env table: ids, the doors of the state machine, and the run queue.

#include "inc/ipc.h"
#include "inc/string.h"
#include "inc/trap.h"
#include "kern/cpu.h"
#include "kern/sched.h"
#include "test/host/world.h"

TEST(the_first_lives_have_the_ids_that_programs_know)
{
	struct Env *e;

	fake_start(2 * NENV, 0);
	for (int i = 0; i < NENV; i++) {
		CHECK_EQ(env_alloc(&e, NULL), 0);
		CHECK(e == &envs[i]);
		CHECK_EQ(e->env_id, 0x1000 + i);
		world_check();
	}
	CHECK_EQ(env_alloc(&e, NULL), -E_NO_FREE_ENV);
}

TEST(the_lowest_free_slot_is_taken_and_each_life_adds_0x1000)
{
	struct Env *e[40];

	world();
	for (int i = 0; i < 40; i++)
		CHECK_EQ(env_alloc(&e[i], NULL), 0);
	env_destroy(NULL, e[35]);
	env_destroy(NULL, e[3]);
	env_destroy(NULL, e[33]);
	struct Env *again;
	CHECK_EQ(env_alloc(&again, NULL), 0);
	CHECK_EQ(again->env_id, 0x2003);
	CHECK_EQ(env_alloc(&again, NULL), 0);
	CHECK_EQ(again->env_id, 0x2021);
	env_destroy(NULL, again);
	CHECK_EQ(env_alloc(&again, NULL), 0);
	CHECK_EQ(again->env_id, 0x3021);
	CHECK_EQ(env_alloc(&again, NULL), 0);
	CHECK_EQ(again->env_id, 0x2023);
	CHECK_EQ(env_alloc(&again, NULL), 0);
	CHECK_EQ(again->env_id, 0x1028);
	world_check();
}

TEST(ids_stay_positive_and_none_comes_twice_in_600000_lives)
{
	struct Env *e;
	envid_t want = 0x1000;

	world();
	for (int i = 0; i < 600000; i++) {
		CHECK_EQ(env_alloc(&e, NULL), 0);
		CHECK(e->env_id > 0);
		CHECK_EQ(e->env_id, want);
		env_destroy(NULL, e);
		if (want == 0x7ffff000)
			want = 0x1001; // the slot has had all its lives
		else
			want += 0x1000;
	}
	CHECK_EQ(ENVX(want), 1);
	world_check();
}

TEST(a_new_env_is_stopped_and_empty_and_has_nothing_of_the_last_one)
{
	world();
	struct Env *parent = program(NULL, NOCPU);
	struct Env *e = program(parent, 1);
	env_set_upcall(e, 4);
	e->env_ipc_value = 5;
	e->env_ipc_from = 6;
	e->env_ipc_perm = 7;
	e->env_ipc_dstva = (void *) 8;
	e->env_type = ENV_TYPE_FS;
	kenv(e)->frame.tf_eip = 9;
	kenv(e)->cputs.va = 10;
	kenv(e)->has_next_frame = true;
	kenv(e)->fs = kenv(e)->gs = 11;
	memset(&kenv(e)->fpu, 12, sizeof kenv(e)->fpu);
	give_page(e, VA_A, RW);
	env_destroy(NULL, e);
	let_notice(e);

	struct Env *again;
	CHECK_EQ(env_alloc(&again, parent), 0);
	CHECK(again == e);
	CHECK_EQ(e->env_status, ENV_NOT_RUNNABLE);
	CHECK_EQ(kenv(e)->hold, HOLD_STOPPED);
	CHECK_EQ(e->env_parent_id, parent->env_id);
	CHECK_EQ(e->env_type, ENV_TYPE_USER);
	CHECK_EQ(e->env_runs, 0);
	CHECK(!e->env_pgfault_upcall && !e->env_ipc_recving && !e->env_ipc_dstva);
	CHECK(!e->env_ipc_value && !e->env_ipc_from && !e->env_ipc_perm);
	CHECK(!e->env_link && !e->env_pgdir);
	CHECK_EQ(frame_at(e, VA_A), 0);
	CHECK_EQ(kenv(e)->frame.tf_eip, 0);
	CHECK_EQ(kenv(e)->frame.tf_cs, GD_UT | 3);
	CHECK_EQ(kenv(e)->cputs.va, 0);
	CHECK(!kenv(e)->has_next_frame);
	CHECK_EQ(kenv(e)->fs, 0);
	CHECK_EQ(kenv(e)->gs, 0);
	CHECK_EQ(kenv(e)->space.cpu, NOCPU);
	world_check();
	CHECK_EQ(env_alloc(&again, NULL), 0); // who has a parent inherits its FPU state
	CHECK_EQ(kenv(again)->fpu.bytes[511], 0xee);
}

TEST(a_published_frame_is_one_to_start_from_and_shows_no_registers)
{
	world();
	struct Env *e = program(NULL, 0);
	kenv(e)->frame.tf_regs.reg_ebx = 0x5ec2e7;
	CHECK_EQ(call(e, getenvid), e->env_id);
	CHECK_EQ(e->env_tf.tf_cs, GD_UT | 3);
	CHECK_EQ(e->env_tf.tf_ss, GD_UD | 3);
	CHECK_EQ(e->env_tf.tf_eflags, FL_IF | 2);
	CHECK_EQ(e->env_tf.tf_regs.reg_ebx, 0);
	CHECK_EQ(e->env_tf.tf_eip, 0);
}

TEST(an_env_is_found_by_its_id_and_not_by_an_older_one)
{
	world();
	struct Env *self = program(NULL, NOCPU), *e = program(self, NOCPU);
	envid_t id = e->env_id;
	CHECK(env_find(self, 0) == self);
	CHECK(env_find(self, id) == e);
	CHECK(env_find(NULL, id) == e);
	CHECK(!env_find(self, id + 0x1000));
	CHECK(!env_find(self, id + 1));
	CHECK(!env_find(self, -1));
	CHECK(!env_find(self, -id));
	CHECK(!env_find(self, INT32_MIN));
	env_destroy(self, e);
	CHECK(!env_find(self, id)); // free
	e = program(NULL, 0);
	CHECK(!env_find(self, id)); // someone else's
	CHECK(env_find(self, id + 0x1000) == e);
	env_destroy(NULL, e);
	CHECK_EQ(e->env_status, ENV_DYING);
	CHECK(!env_find(self, id + 0x1000));
	CHECK(!env_find(e, 0));
}

TEST(ours_are_we_ourselves_and_our_immediate_children)
{
	world();
	struct Env *a = program(NULL, NOCPU), *b = program(a, NOCPU), *c = program(b, NOCPU);
	struct Env *other = program(NULL, NOCPU);
	CHECK(env_find_ours(a, 0) == a && env_find_ours(a, a->env_id) == a);
	CHECK(env_find_ours(a, b->env_id) == b);
	CHECK(!env_find_ours(a, c->env_id));
	CHECK(!env_find_ours(b, a->env_id));
	CHECK(!env_find_ours(c, b->env_id));
	CHECK(!env_find_ours(a, other->env_id));
	CHECK(!env_find_ours(a, 12345));
}

TEST(a_child_is_not_ours_when_its_parent_was_the_last_life_of_our_slot)
{
	world();
	struct Env *a = program(NULL, NOCPU), *child = program(a, NOCPU);
	env_destroy(NULL, a);
	CHECK(program(NULL, NOCPU) == a);
	CHECK(!env_find_ours(a, child->env_id));
	CHECK(env_find(a, child->env_id) == child);
}

TEST(an_env_that_is_held_for_two_reasons_runs_when_both_are_gone)
{
	world();
	struct Env *e = program(NULL, NOCPU);
	env_hold(e, HOLD_STOPPED);
	CHECK_EQ(e->env_status, ENV_NOT_RUNNABLE);
	e->env_ipc_recving = true;
	env_hold(e, HOLD_RECV);
	world_check();
	env_release(e, HOLD_STOPPED);
	CHECK_EQ(e->env_status, ENV_NOT_RUNNABLE);
	CHECK_EQ(kenv(e)->hold, HOLD_RECV);
	world_check();
	env_hold(e, HOLD_STOPPED);
	e->env_ipc_recving = false;
	env_release(e, HOLD_RECV);
	CHECK_EQ(e->env_status, ENV_NOT_RUNNABLE);
	world_check();
	env_release(e, HOLD_STOPPED);
	CHECK_EQ(e->env_status, ENV_RUNNABLE);
	world_check();
}

TEST(holding_twice_for_one_reason_is_holding_once)
{
	world();
	struct Env *e = program(NULL, NOCPU);
	env_hold(e, HOLD_STOPPED);
	env_hold(e, HOLD_STOPPED);
	env_release(e, HOLD_STOPPED);
	CHECK_EQ(e->env_status, ENV_RUNNABLE);
	env_release(e, HOLD_STOPPED);
	CHECK_EQ(e->env_status, ENV_RUNNABLE);
	world_check();
}

TEST(releasing_a_running_env_leaves_it_running)
{
	world();
	struct Env *e = program(NULL, 1);
	env_release(e, HOLD_STOPPED);
	CHECK_EQ(e->env_status, ENV_RUNNING);
	CHECK(!env_next(2));
	world_check();
}

TEST(an_env_held_while_it_runs_elsewhere_keeps_its_cpu_until_that_notices)
{
	world();
	struct Env *e = program(NULL, 1);
	env_hold(e, HOLD_STOPPED);
	CHECK_EQ(e->env_status, ENV_NOT_RUNNABLE);
	CHECK(fake_kicked[1]);
	CHECK_EQ(kenv(e)->space.cpu, 1);
	world_check();
	let_notice(e);
	CHECK_EQ(kenv(e)->space.cpu, NOCPU);
	CHECK_EQ(e->env_status, ENV_NOT_RUNNABLE);
}

TEST(an_env_released_before_its_cpu_has_noticed_goes_on_there)
{
	world();
	struct Env *e = program(NULL, 1);
	env_hold(e, HOLD_STOPPED);
	env_release(e, HOLD_STOPPED);
	CHECK_EQ(e->env_status, ENV_RUNNING);
	CHECK_EQ(kenv(e)->space.cpu, 1);
	CHECK(!env_next(2));
	let_notice(e);
	CHECK_EQ(e->env_status, ENV_RUNNING);
	world_check();
}

TEST(an_env_that_runs_nowhere_is_destroyed_at_once)
{
	world();
	uint32_t nfree = page_nfree();
	struct Env *killer = program(NULL, NOCPU), *e[3];
	uint32_t with_killer = page_nfree();
	e[0] = program(NULL, NOCPU);
	e[1] = program(NULL, NOCPU);
	env_hold(e[1], HOLD_STOPPED);
	e[2] = program(NULL, NOCPU);
	fake_clear_console();
	for (int i = 0; i < 3; i++) {
		give_page(e[i], VA_A, RW);
		env_destroy(killer, e[i]);
		CHECK_EQ(e[i]->env_status, ENV_FREE);
		world_check();
	}
	CHECK_EQ(page_nfree(), with_killer);
	CHECK(strcmp(fake_console,
		     "[00001000] free env 00001001\n"
		     "[00001000] free env 00001002\n"
		     "[00001000] free env 00001003\n") == 0);
	env_destroy(NULL, killer);
	CHECK_HAS(fake_console, "[00000000] free env 00001000\n");
	CHECK_EQ(page_nfree(), nfree);
	CHECK_EQ(env_nkilled, 0);
}

// An env with 3 page tables that are full.
static struct Env *
large_program(int cpu)
{
	struct Env *e = program(NULL, cpu);

	give_page(e, VA_A, RO);
	for (uint32_t va = VA_A + PGSIZE; va < VA_A + 3 * PTSIZE; va += PGSIZE) {
		CHECK(page_incref(&pages[frame_at(e, VA_A)]));
		CHECK_EQ(page_insert(&kenv(e)->space, &pages[frame_at(e, VA_A)], va, RO), 0);
	}
	world_check();
	return e;
}

TEST(a_large_env_is_given_back_in_parts)
{
	world();
	uint32_t nfree = page_nfree();
	struct Env *self = program(NULL, 0), *e = large_program(NOCPU);
	uint32_t frame = frame_at(e, VA_A), left = pages[frame].pp_ref;
	int nparts = 1;
	fake_clear_console();
	CHECK(!env_any_dead());
	env_destroy(self, e);
	world_check();
	for (; e->env_status != ENV_FREE; nparts++) {
		CHECK(nparts < 10);
		CHECK_EQ(e->env_status, ENV_DYING);
		CHECK(env_any_dead());
		CHECK(!env_find(self, e->env_id));
		CHECK(strcmp(fake_console, "") == 0);
		CHECK(env_nactive == 2);
		CHECK(left - pages[frame].pp_ref <= 2 * SPACE_CHUNK);
		left = pages[frame].pp_ref;
		CHECK(sched_pick(self, 0) == self);
		world_check();
	}
	CHECK(nparts >= 3);
	CHECK(!env_any_dead());
	CHECK(!env_reap());
	CHECK(strcmp(fake_console, "[00001000] free env 00001001\n") == 0);
	env_destroy(NULL, self);
	let_notice(self);
	CHECK_EQ(page_nfree(), nfree);
}

TEST(a_large_env_that_dies_on_a_cpu_goes_on_dying_without_it)
{
	world();
	struct Env *e = large_program(1);
	fake_touch(e, VA_A);
	env_destroy(NULL, e);
	CHECK(!env_any_dead()); // its CPU has it
	let_notice(e);
	CHECK_EQ(e->env_status, ENV_DYING);
	CHECK_EQ(kenv(e)->space.cpu, NOCPU);
	CHECK(env_any_dead());
	while (env_any_dead()) {
		CHECK(!sched_pick(NULL, 2));
		world_check();
	}
	CHECK_EQ(e->env_status, ENV_FREE);
	CHECK_EQ(page_nfree(), 199);
}

TEST(the_next_life_of_a_slot_does_not_begin_before_the_last_one_is_given_back)
{
	world();
	struct Env *e = large_program(NOCPU), *next;
	env_destroy(NULL, e);
	CHECK_EQ(e->env_status, ENV_DYING);
	CHECK_EQ(env_alloc(&next, NULL), 0);
	CHECK(next != e);
	reap_all();
	CHECK_EQ(env_alloc(&next, NULL), 0);
	CHECK(next == e);
	world_check();
}

TEST(a_child_that_only_its_parent_could_have_started_dies_with_it)
{
	world();
	struct Env *parent = program(NULL, 0), *stopped = program(parent, NOCPU);
	struct Env *runs = program(parent, 1), *waits = program(parent, NOCPU);
	struct Env *both = program(parent, NOCPU), *on_cpu = program(parent, 2);
	env_hold(stopped, HOLD_STOPPED);
	waits->env_ipc_recving = both->env_ipc_recving = true;
	env_hold(waits, HOLD_RECV);
	env_hold(both, HOLD_RECV);
	env_hold(both, HOLD_STOPPED);
	env_hold(on_cpu, HOLD_STOPPED);
	world_check();
	env_destroy(NULL, parent);
	let_notice(parent);
	reap_all();
	CHECK_EQ(stopped->env_status, ENV_FREE);
	CHECK_EQ(both->env_status, ENV_FREE);
	CHECK_EQ(on_cpu->env_status, ENV_DYING);
	CHECK(fake_kicked[2]);
	CHECK_EQ(runs->env_status, ENV_RUNNING);
	CHECK_EQ(waits->env_status, ENV_NOT_RUNNABLE);
	let_notice(on_cpu);
	reap_all();
	CHECK_EQ(on_cpu->env_status, ENV_FREE);
	world_check();
}

TEST(descendants_that_nobody_could_start_any_more_die_and_others_live)
{
	world();
	struct Env *a = program(NULL, NOCPU), *b = program(a, NOCPU), *c = program(b, NOCPU);
	struct Env *d = program(c, NOCPU), *lives = program(c, NOCPU),
		   *below = program(lives, NOCPU);
	env_hold(b, HOLD_STOPPED);
	env_hold(c, HOLD_STOPPED);
	env_hold(d, HOLD_STOPPED);
	env_hold(below, HOLD_STOPPED);
	env_destroy(NULL, a);
	CHECK(!env_find(lives, a->env_id) && !env_find(lives, b->env_id)); // at once
	CHECK(!env_find(lives, c->env_id) && !env_find(lives, d->env_id));
	world_check();
	reap_all();
	CHECK_EQ(a->env_status, ENV_FREE);
	CHECK_EQ(b->env_status, ENV_FREE);
	CHECK_EQ(c->env_status, ENV_FREE);
	CHECK_EQ(d->env_status, ENV_FREE);
	CHECK_EQ(lives->env_status, ENV_RUNNABLE);
	CHECK_EQ(below->env_status, ENV_NOT_RUNNABLE);
	CHECK(env_find_ours(lives, below->env_id) == below);
	world_check();
	env_destroy(NULL, lives);
	reap_all();
	CHECK_EQ(below->env_status, ENV_FREE);
	world_check();
}

TEST(a_family_stays_in_order_whichever_child_goes)
{
	for (int order = 0; order < 6; order++) {
		struct Env *e[3];
		world();
		struct Env *parent = program(NULL, NOCPU);
		for (int i = 0; i < 3; i++) {
			e[i] = program(parent, NOCPU);
			env_hold(e[i], HOLD_STOPPED);
		}
		int first = order / 2, second = (first + 1 + order % 2) % 3;
		env_destroy(NULL, e[first]);
		world_check();
		env_destroy(NULL, e[second]);
		world_check();
		struct Env *last = e[3 - first - second], *new = program(parent, NOCPU);
		env_hold(new, HOLD_STOPPED);
		world_check();
		env_destroy(NULL, parent);
		reap_all();
		CHECK_EQ(last->env_status, ENV_FREE);
		CHECK_EQ(new->env_status, ENV_FREE);
		CHECK_EQ(page_nfree(), 199);
		world_check();
	}
}

TEST(an_env_on_a_cpu_is_destroyed_when_that_lets_go)
{
	world();
	uint32_t nfree = page_nfree();
	struct Env *e = program(NULL, 1);
	give_page(e, VA_A, RW);
	fake_touch(e, VA_A);
	fake_clear_console();
	env_destroy(NULL, e);
	CHECK_EQ(e->env_status, ENV_DYING);
	CHECK(fake_kicked[1]);
	CHECK(pages[frame_at(e, VA_A)].pp_ref == 1);
	world_check();
	env_destroy(NULL, e); // twice is once
	CHECK_EQ(e->env_status, ENV_DYING);
	CHECK(strcmp(fake_console, "") == 0);
	let_notice(e);
	CHECK_EQ(e->env_status, ENV_FREE);
	CHECK(strcmp(fake_console, "[00000000] free env 00001000\n") == 0);
	CHECK_EQ(page_nfree(), nfree);
}

TEST(an_env_that_is_held_or_has_yielded_but_has_its_cpu_still_dies_there)
{
	world();
	struct Env *a = program(NULL, 1), *b = program(NULL, 2);
	env_hold(a, HOLD_STOPPED);
	env_yield(b);
	env_destroy(NULL, a);
	env_destroy(NULL, b);
	CHECK_EQ(a->env_status, ENV_DYING);
	CHECK_EQ(b->env_status, ENV_DYING);
	CHECK(!env_any_runnable());
	world_check();
	let_notice(a);
	let_notice(b);
	CHECK_EQ(page_nfree(), 199);
}

TEST(a_killed_env_is_counted_and_dies)
{
	world();
	struct Env *e = program(NULL, 0);
	env_kill(e, IPC_ENDED_BY_TRAP(T_PGFLT));
	CHECK_EQ(e->env_status, ENV_DYING);
	CHECK_EQ(env_nkilled, 1);
	let_notice(e);
	CHECK_EQ(env_nkilled, 1);
}

TEST(an_env_let_go_after_it_was_stopped_can_be_taken_up_again)
{
	world();
	struct Env *e = program(NULL, 1);
	env_hold(e, HOLD_STOPPED);
	let_notice(e);
	env_release(e, HOLD_STOPPED);
	CHECK_EQ(e->env_status, ENV_RUNNABLE);
	run_on(e, 2);
	CHECK_EQ(e->env_status, ENV_RUNNING);
	CHECK_EQ(e->env_runs, 2);
	world_check();
}

static void
hold(void *e)
{
	env_hold(e, HOLD_STOPPED);
}

static void
release(void *e)
{
	env_release(e, HOLD_STOPPED);
}

static void
yield(void *e)
{
	env_yield(e);
}

static void
let_go(void *e)
{
	env_let_go(e);
}

TEST(the_doors_do_not_open_from_the_wrong_side)
{
	world();
	struct Env *e = program(NULL, 0);
	CHECK_PANIC(let_go, e); // it runs
	env_hold(e, HOLD_STOPPED);
	CHECK_PANIC(yield, e); // it does not run
	env_destroy(NULL, e);
	CHECK_PANIC(hold, e);
	CHECK_PANIC(release, e);
	env_let_go(e);
	CHECK_EQ(e->env_status, ENV_FREE);
	CHECK_PANIC(hold, e);
	CHECK_PANIC(release, e);
	CHECK_PANIC(yield, e);
}

TEST(the_queue_is_first_come_first_served)
{
	struct Env *e[5];

	world();
	for (int i = 0; i < 5; i++)
		e[i] = program(NULL, NOCPU);
	env_hold(e[0], HOLD_STOPPED); // the first,
	env_hold(e[2], HOLD_STOPPED); // one between
	env_hold(e[4], HOLD_STOPPED); // and the last go;
	world_check();
	env_release(e[2], HOLD_STOPPED); // who comes back is last
	CHECK(env_next(0) == e[1]);
	CHECK(env_next(1) == e[3]);
	env_yield(e[1]);
	world_check();
	CHECK(env_next(2) == e[2]);
	env_let_go(e[1]);
	CHECK(env_next(0) == e[1]);
	CHECK(!env_next(3));
	CHECK(!env_any_runnable());
	world_check();
}

TEST(an_env_that_is_runnable_keeps_its_place_when_it_is_told_to_run)
{
	world();
	struct Env *a = program(NULL, NOCPU), *b = program(NULL, NOCPU);
	env_release(a, HOLD_STOPPED);
	CHECK(env_next(0) == a);
	CHECK(env_next(1) == b);
}

TEST(active_are_the_envs_that_will_still_do_something)
{
	world();
	CHECK_EQ(env_nactive, 0);
	struct Env *a = program(NULL, 1), *b = program(NULL, NOCPU);
	CHECK_EQ(env_nactive, 2);
	env_hold(b, HOLD_STOPPED);
	CHECK_EQ(env_nactive, 1);
	env_destroy(NULL, b);
	CHECK_EQ(env_nactive, 1);
	env_hold(a, HOLD_STOPPED);
	CHECK_EQ(env_nactive, 0);
	env_destroy(NULL, a);
	CHECK_EQ(env_nactive, 1);
	let_notice(a);
	CHECK_EQ(env_nactive, 0);
}

TEST(registers_for_an_env_that_runs_elsewhere_wait_for_it)
{
	struct Trapframe tf = {.tf_eip = 0x1111, .tf_esp = 0x2222};

	world();
	struct Env *self = program(NULL, 0), *e = program(NULL, 1);
	env_sanitize(&tf);
	kenv(e)->frame.tf_eip = 0x3333;
	env_set_frame(self, e, &tf);
	CHECK_EQ(kenv(e)->frame.tf_eip, 0x3333);
	CHECK(fake_kicked[1]);
	tf.tf_eip = 0x4444; // the last one counts
	env_set_frame(self, e, &tf);
	world_check();
	fake_cpu = 1;
	CHECK(env_take_frame(e));
	CHECK_EQ(kenv(e)->frame.tf_eip, 0x4444);
	CHECK_EQ(kenv(e)->frame.tf_esp, 0x2222);
	CHECK(!env_take_frame(e));
	CHECK_EQ(e->env_status, ENV_RUNNING);
	world_check();
}

TEST(registers_for_an_env_that_runs_nowhere_or_for_oneself_are_set_at_once)
{
	struct Trapframe tf = {.tf_eip = 0x1111};

	world();
	struct Env *self = program(NULL, 0), *e = program(NULL, NOCPU);
	env_sanitize(&tf);
	env_set_frame(self, e, &tf);
	env_set_frame(self, self, &tf);
	CHECK_EQ(kenv(e)->frame.tf_eip, 0x1111);
	CHECK_EQ(kenv(self)->frame.tf_eip, 0x1111);
	CHECK(!env_take_frame(e));
	CHECK(!env_take_frame(self));
}

TEST(sanitized_registers_have_no_privilege_left)
{
	struct Trapframe tf, before;

	memset(&tf, 0xff, sizeof tf);
	before = tf;
	env_sanitize(&tf);
	CHECK_EQ(tf.tf_cs, GD_UT | 3);
	CHECK_EQ(tf.tf_ss, GD_UD | 3);
	CHECK_EQ(tf.tf_ds, GD_UD | 3);
	CHECK_EQ(tf.tf_es, GD_UD | 3);
	CHECK_EQ(tf.tf_eflags, FL_USER | FL_IF | 2);
	CHECK(!(FL_USER & (FL_IOPL_MASK | FL_NT | FL_VM | FL_IF)));
	CHECK(memcmp(&tf.tf_regs, &before.tf_regs, sizeof tf.tf_regs) == 0);
	CHECK_EQ(tf.tf_eip, UINT32_MAX);
	CHECK_EQ(tf.tf_esp, UINT32_MAX);
	memset(&tf, 0, sizeof tf);
	env_sanitize(&tf);
	CHECK_EQ(tf.tf_eflags, FL_IF | 2);
}
