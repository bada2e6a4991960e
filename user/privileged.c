// Everything that is for the kernel alone: privileged instructions, ports, debug and model
// specific registers, far transfers to its segments and task states.  Each try is the end of the
// child that makes it; what is allowed is harmless.

#include "user/attack.h"

#define CODE ((volatile uint8_t *) 0x0e000000)

struct Code {
	const char *name;
	uint8_t length, bytes[11];
};

#define HEX(name, ...)                                                                             \
	{                                                                                          \
		name, sizeof((uint8_t[]){__VA_ARGS__}),                                            \
		{                                                                                  \
			__VA_ARGS__                                                                \
		}                                                                                  \
	}

static const struct Code forbidden[] = {
	HEX("cli", 0xfa),
	HEX("sti", 0xfb),
	HEX("hlt", 0xf4),
	HEX("lgdt (esp)", 0x0f, 0x01, 0x14, 0x24),
	HEX("lidt (esp)", 0x0f, 0x01, 0x1c, 0x24),
	HEX("lldt ax", 0x0f, 0x00, 0xd0),
	HEX("ltr ax", 0x0f, 0x00, 0xd8),
	HEX("lmsw ax", 0x0f, 0x01, 0xf0),
	HEX("clts", 0x0f, 0x06),
	HEX("invd", 0x0f, 0x08),
	HEX("wbinvd", 0x0f, 0x09),
	HEX("invlpg (esp)", 0x0f, 0x01, 0x3c, 0x24),
	HEX("mov cr0,eax", 0x0f, 0x20, 0xc0),
	HEX("mov cr2,eax", 0x0f, 0x20, 0xd0),
	HEX("mov cr3,eax", 0x0f, 0x20, 0xd8),
	HEX("mov cr4,eax", 0x0f, 0x20, 0xe0),
	HEX("mov eax,cr0", 0x0f, 0x22, 0xc0),
	HEX("mov eax,cr2", 0x0f, 0x22, 0xd0),
	HEX("mov eax,cr3", 0x0f, 0x22, 0xd8),
	HEX("mov eax,cr4", 0x0f, 0x22, 0xe0),
	HEX("mov dr0,eax", 0x0f, 0x21, 0xc0),
	HEX("mov dr6,eax", 0x0f, 0x21, 0xf0),
	HEX("mov dr7,eax", 0x0f, 0x21, 0xf8),
	HEX("mov eax,dr0", 0x0f, 0x23, 0xc0),
	HEX("mov eax,dr3", 0x0f, 0x23, 0xd8),
	HEX("mov eax,dr7", 0x0f, 0x23, 0xf8),
	HEX("rdmsr", 0x0f, 0x32),
	HEX("wrmsr", 0x0f, 0x30),
	HEX("rdpmc", 0x0f, 0x33),
	HEX("sysenter", 0x0f, 0x34),
	HEX("sysexit", 0x0f, 0x35),
	HEX("syscall", 0x0f, 0x05),
	HEX("sysret", 0x0f, 0x07),
	HEX("rsm", 0x0f, 0xaa),
	HEX("monitor", 0x0f, 0x01, 0xc8),
	HEX("mwait", 0x0f, 0x01, 0xc9),
	HEX("vmcall", 0x0f, 0x01, 0xc1),
	HEX("vmrun", 0x0f, 0x01, 0xd8),
	HEX("vmmcall", 0x0f, 0x01, 0xd9),
	HEX("stgi", 0x0f, 0x01, 0xdc),
	HEX("clgi", 0x0f, 0x01, 0xdd),
	HEX("swapgs", 0x0f, 0x01, 0xf8),
	HEX("xsetbv", 0x0f, 0x01, 0xd1),
	HEX("clac", 0x0f, 0x01, 0xca),
	HEX("stac", 0x0f, 0x01, 0xcb),
	HEX("getsec", 0x0f, 0x37),
	HEX("into, with OF", 0xb0, 0x7f, 0x04, 0x01, 0xce),
	HEX("icebp", 0xf1),
	HEX("ud2", 0x0f, 0x0b),
	HEX("lock nop", 0xf0, 0x90),
	HEX("16 prefixes", 0x66, 0x66, 0x66, 0x66, 0x66, 0x66, 0x66, 0x66, 0x0f, 0x0b),
	HEX("insb", 0x6c),
	HEX("insl", 0x6d),
	HEX("outsb", 0x6e),
	HEX("outsl", 0x6f),
	HEX("rep insl", 0xf3, 0x6d),
	HEX("rep outsb", 0xf3, 0x6e),
	HEX("in al,dx", 0xec),
	HEX("in eax,dx", 0xed),
	HEX("out dx,al", 0xee),
	HEX("out dx,eax", 0xef),
	HEX("in al,0", 0xe4, 0x00),
	HEX("in al,60", 0xe4, 0x60),
	HEX("in al,ff", 0xe4, 0xff),
	HEX("out 20,al", 0xe6, 0x20),
	HEX("out 64,al", 0xe6, 0x64),
	HEX("out 92,al", 0xe6, 0x92),
	HEX("out f4,eax", 0xe7, 0xf4),
	HEX("pushf; push 8; push 0; iret", 0x9c, 0x6a, 0x08, 0x6a, 0x00, 0xcf),
	HEX("ss 10; iret", 0x6a, 0x10, 0x54, 0x9c, 0x6a, 0x08, 0x6a, 0x00, 0xcf),
	HEX("push 8; push 0; lret", 0x6a, 0x08, 0x6a, 0x00, 0xcb),
	HEX("push 0; push 0; lret", 0x6a, 0x00, 0x6a, 0x00, 0xcb),
};

