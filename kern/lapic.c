// The local APIC.  Source: Intel SDM 3A, chapter 10.
//
// The old interrupt controllers (8259) are silenced for good; no device interrupts us, as the
// console is polled.

#include "kern/lapic.h"

#include "inc/trap.h"
#include "inc/x86.h"
#include "kern/mem.h"

// Registers, as offsets in bytes.
#define ID 0x020
#define EOI 0x0b0
#define SVR 0x0f0 // spurious interrupt vector
#define SVR_ENABLE 0x100
#define ESR 0x280
#define ICR_LOW 0x300
#define ICR_HIGH 0x310
#define ICR_INIT 0x500
#define ICR_STARTUP 0x600
#define ICR_PENDING 0x1000
#define ICR_ASSERT 0x4000
#define ICR_LEVEL 0x8000
#define LVT_TIMER 0x320
#define LVT_LINT0 0x350
#define LVT_LINT1 0x360
#define LVT_ERROR 0x370
#define LVT_MASKED 0x10000
#define LVT_PERIODIC 0x20000
#define TPR 0x080
#define TIMER_INITIAL 0x380
#define TIMER_DIVIDE 0x3e0
#define TIMER_DIVIDE_BY_1 0xb

// QEMU's timer counts nanoseconds.  On a real machine it counts the bus clock, and a slice is
// as long as that makes it: to find out would cost more than anyone gains.
#define TIMER_10MS 10000000

static volatile uint32_t *lapic; // [I]

static uint32_t
get(int reg)
{
	return lapic[reg / 4];
}

static void
set(int reg, uint32_t value)
{
	lapic[reg / 4] = value;
	get(ID); // wait for the write to finish
}

void
lapic_map(physaddr_t pa)
{
	lapic = mmio_map(pa, PGSIZE);
	outb(0x21, 0xff); // mask all of both 8259s
	outb(0xa1, 0xff);
}

void
lapic_init(void)
{
	set(SVR, SVR_ENABLE | (IRQ_OFFSET + IRQ_SPURIOUS));
	set(TIMER_DIVIDE, TIMER_DIVIDE_BY_1);
	set(LVT_LINT0, LVT_MASKED);
	set(LVT_LINT1, LVT_MASKED);
	set(LVT_ERROR, IRQ_OFFSET + IRQ_ERROR);
	set(ESR, 0);
	set(TPR, 0);
	set(EOI, 0);
	lapic_timer(true);
}

void
lapic_timer(bool on)
{
	lapic[LVT_TIMER / 4] = LVT_PERIODIC | (IRQ_OFFSET + IRQ_TIMER) | (on ? 0 : LVT_MASKED);
	lapic[TIMER_INITIAL / 4] = on ? TIMER_10MS : 0;
}

static void
send(uint8_t apicid, uint32_t command)
{
	set(ICR_HIGH, (uint32_t) apicid << 24);
	set(ICR_LOW, command);
	while (get(ICR_LOW) & ICR_PENDING)
		pause();
}

void
lapic_ipi(uint8_t apicid, int vector)
{
	send(apicid, ICR_ASSERT | vector);
}

void
lapic_start(uint8_t apicid, physaddr_t pa)
{
	// Intel SDM 3A, 8.4.4.1: INIT, 10 ms, then the start-up message twice, 200 us apart.
	send(apicid, ICR_INIT | ICR_LEVEL | ICR_ASSERT);
	delay(200);
	send(apicid, ICR_INIT | ICR_LEVEL);
	delay(10000);
	for (int i = 0; i < 2; i++) {
		send(apicid, ICR_STARTUP | pa >> PGSHIFT);
		delay(200);
	}
}

uint8_t
lapic_id(void)
{
	return get(ID) >> 24;
}

bool
lapic_interrupt(uint32_t vector)
{
	if (vector < IRQ_OFFSET || vector == T_SYSCALL)
		return false;
	if (vector != IRQ_OFFSET + IRQ_SPURIOUS) // which is the one not to be acknowledged
		lapic[EOI / 4] = 0;
	return true;
}

void
delay(unsigned us)
{
	// A read of an unused port takes about a microsecond on the bus of a PC.
	while (us-- > 0)
		inb(0x84);
}
