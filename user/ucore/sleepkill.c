// Who sleeps for ever can be killed, and so can who waits for a semaphore.

#include <error.h>
#include <stdio.h>
#include <ulib.h>

static void
sleeper(void)
{
	sleep(~0);
	panic("FAIL: woken");
}

static sem_t sem;

static void
waiter(void)
{
	sem_wait(sem);
	panic("FAIL: posted");
}

// A child that runs f is killed while it waits.
static void
check(void (*f)(void))
{
	int pid = fork(), code;

	if (pid == 0)
		f();
	if (pid < 0)
		panic("fork failed: %e", pid);
	sleep(100);
	assert(kill(pid) == 0);
	assert(waitpid(pid, &code) == 0 && code == -E_KILLED);
}

int
main(void)
{
	sem = sem_init(0);
	assert(sem >= 0);
	check(sleeper);
	check(waiter);
	// It waits no more: what is posted is for us.
	assert(sem_post(sem) == 0 && sem_wait(sem) == 0);
	assert(sem_wait_timeout(sem, 20) == -E_TIMEOUT);
	assert(sem_free(sem) == 0 && sem_post(sem) == -E_INVAL);
	cprintf("sleepkill pass.\n");
	return 0;
}
