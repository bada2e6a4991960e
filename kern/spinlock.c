// The kernel lock.

#include "kern/spinlock.h"

#include "inc/types.h"
#include "inc/x86.h"
#include "kern/percpu.h"

#define PATIENCE 1000 // how often to try before being urgent

static volatile uint32_t locked; // [A]
static volatile uint32_t urgent; // [A] 1 + the CPU that goes before all others; 0: none

// Drop what the TLB holds, if the holder of the lock has asked for it.
static void
answer_flush(struct Cpu *self)
{
	if (!self->flush)
		return;
	lcr3(rcr3());
	self->flush = false; // a CPU's stores become visible in order: the asker goes on now
}

// First come, first served would be fair, but a virtual machine may not be running the CPU whose
// turn it is.  So anyone may have the lock until somebody has waited too long; who has, is next.
void
lock_kernel(void)
{
	struct Cpu *self = thiscpu;
	uint32_t me = self - cpus + 1;

	// Alone, there is nobody to keep out.
	if (ncpu == 1)
		return;
	for (unsigned tries = 0;; tries++) {
		uint32_t who = urgent;

		if ((who == 0 || who == me) && !locked && !xchg(&locked, true))
			break;
		if (who == 0 && tries > PATIENCE)
			compare_and_swap(&urgent, 0, me);
		answer_flush(self);
		pause();
	}
	if (urgent == me)
		urgent = 0;
}

void
unlock_kernel(void)
{
	// A store is enough: x86 does not let earlier accesses pass it.
	asm volatile("" : : : "memory");
	locked = false;
}
