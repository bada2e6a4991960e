// Messages that wait for their receivers: queues of senders, calls, receivers that take from one
// env only, time limits, and what becomes of them when somebody ends, is stopped or is given
// other registers meanwhile.

#include "inc/ipc.h"
#include "inc/string.h"
#include "kern/ipc.h"
#include "test/host/world.h"

#define NO_PAGE UTOP
#define SECOND IPC_TIMEOUT(1000)
#define TICKS_OF_A_SECOND 101 // until it is surely over
#define MARK 0xfeed0000u      // in eax, where no result must come

static struct Env *a, *b, *c, *d; // programs that are no relatives, and may run

static void
four(void)
{
	world();
	a = program(NULL, NOCPU);
	b = program(NULL, NOCPU);
	c = program(NULL, NOCPU);
	d = program(NULL, NOCPU);
	give_page(b, VA_A, RW);
	give_page(c, VA_A, RW);
}

static void
off_cpu(struct Env *e)
{
	if (e->env_status == ENV_RUNNING)
		env_yield(e);
	let_notice(e);
}

// e makes a call that is over when this is.
#define RESULT(e, ...)                                                                             \
	({                                                                                         \
		run_on(e, 0);                                                                      \
		int32_t result_ = call(e, __VA_ARGS__);                                            \
		CHECK_EQ(e->env_status, ENV_RUNNING);                                              \
		off_cpu(e);                                                                        \
		result_;                                                                           \
	})

// e makes a call in which it is left to wait.
#define WAITS(e, ...)                                                                              \
	do {                                                                                       \
		run_on(e, 0);                                                                      \
		CHECK_EQ(call(e, __VA_ARGS__), 0);                                                 \
		CHECK_EQ(e->env_status, ENV_NOT_RUNNABLE);                                         \
		off_cpu(e);                                                                        \
	} while (0)

// The call in which e waited is over with this result.
#define OVER(e, result)                                                                            \
	do {                                                                                       \
		world_check();                                                                     \
		CHECK_EQ(e->env_status, ENV_RUNNABLE);                                             \
		CHECK_EQ((int32_t) kenv(e)->frame.tf_regs.reg_eax, result);                        \
		CHECK(!kenv(e)->timer.link.next);                                                  \
		CHECK(!kenv(e)->out.to);                                                           \
		CHECK_EQ(e->env_ipc_recving, 0);                                                   \
	} while (0)

#define STILL(e, reason)                                                                           \
	do {                                                                                       \
		CHECK_EQ(e->env_status, ENV_NOT_RUNNABLE);                                         \
		CHECK_EQ(kenv(e)->hold, reason);                                                   \
	} while (0)

#define GOT(e, value, from, perm)                                                                  \
	do {                                                                                       \
		CHECK_EQ(e->env_ipc_value, value);                                                 \
		CHECK_EQ(e->env_ipc_from, (from)->env_id);                                         \
		CHECK_EQ(e->env_ipc_perm, perm);                                                   \
	} while (0)

static void
pass_ticks(int n)
{
	while (n-- > 0) {
		ipc_tick();
		world_check();
	}
}

// sys_ipc_send

TEST(a_sender_waits_until_its_message_is_taken)
{
	four();
	WAITS(b, ipc_send, a->env_id, 7, VA_A, RW);
	STILL(b, HOLD_SEND);
	CHECK_EQ(a->env_ipc_from, 0);
	CHECK_EQ(RESULT(a, ipc_recv, VA_C), 0);
	GOT(a, 7, b, RW);
	CHECK_EQ(frame_at(a, VA_C), frame_at(b, VA_A));
	OVER(b, 0);
}

TEST(a_sender_does_not_wait_when_its_receiver_does)
{
	four();
	WAITS(a, ipc_recv, NO_PAGE);
	CHECK_EQ(RESULT(b, ipc_send, a->env_id, 7, VA_A, RW), 0);
	OVER(a, 0);
	GOT(a, 7, b, 0);
}

TEST(who_waits_first_to_send_is_served_first)
{
	struct Env *e[10];

	world();
	a = program(NULL, NOCPU);
	for (int i = 0; i < 10; i++) {
		e[i] = program(NULL, NOCPU);
		WAITS(e[i], ipc_send, a->env_id, 100 + i, NO_PAGE, 0);
	}
	for (int i = 0; i < 10; i++) {
		if (i % 2)
			CHECK_EQ(RESULT(a, ipc_recv, NO_PAGE), 0);
		else
			CHECK_EQ(RESULT(a, ipc_wait, 0, VA_C, IPC_NOWAIT), 0);
		GOT(a, 100 + i, e[i], 0);
		OVER(e[i], 0);
		for (int j = i + 1; j < 10; j++)
			STILL(e[j], HOLD_SEND);
		if (i == 4) // again behind all others
			WAITS(e[0], ipc_send, a->env_id, 110, NO_PAGE, 0);
	}
	CHECK_EQ(RESULT(a, ipc_recv, NO_PAGE), 0);
	GOT(a, 110, e[0], 0);
	WAITS(a, ipc_recv, NO_PAGE);
}

