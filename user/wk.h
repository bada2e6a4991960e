// WK compression of a page (Wilson, Kaplan and Smaragdakis, The Case for Compressed Caching in Virtual
// Memory Systems, 1999), and a test of it.
//
// What programs have in memory is words, many of which are zero, or equal, or differ only in their
// low bits from one just seen: pointers to things near each other, small numbers.  So each word is
// compared with one of 16 seen lately, and what is stored is a tag of two bits, and then: nothing, if
// the word is zero; its place among the 16, if it is there; that and its low bits; or all of it.
// The authors keep the parts in four arrays; here they are one stream of bits.

#ifndef FAULTLINE_USER_WK_H
#define FAULTLINE_USER_WK_H

#include "user/gallery.h"

enum { WK_ZERO, WK_SAME, WK_NEAR, WK_NEW, WK_TAG = 2 };
#define WK_WORDS (PGSIZE / sizeof(uint32_t))
#define WK_PLACE 4               // bits: the dictionary has 16 words
#define WK_LOW 10                // bits in which a word may differ from that in the dictionary
#define WK_MOST (PGSIZE * 3 / 4) // bytes: more are not worth it
#define WK_SPACE (WK_MOST / sizeof(uint32_t) + 1) // words that wk_pack may write to

// A stream of bits in words.  What was written to it last stands in `bits', the oldest lowest.
struct Bits {
	uint32_t *words;
	uint32_t bits;
	uint32_t n; // how many of the bits
};

// n is 1 to 31, and value has no other bits.
static inline void
wk_put(struct Bits *s, uint32_t value, uint32_t n)
{
	s->bits |= value << s->n;
	s->n += n;
	if (s->n >= 32) {
		*s->words++ = s->bits;
		s->n -= 32;
		s->bits = s->n ? value >> (n - s->n) : 0;
	}
}

static inline uint32_t
wk_get(struct Bits *s, uint32_t n)
{
	uint32_t value = s->bits;

	if (s->n < n) {
		s->bits = *s->words++;
		value |= s->bits << s->n;
		s->bits = s->bits >> (n - s->n);
		s->n += 32 - n;
	} else {
		s->bits >>= n;
		s->n -= n;
	}
	return value & ((1u << n) - 1);
}

static inline uint32_t
wk_place_of(uint32_t word)
{
	return ((word >> WK_LOW) * 0x9e3779b1) >> (32 - WK_PLACE);
}

// Both sides begin with these.
static uint32_t wk_dictionary[1 << WK_PLACE];

static void
wk_start(struct Bits *s, uint32_t *words)
{
	memset(wk_dictionary, 0, sizeof wk_dictionary);
	*s = (struct Bits){.words = words};
}

static inline void
wk_put_word(struct Bits *s, uint32_t word)
{
	uint32_t place = wk_place_of(word), known = wk_dictionary[place];

	if (word == 0) {
		wk_put(s, WK_ZERO, WK_TAG);
		return;
	}
	wk_dictionary[place] = word;
	place <<= WK_TAG;
	if (word == known) {
		wk_put(s, WK_SAME | place, WK_TAG + WK_PLACE);
	} else if (word >> WK_LOW == known >> WK_LOW) {
		word &= (1 << WK_LOW) - 1;
		wk_put(s, WK_NEAR | place | word << (WK_TAG + WK_PLACE),
		       WK_TAG + WK_PLACE + WK_LOW);
	} else {
		wk_put(s, WK_NEW | (word & 0xffff) << WK_TAG, WK_TAG + 16);
		wk_put(s, word >> 16, 16);
	}
}

static inline uint32_t
wk_get_word(struct Bits *s)
{
	uint32_t tag = wk_get(s, WK_TAG), word, place;

	if (tag == WK_ZERO)
		return 0;
	if (tag == WK_NEW) {
		word = wk_get(s, 16);
		word |= wk_get(s, 16) << 16;
		place = wk_place_of(word);
	} else {
		place = wk_get(s, WK_PLACE);
		word = wk_dictionary[place];
		if (tag == WK_NEAR)
			word = (word >> WK_LOW << WK_LOW) | wk_get(s, WK_LOW);
	}
	return wk_dictionary[place] = word;
}

