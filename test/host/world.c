// A small machine with programs on it.

#include "test/host/world.h"

#include "inc/assert.h"
#include "inc/string.h"
#include "kern/check.h"
#include "kern/sched.h"
#include "kern/syscall.h"

#define NLOW 200
#define NHIGH 50
#define HOG_VA 0x40000000u

unsigned call_parts;

static struct Env *hog;
static uint32_t hog_top; // the address after its last page

void
world(void)
{
	fake_start(NLOW, 0);
	hog = NULL;
}

void
world_both_pools(void)
{
	fake_start(NLOW, NHIGH);
	hog = NULL;
}

// What has been given back last must be as its next owner wants it.
static void
check_ready(enum PageKind kind)
{
	uint32_t ppn = page_next_ready(kind, 0);

	for (int i = 0; i < 2 && ppn; i++, ppn = page_next_ready(kind, ppn)) {
		pde_t want[NPDENTRIES] = {0};
		if (kind == PAGE_DIRECTORY) {
			memcpy(want + PDX(UTOP), kern_pgdir + PDX(UTOP), PGSIZE - PDX(UTOP) * 4);
			want[PDX(UVPT)] = ppn << PGSHIFT | PTE_P | PTE_U;
		}
		if (pages[ppn].pp_ref != 0 || memcmp(fake_frame(ppn), want, PGSIZE) != 0)
			panic("frame %x is not as its next owner wants it", ppn);
	}
}

void
world_check(void)
{
	static uint32_t refs[BORDER + FAKE_MAXHIGH];

	check_all(refs);
	for (uint32_t i = page_limit(); i < npages; i++)
		if (pages[i].pp_ref != 0)
			panic("frame %x was never given to anyone, and has a count", i);
	check_ready(PAGE_TABLE);
	check_ready(PAGE_DIRECTORY);
	fake_check();
}

void
run_on(struct Env *e, int cpu)
{
	CHECK_EQ(e->env_status, ENV_RUNNABLE);
	env_move(e, cpu);
	CHECK(env_next(cpu) == e);
	fake_switch(cpu, e);
}

struct Env *
program(struct Env *parent, int cpu)
{
	struct Env *e;

	CHECK_EQ(env_alloc(&e, parent), 0);
	env_release(e, HOLD_STOPPED);
	if (cpu != NOCPU)
		run_on(e, cpu);
	return e;
}

void
let_notice(struct Env *e)
{
	int cpu = kenv(e)->space.cpu;

	CHECK(cpu != NOCPU);
	fake_cpu = cpu;
	fake_kicked[cpu] = false;
	env_take_frame(e);
	if (e->env_status != ENV_RUNNING) {
		env_let_go(e);
		fake_switch(cpu, NULL);
	}
	world_check();
}

void
reap_all(void)
{
	while (env_reap())
		world_check();
	CHECK(!env_any_dead());
}

void
enter(struct Env *self, uint32_t number, const uint32_t arg[5])
{
	struct Trapframe *tf = &kenv(self)->frame;

	CHECK_EQ(self->env_status, ENV_RUNNING);
	fake_cpu = kenv(self)->space.cpu;
	fake_kicked[fake_cpu] = false;
	tf->tf_regs.reg_eax = number;
	tf->tf_regs.reg_edx = arg[0];
	tf->tf_regs.reg_ecx = arg[1];
	tf->tf_regs.reg_ebx = arg[2];
	tf->tf_regs.reg_edi = arg[3];
	tf->tf_regs.reg_esi = arg[4];
	tf->tf_eip = CALL_EIP;
	syscall(self);
}

int32_t
call_number(struct Env *self, uint32_t number, const uint32_t arg[5])
{
	struct Trapframe *tf = &kenv(self)->frame;
	struct Snapshot before, after;
	struct Trapframe want;

	tf->tf_regs.reg_eax = tf->tf_regs.reg_oesp = 0xfeed;
	tf->tf_regs.reg_ebp = 0xebb;
	tf->tf_esp = USTACKTOP - 64;
	tf->tf_regs.reg_edx = arg[0];
	tf->tf_regs.reg_ecx = arg[1];
	tf->tf_regs.reg_ebx = arg[2];
	tf->tf_regs.reg_edi = arg[3];
	tf->tf_regs.reg_esi = arg[4];
	tf->tf_eip = CALL_EIP;
	want = *tf;
	before = snapshot(true);
	for (call_parts = 1;; call_parts++) {
		enter(self, number, arg);
		world_check();
		if (tf->tf_eip == CALL_EIP)
			break;
		want.tf_regs.reg_eax = number;
		want.tf_eip = CALL_EIP - 2;
		CHECK(memcmp(tf, &want, sizeof want) == 0);
	}
	int32_t r = tf->tf_regs.reg_eax;
	want.tf_eip = CALL_EIP;
	want.tf_regs.reg_eax = r;
	CHECK(memcmp(tf, &want, sizeof want) == 0);
	if (r < 0) {
		tf->tf_regs.reg_eax = 0xfeed;
		after = snapshot(true);
		CHECK(snapshot_is(&before, &after));
		tf->tf_regs.reg_eax = r;
	}
	return r;
}

