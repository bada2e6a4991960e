// The kernel monitor.  It runs with the kernel lock held, so all programs stand still once they
// enter the kernel.  It looks at memory through the page tables only, so that no command can
// fault, whatever address is typed.

#include "kern/monitor.h"

#include "inc/stdio.h"
#include "inc/string.h"
#include "inc/x86.h"
#include "kern/bootargs.h"
#include "kern/env.h"
#include "kern/init.h"
#include "kern/kdebug.h"
#include "kern/mem.h"
#include "kern/page.h"
#include "kern/percpu.h"
#include "kern/programs.h"
#include "kern/trap.h"

#define MAXARGS 16
#define MAXFRAMES 64
#define DUMP_MAX 4096 // words

// What a command works on.
struct Session {
	struct Env *self;     // the program that is stopped, or NULL
	struct Trapframe *tf; // its registers, or NULL
	bool go_on;           // it shall run again
};

struct Command {
	const char *name, *args, *help;
	void (*run)(struct Session *s, int argc, char **argv);
};

static envid_t stepping; // [K] whose next debug exception is ours, or 0

// Reading what a user typed.

static bool
parse_number(const char *text, uint32_t *n)
{
	int base = 10;

	// strtol is signed, and addresses go further.
	if (text[0] == '0' && (text[1] | 0x20) == 'x') {
		base = 16;
		text += 2;
	}
	*n = 0;
	if (!*text)
		return false;
	for (; *text; text++) {
		int c = *text | 0x20;
		int digit = c >= 'a' ? c - 'a' + 10 : *text <= '9' ? *text - '0' : -1;
		if (digit < 0 || digit >= base || *n > (UINT32_MAX - digit) / base)
			return false;
		*n = *n * base + digit;
	}
	return true;
}

// argv[i] as a number, or the default when there are fewer arguments.  Says what is wrong.
static bool
number_arg(int argc, char **argv, int i, uint32_t otherwise, uint32_t *n)
{
	*n = otherwise;
	if (i >= argc)
		return true;
	if (parse_number(argv[i], n))
		return true;
	cprintf("`%s' is not a number (hexadecimal ones start with 0x)\n", argv[i]);
	return false;
}

// argv[i] as an env id; without it, the stopped program, or NULL for the kernel's own map.
static bool
env_arg(struct Session *s, int argc, char **argv, int i, struct Env **e)
{
	uint32_t id;

	*e = s->self;
	if (i >= argc)
		return true;
	if (!number_arg(argc, argv, i, 0, &id))
		return false;
	*e = &envs[ENVX(id)];
	if (kenv(*e)->space.pgdir && (uint32_t) (*e)->env_id == id)
		return true;
	cprintf("there is no env %08x\n", id);
	return false;
}

// Memory.

// The entry that maps va for e (NULL: for the kernel), or 0.  *size is PGSIZE, or PTSIZE when
// it is an entry of a directory.
static uint32_t
find_entry(struct Env *e, uint32_t va, uint32_t *size)
{
	pde_t pde = (e ? kenv(e)->space.pgdir : kern_pgdir)[PDX(va)];
	pte_t pte;

	*size = PTSIZE;
	if (!(pde & PTE_P) || (pde & PTE_PS))
		return pde & PTE_P ? pde : 0;
	phys_read(PTE_ADDR(pde) + PTX(va) * sizeof pte, &pte, sizeof pte);
	*size = PGSIZE;
	return pte & PTE_P ? pte : 0;
}

static void
print_rights(uint32_t entry)
{
	cprintf("%s %s%s%s%s%s\n", entry & PTE_W ? "rw" : "r-", entry & PTE_U ? "user" : "kernel",
		entry & PTE_COW ? " cow" : "", entry & PTE_SHARE ? " share" : "",
		entry & PTE_A ? " accessed" : "", entry & PTE_D ? " dirty" : "");
}

