// Exceptions that a program handles itself: each that a program can raise, what the handler sees of it,
// and how the program goes on; handlers within handlers; single steps; and who inherits handlers.
// Some children are killed, as they should be.

#include "inc/ipc.h"
#include "user/attack.h"

#define NOTHING 0x0e000000
#define MAXSTEPS 32

static volatile uint32_t at, next; // where the instruction stands that traps, and the next one
static volatile int count;         // exceptions so far
static struct UTrapframe seen;     // the last one
static const uint32_t bounds[2] = {1, 5};

// Note where insn stands, and run it, with ebx at bounds and ordinary flags afterwards.
#define RAISE(before, insn)                                                                        \
	asm volatile("movl $1f, %0; movl $2f, %1;" before "1:" insn "; 2: pushl $2; popfl"         \
		     : "=m"(at), "=m"(next)                                                        \
		     : "b"(bounds)                                                                 \
		     : "eax", "ecx", "edx", "memory", "cc")

static void
skip(struct UTrapframe *utf)
{
	seen = *utf;
	count++;
	utf->utf_eip = next;
}

static void
handle(unsigned trapno, void (*handler)(struct UTrapframe *utf))
{
	int r = set_exception_handler(trapno, handler);

	if (r < 0)
		panic("set_exception_handler(%u): %e", trapno, r);
}

// The last RAISE was one exception with these, whose eip is that of the instruction, or behind it.
static void
must_see(const char *what, uint32_t trapno, uint32_t err, bool behind)
{
	if (count != 1 || seen.utf_trapno != trapno || seen.utf_err != err ||
	    seen.utf_eip != (behind ? next : at))
		panic("%s: %d exceptions, the last was %u, err %x, eip %08x (at %08x, next %08x)",
		      what, count, seen.utf_trapno, seen.utf_err, seen.utf_eip, at, next);
	count = 0;
}

// The same for what not every machine has.
static void
may_see(const char *what, uint32_t trapno)
{
	cprintf("exceptions: %s: %s\n", what, count ? "seen" : "not on this machine");
	if (count)
		must_see(what, trapno, 0, false);
}

static void
each(void)
{
	for (unsigned i = 0; i < 32; i++) {
		if (EXCEPTIONS >> i & 1)
			handle(i, skip);
		else
			assert(set_exception_handler(i, skip) == -E_INVAL);
	}
	assert(set_exception_handler(32, skip) == -E_INVAL);
	assert(set_exception_handler(T_SYSCALL, skip) == -E_INVAL);
	assert(set_exception_handler(~0u, skip) == -E_INVAL);

	RAISE("xorl %%edx,%%edx; xorl %%ecx,%%ecx;", "divl %%ecx");
	must_see("divide by zero", T_DIVIDE, 0, false);
	RAISE("movl $1,%%edx; movl $1,%%ecx;", "divl %%ecx");
	must_see("a quotient too large", T_DIVIDE, 0, false);
	RAISE("", "int3");
	must_see("int3", T_BRKPT, 0, true);
	RAISE("", ".byte 0xcd, 3");
	must_see("int $3", T_BRKPT, 0, true);
	RAISE("movb $0x7f,%%al; incb %%al;", "into");
	must_see("into", T_OFLOW, 0, true);
	RAISE("movl $6,%%eax;", "bound %%eax,(%%ebx)");
	must_see("bound", T_BOUND, 0, false);
	RAISE("", "ud2");
	must_see("ud2", T_ILLOP, 0, false);
	RAISE("", "hlt");
	must_see("hlt", T_GPFLT, 0, false);
	RAISE("", "int $0x40");
	must_see("int without a gate", T_GPFLT, 0x40 << 3 | 2, false);
	RAISE("movl $0x28,%%eax;", "movw %%ax,%%es");
	must_see("a segment of the kernel's", T_GPFLT, 0x28, false);
	RAISE("pushfl; orl $0x4000,(%%esp); popfl; movl %%esp,%%edx; pushl $2; pushl $0x1b; pushl "
	      "$1b;",
	      "iret");
	asm volatile("addl $12,%esp"); // the frame that it has not popped
	must_see("a return to no task", T_TSS, 0, false);
	cprintf("exceptions: each\n");
}

