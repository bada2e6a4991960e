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

// Go on at 1f if the program uses fs or gs, which the short ways do not look after.
#define FS_GS_OR_ELSE(scratch, other)                                                              \
	movl %fs, scratch;                                                                         \
	movl %gs, other;                                                                           \
	orl other, scratch;                                                                        \
	jnz 1f

// What was in the flags must not be there for C, nor for another program.  NT would make an iret
// a task switch.
#define RESET_FLAGS                                                                                \
	pushl $2;                                                                                  \
	popfl

// An env whose link is `self' and whose registers are saved lets go of the CPU, and the one whose
// link is `next', saved in the same way, goes on, with edx already at its Kenv.sysexit.  Their
// states and queues are right but for what is done here.
#define SWITCH(self, next)                                                                         \
	fxsave LINK_FPU(self);                                                                     \
	fxrstor LINK_FPU(next);                                                                    \
	movl $NO_CPU, LINK_CPU(self);                                                               \
	movl LINK_ENV(next), %ecx;                                                                 \
	movl $RUNNING, ENV_STATUS(%ecx);                                                           \
	incl ENV_RUNS(%ecx);                                                                       \
	movl $0, LINK_CPU(next);                                                                   \
	movl next, runqs;                                                                          \
	leal LINK_FRAME_END(next), %ecx;                                                           \
	movl %ecx, cpus + CPU_ESP0;                                                                \
	movl LINK_CR3(next), %ecx;                                                                 \
	movl %ecx, %cr3;                                                                           \
	BENCH_COUNT(BENCH_CR3_LOADS);                                                              \
	RESET_FLAGS;                                                                               \
	RESUME(next)

#define RESUME(next)                                                                               \
	movl LINK_EAX(next), %eax;                                                                 \
	movl LINK_ESP(next), %ecx;                                                                 \
	movl LINK_ESI(next), %esi;                                                                 \
	movl LINK_EDI(next), %edi;                                                                 \
	movl LINK_EBP(next), %ebp;                                                                 \
	movl LINK_EBX(next), %ebx;                                                                 \
	sti;                                                                                       \
	sysexit

#endif
