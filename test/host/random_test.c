// Programs that make random calls, on two CPUs, against a model of what the contracts say.
//
// The domains of arguments are small, so that the calls meet: a handful of pages and ids, legal
// and not.  Before each call the model says what it must return; afterwards, the mappings of
// all envs must be those of the model, and all invariants must hold.  A CPU that has been told
// something enters the kernel only when its turn comes, so that calls also meet envs that are
// dying, or stopped, and still on their CPU.

#include "inc/ipc.h"
#include "inc/string.h"
#include "kern/ipc.h"
#include "kern/sched.h"
#include "kern/syscall.h"
#include "kern/upcall.h"
#include "test/host/letters.h"
#include "test/host/world.h"

#define NCPUS 2
#define MAXENVS 6
#define NPAGES 6
#define ANY INT32_MIN // the model leaves the result open

static const uint32_t va_of[NPAGES] = {
	VA_A, VA_B, VA_A + PTSIZE - PGSIZE, VA_C, UXSTACKTOP - PGSIZE, USTACKTOP - PGSIZE};
static const uint32_t odd_vas[] = {VA_A + 1, UTOP - 4, UTOP, UVPT, KERNBASE, 0xffffffff, 4};
static const uint32_t perms[] = {RO, RW, RW, RO | PTE_COW, RW | PTE_SHARE, PTE_SYSCALL};
static const uint32_t odd_perms[] = {
	0, PTE_P, PTE_U | PTE_W, RO | PTE_PWT, RW | PTE_GIVENW, RO | PTE_G, 0xfffff007, RW | PTE_D};

// What must be mapped.
struct Mapping {
	uint32_t frame, bits; // 0: nothing
};
static struct {
	envid_t id;
	struct Mapping at[NPAGES];
} model[NENV];

static uint32_t nlow; // the machine's frames below the border
static struct Env *on_cpu[NCPUS];
static unsigned ncalls, nerrors[MAXERROR];
static unsigned messages; // how many of 100 calls are messages beyond their usual share

static uint32_t
random_va(void)
{
	return random_below(12) ? PICK(va_of) : PICK(odd_vas);
}

static uint32_t
random_perm(void)
{
	return random_below(10) ? PICK(perms) : PICK(odd_perms);
}

// An id of anybody, living or not, or nobody's.
static uint32_t
random_id(struct Env *self)
{
	struct Env *e = &envs[random_below(MAXENVS)];

	switch (random_below(16)) {
	case 0 ... 5:
		return 0;
	case 6:
		return self->env_id;
	case 7:
		return e->env_id + (random_below(3) - 1) * 0x1000;
	case 8:
		return random_below(2) ? UINT32_MAX : random_below(UINT32_MAX);
	case 9 ... 11:
		for (int i = 0; i < MAXENVS && e->env_parent_id != self->env_id; i++)
			e = &envs[i];
		return e->env_id;
	default:
		return e->env_id;
	}
}

// The model: envs

static struct Env *
living(struct Env *self, envid_t id)
{
	if (id == 0)
		return self;
	for (struct Env *e = envs; e < envs + NENV; e++)
		if (e->env_id == id && e->env_status != ENV_FREE && e->env_status != ENV_DYING)
			return e;
	return NULL;
}

static struct Env *
ours(struct Env *self, envid_t id)
{
	struct Env *e = living(self, id);

	if (!e || e == self || e->env_parent_id == self->env_id)
		return e;
	return letters_keeper_of(e) == self ? e : NULL;
}

static unsigned
count_envs(void)
{
	unsigned n = 0;

	for (struct Env *e = envs; e < envs + NENV; e++)
		n += e->env_status != ENV_FREE;
	return n;
}

// The model: memory

// What the model has at va of e, or NULL when va is none of its pages.
static struct Mapping *
mapping(struct Env *e, uint32_t va)
{
	for (int i = 0; i < NPAGES; i++)
		if (va_of[i] == va)
			return &model[e - envs].at[i];
	return NULL;
}

static bool
is_perm(uint32_t perm)
{
	return (perm & 5) == 5 && (perm & ~0xe07u) == 0;
}

static bool
is_page(uint32_t va)
{
	return va < UTOP && va % PGSIZE == 0;
}

