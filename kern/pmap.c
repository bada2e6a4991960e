// Address spaces.  Owns every page directory and page table; only this file and its header write
// an entry below UTOP.
//
// What costs time here is not the pages that are there but the places where none is.  So a space
// knows which tables it has (Space.tables, a bit for each, and in the directory's page_note() a bit
// for each word of those that is not 0), and a table knows which groups of its entries may be in
// use (in its page_note(); found to be empty only when somebody looks).  Whoever goes through a
// space jumps from bit to bit.
//
// Entries change in one order, everywhere: first the entry, then the TLBs of all CPUs, then the
// frame's count.  A frame can thus be free only when no CPU can reach it any more.

#include "kern/pmap.h"

#include "inc/string.h"

static bool
directory_ready(const pde_t *pgdir)
{
	return pgdir[PDX(UVPT)] != 0;
}

int
space_init(struct Space *sp)
{
	struct PageInfo *pp = page_alloc(PAGE_DIRECTORY);

	if (!pp)
		return -E_NO_MEM;
	sp->pgdir = frame_ptr(page_number(pp));
	sp->cpu = NOCPU;
	if (directory_ready(sp->pgdir))
		return 0;
	memcpy(&sp->pgdir[PDX(UTOP)], &kern_pgdir[PDX(UTOP)],
	       (NPDENTRIES - PDX(UTOP)) * sizeof(pde_t));
	sp->pgdir[PDX(UVPT)] = page_number(pp) << PGSHIFT | PTE_P | PTE_U;
	return 0;
}

static struct PageInfo *
directory_page(struct Space *sp)
{
	return &pages[frame_of(sp->pgdir)];
}

// The lowest bit that is set, away.
static uint32_t
without_lowest(uint32_t bits)
{
	return bits & (bits - 1);
}

// Give back a page table, empty, and a reference to each page in it.  Returns at how many entries
// it had to look.
static uint32_t
table_free(pde_t pde)
{
	uint32_t work = 0;

	for (uint32_t groups = *page_note(entry_page(pde)); groups;
	     groups = without_lowest(groups)) {
		pte_t *pte = entry_table(pde) + __builtin_ctz(groups) * GROUP;
		for (uint32_t i = 0; i < GROUP; i++) {
			if (!pte[i])
				continue;
			page_decref(entry_page(pte[i]));
			pte[i] = 0;
		}
		work += GROUP;
	}
	page_give_back(entry_page(pde), PAGE_TABLE);
	return work;
}

bool
space_free_some(struct Space *sp)
{
	uint32_t *words = page_note(directory_page(sp)), work = 0;

	assert(sp->cpu == NOCPU);
	for (; *words; *words = without_lowest(*words)) {
		uint32_t word = __builtin_ctz(*words);
		for (; sp->tables[word]; sp->tables[word] = without_lowest(sp->tables[word])) {
			if (work >= SPACE_CHUNK)
				return false;
			pde_t *pde = &sp->pgdir[word * GROUP + __builtin_ctz(sp->tables[word])];
			work += table_free(*pde);
			*pde = 0;
		}
	}
	page_give_back(directory_page(sp), PAGE_DIRECTORY);
	sp->pgdir = NULL;
	return true;
}

pte_t *
table_make(struct Space *sp, uint32_t va)
{
	struct PageInfo *pp = page_alloc(PAGE_TABLE);

	if (!pp)
		return NULL;
	sp->pgdir[PDX(va)] = page_number(pp) << PGSHIFT | PTE_P | PTE_W | PTE_U;
	sp->tables[PDX(va) / GROUP] |= 1u << PDX(va) % GROUP;
	*page_note(directory_page(sp)) |= 1u << PDX(va) / GROUP;
	return entry_in_table(sp, va);
}

// Ranges

// What is left of a range of pages, and how many entries may still be looked at.
struct Range {
	struct Space *sp;
	uint32_t va, end;
	int32_t work;
	// What range_next has found: the entries for the n pages from va on, all of one group.
	pte_t *pte;
	uint32_t n;
};