TEST(nobody_waits_to_send_what_cannot_be_sent)
{
	four();
	const uint32_t to = a->env_id;
	const uint32_t bad_how[] = {RW | PTE_G, RO | PTE_PS, PTE_U, RO | 0x4000, RO | 0x8000};

	for (size_t i = 0; i < ARRAY_SIZE(bad_how); i++)
		CHECK_EQ(RESULT(b, ipc_send, to, 1, VA_A, bad_how[i]), -E_INVAL);
	CHECK_EQ(RESULT(b, ipc_send, to, 1, NO_PAGE, 0x4000), -E_INVAL);
	CHECK_EQ(RESULT(b, ipc_send, to, 1, NO_PAGE, 0x8000 | SECOND), -E_INVAL);
	CHECK_EQ(RESULT(b, ipc_send, to, 1, VA_A + 4, RW), -E_INVAL);
	CHECK_EQ(RESULT(b, ipc_send, to, 1, VA_B, RO), -E_INVAL);
	CHECK_EQ(RESULT(b, ipc_send, 0x7ffff000, 1, NO_PAGE, 0), -E_BAD_ENV);
	CHECK_EQ(RESULT(b, ipc_send, to + 0x1000, 1, NO_PAGE, 0), -E_BAD_ENV);
	CHECK_EQ(RESULT(b, ipc_send, to, 1, NO_PAGE, IPC_NOWAIT), -E_IPC_NOT_RECV);
	CHECK_EQ(RESULT(b, ipc_send, to, 1, VA_A, RW | IPC_NOWAIT | SECOND), -E_IPC_NOT_RECV);
	CHECK_EQ(RESULT(b, ipc_send, 0, 1, NO_PAGE, 0), -E_IPC_NOT_RECV);
	CHECK_EQ(RESULT(b, ipc_send, b->env_id, 1, NO_PAGE, SECOND), -E_IPC_NOT_RECV);
	// Without a page, its rights are not looked at.
	WAITS(b, ipc_send, to, 1, NO_PAGE, 0xfff);
}

TEST(try_send_takes_rights_only)
{
	four();
	WAITS(a, ipc_recv, VA_C);
	CHECK_EQ(RESULT(b, ipc_try_send, a->env_id, 1, VA_A, RW | IPC_NOWAIT), -E_INVAL);
	CHECK_EQ(RESULT(b, ipc_try_send, a->env_id, 1, VA_A, RW | SECOND), -E_INVAL);
	STILL(a, HOLD_RECV);
}

TEST(what_is_sent_is_looked_at_when_it_is_taken)
{
	four();
	struct Env *child = program(b, NOCPU);
	give_page(child, VA_A, RW);
	WAITS(child, ipc_send, a->env_id, 1, VA_A, RW);
	uint32_t before = frame_at(child, VA_A);
	CHECK_EQ(RESULT(b, page_alloc, child->env_id, VA_A, RW), 0);
	CHECK(frame_at(child, VA_A) != before);
	CHECK_EQ(RESULT(a, ipc_recv, VA_C), 0);
	GOT(a, 1, child, RW);
	CHECK_EQ(frame_at(a, VA_C), frame_at(child, VA_A));
}

TEST(a_message_that_cannot_be_taken_goes_back_and_the_next_one_is)
{
	four();
	struct Env *child = program(c, NOCPU), *other = program(c, NOCPU);
	give_page(child, VA_A, RW);
	give_page(other, VA_A, RW);
	WAITS(child, ipc_send, a->env_id, 1, VA_A, RW);
	WAITS(other, ipc_call, a->env_id, 2, VA_A, RW, NO_PAGE);
	WAITS(b, ipc_send, a->env_id, 3, NO_PAGE, 0);
	WAITS(d, ipc_send, a->env_id, 4, NO_PAGE, 0);
	CHECK_EQ(RESULT(c, page_unmap, child->env_id, VA_A), 0);
	CHECK_EQ(RESULT(c, page_map, other->env_id, VA_A, other->env_id, VA_A, RO), 0);
	CHECK_EQ(RESULT(a, ipc_recv, VA_C), 0);
	GOT(a, 3, b, 0);
	OVER(child, -E_INVAL);
	OVER(other, -E_INVAL); // the call has failed: it does not wait for an answer
	OVER(b, 0);
	STILL(d, HOLD_SEND);
	CHECK_EQ(frame_at(a, VA_C), 0);
}

TEST(a_receiver_waits_on_when_no_message_can_be_taken)
{
	four();
	struct Env *child = program(c, NOCPU);
	give_page(child, VA_A, RW);
	WAITS(child, ipc_send, a->env_id, 1, VA_A, RW);
	CHECK_EQ(RESULT(c, page_unmap, child->env_id, VA_A), 0);
	WAITS(a, ipc_recv, VA_C);
	OVER(child, -E_INVAL);
	STILL(a, HOLD_RECV);
	CHECK_EQ(RESULT(b, ipc_send, a->env_id, 2, NO_PAGE, 0), 0);
	OVER(a, 0);
}

