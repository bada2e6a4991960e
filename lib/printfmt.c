// The formatter behind the printf family, for programs and the kernel.

#include "inc/error.h"
#include "inc/stdio.h"
#include "inc/string.h"

static const char *const texts[MAXERROR] = {
#define ERROR(name, text) [name] = text,
#include "inc/error.def"
#undef ERROR
};

// A library whose numbers mean something else has a function of its own.
__attribute__((weak)) const char *
error_text(unsigned n)
{
	return n < MAXERROR ? texts[n] : NULL;
}

// One conversion: what stands between % and its letter, and where the output goes.
struct Spec {
	void (*putch)(int, void *);
	void *arg;
	bool left, zero, alt; // flags - 0 #
	int width;            // -1: none
	int precision;        // -1: none
	int longs;            // how many l
};

static void
pad(const struct Spec *s, int c, int n)
{
	for (; n > 0; n--)
		s->putch(c, s->arg);
}

static void
put_text(const struct Spec *s, const char *text, int n)
{
	if (!s->left)
		pad(s, ' ', s->width - n);
	for (int i = 0; i < n; i++)
		s->putch(text[i], s->arg);
	if (s->left)
		pad(s, ' ', s->width - n);
}

// Divide *n by base in place and return the remainder.  By 16 bits at a time, because 32-bit
// code has no 64-bit division of its own.
static unsigned
divide(uint64_t *n, unsigned base)
{
	uint64_t quotient = 0;
	uint32_t rest = 0;

	for (int shift = 48; shift >= 0; shift -= 16) {
		uint32_t part = rest << 16 | (uint32_t) (*n >> shift & 0xffff);
		quotient = quotient << 16 | part / base;
		rest = part % base;
	}
	*n = quotient;
	return rest;
}

static void
put_number(const struct Spec *s, uint64_t n, bool negative, unsigned base, bool upper)
{
	const char *digits = upper ? "0123456789ABCDEF" : "0123456789abcdef";
	const char *prefix = negative ? "-" : "";
	char buf[24]; // 64 bits in octal are 22 digits
	int ndigits = 0;

	if (s->alt && base == 16 && n != 0)
		prefix = upper ? "0X" : "0x";
	for (uint64_t rest = n; rest != 0;)
		buf[sizeof buf - ++ndigits] = digits[divide(&rest, base)];

	int nprefix = strlen(prefix);
	int least = s->precision < 0 ? 1 : s->precision; // of digits: 0 has one, unless told not to
	if (s->zero && !s->left && s->precision < 0)
		least = MAX(least, s->width - nprefix);
	if (s->alt && base == 8)
		least = MAX(least, ndigits + 1);
	int zeros = MAX(least - ndigits, 0);
	int spaces = s->width - nprefix - zeros - ndigits;

	if (!s->left)
		pad(s, ' ', spaces);
	for (; *prefix; prefix++)
		s->putch(*prefix, s->arg);
	pad(s, '0', zeros);
	for (int i = ndigits; i > 0; i--)
		s->putch(buf[sizeof buf - i], s->arg);
	if (s->left)
		pad(s, ' ', spaces);
}

static void
put_error(const struct Spec *s, int error)
{
	unsigned n = error < 0 ? -(unsigned) error : (unsigned) error;
	const char *text = error_text(n);

	if (text) {
		put_text(s, text, strlen(text));
	} else {
		printfmt(s->putch, s->arg, "error %u", n);
	}
}

// A width or precision: digits, or * for the next argument.  Moves *fmt past it.
static int
number(const char **fmt, va_list *ap)
{
	int n = 0;

	if (**fmt == '*') {
		++*fmt;
		return va_arg(*ap, int);
	}
	for (; **fmt >= '0' && **fmt <= '9'; ++*fmt)
		if (n < 100000)
			n = n * 10 + (**fmt - '0');
	return n;
}

static uint64_t
unsigned_arg(const struct Spec *s, va_list *ap)
{
	if (s->longs >= 2)
		return va_arg(*ap, unsigned long long);
	return s->longs == 1 ? va_arg(*ap, unsigned long) : va_arg(*ap, unsigned);
}

