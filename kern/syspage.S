// Calls on one page of the caller's own, on a machine with one CPU: sys_page_protect, sys_page_map
// and sys_page_unmap, when nothing has to be made or given back for them.  All else, and every
// error, goes the way of all calls, to kern/syscall.c and kern/pmap.c, which do the same.
// user/shortways holds the two equal.
//
// While a program runs on the one CPU, runqs points to its Kenv.link (kern/sysenter.S).  Data and
// extra segment stay the program's: what is not on the stack is reached by ss.

#include "inc/error.h"
#include "kern/sysenter.h"

.text

#define PERM_CHANGES (PTE_W | PTE_AVAIL) // what perm decides in an entry; PTE_P and PTE_U are fixed

// Go on at 1f unless va is a page address.
#define PAGE_OR_ELSE(va)                                                                           \
	testl $(PGSIZE - 1), va;                                                                   \
	jnz 1f;                                                                                    \
	cmpl $UTOP, va;                                                                            \
	jae 1f

// Go on at 1f unless perm is a permission, perhaps with the bits of more; take PTE_P and PTE_U away.
#define PERM_OR_ELSE(perm, more)                                                                   \
	xorl $(PTE_P | PTE_U), perm;                                                               \
	testl $~(PERM_CHANGES | more), perm;                                                       \
	jnz 1f

// pte points to the entry for va; or else, if there is no table for it, go on at 1f.
// Uses scratch.
#define WALK(va, pte, scratch)                                                                     \
	movl %cr3, pte;                                                                            \
	movl va, scratch;                                                                          \
	shrl $PDXSHIFT, scratch;                                                                   \
	movl %ss:KERNBASE(pte,scratch,4), scratch;                                                 \
	testl $PTE_P, scratch;                                                                     \
	jz 1f;                                                                                     \
	movl va, pte;                                                                              \
	shrl $(PGSHIFT - 2), pte;                                                                  \
	andl $(4 * (NPTENTRIES - 1)), pte;                                                         \
	andl $~(PGSIZE - 1), scratch;                                                              \
	leal KERNBASE(pte,scratch), pte

// The entry is there, and its page may be mapped with perm; or else, go on at 1f.
#define RIGHTS_OR_ELSE(entry, perm)                                                                \
	testl $PTE_W, perm;                                                                        \
	jz 2f;                                                                                     \
	testl $GIVENW, entry;		/* never without PTE_P */                                  \
	jz 1f;                                                                                     \
3:	.subsection 1;                                                                             \
2:	testl $PTE_P, entry;                                                                       \
	jz 1f;                                                                                     \
	jmp 3b;                                                                                    \
	.subsection 0

// Instead of an entry, where the count of its frame is.
#define COUNT_OF(entry)                                                                            \
	shrl $PGSHIFT, entry;                                                                      \
	shll $2, entry;                                                                            \
	addl %ss:pages, entry

// No CPU keeps a translation of an entry without PTE_A.
#define FORGET(va, entry)                                                                          \
	testl $PTE_A, entry;                                                                       \
	jz 2f;                                                                                     \
	BENCH_COUNT(BENCH_INVLPGS);                                                                \
	invlpg %ss:(va);                                                                               \
2:

// The arguments of page_protect: va in eax, perm in edx; on the stack, what these and the walk take.
#define PROTECT_OR_ELSE(label)                                                                     \
	ARGUMENTS_OR_ELSE(label);                                                                  \
9:	cmpl $0, %ss:4(%ecx);                                                                      \
	OR_ELSE(9b, label);                                                                        \
	jne label;                                                                                 \
	pushl %edx;                                                                                \
	pushl %ebx;                                                                                \
	pushl %esi;                                                                                \
9:	movl %ss:8(%ecx), %eax;                                                                    \
	OR_ELSE(9b, 1f);                                                                           \
9:	movl %ss:12(%ecx), %edx;                                                                   \
	OR_ELSE(9b, 1f);                                                                           \
	PAGE_OR_ELSE(%eax);                                                                        \
	PERM_OR_ELSE(%edx, PAGE_SOLE)

// page_protect(envid, va, perm)
.globl enter_page_protect
enter_page_protect:
	PROTECT_OR_ELSE(enter_3)
	WALK(%eax, %esi, %ebx)
	movl %ss:(%esi), %ebx
	testl $PAGE_SOLE, %edx
	jnz 5f
	RIGHTS_OR_ELSE(%ebx, %edx)
4:	andl $~PERM_CHANGES, %ebx
	orl %edx, %ebx
	movl %ebx, %ss:(%esi)
	BENCH_COUNT(BENCH_INVLPGS)
	invlpg %ss:(%eax)
	popl %esi
	popl %ebx
	popl %edx
	xorl %eax, %eax
	sti
	sysexit

	// If nobody else has the page.