TEST(a_message_without_memory_for_its_page_goes_back_and_the_next_one_is_taken)
{
	four();
	give_page(d, VA_A, RW);
	WAITS(b, ipc_send, a->env_id, 1, VA_A, RW);
	WAITS(c, ipc_send, a->env_id, 2, NO_PAGE, 0);
	WAITS(d, ipc_send, a->env_id, 3, VA_A, RW);
	leave_frames(PAGE_USER, 0);
	CHECK_EQ(RESULT(a, ipc_recv, VA_C), 0);
	OVER(b, -E_NO_MEM);
	OVER(c, 0);
	GOT(a, 2, c, 0);
	leave_frames(PAGE_USER, 1);
	CHECK_EQ(RESULT(a, ipc_recv, VA_C), 0);
	OVER(d, 0);
	GOT(a, 3, d, RW);
}

TEST(sends_and_calls_need_a_table_for_the_receiver_at_most)
{
	four();
	WAITS(a, ipc_recv, VA_C);
	leave_frames(PAGE_USER, 0);
	CHECK_EQ(RESULT(b, ipc_send, a->env_id, 1, VA_A, RW), -E_NO_MEM);
	CHECK_EQ(RESULT(b, ipc_call, a->env_id, 1, VA_A, RW, NO_PAGE), -E_NO_MEM);
	STILL(a, HOLD_RECV);
	leave_frames(PAGE_USER, 1);
	WAITS(b, ipc_call, a->env_id, 1, VA_A, RW, NO_PAGE);
	GOT(a, 1, b, RW);
	leave_frames(PAGE_USER, 0);
	WAITS(a, ipc_call_value, b->env_id, 2, IPC_NOWAIT | IPC_ONLY);
	OVER(b, 0);
}

TEST(a_receiver_that_ends_disappoints_all_who_wait_to_send_to_it)
{
	four();
	WAITS(b, ipc_send, a->env_id, 1, VA_A, RW);
	WAITS(c, ipc_call, a->env_id, 2, NO_PAGE, SECOND, NO_PAGE);
	WAITS(d, ipc_send, a->env_id, 2, NO_PAGE, SECOND);
	CHECK_EQ(call((run_on(a, 0), a), env_destroy, 0), 0);
	OVER(b, -E_BAD_ENV);
	OVER(c, -E_BAD_ENV);
	OVER(d, -E_BAD_ENV);
	CHECK(!timer_any());
}

TEST(a_sender_that_ends_takes_its_message_with_it)
{
	for (int which = 0; which < 3; which++) {
		four();
		struct Env *const sender[] = {b, c, d};
		for (int i = 0; i < 3; i++)
			WAITS(sender[i], ipc_send, a->env_id, i, NO_PAGE, SECOND);
		env_destroy(NULL, sender[which]);
		world_check();
		for (int i = 0; i < 3; i++) {
			if (i == which)
				continue;
			CHECK_EQ(RESULT(a, ipc_recv, NO_PAGE), 0);
			GOT(a, i, sender[i], 0);
		}
		CHECK(!timer_any());
		WAITS(a, ipc_recv, NO_PAGE);
	}
}

TEST(the_message_of_a_sender_that_is_stopped_is_taken_and_it_stays_stopped)
{
	four();
	WAITS(b, ipc_send, a->env_id, 1, VA_A, RW);
	env_hold(b, HOLD_STOPPED);
	CHECK_EQ(RESULT(a, ipc_recv, VA_C), 0);
	GOT(a, 1, b, RW);
	STILL(b, HOLD_STOPPED);
	env_release(b, HOLD_STOPPED);
	OVER(b, 0);
}

TEST(a_sender_that_is_started_goes_on_waiting)
{
	four();
	WAITS(b, ipc_send, a->env_id, 1, VA_A, RW);
	env_release(b, HOLD_STOPPED);
	STILL(b, HOLD_SEND);
	env_hold(b, HOLD_STOPPED);
	env_release(b, HOLD_STOPPED);
	STILL(b, HOLD_SEND);
}

TEST(everyone_can_read_the_clock)
{
	four();
	CHECK_EQ(RESULT(a, clock_ms), 0);
	pass_ticks(7);
	CHECK_EQ(RESULT(a, clock_ms), 70);
}

TEST(a_time_limit_ends_a_send)
{
	four();
	WAITS(b, ipc_send, a->env_id, 1, VA_A, RW | SECOND);
	WAITS(c, ipc_send, a->env_id, 2, NO_PAGE, 0);
	pass_ticks(TICKS_OF_A_SECOND - 1);
	STILL(b, HOLD_SEND);
	pass_ticks(1);
	OVER(b, -E_TIMEOUT);
	CHECK_EQ(RESULT(a, ipc_recv, VA_C), 0);
	GOT(a, 2, c, 0);
}

TEST(a_time_limit_is_forgotten_when_the_message_is_taken)
{
	four();
	WAITS(b, ipc_send, a->env_id, 1, VA_A, RW | SECOND);
	CHECK_EQ(RESULT(a, ipc_recv, VA_C), 0);
	OVER(b, 0);
	CHECK(!timer_any());
	WAITS(b, ipc_recv, NO_PAGE);
	pass_ticks(2 * TICKS_OF_A_SECOND);
	STILL(b, HOLD_RECV);
}

TEST(the_time_of_one_that_is_stopped_goes_on)
{
	four();
	WAITS(b, ipc_send, a->env_id, 1, NO_PAGE, SECOND);
	env_hold(b, HOLD_STOPPED);
	pass_ticks(TICKS_OF_A_SECOND);
	STILL(b, HOLD_STOPPED);
	WAITS(a, ipc_recv, NO_PAGE);
	env_release(b, HOLD_STOPPED);
	OVER(b, -E_TIMEOUT);
}

