// From the entry point to an xv6 program.

#include "inc/lib.h"

int xv6_main(int argc, char **argv);
int xv6_exit(int status) __attribute__((noreturn));

void
umain(int argc, char **argv)
{
	xv6_exit(xv6_main(argc, argv));
}
