// Memory of a process: the heap, the stack that grows, and the stacks of threads.  They are regions whose
// pages come when they are touched; once the process may have threads, from init, which gives the same page
// to all of them.

#include "lib/proc.h"
#include "lib/region.h"

// Where the heap ends.  Threads change it together.
static uint32_t heap_end = PROC_HEAP;

// The process that has had more than one thread, or 0: a child of it has one.
static pid_t threaded;

bool
_proc_threaded(void)
{
	return threaded != 0 && threaded == proc_getpid();
}

void
_proc_set_threaded(void)
{
	threaded = proc_getpid();
}

static int
supply(const struct Fault *f, const struct UTrapframe *utf)
{
	int r;

	if (!f->missing) // or another thread has just got it for us
		return utf->utf_err & FEC_PR ? REGION_DEFAULT : REGION_HANDLED;
	if (!_proc_threaded())
		return REGION_DEFAULT;
	r = _proc_call(OP_PAGE, PGNUM(f->va));
	return r < 0 ? r : REGION_HANDLED;
}

// Whether a page at va, in r, comes when it is touched, if there is memory.
static bool supplies(const struct Region *r, uint32_t va);

static int
memory_fault(struct Region *r, const struct Fault *f, struct UTrapframe *utf)
{
	return supplies(r, f->va) ? supply(f, utf) : REGION_DECLINED;
}

static const struct Pager heap_pager = {.name = "heap of a process", .fault = memory_fault};
static const struct Pager stack_pager = {.name = "stack of a process", .fault = memory_fault};
static const struct Pager thread_pager = {.name = "stacks of threads", .fault = memory_fault};

static bool
supplies(const struct Region *r, uint32_t va)
{
	if (r->pager == &heap_pager)
		return va < ROUNDUP(heap_end, PGSIZE);
	if (r->pager == &stack_pager)
		return va >= USTACKTOP - PROC_STACK;
	// The lowest page of each stack is its guard.
	return r->pager != &thread_pager || va % THREAD_STACK >= PGSIZE;
}

// Let a region from start to end-1, if it is not there, have this pager.
static int
add(const char *name, uint32_t start, uint32_t end, const struct Pager *pager)
{
	const struct Region like = {.name = name,
				    .start = start,
				    .size = end - start,
				    .prot = REGION_RW,
				    .max = REGION_RW,
				    .pager = pager};
	const struct Region *r = region_at((void *) start);

	return r && r->pager == pager ? 0 : region_add(NULL, &like);
}

static int
add_heap(void)
{
	return add("heap", PROC_HEAP, PROC_HEAP_END, &heap_pager);
}

// Each program begins with this, so it is what the table of regions can tell by one word: all pages below the stack's
// top of which a page table tells.
int
_proc_memory(void)
{
	return add("stack", ROUNDDOWN(USTACKTOP, PTSIZE), USTACKTOP, &stack_pager);
}
static_assert(PROC_STACK <= USTACKTOP % PTSIZE, "it is in there");

int
_proc_thread_memory(void)
{
	int r = add_heap();

	return r < 0 ? r
		     : add("stacks of threads", THREAD_STACKS,
			   THREAD_STACKS + THREADS_MAX * THREAD_STACK, &thread_pager);
}

// The heap.

static void
clear_present(uint32_t start, uint32_t end)
{
	for (uint32_t va = start; va < end; va = page_after(ROUNDDOWN(va, PGSIZE)))
		if (region_pte(va) & PTE_P)
			memset((void *) va, 0, MIN(ROUNDDOWN(va, PGSIZE) + PGSIZE, end) - va);
}

// While there are threads, all of them have the pages, and these stay.
static void
shrink(uint32_t from, uint32_t to)
{
	const uint32_t whole = ROUNDUP(to, PGSIZE);

	if (whole < from && !_proc_threaded())
		region_evict(region_at((void *) PROC_HEAP), whole - PROC_HEAP,
			     ROUNDUP(from, PGSIZE) - whole);
}

// What has been given back is cleared by who gets it: it is that thread's alone by then.
void *
proc_sbrk(intptr_t n)
{
	uint32_t old, new;

	if (add_heap() < 0)
		return NULL;
	do {
		old = *(volatile uint32_t *) &heap_end;
		if (n > 0 ? (uint32_t) n > PROC_HEAP_END - old : -(uint32_t) n > old - PROC_HEAP)
			return NULL;
		new = old + n;
	} while (!__sync_bool_compare_and_swap(&heap_end, old, new));
	if (new < old)
		shrink(old, new);
	else
		clear_present(old, new);
	return (void *) old;
}

// Looking before touching.

// Whether the page at va, which is there, or would be supplied by r, allows the access.
static bool
allows(uint32_t va, const struct Region *r, int access)
{
	pte_t pte = va < UTOP ? region_pte(va) : 0;

	if (!(pte & PTE_P))
		pte = _lazy_rights(va);
	if (pte & PTE_P)
		return !(access & REGION_WRITE) || (pte & (PTE_W | PTE_COW)) ||
			(r && (r->prot & REGION_WRITE));
	return r && !(access & ~r->prot) && supplies(r, va);
}

bool
proc_accessible(const void *start, size_t n, int access)
{
	uint32_t va = (uint32_t) start;
	const uint32_t end = va + n;

	if (end < va || end > UTOP)
		return false;
	for (; va < end; va = ROUNDDOWN(va, PGSIZE) + PGSIZE)
		if (!allows(va, region_at((void *) va), access))
			return false;
	return true;
}
