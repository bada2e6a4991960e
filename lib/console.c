// The console, for programs: cprintf and its relatives.

#include "inc/lib.h"

void
cputchar(int c)
{
	char ch = c;

	sys_cputs(&ch, 1);
}

int
getchar(void)
{
	int c;

	while (!(c = sys_cgetc()))
		sys_yield();
	return c;
}

int
iscons(int fd)
{
	(void) fd;
	return 1;
}

// Output on its way: one system call for many characters, so that a line stays in one piece.
struct Out {
	size_t n;
	int total;
	char buf[256];
};

static void
flush(struct Out *out)
{
	if (out->n > 0)
		sys_cputs(out->buf, out->n);
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
