// Flags that a program should not have, or that mean something to the kernel too: at a system
// call, an exception, a page fault and the way back from it; single steps over each of these;
// and virtual-8086 mode, which no program can enter, though emulators have let some.

#include "user/attack.h"

#define NOTHING 0x0fffff00
#define FL_VIF 0x00080000
#define FL_VIP 0x00100000
#define READY SHARED[1019]
#define REPORT SHARED[1020]
#define START_FLAGS SHARED[1021]

// Flags to set before something happens, and what they must be afterwards.
static const uint32_t tries[] = {
	0,
	FL_CF | FL_PF | FL_AF | FL_ZF | FL_SF | FL_OF,
	FL_DF,
	FL_NT,
	FL_AC,
	FL_ID,
	FL_RF,
	FL_IOPL_3,
	FL_VM,
	FL_VIF,
	FL_VIP,
	FL_VIF | FL_VIP,
	0xffffffff & ~FL_TF,
};
#define NTRY ARRAY_SIZE(tries)

// What a program may really set by popf, and what stays whatever it sets.
#define SETTABLE (FL_CF | FL_PF | FL_AF | FL_ZF | FL_SF | FL_DF | FL_OF | FL_NT | FL_AC | FL_ID)

static uint32_t
expected(uint32_t try)
{
	return (try & SETTABLE) | FL_IF | 2;
}

// The flags after a system call made with these.
static uint32_t
over_call(uint32_t flags, int num)
{
	asm volatile("pushl %0; popfl; int %2; pushfl; popl %0; pushl $2; popfl"
		     : "+r"(flags), "+a"(num)
		     : "i"(T_SYSCALL)
		     : "memory", "cc");
	return flags;
}

static void
calls(void)
{
	for (size_t i = 0; i < NTRY; i++) {
		uint32_t flags = over_call(tries[i], SYS_getenvid);

		if (flags != expected(tries[i]))
			panic("flags %08x became %08x", tries[i], flags);
		flags = over_call(tries[i], SYS_yield);
		if (flags != expected(tries[i]))
			panic("flags %08x became %08x", tries[i], flags);
	}
}

// With flags, raise an exception that ends the env.
static void
except(uint32_t i)
{
	uint32_t flags = tries[i % NTRY], zero = 0;

	switch (i / NTRY) {
	case 0:
		asm volatile("pushl %0; popfl; ud2" : : "r"(flags));
		break;
	case 1:
		asm volatile("pushl %0; popfl; divl %1" : : "r"(flags), "r"(zero) : "eax", "edx");
		break;
	case 2:
		asm volatile("pushl %0; popfl; int3" : : "r"(flags));
		break;
	case 3:
		asm volatile("pushl %0; popfl; movl %c1,%%eax"
			     :
			     : "r"(flags), "i"(NOTHING)
			     : "eax");
		break;
	case 4: // a return that, with NT, would be to another task, and with VM, to a 8086
		asm volatile("pushl %0; popfl; pushl %0; pushl $8; pushl $0; iret" : : "r"(flags));
		break;
	}
}

// Page faults, handled: the handler has its own flags, and the program gets its own back.
static void
handle(struct UTrapframe *utf)
{
	if (utf->utf_fault_va != NOTHING)
		panic("fault at %08x", utf->utf_fault_va);
	if (read_eflags() & (FL_TF | FL_DF))
		panic("the handler's flags are %08x", read_eflags());
	REPORT = utf->utf_eflags;
	utf->utf_eip += 5; // the length of movl NOTHING,%eax
}

static uint32_t
over_fault(uint32_t flags)
{
	asm volatile("pushl %0; popfl; .byte 0xa1; .long %c1; pushfl; popl %0; pushl $2; popfl"
		     : "+r"(flags)
		     : "i"(NOTHING)
		     : "eax", "memory", "cc");
	return flags;
}

static void
faults(uint32_t arg)
{
	set_pgfault_handler(handle);
	for (size_t i = 0; i < NTRY; i++) {
		uint32_t flags = over_fault(tries[i]), want = expected(tries[i]);

		if ((flags & ~FL_RF) != want || (REPORT & ~FL_RF) != want)
			panic("flags %08x became %08x, the handler saw %08x", tries[i], flags,
			      REPORT);
	}
	SHARED[arg] = SURVIVED;
}

// The flags with which the kernel starts a handler.
extern char flags_upcall[];
asm("flags_upcall:\n"
    "	pushfl\n"
    "	popl	0x0d000ff4\n" // START_FLAGS
    "1:	xorl	%edx,%edx\n"
    "	movl	$3,%eax\n" // SYS_env_destroy
    "	int	$0x30\n"
    "	jmp	1b\n");

