// The env table, and the doors of the state machine drawn in inc/env.h.

#ifndef FAULTLINE_KERN_ENV_H
#define FAULTLINE_KERN_ENV_H

#include "inc/env.h"
#include "kern/cpu.h"
#include "kern/pmap.h"
#include "kern/queue.h"
#include "kern/timer.h"

// A message on its way.
struct Message {
	struct Env *to;
	uint32_t value, srcva;
	uint32_t how;   // of inc/ipc.h, and the rights of the page
	uint32_t dstva; // of a call: where it takes a page with the answer
	bool call;      // it waits for an answer
};

// What the kernel alone knows of an env.  kenv(e) belongs to e, by its place in the table.
// The start is laid out for kern/trapentry.S and kern/sysenter.S: a trap from user mode saves the
// registers straight into `frame', whose upper end is the CPU's esp0 while the env runs, and the
// kernel then goes on with the stack at `kstack'.
struct Kenv {
	struct Fpu fpu;         // [K] its FPU state while no CPU has it
	struct Trapframe frame; // [C] its registers while it does not run
	uint32_t kstack;        // [C] top of the kernel stack of the CPU that runs it
	uint32_t upcall;        // [A] what env->env_pgfault_upcall shows
	struct Env *env;        // [I] what is published of it
	envid_t id;             // [I] env->env_id
	uint32_t cr3;           // [C] its directory's physical address, since its first run
	uint32_t sysexit; // [C] while it does not run: where it goes on by sysexit, or 0: by iret
	uint16_t fs, gs;  // [K] as fpu
	unsigned hold;    // [K] why it may not run: HOLD_ bits
	struct Link link; // [K] in the one queue it is in, if any: see kern/env.c
	envid_t only;     // [K] from whom alone it takes a message; 0: anyone
	struct Queue senders; // [K] those who wait until it takes their message
	bool awaited;         // [K] there may be some who wait for a message from it alone
	bool frame_is_new;    // [K] set by env_set_frame: no call that it was in sets eax any more
	bool has_next_frame;  // [K] next_frame is waiting
	struct Timer timer;   // [K] the end of its patience when it waits
	struct Message out;   // [K] what it waits to send; out.to is NULL when there is nothing
	struct Space space;

	struct Trapframe next_frame; // [K] see env_set_frame

	int home;        // [K] in whose queue it is when it may run
	uint32_t weight; // [K] how many ticks of the clock each of its turns has,
	uint32_t ticks;  // [K] and how many of this one's are over

	// The family: who may stop and start this env, and whom it may.
	struct Env *parent;          // [K] NULL when it is gone
	struct Env *child;           // [K] the youngest
	struct Env *older, *younger; // [K] siblings

	envid_t killer; // [K] who destroyed it, or 0

	// Its keeper is told when it has ended.
	struct Env *keeper;    // [K] NULL: nobody
	struct Link kept_link; // [K] in the keeper's `kept'
	struct Queue kept;     // [K] those that it keeps
	uint32_t why;          // [K] DYING: what its keeper hears, of inc/ipc.h

	int program; // [I] which of the image's programs it or its first ancestor was loaded from

	bool has_device; // [K] it may use the ports of inc/device.h

	// How far the sys_cputs that is going on has come; see kern/syscall.c.
	struct {
		uint32_t va, len, checked, printed;
	} cputs;                  // [K]
} __attribute__((aligned(1024))); // kenvs[] is indexed by a shift

#define HOLD_STOPPED 1 // by sys_exofork or sys_env_set_status
#define HOLD_RECV 2    // waits for a message
#define HOLD_SEND 4    // waits until its message is taken

extern struct Env envs[NENV]; // [K] published at UENVS
extern struct Kenv kenvs[NENV];

// The envs that run or may run on a CPU.  The one that it runs is the first.
struct Runq {
	struct Queue queue;
	unsigned waiting; // how many of them it does not run
};
extern struct Runq runqs[NCPU]; // [K]
extern unsigned env_nwaiting;   // [K] on all CPUs

static inline struct Kenv *
kenv(struct Env *e)
{
#if __STDC_HOSTED__
	return &kenvs[e - envs];
#else
	// The same: compilers divide and multiply.
	static_assert(sizeof(struct Kenv) % sizeof(struct Env) == 0, "one scales to the other");
	return (struct Kenv *) ((char *) kenvs +
				((char *) e - (char *) envs) *
					(sizeof(struct Kenv) / sizeof(struct Env)));
#endif
}

static inline struct Env *
queued_env(struct Link *l)
{
	return QUEUED(l, struct Kenv, link)->env;
}

