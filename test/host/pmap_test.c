// Address spaces: entries, the counts behind them, the TLBs, and access to a program's memory.

#include "inc/string.h"
#include "kern/cpu.h"
#include "test/host/world.h"

static struct Env *env;
static struct Space *space;

static void
one_program(void)
{
	world();
	env = program(NULL, 0);
	space = &kenv(env)->space;
}

// A new page, mapped at va.
static struct PageInfo *
insert(uint32_t va, uint32_t perm)
{
	struct PageInfo *pp = page_alloc(PAGE_USER);

	CHECK(pp);
	CHECK_EQ(page_insert(space, pp, va, perm), 0);
	return pp;
}

// How many entries of va's table are in use, and which groups of them may be.
static uint32_t
in_table(uint32_t va)
{
	uint32_t n = 0;

	for (uint32_t i = 0; i < NPTENTRIES; i++)
		n += (fake_walk(space, ROUNDDOWN(va, PTSIZE) + i * PGSIZE) & PTE_P) != 0;
	return n;
}

static uint32_t
groups_of(uint32_t va)
{
	return *page_note(&pages[PTE_ADDR(space->pgdir[PDX(va)]) >> PGSHIFT]);
}

TEST(a_new_space_has_the_kernels_part_and_its_own_tables_at_uvpt)
{
	one_program();
	for (uint32_t i = 0; i < PDX(UTOP); i++)
		CHECK_EQ(space->pgdir[i], 0);
	for (uint32_t i = PDX(UTOP); i < NPDENTRIES; i++)
		if (i != PDX(UVPT))
			CHECK_EQ(space->pgdir[i], kern_pgdir[i]);
	CHECK_EQ(space->pgdir[PDX(UVPT)], frame_of(space->pgdir) << PGSHIFT | PTE_P | PTE_U);
	world_check();
}

TEST(a_mapping_that_is_inserted_is_found_with_its_rights)
{
	pte_t pte;

	one_program();
	struct PageInfo *pp = insert(VA_A, RW | PTE_COW | PTE_GIVENW);
	CHECK(page_lookup(space, VA_A, &pte) == pp);
	CHECK_EQ(pte, page_number(pp) << PGSHIFT | RW | PTE_COW | PTE_GIVENW);
	CHECK(!page_lookup(space, VA_B, &pte));
	CHECK(!page_lookup(space, VA_C, &pte));
	CHECK_EQ(pp->pp_ref, 1);
	world_check();
}

TEST(a_mapping_takes_the_place_of_another_which_is_given_back)
{
	one_program();
	struct PageInfo *old = insert(VA_A, RO);
	struct PageInfo *new = insert(VA_A, RO);
	CHECK_EQ(old->pp_ref, 0);
	CHECK_EQ(new->pp_ref, 1);
	CHECK_EQ(frame_at(env, VA_A), page_number(new));
	CHECK_EQ(in_table(VA_A), 1);
	world_check();
}

TEST(inserting_a_page_where_it_already_is_keeps_one_reference)
{
	one_program();
	struct PageInfo *pp = insert(VA_A, RW | PTE_GIVENW);
	CHECK(page_incref(pp));
	CHECK_EQ(page_insert(space, pp, VA_A, RO), 0);
	CHECK_EQ(pp->pp_ref, 1);
	CHECK_EQ(bits_at(env, VA_A), RO);
	CHECK_EQ(in_table(VA_A), 1);
	world_check();
}

TEST(a_page_mapped_twice_is_free_after_both_are_removed)
{
	one_program();
	struct PageInfo *pp = insert(VA_A, RO);
	uint32_t before = page_nfree();
	CHECK(page_incref(pp));
	CHECK_EQ(page_insert(space, pp, VA_C, RO), 0);
	CHECK_EQ(page_nfree(), before - 1); // a table
	page_remove(space, VA_A);
	CHECK_EQ(pp->pp_ref, 1);
	page_remove(space, VA_C);
	CHECK_EQ(pp->pp_ref, 0);
	CHECK_EQ(page_nfree(), before);
	world_check();
}

TEST(removing_what_is_not_there_does_nothing)
{
	one_program();
	page_remove(space, VA_A); // there is no table
	insert(VA_A, RO);
	page_remove(space, VA_B); // there is a table
	CHECK_EQ(in_table(VA_A), 1);
	CHECK_EQ(fake_flushes, 0);
	world_check();
}

TEST(a_table_knows_the_groups_in_which_there_may_be_something)
{
	one_program();
	for (uint32_t i = 0; i < 100; i++) {
		insert(VA_A + i * PGSIZE, RO);
		CHECK_EQ(in_table(VA_A), i + 1);
	}
	insert(VA_A + PTSIZE - PGSIZE, RO);
	insert(VA_C, RO);
	CHECK_EQ(in_table(VA_A), 101);
	CHECK_EQ(in_table(VA_C), 1);
	CHECK_EQ(groups_of(VA_A), 0x8000000f);
	CHECK_EQ(groups_of(VA_C), 1);
	for (uint32_t i = 0; i < 100; i++)
		page_remove(space, VA_A + i * PGSIZE);
	CHECK_EQ(in_table(VA_A), 1);
	world_check();
}

