// The start of the kernel, and its ends.

#ifndef FAULTLINE_KERN_INIT_H
#define FAULTLINE_KERN_INIT_H

#include "inc/types.h"

// No env can run any more.  With nobody at the console the machine ends, else the monitor is
// there; it does not come back.
void all_done(void) __attribute__((noreturn));

// End the machine, if it is QEMU with the device for it: status 33 when all went well, 35 when
// a program was killed or the kernel panicked.  Returns if there is no such device.
void machine_exit(bool good);

#endif
