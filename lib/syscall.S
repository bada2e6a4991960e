// The system calls' stubs, expanded from inc/syscall.def: calls by sysenter, which find their
// arguments where C has put them.

#include "inc/syscall.h"

.text

#define SYSCALL_INLINE(result, name, ...)
#define SYSCALL(result, name, ...)                                                                 \
	.globl sys_##name;                                                                         \
sys_##name:                                                                                        \
	movl $SYS_##name, %eax;                                                                    \
	movl %esp, %ecx;                                                                           \
	movl $back, %edx;                                                                          \
	sysenter;
#include "inc/syscall.def"

back:	ret
