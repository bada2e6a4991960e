// No CPU uses a translation that has been taken away.
//
// One env has one page of interest, whose page table entry others change while the env runs
// somewhere else: they unmap it, map another frame there, change its rights, or destroy the env.
// Frames that are given back are taken for other purposes at once.  Every CPU's TLB may take in
// the entry whenever the env's directory is loaded, in the kernel too, and keep it as long as it
// likes.
//
// What must hold:
// - A program never reaches a frame that is free or belongs to somebody else, and once a call
//   has returned it never uses what stood in the entry before.
// - While a mapping is replaced, the program always finds one.
// - Only a CPU that has the directory loaded is asked to drop its TLB: never an idle one.
// - Memory is freed when no CPU has the directory loaded.
// - The lock always comes back (LIVE), so a CPU that is asked always answers; and when the lock is
//   handed out in order, nobody waits for it for ever.
//
// That programs may trap at any time covers whatever they do: timer, faults, calls.  Programs
// other than the one have no state: a CPU that runs any of them is RUNS_OTHER.

#define NCPU 3

#ifndef MUTATE_DEAF
// kern/spinlock.c: answer_flush, in the loop of lock_kernel.
#define WHILE_WAITING flush[me] -> tlb[me] = 0; assert(locked); flush[me] = false
#endif
#include "machine.pml"

#define NOCPU NCPU
#define RUNS_NOTHING 0
#define RUNS_OTHER 1
#define RUNS_ENV 2

// Frames are 1 to NFRAME.  An entry has the frame and PTE_W; 0 is one without PTE_P.
#define NFRAME 2
#define ENTRY(frame, w) (2 * (frame) + (w))
#define FRAME(entry) ((entry) / 2)

mtype = { FREE, ALIVE, DYING };

// Steps between which only an Mmu could tell a difference.
#ifdef LIVE
#define UNSEEN atomic
#else
#define UNSEEN
#endif

// Kernel state.
mtype status = FREE;      // of the env
byte space_cpu = NOCPU;   // kern/pmap.h: Space.cpu
byte pte;
byte count[NFRAME + 1];   // pages[].pp_ref
bool flush[NCPU];         // kern/percpu.h: Cpu.flush
byte runs[NCPU];          // kern/percpu.h: Cpu.env, and which directory CR3 has
// Local variables of whoever has the lock; 0 when nobody does.
byte old, new, frame, next;

// Hardware.
byte tlb[NCPU];
bool in_user[NCPU];

// For the claims.
bool theirs[NFRAME + 1];  // the frame is used for something else
bool changing;            // a call that changes the entry is under way
bool replacing;           // and it replaces a mapping by another
bool wants[NCPU];         // waits for the lock

// kern/page.c: page_decref.
inline page_decref(frame)
{
	d_step {
		assert(count[frame] > 0);
		count[frame]--;
	}
}

// kern/cpu.c: tlb_invalidate.
inline tlb_invalidate()
{
	if
	:: space_cpu == NOCPU
	:: space_cpu == me -> tlb[me] = 0
	:: space_cpu != NOCPU && space_cpu != me ->
#ifndef MUTATE_LOCAL
		assert(runs[space_cpu] == RUNS_ENV);
		flush[space_cpu] = true;
#ifndef MUTATE_NO_IPI
		SEND_IPI(space_cpu);
#endif
#ifndef MUTATE_NO_WAIT
		!flush[space_cpu]
#endif
#else
		skip
#endif
	fi
}

// kern/pmap.c: page_insert, for a frame that already counts the new reference.
inline page_insert(entry)
{
	d_step { old = pte; new = entry; changing = true; replacing = (old != 0) }
#ifdef MUTATE_GAP
	pte = 0;
	tlb_invalidate();
#endif
#ifdef MUTATE_FLUSH_FIRST
	tlb_invalidate();
#endif
	pte = new;
	if
	:: old ->
#ifdef MUTATE_COUNT_FIRST
		page_decref(FRAME(old));
#endif
#if !defined(MUTATE_GAP) && !defined(MUTATE_FLUSH_FIRST)
		tlb_invalidate();
#endif
#ifndef MUTATE_COUNT_FIRST
		page_decref(FRAME(old))
#endif
	:: !old
	fi;
	d_step { old = 0; new = 0; changing = false; replacing = false }
}

// kern/pmap.c: page_remove.
inline page_remove()
{
	d_step { old = pte; changing = true }
	pte = 0;
	tlb_invalidate();
	page_decref(FRAME(old));
	d_step { old = 0; changing = false }
}

// kern/pmap.c: space_free_some.
inline space_free()
{
	d_step {
		assert(space_cpu == NOCPU);
		assert(runs[0] != RUNS_ENV && runs[1] != RUNS_ENV && runs[2] != RUNS_ENV);
		if
		:: pte -> count[FRAME(pte)]--
		:: else
		fi;
		pte = 0;
		status = FREE
	}
}

