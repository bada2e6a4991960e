// System calls: every line of the contracts in inc/syscall.def.
// That a failed call changes nothing, and that no register but eax changes, is checked by call().

#include "kern/syscall.h"

#include "inc/stdio.h"
#include "inc/string.h"
#include "kern/cpu.h"
#include "kern/sched.h"
#include "test/host/world.h"

// self makes calls; child is its child, grandchild its child's; other is nobody's.
static struct Env *self, *child, *grandchild, *other;

static void
family(void)
{
	world();
	self = program(NULL, 0);
	child = program(self, NOCPU);
	grandchild = program(child, NOCPU);
	other = program(NULL, NOCPU);
	fake_clear_console();
}

// The i-th of the ids that no call but an IPC send may work on.
#define NBADIDS 7
static envid_t
bad_id(int i)
{
	const envid_t ids[NBADIDS] = {
		grandchild->env_id,
		other->env_id,
		child->env_id + 0x1000, // a life to come
		child->env_id - 0x1000, // an id without a life
		-1,
		INT32_MIN,
		0x103f, // an empty slot
	};

	return ids[i];
}

static const uint32_t bad_vas[] = {1,          VA_A + 1,   VA_A + 4,  VA_A + 0xfff, UTOP - 1,
				   UTOP,       UTOP + 1,   UVPT,      KERNBASE,     ULIM - PGSIZE,
				   0x80000001, 0xfffff000, 0xffffffff};
static const uint32_t bad_perms[] = {0,
				     PTE_P,
				     PTE_U,
				     PTE_W,
				     PTE_U | PTE_W,
				     PTE_P | PTE_W,
				     RO | PTE_PWT,
				     RO | PTE_PCD,
				     RO | PTE_A,
				     RO | PTE_D,
				     RO | PTE_PS, // which is PTE_GIVENW, too
				     RO | PTE_G,
				     RO | 0x1000,
				     RO | 0x80000000,
				     0xffffffff};
static const uint32_t good_perms[] = {RO,         RW,         RO | PTE_COW, RW | PTE_SHARE,
				      RO | 0x200, PTE_SYSCALL};

// The archive

TEST(an_archive_page_is_shared_by_all_and_written_by_nobody)
{
	family();
	fake_keep();
	struct PageInfo *pp = page_kept(1);
	CHECK_EQ(call(self, archive_page, 1, 0, VA_A), 0);
	CHECK_EQ(call(self, archive_page, 1, child->env_id, VA_C), 0);
	CHECK_EQ(frame_at(self, VA_A), page_number(pp));
	CHECK_EQ(frame_at(child, VA_C), page_number(pp));
	CHECK_EQ(bits_at(self, VA_A), RO);
	CHECK_EQ(pp->pp_ref, 3);
	CHECK_EQ(call(self, page_protect, 0, VA_A, RW), -E_INVAL);
	CHECK_EQ(call(self, page_map, 0, VA_A, 0, VA_B, RW), -E_INVAL);
	CHECK_EQ(call(self, page_protect, 0, VA_A, RO | PAGE_SOLE), -E_SHARED);
	CHECK_EQ(call(self, page_unmap, child->env_id, VA_C), 0);
	CHECK_EQ(call(self, page_unmap, 0, VA_A), 0);
	CHECK_EQ(pp->pp_ref, 1); // never free
}

TEST(an_archive_page_takes_the_place_of_what_was_there)
{
	family();
	fake_keep();
	give_page(self, VA_A, RW);
	uint32_t old = frame_at(self, VA_A);
	CHECK_EQ(call(self, archive_page, 0, 0, VA_A), 0);
	CHECK_EQ(pages[old].pp_ref, 0);
	CHECK_EQ(call(self, archive_page, 2, 0, VA_A), 0);
	CHECK_EQ(page_kept(0)->pp_ref, 1);
	CHECK_EQ(page_kept(2)->pp_ref, 2);
}

TEST(what_is_no_archive_page_is_not_mapped)
{
	family();
	fake_keep();
	for (int i = 0; i < NBADIDS; i++)
		CHECK_EQ(call(self, archive_page, 0, bad_id(i), VA_A), -E_BAD_ENV);
	for (size_t i = 0; i < ARRAY_SIZE(bad_vas); i++)
		CHECK_EQ(call(self, archive_page, 0, 0, bad_vas[i]), -E_INVAL);
	CHECK_EQ(call(self, archive_page, FAKE_NKEPT, 0, VA_A), -E_INVAL);
	CHECK_EQ(call(self, archive_page, UINT32_MAX, 0, VA_A), -E_INVAL);
	page_kept(0)->pp_ref = UINT32_MAX; // says so, at least
	enter(self, SYS_archive_page, (const uint32_t[5]){0, 0, VA_A});
	CHECK_EQ((int32_t) kenv(self)->frame.tf_regs.reg_eax, -E_NO_MEM);
	page_kept(0)->pp_ref = 1;
	world_check();
}

TEST(an_archive_page_needs_a_page_table)
{
	family();
	fake_keep();
	leave_frames(PAGE_TABLE, 0);
	leave_frames(PAGE_USER, 0);
	CHECK_EQ(call(self, archive_page, 0, 0, VA_A), -E_NO_MEM);
	CHECK_EQ(page_kept(0)->pp_ref, 1);
}

// What all of them have in common

TEST(an_unknown_number_is_an_invalid_parameter)
{
	const uint32_t numbers[] = {NSYSCALLS,  NSYSCALLS + 1, 100,       0x7fffffff,
				    0x80000000, 0x80000001,    0xffffffff};
	const uint32_t arg[5] = {0};

	family();
	for (size_t i = 0; i < ARRAY_SIZE(numbers); i++)
		CHECK_EQ(call_number(self, numbers[i], arg), -E_INVAL);
}

