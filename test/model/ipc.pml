// Messages: sys_ipc_recv and sys_ipc_try_send.
//
// A receiver that asks for a page, two senders that try for ever, and a parent that stops the
// receiver, lets it run, destroys it, and makes another one in its slot.  Each is an env on a CPU
// of its own.  What is not their subject is small: the receiver gets a CPU as soon as it is
// RUNNABLE, and loses it when it enters the kernel and may not run (envstop.pml has the rest).  A
// message is a value and a page; taking the page can fail for lack of memory.
//
// What must hold:
// - Of the sends that are told they succeeded, each is received once, whole and unmixed, by the env
//   that the sender named, or dies with it.
// - sys_ipc_recv does not return without a message, whoever sets the receiver's status.
// - Of two senders, one wins for each sys_ipc_recv.
// - A stopped receiver stays stopped when a message comes.
// - A send that fails has changed nothing: the receiver still waits.
// - A receiver waits no longer than until somebody sends, and gets what was sent (LIVE).

#define NCPU 4
#define NSENDERS 2
#include "machine.pml"

#define HOLD_STOPPED 1
#define HOLD_RECV 2

mtype = { FREE, DYING, RUNNABLE, RUNNING, NOT_RUNNABLE };

// The receiver, as the kernel knows it.
mtype status = RUNNABLE;  // env_status
byte hold;                // Kenv.hold
bool on_cpu;              // Kenv.space.cpu != NOCPU
bool id;                  // env_id: the lives of a slot take turns
bool recving;             // env_ipc_recving
byte value, page;         // env_ipc_value, and the sender whose page is mapped at env_ipc_dstva

// For the claims.
bool in_recv;             // the receiver has called sys_ipc_recv, which has not returned
byte message;             // what the receiver must get next: a sender's number, or 0
bool stopped;             // its parent does not want it to run

// kern/env.c: env_hold.
inline env_hold(reason)
{
	assert(status != FREE && status != DYING);
	hold = hold | reason;
	status = NOT_RUNNABLE
}

// kern/env.c: env_release.
inline env_release(reason)
{
	assert(status != FREE && status != DYING);
	hold = hold & (3 - reason);
	if
#ifdef MUTATE_NO_WAKE
	:: reason == HOLD_RECV
#endif
#ifndef MUTATE_WAKE_STOPPED
	:: status == NOT_RUNNABLE && !hold -> status = (on_cpu -> RUNNING : RUNNABLE)
#else
	:: status == NOT_RUNNABLE && (!hold || reason == HOLD_RECV) ->
		status = (on_cpu -> RUNNING : RUNNABLE)
#endif
	:: else
	fi
}

// kern/ipc.c: ipc_recv.
inline ipc_recv()
{
	recving = true;
	env_hold(HOLD_RECV)
}

// kern/ipc.c: ipc_try_send.
inline ipc_try_send(value_sent)
{
	if
#ifndef MUTATE_CHECK_UNLOCKED
	:: !recving // -E_IPC_NOT_RECV
	:: recving ->
#else
	:: !was_recving
	:: was_recving ->
#endif
#ifdef MUTATE_CLEAR_FIRST
		recving = false;
#endif
		if
#ifndef LIVE
		:: true // page_accept: -E_NO_MEM
#endif
		:: page = value_sent;
			value = value_sent;
#ifndef MUTATE_KEEP_RECVING
			recving = false;
#endif
			env_release(HOLD_RECV);
			// The sender is told that it has succeeded.
			assert(message == 0 && in_recv && to == id);
			message = value_sent
		fi
	fi
}

// What every call leaves: kern/check.c, check_env.
inline leave_kernel()
{
	assert(status == FREE || status == DYING || ((hold & HOLD_RECV) != 0) == recving);
	unlock_kernel()
}

proctype Sender(byte me)
{
	bool to;
#ifdef MUTATE_CHECK_UNLOCKED
	bool was_recving;
#endif

	do
	:: true ->
		if
		:: to = id // it learns who is there
#ifndef LIVE
		:: true // or tries an id that it knows from earlier
#endif
		fi;
#ifdef MUTATE_CHECK_UNLOCKED
		was_recving = recving;
#endif
		// kern/syscall.c: sys_ipc_try_send
		lock_kernel();
		// kern/env.c: env_find
		if
		:: status == FREE || status == DYING // -E_BAD_ENV
#ifndef MUTATE_FIND_BY_SLOT
		:: status != FREE && status != DYING && id != to
		:: status != FREE && status != DYING && id == to -> ipc_try_send(me + 1)
#else
		:: status != FREE && status != DYING -> ipc_try_send(me + 1)
#endif
		fi;
		leave_kernel()
	od
}

// The receiver dies: kern/env.c, env_reap.
inline receiver_freed()
{
	assert(!on_cpu);
	status = FREE;
	hold = 0;
	value = 0;
	page = 0;
	in_recv = false;
	message = 0;
	stopped = false
}

proctype Receiver(byte me)
{
	do
	:: status == RUNNABLE ->
		// kern/sched.c: sched_pick, on any CPU that has nothing better to do
		lock_kernel();
		if
		:: status == RUNNABLE -> status = RUNNING; on_cpu = true; assert(!stopped)
		:: status != RUNNABLE
		fi;
		leave_kernel()
	:: atomic {
		on_cpu && in_recv ->
		// The program: its call has returned, and it looks at its struct Env.
		assert(message != 0 && value == message && page == message);
		message = 0;
		in_recv = false
	   }
#ifndef LIVE
	:: on_cpu ->
#else
	:: on_cpu && !in_recv ->
#endif
		// It enters the kernel: kern/trap.c, trap.
		lock_kernel();
		if
		:: status == RUNNING ->
			if
			:: true // nothing of interest
			:: status = RUNNABLE // a timer tick: kern/sched.c, sched_tick
			:: !in_recv -> ipc_recv(); in_recv = true
			fi
		:: status != RUNNING // undo_entry
		fi;
		// kern/env.c: env_let_go
		if
		:: status != RUNNING ->
			on_cpu = false;
			if
			:: status == DYING -> receiver_freed()
			:: else
			fi
		:: status == RUNNING
		fi;
		leave_kernel()
	od
}

proctype Parent(byte me)
{
	do
	:: true ->
		lock_kernel();
		if
		:: status != FREE && status != DYING ->
			if
			:: true // nothing of interest
			:: env_hold(HOLD_STOPPED); stopped = true // sys_env_set_status
			:: stopped = false;
#ifndef MUTATE_STATUS_WAKES
				env_release(HOLD_STOPPED)
#else
				env_release(HOLD_STOPPED + HOLD_RECV);
				recving = false
#endif
			:: status = DYING; // sys_env_destroy
				if
				:: !on_cpu -> receiver_freed()
				:: on_cpu
				fi
			fi
		:: status == FREE ->
			// sys_exofork: kern/env.c, env_alloc
			id = !id;
#ifndef MUTATE_OLD_RECVING
			recving = false;
#endif
			hold = HOLD_STOPPED;
			stopped = true;
			status = NOT_RUNNABLE
		:: status == DYING
		fi;
		leave_kernel()
	od
}

init {
	atomic {
		run Sender(0);
		run Sender(1);
		run Receiver(2);
		run Parent(3)
	}
}

#ifdef LIVE
#define ALIVE (status != FREE && status != DYING)
ltl gets { [] (message -> <> (!message || stopped)) }
ltl sent { [] (recving -> <> (!recving || !ALIVE)) }
#endif
