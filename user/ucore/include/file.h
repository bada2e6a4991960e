// Descriptors, as programs for uCore know them.  There are no files: "stdin:" and "stdout:" can be
// opened, and 0 and 1 are the console from the start.

#ifndef UCORE_FILE_H
#define UCORE_FILE_H

#include <defs.h>

// Return a descriptor, how many bytes, or 0.
//	-E_NOENT	there is no such file
//	-E_INVAL	fd is not open for that, or the memory is not there
//	-E_MAX_OPEN
int open(const char *path, uint32_t open_flags);
int close(int fd);
int read(int fd, void *base, size_t len);
int write(int fd, const void *base, size_t len);
int dup(int fd);

#endif
