// Formatted output to the console, for programs and the kernel: many characters for one call of
// cons_write, so that a line stays in one piece.

#include "inc/stdio.h"

struct Out {
	size_t n;
	int total;
	char buf[256];
};

static void
flush(struct Out *out)
{
	if (out->n > 0)
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

void
cputchar(int c)
{
	char ch = c;

	cons_write(&ch, 1);
}

int
iscons(int fd)
{
	(void) fd;
	return 1;
}
