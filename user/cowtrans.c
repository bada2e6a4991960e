// Each transition of doc/cow.md, by its number there: what a page is before and after it, on both
// sides: the bits of its entry, how many have it, and what is in it.
//
// Children do what they are told, one step at a time, so that nobody else acts meanwhile.

#include "inc/device.h"
#include "inc/disk.h"
#include "user/pagers.h"

// The states of a page that is there.
#define OWNED (PTE_P | PTE_U | PTE_W)
#define WAITING (PTE_P | PTE_U | PTE_COW)
#define SHARED_RW (PTE_P | PTE_U | PTE_W | PTE_SHARE)
#define SHARED_RO (PTE_P | PTE_U | PTE_SHARE)
#define READ_ONLY (PTE_P | PTE_U)
#define PROTECTED (PTE_P | PTE_U | PTE_TRAP)
#define PROTECTED_WAITING (PTE_P | PTE_U | PTE_TRAP | PTE_COW)
#define PTE_TRAP 0x200 // lib/pgfault.h

#define DATA 0x20000000u // the pages that are looked at
#define PLACE(i) (DATA + (i) *PGSIZE)
#define VIEW 0x21000000u // where to look at a child's page
#define HEAP 0x30000000u // what uses memory up

// What a write to a page costs.
#define NOTHING 0
#define COPIED 1
#define TAKEN 2

// Between us and the children.
#define CHILDREN 4
struct Talk {
	int (*volatile todo)(uint32_t va, uint32_t value);
	uint32_t va, value;
	int result;
};
static volatile struct Talk *const talk = (volatile struct Talk *) (SHARED_VA + 2048);
static envid_t child[CHILDREN];

static void
obey(volatile struct Talk *t)
{
	for (;;) {
		while (!t->todo)
			sys_yield();
		t->result = t->todo(t->va, t->value);
		t->todo = NULL;
	}
}

// Let child i call todo, or do it ourselves (ME).  Its result; 0 when it has ended by that.
#define ME (-1)
static int
by(int i, int (*todo)(uint32_t va, uint32_t value), uint32_t va, uint32_t value)
{
	volatile struct Talk *t = &talk[i];

	if (i == ME)
		return todo(va, value);
	t->result = 0;
	t->va = va;
	t->value = value;
	t->todo = todo;
	while (t->todo && alive(child[i]))
		sys_yield();
	return t->result;
}

static int
end(uint32_t va, uint32_t value)
{
	exit();
}

static void
start(int i)
{
	talk[i].todo = NULL;
	if ((child[i] = MUST(fork())) == 0)
		obey(&talk[i]);
}

static void
stop(int i)
{
	by(i, end, 0, 0);
	wait_end(child[i]);
}

// Looking.

static int
bits(uint32_t va, uint32_t value)
{
	const pte_t pte = uvpd[PDX(va)] & PTE_P ? uvpt[PGNUM(va)] : 0;

	return pte & PTE_SYSCALL;
}

static int
frame(uint32_t va, uint32_t value)
{
	return PGNUM(uvpt[PGNUM(va)]);
}

static int
owners(uint32_t va, uint32_t value)
{
	return pages[frame(va, 0)].pp_ref;
}

static int
word(uint32_t va, uint32_t value)
{
	return WORD(va);
}

// What writing there has cost, by the page itself and by the library's count.  The library may have
// written to a page of its own, too.
static int
write(uint32_t va, uint32_t value)
{
	const struct Cowstat before = cowstat();
	const int old = frame(va, 0), waited = bits(va, 0) & PTE_COW;

	WORD(va) = value;
	const struct Cowstat after = cowstat();
	if (frame(va, 0) != old) {
		CHECK(waited && after.copied > before.copied);
		return COPIED;
	}
	CHECK(!waited || after.taken > before.taken);
	return waited ? TAKEN : NOTHING;
}

static int
refused(uint32_t va, uint32_t value)
{
	return !can_write(va, value);
}

