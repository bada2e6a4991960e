// Descriptors of a process: its side of what lib/procpipe.c does.

#include "lib/proc.h"

static bool
is_fd(int fd)
{
	return fd >= 0 && fd < PROC_FDS;
}

int
proc_pipe(int fd[2])
{
	int r;

	if (!proc_accessible(fd, 2 * sizeof *fd, REGION_WRITE))
		return -E_FAULT;
	if ((r = _proc_window()) < 0 || (r = _proc_call(OP_PIPE, 0)) < 0)
		return r;
	fd[0] = r & 0xff;
	fd[1] = r >> 8;
	return 0;
}

int
proc_close(int fd)
{
	return is_fd(fd) ? _proc_call(OP_CLOSE, fd) : -E_INVAL;
}

int
proc_dup(int fd)
{
	return is_fd(fd) ? _proc_call(OP_DUP, fd) : -E_INVAL;
}

// A line, or as much of it as there is room for.
static int
read_console(char *to, size_t n)
{
	size_t i = 0;

	while (i < n && (i == 0 || to[i - 1] != '\n')) {
		const int c = getchar();

		to[i++] = c == '\r' ? '\n' : c;
	}
	return i;
}

int
proc_read(int fd, void *to, size_t n)
{
	const size_t chunk = MIN(n, (size_t) PGSIZE);
	int r;

	if (!is_fd(fd))
		return -E_INVAL;
	if (!proc_accessible(to, n, REGION_WRITE))
		return -E_FAULT;
	if ((r = _proc_window()) < 0)
		return r;
	r = _proc_call(OP_READ, IO_ARG(fd, chunk));
	if (r == IO_CONSOLE)
		return read_console(to, n);
	if (r > 0)
		memcpy(to, (void *) PROC_WINDOW, r);
	return r;
}

int
proc_write(int fd, const void *from, size_t n)
{
	size_t done = 0;
	int r;

	if (!is_fd(fd) || n > INT32_MAX)
		return -E_INVAL;
	if (!proc_accessible(from, n, REGION_READ))
		return -E_FAULT;
	if ((r = _proc_window()) < 0)
		return r;
	do {
		const size_t chunk = MIN(n - done, (size_t) PGSIZE);

		memcpy((void *) PROC_WINDOW, (const char *) from + done, chunk);
		r = _proc_call(OP_WRITE, IO_ARG(fd, chunk));
		if (r == IO_CONSOLE) {
			region_touch(from, n, REGION_READ); // the kernel does not
			sys_cputs(from, n);
			return n;
		}
		if (r < 0)
			return done > 0 ? (int) done : r;
		done += r;
	} while (done < n);
	return done;
}
