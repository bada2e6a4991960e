// The kernel's command line.

#ifndef FAULTLINE_KERN_BOOTARGS_H
#define FAULTLINE_KERN_BOOTARGS_H

#include "inc/types.h"

struct Multiboot;

// Read it: the words that the boot loader passes on, then those that QEMU does, which win.
// The words are
//	init=NAME,NAME,...  the first programs; without it, the default.  NAME/ARGUMENT starts the
//			    program of this whole name, or else NAME with an argument
//	batch		    nobody is at the console: no monitor, and the machine ends by itself
//	quiet		    envs come and go without a line
//	plain		    the kernel takes none of its short ways, for comparison
//	image=N		    the format of the disk image
void bootargs_init(const struct Multiboot *mb);

extern char bootargs_init_names[256]; // [I] after init=
extern bool bootargs_quiet;           // [I]
extern bool bootargs_plain;           // [I]
extern bool bootargs_batch;           // [I]

#endif
