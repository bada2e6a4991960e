// A process ends, and its code goes to the parent: whatever number it is.

#include <error.h>
#include <stdio.h>
#include <ulib.h>

static const int magic = -0x10384;

// The code of a child that runs f.
static int
code_of(void (*f)(void))
{
	int code = 1, pid = fork();

	if (pid == 0) {
		f();
		exit(0);
	}
	assert(pid > 0 && waitpid(pid, &code) == 0);
	return code;
}

static void
largest(void)
{
	exit(0x7fffffff);
}

static void
smallest(void)
{
	exit(-0x7fffffff - 1);
}

static void
nothing(void)
{
}

int
main(void)
{
	int pid, code;

	cprintf("I am the parent. Forking the child...\n");
	pid = fork();
	if (pid == 0) {
		cprintf("I am the child.\n");
		for (int i = 0; i < 7; i++)
			yield();
		exit(magic);
	}
	cprintf("I am parent, fork a child pid %d\n", pid);
	assert(pid > 0);
	cprintf("I am the parent, waiting now..\n");

	assert(waitpid(pid, &code) == 0 && code == magic);
	assert(waitpid(pid, &code) == -E_BAD_PROC && wait() == -E_BAD_PROC);
	cprintf("waitpid %d ok.\n", pid);

	assert(code_of(largest) == 0x7fffffff && code_of(smallest) == -0x7fffffff - 1);
	assert(code_of(nothing) == 0);
	assert(wait() == -E_BAD_PROC);
	cprintf("exit pass.\n");
	return 0;
}
