// The frame of all targets: libFuzzer's entry, the input, and what test/host's machine wants from
// a harness.  Like harness.c there, this is the one file with system headers.

#include "test/fuzz/fuzz.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>

#define MAXBLOCKS 256

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);
size_t strlcpy(char *dst, const char *src, size_t size);

static const uint8_t *next, *end;
static uint32_t generator;
static unsigned nburst; // how many bytes it still gives
static void *blocks[MAXBLOCKS];
static int nblocks;

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	next = data;
	end = data + size;
	nburst = 0;
	fuzz();
	while (nblocks > 0)
		free(blocks[--nblocks]);
	return 0;
}

bool
more(void)
{
	return nburst > 0 || next < end;
}

uint8_t
byte(void)
{
	if (nburst > 0) {
		nburst--;
		generator ^= generator << 13;
		generator ^= generator >> 17;
		generator ^= generator << 5;
		return generator >> 16;
	}
	return next < end ? *next++ : 0;
}

void
burst(unsigned nbytes)
{
	if (nburst > 0)
		return;
	generator = word() * 2 + 1;
	nburst = nbytes;
}

uint32_t
word(void)
{
	uint32_t n = 0;

	for (int shift = 0; shift < 32; shift += 8)
		n |= (uint32_t) byte() << shift;
	return n;
}

uint32_t
below(uint32_t n)
{
	return byte() % n;
}

size_t
rest(const uint8_t **bytes)
{
	*bytes = next;
	return end - next;
}

void *
exactly(size_t n)
{
	void *block = malloc(n);

	if (!block || nblocks == MAXBLOCKS)
		abort();
	return blocks[nblocks++] = block;
}

// The core's string functions are libc's here, and not every libc has this one.
size_t
strlcpy(char *dst, const char *src, size_t size)
{
	size_t len = strlen(src);

	if (size > 0) {
		size_t n = len < size ? len : size - 1;
		memcpy(dst, src, n);
		dst[n] = '\0';
	}
	return len;
}

void
test_fail(const char *file, int line, const char *fmt, ...)
{
	char what[256];
	va_list ap;

	va_start(ap, fmt);
	vsnprintf(what, sizeof what, fmt, ap);
	va_end(ap);
	fprintf(stderr, "%s:%d: %s\n", file, line, what);
	abort();
}

void
test_panicked(const char *file, int line, const char *what)
{
	test_fail(file, line, "panic: %s", what);
}

void
test_note(const char *fmt, ...)
{
	va_list ap;

	va_start(ap, fmt);
	vfprintf(stderr, fmt, ap);
	va_end(ap);
	fprintf(stderr, "\n");
}

void *
test_reserve(size_t size)
{
	void *p = mmap(NULL, size, PROT_READ | PROT_WRITE,
		       MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);

	if (p == MAP_FAILED)
		abort();
	return p;
}