static int the_try;

static void
start_handler(uint32_t arg)
{
	uint32_t flags = the_try == 0 ? 0xffffffff : tries[the_try];

	sys_env_set_pgfault_upcall(0, flags_upcall);
	// TF comes with the return, so that the fault is the first thing that happens.
	asm volatile("pushl %0; pushl %%cs; pushl $1f; iret; 1: movl %c1,%%eax"
		     :
		     : "r"(flags & ~(uint32_t) (FL_NT | FL_VM)), "i"(NOTHING)
		     : "eax");
}

// Single steps: a debug exception after the next instruction, which is the end, but not the
// kernel's, whatever the instruction is.
static void
step(uint32_t i)
{
	uint32_t flags = read_eflags() | FL_TF, num = SYS_getenvid;

	switch (i) {
	case 0:
		asm volatile("pushl %0; popfl; nop; nop" : : "r"(flags));
		break;
	case 1:
		asm volatile("pushl %1; popfl; int %2; nop"
			     : "+a"(num)
			     : "r"(flags), "i"(T_SYSCALL));
		break;
	case 2:
		asm volatile("pushl %0; popfl; movw %%ss,%%ax; movw %%ax,%%ss; int %1; nop"
			     :
			     : "r"(flags), "i"(T_SYSCALL)
			     : "eax");
		break;
	case 3: // over a page fault that is the end itself
		asm volatile("pushl %0; popfl; movl %c1,%%eax; nop"
			     :
			     : "r"(flags), "i"(NOTHING)
			     : "eax");
		break;
	case 4: // over one that is handled
		set_pgfault_handler(handle);
		over_fault(flags);
		break;
	case 5:
		asm volatile("pushl %0; popfl; int3; nop" : : "r"(flags));
		break;
	case 6:
		asm volatile("pushl %0; popfl; pushfl; popfl; nop" : : "r"(flags));
		break;
	case 7: // into the kernel by every door at once
		asm volatile("pushl %0; pushl %%cs; pushl $1f; iret; 1: int %1; int %1; int %1"
			     :
			     : "r"(flags), "i"(T_SYSCALL)
			     : "eax");
		break;
	case 8:
		asm volatile("pushl %0; popfl; rep movsb; nop"
			     :
			     : "r"(flags), "S"(SHARED), "D"(SHARED), "c"(100));
		break;
	case 9:
		asm volatile("pushl %0; popfl; sysenter; nop" : : "r"(flags));
		break;
	case 10:
		asm volatile("movl %%esp,%%ecx; movl $1f,%%edx; pushl %0; popfl; movw %%ss,%%bx;"
			     "movw %%bx,%%ss; sysenter; 1: nop"
			     :
			     : "r"(flags), "a"(num)
			     : "ebx", "ecx", "edx", "memory");
		break;
	}
}
#define NSTEP 11

// A frame set from outside gets no flag that a program cannot have itself.
static void __attribute__((noreturn)) note_flags(void)
{
	uint32_t cs, ds, ss;

	REPORT = read_eflags();
	asm volatile("movl %%cs,%0; movl %%ds,%1; movl %%ss,%2" : "=r"(cs), "=r"(ds), "=r"(ss));
	if ((cs & 0xffff) != (GD_UT | 3) || (ds & 0xffff) != (GD_UD | 3) ||
	    (ss & 0xffff) != (GD_UD | 3))
		panic("segments %x %x %x", cs, ds, ss);
	exit();
}

static void
linger(uint32_t arg)
{
	for (;;)
		sys_yield();
}

// A page fault on the way would bring flags of its own.
static void
wait_bare(uint32_t arg)
{
	bare();
	READY = true;
	linger(arg);
}

static void
frames(void)
{
	for (uint32_t bit = 0; bit < 32; bit++) {
		struct Trapframe tf;
		envid_t id;

		READY = false;
		id = spawn(wait_bare, 0);
		while (!READY)
			sys_yield();
		memset(&tf, 0xff, sizeof tf);
		tf.tf_eip = (uint32_t) note_flags;
		tf.tf_esp = USTACKTOP - 64;
		tf.tf_eflags = 1u << bit;
		REPORT = 0;
		assert(sys_env_set_trapframe(id, &tf) == 0);
		wait_end(id);
		if (bit == 8) // TF: it did not get far
			continue;
		assert((REPORT & (FL_IF | FL_IOPL_MASK | FL_VM | FL_VIF | FL_VIP)) == FL_IF);
	}
}

// Into virtual-8086 mode: the frame that the way there would pop, and 16-bit code in low memory.
#define VM86_CODE 0x10000
#define VM86_STACK 0x20000

