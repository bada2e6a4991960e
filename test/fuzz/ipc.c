// Messages and pages between programs that run, wait, are stopped and are destroyed, against a
// model that knows for each program whether it is stopped and what it has mapped; letters.c knows
// who waits for what, and what came.
//
// Who runs on which CPU is not the model's: it looks there, and says what everybody's state and
// every call's result must be.

#include "inc/ipc.h"
#include "inc/string.h"
#include "kern/ipc.h"
#include "kern/sched.h"
#include "kern/syscall.h"
#include "test/fuzz/fuzz.h"
#include "test/host/letters.h"
#include "test/host/world.h"

#define NCPUS 2
#define NPROGS 6 // in slots 0..NPROGS-1
#define NVAS 4
#define MAXVISITS 400

static const uint32_t vas[NVAS] = {VA_A, VA_B, VA_C, UTOP - PGSIZE};
static const uint32_t odd_vas[] = {UTOP, 0xffffffff, VA_A + 1, UTOP - 1, KERNBASE, VA_A + 8};
static const uint32_t perms[] = {RO, RW, RO | PTE_COW, RW | PTE_SHARE, RW, 0, RO | PTE_PCD};

struct Mapping {
	uint32_t ppn, bits; // both 0: nothing
};

static struct Prog {
	bool lives, stopped;
	envid_t id;
	struct Prog *parent;  // NULL: none, or it is gone
	bool had_table[NVAS]; // before the call that is going on
	struct Mapping at[NVAS];
} progs[NPROGS];

static struct Env *on_cpu[NCPUS];

static struct Env *
env_of(const struct Prog *p)
{
	return &envs[p - progs];
}

static void
comes(struct Env *e, struct Prog *parent)
{
	CHECK(e - envs < NPROGS);
	struct Prog *p = &progs[e - envs];

	CHECK(!p->lives);
	*p = (struct Prog){.lives = true, .stopped = true, .id = e->env_id, .parent = parent};
}

static void
goes(struct Prog *p)
{
	p->lives = false;
	for (struct Prog *child = progs; child < progs + NPROGS; child++) {
		if (!child->lives || child->parent != p)
			continue;
		child->parent = NULL;
		if (child->stopped)
			goes(child);
	}
}

static struct Prog *
living(struct Prog *self, uint32_t id)
{
	if (id == 0)
		return self;
	for (struct Prog *p = progs; p < progs + NPROGS; p++)
		if (p->lives && (uint32_t) p->id == id)
			return p;
	return NULL;
}

static struct Prog *
ours(struct Prog *self, uint32_t id)
{
	struct Prog *p = living(self, id);

	return p == self || (p && p->parent == self) ? p : NULL;
}

static struct Mapping *
mapping(struct Prog *p, uint32_t va)
{
	for (int i = 0; i < NVAS; i++)
		if (vas[i] == va)
			return &p->at[i];
	return NULL;
}

static void
check_model(void)
{
	for (struct Prog *p = progs; p < progs + NPROGS; p++) {
		struct Env *e = env_of(p);
		if (!p->lives) {
			CHECK(e->env_status == ENV_FREE || e->env_status == ENV_DYING);
			continue;
		}
		bool runs = e == on_cpu[0] || e == on_cpu[1];
		CHECK_EQ(e->env_id, p->id);
		CHECK_EQ(e->env_status,
			 p->stopped || letters_wait(e) ? ENV_NOT_RUNNABLE
						       : (runs ? ENV_RUNNING : ENV_RUNNABLE));
		for (int i = 0; i < NVAS; i++) {
			CHECK_EQ(frame_at(e, vas[i]), p->at[i].ppn);
			CHECK_EQ(bits_at(e, vas[i]), p->at[i].bits);
		}
	}
}

// Arguments

static uint32_t
an_id(struct Prog *self)
{
	uint8_t b = byte();
	uint32_t id = envs[b % NPROGS].env_id;

	if (b < 0x18)
		return b < 0x10 ? 0 : self->id;
	return b < 0x20 ? id + 0x1000 : id;
}

// Somebody who waits, or anybody.
static uint32_t
a_receiver(struct Prog *self)
{
	uint8_t b = byte();

	for (int i = 0; b < 0xc0 && i < NPROGS; i++)
		if (progs[(b + i) % NPROGS].lives && envs[(b + i) % NPROGS].env_ipc_recving)
			return progs[(b + i) % NPROGS].id;
	return an_id(self);
}

static uint32_t
a_va(void)
{
	uint8_t b = byte();

	return b < 0xc0 ? vas[b % NVAS] : odd_vas[b % ARRAY_SIZE(odd_vas)];
}

// The calls

static int32_t
make(struct Prog *self, uint32_t number, uint32_t a, uint32_t b, uint32_t c, uint32_t d, uint32_t e)
{
	const uint32_t arg[] = {a, b, c, d, e};
	struct Trapframe *tf = &kenv(env_of(self))->frame;

	do
		enter(env_of(self), number, arg);
	while (tf->tf_eip != CALL_EIP);
	return tf->tf_regs.reg_eax;
}

