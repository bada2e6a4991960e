// Every software interrupt, 0 to 255, each by a child of its own.  Only the system call comes
// back; every other vector is the end of the child, and of nobody else.

#include "user/attack.h"

#define CODE ((volatile uint8_t *) 0x0e000000)

static void
raise(uint32_t vector)
{
	uint32_t result = SYS_getenvid;

	assert(sys_page_alloc(0, (void *) CODE, RW) == 0);
	CODE[0] = 0xcd; // int vector
	CODE[1] = vector;
	CODE[2] = 0xc3; // ret
	asm volatile("call *%1" : "+a"(result) : "r"(CODE) : "memory", "cc");
	if (vector == T_SYSCALL && (envid_t) result != sys_getenvid())
		panic("the call returned %08x", result);
}

void
umain(int argc, char **argv)
{
	share_page();
	try_each(raise, 256);
	for (uint32_t vector = 0; vector < 256; vector++)
		if (survived(vector) != (vector == T_SYSCALL))
			panic("int %u: %s", vector, survived(vector) ? "survived" : "killed");
	cprintf("intn: OK\n");
}
