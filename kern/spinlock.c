// The kernel lock.

#include "kern/spinlock.h"

#include "inc/types.h"
#include "inc/x86.h"
#include "kern/percpu.h"

#define NOBODY (-1)
#define PATIENCE 100000 // how often to try before standing in line

static volatile uint32_t locked;   // [A]
static volatile uint32_t in_line;  // [A] a bit for each CPU that has lost its patience
static volatile int turn = NOBODY; // [A] the only CPU that may take the lock; NOBODY: anyone

// Drop what the TLB holds, if the holder of the lock has asked for it.
static void
answer_flush(struct Cpu *self)
{
	if (!self->flush)
		return;
	lcr3(rcr3());
	self->flush = false; // a CPU's stores become visible in order: the asker goes on now
}

// First come, first served would be fair, but on a virtual machine the CPU whose turn it is may
// not be running at all.  So anyone may have the lock until somebody has waited too long; those who
// have take turns, and go before the others.
void
lock_kernel(void)
{
	struct Cpu *self = thiscpu;
	int me = self - cpus;

	// Alone, there is nobody to keep out.
	if (ncpu == 1)
		return;
	for (unsigned tries = 0;; tries++) {
		if (!locked && (turn == NOBODY || turn == me) && !xchg(&locked, true))
			break;
		if (tries == PATIENCE)
			atomic_or(&in_line, 1u << me);
		answer_flush(self);
		pause();
	}
	atomic_and(&in_line, ~(1u << me));
}

// The first in line behind this CPU, going round.
static int
next_turn(int me)
{
	uint32_t line = in_line, behind = line & ~((2u << me) - 1);

	return line == 0 ? NOBODY : __builtin_ctz(behind ? behind : line);
}

void
unlock_kernel(void)
{
	if (ncpu == 1)
		return;
	turn = next_turn(cpunum());
	// A store is enough: x86 does not let earlier accesses pass it.
	asm volatile("" : : : "memory");
	locked = false;
}
