// Limits.  Those that xv6 programs look at are what they are here, not what they are there.

#ifndef XV6_KERNEL_PARAM_H
#define XV6_KERNEL_PARAM_H

#define NPROC 256     // processes at a time
#define NCPU 16       // CPUs
#define NOFILE 16     // descriptors of a process
#define MAXARG 32     // arguments of exec, with the 0 at the end
#define MAXPATH 128   // bytes of a name, with its 0
#define USERSTACK 256 // pages of a stack

#endif