// All slots free; both tables are zero already.
void env_init(void);

// Tell the console what by (0: nobody) does, to e if that is not NULL; unless env_quiet.
void env_tell(envid_t by, const char *what, const struct Env *e);
extern bool env_quiet; // [I]

// The env with this id, or self for 0.  NULL when there is none, or it is being destroyed.
struct Env *env_find(struct Env *self, envid_t id);
// The same, but only self, which runs, its immediate children, and those that it keeps.
struct Env *env_find_child(struct Env *self, envid_t id);
// The env with this id, if it is DYING and self is its keeper, or NULL.
struct Env *env_find_ended(struct Env *self, envid_t id);
static inline struct Env *
env_find_ours(struct Env *self, envid_t id)
{
	if (!self)
		__builtin_unreachable();
	return id == 0 ? self : env_find_child(self, id);
}

// FREE -> NOT_RUNNABLE: a new env at *ep, a child of parent (NULL: nobody's), held by
// HOLD_STOPPED, with an empty address space and a user frame of zeros.
//	-E_NO_FREE_ENV, -E_NO_MEM
int env_alloc(struct Env **ep, struct Env *parent);

// Where page faults of e are handled; 0: nowhere.
void env_set_upcall(struct Env *e, uint32_t upcall);

// Add a reason why e may not run, or take one away.  The first puts a running or runnable env
// to NOT_RUNNABLE, and its CPU soon notices; the last makes it RUNNABLE again, or RUNNING if
// its CPU has not noticed yet.
void env_hold(struct Env *e, unsigned reason);
void env_release(struct Env *e, unsigned reason);

// The call in which e waits, for this reason, is over with this result: release it.
void env_finish(struct Env *e, unsigned reason, int32_t result);
// Set the result of the call that e is in, unless it has been given other registers meanwhile.
void env_set_result(struct Env *e, int32_t result);

// sender does not wait any more to send its message, if it did.
void env_withdraw(struct Env *sender);

// keeper (NULL: nobody) keeps e from now on, instead of whoever did.
void env_set_keeper(struct Env *e, struct Env *keeper);

// Whether e has ended, and waits in the queue of senders of its keeper until that has heard of it.
static inline bool
env_is_notice(struct Env *e)
{
	return e->env_status == ENV_DYING && kenv(e)->out.to;
}
// The keeper of e, a notice, waits for a message, and hears of it: e is FREE.
void env_take_notice(struct Env *e);

// RUNNING -> RUNNABLE, behind all others of its CPU.
void env_yield(struct Env *e);

// The first of the CPU's queue, or else one that waits for another CPU: RUNNABLE -> RUNNING on
// cpu.  NULL when there is none.
struct Env *env_next(int cpu);
bool env_any_runnable(void);

// e, which is RUNNABLE, goes to cpu's queue, next in turn.
void env_move(struct Env *e, int cpu);
// Take one over from the CPU where most wait, if cpu has at least two less.
void env_balance(int cpu);

// Its CPU lets go of e, whose state is anything but RUNNING.
void env_let_go(struct Env *e);

// Any state -> DYING.  Its children lose their parent, and those that it keeps their keeper; those
// that nobody could start any more would wait for ever, and are destroyed as well.  Once no CPU runs it, its memory is given back
// by env_reap(), in parts; a small env is FREE when this returns, unless others are before it.
// by is the env that does this, for the console, or NULL.
void env_destroy(struct Env *by, struct Env *e);

// DYING -> FREE, a part at a time: give back some memory of an env that no CPU runs any more.  An env
// with a keeper then becomes a notice, which is FREE when the keeper has heard of it.
// False: there was nothing to do.
bool env_reap(void);
bool env_any_dead(void);

// The same as env_destroy for an env that has done what it must not: why is one of inc/ipc.h.
// Counted in env_nkilled.
void env_kill(struct Env *e, uint32_t why);
extern unsigned env_nkilled;

// How many envs are RUNNABLE, RUNNING or DYING, without notices.  0: nothing will happen any more.
extern unsigned env_nactive; // [K]

// Set e's registers; self is the env that asks.  If another CPU runs e now, they wait until it
// enters the kernel, which it soon does.  A long call that e is in the middle of is over.
void env_set_frame(struct Env *self, struct Env *e, const struct Trapframe *tf);

// self has just entered the kernel: whether registers had been waiting for it.  They are now
// its registers, and what it came for is void.
bool env_take_frame(struct Env *self);

// Registers that a program may have: user segments, interrupts on, no privileged flag.
void env_sanitize(struct Trapframe *tf);

#endif