TEST(a_space_gives_back_every_frame_it_had)
{
	one_program();
	struct PageInfo *shared = page_alloc(PAGE_USER);
	CHECK(page_incref(shared));
	for (uint32_t va = 0; va < UTOP - PTSIZE; va += UTOP / 16 & ~(PGSIZE - 1))
		insert(va, RO);
	insert(VA_A, RW | PTE_GIVENW);
	insert(VA_A + PTSIZE - PGSIZE, RW | PTE_GIVENW); // the last one of a table
	insert(UTOP - PGSIZE, RO);
	CHECK_EQ(page_insert(space, shared, VA_B, RO), 0);
	CHECK_EQ(shared->pp_ref, 2);
	env_destroy(NULL, env);
	env_let_go(env);
	CHECK_EQ(shared->pp_ref, 1);
	page_decref(shared);
	CHECK_EQ(page_nfree(), 199);
	CHECK(!space->pgdir);
	world_check();
}

TEST(a_page_goes_only_after_every_cpu_has_dropped_it)
{
	one_program();
	insert(VA_A, RW | PTE_GIVENW);
	insert(VA_B, RW | PTE_GIVENW);
	fake_touch(env, VA_A);
	fake_touch(env, VA_B);
	page_remove(space, VA_A);
	world_check();
	insert(VA_B, RW | PTE_GIVENW);
	world_check();
	struct PageInfo *pp = &pages[frame_at(env, VA_B)];
	CHECK(page_incref(pp));
	CHECK_EQ(page_insert(space, pp, VA_B, RO), 0); // the same page, but fewer rights
	world_check();
	CHECK_EQ(fake_flushes, 3);
}

TEST(a_mapping_without_room_for_its_table_changes_nothing)
{
	one_program();
	insert(VA_A, RO);
	struct PageInfo *pp = &pages[frame_at(env, VA_A)];
	leave_frames(PAGE_TABLE, 0);
	struct Snapshot before = snapshot(true);
	CHECK_EQ(page_insert(space, pp, VA_C, RO), -E_NO_MEM);
	struct Snapshot after = snapshot(true);
	CHECK(snapshot_is(&before, &after));
	CHECK(page_incref(pp));
	CHECK_EQ(page_insert(space, pp, VA_B, RO), 0); // this one has a table
	world_check();
}

TEST(only_page_addresses_below_utop_are_user_pages)
{
	CHECK(user_page(0) && user_page(VA_A) && user_page(UTOP - PGSIZE));
	CHECK(!user_page(1) && !user_page(VA_A + 4) && !user_page(UTOP - 1));
	CHECK(!user_page(UTOP) && !user_page(UVPT) && !user_page(KERNBASE));
	CHECK(!user_page(0xfffff000) && !user_page(0xffffffff));
}

TEST(a_permission_is_present_and_user_and_nothing_privileged)
{
	CHECK(user_perm(RO) && user_perm(RW) && user_perm(PTE_SYSCALL));
	for (uint32_t bit = 1; bit; bit <<= 1) {
		CHECK_EQ(user_perm(RO ^ bit), bit & (PTE_W | PTE_AVAIL) ? true : false);
		CHECK_EQ(user_perm(bit), false);
	}
}

// The first address at which a program could not do this, or 0 when it could do all of it.
static uint32_t
first_bad(uint32_t va, uint32_t len, uint32_t perm)
{
	uint32_t bad = 0;
	int r = user_mem_check(space, va, len, perm, &bad);

	CHECK_EQ(r, bad ? -E_FAULT : 0);
	CHECK_EQ(user_mem_check(space, va, len, perm, NULL), r);
	return bad;
}

TEST(the_first_address_that_a_program_may_not_use_is_found)
{
	one_program();
	insert(VA_A, RW | PTE_GIVENW);
	insert(VA_B, RO);
	insert(VA_B + 2 * PGSIZE, RW | PTE_GIVENW);
	CHECK_EQ(first_bad(VA_A, 2 * PGSIZE, 0), 0);
	CHECK_EQ(first_bad(VA_A, 2 * PGSIZE + 1, 0), VA_B + PGSIZE);
	CHECK_EQ(first_bad(VA_A + 1, 2 * PGSIZE - 1, 0), 0);
	CHECK_EQ(first_bad(VA_A + 1, 2 * PGSIZE, 0), VA_B + PGSIZE);
	CHECK_EQ(first_bad(VA_A, PGSIZE, PTE_W), 0);
	CHECK_EQ(first_bad(VA_A, PGSIZE + 1, PTE_W), VA_B);
	CHECK_EQ(first_bad(VA_B + 123, 1, PTE_W), VA_B + 123);
	CHECK_EQ(first_bad(VA_A - 5, 10, 0), VA_A - 5);
	CHECK_EQ(first_bad(VA_C + 9, 1, 0), VA_C + 9); // no table
	CHECK_EQ(first_bad(VA_A + 77, UINT32_MAX, 0), VA_B + PGSIZE);
}

