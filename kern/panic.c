// When the kernel finds itself in the wrong.

#include "inc/assert.h"
#include "kern/bootargs.h"
#include "kern/init.h"
#include "kern/kdebug.h"
#include "kern/monitor.h"
#include "kern/percpu.h"

static volatile uint32_t panicked; // [A] 1 + the number of the first CPU that did

void
_panic(const char *file, int line, const char *fmt, ...)
{
	va_list ap;

	asm volatile("cli; cld");
	// The boot stack is no CPU's own, and CPU 0 is on it.
	uint32_t me = (cpunum() < NCPU ? cpunum() : 0) + 1;
	uint32_t first = compare_and_swap(&panicked, 0, me);
	if (first != 0) {
		// A second panic has nothing to add, and on the same CPU the first will not end.
		if (first == me && bootargs_batch)
			machine_exit(false);
		for (;;)
			asm volatile("hlt");
	}
	cprintf("kernel panic on CPU %d at %s:%d: ", (int) me - 1, file, line);
	va_start(ap, fmt);
	vcprintf(fmt, ap);
	va_end(ap);
	cprintf("\n");
	if (bootargs_batch) {
		backtrace(read_ebp());
		machine_exit(false);
	}
	for (;;)
		monitor(NULL, NULL);
}

void
_warn(const char *file, int line, const char *fmt, ...)
{
	va_list ap;

	cprintf("kernel warning on CPU %d at %s:%d: ", cpunum(), file, line);
	va_start(ap, fmt);
	vcprintf(fmt, ap);
	va_end(ap);
	cprintf("\n");
}
