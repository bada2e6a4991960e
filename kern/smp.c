// Which CPUs there are, and how the others start.
//
// ACPI's MADT lists every CPU; the older MP table, our second choice, lists one for each socket
// on today's QEMU.  Without either there is one CPU.

#include "kern/smp.h"

#include "inc/assert.h"
#include "inc/string.h"
#include "kern/init.h"
#include "kern/lapic.h"
#include "kern/mem.h"
#include "kern/percpu.h"
#include "kern/spinlock.h"

#define LAPIC_DEFAULT 0xfee00000
#define START_PATIENCE 100000000 // reads of a port; some emulators are quick at those

extern char mpentry_start[], mpentry_end[];
uint32_t mpentry_kstack; // [K] where the CPU that starts now has its stack

static int nfound;

void
smp_found_cpu(uint8_t apicid)
{
	nfound++;
	if (apicid == cpus[0].apicid)
		return;
	if (ncpu == NCPU)
		return;
	cpus[ncpu++].apicid = apicid;
}

uint8_t
firmware_sum(physaddr_t pa, size_t n)
{
	uint8_t sum = 0, byte;

	for (; n > 0; n--, pa++) {
		phys_read(pa, &byte, 1);
		sum += byte;
	}
	return sum;
}

static physaddr_t
find_in(physaddr_t from, size_t length, const char *text, size_t n, size_t size)
{
	uint32_t start; // of the text: most places are told apart by it alone

	memcpy(&start, text, sizeof start);
	for (physaddr_t pa = from; pa < from + length; pa += 16)
		if (*(const uint32_t *) KADDR(pa) == start && memcmp(KADDR(pa), text, n) == 0 &&
		    firmware_sum(pa, size) == 0)
			return pa;
	return 0;
}

physaddr_t
firmware_find(const char *text, size_t n, size_t size)
{
	uint16_t ebda; // segment of the extended BIOS data area, where the BIOS left it
	physaddr_t pa = 0;

	phys_read(0x40e, &ebda, sizeof ebda);
	if (ebda >= 0x8000 && ebda < IOPHYSMEM >> 4)
		pa = find_in(ebda << 4, 1024, text, n, size);
	return pa ? pa : find_in(0xe0000, 0x20000, text, n, size);
}

void
smp_find(void)
{
	physaddr_t lapic = LAPIC_DEFAULT;
	bool found;

	// Its own id is read from the place where every PC has it; the tables may then say another.
	lapic_map(LAPIC_DEFAULT);
	cpus[0].apicid = lapic_id();
	cpus[0].started = true;
	found = acpi_find_cpus(&lapic) || mptable_find_cpus(&lapic);
	if (lapic != LAPIC_DEFAULT)
		lapic_map(lapic);
	if (!found)
		cprintf("SMP: no table of CPUs, so there is one\n");
	cprintf("SMP: CPU %d found %d CPU(s)\n", cpunum(), ncpu);
	if (nfound > NCPU)
		cprintf("SMP: %d more are left alone\n", nfound - NCPU);
	lapic_init();
}

// Where mpentry.S goes on, on the CPU's own stack.
void __attribute__((noreturn)) mp_main(void);

void
mp_main(void)
{
	cpu_init();
	lapic_init();
	cprintf("SMP: CPU %d starting\n", cpunum());
	thiscpu->started = true;
	lock_kernel();
	env_run(NULL);
}

void
smp_start(void)
{
	if (ncpu == 1)
		return;
	memcpy(KADDR(MPENTRY_PADDR), mpentry_start, PADDR(mpentry_end) - PADDR(mpentry_start));
	for (int i = 1; i < ncpu; i++) {
		mpentry_kstack = kstack_entry(i);
		lapic_start(cpus[i].apicid, MPENTRY_PADDR);
		for (int us = 0; us < START_PATIENCE && !cpus[i].started; us++)
			delay(1);
		if (!cpus[i].started)
			panic("CPU %d does not start", i);
	}
}
