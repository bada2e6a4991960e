// Messages: who may send what to whom, and what the receiver finds.

#include "kern/ipc.h"

#include "inc/string.h"
#include "test/host/world.h"

#define NO_PAGE UTOP

static struct Env *sender, *receiver;

// Two programs that are no relatives; the receiver waits with dstva, on no CPU.
static void
one_waits(uint32_t dstva)
{
	world();
	sender = program(NULL, 0);
	receiver = program(NULL, 1);
	give_page(sender, VA_A, RW);
	give_page(sender, VA_B, RO | PTE_COW);
	CHECK_EQ(call(receiver, ipc_recv, dstva), 0);
	CHECK_EQ(receiver->env_status, ENV_NOT_RUNNABLE);
	let_notice(receiver);
}

static void
got(uint32_t value, uint32_t perm)
{
	CHECK_EQ(receiver->env_ipc_value, value);
	CHECK_EQ(receiver->env_ipc_from, sender->env_id);
	CHECK_EQ(receiver->env_ipc_perm, perm);
	CHECK_EQ(receiver->env_ipc_recving, 0);
	CHECK_EQ(receiver->env_status, ENV_RUNNABLE);
	CHECK_EQ(kenv(receiver)->frame.tf_regs.reg_eax, 0);
	world_check();
}

TEST(a_word_reaches_an_env_that_waits)
{
	one_waits(NO_PAGE);
	CHECK_EQ(call(sender, ipc_try_send, receiver->env_id, 0xcafe, NO_PAGE, 0), 0);
	got(0xcafe, 0);
	CHECK_EQ(sender->env_status, ENV_RUNNING);
}

TEST(a_page_reaches_an_env_that_asked_for_one)
{
	one_waits(VA_C);
	CHECK_EQ(call(sender, ipc_try_send, receiver->env_id, 1, VA_A, RW | PTE_SHARE), 0);
	got(1, RW | PTE_SHARE);
	CHECK_EQ(frame_at(receiver, VA_C), frame_at(sender, VA_A));
	CHECK_EQ(bits_at(receiver, VA_C), RW | PTE_SHARE | PTE_GIVENW);
	CHECK_EQ(bits_at(sender, VA_A), RW | PTE_GIVENW);
	CHECK_EQ(pages[frame_at(sender, VA_A)].pp_ref, 2);
}

TEST(a_page_sent_read_only_stays_read_only_for_the_receiver)
{
	one_waits(VA_C);
	CHECK_EQ(call(sender, ipc_try_send, receiver->env_id, 1, VA_A, RO), 0);
	got(1, RO);
	CHECK_EQ(bits_at(receiver, VA_C), RO);
	run_on(receiver, 1);
	CHECK_EQ(call(receiver, page_map, 0, VA_C, 0, VA_C, RW), -E_INVAL);
	CHECK_EQ(call(receiver, page_map, 0, VA_C, 0, VA_A, RO), 0);
	CHECK_EQ(call(receiver, page_map, 0, VA_A, 0, VA_A, RW), -E_INVAL);
}

TEST(a_page_that_arrives_takes_the_place_of_what_was_there)
{
	one_waits(VA_C);
	give_page(receiver, VA_C, RW);
	uint32_t nfree = page_nfree();
	CHECK_EQ(call(sender, ipc_try_send, receiver->env_id, 1, VA_B, RO), 0);
	got(1, RO);
	CHECK_EQ(page_nfree(), nfree + 1);
}

TEST(a_receiver_that_asked_for_no_page_gets_the_word_alone)
{
	one_waits(NO_PAGE);
	CHECK_EQ(call(sender, ipc_try_send, receiver->env_id, 7, VA_A, RW), 0);
	got(7, 0);
	CHECK_EQ(pages[frame_at(sender, VA_A)].pp_ref, 1);

	one_waits(0xffffffff);
	CHECK_EQ(call(sender, ipc_try_send, receiver->env_id, 8, VA_A, RW), 0);
	got(8, 0);
}

