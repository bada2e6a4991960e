// A keeper hears of the end of each env that it keeps, once, with the reason, and after all memory of
// that env has been given back: of children that exit, fault and are killed, of their children and of
// orphans, also when hundreds end while it does something else.  Nobody can pretend to have ended, or
// escape from its keeper.

#include "inc/ipc.h"
#include "user/attack.h"

#define STORM 500
static_assert(STORM < NENV - 16, "there are slots for all");
#define STILL 20000 // yields in which the memory of all who have ended is given back
#define HERE ((void *) 0x10000000)
#define BY_PAGE_FAULT IPC_ENDED_BY_TRAP(T_PGFLT)

static void
keep(envid_t id)
{
	int r = sys_env_set_keeper(id, sys_getenvid());

	if (r < 0)
		panic("sys_env_set_keeper: %e", r);
}

// A child that this env keeps calls f(arg).
static envid_t
spawn_kept(void (*f)(uint32_t arg), uint32_t arg)
{
	envid_t self = sys_getenvid(), id = fork();

	if (id < 0)
		panic("fork: %e", id);
	if (id > 0) {
		keep(id);
		return id;
	}
	while (sys_env_set_keeper(0, 0) == 0)
		sys_yield(); // not kept yet
	assert(thisenv->env_parent_id == self);
	f(arg);
	exit();
}

// Somebody has just ended, and we have heard of it.
static envid_t
heard(uint32_t *why)
{
	const envid_t id = thisenv->env_ipc_from;

	assert(thisenv->env_ipc_perm == IPC_ENDED);
	assert(envs[ENVX(id)].env_id != id || envs[ENVX(id)].env_status == ENV_FREE);
	*why = thisenv->env_ipc_value;
	return id;
}

static envid_t
hear(uint32_t *why)
{
	sys_ipc_recv((void *) UTOP);
	return heard(why);
}

static void
hear_of(envid_t id, uint32_t want)
{
	uint32_t why;
	int r = sys_ipc_wait(id, (void *) UTOP, 0);

	if (r < 0)
		panic("%08x: %e", id, r);
	assert(heard(&why) == id);
	if (why != want)
		panic("%08x ended for reason %u, not %u", id, why, want);
}

static void
hear_nothing(void)
{
	assert(sys_ipc_wait(0, (void *) UTOP, IPC_NOWAIT) == -E_TIMEOUT);
}

// One end of each kind

static void
leave(uint32_t arg)
{
}

static void
stay(uint32_t arg)
{
	for (;;)
		sys_yield();
}

static void
fault(uint32_t arg)
{
	bare();
	*(volatile int *) HERE = 1;
}

static void
divide(uint32_t arg)
{
	asm volatile("divl %0" : : "r"(0), "a"(1), "d"(0));
}

static void
print_kernel(uint32_t arg)
{
	sys_cputs((const char *) KERNBASE, 4);
}

static void
each_end(void)
{
	envid_t id;

	hear_of(spawn_kept(leave, 0), IPC_ENDED_ITSELF);
	hear_of(spawn_kept(fault, 0), BY_PAGE_FAULT);
	hear_of(spawn_kept(divide, 0), IPC_ENDED_BY_TRAP(T_DIVIDE));
	hear_of(spawn_kept(print_kernel, 0), IPC_ENDED_BY_ADDRESS);
	id = spawn_kept(stay, 0);
	assert(sys_env_destroy(id) == 0);
	assert(sys_env_destroy(id) == -E_BAD_ENV);
	hear_of(id, IPC_ENDED_BY_OTHER);
	assert(sys_ipc_wait(id, (void *) UTOP, 0) == -E_BAD_ENV);
	hear_nothing();
	cprintf("keeper: each end\n");
}

// Descendants

static void
have_family(uint32_t n)
{
	for (uint32_t i = 0; i < n; i++)
		spawn(have_family, n - 1);
	// One that is never started, and goes with us.
	if (sys_exofork() == 0)
		exit();
}

// have_family(n) and its descendants, with those that are never started.
static uint32_t
count_family(uint32_t n)
{
	return 2 + n * (n > 0 ? count_family(n - 1) : 0);
}

static void
descendants(void)
{
	uint32_t why, unstarted = 0, n = count_family(4);

	spawn_kept(have_family, 4);
	for (uint32_t i = 0; i < n; i++) {
		hear(&why);
		assert(why == IPC_ENDED_ITSELF || why == IPC_ENDED_BY_OTHER);
		unstarted += why == IPC_ENDED_BY_OTHER;
	}
	assert(unstarted == n / 2);
	hear_nothing();
	assert(alone());
	cprintf("keeper: %u descendants\n", n);
}

// Many at a time

static void
wait_and_end(uint32_t i)
{
	while (!SHARED[0])
		sys_yield();
	if (i % 3 == 1)
		*(volatile int *) HERE = 1;
}

// Whether any other env runs or may run.
static bool
any_runs(void)
{
	for (int i = 0; i < NENV; i++)
		if ((envs[i].env_status == ENV_RUNNING || envs[i].env_status == ENV_RUNNABLE) &&
		    &envs[i] != thisenv)
			return true;
	return false;
}

// Wait until done(), which must be so soon after nobody else runs any more.
static void
wait_until(bool (*done)(void), const char *what)
{
	for (int still = 0; !done(); still = any_runs() ? 0 : still + 1) {
		if (still == STILL)
			panic("%s", what);
		sys_yield();
	}
}

