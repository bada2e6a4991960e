// The PC behind the seam: frames, TLBs, FPU state, and the change from one env to another.
//
// An env's registers are loaded on at most one CPU (Space.cpu).  A CPU that stops running an env
// puts its registers away and loads another directory before it gives the lock back, so a
// change to an env's memory concerns one CPU at most.

#include "kern/cpu.h"

#include "inc/assert.h"
#include "inc/string.h"
#include "kern/env.h"
#include "kern/init.h"
#include "kern/ipc.h"
#include "kern/lapic.h"
#include "kern/mem.h"
#include "kern/percpu.h"
#include "kern/sched.h"
#include "kern/spinlock.h"
#include "kern/trap.h"

struct Cpu cpus[NCPU];
int ncpu = 1;
bool cpu_alone;

#define SEG_CODE 0x00cf9a000000ffffull // flat 4 GiB; Intel SDM 3A, 3.4.5
#define SEG_DATA 0x00cf92000000ffffull
#define SEG_USER (3ull << 45) // descriptor privilege level 3
#define SEG_TSS 0x0000890000000000ull

static uint64_t gdt[NGDT] = {
	[GD_KT / 8] = SEG_CODE,
	[GD_KD / 8] = SEG_DATA,
	[GD_UT / 8] = SEG_CODE | SEG_USER,
	[GD_UD / 8] = SEG_DATA | SEG_USER,
};

static uint64_t
tss_descriptor(const struct Taskstate *ts)
{
	uint64_t base = (uintptr_t) ts, limit = sizeof *ts - 1;

	return SEG_TSS | limit | (base & 0xffffff) << 16 | (base >> 24) << 56;
}

// Exceptions after which nothing can be trusted, not even the stack, switch to a task of their
// own, which all CPUs share: the first of them is the last thing that happens.
static struct Taskstate fatal_ts;
static char fatal_stack[PGSIZE] __attribute__((aligned(16)));

static void
fatal(void)
{
	int sel = fatal_ts.ts_link;
	const struct Taskstate *ts = &cpus[(sel - GD_TSS0) / 8].ts;

	cprintf("CPU %d: double fault, machine check or NMI at eip %08x esp %08x ebp %08x\n",
		(sel - GD_TSS0) / 8, ts->ts_eip, ts->ts_regs[4], ts->ts_regs[5]);
	panic("no way to go on");
}

static void
load_segments(void)
{
	struct Pseudodesc pd = {sizeof gdt - 1, (uintptr_t) gdt};

	lgdt(&pd);
	asm volatile("movw %w0,%%ds; movw %w0,%%es; movw %w0,%%ss" : : "r"(GD_KD));
	asm volatile("movw %w0,%%fs; movw %w0,%%gs" : : "r"(0));
	asm volatile("ljmp %0,$1f; 1:" : : "i"(GD_KT));
	lldt(0);
}

void
cpu_init(void)
{
	struct Cpu *c = thiscpu;
	int tss = GD_TSS0 + 8 * cpunum();

	fatal_ts = (struct Taskstate){
		.ts_cr3 = kern_cr3,
		.ts_eip = (uintptr_t) fatal,
		.ts_eflags = 2,
		.ts_regs[4] = (uintptr_t) fatal_stack + sizeof fatal_stack,
		.ts_cs = GD_KT,
		.ts_ss = GD_KD,
		.ts_ds = GD_KD,
		.ts_es = GD_KD,
		.ts_iomb = sizeof fatal_ts,
	};
	gdt[GD_FATAL / 8] = tss_descriptor(&fatal_ts);

	c->ts.ts_ss0 = GD_KD;
	c->ts.ts_cr3 = kern_cr3;
	c->ts.ts_iomb = sizeof c->ts; // past the limit: no port is open to programs
	gdt[tss / 8] = tss_descriptor(&c->ts);
	load_segments();
	ltr(tss);
	trap_init_cpu();

	wrmsr(MSR_SYSENTER_CS, GD_KT);
	wrmsr(MSR_SYSENTER_ESP, kstack_entry(cpunum()));
	*(struct Current *) kstack_entry(cpunum()) = (struct Current){.cpu = c};
	wrmsr(MSR_SYSENTER_EIP, (uintptr_t) sysenter_entry());

	// A kernel that checks itself after every call would miss frames that are held meanwhile.
	cpu_alone = ncpu == 1 || CHECK;

	lcr4(rcr4() | CR4_PSE | CR4_PGE | CR4_OSFXSR | CR4_OSXMMEXCPT);
	lcr0((rcr0() | CR0_NE | CR0_MP | CR0_WP | CR0_AM) &
	     ~(uint32_t) (CR0_TS | CR0_EM | CR0_CD | CR0_NW));
}

