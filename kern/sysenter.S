// The fast way into the kernel: sysenter.  Its convention is in inc/syscall.def.
//
// sysenter changes nothing but eip, esp, cs and ss, and clears IF: it saves nothing.  On a machine
// with one CPU there is no lock to take, and three short ways lead past trap():
//
// - A call that comes back to its caller saves no registers at all, because C keeps ebx, esi, edi
//   and ebp by itself.
// - A caller that does not go on at once leaves just those registers, esp and eip in its frame
//   (and Kenv.sysexit says so); if the next env to run has done the same, one takes the other's
//   place here (SWITCH).  That is what env_let_go, env_next and load() do for any two envs.
// - A yield (sys_yield) and a call with one word (ipc_call of kern/ipc.c) are done here whole.
//
// With more CPUs, and in a kernel that checks itself or is told to take no short ways, all goes
// through sysenter_slow and C.  user/shortways holds the two equal.
//
// While a program runs on the one CPU, it is the first of the CPU's queue, so that runqs points
// to its Kenv.link, from which all offsets are counted here.

#include "inc/bench.h"
#include "inc/ipc.h"
#include "inc/mmu.h"
#include "inc/syscall.h"
#include "inc/trap.h"
#include "kern/trapframe.h"

.text

// The flat user data segment serves the kernel as well, and is what the program goes on with.
#define LOAD_SEGMENTS                                                                              \
	pushl $(GD_UD | 3);                                                                        \
	popl %ds;                                                                                  \
	pushl $(GD_UD | 3);                                                                        \
	popl %es

// What was in the flags must not be there for C, nor for another program.  NT would make an iret
// a task switch.
#define RESET_FLAGS                                                                                \
	pushl $2;                                                                                  \
	popfl

// Behind an instruction that reads the program's memory: where to go on if there is none.
#define OR_ELSE(at, label)                                                                         \
	.pushsection .fixups, "a";                                                                 \
	.long at, label;                                                                           \
	.popsection

// An env whose link is `self' and whose registers are saved lets go of the CPU, and the one whose
// link is `next', saved in the same way, goes on, with edx already at its Kenv.sysexit.  Their
// states and queues are right but for what is done here.
#define SWITCH(self, next)                                                                         \
	fxsave LINK_FPU(self);                                                                     \
	fxrstor LINK_FPU(next);                                                                    \
	movl $NO_CPU, LINK_CPU(self);                                                               \
	movl LINK_ENV(next), %ecx;                                                                 \
	movl $RUNNING, ENV_STATUS(%ecx);                                                           \
	incl ENV_RUNS(%ecx);                                                                       \
	movl $0, LINK_CPU(next);                                                                   \
	movl next, runqs;                                                                          \
	leal LINK_FRAME_END(next), %ecx;                                                           \
	movl %ecx, cpus + CPU_ESP0;                                                                \
	movl LINK_CR3(next), %ecx;                                                                 \
	movl %ecx, %cr3;                                                                           \
	BENCH_COUNT(BENCH_CR3_LOADS);                                                              \
	RESET_FLAGS;                                                                               \
	RESUME(next)

#define RESUME(next)                                                                               \
	movl LINK_EAX(next), %eax;                                                                 \
	movl LINK_ESP(next), %ecx;                                                                 \
	movl LINK_ESI(next), %esi;                                                                 \
	movl LINK_EDI(next), %edi;                                                                 \
	movl LINK_EBP(next), %ebp;                                                                 \
	movl LINK_EBX(next), %ebx;                                                                 \
	sti;                                                                                       \
	sysexit

.globl sysenter_fast
sysenter_fast:
	BENCH_COUNT(BENCH_ENTRIES)
	cmpl $NSYSCALLS, %eax
	jae sysenter_whole
	jmp *%ss:sysenter_entries(,%eax,4)

.globl enter_getenvid
enter_getenvid:
	movl %ss:runqs, %eax
	movl %ss:LINK_ID(%eax), %eax
	sti
	sysexit

