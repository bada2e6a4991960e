// Prints from an address where nothing is: the kernel must look before it reads.

#include "inc/lib.h"

void
umain(int argc, char **argv)
{
	sys_cputs((char *) 1, 1);
}