// Exceptions of the FPU, which its handler must end: they would come again.
static void
clear_fpu(struct UTrapframe *utf)
{
	seen = *utf;
	count++;
	asm volatile("fnclex");
}

static void
fpu(void)
{
	static const uint16_t all_but_zero_divide = 0x037b;
	static const uint32_t mxcsr = 0x1d80, mxcsr_default = 0x1f80; // the same

	handle(T_FPERR, clear_fpu);
	asm volatile("fninit; fldcw %0; fld1; fldz; fdivrp" : : "m"(all_but_zero_divide));
	RAISE("", "fwait");
	must_see("fwait", T_FPERR, 0, false);
	asm volatile("fninit");

	asm volatile("ldmxcsr %0" : : "m"(mxcsr));
	RAISE("movl $1,%%eax; cvtsi2ss %%eax,%%xmm0; xorps %%xmm1,%%xmm1;", "divss %%xmm1,%%xmm0");
	asm volatile("ldmxcsr %0" : : "m"(mxcsr_default));
	may_see("SIMD exceptions", T_SIMDERR);
	RAISE("pushfl; orl $0x40000,(%%esp); popfl;", "movl 1(%%ebx),%%eax");
	may_see("alignment checks", T_ALIGN);
}

// All registers, there and back.
static void
change_registers(struct UTrapframe *utf)
{
	skip(utf);
	for (int i = 0; i < 8; i++)
		((uint32_t *) &utf->utf_regs)[i] ^= 0x11111111;
	utf->utf_eflags ^= FL_CF;
}

static void
change_and_resume(struct UTrapframe *utf)
{
	change_registers(utf);
	utf_resume(utf);
}

static void
registers(void (*handler)(struct UTrapframe *utf))
{
	static const struct PushRegs in = {0x10, 0x20, 0x30, 0, 0x50, 0x60, 0x70, 0x80};
	static struct PushRegs out;
	static uint32_t esp;

	handle(T_ILLOP, handler);
	asm volatile("movl $1f,%0; movl $2f,%1; pushal; movl %%esp,%2; movl %3,%%esp; popal;"
		     "movl %2,%%esp; stc; 1: ud2; 2: movl %4,%%esp; pushal; movl %2,%%esp; popal;"
		     "setc %%al; movzbl %%al,%%eax; movl %%eax,%2"
		     : "=m"(at), "=m"(next), "+m"(esp)
		     : "i"(&in), "i"(&out + 1)
		     : "eax", "memory", "cc");
	must_see("registers", T_ILLOP, 0, false);
	assert(seen.utf_eflags & FL_CF);
	assert(esp == 0); // the flag has changed
	for (int i = 0; i < 8; i++) {
		uint32_t was = ((uint32_t *) &in)[i], is = ((uint32_t *) &out)[i];
		if (i != 3 && (((uint32_t *) &seen.utf_regs)[i] != was || is != (was ^ 0x11111111)))
			panic("register %d: %x became %x", i, was, is);
	}
}

// Single steps.
static uint32_t steps[MAXSTEPS]; // eip of each
static volatile int nsteps;

static void
step(struct UTrapframe *utf)
{
	assert(utf->utf_trapno == T_DEBUG && !(read_eflags() & FL_TF));
	if (nsteps < MAXSTEPS)
		steps[nsteps] = utf->utf_eip;
	nsteps++;
}

static void
must_step(const char *what, const uint32_t *want, int n)
{
	for (int i = 0; i < MIN(n, nsteps); i++)
		if (steps[i] != want[i])
			panic("%s: step %d is at %08x, not %08x", what, i, steps[i], want[i]);
	if (nsteps != n)
		panic("%s: %d steps, not %d", what, nsteps, n);
	nsteps = 0;
}

#define STEP_ON "pushfl; orl $0x100,(%esp); popfl;"
#define STEP_OFF "pushfl; andl $~0x100,(%esp); popfl;"

// A function that steps through itself, and the table of where it does.
#define STEPPED(name, body, table)                                                                 \
	extern int name(void);                                                                     \
	extern const uint32_t name##_steps[], name##_steps_end[];                                  \
	asm(".text; " #name ": pushl %ebx;" body " popl %ebx; ret;"                                \
	    ".section .rodata; .p2align 2; " #name "_steps: .long " table "; " #name               \
	    "_steps_end: .previous")
