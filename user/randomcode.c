// Random code, executed.  Most children are killed by what they do; those that are still there
// after a while are destroyed.  Bytes without any sense end a program within a few instructions, so
// most of the code is made of pieces that do something: registers, flags and segments get values
// that could break a kernel, and then the kernel is entered by every way that there is.

#include "user/attack.h"

#define CHILDREN 600
#define CODE 0x0e000000
#define DATA 0x0e800000
#define PATIENCE 30000000 // cycles

static const uint8_t likely[][2] = {
	{0xcd, 0x30}, {0xcd, 0x03}, {0x0f, 0x01}, {0x0f, 0x00}, {0x0f, 0x22}, {0x0f, 0x34},
	{0x9d, 0x9c}, {0xcf, 0xcb}, {0x8e, 0xd8}, {0x8e, 0xd0}, {0x17, 0x16}, {0x0f, 0xa1},
	{0x0f, 0xae}, {0xdb, 0xe3}, {0x9a, 0x00}, {0xea, 0x00}, {0xff, 0x18}, {0xf3, 0xa4},
	{0xf2, 0xae}, {0x66, 0x67}, {0xc8, 0xff}, {0x61, 0x60}, {0x62, 0x00}, {0xd4, 0x00},
	{0xeb, 0x02}, {0xe8, 0x00}, {0xb8, 0x05}, {0x83, 0xc0}, {0xe4, 0x20}, {0xe6, 0x70},
};

static const uint32_t values[] = {
	0,
	1,
	RW,
	ENV_RUNNABLE,
	CODE,
	DATA,
	DATA + PGSIZE,
	UXSTACKTOP - PGSIZE,
	UTOP - 4,
	UTOP,
	UENVS,
	UVPT,
	ULIM,
	KSTACKTOP - 4,
	KERNBASE,
	KERNBASE + EXTPHYSMEM,
	0x7fffffff,
	0x80000000,
	0xfffffffc,
	0xffffffff,
};

static const uint32_t flags[] = {
	0, FL_TF, FL_DF, FL_NT, FL_AC, FL_IOPL_3, FL_VM, FL_NT | FL_DF, 0xffffffff & ~FL_TF,
};

static const uint8_t selectors[] = {
	0, 3, GD_UD | 3, GD_UT | 3, GD_UD, GD_KD, GD_KT, GD_TSS0, GD_FATAL,
};

static const uint8_t pop_segment[][2] = {
	{0x1f, 0x90}, {0x07, 0x90}, {0x17, 0x90}, {0x0f, 0xa1}, {0x0f, 0xa9},
};

// Of n.
static uint32_t
some(uint32_t n)
{
	return (random() >> 8) % n;
}
#define SOME(array) array[some(ARRAY_SIZE(array))]

static uint8_t *at; // where the next instruction goes

static void
put(uint8_t first, uint8_t second)
{
	*at++ = first;
	*at++ = second;
}

static void
put_with_word(uint8_t opcode, uint32_t word)
{
	*at++ = opcode;
	memcpy(at, &word, sizeof word);
	at += sizeof word;
}

// push, popf
static void
put_flags(void)
{
	put_with_word(0x68, SOME(flags));
	*at++ = 0x9d;
}

// mov, of all registers but esp more often
static void
put_register(void)
{
	uint32_t reg = some(8);

	if (reg == 4)
		reg = some(8);
	put_with_word(0xb8 + reg, some(4) ? SOME(values) : random());
}

// int, with whatever the registers hold, or with arguments that come closer to what a call takes
static void
put_call(void)
{
	if (some(2)) {
		put_with_word(0xba, some(4) ? 0 : SOME(values));
		put_with_word(0xb9, SOME(values));
		put_with_word(0xbb, some(2) ? RW : SOME(values));
		put_with_word(0xbf, SOME(values));
		put_with_word(0xbe, some(2) ? RW : SOME(values));
	}
	put_with_word(0xb8, some(NSYSCALLS + 2));
	put(0xcd, T_SYSCALL);
}

