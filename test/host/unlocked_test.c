// While a page is filled, the lock is not held: what others may do to the caller, to the env that is
// to have the page, and to the page that is copied.

#include "inc/string.h"
#include "test/host/world.h"

static struct Env *self, *child;

static void
begin(void)
{
	world();
	self = program(NULL, 0);
	child = program(self, 1);
	give_page(self, VA_A, RW);
	give_page(child, VA_A, RW);
}

static void
child_dies(void)
{
	env_destroy(NULL, child);
	fake_cpu = 1;
	env_let_go(child);
	fake_switch(1, NULL);
	fake_cpu = 0;
}

static void
child_is_another(void)
{
	child_dies();
	CHECK(program(self, NOCPU) == child);
}

static void
caller_dies(void)
{
	env_destroy(NULL, self);
}

static void
source_goes(void)
{
	page_remove(&kenv(self)->space, VA_A);
}

static void
place_is_taken(void)
{
	give_page(self, VA_B, RO);
}

// Make a call during which `what' happens.  Returns its result.
static int32_t
during(void (*what)(void), uint32_t number, const uint32_t arg[5])
{
	fake_meanwhile = what;
	enter(self, number, arg);
	CHECK(!fake_meanwhile);
	world_check();
	return kenv(self)->frame.tf_regs.reg_eax;
}
#define DURING(what, name, ...) during(what, SYS_##name, (const uint32_t[5]){__VA_ARGS__})

TEST(an_env_that_goes_while_its_page_is_zeroed_gets_none)
{
	begin();
	uint32_t id = child->env_id, nfree = page_nfree();
	CHECK_EQ(DURING(child_dies, page_alloc, id, VA_B, RW), -E_BAD_ENV);
	CHECK(page_nfree() > nfree);
}

TEST(an_env_that_takes_its_slot_meanwhile_gets_none)
{
	begin();
	uint32_t id = child->env_id;
	CHECK_EQ(DURING(child_is_another, page_alloc, id, VA_B, RW), -E_BAD_ENV);
	CHECK_EQ(frame_at(child, VA_B), 0);
	begin();
	id = child->env_id;
	CHECK_EQ(DURING(child_is_another, page_copy, 0, VA_A, id, VA_B, RW), -E_BAD_ENV);
	CHECK_EQ(frame_at(child, VA_B), 0);
}

TEST(a_caller_that_dies_while_its_page_is_filled_loses_that_too)
{
	begin();
	DURING(caller_dies, page_alloc, 0, VA_B, RW);
	let_notice(self);
	let_notice(child);
	begin();
	DURING(caller_dies, page_copy, 0, VA_A, 0, VA_B, RW);
	let_notice(self);
}

TEST(a_page_that_is_unmapped_while_it_is_copied_is_copied_and_goes)
{
	begin();
	poke(self, VA_A, "old", 4);
	uint32_t nfree = page_nfree();
	CHECK_EQ(DURING(source_goes, page_copy, 0, VA_A, 0, VA_B, RW), 0);
	char got[4];
	peek(self, VA_B, got, 4);
	CHECK(memcmp(got, "old", 4) == 0);
	CHECK_EQ(page_nfree(), nfree);
}

TEST(what_comes_to_the_place_meanwhile_is_replaced)
{
	begin();
	uint32_t nfree = page_nfree();
	CHECK_EQ(DURING(place_is_taken, page_alloc, 0, VA_B, RW), 0);
	CHECK(bits_at(self, VA_B) & PTE_W);
	CHECK_EQ(page_nfree(), nfree - 1);
}