// May be done, and is harmless.
static const struct Code allowed[] = {
	HEX("nop", 0x90),
	HEX("smsw eax", 0x0f, 0x01, 0xe0),
	HEX("str eax", 0x66, 0x0f, 0x00, 0xc8),
	HEX("sldt eax", 0x66, 0x0f, 0x00, 0xc0),
	HEX("lar ecx,eax", 0x0f, 0x02, 0xc1),
	HEX("lsl ecx,eax", 0x0f, 0x03, 0xc1),
	HEX("verr cx", 0x0f, 0x00, 0xe1),
	HEX("verw cx", 0x0f, 0x00, 0xe9),
	HEX("rdtsc", 0x0f, 0x31),
	HEX("push 2; popf", 0x6a, 0x02, 0x9d), // tries to turn interrupts off
	HEX("emms", 0x0f, 0x77),
	HEX("fninit", 0xdb, 0xe3),
};

static void
execute(const struct Code *code)
{
	assert(sys_page_alloc(0, (void *) CODE, RW) == 0);
	memcpy((void *) CODE, code->bytes, code->length);
	CODE[code->length] = 0xc3; // ret
	asm volatile("pushal; movl %0,%%ebx; movw $0x3f8,%%dx; movl $1,%%ecx; xorl %%eax,%%eax;"
		     "movl %%esp,%%esi; movl %%esp,%%edi; call *%%ebx; popal"
		     :
		     : "r"(CODE)
		     : "memory", "cc");
}

static void
do_forbidden(uint32_t i)
{
	execute(&forbidden[i]);
}

static void
do_allowed(uint32_t i)
{
	execute(&allowed[i]);
}

// A port each, from everywhere; the second half of them below 0x400, where a PC has its devices.
#define NPORT 32

static void
port(uint32_t i)
{
	uint32_t n =
		i < NPORT / 2 ? i * 4096 + random() % 4096 : (i - NPORT / 2) * 64 + random() % 64;

	if (i % 2)
		inb(n);
	else
		outb(n, 0);
}

// Far calls and jumps by each selector, tables, rights and all.
#define NSELECTOR (NGDT + 2)
static void
far(uint32_t i)
{
	struct {
		uint32_t offset;
		uint16_t selector;
	} to = {0, i / 2 * 8 + random() % 8};

	if (i % 2)
		asm volatile("ljmp *%0" : : "m"(to));
	else
		asm volatile("lcall *%0" : : "m"(to));
}

void
umain(int argc, char **argv)
{
	share_page();
	try_each(do_forbidden, ARRAY_SIZE(forbidden));
	for (size_t i = 0; i < ARRAY_SIZE(forbidden); i++)
		if (survived(i))
			panic("%s was executed", forbidden[i].name);
	cprintf("privileged: instructions\n");
	try_each(do_allowed, ARRAY_SIZE(allowed));
	for (size_t i = 0; i < ARRAY_SIZE(allowed); i++)
		if (!survived(i))
			panic("%s was not executed", allowed[i].name);
	cprintf("privileged: harmless ones\n");
	try_each(port, NPORT);
	for (int i = 0; i < NPORT; i++)
		assert(!survived(i));
	cprintf("privileged: ports\n");
	try_each(far, NSELECTOR * 2);
	for (int i = 0; i < NSELECTOR * 2; i++)
		assert(!survived(i));
	cprintf("privileged: far transfers\n");
	cprintf("privileged: OK\n");
}
