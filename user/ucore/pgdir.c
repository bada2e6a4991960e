// What is mapped: code that can only be read, data and stack that can be written to.

#include <stdio.h>
#include <ulib.h>

static volatile int written = 1;

int
main(void)
{
	volatile int on_stack = written;

	cprintf("I am %d, print pgdir.\n", getpid());
	cprintf("code at %08x, data at %08x, stack at %08x.\n", (unsigned int) main,
		(unsigned int) &written, (unsigned int) &on_stack);
	print_pgdir();
	cprintf("pgdir pass.\n");
	return 0;
}
