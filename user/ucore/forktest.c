// Many children: each of them runs, is waited for once, and then there is nobody left.

#include <error.h>
#include <stdio.h>
#include <ulib.h>

#define CHILDREN 32

int
main(void)
{
	int pid[CHILDREN], code;

	for (int i = 0; i < CHILDREN; i++) {
		pid[i] = fork();
		if (pid[i] == 0) {
			cprintf("I am child %d\n", i);
			exit(i);
		}
		if (pid[i] < 0)
			panic("fork %d: %e", i, pid[i]);
		for (int k = 0; k < i; k++)
			assert(pid[k] != pid[i]);
	}
	cprintf("fork claimed to work %d times.\n", CHILDREN);

	// Half of them by name, the others as they come.
	for (int i = CHILDREN - 1; i >= 0; i -= 2)
		assert(waitpid(pid[i], &code) == 0 && code == i);
	for (int i = 0; i < CHILDREN / 2; i++) {
		if (wait() != 0)
			panic("wait stopped early");
	}
	if (wait() != -E_BAD_PROC)
		panic("wait got too many");
	cprintf("forktest pass.\n");
	return 0;
}
