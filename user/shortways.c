// The short ways of kern/sysenter.S and kern/trapentry.S do what the long ones do.
//
// Envs make random calls and faults from random registers, and all that they can see of the kernel
// afterwards goes into one sum for each scenario, in the order in which it happens: results,
// registers, flags, segments, FPU state, their struct Env, frames on the exception stack, page
// table entries, and who runs.  On one CPU nothing is left to chance, as a turn is longer than a
// scenario: so the sums of a kernel with short ways must be those of one without (the word
// "plain"), and test/shortways.t compares them.  With more CPUs the order is anything, and what
// counts is that nobody comes to harm.

#include "inc/ipc.h"
#include "user/attack.h"

#define NSCENARIOS 300
#define MAXMEMBERS 5
#define NROUNDS 80                  // of the conductor
#define PATIENCE IPC_TIMEOUT(60000) // longer than any scenario takes

// What all envs of a scenario share.
struct Shared {
	uint32_t sum, notes;
	uint32_t seed;
	envid_t conductor, member[MAXMEMBERS];
	uint32_t nmembers;
	volatile uint32_t started;
};
#define S ((volatile struct Shared *) SHARED_VA)

// Addresses of a member's own.
#define ARGS_VA 0x10000000u    // arguments; behind it nothing is mapped
#define ARGS_RO_VA 0x10004000u // the same page, read-only
#define NOTHING_VA 0x10008000u // never mapped
#define PAGE_VA 0x10010000u    // pages to send, and to receive: four of them
#define TABLE_VA 0x10400000u   // the same where there is no page table
#define XSTACK (UXSTACKTOP - PGSIZE)

static void
note(uint32_t word)
{
	S->sum = (S->sum ^ word) * 0x01000193;
	S->sum ^= S->sum >> 15;
	S->notes++;
}

static uint32_t
below(uint32_t n)
{
	return (random() >> 8) % n;
}

// An id as what it means, since ids differ when slots have been used more often.
static uint32_t
meaning(envid_t id)
{
	if (id == S->conductor)
		return 100;
	for (uint32_t i = 0; i < S->nmembers; i++)
		if (S->member[i] == id)
			return i + 1;
	return id == 0 ? 0 : 99;
}

static uint32_t
entry_bits(uint32_t va)
{
	return va < UTOP && (uvpd[PDX(va)] & PTE_P) ? uvpt[PGNUM(va)] & 0xfff : 0;
}

static uint32_t
owners(uint32_t va)
{
	return entry_bits(va) & PTE_P ? pages[PGNUM(uvpt[PGNUM(va)])].pp_ref : 0;
}

static void
note_env(const volatile struct Env *e)
{
	note(e->env_status);
	note(e->env_runs);
	note((uint32_t) e->env_pgfault_upcall);
	note(e->env_ipc_recving);
	note((uint32_t) e->env_ipc_dstva);
	note(e->env_ipc_value);
	note(meaning(e->env_ipc_from));
	note(e->env_ipc_perm);
}

static void
note_pages(void)
{
	note(entry_bits(ARGS_VA));
	note(entry_bits(ARGS_VA + PGSIZE));
	note(entry_bits(ARGS_RO_VA));
	for (int i = 0; i < 4; i++) {
		note(entry_bits(PAGE_VA + i * PGSIZE));
		note(owners(PAGE_VA + i * PGSIZE));
	}
	note(entry_bits(TABLE_VA));
	note(owners(TABLE_VA));
	note(entry_bits(XSTACK));
	note(entry_bits(XSTACK - PGSIZE));
}

// The registers with which the kernel is entered, and those found afterwards.  The assembly below
// knows the offsets.
struct Raw {
	uint32_t eax, ebx, ecx, edx, esi, edi, ebp, esp, eflags; // 0..32
	uint32_t ds, es, fs, gs;                                 // 36..48
};
struct Raw raw_in, raw_out;
uint32_t raw_stack;       // our own esp
uint32_t raw_upcall;      // 1: what came back is a page fault upcall
uint32_t raw_flags_below; // 1: memory at raw_in.esp can be written: set the flags there
struct {
	uint8_t bytes[512];
} __attribute__((aligned(16))) fpu_in, fpu_out;

