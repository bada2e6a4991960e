// The kernel lock.

#include "kern/spinlock.h"

#include "inc/types.h"
#include "inc/x86.h"
#include "kern/percpu.h"

#define NOBODY (-1)
#define SPINS 64
#define EAGERNESS 20000  // how often to try before others hold back
#define HOLD_BACK 32000  // looks, for who had the lock last
#define PATIENCE 6400000 // how often to try before standing in line

static volatile uint32_t locked;   // [A]
static volatile uint32_t waiting;  // [A] a bit for each CPU that has not got it at once
static volatile uint32_t in_line;  // [A] a bit for each CPU that has lost its patience
static volatile int turn = NOBODY; // [A] the only CPU that may take the lock; NOBODY: anyone
static volatile int last = NOBODY; // [A] who had it last

// Drop what the TLB holds, if the holder of the lock has asked for it.
static void
answer_flush(struct Cpu *self)
{
	if (!self->flush)
		return;
	lcr3(rcr3());
	self->flush = false; // a CPU's stores become visible in order: the asker goes on now
}

// What there is to be done between two looks at the lock.
static void
wait_a_little(struct Cpu *self, unsigned looks)
{
	answer_flush(self);
	if (looks % SPINS == 0)
		pause();
}

static bool
try_lock(int me)
{
	return !locked && (turn == NOBODY || turn == me) && !xchg(&locked, true);
}

// First come, first served would be fair, but on a virtual machine the CPU whose turn it is may
// not be running at all, and then all wait for it.  So anyone may have the lock.  Who had it last
// has it in its cache and would get it again and again, so it holds back while others wait; and
// those who have waited too long all the same take turns, and go before everyone else.
void
lock_kernel(void)
{
	struct Cpu *self = thiscpu;
	int me = self - cpus;

	// Alone, there is nobody to keep out.
	if (ncpu == 1)
		return;
	for (unsigned i = 1; last == me && waiting && i < HOLD_BACK; i++)
		wait_a_little(self, i);
	for (unsigned tries = 1; !try_lock(me); tries++) {
		if (tries == EAGERNESS)
			atomic_or(&waiting, 1u << me);
		if (tries == PATIENCE)
			atomic_or(&in_line, 1u << me);
		wait_a_little(self, tries);
	}
	if (waiting & 1u << me) {
		atomic_and(&in_line, ~(1u << me));
		atomic_and(&waiting, ~(1u << me));
	}
	last = me;
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
