// Strings and memory, as in ISO C where ISO C has them.

#ifndef FAULTLINE_INC_STRING_H
#define FAULTLINE_INC_STRING_H

#include "inc/types.h"

// Length of s in bytes, without its 0; strnlen looks at no more than max bytes.
size_t strlen(const char *s);
size_t strnlen(const char *s, size_t max);

// Copy or append src with its 0; dst has room.  Return dst.
char *strcpy(char *dst, const char *src);
char *strcat(char *dst, const char *src);
// Copy at most n bytes, filling up with 0; dst is not terminated when src is longer.
char *strncpy(char *dst, const char *src, size_t n);
// Copy what fits into size bytes, always terminated when size > 0.  Returns strlen(src).
size_t strlcpy(char *dst, const char *src, size_t size);

// Less than, equal to or greater than 0 as a sorts before, with or after b.
int strcmp(const char *a, const char *b);
int strncmp(const char *a, const char *b, size_t n);

// The first c in s, or NULL; strfind gives the end of s instead of NULL.
char *strchr(const char *s, int c);
char *strfind(const char *s, int c);

void *memset(void *dst, int c, size_t n);
void *memcpy(void *dst, const void *src, size_t n);
void *memmove(void *dst, const void *src, size_t n); // the two may overlap
int memcmp(const void *a, const void *b, size_t n);
// The first byte c in the n bytes at s, or their end.
void *memfind(const void *s, int c, size_t n);

// The number at s in base 2..36, or in the base its prefix shows (0x, 0, none) when base is 0.
// *end, if asked for, is where it stops.  Out of range values give the nearest long.
long strtol(const char *s, char **end, int base);

#endif
