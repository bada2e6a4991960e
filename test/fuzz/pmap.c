// Address spaces against a list of what must be mapped, and a copy of what must be in memory.

#include "kern/pmap.h"

#include "inc/string.h"
#include "test/fuzz/fuzz.h"
#include "test/host/world.h"

#define NSPACES 3 // on CPU 0, on CPU 1, and on none
#define NLOW 48
#define NHIGH 8
#define MAXMAPPINGS 40
#define MAXCOPY (3 * PGSIZE)

static const uint32_t vas[] = {
	0, PGSIZE, VA_A, VA_B, VA_B + PGSIZE, VA_A + PTSIZE - PGSIZE, VA_C, UTOP - PGSIZE,
};

static struct Env *env[NSPACES];
static struct Mapping {
	int space;
	uint32_t va, ppn, bits;
} mappings[MAXMAPPINGS];
static int nmappings;
static uint8_t (*contents)[PGSIZE]; // of the frame with each number, as it must be

// The model

static struct Mapping *
find(int space, uint32_t va)
{
	for (struct Mapping *m = mappings; m < mappings + nmappings; m++)
		if (m->space == space && m->va == va)
			return m;
	return NULL;
}

static void
forget(int space, uint32_t va)
{
	struct Mapping *m = find(space, va);

	if (m)
		*m = mappings[--nmappings];
}

static uint32_t
mappings_of(uint32_t ppn)
{
	uint32_t n = 0;

	for (int i = 0; i < nmappings; i++)
		n += mappings[i].ppn == ppn;
	return n;
}

static void
check_space(int space)
{
	const struct Space *sp = &kenv(env[space])->space;
	int n = count_mapped(env[space]);

	for (int i = 0; i < nmappings; i++) {
		struct Mapping *m = &mappings[i];
		if (m->space != space)
			continue;
		n--;
		CHECK_EQ(fake_walk(sp, m->va) & ~(PTE_A | PTE_D), m->ppn << PGSHIFT | m->bits);
		CHECK_EQ(pages[m->ppn].pp_ref, mappings_of(m->ppn));
	}
	CHECK_EQ(n, 0); // nothing else
}

static void
check_contents(void)
{
	for (int i = 0; i < nmappings; i++)
		CHECK(memcmp(fake_frame(mappings[i].ppn), contents[mappings[i].ppn], PGSIZE) == 0);
}

// Whether the byte at va can be used with perm: the program's own memory, and, to be read, what the
// space shows of its own tables.
static bool
usable(int space, uint64_t va, uint32_t perm)
{
	if (va >= UVPT && va < ULIM)
		return perm == 0 && (kenv(env[space])->space.pgdir[(va - UVPT) / PGSIZE] & PTE_P);
	struct Mapping *m = va < UTOP ? find(space, va & ~(PGSIZE - 1ull)) : NULL;
	return m && (m->bits & perm) == perm;
}

// The first address in va..va+len-1 that cannot be used with perm, or va+len.
static uint64_t
first_bad(int space, uint32_t va, uint32_t len, uint32_t perm)
{
	uint64_t at = va, end = at + len;

	for (; at < end; at = (at | (PGSIZE - 1)) + 1)
		if (!usable(space, at, perm))
			return at;
	return end;
}

// The steps

static uint32_t
a_page(void)
{
	uint8_t b = byte();

	return b < 0xe0 ? vas[b % ARRAY_SIZE(vas)] : word() % UTOP / PGSIZE * PGSIZE;
}

static uint32_t
bits(void)
{
	static const uint32_t some[] = {RO, RO | PTE_GIVENW, RW | PTE_GIVENW, RO | PTE_COW,
					RW | PTE_GIVENW | PTE_AVAIL};

	return CHOOSE(some);
}

// Map pp, of which we have a reference, at va; have it mapped or have it back.
static void
insert(int space, struct PageInfo *pp, uint32_t va)
{
	struct Space *sp = &kenv(env[space])->space;
	struct Mapping m = {space, va, page_number(pp), bits()};
	bool has_table = sp->pgdir[PDX(va)] & PTE_P;
	uint32_t nrefs = pp->pp_ref;

	if (page_insert(sp, pp, va, m.bits) < 0) {
		CHECK(!has_table);
		CHECK_EQ(pp->pp_ref, nrefs);
		page_decref(pp);
		return;
	}
	forget(space, va);
	mappings[nmappings++] = m;
}

static void
insert_new(int space)
{
	struct PageInfo *pp = page_alloc(below(4) ? PAGE_USER : PAGE_TABLE);
	static const uint8_t zeros[PGSIZE];

	if (!pp)
		return;
	CHECK(memcmp(fake_frame(page_number(pp)), zeros, PGSIZE) == 0);
	CHECK_EQ(mappings_of(page_number(pp)), 0);
	memset(contents[page_number(pp)], 0, PGSIZE);
	insert(space, pp, a_page());
}

static void
insert_again(int space)
{
	int from = below(NSPACES);
	uint32_t va = a_page();
	struct Mapping *m = find(from, va);
	pte_t pte;

	struct PageInfo *pp = page_lookup(&kenv(env[from])->space, va, &pte);
	CHECK_EQ(pp ? page_number(pp) : 0, m ? m->ppn : 0);
	if (!pp)
		return;
	CHECK_EQ(pte & 0xfff & ~(PTE_A | PTE_D), m->bits);
	CHECK(page_incref(pp));
	insert(space, pp, a_page());
}

// An address near a page, and a length, so that the two meet ends of pages and of the world.
static uint32_t
a_place(void)
{
	uint8_t b = byte();

	if (b < 0xd0)
		return a_page() + (b & 1 ? b / 2 : PGSIZE - b / 2);
	return b < 0xf0 ? UVPT + a_page() / PTSIZE * PGSIZE + byte() * 16 : word();
}

