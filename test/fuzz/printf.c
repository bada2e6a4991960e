// lib/printfmt.c: formats of any kind against the bounds of the buffer, and formats that ISO C
// knows too against the host's own snprintf.

// The host has these names.
#define snprintf kern_snprintf
#define vsnprintf kern_vsnprintf
#include "lib/printfmt.c"
#undef snprintf
int snprintf(char *buf, size_t n, const char *fmt, ...);

#include "test/fuzz/fuzz.h"

#define MAXARGS 24
#define MAXFORMAT 512
#define MAXOUTPUT 65536
#define MAXCONVERSIONS 6 // of three arguments each

static char format[MAXFORMAT];
static uint64_t args[MAXARGS]; // each takes one place, whatever its type, on any 64-bit machine
static int nargs;

#define ALL(a)                                                                                     \
	a[0], a[1], a[2], a[3], a[4], a[5], a[6], a[7], a[8], a[9], a[10], a[11], a[12], a[13],    \
		a[14], a[15], a[16], a[17], a[18], a[19], a[20], a[21], a[22], a[23]

// A string of some bytes of the input; without its 0 if nobody may look for that.
static const char *
a_string(bool terminated, int *len)
{
	*len = below(24);
	char *s = exactly(*len + terminated);

	for (int i = 0; i < *len; i++) {
		uint8_t b = byte();
		s[i] = b ? b : 'z';
	}
	if (terminated)
		s[*len] = '\0';
	return s;
}

static uint64_t
a_number(void)
{
	static const uint64_t some[] = {0,          1,         9,          10,
					0xfff,      INT32_MAX, INT32_MIN,  UINT32_MAX,
					UINT64_MAX, INT64_MAX, 1ull << 63, 1ull << 32};
	uint8_t b = byte();

	if (b < 0xc0)
		return some[b % ARRAY_SIZE(some)];
	uint64_t high = b < 0xe0 ? 0 : word();
	return high << 32 | word();
}

static void
count(int c, void *arg)
{
	(void) c;
	++*(int *) arg;
}

// Print into a buffer of n bytes, and check everything but the text.
static int
print(char *buf, size_t n)
{
	int len = kern_snprintf(buf, n, format, ALL(args)), counted = 0;

	CHECK(len >= 0);
	CHECK_EQ(buf[MIN((size_t) len, n - 1)], '\0');
	printfmt(count, &counted, format, ALL(args));
	CHECK_EQ(counted, len);
	return len;
}

// Print into a buffer that is large enough, and into one of any size: the same as far as it goes.
static char *
print_twice(int *len)
{
	size_t n = below(64) + 1;
	char *part = exactly(n);
	*len = print(part, n);
	char *all = exactly(*len + 1);

	CHECK_EQ(print(all, *len + 1), *len);
	CHECK_EQ(kern_snprintf(part, 0, format, ALL(args)), -E_INVAL);
	CHECK_EQ(kern_snprintf(NULL, n, format, ALL(args)), -E_INVAL);
	CHECK(memcmp(all, part, MIN((size_t) *len, n - 1)) == 0);
	return all;
}

// Arbitrary formats

// A number or * at *p; returns how wide it can make the output.
static uint32_t
pass_number(const char **p)
{
	uint32_t n = 0;

	if (**p == '*') {
		++*p;
		int8_t b = byte();
		args[nargs++] = (uint64_t) b;
		return b < 0 ? -b : b;
	}
	for (; **p >= '0' && **p <= '9'; ++*p)
		n = MIN(n * 10 + (**p - '0'), (uint32_t) MAXOUTPUT);
	return n;
}

// Give the format the arguments that it asks for.  False: it asks for too much.
static bool
choose_args(void)
{
	uint32_t total = 0;
	int len;

	for (const char *p = format; *p; p++) {
		if (*p != '%')
			continue;
		if (nargs > MAXARGS - 3)
			return false;
		for (p++; *p == '-' || *p == '0' || *p == '#';)
			p++;
		total += pass_number(&p);
		if (*p == '.') {
			p++;
			total += pass_number(&p);
		}
		while (*p == 'l')
			p++;
		if (!*p)
			break;
		if (*p == 's')
			args[nargs++] = below(8) ? (uintptr_t) a_string(true, &len) : 0;
		else if (strchr("diuoxXcpe", *p))
			args[nargs++] = a_number();
	}
	return total < MAXOUTPUT;
}