#define MUST_STEP(name) must_step(#name, name##_steps, name##_steps_end - name##_steps)

// The instruction that sets TF is not stepped, the one that clears it is.
STEPPED(step_plain,
	STEP_ON
	"movl $3,%ecx; 1: nop; 2: loop 1b; 3: xorl %eax,%eax; 4: pushfl; 5: andl $~0x100,(%esp);"
	"6: popfl; 7:",
	"1b,2b,1b,2b,1b,2b,3b,4b,5b,6b,7b");

// A system call is one step with the instruction behind it.
STEPPED(step_int,
	STEP_ON "movl $2,%eax; 1: int $0x30; nop; 2: pushfl; 3: andl $~0x100,(%esp); 4: popfl; 5:",
	"1b,2b,3b,4b,5b");
STEPPED(step_sysenter,
	"movl $2,%eax; movl %esp,%ecx; movl $1f,%edx;" STEP_ON
	"nop; 3: sysenter; 1: nop; 2: pushfl;"
	"4: andl $~0x100,(%esp); 5: popfl; 6:",
	"3b,2b,4b,5b,6b");

// Even when it takes long: wait for a message that does not come.
static int
step_wait(void)
{
	int r;

	asm volatile(STEP_ON);
	r = sys_ipc_wait(0, (void *) UTOP, IPC_TIMEOUT(30));
	asm volatile(STEP_OFF);
	return r;
}

// From int3, one step.
static void
start_step(struct UTrapframe *utf)
{
	utf->utf_eflags |= FL_TF;
}

static void
stop_step(struct UTrapframe *utf)
{
	step(utf);
	utf->utf_eflags &= ~FL_TF;
}

STEPPED(step_one, "int3; movl $5,%eax; 1: nop; nop;", "1b");

static void
single_steps(void)
{
	handle(T_DEBUG, step);
	assert(step_plain() == 0);
	MUST_STEP(step_plain);
	assert(step_int() == thisenv->env_id);
	MUST_STEP(step_int);
	assert(step_sysenter() == thisenv->env_id);
	MUST_STEP(step_sysenter);
	assert(step_wait() == -E_TIMEOUT);
	assert(nsteps > 5);
	nsteps = 0;
	handle(T_BRKPT, start_step);
	handle(T_DEBUG, stop_step);
	assert(step_one() == 5);
	MUST_STEP(step_one);
	cprintf("exceptions: single steps\n");
}

// Handlers within handlers.
static volatile int depth, deepest;

static void
map_it(struct UTrapframe *utf)
{
	assert(utf->utf_fault_va == NOTHING && (utf->utf_err & FEC_WR));
	assert(sys_page_alloc(0, (void *) NOTHING, RW) == 0);
	count++;
}

// An exception within the first 10 of these, and a page fault in the next.
static void
nest(struct UTrapframe *utf)
{
	uint32_t here = (uint32_t) utf;

	depth++;
	deepest = MAX(deepest, depth);
	if (depth < 10) {
		asm volatile("ud2" : : : "memory");
	} else {
		set_pgfault_handler(map_it); // the exception stack stays, with all that is on it
		*(volatile uint32_t *) NOTHING = 7;
	}
	depth--;
	assert(here == (uint32_t) utf && utf->utf_trapno == T_ILLOP);
	utf->utf_eip += 2;
}

static void
divide_in_fault(struct UTrapframe *utf)
{
	RAISE("xorl %%edx,%%edx; xorl %%ecx,%%ecx;", "divl %%ecx");
	must_see("within a page fault", T_DIVIDE, 0, false);
	map_it(utf);
}

static void
nested(void)
{
	handle(T_ILLOP, nest);
	handle(T_DIVIDE, skip);
	asm volatile("ud2" : : : "memory");
	assert(depth == 0 && deepest == 10 && count == 1);
	assert(*(volatile uint32_t *) NOTHING == 7);
	count = 0;
	assert(sys_page_unmap(0, (void *) NOTHING) == 0);
	set_pgfault_handler(divide_in_fault);
	*(volatile uint32_t *) NOTHING = 8;
	assert(count == 1 && *(volatile uint32_t *) NOTHING == 8);
	count = 0;
	cprintf("exceptions: nested\n");
}

