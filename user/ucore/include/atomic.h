// Bits that several may change at a time, as programs for uCore know them.  Bit nr counts from addr on.

#ifndef UCORE_ATOMIC_H
#define UCORE_ATOMIC_H

#include <defs.h>

// Where bit nr is.
static inline volatile uint32_t *
__bit_word(int nr, volatile void *addr)
{
	return (volatile uint32_t *) addr + nr / 32;
}

static inline uint32_t
__bit_mask(int nr)
{
	return 1u << nr % 32;
}

static inline void
set_bit(int nr, volatile void *addr)
{
	__sync_fetch_and_or(__bit_word(nr, addr), __bit_mask(nr));
}

static inline void
clear_bit(int nr, volatile void *addr)
{
	__sync_fetch_and_and(__bit_word(nr, addr), ~__bit_mask(nr));
}

static inline void
change_bit(int nr, volatile void *addr)
{
	__sync_fetch_and_xor(__bit_word(nr, addr), __bit_mask(nr));
}

static inline bool
test_bit(int nr, volatile void *addr)
{
	return (*__bit_word(nr, addr) & __bit_mask(nr)) != 0;
}

// These return what the bit was before.

static inline bool
test_and_set_bit(int nr, volatile void *addr)
{
	return (__sync_fetch_and_or(__bit_word(nr, addr), __bit_mask(nr)) & __bit_mask(nr)) != 0;
}

static inline bool
test_and_clear_bit(int nr, volatile void *addr)
{
	return (__sync_fetch_and_and(__bit_word(nr, addr), ~__bit_mask(nr)) & __bit_mask(nr)) != 0;
}

#endif
