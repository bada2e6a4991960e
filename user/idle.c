// Always runnable, never in the way: keeps the system from running out of environments.

#include "inc/lib.h"

void
umain(int argc, char **argv)
{
	for (;;)
		sys_yield();
}