// void raw_sysenter(void): enter by sysenter with raw_in and fpu_in; come back with raw_out and
//	fpu_out.  ecx is where the arguments are looked for, and esp afterwards.
// void raw_interrupt(void): the same by int $0x30, with esp our own.
// void raw_fault(void): read and write at edx, with esp as given; raw_upcall tells whether a
//	fault came of it.
void raw_sysenter(void), raw_interrupt(void), raw_fault(void), raw_upcall_entry(void);
asm(".text\n"
    ".macro raw_begin\n"
    "	pushal\n"
    "	movl $0, raw_upcall\n"
    "	fxrstor fpu_in\n"
    "	movl %esp, raw_stack\n"
    "	movw raw_in + 44, %fs\n"
    "	movw raw_in + 48, %gs\n"
    "	movl raw_in + 0, %eax\n"
    "	movl raw_in + 4, %ebx\n"
    "	movl raw_in + 8, %ecx\n"
    "	movl raw_in + 12, %edx\n"
    "	movl raw_in + 16, %esi\n"
    "	movl raw_in + 20, %edi\n"
    "	movl raw_in + 24, %ebp\n"
    ".endm\n"
    ".macro raw_segments\n"
    "	movw %ss:raw_in + 40, %es\n"
    "	movw %ss:raw_in + 36, %ds\n"
    ".endm\n"
    "raw_sysenter:\n"
    "	raw_begin\n"
    "	movl $raw_end, %edx\n"
    "	pushl raw_in + 32\n"
    "	raw_segments\n"
    "	popfl\n"
    "	sysenter\n"
    "raw_interrupt:\n"
    "	raw_begin\n"
    "	pushl raw_in + 32\n"
    "	raw_segments\n"
    "	popfl\n"
    "	int $0x30\n"
    "raw_end:\n"
    "	movl %eax, %ss:raw_out + 0\n"
    "	movl %esp, %ss:raw_out + 28\n"
    "	movl %ss:raw_stack, %esp\n"
    "	pushfl\n"
    "	popl %ss:raw_out + 32\n"
    "	movl %ebx, %ss:raw_out + 4\n"
    "	movl %ecx, %ss:raw_out + 8\n"
    "	movl %edx, %ss:raw_out + 12\n"
    "	movl %esi, %ss:raw_out + 16\n"
    "	movl %edi, %ss:raw_out + 20\n"
    "	movl %ebp, %ss:raw_out + 24\n"
    "	movw %ds, %ss:raw_out + 36\n"
    "	movw %es, %ss:raw_out + 40\n"
    "	movw %fs, %ss:raw_out + 44\n"
    "	movw %gs, %ss:raw_out + 48\n"
    "	movl %ss, %eax\n"
    "	movl %eax, %ds\n"
    "	movl %eax, %es\n"
    "	fxsave fpu_out\n"
    "	pushl $2\n"
    "	popfl\n"
    "	xorl %eax, %eax\n"
    "	movl %eax, %fs\n"
    "	movl %eax, %gs\n"
    "	popal\n"
    "	ret\n"
    "raw_fault:\n"
    "	raw_begin\n"
    "	cmpl $0, raw_flags_below\n"
    "	je 1f\n"
    "	movl raw_in + 28, %esp\n"
    "	pushl raw_in + 32\n"
    "	raw_segments\n"
    "	popfl\n"
    "	lock; addl $1, %ss:(%edx)\n" // the very next one, as TF may be set
    "	jmp raw_end\n"
    "1:	pushl raw_in + 32\n"
    "	raw_segments\n"
    "	popfl\n"
    "	movl %ss:raw_in + 28, %esp\n"
    "	lock; addl $1, %ss:(%edx)\n"
    "	jmp raw_end\n"
    "raw_upcall_entry:\n"
    "	movl $1, %ss:raw_upcall\n"
    "	jmp raw_end\n");

static uint32_t
random_flags(void)
{
	static const uint32_t some[] = {
		0, FL_DF, FL_AC, FL_NT, FL_ID, 0x8d5, 0x1, FL_AC | FL_DF, FL_NT | FL_ID | FL_DF};

	return some[below(ARRAY_SIZE(some))] | 2;
}

