// The console, and the kernel's cprintf.  Output goes to the serial line and the screen, input
// is taken from the serial line and the keyboard.

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

void
cputchar(int c)
{
	char ch = c;

	cons_write(&ch, 1);
}

int
getchar(void)
{
	int c;

	while (!(c = cons_getc()))
		;
	return c;
}

int
iscons(int fd)
{
	(void) fd;
	return 1;
}

// Characters on their way out: a device is asked once for many of them.
struct Out {
	size_t n;
	int total;
	char buf[128];
};

static void
flush(struct Out *out)
{
	cons_write(out->buf, out->n);
	out->n = 0;
}

static void
putch(int c, void *arg)
{
	struct Out *out = arg;

	out->buf[out->n++] = c;
	out->total++;
	if (out->n == sizeof out->buf)
		flush(out);
}

int
vcprintf(const char *fmt, va_list ap)
{
	struct Out out;

	out.n = out.total = 0;
	vprintfmt(putch, &out, fmt, ap);
	flush(&out);
	return out.total;
}

int
cprintf(const char *fmt, ...)
{
	va_list ap;
	int n;

	va_start(ap, fmt);
	n = vcprintf(fmt, ap);
	va_end(ap);
	return n;
}
