// Strings, atoi, and memory for xv6's side, by the functions of inc/string.h.

#include "inc/string.h"

char *
xv6_strcpy(char *to, const char *from)
{
	return strcpy(to, from);
}

char *
xv6_strchr(const char *s, char c)
{
	return strchr(s, c);
}

int
xv6_strcmp(const char *a, const char *b)
{
	return strcmp(a, b);
}

size_t
xv6_strlen(const char *s)
{
	return strlen(s);
}

void *
xv6_memset(void *p, int c, size_t n)
{
	return memset(p, c, n);
}

// xv6 counts by int: less than nothing is nothing.
void *
xv6_memmove(void *to, const void *from, int n)
{
	return memmove(to, from, n < 0 ? 0 : n);
}

void *
xv6_memcpy(void *to, const void *from, size_t n)
{
	return memcpy(to, from, n);
}

int
xv6_memcmp(const void *a, const void *b, size_t n)
{
	return memcmp(a, b, n);
}

int
xv6_atoi(const char *text)
{
	int n = 0;

	for (; *text >= '0' && *text <= '9'; text++)
		n = n * 10 + *text - '0';
	return n;
}
