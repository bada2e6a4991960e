// Messages, on a machine with one CPU, when nothing hinders them: sys_ipc_recv, sys_ipc_send,
// sys_ipc_call and sys_ipc_call_value.  All else, and every error, goes the way of all calls, to
// kern/ipc.c, which does the same.  user/shortways holds the two equal.
//
// The link of an env that leaves a queue is not cleared here.

#include "inc/ipc.h"
#include "kern/sysenter.h"

.text

// The caller's link is in eax; save the registers that are used here.
#define SAVE                                                                                       \
	movl runqs, %eax;                                                                          \
	movl %ebx, LINK_EBX(%eax);                                                                 \
	movl %esi, LINK_ESI(%eax);                                                                 \
	movl %edi, LINK_EDI(%eax);                                                                 \
	movl %edx, LINK_SYSEXIT(%eax)

#define RESTORE                                                                                    \
	movl LINK_EBX(%eax), %ebx;                                                                 \
	movl LINK_ESI(%eax), %esi;                                                                 \
	movl LINK_EDI(%eax), %edi;                                                                 \
	movl LINK_SYSEXIT(%eax), %edx

#define RETURN_0                                                                                   \
	RESTORE;                                                                                   \
	xorl %eax, %eax;                                                                           \
	sti;                                                                                       \
	sysexit

// next = the link of who comes after the caller, with edx at its Kenv.sysexit; or else, if the
// caller cannot simply make room for another one, go on at 1f.
#define NEXT_OR_ELSE(next, scratch)                                                                \
	cmpb $0, sysenter_dead;                                                                    \
	jne 1f;                                                                                    \
	FS_GS_OR_ELSE(next, scratch);                                                              \
	movl LINK_NEXT(%eax), next;                                                                \
	cmpl %eax, next;                                                                           \
	je 1f;                                                                                     \
	movl LINK_SYSEXIT(next), %edx;                                                             \
	testl %edx, %edx;                                                                          \
	jz 1f

// ebx = the link of the env with the id in edi; or else go on at 1f.
#define RECEIVER_OR_ELSE                                                                           \
	movl %edi, %ebx;                                                                           \
	andl $(NENV - 1), %ebx;                                                                    \
	shll $KENV_SHIFT, %ebx;                                                                    \
	addl $(kenvs + KENV_LINK), %ebx;                                                           \
	cmpl %edi, LINK_ID(%ebx);                                                                  \
	jne 1f

// The caller leaves its CPU's queue to next.
#define LEAVE_QUEUE(next, scratch)                                                                 \
	movl LINK_PREV(%eax), scratch;                                                             \
	movl next, LINK_NEXT(scratch);                                                             \
	movl scratch, LINK_PREV(next);                                                             \
	decl runqs + RUNQ_WAITING;                                                                 \
	decl env_nwaiting;                                                                         \
	decl env_nactive

#define ONE_MORE_WAITS                                                                             \
	incl runqs + RUNQ_WAITING;                                                                 \
	incl env_nwaiting;                                                                         \
	incl env_nactive

// ipc_recv(dstva)
.globl enter_ipc_recv
enter_ipc_recv:
	ARGUMENTS_OR_ELSE(enter_1)
	LOAD_SEGMENTS
	SAVE
9:	movl 4(%ecx), %edi
	OR_ELSE(9b, 1f)
	testl $(PGSIZE - 1), %edi
	jnz 1f
	movl LINK_SENDERS(%eax), %ebx
	testl %ebx, %ebx
	jnz 2f

	// Nobody waits: make room for another env.
	NEXT_OR_ELSE(%ebx, %esi)
	movl %ecx, LINK_ESP(%eax)
	movl %ebp, LINK_EBP(%eax)
	movl $0, LINK_EAX(%eax)
	movl $0, LINK_ONLY(%eax)
	movl $HOLDS_RECV, LINK_HOLD(%eax)
	movl LINK_ENV(%eax), %ecx
	movl $NOT_RUNNABLE, ENV_STATUS(%ecx)
	movl $1, ENV_RECVING(%ecx)
	movl %edi, ENV_DSTVA(%ecx)
	LEAVE_QUEUE(%ebx, %esi)
	SWITCH(%eax, %ebx)

	// Take the message of the first who waits, if it is no more than a word, and let it run.  One
	// that has ended holds nothing, and goes the long way.