static struct Range
range_start(struct Space *sp, uint32_t va, uint32_t n)
{
	return (struct Range){.sp = sp, .va = va, .end = va + n * PGSIZE, .work = RANGE_WORK};
}

// The start of the next part of `size' bytes that has a bit in bits, the lowest of which stands for
// the part with va in it.
static uint32_t
next_part(uint32_t va, uint32_t size, uint32_t bits)
{
	return bits & 1 ? va : ROUNDDOWN(va, size) + __builtin_ctz(bits) * size;
}

// Go on from va, which has no page table, to the next address that has one, or to the end.
static void
next_table(struct Range *r)
{
	uint32_t tables = r->sp->tables[PDX(r->va) / GROUP] >> PDX(r->va) % GROUP;

	if (!tables) {
		uint32_t words = *page_note(directory_page(r->sp)) >> PDX(r->va) / GROUP & ~1u;
		r->va = words ? next_part(r->va, GROUP * PTSIZE, words) : r->end;
		tables = r->va < r->end ? r->sp->tables[PDX(r->va) / GROUP] : 1;
	}
	r->va = MIN(next_part(r->va, PTSIZE, tables), r->end);
}

// Go on from va, in a group with nothing in it, to the next one of this table that may have
// something, or to the end of the table or the range.
static void
next_group(struct Range *r, uint32_t groups)
{
	r->work--;
	r->va = groups ? next_part(r->va, GROUP * PGSIZE, groups)
		       : ROUNDDOWN(r->va, PTSIZE) + PTSIZE;
	r->va = MIN(r->va, r->end);
}

// Go on to the next entries in which there may be something: as many as stand together in the groups
// of a table, and may still be looked at.  False: there are none, and va is at the end, or this was
// enough for now.
static bool
range_next(struct Range *r)
{
	while (r->va < r->end && r->work > 0) {
		pde_t pde = r->sp->pgdir[PDX(r->va)];
		if (!(pde & PTE_P)) {
			next_table(r);
			continue;
		}
		uint32_t groups = *page_note(entry_page(pde)) >> PTX(r->va) / GROUP;
		if (!(groups & 1)) {
			next_group(r, groups);
			continue;
		}
		uint32_t n = ~groups ? __builtin_ctz(~groups) * GROUP : NPTENTRIES;
		n = MIN(n - PTX(r->va) % GROUP, (r->end - r->va) / PGSIZE);
		// No group is left half done, for the next call to find something in it.
		uint32_t enough = ROUNDUP(PTX(r->va) + r->work, GROUP) - PTX(r->va);
		r->n = MIN(n, enough);
		r->work -= r->n;
		r->pte = entry_table(pde) + PTX(r->va);
		return true;
	}
	return false;
}

// How many of the entries that range_next has found are empty before the first that is not.
static uint32_t
range_empty(const struct Range *r)
{
	uint32_t i = 0;

	while (i < r->n && !r->pte[i])
		i++;
	return i;
}

// The bits of those groups that are among what range_next has found, in part or as a whole.
static uint32_t
range_touched(const struct Range *r)
{
	uint32_t first = PTX(r->va) / GROUP, last = (PTX(r->va) + r->n - 1) / GROUP;

	return ~0u << first & ~0u >> (31 - last);
}

// Of what range_next has found, everything is empty now: whole groups need not be looked at again.
static void
range_is_empty(struct Range *r)
{
	uint32_t groups = range_touched(r);

	if (PTX(r->va) % GROUP != 0)
		groups = without_lowest(groups);
	if ((PTX(r->va) + r->n) % GROUP != 0)
		groups &= ~(1u << (PTX(r->va) + r->n) / GROUP);
	*table_groups(r->sp, r->va) &= ~groups;
}

// How far a call on n pages from va on has come, or the error that keeps it from beginning.
static int
range_result(const struct Range *r, uint32_t va, uint32_t n, int error)
{
	return r->va == va && n > 0 ? error : (int) ((r->va - va) / PGSIZE);
}

