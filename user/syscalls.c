// The errors that inc/syscall.def promises, each one, and that a call which fails has changed
// nothing that this program can see.

#include "inc/lib.h"

#define RO (PTE_P | PTE_U)
#define RW (PTE_P | PTE_U | PTE_W)

// A writable page, a read-only page, no page, and no page table.
#define PAGE ((char *) 0x10000000)
#define READONLY (PAGE + PGSIZE)
#define NOTHING (PAGE + 2 * PGSIZE)
#define NOTABLE ((char *) 0x30000000)
#define WORD(va) (*(volatile uint32_t *) (va))
#define MAGIC 0xfa017113

static const uintptr_t bad_page[] = {
	1,      0x10000001, 0x10000fff, 0x10000800, UTOP - 1, UTOP,       UTOP + PGSIZE,
	UPAGES, UVPT,       UVPD,       ULIM,       KERNBASE, 0xfffff000, 0xffffffff,
};

static const int bad_perm[] = {
	0,          PTE_P,        PTE_U,          PTE_W,      PTE_P | PTE_W, PTE_U | PTE_W,
	PTE_AVAIL,  RW | PTE_PWT, RW | PTE_PCD,   RW | PTE_A, RW | PTE_D,    RW | PTE_PS,
	RW | PTE_G, RO | 0x1000,  RW | INT32_MIN, -1,
};

static const int good_perm[] = {
	RO, RW, RO | PTE_COW, RO | PTE_SHARE, RW | 0x200, PTE_SYSCALL,
};

static const int bad_status[] = {
	ENV_FREE, ENV_DYING, ENV_RUNNING, ENV_NOT_RUNNABLE + 1, -1, INT32_MIN, INT32_MAX,
};

// Not all of a trap frame that begins here can be read.
static const uintptr_t bad_frame[] = {
	0, 0x10002000 - 4, 0x10002000, 0x30000000, ULIM - 4, ULIM, KERNBASE, 0xfffffff0, 0xffffffff,
};

static const int bad_number[] = {
	NSYSCALLS, NSYSCALLS + 1, 1000, 0x10000, -1, INT32_MIN, INT32_MAX,
};

static struct Trapframe frame;
static envid_t siblings[NENV];

// What a failing call must leave alone.
struct Sight {
	uint32_t entries[3]; // of PAGE, READONLY and NOTHING
	uint32_t table;      // of NOTABLE
	uint32_t words[2];   // in PAGE and READONLY
	const void *upcall;
	uint32_t recving;
};

static struct Sight sight;

static void
look(struct Sight *s)
{
	// All but what the hardware writes.
	for (int i = 0; i < 3; i++)
		s->entries[i] = uvpt[PGNUM(PAGE) + i] & ~(PTE_A | PTE_D);
	s->table = uvpd[PDX(NOTABLE)];
	s->words[0] = WORD(PAGE);
	s->words[1] = WORD(READONLY);
	s->upcall = thisenv->env_pgfault_upcall;
	s->recving = thisenv->env_ipc_recving;
}

// Begin again from what is there now.
static void
set_scene(void)
{
	sys_page_unmap(0, NOTHING);
	WORD(PAGE) = MAGIC; // takes it away from fork's copy-on-write, too
	look(&sight);
}

static void
returns(int want, int got, const char *call, int line)
{
	if (got != want)
		panic("line %d: %s returned %d, not %d", line, call, got, want);
}

static void
unchanged(const char *call, int line)
{
	struct Sight now;

	look(&now);
	if (memcmp(&now, &sight, sizeof now) != 0)
		panic("line %d: %s failed and changed something", line, call);
}

