// Physical pages: a frame has one owner until the last reference goes, from two pools.

#include "inc/string.h"
#include "kern/cpu.h"
#include "test/host/world.h"

static bool
is_filled_with(const uint8_t *p, uint8_t byte)
{
	for (int i = 0; i < PGSIZE; i++)
		if (p[i] != byte)
			return false;
	return true;
}

TEST(a_new_frame_is_zeroed_and_has_one_reference)
{
	fake_start(10, 0);
	struct PageInfo *pp = page_alloc(PAGE_USER);

	CHECK(pp);
	CHECK_EQ(pp->pp_ref, 1);
	CHECK(is_filled_with(fake_frame(page_number(pp)), 0));
}

TEST(a_frame_used_before_is_zeroed_again)
{
	fake_start(10, 0);
	struct PageInfo *pp = page_alloc(PAGE_USER);
	memset(fake_frame(page_number(pp)), GARBAGE, PGSIZE);
	*page_note(pp) = 77;
	page_decref(pp);

	CHECK(page_alloc(PAGE_USER) == pp);
	CHECK(is_filled_with(fake_frame(page_number(pp)), 0));
	CHECK_EQ(*page_note(pp), 0);
}

TEST(every_frame_is_given_once_and_never_frame_0)
{
	bool seen[50] = {false};
	struct PageInfo *pp;

	fake_start(50, 0);
	CHECK_EQ(page_nfree(), 49);
	for (int left = 48; left >= 0; left--) {
		pp = page_alloc(left % 2 ? PAGE_USER : PAGE_TABLE);
		CHECK(pp);
		CHECK(page_number(pp) > 0 && page_number(pp) < 50);
		CHECK(!seen[page_number(pp)]);
		seen[page_number(pp)] = true;
		CHECK_EQ(page_nfree(), left);
	}
	CHECK(!page_alloc(PAGE_USER));
	CHECK(!page_alloc(PAGE_TABLE));
	CHECK_EQ(page_nfree(), 0);
}

TEST(frames_from_the_limit_on_have_never_been_given)
{
	fake_start(50, 0);
	CHECK_EQ(page_limit(), 0);
	for (int i = 0; i < 10; i++) {
		CHECK(page_number(page_alloc(PAGE_USER)) < page_limit());
		CHECK(page_limit() <= 50);
	}
	uint32_t limit = page_limit();
	page_decref(&pages[limit - 1]);
	CHECK_EQ(page_limit(), limit);
	CHECK_EQ(page_number(page_alloc(PAGE_USER)), limit - 1);
	CHECK_EQ(page_limit(), limit);
}

TEST(memory_that_is_used_up_comes_back_when_it_is_given_back)
{
	struct PageInfo *pp[30], *again;

	fake_start(30, 0);
	for (int i = 1; i < 30; i++)
		CHECK(pp[i] = page_alloc(PAGE_USER));
	for (int i = 1; i < 30; i += 3)
		page_decref(pp[i]);
	CHECK_EQ(page_nfree(), 10);
	for (int i = 0; i < 10; i++) {
		CHECK(again = page_alloc(PAGE_TABLE));
		CHECK_EQ(page_number(again) % 3, page_number(pp[1]) % 3);
	}
	CHECK(!page_alloc(PAGE_USER));
}

TEST(a_frame_is_free_only_when_its_last_reference_goes)
{
	fake_start(10, 0);
	struct PageInfo *pp = page_alloc(PAGE_USER);
	CHECK(page_incref(pp));
	CHECK(page_incref(pp));
	CHECK_EQ(pp->pp_ref, 3);
	page_decref(pp);
	page_decref(pp);
	CHECK_EQ(page_nfree(), 8);
	page_decref(pp);
	CHECK_EQ(pp->pp_ref, 0);
	CHECK_EQ(page_nfree(), 9);
}

TEST(a_count_of_references_never_wraps)
{
	fake_start(10, 0);
	struct PageInfo *pp = page_alloc(PAGE_USER);

	for (int i = 0; i < 100000; i++) // more than 16 bits
		CHECK(page_incref(pp));
	CHECK_EQ(pp->pp_ref, 100001);
	pp->pp_ref = UINT32_MAX - 1;
	CHECK(page_incref(pp));
	CHECK(!page_incref(pp));
	CHECK_EQ(pp->pp_ref, UINT32_MAX);
}

static void
decref(void *pp)
{
	page_decref(pp);
}

static void
incref(void *pp)
{
	page_incref(pp);
}

TEST(a_free_frame_has_no_references_to_add_or_to_drop)
{
	fake_start(10, 0);
	struct PageInfo *pp = page_alloc(PAGE_USER);
	page_decref(pp);
	CHECK_PANIC(decref, pp);
	CHECK_PANIC(incref, pp);
}

TEST(programs_get_high_memory_first_and_page_tables_never)
{
	fake_start(6, 4);
	CHECK_EQ(page_nfree(), 9);
	for (int i = 0; i < 2; i++)
		CHECK(page_number(page_alloc(PAGE_USER)) >= BORDER);
	for (int i = 0; i < 3; i++)
		CHECK(page_number(page_alloc(PAGE_TABLE)) < BORDER);
	for (int i = 0; i < 2; i++)
		CHECK(page_number(page_alloc(PAGE_USER)) >= BORDER);
	for (int i = 0; i < 2; i++)
		CHECK(page_number(page_alloc(PAGE_USER)) < BORDER);
	CHECK(!page_alloc(PAGE_USER));
}

