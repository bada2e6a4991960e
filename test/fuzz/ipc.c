// Messages and pages between programs that run, wait, are stopped and are destroyed, against a
// model that knows for each program whether it waits, what it got, and what it has mapped.
//
// Who runs on which CPU is not the model's: it looks there, and says what everybody's state and
// every call's result must be.

#include "inc/string.h"
#include "kern/sched.h"
#include "kern/syscall.h"
#include "test/fuzz/fuzz.h"
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
	bool lives, stopped, waits;
	envid_t id;
	struct Prog *parent; // NULL: none, or it is gone
	uint32_t dstva;
	uint32_t value, from, perm; // what came last
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
			 p->stopped || p->waits ? ENV_NOT_RUNNABLE
						: (runs ? ENV_RUNNING : ENV_RUNNABLE));
		CHECK_EQ(e->env_ipc_recving, p->waits);
		CHECK_EQ(e->env_ipc_value, p->value);
		CHECK_EQ(e->env_ipc_from, (envid_t) p->from);
		CHECK_EQ((uint32_t) e->env_ipc_perm, p->perm);
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
		if (progs[(b + i) % NPROGS].lives && progs[(b + i) % NPROGS].waits)
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

static void
send(struct Prog *self)
{
	uint32_t id = a_receiver(self), value = byte(), perm = CHOOSE(perms);
	uint32_t srcva = below(4) ? a_va() : UTOP;
	struct Prog *to = living(self, id);
	struct Mapping *m = mapping(self, srcva);
	uint32_t bits = to ? passed_on(self, m, to, perm) : 0;

	int32_t r = make(self, SYS_ipc_try_send, id, value, srcva, perm, 0);
	if (!to) {
		CHECK_EQ(r, -E_BAD_ENV);
		return;
	}
	bool invalid = srcva < UTOP && !bits;
	if (invalid || !to->waits) {
		CHECK((invalid && r == -E_INVAL) || (!to->waits && r == -E_IPC_NOT_RECV));
		return;
	}
	bool page = srcva < UTOP && to->dstva < UTOP;
	if (r == -E_NO_MEM) {
		CHECK(page && page_nfree() == 0);
		return;
	}
	CHECK_EQ(r, 0);
	to->waits = false;
	to->value = value;
	to->from = self->id;
	to->perm = page ? perm : 0;
	if (page)
		*mapping(to, to->dstva) = (struct Mapping){m->ppn, bits};
}

static void
receive(struct Prog *self)
{
	uint32_t dstva = a_va();
	bool invalid = dstva < UTOP && dstva % PGSIZE != 0;

	CHECK_EQ(make(self, SYS_ipc_recv, dstva, 0, 0, 0, 0), invalid ? -E_INVAL : 0);
	if (invalid)
		return;
	self->waits = true;
	self->dstva = dstva;
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
	if (e && e->env_status == ENV_RUNNING) {
		struct Prog *self = &progs[e - envs];
		switch (b / 2 % 16) {
		case 0 ... 4:
			send(self);
			break;
		case 5:
			receive(self);
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
	uint32_t nfree = page_nfree();
	do {
		struct Env *first = start(NULL);
		start(first);
		start(first);
		start(NULL);
		while (more() && env_nactive > 0 && nvisits++ < MAXVISITS)
			visit();
		end_all();
		CHECK_EQ(page_nfree(), nfree);
	} while (more() && nvisits < MAXVISITS);
}