2:	cmpl $UTOP, LINK_OUT_SRCVA(%ebx)
	jb 1f
	cmpb $0, LINK_OUT_CALL(%ebx)
	jne 1f
	cmpl $HOLDS_SEND, LINK_HOLD(%ebx)
	jne 1f
	cmpl $0, LINK_TIMER(%ebx)
	jne 1f
	movl LINK_ENV(%eax), %esi
	movl %edi, ENV_DSTVA(%esi)
	movl LINK_OUT_VALUE(%ebx), %edx
	movl %edx, ENV_VALUE(%esi)
	movl LINK_ID(%ebx), %edx
	movl %edx, ENV_FROM(%esi)
	movl $0, ENV_PERM(%esi)
	movl $0, LINK_ONLY(%eax)
	movl LINK_NEXT(%ebx), %edx
	cmpl %ebx, %edx
	je 4f
	movl LINK_PREV(%ebx), %esi
	movl %esi, LINK_PREV(%edx)
	movl %edx, LINK_NEXT(%esi)
3:	movl %edx, LINK_SENDERS(%eax)
	movl $0, LINK_OUT_TO(%ebx)
	movl $0, LINK_HOLD(%ebx)
	movl LINK_ENV(%ebx), %esi
	movl $RUNNABLE, ENV_STATUS(%esi)
	// Behind all others.
	movl LINK_PREV(%eax), %edx
	movl %eax, LINK_NEXT(%ebx)
	movl %edx, LINK_PREV(%ebx)
	movl %ebx, LINK_NEXT(%edx)
	movl %ebx, LINK_PREV(%eax)
	ONE_MORE_WAITS
	RETURN_0

4:	xorl %edx, %edx
	jmp 3b

1:	RESTORE
	movl $SYS_ipc_recv, %eax
	jmp enter_1

// ipc_send(envid, value, srcva, how), of a word for as long as it takes
.globl enter_ipc_send
enter_ipc_send:
	ARGUMENTS_OR_ELSE(enter_4)
	LOAD_SEGMENTS
	SAVE
	movl %ebp, LINK_EBP(%eax)
9:	movl 4(%ecx), %edi
	OR_ELSE(9b, 1f)
9:	movl 8(%ecx), %esi
	OR_ELSE(9b, 1f)
9:	cmpl $UTOP, 12(%ecx)
	OR_ELSE(9b, 1f)
	jb 1f
9:	testl $~(PGSIZE - 1), 16(%ecx)
	OR_ELSE(9b, 1f)
	jnz 1f
	RECEIVER_OR_ELSE
	cmpl $HOLDS_RECV, LINK_HOLD(%ebx)
	jne 3f
	cmpl $0, LINK_TIMER(%ebx)
	jne 1f
	movl LINK_ONLY(%ebx), %edx
	testl %edx, %edx
	jz 2f
	cmpl LINK_ID(%eax), %edx
	jne 1f

	// It waits for this: it runs next.
2:	movl LINK_ENV(%ebx), %edi
	movl LINK_ID(%eax), %edx
	movl %esi, ENV_VALUE(%edi)
	movl %edx, ENV_FROM(%edi)
	movl $0, ENV_PERM(%edi)
	movl $0, ENV_RECVING(%edi)
	movl $RUNNABLE, ENV_STATUS(%edi)
	movl $0, LINK_HOLD(%ebx)
	movl LINK_NEXT(%eax), %edx
	movl %edx, LINK_NEXT(%ebx)
	movl %eax, LINK_PREV(%ebx)
	movl %ebx, LINK_PREV(%edx)
	movl %ebx, LINK_NEXT(%eax)
	ONE_MORE_WAITS
	RETURN_0

	// It does not: queue behind others who wait to send to it, and make room for another env.
