// The fake machine, as tests see it: what it holds, and what it has been asked to do.

#ifndef FAULTLINE_TEST_HOST_FAKE_H
#define FAULTLINE_TEST_HOST_FAKE_H

#include "inc/mmu.h"
#include "inc/types.h"

struct Env;
struct Space;

#define FAKE_NCPU 4
#define BORDER (KERNWINDOW / PGSIZE) // the first frame that frame_ptr does not reach
#define FAKE_MAXHIGH 1024
#define FAKE_NKEPT 3 // pages of the archive
#define GARBAGE 0x5a // what memory holds when the machine starts

// A machine just started: frames 1..nlow-1 and, unless nhigh is 0, BORDER..BORDER+nhigh-1 are
// free, and there are no envs.
void fake_start(uint32_t nlow, uint32_t nhigh);
// The machine, just started, has an archive of FAKE_NKEPT pages.
void fake_keep(void);

extern int fake_cpu;                // the CPU that executes the core
extern bool fake_kicked[FAKE_NCPU]; // cpu_kick() came; tests clear it
extern unsigned fake_wakes;         // how often cpu_wake_idle() came
extern unsigned fake_flushes;       // how often tlb_invalidate() came
// What happens once, while the lock is not held (frame_zero_unlocked, frame_copy_unlocked).
extern void (*fake_meanwhile)(void);

// What the core has printed since fake_start or the last fake_clear_console.
extern char fake_console[];
void fake_clear_console(void);

// The ports: what was asked of them last, how many bytes have gone through one since fake_start, and
// the bytes of the last call.  What is read are bytes that count from 1 on.
extern struct FakePorts {
	uint32_t port, width;
	bool written;
	uint32_t total;
	uint32_t n;
	uint8_t bytes[PGSIZE];
} fake_ports;

// Characters that wait at the console.
extern const char *fake_keys;

// A frame's memory, wherever it is.
uint8_t *fake_frame(uint32_t ppn);

// The entry for va as the CPU would find it; 0 when there is none.
pte_t fake_walk(const struct Space *sp, uint32_t va);

// e, which runs, uses va: from now on its CPU has the translation in its TLB.
void fake_touch(struct Env *e, uint32_t va);
// The same by writing to va, which has PTE_W.  The CPU sets PTE_D unless its translation has it.
void fake_write(struct Env *e, uint32_t va);
// cpu turns to e, or to nothing, and drops all others' translations.
void fake_switch(int cpu, struct Env *e);
// Fail unless every translation in a TLB is still what the page tables say, a CPU has one env at
// most, and every CPU that must look at something has been kicked.
void fake_check(void);

#endif
