// The calls that change a page in its place, and those on ranges: every line of their contracts, and
// that a call on a range does what the same does page by page.

#include "inc/string.h"
#include "kern/syscall.h"
#include "test/host/world.h"

// self makes calls, on CPU 0; child is its child; other is nobody's.
static struct Env *self, *child, *other;

static void
family(void)
{
	world_both_pools();
	self = program(NULL, 0);
	child = program(self, NOCPU);
	other = program(NULL, NOCPU);
}

static const uint32_t bad_vas[] = {1, VA_A + 4, UTOP - 1, UTOP + 1, UVPT, KERNBASE, 0xfffff000};
static const uint32_t bad_perms[] = {0,          PTE_P,       PTE_U | PTE_W, RO | PTE_GIVENW,
				     RO | PTE_G, RO | 0x2000, 0xffffffff};

static uint32_t
frames_of_self_at(uint32_t va, uint32_t n)
{
	uint32_t sum = 0;

	for (uint32_t i = 0; i < n; i++)
		sum += frame_at(self, va + i * PGSIZE) != 0;
	return sum;
}

// page_protect

TEST(rights_change_in_place_and_never_past_what_was_given)
{
	family();
	give_page(self, VA_A, RW);
	give_page(self, VA_B, RO);
	fake_touch(self, VA_A);
	uint32_t frame = frame_at(self, VA_A);
	CHECK_EQ(call(self, page_protect, 0, VA_A, RO | PTE_COW), 0);
	CHECK_EQ(bits_at(self, VA_A), RO | PTE_COW | PTE_GIVENW);
	CHECK_EQ(call(self, page_protect, 0, VA_A, RW), 0);
	CHECK_EQ(bits_at(self, VA_A), RW | PTE_GIVENW);
	CHECK_EQ(call(self, page_protect, 0, VA_B, RW), -E_INVAL);
	CHECK_EQ(call(self, page_protect, 0, VA_B, RO | PTE_SHARE), 0);
	CHECK_EQ(frame_at(self, VA_A), frame);
	CHECK_EQ(pages[frame].pp_ref, 1);
}

TEST(rights_change_without_forgetting_what_the_hardware_has_noted)
{
	char byte = 1;

	family();
	give_page(self, VA_A, RW);
	CHECK_EQ(copy_to_user(&kenv(self)->space, VA_A, &byte, 1, NULL), 0);
	CHECK_EQ(call(self, page_protect, 0, VA_A, RO), 0);
	CHECK_EQ(fake_walk(&kenv(self)->space, VA_A) & (PTE_A | PTE_D), PTE_A | PTE_D);
	CHECK_EQ(call(self, pages_protect, 0, VA_A, 1, 0, PAGES_TO(0, PTE_W)), 1);
	CHECK_EQ(fake_walk(&kenv(self)->space, VA_A) & (PTE_A | PTE_D), PTE_A | PTE_D);
}

TEST(a_page_is_taken_back_only_by_its_sole_owner)
{
	family();
	give_page(self, VA_A, RW);
	CHECK_EQ(call(self, page_map, 0, VA_A, child->env_id, VA_C, RO), 0);
	CHECK_EQ(call(self, page_protect, 0, VA_A, RO | PTE_COW), 0);
	CHECK_EQ(call(self, page_protect, 0, VA_A, RW | PAGE_SOLE), -E_SHARED);
	CHECK_EQ(call(self, page_unmap, child->env_id, VA_C), 0);
	CHECK_EQ(call(self, page_protect, 0, VA_A, RW | PAGE_SOLE), 0);
	CHECK_EQ(bits_at(self, VA_A), RW | PTE_GIVENW);
}

