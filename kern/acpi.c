// CPUs from the ACPI tables.
// Source: ACPI Specification 6.4, sections 5.2.5 (RSDP), 5.2.7 (RSDT), 5.2.12 (MADT).

#include "inc/string.h"
#include "inc/types.h"
#include "kern/mem.h"
#include "kern/smp.h"

struct Rsdp {
	char signature[8];
	uint8_t checksum;
	char oem[6];
	uint8_t revision;
	uint32_t rsdt;
} __attribute__((packed));

struct Header {
	char signature[4];
	uint32_t length;
	uint8_t revision, checksum;
	char oem[6], oem_table[8];
	uint32_t oem_revision, creator, creator_revision;
} __attribute__((packed));

struct Madt {
	struct Header header;
	uint32_t lapic;
	uint32_t flags;
} __attribute__((packed));

// An entry of the MADT, of any kind; for MADT_LAPIC all of it counts.
struct MadtEntry {
	uint8_t type, length;
	uint8_t processor, apicid;
	uint32_t flags;
} __attribute__((packed));

#define MADT_LAPIC 0
#define MADT_LAPIC_OVERRIDE 5
#define LAPIC_ENABLED 1

#define LENGTH_MAX 65536 // no sane table is longer

// Read and verify the header of the table at pa.
static bool
table_at(physaddr_t pa, const char *signature, struct Header *h)
{
	phys_read(pa, h, sizeof *h);
	return memcmp(h->signature, signature, sizeof h->signature) == 0 &&
		h->length >= sizeof *h && h->length <= LENGTH_MAX &&
		firmware_sum(pa, h->length) == 0;
}

// The address of the table with this signature, or 0.
static physaddr_t
find_table(const char *signature, struct Header *h)
{
	physaddr_t pa = firmware_find("RSD PTR ", 8, 20);
	struct Header rsdt;
	struct Rsdp rsdp;

	if (!pa)
		return 0;
	phys_read(pa, &rsdp, sizeof rsdp);
	if (!table_at(rsdp.rsdt, "RSDT", &rsdt))
		return 0;
	for (uint32_t off = sizeof rsdt; off + 4 <= rsdt.length; off += 4) {
		phys_read(rsdp.rsdt + off, &pa, sizeof pa);
		if (table_at(pa, signature, h))
			return pa;
	}
	return 0;
}

bool
acpi_find_cpus(physaddr_t *lapic)
{
	struct MadtEntry entry;
	struct Madt madt;
	physaddr_t pa = find_table("APIC", &madt.header);

	if (!pa)
		return false;
	phys_read(pa, &madt, sizeof madt);
	*lapic = madt.lapic;
	for (uint32_t off = sizeof madt; off + 2 <= madt.header.length; off += entry.length) {
		phys_read(pa + off, &entry, sizeof entry);
		if (entry.length < 2)
			break;
		if (entry.type == MADT_LAPIC && (entry.flags & LAPIC_ENABLED))
			smp_found_cpu(entry.apicid);
		if (entry.type == MADT_LAPIC_OVERRIDE)
			*lapic = entry.flags; // the low half of an address of 64 bits
	}
	return true;
}
