// The zeroed part of a program: 4 MiB that must read as 0, hold what is written, and end.

#include "inc/lib.h"

#define WORDS (1024 * 1024)
// As far past the end as no other variable reaches, and still below 0x00d00000.
#define WILD (WORDS + 16 * PGSIZE / sizeof(uint32_t))

static uint32_t array[WORDS];
static volatile uint32_t *volatile words = array; // hides the array's size from the compilers

void
umain(int argc, char **argv)
{
	cprintf("Making sure bss works right...\n");
	for (uint32_t i = 0; i < WORDS; i++)
		if (words[i])
			panic("bigarray[%d] isn't cleared!", i);
	for (uint32_t i = 0; i < WORDS; i++)
		words[i] = i;
	for (uint32_t i = 0; i < WORDS; i++)
		if (words[i] != i)
			panic("bigarray[%d] didn't hold its value!", i);

	cprintf("Yes, good.  Now doing a wild write off the end...\n");
	words[WILD] = 0;
	panic("SHOULD HAVE TRAPPED!!!");
}
