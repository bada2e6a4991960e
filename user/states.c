// The states of an env: changed from several sides at once, they change only as inc/env.h has
// it.  Nobody runs on two CPUs, a waiting receiver is woken by a message alone, a stopped env
// stands still, and one that dies refuses everything.

#include "user/attack.h"

#define COUNTERS 6
#define STEPS 40000
#define ERAS 1500

static volatile int counter;

// Count in memory that is nobody else's: a second CPU running this env would lose some of it.
static void
count(uint32_t i)
{
	for (int step = 0; step < STEPS; step++) {
		counter++;
		SHARED[COUNTERS + i] = step;
		if (step % 1000 == 0)
			sys_yield();
		// Stopped on its way into a call, it makes the call when it goes on.
		if (step % 8 == 0 && sys_getenvid() != thisenv->env_id)
			panic("a call was lost");
	}
	if (counter != STEPS)
		panic("ran on two CPUs at once: counted %d", counter);
	SHARED[i] = SURVIVED;
}

// Set states of running envs to and fro, while they run.
static void
start_what_runs(int (*meddle)(envid_t id))
{
	envid_t id[COUNTERS];

	counter = 0;
	for (int i = 0; i < COUNTERS; i++) {
		SHARED[i] = 0;
		id[i] = spawn(count, i);
	}
	for (int left = COUNTERS; left > 0;) {
		left = 0;
		for (int i = 0; i < COUNTERS; i++) {
			int r = meddle(id[i]);

			if (r < 0 && r != -E_BAD_ENV)
				panic("a state of a child: %e", r);
			left += alive(id[i]);
		}
	}
	for (int i = 0; i < COUNTERS; i++)
		assert(SHARED[i] == SURVIVED);
}

static int
start(envid_t id)
{
	return sys_env_set_status(id, ENV_RUNNABLE);
}

static int
stop_and_start(envid_t id)
{
	int r = sys_env_set_status(id, ENV_NOT_RUNNABLE);

	if (r == 0 && random() % 2)
		sys_yield();
	return sys_env_set_status(id, ENV_RUNNABLE);
}

// Soon after it has been stopped, an env stands still.
static void
stop_for_long(void)
{
	envid_t id;

	counter = 0;
	SHARED[0] = 0;
	id = spawn(count, 0);
	for (int i = 0; i < 20 && alive(id); i++) {
		sys_env_set_status(id, ENV_NOT_RUNNABLE);
		for (uint64_t end = read_tsc() + 2000000; read_tsc() < end;)
			sys_yield();
		uint32_t step = SHARED[COUNTERS];
		for (uint64_t end = read_tsc() + 2000000; read_tsc() < end;)
			sys_yield();
		assert(SHARED[COUNTERS] == step);
		sys_env_set_status(id, ENV_RUNNABLE);
		sys_yield();
	}
	wait_end(id);
	assert(SHARED[0] == SURVIVED);
}

static void
receive(uint32_t arg)
{
	for (uint32_t i = 1; i <= 20; i++) {
		if (sys_ipc_recv((void *) UTOP) < 0 || thisenv->env_ipc_value != i)
			panic("woken without message %u", i);
		SHARED[0] = i;
	}
}

static void
wake_receiver(void)
{
	envid_t id;

	SHARED[0] = 0;
	id = spawn(receive, 0);
	for (uint32_t i = 1; i <= 20; i++) {
		while (!envs[ENVX(id)].env_ipc_recving)
			sys_yield();
		for (int j = 0; j < 20; j++) {
			assert(sys_env_set_status(id, ENV_RUNNABLE) == 0);
			sys_yield();
			assert(envs[ENVX(id)].env_ipc_recving && SHARED[0] == i - 1);
		}
		// Stopped as well, it needs both: the message and the start.
		assert(sys_env_set_status(id, ENV_NOT_RUNNABLE) == 0);
		assert(sys_ipc_try_send(id, i, (void *) UTOP, 0) == 0);
		assert(sys_ipc_try_send(id, i, (void *) UTOP, 0) == -E_IPC_NOT_RECV);
		for (int j = 0; j < 20; j++)
			sys_yield();
		assert(SHARED[0] == i - 1);
		assert(sys_env_set_status(id, ENV_RUNNABLE) == 0);
	}
	wait_end(id);
	assert(SHARED[0] == 20);
}