TEST(new_rights_need_an_env_a_page_and_a_permission)
{
	family();
	give_page(self, VA_A, RW);
	give_page(other, VA_A, RW);
	CHECK_EQ(call(self, page_protect, other->env_id, VA_A, RO), -E_BAD_ENV);
	CHECK_EQ(call(self, page_protect, -1, VA_A, RO), -E_BAD_ENV);
	CHECK_EQ(call(self, page_protect, 0, VA_B, RO), -E_INVAL);
	CHECK_EQ(call(self, page_protect, 0, VA_C, RO), -E_INVAL);
	CHECK_EQ(call(self, page_protect, 0, VA_C, RO | PAGE_SOLE), -E_INVAL);
	for (size_t i = 0; i < ARRAY_SIZE(bad_vas); i++)
		CHECK_EQ(call(self, page_protect, 0, bad_vas[i], RO), -E_INVAL);
	for (size_t i = 0; i < ARRAY_SIZE(bad_perms); i++)
		CHECK_EQ(call(self, page_protect, 0, VA_A, bad_perms[i]), -E_INVAL);
}

// page_copy

TEST(a_page_is_copied_and_both_go_their_own_way)
{
	char was[PGSIZE], seen[PGSIZE];

	family();
	give_page(self, VA_A, RO);
	for (int i = 0; i < PGSIZE; i++)
		was[i] = i * 7 + i / 256;
	poke(self, VA_A, was, PGSIZE);
	give_page(child, VA_C, RO);
	uint32_t nfree = page_nfree();
	CHECK_EQ(call(self, page_copy, 0, VA_A, child->env_id, VA_C, RW | PTE_SHARE), 0);
	CHECK_EQ(page_nfree(), nfree);
	CHECK_EQ(bits_at(child, VA_C), RW | PTE_SHARE | PTE_GIVENW);
	CHECK(frame_at(child, VA_C) != frame_at(self, VA_A));
	peek(child, VA_C, seen, PGSIZE);
	CHECK(memcmp(was, seen, PGSIZE) == 0);
	poke(child, VA_C, "changed", 7);
	peek(self, VA_A, seen, PGSIZE);
	CHECK(memcmp(was, seen, PGSIZE) == 0);
}

TEST(a_page_is_copied_onto_itself)
{
	char seen[6];

	family();
	give_page(self, VA_A, RO);
	fake_touch(self, VA_A);
	poke(self, VA_A, "still", 6);
	uint32_t frame = frame_at(self, VA_A);
	CHECK_EQ(call(self, page_copy, 0, VA_A, 0, VA_A, RW), 0);
	CHECK(frame_at(self, VA_A) != frame);
	CHECK_EQ(pages[frame].pp_ref, 0);
	peek(self, VA_A, seen, 6);
	CHECK(memcmp(seen, "still", 6) == 0);
}

TEST(a_copy_needs_two_envs_two_addresses_a_page_and_a_permission)
{
	family();
	give_page(self, VA_A, RW);
	give_page(other, VA_A, RW);
	CHECK_EQ(call(self, page_copy, other->env_id, VA_A, 0, VA_A, RO), -E_BAD_ENV);
	CHECK_EQ(call(self, page_copy, 0, VA_A, other->env_id, VA_A, RO), -E_BAD_ENV);
	CHECK_EQ(call(self, page_copy, 0, VA_B, 0, VA_A, RO), -E_INVAL);
	CHECK_EQ(call(self, page_copy, 0, VA_C, 0, VA_A, RO), -E_INVAL);
	for (size_t i = 0; i < ARRAY_SIZE(bad_vas); i++) {
		CHECK_EQ(call(self, page_copy, 0, bad_vas[i], 0, VA_A, RO), -E_INVAL);
		CHECK_EQ(call(self, page_copy, 0, VA_A, 0, bad_vas[i], RO), -E_INVAL);
	}
	for (size_t i = 0; i < ARRAY_SIZE(bad_perms); i++)
		CHECK_EQ(call(self, page_copy, 0, VA_A, 0, VA_B, bad_perms[i]), -E_INVAL);
}

// page_move