TEST(a_receiver_that_asked_for_a_page_may_get_none)
{
	one_waits(VA_C);
	CHECK_EQ(call(sender, ipc_try_send, receiver->env_id, 7, NO_PAGE, RW), 0);
	got(7, 0);
	CHECK_EQ(frame_at(receiver, VA_C), 0);
}

TEST(without_a_page_the_permission_is_not_looked_at)
{
	one_waits(VA_C);
	CHECK_EQ(call(sender, ipc_try_send, receiver->env_id, 7, 0xffffffff, 0xffffffff), 0);
	got(7, 0);
}

TEST(the_permission_of_an_earlier_page_is_forgotten)
{
	one_waits(VA_C);
	CHECK_EQ(call(sender, ipc_try_send, receiver->env_id, 1, VA_A, RW), 0);
	got(1, RW);
	run_on(receiver, 1);
	CHECK_EQ(call(receiver, ipc_recv, VA_C), 0);
	CHECK_EQ(call(sender, ipc_try_send, receiver->env_id, 2, NO_PAGE, 0), 0);
	CHECK_EQ(receiver->env_ipc_perm, 0);
	CHECK_EQ(receiver->env_ipc_value, 2);
}

TEST(an_env_that_does_not_wait_takes_no_message)
{
	world();
	sender = program(NULL, 0);
	receiver = program(NULL, NOCPU);
	give_page(sender, VA_A, RW);
	const uint32_t to = receiver->env_id;
	CHECK_EQ(call(sender, ipc_try_send, to, 1, NO_PAGE, 0), -E_IPC_NOT_RECV);
	CHECK_EQ(call(sender, ipc_try_send, to, 1, VA_A, RW), -E_IPC_NOT_RECV);
	CHECK_EQ(call(sender, ipc_try_send, 0, 1, NO_PAGE, 0), -E_IPC_NOT_RECV);
	env_hold(receiver, HOLD_STOPPED); // stopped is not waiting
	CHECK_EQ(call(sender, ipc_try_send, to, 1, NO_PAGE, 0), -E_IPC_NOT_RECV);
}

TEST(one_wait_takes_one_message)
{
	one_waits(NO_PAGE);
	CHECK_EQ(call(sender, ipc_try_send, receiver->env_id, 1, NO_PAGE, 0), 0);
	CHECK_EQ(call(sender, ipc_try_send, receiver->env_id, 2, NO_PAGE, 0), -E_IPC_NOT_RECV);
	got(1, 0);
}

TEST(nobody_sends_to_an_env_that_is_not_there)
{
	one_waits(NO_PAGE);
	const uint32_t to = receiver->env_id;
	CHECK_EQ(call(sender, ipc_try_send, 0x7ffff000, 1, NO_PAGE, 0), -E_BAD_ENV);
	CHECK_EQ(call(sender, ipc_try_send, to + 0x1000, 1, NO_PAGE, 0), -E_BAD_ENV);
	CHECK_EQ(call(sender, ipc_try_send, -1, 1, NO_PAGE, 0), -E_BAD_ENV);
	env_destroy(NULL, receiver);
	CHECK_EQ(call(sender, ipc_try_send, to, 1, NO_PAGE, 0), -E_BAD_ENV);

	one_waits(NO_PAGE);
	env_destroy(NULL, receiver); // not on a CPU: gone at once
	CHECK_EQ(call(sender, ipc_try_send, receiver->env_id, 1, NO_PAGE, 0), -E_BAD_ENV);
}

TEST(an_env_that_is_dying_takes_no_message)
{
	world();
	sender = program(NULL, 0);
	receiver = program(NULL, 1);
	CHECK_EQ(call(receiver, ipc_recv, NO_PAGE), 0);
	fake_cpu = 0;
	env_destroy(NULL, receiver);
	CHECK_EQ(receiver->env_status, ENV_DYING);
	CHECK_EQ(call(sender, ipc_try_send, receiver->env_id, 1, NO_PAGE, 0), -E_BAD_ENV);
}

