// Error numbers, as programs for uCore know them.  Functions return them negated, and %e prints them.

#ifndef UCORE_ERROR_H
#define UCORE_ERROR_H

#define E_UNSPECIFIED 1
#define E_BAD_PROC 2
#define E_INVAL 3
#define E_NO_MEM 4
#define E_NO_FREE_PROC 5
#define E_FAULT 6
#define E_SWAP_FAULT 7
#define E_INVAL_ELF 8
#define E_KILLED 9
#define E_PANIC 10
#define E_TIMEOUT 11
#define E_TOO_BIG 12
#define E_NO_DEV 13
#define E_NA_DEV 14
#define E_BUSY 15
#define E_NOENT 16
#define E_ISDIR 17
#define E_NOTDIR 18
#define E_XDEV 19
#define E_UNIMP 20
#define E_SEEK 21
#define E_MAX_OPEN 22
#define E_EXISTS 23
#define E_NOTEMPTY 24

#define MAXERROR 24

#endif
