// A handler without an exception stack to run on.

#include "inc/lib.h"

extern void _pgfault_upcall(void);

// Volatile: the compilers must not find out that it is NULL.
static uint32_t *volatile nowhere;

void
umain(int argc, char **argv)
{
	sys_env_set_pgfault_upcall(0, (void *) _pgfault_upcall);
	*nowhere = 0;
}
