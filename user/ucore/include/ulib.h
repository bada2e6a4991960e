// System calls, as programs for uCore know them.

#ifndef UCORE_ULIB_H
#define UCORE_ULIB_H

void exit(int code) __attribute__((noreturn));

#endif
