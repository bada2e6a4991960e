// Wrong arguments are refused at once, and change nothing: afterwards the child can be waited for.

#include <error.h>
#include <stdio.h>
#include <ulib.h>

#define CODE 0xbeaf
#define KERNEL ((int *) 0xf0100000)
#define NOTHING ((int *) 0x10)

int
main(void)
{
	int code = 1, pid = fork();

	if (pid == 0) {
		cprintf("fork ok.\n");
		for (int i = 0; i < 10; i++)
			yield();
		exit(CODE);
	}
	assert(pid > 0);

	// It is there, and has not ended: none of these may wait for it.
	assert(waitpid(pid, KERNEL) == -E_INVAL);
	assert(waitpid(pid, NOTHING) == -E_INVAL);
	assert(waitpid(pid, (int *) main) == -E_INVAL);       // can be read only
	assert(waitpid(pid, (int *) 0xfffffffd) == -E_INVAL); // goes around the end
	assert(waitpid(0, KERNEL) == -E_INVAL);
	assert(waitpid(pid + 1, NULL) == -E_BAD_PROC);
	assert(waitpid(-1, NULL) == -E_BAD_PROC);
	assert(waitpid(getpid(), NULL) == -E_BAD_PROC);
	assert(waitpid(1, NULL) == -E_BAD_PROC); // no child of ours
	assert(kill(pid + 1) == -E_INVAL && kill(0) == -E_INVAL && kill(-1) == -E_INVAL);
	assert(kill(0x7fffffff) == -E_INVAL);
	assert(exec("no-such-program") == -E_NOENT);
	assert(code == 1);

	assert(waitpid(pid, &code) == 0 && code == CODE);
	assert(waitpid(pid, NULL) == -E_BAD_PROC);
	cprintf("badarg pass.\n");
	return 0;
}