TEST(the_numbers_are_those_that_programs_know)
{
	CHECK_EQ(SYS_cputs, 0);
	CHECK_EQ(SYS_cgetc, 1);
	CHECK_EQ(SYS_getenvid, 2);
	CHECK_EQ(SYS_env_destroy, 3);
	CHECK_EQ(SYS_page_alloc, 4);
	CHECK_EQ(SYS_page_map, 5);
	CHECK_EQ(SYS_page_unmap, 6);
	CHECK_EQ(SYS_exofork, 7);
	CHECK_EQ(SYS_env_set_status, 8);
	CHECK_EQ(SYS_env_set_pgfault_upcall, 9);
	CHECK_EQ(SYS_yield, 10);
	CHECK_EQ(SYS_ipc_try_send, 11);
	CHECK_EQ(SYS_ipc_recv, 12);
	CHECK_EQ(SYS_env_set_trapframe, 13);
}

// cputs

// Give self a text of n letters that ends at `end', a page address, and print it.
static void
print_letters(uint32_t end, uint32_t n)
{
	for (uint32_t va = ROUNDDOWN(end - n, PGSIZE); va != end; va += PGSIZE)
		if (!frame_at(self, va))
			give_page(self, va, RO);
	for (uint32_t i = 0; i < n; i++) {
		char c = 'a' + i % 26;
		poke(self, end - n + i, &c, 1);
	}
	fake_clear_console();
	call(self, cputs, end - n, n);
	CHECK_EQ(self->env_status, ENV_RUNNING);
	CHECK_EQ(strlen(fake_console), n);
	for (uint32_t i = 0; i < n; i++)
		CHECK_EQ(fake_console[i], 'a' + i % 26);
}

TEST(a_text_is_printed)
{
	family();
	give_page(self, VA_A, RO);
	poke(self, VA_A + 5, "hello, world", 12);
	call(self, cputs, VA_A + 5, 12);
	CHECK(strcmp(fake_console, "hello, world") == 0);
	CHECK_EQ(call_parts, 1);
}

TEST(a_long_text_is_printed_in_parts_and_in_full)
{
	family();
	unsigned parts = 1;
	for (uint32_t n = 1; n < 1100; n++) {
		print_letters(VA_C, n);
		CHECK(call_parts == parts || call_parts == parts + 1);
		parts = call_parts;
	}
	CHECK(parts > 1);
	print_letters(VA_C, 5 * PGSIZE + 7);
	print_letters(VA_C, 12);
	CHECK_EQ(call_parts, 1);
}

TEST(the_same_text_is_printed_again_from_its_start)
{
	family();
	print_letters(VA_C, 2000);
	print_letters(VA_C, 2000);
	print_letters(VA_C, 100);
}

TEST(a_part_of_a_text_takes_one_entry_into_the_kernel)
{
	family();
	give_page(self, VA_A, RO);
	char letters[1200];
	memset(letters, 'x', sizeof letters);
	poke(self, VA_A, letters, sizeof letters);
	const uint32_t arg[5] = {VA_A, 1200};
	enter(self, SYS_cputs, arg);
	const size_t part = strlen(fake_console);
	CHECK(part > 0 && part < 1200);
	for (size_t done = part; done < 1200; done += part) {
		CHECK_EQ(strlen(fake_console), done);
		CHECK_EQ(kenv(self)->frame.tf_eip, CALL_EIP - 2);
		enter(self, SYS_cputs, arg);
	}
	CHECK_EQ(strlen(fake_console), 1200);
	CHECK_EQ(kenv(self)->frame.tf_eip, CALL_EIP);
}

TEST(nothing_of_a_text_is_printed_before_all_of_it_is_checked)
{
	family();
	give_page(self, VA_A, RO);
	give_page(self, VA_B, RO);
	call(self, cputs, VA_A + 100, 3 * PGSIZE);
	CHECK_EQ(self->env_status, ENV_DYING);
	CHECK(strcmp(fake_console,
		     "[00001000] user_mem_check assertion failure for va 00802000\n") == 0);
	CHECK_EQ(env_nkilled, 1);
	let_notice(self);
	CHECK_EQ(self->env_status, ENV_FREE);
	CHECK_HAS(fake_console, "[00001000] free env 00001000\n");
}

TEST(an_enormous_text_is_checked_in_parts_too)
{
	fake_start(1400, 0);
	self = program(NULL, 0);
	for (uint32_t i = 0; i < 300; i++)
		give_page(self, VA_A + i * PGSIZE, RO);
	poke(self, VA_A, "not to be seen", 14);
	fake_clear_console();
	call(self, cputs, VA_A, UINT32_MAX);
	CHECK_EQ(call_parts, 2);
	CHECK_EQ(self->env_status, ENV_DYING);
	CHECK(strcmp(fake_console,
		     "[00001000] user_mem_check assertion failure for va 0092c000\n") == 0);
}

TEST(a_text_that_the_caller_may_not_read_destroys_it)
{
	const struct {
		uint32_t va, len, bad;
	} text[] = {
		{0, 1, 0},
		{VA_B, 1, VA_B},
		{VA_A, PGSIZE + 1, VA_B},
		{VA_A - 1, 2, VA_A - 1},
		{UTOP - 1, 1, UTOP - 1},
		{KERNBASE, 1, KERNBASE},
		{0xf0100000, 0xffffffff, 0xf0100000},
		{UINT32_MAX, 2, UINT32_MAX},
		{VA_A + 1, UINT32_MAX, VA_B},
		{VA_C, UINT32_MAX - VA_C + 2, VA_C},
	};
	char line[80];

	for (size_t i = 0; i < ARRAY_SIZE(text); i++) {
		family();
		give_page(self, VA_A, RW);
		call(self, cputs, text[i].va, text[i].len);
		CHECK_EQ(self->env_status, ENV_DYING);
		snprintf(line, sizeof line,
			 "[00001000] user_mem_check assertion failure for va %08x\n", text[i].bad);
		CHECK(strcmp(fake_console, line) == 0);
		let_notice(self);
	}
}

