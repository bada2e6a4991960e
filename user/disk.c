// The data disk: what was written is there again, in the next run, too; and who reaches the disk
// reaches nothing else.

#include "inc/device.h"
#include "inc/disk.h"
#include "user/attack.h"

// What is on the disk: a label, and sectors that tell of themselves and of the generation.
#define MAGIC 0xd15cf00d
#define FIRST 1u
#define N 300u // more than one command takes
#define WORDS (SECTOR_SIZE / 4)

struct Label {
	uint32_t magic, generation, unused[WORDS - 2];
};

static struct Label label;
static uint8_t space[N * SECTOR_SIZE + 8];
static uint32_t *const sectors = (uint32_t *) (space + 3); // at no round address

static void
must(int r)
{
	if (r < 0)
		panic("%e", r);
}

static uint32_t
word(uint32_t generation, uint32_t i)
{
	return generation * 0x9e3779b9 ^ i * 0x85ebca6b;
}

static void
fill(uint32_t generation)
{
	for (uint32_t i = 0; i < N * WORDS; i++) {
		uint32_t w = word(generation, i);
		memcpy(&sectors[i], &w, 4);
	}
}

static void
check(uint32_t generation)
{
	for (uint32_t i = 0; i < N * WORDS; i++) {
		uint32_t w = word(generation, i);
		if (memcmp(&sectors[i], &w, 4) != 0)
			panic("sector %u is not what generation %u wrote", FIRST + i / WORDS,
			      generation);
	}
}

static void
next_generation(uint32_t size)
{
	must(disk_read(0, &label, 1));
	if (label.magic == MAGIC) {
		must(disk_read(FIRST, sectors, N));
		check(label.generation);
	} else {
		label = (struct Label){.magic = MAGIC};
	}
	label.generation++;
	fill(label.generation);
	must(disk_write(FIRST, sectors, N));
	must(disk_write(size - 1, &label, 1));
	must(disk_write(0, &label, 1));
	must(disk_flush());

	memset(space, 0, sizeof space);
	must(disk_read(FIRST, sectors, N));
	check(label.generation);
	must(disk_read(FIRST + 7, sectors + 7 * WORDS, 1)); // one alone is the same
	check(label.generation);
	cprintf("disk: generation %u\n", label.generation);
}

// What the disk says to wrong numbers, and that it works on.  Of the last sector, it may take what it
// is offered.
static void
odd_sectors(uint32_t size)
{
	assert(disk_read(DISK_MAX, space, 1) == -E_INVAL);
	assert(disk_read(1, space, UINT32_MAX) == -E_INVAL);
	assert(disk_write(UINT32_MAX, space, 1) == -E_INVAL);
	assert(disk_read(size, space, 1) == -E_IO);
	assert(disk_write(size - 1, space, 2) == -E_IO);
	assert(disk_read(DISK_MAX, space, 0) == 0 && disk_write(0, space, 0) == 0);
	assert(disk_size() == (int) size);
}

static bool
is_open(uint32_t port, uint32_t width)
{
	return (port >= DEVICE_COMMAND && port + width <= DEVICE_COMMAND + DEVICE_NCOMMAND) ||
		(port == DEVICE_CONTROL && width == 1);
}

static void
other_ports(void)
{
	uint32_t value = 0;

	for (uint32_t width = 0; width <= 8; width++) {
		bool odd = width != 1 && width != 2 && width != 4;
		for (uint32_t port = 0; port < 0x10400; port += odd ? 0x10 : 1)
			if (odd || !is_open(port, width))
				assert(sys_ports_read(port, width, &value, 1) == -E_INVAL &&
				       sys_ports_write(port, width, &value, 1) == -E_INVAL);
	}
	assert(value == 0);
	assert(sys_ports_read(DEVICE_COMMAND, 2, space, PGSIZE / 2 + 1) == -E_INVAL);
	assert(sys_ports_read(DEVICE_COMMAND, 2, space, 0x80000001) == -E_INVAL);
}

static uint8_t
status(void)
{
	uint8_t value = 0;

	must(sys_ports_read(DEVICE_COMMAND + 7, 1, &value, 1));
	return value;
}

static void
start_command(uint8_t what)
{
	must(sys_ports_write(DEVICE_COMMAND + 7, 1, &what, 1));
	while (status() & 0x80)
		sys_yield();
	assert(status() & 0x08);
}

