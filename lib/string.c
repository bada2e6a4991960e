// Strings and memory, for programs and the kernel.  Blocks go by the string instructions, which
// need neither a loop nor alignment.

#include "inc/string.h"

#include "inc/types.h"

size_t
strlen(const char *s)
{
	const char *p = s;

	while (*p)
		p++;
	return p - s;
}

size_t
strnlen(const char *s, size_t max)
{
	size_t n = 0;

	while (n < max && s[n])
		n++;
	return n;
}

char *
strcpy(char *dst, const char *src)
{
	memcpy(dst, src, strlen(src) + 1);
	return dst;
}

char *
strcat(char *dst, const char *src)
{
	strcpy(dst + strlen(dst), src);
	return dst;
}

char *
strncpy(char *dst, const char *src, size_t n)
{
	size_t len = strnlen(src, n);

	memcpy(dst, src, len);
	memset(dst + len, 0, n - len);
	return dst;
}

size_t
strlcpy(char *dst, const char *src, size_t size)
{
	size_t len = strlen(src);

	if (size > 0) {
		size_t n = MIN(len, size - 1);
		memcpy(dst, src, n);
		dst[n] = '\0';
	}
	return len;
}

int
strncmp(const char *a, const char *b, size_t n)
{
	for (; n > 0; n--, a++, b++) {
		if (*a != *b)
			return (unsigned char) *a - (unsigned char) *b;
		if (!*a)
			break;
	}
	return 0;
}

int
strcmp(const char *a, const char *b)
{
	return strncmp(a, b, SIZE_MAX);
}

char *
strfind(const char *s, int c)
{
	while (*s && *s != (char) c)
		s++;
	return (char *) s;
}

char *
strchr(const char *s, int c)
{
	char *p = strfind(s, c);

	return *p == (char) c ? p : NULL;
}

void *
memset(void *dst, int c, size_t n)
{
	void *to = dst;

	if (((uintptr_t) dst | n) % 4 == 0) {
		n /= 4;
		asm volatile("rep stosl"
			     : "+D"(to), "+c"(n)
			     : "a"((uint32_t) (uint8_t) c * 0x01010101)
			     : "memory");
	} else {
		asm volatile("rep stosb" : "+D"(to), "+c"(n) : "a"(c) : "memory");
	}
	return dst;
}

void *
memcpy(void *dst, const void *src, size_t n)
{
	void *to = dst;

	if (((uintptr_t) dst | (uintptr_t) src | n) % 4 == 0) {
		n /= 4;
		asm volatile("rep movsl" : "+D"(to), "+S"(src), "+c"(n) : : "memory");
	} else {
		asm volatile("rep movsb" : "+D"(to), "+S"(src), "+c"(n) : : "memory");
	}
	return dst;
}

void *
memmove(void *dst, const void *src, size_t n)
{
	const char *from = src;
	char *to = dst;

	// Forwards, unless that would overwrite what is still to be read.
	if ((uintptr_t) dst - (uintptr_t) src >= n)
		return memcpy(dst, src, n);
	while (n-- > 0)
		to[n] = from[n];
	return dst;
}

int
memcmp(const void *a, const void *b, size_t n)
{
	const unsigned char *x = a, *y = b;

	for (; n > 0; n--, x++, y++)
		if (*x != *y)
			return *x - *y;
	return 0;
}

void *
memfind(const void *s, int c, size_t n)
{
	const unsigned char *p = s, *end = p + n;

	while (p < end && *p != (unsigned char) c)
		p++;
	return (void *) p;
}

static int
digit(char c)
{
	if (c >= '0' && c <= '9')
		return c - '0';
	if (c >= 'a' && c <= 'z')
		return c - 'a' + 10;
	if (c >= 'A' && c <= 'Z')
		return c - 'A' + 10;
	return 36;
}

long
strtol(const char *s, char **end, int base)
{
	bool negative = false, overflow = false;
	unsigned long n = 0;
	const char *start = s;

	while (*s == ' ' || (*s >= '\t' && *s <= '\r'))
		s++;
	if (*s == '+' || *s == '-')
		negative = *s++ == '-';
	if ((base == 0 || base == 16) && s[0] == '0' && (s[1] | 0x20) == 'x' && digit(s[2]) < 16) {
		s += 2;
		base = 16;
	}
	if (base == 0)
		base = *s == '0' ? 8 : 10;

	unsigned long limit = negative ? (unsigned long) INT32_MAX + 1 : INT32_MAX;
	const char *first = s;
	for (; digit(*s) < base; s++) {
		unsigned long d = digit(*s);
		if (n > (limit - d) / base)
			overflow = true;
		else
			n = n * base + d;
	}
	if (end)
		*end = (char *) (s == first ? start : s);
	if (overflow)
		n = limit;
	return negative ? (long) -n : (long) n;
}
