// What fstat would tell of a file.

#ifndef XV6_KERNEL_STAT_H
#define XV6_KERNEL_STAT_H

#include "kernel/types.h"

#define T_DIR 1
#define T_FILE 2
#define T_DEVICE 3

struct stat {
	int dev;     // the disk
	uint ino;    // the file's number on it
	short type;  // T_DIR, T_FILE or T_DEVICE
	short nlink; // how many names it has
	uint64 size; // in bytes
};

#endif