TEST(a_text_without_letters_is_none_wherever_it_is)
{
	family();
	call(self, cputs, KERNBASE, 0);
	call(self, cputs, UINT32_MAX, 0);
	call(self, cputs, 0, 0);
	CHECK(strcmp(fake_console, "") == 0);
	CHECK_EQ(self->env_status, ENV_RUNNING);
}

TEST(a_text_without_letters_is_none_after_another_text_too)
{
	family();
	print_letters(VA_C, 100);
	fake_clear_console();
	call(self, cputs, 0, 0);
	CHECK(strcmp(fake_console, "") == 0);
	CHECK_EQ(self->env_status, ENV_RUNNING);
}

TEST(a_text_may_contain_zero_bytes)
{
	family();
	give_page(self, VA_A, RO);
	poke(self, VA_A, "one\0two\0", 8);
	call(self, cputs, VA_A, 8);
	CHECK(memcmp(fake_console, "one\0two\0", 8) == 0);
}

TEST(a_text_that_goes_away_while_it_is_printed_destroys_the_caller)
{
	family();
	give_page(self, VA_A, RO);
	const uint32_t arg[5] = {VA_A, 2000};
	char letters[2000], line[80];
	memset(letters, 'x', sizeof letters);
	poke(self, VA_A, letters, sizeof letters);
	enter(self, SYS_cputs, arg);
	CHECK_EQ(kenv(self)->frame.tf_eip, CALL_EIP - 2);
	page_remove(&kenv(self)->space, VA_A); // as the parent may
	snprintf(line, sizeof line, "x[00001000] user_mem_check assertion failure for va %08x\n",
		 VA_A + (uint32_t) strlen(fake_console));
	enter(self, SYS_cputs, arg);
	CHECK_EQ(self->env_status, ENV_DYING);
	CHECK_HAS(fake_console, line);
	let_notice(self);
}

TEST(another_text_in_between_does_no_harm)
{
	char letters[1200];

	family();
	give_page(self, VA_A, RO);
	memset(letters, 'x', sizeof letters);
	poke(self, VA_A, letters, sizeof letters);
	const uint32_t arg[5] = {VA_A, 1200}, shorter[5] = {VA_A, 600};
	enter(self, SYS_cputs, arg);
	const size_t part = strlen(fake_console);
	enter(self, SYS_cputs, shorter);
	CHECK_EQ(strlen(fake_console), 2 * part);
	CHECK_EQ(call(self, getenvid), self->env_id);
	fake_clear_console();
	call(self, cputs, VA_A, 1200);
	CHECK_EQ(strlen(fake_console), 1200);
	world_check();
}

TEST(texts_of_two_envs_are_both_printed)
{
	char letters[1200];

	family();
	run_on(child, 1);
	give_page(self, VA_A, RO);
	give_page(child, VA_A, RO);
	memset(letters, 'x', sizeof letters);
	poke(self, VA_A, letters, sizeof letters);
	memset(letters, 'y', sizeof letters);
	poke(child, VA_A, letters, sizeof letters);
	const uint32_t arg[5] = {VA_A, 1200};
	do {
		enter(self, SYS_cputs, arg);
		enter(child, SYS_cputs, arg);
		CHECK_EQ(kenv(child)->frame.tf_eip, kenv(self)->frame.tf_eip);
	} while (kenv(self)->frame.tf_eip == CALL_EIP - 2);
	int x = 0, y = 0;
	for (const char *s = fake_console; *s; s++) {
		x += *s == 'x';
		y += *s == 'y';
	}
	CHECK_EQ(x, 1200);
	CHECK_EQ(y, 1200);
	CHECK_EQ(kenv(self)->frame.tf_eip, CALL_EIP);
}

TEST(percent_signs_in_a_text_are_letters)
{
	family();
	give_page(self, VA_A, RO);
	poke(self, VA_A, "%s%n%d", 6);
	call(self, cputs, VA_A, 6);
	CHECK(strcmp(fake_console, "%s%n%d") == 0);
}

// cgetc, getenvid

TEST(a_character_comes_from_the_console_or_0)
{
	family();
	fake_keys = "ab\xff";
	CHECK_EQ(call(self, cgetc), 'a');
	CHECK_EQ(call(self, cgetc), 'b');
	fake_keys = "";
	CHECK_EQ(call(self, cgetc), 0);
}

TEST(an_env_knows_its_id)
{
	family();
	CHECK_EQ(call(self, getenvid), 0x1000);
	run_on(child, 1);
	CHECK_EQ(call(child, getenvid), 0x1001);
}

// env_destroy

TEST(an_env_exits_by_id_0_or_by_its_own)
{
	family();
	CHECK_EQ(call(self, env_destroy, 0), 0);
	CHECK_EQ(self->env_status, ENV_DYING);
	CHECK(strcmp(fake_console, "[00001000] exiting gracefully\n") == 0);
	CHECK(sched_pick(self, 0) != self);
	CHECK_EQ(self->env_status, ENV_FREE);
	CHECK_HAS(fake_console, "[00001000] free env 00001000\n");

	family();
	CHECK_EQ(call(self, env_destroy, self->env_id), 0);
	CHECK_EQ(self->env_status, ENV_DYING);
	CHECK_EQ(env_nkilled, 0);
}

TEST(an_env_destroys_its_child_at_once_unless_that_runs)
{
	family();
	CHECK_EQ(call(self, env_destroy, child->env_id), 0);
	CHECK(strcmp(fake_console,
		     "[00001000] destroying 00001001\n"
		     "[00001000] free env 00001001\n") == 0);
	CHECK_EQ(child->env_status, ENV_FREE);

	family();
	run_on(child, 1);
	give_page(child, VA_A, RW);
	fake_touch(child, VA_A);
	CHECK_EQ(call(self, env_destroy, child->env_id), 0);
	CHECK_EQ(child->env_status, ENV_DYING);
	CHECK(fake_kicked[1]);
	CHECK_EQ(call(self, env_destroy, child->env_id), -E_BAD_ENV);
	let_notice(child);
	CHECK_EQ(child->env_status, ENV_FREE);
}

