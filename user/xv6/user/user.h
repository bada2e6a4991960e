// System calls and library, as programs for xv6 know them.  kernel/types.h comes before it.

#ifndef XV6_USER_H
#define XV6_USER_H

void exit(int status) __attribute__((noreturn));
int write(int fd, const void *from, int n);
void printf(const char *format, ...) __attribute__((format(printf, 1, 2)));

#endif
