// What the two sides of the process library share, and what the files of init share.
//
// A client's request is one word: what it wants, and an argument.  Data goes through a window, a page that
// the client has sent to init once and that both keep mapped.

#ifndef FAULTLINE_LIB_PROC_H
#define FAULTLINE_LIB_PROC_H

#include "inc/ipc.h"
#include "inc/proc.h"
#include "inc/region.h"
#include "lib/pgfault.h"

// The protocol.

#define OP_BITS 5
#define WORD(op, arg) ((uint32_t) (op) | (uint32_t) (arg) << OP_BITS)
#define WORD_OP(word) ((word) & ((1 << OP_BITS) - 1))
#define WORD_ARG(word) ((word) >> OP_BITS)
#define ARG_BITS (32 - OP_BITS)

enum ProcOp {            // argument			answer
	OP_GETPID,       // -				pid
	OP_GETPPID,      // -				pid
	OP_FORK,         // slot of the child's env	pid; it is UNINIT
	OP_START,        // the same			pid; it runs
	OP_ABANDON,      // pid of a child that is UNINIT	pid, if it was killed
	OP_SPAWN,        // the same, its program's name in the window	pid; it runs
	OP_EXEC,         // slot of the new env, the name as above	none: the caller ends
	OP_CODE_HIGH,    // the upper half of a code	0
	OP_EXIT,         // the lower half		none
	OP_WAIT,         // WAIT_ARG			WAIT_ANSWER
	OP_CODE,         // -				the code of whom OP_WAIT has found last
	OP_KILL,         // pid				0
	OP_STATE,        // pid				enum ProcState
	OP_WINDOW,       // -, with a page		0
	OP_PIPE,         // -				read end | write end << 8
	OP_READ,         // IO_ARG			bytes, or IO_CONSOLE
	OP_WRITE,        // IO_ARG			bytes, or IO_CONSOLE
	OP_CLOSE,        // descriptor			0
	OP_DUP,          // descriptor			descriptor
	OP_SEM_NEW,      // value			id
	OP_SEM_UP,       // id				0
	OP_SEM_DOWN,     // SEM_ARG			0
	OP_SEM_FREE,     // id				0
	OP_THREAD,       // slot of the new env		number of the thread; it does not run yet
	OP_THREAD_START, // the same			0
	OP_THREAD_EXIT,  // the lower half of a result	none
	OP_JOIN,         // number			0; OP_CODE tells the result
	OP_PAGE,         // page number			0; all threads have a page there
	NOPS
};
static_assert(NOPS <= 1 << OP_BITS, "an operation fits");

#define PID_LIMIT 0x8000 // pids are smaller

// OP_WAIT asks for a pid, or 0, and how to wait; and is told of a pid, how it has ended, and its code,
// if that is short.
#define WAIT_ARG(pid, how) ((uint32_t) (pid) << 1 | (how))
#define WAIT_LONG 0x20000 // the code is not short: ask for it
#define WAIT_ANSWER(pid, end, code)                                                                \
	((pid) | (end) << 15 | (short_code(code) ? ((code) &0xfff) << 18 : WAIT_LONG))
#define ANSWER_PID(word) ((word) &0x7fff)
#define ANSWER_END(word) ((enum ProcEnd)((word) >> 15 & 3))
#define ANSWER_CODE(word) ((word) >> 18)

static inline bool
short_code(int code)
{
	return code >= 0 && code <= 0xfff;
}

// Reading and writing: at most a window at a time.
#define IO_ARG(fd, n) ((uint32_t) (fd) << 13 | (n))
#define IO_FD(arg) ((arg) >> 13)
#define IO_N(arg) ((arg) &0x1fff)
#define IO_CONSOLE 0x10000 // the caller has the console, as everybody

#define SEMS 128
#define SEM_MS (1 << 20) // longer waits are several
#define SEM_ARG(id, ms) ((uint32_t) (id) << 20 | (ms))
#define SEM_ID(arg) ((arg) >> 20)
#define SEM_WAIT(arg) ((arg) & (SEM_MS - 1))

// The client's.

// lib/loader.c: a new env, a child of the caller that does not run, with the program `name' of the
// archive, which finds argv.  lazy: its pages come when they are touched.	negative errors
envid_t _image_load(const char *name, char *const argv[], int lazy);

