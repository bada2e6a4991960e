// What the programs that attack the kernel have in common: children to try things in, a page
// to hear from them, and a count of the free frames.

#ifndef FAULTLINE_USER_ATTACK_H
#define FAULTLINE_USER_ATTACK_H

#include "inc/lib.h"
#include "user/frames.h"

#define RO (PTE_P | PTE_U)
#define RW (PTE_P | PTE_U | PTE_W)

// A page of words that all envs of one program share; share_page() makes it.
#define SHARED_VA 0x0d000000
#define SHARED ((volatile uint32_t *) SHARED_VA)
#define SURVIVED 0x0a11600d

static inline __attribute__((unused)) void
share_page(void)
{
	int r = sys_page_alloc(0, (void *) SHARED_VA, RW | PTE_SHARE);

	if (r < 0)
		panic("sys_page_alloc: %e", r);
}

// Until all its memory has been given back.
static inline __attribute__((unused)) bool
alive(envid_t id)
{
	return envs[ENVX(id)].env_id == id && envs[ENVX(id)].env_status != ENV_FREE;
}

static inline __attribute__((unused)) void
wait_end(envid_t id)
{
	while (alive(id)) {
		for (int i = 0; i < 100 && alive(id); i++)
			pause(); // leaves the kernel lock to others
		sys_yield();
	}
}

static inline __attribute__((unused)) void
destroy(envid_t id)
{
	sys_env_destroy(id); // it may have gone by itself
	wait_end(id);
}

// A child that calls f(arg) and exits.
static inline __attribute__((unused)) envid_t
spawn(void (*f)(uint32_t arg), uint32_t arg)
{
	envid_t id = fork();

	if (id < 0)
		panic("fork: %e", id);
	if (id == 0) {
		f(arg);
		exit();
	}
	return id;
}

// Have all copy-on-write pages copied now.
static inline __attribute__((unused)) void
own_pages(void)
{
	for (uintptr_t va = UTEXT; va < USTACKTOP; va += PGSIZE) {
		if (!(uvpd[PDX(va)] & PTE_P))
			va += PTSIZE - PGSIZE;
		else if (uvpt[PGNUM(va)] & PTE_COW)
			asm volatile("lock; addl $0,(%0)" : : "r"(va) : "memory");
	}
}

// From here on, a page fault is the end: no page waits for its copy, and no handler is there.
static inline __attribute__((unused)) void
bare(void)
{
	own_pages();
	sys_env_set_pgfault_upcall(0, NULL);
}

// Call f(0) .. f(n - 1), n <= 1024, each in a bare child of its own, some at a time.
// Then survived(i) tells whether f(i) returned.
#define AT_A_TIME 4

static inline __attribute__((unused)) void
try_each(void (*f)(uint32_t i), uint32_t n)
{
	envid_t child[AT_A_TIME] = {0};

	for (uint32_t i = 0; i < n; i++) {
		envid_t *id = &child[i % AT_A_TIME];

		if (*id)
			wait_end(*id);
		SHARED[i] = 0;
		if ((*id = fork()) < 0)
			panic("fork: %e", *id);
		if (*id == 0) {
			bare();
			f(i);
			SHARED[i] = SURVIVED;
			exit();
		}
	}
	for (int i = 0; i < AT_A_TIME; i++)
		if (child[i])
			wait_end(child[i]);
}

static inline __attribute__((unused)) bool
survived(uint32_t i)
{
	return SHARED[i] == SURVIVED;
}

// Whether this env is the only one there is.
static inline __attribute__((unused)) bool
alone(void)
{
	for (int i = 0; i < NENV; i++)
		if (envs[i].env_status != ENV_FREE && &envs[i] != thisenv)
			return false;
	return true;
}

// Whether any other env runs, may run, or is on its way out.
static inline __attribute__((unused)) bool
any_moves(void)
{
	for (int i = 0; i < NENV; i++)
		if (envs[i].env_status != ENV_FREE && envs[i].env_status != ENV_NOT_RUNNABLE &&
		    &envs[i] != thisenv)
			return true;
	return false;
}

// Numbers that look random, and are the same in each run.
static uint32_t random_state = 1;

static inline __attribute__((unused)) uint32_t
random(void)
{
	random_state ^= random_state << 13;
	random_state ^= random_state >> 17;
	random_state ^= random_state << 5;
	return random_state;
}

#endif
