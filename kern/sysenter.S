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
// - A yield is done here whole, as most messages are in kern/sysipc.S, and calls on one page of the
//   caller's own in kern/syspage.S.
//
// With more CPUs, only the first of them is open, and takes the lock.  In a kernel that checks itself
// or is told to take no short ways, all goes through sysenter_slow and C.  user/shortways holds the
// two equal.
//
// While a program runs on the one CPU, it is the first of the CPU's queue, so that runqs points
// to its Kenv.link, from which all offsets are counted here.

#include "kern/sysenter.h"

.text

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

// What comes back at the end, the call's number, and its n arguments, on the kernel's stack.
#define FETCH(n)                                                                                   \
	LOAD_SEGMENTS;                                                                             \
	cld;                                                                                       \
	ARGUMENTS_OR_ELSE(save_all);                                                               \
	pushl %edx;                                                                                \
	pushl %ecx;                                                                                \
	pushl %eax;                                                                                \
	PUSH_##n

// A call with n arguments.
#define ENTER(n)                                                                                   \
.globl enter_##n;                                                                                  \
enter_##n:                                                                                         \
	FETCH(n)                                                                                   \
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

// The same with more CPUs: the lock is taken once the arguments are there.
#define ENTER_SMP(n)                                                                               \
.globl smp_##n;                                                                                    \
smp_##n:                                                                                           \
	FETCH(n)                                                                                   \
	movl CURRENT_CPU + 4 * n + 12(%esp), %edx;                                                 \
	movl CPU_ESP0(%edx), %edx;                                                                 \
	pushl LINK_ENV - LINK_FRAME_END(%edx);                                                     \
	call lock_kernel;                                                                          \
	movl (%esp), %edx;                                                                         \
	cmpl $RUNNING, ENV_STATUS(%edx);	/* or else it has nothing to say any more */       \
	jne 1f;                                                                                    \
	movl CURRENT_CPU + 4 * n + 16(%esp), %edx;                                                 \
	movl CPU_ESP0(%edx), %edx;                                                                 \
	cmpb $0, LINK_HAS_NEXT_FRAME - LINK_FRAME_END(%edx);                                       \
	jne 1f;                                                                                    \
	movl 4 * n + 4(%esp), %eax;                                                                \
	call *syscall_handlers(,%eax,4);                                                           \
	cmpl $SPECIAL, %eax;                                                                       \
	jle 2f;                                                                                    \
	movl %eax, (%esp);                                                                         \
	call unlock_kernel;                                                                        \
	movl (%esp), %eax;                                                                         \
	addl $(4 * n + 8), %esp;                                                                   \
	popl %ecx;                                                                                 \
	popl %edx;                                                                                 \
	sti;                                                                                       \
	sysexit;                                                                                   \
1:	addl $(4 * n + 4), %esp;                                                                   \
	jmp smp_again;                                                                             \
2:	leal 4 * n + 4(%esp), %esp;	/* the flags stay */                                       \
	jne smp_again;                                                                             \
	addl $4, %esp;                                                                             \
	movl CURRENT_CPU + 8(%esp), %eax;                                                          \
	movl CPU_ESP0(%eax), %eax;                                                                 \
	jmp leave_smp
ENTER_SMP(0)
ENTER_SMP(1)
ENTER_SMP(2)
ENTER_SMP(3)
ENTER_SMP(4)
ENTER_SMP(5)

smp_again:
	call unlock_kernel
	popl %eax
	popl %ecx
	popl %edx
	jmp save_all

.globl sysenter_smp
sysenter_smp:
	BENCH_COUNT(BENCH_ENTRIES)
	cmpl $NSYSCALLS, %eax
	jae sysenter_whole
	jmp *%ss:sysenter_smp_entries(,%eax,4)

special:
	je leave
	movl -4(%esp), %eax		// make it again: its number, which nothing has overwritten
	popl %ecx
	popl %edx
	jmp save_all

// What a call keeps, from the stack and the registers to the frame whose link is eax.
#define SAVE_KEPT                                                                                  \
	popl LINK_ESP(%eax);                                                                       \
	popl %edx;                                                                                 \
	movl %edx, LINK_EIP(%eax);                                                                 \
	movl %edx, LINK_SYSEXIT(%eax);                                                             \
	movl %ebx, LINK_EBX(%eax);                                                                 \
	movl %esi, LINK_ESI(%eax);                                                                 \
	movl %edi, LINK_EDI(%eax);                                                                 \
	movl %ebp, LINK_EBP(%eax)

// The caller does not go on, or not for sure; the result is in its frame, or will be.  What a call
// may destroy anyway is not saved.
leave:
	movl cpus + CPU_ESP0, %eax
	subl $LINK_FRAME_END, %eax
	SAVE_KEPT

	movl LINK_ENV(%eax), %ecx
	cmpl $NOT_RUNNABLE, ENV_STATUS(%ecx)
	jne 1f
	cmpl $0, LINK_TIMER(%eax)
	jne 1f
	movl runqs, %ebx
	testl %ebx, %ebx
	jz 1f
	movl LINK_SYSEXIT(%ebx), %edx
	testl %edx, %edx
	jz 1f
	cmpb $0, sysenter_dead
	jne 1f
	FS_GS_OR_ELSE(%esi, %edi)
	decl runqs + RUNQ_WAITING
	decl env_nwaiting
	jmp sysenter_switch

1:	RESET_FLAGS
	xorl %ebp, %ebp
	call sysenter_leave		// does not return

// The same with more CPUs, eax being this one's esp0.
leave_smp:
	subl $LINK_FRAME_END, %eax
	SAVE_KEPT
	jmp 1b

// From eax to ebx.
.p2align 4
.globl sysenter_switch
sysenter_switch:
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
	FS_GS_OR_ELSE(%esi, %edi)
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

// Save everything, for C to look at.
.globl sysenter_slow
sysenter_slow:
	BENCH_COUNT(BENCH_ENTRIES)
	LOAD_SEGMENTS
	cmpl $SYS_getenvid, %eax
	je smp_getenvid
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
.globl smp_getenvid
smp_getenvid:
	movl CURRENT_CPU(%esp), %eax
	movl %ss:CPU_ESP0(%eax), %eax
	movl %ss:LINK_ID - LINK_FRAME_END(%eax), %eax
	sti
	sysexit

// A program that is stepped through has sent the trap for it here: kern/trap.c goes on here then.
.globl sysenter_stepped
sysenter_stepped:
	LOAD_SEGMENTS
	pushl $sysenter_trap_stepped
	jmp save
