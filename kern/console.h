// The console: a serial line, and the screen and keyboard of a PC, as one device.

#ifndef FAULTLINE_KERN_CONSOLE_H
#define FAULTLINE_KERN_CONSOLE_H

#include "inc/stdio.h"
#include "inc/types.h"
#include "kern/cpu.h" // cons_getc is a part of the seam

void cons_init(void);

// Wait until all that was printed has left the machine.
void cons_drain(void);

// Its parts.  The getc functions give a character, 0 for none, and never wait.
void serial_init(void);
void serial_write(const char *s, size_t n);
int serial_getc(void);
void serial_drain(void);
void screen_init(void);
void screen_write(const char *s, size_t n);
int keyboard_getc(void);

#endif