// Other registers

// Registers for e, from one who may set them.
static struct Trapframe
other_registers(struct Env *e)
{
	struct Trapframe tf = {.tf_regs.reg_eax = MARK, .tf_eip = 0x00900000};

	env_sanitize(&tf);
	fake_cpu = 0;
	env_set_frame(NULL, e, &tf);
	return tf;
}

static bool
has_registers(struct Env *e, const struct Trapframe *tf)
{
	return memcmp(&kenv(e)->frame, tf, sizeof *tf) == 0;
}

TEST(a_sender_with_other_registers_still_sends_and_no_result_spoils_them)
{
	struct Trapframe tf;

	four();
	WAITS(b, ipc_send, a->env_id, 1, VA_A, RW);
	tf = other_registers(b);
	CHECK_EQ(RESULT(a, ipc_recv, VA_C), 0);
	GOT(a, 1, b, RW);
	CHECK(has_registers(b, &tf));
	CHECK_EQ(b->env_status, ENV_RUNNABLE);
	// Its next call has a result again.
	CHECK_EQ(RESULT(b, ipc_send, 0, 1, NO_PAGE, 0), -E_IPC_NOT_RECV);
	WAITS(b, ipc_send, a->env_id, 1, NO_PAGE, SECOND);
	pass_ticks(TICKS_OF_A_SECOND);
	OVER(b, -E_TIMEOUT);
}

TEST(a_caller_with_other_registers_still_waits_for_its_answer)
{
	struct Trapframe tf;

	four();
	WAITS(b, ipc_call, a->env_id, 1, NO_PAGE, 0, VA_C);
	tf = other_registers(b);
	CHECK_EQ(RESULT(a, ipc_recv, NO_PAGE), 0);
	STILL(b, HOLD_RECV);
	CHECK(has_registers(b, &tf));
	CHECK_EQ(RESULT(a, ipc_send, b->env_id, 2, NO_PAGE, 0), 0);
	CHECK_EQ(b->env_status, ENV_RUNNABLE);
	CHECK(has_registers(b, &tf));
	GOT(b, 2, a, 0);
}

TEST(errors_and_time_limits_do_not_spoil_registers_that_were_set)
{
	struct Trapframe tf;

	four();
	WAITS(b, ipc_send, a->env_id, 1, NO_PAGE, SECOND);
	tf = other_registers(b);
	pass_ticks(TICKS_OF_A_SECOND);
	CHECK_EQ(b->env_status, ENV_RUNNABLE);
	CHECK(has_registers(b, &tf));

	WAITS(c, ipc_wait, a->env_id, NO_PAGE, 0);
	WAITS(d, ipc_wait, 0, NO_PAGE, SECOND);
	struct Trapframe of_c = other_registers(c), of_d = other_registers(d);
	env_destroy(NULL, a);
	CHECK_EQ(c->env_status, ENV_RUNNABLE);
	CHECK(has_registers(c, &of_c));
	pass_ticks(TICKS_OF_A_SECOND);
	CHECK_EQ(d->env_status, ENV_RUNNABLE);
	CHECK(has_registers(d, &of_d));
	world_check();
}

// sys_ipc_wait

TEST(a_closed_receiver_takes_from_one_env_only)
{
	four();
	WAITS(a, ipc_wait, c->env_id, VA_C, 0);
	CHECK_EQ(RESULT(b, ipc_try_send, a->env_id, 1, NO_PAGE, 0), -E_IPC_NOT_RECV);
	CHECK_EQ(RESULT(b, ipc_send, a->env_id, 1, NO_PAGE, IPC_NOWAIT), -E_IPC_NOT_RECV);
	WAITS(b, ipc_send, a->env_id, 1, NO_PAGE, 0);
	STILL(a, HOLD_RECV);
	CHECK_EQ(RESULT(c, ipc_try_send, a->env_id, 2, VA_A, RW), 0);
	OVER(a, 0);
	GOT(a, 2, c, RW);
	STILL(b, HOLD_SEND);
}

TEST(a_closed_receiver_passes_over_others_and_they_keep_their_places)
{
	four();
	struct Env *e = program(NULL, NOCPU);
	WAITS(b, ipc_send, a->env_id, 1, NO_PAGE, 0);
	WAITS(c, ipc_send, a->env_id, 2, NO_PAGE, 0);
	WAITS(d, ipc_send, a->env_id, 3, NO_PAGE, 0);
	WAITS(e, ipc_send, a->env_id, 4, NO_PAGE, 0);
	CHECK_EQ(RESULT(a, ipc_wait, d->env_id, NO_PAGE, 0), 0);
	GOT(a, 3, d, 0);
	CHECK_EQ(RESULT(a, ipc_wait, e->env_id, NO_PAGE, IPC_NOWAIT), 0);
	GOT(a, 4, e, 0);
	CHECK_EQ(RESULT(a, ipc_wait, 0, NO_PAGE, 0), 0);
	GOT(a, 1, b, 0);
	CHECK_EQ(RESULT(a, ipc_recv, NO_PAGE), 0);
	GOT(a, 2, c, 0);
}

