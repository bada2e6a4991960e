// A program that begins where it has nothing: the makefile says so to the linker.  No loader that looks at
// images starts it; user/loader.c tries.

#include "inc/lib.h"

void
umain(int argc, char **argv)
{
	cprintf("badentry runs\n");
}