#define WORKS(call) returns(0, call, #call, __LINE__)
#define FAILS(error, call)                                                                         \
	do {                                                                                       \
		returns(-(error), call, #call, __LINE__);                                          \
		unchanged(#call, __LINE__);                                                        \
	} while (0)

// Every call that changes an env, on an env that is not there or not ours.
static void
try_env(envid_t id)
{
	FAILS(E_BAD_ENV, sys_env_destroy(id));
	FAILS(E_BAD_ENV, sys_page_alloc(id, PAGE, RW));
	FAILS(E_BAD_ENV, sys_page_map(id, PAGE, 0, NOTHING, RO));
	FAILS(E_BAD_ENV, sys_page_map(0, PAGE, id, NOTHING, RO));
	FAILS(E_BAD_ENV, sys_page_unmap(id, PAGE));
	FAILS(E_BAD_ENV, sys_env_set_status(id, ENV_RUNNABLE));
	FAILS(E_BAD_ENV, sys_env_set_status(id, ENV_NOT_RUNNABLE));
	FAILS(E_BAD_ENV, sys_env_set_pgfault_upcall(id, PAGE));
	FAILS(E_BAD_ENV, sys_env_set_trapframe(id, &frame));
}

static void
try_missing_env(envid_t id)
{
	try_env(id);
	FAILS(E_BAD_ENV, sys_ipc_try_send(id, 0, (void *) UTOP, 0));
	FAILS(E_BAD_ENV, sys_ipc_try_send(id, 0, PAGE, RO));
}

static void
missing_envs(void)
{
	envid_t self = sys_getenvid();

	try_missing_env(-1);
	try_missing_env(INT32_MIN);
	try_missing_env(INT32_MIN | self);
	try_missing_env(INT32_MAX);
	try_missing_env(ENVX(self) + 1);            // before the first life of a slot
	try_missing_env(self + (1 << ENVGENSHIFT)); // another life of our own
	if (NENV < 1 << ENVGENSHIFT)
		try_missing_env(self ^ NENV); // a bit that is neither slot nor life
	cprintf("syscalls: missing envs\n");
}

static void
unknown_numbers(void)
{
	for (size_t i = 0; i < ARRAY_SIZE(bad_number); i++)
		FAILS(E_INVAL, syscall_int(bad_number[i], 0, 0, 0, 0, 0));
	cprintf("syscalls: unknown numbers\n");
}

static void
pages_and_rights(void)
{
	for (size_t i = 0; i < ARRAY_SIZE(bad_page); i++) {
		void *va = (void *) bad_page[i];

		FAILS(E_INVAL, sys_page_alloc(0, va, RW));
		FAILS(E_INVAL, sys_page_map(0, va, 0, NOTHING, RO));
		FAILS(E_INVAL, sys_page_map(0, va, 0, PAGE, RO));
		FAILS(E_INVAL, sys_page_map(0, PAGE, 0, va, RO));
		FAILS(E_INVAL, sys_page_unmap(0, va));
	}
	for (size_t i = 0; i < ARRAY_SIZE(bad_perm); i++) {
		FAILS(E_INVAL, sys_page_alloc(0, PAGE, bad_perm[i]));
		FAILS(E_INVAL, sys_page_alloc(0, NOTABLE, bad_perm[i]));
		FAILS(E_INVAL, sys_page_map(0, PAGE, 0, PAGE, bad_perm[i]));
		FAILS(E_INVAL, sys_page_map(0, PAGE, 0, NOTABLE, bad_perm[i]));
	}

	FAILS(E_INVAL, sys_page_map(0, NOTHING, 0, PAGE, RO));
	FAILS(E_INVAL, sys_page_map(0, NOTABLE, 0, PAGE, RO));
	FAILS(E_INVAL, sys_page_map(0, NOTHING, 0, NOTABLE, RO));
	FAILS(E_INVAL, sys_page_map(0, READONLY, 0, NOTHING, RW));
	FAILS(E_INVAL, sys_page_map(0, READONLY, 0, PAGE, RW));
	FAILS(E_INVAL, sys_page_map(0, READONLY, 0, READONLY, RW));

	for (size_t i = 0; i < ARRAY_SIZE(good_perm); i++) {
		WORKS(sys_page_alloc(0, NOTHING, good_perm[i]));
		if ((uvpt[PGNUM(NOTHING)] & PTE_SYSCALL) != (uint32_t) good_perm[i])
			panic("allocated with %x, is %x", good_perm[i], uvpt[PGNUM(NOTHING)]);
		WORKS(sys_page_map(0, PAGE, 0, NOTHING, good_perm[i]));
		if ((uvpt[PGNUM(NOTHING)] & PTE_SYSCALL) != (uint32_t) good_perm[i])
			panic("mapped with %x, is %x", good_perm[i], uvpt[PGNUM(NOTHING)]);
	}

	// Where nothing is, there is nothing to unmap, and that is fine.
	WORKS(sys_page_unmap(0, NOTHING));
	WORKS(sys_page_unmap(0, NOTHING));
	WORKS(sys_page_unmap(0, NOTABLE));
	unchanged("unmapping nothing", __LINE__);

	// What a page held does not come back.
	WORKS(sys_page_alloc(0, NOTHING, RW));
	WORD(NOTHING) = MAGIC;
	WORKS(sys_page_alloc(0, NOTHING, RW));
	if (WORD(NOTHING) != 0)
		panic("a new page holds %08x", WORD(NOTHING));
	set_scene();
	cprintf("syscalls: pages and rights\n");
}

// A child that never runs.
static void
blank_child(void)
{
	envid_t child = sys_exofork();
	const volatile struct Env *e = &envs[ENVX(child)];

	if (child < 0)
		panic("sys_exofork: %e", child);
	if (e->env_status != ENV_NOT_RUNNABLE || e->env_parent_id != sys_getenvid())
		panic("a new child has status %d, parent %08x", e->env_status, e->env_parent_id);

	for (size_t i = 0; i < ARRAY_SIZE(bad_status); i++) {
		FAILS(E_INVAL, sys_env_set_status(child, bad_status[i]));
		FAILS(E_INVAL, sys_env_set_status(0, bad_status[i]));
	}
	for (size_t i = 0; i < ARRAY_SIZE(bad_frame); i++) {
		FAILS(E_FAULT, sys_env_set_trapframe(child, (void *) bad_frame[i]));
		FAILS(E_FAULT, sys_env_set_trapframe(0, (void *) bad_frame[i]));
	}
	FAILS(E_IPC_NOT_RECV, sys_ipc_try_send(child, 0, (void *) UTOP, 0));
	FAILS(E_IPC_NOT_RECV, sys_ipc_try_send(child, 0, PAGE, RO));
	FAILS(E_IPC_NOT_RECV, sys_ipc_try_send(0, 0, (void *) UTOP, 0));
	FAILS(E_INVAL, sys_page_map(child, PAGE, 0, NOTHING, RO)); // it has no memory
	if (e->env_status != ENV_NOT_RUNNABLE)
		panic("the blank child has status %d", e->env_status);

	WORKS(sys_page_map(0, READONLY, child, PAGE, RO));
	FAILS(E_INVAL, sys_page_map(child, PAGE, 0, NOTHING, RW));
	FAILS(E_INVAL, sys_page_map(child, PAGE, child, PAGE, RW));
	WORKS(sys_page_map(child, PAGE, 0, NOTHING, RO));
	set_scene();
	WORKS(sys_env_set_pgfault_upcall(child, PAGE));
	if (e->env_pgfault_upcall != PAGE)
		panic("the child's upcall is %08x", e->env_pgfault_upcall);
	WORKS(sys_env_set_trapframe(child, &frame));
	WORKS(sys_env_destroy(child));
	try_missing_env(child);
	cprintf("syscalls: a blank child\n");
}

static void
receiver(envid_t parent)
{
	set_scene();
	try_env(parent); // there, but not ours
	for (size_t i = 0; i < ARRAY_SIZE(bad_page); i++)
		if (bad_page[i] < UTOP)
			FAILS(E_INVAL, sys_ipc_recv((void *) bad_page[i]));

	WORKS(sys_ipc_recv(NOTHING));
	if (thisenv->env_ipc_value != 1 || thisenv->env_ipc_from != parent ||
	    thisenv->env_ipc_perm != RO || WORD(NOTHING) != MAGIC ||
	    (uvpt[PGNUM(NOTHING)] & PTE_SYSCALL) != RO)
		panic("the first message is wrong");
	set_scene();

	WORKS(sys_ipc_recv((void *) 0xffffffff));
	if (thisenv->env_ipc_value != 2 || thisenv->env_ipc_perm != 0)
		panic("the second message is wrong");
	unchanged("a page nobody asked for", __LINE__);

	WORKS(sys_ipc_recv(PAGE));
	if (thisenv->env_ipc_value != 3 || thisenv->env_ipc_perm != 0)
		panic("the third message is wrong");
	unchanged("a page nobody sent", __LINE__);
	ipc_send(parent, 4, NULL, 0);
}

static bool
alive(envid_t id)
{
	return envs[ENVX(id)].env_id == id && envs[ENVX(id)].env_status != ENV_FREE;
}

static void
wait_until_receiving(envid_t id)
{
	while (alive(id) && !envs[ENVX(id)].env_ipc_recving)
		sys_yield();
}

static void
messages(void)
{
	envid_t self = sys_getenvid(), child = fork();

	if (child < 0)
		panic("fork: %e", child);
	if (child == 0) {
		receiver(self);
		exit();
	}

	set_scene();
	wait_until_receiving(child);
	for (size_t i = 0; i < ARRAY_SIZE(bad_page); i++)
		if (bad_page[i] < UTOP)
			FAILS(E_INVAL, sys_ipc_try_send(child, 9, (void *) bad_page[i], RO));
	for (size_t i = 0; i < ARRAY_SIZE(bad_perm); i++)
		FAILS(E_INVAL, sys_ipc_try_send(child, 9, PAGE, bad_perm[i]));
	FAILS(E_INVAL, sys_ipc_try_send(child, 9, NOTHING, RO));
	FAILS(E_INVAL, sys_ipc_try_send(child, 9, NOTABLE, RO));
	FAILS(E_INVAL, sys_ipc_try_send(child, 9, READONLY, RW));
	// To make it runnable does not wake it.
	WORKS(sys_env_set_status(child, ENV_RUNNABLE));
	if (!envs[ENVX(child)].env_ipc_recving)
		panic("the receiver woke up without a message");

	WORKS(sys_ipc_try_send(child, 1, PAGE, RO));
	wait_until_receiving(child);
	WORKS(sys_ipc_try_send(child, 2, PAGE, RO));
	wait_until_receiving(child);
	WORKS(sys_ipc_try_send(child, 3, (void *) UTOP, -1));
	if (ipc_recv(NULL, NULL, NULL) != 4)
		panic("no answer");
	while (alive(child))
		sys_yield();
	try_missing_env(child);
	cprintf("syscalls: messages\n");
}

static void
all_envs(void)
{
	envid_t id;
	int n = 0;

	while ((id = sys_exofork()) >= 0)
		siblings[n++] = id;
	// Or a small machine has no memory for so many.
	if (id != -E_NO_MEM)
		returns(-E_NO_FREE_ENV, id, "sys_exofork()", __LINE__);
	unchanged("sys_exofork()", __LINE__);
	while (n-- > 0)
		WORKS(sys_env_destroy(siblings[n]));
	cprintf("syscalls: all envs\n");
}

void
umain(int argc, char **argv)
{
	WORKS(sys_page_alloc(0, PAGE, RW));
	WORKS(sys_page_alloc(0, READONLY, RO));
	set_scene();

	missing_envs();
	unknown_numbers();
	pages_and_rights();
	blank_child();
	messages();
	all_envs();
	cprintf("syscalls: OK\n");
}
