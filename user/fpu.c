// Each env has an FPU of its own: x87 and XMM registers and both control words.  They survive
// other envs, a child starts with its parent's, and nobody ever sees a stranger's.
//
// Compilers use these registers too, so a state is only in them from one fxrstor to an fxsave
// in the same asm, with system calls between.  For the same reason children are made here by
// hand, with a plain copy of memory.

#include "inc/lib.h"

#define CHILDREN 6
#define GENERATIONS 3
#define YIELDS 200
#define RW (PTE_P | PTE_U | PTE_W)

// What fxsave writes.  Source: Intel SDM volume 1, table 10-2.
struct Fpu {
	uint16_t fcw, fsw, ftw, fop;
	uint32_t fip, fcs, fdp, fds;
	uint32_t mxcsr, mxcsr_mask;
	uint8_t st[8][16]; // ten bytes each
	uint8_t xmm[8][16];
	uint8_t reserved[224];
} __attribute__((aligned(16)));

static_assert(sizeof(struct Fpu) == 512, "fxsave");

static struct Fpu fresh, compilers, mine, seen;

// A state like no other seed's, with every register in use and all exceptions masked.
static void
make_state(struct Fpu *f, uint8_t seed)
{
	memset(f, 0, sizeof *f);
	f->fcw = 0x37f | (seed & 3) << 10;    // rounding
	f->mxcsr = 0x1f80 | (seed & 3) << 13; // rounding
	f->ftw = 0xff;                        // no x87 register is empty
	for (int reg = 0; reg < 8; reg++) {
		memset(f->st[reg], seed << 4 | reg, 10);
		memset(f->xmm[reg], seed << 4 | 8 | reg, 16);
	}
}

static void
check_state(const struct Fpu *want, const struct Fpu *got)
{
	if (got->fcw != want->fcw || got->ftw != want->ftw)
		panic("x87 control %04x tags %02x, not %04x %02x", got->fcw, got->ftw, want->fcw,
		      want->ftw);
	if (got->mxcsr != want->mxcsr)
		panic("mxcsr %08x, not %08x", got->mxcsr, want->mxcsr);
	for (int reg = 0; reg < 8; reg++) {
		if (memcmp(got->st[reg], want->st[reg], 10) != 0)
			panic("st(%d) begins with %02x, not %02x", reg, got->st[reg][0],
			      want->st[reg][0]);
		if (memcmp(got->xmm[reg], want->xmm[reg], 16) != 0)
			panic("xmm%d begins with %02x, not %02x", reg, got->xmm[reg][0],
			      want->xmm[reg][0]);
	}
}

// Make a system call so many times with `mine' in the FPU, and store in `seen' what became of
// it.  Returns the last result.  Inline, because the stack of a child is copied later.
static inline __attribute__((always_inline)) int
call_with_mine(int num, int times)
{
	int ret;

	asm volatile(
		"	fxsave	%[compilers]\n"
		"	fxrstor	%[mine]\n"
		"1:	movl	%[num],%%eax\n"
		"	int	%[syscall]\n"
		"	decl	%[times]\n"
		"	jnz	1b\n"
		"	fxsave	%[seen]\n"
		"	fxrstor	%[compilers]\n"
		: "=&a"(ret), [times] "+S"(times), [compilers] "+m"(compilers), [seen] "=m"(seen)
		: [mine] "m"(mine), [num] "r"(num), [syscall] "i"(T_SYSCALL)
		: "memory", "cc");
	return ret;
}

static void
copy_memory(envid_t child)
{
	for (uintptr_t va = UTEXT; va < USTACKTOP; va += PGSIZE) {
		if (!(uvpd[PDX(va)] & PTE_P) || !(uvpt[PGNUM(va)] & PTE_P))
			continue;
		if (sys_page_alloc(0, (void *) UTEMP, RW) < 0)
			panic("no memory for a child");
		memcpy((void *) UTEMP, (void *) va, PGSIZE);
		if (sys_page_map(0, (void *) UTEMP, child, (void *) va, RW) < 0)
			panic("no page table for a child");
	}
}

// A child that begins with `mine' in the FPU; both see that it is still there.
static envid_t
make_child(void)
{
	envid_t child = call_with_mine(SYS_exofork, 1);

	if (child < 0)
		panic("sys_exofork: %e", child);
	if (child == 0) {
		thisenv = &envs[ENVX(sys_getenvid())];
	} else {
		copy_memory(child);
		sys_env_set_status(child, ENV_RUNNABLE);
	}
	check_state(&mine, &seen);
	return child;
}

static void
hold(uint8_t seed)
{
	make_state(&mine, seed);
	call_with_mine(SYS_yield, YIELDS);
	check_state(&mine, &seen);
}

static void
wait_for_end(envid_t id)
{
	const volatile struct Env *e = &envs[ENVX(id)];

	while (e->env_id == id && e->env_status != ENV_FREE)
		sys_yield();
}

void
umain(int argc, char **argv)
{
	envid_t self = sys_getenvid(), child[CHILDREN];

	asm volatile("fxsave %0" : "=m"(fresh));
	memset(&mine, 0, sizeof mine);
	mine.fcw = 0x37f;
	mine.mxcsr = 0x1f80;
	check_state(&mine, &fresh);
	cprintf("fpu: fresh at the start\n");

	// The later generations live in the slots of the earlier ones.
	for (int generation = 0; generation < GENERATIONS; generation++) {
		make_state(&mine, CHILDREN + generation);
		for (int i = 0; i < CHILDREN; i++) {
			if ((child[i] = make_child()) == 0) {
				hold(i);
				ipc_send(self, i, NULL, 0);
				return;
			}
		}
		hold(CHILDREN + generation);
		// A child that panics never sends, and so there is no OK.
		for (int i = 0; i < CHILDREN; i++)
			ipc_recv(NULL, NULL, NULL);
		for (int i = 0; i < CHILDREN; i++)
			wait_for_end(child[i]);
		cprintf("fpu: generation %d kept its registers\n", generation);
	}
	cprintf("fpu: OK\n");
}
