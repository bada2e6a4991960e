// Errors: what uCore calls those of Faultline, and what %e prints for its numbers.

#include "inc/stdio.h"
#include "ucore.h"

int
_ucore_error(int r)
{
	switch (-r) {
	case OUR_BAD_ENV:
		return -E_BAD_PROC;
	case OUR_INVAL:
	case OUR_FAULT: // a wrong address is a wrong argument
		return -E_INVAL;
	case OUR_NO_MEM:
		return -E_NO_MEM;
	case OUR_NO_FREE_ENV:
		return -E_NO_FREE_PROC;
	case OUR_MAX_OPEN:
		return -E_MAX_OPEN;
	case OUR_NOT_FOUND:
	case OUR_BAD_PATH:
		return -E_NOENT;
	case OUR_NOT_EXEC:
		return -E_INVAL_ELF;
	case OUR_TIMEOUT:
		return -E_TIMEOUT;
	}
	return r < 0 ? -E_UNSPECIFIED : r;
}

static const char *const text[] = {
	[E_UNSPECIFIED] = "unspecified error",
	[E_BAD_PROC] = "bad process",
	[E_INVAL] = "invalid parameter",
	[E_NO_MEM] = "out of memory",
	[E_NO_FREE_PROC] = "out of processes",
	[E_FAULT] = "segmentation fault",
	[E_SWAP_FAULT] = "swap fault",
	[E_INVAL_ELF] = "invalid elf file",
	[E_KILLED] = "process is killed",
	[E_PANIC] = "panic failure",
	[E_TIMEOUT] = "timeout",
	[E_TOO_BIG] = "argument is too big",
	[E_NO_DEV] = "no such device",
	[E_NA_DEV] = "device not available",
	[E_BUSY] = "device/file is busy",
	[E_NOENT] = "no such file or directory",
	[E_ISDIR] = "is a directory",
	[E_NOTDIR] = "not a directory",
	[E_XDEV] = "cross device link",
	[E_UNIMP] = "unimplemented feature",
	[E_SEEK] = "illegal seek",
	[E_MAX_OPEN] = "too many files are open",
	[E_EXISTS] = "file or directory already exists",
	[E_NOTEMPTY] = "directory is not empty",
};

const char *
error_text(unsigned n)
{
	return n < ARRAY_SIZE(text) ? text[n] : NULL;
}
