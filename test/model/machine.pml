// What the models stand on: CPUs that share one lock, and interrupts.
//
// Steps of different processes interleave freely, and what one writes all others see at once.
// That is stronger than x86, where a store waits in a buffer for a while.  The kernel loses
// nothing by it: each CPU's stores are seen in their order, every way into the lock is an xchg,
// and an interrupt is sent by a store to the local APIC that no earlier store is passed by.
//
// The lock, kern/spinlock.c, may be taken by whoever comes first after it was given back; but
// those who have lost their patience take turns, and go before the others.  The safety runs do
// with endless patience, as anything may happen then.  When something must happen at last (LIVE),
// a CPU has none to begin with.  Without turns it could come too late every time (MUTATE_UNFAIR).
//
// Interrupts, kern/lapic.c: ipi[c] is set by the sender and taken by c when it lets interrupts in,
// in user mode or halted.  Vectors are not told apart: c looks at everything whatever came.  Sent
// again before it was taken, it comes once.  A CPU may make system calls while it is set, which
// stands for an interrupt that is still on its way; it may not stay in the program for ever.
// A model whose programs may trap at any time anyway needs no interrupts for safety.

bool locked;

#if defined(LIVE) || defined(WITH_IPI)
bool ipi[NCPU];
#define SEND_IPI(cpu) ipi[cpu] = true
#define IPI_PENDING ipi[me]
#define TAKE_IPI ipi[me] = false
#else
#define SEND_IPI(cpu) skip
#define IPI_PENDING false
#define TAKE_IPI skip
#endif

// What a CPU does while it waits for the lock.
#ifndef WHILE_WAITING
#define WHILE_WAITING false -> skip
#endif

#if defined(LIVE) && !defined(MUTATE_UNFAIR)
#define NOBODY NCPU
bool in_line[NCPU];
byte turn = NOBODY;
#define MY_TURN !locked && (turn == NOBODY || turn == me)
#define STAND_IN_LINE in_line[me] = true
#define LEAVE_LINE in_line[me] = false;
#else
#define MY_TURN !locked
#define STAND_IN_LINE skip
#define LEAVE_LINE
#endif

// kern/spinlock.c: lock_kernel.  The xchg, and the loop around it.
inline lock_kernel()
{
	STAND_IN_LINE;
	do
	:: atomic { MY_TURN -> locked = true; LEAVE_LINE break }
	:: WHILE_WAITING
	od;
	assert(locked)
}

// kern/spinlock.c: unlock_kernel, next_turn.
inline unlock_kernel()
{
	assert(locked);
#if defined(LIVE) && !defined(MUTATE_UNFAIR)
	d_step {
		turn = (me + 1) % NCPU;
		do
		:: in_line[turn] || turn == me -> break
		:: else -> turn = (turn + 1) % NCPU
		od;
		if
		:: in_line[turn]
		:: else -> turn = NOBODY
		fi
	}
#endif
	locked = false
}
