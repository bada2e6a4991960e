// FPU and SSE exceptions that are unmasked and wait: the kernel saves and loads such a state
// without meeting them, they end nobody but the env that made them, and no other sees them.

#include "user/attack.h"

// What the FPU has to say later: a division by 0, unmasked, with the next FPU instruction.
static void
make_pending(void)
{
	static const uint16_t control = 0x0340; // all exceptions unmasked

	asm volatile("fninit; fldcw %0; fld1; fldz; fdivrp" : : "m"(control));
}

static void
meet(void)
{
	asm volatile("fwait");
}

static void
pending(uint32_t i)
{
	make_pending();
	switch (i) {
	case 0: // at once
		meet();
		break;
	case 1: // over calls and the change to other envs
		for (int n = 0; n < 50; n++)
			sys_yield();
		meet();
		break;
	case 2: // over interrupts
		for (volatile int n = 0; n < 3000000; n++)
			;
		meet();
		break;
	case 3: // while printing
		sys_cputs("fpupending: from a child\n", 25);
		meet();
		break;
	case 4: // left behind: this child ends well
		break;
	case 5: { // left to a child, which begins with it
		envid_t id = fork();

		meet();
		assert(id < 0);
		break;
	}
	}
}
#define NPENDING 6

// SSE does not wait: its exceptions come with the instruction (in QEMU, not at all).
static void
sse(uint32_t i)
{
	const uint32_t mxcsr = i ? 0 : 0x1f80; // unmasked, or masked

	asm volatile("xorps %%xmm0,%%xmm0; xorps %%xmm1,%%xmm1; ldmxcsr %0; divss %%xmm0,%%xmm1"
		     :
		     : "m"(mxcsr));
}

// Bits of mxcsr that do not exist: a CPU refuses them, QEMU takes them.
static void
bad_mxcsr(uint32_t i)
{
	static const uint32_t bad = 0xffff0000;

	asm volatile("ldmxcsr %0" : : "m"(bad));
}

static void
bad_fxrstor(uint32_t i)
{
	static uint32_t state[128] __attribute__((aligned(16)));

	asm volatile("fxsave %0" : "=m"(state));
	state[6] = 0xffffffff;
	asm volatile("fxrstor %0" : : "m"(state));
}

static void
bad_address(uint32_t i)
{
	if (i == 0)
		asm volatile("fxsave 0xf0000000" : : : "memory");
	else if (i == 1)
		asm volatile("fxrstor 0xf0000000" : : : "memory");
	else if (i == 2)
		asm volatile("fxsave 0xeebfdff0" : : : "memory"); // runs out of the stack's page
	else
		asm volatile("fxsave 1" : : : "memory"); // not aligned
}

// Computes all the time, with everything unmasked, and must never meet what is not its own.
static void
compute(uint32_t i)
{
	static const uint16_t control = 0x0360; // all but the loss of precision
	float one = 1, two = 2, got;
	uint16_t status;

	asm volatile("fninit; fldcw %0" : : "m"(control));
	while (SHARED[100] == 0) {
		for (int n = 0; n < 1000; n++) {
			asm volatile("flds %1; fadds %1; fstps %0" : "=m"(got) : "m"(one));
			if (memcmp(&got, &two, sizeof got) != 0)
				panic("1 + 1 is something else");
		}
		asm volatile("fnstsw %0" : "=m"(status));
		if (status & 0xff)
			panic("the status word is %04x", status);
		sys_yield();
	}
	SHARED[101 + i] = SURVIVED;
}

void
umain(int argc, char **argv)
{
	envid_t id[2];

	share_page();
	for (int i = 0; i < 2; i++)
		id[i] = spawn(compute, i);
	try_each(pending, NPENDING);
	for (int i = 0; i < NPENDING; i++)
		if (survived(i) != (i == 4))
			panic("case %d %s", i, survived(i) ? "survived" : "was killed");
	cprintf("fpupending: x87\n");
	try_each(sse, 2);
	assert(survived(0));
	try_each(bad_mxcsr, 1);
	try_each(bad_fxrstor, 1);
	try_each(bad_address, 4);
	for (int i = 0; i < 4; i++)
		assert(!survived(i));
	cprintf("fpupending: SSE\n");
	SHARED[100] = true;
	for (int i = 0; i < 2; i++) {
		wait_end(id[i]);
		assert(SHARED[101 + i] == SURVIVED);
	}
	cprintf("fpupending: others undisturbed\n");
	cprintf("fpupending: OK\n");
}