TEST(only_ours_are_destroyed)
{
	family();
	for (int i = 0; i < NBADIDS; i++)
		CHECK_EQ(call(self, env_destroy, bad_id(i)), -E_BAD_ENV);
	CHECK_EQ(call(self, env_destroy, child->env_id), 0);
	CHECK_EQ(call(self, env_destroy, child->env_id), -E_BAD_ENV);
	CHECK_EQ(call(self, page_alloc, child->env_id, VA_A, RW), -E_BAD_ENV);
}

TEST(a_child_that_dies_is_not_ours_any_more)
{
	family();
	run_on(child, 1);
	give_page(child, VA_A, RW);
	give_page(self, VA_A, RW);
	const uint32_t id = child->env_id;
	env_destroy(self, child);
	CHECK_EQ(child->env_status, ENV_DYING);
	CHECK_EQ(call(self, page_alloc, id, VA_B, RW), -E_BAD_ENV);
	CHECK_EQ(call(self, page_map, id, VA_A, 0, VA_A, RW), -E_BAD_ENV);
	CHECK_EQ(call(self, page_map, 0, VA_A, id, VA_B, RW), -E_BAD_ENV);
	CHECK_EQ(call(self, page_unmap, id, VA_A), -E_BAD_ENV);
	CHECK_EQ(call(self, env_set_status, id, ENV_RUNNABLE), -E_BAD_ENV);
	CHECK_EQ(call(self, env_set_status, id, ENV_NOT_RUNNABLE), -E_BAD_ENV);
	CHECK_EQ(call(self, env_set_pgfault_upcall, id, 0), -E_BAD_ENV);
	CHECK_EQ(call(self, env_set_trapframe, id, VA_A), -E_BAD_ENV);
	CHECK_EQ(call(self, ipc_try_send, id, 0, UTOP, 0), -E_BAD_ENV);
}

// page_alloc

TEST(a_fresh_page_is_zeroed_and_has_the_rights_asked_for)
{
	family();
	for (size_t i = 0; i < ARRAY_SIZE(good_perms); i++) {
		const uint32_t perm = good_perms[i], given = perm & PTE_W ? PTE_GIVENW : 0;
		uint8_t byte = 1;
		CHECK_EQ(call(self, page_alloc, 0, VA_A, perm), 0);
		CHECK_EQ(bits_at(self, VA_A), perm | given);
		peek(self, VA_A + 77, &byte, 1);
		CHECK_EQ(byte, 0);
		byte = 1;
		poke(self, VA_A + 77, &byte, 1);
		CHECK_EQ(call(self, page_alloc, child->env_id, VA_C, perm), 0);
		CHECK_EQ(bits_at(child, VA_C), perm | given);
	}
	CHECK_EQ(call(self, page_alloc, 0, 0, RW), 0);
	CHECK_EQ(call(self, page_alloc, 0, UTOP - PGSIZE, RW), 0);
}

TEST(a_fresh_page_takes_the_place_of_what_was_there)
{
	family();
	CHECK_EQ(call(self, page_alloc, 0, VA_A, RW), 0);
	fake_touch(self, VA_A);
	uint32_t nfree = page_nfree();
	CHECK_EQ(call(self, page_alloc, 0, VA_A, RO), 0);
	CHECK_EQ(page_nfree(), nfree);
	CHECK_EQ(bits_at(self, VA_A), RO);
}

TEST(a_page_replaced_in_a_child_that_runs_is_gone_from_its_cpu_too)
{
	family();
	run_on(child, 1);
	give_page(child, VA_A, RW);
	fake_touch(child, VA_A);
	CHECK_EQ(call(self, page_alloc, child->env_id, VA_A, RW), 0);
	fake_touch(child, VA_A);
	CHECK_EQ(call(self, page_unmap, child->env_id, VA_A), 0);
	give_page(self, VA_B, RO);
	give_page(child, VA_A, RW);
	fake_touch(child, VA_A);
	CHECK_EQ(call(self, page_map, 0, VA_B, child->env_id, VA_A, RO), 0);
	CHECK_EQ(fake_flushes, 3);
}

TEST(a_fresh_page_needs_an_env_an_address_and_a_permission)
{
	family();
	for (int i = 0; i < NBADIDS; i++)
		CHECK_EQ(call(self, page_alloc, bad_id(i), VA_A, RW), -E_BAD_ENV);
	for (size_t i = 0; i < ARRAY_SIZE(bad_vas); i++)
		CHECK_EQ(call(self, page_alloc, 0, bad_vas[i], RW), -E_INVAL);
	for (size_t i = 0; i < ARRAY_SIZE(bad_perms); i++)
		CHECK_EQ(call(self, page_alloc, 0, VA_A, bad_perms[i]), -E_INVAL);
}

// page_map

TEST(a_page_is_mapped_a_second_time)
{
	family();
	for (size_t i = 0; i < ARRAY_SIZE(good_perms); i++) {
		const uint32_t perm = good_perms[i], given = perm & PTE_W ? PTE_GIVENW : 0;
		CHECK_EQ(call(self, page_alloc, 0, VA_A, RW), 0);
		CHECK_EQ(call(self, page_map, 0, VA_A, child->env_id, VA_C, perm), 0);
		CHECK_EQ(frame_at(child, VA_C), frame_at(self, VA_A));
		CHECK_EQ(bits_at(child, VA_C), perm | given);
		CHECK_EQ(bits_at(self, VA_A), RW | PTE_GIVENW);
		CHECK_EQ(pages[frame_at(self, VA_A)].pp_ref, 2);
	}
}

