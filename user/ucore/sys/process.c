// Processes: uCore's calls, by those of inc/proc.h.

#include "inc/lib.h"
#include "inc/proc.h"
#include "inc/region.h"
#include "ucore.h"

#define FOLDER "ucore/" // of its programs in the image

int ucore_main(int argc, char **argv);
void ucore_exit(int code) __attribute__((noreturn));
int ucore_fork(void);
int ucore_wait(void);
int ucore_waitpid(int pid, int *store);
int ucore_kill(int pid);
void ucore_yield(void);
int ucore_getpid(void);
int ucore___exec(const char *name, const char **argv);
int ucore_sleep(unsigned int time);
unsigned int ucore_gettime_msec(void);
void ucore_lab6_set_priority(uint32_t priority);

void
umain(int argc, char **argv)
{
	ucore_exit(ucore_main(argc, argv));
}

void
ucore_exit(int code)
{
	proc_exit(code);
}

int
ucore_fork(void)
{
	return _ucore_error(proc_fork());
}

int
ucore_wait(void)
{
	return ucore_waitpid(0, NULL);
}

int
ucore_waitpid(int pid, int *store)
{
	struct ProcStatus status;
	int r;

	if (store && !proc_accessible(store, sizeof *store, REGION_WRITE))
		return -E_INVAL;
	if (pid < 0)
		return -E_BAD_PROC;
	r = proc_waitpid(pid, &status);
	if (r < 0)
		return _ucore_error(r);
	if (store)
		*store = status.code;
	return 0;
}

// A process that has ended counts as one that is marked: it is there until it has been waited for.
int
ucore_kill(int pid)
{
	switch (pid > 0 ? -proc_kill(pid) : OUR_BAD_ENV) {
	case 0:
		return 0;
	case OUR_INVAL:
		return -E_KILLED;
	default:
		return -E_INVAL;
	}
}

void
ucore_yield(void)
{
	proc_yield();
}

int
ucore_getpid(void)
{
	return proc_getpid();
}

// Without folders, a path is what stands behind its last slash.  The name that the process would have is
// that of its program here.
int
ucore___exec(const char *name, const char **argv)
{
	char program[PROC_NAME];
	const char *path = argv[0];
	unsigned n = 0;

	(void) name;
	if (!path)
		return -E_INVAL;
	for (const char *s = path; *s; s++)
		if (*s == '/')
			path = s + 1;
	n = snprintf(program, sizeof program, FOLDER "%s", path);
	if (n >= sizeof program)
		return -E_NOENT;
	return _ucore_error(proc_exec(program, (char *const *) argv));
}

int
ucore_sleep(unsigned int time)
{
	return _ucore_error(proc_sleep(time));
}

unsigned int
ucore_gettime_msec(void)
{
	return proc_time();
}

// A weight is the length of a turn; more than the longest is as much as that.
void
ucore_lab6_set_priority(uint32_t priority)
{
	proc_set_weight(MAX(MIN(priority, WEIGHT_MAX), 1u));
}
