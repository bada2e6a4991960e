// Starting and stopping envs: the state machine of inc/env.h on several CPUs.
//
// Every env may do everything to every other one and to itself: stop it and let it run, destroy
// it, set its registers, wait for a message and send one, yield, make a new env in a free slot.
// That is more than env_find_ours allows, so families are left out: a parent that takes its
// children with it is one that destroys them first.  A CPU takes its time until it sees an
// interrupt, so an env that is stopped or destroyed elsewhere goes on for a while, and whatever
// can happen to it in the meantime does.
//
// What must hold:
// - Two CPUs never have the same env.
// - An env is in the run queue once when it is RUNNABLE, and not at all otherwise.
// - One that something holds does not start; one that dies never starts again, and what it asks
//   the kernel for does not happen.
// - The memory of an env is given back when no CPU has it, and its slot is used again only then.
// - Registers that were set are those with which the env next leaves the kernel.
// - One that dies is FREE at last, and one that is held gets off its CPU, even when no program
//   ever enters the kernel by itself (LIVE).

#define NCPU 2
#ifdef LIVE
#define NENV 2
#else
#define NENV 3
#endif
#include "machine.pml"

#define NOCPU NCPU
#define NOENV NENV
#define OTHER_CPU (1 - me)
#define PARTS 3 // more than are given back while a CPU lets go of an env
#define HOLD_STOPPED 1
#define HOLD_RECV 2

mtype = { FREE, DYING, RUNNABLE, RUNNING, NOT_RUNNABLE };

// Kernel state.
mtype status[NENV] = FREE;         // env_status
byte hold[NENV];                   // Kenv.hold
byte space_cpu[NENV] = NOCPU;      // Kenv.space.cpu
bool has_next_frame[NENV];         // Kenv.has_next_frame
chan runnable = [NENV + 1] of { byte };
chan dead = [NENV + 1] of { byte };
byte freed[NENV];                  // Kenv.space.freed: how many parts of its memory
byte runs[NCPU] = NOENV;           // Cpu.env
byte e, self;                      // local variables of whoever has the lock; 0 when nobody does

// For the claims.
bool frame_set[NENV];  // Kenv.frame has the registers that were set last
bool must_have[NENV];  // and it must, when the env leaves the kernel
byte reasons[NENV];    // why it may not run, from those who said so

// kern/env.c: set_status.
inline set_status(env, to)
{
	if
	:: status[env] == RUNNABLE -> runnable??eval(env)
	:: else
	fi;
	status[env] = to;
	if
	:: status[env] == RUNNABLE -> assert(!(runnable??[eval(env)])); runnable!env
	:: else
	fi
}

// kern/cpu.c: cpu_kick.
inline cpu_kick(cpu)
{
	if
	:: cpu != me -> SEND_IPI(cpu)
	:: else
	fi
}

// kern/env.c: env_reap.
inline env_reap()
{
	if
	:: nempty(dead) ->
		dead?<e>;
		assert(space_cpu[e] == NOCPU);
		assert(runs[0] != e && runs[1] != e);
		if
		:: freed[e] < PARTS - 1 -> freed[e]++
		:: freed[e] == PARTS - 1 ->
			freed[e] = 0;
			dead?eval(e);
			assert(status[e] == DYING);
			set_status(e, FREE)
		fi
	:: empty(dead)
	fi
}

// kern/env.c: env_hold.
inline env_hold(env, reason)
{
	assert(status[env] != FREE && status[env] != DYING);
	reasons[env] = reasons[env] | reason;
	hold[env] = hold[env] | reason;
	if
	:: status[env] == NOT_RUNNABLE
	:: else ->
		set_status(env, NOT_RUNNABLE);
		if
#ifndef MUTATE_NO_KICK_HELD
		:: space_cpu[env] != NOCPU -> cpu_kick(space_cpu[env])
#endif
		:: else
		fi
	fi
}

// kern/env.c: env_release.
inline env_release(env, reason)
{
	assert(status[env] != FREE && status[env] != DYING);
	reasons[env] = reasons[env] & (3 - reason);
#ifndef MUTATE_ONE_REASON
	hold[env] = hold[env] & (3 - reason);
#else
	hold[env] = 0;
#endif
	if
	:: hold[env] || status[env] != NOT_RUNNABLE
#ifndef MUTATE_RELEASE_BLIND
	:: !hold[env] && status[env] == NOT_RUNNABLE && space_cpu[env] != NOCPU ->
		set_status(env, RUNNING)
	:: !hold[env] && status[env] == NOT_RUNNABLE && space_cpu[env] == NOCPU ->
		set_status(env, RUNNABLE)
#else
	:: else -> set_status(env, RUNNABLE)
#endif
	fi
}

// kern/env.c: env_destroy, die.
inline env_destroy(env)
{
	assert(status[env] != FREE && status[env] != DYING);
	set_status(env, DYING);
	if
#ifndef MUTATE_FREE_AT_ONCE
	:: space_cpu[env] != NOCPU ->
#ifndef MUTATE_NO_KICK
		cpu_kick(space_cpu[env])
#else
		skip
#endif
	:: space_cpu[env] == NOCPU -> dead!env
#else
	:: true -> dead!env
#endif
	fi;
	env_reap()
}

// kern/env.c: env_set_frame.
inline env_set_frame(env)
{
	must_have[env] = true;
	if
#ifndef MUTATE_FRAME_AT_ONCE
	:: env != self && space_cpu[env] != NOCPU ->
		has_next_frame[env] = true;
		cpu_kick(space_cpu[env])
	:: env == self || space_cpu[env] == NOCPU -> frame_set[env] = true
#else
	:: true -> frame_set[env] = true
#endif
	fi
}

