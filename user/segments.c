// Segment registers: every selector that the table has or has not, in each of them; system
// calls, faults and other envs while they hold the oddest ones; and nobody sees another's.

#include "user/attack.h"

#define NSELECTOR ((NGDT + 1) * 8) // and some past the end of the table
#define NOTHING 0x0fffff00

static int reg; // 0 ss, 1 ds, 2 es, 3 fs, 4 gs

// The selectors that a program may have.
static bool
usable(uint32_t selector)
{
	uint32_t segment = selector & ~3u;

	if (reg == 0)
		return selector == (GD_UD | 3);
	return segment == 0 || segment == GD_UD || segment == GD_UT;
}

static void
load(uint32_t selector)
{
	switch (reg) {
	case 0:
		asm volatile("movw %w0,%%ss" : : "r"(selector));
		break;
	case 1:
		asm volatile("movw %w0,%%ds; movw %w1,%%ds" : : "r"(selector), "r"(GD_UD | 3));
		break;
	case 2:
		asm volatile("movw %w0,%%es; movw %w1,%%es" : : "r"(selector), "r"(GD_UD | 3));
		break;
	case 3:
		asm volatile("movw %w0,%%fs" : : "r"(selector));
		break;
	case 4:
		asm volatile("movw %w0,%%gs" : : "r"(selector));
		break;
	}
}

// All that may be loaded, by one child.
static void
load_usable(uint32_t arg)
{
	for (uint32_t selector = 0; selector < NSELECTOR; selector++)
		if (usable(selector))
			load(selector);
}

// One that may not, by a child each: the ith.
static uint32_t
unusable(uint32_t i)
{
	uint32_t selector = 0;

	for (;; selector++)
		if (!usable(selector) && i-- == 0)
			return selector;
}

static void
load_unusable(uint32_t i)
{
	// Every one for ds; the others take the same way through the CPU.
	load(unusable(reg == 1 ? i : i * 7));
}

static void
selectors(void)
{
	for (reg = 0; reg < 5; reg++) {
		uint32_t n = NSELECTOR - 13;

		if (reg != 1)
			n /= 7;
		try_each(load_usable, 1);
		assert(survived(0));
		try_each(load_unusable, n);
		for (uint32_t i = 0; i < n; i++)
			if (survived(i))
				panic("segment register %d took %x", reg,
				      unusable(reg == 1 ? i : i * 7));
	}
}

// A system call and a page fault with odd ones in ds and es, which must still be there.
static const uint32_t odd[] = {0, 1, 3, GD_UT, GD_UT | 3, GD_UD, GD_UD | 1};

// A null selector may lose its low bits: iret clears it.
static bool
kept(uint32_t selector, uint32_t now)
{
	return now == selector || (selector < 4 && now == 0);
}

static uint32_t
keep_over_call(int num, uint32_t selector)
{
	uint32_t ds, es, result = num;

	asm volatile("movw %w3,%%ds; movw %w3,%%es;"
		     "int %4;"
		     "movl %%ds,%0; movl %%es,%1;"
		     "movw %w5,%%ds; movw %w5,%%es"
		     : "=&r"(ds), "=&r"(es), "+a"(result)
		     : "r"(selector), "i"(T_SYSCALL), "r"(GD_UD | 3)
		     : "memory");
	assert(kept(selector, ds & 0xffff) && kept(selector, es & 0xffff));
	return result;
}

// An upcall that needs only ss, and ends its env.
extern char segment_upcall[];
asm("segment_upcall:\n"
    "	movl	%ds,%eax\n"
    "	movl	%eax,%ss:0x0d000ffc\n"
    "1:	xorl	%edx,%edx\n"
    "	movl	$3,%eax\n"
    "	int	$0x30\n"
    "	jmp	1b\n");

static void
fault_with(uint32_t i)
{
	sys_env_set_pgfault_upcall(0, segment_upcall);
	asm volatile("movw %w0,%%ds; movw %w0,%%es; movl %%ss:%c1,%%eax"
		     :
		     : "r"(odd[i]), "i"(NOTHING)
		     : "eax", "memory");
}

// The same, but the handler is C, and has to use what it finds.
static void
handle(struct UTrapframe *utf)
{
	exit();
}

static void
fault_in_c(uint32_t i)
{
	set_pgfault_handler(handle);
	asm volatile("movw %w0,%%ds; movw %w0,%%es; movl %%ss:%c1,%%eax"
		     :
		     : "r"(odd[i]), "i"(NOTHING)
		     : "eax", "memory");
}

static void
with_odd_ones(void)
{
	for (size_t i = 0; i < ARRAY_SIZE(odd); i++) {
		assert((envid_t) keep_over_call(SYS_getenvid, odd[i]) == sys_getenvid());
		keep_over_call(SYS_yield, odd[i]);

		SHARED[1023] = ~0u;
		envid_t id = spawn(fault_with, i);
		wait_end(id);
		assert(kept(odd[i], SHARED[1023]));
		wait_end(spawn(fault_in_c, i));
	}
}

// fs and gs: each env has its own, also when it is interrupted, and begins with its parent's.
#define BOTH ((GD_UD | 3) << 16 | (GD_UD | 3))

static uint32_t
fs_gs(void)
{
	uint32_t fs, gs;

	asm volatile("movl %%fs,%0; movl %%gs,%1" : "=r"(fs), "=r"(gs));
	return (fs & 0xffff) << 16 | (gs & 0xffff);
}

static void
hold(uint32_t i)
{
	uint32_t fs = odd[i % ARRAY_SIZE(odd)], gs = odd[(i + 2) % ARRAY_SIZE(odd)];

	assert(fs_gs() == BOTH);
	asm volatile("movw %w0,%%fs; movw %w1,%%gs" : : "r"(fs), "r"(gs));
	for (int step = 0; step < 20000; step++) {
		if (!kept(fs, fs_gs() >> 16) || !kept(gs, fs_gs() & 0xffff))
			panic("fs and gs are %08x", fs_gs());
		if (step % 100 == 0)
			sys_yield();
	}
	SHARED[i] = SURVIVED;
}

static void
apart(void)
{
	envid_t id[8];

	asm volatile("movw %w0,%%fs; movw %w0,%%gs" : : "r"(GD_UD | 3));
	for (uint32_t i = 0; i < ARRAY_SIZE(id); i++) {
		SHARED[i] = 0;
		id[i] = spawn(hold, i);
	}
	for (uint32_t i = 0; i < ARRAY_SIZE(id); i++) {
		wait_end(id[i]);
		assert(survived(i));
	}
	assert(fs_gs() == BOTH);
}

void
umain(int argc, char **argv)
{
	share_page();
	selectors();
	cprintf("segments: every selector\n");
	with_odd_ones();
	cprintf("segments: odd ones kept over calls and faults\n");
	apart();
	cprintf("segments: fs and gs apart\n");
	cprintf("segments: OK\n");
}
