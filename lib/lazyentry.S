// The upcall of a program that is loaded on demand: see lib/lazy.h.  The loader copies it to LAZY_ENTRY;
// so it stands anywhere but there while it is linked, and names nothing but numbers.
//
// It comes before all other handlers, also in the middle of them: what they need may be still to come.  It
// does not fault, but for the word by which it goes back, as lib/pfentry.S.

#include "inc/mmu.h"
#include "inc/syscall.h"
#include "inc/trap.h"
#include "lib/lazy.h"

.text
.globl _lazy_entry, _lazy_entry_end
_lazy_entry:				// (esp): utf_fault_va, utf_err, utf_regs, utf_eip, ...
	testl $FEC_PR, 4(%esp)
	jnz other
	movl (%esp), %ebp		// ebp: the page
	andl $-PGSIZE, %ebp
	movl $LAZY_RANGES, %esi		// esi: the range
1:	movl 4(%esi), %eax
	testl %eax, %eax
	jz other
	cmpl %eax, %ebp
	jae 2f
	cmpl (%esi), %ebp
	jae 3f
2:	addl $16, %esi
	jmp 1b

3:	movl 8(%esi), %edx
	testl %edx, %edx
	jz zero
	movl %ebp, %eax
	subl (%esi), %eax
	shrl $PGSHIFT, %eax
	addl %eax, %edx			// which page of the archive
	xorl %ecx, %ecx
	movl %ebp, %ebx
	movl $SYS_archive_page, %eax
	int $T_SYSCALL
	testl %eax, %eax
	js end
	movl 12(%esi), %esi
	testl %esi, %esi
	jz back
	xorl %edx, %edx			// a copy, in its own place
	movl %ebp, %ecx
	movl %ebp, %edi
	xorl %ebx, %ebx
	movl $SYS_page_copy, %eax
	int $T_SYSCALL
	testl %eax, %eax
	js missing
	jmp back
zero:	xorl %edx, %edx
	movl %ebp, %ecx
	movl 12(%esi), %ebx
	movl $SYS_page_alloc, %eax
	int $T_SYSCALL
	testl %eax, %eax
	jns back
	jmp end

other:	movl LAZY, %eax			// the program's own upcall finds all as the kernel left it
	testl %eax, %eax
	jz end
	jmp *%eax

	// Nobody can help: fault once more, and let the kernel end the program with a report.
missing:
	xorl %edx, %edx
	movl %ebp, %ecx
	movl $SYS_page_unmap, %eax
	int $T_SYSCALL
end:	xorl %edx, %edx
	xorl %ecx, %ecx
	movl $SYS_env_set_pgfault_upcall, %eax
	int $T_SYSCALL

back:	addl $8, %esp			// as in lib/pfentry.S
	movl 40(%esp), %eax
	movl 32(%esp), %ecx
	movl %ecx, -4(%eax)
	subl $4, 40(%esp)
	popal
	addl $4, %esp
	popfl
	popl %esp
	ret
_lazy_entry_end:
