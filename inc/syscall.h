// System call numbers, from syscall.def.

#ifndef FAULTLINE_INC_SYSCALL_H
#define FAULTLINE_INC_SYSCALL_H

#define SYSCALL_INLINE SYSCALL
#ifdef __ASSEMBLER__

.set NSYSCALLS, 0
#define SYSCALL(result, name, ...)                                                                 \
	.set SYS_##name, NSYSCALLS;                                                                \
	.set NSYSCALLS, NSYSCALLS + 1;
#include "inc/syscall.def"
#undef SYSCALL

#else

enum {
#define SYSCALL(result, name, ...) SYS_##name,
#include "inc/syscall.def"
#undef SYSCALL
	NSYSCALLS
};

#endif
#undef SYSCALL_INLINE

#endif
