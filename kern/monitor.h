// The kernel monitor: a small debugger at the console.

#ifndef FAULTLINE_KERN_MONITOR_H
#define FAULTLINE_KERN_MONITOR_H

#include "inc/types.h"

struct Env;
struct Trapframe;

// Take commands until one lets the program go on, which is only possible when there is one:
// self, with its registers at tf; else both are NULL.
void monitor(struct Env *self, struct Trapframe *tf);

// self has met a breakpoint, or has made a single step.  Returns whether it may go on.
bool monitor_trap(struct Env *self, struct Trapframe *tf);

// Whether self's next debug exception is one that the monitor has asked for.
bool monitor_steps(struct Env *self);

// Print the calls that led to here, given a frame pointer of the kernel's.
void backtrace(uint32_t ebp);

#endif