TEST(a_page_moves_in_the_place_of_another)
{
	family();
	give_page(self, VA_A, RW);
	give_page(self, VA_C, RO);
	fake_touch(self, VA_A);
	fake_touch(self, VA_C);
	uint32_t moved = frame_at(self, VA_A), old = frame_at(self, VA_C);
	CHECK_EQ(call(self, page_move, 0, VA_A, VA_C, RO), 0);
	CHECK_EQ(frame_at(self, VA_A), 0);
	CHECK_EQ(frame_at(self, VA_C), moved);
	CHECK_EQ(pages[old].pp_ref, 0);
	CHECK_EQ(pages[moved].pp_ref, 1);
	CHECK_EQ(bits_at(self, VA_C), RO | PTE_GIVENW);
	CHECK_EQ(call(self, page_move, 0, VA_C, VA_B, RW), 0);
	CHECK_EQ(bits_at(self, VA_B), RW | PTE_GIVENW);
}

TEST(a_page_that_moves_to_where_it_is_gets_new_rights)
{
	family();
	give_page(self, VA_A, RW);
	uint32_t frame = frame_at(self, VA_A);
	CHECK_EQ(call(self, page_move, 0, VA_A, VA_A, RO | PTE_COW), 0);
	CHECK_EQ(frame_at(self, VA_A), frame);
	CHECK_EQ(bits_at(self, VA_A), RO | PTE_COW | PTE_GIVENW);
	CHECK_EQ(call(self, page_move, 0, VA_B, VA_B, RO), -E_INVAL);
}

TEST(a_move_needs_an_env_two_addresses_a_page_and_a_permission)
{
	family();
	give_page(self, VA_A, RO);
	give_page(other, VA_A, RW);
	CHECK_EQ(call(self, page_move, other->env_id, VA_A, VA_B, RO), -E_BAD_ENV);
	CHECK_EQ(call(self, page_move, 0, VA_B, VA_A, RO), -E_INVAL);
	CHECK_EQ(call(self, page_move, 0, VA_C, VA_A, RO), -E_INVAL);
	CHECK_EQ(call(self, page_move, 0, VA_A, VA_B, RW), -E_INVAL); // never given
	for (size_t i = 0; i < ARRAY_SIZE(bad_vas); i++) {
		CHECK_EQ(call(self, page_move, 0, bad_vas[i], VA_A, RO), -E_INVAL);
		CHECK_EQ(call(self, page_move, 0, VA_A, bad_vas[i], RO), -E_INVAL);
	}
	for (size_t i = 0; i < ARRAY_SIZE(bad_perms); i++)
		CHECK_EQ(call(self, page_move, 0, VA_A, VA_B, bad_perms[i]), -E_INVAL);
}

// Ranges: what they have in common

TEST(a_range_is_all_below_utop)
{
	const struct {
		uint32_t va, n;
	} none[] = {{1, 1},
		    {VA_A + 4, 0},
		    {UTOP, 1},
		    {UTOP - PGSIZE, 2},
		    {UTOP + PGSIZE, 0},
		    {0xfffff000, 1},
		    {0, UTOP / PGSIZE + 1},
		    {VA_A, UINT32_MAX},
		    {VA_A, 0x100000},
		    {PGSIZE, 0xfffff}};

	family();
	give_page(self, VA_A, RW);
	for (size_t i = 0; i < ARRAY_SIZE(none); i++) {
		uint32_t va = none[i].va, n = none[i].n;
		CHECK_EQ(call(self, pages_map, va, 0, 0, n, RO), -E_INVAL);
		CHECK_EQ(call(self, pages_map, 0, 0, va, n, RO), -E_INVAL);
		CHECK_EQ(call(self, pages_share, child->env_id, va, n, 0, 0), -E_INVAL);
		CHECK_EQ(call(self, pages_share, 0, va, n, 0, 0), -E_INVAL);
		CHECK_EQ(call(self, pages_protect, 0, va, n, 0, 0), -E_INVAL);
		CHECK_EQ(call(self, pages_unmap, 0, va, n), -E_INVAL);
	}
}

