// What is in a directory, for programs that read one.

#ifndef XV6_KERNEL_FS_H
#define XV6_KERNEL_FS_H

#include "kernel/types.h"

#define ROOTINO 1  // the root's number
#define BSIZE 1024 // bytes of a block
#define DIRSIZ 14  // bytes of a name, with no 0 when it is that long
#define NDIRECT 12
#define NINDIRECT (BSIZE / sizeof(uint))
#define MAXFILE (NDIRECT + NINDIRECT) // blocks of a file

struct dirent {
	ushort inum; // 0: no file
	char name[DIRSIZ];
};

#endif
