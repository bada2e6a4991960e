// What the assembly behind sysenter has in common.

#ifndef FAULTLINE_KERN_SYSENTER_H
#define FAULTLINE_KERN_SYSENTER_H

#include "inc/bench.h"
#include "inc/memlayout.h"
#include "inc/mmu.h"
#include "inc/syscall.h"
#include "inc/trap.h"
#include "kern/trapframe.h"

// clang-format off
// This is assembly.

// The flat user data segment serves the kernel as well, and is what the program goes on with.
#define LOAD_SEGMENTS                                                                              \
	pushl $(GD_UD | 3);                                                                        \
	popl %ds;                                                                                  \
	pushl $(GD_UD | 3);                                                                        \
	popl %es

// Behind an instruction that reads the program's memory: where to go on if there is none.
#define OR_ELSE(at, label)                                                                         \
	.pushsection .fixups, "a";                                                                 \
	.long at, label;                                                                           \
	.popsection

// The arguments of a call, at and above ecx, are below UTOP; or else go on at `label'.
#define ARGUMENTS_OR_ELSE(label)                                                                   \
	cmpl $(UTOP - 32), %ecx;                                                                   \
	ja label

#endif
