// Instructions, as programs for uCore know them: those that a program may use.

#ifndef UCORE_X86_H
#define UCORE_X86_H

#include <defs.h>

// Divide the 64-bit n by base in place; the value is the remainder.
#define do_div(n, base)                                                                            \
	({                                                                                         \
		uint32_t _base = (base), _rest = (uint32_t) ((uint64_t) (n) % _base);              \
		(n) = (uint64_t) (n) / _base;                                                      \
		_rest;                                                                             \
	})

#define barrier() __asm__ __volatile__("" ::: "memory")

static inline uint32_t
read_ebp(void)
{
	uint32_t ebp;

	asm volatile("movl %%ebp, %0" : "=r"(ebp));
	return ebp;
}

static inline uint64_t
rdtsc(void)
{
	uint64_t ticks;

	asm volatile("rdtsc" : "=A"(ticks));
	return ticks;
}

#endif