TEST(a_range_may_be_empty_or_everything)
{
	const uint32_t all = UTOP / PGSIZE;

	family();
	give_page(self, 0, RO);
	give_page(self, VA_C, RW);
	give_page(self, UTOP - PGSIZE, RW);
	CHECK_EQ(call(self, pages_map, UTOP, 0, UTOP, 0, RO), 0);
	CHECK_EQ(call(self, pages_share, child->env_id, UTOP, 0, 0, 0), 0);
	CHECK_EQ(call(self, pages_protect, 0, VA_A, 0, 0, 0), 0);
	CHECK_EQ(call(self, pages_unmap, 0, VA_C, 0), 0);
	CHECK_EQ(call(self, pages_map, 0, child->env_id, 0, all, RO), all);
	CHECK_EQ(frame_at(child, VA_C), frame_at(self, VA_C));
	CHECK_EQ(call(self, pages_share, child->env_id, 0, all, 0, 0), all);
	CHECK_EQ(bits_at(child, UTOP - PGSIZE), RW | PTE_GIVENW);
	CHECK_EQ(call(self, pages_protect, 0, 0, all, 0, PAGES_TO(PTE_W, PTE_COW)), all);
	CHECK_EQ(bits_at(self, UTOP - PGSIZE), RO | PTE_COW | PTE_GIVENW);
	CHECK_EQ(bits_at(self, 0), RO | PTE_COW);
	CHECK_EQ(call(self, pages_unmap, 0, 0, all), all);
	CHECK_EQ(frames_of_self_at(0, 1) + frames_of_self_at(VA_C, 1), 0);
	CHECK_EQ(call(self, pages_unmap, 0, 0, all), all);
}

TEST(a_range_belongs_to_an_env_of_ours)
{
	family();
	give_page(other, VA_A, RW);
	CHECK_EQ(call(self, pages_map, VA_A, other->env_id, VA_A, 1, RO), -E_BAD_ENV);
	CHECK_EQ(call(self, pages_share, other->env_id, VA_A, 1, 0, 0), -E_BAD_ENV);
	CHECK_EQ(call(self, pages_protect, other->env_id, VA_A, 1, 0, 0), -E_BAD_ENV);
	CHECK_EQ(call(self, pages_unmap, other->env_id, VA_A, 1), -E_BAD_ENV);
	CHECK_EQ(call(self, pages_unmap, -1, VA_A, 1), -E_BAD_ENV);
}

TEST(a_rule_has_only_bits_that_programs_may_change)
{
	family();
	give_page(self, VA_A, RW);
	for (uint32_t bit = 1; bit; bit <<= 1) {
		bool ask = bit & 0x0e420e42u, change = bit & 0x0e020e42u;
		CHECK_EQ(call(self, pages_protect, 0, VA_A, 1, bit, 0), ask ? 1 : -E_INVAL);
		CHECK_EQ(call(self, pages_protect, 0, VA_A, 1, PAGES_IF_NEVER, bit),
			 change ? 1 : -E_INVAL);
		CHECK_EQ(call(self, pages_share, child->env_id, VA_A, 1, bit, 0),
			 ask ? 1 : -E_INVAL);
		CHECK_EQ(call(self, pages_share, child->env_id, VA_A, 1, PAGES_IF_NEVER, bit),
			 change ? 1 : -E_INVAL);
	}
	CHECK_EQ(bits_at(self, VA_A), RW | PTE_GIVENW);
	for (size_t i = 0; i < ARRAY_SIZE(bad_perms); i++)
		CHECK_EQ(call(self, pages_map, VA_A, 0, VA_B, 1, bad_perms[i]), -E_INVAL);
}

