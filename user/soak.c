// Random system calls from many envs on all CPUs, for SOAK_SECONDS.  Workers and their children
// map, send, fork, fault, stop and kill as the dice fall; a supervisor starts new ones for those
// that die, and kills some itself.  At the end all are gone, and every frame is free again.
//
//	make run-soak			a few seconds
//	make soak T=600 CPUS=4		as long as wanted

#include "inc/ipc.h"
#include "inc/trap.h"
#include "user/attack.h"

#ifndef SOAK_SECONDS
#define SOAK_SECONDS 4
#endif
#ifndef SOAK_SEED
#define SOAK_SEED 1
#endif

#define WORKERS 12
#define CROWD 200   // no forks when there are so many envs
#define PATIENCE 60 // seconds in which all must be gone at the end
#define TICKS 20    // time slices of 10 ms, to find out how fast the clock is
#define KILLS 10    // by the supervisor, each second
#define WINDOW 64   // pages where most happens
#define HEAP 0x10000000u
#define HOARD 0x20000000u

#define STOP SHARED[0]
#define CALLS SHARED[1]
#define DEATHS SHARED[2]

// Children that a worker knows of.
#define MANY 8
static envid_t children[MANY];

static bool
one_in(uint32_t n)
{
	return (random() >> 8) % n == 0;
}

static uint32_t
pick(const uint32_t *from, uint32_t n)
{
	return from[(random() >> 8) % n];
}
#define PICK(array) pick(array, ARRAY_SIZE(array))

static uint32_t
some_va(void)
{
	static const uint32_t odd[] = {
		0,
		PGSIZE,
		UTEMP,
		PTSIZE - PGSIZE,
		UTOP - PGSIZE,
		USTACKTOP,
		UTOP,
		UENVS + 4,
		UPAGES,
		UVPT,
		UVPD,
		ULIM,
		MMIOLIM,
		KERNBASE,
		0xfffff000,
		0xffffffff,
		UTOP - 1,
		HEAP + 1,
		0x80000000,
		HOARD,
		UXSTACKTOP,
		KERNBASE + EXTPHYSMEM,
		UTEXT - PGSIZE,
	};

	if (one_in(12))
		return PICK(odd);
	if (one_in(100))
		return random();
	return HEAP + (random() >> 8) % WINDOW * PGSIZE;
}

static uint32_t
some_perm(void)
{
	static const uint32_t perms[] = {RW, RW, RW, RO, RO, RW | PTE_SHARE, RO | PTE_COW};

	return one_in(20) ? random() : PICK(perms);
}

// Ourselves, one of our children, or anyone.
static envid_t
some_env(void)
{
	if (one_in(3))
		return 0;
	if (one_in(6))
		return envs[(random() >> 8) % 64].env_id;
	if (one_in(30))
		return random();
	return children[(random() >> 8) % MANY];
}

static void
remember(envid_t id)
{
	if (id > 0)
		children[(random() >> 8) % MANY] = id;
}

static bool
crowded(void)
{
	return envs[CROWD].env_status != ENV_FREE; // the lowest slots are taken first
}

static void
fault_in(struct UTrapframe *utf)
{
	void *page = (void *) ROUNDDOWN(utf->utf_fault_va, PGSIZE);

	if (STOP || utf->utf_fault_va < HEAP || utf->utf_fault_va >= HEAP + WINDOW * PGSIZE ||
	    sys_page_alloc(0, page, RW) < 0)
		exit();
}

static void __attribute__((noreturn)) work(void);

// Take much of the memory, for a moment or for good; who is rich does not fork, as that would take
// very long in a kernel that checks itself.
static bool rich;

static void
hoard(void)
{
	uint32_t n = (random() >> 8) % 20000, i;

	for (i = 0; i < n && !STOP; i++)
		if (sys_page_alloc(0, (void *) (HOARD + i * PGSIZE), RW) < 0)
			break;
	rich = rich || one_in(2);
	for (uint32_t j = rich ? 0 : i; j > 0 && !STOP; j--)
		sys_page_unmap(0, (void *) (HOARD + (j - 1) * PGSIZE));
}

static void
start_child(envid_t id)
{
	struct Trapframe tf = {0};

	tf.tf_eip = (uint32_t) work;
	tf.tf_esp = USTACKTOP - 64; // thisenv stands at the top
	if (one_in(3))
		tf.tf_eflags = random() & ~(uint32_t) (FL_TF | FL_DF); // C wants DF clear
	sys_env_set_trapframe(id, &tf);
}

static void
leave(void)
{
	exit();
}

// Take exceptions, let another take them, or raise one: the end of who does not.
static void
exceptions(envid_t id, uint32_t va)
{
	if (!one_in(20)) {
		sys_env_set_exception_upcall(id, (void *) (va >= ULIM ? va : (uint32_t) leave),
					     one_in(8) ? random() : random() & EXCEPTIONS);
		return;
	}
	switch ((random() >> 8) % 4) {
	case 0:
		asm volatile("int3");
		return;
	case 1:
		asm volatile("ud2");
		return;
	case 2:
		asm volatile("divl %0" : : "r"(0), "a"(1), "d"(1) : "cc");
		return;
	case 3: // a step, which may be over a call
		asm volatile("pushfl; orl %0,(%%esp); popfl" : : "i"(FL_TF) : "memory", "cc");
		sys_yield();
		return;
	}
}