// kern/env.c: env_alloc.
inline env_alloc(env)
{
	hold[env] = HOLD_STOPPED;
	reasons[env] = HOLD_STOPPED;
	has_next_frame[env] = false;
	frame_set[env] = false;
	must_have[env] = false;
	set_status(env, NOT_RUNNABLE)
}

// kern/syscall.c and kern/ipc.c: self does something to e, or to itself.
inline dispatch()
{
	assert(status[self] == RUNNING);
	select_env();
	if
	:: skip // nothing of interest here
	:: e == self -> set_status(self, RUNNABLE) // kern/env.c: env_yield
	:: e == self -> env_hold(self, HOLD_RECV) // sys_ipc_recv
	:: status[e] != FREE && status[e] != DYING ->
		if
		:: env_release(e, HOLD_STOPPED) // sys_env_set_status
		:: env_hold(e, HOLD_STOPPED)
		:: hold[e] & HOLD_RECV -> env_release(e, HOLD_RECV) // sys_ipc_try_send
		:: env_destroy(e)
		:: env_set_frame(e) // sys_env_set_trapframe
		fi
	:: status[e] == FREE -> env_alloc(e) // sys_exofork
	fi
}

inline select_env()
{
	if
	:: e = 0
	:: e = 1
#if NENV == 3
	:: e = 2
#endif
	fi
}

// kern/env.c: env_let_go.
inline env_let_go()
{
	assert(status[self] != RUNNING);
	assert(!has_next_frame[self]);
	space_cpu[self] = NOCPU;
	if
	:: status[self] == DYING ->
#ifndef MUTATE_NO_FORGET
		runs[me] = NOENV; // kern/cpu.c: cpu_forget
#endif
#ifndef MUTATE_FREE_AT_ONCE
		dead!self;
#endif
		env_reap()
	:: else
	fi
}

// kern/check.c: check_env, and kern/env.h.
inline check_all()
{
	for (e : 0 .. NENV - 1) {
		assert((status[e] != RUNNABLE) == !(runnable??[eval(e)]));
		assert(status[e] != RUNNING || space_cpu[e] != NOCPU);
		assert(status[e] == FREE || status[e] == DYING ||
		       ((status[e] == NOT_RUNNABLE) == (hold[e] != 0)));
		assert(status[e] != FREE || space_cpu[e] == NOCPU)
	}
	e = 0
}

// kern/cpu.c: load.
inline load()
{
	d_step {
		runs[me] = what;
		what = 0;
		assert(runs[me] == NOENV || runs[OTHER_CPU] != runs[me])
	}
}

// A CPU: its way through kern/trap.c: trap, kern/sched.c: sched_pick, kern/cpu.c: env_run.
proctype Cpu(byte me)
{
	byte what;

in_program:
	if
	:: runs[me] != NOENV ->
		if
		:: IPI_PENDING -> TAKE_IPI
		:: true // a trap of its own
#ifdef LIVE
		// Runs on, maybe for ever.  The timer ticks, but that matters only to the dead.
		:: !IPI_PENDING && empty(dead) -> goto in_program
#endif
		fi;
		// kern/trapentry.S: the registers are saved before anybody has the lock.
		frame_set[runs[me]] = false
	:: runs[me] == NOENV ->
		// Halted.  How it wakes up is the subject of idle.pml.
end_halted:	(nempty(runnable) || nempty(dead))
	fi;
	lock_kernel();

	// trap()
	d_step {
		self = runs[me];
		if
		:: self == NOENV
		:: else -> assert(space_cpu[self] == me)
		fi
	}
	if
	:: self == NOENV
#ifndef MUTATE_NO_CHECK
	:: self != NOENV && (status[self] != RUNNING || has_next_frame[self]) ->
		// kern/env.c: env_take_frame
		d_step {
			if
			:: has_next_frame[self] ->
				has_next_frame[self] = false;
				frame_set[self] = true
			:: else
			fi
		}
	:: self != NOENV && status[self] == RUNNING && !has_next_frame[self] ->
		atomic { dispatch() }
#else
	:: self != NOENV -> atomic { dispatch() }
#endif
	fi;

	// sched_pick()
	d_step {
		if
		:: self != NOENV && status[self] != RUNNING -> env_let_go(); self = NOENV
		:: else
		fi;
		env_reap();
		if
		:: self == NOENV && nempty(runnable) ->
			// kern/env.c: env_next
			runnable?<self>;
			set_status(self, RUNNING);
			space_cpu[self] = me
		:: self != NOENV || empty(runnable)
		fi;
		check_all();
		if
		:: self != NOENV ->
			assert(status[self] == RUNNING && hold[self] == 0 && reasons[self] == 0);
			assert(!must_have[self] || frame_set[self]);
			must_have[self] = false;
			frame_set[self] = false
		:: else
		fi;
		what = self;
		self = 0
	}

	// env_run()
#ifndef MUTATE_EARLY_UNLOCK
	load();
	unlock_kernel();
#else
	unlock_kernel();
	load();
#endif
	goto in_program
}

init {
	atomic {
		// kern/init.c: start_programs
		e = 0;
		do
		:: e < NENV ->
			status[e] = RUNNABLE;
			runnable!e;
			e++
		:: else -> break
		od;
		e = 0;
		run Cpu(0);
		run Cpu(1)
	}
}

#ifdef LIVE
ltl dies { [] (status[0] == DYING -> <> (status[0] == FREE)) }
ltl stops { [] ((status[0] == NOT_RUNNABLE && space_cpu[0] != NOCPU) ->
	<> (status[0] != NOT_RUNNABLE || space_cpu[0] == NOCPU)) }
#endif
