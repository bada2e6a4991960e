// Red zones: an allocator that catches a wrong access at the very instruction that makes it.
//
// The idea is Bruce Perens' Electric Fence (1987): each object ends where its last page ends, and
// the page behind it is inaccessible, as is the one before; freed objects become inaccessible, and
// their addresses are not used again.  The memory-management unit then checks every access, of
// compiled code and of library functions alike, and costs nothing while all goes well.  Appel and
// Li (1991) use the same trap for the end of a heap and for stacks that grow.
//
// The heap is one region.  A page of a live object is missing until it is touched, and comes as
// zeros (REGION_DEFAULT).  A red zone is a page that never comes, so it costs addresses and no memory;
// a freed object is one whose pages have been evicted.  The fault function looks up whose page it is,
// writes a report, and lets the program go on: past the instruction, where it knows the end of it,
// or else with a scratch page in the red zone.
//
// In the second half the same trap lets the stack grow on demand, down to a guard.

#include "user/gallery.h"

#define HEAP 0x10000000u
#define HEAP_PAGES 8192
#define OBJECTS 1200
#define MISTAKES 600

#define STACK_PAGES 48
#define DEPTH 300 // of a recursion that needs more than one page
#define FRAME 400 // at least, of each call in it

// One slot of the heap is a red zone, the object's pages, and a red zone.
struct Object {
	uint8_t *at;
	uint32_t size;  // in bytes
	uint32_t first; // its first page in the heap
	uint32_t pages;
	bool freed;
};

enum Mistake { OVERFLOW, UNDERFLOW, AFTER_FREE, FREED_TWICE };
static const char *const names[] = {"overflow", "underflow", "use after free", "freed twice"};

struct Report {
	enum Mistake what;
	uint32_t object;
	int32_t offset; // from its first byte
	uint32_t access;
	uint32_t eip;
};

static struct Region *heap;
static struct Object objects[OBJECTS];
static uint32_t nobjects, next_page;
static uint16_t owner[HEAP_PAGES];  // the object in whose slot the page is, plus 1
static volatile struct Report last; // no compiler knows that an access can be a fault
static volatile uint32_t nreports;

// The words in which accesses are made whose place and end are known.
uint32_t load_byte(const volatile uint8_t *p);
void store_byte(volatile uint8_t *p, uint32_t value);
extern char load_at[], load_end[], store_at[], store_end[];
asm(".text\n"
    "load_byte:	movl 4(%esp), %edx\n"
    "		xorl %eax, %eax\n"
    "load_at:	movb (%edx), %al\n"
    "load_end:	ret\n"
    "store_byte:	movl 4(%esp), %edx\n"
    "		movb 8(%esp), %al\n"
    "store_at:	movb %al, (%edx)\n"
    "store_end:	ret\n");

static const struct {
	char *at, *end;
} known[] = {{load_at, load_end}, {store_at, store_end}};

static void
report(enum Mistake what, const struct Object *o, uint32_t va, uint32_t access, uint32_t eip)
{
	last = (struct Report){what, o - objects, va - (uint32_t) o->at, access, eip};
	nreports++;
}

// Let the program go on behind the instruction, if it is one of those above.
static bool
skip(struct UTrapframe *utf)
{
	for (uint32_t i = 0; i < ARRAY_SIZE(known); i++)
		if (utf->utf_eip == (uint32_t) known[i].at) {
			utf->utf_eip = (uint32_t) known[i].end;
			return true;
		}
	return false;
}

static int
heap_fault(struct Region *r, const struct Fault *f, struct UTrapframe *utf)
{
	uint32_t page = f->offset / PGSIZE;
	const struct Object *o = owner[page] ? &objects[owner[page] - 1] : NULL;

	if (!o)
		return REGION_DECLINED;
	if (o->freed)
		report(AFTER_FREE, o, f->va, f->access, f->eip);
	else if (page < o->first)
		report(UNDERFLOW, o, f->va, f->access, f->eip);
	else if (page >= o->first + o->pages)
		report(OVERFLOW, o, f->va, f->access, f->eip);
	else
		return REGION_DEFAULT;
	return skip(utf) ? REGION_HANDLED : region_fill(r, f->offset);
}

static const struct Pager heap_pager = {.name = "guarded heap", .fault = heap_fault};

