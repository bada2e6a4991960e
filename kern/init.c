// The order of the start, and the ends of the kernel.

#include "kern/init.h"

#include "inc/assert.h"
#include "inc/multiboot.h"
#include "inc/string.h"
#include "inc/x86.h"
#include "kern/bootargs.h"
#include "kern/console.h"
#include "kern/env.h"
#include "kern/load.h"
#include "kern/mem.h"
#include "kern/monitor.h"
#include "kern/percpu.h"
#include "kern/programs.h"
#include "kern/sched.h"
#include "kern/smp.h"
#include "kern/spinlock.h"
#include "kern/trap.h"

#define EXIT_PORT 0xf4 // QEMU's isa-debug-exit: value v ends QEMU with status 2v + 1
#define EXIT_GOOD 0x10
#define EXIT_BAD 0x11

static const struct Program *
find_program(const char *name)
{
	for (uint32_t i = 0; i < nprograms; i++)
		if (strcmp(programs[i].name, name) == 0)
			return &programs[i];
	return NULL;
}

// Start the program with this name; or, when there is none, the one with the name up to the first
// slash, with the rest as its argument.
static void
start_program(char *name)
{
	const struct Program *p = find_program(name);
	const char *argument = NULL;
	char *slash = strfind(name, '/');
	struct Env *e;
	int r;

	if (!p && *slash) {
		*slash = '\0';
		argument = slash + 1;
		p = find_program(name);
	}
	if (!p)
		panic("there is no program `%s' in this image", name);
	if ((r = env_alloc(&e, NULL)) < 0)
		panic("%s: %e", name, r);
	kenv(e)->program = p - programs;
	kenv(e)->has_device = true;
	if ((r = load_elf(e, p->image, p->image_end - p->image)) < 0)
		panic("%s: %e", name, r);
	load_arguments(e, name, argument);
	env_release(e, HOLD_STOPPED);
}

static void
start_programs(char *names)
{
	for (char *end; *names; names = end) {
		end = strfind(names, ',');
		if (*end)
			*end++ = '\0';
		start_program(names);
	}
}

// The second half of the start, on CPU 0's own stack.
static void
init(void)
{
	smp_find();
	trap_init();
	cpu_init();
	mem_give(ncpu);
	env_init();
	env_quiet = bootargs_quiet;

	// The others wait here until the first program has been chosen.
	lock_kernel();
	smp_start();
	start_programs(bootargs_init_names);
	env_run(sched_pick(NULL, cpunum()));
}

// Where entry.S goes, on the boot stack.
void __attribute__((noreturn)) early_init(uint32_t magic, uint32_t mb_paddr);

void
early_init(uint32_t magic, uint32_t mb_paddr)
{
	const struct Multiboot *mb = KADDR(mb_paddr);

	cons_init();
	if (magic != MULTIBOOT_MAGIC)
		panic("not started by a Multiboot loader");
	bootargs_init(mb);
	mem_init(mb);
	stack_switch(kstack_entry(0), init);
}

void
machine_exit(bool good)
{
	cons_drain();
	outl(EXIT_PORT, good ? EXIT_GOOD : EXIT_BAD);
}

void
all_done(void)
{
	cprintf("No runnable environments in the system!\n");
	if (bootargs_batch)
		machine_exit(env_nkilled == 0);
	for (;;)
		monitor(NULL, NULL);
}
