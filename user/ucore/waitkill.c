// Somebody who waits is killed by the one that he waits for, and the one below him goes on: his
// child, which is nobody's then, can be killed too.

#include <error.h>
#include <stdio.h>
#include <ulib.h>

static sem_t ready; // who is to be killed has come far enough

// The second child: end its parent, which waits by then, and then the first child.
static void
second(int parent, int first)
{
	cprintf("child 2.\n");
	assert(sem_wait(ready) == 0 && sem_wait(ready) == 0);
	sleep(50);
	if (kill(parent) != 0)
		panic("kill parent failed");
	cprintf("kill parent ok.\n");
	if (kill(first) != 0)
		panic("kill child1 failed");
	cprintf("kill child1 ok.\n");
	assert(kill(getpid()) == 0); // does not come back
	exit(1);
}

// The parent waits for a child that will not end.
static void
parent(void)
{
	int me = getpid(), first = fork();

	if (first == 0) {
		cprintf("child 1.\n");
		sem_post(ready);
		for (;;)
			yield();
	}
	assert(first > 0);
	int pid = fork();
	if (pid == 0)
		second(me, first);
	assert(pid > 0);
	cprintf("wait child 1.\n");
	sem_post(ready);
	waitpid(first, NULL);
	panic("waitpid came back");
}

int
main(void)
{
	int code, pid;

	ready = sem_init(0);
	assert(ready >= 0);
	pid = fork();
	if (pid == 0)
		parent();
	assert(pid > 0 && waitpid(pid, &code) == 0 && code == -E_KILLED);
	// The grandchildren are the init program's: not ours to wait for.
	assert(wait() == -E_BAD_PROC);
	return 0;
}
