// A divide error, which ends the program.

#include <stdio.h>
#include <ulib.h>

// Volatile, both: the compilers know how to divide 1 by anything without a division.
static volatile int one = 1, zero;

int
main(void)
{
	cprintf("value is %d.\n", one / zero);
	panic("FAIL: T.T\n");
}
