// init for uCore's programs: ucoreinit NAME runs user/ucore/NAME.c as process 2.  Before that it checks what
// processes stand on, and when no process is left, that they have left no memory behind.

#include "inc/lib.h"
#include "inc/proc.h"
#include "inc/region.h"
#include "user/frames.h"

#define KILLED -9 // uCore's -E_KILLED
#define FOLDER "ucore/"

#define HERE ((volatile uint32_t *) 0x50000000) // for the checks
#define THERE ((volatile uint32_t *) 0x50800000)
#define PAGES 8
#define RW (PTE_P | PTE_U | PTE_W)

// What this env has to itself: page tables, and pages that nobody else maps.

static uint32_t
own_tables(void)
{
	uint32_t n = 0;

	for (uint32_t table = 0; table < PDX(UTOP); table++)
		n += (uvpd[table] & PTE_P) != 0;
	return n;
}

static uint32_t
own_pages(void)
{
	uint32_t n = 0;

	for (uint32_t table = 0; table < PDX(UTOP); table++) {
		if (!(uvpd[table] & PTE_P))
			continue;
		for (uint32_t i = table * (PTSIZE / PGSIZE); i < (table + 1) * (PTSIZE / PGSIZE);
		     i++)
			n += (uvpt[i] & PTE_P) && pages[PGNUM(uvpt[i])].pp_ref == 1;
	}
	return n;
}

// The frames that nobody has, and those that would be free without us: as long as there is no other
// env, this is constant.
static uint32_t
frames(void)
{
	return free_frames() + own_tables() + own_pages();
}

static bool
alone(void)
{
	for (int i = 0; i < NENV; i++)
		if (envs[i].env_status != ENV_FREE && &envs[i] != thisenv)
			return false;
	return true;
}

// The checks.

// Pages come empty and are counted, and go back.
static void
check_alloc_page(void)
{
	uint32_t before = free_frames();

	for (int round = 0; round < 2; round++) {
		for (int i = 0; i < PAGES; i++)
			assert(sys_page_alloc(0, (char *) HERE + i * PGSIZE, RW) == 0);
		for (uint32_t i = 0; i < PAGES * PGSIZE / sizeof *HERE; i++) {
			assert(HERE[i] == 0);
			HERE[i] = ~i;
		}
		assert(free_frames() <= before - PAGES);
		assert(sys_pages_unmap(0, (void *) HERE, PAGES) > 0);
		// A page table, too, until it is needed elsewhere.
		assert(free_frames() >= before - 1);
	}
	cprintf("check_alloc_page() succeeded!\n");
}

// Page tables show what is mapped, to whom it is, and with which rights.
static void
check_pgdir(void)
{
	assert(sys_page_alloc(0, (void *) HERE, RW) == 0);
	assert(sys_page_map(0, (void *) HERE, 0, (void *) THERE, PTE_P | PTE_U) == 0);
	pte_t here = uvpt[PGNUM(HERE)], there = uvpt[PGNUM(THERE)];

	assert((here & RW) == RW && (there & RW) == (PTE_P | PTE_U));
	assert(PGNUM(here) == PGNUM(there) && pages[PGNUM(here)].pp_ref == 2);
	*HERE = 0x1234;
	assert(*THERE == 0x1234);
	assert(sys_page_unmap(0, (void *) HERE) == 0 && !(uvpt[PGNUM(HERE)] & PTE_P));
	assert(pages[PGNUM(there)].pp_ref == 1 && *THERE == 0x1234);
	assert(sys_page_unmap(0, (void *) THERE) == 0 && pages[PGNUM(there)].pp_ref == 0);
	cprintf("check_pgdir() succeeded!\n");
}

// A page that is touched in a region comes then, and only there.
static void
check_pgfault(void)
{
	const struct Region zero = {.name = "check",
				    .start = (uintptr_t) HERE,
				    .size = PAGES * PGSIZE,
				    .prot = REGION_RW,
				    .max = REGION_RW,
				    .pager = &region_zero};
	struct Region *r;

	assert(region_add(&r, &zero) == 0 && region_at((void *) HERE) == r);
	assert(!region_present(r, PGSIZE));
	HERE[PGSIZE / sizeof *HERE] = 5;
	assert(region_present(r, PGSIZE) && !region_present(r, 0));
	assert(HERE[PGSIZE / sizeof *HERE] == 5 && HERE[0] == 0);
	assert(region_remove(r) == 0 && !region_at((void *) HERE) && !(uvpt[PGNUM(HERE)] & PTE_P));
	cprintf("check_pgfault() succeeded!\n");
}

// A child has copies of our pages, made when one of us writes, and leaves nothing behind.
static void
check_vmm(void)
{
	static volatile int ours = 1;
	uint32_t before = frames();
	envid_t child = fork();

	if (child == 0) {
		ours = 2;
		ipc_send(thisenv->env_parent_id, ours, NULL, 0);
		exit();
	}
	assert(child > 0 && ipc_recv(NULL, NULL, NULL) == 2 && ours == 1);
	while (!alone())
		sys_yield();
	assert(frames() == before);
	cprintf("check_vmm() succeeded.\n");
}

// The run.

static uint32_t at_start;
static uint32_t own_at_start; // once init has all that it needs for itself

static void
started(pid_t pid, const char *name)
{
	static bool shown;
	size_t n = strlen(FOLDER);

	if (pid != 2 || shown)
		return;
	shown = true;
	own_at_start = own_pages();
	cprintf("kernel_execve: pid = %d, name = \"%s\".\n", pid,
		strncmp(name, FOLDER, n) == 0 ? name + n : name);
}

static void
all_ended(void)
{
	uint32_t n = frames(), own = own_pages();

	cprintf("all user-mode processes have quit.\n");
	if (!alone())
		panic("not all of their envs have ended");
	if (n != at_start)
		panic("%d frames are missing", (int) (at_start - n));
	if (own != own_at_start)
		panic("init keeps %d pages", (int) (own - own_at_start));
	cprintf("init check memory pass.\n");
}

void
umain(int argc, char **argv)
{
	static const struct ProcConfig config = {
		.killed_code = KILLED, .started = started, .all_ended = all_ended};
	char program[PROC_NAME];
	char *const args[] = {argc > 1 ? argv[1] : "hello", NULL};

	check_alloc_page();
	check_pgdir();
	check_pgfault();
	check_vmm();
	snprintf(program, sizeof program, FOLDER "%s", args[0]);
	at_start = frames();
	proc_run_init(&config, program, args);
}