TEST(page_tables_run_out_of_memory_while_programs_have_some)
{
	fake_start(3, 4);
	CHECK(page_alloc(PAGE_TABLE));
	CHECK(page_alloc(PAGE_TABLE));
	CHECK(!page_alloc(PAGE_TABLE));
	CHECK_EQ(page_nfree(), 4);
	CHECK(page_alloc(PAGE_USER));
}

TEST(a_frame_goes_back_to_the_pool_it_came_from)
{
	fake_start(3, 4);
	struct PageInfo *user = page_alloc(PAGE_USER);
	struct PageInfo *kernel = page_alloc(PAGE_TABLE);
	CHECK(page_alloc(PAGE_TABLE));
	page_decref(user);
	CHECK(!page_alloc(PAGE_TABLE));
	page_decref(kernel);
	CHECK(page_alloc(PAGE_TABLE) == kernel);
	CHECK(page_alloc(PAGE_USER) == user);
}

TEST(a_range_across_the_border_goes_to_both_pools)
{
	static struct PageInfo infos[BORDER + 2];
	static uint32_t links[BORDER + 2];

	fake_start(2, 2);
	memset(infos, 0, sizeof infos);
	memset(links, 0, sizeof links);
	page_init(infos, links, BORDER + 2);
	page_add(BORDER - 1, BORDER + 100); // reaches past the end of memory
	CHECK_EQ(page_nfree(), 3);
	CHECK_EQ(page_number(page_alloc(PAGE_TABLE)), BORDER - 1);
	CHECK(!page_alloc(PAGE_TABLE));
	CHECK(page_alloc(PAGE_USER));
	CHECK(page_alloc(PAGE_USER));
	CHECK(!page_alloc(PAGE_USER));
	fake_start(2, 2);
}

TEST(memory_may_have_holes)
{
	static struct PageInfo infos[100];
	static uint32_t links[100];
	bool seen[100] = {false};
	struct PageInfo *pp;

	fake_start(100, 0);
	memset(infos, 0, sizeof infos);
	memset(links, 0, sizeof links);
	page_init(infos, links, 100);
	for (uint32_t i = 0; i < 100; i += 10)
		page_add(i, i + 5);
	page_add(7, 7); // empty
	CHECK_EQ(page_nfree(), 49);
	while ((pp = page_alloc(PAGE_USER))) {
		CHECK(page_number(pp) % 10 < 5 && !seen[page_number(pp)]);
		seen[page_number(pp)] = true;
	}
	CHECK_EQ(page_nfree(), 0);
	fake_start(100, 0);
}

TEST(a_table_given_back_empty_is_the_next_table_as_it_is)
{
	fake_start(10, 0);
	struct PageInfo *table = page_alloc(PAGE_TABLE), *user = page_alloc(PAGE_USER);
	*page_note(table) = 77;
	page_give_back(table, PAGE_TABLE);
	page_decref(user);
	CHECK_EQ(page_nfree(), 9);
	CHECK_EQ(table->pp_ref, 0);
	CHECK(page_alloc(PAGE_USER) == user);
	CHECK_EQ(page_next_ready(PAGE_TABLE, 0), page_number(table));
	CHECK(page_alloc(PAGE_TABLE) == table);
	CHECK_EQ(page_next_ready(PAGE_TABLE, 0), 0);
	CHECK_EQ(*page_note(table), 0);
	CHECK(is_filled_with(fake_frame(page_number(table)), 0));
}

TEST(a_directory_given_back_is_the_next_directory_as_it_is)
{
	fake_start(10, 0);
	struct PageInfo *directory = page_alloc(PAGE_DIRECTORY);
	CHECK(is_filled_with(fake_frame(page_number(directory)), 0));
	memset(fake_frame(page_number(directory)), 0x77, PGSIZE);
	page_give_back(directory, PAGE_DIRECTORY);
	CHECK(page_alloc(PAGE_TABLE) != directory);
	CHECK(page_alloc(PAGE_DIRECTORY) == directory);
	CHECK(is_filled_with(fake_frame(page_number(directory)), 0x77));
}

TEST(what_is_kept_ready_is_there_for_everybody_when_nothing_else_is)
{
	for (enum PageKind kind = PAGE_USER; kind < PAGE_KINDS; kind++) {
		fake_start(5, 1);
		struct PageInfo *pp[5];
		for (int i = 0; i < 4; i++)
			CHECK(pp[i] = page_alloc(i % 2 ? PAGE_TABLE : PAGE_DIRECTORY));
		CHECK(page_alloc(PAGE_USER));
		for (int i = 0; i < 4; i++) {
			memset(fake_frame(page_number(pp[i])), i % 2 ? 0 : GARBAGE, PGSIZE);
			page_give_back(pp[i], i % 2 ? PAGE_TABLE : PAGE_DIRECTORY);
		}
		CHECK_EQ(page_nfree(), 4);
		for (int i = 0; i < 4; i++) {
			struct PageInfo *again = page_alloc(kind);
			CHECK(again);
			bool clean = is_filled_with(fake_frame(page_number(again)), 0);
			CHECK(clean || (kind == PAGE_DIRECTORY && i < 2));
		}
		CHECK(!page_alloc(kind));
	}
}

TEST(an_unclean_frame_is_as_it_was_left)
{
	fake_start(10, 0);
	struct PageInfo *pp = page_alloc(PAGE_USER);
	memset(fake_frame(page_number(pp)), 0x77, PGSIZE);
	page_decref(pp);
	CHECK(page_alloc_unclean() == pp);
	CHECK_EQ(pp->pp_ref, 1);
	CHECK(is_filled_with(fake_frame(page_number(pp)), 0x77));
	while (page_alloc_unclean())
		;
	CHECK_EQ(page_nfree(), 0);
}
