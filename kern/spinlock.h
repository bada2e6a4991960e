// The kernel lock, and THE LOCKING RULES.
//
// There is one lock.  A CPU takes it when it enters the kernel from a program, an idle CPU when
// it looks for work, and both give it back on the way out.  Interrupts are off all that time.
//
// The letters beside a field say who may touch it:
//
//	[K]  whoever holds the kernel lock
//	[C]  its own CPU only; other CPUs never, not even to read
//	[A]  anyone, as each access is a single atomic one
//	[I]  anyone, as it is fixed once the kernel has started (or the object has been made)
//
// Two rules keep CPUs from waiting for each other for ever:
//
// - The holder of the lock may wait for another CPU to drop its TLB (tlb_invalidate).  So a CPU
//   that waits for the lock looks for such requests all the time; one that runs a program is
//   interrupted, and then waits for the lock; an idle one has no program's memory loaded, and is
//   never asked.
// - Nothing else is waited for with the lock held.

#ifndef FAULTLINE_KERN_SPINLOCK_H
#define FAULTLINE_KERN_SPINLOCK_H

void lock_kernel(void);
void unlock_kernel(void);

#endif
