// Memory comes back: whatever runs out, and however its users end, the number of free frames is
// afterwards what it was before.  Who finds nothing left gets -E_NO_MEM, and nothing has changed.

#include "user/attack.h"

#define HEAP 0x10000000u
#define HEAP_END (USTACKTOP - PTSIZE)
#define LEFT SHARED[0]
#define COUNT SHARED[1]
#define READY SHARED[2]
#define WAIT 1
#define GO 2
#define DIED 3

// Take every page there is, but LEFT.
static void
hog(uint32_t waits)
{
	int r = 0;

	while (waits && SHARED[5] != GO)
		sys_yield();
	for (uint32_t va = HEAP; va < HEAP_END && r == 0; va += PGSIZE, COUNT++)
		r = sys_page_alloc(0, (void *) va, RW);
	assert(r == -E_NO_MEM);
	// Nor is there one for a child or a page table.
	assert(sys_exofork() == -E_NO_MEM);
	assert(sys_page_map(0, (void *) HEAP, 0, (void *) 0x00c00000, RW) == -E_NO_MEM);
	assert(!(uvpd[PDX(0x00c00000)] & PTE_P));
	// With one left, there is one for a page and none for its table.
	assert(sys_page_unmap(0, (void *) HEAP) == 0);
	assert(sys_page_alloc(0, (void *) 0x00c00000, RW) == -E_NO_MEM);
	assert(sys_page_map(0, (void *) UTEXT, 0, (void *) HEAP, RO) == 0);
	assert(sys_page_alloc(0, (void *) HEAP, RW) == 0);
	READY = SURVIVED;
	for (uint32_t n = 0; n < LEFT; n++)
		sys_page_unmap(0, (void *) (HEAP + n * PGSIZE));
	if (waits)
		sys_ipc_recv((void *) UTOP);
}

// Take every page, but behind so many mappings of one of them that giving these back takes long.
static void
dead_weight(uint32_t arg)
{
	uint32_t va = HEAP;

	assert(sys_page_alloc(0, (void *) va, RW) == 0);
	for (va += PGSIZE; va < HEAP + 20 * PTSIZE; va += PGSIZE)
		assert(sys_page_map(0, (void *) HEAP, 0, (void *) va, RO) == 0);
	while (va < HEAP_END && sys_page_alloc(0, (void *) va, RW) == 0)
		va += PGSIZE;
	sys_ipc_recv((void *) UTOP);
}

// Take it by page tables: one page at each table's first address, in many children.
static void
tables(uint32_t arg)
{
	int r = 0;

	assert(sys_page_alloc(0, (void *) HEAP, RW) == 0);
	while (r == 0) {
		envid_t id = sys_exofork();

		if (id == 0)
			exit();
		if (id < 0)
			r = id;
		for (uint32_t va = 0; va < UTOP && r == 0; va += PTSIZE)
			r = sys_page_map(0, (void *) HEAP, id, (void *) va, RO);
		COUNT++;
	}
	assert(r == -E_NO_MEM);
	READY = SURVIVED;
}

// All envs.  None of them is destroyed: they go with their parent.
static void
all_envs(uint32_t arg)
{
	envid_t id;

	while ((id = sys_exofork()) > 0)
		COUNT++;
	if (id == 0)
		exit();
	assert(id == -E_NO_FREE_ENV);
	assert(COUNT == NENV - 2);
	READY = SURVIVED;
}

// Each makes what it can, and exits; parents mostly before their children.
static void
bomb(uint32_t depth)
{
	for (int i = 0; i < 4; i++) {
		envid_t id = fork();

		asm volatile("lock; incl %0" : "+m"(COUNT));
		if (id == 0 && depth < 3)
			bomb(depth + 1);
		if (id <= 0)
			exit();
	}
}

// The same until nothing is left.  Some die of a page that they cannot copy.
static void
hungry_bomb(uint32_t doublings)
{
	while (doublings-- > 0)
		fork();
	for (uint32_t va = HEAP; va < HEAP + 1200 * PGSIZE; va += PGSIZE)
		if (sys_page_alloc(0, (void *) va, RW) < 0)
			break;
}

static void
generations(uint32_t arg)
{
	for (int i = 0; i < 1000; i++) {
		envid_t id = sys_exofork();

		if (id == 0)
			exit();
		assert(id > 0);
		assert(sys_page_alloc(id, (void *) (random() % 64 * PTSIZE), RW) == 0);
		assert(sys_page_map(id, (void *) 0, id, (void *) HEAP, RW) <= 0);
		assert(sys_env_destroy(id) == 0);
	}
	READY = SURVIVED;
}

// Pages that pass through messages and end with whoever has them then.
static void
take_letters(uint32_t n)
{
	for (uint32_t i = 0; i < n; i++)
		sys_ipc_recv((void *) (HEAP + i % 7 * PGSIZE));
}

static void
letters(uint32_t arg)
{
	envid_t id = spawn(take_letters, 100);

	for (int i = 0; i < 100; i++) {
		assert(sys_page_alloc(0, (void *) HEAP, RW) == 0);
		ipc_send(id, i, (void *) HEAP, i % 2 ? RW : RO);
	}
	READY = SURVIVED;
}