// What a mapping m of `from' may become in `to' with perm, or 0.
static uint32_t
passed_on(const struct Prog *from, const struct Mapping *m, const struct Prog *to, uint32_t perm)
{
	if (!m || !m->bits || (perm & 5) != 5 || (perm & ~0xe07u))
		return 0;
	if (from == to)
		return (perm & PTE_W) && !(m->bits & PTE_GIVENW) ? 0
								 : perm | (m->bits & PTE_GIVENW);
	if ((perm & PTE_W) && !(m->bits & PTE_W))
		return 0;
	return perm | (perm & PTE_W ? PTE_GIVENW : 0);
}

static bool
offers(struct Env *from, struct Env *to, uint32_t va, uint32_t perm)
{
	struct Prog *p = &progs[from - envs];

	return passed_on(p, mapping(p, va), &progs[to - envs], perm);
}

static bool
has_table(struct Env *e, uint32_t va)
{
	return kenv(e)->space.pgdir[PDX(va)] & PTE_P;
}

static int
pass(struct Env *from, struct Env *to, uint32_t va, uint32_t perm, uint32_t dstva)
{
	struct Prog *p = &progs[from - envs], *q = &progs[to - envs];
	struct Mapping *m = mapping(p, va), *at = mapping(q, dstva);

	if (!q->had_table[at - q->at] && !has_table(to, dstva))
		return -E_NO_MEM;
	*at = (struct Mapping){m->ppn, passed_on(p, m, q, perm)};
	return 0;
}

static const struct Pages pages_of_model = {offers, pass};

static void
remember_tables(void)
{
	for (struct Prog *p = progs; p < progs + NPROGS; p++)
		for (int i = 0; i < NVAS && p->lives; i++)
			p->had_table[i] = has_table(env_of(p), vas[i]);
}

static uint32_t
a_how(void)
{
	uint8_t b = byte();
	uint32_t how = CHOOSE(perms);

	if (b & 1)
		how |= IPC_ONLY;
	if ((b & 6) == 6)
		how |= IPC_NOWAIT;
	if (b & 8)
		how |= IPC_TIMEOUT(1 + byte() * 8);
	return b == 0xff ? how | 0x4000 : how;
}

static void
message(struct Prog *self)
{
	static const uint32_t numbers[] = {SYS_ipc_try_send, SYS_ipc_recv, SYS_ipc_send,
					   SYS_ipc_wait,     SYS_ipc_call, SYS_ipc_call_value};
	uint32_t number = CHOOSE(numbers);
	uint32_t arg[5] = {a_receiver(self), byte(), below(4) ? UTOP : a_va(), a_how(), a_va()};

	switch (number) {
	case SYS_ipc_try_send:
		arg[3] = CHOOSE(perms);
		break;
	case SYS_ipc_recv:
		arg[0] = arg[4];
		break;
	case SYS_ipc_wait:
		arg[0] = arg[1] & 1 ? 0 : arg[0];
		arg[1] = arg[4], arg[2] = arg[3] & ~0xfffu;
		break;
	case SYS_ipc_call_value:
		arg[2] = arg[3];
		break;
	}
	remember_tables();
	int32_t r = make(self, number, arg[0], arg[1], arg[2], arg[3], arg[4]);
	CHECK_EQ(r, letters_call(env_of(self), number, arg));
}

// Time passes.
static void
ticks(void)
{
	for (int n = byte(); n >= 0; n--) {
		ipc_tick();
		letters_tick();
	}
}

static void
set_status(struct Prog *self)
{
	uint32_t id = an_id(self);
	bool run = below(2);
	struct Prog *p = ours(self, id);

	CHECK_EQ(make(self, SYS_env_set_status, id, run ? ENV_RUNNABLE : ENV_NOT_RUNNABLE, 0, 0, 0),
		 p ? 0 : -E_BAD_ENV);
	if (p == self && !run && !self->parent)
		goes(self); // nobody could start it again
	else if (p)
		p->stopped = !run;
}

static void
alloc(struct Prog *self)
{
	uint32_t va = vas[below(NVAS)], perm = below(4) ? RW : RO;

	int32_t r = make(self, SYS_page_alloc, 0, va, perm, 0, 0);
	if (r == -E_NO_MEM) {
		CHECK(page_nfree() <= 1);
		return;
	}
	CHECK_EQ(r, 0);
	struct Mapping *m = mapping(self, va);
	m->ppn = frame_at(env_of(self), va);
	m->bits = perm | (perm & PTE_W ? PTE_GIVENW : 0);
	CHECK_EQ(pages[m->ppn].pp_ref, 1);
}