// Push the word at off(%ecx) of the program's stack, or 0 where there is none.
#define PUSH_ARG(off)                                                                              \
9:	pushl off(%ecx);                                                                           \
	OR_ELSE(9b, 8f);                                                                           \
	.subsection 1;                                                                             \
8:	pushl $0;                                                                                  \
	jmp 7f;                                                                                    \
	.subsection 0;                                                                             \
7:
#define PUSH_0
#define PUSH_1 PUSH_ARG(4)
#define PUSH_2 PUSH_ARG(8) PUSH_1
#define PUSH_3 PUSH_ARG(12) PUSH_2
#define PUSH_4 PUSH_ARG(16) PUSH_3
#define PUSH_5 PUSH_ARG(20) PUSH_4

// A call with n arguments.
#define ENTER(n)                                                                                   \
.globl enter_##n;                                                                                  \
enter_##n:                                                                                         \
	LOAD_SEGMENTS;                                                                             \
	cld;                                                                                       \
	cmpl $(UTOP - 32), %ecx;                                                                   \
	ja save_all;                                                                               \
	pushl %edx;                                                                                \
	pushl %ecx;                                                                                \
	pushl %eax;                                                                                \
	PUSH_##n                                                                                   \
	movl runqs, %edx;                                                                          \
	pushl LINK_ENV(%edx);                                                                      \
	call *syscall_handlers(,%eax,4);                                                           \
	addl $(4 * n + 8), %esp;	/* C may have changed its arguments */                     \
	cmpl $SPECIAL, %eax;                                                                       \
	jle special;                                                                               \
	popl %ecx;                                                                                 \
	popl %edx;                                                                                 \
	sti;                                                                                       \
	sysexit
ENTER(0)
ENTER(1)
ENTER(2)
ENTER(3)
ENTER(4)
ENTER(5)

special:
	je leave
	movl -4(%esp), %eax		// make it again: its number, which nothing has overwritten
	popl %ecx
	popl %edx
	jmp save_all

// The caller does not go on, or not for sure; the result is in its frame, or will be.  What a call
// may destroy anyway is not saved.
leave:
	movl cpus + CPU_ESP0, %eax
	subl $LINK_FRAME_END, %eax
	popl LINK_ESP(%eax)
	popl %edx
	movl %edx, LINK_EIP(%eax)
	movl %edx, LINK_SYSEXIT(%eax)
	movl %ebx, LINK_EBX(%eax)
	movl %esi, LINK_ESI(%eax)
	movl %edi, LINK_EDI(%eax)
	movl %ebp, LINK_EBP(%eax)

	movl LINK_ENV(%eax), %ecx
	cmpl $NOT_RUNNABLE, ENV_STATUS(%ecx)
	jne 1f
	movl runqs, %ebx
	testl %ebx, %ebx
	jz 1f
	movl LINK_SYSEXIT(%ebx), %edx
	testl %edx, %edx
	jz 1f
	cmpb $0, sysenter_dead
	jne 1f
	movl %fs, %esi
	movl %gs, %edi
	orl %edi, %esi
	jnz 1f
	decl runqs + RUNQ_WAITING
	decl env_nwaiting
	jmp switch

1:	RESET_FLAGS
	xorl %ebp, %ebp
	call sysenter_leave		// does not return

// From eax to ebx.
.p2align 4
switch:
	SWITCH(%eax, %ebx)

// void sysexit_pop(struct Link *link): let the env whose link that is, and which has come by
// sysenter, go on.
.globl sysexit_pop
sysexit_pop:
	movl 4(%esp), %ebx
	LOAD_SEGMENTS
	RESET_FLAGS
	movl LINK_SYSEXIT(%ebx), %edx
	RESUME(%ebx)

