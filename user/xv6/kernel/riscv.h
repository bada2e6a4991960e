// What xv6 programs ask of the machine.  The name is xv6's; the machine is an i386.

#ifndef XV6_KERNEL_RISCV_H
#define XV6_KERNEL_RISCV_H

#include "kernel/types.h"

#define PGSIZE 4096
#define PGSHIFT 12
#define PGROUNDUP(size) (((size) + PGSIZE - 1) & ~(PGSIZE - 1))
#define PGROUNDDOWN(a) ((a) & ~(PGSIZE - 1))

// The end of what a program may ever have: UTOP in inc/memlayout.h.
#define MAXVA 0xeec00000

// The stack pointer.
static inline uint64
r_sp(void)
{
	uint32 sp;

	__asm__ volatile("movl %%esp, %0" : "=r"(sp));
	return sp;
}

#endif
