// Strings and memory.  Where uCore's function takes a char, ours takes an int and looks at its low byte.

#include "same.h"

SAME(strlen)
SAME(strnlen)
SAME(strcpy)
SAME(strncpy)
SAME(strcat)
SAME(strcmp)
SAME(strncmp)
SAME(strchr)
SAME(strfind)
SAME(strtol)
SAME(memset)
SAME(memmove)
SAME(memcpy)
SAME(memcmp)
