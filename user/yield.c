// Giving up the CPU, and coming back.  Start several of it to see them take turns.

#include "inc/lib.h"

#define TURNS 5

void
umain(int argc, char **argv)
{
	envid_t self = sys_getenvid();

	cprintf("Hello, I am environment %08x.\n", self);
	for (int turn = 0; turn < TURNS; turn++) {
		sys_yield();
		cprintf("Back in environment %08x, iteration %d.\n", self, turn);
	}
	cprintf("All done in environment %08x.\n", self);
}
