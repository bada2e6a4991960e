// ELF images into address spaces.

#ifndef FAULTLINE_KERN_LOAD_H
#define FAULTLINE_KERN_LOAD_H

#include "inc/types.h"

struct Env;

// Load the ELF file of size bytes at image into e, which is new, with a stack of one page, and
// let e start at its entry point.  Writable segments are writable, others are not.
//	-E_NOT_EXEC	it is no ELF executable for this machine, or asks for memory that
//			programs do not have, or for the same page twice
//	-E_NO_MEM
// After an error e holds a part of the image, and is good for nothing but env_destroy.
int load_elf(struct Env *e, const void *image, uint32_t size);

// Give e, just loaded, its arguments: argv[0] is name, and argv[1] is argument, if that is not NULL;
// or the start of them, when they are very long.
void load_arguments(struct Env *e, const char *name, const char *argument);

#endif
