// A write where nothing is mapped, and no handler.

#include "inc/lib.h"

// Volatile: the compilers must not find out that it is NULL.
static uint32_t *volatile nowhere;

void
umain(int argc, char **argv)
{
	*nowhere = 0;
}
