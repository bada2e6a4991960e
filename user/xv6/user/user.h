// What an xv6 program includes.  The calls are those of xv6; where they differ, it says so here.
// The functions are in user/xv6/lib, and, where they need what is below, in user/xv6/sys.

#ifndef XV6_USER_USER_H
#define XV6_USER_USER_H

#include "kernel/types.h"

struct stat;

// Calls return -1 when they fail.  A bad pointer is a reason to fail, and never ends the caller.

// A copy of this process: its pid, and 0 in it.
int fork(void);
int exit(int status) __attribute__((noreturn));
// Wait until a child ends: its pid, and in *status, unless status is 0, what it gave to exit, or -1
// when it was killed.  -1: there is no child.
int wait(int *status);
// p[0] can be read from, p[1] written to.
int pipe(int *p);
// How many bytes were written: n, or fewer when the last reader has gone in between.
int write(int fd, const void *from, int n);
// How many bytes were read; 0 when nobody can write any more.
int read(int fd, void *to, int n);
int close(int fd);
int kill(int pid);
// Run another program of the image in this process, by its name; argv ends with a 0, and all of it
// must fit into 3/4 of a page.  Returns only to fail.
int exec(const char *name, char **argv);
int dup(int fd);
int getpid(void);
// Let the heap be n bytes larger, or smaller; returns its old end, or (char *) -1 when there is not so
// much memory.  What is given is there, as in xv6, and zero; it need not be touched to be counted.
// The heap does not begin at the program's end, but at PROC_HEAP of inc/proc.h.
char *sbrk(int n);
// Ticks of a tenth of a second, as xv6's; uptime counts them since the machine has started.
int sleep(int ticks);
int pause(int ticks); // another name of it
int uptime(void);

// There is no file system, so these always fail.
int open(const char *name, int how);
int mknod(const char *name, short major, short minor);
int unlink(const char *name);
int fstat(int fd, struct stat *st);
int stat(const char *name, struct stat *st);
int link(const char *old, const char *new);
int mkdir(const char *name);
int chdir(const char *name);

// Text.  The formats are those of inc/stdio.h; %l is for a long, which has 32 bits, and %ll for a
// uint64.
void printf(const char *fmt, ...);
void fprintf(int fd, const char *fmt, ...);
// A line from descriptor 0, with its newline, or the first max - 1 bytes of it; "" at the end.
char *gets(char *line, int max);
// The number that the digits at the beginning of text make, or 0.
int atoi(const char *text);

// Memory from the heap, 0 when there is none; and giving it back, or 0, which is nothing.
void *malloc(uint n);
void free(void *p);

// As in ISO C.
char *strcpy(char *to, const char *from);
char *strchr(const char *s, char c);
int strcmp(const char *a, const char *b);
uint strlen(const char *s);
void *memset(void *p, int c, uint n);
void *memmove(void *to, const void *from, int n);
void *memcpy(void *to, const void *from, uint n);
int memcmp(const void *a, const void *b, uint n);

#endif
