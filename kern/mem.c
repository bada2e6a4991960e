// Memory at start: which frames there are (from the loader's map, never from guesses), and the
// kernel's own map.
//
// The first 256 MiB of physical memory stand at KERNBASE in large global pages, so the kernel
// reaches them without a thought, and never invalidates them.  Memory beyond that belongs to
// programs: the kernel sees it through two windows of one page for each CPU (FRAMEWINDOW), only to
// zero it and to copy in and out.  Everything the kernel itself points to (tables, directories,
// pages[]) is below.

#include "kern/mem.h"

#include "inc/assert.h"
#include "inc/env.h"
#include "inc/multiboot.h"
#include "inc/string.h"
#include "inc/x86.h"
#include "kern/bench.h"
#include "kern/cpu.h"
#include "kern/env.h"
#include "kern/page.h"
#include "kern/percpu.h"
#include "kern/programs.h"

#define NRANGE 32
#define LOW_RESERVED (MPENTRY_PADDR / PGSIZE + 1) // frames for the loader's data and mpentry

struct Range {
	uint32_t first, end; // frames
};

pde_t *kern_pgdir;
uint32_t kern_cr3;
pte_t *kern_window_table;
uint32_t *check_words;

static struct Range ranges[NRANGE]; // usable memory, ascending, apart from each other
static int nranges;
static char *brk, *brk_end;    // memory for the kernel's tables, from the end of its image
static struct PageInfo *infos; // for page.c
static uint32_t *links;
static pte_t *mmio_table;
static uint32_t mmio_next = MMIOBASE;

// Keep the range, in order.
static void
range_add(uint64_t base, uint64_t end)
{
	const uint64_t limit = 1ull << 32;
	uint32_t first = ROUNDUP((uint32_t) MIN(base, limit - PGSIZE), PGSIZE) / PGSIZE;
	uint32_t last = MIN(end, limit) / PGSIZE;
	int i;

	if (base >= limit - PGSIZE || first >= last || nranges == NRANGE)
		return;
	for (i = nranges++; i > 0 && ranges[i - 1].first > first; i--)
		ranges[i] = ranges[i - 1];
	ranges[i] = (struct Range){first, last};
}

static void
ranges_read(const struct Multiboot *mb)
{
	if (!(mb->mb_flags & MULTIBOOT_MMAP))
		panic("the boot loader gave no memory map");
	for (uint32_t at = 0; at < mb->mb_mmap_length;) {
		const struct MultibootMmap *m = KADDR(mb->mb_mmap_addr + at);
		if (m->type == MULTIBOOT_RAM)
			range_add(m->base, m->base + m->length);
		at += m->size + sizeof m->size;
	}
	// Where two overlap, the first has it.
	for (int i = 1; i < nranges; i++) {
		ranges[i].first = MAX(ranges[i].first, ranges[i - 1].end);
		ranges[i].end = MAX(ranges[i].end, ranges[i].first);
	}
	if (nranges == 0)
		panic("the boot loader's memory map shows no memory");
}

// Zeroed memory in whole pages, for good.
static void *
boot_alloc(size_t size)
{
	char *p = brk;

	size = ROUNDUP(size, PGSIZE);
	if (size > (size_t) (brk_end - brk))
		panic("not enough memory for the kernel's own tables");
	brk += size;
	for (size_t off = 0; off < size; off += PGSIZE)
		frame_zero(frame_of(p + off));
	return p;
}

static void
brk_init(void)
{
	extern char end[];
	uint32_t first = ROUNDUP(PADDR(end), PGSIZE) / PGSIZE;

	for (int i = 0; i < nranges; i++) {
		if (ranges[i].first <= first && first < ranges[i].end) {
			uint32_t last = MIN(ranges[i].end, KERNWINDOW / PGSIZE);
			brk = KADDR(first * PGSIZE);
			// entry_pgdir, which is still loaded, maps no more than this.
			brk_end = KADDR(MIN(last, 64u * 256) * PGSIZE);
			return;
		}
	}
	panic("the kernel is not in memory that the boot loader's map shows");
}