static void
run_showmappings(struct Session *s, int argc, char **argv)
{
	uint32_t va, last, size;
	struct Env *e;

	if (!number_arg(argc, argv, 1, 0, &va) || !number_arg(argc, argv, 2, va, &last) ||
	    !env_arg(s, argc, argv, 3, &e))
		return;
	if (last < va) {
		cprintf("%08x is before %08x\n", last, va);
		return;
	}
	for (;;) {
		uint32_t entry = find_entry(e, va, &size);

		if (entry) {
			va = ROUNDDOWN(va, size);
			cprintf("%08x-%08x -> %08x ", va, va + size - 1,
				(physaddr_t) ROUNDDOWN(entry, size));
			print_rights(entry);
		} else if (argc < 3) {
			cprintf("%08x is not mapped\n", va);
		}
		va = ROUNDDOWN(va, size);
		if (last - va < size)
			return;
		va += size;
	}
}

static void
run_setperm(struct Session *s, int argc, char **argv)
{
	uint32_t va, perm = PTE_P | PTE_U;
	struct PageInfo *pp;
	struct Env *e;
	pte_t pte;

	if (!number_arg(argc, argv, 1, 0, &va) || !env_arg(s, argc, argv, 3, &e))
		return;
	if (strcmp(argv[2], "rw") == 0) {
		perm |= PTE_W | PTE_GIVENW;
	} else if (strcmp(argv[2], "r") != 0) {
		cprintf("rights are r or rw\n");
		return;
	}
	if (!e || !user_page(va) || !(pp = page_lookup(&kenv(e)->space, va, &pte))) {
		cprintf("no program has a page at %08x\n", va);
		return;
	}
	if (!page_incref(pp)) {
		cprintf("the page has too many mappings\n");
		return;
	}
	perm |= pte & (PTE_AVAIL | PTE_GIVENW);
	page_insert(&kenv(e)->space, pp, va, perm); // its table is there, so this cannot fail
	cprintf("%08x: ", va);
	print_rights(perm);
}

static void
run_dump(struct Session *s, int argc, char **argv)
{
	bool physical = strcmp(argv[1], "p") == 0;
	uint32_t addr, n, size, word;
	struct Env *e;

	if (!physical && strcmp(argv[1], "v") != 0) {
		cprintf("dump p for physical addresses, dump v for virtual ones\n");
		return;
	}
	if (!number_arg(argc, argv, 2, 0, &addr) || !number_arg(argc, argv, 3, 16, &n) ||
	    !env_arg(s, argc, argv, 4, &e))
		return;
	if (n > DUMP_MAX) {
		cprintf("no more than %d words at once\n", DUMP_MAX);
		return;
	}
	addr = ROUNDDOWN(addr, 4);
	for (uint32_t i = 0; i < n; i++, addr += 4) {
		uint32_t pa = addr;

		if (i % 4 == 0)
			cprintf("%s%08x:", i ? "\n" : "", addr);
		if (!physical) {
			uint32_t entry = find_entry(e, addr, &size);
			if (!entry) {
				cprintf(" --------");
				continue;
			}
			pa = ROUNDDOWN(entry, size) + addr % size;
		}
		phys_read(pa, &word, sizeof word);
		cprintf(" %08x", word);
	}
	cprintf("\n");
}

static void
run_pages(struct Session *s, int argc, char **argv)
{
	uint32_t shared = 0, used = 0;

	(void) s, (void) argc, (void) argv;
	for (uint32_t i = 0; i < npages; i++) {
		used += pages[i].pp_ref > 0;
		shared += pages[i].pp_ref > 1;
	}
	cprintf("%u frames free, %u given to programs and their page tables, %u of these shared\n",
		page_nfree(), used, shared);
}

// Programs.

static const char *
program_name(struct Env *e)
{
	const struct Program *p = program_at(e, kenv(e)->frame.tf_eip);

	return p ? p->name : "unknown";
}