static uint32_t
a_length(void)
{
	uint8_t b = byte();

	if (b < 0x40)
		return b;
	return b < 0xe0 ? b * 48 : word();
}

static void
check_memory(int space)
{
	uint32_t va = a_place(), len = a_length(), perm = below(2) ? PTE_W : 0, bad = 0x1234;
	uint64_t want = first_bad(space, va, len, perm);

	int r = user_mem_check(&kenv(env[space])->space, va, len, perm, &bad);
	CHECK_EQ(r, want < (uint64_t) va + len ? -E_FAULT : 0);
	CHECK_EQ(bad, r < 0 ? want : 0x1234);
	CHECK_EQ(user_mem_check(&kenv(env[space])->space, va, len, perm, NULL), r);
}

// The kernel has used va..va+len-1 of space: whether the hardware's bits say so.
static void
check_used(int space, uint32_t va, uint32_t len, pte_t bits)
{
	for (uint32_t end = va + len; va < end; va = (va | (PGSIZE - 1)) + 1)
		CHECK_EQ(fake_walk(&kenv(env[space])->space, va) & bits, bits);
}

static void
copy_in(int space)
{
	uint32_t va = a_place(), len = a_length(), bad = 0x1234;
	uint64_t want = first_bad(space, va, len, PTE_W);
	bool fails = want < (uint64_t) va + len;

	if (!fails && len > MAXCOPY)
		return;
	uint8_t *src = exactly(MIN(len, (uint32_t) MAXCOPY));
	memset(src, byte(), MIN(len, (uint32_t) MAXCOPY));
	CHECK_EQ(copy_to_user(&kenv(env[space])->space, va, src, len, &bad), fails ? -E_FAULT : 0);
	CHECK_EQ(bad, fails ? want : 0x1234);
	if (!fails) {
		for (uint32_t i = 0; i < len; i++) {
			uint32_t ppn = find(space, (va + i) & ~(PGSIZE - 1))->ppn;
			contents[ppn][(va + i) % PGSIZE] = src[i];
		}
		check_used(space, va, len, PTE_A | PTE_D);
	}
	check_contents();
}

static void
copy_out(int space)
{
	uint32_t va = a_place(), len = a_length(), bad = 0x1234;
	uint64_t want = first_bad(space, va, len, 0);
	bool fails = want < (uint64_t) va + len;

	if (!fails && len > MAXCOPY)
		return;
	uint8_t *dst = exactly(fails ? 0 : len);
	CHECK_EQ(copy_from_user(&kenv(env[space])->space, dst, va, len, &bad),
		 fails ? -E_FAULT : 0);
	CHECK_EQ(bad, fails ? want : 0x1234);
	if (fails)
		return;
	const pde_t *pgdir = kenv(env[space])->space.pgdir;
	for (uint32_t i = 0; i < len; i++) {
		uint32_t at = va + i, off = at % PGSIZE;
		if (at < UTOP) {
			uint32_t ppn = find(space, at & ~(PGSIZE - 1))->ppn;
			CHECK_EQ(dst[i], contents[ppn][off]);
		} else { // of a table: the copying itself may have set a bit of it
			uint32_t ppn = PTE_ADDR(pgdir[(at - UVPT) / PGSIZE]) >> PGSHIFT;
			CHECK_EQ((dst[i] ^ fake_frame(ppn)[off]) & ~PTE_A, 0);
		}
	}
	check_used(space, va, len, PTE_A);
}

static void
use(int space)
{
	uint32_t va = a_page();

	if (kenv(env[space])->space.cpu != NOCPU && find(space, va))
		fake_touch(env[space], va);
}

static void
destroy(int space)
{
	env_destroy(NULL, env[space]);
	if (kenv(env[space])->space.cpu != NOCPU)
		let_notice(env[space]);
	while (env_any_dead())
		env_reap();
	for (int i = nmappings; i-- > 0;)
		if (mappings[i].space == space)
			mappings[i] = mappings[--nmappings];
}

static void
step(void)
{
	uint8_t b = byte();
	int space = b % NSPACES;

	switch (b / 16) {
	case 0 ... 3:
		if (nmappings < MAXMAPPINGS)
			insert_new(space);
		break;
	case 4 ... 6:
		if (nmappings < MAXMAPPINGS)
			insert_again(space);
		break;
	case 7 ... 8: {
		uint32_t va = a_page();
		page_remove(&kenv(env[space])->space, va);
		forget(space, va);
		break;
	}
	case 9:
		check_memory(space);
		break;
	case 10 ... 11:
		copy_in(space);
		break;
	case 12:
		copy_out(space);
		break;
	case 13:
		use(space);
		break;
	case 14:
		burst(200);
		break;
	case 15: // a new one in its place
		destroy(space);
		env[space] = program(NULL, space < NSPACES - 1 ? space : NOCPU);
		break;
	}
	for (int i = 0; i < NSPACES; i++)
		check_space(i);
	world_check();
}

void
fuzz(void)
{
	if (!contents)
		contents = test_reserve((size_t) (BORDER + NHIGH) * PGSIZE);
	fake_start(NLOW, byte() >= 0xf0 ? NHIGH : 0);
	nmappings = 0;
	uint32_t nfree = page_nfree();
	for (int i = 0; i < NSPACES; i++)
		env[i] = program(NULL, i < NSPACES - 1 ? i : NOCPU);
	for (int i = 0; i < 100 && more(); i++)
		step();
	check_contents();
	for (int i = 0; i < NSPACES; i++)
		destroy(i);
	world_check();
	CHECK_EQ(page_nfree(), nfree);
}