// That the page at va is in this state, for child i or us.
#define IS(i, va, state, n, content)                                                               \
	do {                                                                                       \
		const int bits_ = by(i, bits, va, 0), n_ = by(i, owners, va, 0);                   \
		const int word_ = by(i, word, va, 0);                                              \
		if (bits_ != (state) || n_ != (int) (n) || word_ != (int) (content))               \
			panic("line %d: %x %d %d, not %x %d %d", __LINE__, bits_, n_, word_,       \
			      state, (int) (n), (int) (content));                                  \
	} while (0)

static void
fresh(uint32_t va, uint32_t value)
{
	MUST(sys_page_alloc(0, (void *) va, RW));
	WORD(va) = value;
}

static void
done(const char *what)
{
	cprintf("cowtrans: %s\n", what);
}

// 1 fork; 2 a read; 3 a write, and others have it; 4 a write, and nobody else has it any more.
static void
write_faults(void)
{
	int old;

	fresh(DATA, 1);
	IS(ME, DATA, OWNED, 1, 1);
	old = frame(DATA, 0);
	start(0);
	IS(ME, DATA, WAITING, 2, 1);
	IS(0, DATA, WAITING, 2, 1);
	CHECK(by(0, frame, DATA, 0) == old && frame(DATA, 0) == old);
	CHECK(by(0, write, DATA, 2) == COPIED);
	IS(0, DATA, OWNED, 1, 2);
	IS(ME, DATA, WAITING, 1, 1);
	CHECK(by(0, frame, DATA, 0) != old && frame(DATA, 0) == old);
	CHECK(write(DATA, 3) == TAKEN);
	IS(ME, DATA, OWNED, 1, 3);
	IS(0, DATA, OWNED, 1, 2);
	CHECK(frame(DATA, 0) == old);
	CHECK(write(DATA, 4) == NOTHING && by(0, write, DATA, 5) == NOTHING);
	stop(0);

	// The other way round, by the parent first.
	start(0);
	CHECK(write(DATA, 6) == COPIED);
	IS(ME, DATA, OWNED, 1, 6);
	IS(0, DATA, WAITING, 1, 4);
	CHECK(by(0, frame, DATA, 0) == old && by(0, write, DATA, 7) == TAKEN);
	IS(0, DATA, OWNED, 1, 7);
	stop(0);
	IS(ME, DATA, OWNED, 1, 6);
	done("fork, and the first writes after it");
}

// 5 the other owners go: by exit, by unmapping it, by getting something else there.
static void
last_owner(void)
{
	const int old = (fresh(DATA, 1), frame(DATA, 0));

	for (int i = 0; i < 3; i++)
		start(i);
	for (int i = 0; i < 3; i++)
		IS(i, DATA, WAITING, 4, 1);
	stop(0);
	IS(ME, DATA, WAITING, 3, 1);
	CHECK(by(1, write, DATA, 2) == COPIED);
	IS(2, DATA, WAITING, 2, 1);
	stop(2);
	IS(ME, DATA, WAITING, 1, 1);
	IS(1, DATA, OWNED, 1, 2);
	CHECK(write(DATA, 3) == TAKEN && frame(DATA, 0) == old);
	IS(ME, DATA, OWNED, 1, 3);
	stop(1);

	start(0);
	CHECK(sys_page_unmap(child[0], (void *) DATA) == 0);
	IS(ME, DATA, WAITING, 1, 3);
	CHECK(write(DATA, 4) == TAKEN && frame(DATA, 0) == old);
	stop(0);
	done("the last owner");
}

// 6 what waits is forked again; and who has asked for it alone is told.
static void
forked_again(void)
{
	fresh(DATA, 1);
	start(0);
	CHECK(by(0, write, DATA, 2) == COPIED);
	IS(ME, DATA, WAITING, 1, 1);
	start(1);
	IS(ME, DATA, WAITING, 2, 1);
	IS(1, DATA, WAITING, 2, 1);
	CHECK(sys_page_protect(0, (void *) DATA, RW | PAGE_SOLE) == -E_SHARED);
	IS(ME, DATA, WAITING, 2, 1);
	stop(0);
	stop(1);
	CHECK(sys_page_protect(0, (void *) DATA, RW | PAGE_SOLE) == 0);
	IS(ME, DATA, OWNED, 1, 1);
	done("forked again");
}