static void
loop(uint32_t arg)
{
	for (;;)
		SHARED[arg]++;
}

static void
touch_the_dying(void)
{
	for (int i = 0; i < 100; i++) {
		envid_t id = spawn(loop, 0);

		if (i % 2)
			sys_yield();
		if (i % 4 == 0)
			assert(sys_env_set_status(id, ENV_NOT_RUNNABLE) == 0);
		assert(sys_env_destroy(id) == 0);
		assert(sys_env_set_status(id, ENV_RUNNABLE) == -E_BAD_ENV);
		assert(sys_env_set_status(id, ENV_NOT_RUNNABLE) == -E_BAD_ENV);
		assert(sys_page_alloc(id, (void *) UTEMP, RW) == -E_BAD_ENV);
		assert(sys_ipc_try_send(id, 0, (void *) UTOP, 0) == -E_BAD_ENV);
		assert(sys_env_destroy(id) == -E_BAD_ENV);
		wait_end(id);
	}
}

// Several supervisors kill children that run, wait, are stopped or have never run.
static void
kill_children(uint32_t arg)
{
	envid_t id[4];

	random_state += arg;
	for (int round = 0; round < 12; round++) {
		for (int i = 0; i < 4; i++) {
			if ((id[i] = i == 3 ? sys_exofork() : fork()) < 0)
				panic("no child: %e", id[i]);
			if (id[i] == 0 && i < 2)
				loop(arg);
			if (id[i] == 0)
				sys_ipc_recv((void *) UTOP);
			if (id[i] == 0)
				exit();
		}
		for (uint32_t n = random() % 4; n > 0; n--)
			sys_yield();
		for (int i = 0; i < 4; i++)
			if (sys_env_destroy(id[i]) < 0)
				panic("child %d cannot be destroyed", i);
	}
	SHARED[COUNTERS + arg] = SURVIVED;
}

static void
kill_storm(void)
{
	envid_t id[COUNTERS];

	for (int i = 0; i < COUNTERS; i++)
		id[i] = spawn(kill_children, i);
	for (int i = 0; i < COUNTERS; i++)
		wait_end(id[i]);
	for (int i = 0; i < COUNTERS; i++)
		assert(SHARED[COUNTERS + i] == SURVIVED);
}

// Registers set from outside, while the env runs elsewhere.
static void __attribute__((noreturn)) landed(void)
{
	SHARED[0] = SURVIVED;
	exit();
}

static void
set_frames(void)
{
	for (int i = 0; i < 50; i++) {
		struct Trapframe tf = {0};
		envid_t id;

		SHARED[0] = 0;
		id = spawn(loop, 1);
		for (uint32_t turns = SHARED[1]; i % 2 && SHARED[1] == turns;)
			sys_yield();
		// What must not come through is corrected, not obeyed.
		tf.tf_eip = (uint32_t) landed;
		tf.tf_esp = USTACKTOP - 64;
		tf.tf_eflags = ~(uint32_t) (FL_TF | FL_AC);
		tf.tf_cs = GD_KT;
		tf.tf_ds = tf.tf_es = tf.tf_ss = GD_KD;
		assert(sys_env_set_trapframe(id, &tf) == 0);
		wait_end(id);
		assert(SHARED[0] == SURVIVED);
	}
}

// Ids are positive, and new each time.
static void
ids(void)
{
	static envid_t last[NENV];

	for (int i = 0; i < ERAS; i++) {
		envid_t id = sys_exofork();

		if (id == 0)
			exit();
		assert(id > 0 && id > last[ENVX(id)]);
		last[ENVX(id)] = id;
		assert(sys_env_destroy(id) == 0);
		assert(sys_env_destroy(id) == -E_BAD_ENV);
		wait_end(id);
	}
}

void
umain(int argc, char **argv)
{
	share_page();
	start_what_runs(start);
	cprintf("states: running ones started\n");
	start_what_runs(stop_and_start);
	cprintf("states: running ones stopped and started\n");
	stop_for_long();
	cprintf("states: stopped ones stand still\n");
	wake_receiver();
	cprintf("states: receivers wait for a message\n");
	touch_the_dying();
	cprintf("states: dying ones refuse\n");
	kill_storm();
	cprintf("states: killed from many sides\n");
	set_frames();
	cprintf("states: registers set from outside\n");
	ids();
	cprintf("states: ids are positive and new\n");
	cprintf("states: OK\n");
}
