// From an address to function, file and line, by the table that conf/lines makes at link time;
// its layout is described there.

#include "kern/kdebug.h"

#include "inc/string.h"

struct Function {
	uint32_t addr, size, name, file, rows;
};

static uint32_t
uleb(const uint8_t **p)
{
	uint32_t n = 0;
	int shift = 0;

	do
		n |= (uint32_t) (**p & 0x7f) << shift;
	while (shift += 7, *(*p)++ & 0x80);
	return n;
}

static int32_t
sleb(const uint8_t **p)
{
	uint32_t n = uleb(p);

	return n & 1 ? -(int32_t) (n >> 1) : (int32_t) (n >> 1);
}

// The line of addr, which is in f.
static uint32_t
find_line(const uint8_t *table, const struct Function *f, uint32_t addr)
{
	const uint8_t *p = table + f->rows;
	uint32_t at = f->addr, line = 0, found = 0;

	for (uint32_t n = uleb(&p); n > 0; n--) {
		at += uleb(&p);
		if (at > addr)
			break;
		line += sleb(&p);
		found = line;
	}
	return found;
}

bool
kdebug_find(const uint8_t *table, uint32_t addr, struct Place *place)
{
	const struct Function *functions = (const struct Function *) (table + 4);
	uint32_t low = 0, high;

	memcpy(&high, table, sizeof high);
	// In functions[low..high), look for the last one that does not start after addr.
	while (high - low > 1) {
		uint32_t middle = low + (high - low) / 2;
		if (functions[middle].addr <= addr)
			low = middle;
		else
			high = middle;
	}
	const struct Function *f = &functions[low];
	if (high == 0 || addr < f->addr || addr - f->addr >= f->size)
		return false;
	place->function = (const char *) table + f->name;
	place->file = (const char *) table + f->file;
	place->offset = addr - f->addr;
	place->line = find_line(table, f, addr);
	return true;
}
