// The keyboard: scan codes of set 1 from an 8042, US layout, polled.
// Source: IBM PS/2 technical reference, keyboard section.

#include "inc/x86.h"
#include "kern/console.h"

#define DATA 0x60
#define STATUS 0x64
#define STATUS_DATA 0x01
#define STATUS_MOUSE 0x20

#define RELEASED 0x80
#define EXTENDED 0xe0
#define CTRL 0x1d
#define SHIFT_LEFT 0x2a
#define SHIFT_RIGHT 0x36
#define CAPS_LOCK 0x3a

// By scan code; 0 where there is no character.
static const unsigned char plain[] =
	"\0\0331234567890-=\b\tqwertyuiop[]\n\0asdfghjkl;'`\0\\zxcvbnm,./\0*\0 ";
static const unsigned char shifted[] =
	"\0\033!@#$%^&*()_+\b\tQWERTYUIOP{}\n\0ASDFGHJKL:\"~\0|ZXCVBNM<>?\0*\0 ";

static bool shift, ctrl, caps, extended; // [K]

static bool
is_letter(int c)
{
	return (c | 0x20) >= 'a' && (c | 0x20) <= 'z';
}

int
keyboard_getc(void)
{
	int status = inb(STATUS);

	if (status == 0xff || !(status & STATUS_DATA))
		return 0;
	int code = inb(DATA);
	if (status & STATUS_MOUSE)
		return 0;
	if (code == EXTENDED) {
		extended = true;
		return 0;
	}
	bool is_extended = extended, pressed = !(code & RELEASED);
	extended = false;
	code &= ~RELEASED;

	if (code == CTRL)
		ctrl = pressed;
	else if ((code == SHIFT_LEFT || code == SHIFT_RIGHT) && !is_extended)
		shift = pressed;
	else if (code == CAPS_LOCK && pressed)
		caps = !caps;
	if (!pressed || code >= (int) sizeof plain - 1)
		return 0;

	int c = plain[code];
	if (shift != (caps && is_letter(c)))
		c = shifted[code];
	if (ctrl)
		c = is_letter(c) ? c & 0x1f : 0;
	return c;
}
