// The console: output goes to the serial line and the screen, input is taken from the serial
// line and the keyboard.

#include "kern/console.h"

#include "inc/stdio.h"

void
cons_init(void)
{
	serial_init();
	screen_init();
}

void
cons_write(const char *s, size_t n)
{
	serial_write(s, n);
	screen_write(s, n);
}

int
cons_getc(void)
{
	int c = serial_getc();

	return c ? c : keyboard_getc();
}

void
cons_drain(void)
{
	serial_drain();
}

int
getchar(void)
{
	int c;

	while (!(c = cons_getc()))
		;
	return c;
}
