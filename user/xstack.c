// Exception stacks that are missing, full, read-only, swapped, shared, or no stack at all, and a
// stack pointer that is anywhere in 4 GiB when the fault comes: the fault arrives in its place,
// or the program ends.

#include "user/attack.h"

#define XSTACK (UXSTACKTOP - PGSIZE)
#define FRAME sizeof(struct UTrapframe)
#define NOTHING 0x0fffff00 // nothing is mapped there

// Where the handler below leaves what it was given; word 0 tells what became of the child.
struct Report {
	uint32_t result, count, at;
	struct UTrapframe utf;
};
#define REPORT ((volatile struct Report *) SHARED_VA)
#define WAITING 1
#define READY (SHARED + 32)

static const uint32_t esps[] = {
	0,
	1,
	3,
	4,
	FRAME,
	PGSIZE,
	UTEMP,
	UTEXT,
	0x7fffffff,
	0x80000000,
	USTACKTOP - PGSIZE,
	USTACKTOP - 4,
	USTACKTOP,
	USTACKTOP + 4,
	XSTACK - 1,
	XSTACK,
	XSTACK + 1,
	XSTACK + 4,
	XSTACK + FRAME,
	XSTACK + FRAME + 3,
	XSTACK + FRAME + 4,
	XSTACK + FRAME + 5,
	XSTACK + FRAME + 8,
	XSTACK + PGSIZE / 2 + 1,
	UXSTACKTOP - 8,
	UXSTACKTOP - 4,
	UXSTACKTOP - 1,
	UXSTACKTOP,
	UXSTACKTOP + 1,
	UXSTACKTOP + 4,
	UXSTACKTOP + FRAME,
	UENVS + PGSIZE,
	UPAGES,
	UVPT,
	UVPD,
	ULIM,
	MMIOLIM,
	KSTACKTOP - KSTKSIZE,
	KSTACKTOP - 4,
	KERNBASE,
	KERNBASE + EXTPHYSMEM,
	0xfffffffc,
	0xffffffff,
};

// Where esp would be in the handler; 0: no room, and the end.
static uint32_t
handler_esp(uint32_t esp)
{
	if (esp < XSTACK || esp >= UXSTACKTOP)
		return UXSTACKTOP - FRAME;
	return esp - 4 - FRAME >= XSTACK ? esp - 4 - FRAME : 0;
}

// A handler that reports and ends its env; it needs no stack.
extern char report_upcall[], loop_upcall[];
asm("report_upcall:\n"
    "	cld\n"
    "	movl	%esp,0x0d000008\n"
    "	movl	%esp,%esi\n"
    "	movl	$0x0d00000c,%edi\n"
    "	movl	$13,%ecx\n"
    "	rep movsl\n"
    "	movl	$1,0x0d000004\n"
    "1:	xorl	%edx,%edx\n"
    "	movl	$3,%eax\n"
    "	int	$0x30\n"
    "	jmp	1b\n"
    // One that counts, and faults again.
    "loop_upcall:\n"
    "	incl	0x0d000004\n"
    "	movl	0x0fffff00,%eax\n"
    "	jmp	loop_upcall\n");

static_assert(offsetof(struct Report, count) == 4 && offsetof(struct Report, at) == 8 &&
		      offsetof(struct Report, utf) == 12 && FRAME == 13 * 4 && SYS_env_destroy == 3,
	      "the numbers in the assembly");

static void
have_xstack(int perm)
{
	int r = sys_page_alloc(0, (void *) XSTACK, perm);

	if (r < 0)
		panic("exception stack: %e", r);
}

static void
fault(uint32_t esp)
{
	asm volatile("movl %%esp,%%ebx; movl %0,%%esp; movl %1,%%eax; movl %%ebx,%%esp"
		     :
		     : "r"(esp), "m"(*(uint32_t *) NOTHING)
		     : "eax", "ebx", "memory");
}

static uint32_t the_esp, the_upcall;
static int the_perm;
static bool the_guard;

static void
try_esp(uint32_t arg)
{
	have_xstack(the_perm);
	// The page below, empty as a rule, is no part of it.
	if (the_guard)
		sys_page_alloc(0, (void *) USTACKTOP, RW);
	sys_env_set_pgfault_upcall(0, (void *) the_upcall);
	fault(the_esp);
}

static void
try(uint32_t esp, int perm, uint32_t upcall)
{
	the_esp = esp;
	the_perm = perm;
	the_upcall = upcall;
	memset((void *) REPORT, 0, sizeof *REPORT);
	try_each(try_esp, 1);
	assert(!survived(0));
}

static void
any_esp(void)
{
	for (size_t i = 0; i < ARRAY_SIZE(esps); i++) {
		uint32_t want = handler_esp(esps[i]);

		try(esps[i], RW, (uint32_t) report_upcall);
		if (REPORT->count != (want != 0))
			panic("esp %08x: handler called %u times", esps[i], REPORT->count);
		if (want == 0)
			continue;
		if (REPORT->at != want || REPORT->utf.utf_esp != esps[i])
			panic("esp %08x: handler at %08x was told %08x", esps[i], REPORT->at,
			      REPORT->utf.utf_esp);
		if (REPORT->utf.utf_fault_va != NOTHING || REPORT->utf.utf_err != FEC_U)
			panic("esp %08x: fault at %08x, err %x", esps[i], REPORT->utf.utf_fault_va,
			      REPORT->utf.utf_err);
	}
}