TEST(a_page_may_come_from_a_child_and_go_to_another)
{
	family();
	struct Env *second = program(self, NOCPU);
	give_page(child, VA_A, RW);
	CHECK_EQ(call(self, page_map, child->env_id, VA_A, second->env_id, VA_B, RW), 0);
	CHECK_EQ(frame_at(second, VA_B), frame_at(child, VA_A));
	CHECK_EQ(call(self, page_map, child->env_id, VA_A, 0, VA_B, RO), 0);
	CHECK_EQ(frame_at(self, VA_B), frame_at(child, VA_A));
	CHECK_EQ(pages[frame_at(child, VA_A)].pp_ref, 3);
}

TEST(mapping_a_page_onto_itself_changes_its_rights_and_its_count_not)
{
	family();
	CHECK_EQ(call(self, page_alloc, 0, VA_A, RW), 0);
	fake_touch(self, VA_A);
	uint32_t frame = frame_at(self, VA_A), nfree = page_nfree();
	CHECK_EQ(call(self, page_map, 0, VA_A, 0, VA_A, RO | PTE_COW), 0);
	CHECK_EQ(frame_at(self, VA_A), frame);
	CHECK_EQ(bits_at(self, VA_A), RO | PTE_COW | PTE_GIVENW);
	CHECK_EQ(pages[frame].pp_ref, 1);
	CHECK_EQ(page_nfree(), nfree);
}

TEST(a_mapping_takes_the_last_place_of_another_page)
{
	family();
	give_page(self, VA_A, RW);
	give_page(self, VA_B, RW);
	uint32_t nfree = page_nfree();
	fake_touch(self, VA_B);
	CHECK_EQ(call(self, page_map, 0, VA_A, 0, VA_B, RO), 0);
	CHECK_EQ(page_nfree(), nfree + 1);
	CHECK_EQ(frame_at(self, VA_A), frame_at(self, VA_B));
}

TEST(within_an_env_the_right_to_write_comes_back)
{
	family();
	CHECK_EQ(call(self, page_alloc, 0, VA_A, RW), 0);
	CHECK_EQ(call(self, page_map, 0, VA_A, 0, VA_A, RO), 0);
	CHECK_EQ(call(self, page_map, 0, VA_A, 0, VA_B, RO), 0); // remembers, too
	CHECK_EQ(bits_at(self, VA_B), RO | PTE_GIVENW);
	CHECK_EQ(call(self, page_map, 0, VA_B, 0, VA_C, RW), 0);
	CHECK_EQ(call(self, page_map, 0, VA_A, 0, VA_A, RW), 0);
	CHECK_EQ(bits_at(self, VA_A), RW | PTE_GIVENW);
}

TEST(a_page_that_was_never_given_for_writing_is_not_written)
{
	family();
	CHECK_EQ(call(self, page_alloc, 0, VA_A, RO), 0);
	CHECK_EQ(call(self, page_map, 0, VA_A, 0, VA_A, RW), -E_INVAL);
	CHECK_EQ(call(self, page_map, 0, VA_A, 0, VA_B, RW), -E_INVAL);
	CHECK_EQ(call(self, page_map, 0, VA_A, 0, VA_B, RO), 0);
	CHECK_EQ(call(self, page_map, 0, VA_B, 0, VA_B, RW), -E_INVAL);
	CHECK_EQ(call(self, page_map, 0, VA_A, child->env_id, VA_A, RW), -E_INVAL);
}

TEST(another_env_is_given_what_it_is_given_and_no_more)
{
	family();
	CHECK_EQ(call(self, page_alloc, 0, VA_A, RW), 0);
	CHECK_EQ(call(self, page_map, 0, VA_A, child->env_id, VA_A, RO), 0);
	CHECK_EQ(bits_at(child, VA_A), RO);
	run_on(child, 1);
	CHECK_EQ(call(child, page_map, 0, VA_A, 0, VA_A, RW), -E_INVAL);
	CHECK_EQ(call(child, page_map, 0, VA_A, 0, VA_B, RW), -E_INVAL);
	CHECK_EQ(call(child, page_map, 0, VA_A, grandchild->env_id, VA_A, RW), -E_INVAL);
	// Not through a relative, either: the parent's own mapping of it is as good as its own.
	CHECK_EQ(call(self, page_map, child->env_id, VA_A, child->env_id, VA_A, RW), -E_INVAL);
	CHECK_EQ(call(self, page_map, child->env_id, VA_A, 0, VA_C, RW), -E_INVAL);
	CHECK_EQ(call(self, page_map, child->env_id, VA_A, 0, VA_C, RO), 0);
	CHECK_EQ(call(self, page_map, 0, VA_C, 0, VA_C, RW), -E_INVAL);
}

TEST(another_env_is_given_the_right_to_write_only_by_one_who_has_it_now)
{
	family();
	CHECK_EQ(call(self, page_alloc, 0, VA_A, RW), 0);
	CHECK_EQ(call(self, page_map, 0, VA_A, 0, VA_A, RO | PTE_COW), 0);
	CHECK_EQ(call(self, page_map, 0, VA_A, child->env_id, VA_A, RW), -E_INVAL);
	CHECK_EQ(call(self, page_map, 0, VA_A, child->env_id, VA_A, RO | PTE_COW), 0);
	CHECK_EQ(bits_at(child, VA_A), RO | PTE_COW);
	CHECK_EQ(call(self, page_map, 0, VA_A, 0, VA_A, RW), 0);
	CHECK_EQ(call(self, page_map, 0, VA_A, child->env_id, VA_A, RW), 0);
	CHECK_EQ(bits_at(child, VA_A), RW | PTE_GIVENW);
	// Within the child, by its parent: it was given, so it comes back.
	CHECK_EQ(call(self, page_map, child->env_id, VA_A, child->env_id, VA_A, RO), 0);
	CHECK_EQ(call(self, page_map, child->env_id, VA_A, child->env_id, VA_A, RW), 0);
}

