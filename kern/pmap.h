// Address spaces: page directories and tables, and access to a program's memory through them.

#ifndef FAULTLINE_KERN_PMAP_H
#define FAULTLINE_KERN_PMAP_H

#include "inc/error.h"
#include "inc/mmu.h"
#include "inc/types.h"
#include "kern/cpu.h"
#include "kern/page.h"

// Entries are looked after in groups of 32, a bit of a word for each group.
#define GROUP 32

struct Space {
	pde_t *pgdir; // [K] its page directory; NULL when there is none
	int cpu;      // [K] the one CPU that has it loaded, or NOCPU
	// [K] a bit for each page table that it has; all 0 when there is no space
	uint32_t tables[(PDX(UTOP) + GROUP - 1) / GROUP];
};

#define NOCPU (-1)

// In a page table entry: the mapping was given with PTE_W, so PTE_W may come back.
// The hardware takes this bit as the high bit of an index into the PAT; the kernel leaves the
// PAT as it is after a reset, where both halves are the same (Intel SDM 3A, 11.12.4).
#define PTE_GIVENW 0x080

// An empty address space, which has the kernel's part and UVPT.	-E_NO_MEM
int space_init(struct Space *sp);

// Give back some of its memory, beginning at the bottom, after a look at SPACE_CHUNK entries or a
// table more.  No CPU has it loaded.  True: that was the last of it.
#define SPACE_CHUNK 1024
bool space_free_some(struct Space *sp);

// Whether va is the start of a page that belongs to programs.
static inline bool
user_page(uint32_t va)
{
	return va < UTOP && PGOFF(va) == 0;
}

// Whether the n pages from va on all belong to programs.
static inline bool
user_range(uint32_t va, uint32_t n)
{
	return va <= UTOP && PGOFF(va) == 0 && n <= (UTOP - va) / PGSIZE;
}

// Whether a program may ask for a mapping with perm.
static inline bool
user_perm(uint32_t perm)
{
	return (perm & (~(uint32_t) PTE_SYSCALL | PTE_P | PTE_U)) == (PTE_P | PTE_U);
}

// Whether a program may ask for this by PAGES_IF and PAGES_TO.
static inline bool
user_rule(uint32_t when, uint32_t change)
{
	return !(when & ~(uint32_t) PAGES_IF_BITS) && !(change & ~(uint32_t) PAGES_TO_BITS);
}

// The bits of a mapping that is given with perm to somebody else.
static inline uint32_t
given_perm(uint32_t perm)
{
	static_assert(PTE_W << 6 == PTE_GIVENW, "one bit to the other");
	return perm | (perm & PTE_W) << 6;
}

// The bits of a mapping with perm that is made from the mapping pte: within an env, what counts is
// what pte was given with, and that stays; from one to another, what it has now, and the receiver
// gets no more than is asked for it.  0 when perm has PTE_W, and may not.
static inline uint32_t
passed_perm(pte_t pte, bool same_env, uint32_t perm)
{
	if (same_env)
		return (perm & PTE_W) && !(pte & PTE_GIVENW) ? 0 : perm | (pte & PTE_GIVENW);
	return perm & ~pte & PTE_W ? 0 : given_perm(perm);
}

static inline struct PageInfo *
entry_page(uint32_t entry)
{
	return &pages[entry >> PGSHIFT];
}

static inline pte_t *
entry_table(pde_t pde)
{
	return frame_ptr(pde >> PGSHIFT);
}

// The entry for va, in a table that is there.
static inline pte_t *
entry_in_table(struct Space *sp, uint32_t va)
{
	return entry_table(sp->pgdir[PDX(va)]) + PTX(va);
}

// The entry for va, or NULL when there is no table for it.
static inline pte_t *
walk(struct Space *sp, uint32_t va)
{
	pde_t pde = sp->pgdir[PDX(va)];

	return pde & PTE_P ? entry_table(pde) + PTX(va) : NULL;
}

// Make the table for va, a page address below UTOP, and return its entry for it; NULL when there
// is no memory for it.
pte_t *table_make(struct Space *sp, uint32_t va);

// The entry for va, in a table that is made if need be; or NULL.
static inline pte_t *
walk_create(struct Space *sp, uint32_t va)
{
	pte_t *pte = walk(sp, va);

	return pte ? pte : table_make(sp, va);
}

// A word with a bit for each group of entries of va's table, which is there: whether there may be
// something in it.
static inline uint32_t *
table_groups(struct Space *sp, uint32_t va)
{
	return page_note(entry_page(sp->pgdir[PDX(va)]));
}

// An entry for va was `old', which is present, and is not any more: let all CPUs forget it, and
// give up its reference.
// The hardware keeps no translation of an entry without having set PTE_A in it (Intel SDM 3A,
// 4.10.2.3), so one that nobody has used need not be dropped.
static inline void
entry_gone(struct Space *sp, uint32_t va, pte_t old)
{
	if ((old & PTE_A) && sp->cpu != NOCPU)
		tlb_invalidate_page(sp->cpu, va);
	page_decref(entry_page(old));
}

// Put a present entry at pte, which is for va, in the place of what was there.  In one step, with
// what another CPU may set in it until then.
static inline void
entry_set(struct Space *sp, uint32_t va, pte_t *pte, pte_t entry)
{
	pte_t old = __atomic_exchange_n(pte, entry, __ATOMIC_SEQ_CST);

	if (old)
		entry_gone(sp, va, old);
	else
		*table_groups(sp, va) |= 1u << PTX(va) / GROUP;
}