static void
map(struct Prog *self)
{
	uint32_t srcid = an_id(self), srcva = a_va(), dstid = an_id(self), dstva = a_va();
	uint32_t perm = CHOOSE(perms);
	struct Prog *src = ours(self, srcid), *dst = ours(self, dstid);

	int32_t r = make(self, SYS_page_map, srcid, srcva, dstid, dstva, perm);
	if (!src || !dst) {
		CHECK_EQ(r, -E_BAD_ENV);
		return;
	}
	struct Mapping *m = mapping(src, srcva);
	uint32_t bits = passed_on(src, m, dst, perm);
	if (!bits || !mapping(dst, dstva)) {
		CHECK_EQ(r, -E_INVAL);
		return;
	}
	if (r == -E_NO_MEM) {
		CHECK(page_nfree() == 0);
		return;
	}
	CHECK_EQ(r, 0);
	*mapping(dst, dstva) = (struct Mapping){m->ppn, bits};
}

static void
unmap(struct Prog *self)
{
	uint32_t va = vas[below(NVAS)];

	CHECK_EQ(make(self, SYS_page_unmap, 0, va, 0, 0, 0), 0);
	*mapping(self, va) = (struct Mapping){0, 0};
}

static void
destroy(struct Prog *self)
{
	uint32_t id = an_id(self);
	struct Prog *p = ours(self, id);

	if (p)
		goes(p);
	CHECK_EQ(make(self, SYS_env_destroy, id, 0, 0, 0, 0), p ? 0 : -E_BAD_ENV);
}

static void
exofork(struct Prog *self)
{
	int n = 0;

	for (struct Env *e = envs; e < envs + NENV; e++)
		n += e->env_status != ENV_FREE;
	if (n == NPROGS)
		return;
	int32_t r = make(self, SYS_exofork, 0, 0, 0, 0, 0);
	if (r == -E_NO_MEM) {
		CHECK_EQ(page_nfree(), 0);
		return;
	}
	CHECK(r > 0);
	comes(&envs[ENVX(r)], self);
}

// One CPU comes to the kernel, with a call if what it runs may go on.
static void
visit(void)
{
	uint8_t b = byte();
	int cpu = b % 2;
	if (!on_cpu[cpu] && !env_any_runnable())
		cpu ^= 1;
	struct Env *e = on_cpu[cpu];

	fake_cpu = cpu;
	fake_kicked[cpu] = false;
	if (env_nactive == 0)
		ticks();
	if (e && e->env_status == ENV_RUNNING) {
		struct Prog *self = &progs[e - envs];
		switch (b / 2 % 16) {
		case 0 ... 5:
			message(self);
			break;
		case 6 ... 7:
			set_status(self);
			break;
		case 8 ... 9:
			alloc(self);
			break;
		case 10:
			map(self);
			break;
		case 11:
			unmap(self);
			break;
		case 12:
			destroy(self);
			break;
		case 13:
			exofork(self);
			break;
		case 14:
			ticks();
			sched_tick(e, cpu);
			break;
		case 15:
			burst(200);
			break;
		}
	}
	struct Env *next = sched_pick(e, cpu);
	if (next != e)
		fake_switch(cpu, next);
	on_cpu[cpu] = next;
	for (int i = 0; next && i < NVAS; i++)
		if (frame_at(next, vas[i]))
			fake_touch(next, vas[i]);
	letters_check();
	check_model();
	world_check();
}

static struct Env *
start(struct Env *parent)
{
	struct Env *e;

	CHECK_EQ(env_alloc(&e, parent), 0);
	comes(e, parent ? &progs[parent - envs] : NULL);
	env_release(e, HOLD_STOPPED);
	progs[e - envs].stopped = false;
	return e;
}

static void
end_all(void)
{
	for (struct Prog *p = progs; p < progs + NPROGS; p++) {
		if (!p->lives)
			continue;
		goes(p);
		env_destroy(NULL, env_of(p));
	}
	for (fake_cpu = 0; fake_cpu < NCPUS; fake_cpu++) {
		CHECK(!sched_pick(on_cpu[fake_cpu], fake_cpu));
		fake_switch(fake_cpu, NULL);
		on_cpu[fake_cpu] = NULL;
	}
	fake_cpu = 0;
	while (env_any_dead())
		env_reap();
	letters_check();
	check_model();
	world_check();
}

void
fuzz(void)
{
	uint8_t b = byte();
	int nvisits = 0;

	fake_start(b & 1 ? 120 : 30, b >= 0xf0 ? 8 : 0);
	memset(progs, 0, sizeof progs);
	memset(on_cpu, 0, sizeof on_cpu);
	letters_init(&pages_of_model);
	uint32_t nfree = page_nfree();
	do {
		struct Env *first = start(NULL);
		start(first);
		start(first);
		start(NULL);
		letters_check();
		while (more() && (env_nactive > 0 || timer_any()) && nvisits++ < MAXVISITS)
			visit();
		end_all();
		CHECK_EQ(page_nfree(), nfree);
	} while (more() && nvisits < MAXVISITS);
}