TEST(nobody_waits_for_whom_there_is_not)
{
	four();
	CHECK_EQ(RESULT(a, ipc_wait, a->env_id, NO_PAGE, 0), -E_BAD_ENV);
	CHECK_EQ(RESULT(a, ipc_wait, 0x7ffff000, NO_PAGE, 0), -E_BAD_ENV);
	CHECK_EQ(RESULT(a, ipc_wait, b->env_id + 0x1000, NO_PAGE, SECOND), -E_BAD_ENV);
	CHECK_EQ(RESULT(a, ipc_wait, b->env_id, VA_A + 1, 0), -E_INVAL);
	CHECK_EQ(RESULT(a, ipc_wait, 0, UTOP - 1, 0), -E_INVAL);
	CHECK_EQ(RESULT(a, ipc_wait, 0, NO_PAGE, 0x4000), -E_INVAL);
	CHECK_EQ(RESULT(a, ipc_wait, 0, NO_PAGE, 0x8000), -E_INVAL);
	CHECK(!timer_any());
}

TEST(who_does_not_want_to_wait_takes_what_is_there_or_nothing)
{
	four();
	CHECK_EQ(RESULT(a, ipc_wait, 0, NO_PAGE, IPC_NOWAIT), -E_TIMEOUT);
	CHECK_EQ(RESULT(a, ipc_wait, b->env_id, NO_PAGE, IPC_NOWAIT | SECOND), -E_TIMEOUT);
	CHECK(!timer_any());
	WAITS(b, ipc_send, a->env_id, 1, NO_PAGE, 0);
	CHECK_EQ(RESULT(a, ipc_wait, c->env_id, NO_PAGE, IPC_NOWAIT), -E_TIMEOUT);
	STILL(b, HOLD_SEND);
	CHECK_EQ(RESULT(a, ipc_wait, 0, NO_PAGE, IPC_NOWAIT), 0);
	GOT(a, 1, b, 0);
	OVER(b, 0);
}

TEST(who_does_not_want_to_wait_is_not_run_any_later_for_it)
{
	four();
	run_on(a, 0);
	env_move(c, 0);
	env_move(b, 0);
	CHECK_EQ(call(a, ipc_wait, 0, NO_PAGE, IPC_NOWAIT), -E_TIMEOUT);
	CHECK(queued_env(runqs[0].queue.first) == a);
	CHECK(queued_env(runqs[0].queue.first->next) == b);
	CHECK(queued_env(runqs[0].queue.first->next->next) == c);
}

TEST(who_waits_for_an_env_that_ends_is_told)
{
	four();
	WAITS(a, ipc_wait, d->env_id, VA_C, SECOND);
	WAITS(b, ipc_wait, d->env_id, NO_PAGE, 0);
	WAITS(c, ipc_wait, 0, NO_PAGE, 0);
	env_hold(b, HOLD_STOPPED);
	env_destroy(NULL, d);
	OVER(a, -E_BAD_ENV);
	STILL(b, HOLD_STOPPED);
	STILL(c, HOLD_RECV); // somebody else may send
	env_release(b, HOLD_STOPPED);
	OVER(b, -E_BAD_ENV);
	CHECK(!timer_any());
}

TEST(who_has_waited_for_an_env_is_not_told_of_its_end_later)
{
	four();
	WAITS(a, ipc_wait, d->env_id, NO_PAGE, 0);
	CHECK_EQ(RESULT(d, ipc_send, a->env_id, 1, NO_PAGE, 0), 0);
	OVER(a, 0);
	WAITS(a, ipc_recv, NO_PAGE);
	env_destroy(NULL, d);
	STILL(a, HOLD_RECV);
}

TEST(the_next_life_of_a_slot_is_not_the_env_that_was_waited_for)
{
	four();
	uint32_t id = d->env_id;
	WAITS(a, ipc_wait, id, NO_PAGE, 0);
	env_destroy(NULL, d);
	reap_all();
	OVER(a, -E_BAD_ENV);
	struct Env *heir = program(NULL, NOCPU);
	CHECK(heir == d && heir->env_id != (envid_t) id);
	CHECK_EQ(RESULT(a, ipc_wait, id, NO_PAGE, 0), -E_BAD_ENV);
	WAITS(a, ipc_wait, heir->env_id, NO_PAGE, 0);
	CHECK_EQ(RESULT(heir, ipc_send, a->env_id, 1, NO_PAGE, 0), 0);
	OVER(a, 0);
}

TEST(a_time_limit_ends_a_wait_and_a_message_ends_the_time_limit)
{
	four();
	WAITS(a, ipc_wait, 0, NO_PAGE, SECOND);
	pass_ticks(TICKS_OF_A_SECOND - 1);
	STILL(a, HOLD_RECV);
	pass_ticks(1);
	OVER(a, -E_TIMEOUT);
	WAITS(a, ipc_wait, b->env_id, NO_PAGE, SECOND);
	pass_ticks(TICKS_OF_A_SECOND - 1);
	CHECK_EQ(RESULT(b, ipc_send, a->env_id, 1, NO_PAGE, 0), 0);
	OVER(a, 0);
	CHECK(!timer_any());
	WAITS(a, ipc_recv, NO_PAGE);
	pass_ticks(3 * TICKS_OF_A_SECOND);
	STILL(a, HOLD_RECV);
}

