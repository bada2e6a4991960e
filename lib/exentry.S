// Exceptions of a program that are not page faults.

#include "lib/upcall.h"

UPCALL(_exception_upcall, _exception)
