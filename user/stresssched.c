// Many envs on many CPUs.  Each counts in memory of its own; if ever two CPUs ran the same env,
// they would count twice what was to be counted once, or lose some of it.

#include "inc/lib.h"

#define CHILDREN 20
#define ROUNDS 10
#define STEPS 100000

static volatile int counter;

static bool
alive(envid_t id)
{
	const volatile struct Env *e = &envs[ENVX(id)];

	return e->env_id == id && e->env_status != ENV_FREE;
}

static void
stress(envid_t parent)
{
	// Its end is the signal for all to start.
	while (alive(parent))
		pause();

	for (int round = 0; round < ROUNDS; round++) {
		sys_yield();
		for (int step = 0; step < STEPS; step++)
			counter++;
	}
	if (counter != ROUNDS * STEPS)
		panic("ran on two CPUs at once (counter is %d)", counter);

	cprintf("[%08x] stresssched on CPU %d\n", thisenv->env_id, thisenv->env_cpunum);
}

void
umain(int argc, char **argv)
{
	envid_t self = sys_getenvid();

	for (int i = 0; i < CHILDREN; i++) {
		envid_t child = fork();

		if (child < 0)
			panic("fork: %e", child);
		if (child == 0) {
			stress(self);
			return;
		}
	}
}