static void
print_anything(void)
{
	int len = byte();

	for (int i = 0; i < len; i++) {
		uint8_t b = byte();
		format[i] = b ? b : '%';
	}
	format[len] = '\0';
	if (choose_args())
		print_twice(&len);
}

// Standard formats

static char standard[MAXFORMAT]; // the same format for the host,
static uint64_t standard_args[MAXARGS];

static void
put(const char *s)
{
	strcat(format, s);
	strcat(standard, s);
}

static void
put_arg(uint64_t arg)
{
	standard_args[nargs] = arg;
	args[nargs++] = arg;
}

// A number, or * with one in the arguments.
static void
put_field(int n)
{
	char digits[16];

	if (n >= 0 && below(2)) {
		snprintf(digits, sizeof digits, "%d", n);
		put(digits);
	} else {
		put("*");
		put_arg((uint64_t) (int64_t) n);
	}
}

static int
a_field(void)
{
	uint8_t b = byte();

	return b < 0x80 ? b / 4 : b - 0xc0;
}

static void
put_width(void)
{
	if (below(2))
		put("-");
	if (below(2))
		put_field(a_field());
}

// %e, which prints a text of ours: the host gets the text.
static void
put_error_conversion(void)
{
	static const char *const text[] = {
#define ERROR(name, text) [name] = text,
#include "inc/error.def"
#undef ERROR
	};
	int error = (int8_t) byte();
	uint32_t n = error < 0 ? -error : error;

	if (n > 0 && n < ARRAY_SIZE(text)) {
		put_width();
		strcat(format, "e");
		strcat(standard, "s");
		put_arg((uint64_t) (int64_t) error);
		standard_args[nargs - 1] = (uintptr_t) text[n];
	} else {
		strcat(format, "e");
		strcpy(standard + strlen(standard) - 1, "error %u"); // in place of its %
		put_arg((uint64_t) (int64_t) error);
		standard_args[nargs - 1] = n;
	}
}

static void
put_string_conversion(void)
{
	int len, precision = a_field();
	bool limited = below(2);

	put_width();
	// An array that is not terminated is printed as far as the precision goes.
	bool terminated = !limited || precision < 0 || below(2);
	const char *s = a_string(terminated, &len);
	if (limited) {
		put(".");
		put_field(terminated ? precision : MIN(precision, len));
	}
	put("s");
	put_arg((uintptr_t) s);
	char *copy = exactly(len + 1);
	memcpy(copy, s, len);
	copy[len] = '\0';
	standard_args[nargs - 1] = (uintptr_t) copy; // the sanitizer of the host's looks further
}

static void
put_number_conversion(const char *letter)
{
	static const char *const sizes[] = {"", "l", "ll"};
	uint64_t n = a_number();
	int longs = below(3);

	if (below(2))
		put("0");
	if (strchr("oxX", *letter) && below(2))
		put("#");
	put_width();
	if (below(2)) {
		put(".");
		put_field(a_field());
	}
	put(sizes[longs]);
	put(letter);
	put_arg(n);
}

static void
put_conversion(void)
{
	static const char *const letters[] = {"d", "i", "u", "o", "x", "X"};

	put("%");
	switch (below(12)) {
	case 0:
		put("%");
		break;
	case 1:
		put_width();
		put("c");
		put_arg('!' + below(90));
		break;
	case 2 ... 3:
		put_string_conversion();
		break;
	case 4:
		put("p");
		put_arg(a_number() | 1); // the host has a word for NULL
		break;
	case 5:
		put_error_conversion();
		break;
	default:
		put_number_conversion(CHOOSE(letters));
	}
}

static void
print_standard(void)
{
	static char want[MAXOUTPUT];
	char literal[2] = "";
	int len;

	standard[0] = '\0';
	for (int n = below(MAXCONVERSIONS); n >= 0; n--) {
		put_conversion();
		literal[0] = 'a' + below(26);
		put(literal);
	}
	put("%x"); // which shows that all before it have taken what is theirs
	put_arg(0xc0ffee);
	int want_len = snprintf(want, sizeof want, standard, ALL(standard_args));
	char *got = print_twice(&len);
	if (len != want_len || strcmp(got, want) != 0)
		test_fail(__FILE__, __LINE__, "\"%s\" gives \"%s\", not \"%s\"", format, got, want);
}

void
fuzz(void)
{
	format[0] = '\0';
	nargs = 0;
	memset(args, 0, sizeof args);
	if (byte() % 4 == 0)
		print_anything();
	else
		print_standard();
}
