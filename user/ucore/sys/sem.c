// Semaphores.

#include "inc/lib.h"
#include "inc/proc.h"
#include "ucore.h"

int ucore_sem_init(int value);
int ucore_sem_post(int sem);
int ucore_sem_wait(int sem);
int ucore_sem_wait_timeout(int sem, unsigned int time);
int ucore_sem_free(int sem);

int
ucore_sem_init(int value)
{
	int r = proc_sem_new(value);

	return r == -OUR_MAX_OPEN ? -E_NO_MEM : _ucore_error(r);
}

int
ucore_sem_post(int sem)
{
	return _ucore_error(proc_sem_up(sem));
}

int
ucore_sem_wait(int sem)
{
	return _ucore_error(proc_sem_down(sem, 0));
}

// To proc_sem_down, no time is all of it.
int
ucore_sem_wait_timeout(int sem, unsigned int time)
{
	return _ucore_error(proc_sem_down(sem, time ? time : 1));
}

int
ucore_sem_free(int sem)
{
	return _ucore_error(proc_sem_free(sem));
}
