// The process library: processes and a stranger that send init every word there is, with any argument and any
// page, and do as they like with envs of their own.  init goes on, so does a process that has nothing to do with
// it, and at the end nothing is lost.
//
// Who asks for it may kill any process of the family, so that they do not is left to luck: no argument is the
// pid of those that are to go on.

#include "inc/ipc.h"
#include "user/family.h"

#define ATTACKERS 300
#define WORDS 120 // of each
#define STRANGE_WORDS 3000
#define OP_BITS 5 // as doc/processes.md has it
#define FIRST 2
#define SIBLING 3
#define PAGE 0x0e000000u // of an attacker's
#define ROUNDS 300       // of what the sibling does

// On the page that all share.
enum { STRANGER_MAY_END, STRANGER_READY, STRANGER_DONE };

static uint32_t
argument(void)
{
	uint32_t arg;

	do {
		switch (random() % 4) {
		case 0:
			arg = random() % 40;
			break;
		case 1:
			arg = random() % NENV;
			break;
		case 2: // a descriptor or so, and a count
			arg = (random() % 18) << 13 | random() % (PGSIZE + 2);
			break;
		default:
			arg = random() >> OP_BITS;
		}
	} while (arg == FIRST || arg == SIBLING);
	return arg;
}

// One that it may have, or may not, or that is not there.
static void *
some_page(void)
{
	return (void *) (random() % 2 ? UTOP : PAGE + random() % 4 * PGSIZE);
}

static uint32_t
some_rights(void)
{
	return random() % 2 ? RW : random() % 2 ? RO : random() % PGSIZE;
}

// Say `word' to init, and perhaps wait for the answer; some have none.
static void
say_to(envid_t init, uint32_t word)
{
	const uint32_t how = some_rights() | IPC_TIMEOUT(10);
	void *const page = some_page();

	switch (random() % 8) {
	case 0:
		sys_ipc_send(init, word, page, how);
		break;
	case 1:
		sys_ipc_send(init, word, page, how | IPC_NOWAIT);
		break;
	default:
		sys_ipc_call(init, word, page, how | IPC_ONLY, some_page());
	}
}

static void
have_pages(void)
{
	for (int i = 0; i < 3; i++)
		sys_page_alloc(0, (void *) (PAGE + i * PGSIZE), i == 2 ? RO : RW);
}

// An env that init is told of, or is not; with an argument that is its slot.
static void
make_env(envid_t init)
{
	const envid_t env = sys_exofork();

	if (env == 0)
		exit();
	if (env < 0)
		return;
	if (random() % 4 == 0)
		sys_env_set_status(env, ENV_RUNNABLE);
	for (int n = random() % 3; n > 0; n--)
		say_to(init, (random() % (1 << OP_BITS)) | ENVX(env) << OP_BITS);
	if (random() % 2)
		sys_env_destroy(env);
}

static int
attack(int seed)
{
	const envid_t init = thisenv->env_keeper;

	random_state = seed * 2654435761u + 1;
	have_pages();
	for (int i = 0; i < WORDS; i++) {
		if (random() % 8 == 0)
			make_env(init);
		if (random() % 8 == 0)
			have_pages();
		say_to(init, (random() % (1 << OP_BITS)) | argument() << OP_BITS);
	}
	return 0;
}

// Every word, and not one is answered but with an error.
static void
be_strange(envid_t init)
{
	own_pages();
	have_pages();
	SHARED[STRANGER_READY] = true;
	for (int i = 0; i < STRANGE_WORDS && !SHARED[STRANGER_MAY_END]; i++) {
		say_to(init, i | argument() << OP_BITS);
		if (sys_ipc_call_value(init, i | argument() << OP_BITS, IPC_ONLY) == 0)
			CHECK((int32_t) thisenv->env_ipc_value == -E_BAD_ENV);
	}
	SHARED[STRANGER_DONE] = true;
	while (!SHARED[STRANGER_MAY_END])
		sys_ipc_wait(0, (void *) UTOP, IPC_TIMEOUT(100));
	exit();
}

static void *
in_thread(void *arg)
{
	return (char *) arg + 1;
}

// What a process does that minds its own business.
static int
be_undisturbed(int unused)
{
	static char text[2 * PGSIZE], again[sizeof text];

	CHECK(proc_getpid() == SIBLING && proc_getppid() == FIRST);
	for (int i = 0; i < ROUNDS; i++) {
		void *result;
		int fd[2], thread;

		CHECK(proc_pipe(fd) == 0 && fd[0] == 3 && fd[1] == 4);
		memset(text, i, sizeof text);
		CHECK(proc_write(fd[1], text, sizeof text) == sizeof text);
		CHECK(proc_read(fd[0], again, PGSIZE) == PGSIZE);
		CHECK(proc_read(fd[0], again + PGSIZE, PGSIZE) == PGSIZE);
		CHECK(memcmp(text, again, sizeof text) == 0);
		CHECK(proc_close(fd[0]) == 0 && proc_close(fd[1]) == 0);
		while ((thread = proc_thread_create(in_thread, text)) == -E_NO_FREE_ENV)
			proc_yield();
		CHECK(thread > 0 && proc_thread_join(thread, &result) == 0 && result == text + 1);
		proc_sleep(10);
	}
	return 0;
}

static void
until_all_have_ended(void)
{
	for (pid_t pid = SIBLING; pid < 0x8000; pid++)
		while (proc_state(pid) != PROC_FREE)
			proc_sleep(10);
}

static void
attack_once(int seed)
{
	pid_t pid = child(attack, seed);

	CHECK(proc_waitpid(pid, NULL) == pid);
}

void
umain(int argc, char **argv)
{
	static const struct ProcConfig config = {.killed_code = KILLED};
	const envid_t self = sys_getenvid();
	uint32_t before;
	pid_t sibling;

	share_page(); // with the stranger, too
	if (!thisenv->env_keeper && fork() == 0)
		be_strange(self);
	proc_begin(&config);
	while (!SHARED[STRANGER_READY])
		proc_yield();
	own_pages();
	before = free_frames();
	sibling = child(be_undisturbed, 0);
	CHECK(sibling == SIBLING);
	for (int i = 0; i < ATTACKERS; i++)
		attack_once(i);
	ends(sibling, PROC_EXITED, 0);
	while (!SHARED[STRANGER_DONE])
		proc_sleep(10);
	until_all_have_ended();
	own_pages();
	if (free_frames() != before)
		panic("%d frames are lost", before - free_frames());
	SHARED[STRANGER_MAY_END] = true;
	cprintf("procattack: OK\n");
}
