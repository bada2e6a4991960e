// The console, for programs: what lib/cprintf.c and lib/readline.c stand on.

#include "inc/lib.h"

void
cons_write(const char *s, size_t n)
{
	sys_cputs(s, n);
}

int
getchar(void)
{
	int c;

	while (!(c = sys_cgetc()))
		sys_yield();
	return c;
}