// Frames.

static __attribute__((noinline)) char *
frame_window(uint32_t ppn, int window)
{
	// The boot stack is nobody's.
	uint32_t va = FRAMEWINDOW(cpunum() < NCPU ? cpunum() : 0) + window * PGSIZE;
	kern_window_table[PTX(va)] = ppn << PGSHIFT | PTE_P | PTE_W;
	invlpg(va);
	return (char *) va;
}

// An address at which this CPU can reach the frame until it opens another one by the same of its
// two windows.
static inline char *
frame_open(uint32_t ppn, int window)
{
	return ppn < KERNWINDOW / PGSIZE ? frame_ptr(ppn) : frame_window(ppn, window);
}

// Both are written out instruction by instruction, with one SSE register, which is the running
// program's and comes back.

void
frame_zero(uint32_t ppn)
{
	char *p = frame_open(ppn, 0), saved[16];

	asm volatile("movups %%xmm0, %[saved]\n"
		     "	pxor %%xmm0, %%xmm0\n"
		     "	.set off, 0\n"
		     "	.rept %c[size] / 16\n"
		     "	movaps %%xmm0, off(%[p])\n"
		     "	.set off, off + 16\n"
		     "	.endr\n"
		     "	movups %[saved], %%xmm0"
		     : [saved] "=m"(saved)
		     : [p] "r"(p), [size] "i"(PGSIZE)
		     : "memory");
}

void
frame_copy(uint32_t dst_ppn, uint32_t src_ppn)
{
	char *dst = frame_open(dst_ppn, 0), *src = frame_open(src_ppn, 1), saved[16];

	asm volatile("movups %%xmm0, %[saved]\n"
		     "	.set off, 0\n"
		     "	.rept %c[size] / 16\n"
		     "	movaps off(%[src]), %%xmm0\n"
		     "	movaps %%xmm0, off(%[dst])\n"
		     "	.set off, off + 16\n"
		     "	.endr\n"
		     "	movups %[saved], %%xmm0"
		     : [saved] "=m"(saved)
		     : [dst] "r"(dst), [src] "r"(src), [size] "i"(PGSIZE)
		     : "memory");
}

void
cpu_let_others_in(void)
{
	unlock_kernel();
}

void
cpu_come_back(void)
{
	lock_kernel();
}

void
frame_read(uint32_t ppn, uint32_t off, void *dst, size_t n)
{
	memcpy(dst, frame_open(ppn, 0) + off, n);
}

void
frame_write(uint32_t ppn, uint32_t off, const void *src, size_t n)
{
	memcpy(frame_open(ppn, 0) + off, src, n);
}

// TLBs.

#define TLB_FEW 16 // more pages than this are not worth an invlpg each

static void
tlb_invalidate_other(struct Cpu *other)
{
	other->flush = true;
	lapic_ipi(other->apicid, IRQ_OFFSET + IRQ_FLUSH);
	while (other->flush)
		pause();
}

void
tlb_invalidate_page(int cpu, uint32_t va)
{
	if (cpu == cpunum())
		invlpg(va);
	else
		tlb_invalidate_other(&cpus[cpu]);
}

void
tlb_invalidate(int cpu, uint32_t va, uint32_t n)
{
	if (cpu != cpunum()) {
		tlb_invalidate_other(&cpus[cpu]);
	} else if (n > TLB_FEW) {
		lcr3(rcr3());
	} else {
		for (; n > 0; n--, va += PGSIZE)
			invlpg(va);
	}
}

// Ports.

void
port_read(uint32_t port, uint32_t width, void *to, size_t n)
{
	if (width == 1)
		insb(port, to, n);
	else if (width == 2)
		insw(port, to, n);
	else
		insl(port, to, n);
}

void
port_write(uint32_t port, uint32_t width, const void *from, size_t n)
{
	if (width == 1)
		outsb(port, from, n);
	else if (width == 2)
		outsw(port, from, n);
	else
		outsl(port, from, n);
}

// FPU state.

