// Where memory is, as far as xv6 programs ask: PHYSTOP - KERNBASE is how much there is, with the
// makefile's MEM=128M.  None of these may be touched by a program.

#ifndef XV6_KERNEL_MEMLAYOUT_H
#define XV6_KERNEL_MEMLAYOUT_H

#define KERNBASE 0xf0000000
#define PHYSTOP (KERNBASE + 128 * 1024 * 1024)

// Programs name these two to look for something just below MAXVA.
#define TRAMPOLINE (MAXVA - PGSIZE)
#define TRAPFRAME (TRAMPOLINE - PGSIZE)

#endif