// 7 PTE_SHARE; 8 read-only pages and text.
static void
shared_and_read_only(void)
{
	const uint32_t text = (uint32_t) obey;

	fresh(PLACE(0), 1);
	fresh(PLACE(1), 1);
	fresh(PLACE(2), 1);
	MUST(sys_page_protect(0, (void *) PLACE(0), SHARED_RW));
	MUST(sys_page_protect(0, (void *) PLACE(1), SHARED_RO));
	MUST(sys_page_protect(0, (void *) PLACE(2), READ_ONLY));
	const int words = word(text, 0), n = owners(text, 0);
	IS(ME, text, READ_ONLY, n, words);
	start(0);
	for (int i = ME; i <= 0; i++) {
		IS(i, PLACE(0), SHARED_RW, 2, 1);
		IS(i, PLACE(1), SHARED_RO, 2, 1);
		IS(i, PLACE(2), READ_ONLY, 2, 1);
		IS(i, text, READ_ONLY, n + 1, words);
	}
	CHECK(by(0, write, PLACE(0), 2) == NOTHING);
	IS(ME, PLACE(0), SHARED_RW, 2, 2);
	CHECK(write(PLACE(0), 3) == NOTHING);
	IS(0, PLACE(0), SHARED_RW, 2, 3);
	for (int i = ME; i <= 0; i++)
		CHECK(by(i, refused, PLACE(1), 9) && by(i, refused, PLACE(2), 9) &&
		      by(i, refused, text, 9));
	for (int i = ME; i <= 0; i++) {
		IS(i, PLACE(1), SHARED_RO, 2, 1);
		IS(i, PLACE(2), READ_ONLY, 2, 1);
		IS(i, text, READ_ONLY, n + 1, words);
	}
	// Who had the right can take it back; who was given the page without it cannot.
	CHECK(sys_page_protect(child[0], (void *) PLACE(2), RW) == -E_INVAL);
	CHECK(sys_page_protect(child[0], (void *) text, RW) == -E_INVAL);
	stop(0);
	for (int i = 0; i < 3; i++)
		MUST(sys_page_unmap(0, (void *) PLACE(i)));
	done("shared pages, and read-only ones");
}

static int
protect(uint32_t va, uint32_t prot)
{
	return region_protect(region_at((void *) va), 0, PGSIZE, prot);
}

// 9 a region protects; 10 and is forked; 11 it opens what others have; 12 or nobody else has.
static void
regions(void)
{
	struct Region *r = add(DATA, 1, REGION_RW, &region_zero, NULL);
	int old;

	WORD(DATA) = 1;
	IS(ME, DATA, OWNED, 1, 1);
	MUST(protect(DATA, REGION_READ));
	IS(ME, DATA, PROTECTED, 1, 1);
	CHECK(refused(DATA, 9));
	old = frame(DATA, 0);
	start(0);
	IS(ME, DATA, PROTECTED_WAITING, 2, 1);
	IS(0, DATA, PROTECTED_WAITING, 2, 1);
	CHECK(by(0, refused, DATA, 9) && refused(DATA, 9));
	CHECK(by(0, protect, DATA, REGION_RW) == 0);
	IS(0, DATA, OWNED, 1, 1);
	IS(ME, DATA, PROTECTED_WAITING, 1, 1);
	CHECK(by(0, write, DATA, 2) == NOTHING);
	CHECK(frame(DATA, 0) == old && protect(DATA, REGION_RW) == 0 && frame(DATA, 0) == old);
	IS(ME, DATA, OWNED, 1, 1);
	IS(0, DATA, OWNED, 1, 2);
	stop(0);

	// What is protected while it waits, waits on.
	start(0);
	IS(ME, DATA, WAITING, 2, 1);
	MUST(protect(DATA, REGION_READ));
	CHECK(bits(DATA, 0) == PROTECTED || bits(DATA, 0) == PROTECTED_WAITING);
	IS(0, DATA, WAITING, owners(DATA, 0), 1);
	CHECK(by(0, write, DATA, 3) != NOTHING && word(DATA, 0) == 1);
	stop(0);
	MUST(region_remove(r));
	done("regions");
}

