// A child that never gives up the CPU does not keep it, and can be killed.

#include <error.h>
#include <stdio.h>
#include <ulib.h>

int
main(void)
{
	int pid, code, r;
	sem_t spinning = sem_init(0);

	cprintf("I am the parent. Forking the child...\n");
	pid = fork();
	if (pid == 0) {
		cprintf("I am the child. spinning ...\n");
		sem_post(spinning);
		for (;;)
			asm volatile("");
	}
	assert(pid > 0);
	cprintf("I am the parent. Running the child...\n");
	assert(sem_wait(spinning) == 0);
	for (int i = 0; i < 3; i++)
		yield();

	cprintf("I am the parent.  Killing the child...\n");
	r = kill(pid);
	cprintf("kill returns %d\n", r);
	assert(r == 0);
	r = kill(pid); // it is marked, or has ended already, but is there
	assert(r == -E_KILLED);

	r = waitpid(pid, &code);
	cprintf("wait returns %d\n", r);
	assert(r == 0 && code == -E_KILLED);
	assert(kill(pid) == -E_INVAL && waitpid(pid, NULL) == -E_BAD_PROC);
	cprintf("spin may pass.\n");
	return 0;
}