// Whether e may read n bytes at va.
static bool
readable(struct Env *e, uint32_t va, uint32_t n)
{
	for (; n > 0; va++, n--) {
		if (va >= UVPT && va < ULIM && (fake_walk(&kenv(e)->space, va) & PTE_P))
			continue;
		struct Mapping *m = va < UTOP ? mapping(e, ROUNDDOWN(va, PGSIZE)) : NULL;
		if (!m || !m->bits)
			return false;
	}
	return true;
}

static bool
writable(struct Env *e, uint32_t va, uint32_t n)
{
	for (; n > 0; va++, n--) {
		struct Mapping *m = va < UTOP ? mapping(e, ROUNDDOWN(va, PGSIZE)) : NULL;
		if (!m || !(m->bits & PTE_W))
			return false;
	}
	return true;
}

// The bits of a mapping of `from' in `to', with perm, or 0 if that is not allowed.
static uint32_t
passed_on(struct Env *from, const struct Mapping *m, struct Env *to, uint32_t perm)
{
	if (!m || !m->bits || !is_perm(perm))
		return 0;
	if (from == to) {
		if ((perm & PTE_W) && !(m->bits & PTE_GIVENW))
			return 0;
		return perm | (m->bits & PTE_GIVENW);
	}
	if ((perm & PTE_W) && !(m->bits & PTE_W))
		return 0;
	return perm | (perm & PTE_W ? PTE_GIVENW : 0);
}

// How many frames are left for page tables.
static uint32_t
free_low(void)
{
	uint32_t n = 0;

	for (uint32_t i = 1; i < nlow; i++)
		n += pages[i].pp_ref == 0;
	return n;
}

static bool
has_table(struct Env *e, uint32_t va)
{
	return kenv(e)->space.pgdir && (kenv(e)->space.pgdir[PDX(va)] & PTE_P);
}

static envid_t device_of[NENV]; // the env of the slot, if it has the device

static void
model_matches(void)
{
	for (struct Env *e = envs; e < envs + NENV; e++) {
		if (e->env_status == ENV_FREE || env_is_notice(e))
			continue;
		if (model[e - envs].id != e->env_id) {
			memset(&model[e - envs], 0, sizeof model[0]);
			model[e - envs].id = e->env_id;
		}
		CHECK_EQ(kenv(e)->has_device, device_of[e - envs] == e->env_id);
		for (int i = 0; i < NPAGES; i++) {
			CHECK_EQ(bits_at(e, va_of[i]), model[e - envs].at[i].bits);
			CHECK_EQ(frame_at(e, va_of[i]), model[e - envs].at[i].frame);
		}
	}
}

// One call: what it must return, made before it; and what it must have done, made after.
struct Call {
	uint32_t number, arg[5];
	int32_t want;                 // ANY
	bool may_lack_memory;         // then -E_NO_MEM is right, too
	struct Env *env;              // whose
	struct Mapping *changes;      // mapping changes
	struct Mapping to;            // to this; frame 0 with bits: a frame that is new
	const struct Mapping *copied; // and what is in it, or zeros
	struct Mapping *moved;        // mapping that goes
	bool keeps_eax;
	bool gives_device;
};

static void
predict_page_alloc(struct Env *self, struct Call *c)
{
	struct Env *e = ours(self, c->arg[0]);

	if (!e) {
		c->want = -E_BAD_ENV;
	} else if (!is_page(c->arg[1]) || !is_perm(c->arg[2])) {
		c->want = -E_INVAL;
	} else {
		// The page itself comes from low memory only when there is no other.
		uint32_t low = free_low(), taken = low == page_nfree();
		c->may_lack_memory = page_nfree() == 0 || low < taken + !has_table(e, c->arg[1]);
		c->env = e;
		c->changes = mapping(e, c->arg[1]);
		c->to.bits = c->arg[2] | (c->arg[2] & PTE_W ? PTE_GIVENW : 0);
	}
}

// A page on its way, by sys_page_map or a message, where nothing else is wrong.
static void
predict_passing(struct Call *c, const struct Mapping *m, uint32_t bits, struct Env *to, uint32_t va)
{
	c->may_lack_memory = !has_table(to, va) && free_low() == 0;
	c->env = to;
	c->changes = mapping(to, va);
	c->to.frame = m->frame;
	c->to.bits = bits;
}

