// Limits.  Those that xv6 programs look at are what they are here, not what they are there.

#ifndef XV6_KERNEL_PARAM_H
#define XV6_KERNEL_PARAM_H

#define NPROC 256     // processes at a time
#define NCPU 16       // CPUs
#define NOFILE 16     // descriptors of a process
#define MAXARG 32     // arguments of exec, with the 0 at the end
#define MAXPATH 128   // bytes of a name, with its 0
#define USERSTACK 256 // pages of a stack

// Of a file system, which there is not.
#define NFILE 100
#define NINODE 50
#define NDEV 10
#define ROOTDEV 1
#define MAXOPBLOCKS 10
#define LOGSIZE (MAXOPBLOCKS * 3)
#define NBUF (MAXOPBLOCKS * 3)
#define FSSIZE 2000

#endif
