// The process library: pipes and descriptors.

#include "user/family.h"

#define BIG 300000
#define WRITERS 8
#define EACH 3000 // bytes of each writer

static int fd[2];
static char buffer[BIG];

static void
new_pipe(void)
{
	CHECK(proc_pipe(fd) == 0);
}

static void
close_both(void)
{
	CHECK(proc_close(fd[0]) == 0 && proc_close(fd[1]) == 0);
}

// Write or read all of n bytes.
static void
write_all(int to, const char *s, int n)
{
	CHECK(proc_write(to, s, n) == n);
}

static int
read_all(int from, char *s, int n)
{
	int done = 0, r;

	while (done < n && (r = proc_read(from, s + done, n - done)) != 0) {
		CHECK(r > 0);
		done += r;
	}
	return done;
}

static uint8_t
byte_at(uint32_t i)
{
	return i * 31 + (i >> 8) * 7 + (i >> 16);
}

static int
use_a_pipe(int unused)
{
	new_pipe();
	write_all(fd[1], "x", 1);
	close_both();
	return 0;
}

// init has the page tables for it before there is a process.
static void
the_first_pipe_of_a_family_costs_nothing_for_ever(void)
{
	ends(child(use_a_pipe, 0), PROC_EXITED, 0);
}

// Descriptors.

static void
descriptors(void)
{
	int other[2], n = 0, opened[PROC_FDS], r;

	new_pipe();
	CHECK(fd[0] == 3 && fd[1] == 4);
	CHECK(proc_read(fd[1], buffer, 1) == -E_INVAL);
	CHECK(proc_write(fd[0], buffer, 1) == -E_INVAL);
	CHECK(proc_read(7, buffer, 1) == -E_INVAL && proc_read(-1, buffer, 1) == -E_INVAL);
	CHECK(proc_close(7) == -E_INVAL && proc_close(100) == -E_INVAL);
	CHECK(proc_dup(7) == -E_INVAL && proc_dup(-1) == -E_INVAL);
	CHECK(proc_write(fd[1], (void *) 0x1000, 1) == -E_FAULT);
	CHECK(proc_write(fd[1], (void *) UINT32_MAX, 2) == -E_FAULT);
	CHECK(proc_read(fd[0], (void *) UTEXT, 1) == -E_FAULT);
	CHECK(proc_pipe((int *) UTEXT) == -E_FAULT);
	CHECK(proc_write(fd[1], buffer, 0) == 0 && proc_read(fd[0], buffer, 0) == 0);
	while ((r = proc_dup(fd[1])) >= 0)
		opened[n++] = r;
	CHECK(r == -E_MAX_OPEN && n == PROC_FDS - 5);
	CHECK(proc_pipe(other) == -E_MAX_OPEN);
	CHECK(proc_close(opened[--n]) == 0);
	CHECK(proc_pipe(other) == -E_MAX_OPEN); // it needs two
	CHECK(proc_close(opened[3]) == 0);
	CHECK(proc_dup(0) == opened[3]); // the lowest
	CHECK(proc_close(opened[3]) == 0 && proc_pipe(other) == 0);
	CHECK(proc_close(other[0]) == 0 && proc_close(other[1]) == 0);
	while (n > 0)
		if (--n != 3)
			CHECK(proc_close(opened[n]) == 0);
	close_both();
	CHECK(proc_write(1, "the console is there\n", 21) == 21);
}

// The ends.

static void
ends_of_a_pipe(void)
{
	int copy;

	new_pipe();
	copy = proc_dup(fd[1]);
	write_all(fd[1], "abc", 3);
	CHECK(proc_close(fd[1]) == 0);
	CHECK(proc_read(fd[0], buffer, 2) == 2 && memcmp(buffer, "ab", 2) == 0);
	write_all(copy, "d", 1);
	CHECK(proc_close(copy) == 0);
	CHECK(proc_read(fd[0], buffer, BIG) == 2 && memcmp(buffer, "cd", 2) == 0);
	CHECK(proc_read(fd[0], buffer, 1) == 0 && proc_read(fd[0], buffer, 1) == 0);
	CHECK(proc_close(fd[0]) == 0);

	new_pipe();
	CHECK(proc_close(fd[0]) == 0);
	CHECK(proc_write(fd[1], "x", 1) == -E_EOF);
	CHECK(proc_close(fd[1]) == 0);
}

// The reader goes in the middle: the writer is told how far it has come.
static int
read_some(int n)
{
	CHECK(proc_close(fd[1]) == 0);
	CHECK(read_all(fd[0], buffer, n) == n);
	return 0;
}