// Compress a page to at most WK_MOST bytes at `to', where there is room for WK_SPACE words.
// Returns how many they are; 0 if that is not enough.
static uint32_t
wk_pack(const uint32_t *page, uint32_t *to)
{
	struct Bits s;

	wk_start(&s, to);
	for (uint32_t i = 0; i < WK_WORDS; i++) {
		wk_put_word(&s, page[i]);
		if (s.words - to >= (int) (WK_MOST / sizeof(uint32_t)))
			return 0;
	}
	*s.words++ = s.bits;
	return (s.words - to) * sizeof(uint32_t);
}

static void
wk_unpack(uint32_t *from, uint32_t *page)
{
	struct Bits s;

	wk_start(&s, from);
	for (uint32_t i = 0; i < WK_WORDS; i++)
		page[i] = wk_get_word(&s);
}

static bool
wk_is_zero(const uint32_t *page)
{
	for (uint32_t i = 0; i < WK_WORDS; i++)
		if (page[i])
			return false;
	return true;
}

// Round trips of pages that are hard in one way or another.

static uint32_t wk_sample[WK_WORDS], wk_packed[WK_SPACE + 1], wk_unpacked[WK_WORDS + 1];

// Returns the size that wk_sample[] is compressed to, or 0.
static uint32_t
wk_round_trip(void)
{
	const uint32_t guard = 0x5a5a5a5a;
	uint32_t size;

	wk_packed[WK_SPACE] = wk_unpacked[WK_WORDS] = guard;
	size = wk_pack(wk_sample, wk_packed);
	CHECK(size <= WK_MOST && wk_packed[WK_SPACE] == guard);
	if (size) {
		memset(wk_packed + size / sizeof(uint32_t), 0xff, WK_MOST - size);
		memset(wk_unpacked, 0xee, PGSIZE);
		wk_unpack(wk_packed, wk_unpacked);
		CHECK(memcmp(wk_sample, wk_unpacked, PGSIZE) == 0 &&
		      wk_unpacked[WK_WORDS] == guard);
	}
	return size;
}

static void
wk_test_patterns(void)
{
	memset(wk_sample, 0, PGSIZE);
	CHECK(wk_is_zero(wk_sample) && wk_round_trip() == WK_WORDS * WK_TAG / 8 + 4);
	wk_sample[WK_WORDS - 1] = 1;
	CHECK(!wk_is_zero(wk_sample) && wk_round_trip());
	memset(wk_sample, 0xff, PGSIZE); // one run
	CHECK(wk_round_trip() && wk_round_trip() < PGSIZE / 4);
	for (uint32_t i = 0; i < WK_WORDS; i++) // runs, each twice as long
		wk_sample[i] = i & (i - 1) ? wk_sample[i - 1] : i * 0x01010101;
	CHECK(wk_round_trip() && wk_round_trip() < PGSIZE / 4);
	for (uint32_t i = 0; i < WK_WORDS; i++) // low bits only
		wk_sample[i] = 0x40000000 | i;
	CHECK(wk_round_trip() && wk_round_trip() < PGSIZE * 5 / 8);
}

// Each word is random in its low `bits' bits, and zero `zeros' times of 8.
static uint32_t
wk_test_random(uint32_t bits, uint32_t zeros, uint32_t *seed)
{
	for (uint32_t i = 0; i < WK_WORDS; i++) {
		uint32_t word = xorshift(seed);

		wk_sample[i] = word % 8 < zeros ? 0 : xorshift(seed) >> (32 - bits);
	}
	return wk_round_trip();
}

static void
wk_test(void)
{
	uint32_t seed = 1;

	wk_test_patterns();
	CHECK(wk_test_random(32, 0, &seed) == 0);
	for (uint32_t bits = 1; bits <= 32; bits++)
		for (uint32_t zeros = 0; zeros < 8; zeros++)
			CHECK(wk_test_random(bits, zeros, &seed) || bits > WK_LOW);
}

#endif
