// One page as a letter: the parent writes it and sends it, the child reads it, writes its
// answer on the same page and sends it back.

#include "inc/lib.h"

#define PARENT_PAGE ((char *) 0xa00000)
#define CHILD_PAGE ((char *) 0xb00000)
#define RW (PTE_P | PTE_U | PTE_W)

static const char question[] = "hello child environment! how are you?";
static const char answer[] = "hello parent environment! I'm good.";

// Wait for a letter at page, and print it.  Returns who sent it.
static envid_t
receive(char *page, const char *expected, const char *self)
{
	envid_t from;

	ipc_recv(&from, page, NULL);
	cprintf("%x got message: %s\n", from, page);
	if (strcmp(page, expected) == 0)
		cprintf("%s received correct message\n", self);
	return from;
}

static void
send(envid_t to, char *page, const char *text)
{
	strcpy(page, text);
	ipc_send(to, 0, page, RW);
}

void
umain(int argc, char **argv)
{
	envid_t child = fork();
	int r;

	if (child < 0)
		panic("fork: %e", child);
	if (child == 0) {
		send(receive(CHILD_PAGE, question, "child"), CHILD_PAGE, answer);
		return;
	}

	if ((r = sys_page_alloc(0, PARENT_PAGE, RW)) < 0)
		panic("sys_page_alloc: %e", r);
	send(child, PARENT_PAGE, question);
	receive(PARENT_PAGE, answer, "parent");
}