// 13 a snapshot; 14 its pages are those of now again.
static void
snapshots(void)
{
	struct Region *r = add(DATA, 1, REGION_RW, &region_zero, NULL);

	WORD(DATA) = 1;
	MUST(region_snapshot(r, (void *) VIEW));
	IS(ME, DATA, WAITING, 2, 1);
	IS(ME, VIEW, READ_ONLY, 2, 1);
	CHECK(write(DATA, 2) == COPIED);
	IS(ME, DATA, OWNED, 1, 2);
	IS(ME, VIEW, READ_ONLY, 1, 1);
	MUST(region_restore(r, (void *) VIEW));
	IS(ME, DATA, WAITING, 2, 1);
	IS(ME, VIEW, READ_ONLY, 2, 1);
	MUST(region_snapshot_drop(r, (void *) VIEW));
	CHECK(write(DATA, 3) == TAKEN);
	IS(ME, DATA, OWNED, 1, 3);
	MUST(region_remove(r));
	done("snapshots");
}

static int
fork_within(uint32_t slot, uint32_t value)
{
	start(slot);
	return child[slot];
}

// 15 sfork; 16 and one of those who share forks.
static void
siblings(void)
{
	envid_t sibling;

	fresh(PLACE(0), 1);
	fresh(PLACE(1), 1);
	start(0);
	IS(ME, PLACE(0), WAITING, 2, 1);
	talk[1].todo = NULL;
	sibling = MUST(sfork());
	if (sibling == 0)
		obey(&talk[1]);
	child[1] = sibling; // a variable of both
	for (int i = ME; i <= 1; i += 2)
		IS(i, PLACE(0), OWNED, 2, 1);
	IS(0, PLACE(0), WAITING, 1, 1);
	CHECK(by(1, write, PLACE(0), 2) == NOTHING);
	IS(ME, PLACE(0), OWNED, 2, 2);
	IS(0, PLACE(0), WAITING, 1, 1);

	// Of the sibling's children, and of ours.
	for (int who = ME; who <= 1; who += 2) {
		WORD(PLACE(1)) = 5;
		child[2] = by(who, fork_within, 2, 0);
		IS(2, PLACE(1), OWNED, 1, 5);
		for (int i = ME; i <= 1; i += 2)
			IS(i, PLACE(1), OWNED, 2, 5);
		CHECK(write(PLACE(1), 6) == NOTHING && by(1, word, PLACE(1), 0) == 6);
		CHECK(by(2, word, PLACE(1), 0) == 5 && by(2, write, PLACE(1), 7) == NOTHING);
		CHECK(word(PLACE(1), 0) == 6);
		stop(2);
	}
	stop(1);
	IS(ME, PLACE(1), OWNED, 1, 6);
	stop(0);
	done("those who share all memory");
}

static int
read_port(uint32_t va, uint32_t value)
{
	return sys_ports_read(DEVICE_CONTROL, 1, (void *) va, 1);
}

static int
read_sector(uint32_t va, uint32_t value)
{
	return disk_read(0, (void *) va, SECTOR_SIZE / SECTOR_SIZE);
}

static int
receive(uint32_t va, uint32_t value)
{
	return ipc_recv(NULL, (void *) va, NULL);
}

// 17 the kernel itself writes: to what may be written to, or not at all.
static void
calls_that_write(void)
{
	uint8_t status;

	fresh(DATA, 0x01010101);
	start(0);
	MUST(sys_env_give_device(child[0]));
	for (int i = ME; i <= 0; i++) {
		CHECK(by(i, read_port, DATA, 0) == -E_FAULT);
		CHECK(by(i, read_port, DATA + PGSIZE - 1, 0) == -E_FAULT);
		IS(i, DATA, WAITING, 2, 0x01010101);
	}
	// As soon as the sharing has been ended, they do, and there only.
	CHECK(by(0, write, DATA, 0x02020202) == COPIED && by(0, read_port, DATA, 0) == 0);
	IS(ME, DATA, WAITING, 1, 0x01010101);
	CHECK(read_port(DATA, 0) == -E_FAULT); // although nobody else has it
	IS(ME, DATA, WAITING, 1, 0x01010101);
	CHECK(read_port((uint32_t) &status, 0) == 0);
	stop(0);

	// The library ends it before it has the kernel write.
	if (disk_size() > 0) {
		WORD(DATA) = 3;
		start(0);
		MUST(sys_env_give_device(child[0]));
		CHECK(by(0, read_sector, DATA, 0) == 0);
		CHECK(by(0, bits, DATA, 0) == OWNED && by(0, owners, DATA, 0) == 1);
		IS(ME, DATA, WAITING, 1, 3);
		stop(0);
		done("a disk's sector in a page that waited");
	}
	done("calls that write to memory");
}

