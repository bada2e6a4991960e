// The serial line: a 16550 at COM1, 115200 baud, polled.
// Source: National Semiconductor PC16550D data sheet.

#include "inc/x86.h"
#include "kern/console.h"

#define COM1 0x3f8
#define DATA (COM1 + 0) // and the low half of the divisor
#define IER (COM1 + 1)  // interrupts; the high half of the divisor
#define FCR (COM1 + 2)  // FIFO control
#define FCR_ON_CLEAR 0x07
#define LCR (COM1 + 3) // line control
#define LCR_8N1 0x03
#define LCR_DIVISOR 0x80
#define MCR (COM1 + 4) // modem control
#define MCR_READY 0x03
#define LSR (COM1 + 5) // line status
#define LSR_DATA 0x01
#define LSR_FIFO_EMPTY 0x20
#define LSR_IDLE 0x40
#define FIFO_SIZE 16
#define PATIENCE 100000 // looks at a line that does not take anything

static bool present;

void
serial_init(void)
{
	outb(LCR, LCR_DIVISOR);
	outb(DATA, 1);
	outb(IER, 0);
	outb(LCR, LCR_8N1);
	outb(IER, 0);
	outb(FCR, FCR_ON_CLEAR);
	outb(MCR, MCR_READY);
	present = inb(LSR) != 0xff;
}

static void
wait_for(int lsr)
{
	for (int i = 0; i < PATIENCE && !(inb(LSR) & lsr); i++)
		;
}

void
serial_write(const char *s, size_t n)
{
	if (!present)
		return;
	while (n > 0) {
		size_t part = MIN(n, (size_t) FIFO_SIZE);
		wait_for(LSR_FIFO_EMPTY);
		outsb(DATA, s, part);
		s += part;
		n -= part;
	}
}

int
serial_getc(void)
{
	int c;

	if (!present || !(inb(LSR) & LSR_DATA))
		return 0;
	c = inb(DATA);
	return c == 0x7f ? '\b' : c;
}

void
serial_drain(void)
{
	if (present)
		wait_for(LSR_IDLE);
}
