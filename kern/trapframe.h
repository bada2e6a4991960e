// Offsets and numbers that assembly uses; kern/trap.c proves them.

#ifndef FAULTLINE_KERN_TRAPFRAME_H
#define FAULTLINE_KERN_TRAPFRAME_H

#define TF_REGS_SIZE 32 // of tf_regs, at the start of struct Trapframe
#define TF_ES 32
#define TF_DS 36
#define TF_TRAPNO 40
#define TF_ERR 44
#define TF_EIP 48
#define TF_CS 52
#define TF_EFLAGS 56
#define TF_ESP 60
#define TF_SIZE 68 // its size

#define UTF_FAULT_VA 0 // in struct UTrapframe
#define UTF_ERR 4
#define UTF_REGS 8
#define UTF_EIP 40
#define UTF_EFLAGS 44
#define UTF_ESP 48
#define UTF_SIZE 52 // its size

#define VM86_EXTRA 16 // what the CPU pushes before ss when it leaves virtual-8086 mode

#define KENV_FRAME 512 // in struct Kenv: frame
#define KENV_SHIFT 10  // the size of struct Kenv as a power of two
#define FRAME_END (KENV_FRAME + TF_SIZE)
#define FRAME_KSTACK 68 // from frame to kstack
#define FRAME_UPCALL 72 // and upcall

// From Kenv.link, to which the queues point.
#define KENV_LINK 612
#define LINK_FPU (0 - KENV_LINK)
#define LINK_EDI (KENV_FRAME + 0 - KENV_LINK)
#define LINK_ESI (KENV_FRAME + 4 - KENV_LINK)
#define LINK_EBP (KENV_FRAME + 8 - KENV_LINK)
#define LINK_EBX (KENV_FRAME + 16 - KENV_LINK)
#define LINK_EDX (KENV_FRAME + 20 - KENV_LINK)
#define LINK_ECX (KENV_FRAME + 24 - KENV_LINK)
#define LINK_EAX (KENV_FRAME + 28 - KENV_LINK)
#define LINK_EIP (KENV_FRAME + TF_EIP - KENV_LINK)
#define LINK_ESP (KENV_FRAME + TF_ESP - KENV_LINK)
#define LINK_FRAME_END (FRAME_END - KENV_LINK)
#define LINK_ENV (FRAME_END + 8 - KENV_LINK)
#define LINK_ID (FRAME_END + 12 - KENV_LINK)
#define LINK_CR3 (FRAME_END + 16 - KENV_LINK)
#define LINK_SYSEXIT (FRAME_END + 20 - KENV_LINK)
#define LINK_HOLD (FRAME_END + 28 - KENV_LINK)
#define LINK_NEXT 0
#define LINK_PREV 4
#define LINK_ONLY 8
#define LINK_SENDERS 12
#define LINK_AWAITED 16
#define LINK_HAS_NEXT_FRAME 18
#define LINK_TIMER 20 // timer.link.next: whether it is set
#define LINK_OUT_TO 32
#define LINK_OUT_VALUE 36
#define LINK_OUT_SRCVA 40
#define LINK_OUT_HOW 44
#define LINK_OUT_CALL 52
#define LINK_CPU 60 // space.cpu
#define NO_CPU (-1) // NOCPU

#define HOLDS_SEND 4 // HOLD_SEND
#define HOLDS_RECV 2 // HOLD_RECV
#define GIVENW 0x080 // PTE_GIVENW

#define RUNQ_WAITING 4 // in struct Runq

#define CURRENT_CPU 0 // in struct Current
#define CPU_ESP0 4    // in struct Cpu

#define ENV_STATUS 84 // in struct Env
#define ENV_RUNS 88
#define ENV_RECVING 104
#define ENV_DSTVA 108
#define ENV_VALUE 112
#define ENV_FROM 116
#define ENV_PERM 120
#define RUNNABLE 2 // its states
#define RUNNING 3
#define NOT_RUNNABLE 4

#define SPECIAL 0x80000001 // SYSCALL_SPECIAL

#endif
