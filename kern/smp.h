// Which CPUs there are, and how the others start.

#ifndef FAULTLINE_KERN_SMP_H
#define FAULTLINE_KERN_SMP_H

#include "inc/types.h"

// Find the CPUs and start the one that booted.  Fills cpus[].apicid and ncpu.
void smp_find(void);

// Start the other CPUs, one after the other.  They wait for the kernel lock.
void smp_start(void);

// What the firmware's tables tell; acpi.c and mptable.c call it for each CPU they find.
void smp_found_cpu(uint8_t apicid);

// Look for CPUs in the ACPI tables, or in the older MP table.  False: there is none, or it is
// broken.  *lapic becomes the address of the local APIC.
bool acpi_find_cpus(physaddr_t *lapic);
bool mptable_find_cpus(physaddr_t *lapic);

// Look for an n-byte text that is followed by a structure of size bytes whose sum is 0 modulo
// 256, at 16-byte steps in the places where firmware puts such things.  0: not there.
physaddr_t firmware_find(const char *text, size_t n, size_t size);

// The sum, modulo 256, of the n bytes at pa; of a correct table it is 0.
uint8_t firmware_sum(physaddr_t pa, size_t n);

#endif
