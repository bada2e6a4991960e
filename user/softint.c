// A page fault that never happened.  Vector 14 is not for programs to call, so what the kernel
// sees is a general protection fault.

#include "inc/lib.h"

void
umain(int argc, char **argv)
{
	asm volatile("int %0" : : "i"(T_PGFLT));
}
