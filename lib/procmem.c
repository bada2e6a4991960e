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

static int
heap_fault(struct Region *r, const struct Fault *f, struct UTrapframe *utf)
{
	(void) r;
	return f->va < ROUNDUP(heap_end, PGSIZE) ? supply(f, utf) : REGION_DECLINED;
}

static int
stack_fault(struct Region *r, const struct Fault *f, struct UTrapframe *utf)
{
	(void) r;
	return supply(f, utf);
}

// The lowest page of each is its guard.
static bool
in_guard(uint32_t va)
{
	return va % THREAD_STACK < PGSIZE;
}

static int
thread_fault(struct Region *r, const struct Fault *f, struct UTrapframe *utf)
{
	(void) r;
	return in_guard(f->va) ? REGION_DECLINED : supply(f, utf);
}

static const struct Pager heap_pager = {.name = "heap of a process", .fault = heap_fault};
static const struct Pager stack_pager = {.name = "stack of a process", .fault = stack_fault};
static const struct Pager thread_pager = {.name = "stacks of threads", .fault = thread_fault};

static int
add(const char *name, uint32_t start, uint32_t size, const struct Pager *pager)
{
	const int prot = pager == &region_guard ? REGION_NONE : REGION_RW;

	return region_add(NULL,
			  &(struct Region){.name = name,
					   .start = start,
					   .size = size,
					   .prot = prot,
					   .max = prot,
					   .pager = pager});
}

int
_proc_memory(void)
{
	const uint32_t bottom = USTACKTOP - PROC_STACK;
	int r;

	if (region_at((void *) PROC_HEAP))
		return 0;
	if ((r = add("stack", bottom, PROC_STACK, &stack_pager)) < 0 ||
	    (r = add("guard of the stack", bottom - PGSIZE, PGSIZE, &region_guard)) < 0 ||
	    (r = add("stacks of threads", THREAD_STACKS, THREADS_MAX * THREAD_STACK,
		     &thread_pager)) < 0)
		return r;
	return add("heap", PROC_HEAP, PROC_HEAP_END - PROC_HEAP, &heap_pager);
}

// The heap.

static void
clear_present(uint32_t start, uint32_t end)
{
	uint32_t next;

	for (; start < end; start = next) {
		next = MIN(ROUNDDOWN(start, PGSIZE) + PGSIZE, end);
		if (region_pte(start) & PTE_P)
			memset((void *) start, 0, next - start);
	}
}

// What is given back comes back as zeros.  While there are threads, all of them have the pages; these stay.
static void
shrink(uint32_t from, uint32_t to)
{
	const uint32_t whole = _proc_threaded() ? from : MIN(ROUNDUP(to, PGSIZE), from);
	struct Region *heap = region_at((void *) PROC_HEAP);

	clear_present(to, whole);
	if (whole < from)
		region_evict(heap, whole - PROC_HEAP, ROUNDUP(from, PGSIZE) - whole);
}

void *
proc_sbrk(intptr_t n)
{
	uint32_t old, new;

	do {
		old = *(volatile uint32_t *) &heap_end;
		if (n > 0 ? (uint32_t) n > PROC_HEAP_END - old : -(uint32_t) n > old - PROC_HEAP)
			return NULL;
		new = old + n;
	} while (!__sync_bool_compare_and_swap(&heap_end, old, new));
	if (new < old)
		shrink(old, new);
	return (void *) old;
}

// Looking before touching.

// Whether the loader has put off the page at va, and allows the access.
static bool
comes_lazily(uint32_t va, int access)
{
	if (!lazily_loaded())
		return false;
	for (const struct LazyRange *range = THE_LAZY->ranges; range->end; range++)
		if (range->start <= va && va < range->end)
			return !(access & REGION_WRITE) || (range->perm & PTE_W);
	return false;
}

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
	if (!r)
		return comes_lazily(va, access);
	if (access & ~r->prot)
		return false;
	if (r->pager == &heap_pager)
		return va < heap_end;
	return r->pager != &thread_pager || !in_guard(va);
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
