// Numbers that look random: Marsaglia's shifts of 32 bits, of which 31 are shown.

#include <stdlib.h>

static uint32_t state = 1;

// 0 would stay 0 for ever.
void
srand(unsigned int seed)
{
	state = seed ? seed : 1;
}

int
rand(void)
{
	state ^= state << 13;
	state ^= state >> 17;
	state ^= state << 5;
	return state & RAND_MAX;
}