static uint32_t enough; // frames

static bool
frames_are_back(void)
{
	return free_frames() >= enough;
}

static void
storm(void)
{
	static envid_t id[STORM];
	static bool ended[STORM];
	uint32_t why;

	memset(ended, 0, sizeof ended);
	SHARED[0] = 0;
	own_pages();
	enough = free_frames() - 4;
	for (int i = 0; i < STORM; i++)
		id[i] = spawn_kept(wait_and_end, i);
	for (int i = 2; i < STORM; i += 3)
		sys_env_destroy(id[i]);
	SHARED[0] = 1;
	// They end while we do something else; all their memory is back before we have heard anything.
	own_pages();
	wait_until(frames_are_back, "frames have not come back");
	for (int n = 0; n < STORM; n++) {
		envid_t from = hear(&why);
		int i = 0;
		while (i < STORM && id[i] != from)
			i++;
		assert(i < STORM && !ended[i]);
		ended[i] = true;
		assert(why ==
		       (i % 3 == 0           ? (uint32_t) IPC_ENDED_ITSELF
				: i % 3 == 1 ? BY_PAGE_FAULT
					     : IPC_ENDED_BY_OTHER));
	}
	hear_nothing();
	assert(alone());
	cprintf("keeper: a storm of %d\n", STORM);
}

// Keepers that end

static void
keep_and_leave(uint32_t n)
{
	for (uint32_t i = 0; i < n; i++) {
		envid_t id = fork();
		if (id < 0)
			panic("fork: %e", id);
		if (id == 0) {
			if (i % 2)
				while (!SHARED[0])
					sys_yield();
			exit();
		}
		sys_env_set_keeper(id, sys_getenvid()); // or it has left already
	}
}

static void
keepers_end(void)
{
	SHARED[0] = 0;
	for (int i = 0; i < 10; i++)
		spawn(keep_and_leave, 20);
	SHARED[0] = 1;
	wait_until(alone, "somebody waits for a keeper that has gone");
	hear_nothing();
	cprintf("keeper: keepers that end\n");
}

// Attacks

static void
pretend(uint32_t keeper)
{
	static const uint32_t how[] = {IPC_ENDED, IPC_ENDED | RO, IPC_ENDED | RW, ~0u, RO};

	assert(sys_page_alloc(0, HERE, RW) == 0);
	for (size_t i = 0; i < ARRAY_SIZE(how); i++) {
		sys_ipc_try_send(keeper, 0, HERE, how[i]);
		sys_ipc_try_send(keeper, 0, (void *) UTOP, how[i]);
		sys_ipc_send(keeper, 0, HERE, how[i] | IPC_NOWAIT);
		sys_ipc_send(keeper, 0, (void *) UTOP, how[i] | IPC_NOWAIT);
		sys_ipc_call_value(keeper, 0, how[i] | IPC_NOWAIT | IPC_TIMEOUT(20));
	}
}

static void
escape(uint32_t keeper)
{
	assert(sys_env_set_keeper(0, 0) == -E_BAD_ENV);
	assert(sys_env_set_keeper(0, sys_getenvid()) == -E_BAD_ENV);
	assert(sys_env_set_keeper(keeper, sys_getenvid()) == -E_BAD_ENV);
	assert(sys_env_set_keeper(keeper, 0) == -E_BAD_ENV);
	envid_t id = spawn(stay, 0);
	assert(sys_env_set_keeper(id, sys_getenvid()) == -E_BAD_ENV);
	assert(sys_env_set_keeper(id, 0) == -E_BAD_ENV);
	SHARED[1] = id;
}

static void
attacks(void)
{
	envid_t self = sys_getenvid(), id = spawn_kept(pretend, self);
	uint32_t why;

	do {
		sys_ipc_recv((void *) UTOP);
		assert(thisenv->env_ipc_perm != IPC_ENDED || !alive(id));
	} while (thisenv->env_ipc_perm != IPC_ENDED);
	assert(heard(&why) == id && why == IPC_ENDED_ITSELF);

	SHARED[1] = 0;
	hear_of(spawn_kept(escape, self), IPC_ENDED_ITSELF);
	id = SHARED[1]; // an orphan, and still ours
	assert(id > 0 && alive(id));
	assert(sys_env_set_keeper(id, 0x7ffff000) == -E_BAD_ENV);
	assert(sys_env_set_keeper(id, id) == -E_BAD_ENV);
	assert(sys_env_set_status(id, ENV_NOT_RUNNABLE) == 0);
	assert(sys_env_set_status(id, ENV_RUNNABLE) == 0);
	assert(sys_env_destroy(id) == 0);
	hear_of(id, IPC_ENDED_BY_OTHER);

	// One that is stopped, and that nobody wants.
	hear_of(spawn_kept(escape, self), IPC_ENDED_ITSELF);
	id = SHARED[1];
	assert(sys_env_set_status(id, ENV_NOT_RUNNABLE) == 0);
	assert(sys_env_set_keeper(id, 0) == 0);
	wait_end(id);
	hear_nothing();
	cprintf("keeper: attacks\n");
}

void
umain(int argc, char **argv)
{
	share_page();
	each_end();
	descendants();
	storm();
	storm();
	keepers_end();
	attacks();
	assert(alone());
	cprintf("keeper: OK\n");
}
