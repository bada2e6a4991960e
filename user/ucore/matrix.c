// Many processes that compute, and give up the CPU from time to time, on their own stacks and data.

#include <error.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <ulib.h>

#define CHILDREN 21
#define SIZE 10
#define MODULUS 10007

static int a[SIZE][SIZE], b[SIZE][SIZE], c[SIZE][SIZE];

static void
multiply(void)
{
	for (int i = 0; i < SIZE; i++) {
		for (int j = 0; j < SIZE; j++) {
			c[i][j] = 0;
			for (int k = 0; k < SIZE; k++)
				c[i][j] = (c[i][j] + a[i][k] * b[k][j]) % MODULUS;
		}
	}
	memcpy(a, c, sizeof a);
}

// The sum of the last of `times' powers, with a pause after each.
static int
compute(unsigned int seed, int times, bool pauses)
{
	int sum = 0;

	srand(seed);
	for (int i = 0; i < SIZE; i++)
		for (int j = 0; j < SIZE; j++)
			a[i][j] = b[i][j] = rand() % MODULUS;
	while (times-- > 0) {
		multiply();
		if (pauses)
			yield();
	}
	for (int i = 0; i < SIZE; i++)
		for (int j = 0; j < SIZE; j++)
			sum += a[i][j];
	return sum;
}

int
main(void)
{
	int pid[CHILDREN], code;

	for (int i = 0; i < CHILDREN; i++) {
		pid[i] = fork();
		if (pid[i] == 0) {
			int times = 10 * (i + 1);

			cprintf("pid %d is running (%d times)!.\n", getpid(), times);
			code = compute(i, times, 1);
			cprintf("pid %d done!.\n", getpid());
			exit(code);
		}
		if (pid[i] < 0)
			panic("fork %d: %e", i, pid[i]);
	}
	cprintf("fork ok.\n");

	// What a child has found must be what we find alone.
	for (int i = 0; i < CHILDREN; i++) {
		assert(waitpid(pid[i], &code) == 0);
		if (code != compute(i, 10 * (i + 1), 0))
			panic("child %d computed %d", i, code);
	}
	assert(wait() == -E_BAD_PROC);
	cprintf("matrix pass.\n");
	return 0;
}
