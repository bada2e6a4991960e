// A page fault must be invisible to the instruction it interrupts.  The program loads every
// register with a value of its own, faults, and compares all of them with what the handler was
// shown and with what they are afterwards.

#include "inc/lib.h"

// The order in which popal, popfl and popl %esp read them and pushfl and pushal write them.
struct Context {
	struct PushRegs regs;
	uint32_t eflags;
	uint32_t esp;
	uint32_t eip;
};

static_assert(offsetof(struct Context, esp) == 36, "the assembly below");

// Not static, because only the assembly sees all that happens to them.
struct Context before, after;
uint32_t home_esp;

// Load `before', store eax at UTEMP, save in `after'.  What runs from popfl to pushfl changes
// no flag.
void load_fault_save(void);
extern const char faulting[];

asm(".text\n"
    "load_fault_save:\n"
    "	pushal\n"
    "	movl %esp,home_esp\n"
    "	movl $before,%esp\n"
    "	popal\n"
    "	popfl\n"
    "	popl %esp\n"
    "faulting:\n"
    "	movl %eax,0x400000\n"
    "	movl %esp,after+36\n"
    "	movl $after+36,%esp\n"
    "	pushfl\n"
    "	pushal\n"
    "	movl home_esp,%esp\n"
    "	popal\n"
    "	ret\n");

static_assert(UTEMP == 0x400000, "the assembly above");

static const struct {
	const char *name;
	size_t offset;
} registers[] = {
	{"edi", offsetof(struct Context, regs.reg_edi)},
	{"esi", offsetof(struct Context, regs.reg_esi)},
	{"ebp", offsetof(struct Context, regs.reg_ebp)},
	{"ebx", offsetof(struct Context, regs.reg_ebx)},
	{"edx", offsetof(struct Context, regs.reg_edx)},
	{"ecx", offsetof(struct Context, regs.reg_ecx)},
	{"eax", offsetof(struct Context, regs.reg_eax)},
	{"eip", offsetof(struct Context, eip)},
	{"eflags", offsetof(struct Context, eflags)},
	{"esp", offsetof(struct Context, esp)},
};

static struct Context in_utf;
static uint32_t stack[256]; // room on both sides of the esp that is tried

static uint32_t
value(const struct Context *context, size_t offset)
{
	return *(const uint32_t *) ((const char *) context + offset);
}

static void
check(const char *where, const struct Context *got)
{
	bool ok = true;

	for (size_t i = 0; i < ARRAY_SIZE(registers); i++) {
		uint32_t want = value(&before, registers[i].offset);
		uint32_t have = value(got, registers[i].offset);

		if (have != want) {
			cprintf("%s %s MISMATCH (%08x, not %08x)\n", registers[i].name, where, have,
				want);
			ok = false;
		}
	}
	if (ok)
		cprintf("Registers %s OK\n", where);
}

static void
handler(struct UTrapframe *utf)
{
	int r;

	if (utf->utf_fault_va != UTEMP)
		panic("fault at %08x, eip %08x", utf->utf_fault_va, utf->utf_eip);
	in_utf.regs = utf->utf_regs;
	in_utf.eflags = utf->utf_eflags & ~FL_RF; // some CPUs set it as they fault
	in_utf.esp = utf->utf_esp;
	in_utf.eip = utf->utf_eip;
	if ((r = sys_page_alloc(0, (void *) UTEMP, PTE_P | PTE_U | PTE_W)) < 0)
		panic("sys_page_alloc: %e", r);
}

void
umain(int argc, char **argv)
{
	uint32_t flags = FL_CF | FL_PF | FL_AF | FL_ZF | FL_SF | FL_OF;

	before.regs = (struct PushRegs){
		.reg_edi = 0xd1d1d1d1,
		.reg_esi = 0x51515151,
		.reg_ebp = 0xb9b9b9b9,
		.reg_ebx = 0xbbbbbbbb,
		.reg_edx = 0xdddddddd,
		.reg_ecx = 0xcccccccc,
		.reg_eax = 0xaaaaaaaa,
	};
	before.eflags = (read_eflags() & ~flags) | FL_CF | FL_AF | FL_SF | FL_OF;
	before.esp = (uint32_t) &stack[128];
	before.eip = (uint32_t) faulting;

	set_pgfault_handler(handler);
	load_fault_save();
	// The handler gave a page of zeroes: whoever wrote to it came back to `faulting'.
	after.eip = *(volatile uint32_t *) UTEMP == before.regs.reg_eax ? before.eip : 0;

	check("in UTrapframe", &in_utf);
	check("after page-fault", &after);
}
