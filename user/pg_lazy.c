// Text and data on demand: a program that starts with nothing loaded but a page of stack, and whose
// pages come from its ELF image as it touches them.  The idea is TENEX's (Bobrow, Burchfiel, Murphy &
// Tomlinson 1972) and became mmap's (4.2BSD's manual, 1983; SunOS, Gingell, Moran & Shannon 1987).
//
// The program is user/lazyguest.c, whose image the makefile puts into this one.  It knows nothing of
// this: it runs in a child, and its parent is its pager.  The child has one page more, the stub below,
// which is the upcall of its page faults: it sends the address to the parent and waits for the answer
// (sys_ipc_call), goes back to the instruction, and needs no word of the guest's memory.
//
// What the pager says, for the part of the image that the address is in:
//	read-only	the image's own frame, read-only (sys_page_map): text is not copied
//	data		a copy (sys_page_copy)
//	bss, stack	a page of zeros (sys_page_alloc)
//	no part, or a write to what is read-only	the guest ends
//
// The kernel does not fault pages in for system calls: a guest hands it only what it has touched.  One
// that handles its own faults would take the upcall away from us; it is to be loaded at once.

#include "inc/elf.h"
#include "inc/ipc.h"
#include "user/gallery.h"

#define NO_PAGE ((void *) UTOP)
#define SCRATCH ((void *) 0x20000000)
#define STUB (UTEMP - PGSIZE) // where the child has it
#define STACK_PAGES 16
#define NPARTS 8
#define TRIES 3

// What the guest sends has the lowest bit set; what the stub sends is a page's address and FEC_WR.
#define GUEST_WORD 1
#define NWORDS 2 // the first output, and the result

extern char guest[], guest_end[];
asm(".pushsection .rodata\n"
    ".p2align 12\n"
    "guest: .incbin \"" LAZYGUEST "\"\n"
    "guest_end:\n"
    ".p2align 12\n"
    ".popsection\n");

// The child's upcall, entered with a struct UTrapframe at esp, in a page by itself at STUB.  It can
// stand anywhere, and what it must know is in the page's last words.  Its second half is the way back
// that the library's upcall has, too.
struct StubWords {
	envid_t pager;
	int call; // SYS_ipc_call
};
#define STUB_WORDS (PGSIZE - sizeof(struct StubWords))
static_assert(sizeof(struct StubWords) == 8 && offsetof(struct StubWords, call) == 4, "stub");
static_assert(offsetof(struct UTrapframe, utf_regs) == 8, "stub");
static_assert(offsetof(struct UTrapframe, utf_eip) == 8 + 32, "stub");
static_assert(offsetof(struct UTrapframe, utf_esp) == 8 + 40, "stub");
extern const char stub[], stub_end[];
#define STRING(x) #x
#define NUMBER(x) STRING(x)
// clang-format off
asm(".pushsection .rodata\n"
    "stub:	movl	(%esp), %ecx\n" // ecx: the page, and whether it is a write
    "	andl	$-" NUMBER(PGSIZE) ", %ecx\n"
    "	movl	4(%esp), %eax\n"
    "	andl	$" NUMBER(FEC_WR) ", %eax\n"
    "	orl	%eax, %ecx\n"
    "	movl	" NUMBER(UTEMP) " - 8, %edx\n" // the pager
    "	movl	$" NUMBER(UTOP) ", %ebx\n" // no page of ours
    "	movl	$" NUMBER(IPC_ONLY) ", %edi\n"
    "	movl	%ebx, %esi\n" // and none for us
    "	movl	" NUMBER(UTEMP) " - 4, %eax\n"
    "	int	$" NUMBER(T_SYSCALL) "\n"
    "	testl	%eax, %eax\n"
    "	js	1f\n"
    "	addl	$8, %esp\n"
    "	movl	40(%esp), %eax\n"
    "	movl	32(%esp), %ecx\n"
    "	movl	%ecx, -4(%eax)\n"
    "	subl	$4, 40(%esp)\n"
    "	popal\n"
    "	addl	$4, %esp\n"
    "	popfl\n"
    "	popl	%esp\n"
    "	ret\n"
    "1:	ud2\n" // without a pager there is no going on
    "stub_end:\n"
    ".popsection\n");
// clang-format on

// A part of the guest's memory, from a page on: filesz bytes of the image, and then zeros.
struct Part {
	uint32_t va, memsz, filesz;
	const char *bytes;
	int perm;
};
static struct Part parts[NPARTS];
static int nparts;
static uint32_t npages; // without the stack's

