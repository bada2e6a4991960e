// System calls: decode, check, call.

#ifndef FAULTLINE_KERN_SYSCALL_H
#define FAULTLINE_KERN_SYSCALL_H

struct Env;

// Carry out the call that self's saved registers ask for, and put the result there.
void syscall(struct Env *self);

// self wanted to use memory that it may not: say so, and destroy it.
void user_mem_fail(struct Env *self, unsigned bad);

#endif