static void
broken_pipe(void)
{
	int n;
	pid_t pid;

	new_pipe();
	pid = child(read_some, 5000);
	CHECK(proc_close(fd[0]) == 0);
	n = proc_write(fd[1], buffer, BIG);
	CHECK(n >= 5000 && n < BIG);
	CHECK(proc_write(fd[1], buffer, 1) == -E_EOF);
	CHECK(proc_close(fd[1]) == 0);
	ends(pid, PROC_EXITED, 0);
}

// Much.

static int
write_big(int n)
{
	CHECK(proc_close(fd[0]) == 0);
	for (int i = 0; i < n; i++)
		buffer[i] = byte_at(i);
	// Chunks of all sizes
	for (int done = 0, size = 1; done < n; done += size, size = size * 3 % 9001 + 1)
		write_all(fd[1], buffer + done, size = MIN(size, n - done));
	return 0;
}

static void
much(void)
{
	pid_t pid;

	new_pipe();
	pid = child(write_big, BIG);
	CHECK(proc_close(fd[1]) == 0);
	CHECK(read_all(fd[0], buffer, BIG) == BIG);
	for (int i = 0; i < BIG; i++)
		if ((uint8_t) buffer[i] != byte_at(i))
			panic("byte %d is %02x", i, (uint8_t) buffer[i]);
	CHECK(proc_read(fd[0], buffer, 1) == 0);
	CHECK(proc_close(fd[0]) == 0);
	ends(pid, PROC_EXITED, 0);
}

// Many writers: what each writes at once stays together.
static int
write_records(int who)
{
	char record[10];

	memset(record, 'a' + who, sizeof record);
	for (int i = 0; i < EACH; i += sizeof record)
		write_all(fd[1], record, sizeof record);
	return 0;
}

static void
many_writers(void)
{
	int seen[WRITERS] = {0};
	char record[10];

	new_pipe();
	for (int i = 0; i < WRITERS; i++)
		child(write_records, i);
	CHECK(proc_close(fd[1]) == 0);
	while (read_all(fd[0], record, sizeof record) == sizeof record) {
		const int who = record[0] - 'a';

		CHECK(who >= 0 && who < WRITERS);
		for (unsigned i = 1; i < sizeof record; i++)
			CHECK(record[i] == record[0]);
		seen[who] += sizeof record;
	}
	for (int i = 0; i < WRITERS; i++) {
		CHECK(seen[i] == EACH);
		CHECK(proc_waitpid(0, NULL) > 0);
	}
	CHECK(proc_close(fd[0]) == 0);
}

// Killed while they wait.

static int
read_for_ever(int arg)
{
	return proc_read(fd[0], buffer, BIG);
}

static int
write_for_ever(int arg)
{
	return proc_write(fd[1], buffer, BIG);
}

// The pipe is full when it ups the semaphore.
static int
fill_and_write(int full)
{
	write_all(fd[1], buffer, 4 * PGSIZE);
	proc_sem_up(full);
	return write_for_ever(0);
}

static void
killed_while_waiting(void)
{
	int full = proc_sem_new(0);
	pid_t pid;

	new_pipe();
	pid = child(read_for_ever, 0);
	await_state(pid, PROC_SLEEPING);
	CHECK(proc_kill(pid) == 0);
	write_all(fd[1], "xyz", 3); // the dead has not taken it
	CHECK(proc_read(fd[0], buffer, 10) == 3);
	ends(pid, PROC_KILLED, KILLED);

	pid = child(fill_and_write, full);
	CHECK(proc_sem_down(full, 0) == 0);
	await_state(pid, PROC_SLEEPING);
	CHECK(proc_kill(pid) == 0);
	ends(pid, PROC_KILLED, KILLED);
	CHECK(proc_sem_free(full) == 0);
	CHECK(proc_close(fd[1]) == 0);
	CHECK(read_all(fd[0], buffer, BIG) == 4 * PGSIZE); // what was in the pipe
	CHECK(proc_close(fd[0]) == 0);

	// The other end of one that was killed
	new_pipe();
	pid = child(write_for_ever, 0);
	CHECK(proc_close(fd[1]) == 0);
	await_state(pid, PROC_SLEEPING);
	CHECK(proc_kill(pid) == 0);
	CHECK(read_all(fd[0], buffer, BIG) < BIG);
	ends(pid, PROC_KILLED, KILLED);
	CHECK(proc_close(fd[0]) == 0);
}

void
umain(int argc, char **argv)
{
	uint32_t before;

	begin_family();
	own_pages();
	memset(buffer, 1, sizeof buffer);
	before = free_frames();
	the_first_pipe_of_a_family_costs_nothing_for_ever();
	CHECK(free_frames() == before);
	CHECK(use_a_pipe(0) == 0); // but this process has a window now
	before = free_frames();
	descriptors();
	ends_of_a_pipe();
	broken_pipe();
	much();
	many_writers();
	killed_while_waiting();
	CHECK(free_frames() == before);
	cprintf("procpipes: OK\n");
}
