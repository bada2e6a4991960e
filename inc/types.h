// Names for sizes and addresses, and the small arithmetic everything uses.
// The three headers below come with the compiler and need no libc.

#ifndef FAULTLINE_INC_TYPES_H
#define FAULTLINE_INC_TYPES_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

// A physical address.  32 bits: the kernel uses two-level page tables, without PAE.
typedef uint32_t physaddr_t;

#if !__STDC_HOSTED__
typedef int32_t ssize_t;
typedef int32_t off_t;
#endif

#define MIN(a, b) ((a) < (b) ? (a) : (b))
#define MAX(a, b) ((a) > (b) ? (a) : (b))

// Round an unsigned number or an address to a multiple of n, a power of two.
// ROUNDUP wraps to 0 past the last multiple, as unsigned arithmetic does.
#define ROUNDDOWN(a, n) ((__typeof__(a)) ((uintptr_t) (a) & ~((uintptr_t) (n) -1)))
#define ROUNDUP(a, n)                                                                              \
	((__typeof__(a)) (((uintptr_t) (a) + (uintptr_t) (n) -1) & ~((uintptr_t) (n) -1)))

#define ARRAY_SIZE(a) (sizeof(a) / sizeof((a)[0]))

#define static_assert _Static_assert

#endif