// Keep somebody, give it up, or hear of those that have ended.
static void
keepers(envid_t id)
{
	if (one_in(3))
		sys_ipc_wait(one_in(2) ? id : 0, (void *) UTOP, IPC_NOWAIT);
	else
		sys_env_set_keeper(id, one_in(4) ? some_env() : one_in(3) ? 0 : sys_getenvid());
}

// Ports at which nobody answers, the clock, and the right to use the device.
static void
device(envid_t id, uint32_t va)
{
	uint32_t port = 0x16e + (random() >> 8) % 12, width = (random() >> 8) % 5,
		 n = random() % 600;

	if (one_in(3))
		sys_env_give_device(id);
	else if (one_in(2))
		sys_ports_write(port, width, (void *) va, n);
	else
		sys_ports_read(port, width, (void *) va, n);
	sys_clock_ms();
}

// Nothing here sends a program into memory that it can read but that is not its text, such as the
// tables the kernel publishes: it could stay there for ever, which is its right, and once its
// parent has gone nobody may end it.
static void
one_call(void)
{
	static const char text[] = "soak!\n";
	envid_t id = some_env();
	uint32_t va = some_va();

	switch ((random() >> 8) % 44) {
	default:
		sys_page_alloc(id, (void *) va, some_perm());
		return;
	case 0 ... 6:
		sys_page_map(id, (void *) va, some_env(), (void *) some_va(), some_perm());
		return;
	case 7 ... 10:
		sys_page_unmap(id, (void *) va);
		return;
	case 11 ... 13:
		sys_yield();
		return;
	case 14 ... 16:
		if (id == 0 && !one_in(50))
			return;
		sys_env_set_status(id,
				   one_in(3)            ? ENV_NOT_RUNNABLE
					   : one_in(20) ? (int) random()
							: ENV_RUNNABLE);
		return;
	case 17 ... 20:
		sys_ipc_try_send(envs[(random() >> 8) % 64].env_id, random(), (void *) va,
				 some_perm());
		return;
	case 21:
		sys_ipc_recv((void *) va);
		return;
	case 22 ... 26: // touch it
		va = HEAP + (random() >> 8) % (WINDOW * PGSIZE - 4);
		if (one_in(2))
			*(volatile uint32_t *) va = random();
		else
			*(volatile uint32_t *) va;
		return;
	case 27:
		if (one_in(10) && !rich && !crowded())
			remember(fork());
		return;
	case 28:
		if (one_in(20) && !crowded()) {
			envid_t child = sys_exofork();

			if (child == 0)
				exit();
			remember(child);
		}
		return;
	case 29:
		if (id ? one_in(8) : one_in(200))
			sys_env_destroy(id);
		return;
	case 30:
		if (id)
			start_child(id);
		return;
	case 31:
		if (id)
			sys_env_set_pgfault_upcall(id, (void *) (va >= ULIM ? va : 0));
		return;
	case 32:
		if (one_in(50))
			sys_cputs(one_in(3) ? (char *) va : text,
				  one_in(4) ? random() : sizeof text - 1);
		return;
	case 33:
		if (one_in(200))
			hoard();
		return;
	case 34: // whatever, but not to the console
		syscall_int(SYS_cputs + 1 + (random() >> 8) % (NSYSCALLS + 3), random(), va,
			    some_perm(), some_va(), random());
		return;
	case 35:
		sys_env_set_trapframe(id, (void *) (random() | KERNBASE));
		return;
	case 36:
		exceptions(id, va);
		return;
	case 37:
		keepers(id);
		return;
	case 38:
		sys_archive_page(one_in(8) ? random() : (random() >> 8) % 64, id, (void *) va);
		return;
	case 39:
		device(id, va);
		return;
	}
}

// A worker and all that come from it, until the end.
static void
work(void)
{
	random_state ^= sys_getenvid() * 2654435761u;
	random_state |= random_state == 0;
	thisenv = &envs[ENVX(sys_getenvid())];
	set_pgfault_handler(fault_in);
	while (!STOP) {
		uint32_t n = 1 + (random() >> 8) % 64;

		for (uint32_t i = 0; i < n && !STOP; i++)
			one_call();
		asm volatile("lock; addl %1,%0" : "+m"(CALLS) : "r"(n));
	}
	exit();
}

// The supervisor.  It makes plain copies of itself, and so depends on no page that it might be
// unable to copy when memory is short.
static int
give_copy(envid_t child, uint32_t va)
{
	pte_t pte = uvpt[PGNUM(va)];
	int r;

	if (!(pte & PTE_W) || (pte & PTE_SHARE))
		return sys_page_map(0, (void *) va, child, (void *) va, pte & PTE_SYSCALL);
	if ((r = sys_page_alloc(0, (void *) UTEMP, RW)) < 0)
		return r;
	memcpy((void *) UTEMP, (void *) va, PGSIZE);
	return sys_page_map(0, (void *) UTEMP, child, (void *) va, RW);
}