static int64_t
signed_arg(const struct Spec *s, va_list *ap)
{
	if (s->longs >= 2)
		return va_arg(*ap, long long);
	return s->longs == 1 ? va_arg(*ap, long) : va_arg(*ap, int);
}

// Read flags, width, precision and size into s; return the place of the letter.
static const char *
parse(struct Spec *s, const char *fmt, va_list *ap)
{
	s->left = s->zero = s->alt = false;
	s->width = s->precision = -1;
	s->longs = 0;

	for (;; fmt++) {
		if (*fmt == '-')
			s->left = true;
		else if (*fmt == '0')
			s->zero = true;
		else if (*fmt == '#')
			s->alt = true;
		else
			break;
	}
	s->width = number(&fmt, ap);
	if (s->width < 0) { // a negative * means - and its size
		s->left = true;
		s->width = -MAX(s->width, -INT32_MAX);
	}
	if (*fmt == '.') {
		fmt++;
		s->precision = number(&fmt, ap);
	}
	for (; *fmt == 'l'; fmt++)
		s->longs++;
	return fmt;
}

// Print one conversion, whose letter is at fmt.
static void
convert(struct Spec *s, const char *fmt, va_list *ap)
{
	const char *text;
	int64_t n;
	char c;

	switch (*fmt) {
	case 'd':
	case 'i':
		n = signed_arg(s, ap);
		put_number(s, n < 0 ? -(uint64_t) n : (uint64_t) n, n < 0, 10, false);
		return;
	case 'u':
		put_number(s, unsigned_arg(s, ap), false, 10, false);
		return;
	case 'o':
		put_number(s, unsigned_arg(s, ap), false, 8, false);
		return;
	case 'x':
	case 'X':
		put_number(s, unsigned_arg(s, ap), false, 16, *fmt == 'X');
		return;
	case 'p':
		pad(s, '0', 1);
		pad(s, 'x', 1);
		put_number(s, (uintptr_t) va_arg(*ap, void *), false, 16, false);
		return;
	case 'c':
		c = va_arg(*ap, int);
		put_text(s, &c, 1);
		return;
	case 's':
		text = va_arg(*ap, const char *);
		if (!text)
			text = "(null)";
		// With a precision, what lies behind it need not be a string, nor readable.
		put_text(s, text, s->precision < 0 ? strlen(text) : strnlen(text, s->precision));
		return;
	case 'e':
		put_error(s, va_arg(*ap, int));
		return;
	}
	// Not ours: show it as it stands.
	s->putch('%', s->arg);
	if (*fmt != '%' && *fmt != '\0')
		s->putch(*fmt, s->arg);
}

void
vprintfmt(void (*putch)(int, void *), void *arg, const char *fmt, va_list ap)
{
	struct Spec s = {.putch = putch, .arg = arg};
	va_list args;

	va_copy(args, ap);
	for (; *fmt; fmt++) {
		if (*fmt != '%') {
			putch((unsigned char) *fmt, arg);
			continue;
		}
		fmt = parse(&s, fmt + 1, &args);
		convert(&s, fmt, &args);
		if (*fmt == '\0')
			break;
	}
	va_end(args);
}

void
printfmt(void (*putch)(int, void *), void *arg, const char *fmt, ...)
{
	va_list ap;

	va_start(ap, fmt);
	vprintfmt(putch, arg, fmt, ap);
	va_end(ap);
}

struct Buffer {
	char *next, *last; // *last is kept for the 0
	int total;
};

static void
put_in_buffer(int c, void *arg)
{
	struct Buffer *b = arg;

	b->total++;
	if (b->next < b->last)
		*b->next++ = c;
}

int
vsnprintf(char *buf, size_t n, const char *fmt, va_list ap)
{
	if (!buf || n < 1)
		return -E_INVAL;
	struct Buffer b = {buf, buf + n - 1, 0};
	vprintfmt(put_in_buffer, &b, fmt, ap);
	*b.next = '\0';
	return b.total;
}

int
snprintf(char *buf, size_t n, const char *fmt, ...)
{
	va_list ap;
	int len;

	va_start(ap, fmt);
	len = vsnprintf(buf, n, fmt, ap);
	va_end(ap);
	return len;
}
