// System calls: decode, check, call.

#ifndef FAULTLINE_KERN_SYSCALL_H
#define FAULTLINE_KERN_SYSCALL_H

struct Env;

// Carry out the call that self's saved registers ask for, by the convention of int $0x30, and put
// the result there.
void syscall(struct Env *self);

// The same for the convention of sysenter.
void syscall_sysenter(struct Env *self);

// The handlers, by number, each of which takes the calling env and as many words as its call has
// arguments.  For kern/sysenter.S.
extern void (*const syscall_handlers[])(void);

// Results up to this one are none: the call must be made again, or the registers are all set.
#define SYSCALL_SPECIAL (INT32_MIN + 1)

// self wanted to use memory that it may not: say so, and destroy it.
void user_mem_fail(struct Env *self, unsigned bad);

#endif
