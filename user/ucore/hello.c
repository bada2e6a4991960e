// A program that says hello, as one for uCore does.

#include <stdio.h>
#include <ulib.h>

int
main(void)
{
	cprintf("Hello world!!.\n");
	return 0;
}
