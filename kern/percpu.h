// What each CPU has of its own, and how it changes from one env to another.

#ifndef FAULTLINE_KERN_PERCPU_H
#define FAULTLINE_KERN_PERCPU_H

#include "inc/memlayout.h"
#include "inc/mmu.h"
#include "inc/x86.h"
#include "kern/bootargs.h"
#include "kern/env.h"
#include "kern/trapframe.h"

struct Cpu {
	struct Taskstate ts; // [C] esp0 is the upper end of the frame of the env it has loaded
	uint8_t apicid;      // [I]
	volatile uint32_t started; // [A] set once, by itself
	volatile uint32_t flush;   // [A] set by another CPU, cleared by this one; see spinlock.h
	bool idle;                 // [K] halted, or about to be
	bool ticked;               // [C] the clock has ticked while it was idle
};

extern struct Cpu cpus[NCPU]; // CPU 0 is the one that booted
extern int ncpu;              // [I] how many there are

// The upper end of a CPU's kernel stack.
static inline uint32_t
kstack_top(int cpu)
{
	return KSTACKTOP - cpu * KSTKSTRIDE;
}

// At the very top of it: what the entry by sysenter needs at hand.
struct Current {
	struct Cpu *cpu;
	uint32_t unused[3];
};

// Where the kernel's own part of the stack begins.
static inline uint32_t
kstack_entry(int cpu)
{
	return kstack_top(cpu) - sizeof(struct Current);
}

// Whose registers and address space a CPU has loaded, or NULL.
static inline struct Kenv *
cpu_kenv(const struct Cpu *c)
{
	return c->ts.ts_esp0 ? (struct Kenv *) (c->ts.ts_esp0 - FRAME_END) : NULL;
}

static inline struct Env *
cpu_env(const struct Cpu *c)
{
	return c->ts.ts_esp0 ? cpu_kenv(c)->env : NULL;
}

// Which CPU this is: kernel stacks are KSTKSTRIDE apart, so where we stand tells.
static inline int
cpunum(void)
{
	return (KSTACKTOP - read_esp()) / KSTKSTRIDE;
}

#define thiscpu (&cpus[cpunum()])

// Whether traps may take the short ways of kern/trapentry.S and kern/sysenter.S.
#define SHORT_WAYS (!CHECK && !bootargs_plain)

// Prepare this CPU: segments, task state, interrupt table, paging features, FPU.
void cpu_init(void);

// Leave the kernel and run e, which sched_pick has just chosen; with NULL, halt until there is
// something to run, or say that there never will be.
void env_run(struct Env *e) __attribute__((noreturn));

// Go on with f, which does not return, on the stack that ends at top.
void stack_switch(uint32_t top, void (*f)(void)) __attribute__((noreturn));

#endif
