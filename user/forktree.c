// A binary tree of envs.  Each prints its path from the root and forks both its branches.

#include "inc/lib.h"

#define DEPTH 3

static void
grow(const char *path)
{
	size_t depth = strlen(path);

	cprintf("%04x: I am '%s'\n", sys_getenvid(), path);
	if (depth == DEPTH)
		return;

	for (char branch = '0'; branch <= '1'; branch++) {
		envid_t child = fork();

		if (child < 0)
			panic("fork: %e", child);
		if (child == 0) {
			char longer[DEPTH + 1];

			snprintf(longer, sizeof longer, "%s%c", path, branch);
			grow(longer);
			exit();
		}
	}
}

void
umain(int argc, char **argv)
{
	grow("");
}