TEST(a_page_that_may_not_be_mapped_ends_the_run_there)
{
	family();
	give_page(self, VA_A, RW);
	give_page(self, VA_B, RO);
	CHECK_EQ(call(self, pages_map, VA_A, child->env_id, VA_C, 3, RW), 1);
	CHECK_EQ(bits_at(child, VA_C), RW | PTE_GIVENW);
	CHECK_EQ(frame_at(child, VA_C + PGSIZE), 0);
	CHECK_EQ(call(self, pages_map, VA_B, child->env_id, VA_C, 2, RW), -E_INVAL);
	CHECK_EQ(call(self, pages_map, VA_A - PGSIZE, 0, VA_C, 4, RW), 2);
}

TEST(a_child_is_not_given_what_its_parent_has_given_up)
{
	family();
	give_page(self, VA_A, RW);
	give_page(self, VA_B, RW);
	CHECK_EQ(call(self, page_protect, 0, VA_A, RO), 0);
	CHECK_EQ(call(self, pages_share, child->env_id, VA_A, 2,
		      PAGES_IF(PTE_W | PTE_COW, PTE_SHARE), PAGES_TO(PTE_W, PTE_COW)),
		 2);
	CHECK_EQ(bits_at(child, VA_A), RO);
	CHECK_EQ(bits_at(child, VA_B), RO | PTE_COW | PTE_GIVENW);
	CHECK_EQ(bits_at(self, VA_A), RO | PTE_GIVENW);
	CHECK_EQ(bits_at(self, VA_B), RO | PTE_COW | PTE_GIVENW);
}

static pte_t
dirty(struct Env *e, uint32_t va)
{
	return fake_walk(&kenv(e)->space, va) & PTE_D;
}

TEST(a_write_is_noted_again_after_it_was_forgotten)
{
	family();
	run_on(child, 1);
	for (struct Env *e = self; e; e = e == self ? child : NULL) {
		give_page(e, VA_A, RW);
		give_page(e, VA_B, RW | PTE_COW);
		for (int round = 0; round < 3; round++) {
			fake_write(e, VA_A);
			fake_touch(e, VA_B);
			CHECK_EQ(dirty(e, VA_A), PTE_D);
			CHECK_EQ(dirty(e, VA_B), 0);
			CHECK_EQ(call(self, pages_protect, e->env_id, VA_A, 2, PAGES_IF(PTE_D, 0),
				      PAGES_TO(PTE_D, 0x200)),
				 2);
			CHECK_EQ(dirty(e, VA_A), 0);
			CHECK_EQ(bits_at(e, VA_A), RW | 0x200 | PTE_GIVENW);
			CHECK_EQ(bits_at(e, VA_B), RW | PTE_COW | PTE_GIVENW);
			fake_check();
		}
	}
}

TEST(when_no_write_is_forgotten_nothing_is_flushed)
{
	family();
	give_page(self, VA_A, RW);
	give_page(self, VA_B, RW);
	fake_touch(self, VA_A);
	fake_write(self, VA_B);
	fake_flushes = 0;
	CHECK_EQ(call(self, pages_protect, 0, VA_A, 1, 0, PAGES_TO(PTE_D, 0)), 1);
	CHECK_EQ(call(self, pages_protect, 0, VA_A, 2, PAGES_IF(0, PTE_D), PAGES_TO(PTE_D, 0)), 2);
	CHECK_EQ(fake_flushes, 0);
	CHECK_EQ(call(self, pages_protect, 0, VA_A, 2, 0, PAGES_TO(PTE_D, 0)), 2);
	CHECK_EQ(fake_flushes, 1);
	CHECK_EQ(dirty(self, VA_B), 0);
}

