// Where memory is, as far as xv6 programs ask: PHYSTOP - KERNBASE is how much there is, with the
// makefile's MEM=128M.  Neither may be touched by a program.

#ifndef XV6_KERNEL_MEMLAYOUT_H
#define XV6_KERNEL_MEMLAYOUT_H

#define KERNBASE 0xf0000000
#define PHYSTOP (KERNBASE + 128 * 1024 * 1024)

#endif