// sys_yield: the first of the queue becomes the last.  With nobody else, it takes its own place.
.globl enter_yield
enter_yield:
	LOAD_SEGMENTS
	movl runqs, %eax
	movl %ebx, LINK_EBX(%eax)
	movl %esi, LINK_ESI(%eax)
	movl %edi, LINK_EDI(%eax)
	movl %edx, LINK_SYSEXIT(%eax)
	movl LINK_NEXT(%eax), %ebx
	movl LINK_SYSEXIT(%ebx), %edx
	testl %edx, %edx
	jz 1f
	movl %fs, %esi
	movl %gs, %edi
	orl %edi, %esi
	jnz 1f
	movl %ecx, LINK_ESP(%eax)
	movl %ebp, LINK_EBP(%eax)
	movl $0, LINK_EAX(%eax)
	movl LINK_ENV(%eax), %ecx
	movl $RUNNABLE, ENV_STATUS(%ecx)
	SWITCH(%eax, %ebx)

1:	movl LINK_EBX(%eax), %ebx
	movl LINK_ESI(%eax), %esi
	movl LINK_EDI(%eax), %edi
	movl LINK_SYSEXIT(%eax), %edx
	movl $SYS_yield, %eax
	jmp enter_0

// sys_ipc_call and, without pages, sys_ipc_call_value, when the receiver waits and the caller then
// waits for the answer: one takes the other's place in the queue as well.
// eax is the caller's link, ebx the receiver's, esi the value, ebp how.
.macro IPC_CALL name, number, args, page
.globl \name
\name:
	cmpl $(UTOP - 32), %ecx
	ja \args
	LOAD_SEGMENTS
	movl runqs, %eax
	movl %ebx, LINK_EBX(%eax)
	movl %esi, LINK_ESI(%eax)
	movl %edi, LINK_EDI(%eax)
	movl %ebp, LINK_EBP(%eax)
	movl %edx, LINK_SYSEXIT(%eax)
	movl %fs, %esi
	movl %gs, %edi
	orl %edi, %esi
	jnz 1f
9:	movl 4(%ecx), %edi		// envid
	OR_ELSE(9b, 1f)
9:	movl 8(%ecx), %esi		// value
	OR_ELSE(9b, 1f)
9:	movl (12 + 4 * \page)(%ecx), %ebp // how
	OR_ELSE(9b, 1f)
	movl %edi, %ebx
	andl $(NENV - 1), %ebx
	shll $KENV_SHIFT, %ebx
	addl $(kenvs + KENV_LINK), %ebx
	cmpl %edi, LINK_ID(%ebx)
	jne 1f
	cmpl $HOLDS_RECV, LINK_HOLD(%ebx)
	jne 1f
	cmpl $0, LINK_TIMER(%ebx)	// a time limit, which would have to be cancelled
	jne 1f
	movl LINK_SYSEXIT(%ebx), %edx
	testl %edx, %edx
	jz 1f
	cmpl $0, LINK_SENDERS(%eax)
	jne 1f
	cmpl $0, LINK_ONLY(%ebx)
	jne 4f
2:
	.if \page
	testl $~(IPC_ONLY | (PGSIZE - 1)), %ebp
	jnz 1f
9:	movl 20(%ecx), %edi		// dstva
	OR_ELSE(9b, 1f)
	testl $(PGSIZE - 1), %edi
	jnz 1f
9:	cmpl $UTOP, 12(%ecx)		// srcva
	OR_ELSE(9b, 1f)
	jb 7f
	pushl %edi
	pushl $0			// the page's rights, there being none
8:	andl $IPC_ONLY, %ebp
	.else
	testl %ebp, %ebp
	.endif
	jnz 5f
3:	movl %ebp, LINK_ONLY(%eax)
	// The message.
	movl LINK_ENV(%ebx), %edi
	movl LINK_ID(%eax), %ebp
	movl %esi, ENV_VALUE(%edi)
	movl %ebp, ENV_FROM(%edi)
	.if \page
	popl ENV_PERM(%edi)
	.else
	movl $0, ENV_PERM(%edi)
	.endif
	movl $0, ENV_RECVING(%edi)
	movl $0, LINK_HOLD(%ebx)
	// The caller waits.
	movl LINK_ENV(%eax), %edi
	movl $0, LINK_EAX(%eax)
	movl %ecx, LINK_ESP(%eax)
	movl $HOLDS_RECV, LINK_HOLD(%eax)
	movl $NOT_RUNNABLE, ENV_STATUS(%edi)
	movl $1, ENV_RECVING(%edi)
	.if \page
	popl ENV_DSTVA(%edi)
	.else
	movl $UTOP, ENV_DSTVA(%edi)
	.endif
	// The queue.
	movl LINK_NEXT(%eax), %esi
	cmpl %eax, %esi
	jne 6f
	movl %ebx, LINK_NEXT(%ebx)
	movl %ebx, LINK_PREV(%ebx)
	SWITCH(%eax, %ebx)