// PAGES_IF and PAGES_TO, as the bits of an entry that decide: one of any; those of none, of which
// exactly those of given must be set; and what becomes of it: all bits but those of keep change, and
// those of set are set.
struct Rule {
	uint32_t any, none, given;
	uint32_t keep, set;
};

// How much of a rule there is to be looked at: only any, when no bits are set; or all.
enum RuleKind { RULE_CLEARS, RULE_FULL };

static struct Rule
rule_make(uint32_t when, uint32_t change)
{
	struct Rule rule = {
		.any = when & 0xffff ? when & 0xffff : PTE_P,
		.none = when >> 16,
		.set = change >> 16,
		.keep = ~(change & 0xffff) & ~(change >> 16),
	};

	// A page that was not given PTE_W does not match a rule that sets it.
	if (rule.set & PTE_W) {
		rule.given = PTE_GIVENW;
		rule.none |= PTE_GIVENW;
	}
	return rule;
}

static enum RuleKind
rule_kind(const struct Rule *rule)
{
	return rule->none || rule->set ? RULE_FULL : RULE_CLEARS;
}

#define ALWAYS_INLINE static inline __attribute__((always_inline))

ALWAYS_INLINE bool
rule_matches(const struct Rule rule, enum RuleKind kind, pte_t pte)
{
	if (!(pte & rule.any))
		return false;
	return kind == RULE_CLEARS || !((pte ^ rule.given) & rule.none);
}

// What becomes of an entry.  Adds to *changed what tells rule_changes whether that is anything new.
ALWAYS_INLINE pte_t
rule_result(const struct Rule rule, enum RuleKind kind, pte_t pte, pte_t *changed)
{
	pte_t set = kind == RULE_CLEARS ? 0 : rule.set;
	pte_t different = pte ^ set; // where it must change, if it is not for keep

	*changed |= different;
	return (different & rule.keep) | set;
}

static bool
rule_changes(const struct Rule *rule, pte_t changed)
{
	return changed & ~rule->keep;
}

// The loops for what range_next has found.  They are compiled once for each kind of rule.

ALWAYS_INLINE pte_t
protect_run(const struct Range *r, const struct Rule rule, enum RuleKind kind)
{
	pte_t changed = 0;

#pragma GCC unroll 4
	for (pte_t *pte = r->pte, *end = pte + r->n; pte < end; pte++)
		if (rule_matches(rule, kind, *pte))
			*pte = rule_result(rule, kind, *pte, &changed);
	return changed;
}

// The same while another CPU may set PTE_A and PTE_D.
static pte_t
protect_run_elsewhere(const struct Range *r, const struct Rule rule)
{
	pte_t changed = 0;

	for (uint32_t i = 0; i < r->n; i++) {
		pte_t old = r->pte[i], new;
		if (!rule_matches(rule, RULE_FULL, old))
			continue;
		do
			new = rule_result(rule, RULE_FULL, old, &changed);
		while (!__atomic_compare_exchange_n(&r->pte[i], &old, new, false, __ATOMIC_SEQ_CST,
						    __ATOMIC_SEQ_CST));
	}
	return changed;
}

int
pages_protect(struct Space *sp, uint32_t va, uint32_t n, uint32_t when, uint32_t change,
	      bool elsewhere)
{
	struct Range r = range_start(sp, va, n);
	const struct Rule rule = rule_make(when, change);
	const enum RuleKind kind = rule_kind(&rule);
	pte_t changed = 0, here;

	while (range_next(&r)) {
		if (elsewhere)
			here = protect_run_elsewhere(&r, rule);
		else if (kind == RULE_CLEARS)
			here = protect_run(&r, rule, RULE_CLEARS);
		else
			here = protect_run(&r, rule, RULE_FULL);
		if (!here && range_empty(&r) == r.n)
			range_is_empty(&r);
		changed |= here;
		r.va += r.n * PGSIZE;
	}
	if (rule_changes(&rule, changed) && sp->cpu != NOCPU)
		tlb_invalidate(sp->cpu, va, (r.va - va) / PGSIZE);
	return (r.va - va) / PGSIZE;
}

