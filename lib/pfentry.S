// Page faults of a program.

#include "lib/upcall.h"

UPCALL(_pgfault_upcall, *_pgfault_handler)
