// Tests of xv6's calls, for what concerns memory, fork, exec, wait, kill, pipes, sbrk, stacks and bad
// pointers.
//
//	usertests [-q] [NAME...]	all, or those of these names; -q: without the slow ones
//
// Each test runs in a child, which exits with PASSED when all is as it should be: no program does that by
// whom a test is replaced when an exec does what it should not.  When it has ended there must be as many free
// pages as before it.

#include "kernel/types.h"
#include "kernel/fcntl.h"
#include "kernel/memlayout.h"
#include "kernel/param.h"
#include "kernel/riscv.h"
#include "kernel/stat.h"
#include "user/faultline.h"
#include "user/user.h"

#define FAILED ((char *) -1) // what sbrk says
#define TOO_MUCH 0x30000000  // bytes: more than the machine has, less than there are addresses
#define KILLED (-1)          // a status
#define PASSED 4711          // another

// What must hold.
#define CHECK(condition)                                                                           \
	do {                                                                                       \
		if (!(condition)) {                                                                \
			printf("usertests.c:%d: %s\n", __LINE__, #condition);                      \
			exit(1);                                                                   \
		}                                                                                  \
	} while (0)

// Helpers.

// Fork, which must not fail.
static int
forked(void)
{
	int pid = fork();

	CHECK(pid >= 0);
	return pid;
}

// The status of the next child to end.
static int
joined(void)
{
	int status;

	CHECK(wait(&status) > 0);
	return status;
}

// Whether a child is killed when it does that.
static int
dies(void (*what)(char *), char *at)
{
	if (forked() == 0) {
		what(at);
		exit(0);
	}
	return joined() == KILLED;
}

static void
load(char *at)
{
	*(volatile char *) at;
}

static void
store(char *at)
{
	*(volatile char *) at = 'x';
}

// Wait until there is nothing to read any more: all who could write have ended.
static void
drained(int fd)
{
	char c;

	while (read(fd, &c, 1) > 0)
		continue;
	close(fd);
}

// A child that waits until the write end of the pipe is closed by all, and then exits with status.
static int
waiting_child(const int fds[2], int status)
{
	int pid = fork();

	if (pid == 0) {
		close(fds[1]);
		drained(fds[0]);
		exit(status);
	}
	return pid;
}

static uint seed = 1;

static uint
any(uint limit)
{
	seed = seed * 1664525 + 1013904223;
	return (seed >> 8) % limit;
}

// What must be at place i of a long stream.
static char
pattern(int i)
{
	return i * 7 + i / 251;
}

// fork, exit, wait.

static void
exitwait(void)
{
	for (int i = -30; i < 30; i++) {
		int status = 12345;
		int pid = forked();
		if (pid == 0)
			exit(i * 1000003);
		CHECK(wait(&status) == pid && status == i * 1000003);
	}
}

static void
waitnone(void)
{
	int status = 5;

	CHECK(wait(&status) == -1 && status == 5);
	CHECK(wait(0) == -1);
	if (forked() == 0)
		exit(3);
	CHECK(wait(0) > 0);
	CHECK(wait(0) == -1);
}

static void
pids(void)
{
	int fds[2], told, pid;

	CHECK(pipe(fds) == 0);
	pid = forked();
	if (pid == 0) {
		told = getpid();
		write(fds[1], &told, sizeof(told));
		exit(0);
	}
	CHECK(read(fds[0], &told, sizeof(told)) == sizeof(told));
	CHECK(told == pid && pid != getpid());
	CHECK(wait(0) == pid);
	CHECK(getpid() == getpid());
}

// Many end at once; each is told of once.
static void
waitany(void)
{
	enum { N = 20 };
	int pid[N], fds[2], status;
	int seen = 0;

	CHECK(pipe(fds) == 0);
	for (int i = 0; i < N; i++)
		CHECK((pid[i] = waiting_child(fds, i)) > 0);
	close(fds[0]);
	close(fds[1]);
	for (int i = 0; i < N; i++) {
		int found = wait(&status);
		CHECK(status >= 0 && status < N && pid[status] == found && !(seen & 1 << status));
		seen |= 1 << status;
	}
	CHECK(wait(0) == -1);
}

static void
twochildren(void)
{
	for (int i = 0; i < 30; i++) {
		if (forked() == 0)
			exit(i);
		if (forked() == 0)
			exit(i);
		CHECK(joined() == i && joined() == i);
	}
}

// A tree: each process adds what its children say to its own 1.
static int
tree(int depth)
{
	int n = 1;

	for (int i = 0; i < 2 && depth > 0; i++)
		if (forked() == 0)
			exit(tree(depth - 1));
	for (int i = 0; i < 2 && depth > 0; i++)
		n += joined();
	return n;
}

static void
forktree(void)
{
	CHECK(tree(5) == 63);
	CHECK(wait(0) == -1);
}

// As many processes as there can be; then fork says so, and all of them end.
static void
forkmany(void)
{
	int fds[2], n = 0;

	CHECK(pipe(fds) == 0);
	while (n < 10 * NPROC && waiting_child(fds, n % 100) > 0)
		n++;
	CHECK(n < NPROC && n > NPROC / 2);
	CHECK(fork() == -1);
	close(fds[0]);
	close(fds[1]);
	for (int i = 0, status; i < n; i++)
		CHECK(wait(&status) > 0 && status >= 0 && status < 100);
	CHECK(wait(0) == -1);
	CHECK(tree(2) == 7);
}

// Children that fork until they cannot, all at once, and leave orphans.
static void
forkstorm(void)
{
	enum { N = 3 };
	int go[2], stop[2], alive[2];
	char c;

	CHECK(pipe(go) == 0 && pipe(stop) == 0 && pipe(alive) == 0);
	for (int i = 0; i < N; i++)
		if (forked() == 0) {
			close(stop[1]);
			CHECK(read(go[0], &c, 1) == 1);
			while (waiting_child(stop, 0) > 0)
				continue;
			exit(0);
		}
	CHECK(write(go[1], "go!", N) == N);
	for (int i = 0; i < N; i++)
		CHECK(joined() == 0);
	close(stop[0]);
	close(stop[1]);
	close(alive[1]);
	drained(alive[0]);
	CHECK(tree(2) == 7);
}

// Orphans are nobody's to wait for but init's, which does.
static void
reparent(void)
{
	int up[2], down[2], pid;

	CHECK(pipe(up) == 0 && pipe(down) == 0);
	if (forked() == 0) {
		pid = waiting_child(down, 9);
		write(up[1], &pid, sizeof(pid));
		exit(pid > 0 ? 0 : 1);
	}
	CHECK(read(up[0], &pid, sizeof(pid)) == sizeof(pid));
	CHECK(joined() == 0);
	CHECK(wait(0) == -1);
	close(down[0]);
	close(down[1]);
	close(up[1]);
	drained(up[0]);
	CHECK(kill(pid) == -1);
	CHECK(wait(0) == -1);
}

// Who ends without having waited for its children leaves nothing of them.
static void
unwaited(void)
{
	enum { N = 3 };
	int told[2], pid[N];

	CHECK(pipe(told) == 0);
	if (forked() == 0) {
		int fds[2];
		CHECK(pipe(fds) == 0);
		for (int i = 0; i < N; i++)
			CHECK((pid[i] = waiting_child(fds, i)) > 0);
		close(fds[1]);
		close(told[0]);
		for (int i = 0; i < N; i++)
			CHECK(kill(pid[i]) == 0); // they have ended, or do so now
		CHECK(write(told[1], pid, sizeof(pid)) == sizeof(pid));
		close(told[1]);
		exit(0);
	}
	close(told[1]);
	CHECK(read(told[0], pid, sizeof(pid)) == sizeof(pid));
	drained(told[0]);
	CHECK(joined() == 0);
	for (int i = 0; i < N; i++)
		CHECK(kill(pid[i]) == -1);
}

// Parents and children that end at the same moment, in either order.
static void
reparentmany(void)
{
	int fds[2];

	CHECK(pipe(fds) == 0);
	for (int i = 0; i < 25; i++) {
		if (forked() == 0) {
			for (int j = 0; j < 3; j++)
				if (fork() == 0)
					exit(0);
			exit(i);
		}
		CHECK(joined() == i);
	}
	close(fds[1]);
	drained(fds[0]);
	CHECK(wait(0) == -1);
}

// kill.

static void
spin(void)
{
	for (;;)
		continue;
}

// What a child may be about when it is killed.
static void
be_busy(int with)
{
	static char much[65536];
	int fds[2];

	if (with == 0)
		spin();
	CHECK(pipe(fds) == 0);
	if (with == 1)
		read(fds[0], much, 1);
	if (with == 2)
		sleep(100000);
	if (with == 3 && waiting_child(fds, 0) > 0)
		wait(0);
	for (;;)
		write(fds[1], much, sizeof(much));
}

static void
killstatus(void)
{
	for (int i = 0; i < 10; i++) {
		int ready[2], status = 0;
		int pid;

		CHECK(pipe(ready) == 0);
		pid = forked();
		if (pid == 0) {
			write(ready[1], "r", 1);
			be_busy(i % 5);
		}
		CHECK(read(ready[0], &status, 1) == 1);
		if (i % 2)
			sleep(1);
		CHECK(kill(pid) == 0);
		CHECK(wait(&status) == pid && status == KILLED);
		close(ready[1]);
		drained(ready[0]);
	}
}

static void
killnobody(void)
{
	int fds[2], pid, status;

	CHECK(kill(-1) == -1 && kill(0) == -1 && kill(0x7fffffff) == -1);
	CHECK(pipe(fds) == 0);
	pid = forked();
	if (pid == 0)
		exit(6);
	close(fds[1]);
	drained(fds[0]);
	CHECK(kill(pid) == 0); // it has ended, and keeps its status
	CHECK(wait(&status) == pid && status == 6);
	CHECK(kill(pid) == -1);
}

static void
killself(void)
{
	if (forked() == 0) {
		kill(getpid());
		exit(0);
	}
	CHECK(joined() == KILLED);
}

// Children that do nothing but run do not keep others from it.
static void
preempt(void)
{
	enum { N = 3 * 4 };
	int pid[N], fds[2];
	char c;

	CHECK(pipe(fds) == 0);
	for (int i = 0; i < N; i++)
		if ((pid[i] = forked()) == 0) {
			write(fds[1], "x", 1);
			spin();
		}
	for (int i = 0; i < N; i++)
		CHECK(read(fds[0], &c, 1) == 1);
	for (int i = 0; i < N; i++)
		CHECK(kill(pid[i]) == 0);
	for (int i = 0; i < N; i++)
		CHECK(joined() == KILLED);
}

// Who forks all the time is killed at whatever point of that.
static void
killfork(void)
{
	for (int i = 0; i < 20; i++) {
		int ready[2], pid;
		char c;

		CHECK(pipe(ready) == 0);
		pid = forked();
		if (pid == 0) {
			write(ready[1], "r", 1);
			for (;;)
				if (fork() == 0)
					exit(0);
				else
					wait(0);
		}
		CHECK(read(ready[0], &c, 1) == 1);
		for (volatile int wait = any(200000); wait > 0; wait--)
			continue;
		CHECK(kill(pid) == 0);
		CHECK(joined() == KILLED);
		close(ready[1]);
		drained(ready[0]);
	}
}

// Pipes.

// A stream arrives as it was sent, in whatever pieces.
static void
pipestream(void)
{
	static char buf[10007];
	enum { TOTAL = 500000 };
	int fds[2], i = 0, n;

	CHECK(pipe(fds) == 0);
	if (forked() == 0) {
		close(fds[0]);
		for (int sent = 0; sent < TOTAL; sent += n) {
			n = any(sizeof(buf)) + 1;
			n = n < TOTAL - sent ? n : TOTAL - sent;
			for (int j = 0; j < n; j++)
				buf[j] = pattern(sent + j);
			CHECK(write(fds[1], buf, n) == n);
		}
		exit(0);
	}
	close(fds[1]);
	while ((n = read(fds[0], buf, any(sizeof(buf)) + 1)) > 0)
		for (int j = 0; j < n; j++, i++)
			CHECK(buf[j] == pattern(i));
	CHECK(n == 0 && i == TOTAL);
	CHECK(joined() == 0);
	close(fds[0]);
}

static void
pipeends(void)
{
	char buf[8];
	int fds[2], other;

	CHECK(pipe(fds) == 0 && fds[0] != fds[1] && fds[0] > 2 && fds[1] > 2);
	CHECK(read(fds[1], buf, 1) == -1);
	CHECK(write(fds[0], buf, 1) == -1);
	CHECK(write(fds[1], "abcdef", 6) == 6);
	CHECK(read(fds[0], buf, 4) == 4 && memcmp(buf, "abcd", 4) == 0);
	CHECK(write(fds[1], "", 0) == 0);

	// What is in it can be read when all writers have gone, and then it ends.
	other = dup(fds[1]);
	CHECK(other > 2 && close(fds[1]) == 0);
	CHECK(write(other, "gh", 2) == 2 && close(other) == 0);
	CHECK(read(fds[0], buf, sizeof(buf)) == 4 && memcmp(buf, "efgh", 4) == 0);
	CHECK(read(fds[0], buf, sizeof(buf)) == 0);
	CHECK(read(fds[0], buf, sizeof(buf)) == 0);
	CHECK(close(fds[0]) == 0 && close(fds[0]) == -1);
	CHECK(read(fds[0], buf, 1) == -1);

	CHECK(pipe(fds) == 0 && close(fds[0]) == 0);
	CHECK(write(fds[1], "x", 1) == -1);
	CHECK(close(fds[1]) == 0);
}

// Who writes into a full pipe waits for a reader; when there is none any more, the wait ends.
static void
pipefull(void)
{
	static char much[100000];
	int fds[2], n, total = 0;
	char c;

	CHECK(pipe(fds) == 0);
	if (forked() == 0) {
		close(fds[0]);
		n = write(fds[1], much, sizeof(much));
		exit(n == (int) sizeof(much));
	}
	close(fds[1]);
	CHECK(read(fds[0], &c, 1) == 1);
	close(fds[0]);
	CHECK(joined() == 0);

	CHECK(pipe(fds) == 0);
	if (forked() == 0) {
		close(fds[0]);
		exit(write(fds[1], much, sizeof(much)) != sizeof(much));
	}
	close(fds[1]);
	while ((n = read(fds[0], much, 777)) > 0)
		total += n;
	CHECK(n == 0 && total == (int) sizeof(much));
	CHECK(joined() == 0);
	close(fds[0]);
}

// Many write at once: what each writes arrives whole as long as it is short, and nothing is lost.
static void
pipemany(void)
{
	enum { WRITERS = 8, EACH = 100 };
	int fds[2], n, count[WRITERS] = {0};
	char text[16];

	CHECK(pipe(fds) == 0);
	for (int i = 0; i < WRITERS; i++) {
		if (forked() > 0)
			continue;
		memset(text, 'a' + i, sizeof(text));
		for (int j = 0; j < EACH; j++)
			CHECK(write(fds[1], text, sizeof(text)) == sizeof(text));
		exit(0);
	}
	close(fds[1]);
	while ((n = read(fds[0], text, sizeof(text))) > 0) {
		CHECK(n == sizeof(text));
		for (int i = 1; i < n; i++)
			CHECK(text[i] == text[0]);
		count[text[0] - 'a']++;
	}
	for (int i = 0; i < WRITERS; i++)
		CHECK(joined() == 0);
	for (int i = 0; i < WRITERS; i++)
		CHECK(count[i] == EACH);
	close(fds[0]);
}

static void
descriptors(void)
{
	int fds[2], n = 0;
	char c;

	CHECK(dup(-1) == -1 && dup(NOFILE) == -1 && dup(5) == -1);
	CHECK(close(-1) == -1 && close(NOFILE) == -1 && close(5) == -1);
	CHECK(read(5, &c, 1) == -1 && write(-1, &c, 1) == -1 && write(100000, &c, 1) == -1);
	CHECK(pipe(fds) == 0 && fds[0] == 3 && fds[1] == 4);
	CHECK(close(3) == 0 && dup(4) == 3); // the lowest that is free
	while (dup(4) >= 0)
		n++;
	CHECK(n == NOFILE - 5);
	CHECK(pipe(fds) == -1);
	CHECK(close(NOFILE - 1) == 0 && pipe(fds) == -1); // one is too few, and was not taken
	CHECK(dup(4) == NOFILE - 1);
	for (int fd = 3; fd < NOFILE; fd++)
		CHECK(close(fd) == 0);
	for (int i = 0; i < 1000; i++)
		CHECK(pipe(fds) == 0 && close(fds[0]) == 0 && close(fds[1]) == 0);
}

// There are no files.
static void
nofiles(void)
{
	struct stat st;

	CHECK(open("README", O_RDONLY) == -1 && open("new", O_CREATE | O_RDWR) == -1);
	CHECK(mkdir("d") == -1 && chdir("/") == -1 && unlink("README") == -1);
	CHECK(link("a", "b") == -1 && mknod("console", 1, 1) == -1);
	CHECK(stat("README", &st) == -1 && fstat(5, &st) == -1);
}

// exec.

// Run echo with these arguments; what it prints must be `expected'.
static void
echoes(char **argv, const char *expected)
{
	static char printed[PGSIZE];
	int fds[2], n, total = 0;

	CHECK(pipe(fds) == 0);
	if (forked() == 0) {
		close(1);
		CHECK(dup(fds[1]) == 1);
		close(fds[0]);
		close(fds[1]);
		exec("echo", argv);
		exit(1);
	}
	close(fds[1]);
	while ((n = read(fds[0], printed + total, sizeof(printed) - 1 - total)) > 0)
		total += n;
	close(fds[0]);
	printed[total] = '\0';
	CHECK(joined() == 0);
	CHECK(strcmp(printed, expected) == 0);
}

static void
exectest(void)
{
	char *const many = "1 2 3 4 5 6 7 8 9 10 11 12 13 14 15 16 17 18 19 20 21 22 23 24 25 26 "
			   "27 28 29 30\n";
	char numbers[30][4];
	char *argv[MAXARG] = {"echo"};

	echoes((char *[]){"echo", 0}, "\n");
	echoes((char *[]){"echo", "OK", "", "two words", 0}, "OK  two words\n");
	// As many arguments as there may be.
	for (int i = 1; i <= 30; i++) {
		char *p = numbers[i - 1];
		if (i >= 10)
			*p++ = '0' + i / 10;
		*p++ = '0' + i % 10;
		*p = '\0';
		argv[i] = numbers[i - 1];
	}
	echoes(argv, many);
	for (int i = 0; i < 20; i++)
		echoes((char *[]){"echo", "again", 0}, "again\n");
}

// An exec that fails changes nothing.
static void
execbad(void)
{
	static char large[PGSIZE + 1], name[1000];
	char *argv[MAXARG + 10];
	char *const one[] = {"echo", 0};
	char **bad = (char **) (sbrk(PGSIZE) + PGSIZE) - 1; // what follows it is nowhere
	int fds[2], status;

	CHECK(exec("nothing-of-this-name", (char **) one) == -1);
	CHECK(exec("", (char **) one) == -1);
	memset(name, 'n', sizeof(name) - 1);
	CHECK(exec(name, (char **) one) == -1);

	for (int i = 0; i < MAXARG + 9; i++)
		argv[i] = "x";
	argv[MAXARG + 9] = 0;
	CHECK(exec("echo", argv) == -1);
	argv[MAXARG] = 0;
	CHECK(exec("echo", argv) == -1);
	memset(large, 'l', PGSIZE);
	argv[1] = large;
	argv[2] = 0;
	CHECK(exec("echo", argv) == -1);

	CHECK(exec("echo", 0) == -1);
	CHECK(exec("echo", (char **) 0xeebfe000) == -1);
	CHECK(exec("echo", (char **) KERNBASE) == -1);
	*bad = "x";
	CHECK(exec("echo", bad) == -1);
	argv[1] = (char *) 0xdeadbeef;
	CHECK(exec("echo", argv) == -1);
	argv[1] = (char *) bad;
	memset(bad, 'b', sizeof(*bad)); // with no 0 before the end of memory
	CHECK(exec("echo", argv) == -1);

	CHECK(pipe(fds) == 0 && write(fds[1], "still", 6) == 6);
	CHECK(read(fds[0], name, 6) == 6 && strcmp(name, "still") == 0);
	if (forked() == 0)
		exit(4);
	CHECK(wait(&status) > 0 && status == 4);
}

// The pid stays, descriptors stay, and whoever waits hears of it.
static void
execkeeps(void)
{
	int pid, status;

	for (int i = 0; i < 10; i++) {
		pid = forked();
		if (pid == 0) {
			close(1); // echo prints nowhere
			exec("echo", (char *[]){"echo", "lost", 0});
			exit(1);
		}
		CHECK(wait(&status) == pid && status == 0);
	}
}

// Memory.

static char blank[3 * PGSIZE];

static void
bss(void)
{
	for (int i = 0; i < (int) sizeof(blank); i++)
		CHECK(blank[i] == 0);
	memset(blank, 1, sizeof(blank));
}

// By bytes: one after the other, all new, all zero.
static void
sbrkbasic(void)
{
	char *start = sbrk(0), *p;

	for (int i = 0; i < 2 * PGSIZE + 100; i++) {
		p = sbrk(1);
		CHECK(p == start + i && *p == 0);
		*p = i;
	}
	for (int i = 0; i < 2 * PGSIZE + 100; i++)
		CHECK(start[i] == (char) i);
	if (forked() == 0) {
		p = sbrk(1);
		CHECK(p == start + 2 * PGSIZE + 100 && *p == 0);
		exit(0);
	}
	CHECK(joined() == 0);
	CHECK(sbrk(0) == start + 2 * PGSIZE + 100);
}

// What was given back is gone, and comes back as zeros.
static void
sbrkshrink(void)
{
	const int n = 20 * PGSIZE;
	char *p = sbrk(n);
	int before = freepages();

	CHECK(p != FAILED);
	memset(p, 'x', n);
	CHECK(sbrk(-10 * PGSIZE - 100) == p + n);
	CHECK(sbrk(0) == p + 10 * PGSIZE - 100);
	CHECK(freepages() == before + 10);
	CHECK(p[0] == 'x' && p[10 * PGSIZE - 101] == 'x');
	CHECK(dies(load, p + 10 * PGSIZE) && dies(store, p + n - 1));
	CHECK(write(1, p + 10 * PGSIZE, 1) == -1);
	CHECK(sbrk(10 * PGSIZE + 100) == p + 10 * PGSIZE - 100);
	for (int i = 10 * PGSIZE - 100; i < n; i++)
		CHECK(p[i] == 0);
	CHECK(p[10 * PGSIZE - 101] == 'x');
}

// Give all of it back, to the beginning of the heap, and begin again.
static void
sbrkall(void)
{
	char *start = sbrk(0), *p = sbrk(5 * PGSIZE);

	CHECK(p == start);
	memset(p, 'x', 5 * PGSIZE);
	CHECK(sbrk(-(5 * PGSIZE)) == p + 5 * PGSIZE && sbrk(0) == start);
	CHECK(dies(load, start + PGSIZE));
	CHECK(sbrk(PGSIZE) == start && start[0] == 0);
	CHECK(sbrk(-TOO_MUCH) == FAILED && sbrk(0) == start + PGSIZE);
}

static void
sbrkmuch(void)
{
	enum { MUCH = 64 * 1024 * 1024 };
	char *p = sbrk(MUCH);

	CHECK(p != FAILED);
	for (int i = 0; i < MUCH; i += PGSIZE) {
		CHECK(p[i] == 0);
		p[i] = i / PGSIZE;
	}
	p[MUCH - 1] = 99;
	for (int i = 0; i < MUCH; i += PGSIZE)
		CHECK(p[i] == (char) (i / PGSIZE));
	CHECK(sbrk(-MUCH) == p + MUCH);
	CHECK(dies(load, p + MUCH - 1));
	CHECK(sbrk(MUCH) == p && p[MUCH - 1] == 0 && p[0] == 0);
}

// More than there is fails, and has changed nothing.
static void
sbrktoomuch(void)
{
	char *end = sbrk(100) + 100;
	int before = freepages();

	CHECK(end != FAILED + 100);
	CHECK(sbrk(TOO_MUCH) == FAILED && sbrk(0) == end);
	CHECK(sbrk(0x7fffffff) == FAILED && sbrk(0) == end);
	CHECK(sbrk(0x7fffffff & ~(PGSIZE - 1)) == FAILED && sbrk(0) == end);
	CHECK(sbrk(-0x7fffffff - 1) == FAILED && sbrk(0) == end);
	CHECK(freepages() == before);
	CHECK(dies(store, end + PGSIZE));
	CHECK(sbrk(100) == end);
}

// Several want more than there is for all; some get it.  Those that hold memory are killed, and it is
// there for others.
static void
sbrkfail(void)
{
	enum { N = 10, EACH = 20 * 1024 * 1024 };
	int pid[N], fds[2], got = 0;
	char c;

	CHECK(pipe(fds) == 0);
	for (int i = 0; i < N; i++) {
		if ((pid[i] = forked()) == 0) {
			char *p = sbrk(EACH);
			write(fds[1], p == FAILED ? "0" : "1", 1);
			if (p != FAILED)
				memset(p, 'x', EACH);
			for (;;)
				sleep(1000);
		}
		CHECK(read(fds[0], &c, 1) == 1);
		got += c == '1';
	}
	CHECK(got > 0 && got < N);
	for (int i = 0; i < N; i++)
		CHECK(kill(pid[i]) == 0);
	for (int i = 0; i < N; i++)
		CHECK(joined() == KILLED);
	CHECK(sbrk(3 * EACH) != FAILED);
}

// Page by page to the last one.  Then nothing that needs a page works, and all works again with a few.
static void
sbrklast(void)
{
	int n = 0, fds[2];
	char c = 'x';

	CHECK(pipe(fds) == 0 && write(fds[1], &c, 1) == 1);
	CHECK(tree(1) == 3); // from now on this process need not copy what it writes to
	while (sbrk(PGSIZE) != FAILED)
		n++;
	CHECK(n > 1000);
	CHECK(sbrk(PGSIZE) == FAILED);
	CHECK(fork() == -1);
	CHECK(read(fds[0], &c, 1) == 1 && c == 'x');
	CHECK(sbrk(-500 * PGSIZE) != FAILED);
	if (forked() == 0)
		exit(0);
	CHECK(joined() == 0);
	CHECK(sbrk(10 * PGSIZE) != FAILED);
}

// exec with little memory works or fails, and is no end.
static void
execlast(void)
{
	for (int spare = 0; spare < 16; spare += 1 + spare / 3) {
		if (forked() == 0) {
			while (sbrk(64 * PGSIZE) != FAILED)
				continue;
			while (sbrk(PGSIZE) != FAILED)
				continue;
			if (spare > 0)
				sbrk(-spare * PGSIZE);
			close(1);
			exec("echo", (char *[]){"echo", "lost", 0});
			exit(0);
		}
		wait(0);
	}
}

// A parent with most of memory forks; there is no room for a copy, nor for what both write.  Whoever
// writes too much ends, and no other.
static void
cowlast(void)
{
	const int n = (PHYSTOP - KERNBASE) / 3 * 2 / PGSIZE * PGSIZE;
	char *p = sbrk(n);

	CHECK(p != FAILED);
	memset(p, 'p', n);
	if (forked() == 0) {
		memset(p, 'c', n);
		exit(0);
	}
	CHECK(joined() == KILLED);
	for (int i = 0; i < n; i += PGSIZE / 2)
		CHECK(p[i] == 'p');
}

// Calls that write to memory do so in the caller's own copy.
static void
cowcalls(void)
{
	struct Shared {
		char before[PGSIZE];
		int word[2]; // the second page begins here
		char after[PGSIZE - 2 * sizeof(int)];
	} *shared = (struct Shared *) sbrk(sizeof(*shared));
	const int untouched = 0x73737373;
	int fds[2];

	CHECK((char *) shared != FAILED && (uint) shared % PGSIZE == 0);
	memset(shared, 's', sizeof(*shared));
	CHECK(pipe(fds) == 0 && write(fds[1], "12345678", 8) == 8);
	if (forked() == 0) {
		CHECK(read(fds[0], &shared->before[PGSIZE - 4], 8) == 8);
		CHECK(shared->word[0] == 0x38373635 && shared->word[1] == untouched);
		exit(0);
	}
	if (forked() == 0) {
		CHECK(pipe(shared->word) == 0);
		CHECK(shared->word[0] == fds[1] + 1 && shared->word[1] == fds[1] + 2);
		exit(0);
	}
	if (forked() == 0) {
		if (forked() == 0)
			exit(77);
		CHECK(wait(shared->word) > 0 && shared->word[0] == 77);
		exit(0);
	}
	for (int i = 0; i < 3; i++)
		CHECK(joined() == 0);
	for (int i = 0; i < (int) sizeof(*shared); i++)
		CHECK(((char *) shared)[i] == 's');
}

// A chain of generations.  Each sees what those before it wrote, and not what came after: number g
// writes g + 1 into pages 0 to g.
static void
cowchain(void)
{
	enum { GENERATIONS = 12 };
	char *p = sbrk(GENERATIONS * PGSIZE);
	int g = 0;

	CHECK(p != FAILED);
	do {
		for (int i = 0; i < GENERATIONS; i++)
			CHECK(p[i * PGSIZE] == (i < g ? g : 0));
		for (int i = 0; i <= g; i++)
			p[i * PGSIZE] = g + 1;
	} while (++g < GENERATIONS && forked() == 0);
	// Each returns from here, and exits as the test does.
	if (g < GENERATIONS)
		CHECK(joined() == PASSED);
	for (int i = 0; i < GENERATIONS; i++)
		CHECK(p[i * PGSIZE] == (i < g ? g : 0));
}

// What one gives back, the other still has.
static void
cowshrink(void)
{
	const int n = 100 * PGSIZE;
	char *p = sbrk(n);

	CHECK(p != FAILED);
	memset(p, 'p', n);
	if (forked() == 0) {
		CHECK(sbrk(-n) == p + n && sbrk(n) == p);
		for (int i = 0; i < n; i += 512)
			CHECK(p[i] == 0);
		memset(p, 'c', n);
		exit(0);
	}
	for (int i = 0; i < n; i += 512)
		CHECK(p[i] == 'p');
	CHECK(joined() == 0);
	for (int i = 0; i < n; i += 512)
		CHECK(p[i] == 'p');
}

// malloc.

static void
mallocall(void)
{
	struct Piece {
		struct Piece *next;
	} *all = 0, *p;
	int n = 0;

	while ((p = malloc(100001)) != 0) {
		p->next = all;
		all = p;
		n++;
	}
	CHECK(n > 100);
	while ((p = all) != 0) {
		all = p->next;
		free(p);
	}
	CHECK((p = malloc(100001 * 100)) != 0); // they have been joined
	free(p);
	CHECK(malloc(-1) == 0 && malloc(0x7fffffff) == 0);
	free(0);
}

static void
mallocmany(void)
{
	enum { N = 200 };
	static struct {
		char *at;
		int size;
	} piece[N];
	char *end;

	for (int turn = 0; turn < 20000; turn++) {
		const int i = any(N);
		for (int j = 0; j < piece[i].size; j += 13)
			CHECK(piece[i].at[j] == (char) (i + j));
		free(piece[i].at);
		piece[i].size = any(turn % 10 ? 200 : 5000);
		piece[i].at = malloc(piece[i].size);
		CHECK(piece[i].at && (uint) piece[i].at % 8 == 0);
		for (int j = 0; j < piece[i].size; j++)
			piece[i].at[j] = i + j;
	}
	end = sbrk(0);
	for (int i = 0; i < N; i++)
		free(piece[i].at);
	CHECK(malloc(100000) != 0 && sbrk(0) == end); // from what was freed
}

// Memory that is there, but has not been touched before a call looks at it: of the program and of the stack.
static void
untouched(void)
{
	static char fresh[5 * PGSIZE];
	char *const low = (char *) (uint) r_sp() - 60 * PGSIZE;
	int fds[2];

	CHECK(pipe(fds) == 0);
	CHECK(write(fds[1], fresh, 2 * PGSIZE) == 2 * PGSIZE);
	CHECK(read(fds[0], fresh + 2 * PGSIZE, PGSIZE) == PGSIZE);
	CHECK(write(1, fresh + 3 * PGSIZE, 2 * PGSIZE) == 2 * PGSIZE);
	CHECK(write(1, low, 3 * PGSIZE) == 3 * PGSIZE);
	printf("\n"); // and the next line begins where lines begin
}

// Stacks.

static int
deep(int levels)
{
	volatile char room[1000];

	room[0] = levels;
	room[999] = levels;
	return levels == 0 ? 0 : deep(levels - 1) + (room[0] == room[999]);
}

static void
dive(char *at)
{
	(void) at;
	deep(0x7fffffff);
}

static void
stackgrows(void)
{
	const int levels = USERSTACK * PGSIZE / 1100 / 2;

	CHECK(deep(levels) == levels);
	if (forked() == 0)
		exit(deep(levels) != levels);
	CHECK(deep(levels) == levels);
	CHECK(joined() == 0);
	for (int i = 0; i < 3; i++)
		CHECK(dies(dive, 0));
}

// Below the stack there is nothing.
static void
stackguard(void)
{
	char *const sp = (char *) (uint) r_sp();
	int fds[2];

	CHECK(dies(load, sp - USERSTACK * PGSIZE) && dies(store, sp - USERSTACK * PGSIZE));
	CHECK(pipe(fds) == 0);
	CHECK(write(fds[1], sp - USERSTACK * PGSIZE, 1) == -1);
	CHECK(write(fds[1], "x", 1) == 1);
	CHECK(read(fds[0], sp - USERSTACK * PGSIZE, 1) == -1);
}

// A buffer far down on the stack, where nothing has been yet.
static void
stackcalls(void)
{
	char *const low = (char *) (uint) r_sp() - 100 * PGSIZE;
	int fds[2];

	CHECK(pipe(fds) == 0 && write(fds[1], "deep", 5) == 5);
	CHECK(read(fds[0], low, 5) == 5 && strcmp(low, "deep") == 0);
	CHECK(write(fds[1], low - PGSIZE, 5) == 5);
}

// Memory that is not the program's, or not to be written to.

static const char constant[] = "constant";

static void
textwrite(void)
{
	char *const code = (char *) (uint) textwrite;
	char first = code[0], copy[sizeof(constant)];
	int fds[2];

	CHECK(dies(store, code) && dies(store, (char *) constant));
	CHECK(!dies(load, code) && code[0] == first);
	CHECK(pipe(fds) == 0 && write(fds[1], constant, sizeof(constant)) == sizeof(constant));
	CHECK(read(fds[0], code, 1) == -1 && read(fds[0], (char *) constant, 1) == -1);
	CHECK(pipe((int *) code) == -1);
	if (forked() == 0)
		exit(5);
	CHECK(wait((int *) code) == -1 && joined() == 5);
	CHECK(read(fds[0], copy, sizeof(copy)) == sizeof(copy) && strcmp(copy, constant) == 0);
	CHECK(code[0] == first && strcmp(constant, "constant") == 0);
}

// Nowhere, the kernel's, or almost.
static char *const bad[] = {
	(char *) 0,          (char *) 4096,       (char *) 0x00100000, (char *) 0x3ffff000,
	(char *) 0x7ffffffc, (char *) 0x80000000, (char *) 0xdeadbeef, (char *) MAXVA,
	(char *) 0xefbfffff, (char *) KERNBASE,   (char *) 0xf0100000, (char *) 0xfffff000,
	(char *) 0xffffffff,
};
#define NBAD ((int) (sizeof(bad) / sizeof(bad[0])))

static void
nullpointer(void)
{
	for (int i = 0; i < NBAD; i++)
		CHECK(dies(store, bad[i]));
	for (uint at = 0; at < 0x3000; at += 0x800)
		CHECK(dies(load, (char *) at));
}

static void
kernmem(void)
{
	for (uint at = KERNBASE; at < KERNBASE + 2000000; at += 100000)
		CHECK(dies(load, (char *) at));
	for (uint at = MAXVA; at != 0; at <<= 1)
		CHECK(dies(store, (char *) at));
}

// Each call that takes a pointer, with each that is bad.
static void
badpointers(void)
{
	char buf[8];
	int fds[2];

	CHECK(pipe(fds) == 0);
	for (int i = 0; i < NBAD; i++) {
		char *const p = bad[i];
		struct stat *const st = (struct stat *) p;

		CHECK(write(fds[1], p, 8) == -1 && write(1, p, 1) == -1);
		CHECK(write(fds[1], "12345678", 8) == 8);
		CHECK(read(fds[0], p, 8) == -1);
		CHECK(read(fds[0], buf, 8) == 8); // it was not lost
		CHECK(pipe((int *) p) == -1);
		CHECK(open(p, 0) == -1 && open(p, O_CREATE) == -1);
		CHECK(unlink(p) == -1 && mkdir(p) == -1 && chdir(p) == -1);
		CHECK(link(p, "x") == -1 && link("x", p) == -1 && mknod(p, 1, 1) == -1);
		CHECK(fstat(0, st) == -1 && stat(p, st) == -1);
		CHECK(exec(p, (char *[]){"x", 0}) == -1);
		if (forked() == 0)
			exit(i);
		if (p) {
			CHECK(wait((int *) p) == -1);
			CHECK(exec("echo", (char **) p) == -1);
			CHECK(exec("echo", (char *[]){"echo", p, 0}) == -1);
		}
		CHECK(joined() == i); // it waited for the right one
	}
	for (int fd = 5; fd < NOFILE; fd++)
		CHECK(close(fd) == -1); // no pipe was made
}

// Ranges that begin well and end badly, or wrap, or have less than no bytes.
static void
badranges(void)
{
	char *const end = sbrk(PGSIZE) + PGSIZE;
	char buf[16];
	int fds[2];

	CHECK((uint) end % PGSIZE == 0);
	CHECK(pipe(fds) == 0);
	memset(end - 8, 'e', 8);
	CHECK(write(fds[1], end - 4, 8) == -1 && write(fds[1], end, 1) == -1);
	CHECK(write(fds[1], end - 4, 4) == 4); // and this is all there is in the pipe
	CHECK(read(fds[0], end - 4, 8) == -1 && read(fds[0], buf, 16) == 4);
	CHECK(pipe((int *) (end - 4)) == -1);
	if (forked() == 0)
		exit(5);
	CHECK(wait((int *) (end - 2)) == -1 && joined() == 5);
	CHECK(write(fds[1], end - 4, -1) == -1 && read(fds[0], end - 4, -1) == -1);
	CHECK(write(fds[1], end - 4, 0x7fffffff) == -1 &&
	      write(fds[1], (char *) 0xfffffff0, 0x20) == -1);
	CHECK(write(fds[1], buf, -0x7fffffff - 1) == -1);
	CHECK(memcmp(end - 8, "eeeeeeee", 8) == 0);
}

// Arguments that are no small numbers.
static void
badnumbers(void)
{
	static const int odd[] = {-1,  -2,      16,      31,      32,         255,
				  256, 1 << 13, 1 << 16, 1 << 27, 0x7fffffff, -0x7fffffff - 1};
	char c;

	for (int i = 0; i < (int) (sizeof(odd) / sizeof(odd[0])); i++) {
		CHECK(read(odd[i], &c, 1) == -1 && write(odd[i], &c, 1) == -1);
		CHECK(close(odd[i]) == -1 && dup(odd[i]) == -1);
	}
	CHECK(sleep(-5) == 0 && sleep(0) == 0);
}

// Time.

static void
ticks(void)
{
	int before = uptime(), after;

	CHECK(before >= 0);
	CHECK(sleep(3) == 0);
	after = uptime();
	CHECK(after - before >= 3 && after - before < 100);
}

// The library.

static void
strings(void)
{
	char a[16], b[16];

	CHECK(strlen("") == 0 && strlen("four") == 4);
	CHECK(strcmp(strcpy(a, "abc"), "abc") == 0 && strcmp("a", "b") < 0 && strcmp("b", "") > 0);
	CHECK(strchr(a, 'c') == a + 2 && strchr(a, 'z') == 0);
	CHECK(memset(b, 'x', 16) == b && b[0] == 'x' && b[15] == 'x');
	CHECK(memcpy(b, a, 4) == b && memcmp(a, b, 4) == 0 && memcmp("ab", "ac", 2) < 0);
	CHECK(memmove(b + 1, b, 4) == b + 1 && memcmp(b, "aabc", 5) == 0);
	CHECK(memmove(b, b + 1, 4) == b && memcmp(b, "abc", 4) == 0);
	CHECK(memmove(b, "zzz", -1) == b && b[0] == 'a');
	CHECK(atoi("42 and") == 42 && atoi("none") == 0 && atoi("") == 0);
}

static void
printing(void)
{
	char text[300];
	int fds[2];

	CHECK(pipe(fds) == 0);
	fprintf(fds[1], "%d %u %x %s %c %% %p %lld", -5, 7u, 255, "text", 'c', (void *) 0x1000,
		1LL << 40);
	close(fds[1]);
	text[read(fds[0], text, sizeof(text) - 1)] = '\0';
	CHECK(strcmp(text, "-5 7 ff text c % 0x1000 1099511627776") == 0);
	close(fds[0]);
	CHECK(pipe(fds) == 0);
	for (int i = 0; i < 10; i++)
		fprintf(fds[1], "%s", "twenty-nine characters here, ");
	close(fds[1]);
	CHECK(close(0) == 0 && dup(fds[0]) == 0);
	CHECK(gets(text, 30) == text && strlen(text) == 29 && text[28] == ' ');
	CHECK(strlen(gets(text, sizeof(text))) == 9 * 29);
	CHECK(strcmp(gets(text, sizeof(text)), "") == 0);
}

// All of them.

static const struct Test {
	const char *name;
	void (*run)(void);
	int slow;
} tests[] = {
	{"exitwait", exitwait, 0},
	{"waitnone", waitnone, 0},
	{"pids", pids, 0},
	{"waitany", waitany, 0},
	{"twochildren", twochildren, 0},
	{"forktree", forktree, 0},
	{"forkmany", forkmany, 1},
	{"forkstorm", forkstorm, 1},
	{"reparent", reparent, 0},
	{"unwaited", unwaited, 0},
	{"reparentmany", reparentmany, 0},
	{"killstatus", killstatus, 0},
	{"killnobody", killnobody, 0},
	{"killself", killself, 0},
	{"preempt", preempt, 0},
	{"killfork", killfork, 0},
	{"pipestream", pipestream, 0},
	{"pipeends", pipeends, 0},
	{"pipefull", pipefull, 0},
	{"pipemany", pipemany, 0},
	{"descriptors", descriptors, 0},
	{"nofiles", nofiles, 0},
	{"exectest", exectest, 0},
	{"execbad", execbad, 0},
	{"execkeeps", execkeeps, 0},
	{"bss", bss, 0},
	{"sbrkbasic", sbrkbasic, 0},
	{"sbrkshrink", sbrkshrink, 0},
	{"sbrkall", sbrkall, 0},
	{"sbrkmuch", sbrkmuch, 0},
	{"sbrktoomuch", sbrktoomuch, 0},
	{"sbrkfail", sbrkfail, 1},
	{"sbrklast", sbrklast, 1},
	{"execlast", execlast, 1},
	{"cowlast", cowlast, 1},
	{"cowcalls", cowcalls, 0},
	{"cowchain", cowchain, 0},
	{"cowshrink", cowshrink, 0},
	{"mallocall", mallocall, 1},
	{"mallocmany", mallocmany, 0},
	{"untouched", untouched, 0},
	{"stackgrows", stackgrows, 0},
	{"stackguard", stackguard, 0},
	{"stackcalls", stackcalls, 0},
	{"textwrite", textwrite, 0},
	{"nullpointer", nullpointer, 0},
	{"kernmem", kernmem, 0},
	{"badpointers", badpointers, 0},
	{"badranges", badranges, 0},
	{"badnumbers", badnumbers, 0},
	{"ticks", ticks, 0},
	{"strings", strings, 0},
	{"printing", printing, 0},
};
#define NTESTS ((int) (sizeof(tests) / sizeof(tests[0])))

// Fork, and have a pipe with something in it.  What the first time leaves behind, such as page tables in this
// process and in init, is no test's.
static void
first_use(void)
{
	int fds[2];

	CHECK(tree(1) == 3);
	CHECK(pipe(fds) == 0 && write(fds[1], "x", 1) == 1);
	CHECK(close(fds[0]) == 0 && close(fds[1]) == 0);
}

// Run one.  Returns whether it went well.  One line is printed at the end, in one piece, as what tests do to
// end themselves is reported in between.
static int
run(const struct Test *t)
{
	const int before = freepages();
	int status, after;

	if (forked() == 0) {
		t->run();
		exit(PASSED);
	}
	status = joined();
	after = freepages();
	if (status != PASSED)
		printf("test %s: FAILED\n", t->name);
	else if (after != before)
		printf("test %s: FAILED: %d pages are free, %d were before\n", t->name, after,
		       before);
	else
		printf("test %s: OK\n", t->name);
	return status == PASSED && after == before;
}

// Whether t is one of the n names, or there are none.
static int
wanted(const struct Test *t, int n, char *names[])
{
	for (int i = 0; i < n; i++)
		if (strcmp(names[i], t->name) == 0)
			return 1;
	return n == 0;
}

int
main(int argc, char *argv[])
{
	const int quick = argc > 1 && strcmp(argv[1], "-q") == 0;
	const int first = 1 + quick;
	int ran = 0, failed = 0, before;

	printf("usertests starting\n");
	first_use();
	before = freepages();
	for (const struct Test *t = tests; t < tests + NTESTS; t++) {
		if (!wanted(t, argc - first, argv + first) || (quick && t->slow))
			continue;
		ran++;
		failed += !run(t);
	}
	printf("usertests: %d pages are free, %d were before\n", freepages(), before);
	if (ran == 0 || failed > 0 || freepages() != before) {
		printf("SOME TESTS FAILED: %d of %d\n", failed, ran);
		exit(1);
	}
	printf("ALL TESTS PASSED\n");
	exit(0);
}
