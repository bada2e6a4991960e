// Arithmetic on 64-bit integers, which i386 has no instructions for.

#include "inc/lib.h"

static volatile uint64_t values[] = {
	0,
	1,
	2,
	3,
	10,
	1000000007,
	0x7fffffff,
	0x80000000,
	0xffffffff,
	0x100000000,
	0x123456789abcdef0,
	0x7fffffffffffffff,
	0x8000000000000000,
	0xffffffffffffffff,
};

void
umain(int argc, char **argv)
{
	for (size_t i = 0; i < ARRAY_SIZE(values); i++) {
		for (size_t j = 1; j < ARRAY_SIZE(values); j++) {
			uint64_t a = values[i], b = values[j], q = a / b, r = a % b;
			int64_t sa = (int64_t) a, sb = (int64_t) b;

			if (r >= b || q * b + r != a)
				panic("%llx / %llx: %llx rest %llx", a, b, q, r);
			if (sb == -1) // what overflows need not be defined
				continue;
			int64_t sq = sa / sb, sr = sa % sb;
			if (sq * sb + sr != sa || (sr < 0 && sa > 0) || (sr > 0 && sa < 0))
				panic("%llx / %llx: %llx rest %llx", sa, sb, sq, sr);
		}
	}
	cprintf("int64: OK\n");
}