// The object number n: size bytes, zeroed, that end with a page.
static uint8_t *
guard_alloc(uint32_t size, uint32_t *n)
{
	struct Object *o = &objects[nobjects];

	o->size = size;
	o->pages = ROUNDUP(size, PGSIZE) / PGSIZE;
	o->first = next_page + 1;
	CHECK(nobjects < OBJECTS && o->first + o->pages < HEAP_PAGES);
	for (; next_page <= o->first + o->pages; next_page++)
		owner[next_page] = nobjects + 1;
	o->at = (uint8_t *) HEAP + (o->first + o->pages) * PGSIZE - size;
	*n = nobjects++;
	return o->at;
}

static void
guard_free(uint32_t n)
{
	struct Object *o = &objects[n];

	if (o->freed) {
		report(FREED_TWICE, o, (uint32_t) o->at, 0, (uint32_t) __builtin_return_address(0));
		return;
	}
	MUST(region_evict(heap, o->first * PGSIZE, o->pages * PGSIZE));
	o->freed = true;
}

// The next report must be there, and be this one.
static void
caught(uint32_t before, enum Mistake what, uint32_t n, int32_t offset, uint32_t access)
{
	CHECK(nreports == before + 1);
	CHECK(last.what == what && last.object == n && last.offset == offset);
	CHECK(last.access == access);
	CHECK(last.eip == (uint32_t) (access == REGION_WRITE ? store_at : load_at));
}

// Access the byte at offset of object n, which is a mistake.
static void
mistake(uint32_t n, enum Mistake what, int32_t offset, uint32_t access)
{
	uint32_t before = nreports;

	if (access == REGION_WRITE)
		store_byte(objects[n].at + offset, 0xff);
	else
		load_byte(objects[n].at + offset);
	caught(before, what, n, offset, access);
}

static void
tell(void)
{
	cprintf("pg_guard: %s: object %u (%u bytes), offset %d, %s at %08x\n", names[last.what],
		last.object, objects[last.object].size, last.offset,
		last.access == REGION_WRITE ? "write" : "read", last.eip);
}

static void
known_mistakes(void)
{
	uint32_t n, before;
	uint8_t *p = guard_alloc(100, &n);

	memset(p, 1, 100);
	CHECK(nreports == 0);
	mistake(n, OVERFLOW, 100, REGION_WRITE);
	tell();
	mistake(n, UNDERFLOW, -PGSIZE, REGION_READ);
	tell();

	// Somebody else's instruction: it runs on in a scratch page, once it is known.
	before = nreports;
	memset(p, 2, 104);
	CHECK(nreports == before + 1 && last.what == OVERFLOW && last.offset == 100);
	CHECK(last.eip - (uint32_t) memset < 512);
	tell();
	MUST(region_evict(heap, (objects[n].first + 1) * PGSIZE, PGSIZE));

	guard_free(n);
	mistake(n, AFTER_FREE, 7, REGION_READ);
	tell();
	guard_free(n);
	CHECK(last.what == FREED_TWICE && last.object == n);
	tell();
}

static uint8_t
pattern(uint32_t n, uint32_t offset)
{
	return n * 31 + offset * 7 + 1;
}

// Objects of many sizes, right uses and wrong ones: each of the wrong is reported, none of the right,
// and no byte changes that should not.
static void
random_mistakes(void)
{
	uint32_t seed = 1991, first = nobjects, n, before = nreports;

	for (uint32_t i = 0; i < MISTAKES; i++) {
		uint32_t size = 1 + xorshift(&seed) % (2 * PGSIZE);
		uint8_t *p = guard_alloc(size, &n);
		uint32_t victim = first + xorshift(&seed) % (n - first + 1);
		uint32_t kind = xorshift(&seed) % 4;
		uint32_t access = xorshift(&seed) % 2 ? REGION_READ : REGION_WRITE;

		for (uint32_t j = 0; j < size; j += 13)
			p[j] = pattern(n, j);
		CHECK(nreports == before + i);
		size = objects[victim].size;
		if (objects[victim].freed || kind == AFTER_FREE) {
			if (!objects[victim].freed)
				guard_free(victim);
			mistake(victim, AFTER_FREE, xorshift(&seed) % size, access);
		} else if (kind == UNDERFLOW) {
			int32_t low = ROUNDUP(size, PGSIZE) - size; // to the page's start
			mistake(victim, UNDERFLOW, -low - 1 - (int32_t) (xorshift(&seed) % PGSIZE),
				access);
		} else {
			mistake(victim, OVERFLOW, size + xorshift(&seed) % PGSIZE, access);
		}
	}
	CHECK(nreports == before + MISTAKES);
	for (n = first; n < nobjects; n++)
		for (uint32_t j = 0; j < objects[n].size && !objects[n].freed; j += 13)
			CHECK(objects[n].at[j] == pattern(n, j));
	CHECK(nreports == before + MISTAKES);
}

