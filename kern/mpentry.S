// Where the other CPUs start: copied to MPENTRY_PADDR, in real mode, with cs = that / 16.
// Everything is reached relative to the copy until paging is on.

#include "inc/memlayout.h"
#include "inc/mmu.h"

#define COPY(label) ((label) - mpentry_start + MPENTRY_PADDR)

.text
.globl mpentry_start
.globl mpentry_end

.code16
mpentry_start:
	cli
	xorw %ax, %ax
	movw %ax, %ds
	lgdtl COPY(mp_gdt_desc)
	movl %cr0, %eax
	orb $CR0_PE, %al
	movl %eax, %cr0
	ljmpl $GD_KT, $COPY(protected)

.code32
protected:
	movw $GD_KD, %ax
	movw %ax, %ds
	movw %ax, %es
	movw %ax, %ss
	movl $(entry_pgdir - KERNBASE), %eax
	movl %eax, %cr3
	movl %cr4, %eax
	orl $CR4_PSE, %eax
	movl %eax, %cr4
	movl %cr0, %eax
	orl $(CR0_PE | CR0_PG | CR0_WP), %eax
	movl %eax, %cr0
	movl $mp_high, %eax
	jmp *%eax

	.p2align 3
mp_gdt:
	.quad 0
	.quad 0x00cf9a000000ffff	// GD_KT: flat 4 GiB code
	.quad 0x00cf92000000ffff	// GD_KD: flat 4 GiB data
mp_gdt_desc:
	.word 23
	.long COPY(mp_gdt)
mpentry_end:

mp_high:
	movl kern_cr3, %eax		// the kernel's own map, which has our stack
	movl %eax, %cr3
	movl mpentry_kstack, %esp
	xorl %ebp, %ebp
	call mp_main			// does not return