// 18 what a call puts in the place of a page does nothing to the page.
static void
calls_that_replace(void)
{
	for (int kind = 0; kind < 5; kind++) {
		void *to = (void *) PLACE(1);

		fresh(PLACE(0), 8);
		fresh(PLACE(1), 1);
		start(0);
		IS(0, PLACE(1), WAITING, 2, 1);
		if (kind == 0)
			MUST(sys_page_alloc(child[0], to, RW));
		else if (kind == 1)
			MUST(sys_page_map(0, (void *) PLACE(0), child[0], to, RO));
		else if (kind == 2)
			MUST(sys_page_copy(0, (void *) PLACE(0), child[0], to, RW));
		else if (kind == 3)
			MUST(sys_page_move(child[0], (void *) PLACE(0), to, RO));
		else {
			talk[0].va = PLACE(1);
			talk[0].todo = receive;
			ipc_send(child[0], 0, (void *) PLACE(0), RO);
			while (talk[0].todo)
				sys_yield();
		}
		IS(ME, PLACE(1), WAITING, 1, 1);
		CHECK(by(0, word, PLACE(1), 0) == (kind == 0 ? 0 : 8));
		CHECK(write(PLACE(1), 2) == TAKEN);
		stop(0);
	}
	done("calls that replace a page");
}

static int
sum(uint32_t page)
{
	int n = 0;

	for (uint32_t va = page; va < page + PGSIZE; va += 4)
		n = n * 31 + WORD(va);
	return n;
}

static int
close_exception_stack(uint32_t va, uint32_t value)
{
	MUST(sys_page_protect(0, (void *) UXSTACKBASE, WAITING));
	talk[0].value = sum(UXSTACKBASE);
	WORD(va) = 1;
	return 0;
}

// The same for the frame of a fault: who cannot be given it is at its end.
static void
frames_of_faults(void)
{
	fresh(DATA, 1);
	start(0);
	MUST(sys_page_map(child[0], (void *) UXSTACKBASE, 0, (void *) VIEW, RO));
	CHECK(by(0, close_exception_stack, DATA, 0) == 0);
	wait_end(child[0]);
	CHECK(sum(VIEW) == (int) talk[0].value);
	MUST(sys_page_unmap(0, (void *) VIEW));
	IS(ME, DATA, WAITING, 1, 1);
	done("frames of faults");
}

// Using memory up.

static uint32_t used;

static int
use_all(uint32_t va, uint32_t value)
{
	while (sys_page_alloc(0, (void *) (HEAP + used * PGSIZE), RW) == 0)
		used++;
	// One may be left that would have needed a page table.
	return sys_page_alloc(0, (void *) PLACE(100), RW);
}

static int
give_back(uint32_t va, uint32_t n)
{
	for (; n > 0; n--)
		MUST(sys_page_unmap(0, (void *) (HEAP + --used * PGSIZE)));
	return 0;
}

#define EATER 3
#define SOME 5

// What free_frames() is then: it takes for free what is no memory.
static uint32_t
all_used(void)
{
	by(EATER, use_all, 0, 0);
	CHECK(sys_page_alloc(0, (void *) PLACE(100), RW) == -E_NO_MEM);
	return free_frames();
}

static uint32_t
programs(void)
{
	uint32_t n = 0;

	for (int i = 0; i < NENV; i++)
		n += envs[i].env_status != ENV_FREE;
	return n;
}