TEST(a_mapping_needs_two_envs_two_addresses_a_page_and_a_permission)
{
	family();
	give_page(self, VA_A, RW);
	give_page(child, VA_A, RW);
	give_page(grandchild, VA_A, RW);
	give_page(other, VA_A, RW);
	for (int i = 0; i < NBADIDS; i++) {
		CHECK_EQ(call(self, page_map, bad_id(i), VA_A, 0, VA_B, RO), -E_BAD_ENV);
		CHECK_EQ(call(self, page_map, 0, VA_A, bad_id(i), VA_B, RO), -E_BAD_ENV);
	}
	for (size_t i = 0; i < ARRAY_SIZE(bad_vas); i++) {
		CHECK_EQ(call(self, page_map, 0, bad_vas[i], 0, VA_A, RO), -E_INVAL);
		CHECK_EQ(call(self, page_map, 0, VA_A, 0, bad_vas[i], RO), -E_INVAL);
	}
	for (size_t i = 0; i < ARRAY_SIZE(bad_perms); i++)
		CHECK_EQ(call(self, page_map, 0, VA_A, child->env_id, VA_B, bad_perms[i]),
			 -E_INVAL);
	CHECK_EQ(call(self, page_map, 0, VA_B, 0, VA_A, RO), -E_INVAL);
	CHECK_EQ(call(self, page_map, 0, VA_C, 0, VA_A, RO), -E_INVAL); // no table
	CHECK_EQ(call(self, page_map, child->env_id, VA_B, 0, VA_A, RO), -E_INVAL);
}

TEST(a_page_with_too_many_mappings_is_not_mapped_again)
{
	family();
	give_page(self, VA_A, RW);
	struct PageInfo *pp = &pages[frame_at(self, VA_A)];
	const uint32_t arg[5] = {0, VA_A, child->env_id, VA_B, RO};
	pp->pp_ref = UINT32_MAX; // says so, at least
	enter(self, SYS_page_map, arg);
	CHECK_EQ((int32_t) kenv(self)->frame.tf_regs.reg_eax, -E_NO_MEM);
	CHECK_EQ(frame_at(child, VA_B), 0);
	CHECK_EQ(pp->pp_ref, UINT32_MAX);
	pp->pp_ref = 1;
	world_check();
}

// page_unmap

TEST(a_page_is_unmapped_in_the_caller_or_its_child)
{
	family();
	uint32_t nfree = page_nfree();
	give_page(self, VA_A, RW);
	give_page(child, VA_A, RW);
	fake_touch(self, VA_A);
	CHECK_EQ(call(self, page_unmap, 0, VA_A), 0);
	CHECK_EQ(call(self, page_unmap, child->env_id, VA_A), 0);
	CHECK_EQ(frame_at(self, VA_A), 0);
	CHECK_EQ(frame_at(child, VA_A), 0);
	CHECK_EQ(page_nfree(), nfree - 2); // the tables stay
}

TEST(unmapping_nothing_is_quiet)
{
	family();
	CHECK_EQ(call(self, page_unmap, 0, VA_A), 0);
	give_page(self, VA_A, RW);
	CHECK_EQ(call(self, page_unmap, 0, VA_B), 0);
	CHECK_EQ(call(self, page_unmap, child->env_id, VA_A), 0);
	CHECK(frame_at(self, VA_A));
	CHECK(strcmp(fake_console, "") == 0);
}

TEST(unmapping_needs_an_env_and_an_address)
{
	family();
	for (int i = 0; i < NBADIDS; i++)
		CHECK_EQ(call(self, page_unmap, bad_id(i), VA_A), -E_BAD_ENV);
	for (size_t i = 0; i < ARRAY_SIZE(bad_vas); i++)
		CHECK_EQ(call(self, page_unmap, 0, bad_vas[i]), -E_INVAL);
}

// exofork

TEST(a_child_is_blank_and_has_the_callers_registers_but_eax)
{
	family();
	give_page(self, VA_A, RW);
	kenv(self)->frame.tf_eflags |= FL_CF | FL_ID;
	envid_t id = call(self, exofork);
	CHECK(id > 0);
	struct Env *e = env_find_ours(self, id);
	CHECK(e && e != self);
	CHECK_EQ(e->env_status, ENV_NOT_RUNNABLE);
	CHECK_EQ(e->env_parent_id, self->env_id);
	CHECK_EQ(frame_at(e, VA_A), 0);
	CHECK(!e->env_pgfault_upcall);
	struct Trapframe want = kenv(self)->frame;
	want.tf_regs.reg_eax = 0;
	CHECK(memcmp(&kenv(e)->frame, &want, sizeof want) == 0);
	CHECK_EQ(kenv(e)->fpu.bytes[0], self - envs + 1);
	CHECK_EQ(kenv(e)->fpu.bytes[511], self - envs + 1);
	CHECK_HAS(fake_console, "[00001000] new env 00001004\n");
}

TEST(a_child_does_not_run_before_it_is_told_to)
{
	family();
	envid_t id = call(self, exofork);
	struct Env *e = env_find_ours(self, id);
	for (int i = 0; i < 10; i++) {
		struct Env *next = env_next(1);
		CHECK(next != e);
		env_yield(next);
		env_let_go(next);
	}
	CHECK_EQ(call(self, env_set_status, id, ENV_RUNNABLE), 0);
	CHECK_EQ(e->env_status, ENV_RUNNABLE);
}

TEST(a_child_of_a_child_is_not_ours)
{
	family();
	run_on(child, 1);
	envid_t id = call(child, exofork);
	CHECK(id > 0);
	CHECK_EQ(call(self, env_set_status, id, ENV_RUNNABLE), -E_BAD_ENV);
	CHECK_EQ(call(child, env_set_status, id, ENV_RUNNABLE), 0);
}

