// The rows of `make bench' that one CPU can do, one line each.

#include "user/bench.h"

#define MANY 100 // pages in one call

// The words of a page that rows verify, and the pages that belong to them.

static uint32_t
first_word(int n)
{
	return n + 2;
}

static void
fill_pages(int n)
{
	make_pages(n);
	for (int i = 0; i < n; i++) {
		WORD(PAGE(i)) = first_word(i);
		LAST_WORD(PAGE(i)) = ~first_word(i);
	}
}

static void
verify_pages(int n)
{
	for (int i = 0; i < n; i++)
		assert(WORD(PAGE(i)) == first_word(i) && LAST_WORD(PAGE(i)) == ~first_word(i));
}

static uint32_t
owners(void *va)
{
	return pages[PGNUM(uvpt[PGNUM(va)])].pp_ref;
}

// Calls.

static bool
all_zero(const uint32_t *page)
{
	for (int i = 0; i < PGSIZE / 4; i++)
		if (page[i] != 0)
			return false;
	return true;
}

static int
envs_in_use(void)
{
	int n = 0;

	for (int i = 0; i < NENV; i++)
		n += envs[i].env_status != ENV_FREE;
	return n;
}

static void
calls(void)
{
	envid_t id, self = thisenv->env_id;

	for (int i = 0; i < WINDOWS; i++) {
		TIME(id = sys_getenvid());
		assert(id == self);
	}
	report("null_syscall", least_cost(), 1);

	assert(envs_in_use() == 1);
	for (int i = 0; i < WINDOWS; i++)
		TIME(sys_yield());
	report("yield_self", least_cost(), 1);

	for (int i = 0; i < WINDOWS; i++) {
		TIME(must(sys_page_alloc(0, PAGE(0), RW)));
		assert(all_zero(PAGE(0)));
		memset(PAGE(0), 0xaa, PGSIZE); // the same frame may come again
		must(sys_page_unmap(0, PAGE(0)));
	}
	report("page_alloc", least_cost(), 1);

	for (int i = 0; i < WINDOWS; i++) {
		TIME(id = sys_exofork(); must(id); destroy(id));
		assert(gone(id));
	}
	report("exofork_destroy", least_cost(), 1);
}

static void
mapping(void)
{
	fill_pages(1);
	for (int i = 0; i < WINDOWS; i++) {
		TIME(must(sys_page_map(0, PAGE(0), 0, PAGE(1), RW));
		     must(sys_page_unmap(0, PAGE(1))));
		assert(!(uvpt[PGNUM(PAGE(1))] & PTE_P));
	}
	report("page_map_unmap", least_cost(), 1);

	must(sys_page_map(0, PAGE(0), 0, PAGE(1), RW));
	assert(owners(PAGE(0)) == 2 && WORD(PAGE(1)) == first_word(0));
	drop_pages(2);
}

static void
yielder(void)
{
	for (;;)
		sys_yield();
}

static void
switches(void)
{
	envid_t other = child(yielder);
	uint32_t runs;

	sys_yield();
	for (int i = 0; i < WINDOWS; i++) {
		runs = envs[ENVX(other)].env_runs;
		TIME(sys_yield());
		assert(envs[ENVX(other)].env_runs > runs);
	}
	report("yield_roundtrip", least_cost(), 1);
	destroy(other);
}

// Faults.  What is written to a page says that the write has come to pass.

static volatile int faults;

// n faults have come since this was asked last.
static void
must_have_faulted(int n)
{
	assert(faults == n);
	faults = 0;
}

static inline void
touch(void *va)
{
	asm volatile("movl %0, (%1)" : : "a"(1), "c"(va) : "memory");
}

static void
touch_pages(int n)
{
	for (int i = 0; i < n; i++)
		touch(PAGE(i));
}

static void
verify_touched(int n)
{
	for (int i = 0; i < n; i++)
		assert(WORD(PAGE(i)) == 1 && LAST_WORD(PAGE(i)) == ~first_word(i));
}

static void
skip_instruction(struct UTrapframe *utf)
{
	faults++;
	utf->utf_eip += 2; // the one of touch()
}

static void
unprotect(struct UTrapframe *utf)
{
	faults++;
	protect_page((void *) ROUNDDOWN(utf->utf_fault_va, PGSIZE), RW);
}

static void
upcalls(void)
{
	set_pgfault_handler(skip_instruction);
	for (int i = 0; i < WINDOWS; i++) {
		TIME(touch(PAGE(0)));
		must_have_faulted(1);
	}
	report("fault_upcall_null", least_cost(), 1);
}

