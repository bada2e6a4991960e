// Division of 64-bit integers, which compilers for i386 call by these names.
// Source: the GCC runtime interface (libgcc, integer library routines).

#include "inc/types.h"

uint64_t __udivdi3(uint64_t a, uint64_t b);
uint64_t __umoddi3(uint64_t a, uint64_t b);
int64_t __divdi3(int64_t a, int64_t b);
int64_t __moddi3(int64_t a, int64_t b);
uint64_t __udivmoddi4(uint64_t a, uint64_t b, uint64_t *rest);
int64_t __divmoddi4(int64_t a, int64_t b, int64_t *rest);

// Long division in binary, from the highest bit that can matter.
uint64_t
__udivmoddi4(uint64_t a, uint64_t b, uint64_t *rest)
{
	uint64_t quotient = 0;
	int shift = 0;

	if (b == 0)
		__builtin_trap();
	while (b <= a >> 1 && !(b >> 63)) {
		b <<= 1;
		shift++;
	}
	for (; shift >= 0; shift--, b >>= 1) {
		quotient <<= 1;
		if (a >= b) {
			a -= b;
			quotient |= 1;
		}
	}
	*rest = a;
	return quotient;
}

uint64_t
__udivdi3(uint64_t a, uint64_t b)
{
	uint64_t rest;

	return __udivmoddi4(a, b, &rest);
}

uint64_t
__umoddi3(uint64_t a, uint64_t b)
{
	uint64_t rest;

	__udivmoddi4(a, b, &rest);
	return rest;
}

static uint64_t
magnitude(int64_t n)
{
	return n < 0 ? -(uint64_t) n : (uint64_t) n;
}

int64_t
__divdi3(int64_t a, int64_t b)
{
	uint64_t n = __udivdi3(magnitude(a), magnitude(b));

	return (int64_t) ((a < 0) != (b < 0) ? -n : n);
}

int64_t
__moddi3(int64_t a, int64_t b)
{
	uint64_t n = __umoddi3(magnitude(a), magnitude(b));

	return (int64_t) (a < 0 ? -n : n);
}

int64_t
__divmoddi4(int64_t a, int64_t b, int64_t *rest)
{
	*rest = __moddi3(a, b);
	return __divdi3(a, b);
}
