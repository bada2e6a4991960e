// A general protection fault: the selector of a task state segment is none for data.

#include "inc/lib.h"

void
umain(int argc, char **argv)
{
	asm volatile("movw %w0,%%ds" : : "r"(GD_TSS0));
}
