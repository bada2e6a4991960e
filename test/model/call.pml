// Messages that wait: sys_ipc_send, sys_ipc_wait and sys_ipc_call with the queue of senders, and
// time limits.  This is kern/ipc.c from takes() on, and what kern/env.c does for it: env_withdraw,
// env_finish, and die with disappoint_others.
//
// Each env may send to and call every other one, wait for anyone or for one of them, with a time
// limit or without, end, and come back as another env in its slot.  One that waits is not
// stopped (ipc.pml has that).  One lock is held from the entry to the kernel to the way out, so
// each call is one step; that a message's page cannot be taken may be found out at any time.
//
// What must hold:
// - Who is told that its message was taken has sent it once, and it was taken by an env that waits
//   and takes messages from it; who is told otherwise has not sent it.
// - Of those from whom a receiver takes messages, it serves who came first.
// - Nobody waits for a message that waits for it; nobody waits to send to one that is not there,
//   nor for a message from one only that is not there.
// - A time limit is set while an env waits with one, and at no other time.  A call that cannot be
//   sent waits for no answer.
// - Who waits with a limit does not do so for ever, and who waits to send to one that takes
//   messages again and again is served (LIVE).

#define N 3
#define NOBODY N

mtype = { RUNS, SENDS, WAITS, ENDED };

// Kernel state: of env_ipc_recving, Kenv.hold and Kenv.out.
mtype does[N] = RUNS;
byte to[N] = NOBODY;             // Message.to
bool calls[N];                   // Message.call
bool alone[N];                   // IPC_ONLY in Message.how
byte only[N] = NOBODY;           // Kenv.only
bool limited[N];                 // Message.how has IPC_TIMEOUT
bool timer[N];                   // Kenv.timer is set
chan senders[N] = [N] of { byte }; // Kenv.senders

// For the claims.
bool before[N * N];              // [i * N + j]: i came before j to where both wait to send
byte unsent = 0;                 // messages that wait to be taken

#define TAKES(r, s) (does[r] == WAITS && (only[r] == NOBODY || only[r] == s))

byte e, s, n, i, caller, left;   // local variables; 0 between two steps
bool failed;

// kern/env.c: env_finish, and timer_cancel in it.
inline finish(env)
{
	does[env] = RUNS;
#ifndef MUTATE_KEEP_TIMER
	timer[env] = false;
#endif
	only[env] = NOBODY
}

// kern/env.c: env_withdraw.
inline withdraw(env)
{
#ifndef MUTATE_NO_WITHDRAW
	if
	:: senders[to[env]]??[eval(env)] -> senders[to[env]]??eval(env)
	:: else
	fi;
#endif
	unsent--;
	to[env] = NOBODY
}

// kern/ipc.c: wait_for_message.
inline wait_for_message(env, from, limit)
{
	does[env] = WAITS;
	only[env] = from;
	limited[env] = limit;
	timer[env] = limit
}

// kern/ipc.c: wait_for_answer.
inline wait_for_answer(env, called)
{
	if
	:: alone[env] -> wait_for_message(env, called, limited[env])
	:: !alone[env] -> wait_for_message(env, NOBODY, limited[env])
	fi
}

// kern/ipc.c: deliver.  The page of a message may be gone, or there is no memory for it.
inline deliver(from, receiver)
{
	if
#ifndef LIVE
	:: failed = true
#endif
	:: failed = false;
		assert(does[receiver] == WAITS);
		assert(only[receiver] == NOBODY || only[receiver] == from);
		assert(does[from] != ENDED && does[receiver] != ENDED);
		d_step {
#ifndef LIVE
			for (i : 0 .. N - 1) {
				assert(!(does[i] == SENDS && to[i] == receiver && i != from &&
					 (does[from] != SENDS || before[i * N + from]) &&
					 TAKES(receiver, i)))
			}
			i = 0;
#endif
			finish(receiver)
		}
	fi
}

// kern/ipc.c: sent.
inline sent(env)
{
	n = to[env];
	withdraw(env);
	if
#ifndef MUTATE_CALL_GOES_ON
	:: failed || !calls[env] -> finish(env)
	:: !failed && calls[env] ->
#else
	:: !calls[env] -> finish(env)
	:: calls[env] ->
		assert(!failed);
#endif
		wait_for_answer(env, n);
		caller = env
	fi;
	n = 0
}

// kern/ipc.c: serve.  The queue goes round once, so that who is passed over keeps its place.
inline serve(env)
{
	e = env;
	do
	:: e != NOBODY ->
		caller = NOBODY;
		n = 0;
		left = len(senders[e]);
#ifdef MUTATE_SECOND_FIRST
		if
		:: left > 1 -> senders[e]?s; senders[e]!s
		:: else
		fi;
#endif
		do
		:: left > 0 ->
			left--;
			senders[e]?s;
#ifndef MUTATE_LOSE
			senders[e]!s;
#endif
			if
#ifndef MUTATE_ANYONE
			:: TAKES(e, s) ->
#else
			:: does[e] == WAITS ->
#endif
				deliver(s, e);
				sent(s)
			:: else
			fi
		:: else -> break
		od;
#ifndef MUTATE_NO_CHAIN
		e = caller
#else
		e = NOBODY
#endif
	:: else -> break
	od;
	e = 0;
	s = 0;
	caller = 0
}

