// Halting when there is nothing to run, waking up when there is, and the verdict that there never
// will be: "No runnable environments in the system!".
//
// Envs have no names here; what counts is how many are queued, blocked, dead, or on which CPU in
// which state.  A running env may wake a blocked one, make one, stop or destroy any other, end,
// wait, yield, or run on for ever without entering the kernel: there is no timer, so nothing is
// found by luck at the next tick.  A CPU that enters the kernel by itself while it is being kicked
// may find the interrupt when it halts, and wake up for nothing.
//
// What must hold:
// - While an env is in the queue, no CPU stays halted (LIVE): one is woken for each, or takes it
//   without.
// - The verdict is spoken only when no env is RUNNABLE, RUNNING or DYING, so the memory of the
//   last one has been given back; and when none is RUNNABLE or RUNNING, it always comes (LIVE).
// - A CPU that is marked idle holds no env.
//
// HALT stands for `sti; hlt': interrupts come in only once the CPU halts, so one that was sent in
// between is not lost.

#define WITH_IPI
#define NCPU 3
#define NENV 3
#define PARTS 3 // more than are given back while a CPU lets go of an env
#include "machine.pml"

mtype = { NOTHING, RUNNING, HELD, DYING };  // what a CPU has: no env, or one in this state

// Kernel state.
byte queued = 1;               // kern/env.c: how many are in the run queue,
byte dead;                     //	how many in the queue of the dead,
byte freed;                    //	and how many parts of the first one's memory are free
byte blocked;                  // NOT_RUNNABLE, and on no CPU
mtype has[NCPU] = NOTHING;     // Cpu.env and its state
bool idle[NCPU];               // kern/percpu.h: Cpu.idle

// For the claims.
bool halted[NCPU];
bool done;                     // the verdict

#define ON_CPU(state) ((has[0] == state) + (has[1] == state) + (has[2] == state))
#define NACTIVE (queued + dead + ON_CPU(RUNNING) + ON_CPU(DYING)) // kern/env.c: nactive
#define NALL (queued + dead + blocked + NCPU - ON_CPU(NOTHING))

// kern/env.c: env_reap.
inline env_reap()
{
	if
	:: dead && freed < PARTS - 1 -> freed++
	:: dead && freed == PARTS - 1 -> freed = 0; dead--
	:: !dead
	fi
}

// kern/cpu.c: cpu_wake_idle.
inline wake(cpu)
{
	idle[cpu] = false;
	SEND_IPI(cpu)
}

inline cpu_wake_idle()
{
	if
	:: idle[0] -> wake(0)
	:: !idle[0] && idle[1] -> wake(1)
	:: !idle[0] && !idle[1] && idle[2] -> wake(2)
	:: !idle[0] && !idle[1] && !idle[2]
	fi
}

// kern/sched.c: sched_pick, with env_let_go and env_next.
inline sched_pick()
{
	if
	:: has[me] == HELD -> has[me] = NOTHING; blocked++
	:: has[me] == DYING -> has[me] = NOTHING; dead++; env_reap()
	:: has[me] == RUNNING || has[me] == NOTHING
	fi;
	env_reap();
	if
	:: has[me] == NOTHING && queued -> queued--; has[me] = RUNNING
	:: has[me] != NOTHING || !queued
	fi;
#ifndef MUTATE_NO_WAKE
	if
	:: queued -> cpu_wake_idle()
	:: !queued
	fi
#endif
}

// kern/env.c: env_hold, env_destroy, env_release of an env that a CPU runs.
inline elsewhere(cpu)
{
	assert(!idle[cpu]);
	if
	:: has[cpu] == RUNNING ->
		has[cpu] = HELD;
		SEND_IPI(cpu)
	:: has[cpu] != DYING ->
		has[cpu] = DYING;
#ifndef MUTATE_NO_KICK
		SEND_IPI(cpu);
#endif
		env_reap()
	:: has[cpu] == HELD -> has[cpu] = RUNNING
	:: true
	fi
}

// kern/trap.c: dispatch, for an env that is RUNNING.
inline dispatch()
{
	if
	:: true
	:: has[me] = HELD // sys_ipc_recv
	:: has[me] = DYING; env_reap() // sys_env_destroy, of itself or by a fault
	:: queued -> queued++; has[me] = NOTHING // sys_yield; sched_pick lets go of it
	:: blocked -> blocked--; queued++ // sys_ipc_try_send, sys_env_set_status
	:: queued -> queued--; blocked++ // sys_env_set_status
	:: NALL < NENV -> blocked++ // sys_exofork
	:: blocked -> blocked--; dead++; env_reap() // sys_env_destroy
	:: queued -> queued--; dead++; env_reap()
	:: me != 0 && has[0] != NOTHING -> elsewhere(0)
	:: me != 1 && has[1] != NOTHING -> elsewhere(1)
	:: me != 2 && has[2] != NOTHING -> elsewhere(2)
	fi
}

proctype Cpu(byte me)
{
	bool halt;

	// kern/smp.c: mp_main; kern/init.c: init
	lock_kernel();
	goto pick;

in_program:
	if
	:: IPI_PENDING -> TAKE_IPI
	:: true // a system call, or a fault
	:: !IPI_PENDING -> goto in_program // runs on, maybe for ever
	fi;
	lock_kernel();

	// kern/trap.c: trap
	atomic {
		if
		:: has[me] == RUNNING -> dispatch()
		:: has[me] != RUNNING
		fi
	}
pick:
	atomic {
		sched_pick();
		if
		:: has[me] == RUNNING ->
			unlock_kernel();
			goto in_program
		:: has[me] == NOTHING
		fi;

		// kern/cpu.c: wait_for_work
		if
#ifndef MUTATE_HASTY
		:: NACTIVE == 0 ->
#else
		:: queued + ON_CPU(RUNNING) == 0 ->
#endif
			// kern/init.c: all_done, which keeps the lock
			assert(NACTIVE == 0 && !done);
			done = true;
			goto over
		:: else
		fi;

		// kern/cpu.c: rest
#ifndef MUTATE_HALT_WITH_DEAD
		halt = !dead;
#else
		halt = true;
#endif
#ifndef MUTATE_IDLE_LATE
		idle[me] = halt
#endif
	};
	unlock_kernel();
#ifdef MUTATE_IDLE_LATE
	idle[me] = halt;
#endif
	if
	:: halt ->
#ifdef MUTATE_STI_FIRST
		// Interrupts are let in before the CPU halts.
		if
		:: IPI_PENDING -> TAKE_IPI
		:: true
		fi;
#endif
		halted[me] = true;
end_halted:	IPI_PENDING;
		TAKE_IPI;
		halted[me] = false
	:: !halt
	fi;
	halt = false;
	lock_kernel();
	idle[me] = false;
	goto pick;

	// the monitor, for ever
over:	if
	:: done -> goto over
	fi
}

init {
	atomic {
		run Cpu(0);
		run Cpu(1);
		run Cpu(2)
	}
}

#ifdef LIVE
// CPU 2 is the last that cpu_wake_idle would look at.
ltl woken { [] ((queued && halted[2]) -> <> !(queued && halted[2])) }
// Nobody runs and nobody will: what is dying is done with, and the verdict comes.
ltl verdict { [] (queued + ON_CPU(RUNNING) == 0 -> <> done) }
#endif