// What it costs: to allocate, to touch the first time, to free.
static void
costs(uint32_t *alloc, uint32_t *touch, uint32_t *release)
{
	enum { N = 200 };
	uint32_t first = nobjects, n;
	uint64_t start = ticks();

	for (uint32_t i = 0; i < N; i++)
		guard_alloc(64, &n);
	*alloc = (ticks() - start) / N;
	start = ticks();
	for (uint32_t i = 0; i < N; i++)
		objects[first + i].at[63] = 1;
	*touch = (ticks() - start) / N;
	start = ticks();
	for (uint32_t i = 0; i < N; i++)
		guard_free(first + i);
	*release = (ticks() - start) / N;
}

// The second half: the stack.

static uint32_t
stack_pages(void)
{
	uint32_t n = 0;

	for (uint32_t va = USTACKTOP - PGSIZE; (uvpd[PDX(va)] & PTE_P) && (uvpt[PGNUM(va)] & PTE_P);
	     va -= PGSIZE)
		n++;
	return n;
}

// The sum of 1 to n, and how deep the stack was.
static uint32_t __attribute__((noinline)) sum_to(uint32_t n, volatile uint32_t *lowest)
{
	volatile uint32_t frame[FRAME / sizeof(uint32_t)];

	frame[n % ARRAY_SIZE(frame)] = n;
	*lowest = (uint32_t) frame;
	if (n == 0)
		return 0;
	return sum_to(n - 1, lowest) + frame[n % ARRAY_SIZE(frame)];
}

static uint32_t
grow_stack(void)
{
	volatile uint32_t lowest;
	uint32_t before = stack_pages();

	MUST(region_grow_stack(STACK_PAGES * PGSIZE));
	CHECK(sum_to(DEPTH, &lowest) == DEPTH * (DEPTH + 1) / 2);
	CHECK(USTACKTOP - lowest >= DEPTH * FRAME);
	CHECK(stack_pages() == (USTACKTOP - ROUNDDOWN(lowest, PGSIZE)) / PGSIZE);
	return stack_pages() - before;
}

// A child that recurses without end meets the guard and ends there with a report; nobody else does.
static void
overflow_stack(void)
{
	volatile uint32_t *lowest = (volatile uint32_t *) (HEAP - PGSIZE);
	envid_t child;

	MUST(sys_page_alloc(0, (void *) lowest, RW | PTE_SHARE));
	child = MUST(fork());
	if (child == 0) {
		sum_to(~0u, lowest);
		cprintf("pg_guard: no guard below the stack\n");
		exit();
	}
	await_end(child);
	// The last frame may begin within the guard, when it is not all in use.
	CHECK(*lowest + FRAME - (USTACKTOP - STACK_PAGES * PGSIZE) < 3 * FRAME);
	cprintf("pg_guard: the child's stack ended at %08x\n", *lowest);
}

void
umain(int argc, char **argv)
{
	uint32_t alloc, touch, release, grown;

	MUST(region_add(&heap,
			&(struct Region){.name = "heap",
					 .start = HEAP,
					 .size = HEAP_PAGES * PGSIZE,
					 .prot = REGION_RW,
					 .max = REGION_RW,
					 .pager = &heap_pager}));
	known_mistakes();
	random_mistakes();
	costs(&alloc, &touch, &release);
	grown = grow_stack();
	overflow_stack();
	cprintf("pg_guard: OK: %u mistakes caught at their instruction, %u %s an allocation, "
		"%u its first touch, %u to free it, %u stack pages grown\n",
		nreports, alloc, tick_unit(), touch, release, grown);
}
