// Printing: Faultline's, whose %e prints uCore's texts here.

#include "inc/lib.h"
#include "inc/proc.h"
#include "same.h"
#include "ucore.h"

int ucore_cputs(const char *s);
int ucore_vfprintf(int fd, const char *fmt, va_list ap);
int ucore_fprintf(int fd, const char *fmt, ...);

SAME(cprintf)
SAME(vcprintf)
SAME(cputchar)
SAME(getchar)
SAME(snprintf)
SAME(vsnprintf)
SAME(printfmt)
SAME(vprintfmt)

int
ucore_cputs(const char *s)
{
	return cprintf("%s\n", s);
}

// A descriptor's share of what is printed: many characters for one proc_write.
struct Out {
	int fd, total, n;
	char text[128];
};

static void
flush(struct Out *out)
{
	if (out->n > 0)
		proc_write(out->fd, out->text, out->n);
	out->n = 0;
}

static void
put(int c, void *arg)
{
	struct Out *out = arg;

	out->text[out->n++] = c;
	out->total++;
	if (out->n == sizeof out->text)
		flush(out);
}

int
ucore_vfprintf(int fd, const char *fmt, va_list ap)
{
	struct Out out;

	out.fd = fd;
	out.n = out.total = 0;
	vprintfmt(put, &out, fmt, ap);
	flush(&out);
	return out.total;
}

int
ucore_fprintf(int fd, const char *fmt, ...)
{
	va_list ap;
	int n;

	va_start(ap, fmt);
	n = ucore_vfprintf(fd, fmt, ap);
	va_end(ap);
	return n;
}
