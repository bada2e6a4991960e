// sfork: parent and child have one memory but two stacks, and each its own thisenv.  It shares
// even what an earlier fork made copy-on-write.  A later fork by one of them is as isolated as ever,
// from both, and they go on sharing.

#include "inc/lib.h"

static volatile int global;
static volatile int *const heap = (volatile int *) 0x10000000;

static void
hear(envid_t from)
{
	envid_t who;
	int32_t value = ipc_recv(&who, NULL, NULL);

	if (value < 0 || who != from)
		panic("heard %d from %08x instead of %08x", value, who, from);
}

static void
tell(envid_t to)
{
	ipc_send(to, 0, NULL, 0);
}

static void
set(int value)
{
	global = value;
	*heap = value;
}

static void
check(int value)
{
	if (global != value || *heap != value)
		panic("global %d and heap %d, not %d", global, *heap, value);
}

static void
check_thisenv(void)
{
	envid_t self = sys_getenvid();

	if (thisenv != &envs[ENVX(self)] || thisenv->env_id != self)
		panic("thisenv is %p in env %08x", thisenv, self);
}

// A child with a copy of `value' waits to be told to look at it.
static envid_t
fork_witness(int value)
{
	envid_t parent = sys_getenvid(), child = fork();

	if (child < 0)
		panic("fork: %e", child);
	if (child == 0) {
		check_thisenv();
		hear(parent);
		check(value);
		set(-value);
		tell(parent);
		exit();
	}
	return child;
}

// Let the witness look, while we have `value'.
static void
ask_witness(envid_t witness, int value)
{
	tell(witness);
	hear(witness);
	check(value);
}

void
umain(int argc, char **argv)
{
	envid_t parent = sys_getenvid(), child, witness, later;
	volatile int own = 1;
	int r;

	if ((r = sys_page_alloc(0, (void *) heap, PTE_P | PTE_U | PTE_W)) < 0)
		panic("sys_page_alloc: %e", r);
	set(1);
	witness = fork_witness(1);

	if ((child = sfork()) < 0)
		panic("sfork: %e", child);
	check_thisenv();
	if (child == 0) {
		hear(parent);
		check(2);
		if (own != 1)
			panic("the stack is shared: %d", own);
		own = 3;
		set(3);
		later = fork_witness(3);
		set(4);
		check_thisenv();
		tell(parent);
		hear(parent);
		check(6); // what our parent has written since we forked; our child has not seen it
		ask_witness(later, 6);
		tell(parent);
		return;
	}

	own = 2;
	set(2);
	tell(child);
	hear(child);
	if (own != 2)
		panic("the stack is shared: %d", own);
	check_thisenv();
	check(4);
	cprintf("sforktest: memory is shared, stacks are not\n");

	set(6);
	tell(child);
	hear(child);
	later = fork_witness(6);
	set(5);
	ask_witness(later, 5);
	ask_witness(witness, 5);
	cprintf("sforktest: forks are isolated\n");
	cprintf("sforktest: OK\n");
}