static void
predict_page_map(struct Env *self, struct Call *c)
{
	struct Env *src = ours(self, c->arg[0]), *dst = ours(self, c->arg[2]);

	if (!src || !dst) {
		c->want = -E_BAD_ENV;
		return;
	}
	struct Mapping *m = mapping(src, c->arg[1]);
	uint32_t bits = passed_on(src, m, dst, c->arg[4]);
	if (!is_page(c->arg[1]) || !is_page(c->arg[3]) || !bits)
		c->want = -E_INVAL;
	else
		predict_passing(c, m, bits, dst, c->arg[3]);
}

static void
predict_page_unmap(struct Env *self, struct Call *c)
{
	struct Env *e = ours(self, c->arg[0]);

	if (!e) {
		c->want = -E_BAD_ENV;
	} else if (!is_page(c->arg[1])) {
		c->want = -E_INVAL;
	} else {
		c->env = e;
		c->changes = mapping(e, c->arg[1]);
	}
}

static void
predict_page_protect(struct Env *self, struct Call *c)
{
	struct Env *e = ours(self, c->arg[0]);
	struct Mapping *m = e ? mapping(e, c->arg[1]) : NULL;
	uint32_t bits = e ? passed_on(e, m, e, c->arg[2] & ~PAGE_SOLE) : 0;

	if (!e) {
		c->want = -E_BAD_ENV;
	} else if (!is_page(c->arg[1]) || !bits) {
		c->want = -E_INVAL;
	} else if ((c->arg[2] & PAGE_SOLE) && pages[m->frame].pp_ref != 1) {
		c->want = -E_SHARED;
	} else {
		c->env = e;
		c->changes = m;
		c->to = (struct Mapping){m->frame, bits};
	}
}

static void
predict_page_copy(struct Env *self, struct Call *c)
{
	struct Env *src = ours(self, c->arg[0]), *dst = ours(self, c->arg[2]);

	if (!src || !dst) {
		c->want = -E_BAD_ENV;
		return;
	}
	struct Mapping *m = mapping(src, c->arg[1]);
	if (!is_page(c->arg[1]) || !is_page(c->arg[3]) || !is_perm(c->arg[4]) || !m || !m->bits) {
		c->want = -E_INVAL;
		return;
	}
	uint32_t low = free_low(), taken = low == page_nfree();
	c->may_lack_memory = page_nfree() == 0 || low < taken + !has_table(dst, c->arg[3]);
	c->env = dst;
	c->changes = mapping(dst, c->arg[3]);
	c->to.bits = c->arg[4] | (c->arg[4] & PTE_W ? PTE_GIVENW : 0);
	c->copied = m;
}

static void
predict_page_move(struct Env *self, struct Call *c)
{
	struct Env *e = ours(self, c->arg[0]);

	if (!e) {
		c->want = -E_BAD_ENV;
		return;
	}
	struct Mapping *m = mapping(e, c->arg[1]);
	uint32_t bits = passed_on(e, m, e, c->arg[3]);
	if (!is_page(c->arg[1]) || !is_page(c->arg[2]) || !bits) {
		c->want = -E_INVAL;
		return;
	}
	predict_passing(c, m, bits, e, c->arg[2]);
	c->moved = m;
}

// What page tables say of the hardware's PTE_D, which is no part of the model; and before the call
// that is going on.
static pte_t was_dirty[NENV][NPAGES];

static pte_t
dirty(struct Env *e, int i)
{
	return fake_walk(&kenv(e)->space, va_of[i]) & PTE_D;
}

// Calls on a range, in the places of the model's pages: what they return is how far they come.
static void
range_done(struct Env *self, const struct Call *c, int32_t r)
{
	struct Env *e = ours(self, c->arg[0]);
	uint32_t any = c->arg[3] & 0xffff, none = c->arg[3] >> 16;
	uint32_t clear = c->arg[4] & 0xffff, set = c->arg[4] >> 16;

	CHECK(r >= 0 && (uint32_t) r <= c->arg[2]);
	for (int i = 0; i < NPAGES; i++) {
		struct Mapping *mine = &model[self - envs].at[i], *its = &model[e - envs].at[i];
		if (va_of[i] < c->arg[1] || (va_of[i] - c->arg[1]) / PGSIZE >= (uint32_t) r)
			continue;
		if (c->number == SYS_pages_unmap) {
			*its = (struct Mapping){0};
			continue;
		}
		struct Env *from = c->number == SYS_pages_share ? self : e;
		struct Mapping *m = from == self ? mine : its;
		pte_t was = was_dirty[from - envs][i], bits = m->bits | was;
		bool matches = m->bits && (!any || (bits & any)) && !(bits & none) &&
			(!(set & PTE_W) || (bits & PTE_GIVENW));
		if (matches)
			m->bits = (m->bits & ~clear) | set;
		if (m->bits) {
			CHECK_EQ(dirty(from, i), matches ? was & ~clear : was);
			CHECK_EQ(dirty(e, i), dirty(from, i));
		}
		if (m == its || !m->bits)
			continue;
		*its = *m;
		if (!matches && !(m->bits & PTE_W))
			its->bits &= ~PTE_GIVENW;
	}
}