static void
run_envs(struct Session *s, int argc, char **argv)
{
	static const char *const status[] = {
		[ENV_FREE] = "free",
		[ENV_DYING] = "dying",
		[ENV_RUNNABLE] = "runnable",
		[ENV_RUNNING] = "running",
		[ENV_NOT_RUNNABLE] = "not runnable",
	};

	(void) s, (void) argc, (void) argv;
	cprintf("id       parent   status       runs       CPU eip      program\n");
	for (struct Env *e = envs; e < envs + NENV; e++) {
		if (e->env_status == ENV_FREE)
			continue;
		cprintf("%08x %08x %-12s %-10u %-3d %08x %s%s\n", e->env_id, e->env_parent_id,
			status[e->env_status], e->env_runs, e->env_cpunum, kenv(e)->frame.tf_eip,
			program_name(e), e->env_ipc_recving ? ", waits for a message" : "");
	}
}

static void
print_frame(const uint8_t *lines, uint32_t ebp, uint32_t eip, uint32_t at, const uint32_t *args)
{
	struct Place place;

	cprintf("  ebp %08x  eip %08x  args", ebp, eip);
	for (int i = 0; i < 5; i++)
		cprintf(" %08x", args[i]);
	if (lines && kdebug_find(lines, at, &place))
		cprintf("\n         %s:%u: %s+%u\n", place.file, place.line, place.function,
			place.offset + (eip - at));
	else
		cprintf("\n         unknown\n");
}

// A stack frame: the caller's frame pointer, the return address, the arguments.
struct Frame {
	uint32_t ebp, eip, args[5];
};

void
backtrace(uint32_t ebp)
{
	struct Frame frame;

	// Kernel stacks, the boot stack and everything else of ours lie between these two.
	for (int i = 0; i < MAXFRAMES && ebp >= MMIOLIM && ebp % 4 == 0; i++) {
		uint32_t size, n = sizeof frame;
		if (!find_entry(NULL, ebp, &size))
			break;
		if (!find_entry(NULL, ebp + n - 1, &size))
			n = PGSIZE - PGOFF(ebp);
		memset(&frame, 0, sizeof frame);
		memcpy(&frame, (void *) ebp, n);
		if (!frame.eip)
			break;
		print_frame(kern_lines, ebp, frame.eip, frame.eip - 1, frame.args);
		ebp = frame.ebp;
	}
}

static void
user_backtrace(struct Env *e, const struct Trapframe *tf)
{
	const struct Program *p = program_at(e, trap_at(tf));
	const uint8_t *lines = p ? p->lines : NULL;
	uint32_t ebp = tf->tf_regs.reg_ebp, eip = tf->tf_eip;
	uint32_t at = trap_at(tf); // further up it is a call, and eip stands behind it
	struct Frame frame = {0};

	for (int i = 0; i < MAXFRAMES; i++) {
		bool more = copy_from_user(&kenv(e)->space, &frame, ebp, sizeof frame, NULL) == 0;
		print_frame(lines, ebp, eip, at, frame.args);
		if (!more || !frame.eip || frame.ebp <= ebp)
			break;
		ebp = frame.ebp;
		eip = frame.eip;
		at = eip - 1;
	}
}

static void
run_backtrace(struct Session *s, int argc, char **argv)
{
	(void) argc, (void) argv;
	cprintf("Stack backtrace:\n");
	backtrace(read_ebp());
	if (s->tf) {
		cprintf("  -- in the program %s:\n", program_name(s->self));
		user_backtrace(s->self, s->tf);
	}
}

static void
resume(struct Session *s, bool step)
{
	if (!s->tf) {
		cprintf("no program is stopped\n");
		return;
	}
	stepping = step ? s->self->env_id : 0;
	s->tf->tf_eflags = step ? s->tf->tf_eflags | FL_TF : s->tf->tf_eflags & ~(uint32_t) FL_TF;
	s->go_on = true;
}

static void
run_step(struct Session *s, int argc, char **argv)
{
	(void) argc, (void) argv;
	resume(s, true);
}

static void
run_continue(struct Session *s, int argc, char **argv)
{
	(void) argc, (void) argv;
	resume(s, false);
}