TEST(a_page_is_sent_with_the_rights_that_the_sender_has_now)
{
	one_waits(VA_C);
	const uint32_t to = receiver->env_id;
	CHECK_EQ(call(sender, ipc_try_send, to, 1, VA_B, RW), -E_INVAL);
	// It was given with PTE_W, and PTE_W is away for now: no.
	CHECK_EQ(call(sender, page_map, 0, VA_A, 0, VA_A, RO | PTE_COW), 0);
	CHECK_EQ(call(sender, ipc_try_send, to, 1, VA_A, RW), -E_INVAL);
	CHECK_EQ(call(sender, page_map, 0, VA_A, 0, VA_A, RW), 0);
	CHECK_EQ(call(sender, ipc_try_send, to, 1, VA_A, RW), 0);
	got(1, RW);
}

TEST(what_is_sent_is_a_page_of_the_sender_with_a_permission)
{
	const uint32_t bad_perm[] = {0,           PTE_P,        PTE_U,      PTE_U | PTE_W,
				     RO | PTE_PS, RO | PTE_PWT, RO | PTE_G, RO | PTE_A,
				     RO | 0x1000, 0xffffffff};
	const uint32_t bad_va[] = {VA_A + 1,      VA_A + 4, UTOP - 1,  VA_C,
				   VA_B + PGSIZE, 0,        0x40000000};

	one_waits(VA_C);
	const uint32_t to = receiver->env_id;
	for (size_t i = 0; i < ARRAY_SIZE(bad_perm); i++)
		CHECK_EQ(call(sender, ipc_try_send, to, 1, VA_A, bad_perm[i]), -E_INVAL);
	for (size_t i = 0; i < ARRAY_SIZE(bad_va); i++)
		CHECK_EQ(call(sender, ipc_try_send, to, 1, bad_va[i], RO), -E_INVAL);
	CHECK_EQ(receiver->env_ipc_recving, 1);
}

TEST(a_page_address_to_receive_at_is_checked)
{
	world();
	receiver = program(NULL, 1);
	CHECK_EQ(call(receiver, ipc_recv, VA_A + 1), -E_INVAL);
	CHECK_EQ(call(receiver, ipc_recv, UTOP - 1), -E_INVAL);
	CHECK_EQ(call(receiver, ipc_recv, 12), -E_INVAL);
	CHECK_EQ(receiver->env_status, ENV_RUNNING);
	CHECK_EQ(call(receiver, ipc_recv, UTOP + 1), 0);
	CHECK_EQ(receiver->env_status, ENV_NOT_RUNNABLE);
}

TEST(a_message_to_a_stopped_env_is_taken_and_it_stays_stopped)
{
	one_waits(NO_PAGE);
	env_hold(receiver, HOLD_STOPPED);
	CHECK_EQ(call(sender, ipc_try_send, receiver->env_id, 5, NO_PAGE, 0), 0);
	CHECK_EQ(receiver->env_ipc_value, 5);
	CHECK_EQ(receiver->env_status, ENV_NOT_RUNNABLE);
	env_release(receiver, HOLD_STOPPED);
	got(5, 0);
}

TEST(a_page_with_too_many_mappings_is_not_sent)
{
	one_waits(VA_C);
	give_page(receiver, VA_A, RO); // so that there is a table
	struct PageInfo *pp = &pages[frame_at(sender, VA_A)];
	pp->pp_ref = UINT32_MAX; // says so, at least
	uint32_t bit = PTE_P | PTE_U;
	const struct Message m = {.to = receiver, .value = 1, .srcva = VA_A, .how = bit};
	CHECK_EQ(ipc_try_send(sender, &m), -E_NO_MEM);
	CHECK_EQ(receiver->env_ipc_recving, 1);
	CHECK_EQ(frame_at(receiver, VA_C), 0);
	CHECK_EQ(pp->pp_ref, UINT32_MAX);
	pp->pp_ref = 1;
	world_check();
}
