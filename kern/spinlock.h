// The kernel lock, and THE LOCKING RULES.
//
// There is one lock.  A CPU takes it when it enters the kernel from a program, an idle CPU when
// it looks for work, and both give it back on the way out.  Interrupts are off all that time.  A
// single CPU takes nothing, and sys_getenvid by sysenter looks at [C] only.
//
// The letters beside a field say who may touch it:
//
//	[K]  whoever holds the kernel lock
//	[C]  its own CPU only; while no CPU has the env it belongs to, as [K]
//	[A]  anyone, as each access is a single atomic one
//	[I]  anyone, as it is fixed once the kernel has started (or the object has been made)
//
// Pages are filled without the lock (frame_zero_unlocked, frame_copy_unlocked): who does that holds
// references to the frames, touches nothing else, and finds out afterwards who is still there.
//
// Two rules keep CPUs from waiting for each other for ever:
//
// - The holder of the lock may wait for another CPU to drop its TLB (tlb_invalidate).  So a CPU
//   that waits for the lock looks for such requests all the time; one that runs a program is
//   interrupted, and then waits for the lock; an idle one has no program's memory loaded, and is
//   never asked.
// - No program can make the kernel wait for anything else with the lock held.  The kernel itself
//   does at the start, for each CPU that starts, and in the monitor, for who sits there.

#ifndef FAULTLINE_KERN_SPINLOCK_H
#define FAULTLINE_KERN_SPINLOCK_H

void lock_kernel(void);
void unlock_kernel(void);

#endif
