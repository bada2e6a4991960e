// Memory without contents in the file: it reads as zero, holds what is written, is the child's own copy
// after fork, and has an end.

#include <stdio.h>
#include <ulib.h>

#define WORDS (1024 * 1024)
// As far past the end as no other variable reaches.
#define WILD (WORDS + 64 * 1024 / sizeof(uint32_t))

static uint32_t array[WORDS];
static volatile uint32_t *volatile words = array; // hides the array's size from the compilers

static void
check_all(uint32_t factor)
{
	for (uint32_t i = 0; i < WORDS; i++) {
		if (words[i] != i * factor)
			panic("bigarray[%u] is %u, not %u", i, words[i], i * factor);
	}
}

int
main(void)
{
	int code, pid;

	cprintf("Making sure bss works right...\n");
	check_all(0);
	for (uint32_t i = 0; i < WORDS; i++)
		words[i] = i;
	check_all(1);

	pid = fork();
	if (pid == 0) {
		for (uint32_t i = 0; i < WORDS; i += 1024)
			words[i] = 5;
		exit(words[1024] + words[1025]);
	}
	assert(pid > 0 && waitpid(pid, &code) == 0 && code == 5 + 1025);
	check_all(1);

	cprintf("Yes, good.  Now doing a wild write off the end...\n");
	cprintf("testbss may pass.\n");
	words[WILD] = 0;
	panic("FAIL: T.T\n");
}
