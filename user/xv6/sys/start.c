// Where xv6's programs begin and end, and what they print.

#include "inc/lib.h"

int xv6_main(int argc, char **argv);
void xv6_exit(int code) __attribute__((noreturn));
void xv6_printf(const char *format, ...) __attribute__((format(printf, 1, 2)));

void
xv6_exit(int code)
{
	(void) code;
	exit();
}

void
xv6_printf(const char *format, ...)
{
	va_list args;

	va_start(args, format);
	vcprintf(format, args);
	va_end(args);
}

void
umain(int argc, char **argv)
{
	xv6_exit(xv6_main(argc, argv));
}
