// Processes, as programs for uCore know them.  Functions return what they say, or the negative of a
// number of error.h.

#ifndef UCORE_ULIB_H
#define UCORE_ULIB_H

#include <defs.h>

void __warn(const char *file, int line, const char *fmt, ...);
void __noreturn __panic(const char *file, int line, const char *fmt, ...);

// Report the place and the message, and go on; or end with the code -E_PANIC.
#define warn(...) __warn(__FILE__, __LINE__, __VA_ARGS__)
#define panic(...) __panic(__FILE__, __LINE__, __VA_ARGS__)

#define assert(x)                                                                                  \
	do {                                                                                       \
		if (!(x)) {                                                                        \
			panic("assertion failed: %s", #x);                                         \
		}                                                                                  \
	} while (0)

#define static_assert(x) _Static_assert(x, #x)

void __noreturn exit(int error_code);
int fork(void);

// Wait for the end of a child: of any (wait, or pid 0), or of that one.  Its code goes to *store, unless
// that is NULL; -E_KILLED stands for one that was killed or has faulted.
// Returns 0.
//	-E_BAD_PROC	there is no such child
//	-E_INVAL	store cannot be written to; looked at first
int wait(void);
int waitpid(int pid, int *store);

void yield(void);
int getpid(void);

// Returns 0.
//	-E_KILLED	it has ended already, and waits to be waited for
//	-E_INVAL	there is no such process
int kill(int pid);

// Run another program in this process: exec("name", "argument", ...).  Returns only when that has failed.
//	-E_NOENT, -E_INVAL_ELF, -E_NO_MEM, -E_INVAL
int __exec(const char *name, const char **argv);
#define __exec0(name, path, ...)                                                                   \
	({                                                                                         \
		const char *_argv[] = {path, ##__VA_ARGS__, NULL};                                 \
		__exec(name, _argv);                                                               \
	})
#define exec(path, ...) __exec0(NULL, path, ##__VA_ARGS__)
#define nexec(name, path, ...) __exec0(name, path, ##__VA_ARGS__)

// Show which ranges of this address space are mapped, and their rights.
void print_pgdir(void);

// Milliseconds.	sleep returns 0.
int sleep(unsigned int time);
unsigned int gettime_msec(void);

// This process's share of a CPU is in proportion to its priority, from 1; it begins with its parent's.
void lab6_set_priority(uint32_t priority);
#define lab6_setpriority lab6_set_priority // as some versions of the labs call it

// Semaphores, which all processes can use.  sem_init returns the id of a new one; sem_wait_timeout waits
// at most that many milliseconds.
//	-E_INVAL	there is no such semaphore, or it has been freed while we waited
//	-E_NO_MEM	there are too many
//	-E_TIMEOUT	nobody posted in time
typedef int sem_t;
sem_t sem_init(int value);
int sem_post(sem_t sem);
int sem_wait(sem_t sem);
int sem_wait_timeout(sem_t sem, unsigned int time);
int sem_free(sem_t sem);

int fprintf(int fd, const char *fmt, ...);

#endif
