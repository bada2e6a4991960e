// Formatted printing.
//
// The formats are d i u o x X p c s % and e, which takes an error number of either sign and
// prints its text; flags - 0 #; width and .precision as numbers or *; sizes l and ll.

#ifndef FAULTLINE_INC_STDIO_H
#define FAULTLINE_INC_STDIO_H

#include "inc/stdarg.h"
#include "inc/types.h"

#ifndef NULL
#define NULL ((void *) 0)
#endif

// Print to the console.  Return the number of characters.
int cprintf(const char *fmt, ...);
int vcprintf(const char *fmt, va_list ap);

// Print into buf, n > 0 bytes, always terminated.  Return the length that all of it would have
// had, or -E_INVAL for a missing or empty buffer.
int snprintf(char *buf, size_t n, const char *fmt, ...);
int vsnprintf(char *buf, size_t n, const char *fmt, va_list ap);

// Give every character of the output to putch(c, arg): the one formatter behind all of them.
void printfmt(void (*putch)(int, void *), void *arg, const char *fmt, ...);
void vprintfmt(void (*putch)(int, void *), void *arg, const char *fmt, va_list ap);

// What %e prints for the error n, or NULL: its number.
const char *error_text(unsigned n);

// Print n bytes, whatever they are, or one character.
void cons_write(const char *s, size_t n);
void cputchar(int c);
// Wait for a character from the console.
int getchar(void);
// Whether descriptor fd is the console; it always is.
int iscons(int fd);

// Print prompt, read a line with editing (backspace, ^U) and echo, and return it without its
// newline.  The buffer is the function's own: the next call overwrites it.
char *readline(const char *prompt);

#endif