TEST(time_limits_end_in_the_order_of_their_times)
{
	four();
	WAITS(a, ipc_wait, 0, NO_PAGE, IPC_TIMEOUT(30));
	WAITS(b, ipc_wait, 0, NO_PAGE, IPC_TIMEOUT(10));
	WAITS(c, ipc_wait, 0, NO_PAGE, IPC_TIMEOUT(11));
	WAITS(d, ipc_wait, 0, NO_PAGE, IPC_TIMEOUT(0xffff));
	pass_ticks(2);
	OVER(b, -E_TIMEOUT);
	STILL(c, HOLD_RECV);
	pass_ticks(1);
	OVER(c, -E_TIMEOUT);
	STILL(a, HOLD_RECV);
	pass_ticks(1);
	OVER(a, -E_TIMEOUT);
	pass_ticks(6550);
	STILL(d, HOLD_RECV);
	pass_ticks(1);
	OVER(d, -E_TIMEOUT);
}

TEST(an_env_with_a_time_limit_can_end)
{
	four();
	WAITS(a, ipc_wait, 0, NO_PAGE, SECOND);
	WAITS(b, ipc_send, c->env_id, 1, NO_PAGE, SECOND);
	WAITS(d, ipc_call, c->env_id, 1, NO_PAGE, SECOND, NO_PAGE);
	env_destroy(NULL, a);
	env_destroy(NULL, b);
	env_destroy(NULL, d);
	CHECK(!timer_any());
	pass_ticks(TICKS_OF_A_SECOND);
	reap_all();
}

// sys_ipc_call

TEST(a_call_to_one_who_waits_is_a_send_and_a_wait)
{
	four();
	WAITS(a, ipc_recv, VA_C);
	WAITS(b, ipc_call, a->env_id, 5, VA_A, RO, VA_C);
	OVER(a, 0);
	GOT(a, 5, b, RO);
	STILL(b, HOLD_RECV);
	CHECK_EQ((uint32_t) (uintptr_t) b->env_ipc_dstva, VA_C);
	CHECK_EQ(RESULT(a, ipc_send, b->env_id, 6, VA_C, RO), 0);
	OVER(b, 0);
	GOT(b, 6, a, RO);
	CHECK_EQ(frame_at(b, VA_C), frame_at(b, VA_A));
}

TEST(who_is_called_runs_next_where_the_caller_ran)
{
	four();
	WAITS(a, ipc_recv, NO_PAGE);
	run_on(b, 2);
	env_move(c, 2);
	env_move(d, 2);
	CHECK_EQ(call(b, ipc_call, a->env_id, 5, NO_PAGE, 0, NO_PAGE), 0);
	let_notice(b);
	CHECK(env_next(2) == a);
	CHECK(queued_env(runqs[2].queue.first->next) == d);
}

TEST(a_caller_waits_for_its_turn_and_then_for_the_answer)
{
	four();
	WAITS(c, ipc_send, a->env_id, 1, NO_PAGE, 0);
	WAITS(b, ipc_call, a->env_id, 2, VA_A, RW, VA_B);
	STILL(b, HOLD_SEND);
	CHECK_EQ(b->env_ipc_recving, 0);
	CHECK_EQ(RESULT(d, ipc_try_send, b->env_id, 9, NO_PAGE, 0), -E_IPC_NOT_RECV);
	CHECK_EQ(RESULT(a, ipc_recv, NO_PAGE), 0);
	STILL(b, HOLD_SEND);
	CHECK_EQ(RESULT(a, ipc_recv, VA_C), 0);
	GOT(a, 2, b, RW);
	STILL(b, HOLD_RECV);
	CHECK_EQ((uint32_t) (uintptr_t) b->env_ipc_dstva, VA_B);
	CHECK_EQ(RESULT(a, ipc_send, b->env_id, 3, NO_PAGE, 0), 0);
	OVER(b, 0);
	GOT(b, 3, a, 0);
}

TEST(a_call_that_cannot_be_made_waits_for_nothing)
{
	four();
	WAITS(a, ipc_recv, VA_C);
	CHECK_EQ(RESULT(b, ipc_call, a->env_id, 1, NO_PAGE, 0, VA_A + 1), -E_INVAL);
	CHECK_EQ(RESULT(b, ipc_call, a->env_id, 1, NO_PAGE, 0, UTOP - 4), -E_INVAL);
	CHECK_EQ(RESULT(b, ipc_call, a->env_id, 1, NO_PAGE, 0x8000, NO_PAGE), -E_INVAL);
	CHECK_EQ(RESULT(b, ipc_call, a->env_id, 1, VA_B, RW, NO_PAGE), -E_INVAL);
	CHECK_EQ(RESULT(b, ipc_call, a->env_id, 1, VA_A, 0, NO_PAGE), -E_INVAL);
	CHECK_EQ(RESULT(b, ipc_call, 0x7ffff000, 1, NO_PAGE, 0, NO_PAGE), -E_BAD_ENV);
	CHECK_EQ(RESULT(b, ipc_call, 0, 1, NO_PAGE, 0, NO_PAGE), -E_IPC_NOT_RECV);
	CHECK_EQ(RESULT(b, ipc_call, c->env_id, 1, NO_PAGE, IPC_NOWAIT, NO_PAGE), -E_IPC_NOT_RECV);
	CHECK_EQ(RESULT(b, ipc_call_value, c->env_id, 1, IPC_NOWAIT), -E_IPC_NOT_RECV);
	CHECK_EQ(RESULT(b, ipc_call_value, 0x7ffff000, 1, 0), -E_BAD_ENV);
	CHECK_EQ(RESULT(b, ipc_call_value, a->env_id, 1, 0x4000), -E_INVAL);
	STILL(a, HOLD_RECV);
}

