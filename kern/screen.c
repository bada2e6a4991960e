// The screen: 80 x 25 characters of a VGA in text mode.
// Source: IBM VGA technical reference; CRT controller registers 14 and 15 hold the cursor.

#include "inc/string.h"
#include "inc/x86.h"
#include "kern/console.h"
#include "kern/mem.h"

#define TEXT_PADDR 0xb8000
#define COLUMNS 80
#define ROWS 25
#define CELLS (COLUMNS * ROWS)
#define BLANK 0x0720 // grey on black
#define CRTC_INDEX 0x3d4
#define CRTC_DATA 0x3d5
#define CURSOR_HIGH 14
#define CURSOR_LOW 15

static uint16_t *const text = KADDR(TEXT_PADDR);
static unsigned cursor; // [K] the cell that is next

static unsigned
crtc_read(int reg)
{
	outb(CRTC_INDEX, reg);
	return inb(CRTC_DATA);
}

static void
crtc_write(int reg, uint8_t value)
{
	outb(CRTC_INDEX, reg);
	outb(CRTC_DATA, value);
}

void
screen_init(void)
{
	cursor = crtc_read(CURSOR_HIGH) << 8 | crtc_read(CURSOR_LOW);
	if (cursor >= CELLS)
		cursor = 0;
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
		if (cursor > 0)
			text[--cursor] = BLANK;
		break;
	case '\t':
		do
			put(' ');
		while (cursor % 8);
		break;
	default:
		text[cursor++] = (BLANK & 0xff00) | (c & 0xff);
		break;
	}
	if (cursor < CELLS)
		return;
	memmove(text, text + COLUMNS, (CELLS - COLUMNS) * sizeof *text);
	for (int i = CELLS - COLUMNS; i < CELLS; i++)
		text[i] = BLANK;
	cursor -= COLUMNS;
}

void
screen_write(const char *s, size_t n)
{
	for (; n > 0; n--)
		put(*s++);
	crtc_write(CURSOR_HIGH, cursor >> 8);
	crtc_write(CURSOR_LOW, cursor);
}