// kern/cpu.c: load, cpu_forget.  Another directory in CR3 empties the TLB.
inline load(what)
{
	d_step {
		if
		:: runs[me] != what -> runs[me] = what; tlb[me] = 0
		:: else
		fi
	}
}

// kern/syscall.c, on behalf of any env, this one too.
inline dispatch()
{
	if
	:: skip // a timer tick, or a call that is of no interest
	:: status == FREE -> status = ALIVE // sys_exofork
#ifdef LIVE
	:: status == ALIVE -> tlb_invalidate() // whatever needs it
#else
	:: status == ALIVE && pte -> page_remove() // sys_page_unmap
	:: status == ALIVE && frame ->
		// sys_page_alloc, with a frame that nobody has
		count[frame] = 1;
		page_insert(ENTRY(frame, 1))
	:: status == ALIVE && pte ->
		// sys_page_map onto itself: PTE_W comes or goes
		count[FRAME(pte)]++;
		page_insert(pte ^ 1)
	:: frame -> count[frame] = 1; theirs[frame] = true // sys_page_alloc for another env
	:: theirs[1] -> d_step { theirs[1] = false; count[1] = 0 } // and its end
	:: theirs[2] -> d_step { theirs[2] = false; count[2] = 0 }
#endif
	:: status == ALIVE ->
		// sys_env_destroy, kern/env.c: die
		status = DYING;
		if
		:: space_cpu == NOCPU -> space_free()
		:: space_cpu == me
		:: space_cpu != NOCPU && space_cpu != me -> SEND_IPI(space_cpu) // cpu_kick
		fi
	fi
}

// A CPU: its way through kern/trap.c: trap, kern/sched.c: sched_pick, kern/cpu.c: env_run.
proctype Cpu(byte me)
{
	byte what;

in_program:
	if
	:: IPI_PENDING -> TAKE_IPI
	:: true // a trap of its own; or a halted CPU wakes up
	:: !IPI_PENDING -> goto in_program // runs on, maybe for ever
	fi;
	d_step { in_user[me] = false; wants[me] = true }
	lock_kernel();
	wants[me] = false;

#ifndef LIVE
	d_step {
		if
		:: count[1] == 0 -> frame = 1
		:: count[1] > 0 && count[2] == 0 -> frame = 2
		:: else
		fi
	}
#endif
	// trap(): what the program asks for is done only if it may run.
	if
	:: runs[me] == RUNS_NOTHING
	:: runs[me] == RUNS_ENV && status == DYING
	:: runs[me] == RUNS_OTHER || (runs[me] == RUNS_ENV && status == ALIVE) -> dispatch()
	fi;

	// sched_pick(): kern/env.c: env_let_go, env_reap; then env_next.
	UNSEEN {
		if
		:: runs[me] == RUNS_ENV && status == ALIVE -> next = RUNS_ENV
		:: runs[me] == RUNS_ENV ->
#ifndef MUTATE_STALE_CPU
			space_cpu = NOCPU;
#endif
			if
			:: status == DYING ->
#ifndef MUTATE_NO_FORGET
				load(RUNS_NOTHING);
#endif
				space_free()
			:: status == ALIVE
			fi
		:: runs[me] != RUNS_ENV
		fi;
		if
		:: next == RUNS_ENV
		:: next != RUNS_ENV && status == ALIVE && space_cpu == NOCPU ->
			space_cpu = me;
			next = RUNS_ENV
		:: next != RUNS_ENV -> next = RUNS_OTHER
		:: next != RUNS_ENV -> next = RUNS_NOTHING
		fi
	};

	// env_run(): the directory changes before the lock goes.
	d_step { what = next; frame = 0; next = 0 }
#ifndef MUTATE_LATE_LOAD
	load(what);
	unlock_kernel();
#else
	unlock_kernel();
	load(what);
#endif
	d_step { what = 0; in_user[me] = (runs[me] != RUNS_NOTHING) };
	goto in_program
}

#ifndef LIVE
// The memory management of a CPU, and the program's accesses.  Neither asks the kernel.
proctype Mmu(byte me)
{
end:	do
	:: d_step { runs[me] == RUNS_ENV && tlb[me] == 0 && pte -> tlb[me] = pte }
	:: d_step { tlb[me] -> tlb[me] = 0 }
	:: d_step { in_user[me] && runs[me] == RUNS_ENV && tlb[me] ->
		assert(count[FRAME(tlb[me])] > 0);
		assert(!theirs[FRAME(tlb[me])]);
		assert(changing || tlb[me] == pte)
	   }
	:: d_step { in_user[me] && runs[me] == RUNS_ENV && !tlb[me] && !pte -> assert(!replacing) }
	od
}
#endif

init {
	byte i;

	atomic {
		for (i : 0 .. NCPU - 1) {
			run Cpu(i);
#ifndef LIVE
			run Mmu(i)
#endif
		}
	}
}

#ifdef LIVE
ltl returns { [] (locked -> <> !locked) }
ltl enters { [] (wants[0] -> <> !wants[0]) }
#endif
