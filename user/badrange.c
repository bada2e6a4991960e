// Addresses and lengths that wrap, end in the kernel, or begin where nothing is: the call fails or
// the caller ends, and the kernel reads and writes nothing that is not the caller's.

#include "user/attack.h"

#define PAGE 0x10000000u // mapped, with nothing before and behind it
#define END (PAGE + PGSIZE)

struct Range {
	uint32_t va, len;
	bool good;
};

static const struct Range ranges[] = {
	{PAGE, 0, true},
	{PAGE, PGSIZE, true},
	{END - 1, 1, true},
	{0, 0, true},
	{END, 0, true},
	{0, 1, false},
	{PAGE - 1, 1, false},
	{PAGE - 1, 2, false},
	{END - 1, 2, false},
	{END, 1, false},
	{PAGE, PGSIZE + 1, false},
	{PAGE, 0x7fffffff, false},
	{PAGE, 0x80000000, false},
	{PAGE, -PAGE, false},
	{PAGE, -PAGE + 1, false},
	{PAGE, 0xffffffff, false},
	{PAGE, 0xfffff001, false},
	{END - 1, 0xffffffff, false},
	{UTEXT, 0xffffffff, false},
	{USTACKTOP - 4, 8, false},
	{UTOP - 1, 1, true},
	{UTOP - 1, 2, true},
	{UENVS, 4, true},
	{UVPT - 4, 8, false},
	{ULIM, 4, false},
	{ULIM - 1, 2, false},
	{MMIOLIM, 4, false},
	{KSTACKTOP - 16, 16, false},
	{KERNBASE, 16, false},
	{KERNBASE + EXTPHYSMEM, 16, false},
	{0xfffff000, PGSIZE, false},
	{0xfffff000, PGSIZE + 1, false},
	{0xffffffff, 1, false},
	{0xffffffff, 2, false},
	{0xffffffff, 0xffffffff, false},
};

static void
print(uint32_t i)
{
	assert(sys_page_alloc(0, (void *) PAGE, RW) == 0);
	sys_cputs((const char *) ranges[i].va, ranges[i].len);
}

// Above ULIM the directory has entries for 4 MB of the kernel's memory.  Taken for page tables, they
// would be at the first frame of each; so have that frame, and fill it with entries that let us at
// everything.
#define HEAP 0x20000000u
#define HEAP_PAGES 4096

static void
print_forged(uint32_t arg)
{
	uint32_t pa = 1, va = HEAP - PGSIZE;

	while (pa % PTSIZE != 0) {
		va += PGSIZE;
		if (va == HEAP + HEAP_PAGES * PGSIZE || sys_page_alloc(0, (void *) va, RW) < 0)
			panic("no frame that could be a table");
		pa = PTE_ADDR(uvpt[PGNUM(va)]);
	}
	for (uint32_t i = 0; i < NPTENTRIES; i++)
		((volatile pte_t *) va)[i] = pa | RW;
	SHARED[1] = SURVIVED;
	sys_cputs((const char *) KERNBASE + pa, 1);
}

// Where a whole trap frame is not ours to read.
static void
frames(void)
{
	static const uint32_t vas[] = {
		0,
		PAGE - 1,
		END - sizeof(struct Trapframe) + 1,
		END - 1,
		ULIM - 1,
		ULIM,
		KERNBASE - 1,
		KERNBASE,
		0u - sizeof(struct Trapframe),
		0u - sizeof(struct Trapframe) + 1,
		0xffffffff,
	};

	for (size_t i = 0; i < ARRAY_SIZE(vas); i++)
		assert(sys_env_set_trapframe(0, (void *) vas[i]) == -E_FAULT);
}

// Page addresses: whatever is not a multiple of PGSIZE below UTOP is refused by every call.
static bool
refused(uint32_t va)
{
	void *bad = (void *) va, *good = (void *) PAGE;

	return sys_page_alloc(0, bad, RW) == -E_INVAL &&
		sys_page_map(0, bad, 0, good, RW) == -E_INVAL &&
		sys_page_map(0, good, 0, bad, RW) == -E_INVAL &&
		sys_page_unmap(0, bad) == -E_INVAL &&
		(va >= UTOP || sys_ipc_recv(bad) == -E_INVAL) &&
		(va >= UTOP || sys_ipc_try_send(0, 0, bad, RW) == -E_INVAL);
}

static void
page_addresses(void)
{
	for (uint32_t bit = 0; bit < PGSHIFT; bit++) {
		assert(refused(PAGE | 1u << bit));
		assert(refused(UTOP - PGSIZE + (1u << bit)));
		assert(refused(1u << bit));
	}
	// Every page from UTOP to the end of the address space.
	for (uint32_t va = UTOP; va != 0; va += PGSIZE)
		if (sys_page_unmap(0, (void *) va) != -E_INVAL)
			panic("page %08x was unmapped", va);
	for (uint32_t va = UTOP; va != 0 && va >= UTOP; va += 61 * PGSIZE)
		assert(refused(va));
}

void
umain(int argc, char **argv)
{
	share_page();
	try_each(print, ARRAY_SIZE(ranges));
	for (size_t i = 0; i < ARRAY_SIZE(ranges); i++)
		if (survived(i) != ranges[i].good)
			panic("%u bytes at %08x were %sprinted", ranges[i].len, ranges[i].va,
			      survived(i) ? "" : "not ");
	SHARED[1] = 0;
	try_each(print_forged, 1);
	assert(SHARED[1] == SURVIVED && !survived(0));
	cprintf("badrange: texts\n");

	assert(sys_page_alloc(0, (void *) PAGE, RW) == 0);
	frames();
	cprintf("badrange: frames\n");
	page_addresses();
	cprintf("badrange: page addresses\n");
	cprintf("badrange: OK\n");
}