TEST(there_are_no_more_envs_than_slots)
{
	fake_start(2 * NENV, 0);
	self = program(NULL, 0);
	for (int i = 1; i < NENV; i++)
		CHECK_EQ(call(self, exofork), 0x1000 + i);
	CHECK_EQ(call(self, exofork), -E_NO_FREE_ENV);
	CHECK_EQ(call(self, env_destroy, 0x1005), 0);
	CHECK_EQ(call(self, exofork), 0x2005);
	CHECK_EQ(call(self, exofork), -E_NO_FREE_ENV);
}

// env_set_status

TEST(an_env_is_stopped_and_runs_again)
{
	family();
	CHECK_EQ(call(self, env_set_status, child->env_id, ENV_NOT_RUNNABLE), 0);
	CHECK_EQ(child->env_status, ENV_NOT_RUNNABLE);
	CHECK_EQ(call(self, env_set_status, child->env_id, ENV_NOT_RUNNABLE), 0);
	CHECK_EQ(call(self, env_set_status, child->env_id, ENV_RUNNABLE), 0);
	CHECK_EQ(child->env_status, ENV_RUNNABLE);
	CHECK_EQ(call(self, env_set_status, child->env_id, ENV_RUNNABLE), 0);
	CHECK_EQ(child->env_status, ENV_RUNNABLE);
}

TEST(an_env_that_runs_and_is_told_to_run_goes_on_on_one_cpu)
{
	family();
	CHECK_EQ(call(self, env_set_status, 0, ENV_RUNNABLE), 0);
	CHECK_EQ(self->env_status, ENV_RUNNING);
	run_on(child, 1);
	CHECK_EQ(call(self, env_set_status, child->env_id, ENV_RUNNABLE), 0);
	CHECK_EQ(child->env_status, ENV_RUNNING);
	CHECK_EQ(kenv(child)->space.cpu, 1);
}

TEST(an_env_stops_itself)
{
	family();
	run_on(child, 1);
	CHECK_EQ(call(child, env_set_status, 0, ENV_NOT_RUNNABLE), 0);
	CHECK_EQ(child->env_status, ENV_NOT_RUNNABLE);
	CHECK(sched_pick(child, 1) != child);
	CHECK_EQ(kenv(child)->space.cpu, NOCPU);
}

TEST(an_env_that_nobody_could_start_again_is_destroyed_when_it_stops_itself)
{
	family();
	CHECK_EQ(call(self, env_set_status, 0, ENV_NOT_RUNNABLE), 0);
	CHECK_EQ(self->env_status, ENV_DYING);
	let_notice(self);
	CHECK_EQ(self->env_status, ENV_FREE);
}

TEST(a_text_begun_before_the_registers_were_set_is_printed_anew_after)
{
	const uint32_t text[5] = {VA_A, 200};

	family();
	run_on(child, 1);
	give_page(child, VA_A, RO);
	poke(child, VA_A, (const char[200]){[0 ... 199] = 'x'}, 200);
	enter(child, SYS_cputs, text); // the first part
	env_set_frame(self, child, &child->env_tf);
	let_notice(child);
	fake_clear_console();
	call(child, cputs, VA_A, 200);
	CHECK_EQ(memcmp(fake_console, (const char[200]){[0 ... 199] = 'x'}, 200), 0);
}

TEST(what_the_kernel_publishes_may_be_read_but_not_written)
{
	uint32_t bad = 0;

	family();
	give_page(self, VA_A, RO);
	const uint32_t table = UVPT + (VA_A >> PDXSHIFT) * PGSIZE; // shows the page table of VA_A
	CHECK_EQ(user_mem_check(&kenv(self)->space, table, PGSIZE, 0, NULL), 0);
	CHECK_EQ(user_mem_check(&kenv(self)->space, table, PGSIZE, PTE_W, &bad), -E_FAULT);
	CHECK_EQ(bad, table);
	CHECK_EQ(user_mem_check(&kenv(self)->space, table, PGSIZE + 1, 0, &bad), -E_FAULT);
	CHECK_EQ(bad, table + PGSIZE);
}

TEST(a_child_that_runs_elsewhere_is_stopped_and_its_cpu_told)
{
	family();
	run_on(child, 1);
	CHECK_EQ(call(self, env_set_status, child->env_id, ENV_NOT_RUNNABLE), 0);
	CHECK_EQ(child->env_status, ENV_NOT_RUNNABLE);
	CHECK(fake_kicked[1]);
	CHECK_EQ(call(self, env_set_status, child->env_id, ENV_RUNNABLE), 0);
	CHECK_EQ(child->env_status, ENV_RUNNING);
	let_notice(child);
	CHECK_EQ(child->env_status, ENV_RUNNING);
}

TEST(an_env_that_waits_for_a_message_goes_on_waiting_when_told_to_run)
{
	family();
	run_on(child, 1);
	CHECK_EQ(call(child, ipc_recv, UTOP), 0);
	let_notice(child);
	CHECK_EQ(call(self, env_set_status, child->env_id, ENV_RUNNABLE), 0);
	CHECK_EQ(child->env_status, ENV_NOT_RUNNABLE);
	CHECK_EQ(call(self, env_set_status, child->env_id, ENV_NOT_RUNNABLE), 0);
	CHECK_EQ(call(self, ipc_try_send, child->env_id, 1, UTOP, 0), 0);
	CHECK_EQ(child->env_status, ENV_NOT_RUNNABLE); // stopped, too
	CHECK_EQ(call(self, env_set_status, child->env_id, ENV_RUNNABLE), 0);
	CHECK_EQ(child->env_status, ENV_RUNNABLE);
}

TEST(a_status_is_runnable_or_not_runnable_of_ours)
{
	const uint32_t bad[] = {ENV_FREE, ENV_DYING, ENV_RUNNING, 5, 100, 0x80000002, 0xffffffff};

	family();
	for (size_t i = 0; i < ARRAY_SIZE(bad); i++) {
		CHECK_EQ(call(self, env_set_status, 0, bad[i]), -E_INVAL);
		CHECK_EQ(call(self, env_set_status, child->env_id, bad[i]), -E_INVAL);
	}
	for (int i = 0; i < NBADIDS; i++) {
		CHECK_EQ(call(self, env_set_status, bad_id(i), ENV_RUNNABLE), -E_BAD_ENV);
		CHECK_EQ(call(self, env_set_status, bad_id(i), ENV_NOT_RUNNABLE), -E_BAD_ENV);
	}
}

