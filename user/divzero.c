// A divide error.

#include "inc/lib.h"

// Volatile, both: the compilers know how to divide 1 by anything without a division.
static volatile int one = 1, zero;

void
umain(int argc, char **argv)
{
	cprintf("1/0 is %08x!\n", one / zero);
}
