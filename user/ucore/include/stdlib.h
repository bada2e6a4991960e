// Numbers that look random, as programs for uCore know them.

#ifndef UCORE_STDLIB_H
#define UCORE_STDLIB_H

#include <defs.h>

#define RAND_MAX 2147483647UL

int rand(void); // from 0 to RAND_MAX
void srand(unsigned int seed);

#endif