// Ways to load: each page when it is touched; all at once, in the same way; all at once, by copying
// what is in the file, as the kernel loads its first program.
enum Way { ON_DEMAND, AT_ONCE, BY_COPY };

// What a run of the guest did.
struct Run {
	bool ended; // by itself, not by us
	int nwords;
	uint32_t words[NWORDS];
	uint64_t first_output;             // how long it took to come
	uint32_t shared, copied, of_zeros; // pages that the guest got
};
static struct Run run;

static uint32_t
pages_given(const struct Run *r)
{
	return r->shared + r->copied + r->of_zeros;
}

static uint32_t
pages_of(const struct Part *p)
{
	return PGNUM(ROUNDUP(p->memsz, PGSIZE));
}

// Read the program headers; the stack is a part, too, the first.  Returns the entry.
static uint32_t
read_image(void)
{
	const struct Elf *elf = (const struct Elf *) guest;
	const struct Proghdr *ph = (const struct Proghdr *) (guest + elf->e_phoff);

	CHECK(elf->e_magic == ELF_MAGIC && elf->e_type == ELF_TYPE_EXEC);
	parts[nparts++] = (struct Part){.va = USTACKTOP - STACK_PAGES * PGSIZE,
					.memsz = STACK_PAGES * PGSIZE,
					.bytes = guest,
					.perm = RW};
	for (int i = 0; i < elf->e_phnum; i++, ph++) {
		if (ph->p_type != ELF_PROG_LOAD)
			continue;
		CHECK(nparts < NPARTS);
		// What makes pages of the file pages of memory.
		CHECK(PGOFF(ph->p_offset) == PGOFF(ph->p_va));
		CHECK(guest + ph->p_offset + ph->p_filesz <= guest_end);
		uint32_t before = PGOFF(ph->p_va);
		parts[nparts++] = (struct Part){
			.va = ph->p_va - before,
			.memsz = ph->p_memsz + before,
			.filesz = ph->p_filesz + before,
			.bytes = guest + ph->p_offset - before,
			.perm = ph->p_flags & ELF_PROG_FLAG_WRITE ? RW : RO,
		};
	}
	for (const struct Part *p = parts + 1; p < parts + nparts; p++)
		npages += pages_of(p);
	return elf->e_entry;
}

static const struct Part *
part_at(uint32_t va)
{
	for (const struct Part *p = parts; p < parts + nparts; p++)
		if (va >= p->va && va < p->va + p->memsz)
			return p;
	return NULL;
}

// Give the child a page at p->va + at, with the n bytes of the image that belong there.
static int
fill_page(envid_t child, const struct Part *p, uint32_t at, uint32_t n)
{
	int r = sys_page_alloc(0, SCRATCH, RW);

	if (r < 0)
		return r;
	memcpy(SCRATCH, p->bytes + at, n);
	r = sys_page_map(0, SCRATCH, child, (void *) (p->va + at), p->perm);
	sys_page_unmap(0, SCRATCH);
	run.copied++;
	return r;
}

// Give the child its page at p->va + at in the cheapest way.
static int
give_page(envid_t child, const struct Part *p, uint32_t at)
{
	void *from = (void *) (p->bytes + at), *to = (void *) (p->va + at);

	if (at >= p->filesz) {
		run.of_zeros++;
		return sys_page_alloc(child, to, p->perm);
	}
	if (!(p->perm & PTE_W)) {
		run.shared++;
		return sys_page_map(0, from, child, to, p->perm);
	}
	// The last page of data has zeros behind it, where the file has something else.
	if (p->filesz - at < PGSIZE)
		return fill_page(child, p, at, p->filesz - at);
	run.copied++;
	return sys_page_copy(0, from, child, to, p->perm);
}

// The pager: the page at va for an access that may be a write.  Negative: there is none.
static int
supply(envid_t child, uint32_t va, bool write)
{
	const struct Part *p = part_at(va);

	if (!p || (write && !(p->perm & PTE_W)))
		return -E_FAULT;
	CHECK(pages_given(&run) < npages + STACK_PAGES); // none twice
	return give_page(child, p, va - p->va);
}