// The page mapped at va, a page address below UTOP, and its entry at *pte; NULL when there is
// none.
static inline struct PageInfo *
page_lookup(struct Space *sp, uint32_t va, pte_t *ptep)
{
	pte_t *pte = walk(sp, va);

	if (!pte || !*pte)
		return NULL;
	*ptep = *pte;
	return entry_page(*pte);
}

// Map pp at va, a page address below UTOP, in the place of what was there, in one step: at no
// moment is there nothing.  When this returns, no CPU uses what was there before.
// perm is PTE_P, PTE_U and whatever else of PTE_SYSCALL and PTE_GIVENW.  The mapping takes over
// one reference to pp from the caller, who keeps it on failure.
//	-E_NO_MEM	no page is left for a page table
static inline int
page_insert(struct Space *sp, struct PageInfo *pp, uint32_t va, uint32_t perm)
{
	pte_t *pte = walk_create(sp, va);

	if (!pte)
		return -E_NO_MEM;
	entry_set(sp, va, pte, page_number(pp) << PGSHIFT | perm);
	return 0;
}

// Remove the mapping at va, a page address below UTOP, if there is one.  When this returns, no
// CPU uses it.
static inline void
page_remove(struct Space *sp, uint32_t va)
{
	pte_t *pte = walk(sp, va);

	if (pte && *pte)
		entry_gone(sp, va, __atomic_exchange_n(pte, 0, __ATOMIC_SEQ_CST));
}

// What sys_page_map, sys_page_protect and sys_page_move do, when addresses and perm are such as a
// program may ask for; the contracts are in inc/syscall.def.

static inline int
page_map(struct Space *src, uint32_t srcva, struct Space *dst, uint32_t dstva, uint32_t perm)
{
	pte_t *from = walk(src, srcva), *to;

	if (!from || !*from)
		return -E_INVAL;
	pte_t entry = PTE_ADDR(*from) | passed_perm(*from, src == dst, perm);
	if (!(entry & PTE_P))
		return -E_INVAL;
	if (!page_incref_mapped(entry_page(entry)))
		return -E_NO_MEM;
	if (!(to = walk_create(dst, dstva))) {
		page_decref(entry_page(entry));
		return -E_NO_MEM;
	}
	entry_set(dst, dstva, to, entry);
	return 0;
}

static inline int
page_protect(struct Space *sp, uint32_t va, uint32_t perm, bool sole)
{
	pte_t *pte = walk(sp, va), old, new;

	if (!pte || !*pte || !passed_perm(*pte, true, perm))
		return -E_INVAL;
	if (sole && entry_page(*pte)->pp_ref != 1)
		return -E_SHARED;
	// Another CPU may set PTE_A and PTE_D meanwhile.
	old = *pte;
	do
		new = (old & ~(uint32_t) PTE_SYSCALL) | perm;
	while (!__atomic_compare_exchange_n(pte, &old, new, false, __ATOMIC_SEQ_CST,
					    __ATOMIC_SEQ_CST));
	if (new != old && (old & PTE_A) && sp->cpu != NOCPU)
		tlb_invalidate_page(sp->cpu, va);
	return 0;
}

static inline int
page_move(struct Space *sp, uint32_t srcva, uint32_t dstva, uint32_t perm)
{
	pte_t *from = walk(sp, srcva), *to;

	if (srcva == dstva)
		return page_protect(sp, srcva, perm, false);
	if (!from || !*from)
		return -E_INVAL;
	pte_t entry = PTE_ADDR(*from) | passed_perm(*from, true, perm);
	if (!(entry & PTE_P))
		return -E_INVAL;
	if (!(to = walk_create(sp, dstva)))
		return -E_NO_MEM;
	pte_t old = __atomic_exchange_n(from, 0, __ATOMIC_SEQ_CST);
	entry_set(sp, dstva, to, entry);
	if ((old & PTE_A) && sp->cpu != NOCPU)
		tlb_invalidate_page(sp->cpu, srcva);
	return 0;
}

// What the calls on ranges do.  They look at RANGE_WORK entries, or a group more, and as many
// page tables, and return how many slots they are done with, or an error if that is none.
#define RANGE_WORK 1024
int pages_map(struct Space *src, uint32_t srcva, struct Space *dst, uint32_t dstva, uint32_t n,
	      uint32_t perm);
int pages_share(struct Space *src, struct Space *dst, uint32_t va, uint32_t n, uint32_t when,
		uint32_t change);
int pages_protect(struct Space *sp, uint32_t va, uint32_t n, uint32_t when, uint32_t change,
		  bool elsewhere); // another CPU may run it now
int pages_unmap(struct Space *sp, uint32_t va, uint32_t n);

// Look for an address in va..va+len-1 that a program could not access with perm (PTE_W: write).
// -E_FAULT, and the first such address at *bad, if there is one; bad may be NULL.
int user_mem_check(struct Space *sp, uint32_t va, uint32_t len, uint32_t perm, uint32_t *bad);

// Copy into or out of a program's memory, all of it or nothing.  The space need not be loaded.
//	-E_FAULT	the program itself could not do this, first at *bad; bad may be NULL
int copy_to_user(struct Space *sp, uint32_t va, const void *src, uint32_t len, uint32_t *bad);
int copy_from_user(struct Space *sp, void *dst, uint32_t va, uint32_t len, uint32_t *bad);

#endif
