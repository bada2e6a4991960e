// The device that programs may be given: every line of the contracts.

#include "inc/device.h"
#include "inc/string.h"
#include "kern/syscall.h"
#include "test/host/world.h"

// self has the device and makes calls, on CPU 0; child is its child; other is nobody's.
static struct Env *self, *child, *other;

static void
family(void)
{
	world_both_pools();
	self = program(NULL, 0);
	child = program(self, NOCPU);
	other = program(NULL, NOCPU);
	kenv(self)->has_device = true;
	give_page(self, VA_A, RW);
	give_page(self, VA_B, RW);
}

// That no port has been used since fake_start.
static void
no_port_was_used(void)
{
	CHECK_EQ(fake_ports.total, 0);
	CHECK_EQ(fake_ports.port, 0);
}

TEST(what_a_port_gives_is_in_memory_in_its_order_and_nowhere_else)
{
	static const uint32_t widths[] = {1, 2, 4};
	uint8_t seen[2 * PGSIZE], want[2 * PGSIZE];

	for (int high = 0; high < 2; high++) {
		for (size_t i = 0; i < ARRAY_SIZE(widths); i++) {
			const uint32_t n = high ? PGSIZE / widths[i] : 300 / widths[i];
			const uint32_t off = high ? 1 : PGSIZE - 101, size = n * widths[i];
			family();
			memset(want, 0x77, sizeof want);
			poke(self, VA_A, want, sizeof want);
			CHECK_EQ(call(self, ports_read, DEVICE_COMMAND, widths[i], VA_A + off, n),
				 0);
			CHECK_EQ(fake_ports.port, 0x170);
			CHECK_EQ(fake_ports.width, widths[i]);
			CHECK_EQ(fake_ports.total, size);
			CHECK(!fake_ports.written);
			for (uint32_t j = 0; j < size; j++)
				want[off + j] = j + 1;
			peek(self, VA_A, seen, sizeof seen);
			CHECK(memcmp(seen, want, sizeof seen) == 0);
		}
	}
}

TEST(what_is_in_memory_goes_to_the_port_in_its_order)
{
	static const uint32_t widths[] = {1, 2, 4};
	uint8_t bytes[PGSIZE];

	for (size_t i = 0; i < ARRAY_SIZE(widths); i++) {
		family();
		for (int j = 0; j < PGSIZE; j++)
			bytes[j] = j * 7 + j / 256;
		poke(self, VA_A + 1000, bytes, sizeof bytes);
		CHECK_EQ(call(self, page_protect, 0, VA_A, RO), 0);
		CHECK_EQ(call(self, ports_write, DEVICE_COMMAND, widths[i], VA_A + 1000,
			      PGSIZE / widths[i]),
			 0);
		CHECK_EQ(fake_ports.port, 0x170);
		CHECK_EQ(fake_ports.width, widths[i]);
		CHECK_EQ(fake_ports.total, PGSIZE);
		CHECK(fake_ports.written);
		CHECK(memcmp(fake_ports.bytes, bytes, PGSIZE) == 0);
	}
}

TEST(nothing_at_all_may_be_read_or_written)
{
	family();
	CHECK_EQ(call(self, ports_read, DEVICE_COMMAND, 2, VA_A, 0), 0);
	CHECK_EQ(call(self, ports_write, DEVICE_CONTROL, 1, 0, 0), 0);
	no_port_was_used();
}

TEST(there_are_no_other_ports_than_those_of_the_device)
{
	family();
	for (uint32_t width = 1; width <= 4; width *= 2) {
		for (uint32_t port = 0; port < 0x20000; port++) {
			bool may = (port >= 0x170 && port + width <= 0x178) ||
				(port == 0x376 && width == 1);
			const uint32_t arg[5] = {port, width, VA_A, 1};
			for (uint32_t call = SYS_ports_read; call <= SYS_ports_write; call++) {
				enter(self, call, arg);
				CHECK_EQ((int32_t) kenv(self)->frame.tf_regs.reg_eax,
					 may ? 0 : -E_INVAL);
			}
		}
		CHECK_EQ(call(self, ports_read, -1, width, VA_A, 1), -E_INVAL);
		CHECK_EQ(call(self, ports_read, 0x80000170, width, VA_A, 1), -E_INVAL);
	}
}

