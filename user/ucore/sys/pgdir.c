// print_pgdir: what this address space maps below UTOP.  A line for each run of page tables with the
// same rights, and behind it a line for each run of their pages.

#include "inc/lib.h"

#define RIGHTS (PTE_U | PTE_W | PTE_P)
#define PTES (PTSIZE / PGSIZE) // of a page table

void ucore_print_pgdir(void);

// A run: entries `first' to `end' - 1 of a table have the rights `perm'.
struct Run {
	uint32_t first, end, perm;
};

// Find the next run of present entries of the table, from run->end on and below `end'.
static bool
next_run(const volatile uint32_t *table, uint32_t end, struct Run *run)
{
	uint32_t i = run->end;

	while (i < end && !(table[i] & PTE_P))
		i++;
	if (i >= end)
		return false;
	run->first = i;
	run->perm = table[i] & RIGHTS;
	while (i < end && (table[i] & RIGHTS) == run->perm)
		i++;
	run->end = i;
	return true;
}

// size: what an entry maps, in bytes.
static void
print_run(const char *what, const struct Run *run, uint32_t size)
{
	uint32_t n = run->end - run->first;

	cprintf("%s(%0*x) %08x-%08x %08x %cr%c\n", what, size == PGSIZE ? 5 : 3, n,
		run->first * size, run->end * size, n * size, run->perm & PTE_U ? 'u' : '-',
		run->perm & PTE_W ? 'w' : '-');
}

void
ucore_print_pgdir(void)
{
	struct Run tables = {0, 0, 0};

	cprintf("-------------------- BEGIN --------------------\n");
	while (next_run(uvpd, PDX(UTOP), &tables)) {
		struct Run run = {.end = tables.first * PTES};

		print_run("PDE", &tables, PTSIZE);
		while (next_run(uvpt, tables.end * PTES, &run))
			print_run("  |-- PTE", &run, PGSIZE);
	}
	cprintf("--------------------- END ---------------------\n");
}