// All registers, but eax, ecx and edx, which the caller has to choose.
static void
random_registers(void)
{
	static const uint32_t selectors[] = {0, 0, 0, GD_UD | 3, GD_UT | 3, 1, 3};

	raw_in.ebx = random();
	raw_in.esi = random();
	raw_in.edi = random();
	raw_in.ebp = random();
	raw_in.eflags = random_flags();
	raw_in.ds = raw_in.es = GD_UD | 3;
	if (below(4) == 0)
		raw_in.ds = below(4);
	if (below(4) == 0)
		raw_in.es = below(4);
	raw_in.fs = raw_in.gs = 0;
	if (below(4) == 0)
		raw_in.fs = selectors[below(ARRAY_SIZE(selectors))];
	if (below(4) == 0)
		raw_in.gs = selectors[below(ARRAY_SIZE(selectors))];
	// The eight x87 registers stay empty; xmm0 to xmm7 are at 160.
	for (int i = 160; i < 160 + 8 * 16; i++)
		fpu_in.bytes[i] = random() >> 8;
	fpu_in.bytes[1] = 3 | below(4) << 2;     // x87 rounding
	fpu_in.bytes[25] = 0x1f | below(4) << 5; // SSE rounding
}

// What came back, but for eflags.
static void
note_registers(void)
{
	note(raw_out.ebx);
	note(raw_out.esi);
	note(raw_out.edi);
	note(raw_out.ebp);
	note(raw_out.esp == raw_stack ? 0 : raw_out.esp);
	note(raw_out.ds << 16 | raw_out.es);
	note(raw_out.fs << 16 | raw_out.gs);
	note(*(uint32_t *) &fpu_out.bytes[0]);  // control and status word
	note(*(uint32_t *) &fpu_out.bytes[24]); // MXCSR
	for (int i = 160; i < 160 + 8 * 16; i += 4)
		note(*(uint32_t *) &fpu_out.bytes[i]);
}

// Calls

static uint32_t
some_id(void)
{
	switch (below(16)) {
	case 0:
		return 0;
	case 1:
		return S->conductor;
	case 2:
		return random();
	case 3:
		return S->member[below(S->nmembers)] + 0x1000;
	default:
		return S->member[below(S->nmembers)];
	}
}

static uint32_t
some_page(void)
{
	static const uint32_t odd[] = {UTOP + 1,    0xffffffff, KERNBASE, NOTHING_VA,
				       PAGE_VA + 4, UTOP - 4,   UVPT};

	switch (below(8)) {
	case 0 ... 2:
		return UTOP;
	case 3:
		return odd[below(ARRAY_SIZE(odd))];
	case 4:
		return TABLE_VA;
	default:
		return PAGE_VA + below(4) * PGSIZE;
	}
}

static uint32_t
some_rights(void)
{
	static const uint32_t perms[] = {RO, RO,    RO | PTE_COW,   RW,           RW,         RW,
					 0,  PTE_P, RW | PTE_SHARE, RW | PTE_PCD, 0x2000 | RO};

	return perms[below(ARRAY_SIZE(perms))];
}

// Whose memory is changed: mostly the caller's own.
static uint32_t
some_owner(void)
{
	return below(6) ? 0 : below(2) ? (uint32_t) sys_getenvid() : some_id();
}

// How a message is sent: mostly in a way that works.
static uint32_t
some_how(void)
{
	static const uint32_t perms[] = {RO, RO,    RO,          RO, RW, RW, RW | PTE_SHARE,
					 0,  PTE_U, RW | PTE_PCD};
	uint32_t how = perms[below(ARRAY_SIZE(perms))];

	if (below(3) == 0)
		how |= IPC_ONLY;
	if (below(6) == 0)
		how |= IPC_NOWAIT;
	if (below(6) == 0)
		how |= PATIENCE;
	if (below(20) == 0)
		how |= 0x8000;
	return how;
}