static bool
is_range_call(uint32_t number)
{
	return number == SYS_pages_share || number == SYS_pages_protect ||
		number == SYS_pages_unmap;
}

static void
predict_range(struct Env *self, struct Call *c)
{
	const uint32_t va = c->arg[1], n = c->arg[2];
	const bool odd_rule = (c->arg[3] & ~0x0e420e42u) || (c->arg[4] & ~0x0e020e42u);

	c->want = ANY;
	if (!ours(self, c->arg[0]))
		c->want = -E_BAD_ENV;
	else if (va % PGSIZE || va > UTOP || n > (UTOP - va) / PGSIZE)
		c->want = -E_INVAL;
	else if (odd_rule && c->number != SYS_pages_unmap)
		c->want = -E_INVAL;
	else
		c->may_lack_memory = c->number == SYS_pages_share;
}

// The model: the device

static bool
has_device(struct Env *e)
{
	return device_of[e - envs] == e->env_id;
}

static void
predict_ports(struct Env *self, struct Call *c)
{
	const uint32_t port = c->arg[0], width = c->arg[1], va = c->arg[2];
	const uint64_t size = (uint64_t) c->arg[3] * width;
	const bool write = c->number == SYS_ports_read;

	if (!has_device(self))
		c->want = -E_NOT_SUPP;
	else if ((width != 1 && width != 2 && width != 4) || size > PGSIZE || port < 0x170 ||
		 port + width > 0x178)
		c->want = -E_INVAL;
	else if (!(write ? writable(self, va, size) : readable(self, va, size)))
		c->want = -E_FAULT;
}

static void
predict_env_set_keeper(struct Env *self, struct Call *c)
{
	struct Env *e = ours(self, c->arg[0]), *keeper = c->arg[1] ? living(self, c->arg[1]) : NULL;
	struct Env *old = e ? letters_keeper_of(e) : NULL;

	if (!e || (old && old != self))
		c->want = -E_BAD_ENV;
	else if (c->arg[1] && (!keeper || keeper == e))
		c->want = -E_BAD_ENV;
	else if (keeper && keeper != self && keeper != letters_keeper_of(self))
		c->want = -E_BAD_ENV;
}

// The model: messages

static bool had_table[NENV][NPAGES]; // before the call that is going on

static bool
offers(struct Env *from, struct Env *to, uint32_t va, uint32_t perm)
{
	return is_page(va) && passed_on(from, mapping(from, va), to, perm);
}

static int
pass(struct Env *from, struct Env *to, uint32_t va, uint32_t perm, uint32_t dstva)
{
	struct Mapping *m = mapping(from, va), *at = mapping(to, dstva);

	if (at && !had_table[to - envs][at - model[to - envs].at] && !has_table(to, dstva)) {
		CHECK_EQ(free_low(), 0);
		return -E_NO_MEM;
	}
	if (at)
		*at = (struct Mapping){m->frame, passed_on(from, m, to, perm)};
	return 0;
}

static const struct Pages pages_of_model = {offers, pass};

static void
remember_tables(void)
{
	for (struct Env *e = envs; e < envs + NENV; e++) {
		for (int i = 0; i < NPAGES && e->env_status != ENV_FREE; i++) {
			had_table[e - envs][i] = has_table(e, va_of[i]);
			was_dirty[e - envs][i] = e->env_status == ENV_DYING ? 0 : dirty(e, i);
		}
	}
}

static uint32_t
random_how(void)
{
	uint32_t how = random_below(3) ? random_perm() & 0xfff : 0;

	if (random_below(4) == 0)
		how |= IPC_ONLY;
	if (random_below(3) == 0)
		how |= IPC_NOWAIT;
	if (random_below(2))
		how |= IPC_TIMEOUT(1 + random_below(random_below(4) ? 50 : 5000));
	if (random_below(40) == 0)
		how |= random_below(0x10000);
	return how;
}

