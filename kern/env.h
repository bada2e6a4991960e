// The env table, and the doors of the state machine drawn in inc/env.h.

#ifndef FAULTLINE_KERN_ENV_H
#define FAULTLINE_KERN_ENV_H

#include "inc/env.h"
#include "kern/cpu.h"
#include "kern/pmap.h"

// What the kernel alone knows of an env.  kenv(e) belongs to e, by its place in the table.
// The start is laid out for kern/trapentry.S: a trap from user mode saves the registers
// straight into `frame', whose upper end is the CPU's esp0 while the env runs, and the kernel
// then goes on with the stack at `kstack'.
struct Kenv {
	struct Fpu fpu;         // [K] its FPU state while no CPU has it
	struct Trapframe frame; // [C] its registers while it does not run
	uint32_t kstack;        // [C] top of the kernel stack of the CPU that runs it
	uint16_t fs, gs;        // [K] as fpu

	struct Space space;
	unsigned hold;               // [K] why it may not run: HOLD_ bits
	bool has_next_frame;         // [K] next_frame is waiting
	struct Trapframe next_frame; // [K] see env_set_frame
	struct Env *next, *prev;     // [K] neighbours in the run queue, or the queue of the dead

	// The family: who may stop and start this env, and whom it may.
	struct Env *parent;          // [K] NULL when it is gone
	struct Env *child;           // [K] the youngest
	struct Env *older, *younger; // [K] siblings

	envid_t killer; // [K] who destroyed it, or 0

	int program; // [I] which of the image's programs it or its first ancestor was loaded from

	// How far the sys_cputs that is going on has come; see kern/syscall.c.
	struct {
		uint32_t va, len, checked, printed;
	} cputs; // [K]
};

#define HOLD_STOPPED 1 // by sys_exofork or sys_env_set_status
#define HOLD_RECV 2    // in sys_ipc_recv

extern struct Env envs[NENV]; // [K] published at UENVS
extern struct Kenv kenvs[NENV];

static inline struct Kenv *
kenv(struct Env *e)
{
	return &kenvs[e - envs];
}

// All slots free.
void env_init(void);

// Tell the console what by (0: nobody) does, to e if that is not NULL; unless env_quiet.
void env_tell(envid_t by, const char *what, const struct Env *e);
extern bool env_quiet; // [I]

// The env with this id, or self for 0.  NULL when there is none, or it is being destroyed.
struct Env *env_find(struct Env *self, envid_t id);
// The same, but only self, which runs, and its immediate children.
struct Env *env_find_child(struct Env *self, envid_t id);
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

// Add a reason why e may not run, or take one away.  The first puts a running or runnable env
// to NOT_RUNNABLE, and its CPU soon notices; the last makes it RUNNABLE again, or RUNNING if
// its CPU has not noticed yet.
void env_hold(struct Env *e, unsigned reason);
void env_release(struct Env *e, unsigned reason);

// RUNNING -> RUNNABLE, behind all others.
void env_yield(struct Env *e);

// The first of the run queue: RUNNABLE -> RUNNING on cpu.  NULL when there is none.
struct Env *env_next(int cpu);
bool env_any_runnable(void);

// Its CPU lets go of e, whose state is anything but RUNNING.
void env_let_go(struct Env *e);

// Any state -> DYING.  Its children lose their parent; those that wait for it to start them
// would wait for ever, and are destroyed as well.  Once no CPU runs it, its memory is given back
// by env_reap(), in parts; a small env is FREE when this returns, unless others are before it.
// by is the env that does this, for the console, or NULL.
void env_destroy(struct Env *by, struct Env *e);

// DYING -> FREE, a part at a time: give back some memory of an env that no CPU runs any more.
// False: there was nothing to do.
bool env_reap(void);
bool env_any_dead(void);

// The same as env_destroy for an env that has done what it must not.  Counted in env_nkilled.
void env_kill(struct Env *e);
extern unsigned env_nkilled;

// How many envs are RUNNABLE, RUNNING or DYING.  0: nothing will happen any more.
unsigned env_nactive(void);

// Set e's registers; self is the env that asks.  If another CPU runs e now, they wait until it
// enters the kernel, which it soon does.  A long call that e is in the middle of is over.
void env_set_frame(struct Env *self, struct Env *e, const struct Trapframe *tf);

// self has just entered the kernel: whether registers had been waiting for it.  They are now
// its registers, and what it came for is void.
bool env_take_frame(struct Env *self);

// Registers that a program may have: user segments, interrupts on, no privileged flag.
void env_sanitize(struct Trapframe *tf);

#endif
