// Threads: envs with one memory, which init takes for one process.
//
// All page tables of a process have the same frames, but for three pages of each env: the top of the
// normal stack, where thisenv is; the exception stack; and the library's own (lib/region.h).  What comes later
// comes by way of init, to all (lib/procmem.c).  A thread's stack is in such memory, too.

#include "lib/proc.h"
#include "lib/region.h"

// Where a thread begins, on its own stack.
static void __attribute__((noreturn)) begin(void *(*f)(void *arg), void *arg)
{
	thisenv = &envs[ENVX(sys_getenvid())];
	OWN->shares = true;
	proc_thread_exit(f(arg));
}

// What begin() finds on a new stack.
struct Frame {
	uint32_t no_return;
	void *(*f)(void *arg);
	void *arg;
	uint32_t align[2];
};

static int
set_registers(envid_t child, int number, void *(*f)(void *arg), void *arg)
{
	struct Frame *frame = (struct Frame *) THREAD_STACK_TOP(number) - 1;
	struct Trapframe tf;

	*frame = (struct Frame){.f = f, .arg = arg};
	memcpy(&tf, (const void *) &thisenv->env_tf, sizeof tf);
	tf.tf_eip = (uintptr_t) begin;
	tf.tf_esp = (uintptr_t) frame;
	return sys_env_set_trapframe(child, &tf);
}

static int
prepare(envid_t child, int number, void *(*f)(void *arg), void *arg)
{
	int r;

	if ((r = _fork_threads(child)) < 0 || (r = _pgfault_fork(child, true)) < 0 ||
	    (r = sys_page_unmap(child, (void *) PROC_WINDOW)) < 0 ||
	    (r = sys_page_alloc(child, (void *) UXSTACKBASE, RW)) < 0 ||
	    (r = sys_env_set_pgfault_upcall(child, thisenv->env_pgfault_upcall)) < 0 ||
	    (r = set_registers(child, number, f, arg)) < 0)
		return r;
	return _proc_call(OP_THREAD_START, ENVX(child));
}

int
proc_thread_create(void *(*f)(void *arg), void *arg)
{
	envid_t child;
	int number, r;

	if (!thisenv->env_keeper)
		return -E_BAD_ENV;
	if ((r = _proc_thread_memory()) < 0 || (r = _cow_begin()) < 0)
		return r;
	_proc_set_threaded();
	OWN->shares = true;
	if ((child = sys_exofork()) < 0)
		return child;
	// From here on, it gets the pages that come; those that are there are given to it below.
	if ((r = number = _proc_call(OP_THREAD, ENVX(child))) < 0 ||
	    (r = prepare(child, number, f, arg)) < 0)
		sys_env_destroy(child);
	return r < 0 ? r : number;
}

void
proc_thread_exit(void *result)
{
	_proc_call_with_code(OP_THREAD_EXIT, (int) result);
	exit();
}

int
proc_thread_join(int thread, void **result)
{
	int r;

	if (result && !proc_accessible(result, sizeof *result, REGION_WRITE))
		return -E_FAULT;
	if (thread < 0 || thread >= THREADS_MAX)
		return -E_BAD_ENV;
	if ((r = _proc_call(OP_JOIN, thread)) == 0 && result)
		*result = (void *) _proc_call(OP_CODE, 0);
	return r;
}

bool
_thread_room(void)
{
	void *const second = (void *) (USTACKTOP - 2 * PGSIZE);

	return (region_pte((uint32_t) second) & PTE_P) || sys_page_alloc(0, second, RW) == 0;
}
