// A read of the kernel's memory, which is there, but not for programs.

#include "inc/lib.h"

void
umain(int argc, char **argv)
{
	cprintf("I read %08x from location 0xf0100000!\n", *(volatile uint32_t *) 0xf0100000);
}