// env_set_pgfault_upcall

TEST(an_upcall_is_set_for_ours_and_not_checked)
{
	family();
	CHECK_EQ(call(self, env_set_pgfault_upcall, 0, 0x800020), 0);
	CHECK(self->env_pgfault_upcall == (void *) 0x800020);
	CHECK_EQ(call(self, env_set_pgfault_upcall, child->env_id, 0xf0100020), 0);
	CHECK_EQ((uintptr_t) child->env_pgfault_upcall, 0xf0100020);
	CHECK_EQ(call(self, env_set_pgfault_upcall, child->env_id, 0), 0);
	CHECK(!child->env_pgfault_upcall);
	for (int i = 0; i < NBADIDS; i++)
		CHECK_EQ(call(self, env_set_pgfault_upcall, bad_id(i), 0x800020), -E_BAD_ENV);
}

// yield

TEST(an_env_that_yields_goes_behind_all_others)
{
	family();
	CHECK_EQ(call(self, yield), 0);
	CHECK_EQ(self->env_status, ENV_RUNNABLE);
	CHECK(sched_pick(self, 0) == child);
	CHECK(sched_pick(NULL, 1) == grandchild);
	CHECK(sched_pick(NULL, 2) == other);
	CHECK(sched_pick(NULL, 3) == self);
	world_check();
}

// ipc: see ipc_test.c

// env_set_trapframe

static const struct Trapframe hostile = {
	.tf_regs = {1, 2, 3, 4, 5, 6, 7, 8},
	.tf_es = GD_KD,
	.tf_padding1 = 0xffff,
	.tf_ds = GD_KD,
	.tf_trapno = 99,
	.tf_err = 98,
	.tf_eip = 0xf0100000,
	.tf_cs = GD_KT,
	.tf_padding3 = 0xffff,
	.tf_eflags = FL_IOPL_3 | FL_NT | FL_VM | FL_CF | FL_DF | 0xffc08028,
	.tf_esp = KSTACKTOP,
	.tf_ss = GD_KD,
};

// That e goes on with the registers above, as a program.
static void
goes_on(struct Env *e)
{
	const struct Trapframe *tf = &kenv(e)->frame;

	CHECK_EQ(tf->tf_cs, GD_UT | 3);
	CHECK_EQ(tf->tf_ss, GD_UD | 3);
	CHECK_EQ(tf->tf_ds, GD_UD | 3);
	CHECK_EQ(tf->tf_es, GD_UD | 3);
	CHECK_EQ(tf->tf_eflags, FL_CF | FL_DF | FL_IF | 2);
	CHECK_EQ(tf->tf_eip, 0xf0100000);
	CHECK_EQ(tf->tf_esp, KSTACKTOP);
	CHECK(memcmp(&tf->tf_regs, &hostile.tf_regs, sizeof tf->tf_regs) == 0);
	CHECK_EQ(tf->tf_padding1 | tf->tf_padding2 | tf->tf_padding3 | tf->tf_padding4, 0);
	world_check();
}

TEST(a_child_goes_on_with_the_registers_it_is_given_as_a_program)
{
	family();
	give_page(self, VA_A, RO);
	give_page(self, VA_B, RO);
	poke(self, VA_B - 20, &hostile, sizeof hostile);
	CHECK_EQ(call(self, env_set_trapframe, child->env_id, VA_B - 20), 0);
	goes_on(child);
}

TEST(the_caller_goes_on_with_the_registers_it_gives_itself)
{
	for (int i = 0; i < 2; i++) {
		family();
		give_page(self, VA_A, RO);
		poke(self, VA_A + 20, &hostile, sizeof hostile);
		const uint32_t arg[5] = {i ? self->env_id : 0, VA_A + 20};
		enter(self, SYS_env_set_trapframe, arg);
		goes_on(self); // eax included
		CHECK(!kenv(self)->has_next_frame);
	}
}

TEST(a_child_that_runs_elsewhere_takes_its_new_registers_when_it_enters_the_kernel)
{
	family();
	run_on(child, 1);
	give_page(self, VA_A, RO);
	poke(self, VA_A, &hostile, sizeof hostile);
	kenv(child)->frame.tf_eip = 0x800100;
	CHECK_EQ(call(self, env_set_trapframe, child->env_id, VA_A), 0);
	CHECK_EQ(kenv(child)->frame.tf_eip, 0x800100);
	CHECK(fake_kicked[1]);
	fake_cpu = 1;
	CHECK(env_take_frame(child));
	goes_on(child);
}

TEST(registers_need_an_env_and_memory_to_read_them_from)
{
	const uint32_t bad[] = {0,          VA_B,      VA_B - 4, VA_B - sizeof hostile + 1,
				VA_A - 1,   KERNBASE,  UTOP,     UTOP - 4,
				0xfffffff0, 0xffffffff};

	family();
	give_page(self, VA_A, RW);
	give_page(child, VA_B, RW); // it is the caller's memory that counts
	for (size_t i = 0; i < ARRAY_SIZE(bad); i++) {
		CHECK_EQ(call(self, env_set_trapframe, child->env_id, bad[i]), -E_FAULT);
		CHECK_EQ(call(self, env_set_trapframe, 0, bad[i]), -E_FAULT);
	}
	CHECK_EQ(self->env_status, ENV_RUNNING);
	for (int i = 0; i < NBADIDS; i++)
		CHECK_EQ(call(self, env_set_trapframe, bad_id(i), VA_A), -E_BAD_ENV);
	CHECK_EQ(call(self, env_set_trapframe, child->env_id, VA_B - sizeof hostile), 0);
}