// sysenter, with number, stack and the way back, which is often the right one
static void
put_sysenter(void)
{
	bool with_flags = some(2);

	put_with_word(0xb8, some(8) ? some(NSYSCALLS + 2) : SOME(values));
	put_with_word(0xb9, some(2) ? DATA + 4 * some(1000) : SOME(values));
	put_with_word(0xba, some(8) ? (uint32_t) at + 5 + 6 * with_flags + 2 : SOME(values));
	if (with_flags)
		put_flags();
	put(0x0f, 0x34);
}

// push, push, push, iret to what follows
static void
put_iret(void)
{
	put_with_word(0x68, SOME(flags));
	put(0x6a, SOME(selectors));
	put_with_word(0x68, (uint32_t) at + 6);
	*at++ = 0xcf;
}

static void
put_something(void)
{
	const uint8_t *pair;

	switch (some(16)) {
	default:
		put_register();
		return;
	case 0 ... 2:
		put_call();
		return;
	case 3 ... 5:
		put_sysenter();
		return;
	case 6:
		put_flags();
		return;
	case 7:
		put(0x6a, SOME(selectors));
		pair = SOME(pop_segment);
		put(pair[0], pair[1]);
		return;
	case 8:
		put_iret();
		return;
	case 9:
		put(0xcd, some(some(2) ? 256 : T_SYSCALL + 6));
		return;
	case 10 ... 11:
		pair = SOME(likely);
		put(pair[0], pair[1]);
		return;
	case 12:
		put(some(256), some(256));
		return;
	}
}

static void
fill(void)
{
	at = (uint8_t *) CODE;
	while (at < (uint8_t *) CODE + PGSIZE - 64)
		put_something();
	put_with_word(0xe9, CODE - ((uint32_t) at + 5)); // jmp, to the start
}

static void
run(uint32_t seed)
{
	random_state = 0x9e3779b9 * (seed + 1);
	assert(sys_page_alloc(0, (void *) CODE, RW) == 0);
	assert(sys_page_alloc(0, (void *) DATA, RW) == 0);
	fill();
	for (uint32_t va = DATA; va < DATA + PGSIZE; va += 4)
		*(uint32_t *) va = some(4) ? SOME(values) : 0; // arguments of sysenter
	// It shall not write over what it is told to do, nor into what its parent reads.
	assert(sys_page_map(0, (void *) CODE, 0, (void *) CODE, RO) == 0);
	sys_page_unmap(0, (void *) SHARED_VA);
	if (seed % 2)
		sys_env_set_pgfault_upcall(0, (void *) (CODE + random() % PGSIZE));
	if (seed % 8 >= 5)
		sys_env_set_exception_upcall(0, (void *) (CODE + random() % PGSIZE),
					     random() & EXCEPTIONS);
	asm volatile("movl %0,%%eax; movl %1,%%ecx; movl %1,%%esi; leal 2048(%1),%%edi;"
		     "movl %%edi,%%esp; jmp *%%eax"
		     :
		     : "r"(CODE + random() % PGSIZE), "d"(DATA)
		     : "eax", "ecx", "esi", "edi", "memory");
}

void
umain(int argc, char **argv)
{
	struct {
		envid_t id;
		uint64_t end;
	} child[AT_A_TIME] = {0};
	int killed = 0, left = AT_A_TIME;

	share_page();
	for (int next = 0; left > 0;) {
		for (int i = 0; i < AT_A_TIME; i++) {
			if (child[i].id && alive(child[i].id)) {
				if (read_tsc() < child[i].end)
					continue;
				killed += sys_env_destroy(child[i].id) == 0;
				wait_end(child[i].id);
			}
			if (next == CHILDREN) {
				left -= child[i].id != 0;
				child[i].id = 0;
				continue;
			}
			if ((child[i].id = fork()) < 0)
				panic("fork: %e", child[i].id);
			if (child[i].id == 0) {
				bare();
				run(next);
			}
			child[i].end = read_tsc() + PATIENCE;
			next++;
		}
		sys_yield();
	}
	cprintf("randomcode: %d of %d had to be destroyed\n", killed, CHILDREN);
	cprintf("randomcode: OK\n");
}
