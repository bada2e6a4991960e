// The programs in the image, by name: what is under user/ when the kernel is built.  Their files are
// in the archive of inc/archive.h, which fills whole pages.

#ifndef FAULTLINE_KERN_PROGRAMS_H
#define FAULTLINE_KERN_PROGRAMS_H

#include "inc/types.h"

struct Program {
	const char *name;
	const uint8_t *image, *image_end; // an ELF file
	const uint8_t *lines;             // its line table, for kdebug.h
};

// In obj/kern/programs.S, which the makefile writes.
extern const uint8_t archive[], archive_end[];
extern const struct Program programs[];
extern const uint32_t nprograms;

#endif