3:	movl LINK_ENV(%ebx), %edi
	cmpl $RUNNABLE, ENV_STATUS(%edi)
	jb 1f
	cmpl $0, ENV_RECVING(%edi)
	jne 1f
	cmpl %eax, %ebx
	je 1f
	NEXT_OR_ELSE(%ebp, %edx)
	movl %edi, LINK_OUT_TO(%eax)
	movl %esi, LINK_OUT_VALUE(%eax)
	movl $UTOP, LINK_OUT_SRCVA(%eax)
	movl $0, LINK_OUT_HOW(%eax)
	movb $0, LINK_OUT_CALL(%eax)
	movl %ecx, LINK_ESP(%eax)
	movl $0, LINK_EAX(%eax)
	movl $HOLDS_SEND, LINK_HOLD(%eax)
	movl LINK_ENV(%eax), %ecx
	movl $NOT_RUNNABLE, ENV_STATUS(%ecx)
	LEAVE_QUEUE(%ebp, %esi)
	movl LINK_SENDERS(%ebx), %esi
	testl %esi, %esi
	jz 4f
	movl LINK_PREV(%esi), %edi
	movl %esi, LINK_NEXT(%eax)
	movl %edi, LINK_PREV(%eax)
	movl %eax, LINK_NEXT(%edi)
	movl %eax, LINK_PREV(%esi)
	movl %ebp, %ebx
	jmp sysenter_switch
4:	movl %eax, LINK_NEXT(%eax)
	movl %eax, LINK_PREV(%eax)
	movl %eax, LINK_SENDERS(%ebx)
	movl %ebp, %ebx
	jmp sysenter_switch

1:	movl LINK_EBP(%eax), %ebp
	RESTORE
	movl $SYS_ipc_send, %eax
	jmp enter_4

// sys_ipc_call and, without pages, sys_ipc_call_value, when the receiver waits and the caller then
// waits for the answer: one takes the other's place in the queue as well.
// eax is the caller's link, ebx the receiver's, esi the value, ebp how.
.macro IPC_CALL name, number, args, page
.globl \name
\name:
	ARGUMENTS_OR_ELSE(\args)
	LOAD_SEGMENTS
	movl runqs, %eax
	movl %ebx, LINK_EBX(%eax)
	movl %esi, LINK_ESI(%eax)
	movl %edi, LINK_EDI(%eax)
	movl %ebp, LINK_EBP(%eax)
	movl %edx, LINK_SYSEXIT(%eax)
	FS_GS_OR_ELSE(%esi, %edi)
9:	movl 4(%ecx), %edi		// envid
	OR_ELSE(9b, 1f)
9:	movl 8(%ecx), %esi		// value
	OR_ELSE(9b, 1f)
9:	movl (12 + 4 * \page)(%ecx), %ebp // how
	OR_ELSE(9b, 1f)
	RECEIVER_OR_ELSE
	cmpl $HOLDS_RECV, LINK_HOLD(%ebx)
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
	testl $~(IPC_ONLY | IPC_NOWAIT | (PGSIZE - 1)), %ebp // who waits already is not waited for
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
	jmp sysenter_switch

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
	addl $16, %esp			// and ebp
	testl %eax, %eax
	js 11f
	popl %edx
	popl %ecx
	xchgl %eax, (%esp)		// the page's rights stay
	jmp 8b
10:	addl $4, %esp
11:	popl %edx
	popl %ecx
	popl %eax
	popl %edi
	jmp 1b
	.endif
.endm

	IPC_CALL enter_ipc_call_value, SYS_ipc_call_value, enter_3, 0
	IPC_CALL enter_ipc_call, SYS_ipc_call, enter_5, 1

