// Children whose parent has gone: those that run go on, those that nobody could ever start do
// not stay for ever.

#include "user/attack.h"

#define FAMILIES 20

static void
note_end(uint32_t i)
{
	for (int n = 0; n < 50; n++)
		sys_yield();
	SHARED[i] = SURVIVED;
}

// One with a child that only it could start.
static void
have_child(uint32_t i)
{
	envid_t id = sys_exofork();

	if (id == 0)
		exit();
	SHARED[FAMILIES + i] = id;
	for (;;)
		sys_yield();
}

// A parent that leaves, with children of each kind.
static void
leave(uint32_t i)
{
	envid_t id;

	id = spawn(have_child, i);
	while (SHARED[FAMILIES + i] == 0)
		sys_yield();
	sys_env_set_status(id, ENV_NOT_RUNNABLE);
	spawn(note_end, i);
	if ((id = sys_exofork()) < 0) // never started
		panic("sys_exofork: %e", id);
	if (id == 0)
		exit();
	id = spawn(note_end, 2 * FAMILIES); // started, and stopped at some time
	sys_env_set_status(id, ENV_NOT_RUNNABLE);
}

// An orphan that stops itself: who should start it again?
static void
stop_myself(uint32_t parent)
{
	while (alive(parent))
		sys_yield();
	spawn(note_end, 2 * FAMILIES);
	sys_env_set_status(0, ENV_NOT_RUNNABLE);
	panic("an orphan was started");
}

static void
leave_stopping(uint32_t arg)
{
	spawn(stop_myself, sys_getenvid());
}

// Wait until all others have gone.  When none of them runs, will run or is being destroyed, nothing
// will ever change: whoever is there then stays.
static void
wait_alone(const char *what)
{
	int still = 0;

	while (!alone()) {
		// A look at all of them takes a while, in which one may start another and end.
		still = any_moves() ? 0 : still + 1;
		if (still > 1000)
			panic("%s", what);
		sys_yield();
	}
	cprintf("orphans: no %s\n", what);
}

void
umain(int argc, char **argv)
{
	share_page();
	for (int i = 0; i < FAMILIES; i++) {
		SHARED[i] = SHARED[FAMILIES + i] = 0;
		spawn(leave, i);
	}
	wait_alone("orphan that nobody can start");
	for (int i = 0; i < FAMILIES; i++)
		assert(SHARED[i] == SURVIVED);

	for (int i = 0; i < FAMILIES; i++)
		spawn(leave_stopping, 0);
	wait_alone("orphan that has stopped itself");
	cprintf("orphans: OK\n");
}