// A page table for the 4 MiB at va.
static pte_t *
map_table(uint32_t va, uint32_t perm)
{
	pte_t *table = boot_alloc(PGSIZE);

	kern_pgdir[PDX(va)] = PADDR(table) | PTE_P | PTE_W | perm;
	return table;
}

// Show the size bytes at src to programs, at va.
static void
map_published(uint32_t va, const void *src, size_t size)
{
	pte_t *table = map_table(va, PTE_U);

	for (size_t off = 0; off < size; off += PGSIZE)
		table[PTX(va + off)] = (PADDR(src) + off) | PTE_P | PTE_U | PTE_G;
}

static void
map_stack(int cpu, const void *memory)
{
	for (uint32_t off = 0; off < KSTKSIZE; off += PGSIZE)
		kern_window_table[PTX(kstack_top(cpu) - KSTKSIZE + off)] =
			(PADDR(memory) + off) | PTE_P | PTE_W | PTE_G;
}

void
mem_init(const struct Multiboot *mb)
{
	extern char bootstack[];

	ranges_read(mb);
	brk_init();

	uint32_t n = ranges[nranges - 1].end;
	infos = boot_alloc(n * sizeof *infos);
	links = boot_alloc(n * sizeof *links);

	kern_pgdir = boot_alloc(PGSIZE);
	kern_cr3 = PADDR(kern_pgdir);
	for (uint32_t pa = 0; pa < KERNWINDOW; pa += PTSIZE)
		kern_pgdir[PDX(KERNBASE + pa)] = pa | PTE_P | PTE_W | PTE_PS | PTE_G;
	map_published(UPAGES, infos, n * sizeof *infos);
	map_published(UENVS, envs, sizeof envs);
#if BENCH
	bench_publish();
#endif
	mmio_table = map_table(MMIOBASE, 0);
	kern_window_table = map_table(MMIOLIM, 0);
	map_stack(0, bootstack);
	lcr3(kern_cr3);
}

void
mem_give(int n)
{
	for (int i = 1; i < n; i++)
		map_stack(i, boot_alloc(KSTKSIZE));
#if CHECK
	check_words = boot_alloc(ranges[nranges - 1].end * sizeof *check_words);
#endif

	uint32_t kernel = EXTPHYSMEM / PGSIZE, kernel_end = PADDR(brk) / PGSIZE;
	page_init(infos, links, ranges[nranges - 1].end);
	page_keep(frame_of(archive), frame_of(archive_end) - frame_of(archive));
	for (int i = 0; i < nranges; i++) {
		uint32_t first = MAX(ranges[i].first, (uint32_t) LOW_RESERVED), end = ranges[i].end;
		page_add(first, MIN(end, kernel));
		page_add(MAX(first, kernel_end), end);
	}
	cprintf("Physical memory: %uK available, %uK in all\n", page_nfree() * (PGSIZE / 1024),
		npages * (PGSIZE / 1024));
}

void *
mmio_map(physaddr_t pa, size_t size)
{
	uint32_t va = mmio_next + PGOFF(pa);

	size = ROUNDUP(PGOFF(pa) + size, PGSIZE);
	if (size > MMIOLIM - mmio_next)
		panic("no room to map devices");
	for (size_t off = 0; off < size; off += PGSIZE)
		mmio_table[PTX(mmio_next + off)] =
			(PTE_ADDR(pa) + off) | PTE_P | PTE_W | PTE_PCD | PTE_PWT | PTE_G;
	mmio_next += size;
	return (void *) va;
}

void
phys_read(physaddr_t pa, void *dst, size_t n)
{
	char *to = dst;

	while (n > 0) {
		size_t part = MIN(n, PGSIZE - PGOFF(pa));
		frame_read(pa >> PGSHIFT, PGOFF(pa), to, part);
		pa += part;
		to += part;
		n -= part;
	}
}
