// A write to the kernel's memory, which is there, but not for programs.

#include "inc/lib.h"

void
umain(int argc, char **argv)
{
	*(volatile uint32_t *) 0xf0100000 = 0;
}
