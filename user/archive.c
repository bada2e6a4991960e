// The archive of the programs, as programs see it: a directory, and files whose pages are shared by
// all who map them and written by nobody.  Each file can be loaded by mapping its pages: what it
// says of itself agrees with that.  And the clock.

#include "inc/archive.h"
#include "inc/elf.h"
#include "user/attack.h"

#define HERE ((void *) 0x10000000)
#define DIRECTORY 0x20000000u
#define FILE_VA 0x30000000u

static const struct ArchiveHead *const head = (const struct ArchiveHead *) DIRECTORY;
static const struct ArchiveFile *const files = (const struct ArchiveFile *) DIRECTORY;

static void
map(uint32_t n, uint32_t va)
{
	int r = sys_archive_page(n, 0, (void *) va);

	if (r < 0)
		panic("page %u of the archive: %e", n, r);
	assert((uvpt[PGNUM(va)] & PTE_SYSCALL) == RO);
}

static void
map_directory(void)
{
	map(0, DIRECTORY);
	assert(strcmp(head->magic, ARCHIVE_MAGIC) == 0);
	uint32_t size = (head->nfiles + 1) * sizeof *files;
	for (uint32_t i = 1; i < (size + PGSIZE - 1) / PGSIZE; i++)
		map(i, DIRECTORY + i * PGSIZE);
}

// Everything that is loaded stands in the file as it will in memory, but for where its page begins.
static void
check_elf(const struct ArchiveFile *f)
{
	const struct Elf *elf = (const struct Elf *) FILE_VA;
	const struct Proghdr *ph = (const struct Proghdr *) (FILE_VA + elf->e_phoff);

	assert(elf->e_magic == ELF_MAGIC);
	for (int i = 0; i < elf->e_phnum; i++)
		if (ph[i].p_type == ELF_PROG_LOAD)
			assert(PGOFF(ph[i].p_offset) == PGOFF(ph[i].p_va) &&
			       ph[i].p_offset + ph[i].p_filesz <= f->size);
}

static void
check_file(const struct ArchiveFile *f, uint32_t first)
{
	const uint32_t npages = (f->size + PGSIZE - 1) / PGSIZE;

	assert(f->name[0] && strnlen(f->name, sizeof f->name) < sizeof f->name);
	assert(f->first == first && f->size > 0 && f->first + npages <= head->npages);
	for (uint32_t i = 0; i < npages; i++)
		map(f->first + i, FILE_VA + i * PGSIZE);
	for (uint32_t i = f->size; i % PGSIZE > 0; i++)
		assert(*(const char *) (FILE_VA + i) == 0);
	check_elf(f);
}

static void
write_there(uint32_t i)
{
	*(volatile uint32_t *) DIRECTORY = 0;
}

static void
check_refusals(void)
{
	assert(sys_archive_page(head->npages, 0, HERE) == -E_INVAL);
	assert(sys_archive_page(UINT32_MAX, 0, HERE) == -E_INVAL);
	assert(sys_archive_page(0, 0, (char *) HERE + 1) == -E_INVAL);
	assert(sys_archive_page(0, 0, (void *) UTOP) == -E_INVAL);
	assert(sys_archive_page(0, 0x7ffff000, HERE) == -E_BAD_ENV);
	assert(sys_page_protect(0, (void *) DIRECTORY, RW) == -E_INVAL);
	assert(sys_page_map(0, (void *) DIRECTORY, 0, HERE, RW) == -E_INVAL);
	SHARED[0] = 0;
	try_each(write_there, 1);
	assert(!survived(0));
}

// Time goes on, also while nothing but this runs.
static void
check_clock(void)
{
	int start = sys_clock_ms(), last = start, now;

	assert(start >= 0);
	do {
		now = sys_clock_ms();
		assert(now >= last && now % 10 == 0);
		last = now;
	} while (now < start + 50);
}

void
umain(int argc, char **argv)
{
	uint32_t first, before;

	share_page();
	map_directory();
	check_refusals();
	before = free_frames();
	first = ((head->nfiles + 1) * sizeof *files + PGSIZE - 1) / PGSIZE;
	for (uint32_t i = 1; i <= head->nfiles; i++) {
		check_file(&files[i], first);
		first += (files[i].size + PGSIZE - 1) / PGSIZE;
	}
	assert(first == head->npages);
	assert(before - free_frames() <= 1); // a page table
	check_clock();
	if (argc > 1)
		cprintf("archive: my argument is %s\n", argv[1]);
	cprintf("archive: OK\n");
}
