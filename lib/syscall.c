// The system calls' stubs, expanded from inc/syscall.def.

#include "inc/lib.h"

#define CALL_0(num) syscall_int(num, 0, 0, 0, 0, 0)
#define CALL_1(num, t1, a1) syscall_int(num, (uint32_t) a1, 0, 0, 0, 0)
#define CALL_2(num, t1, a1, t2, a2) syscall_int(num, (uint32_t) a1, (uint32_t) a2, 0, 0, 0)
#define CALL_3(num, t1, a1, t2, a2, t3, a3)                                                        \
	syscall_int(num, (uint32_t) a1, (uint32_t) a2, (uint32_t) a3, 0, 0)
#define CALL_4(num, t1, a1, t2, a2, t3, a3, t4, a4)                                                \
	syscall_int(num, (uint32_t) a1, (uint32_t) a2, (uint32_t) a3, (uint32_t) a4, 0)
#define CALL_5(num, t1, a1, t2, a2, t3, a3, t4, a4, t5, a5)                                        \
	syscall_int(num, (uint32_t) a1, (uint32_t) a2, (uint32_t) a3, (uint32_t) a4, (uint32_t) a5)

#define SYSCALL_INLINE(result, name, ...)
#define SYSCALL(result, name, n, ...)                                                              \
	result sys_##name(SYSCALL_ARGS_##n(__VA_ARGS__))                                           \
	{                                                                                          \
		return (result) CALL_##n(SYS_##name, ##__VA_ARGS__);                               \
	}
#include "inc/syscall.def"
