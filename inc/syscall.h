// System call numbers, from syscall.def.

#ifndef FAULTLINE_INC_SYSCALL_H
#define FAULTLINE_INC_SYSCALL_H

#define SYSCALL_INLINE SYSCALL
enum {
#define SYSCALL(result, name, ...) SYS_##name,
#include "inc/syscall.def"
#undef SYSCALL
	NSYSCALLS
};
#undef SYSCALL_INLINE

#endif
