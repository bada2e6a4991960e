// Sleeping takes as long as it says, and who sleeps lets others run.

#include <stdio.h>
#include <ulib.h>

#define TURNS 10
#define SLICE 100 // milliseconds

static int
sleepy(void)
{
	for (int i = 0; i < TURNS; i++) {
		unsigned int before = gettime_msec();

		assert(sleep(SLICE) == 0);
		if (gettime_msec() - before < SLICE)
			panic("woken after %u milliseconds", gettime_msec() - before);
		cprintf("sleep %d x %d slices.\n", i + 1, SLICE);
	}
	return 0;
}

int
main(void)
{
	unsigned int time = gettime_msec();
	volatile unsigned int turns = 0;
	int pid = fork(), code;

	if (pid == 0)
		exit(sleepy());
	assert(pid > 0);
	while (gettime_msec() - time < SLICE)
		turns++;
	assert(turns > 0);
	assert(waitpid(pid, &code) == 0 && code == 0);
	time = gettime_msec() - time;
	cprintf("use %04u msecs.\n", time);
	assert(time >= TURNS * SLICE);
	cprintf("sleep pass.\n");
	return 0;
}