void
fpu_reset(struct Fpu *fpu)
{
	memset(fpu, 0, sizeof *fpu);
	fpu->bytes[0] = 0x7f; // x87 control word 0x037f: all exceptions masked
	fpu->bytes[1] = 0x03;
	fpu->bytes[24] = 0x80; // MXCSR 0x1f80: the same
	fpu->bytes[25] = 0x1f;
}

static void
fpu_save(struct Fpu *fpu)
{
	asm volatile("fxsave %0" : "=m"(*fpu));
}

static void
fpu_load(const struct Fpu *fpu)
{
	asm volatile("fxrstor %0" : : "m"(*fpu));
}

// From one env to another.

// A selector that a program has, if it can be loaded again.  No descriptor ever changes, so this
// is only not so for what came from virtual-8086 mode, where no program should be.
static uint16_t
loadable(uint16_t sel)
{
	uint16_t segment = sel & ~3;

	return segment == GD_UT || segment == GD_UD ? sel : 0;
}

// Save what this CPU's env has in the CPU beside its frame.
static void
put_away(struct Kenv *k)
{
	uint16_t fs, gs;

	fpu_save(&k->fpu);
	asm volatile("movw %%fs,%0; movw %%gs,%1" : "=rm"(fs), "=rm"(gs));
	k->fs = loadable(fs);
	k->gs = loadable(gs);
	if (fs || gs)
		k->sysexit = 0; // the short way does not look after these two
}

// Make e (NULL: nothing) what this CPU has loaded.
static void
load(struct Cpu *c, struct Env *e)
{
	struct Kenv *from = cpu_kenv(c), *to = e ? kenv(e) : NULL;

	if (from == to)
		return;
	if (from)
		put_away(from);
	c->ts.ts_esp0 = to ? (uintptr_t) (&to->frame + 1) : 0;
	if (!to) {
		lcr3(kern_cr3);
		return;
	}
	to->cr3 = frame_of(to->space.pgdir) << PGSHIFT;
	lcr3(to->cr3);
	fpu_load(&to->fpu);
	asm volatile("movw %0,%%fs" : : "m"(to->fs));
	asm volatile("movw %0,%%gs" : : "m"(to->gs));
	to->fs = to->gs = 0;
	to->kstack = kstack_entry(cpunum());
}

void
cpu_inherit(struct Env *self, struct Env *child)
{
	assert(cpu_env(thiscpu) == self);
	put_away(kenv(child));
}

void
cpu_forget(struct Env *e)
{
	struct Cpu *c = thiscpu;

	if (cpu_env(c) != e)
		return;
	c->ts.ts_esp0 = 0;
	lcr3(kern_cr3);
}

void
cpu_kick(int cpu)
{
	if (cpu != cpunum())
		lapic_ipi(cpus[cpu].apicid, IRQ_OFFSET + IRQ_WAKE);
}

void
cpu_wake_idle(void)
{
	for (int i = 0; i < ncpu; i++) {
		if (cpus[i].idle) {
			cpus[i].idle = false; // one waking call is enough
			cpu_kick(i);
			return;
		}
	}
}

// Let others have the lock, and halt if there is nothing at all to do.
static void
rest(struct Cpu *c)
{
	bool halt = !env_any_dead();

	c->idle = halt;
	unlock_kernel();
	// Nothing is lost between the two: interrupts are let in after the instruction behind sti.
	if (halt)
		asm volatile("sti; hlt; cli" : : : "memory");
	lock_kernel();
	c->idle = false;
	if (c->ticked && c == &cpus[0])
		ipc_tick();
	c->ticked = false;
}

// Wait until there is an env for this CPU.  The clock of CPU 0, which is the one for all, goes on.
static struct Env *
wait_for_work(struct Cpu *c)
{
	const bool clock = c == &cpus[0];
	struct Env *e;

	load(c, NULL);
	if (!clock)
		lapic_timer(false);
	while (!(e = sched_pick(NULL, cpunum()))) {
		if (env_nactive == 0 && !timer_any())
			all_done();
		rest(c);
	}
	if (!clock)
		lapic_timer(true);
	return e;
}

void
env_run(struct Env *e)
{
	struct Cpu *c = thiscpu;

	if (!e)
		e = wait_for_work(c);
	load(c, e);
	unlock_kernel();
	if (kenv(e)->sysexit)
		sysexit_pop(&kenv(e)->link);
	env_pop(&kenv(e)->frame);
}