// Each frame needs one word more than the first, down to the end of the page.
static void
to_the_bottom(void)
{
	try(USTACKTOP - 64, RW, (uint32_t) loop_upcall);
	assert(REPORT->count == 1 + (PGSIZE - FRAME) / (FRAME + 4));
}

#define NKIND 4
static int the_kind;

static void
no_stack(uint32_t arg)
{
	switch (the_kind) {
	case 0: // missing
		sys_page_unmap(0, (void *) XSTACK);
		break;
	case 1:
		have_xstack(RO);
		break;
	case 2: // read-only now
		have_xstack(RW);
		sys_page_map(0, (void *) XSTACK, 0, (void *) XSTACK, RO);
		break;
	case 3: // shared with the program's own text
		assert(sys_page_map(0, (void *) UTEXT, 0, (void *) XSTACK, RO) == 0);
		break;
	}
	sys_env_set_pgfault_upcall(0, report_upcall);
	fault(USTACKTOP - 64);
}

static void
any_upcall(void)
{
	static const uint32_t upcalls[] = {
		1,
		UTEMP,
		UTOP - 1,
		UTOP,
		UENVS,
		UPAGES,
		UVPT,
		ULIM,
		MMIOLIM,
		KERNBASE,
		KERNBASE + EXTPHYSMEM,
		0xfffffffe,
		0xffffffff,
		XSTACK - 1,
		USTACKTOP + 1,
	};

	for (size_t i = 0; i < ARRAY_SIZE(upcalls); i++) {
		try(USTACKTOP - 64, RW, upcalls[i]);
		assert(REPORT->count == 0);
	}
}

// One page is the exception stack of several envs, which fault for all they can.
static void
fault_on(uint32_t arg)
{
	sys_env_set_pgfault_upcall(0, loop_upcall);
	fault(arg % 2 ? USTACKTOP - 64 : XSTACK + PGSIZE / 2);
}

static void
shared_stack(void)
{
	for (int round = 0; round < 10; round++) {
		envid_t id[4];

		memset((void *) SHARED, 0, PGSIZE);
		for (int i = 0; i < 4; i++) {
			if ((id[i] = fork()) == 0) {
				bare();
				READY[i] = true;
				while (REPORT->result == 0)
					sys_yield();
				fault_on(i);
				exit();
			}
			assert(id[i] > 0);
			while (!READY[i])
				sys_yield();
		}
		assert(sys_page_alloc(id[0], (void *) XSTACK, RW) == 0);
		for (int i = 1; i < 4; i++)
			assert(sys_page_map(id[0], (void *) XSTACK, id[i], (void *) XSTACK, RW) ==
			       0);
		REPORT->result = 1;
		for (int i = 0; i < 4; i++)
			wait_end(id[i]);
		assert(REPORT->count >= 4);
	}
}

// The exception stack goes, and comes, and is another, while faults are on their way to it.
static void
return_at_once(struct UTrapframe *utf)
{
	REPORT->count++;
	utf->utf_eip += 5; // the length of movl NOTHING,%eax
}

static void
fault_often(uint32_t arg)
{
	have_xstack(RW);
	set_pgfault_handler(return_at_once);
	REPORT->result = WAITING;
	for (;;)
		asm volatile(".byte 0xa1; .long %c0" : : "i"(NOTHING) : "eax");
}

static void
swapped_stack(void)
{
	for (int round = 0; round < 10; round++) {
		envid_t id;

		memset((void *) REPORT, 0, sizeof *REPORT);
		id = spawn(fault_often, 0);
		while (REPORT->result != WAITING)
			sys_yield();
		for (int i = 0; i < 20; i++) {
			uint32_t count = REPORT->count;

			// The frame it is in goes too: it may die of that, but nobody else.
			if (sys_page_alloc(id, (void *) XSTACK, RW) < 0)
				break;
			while (alive(id) && REPORT->count == count)
				sys_yield();
		}
		if (round % 2)
			sys_page_unmap(id, (void *) XSTACK);
		else
			sys_page_map(id, (void *) XSTACK, id, (void *) XSTACK, RO);
		wait_end(id);
	}
}

void
umain(int argc, char **argv)
{
	share_page();
	any_esp();
	cprintf("xstack: any stack pointer\n");
	to_the_bottom();
	the_guard = true;
	any_esp();
	to_the_bottom();
	cprintf("xstack: faults down to the bottom\n");
	for (the_kind = 0; the_kind < NKIND; the_kind++) {
		REPORT->count = 0;
		try_each(no_stack, 1);
		assert(!survived(0) && REPORT->count == 0);
	}
	cprintf("xstack: missing and read-only\n");
	any_upcall();
	cprintf("xstack: any entry point\n");
	shared_stack();
	cprintf("xstack: shared\n");
	swapped_stack();
	cprintf("xstack: swapped while in use\n");
	cprintf("xstack: OK\n");
}
