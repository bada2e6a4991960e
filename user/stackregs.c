// Registers that the kernel must not believe: a system call, an interrupt and a fatal exception
// with esp and ebp anywhere, and with everything else full of addresses of the kernel.

#include "user/attack.h"

static const uint32_t addresses[] = {
	0,
	1,
	3,
	4,
	0x7fffffff,
	0x80000000,
	UTEXT,
	USTACKTOP,
	UXSTACKTOP - 2,
	UTOP,
	UENVS,
	UPAGES,
	UVPT,
	UVPD,
	ULIM,
	MMIOLIM,
	KSTACKTOP - KSTKSIZE,
	KSTACKTOP - 4,
	KERNBASE,
	KERNBASE + EXTPHYSMEM + 1,
	0xfffffffc,
	0xffffffff,
};
#define NADDRESS ARRAY_SIZE(addresses)

// Each call's registers come back as they were, except eax.
static void
call_with(uint32_t num, uint32_t esp, uint32_t ebp)
{
	static uint32_t real_esp, real_ebp, esp_after, ebp_after;

	asm volatile("movl %%esp,%[real_esp]; movl %%ebp,%[real_ebp];"
		     "movl %[esp],%%esp; movl %%ecx,%%ebp;"
		     "int %[vector];"
		     "movl %%esp,%[esp_after]; movl %%ebp,%[ebp_after];"
		     "movl %[real_esp],%%esp; movl %[real_ebp],%%ebp"
		     : "+a"(num), [real_esp] "=m"(real_esp), [real_ebp] "=m"(real_ebp),
		       [esp_after] "=m"(esp_after), [ebp_after] "=m"(ebp_after)
		     : [esp] "r"(esp), "c"(ebp), [vector] "i"(T_SYSCALL)
		     : "memory", "cc");
	assert(esp_after == esp && ebp_after == ebp);
}

static void
calls(void)
{
	for (size_t i = 0; i < NADDRESS; i++) {
		for (size_t j = 0; j < NADDRESS; j++)
			call_with(SYS_getenvid, addresses[i], addresses[j]);
		call_with(SYS_yield, addresses[i], addresses[NADDRESS - 1 - i]);
		call_with(12345, addresses[i], addresses[i]);
	}
}

// Interrupted by the timer for long, with nothing but nonsense in every register.
static void
spin_with(uint32_t i)
{
	uint32_t address = addresses[i], turns = 20000000;

	asm volatile("movl %%esp,%%edx; movl %%ebp,%%ebx;"
		     "movl %1,%%esp; movl %1,%%ebp; movl %1,%%esi; movl %1,%%edi;"
		     "1: decl %0; jnz 1b;"
		     "cmpl %%esi,%%esp; jne 2f; cmpl %%esi,%%ebp; jne 2f; cmpl %%esi,%%edi; je 3f;"
		     "2: ud2;"
		     "3: movl %%edx,%%esp; movl %%ebx,%%ebp"
		     : "+a"(turns)
		     : "c"(address)
		     : "ebx", "edx", "esi", "edi", "memory", "cc");
}

// A fatal exception: the kernel prints these, and follows none.
static void
die_with(uint32_t i)
{
	uint32_t address = addresses[i / 2];

	if (i % 2)
		asm volatile("movl %0,%%esp; movl %0,%%ebp; ud2" : : "a"(address));
	else
		asm volatile("movl %0,%%ebp; movl %0,%%esp; movl %%eax,0xf0000000"
			     :
			     : "a"(address));
}

void
umain(int argc, char **argv)
{
	share_page();
	calls();
	cprintf("stackregs: calls\n");
	try_each(spin_with, NADDRESS);
	for (size_t i = 0; i < NADDRESS; i++)
		assert(survived(i));
	cprintf("stackregs: interrupts\n");
	try_each(die_with, 2 * NADDRESS);
	for (size_t i = 0; i < 2 * NADDRESS; i++)
		assert(!survived(i));
	cprintf("stackregs: exceptions\n");
	cprintf("stackregs: OK\n");
}