// Somebody who lives, mostly; best one who waits for a message.
static uint32_t
random_receiver(struct Env *self)
{
	for (int tries = 0; tries < 12; tries++) {
		struct Env *e = &envs[random_below(MAXENVS)];
		if (e != self && e->env_status != ENV_FREE && e->env_status != ENV_DYING &&
		    (e->env_ipc_recving || tries > 6))
			return e->env_id;
	}
	return random_id(self);
}

// A call of those that letters.c knows.
static void
random_message(struct Env *self, struct Call *c)
{
	static const uint32_t numbers[] = {SYS_ipc_try_send, SYS_ipc_try_send,  SYS_ipc_recv,
					   SYS_ipc_send,     SYS_ipc_wait,      SYS_ipc_call,
					   SYS_ipc_call,     SYS_ipc_call_value};
	uint32_t *arg = c->arg;

	c->number = PICK(numbers);
	c->want = ANY;
	arg[0] = random_below(8) ? random_receiver(self) : random_id(self);
	arg[1] = random_below(1000);
	arg[2] = random_below(2) ? random_va() : UTOP, arg[3] = random_how(), arg[4] = random_va();
	switch (c->number) {
	case SYS_ipc_try_send:
		arg[3] = random_perm();
		break;
	case SYS_ipc_recv:
		arg[0] = arg[2];
		break;
	case SYS_ipc_wait:
		if (random_below(2))
			arg[0] = 0;
		arg[1] = arg[2], arg[2] = arg[3] & ~0xfffu;
		break;
	case SYS_ipc_call_value:
		arg[2] = arg[3];
		break;
	}
}

// Whether self may do now what ends or stops it.  Rarely, or there would be no company.
static bool
may_end(struct Env *self)
{
	return random_below(self->env_parent_id ? 8 : 40) == 0;
}

static uint32_t
random_rule(void)
{
	static const uint32_t bits[] = {0,         0,     PTE_W,           PTE_COW,
					PTE_SHARE, PTE_D, PTE_W | PTE_COW, PTE_P};

	return PAGES_IF(PICK(bits), PICK(bits));
}

