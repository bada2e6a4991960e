// Descriptors.  The only files are the console's two names.

#include "inc/lib.h"
#include "inc/proc.h"
#include "ucore.h"

int ucore_open(const char *path, uint32_t open_flags);
int ucore_close(int fd);
int ucore_read(int fd, void *base, size_t len);
int ucore_write(int fd, const void *base, size_t len);
int ucore_dup(int fd);

int
ucore_open(const char *path, uint32_t open_flags)
{
	(void) open_flags;
	if (strcmp(path, "stdin:") == 0)
		return _ucore_error(proc_dup(0));
	if (strcmp(path, "stdout:") == 0)
		return _ucore_error(proc_dup(1));
	return -E_NOENT;
}

int
ucore_close(int fd)
{
	return _ucore_error(proc_close(fd));
}

int
ucore_read(int fd, void *base, size_t len)
{
	return _ucore_error(proc_read(fd, base, len));
}

int
ucore_write(int fd, const void *base, size_t len)
{
	return _ucore_error(proc_write(fd, base, len));
}

int
ucore_dup(int fd)
{
	return _ucore_error(proc_dup(fd));
}