TEST(no_bytes_may_be_used_anywhere)
{
	one_program();
	CHECK_EQ(first_bad(VA_C, 0, PTE_W), 0);
	CHECK_EQ(first_bad(KERNBASE, 0, PTE_W), 0);
	CHECK_EQ(first_bad(UINT32_MAX, 0, 0), 0);
}

TEST(memory_ends_at_utop_and_does_not_go_round)
{
	one_program();
	insert(UTOP - PGSIZE, RW | PTE_GIVENW);
	insert(0, RW | PTE_GIVENW);
	CHECK_EQ(first_bad(UTOP - PGSIZE, PGSIZE, PTE_W), 0);
	CHECK_EQ(first_bad(UTOP - PGSIZE, PGSIZE + 1, 0), UTOP);
	CHECK_EQ(first_bad(UTOP - 1, UINT32_MAX, 0), UTOP);
	CHECK_EQ(first_bad(UINT32_MAX, 2, 0), UINT32_MAX);
	CHECK_EQ(first_bad(UINT32_MAX, UINT32_MAX, 0), UINT32_MAX);
	CHECK_EQ(first_bad(0xfffff000, PGSIZE + 1, 0), 0xfffff000);
	CHECK_EQ(first_bad(KERNBASE, 1, 0), KERNBASE);
	CHECK_EQ(first_bad(UENVS, 1, PTE_W), UENVS);
	CHECK_EQ(user_mem_check(space, 0, PGSIZE, 0, NULL), 0);
}

TEST(memory_is_copied_across_pages_both_ways)
{
	char out[2 * PGSIZE + 20], in[2 * PGSIZE + 20], seen[2 * PGSIZE + 20];

	for (size_t i = 0; i < sizeof out; i++)
		out[i] = i * 7 + i / 256;
	world_both_pools(); // the pages have no address in the kernel
	env = program(NULL, 0);
	space = &kenv(env)->space;
	insert(VA_C - PGSIZE, RW | PTE_GIVENW);
	insert(VA_C, RW | PTE_GIVENW);
	insert(VA_C + PGSIZE, RW | PTE_GIVENW);
	insert(VA_C + 2 * PGSIZE, RW | PTE_GIVENW);
	CHECK(frame_at(env, VA_C) >= BORDER);
	uint32_t va = VA_C - 10;
	CHECK_EQ(copy_to_user(space, va, out, sizeof out, NULL), 0);
	peek(env, va, seen, sizeof out);
	CHECK(memcmp(seen, out, sizeof out) == 0);
	CHECK_EQ(copy_from_user(space, in, va, sizeof in, NULL), 0);
	CHECK(memcmp(in, out, sizeof out) == 0);
	peek(env, va - 1, seen, 1);
	CHECK_EQ(seen[0], 0);
	peek(env, va + sizeof out, seen, 1);
	CHECK_EQ(seen[0], 0);
	world_check();
}

TEST(a_copy_that_cannot_be_done_in_full_is_not_done_at_all)
{
	char buf[PGSIZE], seen[PGSIZE];
	uint32_t bad = 0;

	one_program();
	insert(VA_A, RW | PTE_GIVENW);
	insert(VA_B, RO);
	memset(buf, GARBAGE, sizeof buf);
	poke(env, VA_A, "original", 8);
	CHECK_EQ(copy_to_user(space, VA_A + 8, buf, PGSIZE, &bad), -E_FAULT);
	CHECK_EQ(bad, VA_B);
	peek(env, VA_A, seen, PGSIZE);
	CHECK(memcmp(seen, "original\0\0\0", 11) == 0 && seen[PGSIZE - 1] == 0);
	CHECK_EQ(copy_from_user(space, buf, VA_B + 8, PGSIZE, &bad), -E_FAULT);
	CHECK_EQ(bad, VA_B + PGSIZE);
	for (size_t i = 0; i < sizeof buf; i++)
		CHECK_EQ(buf[i], GARBAGE);
	CHECK(!(fake_walk(space, VA_A) & (PTE_A | PTE_D)));
}

TEST(a_copy_marks_pages_as_the_program_itself_would)
{
	char byte = 1;

	one_program();
	insert(VA_A, RW | PTE_GIVENW);
	insert(VA_B, RW | PTE_GIVENW);
	CHECK_EQ(copy_from_user(space, &byte, VA_A, 1, NULL), 0);
	CHECK_EQ(fake_walk(space, VA_A) & (PTE_A | PTE_D), PTE_A);
	CHECK_EQ(copy_to_user(space, VA_B, &byte, 1, NULL), 0);
	CHECK_EQ(fake_walk(space, VA_B) & (PTE_A | PTE_D), PTE_A | PTE_D);
}
