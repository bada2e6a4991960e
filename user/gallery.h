// What the programs pg_* have in common: checks, and time for their figures.
//
// Each shows what its pager does, checks itself, and ends with one line: its name, OK, and its
// figures.

#ifndef FAULTLINE_USER_GALLERY_H
#define FAULTLINE_USER_GALLERY_H

#include "inc/lib.h"
#include "inc/region.h"

#define RW (PTE_P | PTE_U | PTE_W)
#define RO (PTE_P | PTE_U)

// What must be so.  Unlike assert(), for what a program checks of itself.
#define CHECK(condition)                                                                           \
	do {                                                                                       \
		if (!(condition))                                                                  \
			panic("check failed: %s", #condition);                                     \
	} while (0)

// A call that must succeed; its result.
#define MUST(call)                                                                                 \
	({                                                                                         \
		int r_ = (call);                                                                   \
		if (r_ < 0)                                                                        \
			panic("%s: %e", #call, r_);                                                \
		r_;                                                                                \
	})

// Wait until env has ended and its memory is back.
static inline void
await_end(envid_t env)
{
	while (envs[ENVX(env)].env_id == env && envs[ENVX(env)].env_status != ENV_FREE)
		sys_yield();
}

static inline __attribute__((always_inline)) uint64_t
ticks(void)
{
	asm volatile("" : : : "memory");
	uint64_t time = read_tsc();
	asm volatile("" : : : "memory");
	return time;
}

// What ticks() counts: under QEMU's -icount the time-stamp counter goes by instructions, which a
// loop of a known length finds out.
static inline const char *
tick_unit(void)
{
	uint32_t n = 1000;
	uint64_t start = ticks(), empty = ticks() - start;

	start = ticks();
	asm volatile("1: decl %0; jnz 1b" : "+r"(n) : : "cc");
	uint64_t took = ticks() - start - empty;
	return took >= 2000 && took <= 2002 ? "instructions" : "ticks";
}

// A small random number generator (xorshift; Marsaglia, 2003), the same on each run.
static inline uint32_t
xorshift(uint32_t *state)
{
	*state ^= *state << 13;
	*state ^= *state >> 17;
	*state ^= *state << 5;
	return *state;
}

#endif
