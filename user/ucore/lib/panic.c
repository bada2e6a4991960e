// Programs that find themselves in the wrong.

#include <error.h>
#include <stdio.h>
#include <ulib.h>

// One text, so that nobody else's lines come in between.
static void
report(const char *what, const char *file, int line, const char *fmt, va_list ap)
{
	char message[200];

	vsnprintf(message, sizeof message, fmt, ap);
	cprintf("user %s at %s:%d:\n    %s\n", what, file, line, message);
}

void
__warn(const char *file, int line, const char *fmt, ...)
{
	va_list ap;

	va_start(ap, fmt);
	report("warning", file, line, fmt, ap);
	va_end(ap);
}

void
__panic(const char *file, int line, const char *fmt, ...)
{
	va_list ap;

	va_start(ap, fmt);
	report("panic", file, line, fmt, ap);
	va_end(ap);
	exit(-E_PANIC);
}