static struct Call
random_call(struct Env *self)
{
	static const uint32_t range_calls[] = {SYS_pages_share, SYS_pages_share, SYS_pages_protect,
					       SYS_pages_unmap};
	static const uint32_t statuses[] = {ENV_RUNNABLE, ENV_RUNNABLE,     ENV_RUNNABLE,
					    ENV_RUNNABLE, ENV_NOT_RUNNABLE, ENV_RUNNING,
					    ENV_FREE,     ENV_DYING,        77};
	struct Call c = {0};
	uint32_t *arg = c.arg;

	switch (random_below(100) < messages ? 10 : random_below(40)) {
	default:
		c.number = SYS_page_alloc;
		arg[0] = random_id(self), arg[1] = random_va(), arg[2] = random_perm();
		predict_page_alloc(self, &c);
		break;
	case 0 ... 6:
		c.number = SYS_page_map;
		arg[0] = random_id(self), arg[1] = random_va(), arg[2] = random_id(self);
		arg[3] = random_va(), arg[4] = random_perm();
		predict_page_map(self, &c);
		break;
	case 7 ... 9:
		c.number = SYS_page_unmap;
		arg[0] = random_id(self), arg[1] = random_va();
		predict_page_unmap(self, &c);
		break;
	case 10 ... 15:
		if (env_nactive == 1 && !may_end(self))
			return random_call(self);
		random_message(self, &c);
		break;
	case 16 ... 17:
		if (count_envs() == MAXENVS)
			return random_call(self);
		c.number = SYS_exofork;
		c.want = ANY;
		c.may_lack_memory = free_low() == 0;
		break;
	case 18 ... 20:
		c.number = SYS_env_set_status;
		arg[0] = random_id(self), arg[1] = PICK(statuses);
		if (ours(self, arg[0]) == self && arg[1] == ENV_NOT_RUNNABLE && !may_end(self))
			return random_call(self);
		if (!ours(self, arg[0]))
			c.want = -E_BAD_ENV;
		else if (arg[1] != ENV_RUNNABLE && arg[1] != ENV_NOT_RUNNABLE)
			c.want = -E_INVAL;
		break;
	case 21:
		c.number = SYS_env_destroy;
		arg[0] = random_id(self);
		if (ours(self, arg[0]) == self && !may_end(self))
			return random_call(self);
		c.want = ours(self, arg[0]) ? 0 : -E_BAD_ENV;
		break;
	case 22:
		c.number = SYS_env_set_pgfault_upcall;
		arg[0] = random_id(self), arg[1] = random_va();
		c.want = ours(self, arg[0]) ? 0 : -E_BAD_ENV;
		break;
	case 23:
		c.number = SYS_yield;
		break;
	case 24 ... 25:
		c.number = SYS_env_set_trapframe;
		arg[0] = random_id(self);
		arg[1] = random_va() + (random_below(2) ? 0 : PGSIZE - random_below(80));
		if (!ours(self, arg[0]))
			c.want = -E_BAD_ENV;
		else if (!readable(self, arg[1], sizeof(struct Trapframe)))
			c.want = -E_FAULT;
		else
			c.keeps_eax = ours(self, arg[0]) == self;
		break;
	case 32:
		c.number = SYS_page_protect;
		arg[0] = random_id(self), arg[1] = random_va();
		arg[2] = random_perm() | (random_below(2) ? PAGE_SOLE : 0);
		predict_page_protect(self, &c);
		break;
	case 33:
		c.number = SYS_page_copy;
		arg[0] = random_id(self), arg[1] = random_va(), arg[2] = random_id(self);
		arg[3] = random_va(), arg[4] = random_perm();
		predict_page_copy(self, &c);
		break;
	case 34:
		c.number = SYS_page_move;
		arg[0] = random_id(self), arg[1] = random_va(), arg[2] = random_va();
		arg[3] = random_perm();
		predict_page_move(self, &c);
		break;
	case 35 ... 37:
		c.number = PICK(range_calls);
		arg[0] = random_id(self), arg[1] = random_va();
		arg[2] = random_below(4) ? random_below(4) : random_below(UTOP / PGSIZE);
		arg[3] = random_rule(), arg[4] = random_rule();
		predict_range(self, &c);
		break;
	case 29:
		c.number = random_below(2) ? SYS_ports_read : SYS_ports_write;
		arg[0] = random_below(8) ? 0x170 : 0x170 + random_below(16);
		arg[1] = random_below(8) ? 1u << random_below(3) : random_below(6);
		arg[2] = random_va() + (random_below(2) ? 0 : PGSIZE - random_below(80));
		arg[3] = random_below(8) ? random_below(100) : random_below(UINT32_MAX);
		predict_ports(self, &c);
		break;
	case 30:
		c.number = SYS_env_give_device;
		arg[0] = random_id(self);
		if (!ours(self, arg[0]))
			c.want = -E_BAD_ENV;
		else if (!has_device(self))
			c.want = -E_NOT_SUPP;
		else
			c.gives_device = true;
		break;
	case 38:
		c.number = SYS_env_set_keeper;
		arg[0] = random_id(self);
		arg[1] = random_below(3) ? (uint32_t) self->env_id : random_id(self);
		predict_env_set_keeper(self, &c);
		break;
	case 28:
		c.number = SYS_env_set_weight;
		arg[0] = random_id(self), arg[1] = random_below(WEIGHT_MAX + 10);
		if (!ours(self, arg[0]))
			c.want = -E_BAD_ENV;
		else if (arg[1] < 1 || arg[1] > WEIGHT_MAX)
			c.want = -E_INVAL;
		break;
	case 26:
		c.number = SYS_cputs;
		c.want = ANY; // may end the caller, or come in parts
		arg[0] = random_va() + random_below(3) * 100;
		arg[1] = random_below(4) ? random_below(1500) : random_below(3 * PGSIZE);
		if (!readable(self, arg[0], arg[1]) && !may_end(self))
			return random_call(self);
		break;
	case 27:
		c.number =
			random_below(2) ? SYS_getenvid : NSYSCALLS + random_below(UINT32_MAX / 2);
		c.want = c.number == SYS_getenvid ? self->env_id : -E_INVAL;
		break;
	}
	return c;
}

