// The fast way into the kernel, used well and badly: that it does what int $0x30 does, and that
// no registers, flags or steps make it do harm.

#include "user/attack.h"

// Enter with all registers as given.  Goes on behind the sysenter instruction unless eip or esp
// say otherwise.
static int32_t
enter(uint32_t eax, uint32_t ecx, uint32_t flags)
{
	asm volatile("pushl %%ebx; pushl %%esi; pushl %%edi; pushl %%ebp\n"
		     "	pushl %2\n"
		     "	movl $0x11111111, %%ebx\n"
		     "	movl $0x22222222, %%esi\n"
		     "	movl $0x33333333, %%edi\n"
		     "	movl %%esp, %%ebp\n"
		     "	movl $1f, %%edx\n"
		     "	popfl\n"
		     "	sysenter\n"
		     "1:	movl %%ebp, %%esp\n"
		     "	addl $4, %%esp\n"
		     "	pushl $2; popfl\n"
		     "	cmpl $0x11111111, %%ebx; jne 2f\n"
		     "	cmpl $0x22222222, %%esi; jne 2f\n"
		     "	cmpl $0x33333333, %%edi; je 3f\n"
		     "2:	ud2\n"
		     "3:	popl %%ebp; popl %%edi; popl %%esi; popl %%ebx"
		     : "+a"(eax), "+c"(ecx)
		     : "r"(flags)
		     : "edx", "memory", "cc");
	return eax;
}

// A call by sysenter with arguments at a place of their own.
static int32_t
call(uint32_t num, uint32_t a1, uint32_t a2, uint32_t a3, uint32_t a4, uint32_t a5)
{
	uint32_t frame[6] = {0, a1, a2, a3, a4, a5};

	return enter(num, (uint32_t) frame, 2);
}

// The two entries give the same results, for good and bad calls.
static void
compare(void)
{
	static const uint32_t va[] = {0x10000000, 0x10001000, 0, 1, UTOP, 0xffffffff, 0x10000004};
	static const uint32_t id[] = {0, 1, 0x1000, 0x7fffffff, 0xffffffff, 0x80000000};
	static const uint32_t perm[] = {RO, RW, 0, PTE_P, RW | PTE_G, RW | PTE_COW, 0xffffffff};
	unsigned n = 0;

	for (size_t v = 0; v < ARRAY_SIZE(va); v++) {
		for (size_t i = 0; i < ARRAY_SIZE(id); i++) {
			for (size_t p = 0; p < ARRAY_SIZE(perm); p++, n++) {
				uint32_t arg[4] = {id[i], va[v], perm[p],
						   va[(v + 1) % ARRAY_SIZE(va)]};
				for (int num = SYS_env_destroy; num <= (int) NSYSCALLS + 2; num++) {
					int32_t a, b;
					if (num == SYS_env_destroy || num == SYS_exofork ||
					    num == SYS_yield || num == SYS_ipc_recv ||
					    num == SYS_ipc_wait || num == SYS_ipc_send ||
					    num == SYS_ipc_call || num == SYS_ipc_call_value ||
					    num == SYS_env_set_trapframe ||
					    num == SYS_env_set_status ||
					    num == SYS_env_set_pgfault_upcall ||
					    num == SYS_clock_ms || // time goes on
					    // a range from 0 on has the program in it
					    (num == SYS_pages_unmap && va[v] == 0))
						continue;
					a = syscall_int(num, arg[0], arg[1], arg[2], arg[3],
							arg[2]);
					b = call(num, arg[0], arg[1], arg[2], arg[3], arg[2]);
					if (a != b)
						panic("call %d(%x, %x, %x, %x): %d by int, %d by "
						      "sysenter",
						      num, arg[0], arg[1], arg[2], arg[3], a, b);
				}
			}
		}
	}
	assert(call(SYS_getenvid, 0, 0, 0, 0, 0) == thisenv->env_id);
	assert(call(SYS_yield, 0, 0, 0, 0, 0) == 0);
	int32_t before = syscall_int(SYS_clock_ms, 0, 0, 0, 0, 0);
	assert(call(SYS_clock_ms, 0, 0, 0, 0, 0) >= before);
	assert(call(SYS_ipc_recv, 1, 0, 0, 0, 0) == -E_INVAL);
	assert(call(SYS_env_destroy, 1, 0, 0, 0, 0) == -E_BAD_ENV);
	cprintf("sysenter: %u calls are the same by both ways\n", n);
}

