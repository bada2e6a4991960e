// The boot sector's first half: from the BIOS, in real mode, to bootmain() in protected mode.
// On the way the BIOS is asked for its memory map (INT 15h, E820h), because it cannot be asked
// later.  All of it, with bootmain(), has 446 bytes; conf/mkimage checks.

#include "inc/mmu.h"
#include "inc/multiboot.h"

#define SMAP 0x534d4150			// "SMAP", on both sides of the call
#define MMAP_ENTRY 20			// what the BIOS fills in; `size' stands before it

.text
.code16
.globl start
start:
	cli
	cld
	xorw %ax, %ax
	movw %ax, %ds
	movw %ax, %es
	movw %ax, %ss
	movw $start, %sp

	// The memory map, in Multiboot's form.
	xorl %ebx, %ebx			// which entry is next; 0: the first, and after the last
	movw $BOOT_MMAP, %di
map:	movl $MMAP_ENTRY, %ecx
	movl %ecx, (%di)		// its size
	addw $4, %di
	movl $0xe820, %eax
	movl $SMAP, %edx
	int $0x15
	jc past_last			// some say so only after the last
	addw $MMAP_ENTRY, %di
	testl %ebx, %ebx
	jz mapped
	cmpw $(BOOT_MMAP_END - MMAP_ENTRY - 4), %di
	jb map
	jmp mapped
past_last:
	subw $4, %di
mapped:
	movzwl %di, %edi		// where the map ends

	inb $0x92, %al			// let address bit 20 through
	orb $2, %al
	outb %al, $0x92

	lgdtl gdt_desc
	movl %cr0, %eax
	orb $CR0_PE, %al
	movl %eax, %cr0
	ljmp $GD_KT, $protected

.code32
protected:
	movw $GD_KD, %ax
	movw %ax, %ds
	movw %ax, %es
	movw %ax, %ss
	movl %edi, %eax			// bootmain's argument is in a register
	call bootmain			// does not return

gdt:
gdt_desc:				// the CPU never reads the first descriptor of a GDT
	.word 23
	.long gdt
	.word 0
	.quad 0x00cf9a000000ffff	// GD_KT: flat 4 GiB code
	.quad 0x00cf92000000ffff	// GD_KD: flat 4 GiB data
