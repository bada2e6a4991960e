// panic, warn and assert.  In a program they end that program; in the kernel, everything.

#ifndef FAULTLINE_INC_ASSERT_H
#define FAULTLINE_INC_ASSERT_H

#include "inc/stdio.h"

void _warn(const char *file, int line, const char *fmt, ...);
void _panic(const char *file, int line, const char *fmt, ...) __attribute__((noreturn));

// Report the place and the message, and go on; or stop.
#define warn(...) _warn(__FILE__, __LINE__, __VA_ARGS__)
#define panic(...) _panic(__FILE__, __LINE__, __VA_ARGS__)

#define assert(x)                                                                                  \
	do {                                                                                       \
		if (!(x))                                                                          \
			panic("assertion failed: %s", #x);                                         \
	} while (0)

#endif
