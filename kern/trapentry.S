// The way into the kernel, and the way out.
//
// While an env runs, this CPU's esp0 is the upper end of that env's Kenv.frame, so what the CPU
// pushes on a trap, and what is pushed here, is the saved frame: nothing is copied later.  The
// kernel then runs on the CPU's own stack.  A trap out of the kernel itself (only interrupts,
// while a CPU is idle) stays on the stack it came on.

#include "inc/bench.h"
#include "inc/mmu.h"
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
	pushl %ds
	pushl %es
	pushal
	movl $GD_KD, %eax
	movl %eax, %ds
	movl %eax, %es
	cld
#if BENCH
	lock incl bench_counts + BENCH_ENTRIES
#endif
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
	movl FRAME_KSTACK + VM86_EXTRA(%eax), %esp
	xorl %ebp, %ebp
	pushl %eax
	call trap_from_vm86		// does not return

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