TEST(a_value_has_one_two_or_four_bytes)
{
	static const uint32_t widths[] = {0, 3, 5, 8, 16, 0x80000000, 0xffffffff};

	family();
	for (size_t i = 0; i < ARRAY_SIZE(widths); i++) {
		CHECK_EQ(call(self, ports_read, DEVICE_COMMAND, widths[i], VA_A, 1), -E_INVAL);
		CHECK_EQ(call(self, ports_write, DEVICE_COMMAND, widths[i], VA_A, 1), -E_INVAL);
	}
	no_port_was_used();
}

TEST(one_call_moves_a_page_at_most)
{
	family();
	for (uint32_t width = 1; width <= 4; width *= 2) {
		const uint32_t odd[] = {PGSIZE / width + 1, 0x80000000, 0xffffffff,
					0x100000000ull / width};
		for (size_t i = 0; i < ARRAY_SIZE(odd) && odd[i]; i++) {
			CHECK_EQ(call(self, ports_read, DEVICE_COMMAND, width, VA_A, odd[i]),
				 -E_INVAL);
			CHECK_EQ(call(self, ports_write, DEVICE_COMMAND, width, VA_A, odd[i]),
				 -E_INVAL);
		}
	}
	no_port_was_used();
}

TEST(no_port_is_touched_when_memory_is_missing)
{
	family();
	give_page(self, VA_C, RO);
	const struct {
		uint32_t va, n;
		bool may_be_written;
	} bad[] = {{0, 1, false},
		   {VA_A - 1, 2, false},
		   {VA_B + PGSIZE - 1, 2, false},
		   {VA_B + 1, PGSIZE, false},
		   {VA_C, 1, true},
		   {VA_C + PGSIZE - 1, 2, false},
		   {UTOP - 1, 2, false},
		   {UVPT + PDX(VA_A) * PGSIZE, 1, true},
		   {KERNBASE, 1, false},
		   {0xffffffff, 1, false},
		   {0xffffffff, 2, false}};

	for (size_t i = 0; i < ARRAY_SIZE(bad); i++) {
		CHECK_EQ(call(self, ports_read, DEVICE_COMMAND, 1, bad[i].va, bad[i].n), -E_FAULT);
		if (!bad[i].may_be_written)
			CHECK_EQ(call(self, ports_write, DEVICE_COMMAND, 1, bad[i].va, bad[i].n),
				 -E_FAULT);
	}
	no_port_was_used();
}

TEST(who_has_not_been_given_the_device_is_refused)
{
	family();
	kenv(self)->has_device = false;
	CHECK_EQ(call(self, ports_read, DEVICE_COMMAND, 1, VA_A, 1), -E_NOT_SUPP);
	CHECK_EQ(call(self, ports_write, DEVICE_COMMAND, 1, VA_A, 1), -E_NOT_SUPP);
	CHECK_EQ(call(self, env_give_device, 0), -E_NOT_SUPP);
	CHECK_EQ(call(self, env_give_device, child->env_id), -E_NOT_SUPP);
	CHECK_EQ(call(self, env_give_device, other->env_id), -E_BAD_ENV);
	no_port_was_used();
}

TEST(the_device_is_given_to_children_one_by_one)
{
	family();
	CHECK(!kenv(child)->has_device);
	CHECK_EQ(call(self, env_give_device, 0), 0);
	CHECK_EQ(call(self, env_give_device, other->env_id), -E_BAD_ENV);
	CHECK_EQ(call(self, env_give_device, -1), -E_BAD_ENV);
	CHECK_EQ(call(self, env_give_device, child->env_id), 0);
	CHECK(!kenv(other)->has_device);
	run_on(child, 1);
	give_page(child, VA_C, RW);
	CHECK_EQ(call(child, ports_read, DEVICE_CONTROL, 1, VA_C, 1), 0);
	CHECK_EQ(call(self, ports_read, DEVICE_CONTROL, 1, VA_A, 1), 0);
	struct Env *grandchild = program(child, NOCPU);
	CHECK(!kenv(grandchild)->has_device);
	CHECK_EQ(call(self, env_give_device, grandchild->env_id), -E_BAD_ENV);
	CHECK_EQ(call(child, env_give_device, grandchild->env_id), 0);
	CHECK(kenv(grandchild)->has_device);
}

TEST(who_comes_to_the_slot_of_one_that_had_the_device_has_it_not)
{
	struct Env *again;

	family();
	CHECK_EQ(call(self, env_give_device, child->env_id), 0);
	CHECK_EQ(call(self, env_destroy, child->env_id), 0);
	reap_all();
	CHECK_EQ(env_alloc(&again, self), 0);
	CHECK(again == child);
	CHECK(!kenv(again)->has_device);
}
