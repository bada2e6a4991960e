// The programs in the image, by name: what is under user/ when the kernel is built.  Their files are
// in the archive of inc/archive.h, which fills whole pages.

#ifndef FAULTLINE_KERN_PROGRAMS_H
#define FAULTLINE_KERN_PROGRAMS_H

#include "inc/types.h"

struct Env;

struct Program {
	const char *name;
	const uint8_t *image, *image_end; // an ELF file
	const uint8_t *lines;             // its line table, for kdebug.h
};

// In obj/kern/programs.S, which the makefile writes.
extern const uint8_t archive[], archive_end[];
extern const struct Program programs[];
extern const uint32_t nprograms;

// The program that e executes at va; NULL when that is none of these.
const struct Program *program_at(struct Env *e, uint32_t va);

#endif
