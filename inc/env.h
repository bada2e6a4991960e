// An environment as programs see it: envs[] at UENVS, one struct Env for each slot, written by
// the kernel only.  What the kernel alone may know (saved registers, page directory) is not
// here; kern/env.h has it.
//
// The states.  Only the doors of kern/env.c move an env along an arrow.
//
//	      sys_exofork	  nothing holds it	   a CPU takes it
//	FREE -------------> NOT_RUNNABLE <------> RUNNABLE <-------------> RUNNING
//	 ^			  ^	      is held	     time is up,	|
//	 |			  |			     sys_yield		|
//	 |			  +---------------------------------------------+
//	 |				sys_ipc_recv, set_status(NOT_RUNNABLE)
//	 |
//	 +---- DYING <---- from any other, by destruction or a fault: it never runs again,
//			   nobody finds it by its id, and its memory goes as soon as the CPU
//			   that was running it has let go of it.  If it has a keeper
//			   (sys_env_set_keeper), it stays DYING until that has heard of it.

#ifndef FAULTLINE_INC_ENV_H
#define FAULTLINE_INC_ENV_H

#include "inc/memlayout.h"
#include "inc/mmu.h"
#include "inc/trap.h"
#include "inc/types.h"

// An environment's id: which slot, and which of the slot's lives.  Always positive; 0 stands
// for the caller itself, and negative values are errors.
//
//	| 0 | life, from 1 | slot of NENV |
typedef int32_t envid_t;

#define ENVGENSHIFT 12
#define ENVX(id) ((id) & (NENV - 1))

enum EnvStatus {
	ENV_FREE,
	ENV_DYING,
	ENV_RUNNABLE,
	ENV_RUNNING,
	ENV_NOT_RUNNABLE,
};

// The longest turns; see sys_env_set_weight.
#define WEIGHT_MAX 100

// What a server is for; see ipc_find_env().
enum EnvType {
	ENV_TYPE_USER,
	ENV_TYPE_FS,
	ENV_TYPE_NS,
};

// The letters in brackets are the locking rules of kern/spinlock.h.
struct Env {
	struct Trapframe env_tf;  // [I] a valid user frame to start from, not its registers
	struct Env *env_link;     // [I] NULL: the kernel's lists are its own affair
	envid_t env_id;           // [K] changes with each life of the slot
	envid_t env_parent_id;    // [K] who made it; 0 for the first
	enum EnvType env_type;    // [K]
	unsigned env_status;      // [K] enum EnvStatus
	uint32_t env_runs;        // [K] how often a CPU has taken it up
	int env_cpunum;           // [K] the CPU that last did
	pde_t *env_pgdir;         // [I] NULL: a program's page directory is at UVPD
	void *env_pgfault_upcall; // [K] entry point for page faults, or NULL
	uint32_t env_ipc_recving; // [K] waits in sys_ipc_recv
	void *env_ipc_dstva;      // [K] where it takes a page; >= UTOP: nowhere
	uint32_t env_ipc_value;   // [K] what came last,
	envid_t env_ipc_from;     // [K] from whom,
	int env_ipc_perm;         // [K] and the rights of the page that came, or 0
	envid_t env_keeper;       // [K] who keeps it, or 0; see sys_env_set_keeper
};

#if !__STDC_HOSTED__
static_assert(sizeof(struct Env) == 128, "envs[] is indexed by a shift");
#endif
static_assert((NENV & (NENV - 1)) == 0 && NENV >= 32, "envs[] fills whole pages");
static_assert(NENV <= 1 << ENVGENSHIFT, "ids hold slot and life");

#endif
