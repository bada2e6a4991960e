// The harness: the list of tests, the report, the ways out of a test, and all that the tests
// want from the system below them.  This is the one file with system headers.

#include "test/host/test.h"

#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#define TEST_SECONDS 300 // no test takes as long, unless the core loops

static struct Test *first, **last = &first;
static struct Test *current;
static jmp_buf end_of_test;
static jmp_buf *panic_wanted;
static uint64_t random_state;

void
test_register(struct Test *t)
{
	*last = t;
	last = &t->next;
}

void
test_note(const char *fmt, ...)
{
	va_list ap;

	va_start(ap, fmt);
	printf("# ");
	vprintf(fmt, ap);
	printf("\n");
	va_end(ap);
}

void
test_fail(const char *file, int line, const char *fmt, ...)
{
	va_list ap;

	va_start(ap, fmt);
	printf("# %s:%d: ", file, line);
	vprintf(fmt, ap);
	printf("\n");
	va_end(ap);
	longjmp(end_of_test, 1);
}

void
test_has(const char *file, int line, const char *all, const char *part)
{
	if (!strstr(all, part))
		test_fail(file, line, "no \"%s\" in \"%s\"", part, all);
}

void
test_panicked(const char *file, int line, const char *what)
{
	if (panic_wanted)
		longjmp(*panic_wanted, 1);
	test_fail(file, line, "panic: %s", what);
}

bool
test_panics(void (*f)(void *), void *arg)
{
	jmp_buf here;
	volatile bool panicked = true;

	panic_wanted = &here;
	if (!setjmp(here)) {
		f(arg);
		panicked = false;
	}
	panic_wanted = NULL;
	return panicked;
}

void
random_seed(uint32_t salt)
{
	const char *seed = getenv("SEED");

	random_state = seed ? strtoull(seed, NULL, 0) : 1;
	test_note("seed %llu", (unsigned long long) random_state);
	random_state = (random_state + salt) * 0x9e3779b97f4a7c15 + 0x2545f4914f6cdd1d;
}

uint32_t
random_below(uint32_t n)
{
	random_state ^= random_state << 13;
	random_state ^= random_state >> 7;
	random_state ^= random_state << 17;
	return (random_state >> 16 & 0xffffffff) * n >> 32;
}

unsigned
test_steps(unsigned usual)
{
	const char *steps = getenv("STEPS");

	return steps ? strtoul(steps, NULL, 0) : usual;
}

void *
test_reserve(size_t size)
{
	void *p = mmap(NULL, size, PROT_READ | PROT_WRITE,
		       MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);

	if (p == MAP_FAILED) {
		perror("mmap");
		exit(2);
	}
	return p;
}

static void
too_long(int sig)
{
	(void) sig;
	printf("# %s: not done in %d seconds\n", current->file, TEST_SECONDS);
	printf("not ok - %s\nBail out!\n", current->name);
	fflush(stdout);
	_exit(1);
}

static bool
is_wanted(const struct Test *t, int argc, char **argv)
{
	for (int i = 1; i < argc; i++)
		if (strstr(t->name, argv[i]) || strstr(t->file, argv[i]))
			return true;
	return argc == 1;
}

// Whether t passes.
static bool
run(struct Test *t)
{
	panic_wanted = NULL;
	current = t;
	if (setjmp(end_of_test))
		return false;
	alarm(TEST_SECONDS);
	t->run();
	return true;
}

int
main(int argc, char **argv)
{
	int n = 0, nfailed = 0;

	signal(SIGALRM, too_long);
	setvbuf(stdout, NULL, _IOLBF, 0); // a crash loses nothing
	for (struct Test *t = first; t; t = t->next) {
		if (!is_wanted(t, argc, argv))
			continue;
		bool ok = run(t);
		nfailed += !ok;
		printf("%sok %d - %s\n", ok ? "" : "not ", ++n, t->name);
	}
	alarm(0);
	printf("1..%d\n", n);
	if (nfailed)
		test_note("%d of %d failed", nfailed, n);
	return nfailed || n == 0;
}