// Rights are taken away inside of the window, and the fault that shows it is there or behind it.
static void
protection(void)
{
	set_pgfault_handler(unprotect);
	fill_pages(MANY);
	for (int i = 0; i < WINDOWS; i++) {
		TIME(protect_page(PAGE(0), RO));
		touch(PAGE(0));
		must_have_faulted(1);
	}
	report("page_protect", least_cost(), 1);

	for (int i = 0; i < WINDOWS; i++) {
		TIME(protect_page(PAGE(0), RO); touch(PAGE(0)));
		must_have_faulted(1);
	}
	report("prot_trap_unprot", least_cost(), 1);

	for (int i = 0; i < WINDOWS; i++) {
		TIME(protect_pages(PAGE(0), MANY, RO));
		touch_pages(MANY);
		must_have_faulted(MANY);
	}
	report("protN_per_page", least_cost(), MANY);

	for (int i = 0; i < WINDOWS; i++) {
		TIME(protect_pages(PAGE(0), MANY, RO); touch_pages(MANY));
		must_have_faulted(MANY);
	}
	report("appel_protN_trap_unprot", least_cost(), MANY);
	verify_touched(MANY);
	drop_pages(MANY);
}

// Copy on write.

// A child that keeps the pages as they are when it is made.  On request it verifies that it does.
static void
keeper(void)
{
	envid_t parent;

	ipc_recv(&parent, NULL, NULL);
	verify_pages(WINDOWS);
	ipc_send(parent, 1, NULL, 0);
}

static void
copy_on_write(void)
{
	fill_pages(WINDOWS);
	envid_t id = child(keeper);
	for (int i = 0; i < WINDOWS; i++) {
		assert(owners(PAGE(i)) == 2);
		TIME(touch(PAGE(i)));
		assert(owners(PAGE(i)) == 1);
	}
	report("cow_fault_shared", least_cost(), 1);
	verify_touched(WINDOWS);
	sys_yield();
	assert(call(id, 0) == 1);
	wait(id);

	fill_pages(WINDOWS);
	destroy(child(keeper));
	for (int i = 0; i < WINDOWS; i++) {
		assert(owners(PAGE(i)) == 1 && (uvpt[PGNUM(PAGE(i))] & PTE_COW));
		TIME(touch(PAGE(i)));
		assert(!(uvpt[PGNUM(PAGE(i))] & PTE_COW));
	}
	report("cow_fault_sole", least_cost(), 1);
	verify_touched(WINDOWS);
	drop_pages(WINDOWS);
}

// Fork.

static volatile uint32_t *common; // to hear from children
static int nwritten;              // how many pages a child writes to
static int nread;                 // or reads

// What the child finds in its pages, which it overwrites.
static void
writer(void)
{
	uint32_t sum = 0;

	for (int i = 0; i < nread; i++)
		sum += WORD(PAGE(i));
	for (int i = 0; i < nwritten; i++)
		sum += xchg(PAGE(i), 1);
	*common = sum;
}

// A child has seen in n pages what we have in ours.
static void
verify_fork(envid_t id, int n)
{
	uint32_t sum = 0;

	wait(id);
	for (int i = 0; i < n; i++)
		sum += first_word(i);
	assert(*common == sum);
	verify_pages(n);
}

// fork with n pages more than the program has.
static struct Cost
fork_latency(int n)
{
	envid_t id;

	fill_pages(n);
	nread = n;
	for (int i = 0; i < WINDOWS; i++) {
		*common = ~0;
		TIME(id = child(writer));
		verify_fork(id, n);
	}
	nread = 0;
	drop_pages(n);
	return least_cost();
}

// From fork to the end of a child that writes to n pages.
static struct Cost
fork_to_end(int n)
{
	envid_t id;

	fill_pages(n);
	nwritten = n;
	for (int i = 0; i < WINDOWS / 4; i++) {
		*common = ~0;
		TIME(id = child(writer); wait(id));
		assert(gone(id));
		verify_fork(id, n);
	}
	nwritten = 0;
	drop_pages(n);
	return least_cost();
}

// While the program is as small as it ever is.
static void
forking_small(void)
{
	report("fork_latency_0", fork_latency(0), 1);
	report("fork_exit_wait_0", fork_to_end(0), 1);
}

static void
forking_large(void)
{
	struct Cost few, many;

	few = fork_latency(256);
	many = fork_latency(1024);
	report("fork_slope", cost_difference(many, few), 1024 - 256);
	few = fork_to_end(256);
	many = fork_to_end(1024);
	report("touch_slope", cost_difference(many, few), 1024 - 256);
}

// Messages.

