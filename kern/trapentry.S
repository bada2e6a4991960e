// The way into the kernel, and the way out.
//
// While an env runs, this CPU's esp0 is the upper end of that env's Kenv.frame, so what the CPU
// pushes on a trap, and what is pushed here, is the saved frame: nothing is copied later.  The
// kernel then runs on the CPU's own stack.  A trap out of the kernel itself (only interrupts,
// while a CPU is idle) stays on the stack it came on.

#include "inc/bench.h"
#include "inc/memlayout.h"
#include "inc/mmu.h"
#include "inc/trap.h"
#include "kern/trapframe.h"

.text

#define TRAP(num, name, err, dpl, text)                                                            \
	.globl trap_##name;                                                                        \
	.p2align 3;                                                                                \
trap_##name:                                                                                       \
	.if !err;                                                                                  \
	pushl $0;                                                                                  \
	.endif;                                                                                    \
	pushl $num;                                                                                \
	jmp trap_entry;
#include "kern/trap.def"

trap_entry:
	BENCH_COUNT(BENCH_ENTRIES)
	pushl %ds
	pushl %es
	pushal
saved:
	movl $GD_KD, %eax
	movl %eax, %ds
	movl %eax, %es
	cld
	movl %esp, %eax
	testl $FL_VM, TF_EFLAGS(%eax)
	jnz from_vm86
	testb $3, TF_CS(%eax)		// where it came from, by the code segment it will go back to
	jz from_kernel
	movl FRAME_KSTACK(%eax), %esp
	xorl %ebp, %ebp			// the kernel's chain of stack frames ends here
	pushl %eax
	call trap			// does not return

from_kernel:
	pushl %eax
	call trap_in_kernel
	addl $4, %esp
	jmp trap_exit

// No program should get into virtual-8086 mode, but emulators have let some.  The frame is then
// VM86_EXTRA bytes lower than its place.
from_vm86:
	movl (FRAME_KSTACK + VM86_EXTRA)(%eax), %esp
	xorl %ebp, %ebp
	pushl %eax
	call trap_from_vm86		// does not return

// A page fault of a program that handles its own: what upcall_page_fault() does, without the lock,
// as it concerns nobody else.  The frame on the exception stack is stored where the program itself
// would store it; if that faults, or is not so simple, C does it all again.
// user/shortways holds the two equal.
//
// The segments stay the program's: with esp or ebp as the base, or ss said, ss is used.  One SSE
// register moves the saved ones; its own contents wait at the start of Kenv.fpu, which is not in
// use while its env has a CPU.
#define STORE(insn...)                                                                               \
9:	insn;                                                                                      \
	.pushsection .fixups, "a";                                                                 \
	.long 9b, 4f;                                                                              \
	.popsection

.globl trap_pgflt_fast
.p2align 4
trap_pgflt_fast:
	testb $3, TF_CS - TF_ERR(%esp)
	jz trap_pgflt
	testl $FL_VM, TF_EFLAGS - TF_ERR(%esp)
	jnz trap_pgflt
	BENCH_COUNT(BENCH_ENTRIES)
	subl $(TF_ERR - TF_REGS_SIZE), %esp
	pushal
	movups %xmm0, -KENV_FRAME(%esp)
	movl FRAME_UPCALL(%esp), %ecx
	testl %ecx, %ecx
	jz 2f
	movl TF_ESP(%esp), %edx
	movl $(UXSTACKTOP - UTF_SIZE), %ebp
	cmpl $UXSTACKBASE, %edx
	jae 3f
1:	movl %cr2, %esi
	movl TF_ERR(%esp), %ebx
	STORE(movl %esi, UTF_FAULT_VA(%ebp))
	movl TF_EIP(%esp), %eax
	STORE(movl %ebx, UTF_ERR(%ebp))
	movl TF_EFLAGS(%esp), %ebx
	movups (%esp), %xmm0
	STORE(movups %xmm0, UTF_REGS(%ebp))
	movups 16(%esp), %xmm0
	STORE(movups %xmm0, UTF_REGS + 16(%ebp))
	STORE(movl %eax, UTF_EIP(%ebp))
	STORE(movl %ebx, UTF_EFLAGS(%ebp))
	STORE(movl %edx, UTF_ESP(%ebp))
	movl %ecx, TF_EIP(%esp)
	andl $~(FL_TF | FL_DF), TF_EFLAGS(%esp)
	movl %ebp, TF_ESP(%esp)
	movups -KENV_FRAME(%esp), %xmm0
	popal
	addl $(TF_EIP - TF_REGS_SIZE), %esp
	iret

	// The fault at the exception stack is not the one to be handled.
4:	movl %esi, %cr2
2:	movups -KENV_FRAME(%esp), %xmm0
	movl $T_PGFLT, TF_TRAPNO(%esp)
	movw %ds, TF_DS(%esp)
	movw %es, TF_ES(%esp)
	jmp saved

	// From the exception stack: below what is there, and a free word.
3:	cmpl $UXSTACKTOP, %edx
	jae 1b
	leal -4 - UTF_SIZE(%edx), %ebp
	cmpl $UXSTACKBASE, %ebp
	jae 1b
	jmp 2b

// void env_pop(struct Trapframe *tf): restore all registers from tf, and go on there.
.globl env_pop
env_pop:
	movl 4(%esp), %esp
trap_exit:
	popal
pop_es:
	popl %es
pop_ds:
	popl %ds
	addl $8, %esp			// trap number and error code
	iret

// What was in a segment register can be loaded again, unless it got there by a way that no CPU
// should have let a program take, as out of virtual-8086 mode.  The registers are popped already,
// and what is below the frame (Kenv.fpu) is not in use while its env has a CPU.
flat_es:
	movl $(GD_UD | 3), (%esp)
	jmp pop_es
flat_ds:
	movl $(GD_UD | 3), (%esp)
	jmp pop_ds
	.pushsection .fixups, "a"
	.long pop_es, flat_es
	.long pop_ds, flat_ds
	.popsection

// void stack_switch(uint32_t top, void (*f)(void)): go on with f, which does not return, on the
// stack that ends at top.
.globl stack_switch
stack_switch:
	movl 8(%esp), %eax
	movl 4(%esp), %esp
	xorl %ebp, %ebp
	call *%eax
