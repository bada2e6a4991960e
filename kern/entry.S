// Where the kernel starts: in protected mode, without paging, from a Multiboot loader.

#include "inc/bench.h"
#include "inc/memlayout.h"
#include "inc/mmu.h"
#include "inc/multiboot.h"

.section .multiboot, "a"
	.p2align 2
	.long MULTIBOOT_HEADER_MAGIC
	.long MULTIBOOT_HEADER_FLAGS
	.long -(MULTIBOOT_HEADER_MAGIC + MULTIBOOT_HEADER_FLAGS)

// The kernel is linked high and starts low.
.globl _start
.set _start, entry - KERNBASE

.text
.globl entry
entry:
#if BENCH
	movl %eax, %esi
	rdtsc
	movl %eax, bench_counts - KERNBASE + BENCH_STARTED
	movl %edx, bench_counts - KERNBASE + BENCH_STARTED + 4
	movl %esi, %eax
#endif
	cli
	cld
	movl $(entry_pgdir - KERNBASE), %ecx
	movl %ecx, %cr3
	movl %cr4, %ecx
	orl $(CR4_PSE | CR4_OSFXSR), %ecx	// frame_zero() wants the latter
	movl %ecx, %cr4
	movl %cr0, %ecx
	orl $(CR0_PE | CR0_PG | CR0_WP), %ecx
	movl %ecx, %cr0
	movl $high, %ecx
	jmp *%ecx
high:
	movl $(bootstack + KSTKSIZE), %esp
	xorl %ebp, %ebp
	pushl %ebx			// the loader's struct Multiboot
	pushl %eax			// its magic number
	call early_init			// does not return


.data
// The map for the first steps of each CPU: the lowest 64 MiB, both at 0, where we stand while
// paging goes on, and at KERNBASE.
	.p2align 12
.globl entry_pgdir
entry_pgdir:
	.set i, 0
	.rept 16
	.long i << PDXSHIFT | PTE_P | PTE_W | PTE_PS
	.set i, i + 1
	.endr
	.fill KERNBASE / PTSIZE - 16, 4, 0
	.set i, 0
	.rept 16
	.long i << PDXSHIFT | PTE_P | PTE_W | PTE_PS
	.set i, i + 1
	.endr
	.fill NPDENTRIES - KERNBASE / PTSIZE - 16, 4, 0

// CPU 0's kernel stack, also at KSTACKTOP - KSTKSIZE once kern_pgdir is loaded.
.bss
	.p2align 12
.globl bootstack
bootstack:
	.space KSTKSIZE
