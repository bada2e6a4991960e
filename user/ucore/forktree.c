// A binary tree of processes.  Each prints its path from the root and forks both its branches; the codes
// count how many there are.

#include <stdio.h>
#include <string.h>
#include <ulib.h>

#define DEPTH 4

static int grow(const char *path);

// A child that has the tree below path: returns its pid.
static int
branch(const char *path, char which)
{
	char longer[DEPTH + 1];
	int pid = fork();

	if (pid == 0) {
		snprintf(longer, sizeof longer, "%s%c", path, which);
		exit(grow(longer));
	}
	assert(pid > 0);
	return pid;
}

// Returns how many processes there are from here downward.
static int
grow(const char *path)
{
	int left, right, pid[2];

	cprintf("%04x: I am '%s'\n", getpid(), path);
	if (strlen(path) == DEPTH - 1)
		return 1;
	pid[0] = branch(path, '0');
	pid[1] = branch(path, '1');
	assert(waitpid(pid[0], &left) == 0 && waitpid(pid[1], &right) == 0);
	return left + right + 1;
}

int
main(void)
{
	int n = grow("");

	if (n != (1 << DEPTH) - 1)
		panic("%d processes", n);
	cprintf("forktree pass.\n");
	return 0;
}
