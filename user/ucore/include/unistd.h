// Numbers of the system's interface, as programs for uCore know them.  A program calls functions,
// not numbers: there is no int $0x80 here.

#ifndef UCORE_UNISTD_H
#define UCORE_UNISTD_H

#define T_SYSCALL 0x80

#define SYS_exit 1
#define SYS_fork 2
#define SYS_wait 3
#define SYS_exec 4
#define SYS_clone 5
#define SYS_yield 10
#define SYS_sleep 11
#define SYS_kill 12
#define SYS_gettime 17
#define SYS_getpid 18
#define SYS_brk 19
#define SYS_mmap 20
#define SYS_munmap 21
#define SYS_shmem 22
#define SYS_putc 30
#define SYS_pgdir 31
#define SYS_open 100
#define SYS_close 101
#define SYS_read 102
#define SYS_write 103
#define SYS_seek 104
#define SYS_fstat 110
#define SYS_fsync 111
#define SYS_getcwd 121
#define SYS_getdirentry 128
#define SYS_dup 130
#define SYS_lab6_set_priority 255

#define CLONE_VM 0x100
#define CLONE_THREAD 0x200
#define CLONE_FS 0x800

#define O_RDONLY 0
#define O_WRONLY 1
#define O_RDWR 2
#define O_CREAT 0x04
#define O_EXCL 0x08
#define O_TRUNC 0x10
#define O_APPEND 0x20
#define O_ACCMODE 3

#define NO_FD -0x9527

#define LSEEK_SET 0
#define LSEEK_CUR 1
#define LSEEK_END 2

#define FS_MAX_DNAME_LEN 31
#define FS_MAX_FNAME_LEN 255
#define FS_MAX_FPATH_LEN 4095

#define EXEC_MAX_ARG_NUM 32
#define EXEC_MAX_ARG_LEN 4095

#endif
