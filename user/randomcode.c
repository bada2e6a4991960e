// Random bytes, executed.  Most children are killed by what they do; those that are still there
// after a while are destroyed.  Many bytes are chosen for what they can break: prefixes,
// segment registers, flags, returns, far transfers, ports, system calls.

#include "user/attack.h"

#define CHILDREN 160
#define CODE 0x0e000000
#define DATA 0x0e800000
#define PATIENCE 30000000 // cycles

static const uint8_t likely[][2] = {
	{0xcd, 0x30}, {0xcd, 0x03}, {0x0f, 0x01}, {0x0f, 0x00}, {0x0f, 0x22}, {0x0f, 0x34},
	{0x9d, 0x9c}, {0xcf, 0xcb}, {0x8e, 0xd8}, {0x8e, 0xd0}, {0x17, 0x16}, {0x0f, 0xa1},
	{0x0f, 0xae}, {0xdb, 0xe3}, {0x9a, 0x00}, {0xea, 0x00}, {0xff, 0x18}, {0xf3, 0xa4},
	{0xf2, 0xae}, {0x66, 0x67}, {0xc8, 0xff}, {0x61, 0x60}, {0x62, 0x00}, {0xd4, 0x00},
	{0xeb, 0x02}, {0xe8, 0x00}, {0xb8, 0x05}, {0x83, 0xc0},
};

static void
fill(uint8_t *code)
{
	for (int i = 0; i < PGSIZE - 2; i += 2) {
		uint32_t r = random();
		const uint8_t *pair = likely[(r >> 16) % ARRAY_SIZE(likely)];

		if (r % 4 == 0) {
			code[i] = pair[0];
			code[i + 1] = pair[1];
		} else if (r % 4 == 1 && i < PGSIZE - 8) { // a small number into eax, and a call
			code[i] = 0x6a;
			code[i + 1] = (r >> 8) % (NSYSCALLS + 2);
			code[i + 2] = 0x58;
			code[i + 3] = 0xcd;
			code[i + 4] = T_SYSCALL;
			code[i + 5] = r >> 24;
			i += 4;
		} else {
			code[i] = r >> 8;
			code[i + 1] = r >> 24;
		}
	}
}

static void
run(uint32_t seed)
{
	random_state = 0x9e3779b9 * (seed + 1);
	assert(sys_page_alloc(0, (void *) CODE, RW) == 0);
	assert(sys_page_alloc(0, (void *) DATA, RW) == 0);
	fill((uint8_t *) CODE);
	// It shall not write over what it is told to do, nor into what its parent reads.
	assert(sys_page_map(0, (void *) CODE, 0, (void *) CODE, RO) == 0);
	sys_page_unmap(0, (void *) SHARED_VA);
	if (seed % 2)
		sys_env_set_pgfault_upcall(0, (void *) (CODE + random() % PGSIZE));
	asm volatile("movl %0,%%eax; movl %1,%%ecx; movl %1,%%esi; leal 2048(%1),%%edi; jmp *%%eax"
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
