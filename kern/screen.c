// The screen: 80 x 25 characters of a VGA in text mode.
// Source: IBM VGA technical reference, CRT controller registers.
//
// The adapter's memory holds some 200 lines, of which it shows 25 from any place on.  Scrolling
// moves that place; only at the end of the memory are the visible lines copied to its start.

#include "inc/string.h"
#include "inc/x86.h"
#include "kern/console.h"
#include "kern/mem.h"

#define TEXT_PADDR 0xb8000
#define COLUMNS 80
#define ROWS 25
#define SHOWN (COLUMNS * ROWS)
#define CELLS (0x8000 / 2 / COLUMNS * COLUMNS) // all there are, in whole lines
#define BLANK 0x0720                           // grey on black
#define CRTC_INDEX 0x3d4
#define CRTC_DATA 0x3d5
#define START 12 // two registers each, the high byte first
#define CURSOR 14

static uint16_t *const text = KADDR(TEXT_PADDR);
static unsigned top;        // [K] the first cell that is shown
static unsigned top_is_set; // [K] what the adapter has been told
static unsigned cursor;     // [K] the cell that is next

static unsigned
crtc_read(int reg)
{
	unsigned high;

	outb(CRTC_INDEX, reg);
	high = inb(CRTC_DATA);
	outb(CRTC_INDEX, reg + 1);
	return high << 8 | inb(CRTC_DATA);
}

static void
crtc_write(int reg, unsigned value)
{
	outw(CRTC_INDEX, (value & 0xff00) | reg); // index and data in one
	outw(CRTC_INDEX, value << 8 | (reg + 1));
}

void
screen_init(void)
{
	cursor = crtc_read(CURSOR);
	if (cursor >= SHOWN)
		cursor = 0;
	crtc_write(START, 0);
}

static void
blank_line(unsigned cell)
{
	for (unsigned i = 0; i < COLUMNS; i++)
		text[cell + i] = BLANK;
}

// The cursor is past the last line: show one more.
static void
scroll(void)
{
	top += COLUMNS;
	if (top + SHOWN > CELLS) {
		memmove(text, text + top, (SHOWN - COLUMNS) * sizeof *text);
		cursor -= top;
		top = 0;
	}
	blank_line(cursor - cursor % COLUMNS);
}

static void
put(int c)
{
	switch (c) {
	case '\n':
		cursor += COLUMNS - cursor % COLUMNS;
		break;
	case '\r':
		cursor -= cursor % COLUMNS;
		break;
	case '\b':
		if (cursor > top)
			text[--cursor] = BLANK;
		break;
	case '\t':
		do
			put(' ');
		while (cursor % COLUMNS % 8);
		break;
	default:
		text[cursor++] = (BLANK & 0xff00) | (c & 0xff);
		break;
	}
	if (cursor >= top + SHOWN)
		scroll();
}

void
screen_write(const char *s, size_t n)
{
	for (; n > 0; n--)
		put(*s++);
	if (top != top_is_set) {
		crtc_write(START, top);
		top_is_set = top;
	}
	crtc_write(CURSOR, cursor);
}