// Put words where a call by sysenter may find them, or not.
static uint32_t
arguments(const uint32_t *word, int n)
{
	static const uint32_t nowhere[] = {NOTHING_VA, UTOP, UTOP - 4, UTOP - 32,
					   UTOP - 28,  0,    KERNBASE, 0xfffffff0,
					   0xffffffff, UVPT, 4};
	uint32_t va = ARGS_VA + 64;

	switch (below(12)) {
	case 0:
		return nowhere[below(ARRAY_SIZE(nowhere))];
	case 1 ... 2: // its end is missing
		va = ARGS_VA + PGSIZE - 4 * (1 + below(6));
		break;
	case 3:
		va += below(4); // at no multiple of 4
		break;
	}
	for (int i = 0; i < n && va + 8 + 4 * i <= ARGS_VA + PGSIZE; i++)
		*(uint32_t *) (va + 4 + 4 * i) = word[i];
	return below(4) ? va : va - ARGS_VA + ARGS_RO_VA;
}

static void
make_call(uint32_t me, uint32_t number, const uint32_t *arg, int n)
{
	random_registers();
	raw_in.eax = number;
	if (below(5)) {
		raw_in.ecx = arguments(arg, n);
		if (raw_in.ecx % 4 != 0)
			raw_in.eflags &= ~FL_AC;
		raw_sysenter();
	} else {
		raw_in.edx = arg[0];
		raw_in.ecx = arg[1];
		raw_in.ebx = arg[2];
		raw_in.edi = arg[3];
		raw_in.esi = arg[4];
		raw_interrupt();
	}
	// Calls on pages leave these two as they are, or flat.
	if (number == SYS_page_protect || number == SYS_page_map || number == SYS_page_unmap) {
		raw_out.ds = raw_out.ds == raw_in.ds ? GD_UD | 3 : raw_out.ds;
		raw_out.es = raw_out.es == raw_in.es ? GD_UD | 3 : raw_out.es;
	}
	note(me);
	note(number);
	note(raw_out.eax);
	note_registers();
	// Who waits, or lets others run, goes on with fresh flags; else they may be anything but TF.
	bool waits = number == SYS_yield || number == SYS_ipc_call || number == SYS_ipc_call_value;
	note(raw_out.eflags & (waits && raw_out.eax == 0 ? 0xffffffff : FL_TF));
}

static void
some_call(uint32_t me)
{
	const uint32_t number[] = {SYS_yield,          SYS_yield,          SYS_yield,
				   SYS_ipc_call_value, SYS_ipc_call_value, SYS_ipc_call,
				   SYS_ipc_call,       SYS_ipc_call,       SYS_ipc_recv,
				   SYS_ipc_wait,       SYS_ipc_send,       SYS_ipc_send,
				   SYS_ipc_try_send,   SYS_page_protect,   SYS_page_protect,
				   SYS_page_map,       SYS_page_map,       SYS_page_unmap};
	uint32_t arg[5] = {some_id(), random(), some_page(), some_how(), some_page()};
	uint32_t n = number[below(ARRAY_SIZE(number))];

	switch (n) {
	case SYS_ipc_call_value:
		arg[2] = below(4) ? arg[3] & IPC_ONLY : arg[3];
		break;
	case SYS_ipc_call:
		if (below(2))
			arg[3] &= IPC_ONLY | 0xfff;
		break;
	case SYS_ipc_recv:
		arg[0] = arg[2];
		break;
	case SYS_ipc_send:
		if (below(2))
			arg[2] = UTOP, arg[3] &= 0xfff;
		break;
	case SYS_page_protect:
		arg[0] = some_owner();
		arg[1] = arg[2];
		arg[2] = some_rights() | (below(2) ? PAGE_SOLE : 0);
		break;
	case SYS_page_unmap:
		arg[0] = some_owner();
		arg[1] = arg[2];
		break;
	case SYS_page_map:
		arg[0] = some_owner();
		arg[1] = arg[2];
		arg[2] = some_owner();
		arg[3] = arg[4];
		arg[4] = some_rights();
		break;
	case SYS_ipc_wait:
		arg[0] = below(2) ? 0 : arg[0];
		arg[1] = arg[2];
		arg[2] = arg[3] & ~0xfff;
		break;
	}
	make_call(me, n, arg, 5);
}

// Memory

static void
change_pages(void)
{
	uint32_t va = PAGE_VA + below(4) * PGSIZE;

	switch (below(8)) {
	case 0:
		sys_page_unmap(0, (void *) va);
		break;
	case 1:
		sys_page_map(0, (void *) va, 0, (void *) va, RO);
		break;
	case 2:
		sys_page_unmap(0, (void *) TABLE_VA);
		break;
	case 3:
		sys_page_alloc(0, (void *) TABLE_VA, RW);
		break;
	default:
		if (sys_page_alloc(0, (void *) va, RW) == 0)
			*(uint32_t *) va = random();
	}
}

static void
note_memory(void)
{
	for (uint32_t va = PAGE_VA; va < PAGE_VA + 4 * PGSIZE; va += PGSIZE)
		if (entry_bits(va) & PTE_P)
			note(*(uint32_t *) va);
	note_pages();
}

// The exception stack as it should be, or worse.
static void
change_xstack(void)
{
	if (below(40) == 0)
		sys_page_unmap(0, (void *) XSTACK);
	else if (below(40) == 0)
		sys_page_map(0, (void *) XSTACK, 0, (void *) XSTACK, RO);
	else if (below(100) == 0)
		sys_env_set_pgfault_upcall(0, NULL);
	else if (below(10) == 0) // what is below it is no part of it
		sys_page_alloc(0, (void *) (XSTACK - PGSIZE), RW);
	else // fresh: neither accessed nor dirty
		sys_page_alloc(0, (void *) XSTACK, RW);
}

static bool
can_write(uint32_t va)
{
	return va < UTOP && (entry_bits(va) & PTE_W);
}

// A fault, and faults within its handling, further and further down, or out of the stack.
static void
some_faults(uint32_t me)
{
	static const uint32_t addrs[] = {NOTHING_VA,
					 ARGS_RO_VA,
					 0,
					 UTOP,
					 UVPT,
					 KERNBASE,
					 0xfffffffc,
					 ARGS_VA + PGSIZE,
					 UENVS,
					 TABLE_VA + PGSIZE,
					 PAGE_VA,
					 PAGE_VA + PGSIZE,
					 PAGE_VA + 2 * PGSIZE};
	static uint32_t scratch[64];
	static const uint32_t esps[] = {0,
					4,
					UTEMP,
					USTACKTOP - PGSIZE,
					XSTACK,
					XSTACK - 4,
					XSTACK + 52,
					XSTACK + 56,
					XSTACK + 60,
					UXSTACKTOP,
					UXSTACKTOP - 4,
					UXSTACKTOP - 1,
					UXSTACKTOP + 4,
					0xffffffff,
					KERNBASE,
					ARGS_VA + PGSIZE,
					ARGS_RO_VA + 64,
					XSTACK + 2048,
					XSTACK + 1001};
	uint32_t esp = below(3) ? (uint32_t) &scratch[32] : esps[below(ARRAY_SIZE(esps))];

	for (uint32_t depth = below(10) ? below(6) : 100;; depth--) {
		random_registers();
		raw_in.eax = random();
		raw_in.ecx = random();
		raw_in.edx = addrs[below(ARRAY_SIZE(addrs))] + below(4) * 4;
		if (entry_bits(raw_in.edx) & PTE_W)
			return;
		raw_in.esp = esp;
		raw_flags_below = esp % 4 == 0 && can_write(esp - 4) && raw_in.edx < KERNBASE;
		if (raw_flags_below && below(3) == 0)
			raw_in.eflags |= FL_TF;
		note(me);
		note(esp);
		raw_fault();
		note(raw_upcall);
		note(raw_out.eax);
		note(raw_out.ecx);
		note(raw_out.edx);
		note_registers();
		note(raw_out.eflags);
		const struct UTrapframe *utf = (const struct UTrapframe *) raw_out.esp;
		const uint32_t *word = (const uint32_t *) utf;
		for (size_t i = 0; i < sizeof *utf / 4; i++)
			note(word[i]);
		note_pages();
		if (depth == 0)
			return;
		// From within the handler: at its esp, or below.
		esp = raw_out.esp - below(3) * 4 - (below(8) == 0 ? below(2000) : 0);
	}
}

// The envs

static void
step(uint32_t me)
{
	switch (below(8)) {
	case 0:
		change_pages();
		break;
	case 1:
		change_xstack();
		some_faults(me);
		break;
	default:
		some_call(me);
	}
	note_env(thisenv);
	note_memory();
}

static void
member(uint32_t me)
{
	random_state = S->seed * 8 + me;
	own_pages();
	sys_page_alloc(0, (void *) ARGS_VA, RW);
	sys_page_map(0, (void *) ARGS_VA, 0, (void *) ARGS_RO_VA, RO);
	for (int i = 0; i < 4; i++)
		change_pages();
	sys_env_set_pgfault_upcall(0, raw_upcall_entry);
	while (!S->started)
		sys_yield();
	for (;;)
		step(me);
}

static void
note_member(uint32_t i)
{
	const volatile struct Env *e = &envs[ENVX(S->member[i])];

	// When the dead have given back all their memory is another matter.
	if (e->env_id == S->member[i] && e->env_status != ENV_DYING && e->env_status != ENV_FREE)
		note_env(e);
}

// What happens to a member from outside.
static void
disturb(envid_t id)
{
	switch (below(12)) {
	case 0:
		note(sys_env_set_status(id, ENV_NOT_RUNNABLE));
		break;
	case 1 ... 3:
		note(sys_env_set_status(id, ENV_RUNNABLE));
		break;
	case 4 ... 7:
		note(sys_ipc_try_send(id, random(), (void *) UTOP, 0));
		break;
	case 8:
		note(sys_ipc_wait(0, (void *) UTOP, IPC_NOWAIT));
		break;
	case 9:
		note(below(10) == 0 ? sys_env_destroy(id) : 0);
		break;
	}
}

static void
conduct(uint32_t n)
{
	S->seed = n + 1;
	S->sum = 0x811c9dc5;
	S->notes = S->started = 0;
	S->conductor = sys_getenvid();
	S->nmembers = 1 + n % MAXMEMBERS;
	random_state = 1000 + n;
	for (uint32_t i = 0; i < S->nmembers; i++)
		S->member[i] = spawn(member, i);
	S->started = 1;
	for (int round = 0; round < NROUNDS; round++) {
		sys_yield();
		note(200 + round);
		uint32_t i = below(S->nmembers);
		disturb(S->member[i]);
		note_member(i);
	}
	for (uint32_t i = 0; i < S->nmembers; i++)
		sys_env_set_status(S->member[i], ENV_NOT_RUNNABLE);
	for (uint32_t i = 0; i < S->nmembers; i++) {
		note_member(i);
		destroy(S->member[i]);
	}
	cprintf("shortways: scenario %u: %u things, %08x\n", n, S->notes, S->sum);
}

// Time limits

#define LIMIT 400 // milliseconds
#define RESULT(i) SHARED[512 + (i)]

// Wait with a limit, and then without.
static void
wait_twice(uint32_t unused)
{
	RESULT(0) = sys_ipc_wait(0, (void *) UTOP, IPC_TIMEOUT(LIMIT));
	RESULT(1) = sys_ipc_recv((void *) UTOP);
	RESULT(2) = true;
}

static void
call_value(uint32_t id)
{
	sys_ipc_call_value(id, 1, 0);
}

static void
call_page(uint32_t id)
{
	sys_ipc_call(id, 1, (void *) UTOP, 0, (void *) UTOP);
}

// The limit of a wait that a call has ended does not end the next one.
static void
limits(void (*call)(uint32_t id))
{
	do {
		RESULT(2) = false;
		envid_t waiter = spawn(wait_twice, 0);
		while (!envs[ENVX(waiter)].env_ipc_recving)
			sys_yield();
		envid_t caller = spawn(call, waiter);
		assert(sys_ipc_wait(0, (void *) UTOP, IPC_TIMEOUT(LIMIT + 100)) == -E_TIMEOUT);
		sys_ipc_send(waiter, 2, (void *) UTOP, IPC_NOWAIT);
		while (!RESULT(2))
			sys_yield();
		destroy(waiter);
		destroy(caller);
	} while ((int32_t) RESULT(0) == -E_TIMEOUT); // a slow machine: the call came too late
	assert(RESULT(0) == 0);
	if (RESULT(1) != 0)
		panic("a wait without a limit: %e", (int) RESULT(1));
}

void
umain(int argc, char **argv)
{
	share_page();
	assert(sys_env_set_weight(0, WEIGHT_MAX) == 0);
	// Each in a fresh env, which has all of its turn before it.
	for (uint32_t n = 0; n < NSCENARIOS; n++)
		wait_end(spawn(conduct, n));
	limits(call_value);
	limits(call_page);
	cprintf("shortways: OK\n");
}
