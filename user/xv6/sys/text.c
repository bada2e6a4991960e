// Printing, and reading a line.

#include "inc/proc.h"

// A part of the output, written as soon as it is full, and at the end.
struct Part {
	int fd;
	int n;
	char text[128];
};

static void
put(int c, void *arg)
{
	struct Part *part = arg;

	if (part->n == sizeof(part->text)) {
		proc_write(part->fd, part->text, part->n);
		part->n = 0;
	}
	part->text[part->n++] = c;
}

static void
print(int fd, const char *fmt, va_list ap)
{
	struct Part part = {.fd = fd};

	vprintfmt(put, &part, fmt, ap);
	if (part.n > 0)
		proc_write(fd, part.text, part.n);
}

void
xv6_fprintf(int fd, const char *fmt, ...)
{
	va_list ap;

	va_start(ap, fmt);
	print(fd, fmt, ap);
	va_end(ap);
}

void
xv6_printf(const char *fmt, ...)
{
	va_list ap;

	va_start(ap, fmt);
	print(1, fmt, ap);
	va_end(ap);
}

char *
xv6_gets(char *line, int max)
{
	int n = 0;

	while (n < max - 1 && proc_read(0, &line[n], 1) == 1)
		if (line[n++] == '\n' || line[n - 1] == '\r')
			break;
	line[n] = '\0';
	return line;
}
