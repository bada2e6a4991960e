// A small machine with programs on it: what most tests start from.  After every call that a
// program makes, all invariants are checked, and a call that fails must have changed nothing.

#ifndef FAULTLINE_TEST_HOST_WORLD_H
#define FAULTLINE_TEST_HOST_WORLD_H

#include "inc/error.h"
#include "inc/syscall.h"
#include "kern/env.h"
#include "kern/page.h"
#include "kern/pmap.h"
#include "test/host/fake.h"
#include "test/host/test.h"

// Addresses to use.  A and B share a page table, C has one of its own.
#define VA_A 0x00800000u
#define VA_B 0x00801000u
#define VA_C 0x00c00000u

// Permissions.
#define RO (PTE_P | PTE_U)
#define RW (PTE_P | PTE_U | PTE_W)

// The machine just started; low memory only, or both kinds.
void world(void);
void world_both_pools(void);

// All that must hold between two steps.
void world_check(void);

// A new env, parent's child or nobody's, which runs on cpu, or is merely runnable for NOCPU.
struct Env *program(struct Env *parent, int cpu);
// Let cpu take up e, which is runnable.
void run_on(struct Env *e, int cpu);
// e's CPU enters the kernel, as for an interrupt, and lets go of e unless it may go on.
void let_notice(struct Env *e);

// Give back all memory of the dead.
void reap_all(void);

// Make a system call: call(e, page_alloc, 0, VA_A, RW).  Repeats it as often as the kernel asks.
// Checks that no register but eax has changed, and that nothing at all has if it fails.
// Returns what the program finds in eax.
#define call(self, name, ...) call_number(self, SYS_##name, (const uint32_t[5]){__VA_ARGS__})
int32_t call_number(struct Env *self, uint32_t number, const uint32_t arg[5]);
extern unsigned call_parts; // how often the last one was repeated

// The same, but only one entry into the kernel, and no conditions on what comes out.
void enter(struct Env *self, uint32_t number, const uint32_t arg[5]);
#define CALL_EIP 0x00801234 // the address after the program's int $0x30

// Give e a page at va with perm, and write memory of e, whatever its permissions.
void give_page(struct Env *e, uint32_t va, uint32_t perm);
void poke(struct Env *e, uint32_t va, const void *src, uint32_t n);
void peek(struct Env *e, uint32_t va, void *dst, uint32_t n);
// The frame and the bits of e's mapping of va; both 0 when there is none.  PTE_A and PTE_D
// are left out.
uint32_t frame_at(struct Env *e, uint32_t va);
uint32_t bits_at(struct Env *e, uint32_t va);
// How many pages e has.
int count_mapped(struct Env *e);

// Let an env that does nothing else take all memory of a kind but n frames.
void leave_frames(enum PageKind kind, uint32_t n);

// Everything that a failed call may not change, as checksums.
struct Snapshot {
	uint64_t envs, kenvs, refs, tables, memory, console;
};
struct Snapshot snapshot(bool with_memory);
bool snapshot_is(const struct Snapshot *a, const struct Snapshot *b); // notes what differs

#endif
