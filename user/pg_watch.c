// Watchpoints without number: who changes this word?
//
// The processor has four debug registers.  Debuggers that need more protect the pages of what they
// watch; Wahbe (Efficient Data Breakpoints, 1992) compares the ways.  Here thousands of words are
// watched, in pages that are made readable only by region_protect.
//
// A write to such a page faults.  The pager opens the page and lets the program make this single
// instruction (FL_TF, and utf_resume, so that the step is the program's and none of the way back from
// the handler).  The debug exception behind it compares the watched words around with what they were,
// writes down those that have changed, with the instruction that has done it, and protects the page
// again.  Words that are not watched but share a page with one cost a fault; pages without a watched
// word cost nothing.  An instruction may open more than one page, and one with a rep prefix is made
// one repetition at a time.  Writing the value that was there already is no change.

#include "user/gallery.h"

#define DATA 0x10000000u
#define PAGES 32
#define PAGE_WORDS (PGSIZE / 4)
#define WORDS (PAGES * PAGE_WORDS)
#define WATCHED_PAGES 24 // the others have no watched word
#define WATCHPOINTS 4000
#define STORES 4000
#define HITS 4096

struct Hit {
	uint32_t va, old, new, eip;
};

static uint32_t *const data = (uint32_t *) DATA;
static struct Region *region;

static uint32_t watched[WORDS / 32];  // a bit for each word
static uint32_t watched_words[PAGES]; // how many
static uint32_t was[WORDS];           // the watched ones' last known values

// The instruction that is going on.
static uint32_t stepped_eip, opened[4]; // where it has met a page that was closed
static volatile uint32_t nopened;

static struct Hit hits[HITS];
static volatile uint32_t nhits, faults, vain; // vain: faults on pages, and no hit

// The 32 bits in which that of a word is.
static uint32_t *
bits_of(uint32_t word)
{
	return &watched[word / 32];
}

static bool
is_watched(uint32_t word)
{
	return *bits_of(word) >> word % 32 & 1;
}

static void
protect(uint32_t page, int prot)
{
	MUST(region_protect(region, page * PGSIZE, PGSIZE, prot));
}

static void
watch(uint32_t word)
{
	was[word] = data[word];
	*bits_of(word) |= 1u << word % 32;
	if (watched_words[word / PAGE_WORDS]++ == 0)
		protect(word / PAGE_WORDS, REGION_READ);
}

static void
unwatch(uint32_t word)
{
	*bits_of(word) &= ~(1u << word % 32);
	if (--watched_words[word / PAGE_WORDS] == 0)
		protect(word / PAGE_WORDS, REGION_RW);
}

// Before the instruction.
static int
watch_fault(struct Region *r, const struct Fault *f, struct UTrapframe *utf)
{
	if (f->missing)
		return REGION_DEFAULT;
	if (watched_words[f->offset / PGSIZE] == 0)
		return REGION_DECLINED;
	CHECK(nopened < ARRAY_SIZE(opened));
	protect(f->offset / PGSIZE, REGION_RW);
	opened[nopened++] = f->va - DATA;
	stepped_eip = f->eip;
	faults++;
	utf->utf_eflags |= FL_TF;
	utf_resume(utf);
}

static const struct Pager watch_pager = {.name = "watchpoints", .fault = watch_fault};

static void
compare_word(uint32_t word)
{
	if (data[word] == was[word])
		return;
	CHECK(nhits < HITS);
	hits[nhits++] = (struct Hit){(uint32_t) &data[word], was[word], data[word], stepped_eip};
	was[word] = data[word];
}

// The words that the instruction may have changed: none writes more than fxsave, 512 bytes up, or
// pushal, 32 bytes down.
static void
compare_near(uint32_t at)
{
	const uint32_t page = ROUNDDOWN(at, PGSIZE), end = MIN(at + 512, page + PGSIZE);
	const uint32_t start = at - page < 32 ? page : at - 32;

	for (uint32_t word = ROUNDDOWN(start / 4, 32); word < ROUNDUP(end, 4) / 4; word += 32)
		for (uint32_t bits = *bits_of(word); bits; bits &= bits - 1)
			compare_word(word + __builtin_ctz(bits));
}

// Behind it.
static void
step_done(struct UTrapframe *utf)
{
	uint32_t before = nhits;

	CHECK(nopened > 0);
	if (nopened == 2 && opened[0] > opened[1])
		compare_near(opened[1]); // the lower first
	for (uint32_t i = 0; i < nopened; i++)
		compare_near(opened[i]);
	for (; nopened > 0; nopened--)
		protect(opened[nopened - 1] / PGSIZE, REGION_READ);
	vain += nhits == before;
	utf->utf_eflags &= ~FL_TF;
}

// The workload: instructions of several kinds, each with a name.

void store_word(uint32_t *p, uint32_t value);
void add_word(uint32_t *p, uint32_t value);
void swap_word(uint32_t *p, uint32_t value);
void store_byte(uint32_t *p, uint32_t value);
void store_across(uint32_t *p, uint32_t value); // a word, 2 bytes further on
void fill_words(uint32_t *p, uint32_t value);
extern char store_word_at[], add_word_at[], swap_word_at[], store_byte_at[], store_across_at[],
	fill_words_at[];
#define FILL 7
#define OPERATION(name, instruction)                                                               \
	asm(".text\n" #name ": movl 4(%esp), %edx; movl 8(%esp), %eax\n" #name "_at: " instruction \
	    "; ret\n")
