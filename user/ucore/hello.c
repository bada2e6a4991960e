// The first program: it prints, knows who it is, and has nobody to wait for.

#include <error.h>
#include <stdio.h>
#include <ulib.h>

int
main(int argc, char **argv)
{
	cprintf("Hello world!!.\n");
	cprintf("I am process %d.\n", getpid());
	assert(argc == 1 && argv[0] && !argv[1]);
	assert(getpid() == getpid());
	assert(wait() == -E_BAD_PROC);
	cprintf("hello pass.\n");
	return 0;
}
