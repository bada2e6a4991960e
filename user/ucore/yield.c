// Giving up the CPU: the process comes back each time, and so does a child beside it.

#include <stdio.h>
#include <ulib.h>

#define TURNS 5

static void
turns(const char *where)
{
	for (int i = 0; i < TURNS; i++) {
		yield();
		cprintf("%s%d, iteration %d.\n", where, getpid(), i);
	}
}

int
main(void)
{
	int child, code;

	cprintf("Hello, I am process %d.\n", getpid());
	child = fork();
	if (child == 0) {
		turns("Back in child ");
		return TURNS;
	}
	assert(child > 0);
	turns("Back in process ");
	assert(waitpid(child, &code) == 0 && code == TURNS);
	cprintf("All done in process %d.\n", getpid());
	cprintf("yield pass.\n");
	return 0;
}
