// A program with more in it than one run needs, for pg_lazy to load a page at a time.  It also runs
// by itself.
//
// It is an interpreter: each of its 32 instructions has a page of text, and there are a table of
// constants, one of data and one of zeros, of which a run of a short code needs little.  The code is
// volatile, or the compiler would run it.

#include "inc/lib.h"

#define NOPERATIONS 32
#define TABLE (8 * PGSIZE / sizeof(uint32_t))

// f(0), f(1), ... f(8191), without a line for each.
#define ROW_8(f, i)                                                                                \
	f(i), f((i) + 1), f((i) + 2), f((i) + 3), f((i) + 4), f((i) + 5), f((i) + 6), f((i) + 7)
#define ROW_64(f, i)                                                                               \
	ROW_8(f, i), ROW_8(f, (i) + 8), ROW_8(f, (i) + 16), ROW_8(f, (i) + 24),                    \
		ROW_8(f, (i) + 32), ROW_8(f, (i) + 40), ROW_8(f, (i) + 48), ROW_8(f, (i) + 56)
#define ROW_512(f, i)                                                                              \
	ROW_64(f, i), ROW_64(f, (i) + 64), ROW_64(f, (i) + 128), ROW_64(f, (i) + 192),             \
		ROW_64(f, (i) + 256), ROW_64(f, (i) + 320), ROW_64(f, (i) + 384),                  \
		ROW_64(f, (i) + 448)
#define ROW_4096(f, i)                                                                             \
	ROW_512(f, i), ROW_512(f, (i) + 512), ROW_512(f, (i) + 1024), ROW_512(f, (i) + 1536),      \
		ROW_512(f, (i) + 2048), ROW_512(f, (i) + 2560), ROW_512(f, (i) + 3072),            \
		ROW_512(f, (i) + 3584)
#define SQUARE(i) ((i) * (i))
#define SUCCESSOR(i) (((i) *5 + 3) % TABLE) // goes through all numbers below TABLE

static const uint32_t squares[TABLE] = {ROW_4096(SQUARE, 0u), ROW_4096(SQUARE, 4096u)};
static uint32_t successors[TABLE] = {ROW_4096(SUCCESSOR, 0u), ROW_4096(SUCCESSOR, 4096u)};
static uint32_t visits[2 * TABLE];

#define OPERATION(n)                                                                               \
	static uint32_t __attribute__((noinline, aligned(PGSIZE))) operation_##n(uint32_t x)       \
	{                                                                                          \
		return ((x << ((n) % 31 + 1)) | (x >> (31 - (n) % 31))) * (2 * (n) + 1) + (n);     \
	}
#define OPERATIONS(f)                                                                              \
	f(0) f(1) f(2) f(3) f(4) f(5) f(6) f(7) f(8) f(9) f(10) f(11) f(12) f(13) f(14) f(15)      \
		f(16) f(17) f(18) f(19) f(20) f(21) f(22) f(23) f(24) f(25) f(26) f(27) f(28)      \
			f(29) f(30) f(31)
OPERATIONS(OPERATION)

#define NAME(n) operation_##n,
static uint32_t (*const operations[NOPERATIONS])(uint32_t x) = {OPERATIONS(NAME)};

static uint32_t
interpret(const volatile uint8_t *code, size_t n, uint32_t x)
{
	while (n-- > 0)
		x = operations[*code++](x);
	return x;
}

// Walk through the tables: a few pages of each.
static uint32_t
wander(uint32_t x, int steps)
{
	uint32_t at = x % TABLE;

	while (steps-- > 0) {
		visits[at]++;
		x += squares[at] + visits[at];
		at = successors[at];
	}
	successors[0] = x;
	return x;
}

// Whoever loaded us wants to know; the lowest bit tells our words from others.
static void
tell(uint32_t x)
{
	if (thisenv->env_parent_id)
		ipc_send(thisenv->env_parent_id, x << 1 | 1, NULL, 0);
}

void
umain(int argc, char **argv)
{
	static const volatile uint8_t code[] = {3, 17, 3, 29, 8, 17};
	uint32_t x = interpret(code, 2, 1);

	cprintf("lazyguest: %08x to begin with\n", x);
	tell(x);
	for (int i = 0; i < 64; i++)
		x += visits[i];
	x = wander(interpret(code, ARRAY_SIZE(code), x), 3);
	cprintf("lazyguest: %08x in the end\n", x);
	tell(x);
}
