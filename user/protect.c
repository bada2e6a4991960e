// Rights of a page go down and up again, but never past what was given: the contract of
// sys_page_map, with the write faults that show that the hardware was told.

#include "inc/lib.h"

#define RO (PTE_P | PTE_U)
#define RW (PTE_P | PTE_U | PTE_W)

#define PAGE ((void *) 0x10000000)
#define ALIAS ((void *) 0x10001000)
#define READONLY ((void *) 0x10002000)
#define GIFT ((void *) 0x20000000)   // where the child finds what its parent maps,
#define LETTER ((void *) 0x20001000) // takes what is sent to it,
#define OTHER ((void *) 0x20002000)  // and tries to map both with more rights
#define WORD(va) (*(volatile uint32_t *) (va))

static volatile int faults;

static uint32_t
rights(void *va)
{
	if (!(uvpd[PDX(va)] & PTE_P))
		return 0;
	return uvpt[PGNUM(va)] & (PTE_P | PTE_U | PTE_W);
}

static void
must(const char *what, int got, int want)
{
	if (got != want)
		panic("%s: %d, not %d", what, got, want);
}

static int
set_rights(void *va, int perm)
{
	return sys_page_map(0, va, 0, va, perm);
}

static void
handler(struct UTrapframe *utf)
{
	void *page = (void *) ROUNDDOWN(utf->utf_fault_va, PGSIZE);

	if ((utf->utf_err & (FEC_PR | FEC_WR)) != (FEC_PR | FEC_WR))
		panic("fault at %08x, err %x", utf->utf_fault_va, utf->utf_err);
	faults++;
	must("raise in the handler", set_rights(page, RW), 0);
}

// Lower the page at va, and see it read, fault once when written, and be raised by that.
static void
lower_and_write(void *va)
{
	uint32_t old = WORD(va);
	int before = faults;

	must("lower", set_rights(va, RO), 0);
	must("rights when lowered", rights(va), RO);
	must("content when lowered", WORD(va), old);
	must("faults of a read", faults - before, 0);
	WORD(va) = old + 1;
	WORD(va) = old + 2;
	must("faults of two writes", faults - before, 1);
	must("rights when raised", rights(va), RW);
	must("content when raised", WORD(va), old + 2);
}

// The page at va may be read and never be written, neither there nor under another address.
static void
cannot_raise(void *va, void *alias)
{
	uint32_t old = WORD(va);

	must("raise a read-only page", set_rights(va, RW), -E_INVAL);
	must("its rights", rights(va), RO);
	must("a writable alias of it", sys_page_map(0, va, 0, alias, RW), -E_INVAL);
	must("rights of that alias", rights(alias), 0);
	must("a read-only alias of it", sys_page_map(0, va, 0, alias, RO), 0);
	must("raise the alias", set_rights(alias, RW), -E_INVAL);
	must("back from the alias", sys_page_map(0, alias, 0, va, RO), 0);
	must("raise it after that", set_rights(va, RW), -E_INVAL);
	must("its content", WORD(va), old);
	must("unmap the alias", sys_page_unmap(0, alias), 0);
}

static void
own_pages(void)
{
	must("alloc", sys_page_alloc(0, PAGE, RW), 0);
	WORD(PAGE) = 1000;
	lower_and_write(PAGE);
	cprintf("protect: lowered and raised\n");

	// An alias remembers what its origin did, even if that was lowered at the time.
	must("lower", set_rights(PAGE, RO), 0);
	must("alias", sys_page_map(0, PAGE, 0, ALIAS, RO), 0);
	lower_and_write(ALIAS);
	must("rights of the origin", rights(PAGE), RO);
	must("content of the origin", WORD(PAGE), WORD(ALIAS));
	must("unmap", sys_page_unmap(0, ALIAS), 0);
	must("alias with W", sys_page_map(0, PAGE, 0, ALIAS, RW), 0);
	WORD(ALIAS) = 2000;
	must("content of the origin", WORD(PAGE), 2000);
	cprintf("protect: aliases keep the ceiling\n");

	must("alloc read-only", sys_page_alloc(0, READONLY, RO), 0);
	cannot_raise(READONLY, OTHER);
	// The address remembers nothing, only the mapping does.
	must("map read-only over writable", sys_page_map(0, READONLY, 0, ALIAS, RO), 0);
	cannot_raise(ALIAS, OTHER);
	must("alloc over read-only", sys_page_alloc(0, ALIAS, RW), 0);
	lower_and_write(ALIAS);
	cprintf("protect: read-only stays read-only\n");
}

static void
child(envid_t parent)
{
	int perm;

	// A page that is lent read-only, by a mapping and by a message.
	must("first message", ipc_recv(NULL, LETTER, &perm), 1);
	must("its rights", perm, RO);
	cannot_raise(GIFT, OTHER);
	cannot_raise(LETTER, OTHER);
	ipc_send(parent, 1, NULL, 0);

	// The same, writable.  From here on nobody resolves fork's copy-on-write any more, so the
	// handler's own variable must be past that.
	faults = 0;
	set_pgfault_handler(handler);
	must("second message", ipc_recv(NULL, LETTER, &perm), 2);
	must("its rights", perm, RW);
	lower_and_write(GIFT);
	lower_and_write(LETTER);
	ipc_send(parent, 2, NULL, 0);
}

static void
lent_pages(void)
{
	envid_t self = sys_getenvid(), id = fork();

	if (id < 0)
		panic("fork: %e", id);
	if (id == 0) {
		child(self);
		exit();
	}

	must("alloc", sys_page_alloc(0, PAGE, RW), 0);
	WORD(PAGE) = 3000;

	// What is lowered may be raised here, but not be given away with more than it has.
	must("lower", set_rights(PAGE, RO), 0);
	must("give a lowered page W", sys_page_map(0, PAGE, id, GIFT, RW), -E_INVAL);
	must("give it without", sys_page_map(0, PAGE, id, GIFT, RO), 0);
	must("raise it for the child", sys_page_map(id, GIFT, id, GIFT, RW), -E_INVAL);
	must("take it back with W", sys_page_map(id, GIFT, 0, OTHER, RW), -E_INVAL);
	while (envs[ENVX(id)].env_status != ENV_FREE && !envs[ENVX(id)].env_ipc_recving)
		sys_yield();
	must("send a lowered page W", sys_ipc_try_send(id, 1, PAGE, RW), -E_INVAL);
	must("send it without", sys_ipc_try_send(id, 1, PAGE, RO), 0);
	must("reply", ipc_recv(NULL, NULL, NULL), 1);
	must("what was lent read-only", WORD(PAGE), 3000);
	cprintf("protect: lent read-only\n");

	must("raise", set_rights(PAGE, RW), 0);
	must("give W", sys_page_map(0, PAGE, id, GIFT, RW), 0);
	ipc_send(id, 2, PAGE, RW);
	must("reply", ipc_recv(NULL, NULL, NULL), 2);
	must("what was lent writable", WORD(PAGE), 3004);
	cprintf("protect: lent writable\n");
}

void
umain(int argc, char **argv)
{
	set_pgfault_handler(handler);
	own_pages();
	lent_pages(); // from its fork on, the handler is fork's
	cprintf("protect: OK\n");
}
