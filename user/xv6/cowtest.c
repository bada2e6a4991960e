// Whether fork copies only what is written to, and copies all of that.
//
// Each page of the memory under test says who has written to it last: a word at its beginning and one
// at its end.  So a page that two processes share and should not, or that one has lost, is seen.

#include "kernel/types.h"
#include "kernel/memlayout.h"
#include "kernel/riscv.h"
#include "user/user.h"

#define MEMORY (PHYSTOP - KERNBASE)
#define LAST (PGSIZE / sizeof(int) - 1)

// Who writes, and when: AFTER is the parent, once it has forked.
enum { PARENT = 1, CHILD, GRANDCHILD, AFTER };

static void
fail(const char *test, const char *why)
{
	printf("%s: FAILED: %s\n", test, why);
	exit(1);
}

// Pages from number `first' to end-1 at p belong to `who' from now on.
static void
claim(char *p, int first, int end, int who)
{
	for (int i = first; i < end; i++) {
		int *page = (int *) (p + i * PGSIZE);
		page[0] = page[LAST] = who << 24 | i;
	}
}

// Whether they still do.
static int
are_of(const char *p, int first, int end, int who)
{
	for (int i = first; i < end; i++) {
		const int *page = (const int *) (p + i * PGSIZE);
		if (page[0] != (who << 24 | i) || page[LAST] != (who << 24 | i))
			return 0;
	}
	return 1;
}

static char *
grow(const char *test, int npages)
{
	char *p = sbrk(npages * PGSIZE);

	if (p == (char *) -1)
		fail(test, "sbrk");
	return p;
}

static int
forked(const char *test)
{
	int pid = fork();

	if (pid < 0)
		fail(test, "fork");
	return pid;
}

// Wait for n children, all of which must have found everything right.
static void
joined(const char *test, int n)
{
	int status;

	while (n-- > 0) {
		if (wait(&status) < 0)
			fail(test, "wait");
		if (status != 0)
			fail(test, "a child");
	}
}

// Two thirds of memory are forked: there is no room for a copy.  Both sides then write to a part, each to
// one of its own and both to one more.
static void
simple(void)
{
	const int n = MEMORY / PGSIZE / 3 * 2, part = n / 16;
	char *p = grow("simple", n);

	claim(p, 0, n, PARENT);
	if (forked("simple") == 0) {
		claim(p, 0, 2 * part, CHILD);
		exit(!are_of(p, 0, 2 * part, CHILD) || !are_of(p, 2 * part, n, PARENT));
	}
	// While the child does the same from the other end, or before or after it.
	claim(p, part, 3 * part, AFTER);
	joined("simple", 1);
	if (!are_of(p, 0, part, PARENT) || !are_of(p, part, 3 * part, AFTER) ||
	    !are_of(p, 3 * part, n, PARENT))
		fail("simple", "the parent's memory");
	if (sbrk(-n * PGSIZE) == (char *) -1)
		fail("simple", "sbrk back");
	printf("simple: ok\n");
}

// A quarter of memory, and three generations that write: half, four fifths, and all of it.
static void
three(void)
{
	const int n = MEMORY / PGSIZE / 4, half = n / 2, most = n / 5 * 4;
	char *p = grow("three", n);

	claim(p, 0, n, PARENT);
	if (forked("three") == 0) {
		if (forked("three") == 0) {
			claim(p, 0, most, GRANDCHILD);
			exit(!are_of(p, 0, most, GRANDCHILD) || !are_of(p, most, n, PARENT));
		}
		claim(p, 0, half, CHILD);
		joined("three", 1);
		exit(!are_of(p, 0, half, CHILD) || !are_of(p, half, n, PARENT));
	}
	claim(p, 0, n, AFTER);
	joined("three", 1);
	if (!are_of(p, 0, n, AFTER))
		fail("three", "the parent's memory");
	if (sbrk(-n * PGSIZE) == (char *) -1)
		fail("three", "sbrk back");
	printf("three: ok\n");
}

// read() writes to memory, too: into pages that parent and children share, across the border of two.
// Each child gets what is meant for it, and nobody else sees it.
static void
file(void)
{
	static char pages[2 * PGSIZE] __attribute__((aligned(PGSIZE)));
	char *const at = pages + PGSIZE - 4;
	int fds[2];

	memset(pages, 'p', sizeof(pages));
	for (int i = 0; i < 4; i++) {
		char text[] = "child 0";

		text[6] += i;
		if (pipe(fds) != 0)
			fail("file", "pipe");
		if (forked("file") == 0) {
			sleep(1);
			exit(read(fds[0], at, sizeof(text)) != sizeof(text) ||
			     strcmp(at, text) != 0 || at[-1] != 'p' || at[sizeof(text)] != 'p');
		}
		if (write(fds[1], text, sizeof(text)) != sizeof(text))
			fail("file", "write");
		close(fds[0]);
		close(fds[1]);
	}
	joined("file", 4);
	for (int i = 0; i < (int) sizeof(pages); i++)
		if (pages[i] != 'p')
			fail("file", "the parent's memory");
	printf("file: ok\n");
}

// Many generations at once: children that fork while others do, all from the same pages.
static void
forkfork(void)
{
	enum { PAGES = 256, CHILDREN = 100, AT_ONCE = 20 };
	char *p = grow("forkfork", PAGES);

	claim(p, 0, PAGES, PARENT);
	for (int i = 0; i < CHILDREN; i += AT_ONCE) {
		for (int j = 0; j < AT_ONCE; j++) {
			if (forked("forkfork") != 0)
				continue;
			if (forked("forkfork") == 0) {
				claim(p, PAGES / 4, PAGES / 2, GRANDCHILD);
				exit(!are_of(p, PAGES / 4, PAGES / 2, GRANDCHILD) ||
				     !are_of(p, PAGES / 2, PAGES, PARENT));
			}
			claim(p, 0, PAGES / 3, CHILD);
			joined("forkfork", 1);
			exit(!are_of(p, 0, PAGES / 3, CHILD) ||
			     !are_of(p, PAGES / 3, PAGES, PARENT));
		}
		joined("forkfork", AT_ONCE);
	}
	if (!are_of(p, 0, PAGES, PARENT))
		fail("forkfork", "the parent's memory");
	if (sbrk(-PAGES * PGSIZE) == (char *) -1)
		fail("forkfork", "sbrk back");
	printf("forkfork: ok\n");
}

int
main(int argc, char *argv[])
{
	(void) argc;
	(void) argv;
	simple();
	simple(); // has the first given all of it back?
	three();
	three();
	three();
	file();
	forkfork();
	printf("ALL COW TESTS PASSED\n");
	exit(0);
}
