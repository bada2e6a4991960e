// Has the kernel print the kernel's memory: what the kernel may read is not what this program
// may read.

#include "inc/lib.h"

void
umain(int argc, char **argv)
{
	sys_cputs((char *) 0xf010000c, 100);
}
