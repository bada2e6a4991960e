// The fast way into the kernel: sysenter.  Its convention is in inc/syscall.def.
//
// sysenter changes nothing but eip, esp, cs and ss, and clears IF: it saves nothing.  On a
// machine with one CPU, a call that comes back to its caller does not save registers at all,
// because C keeps ebx, esi, edi and ebp by itself.  Only when the caller does not go on at once
// is its frame filled in, and it is resumed like any other env.  With more CPUs, and for calls
// that look at the caller's frame, all goes through sysenter_slow, where C takes the lock.

#include "inc/bench.h"
#include "inc/mmu.h"
#include "inc/syscall.h"
#include "inc/trap.h"
#include "kern/trapframe.h"

.text

// For inc/bench.h.  ds is still the program's.
#if BENCH
#define COUNT_ENTRY lock incl %ss:bench_counts + BENCH_ENTRIES
#else
#define COUNT_ENTRY
#endif

// The flat user data segment serves the kernel as well, and is what the program goes on with.
#define LOAD_SEGMENTS                                                                              \
	pushl $(GD_UD | 3);                                                                        \
	popl %ds;                                                                                  \
	pushl $(GD_UD | 3);                                                                        \
	popl %es;                                                                                  \
	cld

// Push the word at off(%ecx) of the program's stack, or 0 where there is none.
#define PUSH_ARG(off)                                                                              \
9:	pushl off(%ecx);                                                                           \
	.pushsection .fixups, "a";                                                                 \
	.long 9b, 8f;                                                                              \
	.popsection;                                                                               \
	.subsection 1;                                                                             \
8:	pushl $0;                                                                                  \
	jmp 7f;                                                                                    \
	.subsection 0;                                                                             \
7:

// An env's own id takes neither memory nor lock.
#define GETENVID                                                                                   \
	cmpl $SYS_getenvid, %eax;                                                                  \
	jne 1f;                                                                                    \
	movl CURRENT_ID(%esp), %eax;                                                               \
	sti;                                                                                       \
	sysexit;                                                                                   \
1:

.globl sysenter_fast
sysenter_fast:
	COUNT_ENTRY
	GETENVID
	LOAD_SEGMENTS
	cmpl $NSYSCALLS, %eax
	jae slow
	cmpl $(UTOP - 32), %ecx
	ja slow
	pushl %edx
	pushl %ecx
	pushl %eax
	PUSH_ARG(20)
	PUSH_ARG(16)
	PUSH_ARG(12)
	PUSH_ARG(8)
	PUSH_ARG(4)
	pushl CURRENT_ENV + 32(%esp)
	call *syscall_fast(,%eax,4)
	addl $28, %esp			// C may have changed its arguments
	movl CURRENT_ENV + 8(%esp), %edx
	cmpl $SPECIAL, %eax
	jle again
	cmpl $RUNNING, ENV_STATUS(%edx)
	jne leave
	popl %ecx
	popl %edx
	sti
	sysexit

// The call does not want to be made here: in the place of its handler.
.globl sysenter_refuse
sysenter_refuse:
	addl $32, %esp
again:
	movl -4(%esp), %eax		// its number, which nothing has overwritten
	popl %ecx
	popl %edx
	jmp slow

// What was in the flags must not be there when C goes back by iret: NT would make that a task
// switch.
#define RESET_FLAGS                                                                                \
	pushl $2;                                                                                  \
	popfl

// The caller does not go on now; eax is the result.  What a call may destroy anyway is not saved.
leave:
	movl CURRENT_KENV + 8(%esp), %edx
	popl KENV_ESP(%edx)
	popl KENV_EIP(%edx)
	movl %eax, KENV_EAX(%edx)
	movl %ebx, KENV_EBX(%edx)
	movl %esi, KENV_ESI(%edx)
	movl %edi, KENV_EDI(%edx)
	movl %ebp, KENV_EBP(%edx)
	RESET_FLAGS
	xorl %ebp, %ebp
	call sysenter_leave		// does not return

// Save everything, for C to look at.
.globl sysenter_slow
sysenter_slow:
	COUNT_ENTRY
	GETENVID
	LOAD_SEGMENTS
slow:
	pushl $sysenter_trap
save:
	pushl %ebp
	movl CURRENT_KENV + 8(%esp), %ebp
	popl KENV_EBP(%ebp)
	movl %eax, KENV_EAX(%ebp)
	movl %ebx, KENV_EBX(%ebp)
	movl %ecx, KENV_ECX(%ebp)
	movl %edx, KENV_EDX(%ebp)
	movl %esi, KENV_ESI(%ebp)
	movl %edi, KENV_EDI(%ebp)
	movl %ecx, KENV_ESP(%ebp)
	movl %edx, KENV_EIP(%ebp)
	popl %eax
	RESET_FLAGS
	xorl %ebp, %ebp
	call *%eax			// does not return

// A program that is stepped through has sent the trap for it here: kern/trap.c goes on here then.
.globl sysenter_stepped
sysenter_stepped:
	LOAD_SEGMENTS
	pushl $sysenter_trap_stepped
	jmp save
