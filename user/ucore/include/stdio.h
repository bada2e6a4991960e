// Printing, as programs for uCore know it.  The formats are c d e o p s u x X and %, with the flags
// - 0 #, a width, a precision, and the sizes l and ll; %e prints an error number of either sign.

#ifndef UCORE_STDIO_H
#define UCORE_STDIO_H

#include <defs.h>
#include <stdarg.h>

// To the console; a short text stays in one piece.  Return the number of characters.
int cprintf(const char *fmt, ...);
int vcprintf(const char *fmt, va_list ap);
void cputchar(int c);
int cputs(const char *s); // and a newline
int getchar(void);

// To a descriptor.
int fprintf(int fd, const char *fmt, ...);
int vfprintf(int fd, const char *fmt, va_list ap);

// Into str, with its zero, at most size bytes.  Return how long all of it would be.
int snprintf(char *str, size_t size, const char *fmt, ...);
int vsnprintf(char *str, size_t size, const char *fmt, va_list ap);

// Each character to putch(c, putdat).
void printfmt(void (*putch)(int, void *), void *putdat, const char *fmt, ...);
void vprintfmt(void (*putch)(int, void *), void *putdat, const char *fmt, va_list ap);

#endif