4:	movl LINK_ID(%eax), %edi
	cmpl %edi, LINK_ONLY(%ebx)
	je 2b
1:	movl LINK_EBX(%eax), %ebx
	movl LINK_ESI(%eax), %esi
	movl LINK_EDI(%eax), %edi
	movl LINK_EBP(%eax), %ebp
	movl LINK_SYSEXIT(%eax), %edx
	movl $\number, %eax
	jmp \args

5:	.if !\page
	cmpl $IPC_ONLY, %ebp
	jne 1b
	.endif
	movl LINK_ID(%ebx), %ebp
	movb $1, LINK_AWAITED(%ebx)
	jmp 3b

6:	movl LINK_PREV(%eax), %edi
	movl %esi, LINK_NEXT(%ebx)
	movl %edi, LINK_PREV(%ebx)
	movl %ebx, LINK_PREV(%esi)
	movl %ebx, LINK_NEXT(%edi)
	jmp switch

	.if \page
7:	cld
	pushl %edi
	pushl %eax
	pushl %ecx
	pushl %edx
	pushl %ebp
9:	pushl 12(%ecx)
	OR_ELSE(9b, 10f)
	pushl LINK_ENV(%ebx)
	pushl LINK_ENV(%eax)
	call ipc_pass_page
	addl $16, %esp
	popl %edx
	popl %ecx
	movl %eax, %edi
	popl %eax
	testl %edi, %edi
	js 11f
	pushl %edi
	jmp 8b
10:	addl $16, %esp
	popl %eax
11:	popl %edi
	jmp 1b
	.endif
.endm

	IPC_CALL enter_ipc_call_value, SYS_ipc_call_value, enter_3, 0
	IPC_CALL enter_ipc_call, SYS_ipc_call, enter_5, 1

// Save everything, for C to look at.
.globl sysenter_slow
sysenter_slow:
	BENCH_COUNT(BENCH_ENTRIES)
	LOAD_SEGMENTS
	cmpl $SYS_getenvid, %eax
	je slow_getenvid
save_all:
	pushl $sysenter_trap
save:
	pushl %eax
	movl CURRENT_CPU + 8(%esp), %eax
	movl CPU_ESP0(%eax), %eax
	subl $LINK_FRAME_END, %eax
	popl LINK_EAX(%eax)
	movl %ebx, LINK_EBX(%eax)
	movl %ecx, LINK_ECX(%eax)
	movl %edx, LINK_EDX(%eax)
	movl %esi, LINK_ESI(%eax)
	movl %edi, LINK_EDI(%eax)
	movl %ebp, LINK_EBP(%eax)
	movl %ecx, LINK_ESP(%eax)
	movl %edx, LINK_EIP(%eax)
	movl $0, LINK_SYSEXIT(%eax)
	popl %eax
	RESET_FLAGS
	xorl %ebp, %ebp
	call *%eax			// does not return

// A call that looks at the caller's whole frame.
.globl sysenter_whole
sysenter_whole:
	LOAD_SEGMENTS
	jmp save_all

// An env's own id takes no lock.
slow_getenvid:
	movl CURRENT_CPU(%esp), %eax
	movl CPU_ESP0(%eax), %eax
	movl LINK_ID - LINK_FRAME_END(%eax), %eax
	sti
	sysexit

// A program that is stepped through has sent the trap for it here: kern/trap.c goes on here then.
.globl sysenter_stepped
sysenter_stepped:
	LOAD_SEGMENTS
	pushl $sysenter_trap_stepped
	jmp save
