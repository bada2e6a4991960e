// A page fault that never happened.  Vector 14 is not for programs to call.

#include <stdio.h>
#include <ulib.h>

int
main(void)
{
	asm volatile("int $14");
	panic("FAIL: T.T\n");
}
