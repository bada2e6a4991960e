// Address spaces: page directories and tables, and access to a program's memory through them.

#ifndef FAULTLINE_KERN_PMAP_H
#define FAULTLINE_KERN_PMAP_H

#include "inc/mmu.h"
#include "inc/types.h"

struct PageInfo;

struct Space {
	pde_t *pgdir;   // [K] its page directory; NULL when there is none
	int cpu;        // [K] the one CPU that has it loaded, or NOCPU
	uint32_t freed; // [K] directory entries below this have been given back
};

#define NOCPU (-1)

// In a page table entry: the mapping was given with PTE_W, so PTE_W may come back.
// The hardware takes this bit as the high bit of an index into the PAT; the kernel leaves the
// PAT as it is after a reset, where both halves are the same (Intel SDM 3A, 11.12.4).
#define PTE_GIVENW 0x080

// An empty address space, which has the kernel's part and UVPT.	-E_NO_MEM
int space_init(struct Space *sp);

// Give back some of its memory, beginning at the bottom: page tables with SPACE_CHUNK entries in
// all, or a little more.  No CPU has it loaded.  True: that was the last of it.
#define SPACE_CHUNK 1024
bool space_free_some(struct Space *sp);

// Whether va is the start of a page that belongs to programs.
static inline bool
user_page(uint32_t va)
{
	return va < UTOP && PGOFF(va) == 0;
}

// Whether a program may ask for a mapping with perm.
static inline bool
user_perm(uint32_t perm)
{
	return (perm & (PTE_P | PTE_U)) == (PTE_P | PTE_U) && (perm & ~(uint32_t) PTE_SYSCALL) == 0;
}

// The page mapped at va, a page address below UTOP, and its entry at *pte; NULL when there is
// none.
struct PageInfo *page_lookup(struct Space *sp, uint32_t va, pte_t *pte);

// Map pp at va, a page address below UTOP, in the place of what was there, in one step: at no
// moment is there nothing.  When this returns, no CPU uses what was there before.
// perm is PTE_P, PTE_U and whatever else of PTE_SYSCALL and PTE_GIVENW.  The mapping takes over
// one reference to pp from the caller, who keeps it on failure.
//	-E_NO_MEM	no page is left for a page table
int page_insert(struct Space *sp, struct PageInfo *pp, uint32_t va, uint32_t perm);

// Remove the mapping at va, a page address below UTOP, if there is one.  When this returns, no
// CPU uses it.
void page_remove(struct Space *sp, uint32_t va);

// Look for an address in va..va+len-1 that a program could not access with perm (PTE_W: write).
// -E_FAULT, and the first such address at *bad, if there is one; bad may be NULL.
int user_mem_check(struct Space *sp, uint32_t va, uint32_t len, uint32_t perm, uint32_t *bad);

// Copy into or out of a program's memory, all of it or nothing.  The space need not be loaded.
//	-E_FAULT	the program itself could not do this, first at *bad; bad may be NULL
int copy_to_user(struct Space *sp, uint32_t va, const void *src, uint32_t len, uint32_t *bad);
int copy_from_user(struct Space *sp, void *dst, uint32_t va, uint32_t len, uint32_t *bad);

#endif