// A child made by sysenter starts behind it, as one made by int does.
static void
fork_by_sysenter(void)
{
	int32_t id = call(SYS_exofork, 0, 0, 0, 0, 0);

	assert(id > 0 && envs[ENVX(id)].env_parent_id == thisenv->env_id);
	assert(sys_env_destroy(id) == 0);
}

// Arguments that end at the end of the stack, or are not there at all.
static void
arguments(void)
{
	static const uint32_t esp[] = {0,          4,        UTOP,       UTOP - 4,      UTOP - 32,
				       UTOP - 28,  KERNBASE, 0xefffff00, 0xffffffff,    0xfffffff0,
				       0x80000001, UVPT,     ULIM,       USTACKTOP - 4, UENVS};

	for (size_t i = 0; i < ARRAY_SIZE(esp); i++) {
		enter(SYS_getenvid, esp[i], 2);
		enter(SYS_page_unmap, esp[i], 2); // of nothing, or of what the words there say
		enter(SYS_yield, esp[i], 2);
		enter(NSYSCALLS, esp[i], 2);
		enter(0x80000000, esp[i], 2);
	}
	// One argument on the last words of a page.
	assert(sys_page_alloc(0, (void *) 0x10000000, RW) == 0);
	*(uint32_t *) 0x10000ffc = 0x10002000;
	*(uint32_t *) 0x10000ff8 = 0;
	assert(enter(SYS_page_unmap, 0x10000ff4, 2) == 0);
	cprintf("sysenter: stacks\n");
}

static void
flags(void)
{
	static const uint32_t odd[] = {FL_NT,
				       FL_DF,
				       FL_AC,
				       FL_ID,
				       FL_RF,
				       FL_IOPL_3,
				       FL_NT | FL_DF | FL_AC,
				       0xffffffff & ~(FL_TF | FL_NT)};

	for (size_t i = 0; i < ARRAY_SIZE(odd); i++) {
		uint32_t frame[6] = {0};
		assert(enter(SYS_getenvid, (uint32_t) frame, odd[i]) == thisenv->env_id);
		assert(enter(SYS_yield, (uint32_t) frame, odd[i]) == 0);
		assert(enter(SYS_page_unmap, (uint32_t) frame, odd[i]) == 0);
		assert(enter(SYS_env_destroy, (uint32_t) (uint32_t[6]){0, 1}, odd[i]) ==
		       -E_BAD_ENV);
	}
	cprintf("sysenter: flags\n");
}

// Segments that C in the kernel could not work with.
static void
segments(void)
{
	uint32_t frame[6] = {0};
	int32_t r;

	for (int null = 0; null < 4; null++) {
		asm volatile("movl %%esp, %%esi\n"
			     "	movl %3, %%ds\n	movl %3, %%es\n"
			     "	movl $1f, %%edx\n	sysenter\n"
			     "1:	movl %%esi, %%esp"
			     : "=a"(r)
			     : "0"(SYS_page_unmap), "c"(frame), "r"(null)
			     : "edx", "esi", "memory", "cc");
		assert(r == 0);
	}
	cprintf("sysenter: segments\n");
}

// Ways not to come back: each of these ends its env.
static void
never_back(uint32_t i)
{
	static const uint32_t eip[] = {0, KERNBASE + EXTPHYSMEM, ULIM, 0xffffffff, 0x0fffff00};
	uint32_t frame[6] = {0};

	if (i < ARRAY_SIZE(eip)) {
		asm volatile("sysenter"
			     :
			     : "a"(i % 2 ? SYS_getenvid : SYS_yield), "c"(frame), "d"(eip[i])
			     : "memory");
	} else if (i < 2 * ARRAY_SIZE(eip)) {
		// A stack that is nowhere, of which the next instruction makes use.
		asm volatile("movl $1f, %%edx; sysenter; 1: pushl %%eax"
			     :
			     : "a"(i % 2 ? SYS_getenvid : SYS_yield), "c"(eip[i - ARRAY_SIZE(eip)])
			     : "edx", "memory");
	} else {
		// A single step over the entry.
		enter(i % 2 ? SYS_getenvid : SYS_yield, (uint32_t) frame, FL_TF | 2);
	}
}

void
umain(int argc, char **argv)
{
	share_page();
	compare();
	fork_by_sysenter();
	arguments();
	flags();
	segments();
	try_each(never_back, 12);
	for (uint32_t i = 0; i < 12; i++)
		if (survived(i))
			panic("way %u not to come back came back", i);
	cprintf("sysenter: OK\n");
}
