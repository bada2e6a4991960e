// The process library: heap and stack.

#include "user/family.h"

static int
use_stack(int depth)
{
	volatile int here[750];

	here[0] = depth;
	return depth == 0 ? 0 : use_stack(depth - 1) + here[0] - depth + 1;
}

static int
overflow(int arg)
{
	return use_stack(100000);
}

static bool
all_zero(const char *s, uint32_t n)
{
	for (uint32_t i = 0; i < n; i++)
		if (s[i])
			return false;
	return true;
}

static void
heap(void)
{
	char *start = proc_sbrk(0);

	CHECK(start == (char *) PROC_HEAP);
	CHECK(proc_sbrk(10000) == start && proc_sbrk(0) == start + 10000);
	CHECK(all_zero(start, 10000));
	memset(start, 'x', 10000);
	CHECK(proc_sbrk(-9000) == start + 10000);
	CHECK(start[999] == 'x');
	CHECK(proc_sbrk(9000) == start + 1000);
	CHECK(start[999] == 'x' && all_zero(start + 1000, 9000));
	CHECK(!proc_sbrk(-10001) && !proc_sbrk(INT32_MAX) && !proc_sbrk(INT32_MIN));
	CHECK(proc_sbrk(0) == start + 10000);

	// Much, of which little is touched
	CHECK(proc_sbrk(0x30000000) == start + 10000);
	start[0x2fffffff] = 1;
	CHECK(proc_sbrk(-0x30000000 - 10000));
	CHECK(proc_sbrk(0) == start);
}

static int
touch(int va)
{
	*(volatile char *) va = 1;
	return 0;
}

static int
child_grows(int arg)
{
	char *s = proc_sbrk(5000);

	CHECK(s[-1] == 'p');
	s[-1] = 'c';
	memset(s, 'c', 5000);
	return 0;
}

static void
heap_and_fork(void)
{
	char *s = proc_sbrk(5000);

	s[4999] = 'p';
	ends(child(child_grows, 0), PROC_EXITED, 0);
	CHECK(s[4999] == 'p' && proc_sbrk(0) == s + 5000);
	ends(child(touch, (int) s + 2 * PGSIZE), PROC_FAULTED, KILLED); // behind the end
	ends(child(touch, PROC_HEAP_END), PROC_FAULTED, KILLED);
	proc_sbrk(-5000);
}

void
umain(int argc, char **argv)
{
	uint32_t before;

	begin_family();
	CHECK(use_stack(200) == 200);
	own_pages();
	heap();
	before = free_frames();
	heap();
	heap_and_fork();
	ends(child(overflow, 0), PROC_FAULTED, KILLED);
	CHECK(free_frames() == before);
	cprintf("procmem: OK\n");
}
