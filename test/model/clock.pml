// The clock for time limits: CPU 0 keeps it for all, and goes on when it is idle.
//
// Envs have no names here; what counts is how many are queued, wait with a limit or without, and
// which CPUs run one.  A running env may wait, wake another, yield, end, or run on for ever without
// entering the kernel; on CPU 0 the clock interrupts it.  idle.pml has the rest of what idle CPUs
// do, and envs that die or are stopped elsewhere.  Whose queue an env stands in does not matter
// to either: a CPU without any takes from the others (kern/env.c: steal), so that it finds one
// exactly when one is queued anywhere.
//
// What must hold:
// - Who waits with a limit is released at last, also when all CPUs were idle, or became so at that
//   moment, or CPU 0 was (LIVE).
// - The verdict that nothing will ever happen is not spoken while somebody waits with a limit; and
//   when nobody does, and none is queued or running, it comes (LIVE).

#define WITH_IPI
#define NCPU 2
#define NENV 3
#include "machine.pml"

// Kernel state.
byte queued = NENV;            // kern/env.c: env_nwaiting
byte blocked;                  // wait without a limit
byte limits;                   // wait with one; kern/timer.c: timer_any
bool runs[NCPU];               // whether a CPU has an env
bool idle[NCPU];               // kern/percpu.h: Cpu.idle

// The machine: the interrupt of CPU 0's timer is pending.
bool tick;

// For the claims.
bool done;                     // the verdict

#define NACTIVE (queued + runs[0] + runs[1])

// kern/ipc.c: ipc_tick.  Which tick it is that ends a wait does not matter, if it is one of them.
inline ipc_tick()
{
	if
	:: limits -> limits--; queued++
	:: !limits
	fi
}

inline wake(cpu)
{
	idle[cpu] = false;
	SEND_IPI(cpu)
}

// kern/sched.c: sched_pick, with cpu_wake_idle.
inline sched_pick()
{
	if
	:: !runs[me] && queued -> queued--; runs[me] = true
	:: runs[me] || !queued
	fi;
	if
	:: queued && idle[0] -> wake(0)
	:: queued && !idle[0] && idle[1] -> wake(1)
	:: !queued || (!idle[0] && !idle[1])
	fi
}

inline dispatch()
{
	if
	:: true
	:: runs[me] = false; blocked++ // sys_ipc_recv
	:: runs[me] = false; limits++ // kern/ipc.c: set_patience
	:: queued -> queued++; runs[me] = false // sys_yield; sched_pick lets go of it
	:: blocked -> blocked--; queued++ // a message
	:: limits -> limits--; queued++ // the same, and timer_cancel
	:: runs[me] = false // it ends
	fi
}

proctype Cpu(byte me)
{
	bool ticked; // Cpu.ticked

	lock_kernel();
	goto pick;

in_program:
	if
	:: IPI_PENDING -> TAKE_IPI
	:: me == 0 && tick -> tick = false; ticked = true
	:: me != 0 || !tick // a system call, or a fault; the clock does not wait for a second one
	:: !IPI_PENDING && (me != 0 || !tick) -> goto in_program // runs on, maybe for ever
	fi;
	lock_kernel();

	// kern/trap.c: trap, tick
	atomic {
		if
		:: ticked -> ticked = false; ipc_tick()
		:: !ticked -> dispatch()
		fi
	}
pick:
	atomic {
		sched_pick();
		if
		:: runs[me] ->
			unlock_kernel();
			goto in_program
		:: !runs[me]
		fi;

		// kern/cpu.c: wait_for_work
		if
#ifndef MUTATE_HASTY
		:: NACTIVE == 0 && !limits ->
#else
		:: NACTIVE == 0 ->
#endif
			assert(!limits && !done);
			done = true;
			goto over
		:: else
		fi;

		// kern/cpu.c: rest
		idle[me] = true
	};
	unlock_kernel();
	if
	:: IPI_PENDING -> TAKE_IPI
#ifndef MUTATE_NO_TICK
	:: me == 0 && tick -> tick = false; ticked = true
#else
	:: me == 0 && tick -> tick = false
#endif
	fi;
	lock_kernel();
	idle[me] = false;
	atomic {
		if
		:: ticked -> ticked = false; ipc_tick()
		:: !ticked
		fi
	};
	goto pick;

	// the monitor, for ever
over:	if
	:: done -> goto over
	fi
}

proctype Timer()
{
end:	do
	:: !tick && !done -> tick = true
	od
}

init {
	atomic {
		run Cpu(0);
		run Cpu(1);
		run Timer()
	}
}

#ifdef LIVE
ltl released { [] (limits -> <> (!limits || queued || done)) }
ltl verdict { [] ((NACTIVE == 0 && !limits) -> <> done) }
#endif