TEST(a_call_without_waiting_waits_for_the_answer_nevertheless)
{
	four();
	WAITS(a, ipc_recv, NO_PAGE);
	WAITS(b, ipc_call, a->env_id, 1, NO_PAGE, IPC_NOWAIT, NO_PAGE);
	STILL(b, HOLD_RECV);
}

TEST(a_call_of_a_word_sends_and_takes_no_page)
{
	four();
	WAITS(a, ipc_recv, VA_C);
	WAITS(b, ipc_call_value, a->env_id, 0xfeedface, IPC_ONLY);
	GOT(a, 0xfeedface, b, 0);
	CHECK_EQ((uint32_t) (uintptr_t) b->env_ipc_dstva, UTOP);
	CHECK_EQ(kenv(b)->only, a->env_id);
}

TEST(an_open_call_takes_an_answer_from_anyone_and_what_is_there_at_once)
{
	four();
	WAITS(a, ipc_recv, NO_PAGE);
	WAITS(c, ipc_send, b->env_id, 9, VA_A, RW);
	CHECK_EQ(RESULT(b, ipc_call, a->env_id, 1, NO_PAGE, 0, VA_C), 0);
	GOT(b, 9, c, RW);
	GOT(a, 1, b, 0);
	OVER(c, 0);
	OVER(a, 0);
}

TEST(a_call_of_one_only_passes_over_what_others_have_sent)
{
	four();
	WAITS(a, ipc_recv, NO_PAGE);
	WAITS(c, ipc_send, b->env_id, 9, VA_A, RW);
	WAITS(b, ipc_call, a->env_id, 1, NO_PAGE, IPC_ONLY, VA_C);
	CHECK_EQ(RESULT(d, ipc_try_send, b->env_id, 9, NO_PAGE, 0), -E_IPC_NOT_RECV);
	STILL(c, HOLD_SEND);
	CHECK_EQ(RESULT(a, ipc_send, b->env_id, 2, NO_PAGE, 0), 0);
	OVER(b, 0);
	GOT(b, 2, a, 0);
	CHECK_EQ(RESULT(b, ipc_recv, VA_C), 0);
	GOT(b, 9, c, RW);
}

TEST(a_queued_call_finds_an_answer_that_is_queued_already)
{
	four();
	// b calls a, which is busy; meanwhile c sends to b.
	WAITS(b, ipc_call, a->env_id, 1, NO_PAGE, 0, VA_C);
	WAITS(c, ipc_send, b->env_id, 2, VA_A, RW);
	STILL(b, HOLD_SEND);
	CHECK_EQ(RESULT(a, ipc_recv, NO_PAGE), 0);
	OVER(b, 0);
	GOT(b, 2, c, RW);
	OVER(c, 0);
}

TEST(calls_that_wait_for_each_other_are_served_along_the_whole_chain)
{
	struct Env *e[20];

	world();
	for (int i = 0; i < 20; i++)
		e[i] = program(NULL, NOCPU);
	// Each calls the one before it, and all wait for the first.
	for (int i = 1; i < 20; i++)
		WAITS(e[i], ipc_call, e[i - 1]->env_id, 100 + i, NO_PAGE, 0, NO_PAGE);
	CHECK_EQ(RESULT(e[0], ipc_recv, NO_PAGE), 0);
	GOT(e[0], 101, e[1], 0);
	// e[1] was left to wait, took the call of e[2], and has its answer so; and so on.
	for (int i = 1; i < 19; i++) {
		OVER(e[i], 0);
		GOT(e[i], 101 + i, e[i + 1], 0);
	}
	STILL(e[19], HOLD_RECV);
}

TEST(a_chain_of_calls_ends_where_one_takes_from_one_env_only)
{
	four();
	WAITS(b, ipc_call, a->env_id, 1, NO_PAGE, IPC_ONLY, NO_PAGE);
	WAITS(c, ipc_call, b->env_id, 2, NO_PAGE, IPC_ONLY, NO_PAGE);
	WAITS(d, ipc_send, c->env_id, 3, NO_PAGE, 0);
	CHECK_EQ(RESULT(a, ipc_recv, NO_PAGE), 0);
	STILL(b, HOLD_RECV);
	STILL(c, HOLD_SEND);
	STILL(d, HOLD_SEND);
	CHECK_EQ(RESULT(a, ipc_send, b->env_id, 4, NO_PAGE, 0), 0);
	OVER(b, 0);
	CHECK_EQ(RESULT(b, ipc_recv, NO_PAGE), 0);
	GOT(b, 2, c, 0);
	STILL(c, HOLD_RECV);
	STILL(d, HOLD_SEND);
}

