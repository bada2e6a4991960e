// The sieve of Eratosthenes as a pipeline of envs, which grows until no env is left.  The
// first sends the numbers from 2 on.  Each other one takes the first number it gets for its
// prime, since no smaller prime has held it back, and passes on what its prime does not divide.

#include "inc/lib.h"

static void __attribute__((noreturn)) generate(envid_t right)
{
	for (uint32_t number = 2;; number++)
		ipc_send(right, number, NULL, 0);
}

static void __attribute__((noreturn)) sieve(uint32_t prime, envid_t right)
{
	for (;;) {
		uint32_t number = ipc_recv(NULL, NULL, NULL);

		if (number % prime)
			ipc_send(right, number, NULL, 0);
	}
}

// The env to the right: 0 for that env itself.
static envid_t
extend(void)
{
	envid_t right = fork();

	if (right < 0)
		panic("fork: %e", right);
	return right;
}

void
umain(int argc, char **argv)
{
	envid_t right = extend();

	if (right)
		generate(right);
	for (;;) {
		uint32_t prime = ipc_recv(NULL, NULL, NULL);

		cprintf("CPU %d: %d ", thisenv->env_cpunum, prime);
		if ((right = extend()))
			sieve(prime, right);
	}
}