TEST(what_has_been_written_is_forgotten_on_both_sides_of_a_share)
{
	family();
	give_page(self, VA_A, RW);
	give_page(self, VA_B, RW);
	fake_write(self, VA_A);
	fake_write(self, VA_B);
	CHECK_EQ(call(self, pages_share, child->env_id, VA_A, 1, 0, 0), 1);
	CHECK_EQ(dirty(child, VA_A), PTE_D);
	CHECK_EQ(call(self, pages_share, child->env_id, VA_A, 2, PTE_D, PAGES_TO(PTE_D, 0)), 2);
	for (uint32_t va = VA_A; va <= VA_B; va += PGSIZE) {
		CHECK_EQ(dirty(self, va) | dirty(child, va), 0);
		CHECK_EQ(bits_at(child, va), RW | PTE_GIVENW);
	}
	fake_check();
}

// A page that says it has all the mappings there can be.
static int32_t
enter_with_full_count(uint32_t va, uint32_t number, const uint32_t arg[5])
{
	struct PageInfo *pp = &pages[frame_at(self, va)];
	uint32_t nfree = page_nfree();

	pp->pp_ref = UINT32_MAX;
	enter(self, number, arg);
	CHECK_EQ(pp->pp_ref, UINT32_MAX);
	CHECK_EQ(frame_at(child, va), 0);
	pp->pp_ref = 1;
	if ((int32_t) kenv(self)->frame.tf_regs.reg_eax < 0)
		CHECK_EQ(page_nfree(), nfree);
	world_check();
	return kenv(self)->frame.tf_regs.reg_eax;
}

TEST(a_page_with_too_many_mappings_ends_the_run)
{
	for (int table = 0; table < 2; table++) {
		family();
		give_page(self, VA_A, RW);
		give_page(self, VA_B, RO);
		if (table)
			give_page(child, VA_A + 5 * PGSIZE, RO);
		const uint32_t map[5] = {VA_A, child->env_id, VA_A, 2, RO};
		const uint32_t share[5] = {child->env_id, VA_A, 2, PTE_W, PAGES_TO(PTE_W, 0)};
		CHECK_EQ(enter_with_full_count(VA_A, SYS_pages_map, map), -E_NO_MEM);
		CHECK_EQ(enter_with_full_count(VA_A, SYS_pages_share, share), -E_NO_MEM);
		CHECK_EQ(bits_at(self, VA_A), RW | PTE_GIVENW);
		CHECK_EQ(enter_with_full_count(VA_B, SYS_pages_map, map), 1);
		CHECK_EQ(call(self, page_unmap, child->env_id, VA_A), 0);
		CHECK_EQ(enter_with_full_count(VA_B, SYS_pages_share, share), 1);
		CHECK_EQ(call(self, page_unmap, child->env_id, VA_A), 0);
		CHECK_EQ(call(self, page_protect, 0, VA_A, RW), 0);
	}
	family();
	give_page(self, VA_A, RO);
	give_page(self, VA_B, RW);
	const uint32_t share[5] = {child->env_id, VA_A, 2, PTE_W, PAGES_TO(PTE_W, 0)};
	CHECK_EQ(enter_with_full_count(VA_A, SYS_pages_share, share), -E_NO_MEM);
	CHECK_EQ(enter_with_full_count(VA_B, SYS_pages_share, share), 1);
	CHECK_EQ(bits_at(self, VA_B), RW | PTE_GIVENW);
}