void
give_page(struct Env *e, uint32_t va, uint32_t perm)
{
	struct PageInfo *pp = page_alloc(PAGE_USER);

	CHECK(pp);
	CHECK_EQ(page_insert(&kenv(e)->space, pp, va, perm | (perm & PTE_W ? PTE_GIVENW : 0)), 0);
}

// e's memory at va.
static uint8_t *
byte_at(struct Env *e, uint32_t va)
{
	CHECK(frame_at(e, va) != 0);
	return fake_frame(frame_at(e, va)) + PGOFF(va);
}

void
poke(struct Env *e, uint32_t va, const void *src, uint32_t n)
{
	for (uint32_t i = 0; i < n; i++)
		*byte_at(e, va + i) = ((const uint8_t *) src)[i];
}

void
peek(struct Env *e, uint32_t va, void *dst, uint32_t n)
{
	for (uint32_t i = 0; i < n; i++)
		((uint8_t *) dst)[i] = *byte_at(e, va + i);
}

uint32_t
frame_at(struct Env *e, uint32_t va)
{
	return PTE_ADDR(fake_walk(&kenv(e)->space, va)) >> PGSHIFT;
}

uint32_t
bits_at(struct Env *e, uint32_t va)
{
	return fake_walk(&kenv(e)->space, va) & 0xfff & ~(PTE_A | PTE_D);
}

int
count_mapped(struct Env *e)
{
	const struct Space *sp = &kenv(e)->space;
	int n = 0;

	for (uint32_t i = 0; i < PDX(UTOP); i++) {
		if (!(sp->pgdir[i] & PTE_P))
			continue;
		const pte_t *table = (const pte_t *) fake_frame(PTE_ADDR(sp->pgdir[i]) >> PGSHIFT);
		for (int j = 0; j < NPTENTRIES; j++)
			n += table[j] != 0;
	}
	return n;
}

void
leave_frames(enum PageKind kind, uint32_t n)
{
	struct PageInfo *pp;

	if (!hog) {
		CHECK_EQ(env_alloc(&hog, NULL), 0);
		give_page(hog, HOG_VA, RO);
		hog_top = HOG_VA + PGSIZE;
		fake_clear_console();
	}
	while ((pp = page_alloc(kind)) != NULL) {
		CHECK_EQ(page_insert(&kenv(hog)->space, pp, hog_top, RO), 0);
		hog_top += PGSIZE;
	}
	while (n-- > 0) {
		hog_top -= PGSIZE;
		CHECK(hog_top > HOG_VA);
		page_remove(&kenv(hog)->space, hog_top);
	}
}

static uint64_t
mix(uint64_t sum, const void *p, size_t n)
{
	const uint32_t *word = p;

	for (; n >= sizeof *word; n -= sizeof *word)
		sum = (sum ^ *word++) * 0x100000001b3;
	return sum;
}

static uint64_t
mix_space(uint64_t sum, const struct Space *sp)
{
	if (!sp->pgdir)
		return sum;
	sum = mix(sum, sp->pgdir, PGSIZE);
	for (uint32_t i = 0; i < PDX(UTOP); i++)
		if (sp->pgdir[i] & PTE_P)
			sum = mix(sum, fake_frame(PTE_ADDR(sp->pgdir[i]) >> PGSHIFT), PGSIZE);
	return sum;
}

struct Snapshot
snapshot(bool with_memory)
{
	struct Snapshot s = {0};

	s.envs = mix(0, envs, sizeof envs);
	s.refs = page_nfree();
	for (struct Env *e = envs; e < envs + NENV; e++) {
		if (e->env_status == ENV_FREE)
			continue;
		s.kenvs = mix(s.kenvs, kenv(e), sizeof *kenv(e));
		s.tables = mix_space(s.tables, &kenv(e)->space);
	}
	s.refs = mix(s.refs, pages, npages * sizeof *pages);
	for (uint32_t i = 0; i < npages; i++) {
		if (pages[i].pp_ref == 0)
			continue;
		s.refs = mix(s.refs, page_note(&pages[i]), sizeof(uint32_t));
		if (with_memory)
			s.memory = mix(s.memory, fake_frame(i), PGSIZE);
	}
	s.console = mix(strlen(fake_console), fake_console, strlen(fake_console));
	return s;
}

bool
snapshot_is(const struct Snapshot *a, const struct Snapshot *b)
{
	if (a->envs != b->envs)
		test_note("envs[] has changed");
	if (a->kenvs != b->kenvs)
		test_note("kenvs[] has changed");
	if (a->refs != b->refs)
		test_note("the counts of frames have changed");
	if (a->tables != b->tables)
		test_note("page tables have changed");
	if (a->memory != b->memory)
		test_note("memory has changed");
	if (a->console != b->console)
		test_note("something was printed");
	return memcmp(a, b, sizeof *a) == 0;
}
