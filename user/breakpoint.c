// A breakpoint, which takes the machine to the kernel monitor.

#include "inc/lib.h"

void
umain(int argc, char **argv)
{
	breakpoint();
}