static void
run_kerninfo(struct Session *s, int argc, char **argv)
{
	extern char _start[], entry[], etext[], end[];

	(void) s, (void) argc, (void) argv;
	cprintf("_start %08x (physical)\n", (uint32_t) _start);
	cprintf("entry  %08x (physical %08x)\n", (uint32_t) entry, PADDR(entry));
	cprintf("etext  %08x (physical %08x)\n", (uint32_t) etext, PADDR(etext));
	cprintf("end    %08x (physical %08x)\n", (uint32_t) end, PADDR(end));
	cprintf("The kernel with %u programs takes %u KB of memory; %d CPU(s).\n", nprograms,
		((uint32_t) end - (uint32_t) entry + 1023) / 1024, ncpu);
}

static void
run_quit(struct Session *s, int argc, char **argv)
{
	(void) s, (void) argc, (void) argv;
	machine_exit(env_nkilled == 0);
	cprintf("this machine has no isa-debug-exit device to end it with\n");
}

static void run_help(struct Session *s, int argc, char **argv);

static const struct Command commands[] = {
	{"help", "", "this list", run_help},
	{"kerninfo", "", "where the kernel stands", run_kerninfo},
	{"backtrace", "", "the calls that led here", run_backtrace},
	{"showmappings", "VA [LAST [ENV]]", "what is mapped there", run_showmappings},
	{"setperm", "VA r|rw [ENV]", "change the rights of a program's page", run_setperm},
	{"dump", "v|p ADDR [WORDS [ENV]]", "memory by virtual or physical address", run_dump},
	{"envs", "", "the environments", run_envs},
	{"pages", "", "how much memory is in use", run_pages},
	{"step", "", "one instruction of the stopped program", run_step},
	{"continue", "", "let the stopped program go on", run_continue},
	{"quit", "", "end QEMU", run_quit},
};

static void
run_help(struct Session *s, int argc, char **argv)
{
	(void) s, (void) argc, (void) argv;
	for (size_t i = 0; i < ARRAY_SIZE(commands); i++)
		cprintf("%s %s - %s\n", commands[i].name, commands[i].args, commands[i].help);
}

// Words in args that a command cannot do without: those before the first bracket.
static int
needed(const char *args)
{
	int n = 0;

	for (; *args && *args != '['; args++)
		n += *args != ' ' && (args[1] == ' ' || args[1] == '\0');
	return n;
}

static void
run_line(struct Session *s, char *line)
{
	char *argv[MAXARGS];
	int argc = 0;

	for (;;) {
		while (*line == ' ' || *line == '\t')
			*line++ = '\0';
		if (!*line)
			break;
		if (argc == MAXARGS) {
			cprintf("more than %d words\n", MAXARGS);
			return;
		}
		argv[argc++] = line;
		while (*line && *line != ' ' && *line != '\t')
			line++;
	}
	if (argc == 0)
		return;
	for (size_t i = 0; i < ARRAY_SIZE(commands); i++) {
		const struct Command *c = &commands[i];

		if (strcmp(argv[0], c->name) != 0)
			continue;
		if (argc - 1 < needed(c->args))
			cprintf("usage: %s %s\n", c->name, c->args);
		else
			c->run(s, argc, argv);
		return;
	}
	cprintf("Unknown command '%s'\n", argv[0]);
}

void
monitor(struct Env *self, struct Trapframe *tf)
{
	struct Session s = {self, tf, false};

	cprintf("Welcome to the JOS kernel monitor!\n");
	cprintf("Type 'help' for a list of commands.\n");
	if (tf)
		print_trapframe(tf, NULL);
	while (!s.go_on)
		run_line(&s, readline("K> "));
}

bool
monitor_steps(struct Env *self)
{
	return stepping == self->env_id;
}

bool
monitor_trap(struct Env *self, struct Trapframe *tf)
{
	if (bootargs_batch || (tf->tf_trapno == T_DEBUG && !monitor_steps(self))) {
		print_trapframe(tf, NULL);
		return false;
	}
	stepping = 0;
	tf->tf_eflags &= ~(uint32_t) FL_TF;
	monitor(self, tf);
	return true;
}
