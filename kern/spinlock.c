// The kernel lock.

#include "kern/spinlock.h"

#include "inc/types.h"
#include "inc/x86.h"
#include "kern/percpu.h"

static volatile uint32_t locked; // [A]

// Drop what the TLB holds, if the holder of the lock has asked for it.
static void
answer_flush(struct Cpu *self)
{
	if (!self->flush)
		return;
	lcr3(rcr3());
	self->flush = false; // a CPU's stores become visible in order: the asker goes on now
}

void
lock_kernel(void)
{
	struct Cpu *self = thiscpu;

	// Alone, there is nobody to keep out.
	if (ncpu == 1)
		return;
	while (xchg(&locked, true)) {
		while (locked) {
			answer_flush(self);
			pause();
		}
	}
}

void
unlock_kernel(void)
{
	// A store is enough: x86 does not let earlier accesses pass it.
	asm volatile("" : : : "memory");
	locked = false;
}
