// What a descriptor stands for, as programs for uCore know it.

#ifndef UCORE_STAT_H
#define UCORE_STAT_H

#include <defs.h>

struct stat {
	uint32_t st_mode; // what it is
	size_t st_nlinks; // names it has
	size_t st_blocks; // of 4096 bytes
	size_t st_size;   // in bytes
};

#define S_IFMT 070000
#define S_IFREG 010000
#define S_IFDIR 020000
#define S_IFLNK 030000
#define S_IFCHR 040000
#define S_IFBLK 050000

#define S_ISREG(mode) (((mode) &S_IFMT) == S_IFREG)
#define S_ISDIR(mode) (((mode) &S_IFMT) == S_IFDIR)
#define S_ISLNK(mode) (((mode) &S_IFMT) == S_IFLNK)
#define S_ISCHR(mode) (((mode) &S_IFMT) == S_IFCHR)
#define S_ISBLK(mode) (((mode) &S_IFMT) == S_IFBLK)

#endif
