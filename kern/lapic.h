// The local APIC of each CPU: its timer, and interrupts from one CPU to another.

#ifndef FAULTLINE_KERN_LAPIC_H
#define FAULTLINE_KERN_LAPIC_H

#include "inc/types.h"

// Map the registers, which every CPU finds at physical address pa.
void lapic_map(physaddr_t pa);

// Start this CPU's local APIC, with its timer on.
void lapic_init(void);

// Let the timer interrupt this CPU every 10 ms, or not (when it is idle).
void lapic_timer(bool on);

// Interrupt the CPU with this APIC id.
void lapic_ipi(uint8_t apicid, int vector);

// Start the CPU with this APIC id in real mode at pa, a page below 1 MiB.
void lapic_start(uint8_t apicid, physaddr_t pa);

// This CPU's APIC id.
uint8_t lapic_id(void);

// Whether this vector is an interrupt; if so, acknowledge it.
bool lapic_interrupt(uint32_t vector);

// Wait for about us microseconds.
void delay(unsigned us);

#endif
