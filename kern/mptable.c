// CPUs from the MP table, of machines older than ACPI.
// Source: Intel MultiProcessor Specification 1.4, chapter 4.

#include "inc/string.h"
#include "inc/types.h"
#include "kern/mem.h"
#include "kern/smp.h"

struct Pointer {
	char signature[4];
	uint32_t table;
	uint8_t length, revision, checksum, features[5];
} __attribute__((packed));

struct Config {
	char signature[4];
	uint16_t length;
	uint8_t revision, checksum;
	char product[20];
	uint32_t oem_table;
	uint16_t oem_length, count;
	uint32_t lapic;
	uint16_t extended_length;
	uint8_t extended_checksum, reserved;
} __attribute__((packed));

struct Processor {
	uint8_t type, apicid, version, flags;
} __attribute__((packed));

#define PROCESSOR 0
#define PROCESSOR_SIZE 20
#define OTHER_SIZE 8
#define PROCESSOR_ENABLED 1

bool
mptable_find_cpus(physaddr_t *lapic)
{
	physaddr_t pa = firmware_find("_MP_", 4, sizeof(struct Pointer));
	struct Processor entry;
	struct Pointer pointer;
	struct Config config;

	if (!pa)
		return false;
	phys_read(pa, &pointer, sizeof pointer);
	if (pointer.table == 0)
		return false;
	phys_read(pointer.table, &config, sizeof config);
	if (memcmp(config.signature, "PCMP", 4) != 0 ||
	    firmware_sum(pointer.table, config.length) != 0)
		return false;
	*lapic = config.lapic;
	pa = pointer.table + sizeof config;
	for (int i = 0; i < config.count; i++) {
		phys_read(pa, &entry, sizeof entry);
		if (entry.type == PROCESSOR && (entry.flags & PROCESSOR_ENABLED))
			smp_found_cpu(entry.apicid);
		pa += entry.type == PROCESSOR ? PROCESSOR_SIZE : OTHER_SIZE;
	}
	return true;
}
