// Printing, as programs for uCore know it.

#ifndef UCORE_STDIO_H
#define UCORE_STDIO_H

int cprintf(const char *format, ...) __attribute__((format(printf, 1, 2)));

#endif
