// THE SEAM: all that the core of the kernel asks of the machine.  The PC answers in kern/cpu.c,
// the host tests in test/host/cpu.c.  Everything here returns.

#ifndef FAULTLINE_KERN_CPU_H
#define FAULTLINE_KERN_CPU_H

#include "inc/assert.h"
#include "inc/mmu.h"
#include "inc/types.h"

struct Env;
struct Space;

// Physical memory as an array of frames.
//
// A frame below KERNWINDOW has an address at which the kernel can always reach it; the two
// functions are each other's inverse.  The others work for any frame.
#if __STDC_HOSTED__
void *frame_ptr(uint32_t ppn);
uint32_t frame_of(const void *ptr);
#else
static inline void *
frame_ptr(uint32_t ppn)
{
	assert(ppn < KERNWINDOW / PGSIZE);
	return (void *) (KERNBASE + (ppn << PGSHIFT));
}

static inline uint32_t
frame_of(const void *ptr)
{
	assert((uintptr_t) ptr >= KERNBASE);
	return ((uintptr_t) ptr - KERNBASE) >> PGSHIFT;
}
#endif
void frame_zero(uint32_t ppn);
void frame_copy(uint32_t dst_ppn, uint32_t src_ppn);
// The same, and meanwhile others may use the kernel: when they return, envs and spaces may have
// changed, and be gone.
#if __STDC_HOSTED__
void frame_zero_unlocked(uint32_t ppn);
void frame_copy_unlocked(uint32_t dst_ppn, uint32_t src_ppn);
#else
extern bool cpu_alone; // [I] there are no others
void cpu_let_others_in(void);
void cpu_come_back(void);

static inline void
frame_zero_unlocked(uint32_t ppn)
{
	if (!cpu_alone)
		cpu_let_others_in();
	frame_zero(ppn);
	if (!cpu_alone)
		cpu_come_back();
}

static inline void
frame_copy_unlocked(uint32_t dst_ppn, uint32_t src_ppn)
{
	if (!cpu_alone)
		cpu_let_others_in();
	frame_copy(dst_ppn, src_ppn);
	if (!cpu_alone)
		cpu_come_back();
}
#endif
void frame_read(uint32_t ppn, uint32_t off, void *dst, size_t n); // off + n <= PGSIZE
void frame_write(uint32_t ppn, uint32_t off, const void *src, size_t n);

// The directory that every address space agrees with above UTOP, except at UVPT.
extern pde_t *kern_pgdir; // [I]

// When this returns, the CPU holds no translation of the n > 0 pages from va on, or of the one page at
// va, that it made before the call.  It may have dropped others, too.
void tlb_invalidate(int cpu, uint32_t va, uint32_t n);
void tlb_invalidate_page(int cpu, uint32_t va);

// An env is about to lose its memory, and no CPU runs it: load something else if this CPU still
// stands on its directory, and forget its registers.
void cpu_forget(struct Env *e);

// FPU and SSE state.
struct Fpu {
	uint8_t bytes[512]; // as fxsave writes it
} __attribute__((aligned(16)));
// The state in which an env starts that inherits none.
void fpu_reset(struct Fpu *fpu);
// Let child start with what self, the calling env, has in the CPU beside its saved registers.
void cpu_inherit(struct Env *self, struct Env *child);

// Make another CPU enter the kernel soon; nothing when it is this one.
void cpu_kick(int cpu);
// There is more to do than this CPU has taken: if a CPU is idle, one wakes up.
void cpu_wake_idle(void);

// Whether there are dead envs to be reaped (env_reap), so that no short way past sched_pick may be
// taken.
void cpu_dead(bool any);

// Read n values of `width' bytes (1, 2 or 4) from a port, one after the other, or write them to it.
void port_read(uint32_t port, uint32_t width, void *to, size_t n);
void port_write(uint32_t port, uint32_t width, const void *from, size_t n);

// The console: cprintf and cons_write of inc/stdio.h; and a character that was typed, or 0.
int cons_getc(void);

#endif