TEST(a_long_range_takes_more_than_one_call)
{
	const uint32_t n = 3000, at = VA_A;
	uint32_t calls;
	int32_t r;

	fake_start(3200, 0);
	self = program(NULL, 0);
	child = program(self, NOCPU);
	for (uint32_t i = 0; i < n; i++)
		give_page(self, at + i * PGSIZE, RW);
	fake_touch(self, at);
	fake_touch(self, at + 2999 * PGSIZE);
#define WHOLE(name, ...)                                                                           \
	do {                                                                                       \
		calls = 0;                                                                         \
		for (uint32_t done = 0; done < n; done += r, calls++) {                            \
			uint32_t va = at + done * PGSIZE, left = n - done;                         \
			fake_flushes = 0;                                                          \
			r = call(self, name, __VA_ARGS__);                                         \
			CHECK(r > 0 && (uint32_t) r <= MIN(left, 1100));                           \
			CHECK(fake_flushes <= 4);                                                  \
		}                                                                                  \
		CHECK(calls >= 3);                                                                 \
	} while (0)
	WHOLE(pages_protect, 0, va, left, PTE_W, PAGES_TO(PTE_W, 0));
	WHOLE(pages_protect, 0, va, left, 0, PAGES_TO(0, PTE_W));
	WHOLE(pages_share, child->env_id, va, left, PTE_W, PAGES_TO(PTE_W, PTE_COW));
	for (uint32_t i = 0; i < n; i++)
		CHECK_EQ(bits_at(child, at + i * PGSIZE), RO | PTE_COW | PTE_GIVENW);
	CHECK_EQ(call(self, pages_unmap, child->env_id, 0, UTOP / PGSIZE) < 4000, true);
	CHECK(frame_at(child, at + 2999 * PGSIZE) != 0);
	WHOLE(pages_map, va, child->env_id, va, left, RO);
	WHOLE(pages_unmap, 0, va, left);
	CHECK_EQ(frames_of_self_at(at, n), 0);
	// What has been found to be empty is not looked at again.
	CHECK_EQ(call(self, pages_unmap, 0, 0, UTOP / PGSIZE), UTOP / PGSIZE);
	CHECK_EQ(call(self, pages_protect, 0, 0, UTOP / PGSIZE, 0, 0), UTOP / PGSIZE);
}

TEST(memory_that_is_thinly_spread_takes_more_than_one_call)
{
	uint32_t done = 0, calls = 0;
	int32_t r;

	world();
	self = program(NULL, 0);
	child = program(self, NOCPU);
	for (uint32_t i = 0; i < 60; i++)
		give_page(self, i * 3 * PTSIZE + i * 16 * PGSIZE, RW);
	for (; done < UTOP / PGSIZE; done += r, calls++) {
		r = call(self, pages_share, child->env_id, done * PGSIZE, UTOP / PGSIZE - done,
			 PTE_W, PAGES_TO(PTE_W, PTE_COW));
		CHECK(r > 0);
	}
	CHECK(calls > 1 && calls < 10);
	for (uint32_t i = 0; i < 60; i++)
		CHECK_EQ(bits_at(child, i * 3 * PTSIZE + i * 16 * PGSIZE),
			 RO | PTE_COW | PTE_GIVENW);
}

// Page by page

#define BASE (VA_C - 40 * PGSIZE) // across the end of a table
#define SLOTS 100

struct Slot {
	uint32_t frame, bits; // 0: nothing
};

static void
look(struct Env *e, struct Slot *slots)
{
	for (uint32_t i = 0; i < SLOTS; i++)
		slots[i] =
			(struct Slot){frame_at(e, BASE + i * PGSIZE),
				      bits_at(e, BASE + i * PGSIZE) | dirty(e, BASE + i * PGSIZE)};
}

static void
must_look(struct Env *e, const struct Slot *slots)
{
	for (uint32_t i = 0; i < SLOTS; i++) {
		CHECK_EQ(frame_at(e, BASE + i * PGSIZE), slots[i].frame);
		CHECK_EQ(bits_at(e, BASE + i * PGSIZE) | dirty(e, BASE + i * PGSIZE),
			 slots[i].bits);
	}
}

static const uint32_t bit_sets[] = {0,
				    0,
				    PTE_W,
				    PTE_W,
				    PTE_COW,
				    PTE_SHARE,
				    PTE_W | PTE_COW,
				    PTE_D,
				    PTE_D | PTE_SHARE,
				    PTE_SHARE | 0x200,
				    PTE_W | PTE_AVAIL};