static void
make_call(struct Env *self)
{
	struct Call c = random_call(self);
	struct Snapshot before = {0}, after;
	const bool compare = random_below(8) == 0; // it takes time
	struct Trapframe *tf = &kenv(self)->frame;
	struct Kenv saved;

	fake_clear_console();
	tf->tf_regs = (struct PushRegs){0};
	tf->tf_eip = 0;
	if (compare) {
		before = snapshot(false);
		saved = *kenv(self);
	}
	remember_tables();
	struct Env *target = ours(self, c.arg[0]);
	enter(self, c.number, c.arg);
	ncalls++;
	int32_t r = tf->tf_regs.reg_eax;
	if (c.number == SYS_cputs) {
		if (tf->tf_eip == CALL_EIP - 2 || self->env_status == ENV_DYING)
			return;
		CHECK(readable(self, c.arg[0], c.arg[1]));
		CHECK_EQ(r, 0);
		return;
	}
	if (c.number == SYS_env_set_trapframe && target && (c.keeps_eax || r == 0))
		letters_new_frame(target);
	if (c.keeps_eax)
		return;
	if (tf->tf_eip == CALL_EIP - 2) { // there are dead who have what it wants
		CHECK(c.may_lack_memory || letters_knows(c.number));
		return;
	}
	if (letters_knows(c.number))
		c.want = letters_call(self, c.number, c.arg);
	if (c.number == SYS_env_set_keeper && c.want == 0)
		letters_keeper(target, c.arg[1] ? living(self, c.arg[1]) : NULL);
	CHECK_EQ(tf->tf_eip, CALL_EIP);
	if (r == -E_NO_MEM)
		CHECK(c.may_lack_memory || c.want == r);
	else if (is_range_call(c.number) && c.want == ANY)
		range_done(self, &c, r);
	else if (c.want != ANY)
		CHECK_EQ(r, c.want);
	if (r < 0) {
		CHECK(-r < MAXERROR);
		nerrors[-r]++;
		if (compare) {
			kenv(self)->frame = saved.frame;
			after = snapshot(false);
			CHECK(snapshot_is(&before, &after));
			tf->tf_regs.reg_eax = r;
		}
		return;
	}
	nerrors[0]++;
	if (c.gives_device)
		device_of[target - envs] = target->env_id;
	if (!c.changes)
		return;
	if (c.to.bits && !c.to.frame) {
		c.to.frame = c.changes - model[c.env - envs].at < NPAGES
			? frame_at(c.env, va_of[c.changes - model[c.env - envs].at])
			: 0;
		CHECK_EQ(pages[c.to.frame].pp_ref, 1); // nobody else's
		for (int i = 0; i < PGSIZE && !c.copied; i += 64)
			CHECK_EQ(fake_frame(c.to.frame)[i], 0);
		if (c.copied && c.copied != c.changes)
			CHECK(memcmp(fake_frame(c.to.frame), fake_frame(c.copied->frame), PGSIZE) ==
			      0);
	}
	if (c.moved)
		*c.moved = (struct Mapping){0};
	*c.changes = c.to;
}

// self touches memory that is not there, and has an upcall or is ended.
static void
fault(struct Env *self)
{
	static const uint32_t stacks[] = {USTACKTOP,
					  UXSTACKTOP,
					  UXSTACKTOP - 1,
					  UXSTACKTOP - 52,
					  UXSTACKTOP - 4000,
					  UXSTACKTOP - 4040,
					  UXSTACKTOP - 4041,
					  UXSTACKTOP - 4096,
					  UXSTACKTOP - 4097,
					  0,
					  3,
					  0xffffffff};
	const struct Mapping *m = mapping(self, UXSTACKTOP - PGSIZE);
	struct Trapframe *tf = &kenv(self)->frame;
	uint32_t bad;

	tf->tf_esp = PICK(stacks);
	uint32_t esp = tf->tf_esp;
	bool nested = esp >= UXSTACKTOP - PGSIZE && esp < UXSTACKTOP;
	bool room = (m->bits & PTE_W) && (!nested || esp >= UXSTACKTOP - PGSIZE + 56);
	if ((!self->env_pgfault_upcall || !room) && !may_end(self))
		return;
	if (!self->env_pgfault_upcall) {
		env_kill(self, IPC_ENDED_BY_TRAP(T_PGFLT));
	} else if (upcall_page_fault(self, 0xdeadbeef, FEC_U, &bad) < 0) {
		CHECK(!room);
		user_mem_fail(self, bad);
	} else {
		CHECK(room);
		CHECK_EQ(tf->tf_esp, (nested ? esp - 4 : UXSTACKTOP) - 52);
	}
}

// The programs scribble over their memory, so that registers read from it are anything.
static void
scribble(struct Env *self)
{
	uint32_t va = PICK(va_of), word = random_below(UINT32_MAX);

	if (bits_at(self, va) & PTE_W) {
		fake_write(self, va);
		poke(self, va + random_below(PGSIZE / 4) * 4, &word, 4);
		poke(self, va + random_below(32) * 4, &word, 4);
	}
}

