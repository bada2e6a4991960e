// xv6's system calls, by the process library.  user/user.h has their contracts.
//
// That header and the library's own give different types to the same names, so nothing includes both.
// In the symbols of xv6's side each name begins with xv6_.

#include "inc/proc.h"
#include "inc/region.h"
#include "../kernel/param.h"

#define TICK_MS 100

// xv6 has one error.
static int
result(int r)
{
	return r < 0 ? -1 : r;
}

int
xv6_fork(void)
{
	return result(proc_fork());
}

int xv6_exit(int status) __attribute__((noreturn));

int
xv6_exit(int status)
{
	proc_exit(status);
}

int
xv6_wait(int *status)
{
	struct ProcStatus how;
	pid_t pid;

	if (status && !proc_accessible(status, sizeof(*status), REGION_WRITE))
		return -1;
	pid = proc_waitpid(0, &how);
	if (pid < 0)
		return -1;
	if (status)
		*status = how.code;
	return pid;
}

int
xv6_pipe(int *p)
{
	int fd[2];

	if (!proc_accessible(p, sizeof(fd), REGION_WRITE) || proc_pipe(fd) < 0)
		return -1;
	p[0] = fd[0];
	p[1] = fd[1];
	return 0;
}

int
xv6_write(int fd, const void *from, int n)
{
	return n < 0 ? -1 : result(proc_write(fd, from, n));
}

int
xv6_read(int fd, void *to, int n)
{
	return n < 0 ? -1 : result(proc_read(fd, to, n));
}

int
xv6_close(int fd)
{
	return result(proc_close(fd));
}

int
xv6_dup(int fd)
{
	return result(proc_dup(fd));
}

// As in xv6, one that has ended can be killed until it has been waited for.
int
xv6_kill(int pid)
{
	int r = proc_kill(pid);

	return r == -E_INVAL ? 0 : result(r);
}

int
xv6_getpid(void)
{
	return proc_getpid();
}

int
xv6_sleep(int ticks)
{
	return result(
		proc_sleep(ticks < 0 ? 0 : MIN((uint32_t) ticks, UINT32_MAX / TICK_MS) * TICK_MS));
}

int
xv6_uptime(void)
{
	return proc_time() / TICK_MS;
}

// The length of the text at s with its 0, or -1 when it cannot be read or is longer than max.
static int
text_size(const char *s, int max)
{
	for (int n = 0; n < max; n++) {
		if ((n == 0 || PGOFF((uint32_t) s + n) == 0) &&
		    !proc_accessible(s + n, 1, REGION_READ))
			return -1;
		if (!s[n])
			return n + 1;
	}
	return -1;
}

// Whether these can be read as the arguments of a program.
static bool
good_arguments(char *const argv[])
{
	for (int i = 0; i < MAXARG; i++) {
		if (!proc_accessible(&argv[i], sizeof(argv[i]), REGION_READ))
			return false;
		if (!argv[i])
			return true;
		if (text_size(argv[i], PGSIZE) < 0)
			return false;
	}
	return false;
}

// The program is xv6's of this name, in whatever folder it is looked for.
int
xv6_exec(const char *name, char **argv)
{
	char program[sizeof("xv6/") + MAXPATH];

	if (text_size(name, MAXPATH) < 0 || !good_arguments(argv))
		return -1;
	while (*name == '/')
		name++;
	snprintf(program, sizeof(program), "xv6/%s", name);
	return result(proc_exec(program, argv));
}

// Without a file system there is nothing that these could find.
static int
none(void)
{
	return -1;
}

#define NONE(name) int xv6_##name(void) __attribute__((alias("none")))

NONE(open);
NONE(mknod);
NONE(unlink);
NONE(fstat);
NONE(stat);
NONE(link);
NONE(mkdir);
NONE(chdir);
