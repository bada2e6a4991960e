// What each CPU has of its own, and how it changes from one env to another.

#ifndef FAULTLINE_KERN_PERCPU_H
#define FAULTLINE_KERN_PERCPU_H

#include "inc/env.h"
#include "inc/memlayout.h"
#include "inc/mmu.h"
#include "inc/x86.h"

struct Kenv;

struct Cpu {
	uint8_t apicid;            // [I]
	volatile uint32_t started; // [A] set once, by itself
	volatile uint32_t flush;   // [A] set by another CPU, cleared by this one; see spinlock.h
	struct Env *env;           // [C] whose registers and address space it has loaded, or NULL
	bool idle;                 // [K] halted, or about to be
	struct Taskstate ts;       // [C]
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
	struct Env *env;
	struct Kenv *kenv;
	envid_t id;
	uint32_t unused;
};

// Where the kernel's own part of the stack begins.
static inline uint32_t
kstack_entry(int cpu)
{
	return kstack_top(cpu) - sizeof(struct Current);
}

// Which CPU this is: kernel stacks are KSTKSTRIDE apart, so where we stand tells.
static inline int
cpunum(void)
{
	return (KSTACKTOP - read_esp()) / KSTKSTRIDE;
}

#define thiscpu (&cpus[cpunum()])

// Prepare this CPU: segments, task state, interrupt table, paging features, FPU.
void cpu_init(void);

// Leave the kernel and run e, which sched_pick has just chosen; with NULL, halt until there is
// something to run, or say that there never will be.
void env_run(struct Env *e) __attribute__((noreturn));

// Go on with f, which does not return, on the stack that ends at top.
void stack_switch(uint32_t top, void (*f)(void)) __attribute__((noreturn));

#endif
