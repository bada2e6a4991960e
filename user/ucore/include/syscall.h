// The same by the names of the system's calls, as programs for uCore know them.

#ifndef UCORE_SYSCALL_H
#define UCORE_SYSCALL_H

#include <defs.h>

void __noreturn sys_exit(int error_code);
int sys_fork(void);
int sys_wait(int pid, int *store);
int sys_exec(const char *name, int argc, const char **argv);
int sys_yield(void);
int sys_kill(int pid);
int sys_getpid(void);
int sys_putc(int c);
int sys_pgdir(void);
int sys_sleep(unsigned int time);
size_t sys_gettime(void);
void sys_lab6_set_priority(uint32_t priority);

#endif