static const uint8_t vm86_code[][8] = {
	{0xeb, 0xfe},                         // jmp: until the timer comes
	{0xcd, 0x30},                         // int 30
	{0xcd, 0x03},                         // int 3
	{0xcc},                               // int3
	{0xcd, 0x0e},                         // int 0e
	{0xf4},                               // hlt
	{0xfa},                               // cli
	{0x9c},                               // pushf
	{0xcf},                               // iret
	{0x0f, 0x0b},                         // ud2
	{0xa0, 0x00, 0x80},                   // mov [8000],al: a page fault at 18000
	{0xf7, 0xf0},                         // div ax
	{0xb8, 0x00, 0xf0, 0x8e, 0xd8, 0xa1}, // far away: ds f000
	{0xe6, 0x80},                         // out 80,al
	{0x8e, 0xd0, 0x50},                   // ss changed; push
	{0x00, 0x00},                         // whatever comes
};

static void
enter_vm86(uint32_t i)
{
	assert(sys_page_alloc(0, (void *) VM86_CODE, RW) == 0);
	assert(sys_page_alloc(0, (void *) VM86_STACK, RW) == 0);
	memcpy((void *) VM86_CODE, vm86_code[i / 2], sizeof vm86_code[0]);
	if (i % 2)
		sys_env_set_pgfault_upcall(0, linger);
	asm volatile("pushl $0x1000; pushl $0x1000; pushl $0x1000; pushl $0x1000;"
		     "pushl $0x2000; pushl $0xff0; pushl %0; pushl $0x1000; pushl $0; iret"
		     :
		     : "r"(FL_VM | FL_IF | 2 | (i % 4 == 3 ? FL_TF : 0))
		     : "eax", "edx", "memory");
}

// From there, sysenter would leave the segment registers as they are: selectors that nobody could
// load again.
extern char after_vm86[];

static void
sysenter_from_vm86(uint32_t i)
{
	static const uint8_t sysenter[] = {0x0f, 0x34};
	static const uint32_t calls[] = {SYS_yield, SYS_getenvid, SYS_exofork, NSYSCALLS};

	assert(sys_page_alloc(0, (void *) VM86_CODE, RW) == 0);
	assert(sys_page_alloc(0, (void *) VM86_STACK, RW) == 0);
	memcpy((void *) VM86_CODE, sysenter, sizeof sysenter);
	asm volatile("movl %%esp,%%ecx; movl $after_vm86,%%edx;"
		     "pushl %2; pushl %2; pushl $0x1000; pushl $0x1000;"
		     "pushl $0x2000; pushl $0xff0; pushl %0; pushl $0x1000; pushl $0; iret;"
		     "after_vm86: movl $20000000,%%ecx; 1: loop 1b;"
		     "pushl $0x23; popl %%ds; pushl $0x23; popl %%es"
		     :
		     : "r"(FL_VM | FL_IF | 2 | (i & 8 ? FL_TF : 0)), "a"(calls[i / 2 % 4]),
		       "r"(i % 2 ? 0x1000 : GD_KD)
		     : "ecx", "edx", "memory");
	for (int n = 0; n < 20; n++)
		sys_yield();
}

static void
all_killed(void (*f)(uint32_t), uint32_t n, const char *what)
{
	try_each(f, n);
	for (uint32_t i = 0; i < n; i++)
		if (survived(i))
			panic("%s, case %u: survived", what, i);
	cprintf("flags: %s\n", what);
}

void
umain(int argc, char **argv)
{
	share_page();
	calls();
	cprintf("flags: kept over calls\n");
	all_killed(except, NTRY * 5, "exceptions");
	SHARED[0] = 0;
	wait_end(spawn(faults, 0));
	assert(survived(0));
	cprintf("flags: kept over page faults\n");
	for (the_try = 0; the_try < (int) NTRY; the_try++) {
		START_FLAGS = 0;
		try_each(start_handler, 1);
		if ((START_FLAGS & (FL_IF | FL_TF | FL_DF)) != FL_IF)
			panic("case %d: the handler starts with flags %08x", the_try, START_FLAGS);
	}
	cprintf("flags: at the start of a handler\n");
	REPORT = 0;
	all_killed(step, NSTEP, "single steps");
	assert(REPORT & FL_TF); // one of them was handled before
	frames();
	cprintf("flags: frames from outside\n");
	all_killed(enter_vm86, 2 * ARRAY_SIZE(vm86_code), "virtual-8086 mode");
	try_each(sysenter_from_vm86, 16); // where there is no such mode, it does nothing but fault
	cprintf("flags: and back by sysenter\n");
	cprintf("flags: OK\n");
}