// Memory that is not there takes nothing from the disk.
static void
odd_memory(void)
{
	static uint8_t one[SECTOR_SIZE], other[SECTOR_SIZE];
	const struct {
		uintptr_t va;
		bool readable;
	} odd[] = {{0, false},
		   {UTEXT - PGSIZE, false},
		   {(uintptr_t) umain, true},
		   {UENVS, true},
		   {UTOP - 2, false},
		   {KERNBASE, false},
		   {UINT32_MAX - 1, false}};

	for (int i = 0; i < 2; i++) {
		disk_size();         // the drive is ready
		start_command(0xec); // IDENTIFY DEVICE
		for (size_t j = 0; j < ARRAY_SIZE(odd) && i; j++)
			assert(sys_ports_read(DEVICE_COMMAND, 2, (void *) odd[j].va,
					      SECTOR_SIZE / 2) == -E_FAULT);
		memset(i ? other : one, 0, SECTOR_SIZE);
		must(sys_ports_read(DEVICE_COMMAND, 2, i ? other : one, SECTOR_SIZE / 2));
	}
	assert(memcmp(one, other, SECTOR_SIZE) == 0);
	for (size_t j = 0; j < ARRAY_SIZE(odd); j++)
		assert(odd[j].readable ||
		       sys_ports_write(DEVICE_COMMAND + 2, 1, (void *) odd[j].va, 4) == -E_FAULT);
}

// Commands that nobody finishes, and interrupts that nobody waits for.
static void
rude(void)
{
	uint8_t interrupts = 0;

	start_command(0xec);
	must(disk_read(0, &label, 1));
	for (int i = 0; i < 20; i++) {
		must(sys_ports_write(DEVICE_CONTROL, 1, &interrupts, 1));
		start_command(0xec);
		sys_yield();
	}
	for (uint32_t what = 0; what < 256; what++) {
		uint8_t none = 0, select = 0xb0, byte = what;
		if (what == 0xe6 || what == 0x99) // goes to sleep, until it is reset
			continue;
		must(sys_ports_write(DEVICE_CONTROL, 1, &none, 1));
		must(sys_ports_write(DEVICE_COMMAND + 6, 1, &select, 1)); // of no drive
		must(sys_ports_write(DEVICE_COMMAND + 7, 1, &byte, 1));
	}
	// Reads by DMA, for which nobody has told the bus master where to.
	for (int what = 0xc8; what <= 0xc9; what++) {
		uint8_t byte = what;
		must(disk_size());
		must(sys_ports_write(DEVICE_COMMAND + 7, 1, &byte, 1));
		for (int i = 0; i < 100; i++)
			sys_yield();
	}
	must(disk_read(0, &label, 1));
	must(disk_read(FIRST, sectors, N));
	check(label.generation);
}

// A child, which has what its parent has but not the disk.

#define DONE SHARED[0]
#define GIVEN SHARED[1]

static void
grandchild(uint32_t size)
{
	(void) size;
	assert(disk_size() == -E_NOT_SUPP);
	DONE = 2;
}

static void
heir(uint32_t size)
{
	uint32_t value = 0;

	assert(disk_size() == -E_NOT_SUPP);
	assert(disk_read(0, &label, 1) == -E_NOT_SUPP && disk_flush() == -E_NOT_SUPP);
	assert(disk_write(0, space, 1) == -E_NOT_SUPP);
	assert(sys_ports_read(DEVICE_COMMAND + 7, 1, &value, 1) == -E_NOT_SUPP && value == 0);
	assert(sys_env_give_device(0) == -E_NOT_SUPP);
	assert(sys_env_give_device(thisenv->env_parent_id) == -E_BAD_ENV);
	DONE = 1;
	while (!GIVEN)
		sys_yield();
	assert(disk_size() == (int) size);
	memset(&label, 0, 8);
	must(disk_read(0, &label, 1));
	must(disk_read(FIRST, sectors, N)); // into pages that wait for their copies
	check(label.generation);
	wait_end(spawn(grandchild, size));
	assert(DONE == 2);
	DONE = 3;
}

static void
give(uint32_t size)
{
	share_page();
	memset(space, 0, sizeof space);
	envid_t child = spawn(heir, size);
	while (!DONE && alive(child))
		sys_yield();
	assert(DONE == 1);
	assert(sys_env_give_device(child + 0x1000) == -E_BAD_ENV);
	must(sys_env_give_device(child));
	GIVEN = 1;
	wait_end(child);
	assert(DONE == 3);
	assert(space[3] == 0 && space[N * SECTOR_SIZE] == 0);
}

void
umain(int argc, char **argv)
{
	int size = disk_size();

	other_ports();
	if (size == -E_NOT_FOUND) {
		assert(disk_read(0, space, 1) < 0 && disk_write(0, space, 1) < 0);
		cprintf("disk: there is none; make run-disk DISK=file adds one\n");
		return;
	}
	must(size);
	assert(size > (int) (FIRST + N));
	odd_sectors(size);
	next_generation(size);
	odd_memory();
	rude();
	give(size);
	cprintf("disk: OK\n");
}
