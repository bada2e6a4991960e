// Prints a text that begins well and goes on past all memory: the kernel must look at every
// page before it prints the first byte.

#include "inc/lib.h"

void
umain(int argc, char **argv)
{
	sys_cputs("hello, world\n", 1024 * 1024);
}
