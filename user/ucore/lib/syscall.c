// The system's calls under their own names: what programs usually reach by ulib.h.

#include <error.h>
#include <stdio.h>
#include <syscall.h>
#include <ulib.h>

void
sys_exit(int error_code)
{
	exit(error_code);
}

int
sys_fork(void)
{
	return fork();
}

int
sys_wait(int pid, int *store)
{
	return waitpid(pid, store);
}

// argc says nothing that the end of argv does not.
int
sys_exec(const char *name, int argc, const char **argv)
{
	if (argc < 1)
		return -E_INVAL;
	return __exec(name, argv);
}

int
sys_yield(void)
{
	yield();
	return 0;
}

int
sys_kill(int pid)
{
	return kill(pid);
}

int
sys_getpid(void)
{
	return getpid();
}

int
sys_putc(int c)
{
	cputchar(c);
	return 0;
}

int
sys_pgdir(void)
{
	print_pgdir();
	return 0;
}

int
sys_sleep(unsigned int time)
{
	return sleep(time);
}

size_t
sys_gettime(void)
{
	return gettime_msec();
}

void
sys_lab6_set_priority(uint32_t priority)
{
	lab6_set_priority(priority);
}
