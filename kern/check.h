// The invariants of the core, as code.

#ifndef FAULTLINE_KERN_CHECK_H
#define FAULTLINE_KERN_CHECK_H

#include "inc/types.h"

// Panic unless everything that must hold between two system calls holds.  Looks at every env and
// every mapping, so it is for tests.  refs has room for a word for each frame.
// Returns how much there was to look at, in entries and frames.
unsigned check_all(uint32_t *refs);

#endif