OPERATION(store_word, "movl %eax, (%edx)");
OPERATION(add_word, "lock addl %eax, (%edx)");
OPERATION(swap_word, "xchgl %eax, (%edx)");
OPERATION(store_byte, "movb %al, 1(%edx)");
OPERATION(store_across, "movl %eax, 2(%edx)");
asm(".text\n"
    "fill_words: pushl %edi; movl 8(%esp), %edi; movl 12(%esp), %eax; movl $7, %ecx; cld\n"
    "fill_words_at: rep stosl; popl %edi; ret\n");

static const struct Operation {
	void (*make)(uint32_t *p, uint32_t value);
	char *at;
	uint32_t words; // that it touches
} operations[] = {
	{store_word, store_word_at, 1},     {add_word, add_word_at, 1},
	{swap_word, swap_word_at, 1},       {store_byte, store_byte_at, 1},
	{store_across, store_across_at, 2}, {fill_words, fill_words_at, FILL},
};

static uint32_t plain[WORDS]; // the same, without watchpoints

// The hits of an instruction, if the plain words have just become what these were to become.
static uint32_t
must_hit(const struct Operation *op, uint32_t first, const uint32_t *before, uint32_t hit)
{
	for (uint32_t i = 0; i < op->words; i++) {
		const struct Hit *h = &hits[hit];

		if (!is_watched(first + i) || plain[first + i] == before[i])
			continue;
		CHECK(hit < nhits);
		CHECK(h->va == (uint32_t) &data[first + i] && h->eip == (uint32_t) op->at);
		CHECK(h->old == before[i] && h->new == plain[first + i]);
		hit++;
	}
	return hit;
}

static void
operate(uint32_t *seed)
{
	const struct Operation *op = &operations[xorshift(seed) % ARRAY_SIZE(operations)];
	uint32_t first = xorshift(seed) % (WORDS - FILL), value = xorshift(seed);
	uint32_t before[FILL], hit = nhits;

	if (xorshift(seed) % 8 == 0) // near the end of a page
		first = ROUNDDOWN(first, PAGE_WORDS) + PAGE_WORDS - 1 - first % 3;
	first = MIN(first, WORDS - FILL);
	if (xorshift(seed) % 4 == 0) // nothing new
		value = op->make == add_word ? 0 : plain[first];
	memcpy(before, &plain[first], sizeof before);
	op->make(&plain[first], value);
	op->make(&data[first], value);
	CHECK(must_hit(op, first, before, hit) == nhits);
}

static void
work(void)
{
	uint32_t seed = 1992, words = 0;

	while (words < WATCHPOINTS) {
		uint32_t word = xorshift(&seed) % (WATCHED_PAGES * PAGE_WORDS);
		if (!is_watched(word)) {
			watch(word);
			words++;
		}
	}
	for (int i = 0; i < STORES; i++)
		operate(&seed);
	CHECK(memcmp(plain, data, sizeof plain) == 0);
}

static void
show(void)
{
	static const char *const names[] = {"movl", "lock addl", "xchgl",
					    "movb", "movl",      "rep stosl"};

	for (uint32_t i = 0; i < 6; i++)
		for (uint32_t k = 0; k < ARRAY_SIZE(operations); k++)
			if ((uint32_t) operations[k].at == hits[i].eip)
				cprintf("pg_watch: %08x: %08x became %08x by the %s at %08x\n",
					hits[i].va, hits[i].old, hits[i].new, names[k],
					hits[i].eip);
}

// What a store to the word takes.
static uint32_t
store_time(uint32_t word)
{
	enum { N = 100 };
	uint64_t start = ticks();

	for (uint32_t i = 0; i < N; i++)
		store_word(&data[word], data[word] + 1);
	return (ticks() - start) / N;
}

static uint32_t
find(bool is, uint32_t word)
{
	while (is_watched(word) != is)
		word++;
	return word;
}

void
umain(int argc, char **argv)
{
	uint32_t n, in_vain, all, hit, miss, open;

	MUST(set_exception_handler(T_DEBUG, step_done));
	MUST(region_add(&region,
			&(struct Region){.name = "data",
					 .start = DATA,
					 .size = PAGES * PGSIZE,
					 .prot = REGION_RW,
					 .max = REGION_RW,
					 .pager = &watch_pager}));
	memset(data, 0, PAGES * PGSIZE);
	work();
	show();
	n = nhits;
	in_vain = vain;
	all = faults;
	hit = store_time(find(true, 0));
	miss = store_time(find(false, 0));
	CHECK(nhits == n + 100 && vain == in_vain + 100);
	CHECK(n > 0 && in_vain > 0 && all >= n / FILL + in_vain);

	// Pages without watchpoints are as open as any.
	all = faults;
	open = store_time(find(false, WATCHED_PAGES * PAGE_WORDS));
	for (uint32_t word = 0; word < WORDS; word++)
		if (is_watched(word))
			unwatch(word);
	memset(data, 1, PAGES * PGSIZE);
	CHECK(faults == all && nhits == n + 100);
	cprintf("pg_watch: OK: %u watchpoints, %u hits and no other, %u faults without a hit, %u "
		"%s a "
		"hit, %u such a fault, %u a store elsewhere\n",
		WATCHPOINTS, n, in_vain, hit, tick_unit(), miss, open);
}
