// Programs that find themselves in the wrong.

#include "inc/lib.h"

static void
report(const char *what, const char *file, int line, const char *fmt, va_list ap)
{
	cprintf("[%08x] user %s in %s at %s:%d: ", sys_getenvid(), what, binaryname, file, line);
	vcprintf(fmt, ap);
	cprintf("\n");
}

void
_warn(const char *file, int line, const char *fmt, ...)
{
	va_list ap;

	va_start(ap, fmt);
	report("warning", file, line, fmt, ap);
	va_end(ap);
}

// The breakpoint gives whoever watches the kernel's monitor; with nobody there, it is the end.  One of a
// family (inc/proc.h) ends in any case, by a fault, which its init tells to who waits for it: others go on.
void
_panic(const char *file, int line, const char *fmt, ...)
{
	va_list ap;

	va_start(ap, fmt);
	report("panic", file, line, fmt, ap);
	va_end(ap);
	if (thisenv->env_keeper)
		asm volatile("ud2");
	breakpoint();
	exit();
}
