// A program that says hello, as one for xv6 does.

#include "kernel/types.h"
#include "user/user.h"

int
main(int argc, char *argv[])
{
	printf("hello from %s, %d\n", argv[0], argc);
	exit(0);
}
