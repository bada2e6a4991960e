// Types and small arithmetic, as programs for uCore know them.

#ifndef UCORE_DEFS_H
#define UCORE_DEFS_H

#include <stddef.h>
#include <stdint.h>

#define __always_inline inline __attribute__((always_inline))
#define __noinline __attribute__((noinline))
#define __noreturn __attribute__((noreturn))

#define CHAR_BIT 8

typedef int bool;
#define true 1
#define false 0

typedef uintptr_t ppn_t; // the number of a page
typedef intptr_t off_t;

// Round a number or an address to a multiple of n.
#define ROUNDDOWN(a, n)                                                                            \
	({                                                                                         \
		size_t _a = (size_t) (a);                                                          \
		(__typeof__(a)) (_a - _a % (n));                                                   \
	})
#define ROUNDUP(a, n)                                                                              \
	({                                                                                         \
		size_t _n = (n);                                                                   \
		(__typeof__(a)) ROUNDDOWN((size_t) (a) + _n - 1, _n);                              \
	})

// The structure whose member is at ptr.
#define to_struct(ptr, type, member) ((type *) ((char *) (ptr) -offsetof(type, member)))

#endif