// 19 fork fails, at each frame that it needs.
static void
failing(envid_t (*forks)(void), const char *what)
{
	uint32_t others, none;
	envid_t id;
	int failures = 0;

	start(EATER);
	by(EATER, write, PLACE(0), 0); // it has an exception stack, and a table for its copies
	start(0);
	CHECK(by(0, write, DATA, 1) != NOTHING);
	own_pages();
	others = programs();
	none = all_used();
	for (uint32_t left = 0;; left++) {
		CHECK(free_frames() - none == left);
		for (uint32_t i = 0; i < SOME; i++)
			IS(ME, PLACE(i), OWNED, 1, i);
		if ((id = forks()) >= 0)
			break;
		CHECK(id == -E_NO_MEM);
		failures++;
		while (programs() > others)
			sys_yield();
		CHECK(free_frames() - none == left);
		// Each of them is ours alone, as it was, and needs no copy.
		for (uint32_t i = 0; i < SOME; i++)
			CHECK(owners(PLACE(i), 0) == 1 && write(PLACE(i), i) != COPIED);
		CHECK(bits(PLACE(SOME), 0) == SHARED_RW && owners(PLACE(SOME), 0) == 3);
		own_pages();
		by(EATER, give_back, 0, 1);
	}
	if (id == 0)
		exit();
	wait_end(id);
	stop(0);
	stop(EATER);
	CHECK(failures >= 4);
	cprintf("cowtrans: %s, failed %d times\n", what, failures);
}

static void
failed_forks(void)
{
	for (uint32_t i = 0; i <= SOME; i++)
		fresh(PLACE(i), i);
	MUST(sys_page_protect(0, (void *) PLACE(SOME), SHARED_RW));
	failing(fork, "fork");
	failing(sfork, "sfork");
}

static int
own_all_but_data(uint32_t va, uint32_t value)
{
	for (uint32_t a = UTEXT; a < USTACKTOP; a += PGSIZE)
		if (!(uvpd[PDX(a)] & PTE_P))
			a += PTSIZE - PGSIZE;
		else if ((uvpt[PGNUM(a)] & PTE_COW) && a != va)
			write_nothing((void *) a);
	return 0;
}

// The same when sfork first has to end a wait: it needs a frame for that, too.
static void
failed_copy(void)
{
	int r, failures = 0;

	fresh(DATA, 1);
	start(EATER);
	by(EATER, write, PLACE(1), 0);
	start(0);
	own_all_but_data(DATA, 0);
	all_used();
	IS(ME, DATA, WAITING, 3, 1);
	while ((r = sfork()) == -E_NO_MEM) {
		failures++;
		CHECK(word(DATA, 0) == 1 && by(0, word, DATA, 0) == 1);
		CHECK(by(0, bits, DATA, 0) == WAITING);
		by(EATER, give_back, 0, 1);
	}
	if (r == 0)
		exit();
	CHECK(r > 0 && failures >= 4);
	wait_end(r);
	stop(0);
	stop(EATER);
	done("sfork without memory for a copy");
}

// 20 no frame for a copy: who needs it ends, and nobody else.  And the last owner needs none.
static void
death(void)
{
	const int old = (fresh(DATA, 1), frame(DATA, 0));

	start(EATER);
	by(EATER, write, DATA, 0);
	for (int i = 0; i < 2; i++)
		start(i);
	own_all_but_data(DATA, 0);
	for (int i = 0; i < 2; i++)
		by(i, own_all_but_data, DATA, 0);
	all_used();
	IS(ME, DATA, WAITING, 3, 1);
	CHECK(by(0, write, DATA, 2) == 0);
	wait_end(child[0]);
	IS(ME, DATA, WAITING, 2, 1);
	IS(1, DATA, WAITING, 2, 1);
	stop(1);
	all_used();
	CHECK(write(DATA, 3) == TAKEN && frame(DATA, 0) == old);
	IS(ME, DATA, OWNED, 1, 3);
	stop(EATER);
	done("the end of who finds no frame");
}

void
umain(int argc, char **argv)
{
	share_page();
	set_pgfault_handler(own_handler);
	// The table for the library's copies, so that nothing but pages is counted later.
	MUST(sys_page_alloc(0, (void *) PFTEMP, RW));
	MUST(sys_page_unmap(0, (void *) PFTEMP));
	write_faults();
	last_owner();
	forked_again();
	shared_and_read_only();
	regions();
	snapshots();
	siblings();
	calls_that_write();
	calls_that_replace();
	frames_of_faults();
	failed_forks();
	failed_copy();
	death();
	CHECK(alone());
	cprintf("cowtrans: OK\n");
}
