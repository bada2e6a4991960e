// kern/kdebug.c: a table in the form that conf/lines writes, and any address, against a search
// from the front.

#include "kern/kdebug.h"

#include "inc/string.h"
#include "inc/types.h"
#include "test/fuzz/fuzz.h"

#define MAXFUNCTIONS 12
#define MAXROWS 12
#define MAXTABLE 8192

static struct Function {
	uint32_t addr, size;
	char name[8], file[8];
	uint32_t nrows;
	struct {
		uint32_t addr, line;
	} rows[MAXROWS];
} functions[MAXFUNCTIONS];
static uint32_t nfunctions;

static uint8_t bytes[MAXTABLE];
static uint32_t nbytes;

static uint32_t
put(const void *src, uint32_t n)
{
	uint32_t at = nbytes;

	memcpy(bytes + nbytes, src, n);
	nbytes += n;
	return at;
}

static void
put_uleb(uint32_t n)
{
	do {
		uint8_t b = (n & 0x7f) | (n > 0x7f ? 0x80 : 0);
		put(&b, 1);
		n >>= 7;
	} while (n);
}

static void
put_sleb(int32_t n)
{
	put_uleb(n < 0 ? -(uint32_t) n << 1 | 1 : (uint32_t) n << 1);
}

static uint32_t
a_step(void)
{
	uint8_t b = byte();

	return b < 0xf0 ? b : word() % 0x01000000;
}

static void
read_functions(void)
{
	uint32_t addr = word() & 0xc1ffffff;

	nfunctions = below(MAXFUNCTIONS + 1);
	for (uint32_t i = 0; i < nfunctions; i++) {
		struct Function *f = &functions[i];
		f->addr = addr;
		f->size = a_step() + 1;
		addr += f->size + (below(4) ? 0 : byte());
		memcpy(f->name, "func..", 7);
		memcpy(f->file, "file..", 7);
		f->name[5] = f->file[4] = 'a' + i;
		f->nrows = below(MAXROWS + 1);
		uint32_t at = f->addr, line = 0;
		for (uint32_t j = 0; j < f->nrows; j++) {
			at += a_step();
			line = below(2) ? line + byte() : word() % 0x10000000;
			f->rows[j].addr = at;
			f->rows[j].line = line;
		}
	}
}

// Write the table; where its parts are is known only at the end.
static uint8_t *
write_table(void)
{
	uint32_t head[MAXFUNCTIONS][5];

	nbytes = 4 + nfunctions * sizeof head[0];
	for (uint32_t i = 0; i < nfunctions; i++) {
		struct Function *f = &functions[i];
		uint32_t addr = f->addr, line = 0;
		head[i][0] = f->addr;
		head[i][1] = f->size;
		head[i][2] = put(f->name, sizeof f->name);
		head[i][3] = put(f->file, sizeof f->file);
		head[i][4] = nbytes;
		put_uleb(f->nrows);
		for (uint32_t j = 0; j < f->nrows; j++) {
			put_uleb(f->rows[j].addr - addr);
			put_sleb((int32_t) (f->rows[j].line - line));
			addr = f->rows[j].addr;
			line = f->rows[j].line;
		}
	}
	uint8_t *table = exactly(nbytes);
	memcpy(table, bytes, nbytes);
	memcpy(table, &nfunctions, 4);
	memcpy(table + 4, head, nfunctions * sizeof head[0]);
	return table;
}

void
fuzz(void)
{
	read_functions();
	const uint8_t *table = write_table();
	for (int i = 0; i < 32 && more(); i++) {
		uint32_t addr = word();
		if (nfunctions > 0 && addr % 4 != 0) // near a function
			addr = functions[addr / 4 % nfunctions].addr + (int16_t) (addr >> 16);

		struct Function *f = NULL;
		for (uint32_t j = 0; j < nfunctions; j++)
			if (addr >= functions[j].addr &&
			    addr - functions[j].addr < functions[j].size)
				f = &functions[j];
		struct Place place;
		CHECK_EQ(kdebug_find(table, addr, &place), f != NULL);
		if (!f)
			continue;
		uint32_t line = 0;
		for (uint32_t j = 0; j < f->nrows; j++)
			if (f->rows[j].addr <= addr)
				line = f->rows[j].line;
		CHECK(strcmp(place.function, f->name) == 0);
		CHECK(strcmp(place.file, f->file) == 0);
		CHECK_EQ(place.offset, addr - f->addr);
		CHECK_EQ(place.line, line);
	}
}