static envid_t
start_worker(uint32_t seed)
{
	envid_t id = sys_exofork();
	int r = 0;

	if (id < 0)
		return id;
	if (id == 0) {
		random_state = seed * 2654435761u;
		work();
	}
	for (uint32_t va = SHARED_VA; va < USTACKTOP && r == 0; va += PGSIZE) {
		if (!(uvpd[PDX(va)] & PTE_P))
			va += PTSIZE - PGSIZE;
		else if (uvpt[PGNUM(va)] & PTE_P)
			r = give_copy(id, va);
	}
	for (uint32_t va = UTEXT; va < SHARED_VA && r == 0; va += PGSIZE) {
		if (!(uvpd[PDX(va)] & PTE_P))
			va += PTSIZE - PGSIZE;
		else if (uvpt[PGNUM(va)] & PTE_P)
			r = give_copy(id, va);
	}
	sys_page_unmap(0, (void *) UTEMP);
	if (r == 0 && one_in(2))
		r = sys_env_give_device(id);
	if (r == 0)
		r = sys_env_set_status(id, ENV_RUNNABLE);
	if (r < 0)
		sys_env_destroy(id);
	return r < 0 ? r : id;
}

static int
others(void)
{
	int n = 0;

	for (int i = 0; i < NENV; i++)
		n += envs[i].env_status != ENV_FREE && &envs[i] != thisenv;
	return n;
}

// The kernel has no clock, but alone on its CPU an env is started anew every 10 ms.
static uint64_t
cycles_per_second(void)
{
	uint32_t runs = thisenv->env_runs;
	uint64_t start;

	while (thisenv->env_runs == runs)
		;
	runs = thisenv->env_runs;
	start = read_tsc();
	while (thisenv->env_runs < runs + TICKS)
		;
	return (read_tsc() - start) * (100 / TICKS);
}

// Send something to those that wait for it, and start those of ours that have stopped themselves.
static void
wake(void)
{
	for (int i = 0; i < NENV; i++)
		if (envs[i].env_status == ENV_NOT_RUNNABLE && envs[i].env_ipc_recving)
			sys_ipc_try_send(envs[i].env_id, 0, (void *) UTOP, 0);
		else if (envs[i].env_status == ENV_NOT_RUNNABLE)
			sys_env_set_status(envs[i].env_id, ENV_RUNNABLE);
}

static void
supervise(uint64_t second)
{
	envid_t worker[WORKERS] = {0};
	uint32_t seed = SOAK_SEED, seconds = 0, kills = 0;
	uint64_t next = read_tsc();

	while (seconds < SOAK_SECONDS) {
		for (int i = 0; i < WORKERS; i++) {
			if (worker[i] > 0 && alive(worker[i]))
				continue;
			DEATHS += worker[i] > 0;
			worker[i] = start_worker(seed++);
		}
		wake();
		for (int i = 0; i < 200; i++)
			pause(); // the kernel lock is for them
		sys_yield();
		if (read_tsc() < next)
			continue;
		next += second / KILLS;
		sys_env_destroy(worker[random() % WORKERS]);
		if (++kills % KILLS > 0)
			continue;
		if (++seconds % 10 == 0)
			cprintf("soak: %u s, %u calls, %u deaths\n", seconds, CALLS, DEATHS);
	}
}

// Who is left, and why.
static void
report(void)
{
	for (int i = 0; i < NENV; i++)
		if (envs[i].env_status != ENV_FREE && &envs[i] != thisenv)
			cprintf("soak: %08x, child of %08x: status %u, run %u times, upcall %08x, "
				"recving %u\n",
				envs[i].env_id, envs[i].env_parent_id, envs[i].env_status,
				envs[i].env_runs, (uint32_t) envs[i].env_pgfault_upcall,
				envs[i].env_ipc_recving);
	panic("%d envs did not end", others());
}

// Tell all to end, and wait until they have.
static void
end_all(uint64_t patience)
{
	uint64_t end = read_tsc() + patience;

	STOP = true;
	while (others() > 0) {
		wake();
		if (read_tsc() > end)
			report();
		sys_yield();
	}
}

void
umain(int argc, char **argv)
{
	uint64_t second = cycles_per_second();
	uint32_t before, after;

	share_page();
	STOP = true; // the first worker ends at once; it makes the page table for UTEMP
	assert(start_worker(0) > 0);
	end_all(second * PATIENCE);
	before = free_frames();

	STOP = false;
	supervise(second);
	end_all(second * PATIENCE);
	after = free_frames();
	cprintf("soak: %u seconds, %u calls, %u deaths, %d frames lost\n", SOAK_SECONDS, CALLS,
		DEATHS, (int) (before - after));
	if (after != before)
		panic("%u frames were free, and now %u", before, after);
	cprintf("soak: OK\n");
}