static void
messages(void)
{
	envid_t other = child(echo);
	uint32_t value;

	sys_yield();
	for (uint32_t i = 0; i < WINDOWS; i++) {
		TIME(value = call(other, i));
		assert(value == i + 1);
	}
	report("ipc_roundtrip_value", least_cost(), 1);
	ipc_send(other, ECHO_END, NULL, 0);
	wait(other);

	make_pages(2);
	other = child(echo_page);
	sys_yield();
	for (uint32_t i = 0; i < WINDOWS; i++) {
		void *page = PAGE(i % 2);
		WORD(page) = i;
		TIME(value = call_with_page(other, 0, page));
		assert(value == i + 1 && owners(page) == 2);
	}
	report("ipc_roundtrip_page", least_cost(), 1);
	drop_pages(2);
	ipc_send(other, ECHO_END, NULL, 0);
	wait(other);
}

// Whole programs.

#define TREE_DEPTH 3
#define TREE_ENVS 14 // below the root

struct Tree {
	uint32_t n;
	envid_t ids[TREE_ENVS];
};

static void
tree(volatile struct Tree *t, int depth)
{
	for (int i = 0; i < 2 && depth > 0; i++) {
		envid_t id = fork();
		must(id);
		if (id == 0) {
			t->ids[__sync_fetch_and_add(&t->n, 1)] = thisenv->env_id;
			tree(t, depth - 1);
			exit();
		}
	}
}

static void
tree_wait(volatile struct Tree *t)
{
	while (t->n < TREE_ENVS)
		sys_yield();
	for (int i = 0; i < TREE_ENVS; i++)
		wait(t->ids[i]);
}

// Each env has two children, down to the third generation; over when all have gone.
static void
forktree(void)
{
	volatile struct Tree *t = (volatile struct Tree *) common;

	for (int i = 0; i < WINDOWS / 4; i++) {
		t->n = 0;
		TIME(tree(t, TREE_DEPTH); tree_wait(t));
		assert(t->n == TREE_ENVS && envs_in_use() == 1);
	}
	report("forktree_3", least_cost(), 1);
}

#define PRIMES 100
#define NO_MORE 0

// A pipeline of filters, each of which makes the next one.  A filter's first number is its prime,
// and it passes on those that this does not divide.  The last one tells the parent its prime.
static void
sieve(envid_t parent)
{
	uint32_t prime = 0, x;
	envid_t next = 0;

	for (int n = 1; next == 0; n++) {
		prime = ipc_recv(NULL, NULL, NULL);
		if (n == PRIMES) {
			ipc_send(parent, prime, NULL, 0);
			while (ipc_recv(NULL, NULL, NULL) != NO_MORE)
				;
			exit();
		}
		next = fork();
		must(next);
	}
	while ((x = ipc_recv(NULL, NULL, NULL)) != NO_MORE)
		if (x % prime)
			ipc_send(next, x, NULL, 0);
	ipc_send(next, NO_MORE, NULL, 0);
	exit();
}

// What feeds the pipeline, until the parent knows its prime.
static void
numbers(void)
{
	envid_t parent = thisenv->env_parent_id, first = fork();

	must(first);
	if (first == 0)
		sieve(parent);
	for (uint32_t x = 2; !*common; x++)
		ipc_send(first, x, NULL, 0);
	ipc_send(first, NO_MORE, NULL, 0);
}

static uint32_t
prime_number(int n)
{
	uint32_t x = 1, d;

	while (n > 0) {
		x++;
		for (d = 2; d < x && x % d; d++)
			;
		n -= d == x;
	}
	return x;
}

static void
primes(void)
{
	uint32_t prime;

	for (int i = 0; i < 4; i++) {
		*common = 0;
		TIME(child(numbers); prime = ipc_recv(NULL, NULL, NULL));
		*common = 1;
		assert(prime == prime_number(PRIMES));
		while (envs_in_use() > 1)
			sys_yield();
	}
	report("primes_100", least_cost(), 1);
}

// The clock itself: 2,000,001 instructions are a mov, and a million times two.
static void
clock(void)
{
	for (int i = 0; i < WINDOWS / 4; i++)
		TIME(asm volatile("movl $1000000, %%ecx; 1: decl %%ecx; jnz 1b" ::: "ecx", "cc"));
	report("calibration_2000001", least_cost(), 1);
}

void
umain(int argc, char **argv)
{
	report_clock();
	calibrate();
	common = common_page();
	clock();
	forking_small();
	forktree();
	primes();
	calls();
	switches();
	messages();
	mapping();
	upcalls();
	protection();
	copy_on_write();
	forking_large();
	report_clock();
	cprintf("bench: OK\n");
}