// All that the child has to begin with.
static void
give_stub(envid_t child)
{
	MUST(sys_page_alloc(0, SCRATCH, RW));
	memcpy(SCRATCH, stub, stub_end - stub);
	*(struct StubWords *) (SCRATCH + STUB_WORDS) =
		(struct StubWords){.pager = sys_getenvid(), .call = SYS_ipc_call};
	MUST(sys_page_map(0, SCRATCH, child, (void *) STUB, RO));
	MUST(sys_page_unmap(0, SCRATCH));
	MUST(sys_page_alloc(child, (void *) UXSTACKBASE, RW));
	MUST(sys_env_set_pgfault_upcall(child, (void *) STUB));
	MUST(supply(child, USTACKTOP - PGSIZE, true));
}

static void
give_everything(envid_t child, enum Way way)
{
	for (const struct Part *p = parts + 1; p < parts + nparts; p++) {
		for (uint32_t at = 0; at < p->memsz; at += PGSIZE) {
			uint32_t n = at < p->filesz ? MIN(p->filesz - at, PGSIZE) : 0;

			MUST(way == AT_ONCE ? give_page(child, p, at) : fill_page(child, p, at, n));
		}
	}
}

static void
note(uint32_t word, uint64_t start)
{
	if (run.nwords == 0)
		run.first_output = ticks() - start;
	CHECK(run.nwords < NWORDS);
	run.words[run.nwords++] = word;
}

// Answer the child until it ends.
static void
serve(envid_t child, uint64_t start)
{
	int r = sys_ipc_wait(child, NO_PAGE, 0);

	while (r == 0) {
		uint32_t word = thisenv->env_ipc_value;

		if (word & GUEST_WORD) {
			note(word, start);
			r = sys_ipc_wait(child, NO_PAGE, 0);
		} else if (supply(child, PTE_ADDR(word), word & FEC_WR) == 0) {
			r = sys_ipc_call_value(child, 0, IPC_ONLY);
		} else {
			cprintf("pg_lazy: the guest may not %s at %08x\n",
				word & FEC_WR ? "write" : "read", PTE_ADDR(word));
			MUST(sys_env_destroy(child));
			return;
		}
	}
	CHECK(r == -E_BAD_ENV);
	run.ended = true;
}

// Run the guest, from entry on with this stack pointer.
static struct Run
run_guest(uint32_t entry, uint32_t esp, enum Way way)
{
	struct Trapframe tf;
	envid_t child = MUST(sys_exofork());
	uint64_t start = ticks();

	run = (struct Run){};
	give_stub(child);
	if (way != ON_DEMAND)
		give_everything(child, way);
	tf = envs[ENVX(child)].env_tf;
	tf.tf_eip = entry;
	tf.tf_esp = esp;
	MUST(sys_env_set_trapframe(child, &tf));
	MUST(sys_env_set_status(child, ENV_RUNNABLE));
	serve(child, start);
	await_end(child);
	return run;
}

// Whether both came to their end, with the same words.
static bool
same(const struct Run *a, const struct Run *b)
{
	return a->ended && b->ended && a->nwords == NWORDS && b->nwords == NWORDS &&
		memcmp(a->words, b->words, sizeof a->words) == 0;
}

// The same, a few times, as other programs on the host disturb the clock: the run with the first output
// soonest.
static struct Run
measure(uint32_t entry, enum Way way)
{
	struct Run best = run_guest(entry, USTACKTOP, way);

	for (int i = 1; i < TRIES; i++) {
		struct Run next = run_guest(entry, USTACKTOP, way);

		CHECK(same(&best, &next));
		if (next.first_output < best.first_output)
			best = next;
	}
	return best;
}

void
umain(int argc, char **argv)
{
	uint32_t entry = read_image();
	struct Run lazy = measure(entry, ON_DEMAND);
	struct Run eager = measure(entry, AT_ONCE);
	struct Run plain = measure(entry, BY_COPY);
	// The first thing that the guest does is to push, here onto its text.
	struct Run bad = run_guest(entry, entry + 16, ON_DEMAND);

	CHECK(same(&lazy, &plain) && same(&eager, &plain));
	CHECK(pages_given(&eager) == npages + 1 && pages_given(&plain) == npages + 1);
	CHECK(pages_given(&lazy) < npages / 2);
	CHECK(!bad.ended && bad.nwords == 0 && bad.copied == 0);

	cprintf("pg_lazy: of the pages that came, %u were the image's own, %u copies, %u zeros\n",
		lazy.shared, lazy.copied, lazy.of_zeros);
	cprintf("pg_lazy: OK: %u pages of program, %u pages loaded, %llu %s to the first output, "
		"%llu %s when all is mapped first, %llu %s when all is copied first\n",
		npages, pages_given(&lazy), lazy.first_output, tick_unit(), eager.first_output,
		tick_unit(), plain.first_output, tick_unit());
}