// Pages whose mappings have been replaced, and which go when no CPU can reach them any more.
#define BATCH 16
struct Batch {
	struct Space *sp;
	uint32_t first, last; // the addresses of the first and the last page
	uint32_t n;
	struct PageInfo *gone[BATCH];
};

static void
batch_end(struct Batch *b)
{
	if (b->n > 0 && b->sp->cpu != NOCPU)
		tlb_invalidate(b->sp->cpu, b->first, (b->last - b->first) / PGSIZE + 1);
	while (b->n > 0)
		page_decref(b->gone[--b->n]);
}

// An entry for va, above all others of the batch, has been replaced.
static void
batch_add(struct Batch *b, uint32_t va, pte_t old)
{
	if (b->n == BATCH)
		batch_end(b);
	if (b->n == 0)
		b->first = va;
	b->last = va;
	b->gone[b->n++] = entry_page(old);
}

// Put an entry for va at pte; what was there goes with the batch.
static void
batch_set(struct Batch *b, uint32_t va, pte_t *pte, pte_t entry)
{
	pte_t old = __atomic_exchange_n(pte, entry, __ATOMIC_SEQ_CST);

	if (old)
		batch_add(b, va, old);
	else
		*table_groups(b->sp, va) |= 1u << PTX(va) / GROUP;
}

// Map the page of an entry at va of the batch's space by that entry.
static int
batch_map(struct Batch *b, uint32_t va, pte_t entry)
{
	pte_t *pte;

	if (!page_incref_mapped(entry_page(entry)))
		return -E_NO_MEM;
	if (!(pte = walk_create(b->sp, va))) {
		page_decref(entry_page(entry));
		return -E_NO_MEM;
	}
	batch_set(b, va, pte, entry);
	return 0;
}

int
pages_map(struct Space *src, uint32_t srcva, struct Space *dst, uint32_t dstva, uint32_t n,
	  uint32_t perm)
{
	struct Range r = range_start(src, srcva, n);
	struct Batch batch = {.sp = dst};
	int error = 0;

	while (error == 0 && range_next(&r)) {
		for (; r.n > 0; r.n--, r.pte++, r.va += PGSIZE) {
			if (!*r.pte)
				continue;
			uint32_t va = dstva + (r.va - srcva);
			pte_t entry = PTE_ADDR(*r.pte) | passed_perm(*r.pte, src == dst, perm);
			if (!(entry & PTE_P)) {
				error = -E_INVAL;
				break;
			}
			if ((error = batch_map(&batch, va, entry)) < 0)
				break;
		}
	}
	batch_end(&batch);
	return range_result(&r, srcva, n, error);
}
// The entry by which a page is shared that no rule matches: with the right to write that it has now.
ALWAYS_INLINE pte_t
shared_entry(pte_t pte)
{
	return given_perm(pte & ~(uint32_t) PTE_GIVENW);
}

#define ENTRY_BITS (PGSIZE - 1u) // all but the frame's number

// Let the entries from `from' to end, while they have just these bits, become others on both sides:
// here, and `there' bytes further on.  Stops at a page that can have no more mappings.  Returns how
// far it has come.  This is what fork does most: its arguments are all it keeps in registers.
static __attribute__((noinline)) pte_t *
share_alike(pte_t *from, ptrdiff_t there, const pte_t *end, uint32_t bits, uint32_t become,
	    struct PageInfo *infos)
{
	do {
		uint32_t frame = *from ^ bits;
		if (frame & ENTRY_BITS || !page_incref_mapped(&infos[frame >> PGSHIFT]))
			break;
		*from = frame | become;
		*(pte_t *) ((char *) from + there) = frame | become;
	} while (++from < end);
	return from;
}