TEST(a_server_answers_one_client_and_takes_the_next_call_in_one_step)
{
	four();
	WAITS(a, ipc_recv, NO_PAGE);
	WAITS(b, ipc_call, a->env_id, 1, NO_PAGE, IPC_ONLY, NO_PAGE);
	WAITS(c, ipc_call, a->env_id, 2, NO_PAGE, IPC_ONLY, NO_PAGE);
	CHECK_EQ(RESULT(a, ipc_call, b->env_id, 10, NO_PAGE, 0, NO_PAGE), 0);
	OVER(b, 0);
	GOT(b, 10, a, 0);
	GOT(a, 2, c, 0);
	STILL(c, HOLD_RECV);
	WAITS(a, ipc_call, c->env_id, 20, NO_PAGE, 0, NO_PAGE);
	OVER(c, 0);
	STILL(a, HOLD_RECV);
}

TEST(a_caller_of_one_only_is_told_when_that_one_ends)
{
	four();
	WAITS(a, ipc_recv, NO_PAGE);
	WAITS(b, ipc_call, a->env_id, 1, NO_PAGE, IPC_ONLY | SECOND, NO_PAGE);
	WAITS(c, ipc_call, a->env_id, 1, NO_PAGE, IPC_ONLY, NO_PAGE);
	CHECK_EQ(RESULT(a, ipc_recv, NO_PAGE), 0);
	STILL(c, HOLD_RECV);
	WAITS(d, ipc_call, a->env_id, 1, NO_PAGE, 0, NO_PAGE);
	CHECK_EQ(RESULT(a, ipc_recv, NO_PAGE), 0);
	env_destroy(NULL, a);
	OVER(b, -E_BAD_ENV);
	OVER(c, -E_BAD_ENV);
	STILL(d, HOLD_RECV); // others may answer
	CHECK(!timer_any());
}

TEST(each_wait_of_a_call_has_the_whole_time)
{
	four();
	WAITS(b, ipc_call, a->env_id, 1, NO_PAGE, SECOND, NO_PAGE);
	pass_ticks(TICKS_OF_A_SECOND - 1);
	CHECK_EQ(RESULT(a, ipc_recv, NO_PAGE), 0);
	STILL(b, HOLD_RECV);
	pass_ticks(TICKS_OF_A_SECOND - 1);
	STILL(b, HOLD_RECV);
	pass_ticks(1);
	OVER(b, -E_TIMEOUT);

	WAITS(b, ipc_call, a->env_id, 1, NO_PAGE, SECOND, NO_PAGE);
	pass_ticks(TICKS_OF_A_SECOND);
	OVER(b, -E_TIMEOUT);
	WAITS(a, ipc_recv, NO_PAGE);
}

TEST(a_caller_may_end_or_be_stopped_at_each_stage)
{
	for (int taken = 0; taken < 2; taken++) {
		four();
		WAITS(b, ipc_call, a->env_id, 1, NO_PAGE, SECOND, NO_PAGE);
		if (taken)
			CHECK_EQ(RESULT(a, ipc_recv, NO_PAGE), 0);
		uint32_t id = b->env_id;
		env_destroy(NULL, b);
		reap_all();
		CHECK(!timer_any());
		CHECK_EQ(RESULT(a, ipc_send, id, 1, NO_PAGE, 0), -E_BAD_ENV);

		WAITS(c, ipc_call, a->env_id, 1, NO_PAGE, SECOND, NO_PAGE);
		if (taken)
			CHECK_EQ(RESULT(a, ipc_recv, NO_PAGE), 0);
		env_hold(c, HOLD_STOPPED);
		if (!taken)
			CHECK_EQ(RESULT(a, ipc_recv, NO_PAGE), 0);
		STILL(c, HOLD_STOPPED | HOLD_RECV);
		CHECK_EQ(RESULT(a, ipc_send, c->env_id, 2, NO_PAGE, 0), 0);
		STILL(c, HOLD_STOPPED);
		env_release(c, HOLD_STOPPED);
		OVER(c, 0);
	}
}

TEST(a_receiver_that_is_stopped_takes_messages_as_one_that_waits)
{
	four();
	WAITS(a, ipc_recv, NO_PAGE);
	env_hold(a, HOLD_STOPPED);
	WAITS(b, ipc_call, a->env_id, 1, NO_PAGE, 0, NO_PAGE);
	STILL(a, HOLD_STOPPED);
	WAITS(c, ipc_send, a->env_id, 2, NO_PAGE, 0);
	env_release(a, HOLD_STOPPED);
	OVER(a, 0);
	GOT(a, 1, b, 0);
}

TEST(all_may_wait_for_each_other_and_be_given_up)
{
	four();
	WAITS(a, ipc_send, b->env_id, 1, NO_PAGE, SECOND);
	WAITS(b, ipc_send, c->env_id, 1, NO_PAGE, 0);
	WAITS(c, ipc_send, a->env_id, 1, NO_PAGE, 0);
	WAITS(d, ipc_call, a->env_id, 1, NO_PAGE, 0, NO_PAGE);
	pass_ticks(TICKS_OF_A_SECOND);
	OVER(a, -E_TIMEOUT);
	env_destroy(NULL, a);
	OVER(c, -E_BAD_ENV);
	OVER(d, -E_BAD_ENV);
	env_destroy(NULL, c);
	OVER(b, -E_BAD_ENV);
}
