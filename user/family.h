// What the programs that try the process library have in common: a child that does something, what it
// must come to, and the count of the free frames.

#ifndef FAULTLINE_USER_FAMILY_H
#define FAULTLINE_USER_FAMILY_H

#include "inc/proc.h"
#include "user/attack.h"

#define KILLED (-9) // the code of those that were killed

#define CHECK(condition)                                                                           \
	do {                                                                                       \
		if (!(condition))                                                                  \
			panic("%s does not hold", #condition);                                     \
	} while (0)

// What init says when no process is left: OK if the first one has said so, by exiting with ALL_WELL.
static inline __attribute__((unused)) void
begin_family(void)
{
	static const struct ProcConfig config = {.killed_code = KILLED};

	share_page();
	proc_begin(&config);
	CHECK(proc_getpid() == 2);
}

// A child process that calls f(arg) and exits with what it returns.
static inline __attribute__((unused)) pid_t
child(int (*f)(int arg), int arg)
{
	pid_t pid = proc_fork();

	if (pid < 0)
		panic("fork: %e", pid);
	if (pid == 0)
		proc_exit(f(arg));
	return pid;
}

// Wait for this child, which must end like that.
static inline __attribute__((unused)) void
ends(pid_t pid, enum ProcEnd end, int code)
{
	struct ProcStatus status;
	pid_t ended = proc_waitpid(pid, &status);

	if (ended != pid || status.end != end || status.code != code)
		panic("waiting for %d: %d, end %d, code %d", pid, ended, status.end, status.code);
}

static inline __attribute__((unused)) void
await_state(pid_t pid, enum ProcState state)
{
	while (proc_state(pid) != state)
		proc_yield();
}

#endif
