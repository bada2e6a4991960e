// A read of address 0, where nothing is mapped.

#include <stdio.h>
#include <ulib.h>

int
main(void)
{
	cprintf("I read %08x from 0.\n", *(volatile unsigned int *) 0);
	panic("FAIL: T.T\n");
}
