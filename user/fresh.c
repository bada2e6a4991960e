// What one env had, no other sees: fresh pages are zero whatever stood in them, registers stay
// with their env, and the kernel's published tables show no registers and no kernel addresses.

#include "user/attack.h"

#define HEAP 0x10000000u
#define HEAP_END (USTACKTOP - PTSIZE)
#define SECRET 0x5ec2e700
#define CHILDREN 6
#define STOP SHARED[1023]
#define READY SHARED[1022]

// Fill all memory with secrets, and leave it.
static void
dirty(uint32_t arg)
{
	for (uint32_t va = HEAP; va < HEAP_END && sys_page_alloc(0, (void *) va, RW) == 0;
	     va += PGSIZE)
		memset((void *) va, SECRET >> 8, PGSIZE);
	SHARED[0] = SURVIVED;
}

static bool
all_zero(uint32_t va)
{
	uint32_t n = PGSIZE / 4;

	asm volatile("repe scasl" : "+D"(va), "+c"(n) : "a"(0) : "memory", "cc");
	return n == 0 && ((uint32_t *) va)[-1] == 0;
}

static void
check_fresh(uint32_t arg)
{
	uint32_t n = 0;

	for (uint32_t va = HEAP; va < HEAP_END && sys_page_alloc(0, (void *) va, RW) == 0;
	     va += PGSIZE, n++)
		if (!all_zero(va))
			panic("page %u is not zeroed", n);
	SHARED[0] = SURVIVED;
}

// Every register holds what only this child has, and keeps it while others come and go.
static void
hold(uint32_t i)
{
	uint32_t mine = SECRET | i;

	asm volatile("movl %%ebp,%%esi; movd %0,%%xmm5; shufps $0,%%xmm5,%%xmm5;"
		     "movl %0,%%ebx; movl %0,%%ecx; movl %0,%%edx; movl %0,%%edi; movl %0,%%ebp;"
		     "lock; incl 0x0d000ff8;"
		     "1: cmpl %0,%%ebx; jne 2f; cmpl %0,%%ecx; jne 2f; cmpl %0,%%edx; jne 2f;"
		     "cmpl %0,%%edi; jne 2f; cmpl %0,%%ebp; jne 2f;"
		     "movd %%xmm5,%%ecx; cmpl %0,%%ecx; jne 2f;"
		     "cmpl $0,0x0d000ffc; je 1b; jmp 3f;"
		     "2: ud2;"
		     "3: movl %%esi,%%ebp"
		     : "+a"(mine)
		     :
		     : "ebx", "ecx", "edx", "esi", "edi", "memory", "cc");
	SHARED[i] = SURVIVED;
}

static void
check_envs(void)
{
	for (const volatile struct Env *e = envs; e < envs + NENV; e++) {
		struct Trapframe tf = e->env_tf;

		if (e->env_id == 0) { // nobody has ever been here
			for (size_t i = 0; i < sizeof *e / 4; i++)
				assert(((const volatile uint32_t *) e)[i] == 0);
			continue;
		}
		assert(tf.tf_cs == (GD_UT | 3) && tf.tf_ss == (GD_UD | 3));
		assert(tf.tf_ds == (GD_UD | 3) && tf.tf_es == (GD_UD | 3));
		assert((tf.tf_eflags & (FL_IF | FL_IOPL_MASK | FL_VM | FL_NT)) == FL_IF);
		tf.tf_cs = tf.tf_ss = tf.tf_ds = tf.tf_es = 0;
		tf.tf_eflags = 0;
		for (size_t i = 0; i < sizeof tf / 4; i++)
			assert(((uint32_t *) &tf)[i] == 0);
	}
	// Not in the fields, nor between and behind them.
	for (uint32_t va = UENVS; va < UPAGES && (uvpd[PDX(va)] & PTE_P); va += PGSIZE) {
		if (!(uvpt[PGNUM(va)] & PTE_P))
			continue;
		for (uint32_t *word = (uint32_t *) va; word < (uint32_t *) (va + PGSIZE); word++)
			if (*word >= ULIM || (*word & ~0xffu) == SECRET)
				panic("%08x at %08x of envs[]", *word, (uint32_t) word);
	}
}

static void
check_pages(void)
{
	for (uint32_t va = UPAGES; va < UVPT; va += PGSIZE) {
		if (!(uvpt[PGNUM(va)] & PTE_P))
			continue;
		for (uint32_t *word = (uint32_t *) va; word < (uint32_t *) (va + PGSIZE); word++)
			if (*word > 1000000)
				panic("%08x at %08x of pages[]", *word, (uint32_t) word);
	}
}

// What the page tables show of the kernel: where its tables are, but nothing inside.
static void
read_kernel_tables(uint32_t i)
{
	static const uint32_t vas[] = {
		UVPT + PDX(KERNBASE) * PGSIZE,
		UVPT + PDX(ULIM) * PGSIZE,
		UVPT + PDX(MMIOLIM) * PGSIZE,
		UVPT + 0x3fffff,
		KERNBASE,
		ULIM,
		MMIOLIM,
	};

	if (i % 2)
		*(volatile uint32_t *) vas[i / 2] = 1;
	*(volatile uint32_t *) vas[i / 2];
}

// Nothing below ULIM that is the kernel's can be written.
static void
write_published(uint32_t i)
{
	static const uint32_t vas[] = {
		UENVS, UPAGES, UVPT + PDX(UTEXT) * PGSIZE, UVPD, UVPD + PDX(UVPT) * 4, UTEXT};

	*(volatile uint32_t *) vas[i] = 0;
}

void
umain(int argc, char **argv)
{
	envid_t id[CHILDREN];

	share_page();
	wait_end(spawn(dirty, 0));
	assert(SHARED[0] == SURVIVED);
	SHARED[0] = 0;
	wait_end(spawn(check_fresh, 0));
	assert(SHARED[0] == SURVIVED);
	cprintf("fresh: pages\n");

	STOP = READY = 0;
	for (int i = 0; i < CHILDREN; i++) {
		SHARED[i] = 0;
		id[i] = spawn(hold, i);
	}
	while (READY < CHILDREN)
		sys_yield();
	for (int round = 0; round < 5; round++) {
		check_envs();
		sys_yield();
	}
	STOP = true;
	for (int i = 0; i < CHILDREN; i++) {
		wait_end(id[i]);
		assert(survived(i));
	}
	cprintf("fresh: registers\n");
	check_envs();
	check_pages();
	try_each(read_kernel_tables, 14);
	for (int i = 0; i < 14; i++)
		assert(!survived(i));
	try_each(write_published, 6);
	for (int i = 0; i < 6; i++)
		assert(!survived(i));
	cprintf("fresh: published tables\n");
	cprintf("fresh: OK\n");
}
