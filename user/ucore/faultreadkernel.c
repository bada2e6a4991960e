// A read of the kernel's memory, which is mapped, and not for programs.

#include <stdio.h>
#include <ulib.h>

#define KERNEL 0xf0100000

int
main(void)
{
	cprintf("I read %08x from 0x%08x!\n", *(volatile unsigned int *) KERNEL, KERNEL);
	panic("FAIL: T.T\n");
}
