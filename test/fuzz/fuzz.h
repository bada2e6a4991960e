// A fuzz target is a file with one function, fuzz(), which takes an input apart byte by byte,
// does to the core what they say, and checks everything that can be known about the outcome.
// A check that fails, a panic of the core, or a sanitizer's report ends the process.
//
// The machine is that of test/host/cpu.c, with the helpers of test/host/world.h.

#ifndef FAULTLINE_TEST_FUZZ_FUZZ_H
#define FAULTLINE_TEST_FUZZ_FUZZ_H

#include "test/host/test.h"

// What the target does with an input.
void fuzz(void);

// The input: whether there is more of it, and its next bytes, 0 after its end.
bool more(void);
uint8_t byte(void);
uint32_t word(void);           // four bytes, little-endian
uint32_t below(uint32_t n);    // 0..n-1, from one byte; n is at most 256
size_t rest(const uint8_t **); // all that has not been taken, without taking it
#define CHOOSE(array) ((array)[below(sizeof(array) / sizeof((array)[0]))])

// Take a word: the next nbytes bytes are not those of the input, but of a generator that starts
// there.  A few bytes of input are thus a long walk, and libFuzzer can put such walks together.
void burst(unsigned nbytes);

// Memory of exactly n bytes, between bytes that must not be touched, until the end of the input.
void *exactly(size_t n);

#endif