// Share n entries with those at `to', which are empty, by a rule without given.  Stops at a page that
// can have no more mappings.  Returns how many are done.
static uint32_t
share_simply(pte_t *from, pte_t *to, uint32_t n, const struct Rule *rule)
{
	pte_t *start = from, *end = from + n, *next;
	const ptrdiff_t there = (char *) to - (char *) from;

	for (; from < end; from = next) {
		const uint32_t bits = *from & ENTRY_BITS;
		next = from + 1;
		if (!bits)
			continue;
		if ((bits & rule->any) && !(bits & rule->none)) {
			uint32_t become = (bits & rule->keep) | rule->set;
			next = share_alike(from, there, end, bits, become, pages);
			if (next == from)
				break;
		} else {
			if (!page_incref_mapped(entry_page(*from)))
				break;
			to[from - start] = shared_entry(*from);
		}
	}
	return from - start;
}

// The same for what range_next has found, by any rule, whatever is there already.
static uint32_t
share_over(const struct Range *r, struct Batch *batch, const struct Rule *rule)
{
	uint32_t i;

	for (i = 0; i < r->n; i++) {
		pte_t old = r->pte[i], new = old, unused = 0;
		if (!old)
			continue;
		bool matches = rule_matches(*rule, RULE_FULL, old);
		if (matches)
			new = rule_result(*rule, RULE_FULL, old, &unused);
		if (batch_map(batch, r->va + i * PGSIZE, matches ? new : shared_entry(old)) < 0)
			break;
		r->pte[i] = new;
	}
	return i;
}

// Share what range_next has found with the entries at `to'.  Returns how many are done.
static uint32_t
share_run(const struct Range *r, pte_t *to, struct Batch *batch, const struct Rule *rule)
{
	uint32_t *groups = table_groups(batch->sp, r->va), touched = range_touched(r);

	if ((*groups & touched) || rule->given)
		return share_over(r, batch, rule);
	*groups |= touched;
	return share_simply(r->pte, to, r->n, rule);
}

int
pages_share(struct Space *src, struct Space *dst, uint32_t va, uint32_t n, uint32_t when,
	    uint32_t change)
{
	struct Range r = range_start(src, va, n);
	const struct Rule rule = rule_make(when, change);
	struct Batch batch = {.sp = dst};
	bool some = false;

	while (range_next(&r)) {
		uint32_t done = range_empty(&r);
		if (done == r.n)
			range_is_empty(&r);
		r.va += done * PGSIZE;
		r.pte += done;
		r.n -= done;
		if (r.n == 0)
			continue;
		if (entry_page(*r.pte)->pp_ref == UINT32_MAX)
			break;
		pte_t *to = walk_create(dst, r.va);
		if (!to)
			break;
		done = share_run(&r, to, &batch, &rule);
		r.va += done * PGSIZE;
		some = true;
		if (done < r.n)
			break;
	}
	batch_end(&batch);
	if (some && ~rule.keep && src->cpu != NOCPU)
		tlb_invalidate(src->cpu, va, (r.va - va) / PGSIZE);
	return range_result(&r, va, n, -E_NO_MEM);
}

// Unmap what range_next has found, where no CPU can reach it.
static void
unmap_run(struct Range *r)
{
	for (uint32_t i = 0; i < r->n; i++) {
		pte_t old = r->pte[i];
		if (!old)
			continue;
		r->pte[i] = 0;
		page_decref(entry_page(old));
	}
	range_is_empty(r);
}

// Make it useless to the hardware, but still what it was for unmap_run.  Returns all bits that were
// there.
static pte_t
hide_run(const struct Range *r)
{
	pte_t seen = 0;

	for (uint32_t i = 0; i < r->n; i++) {
		seen |= r->pte[i];
		r->pte[i] &= ~(uint32_t) PTE_P;
	}
	return seen;
}

int
pages_unmap(struct Space *sp, uint32_t va, uint32_t n)
{
	struct Range r = range_start(sp, va, n), hidden = r;
	pte_t seen = 0;

	if (sp->cpu != NOCPU) {
		for (; range_next(&hidden); hidden.va += hidden.n * PGSIZE)
			seen |= hide_run(&hidden);
		if (seen)
			tlb_invalidate(sp->cpu, va, (hidden.va - va) / PGSIZE);
	}
	for (; range_next(&r); r.va += r.n * PGSIZE)
		unmap_run(&r);
	return (r.va - va) / PGSIZE;
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
