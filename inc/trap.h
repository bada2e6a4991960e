// Trap numbers, and the two frames in which registers are saved.

#ifndef FAULTLINE_INC_TRAP_H
#define FAULTLINE_INC_TRAP_H

// The processor's exceptions.  Source: Intel SDM 3A, table 6-1.
#define T_DIVIDE 0
#define T_DEBUG 1
#define T_NMI 2
#define T_BRKPT 3
#define T_OFLOW 4
#define T_BOUND 5
#define T_ILLOP 6
#define T_DEVICE 7
#define T_DBLFLT 8
#define T_TSS 10
#define T_SEGNP 11
#define T_STACK 12
#define T_GPFLT 13
#define T_PGFLT 14
#define T_FPERR 16
#define T_ALIGN 17
#define T_MCHK 18
#define T_SIMDERR 19

// Those that a program may handle by sys_env_set_exception_upcall, as bits.  A page fault has an
// upcall of its own; NMIs, double faults and machine checks are the kernel's; and the FPU is always
// there, so T_DEVICE does not happen.
#define EXCEPTIONS                                                                                 \
	(1u << T_DIVIDE | 1u << T_DEBUG | 1u << T_BRKPT | 1u << T_OFLOW | 1u << T_BOUND |          \
	 1u << T_ILLOP | 1u << T_TSS | 1u << T_SEGNP | 1u << T_STACK | 1u << T_GPFLT |             \
	 1u << T_FPERR | 1u << T_ALIGN | 1u << T_SIMDERR)

#define T_SYSCALL 48     // int $0x30,
#define SYSCALL_LENGTH 2 // an instruction of two bytes
#define SYSENTER_LENGTH 2

// Device interrupts stand at 32 and up.
#define IRQ_OFFSET 32
#define IRQ_TIMER 0
#define IRQ_SPURIOUS 7
#define IRQ_ERROR 19
// From one CPU to another.
#define IRQ_WAKE 20  // there may be work: look at the run queue, or let go of an env
#define IRQ_FLUSH 21 // page tables have changed: drop what the TLB holds

#ifndef __ASSEMBLER__

#include "inc/mmu.h"
#include "inc/types.h"

// The general registers, in the order pusha leaves them.
struct PushRegs {
	uint32_t reg_edi;
	uint32_t reg_esi;
	uint32_t reg_ebp;
	uint32_t reg_oesp; // pusha's esp; popa ignores it
	uint32_t reg_ebx;
	uint32_t reg_edx;
	uint32_t reg_ecx;
	uint32_t reg_eax;
};

// A whole saved context: what the kernel's entry pushes, then what the CPU has pushed.
struct Trapframe {
	struct PushRegs tf_regs;
	uint16_t tf_es, tf_padding1;
	uint16_t tf_ds, tf_padding2;
	uint32_t tf_trapno;
	uint32_t tf_err; // 0 where the CPU gives none
	uint32_t tf_eip;
	uint16_t tf_cs, tf_padding3;
	uint32_t tf_eflags;
	uint32_t tf_esp; // this and ss only when the trap came from user mode
	uint16_t tf_ss, tf_padding4;
};

// What the kernel writes on the exception stack before it starts the handler.
struct UTrapframe {
	union {
		uint32_t utf_fault_va; // of a page fault: the address that was touched
		uint32_t utf_trapno;   // of another exception: its vector
	};
	uint32_t utf_err; // FEC_ bits; of another exception the CPU's error code, or 0
	struct PushRegs utf_regs;
	uint32_t
		utf_eip; // the instruction that trapped; of int3, into and a step, the one after it
	uint32_t utf_eflags;
	uint32_t utf_esp; // the stack it was on
};

#endif
#endif
