// Traps: the interrupt table, and what becomes of each trap.

#ifndef FAULTLINE_KERN_TRAP_H
#define FAULTLINE_KERN_TRAP_H

#include "inc/trap.h"

// Fill the interrupt table, once; make this CPU use it.
void trap_init(void);
void trap_init_cpu(void);

// kern/sysenter.S: where sysenter goes.
void *sysenter_entry(void);

// An address in the instruction that has trapped: eip, unless that stands behind it already.
uint32_t trap_at(const struct Trapframe *tf);

// Print a register dump, with the place in the source if it is the current env's.  cr2 is the address
// of a page fault that has just happened, or NULL.
void print_trapframe(const struct Trapframe *tf, const uint32_t *cr2);

// kern/trapentry.S: restore tf's registers and go on there.
void env_pop(struct Trapframe *tf) __attribute__((noreturn));

// kern/sysenter.S: the same for the env whose Kenv.link this is, when its Kenv.sysexit is set.
struct Link;
void sysexit_pop(struct Link *link) __attribute__((noreturn));

#endif