5:	testl $GIVENW, %ebx
	jz 1f
	andl $~PAGE_SOLE, %edx
	COUNT_OF(%ebx)
	cmpl $1, %ss:(%ebx)
	movl %ss:(%esi), %ebx
	je 4b
	popl %esi
	popl %ebx
	popl %edx
	movl $-E_SHARED, %eax
	sti
	sysexit

1:	popl %esi
	popl %ebx
	popl %edx
	movl $SYS_page_protect, %eax
	jmp enter_3

// page_protect(envid, va, perm) on more CPUs, with PAGE_SOLE for a page that others have too: that was
// so at a moment during the call, and needs no lock.  The caller's page tables do not go while it
// runs, and an entry and a count are one word each.
.globl smp_page_protect
smp_page_protect:
	PROTECT_OR_ELSE(smp_3)
	testl $PAGE_SOLE, %edx
	jz 1f
	WALK(%eax, %esi, %ebx)
	movl %ss:(%esi), %ebx
	testl $GIVENW, %ebx
	jz 1f
	COUNT_OF(%ebx)
	cmpl $1, %ss:(%ebx)
	jbe 1f
	popl %esi
	popl %ebx
	popl %edx
	movl $-E_SHARED, %eax
	sti
	sysexit

1:	popl %esi
	popl %ebx
	popl %edx
	movl $SYS_page_protect, %eax
	jmp smp_3

// page_unmap(envid, va), when it is not the last mapping of the page
.globl enter_page_unmap
enter_page_unmap:
	ARGUMENTS_OR_ELSE(enter_2)
9:	cmpl $0, %ss:4(%ecx)
	OR_ELSE(9b, enter_2)
	jne enter_2
	pushl %ebx
	pushl %esi
9:	movl %ss:8(%ecx), %eax
	OR_ELSE(9b, 1f)
	PAGE_OR_ELSE(%eax)
	WALK(%eax, %esi, %ebx)
	movl %ss:(%esi), %ebx
	testl %ebx, %ebx
	jz 3f
	pushl %edx
	movl %ebx, %edx
	COUNT_OF(%edx)
	cmpl $1, %ss:(%edx)
	je 4f
	movl $0, %ss:(%esi)
	FORGET(%eax, %ebx)
	decl %ss:(%edx)
	popl %edx
3:	popl %esi
	popl %ebx
	xorl %eax, %eax
	sti
	sysexit

4:	popl %edx
1:	popl %esi
	popl %ebx
	movl $SYS_page_unmap, %eax
	jmp enter_2

// page_map(srcenv, srcva, dstenv, dstva, perm), when nothing is mapped at dstva but there is a
// table for it
.globl enter_page_map
enter_page_map:
	ARGUMENTS_OR_ELSE(enter_5)
9:	cmpl $0, %ss:4(%ecx)
	OR_ELSE(9b, enter_5)
	jne enter_5
9:	cmpl $0, %ss:12(%ecx)
	OR_ELSE(9b, enter_5)
	jne enter_5
	pushl %edx
	pushl %ebx
	pushl %esi
	pushl %edi
9:	movl %ss:8(%ecx), %eax
	OR_ELSE(9b, 1f)
9:	movl %ss:16(%ecx), %edi
	OR_ELSE(9b, 1f)
9:	movl %ss:20(%ecx), %edx
	OR_ELSE(9b, 1f)
	PAGE_OR_ELSE(%eax)
	PAGE_OR_ELSE(%edi)
	PERM_OR_ELSE(%edx, 0)
	WALK(%eax, %esi, %ebx)
	movl %ss:(%esi), %eax
	RIGHTS_OR_ELSE(%eax, %edx)
	andl $(GIVENW | ~(PGSIZE - 1)), %eax
	leal PTE_P + PTE_U(%eax,%edx), %eax	// the new entry
	WALK(%edi, %esi, %ebx)
	cmpl $0, %ss:(%esi)
	jne 1f
	movl %eax, %edx
	COUNT_OF(%edx)
	cmpl $-1, %ss:(%edx)
	je 1f
	incl %ss:(%edx)
	movl %eax, %ss:(%esi)
	// Something may be in this group of the table's entries now: in its page_note().
	shrl $(PGSHIFT - 2), %ebx
	addl %ss:page_words, %ebx
	shrl $(PGSHIFT + 5), %edi
	andl $31, %edi
	btsl %edi, %ss:(%ebx)
	popl %edi
	popl %esi
	popl %ebx
	popl %edx
	xorl %eax, %eax
	sti
	sysexit

1:	popl %edi
	popl %esi
	popl %ebx
	popl %edx
	movl $SYS_page_map, %eax
	jmp enter_5