// The clock ticks, and perhaps several times while nothing else happens.
static void
tick(struct Env *self, int cpu)
{
	for (int n = random_below(8) ? 1 : random_below(300); n > 0; n--) {
		ipc_tick();
		letters_tick();
	}
	sched_tick(self, cpu);
}

// One visit of cpu to the kernel, and what happens until the next.
static void
step(int cpu)
{
	struct Env *self = on_cpu[cpu];

	fake_cpu = cpu;
	fake_kicked[cpu] = false;
	if (self) {
		CHECK_EQ(kenv(self)->space.cpu, cpu);
		if (!env_take_frame(self) && self->env_status == ENV_RUNNING) {
			if (random_below(40) == 0)
				fault(self);
			else if (random_below(10) == 0)
				tick(self, cpu);
			else
				make_call(self);
		}
	}
	struct Env *next = sched_pick(self, cpu);
	if (next != self)
		fake_switch(cpu, next);
	on_cpu[cpu] = next;
	if (next) {
		CHECK_EQ(next->env_status, ENV_RUNNING);
		uint32_t va = PICK(va_of);
		if (bits_at(next, va))
			fake_touch(next, va);
		scribble(next);
	}
	world_check();
	model_matches();
	letters_check();
}

// When nobody has anything left to do but to wait for the clock, it ticks.
static void
pass_time(void)
{
	while (env_nactive == 0 && timer_any()) {
		ipc_tick();
		letters_tick();
	}
	world_check();
	letters_check();
}

// When nobody has anything left to do, all are destroyed, and a new first program comes.
static void
begin_again(void)
{
	for (struct Env *e = envs; e < envs + NENV; e++)
		if (e->env_status != ENV_FREE)
			env_destroy(NULL, e);
	for (int cpu = 0; cpu < NCPUS; cpu++) {
		fake_cpu = cpu;
		CHECK(!sched_pick(on_cpu[cpu], cpu));
		fake_switch(cpu, NULL);
		on_cpu[cpu] = NULL;
	}
	reap_all();
	CHECK_EQ(count_envs(), 0);
	world_check();
	letters_check();
	program(NULL, NOCPU);
	program(NULL, NOCPU);
	struct Env *first = program(NULL, NOCPU);
	kenv(first)->has_device = true;
	device_of[first - envs] = first->env_id;
}

#define MESSAGES 4 // the salt of a run in which most calls are messages

static void
run_random(uint32_t low, uint32_t high, unsigned calls, uint32_t salt)
{
	unsigned ngenerations = 0;

	messages = 0;
	if (salt == MESSAGES)
		messages = 70;
	nlow = low;
	fake_start(low, high);
	random_seed(salt);
	memset(model, 0, sizeof model);
	memset(device_of, 0, sizeof device_of);
	memset(on_cpu, 0, sizeof on_cpu);
	memset(nerrors, 0, sizeof nerrors);
	letters_init(&pages_of_model);
	ncalls = 0;
	while (ncalls < calls) {
		pass_time();
		if (env_nactive == 0) {
			begin_again();
			ngenerations++;
		}
		step(random_below(NCPUS));
	}
	test_note("%u calls, %u generations; %u succeeded, bad env %u, inval %u, no mem %u, "
		  "fault %u, not recv %u, timeout %u; %u messages, %u had to wait, %u ends",
		  ncalls, ngenerations, nerrors[0], nerrors[E_BAD_ENV], nerrors[E_INVAL],
		  nerrors[E_NO_MEM], nerrors[E_FAULT], nerrors[E_IPC_NOT_RECV], nerrors[E_TIMEOUT],
		  letters_sent, letters_waited, letters_ends);
}

TEST(random_calls_with_little_memory_do_what_the_contracts_say)
{
	run_random(28, 0, test_steps(100000), 1);
}

TEST(random_calls_with_enough_memory_do_what_the_contracts_say)
{
	run_random(80, 0, test_steps(100000), 2);
}

TEST(random_calls_with_memory_of_both_kinds_do_what_the_contracts_say)
{
	run_random(24, 8, test_steps(100000) / 20, 3);
}

TEST(random_messages_with_little_memory_do_what_the_contracts_say)
{
	run_random(28, 0, test_steps(100000), MESSAGES);
}
