// From an address to function, file and line.

#ifndef FAULTLINE_KERN_KDEBUG_H
#define FAULTLINE_KERN_KDEBUG_H

#include "inc/types.h"

struct Place {
	const char *function, *file;
	uint32_t offset; // into the function
	uint32_t line;   // 0 where none is known
};

// Find addr in a table that conf/lines has made.  False: it is in none of its functions.
bool kdebug_find(const uint8_t *table, uint32_t addr, struct Place *place);

// The kernel's own table.
extern const uint8_t kern_lines[];

#endif