// kern/ipc.c: ipc_send.
inline ipc_send(self, receiver, with_call, one, limit)
{
	calls[self] = with_call;
	alone[self] = one;
	limited[self] = limit;
	failed = true;
	if
	:: TAKES(receiver, self) -> deliver(self, receiver);
		if
		:: !failed && with_call ->
			wait_for_answer(self, receiver);
			serve(self)
		:: failed || !with_call
		fi
	:: !TAKES(receiver, self) ->
		if
		:: true // IPC_NOWAIT: -E_IPC_NOT_RECV
		:: does[self] = SENDS;
			to[self] = receiver;
			timer[self] = limit;
			unsent++;
			d_step {
				for (i : 0 .. N - 1) {
					before[i * N + self] =
						(does[i] == SENDS && to[i] == receiver);
					before[self * N + i] = false
				}
				i = 0
			}
#ifndef MUTATE_LAST_FIRST
			senders[receiver]!self
#else
			n = len(senders[receiver]);
			senders[receiver]!self;
			do
			:: n > 0 -> n--; senders[receiver]?s; senders[receiver]!s
			:: else -> break
			od;
			s = 0
#endif
		fi
	fi;
	failed = false
}

// kern/env.c: die, and disappoint_others.
inline die(self)
{
	d_step {
		if
		:: does[self] == SENDS -> withdraw(self)
		:: else
		fi;
		does[self] = ENDED;
		timer[self] = false;
		only[self] = NOBODY;
#ifndef MUTATE_LEAVE_SENDERS
		do
		:: nempty(senders[self]) -> senders[self]?<s>; withdraw(s); finish(s)
		:: empty(senders[self]) -> break
		od;
		s = 0;
#endif
#ifndef MUTATE_LEAVE_WAITING
		for (i : 0 .. N - 1) {
			if
			:: does[i] == WAITS && only[i] == self -> finish(i)
			:: else
			fi
		}
		i = 0
#endif
	}
}

// kern/ipc.c: give_up.
inline give_up(self)
{
	timer[self] = false;
	assert(does[self] == SENDS || does[self] == WAITS);
	if
	:: does[self] == SENDS -> withdraw(self); finish(self)
	:: does[self] == WAITS -> finish(self)
	fi
}

// kern/check.c, and more.
inline check_all()
{
	d_step {
		for (e : 0 .. N - 1) {
			assert(timer[e] == (limited[e] && (does[e] == SENDS || does[e] == WAITS)));
			n = n + (does[e] == SENDS);
			for (i : 0 .. N - 1) {
				assert(!(does[i] == SENDS && to[i] == e) == !(senders[e]??[eval(i)]));
				assert(!(does[i] == SENDS && to[i] == e && (TAKES(e, i) || does[e] == ENDED)));
				assert(!(does[i] == WAITS && only[i] == e && does[e] == ENDED))
			}
		}
		assert(n == unsent);
		n = 0;
		e = 0;
		i = 0
	}
}

inline other(self, who)
{
	if
	:: who = (self + 1) % N
	:: who = (self + 2) % N
	fi
}

proctype Env(byte self)
{
	byte who;

	do
#ifndef LIVE
	:: atomic { does[self] == RUNS ->
		other(self, who);
		if
		:: does[who] != ENDED ->
			if
			:: ipc_send(self, who, false, false, false)
			:: ipc_send(self, who, false, false, true)
			:: ipc_send(self, who, true, false, true)
			:: ipc_send(self, who, true, true, false)
			fi
		:: does[who] == ENDED
		fi;
		who = 0;
		check_all()
	   }
	:: atomic { does[self] == RUNS ->
		other(self, who);
		if
		:: true -> wait_for_message(self, NOBODY, false)
		:: true -> wait_for_message(self, NOBODY, true)
		:: does[who] != ENDED -> wait_for_message(self, who, false)
		fi;
		who = 0;
		serve(self);
		if
		:: does[self] == WAITS && !timer[self] -> finish(self) // IPC_NOWAIT
		:: true
		fi;
		failed = false;
		check_all()
	   }
	// It ends, or its parent ends it.
	:: atomic { does[self] != ENDED -> die(self); check_all() }
	:: atomic { does[self] == ENDED -> does[self] = RUNS; limited[self] = false }
#else
	// Env 0 sends, with a limit at times; 1 sends without end; 2 receives.
	:: atomic { self != 2 && does[self] == RUNS ->
		if
		:: ipc_send(self, 2, false, false, false)
		:: self == 0 -> ipc_send(self, 1, true, false, true)
		fi
	   }
	:: atomic { self == 2 && does[self] == RUNS ->
		wait_for_message(self, NOBODY, false);
		serve(self);
		failed = false
	   }
#endif
	od
}

// kern/ipc.c: ipc_tick.
proctype Clock()
{
	do
#ifndef MUTATE_NO_CLOCK
	:: atomic { timer[0] -> give_up(0) }
#endif
	:: atomic { timer[1] -> give_up(1) }
	:: atomic { timer[2] -> give_up(2) }
	od
}

init {
	atomic {
		run Env(0);
		run Env(1);
		run Env(2);
		run Clock()
	}
}

#ifdef LIVE
ltl served { [] ((does[0] == SENDS && to[0] == 2) -> <> (does[0] != SENDS || to[0] != 2)) }
ltl ends { [] ((does[0] == SENDS && limited[0]) -> <> (does[0] != SENDS || !limited[0])) }
#endif
