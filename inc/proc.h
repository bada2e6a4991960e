// Processes, made of envs by a library and one program, init.  The kernel knows nothing of them.
//
// init (pid 1) is the env that called proc_begin: it keeps all envs of the family (sys_env_set_keeper), and its
// table is the only one.  A process asks it by messages, and never touches what another may touch, so
// a process can be killed at any moment and leaves nothing behind.  doc/processes.md has the protocol and
// the states.
//
// Functions return what they say, or a negative error.  Personalities (user/ucore, user/xv6) give
// them the names and the shapes that their programs know.

#ifndef FAULTLINE_INC_PROC_H
#define FAULTLINE_INC_PROC_H

#include "inc/lib.h"

typedef int pid_t;

#define PROC_MAX 256             // processes at a time
#define PROC_FDS 16              // descriptors of each
#define PROC_NAME 32             // of its name, with the zero
#define PROC_HEAP 0x40000000     // where the heap begins,
#define PROC_HEAP_END 0x80000000 // and where it must end
#define PROC_STACK (1 << 20)     // how far a process's stack may grow, in bytes

enum ProcState { PROC_FREE, PROC_UNINIT, PROC_RUNNABLE, PROC_RUNNING, PROC_SLEEPING, PROC_ZOMBIE };

// How a process has ended: what wait() tells beside its code.
enum ProcEnd { PROC_EXITED, PROC_KILLED, PROC_FAULTED };

struct ProcStatus {
	int code; // what it gave to proc_exit; else the config's killed_code
	enum ProcEnd end;
};

// How init behaves.
struct ProcConfig {
	int killed_code; // the code of a process that was killed, or has faulted
	void (*started)(pid_t pid,
			const char *name); // told of the first program and of each exec; or NULL
	void (*all_ended)(void);           // no process is left but init; or NULL
	bool verbose;                      // print a line for each process that faults
};

// Become init, and let a child, the process with pid 2, go on with the program: returns in that child
// only.  init ends the machine's family when no process is left: by exit().  In a program that is a process
// of a family already, nothing happens.
void proc_begin(const struct ProcConfig *config);
// The same, but the first process is the program `name' of the archive.  Does not return.
void proc_run_init(const struct ProcConfig *config, const char *name, char *const argv[])
	__attribute__((noreturn));

// Family.  fork() of inc/lib.h makes a process, too, and returns its env.

pid_t proc_getpid(void);
pid_t proc_getppid(void);
// A child that is a copy.  Returns its pid, and 0 in it.	-E_NO_FREE_ENV, -E_NO_MEM
pid_t proc_fork(void);
// A child that runs a program of the archive, without copying this one.
// argv ends with NULL.
//	-E_NOT_FOUND, -E_NOT_EXEC, -E_NO_MEM, -E_NO_FREE_ENV
pid_t proc_spawn(const char *name, char *const argv[]);
// Run another program in this process, which keeps pid, family and descriptors.  Returns only
// when that has failed, and then nothing has changed.
int proc_exec(const char *name, char *const argv[]);
void proc_exit(int code) __attribute__((noreturn));

// Wait until a child ends: that one, or any with pid 0.  status may be NULL.
// Returns its pid.
//	-E_BAD_ENV	there is no such child
//	-E_FAULT	status cannot be written to; looked at first
pid_t proc_waitpid(pid_t pid, struct ProcStatus *status);
#define PROC_NOHANG 1
// The same with how: PROC_NOHANG: returns 0 when no child has ended yet.
pid_t proc_waitpid_how(pid_t pid, struct ProcStatus *status, int how);

// End any process of the family but init, whoever asks, also this one.
//	-E_BAD_ENV	there is no such process
//	-E_INVAL	it has ended already, and waits to be waited for
int proc_kill(pid_t pid);
enum ProcState proc_state(pid_t pid); // PROC_FREE: there is none

void proc_yield(void);
// Sleep for ms milliseconds, at least.	Returns 0.
int proc_sleep(uint32_t ms);
// Milliseconds since the machine has started.
uint32_t proc_time(void);
// Let this process have turns of weight ticks; see sys_env_set_weight.
int proc_set_weight(uint32_t weight);

// Memory.

// Let the heap be larger by n bytes, or smaller; new bytes are zero, and take memory when they are
// touched.  Returns where the new bytes begin (the old end), or NULL on failure.
void *proc_sbrk(intptr_t n);

// Whether n bytes at va can be read (REGION_READ of inc/region.h) or written to (REGION_WRITE): they are
// there, or would be when they are touched.
bool proc_accessible(const void *va, size_t n, int access);

// Descriptors.  0, 1 and 2 of the first process are the console.

// fd[0] can be read from, fd[1] written to.	-E_MAX_OPEN, -E_NO_MEM, -E_FAULT
int proc_pipe(int fd[2]);
// Returns how many bytes were read: at least one, or 0 at the end, when nobody can write any more.
//	-E_INVAL	fd is not open for that
//	-E_FAULT	the memory is not there
int proc_read(int fd, void *to, size_t n);
// Returns n, or fewer when the readers have gone in between.
//	-E_INVAL, -E_FAULT
//	-E_EOF		nobody can read any more
int proc_write(int fd, const void *from, size_t n);
int proc_close(int fd);
// The lowest free descriptor becomes the same as fd.	-E_MAX_OPEN
int proc_dup(int fd);

// Semaphores, which all of the family can use.	ids from proc_sem_new; -E_INVAL: no such semaphore, or a
// value that is negative or 2^27 or more; -E_MAX_OPEN: there are too many
int proc_sem_new(int value);
int proc_sem_up(int id);
// Waits at most ms milliseconds (0: for ever).	-E_TIMEOUT
int proc_sem_down(int id, uint32_t ms);
int proc_sem_free(int id);

// Threads: they share memory, heap and descriptors of their process, and each has a stack of its own in
// shared memory.

// Run f(arg) beside this thread.  Returns its number, from 0 on; the main thread of a program has 0.
//	-E_NO_FREE_ENV, -E_NO_MEM
int proc_thread_create(void *(*f)(void *arg), void *arg);
// Wait for the end of a thread of this process.  result may be NULL.
//	-E_BAD_ENV	there is no such thread, it is this one, or another has waited for it
//	-E_FAULT	result cannot be written to; looked at first
int proc_thread_join(int thread, void **result);
// End this thread; the main thread ends its process, with the code `result'.
void proc_thread_exit(void *result) __attribute__((noreturn));

#endif
