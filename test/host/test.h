// A tiny test harness.
//
//	TEST(a_name_that_says_what_should_be_so)
//	{
//		CHECK(1 + 1 == 2);
//	}
//
// A test registers itself.  The program runs those whose file or name contains one of its
// arguments, or all; prints TAP; and exits with 0 when all is well.  A check that fails, or a
// panic of the core that nobody expected, ends its test.
//
// System headers stay in harness.c, because the core has its own of the same names.

#ifndef FAULTLINE_TEST_HOST_TEST_H
#define FAULTLINE_TEST_HOST_TEST_H

#include <setjmp.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct Test {
	const char *file, *name;
	void (*run)(void);
	struct Test *next;
};

void test_register(struct Test *t);
void test_fail(const char *file, int line, const char *fmt, ...)
	__attribute__((noreturn, format(printf, 3, 4)));

#define TEST(test_name)                                                                            \
	static void test_name(void);                                                               \
	__attribute__((constructor)) static void register_##test_name(void)                        \
	{                                                                                          \
		static struct Test t = {__FILE__, #test_name, test_name, NULL};                    \
		test_register(&t);                                                                 \
	}                                                                                          \
	static void test_name(void)

#define CHECK(cond) ((cond) ? (void) 0 : test_fail(__FILE__, __LINE__, "not so: %s", #cond))

// That two integers are the same; says what they were if not.
#define CHECK_EQ(got, want)                                                                        \
	do {                                                                                       \
		long long got_ = (got), want_ = (want);                                            \
		if (got_ != want_)                                                                 \
			test_fail(__FILE__, __LINE__, "%s is %lld (0x%llx), not %lld (0x%llx)",    \
				  #got, got_, got_, want_, want_);                                 \
	} while (0)

// That the string `all' contains `part'.
#define CHECK_HAS(all, part) test_has(__FILE__, __LINE__, all, part)
void test_has(const char *file, int line, const char *all, const char *part);

// That a call f(arg) panics.
#define CHECK_PANIC(f, arg)                                                                        \
	(test_panics(f, arg) ? (void) 0                                                            \
			     : test_fail(__FILE__, __LINE__, "no panic: %s(%s)", #f, #arg))
bool test_panics(void (*f)(void *), void *arg);
// For _panic(): fails the test, unless a panic is expected.
void test_panicked(const char *file, int line, const char *what) __attribute__((noreturn));

// Print a line that starts with # into the report.
void test_note(const char *fmt, ...) __attribute__((format(printf, 1, 2)));

// Random numbers from 0 to n - 1, from a seed that the report names, and a salt that tells tests
// apart.  $SEED chooses another, $STEPS the length of the tests that ask for it.
void random_seed(uint32_t salt);
uint32_t random_below(uint32_t n);
#define PICK(array) ((array)[random_below(sizeof(array) / sizeof((array)[0]))])
unsigned test_steps(unsigned usual);

// Address space, all zeros, that costs memory only where it is used.
void *test_reserve(size_t size);

#endif