// Let e have random pages, all at once or here and there, some of which its CPU uses.
static void
scatter(struct Env *e)
{
	static const uint32_t perms[] = {RO, RW, RW, RW | PTE_COW, RO | PTE_COW, RW | PTE_SHARE};
	uint32_t density = random_below(3) ? 1 + random_below(10) : 1;

	for (uint32_t i = 0; i < SLOTS; i++) {
		uint32_t va = BASE + i * PGSIZE;
		if (random_below(density) != 0) {
			page_remove(&kenv(e)->space, va);
			continue;
		}
		if (!frame_at(e, va))
			give_page(e, va, PICK(perms));
		call(self, page_protect, e->env_id, va, PICK(perms));
		if (kenv(e)->space.cpu == NOCPU || i % 2 == 0 || random_below(8) != 0)
			continue;
		if (bits_at(e, va) & PTE_W)
			fake_write(e, va);
		else
			fake_touch(e, va);
	}
}

static bool
matches(uint32_t bits, uint32_t any, uint32_t none, uint32_t set)
{
	if (!bits || (any && !(bits & any)) || (bits & none))
		return false;
	return !(set & PTE_W) || (bits & PTE_GIVENW);
}

static void
one_random_call(void)
{
	struct Env *e = random_below(2) ? self : child;
	uint32_t first = random_below(SLOTS), n = 1 + random_below(SLOTS - first);
	uint32_t any = PICK(bit_sets), none = random_below(2) ? 0 : PICK(bit_sets);
	uint32_t clear = PICK(bit_sets), set = PICK(bit_sets) & ~PTE_D, va = BASE + first * PGSIZE;
	uint32_t to = random_below(SLOTS - n + 1), perm = RO | PTE_COW;
	struct Slot mine[SLOTS], its[SLOTS], *target = e == self ? mine : its;

	look(self, mine);
	look(child, its);
	switch (random_below(5)) {
	case 0:
		CHECK_EQ(call(self, pages_unmap, e->env_id, va, n), n);
		memset(target + first, 0, n * sizeof *target);
		break;
	case 1:
		CHECK_EQ(call(self, pages_map, va, e->env_id, BASE + to * PGSIZE, n, perm), n);
		for (uint32_t i = 0; i < n; i++)
			if (mine[first + i].bits)
				target[to + i] = (struct Slot){
					mine[first + i].frame,
					perm | (e == self ? mine[first + i].bits & PTE_GIVENW : 0)};
		break;
	case 2:
		CHECK_EQ(call(self, pages_protect, e->env_id, va, n, PAGES_IF(any, none),
			      PAGES_TO(clear, set)),
			 n);
		for (struct Slot *s = target + first; s < target + first + n; s++)
			if (matches(s->bits, any, none, set))
				s->bits = (s->bits & ~clear) | set;
		break;
	default:
		CHECK_EQ(call(self, pages_share, e->env_id, va, n, PAGES_IF(any, none),
			      PAGES_TO(clear, set)),
			 n);
		for (uint32_t i = first; i < first + n; i++) {
			bool match = matches(mine[i].bits, any, none, set);
			if (match)
				mine[i].bits = (mine[i].bits & ~clear) | set;
			if (e == self || !mine[i].bits)
				continue;
			its[i] = mine[i];
			if (!match && !(its[i].bits & PTE_W))
				its[i].bits &= ~PTE_GIVENW;
		}
	}
	must_look(self, mine);
	must_look(child, its);
}

TEST(a_call_on_a_range_does_what_the_same_does_page_by_page)
{
	random_seed(4);
	fake_start(600, 50);
	self = program(NULL, 0);
	child = program(self, 1);
	for (unsigned i = 0; i < 400; i++) {
		if (random_below(4) == 0) {
			fake_switch(0, NULL);
			fake_switch(0, self);
			fake_switch(1, NULL);
			fake_switch(1, child);
			scatter(random_below(2) ? self : child);
		}
		one_random_call();
	}
}