#define PROC_WINDOW PRIVATE_START // its end of the window

// Threads: number n has the stack that ends where the next begins, down to a guard.
#define THREADS_MAX 32
#define THREAD_STACK (1 << 20)
#define THREAD_STACKS 0xb0000000
#define THREAD_STACK_TOP(n) (THREAD_STACKS + ((n) + 1) * THREAD_STACK)

// Ask init.  Returns its answer, or -E_BAD_ENV without an init.
int32_t _proc_call(enum ProcOp op, uint32_t arg);
// The same with 32 bits, in two halves.
int32_t _proc_call_with_code(enum ProcOp op, int code);
// Have a window.	-E_NO_MEM, -E_BAD_ENV
int _proc_window(void);
// Let the stack be a region.	-E_NO_MEM
int _proc_memory(void);
// Let the heap and the stacks of threads be regions: before the first thread, as each env knows only its own
// regions, and those that were there when it was made.	-E_NO_MEM
int _proc_thread_memory(void);
// Whether the process may have more than one thread; once it has had one, it may.
bool _proc_threaded(void);
void _proc_set_threaded(void);

// Init's.

// Rings of links: a link stands in the ring of its head, or only in its own.
struct Link {
	struct Link *prev, *next;
};

static inline void
link_init(struct Link *l)
{
	l->prev = l->next = l;
}

static inline bool
link_alone(const struct Link *l)
{
	return l->next == l;
}

static inline void
link_remove(struct Link *l)
{
	l->prev->next = l->next;
	l->next->prev = l->prev;
	link_init(l);
}

// Put l, which is in no ring, before `at': as the last, when that is the head.
static inline void
link_insert(struct Link *at, struct Link *l)
{
	l->prev = at->prev;
	l->next = at;
	at->prev->next = l;
	at->prev = l;
}

#define LINKED(link, type, member) ((type *) ((char *) (link) -offsetof(type, member)))
#define EACH_LINK(l, head)                                                                         \
	struct Link *l = (head)->next, *l##_next = l->next;                                        \
	l != (head);                                                                               \
	l = l##_next, l##_next = l->next

// What a task waits for.
enum Wait { WAIT_NONE, WAIT_CHILD, WAIT_READ, WAIT_WRITE, WAIT_SEM, WAIT_JOIN };

// An env of a process: its only one, or that of a thread.
struct Task {
	envid_t env; // 0: this record is not in use
	struct Process *process;
	struct Link in_process;
	int number;   // of the thread
	bool main;    // its end is that of the process
	bool started; // it runs
	bool gone;    // exec has replaced it, and its memory is not back yet
	bool window;  // it has one

	enum Wait waits;
	uint32_t what;      // pid, bytes, or number of a thread
	struct Link queue;  // of all that wait for the same
	struct Link timed;  // of all whose patience is limited
	uint32_t deadline;  // when it is over
	uint32_t code_high; // of OP_CODE_HIGH
	int code;           // for OP_CODE
};

struct Process {
	pid_t pid; // 0: this record is not in use
	char name[PROC_NAME];
	struct Process *parent;
	struct Link sibling; // in the parent's children, or its zombies
	struct Link children, zombies;
	struct Link waiting; // tasks that wait for a child
	struct Link joining; // tasks that wait for a thread
	struct Link tasks;
	bool started, ending, zombie;
	bool abandoned; // its fork has failed: it never was
	int code;
	enum ProcEnd end;
	uint32_t threads;  // a bit for each number that is taken,
	uint32_t joinable; // and for each whose thread has ended
	int result[THREADS_MAX];
	uint16_t fd[PROC_FDS];
};

// A pipe's bytes are in a ring of pages, which come when they are needed.
#define PIPES 256
#define PIPE_SIZE (4 * PGSIZE)
struct Pipe {
	uint32_t ends[2];       // how many descriptors read, and write
	struct Link users[2];   // tasks that wait to read, and to write
	uint32_t read, written; // bytes so far; they begin again when it is empty
	uint32_t pages;         // how many it has
};

struct Sem {
	bool used;
	int value;
	struct Link waiting;
};

