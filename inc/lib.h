// What programs include: the whole of the library operating system.
// A program is a function umain(argc, argv); when it returns, the env exits.

#ifndef FAULTLINE_INC_LIB_H
#define FAULTLINE_INC_LIB_H

#include "inc/assert.h"
#include "inc/env.h"
#include "inc/error.h"
#include "inc/memlayout.h"
#include "inc/stdio.h"
#include "inc/string.h"
#include "inc/syscall.h"
#include "inc/trap.h"
#include "inc/types.h"
#include "inc/x86.h"

// The program.
void umain(int argc, char **argv);

// Its name, as panic messages show it.
extern const char *binaryname;

// This env's own entry of envs[].  Stands on the env's own stack (UTHISENV), and is right in
// each env from its start; fork() and sfork() set it for the child.
extern const volatile struct Env *thisenv;

// The kernel's tables, to be read only: envs[ENVX(id)], pages[PGNUM(pte)].
extern const volatile struct Env envs[NENV];
extern const volatile struct PageInfo pages[];

// This address space's own page tables: uvpt[PGNUM(va)] is the entry that maps va, and may only
// be read where uvpd[PDX(va)] has PTE_P and va is below UTOP.
extern const volatile pte_t uvpt[];
extern const volatile pde_t uvpd[];

// End this env.  The first never returns either.
void exit(void) __attribute__((noreturn));

// The system calls: sys_NAME(), with the contracts of inc/syscall.def.
#define SYSCALL_ARGS_0() void
#define SYSCALL_ARGS_1(t1, a1) t1 a1
#define SYSCALL_ARGS_2(t1, a1, t2, a2) t1 a1, t2 a2
#define SYSCALL_ARGS_3(t1, a1, t2, a2, t3, a3) t1 a1, t2 a2, t3 a3
#define SYSCALL_ARGS_4(t1, a1, t2, a2, t3, a3, t4, a4) t1 a1, t2 a2, t3 a3, t4 a4
#define SYSCALL_ARGS_5(t1, a1, t2, a2, t3, a3, t4, a4, t5, a5) t1 a1, t2 a2, t3 a3, t4 a4, t5 a5
#define SYSCALL(result, name, n, ...) result sys_##name(SYSCALL_ARGS_##n(__VA_ARGS__));
#define SYSCALL_INLINE(result, name, ...)
#include "inc/syscall.def"
#undef SYSCALL_INLINE
#undef SYSCALL

static inline __attribute__((always_inline)) envid_t
sys_exofork(void)
{
	return syscall_int(SYS_exofork, 0, 0, 0, 0, 0);
}

// These are inline because a call of a stub would cost them much.
static inline void
sys_yield(void)
{
	int number = SYS_yield;

	asm volatile("movl %%esp, %%ecx; movl $1f, %%edx; sysenter; 1:"
		     : "+a"(number)
		     :
		     : "ecx", "edx", "memory", "cc");
}

// The arguments of a call stand behind a word for a return address, down to which esp comes back.
#define ENTER_3 "leal -4(%%esp), %%ecx; movl $1f, %%edx; sysenter; 1: addl $16, %%esp"

static inline int
sys_page_protect(envid_t envid, void *va, int perm)
{
	int r = SYS_page_protect;

	// Both come from other registers anyway, and these two the call destroys.
	asm volatile("pushl %2; pushl %1; pushl %3; " ENTER_3
		     : "+a"(r), "+c"(va), "+d"(perm)
		     : "ri"(envid)
		     : "memory", "cc");
	return r;
}

static inline int
sys_ipc_call_value(envid_t envid, uint32_t value, uint32_t how)
{
	int r = SYS_ipc_call_value;

	asm volatile("pushl %3; pushl %2; pushl %1; " ENTER_3
		     : "+a"(r)
		     : "ri"(envid), "ri"(value), "ri"(how)
		     : "ecx", "edx", "memory", "cc");
	return r;
}
#undef ENTER_3

// Call handler for each page fault of this env from now on, on the exception stack, which the
// first call maps.  When handler returns, the program goes on where it was, and touches the
// page again.  Faults inside the handler reach it too.
// Panics when there is no memory for the exception stack.
void set_pgfault_handler(void (*handler)(struct UTrapframe *utf));

// Call handler for each exception of this env with this vector (T_DIVIDE and the others of EXCEPTIONS in
// inc/trap.h) from now on, on the exception stack; NULL: none any more, and the exception is the end
// again.  When handler returns, the program goes on with what is in *utf then: an instruction that
// faulted runs again, unless the handler has moved utf_eip.  Exceptions inside the handler reach it too.
// A fork()ed or sfork()ed child has the same handlers; one that shares memory, shares changes of them
// as far as it had a handler for that vector.
//	-E_INVAL	no program can be told of trapno
//	-E_NO_MEM	no page is left for the exception stack
int set_exception_handler(unsigned trapno, void (*handler)(struct UTrapframe *utf));

// From a handler: go on with exactly these registers.  As a return from it does, but by a system
// call, and so a single step (FL_TF in utf_eflags) is one instruction of the program and none of the
// way back.  set_exception_handler()'s handlers may as well return.
void utf_resume(struct UTrapframe *utf) __attribute__((noreturn));

// A child with a copy-on-write copy of this env's memory and registers.  Pages with PTE_SHARE
// stay shared, read-only pages stay read-only.  What is shared with others since sfork() is copied at
// once, page by page while they may write, and stays shared with them.
// Returns the child's id, 0 in the child, or a negative error, and then there is no child.
envid_t fork(void);

// The same, but all memory is shared except the normal stack, which is copy-on-write, and the
// exception stack, which is new.  Pages mapped afterwards are not shared.
envid_t sfork(void);

// What this env's writes to copy-on-write pages have come to: pages that were copied, as others had
// them too, and pages that were taken as they are, as nobody else had them any more.  A child begins
// with none of either.
struct Cowstat {
	uint32_t copied, taken;
};
struct Cowstat cowstat(void);

// Send value, and the page at pg unless it is NULL, with the rights perm.  Waits until the
// receiver takes it.  Panics when there can be no such receiver or page.
void ipc_send(envid_t to, uint32_t value, void *pg, int perm);

// Wait for a message, with a page at pg unless that is NULL.  Stores the sender at *from and
// the page's rights (0: no page came) at *perm, unless NULL.
// Returns the value, or a negative error, and then both are 0.
int32_t ipc_recv(envid_t *from, void *pg, int *perm);

// The first env of this type, or 0 when there is none.
envid_t ipc_find_env(enum EnvType type);

#endif
