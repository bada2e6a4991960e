// Where uCore's programs begin and end, and what they print.

#include "inc/lib.h"

int ucore_main(int argc, char **argv);
void ucore_exit(int code) __attribute__((noreturn));
int ucore_cprintf(const char *format, ...) __attribute__((format(printf, 1, 2)));

void
ucore_exit(int code)
{
	(void) code;
	exit();
}

int
ucore_cprintf(const char *format, ...)
{
	va_list args;
	int n;

	va_start(args, format);
	n = vcprintf(format, args);
	va_end(args);
	return n;
}

void
umain(int argc, char **argv)
{
	ucore_exit(ucore_main(argc, argv));
}