// All that init knows.  It stands in pages that only init has: a write to them needs no memory.
struct Init {
	struct ProcConfig config;
	envid_t self;
	unsigned nprocesses;              // without init
	pid_t last;                       // pid
	struct Process process[PROC_MAX]; // pid's is at pid % PROC_MAX
	struct Task task[NENV];           // env's is at ENVX(env)
	struct Pipe pipe[PIPES];
	struct Sem sem[SEMS];
	struct Link timed; // the first to lose patience is first

	// The request of this moment.
	struct Task *asking; // NULL when it has its answer
	bool answered;
	int32_t answer;
	bool ending; // no process is left
};
#define INIT_VA 0x90000000
#define INIT ((struct Init *) INIT_VA)
// init's end of the windows, and the pages of pipes.
#define WINDOWS (INIT_VA + 0x1000000)
#define PIPE_PAGES (WINDOWS + NENV * PGSIZE)
// Where a page comes with a request.
#define ARRIVAL (WINDOWS - PGSIZE)
static_assert(WINDOWS % PTSIZE == 0 && NENV * PGSIZE <= PTSIZE && PIPES * PIPE_SIZE <= PTSIZE,
	      "windows have one page table, and pipes another");

#ifndef RW
#define RW (PTE_P | PTE_U | PTE_W)
#endif

// Answer t, which waits for nothing else then.
// Returns whether it has taken that: one that has just been destroyed takes nothing.
bool _init_answer(struct Task *t, int32_t value);
// Let t wait in this queue.
void _init_wait(struct Task *t, enum Wait why, uint32_t what, struct Link *queue);
// t does not wait any more, if it did.
void _init_forget(struct Task *t);

// Have the table, and a stack of our own, so that nothing that init writes to waits for a copy.
void _init_prepare(const struct ProcConfig *config);
// Let env, which does not run yet or waits for a word from us, be the first process.
void _init_adopt(envid_t env, const char *name);
void _init_run(void) __attribute__((noreturn));

static inline char *
window(const struct Task *t)
{
	return (char *) (WINDOWS + (t - INIT->task) * PGSIZE);
}

// lib/proctable.c: the family.
void _table_init(void);
// The first process, in this env that init keeps.
void _table_first(envid_t env, const char *name);
struct Task *_table_task(envid_t env);
void _table_ended(envid_t env, uint32_t why);
int32_t _table_fork(struct Task *t, uint32_t slot);
int32_t _table_start(struct Task *t, uint32_t slot, bool program);
void _table_exec(struct Task *t, uint32_t slot);
void _table_exit(struct Task *t, uint32_t code);
void _table_wait(struct Task *t, uint32_t arg);
// t gives the child up that it could not finish.  Returns its pid if that is because it was killed.
int32_t _table_abandon(struct Task *t, uint32_t pid);
int32_t _table_kill(pid_t pid);
enum ProcState _table_state(pid_t pid);
int32_t _table_thread(struct Task *t, uint32_t slot);
int32_t _table_thread_start(struct Task *t, uint32_t slot);
void _table_thread_exit(struct Task *t, uint32_t code);
void _table_join(struct Task *t, uint32_t number);
int32_t _table_page(struct Task *t, uint32_t number);
// Nothing is left of any process.
bool _table_empty(void);

// lib/procpipe.c: descriptors and pipes.
void _pipe_init(void);
void _pipe_console(struct Process *p);
void _pipe_inherit(struct Process *child, const struct Process *parent);
void _pipe_close_all(struct Process *p);
int32_t _pipe_new(struct Process *p);
int32_t _pipe_close(struct Process *p, uint32_t fd);
int32_t _pipe_dup(struct Process *p, uint32_t fd);
void _pipe_io(struct Task *t, uint32_t arg, bool write);
bool _pipe_any(void);

// lib/procsem.c: semaphores, and patience.
void _sem_init(void);
int32_t _sem_new(int value);
int32_t _sem_up(uint32_t id);
void _sem_down(struct Task *t, uint32_t arg);
int32_t _sem_free(uint32_t id);
// Answer those whose patience is over.  Returns the IPC_TIMEOUT until the next is, or 0.
uint32_t _sem_timeouts(void);

#endif
