// Address spaces.  Owns every page directory and page table; only this file writes an entry
// below UTOP.
//
// A page table knows how many of its entries are in use, and a directory how many tables it has
// (page_note), so that taking a space apart looks no further than there is something.  Entries change in one order, everywhere:
// first the entry, then the TLBs of all CPUs, then the frame's count.  A frame can thus be free
// only when no CPU can reach it any more.

#include "kern/pmap.h"

#include "inc/assert.h"
#include "inc/error.h"
#include "inc/string.h"
#include "kern/cpu.h"
#include "kern/page.h"

int
space_init(struct Space *sp)
{
	struct PageInfo *pp = page_alloc(PAGE_KERNEL);

	if (!pp)
		return -E_NO_MEM;
	sp->pgdir = frame_ptr(page_number(pp));
	sp->cpu = NOCPU;
	sp->freed = 0;
	memcpy(&sp->pgdir[PDX(UTOP)], &kern_pgdir[PDX(UTOP)],
	       (NPDENTRIES - PDX(UTOP)) * sizeof(pde_t));
	sp->pgdir[PDX(UVPT)] = page_number(pp) << PGSHIFT | PTE_P | PTE_U;
	return 0;
}

static struct PageInfo *
entry_page(uint32_t entry)
{
	return &pages[PTE_ADDR(entry) >> PGSHIFT];
}

static pte_t *
entry_table(pde_t pde)
{
	return frame_ptr(PTE_ADDR(pde) >> PGSHIFT);
}

// Give back a page table, and a reference to each page in it.  Returns how many those were.
static uint32_t
table_free(pde_t pde)
{
	struct PageInfo *table_page = entry_page(pde);
	uint32_t used = *page_note(table_page), left = used;

	for (pte_t *pte = entry_table(pde); left > 0; pte++) {
		if (!(*pte & PTE_P))
			continue;
		page_decref(entry_page(*pte));
		left--;
	}
	page_decref(table_page);
	return used;
}

bool
space_free_some(struct Space *sp)
{
	struct PageInfo *pgdir_page = &pages[frame_of(sp->pgdir)];
	uint32_t *tables = page_note(pgdir_page), done = 0;

	assert(sp->cpu == NOCPU);
	for (; *tables > 0; sp->freed++) {
		if (done >= SPACE_CHUNK)
			return false;
		if (!(sp->pgdir[sp->freed] & PTE_P))
			continue;
		done += table_free(sp->pgdir[sp->freed]);
		sp->pgdir[sp->freed] = 0;
		--*tables;
	}
	page_decref(pgdir_page);
	sp->pgdir = NULL;
	return true;
}

// The entry for va, in a table that is there.
static pte_t *
entry_in_table(struct Space *sp, uint32_t va)
{
	return entry_table(sp->pgdir[PDX(va)]) + PTX(va);
}

// The entry for va, or NULL when there is no table for it.
static pte_t *
walk(struct Space *sp, uint32_t va)
{
	return sp->pgdir[PDX(va)] & PTE_P ? entry_in_table(sp, va) : NULL;
}

// The entry for va in a table that is made if need be; NULL when there is no memory for it.
static pte_t *
walk_create(struct Space *sp, uint32_t va)
{
	if (!(sp->pgdir[PDX(va)] & PTE_P)) {
		struct PageInfo *pp = page_alloc(PAGE_KERNEL);
		if (!pp)
			return NULL;
		sp->pgdir[PDX(va)] = page_number(pp) << PGSHIFT | PTE_P | PTE_W | PTE_U;
		++*page_note(&pages[frame_of(sp->pgdir)]);
	}
	return entry_in_table(sp, va);
}

struct PageInfo *
page_lookup(struct Space *sp, uint32_t va, pte_t *ptep)
{
	pte_t *pte = walk(sp, va);

	if (!pte || !(*pte & PTE_P))
		return NULL;
	*ptep = *pte;
	return entry_page(*pte);
}

int
page_insert(struct Space *sp, struct PageInfo *pp, uint32_t va, uint32_t perm)
{
	pte_t *pte = walk_create(sp, va);

	if (!pte)
		return -E_NO_MEM;
	pte_t old = *pte;
	*pte = page_number(pp) << PGSHIFT | perm;
	if (old & PTE_P) {
		tlb_invalidate(sp, va);
		page_decref(entry_page(old));
	} else {
		++*page_note(entry_page(sp->pgdir[PDX(va)]));
	}
	return 0;
}

void
page_remove(struct Space *sp, uint32_t va)
{
	pte_t *pte = walk(sp, va);

	if (!pte || !(*pte & PTE_P))
		return;
	pte_t old = *pte;
	*pte = 0;
	tlb_invalidate(sp, va);
	page_decref(entry_page(old));
	--*page_note(entry_page(sp->pgdir[PDX(va)]));
}

int
user_mem_check(struct Space *sp, uint32_t va, uint32_t len, uint32_t perm, uint32_t *bad)
{
	uint32_t want = PTE_P | PTE_U | perm;
	// What the kernel publishes above UTOP is there to be read.
	uint32_t limit = perm & PTE_W ? UTOP : ULIM;

	while (len > 0) {
		pte_t *pte = va < limit ? walk(sp, va) : NULL;
		if (!pte || (*pte & want) != want) {
			if (bad)
				*bad = va;
			return -E_FAULT;
		}
		uint32_t n = MIN(len, PGSIZE - PGOFF(va));
		va += n; // no wrap: va was below ULIM
		len -= n;
	}
	return 0;
}

int
copy_to_user(struct Space *sp, uint32_t va, const void *src, uint32_t len, uint32_t *bad)
{
	const char *from = src;
	int r = user_mem_check(sp, va, len, PTE_W, bad);

	if (r < 0)
		return r;
	while (len > 0) {
		pte_t *pte = entry_in_table(sp, va);
		uint32_t n = MIN(len, PGSIZE - PGOFF(va));
		frame_write(PTE_ADDR(*pte) >> PGSHIFT, PGOFF(va), from, n);
		*pte |= PTE_A | PTE_D; // as if the program had written there itself
		va += n;
		from += n;
		len -= n;
	}
	return 0;
}

int
copy_from_user(struct Space *sp, void *dst, uint32_t va, uint32_t len, uint32_t *bad)
{
	char *to = dst;
	int r = user_mem_check(sp, va, len, 0, bad);

	if (r < 0)
		return r;
	while (len > 0) {
		pte_t *pte = entry_in_table(sp, va);
		uint32_t n = MIN(len, PGSIZE - PGOFF(va));
		frame_read(PTE_ADDR(*pte) >> PGSHIFT, PGOFF(va), to, n);
		*pte |= PTE_A;
		va += n;
		to += n;
		len -= n;
	}
	return 0;
}