// One page, mapped more often than 16 bits can count.
static void
many_mappings(uint32_t arg)
{
	assert(sys_page_alloc(0, (void *) HEAP, RW) == 0);
	for (uint32_t i = 1; i < 70000; i++)
		assert(sys_page_map(0, (void *) HEAP, 0, (void *) (HEAP + i * PGSIZE), RO) == 0);
	assert(pages[PGNUM(uvpt[PGNUM(HEAP)])].pp_ref == 70000);
	for (uint32_t i = 1; i < 66000; i++)
		assert(sys_page_unmap(0, (void *) (HEAP + i * PGSIZE)) == 0);
	assert(pages[PGNUM(uvpt[PGNUM(HEAP)])].pp_ref == 4001);
	READY = SURVIVED;
}

// Fork with so few frames left that it fails somewhere in the middle.  It must undo itself; the
// program may also die of a copy that it cannot make, but then alone.
static void
try_fork(uint32_t arg)
{
	static char data[8 * PGSIZE];
	envid_t id;

	for (size_t i = 0; i < sizeof data; i += PGSIZE)
		data[i] = 1;
	own_pages();
	SHARED[3] = WAIT;
	while (SHARED[3] != GO)
		sys_yield();
	SHARED[4] = DIED;
	id = fork();
	SHARED[4] = id < 0 ? id : 0;
}

static void
end_all(void)
{
	while (!alone()) {
		for (int i = 0; i < 100 && !alone(); i++)
			pause();
		sys_yield();
	}
}

static void
same_as(uint32_t frames, const char *what)
{
	uint32_t now;

	end_all();
	now = free_frames();
	if (now != frames)
		panic("%s: %u frames were free, and now %u", what, frames, now);
	cprintf("leaks: %s\n", what);
}

static void
try_it(void (*f)(uint32_t), uint32_t arg, const char *what)
{
	uint32_t frames = free_frames();

	LEFT = READY = COUNT = 0;
	spawn(f, arg);
	end_all();
	assert(READY == SURVIVED);
	same_as(frames, what);
}

static void
fork_with(uint32_t left)
{
	envid_t eater, forker;

	memset((void *) SHARED, 0, PGSIZE);
	forker = spawn(try_fork, 0);
	while (SHARED[3] != WAIT)
		sys_yield();
	LEFT = left;
	eater = spawn(hog, 1);
	own_pages();
	SHARED[5] = GO;
	while (!envs[ENVX(eater)].env_ipc_recving)
		sys_yield();

	// When nothing is left, calls of ours fail and change nothing.
	if (left == 0) {
		assert(sys_page_alloc(0, (void *) HEAP, RW) == -E_NO_MEM);
		assert(sys_exofork() == -E_NO_MEM);
		assert(fork() == -E_NO_MEM);
	}
	SHARED[3] = GO;
	wait_end(forker);
	assert(SHARED[4] == DIED || SHARED[4] == 0 || (int) SHARED[4] == -E_NO_MEM);
	cprintf("leaks: fork with %u frames: %s\n", left,
		SHARED[4] == DIED        ? "death"
			: SHARED[4] == 0 ? "a child"
					 : "an error");
	destroy(eater);
}

// What the dead have not given back yet can be had at once.
static void
inherit(void)
{
	uint32_t frames;
	envid_t id;

	// A page table of our own, for later.
	assert(sys_page_alloc(0, (void *) HEAP, RW) == 0);
	assert(sys_page_unmap(0, (void *) HEAP) == 0);
	frames = free_frames();
	id = spawn(dead_weight, 0);
	own_pages();
	while (!envs[ENVX(id)].env_ipc_recving)
		sys_yield();
	assert(sys_page_alloc(0, (void *) HEAP, RW) == -E_NO_MEM);
	assert(sys_env_destroy(id) == 0);
	for (uint32_t va = HEAP; va < HEAP + PTSIZE; va += PGSIZE)
		assert(sys_page_alloc(0, (void *) va, RW) == 0);
	for (uint32_t va = HEAP; va < HEAP + PTSIZE; va += PGSIZE)
		assert(sys_page_unmap(0, (void *) va) == 0);
	same_as(frames, "what the dead still hold");
}

void
umain(int argc, char **argv)
{
	share_page();
	spawn(letters, 0);
	end_all();
	// Now the libc has what it needs, but perhaps the page table for its copies.
	assert(sys_page_alloc(0, (void *) PFTEMP, RW) == 0);
	assert(sys_page_unmap(0, (void *) PFTEMP) == 0);
	try_it(generations, 0, "thousands of generations");
	try_it(hog, 0, "all pages");
	try_it(tables, 0, "all page tables");
	try_it(all_envs, 0, "all envs");
	try_it(letters, 0, "letters");
	try_it(many_mappings, 0, "many mappings of a page");

	uint32_t frames = free_frames();
	COUNT = 0;
	spawn(bomb, 0);
	end_all();
	assert(COUNT > 100);
	same_as(frames, "a fork bomb");
	spawn(hungry_bomb, 6);
	same_as(frames, "a hungry fork bomb");
	for (uint32_t left = 0; left < 8; left++)
		fork_with(left);
	same_as(frames, "forks with little memory");
	inherit();
	try_it(all_envs, 0, "all envs, again");
	cprintf("leaks: OK\n");
}