// Children.
static void
many(uint32_t i)
{
	for (int n = 0; n < 500; n++) {
		RAISE("", "ud2");
		must_see("of a child", T_ILLOP, 0, false);
	}
	SHARED[i] = SURVIVED;
}

static void
inherit(void)
{
	envid_t id[4];

	handle(T_ILLOP, skip);
	for (int i = 0; i < 4; i++)
		id[i] = spawn(many, i);
	for (int i = 0; i < 4; i++) {
		wait_end(id[i]);
		assert(survived(i));
		SHARED[i] = 0;
	}
	if ((id[0] = sfork()) < 0)
		panic("sfork: %e", id[0]);
	if (id[0] == 0) {
		many(0);
		exit();
	}
	wait_end(id[0]);
	assert(survived(0));
	cprintf("exceptions: fork and sfork\n");
}

// An upcall that a parent sets for its child, which knows nothing of it.
static void __attribute__((used)) note_and_exit(struct UTrapframe *utf)
{
	SHARED[0] = utf->utf_trapno == T_GPFLT ? SURVIVED : 1;
	exit();
}

extern char parents_upcall[];
asm(".text; parents_upcall: pushl %esp; pushl $0; jmp note_and_exit");

#define GO SHARED[1]

static void
halt(uint32_t arg)
{
	while (!GO)
		sys_yield();
	asm volatile("hlt");
}

static void
parent_sets(void)
{
	envid_t id;

	SHARED[0] = GO = 0;
	id = spawn(halt, 0);
	assert(sys_env_set_exception_upcall(id, parents_upcall, EXCEPTIONS | 1 << T_NMI) ==
	       -E_INVAL);
	assert(sys_env_set_exception_upcall(id, parents_upcall, 1 << T_GPFLT) == 0);
	GO = 1;
	wait_end(id);
	assert(survived(0));
}

// What kills.
static void
divide(struct UTrapframe *utf)
{
	RAISE("xorl %%edx,%%edx; xorl %%ecx,%%ecx;", "divl %%ecx");
}

static void
kill(uint32_t i)
{
	switch (i) {
	case 0: // no handler
		break;
	case 1: // for another vector
		handle(T_DIVIDE, skip);
		break;
	case 2: // no more
		handle(T_ILLOP, skip);
		RAISE("", "ud2");
		must_see("before that", T_ILLOP, 0, false);
		handle(T_DIVIDE, skip);
		handle(T_ILLOP, NULL);
		RAISE("xorl %%edx,%%edx; xorl %%ecx,%%ecx;", "divl %%ecx");
		must_see("the one that stays", T_DIVIDE, 0, false);
		break;
	case 3:
		handle(T_ILLOP, skip);
		assert(sys_env_set_exception_upcall(0, parents_upcall, 0) == 0);
		break;
	case 4:
		handle(T_ILLOP, skip);
		assert(sys_env_set_exception_upcall(0, NULL, 1 << T_ILLOP) == 0);
		break;
	case 5: // nowhere
		assert(sys_env_set_exception_upcall(0, (void *) NOTHING + PGSIZE, 1 << T_ILLOP) ==
		       0);
		break;
	case 6: // without a stack
		handle(T_ILLOP, skip);
		assert(sys_page_unmap(0, (void *) UXSTACKBASE) == 0);
		break;
	case 7: // until the stack is full
		handle(T_ILLOP, divide);
		handle(T_DIVIDE, divide);
		break;
	case 8: // set by another one
		handle(T_ILLOP, skip);
		if (sfork() == 0) {
			handle(T_ILLOP, NULL);
			GO = 1;
			exit();
		}
		while (!GO)
			sys_yield();
		break;
	}
	RAISE("", "ud2");
}
#define NKILL 9

void
umain(int argc, char **argv)
{
	share_page();
	each();
	fpu();
	registers(change_registers);
	registers(change_and_resume);
	cprintf("exceptions: registers\n");
	single_steps();
	nested(); // from a fork on, page faults are fork's
	inherit();
	for (unsigned i = 0; i < 32; i++)
		if (EXCEPTIONS >> i & 1)
			handle(i, NULL);
	parent_sets();
	GO = 0;
	try_each(kill, NKILL);
	for (int i = 0; i < NKILL; i++)
		if (survived(i))
			panic("case %d: survived", i);
	cprintf("exceptions: OK\n");
}
