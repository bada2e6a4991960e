// Programs that make arbitrary system calls, fault, and are interrupted, on two CPUs.
//
// The input is a list of visits to the kernel, each by one CPU and whatever runs there.  A visit
// does what trap() in kern/trap.c does, so a CPU that has been told to look at something comes
// only when its turn is there.  After each visit all invariants must hold; a call that fails must
// have changed nothing, and must have failed for a reason that its contract in syscall.def names;
// and when all programs are gone, all memory must be back.

#include "inc/ipc.h"
#include "inc/string.h"
#include "inc/trap.h"
#include "kern/sched.h"
#include "kern/syscall.h"
#include "kern/upcall.h"
#include "test/fuzz/fuzz.h"
#include "test/host/world.h"

#define NCPUS 2
#define MAXVISITS 400

static const struct {
	uint32_t low, high;
} machines[] = {{16, 0}, {28, 0}, {48, 0}, {150, 0}, {24, 8}};

static const uint32_t vas[] = {
	VA_A, VA_B, VA_A + PTSIZE - PGSIZE, VA_C, USTACKTOP - PGSIZE, UXSTACKTOP - PGSIZE,
};
static const uint32_t odd_vas[] = {VA_A + 1, 0, UTOP - 4, UTOP, UVPT, KERNBASE, 0xffffffff, PGSIZE};
static const uint32_t perms[] = {RO, RW, RW | PTE_SHARE, RO | PTE_COW, RW | PTE_COW, PTE_SYSCALL};
static const uint32_t odd_perms[] = {0, RW | PTE_GIVENW, RW | PTE_PCD, RO | 0x1000, PTE_P | PTE_W};

// The calls, as often as they are worth it.
static const uint8_t calls[] = {
	SYS_cputs,
	SYS_cgetc,
	SYS_getenvid,
	SYS_clock_ms,
	SYS_archive_page,
	SYS_archive_page,
	SYS_ports_read,
	SYS_ports_write,
	SYS_env_give_device,
	SYS_env_set_keeper,
	SYS_env_set_keeper,
	SYS_env_set_keeper,
	SYS_ipc_wait,
	SYS_ipc_wait,
	SYS_env_destroy,
	SYS_page_alloc,
	SYS_page_alloc,
	SYS_page_alloc,
	SYS_page_alloc,
	SYS_page_map,
	SYS_page_map,
	SYS_page_map,
	SYS_page_map,
	SYS_page_unmap,
	SYS_page_unmap,
	SYS_exofork,
	SYS_exofork,
	SYS_env_set_status,
	SYS_env_set_status,
	SYS_env_set_status,
	SYS_env_set_pgfault_upcall,
	SYS_yield,
	SYS_ipc_try_send,
	SYS_ipc_try_send,
	SYS_ipc_try_send,
	SYS_ipc_try_send,
	SYS_ipc_recv,
	SYS_env_set_trapframe,
	SYS_env_set_trapframe,
	SYS_page_protect,
	SYS_page_protect,
	SYS_page_copy,
	SYS_page_copy,
	SYS_page_move,
	SYS_page_move,
	SYS_pages_map,
	SYS_pages_map,
	SYS_pages_share,
	SYS_pages_share,
	SYS_pages_share,
	SYS_pages_protect,
	SYS_pages_protect,
	SYS_pages_unmap,
	SYS_ports_read,
	SYS_ports_write,
	SYS_env_give_device,
	SYS_env_set_exception_upcall,
	NSYSCALLS,
};

static struct Env *on_cpu[NCPUS];
static struct Trapframe live[NCPUS]; // the registers of what runs there
static uint32_t nfree;               // when there were no envs

// Whether a program may do now what ends it.  Rarely, or there would be no company.
static bool
may_end(void)
{
	return byte() < 16;
}

static struct Env *
ours(struct Env *self, envid_t id)
{
	if (id == 0)
		return self;
	for (struct Env *e = envs; e < envs + NENV; e++)
		if (e->env_id == id && e->env_status != ENV_FREE && e->env_status != ENV_DYING)
			return e == self || e->env_parent_id == self->env_id ||
					kenv(e)->keeper == self
				? e
				: NULL;
	return NULL;
}

// Arguments

static uint32_t
an_id(struct Env *self)
{
	uint8_t b = byte();
	uint32_t id = envs[b % 16].env_id;

	switch (b / 16) {
	case 0 ... 4:
		return b & 8 ? self->env_id : 0;
	case 5 ... 6: // whoever runs on the other CPU
		return on_cpu[!fake_cpu] ? on_cpu[!fake_cpu]->env_id : self->env_id;
	case 7:
		return b & 8 ? id - 0x1000 : id + 0x1000; // another life
	case 8:
		return b & 8 ? word() : id;
	case 9 ... 13: // a child, beginning with any
		for (int i = 0; i < 16; i++)
			if (envs[(b + i) % 16].env_parent_id == self->env_id)
				return envs[(b + i) % 16].env_id;
		return id;
	default:
		return id;
	}
}

static uint32_t
who_waits(struct Env *self)
{
	for (int i = 0; i < 16; i++)
		if (envs[i].env_ipc_recving)
			return envs[i].env_id;
	return self->env_id;
}

static uint32_t
a_va(void)
{
	uint8_t b = byte();

	if (b < 0xe0)
		return vas[b % ARRAY_SIZE(vas)];
	return b < 0xf8 ? odd_vas[b % ARRAY_SIZE(odd_vas)] : word();
}

// The address of a page that e has, if it has any of these.
static uint32_t
a_page_of(struct Env *e)
{
	uint8_t b = byte();

	if (b >= 0xe0)
		return a_va();
	for (size_t i = 0; e && i < ARRAY_SIZE(vas); i++)
		if (frame_at(e, vas[(b + i) % ARRAY_SIZE(vas)]))
			return vas[(b + i) % ARRAY_SIZE(vas)];
	return vas[b % ARRAY_SIZE(vas)];
}

static uint32_t
a_perm(void)
{
	uint8_t b = byte();

	if (b < 0xe8)
		return perms[b % ARRAY_SIZE(perms)];
	return b < 0xf8 ? odd_perms[b % ARRAY_SIZE(odd_perms)] : word();
}

static uint32_t
a_number_of_pages(void)
{
	uint8_t b = byte();

	if (b < 0xc0)
		return b % 8;
	return b < 0xf0 ? (b - 0xc0u) * NPTENTRIES : word();
}

static uint32_t
a_rule(void)
{
	static const uint32_t bits[] = {0,         PTE_W, PTE_COW, PTE_SHARE, PTE_W | PTE_COW,
					PTE_AVAIL, PTE_D};
	uint8_t b = byte();
	uint32_t low = bits[b % ARRAY_SIZE(bits)], high = bits[b / 8 % ARRAY_SIZE(bits)];

	return b < 0xf8 ? PAGES_IF(low, high) : word();
}

// A port of the device, or one of its neighbours.
static uint32_t
a_port(void)
{
	static const uint32_t ports[] = {0x170, 0x170, 0x170, 0x171, 0x174, 0x177, 0x376};
	uint8_t b = byte();

	if (b < 0xc0)
		return ports[b % ARRAY_SIZE(ports)];
	return b < 0xf8 ? ports[b % ARRAY_SIZE(ports)] + b % 16 - 8 : word();
}

// Read a call: its number and its arguments, from small domains, in which they meet.
static uint32_t
small_call(struct Env *self, uint32_t arg[5])
{
	static const uint32_t statuses[] = {ENV_RUNNABLE,     ENV_RUNNABLE,     ENV_RUNNABLE,
					    ENV_RUNNABLE,     ENV_RUNNABLE,     ENV_RUNNABLE,
					    ENV_NOT_RUNNABLE, ENV_NOT_RUNNABLE, ENV_NOT_RUNNABLE,
					    ENV_RUNNING,      ENV_DYING,        77};
	uint32_t number = CHOOSE(calls);

	switch (number) {
	case SYS_cputs:
		arg[0] = a_page_of(self) + byte();
		arg[1] = below(2) ? byte() * 8 : word();
		if (user_mem_check(&kenv(self)->space, arg[0], arg[1], 0, NULL) < 0 && !may_end())
			arg[1] = 0;
		break;
	case SYS_env_destroy:
		arg[0] = an_id(self);
		if (ours(self, arg[0]) == self && !may_end())
			arg[0] = self->env_parent_id;
		break;
	case SYS_page_alloc:
		arg[0] = an_id(self), arg[1] = a_va(), arg[2] = a_perm();
		break;
	case SYS_page_map:
		arg[0] = an_id(self), arg[1] = a_page_of(ours(self, arg[0]));
		arg[2] = an_id(self), arg[3] = a_va(), arg[4] = a_perm();
		break;
	case SYS_page_unmap:
		arg[0] = an_id(self), arg[1] = a_va();
		break;
	case SYS_page_protect:
		arg[0] = an_id(self), arg[1] = a_page_of(ours(self, arg[0]));
		arg[2] = a_perm() | (below(2) ? PAGE_SOLE : 0);
		break;
	case SYS_page_copy:
		arg[0] = an_id(self), arg[1] = a_page_of(ours(self, arg[0]));
		arg[2] = an_id(self), arg[3] = a_va(), arg[4] = a_perm();
		break;
	case SYS_page_move:
		arg[0] = an_id(self), arg[1] = a_page_of(ours(self, arg[0]));
		arg[2] = a_va(), arg[3] = a_perm();
		break;
	case SYS_pages_map:
		arg[0] = a_page_of(self), arg[1] = an_id(self), arg[2] = a_va();
		arg[3] = a_number_of_pages(), arg[4] = a_perm();
		break;
	case SYS_pages_share:
	case SYS_pages_protect:
		arg[0] = an_id(self), arg[1] = a_va(), arg[2] = a_number_of_pages();
		arg[3] = a_rule(), arg[4] = a_rule();
		break;
	case SYS_pages_unmap:
		arg[0] = an_id(self), arg[1] = a_va(), arg[2] = a_number_of_pages();
		break;
	case SYS_ports_read:
	case SYS_ports_write:
		arg[0] = a_port(), arg[1] = 1u << below(3);
		arg[2] = a_page_of(self) + (below(2) ? 0 : PGSIZE - byte());
		arg[3] = below(8) ? byte() * 5 : word();
		if (below(16) == 0)
			arg[1] = byte();
		break;
	case SYS_env_give_device:
		arg[0] = an_id(self);
		break;
	case SYS_env_set_status:
		arg[0] = an_id(self);
		arg[1] = CHOOSE(statuses);
		if (ours(self, arg[0]) == self && arg[1] == ENV_NOT_RUNNABLE && !may_end())
			arg[1] = ENV_RUNNABLE;
		break;
	case SYS_env_set_pgfault_upcall:
		arg[0] = an_id(self), arg[1] = a_va();
		break;
	case SYS_env_set_exception_upcall:
		arg[0] = an_id(self), arg[1] = a_va();
		arg[2] = below(8) ? word() & EXCEPTIONS : word();
		break;
	case SYS_ipc_try_send:
		arg[0] = below(2) ? who_waits(self) : an_id(self), arg[1] = byte();
		arg[2] = below(2) ? UTOP : a_page_of(self), arg[3] = a_perm();
		break;
	case SYS_ipc_recv:
		arg[0] = a_va();
		if (env_nactive == 1 && !may_end())
			return SYS_yield;
		break;
	case SYS_env_set_keeper:
		arg[0] = an_id(self);
		arg[1] = below(4) ? (uint32_t) self->env_id : an_id(self);
		break;
	case SYS_ipc_wait: // does not wait, or there would soon be nobody left
		arg[0] = below(2) ? an_id(self) : 0;
		arg[1] = a_va(), arg[2] = IPC_NOWAIT;
		break;
	case SYS_archive_page:
		arg[0] = byte() % 4, arg[1] = an_id(self), arg[2] = a_va();
		break;
	case SYS_env_set_trapframe:
		arg[0] = an_id(self), arg[1] = a_page_of(self) + (below(4) ? 0 : byte() * 16);
		break;
	}
	return number;
}

// What a call may answer

static bool
may_fail_with(uint32_t number, int error)
{
	static const uint32_t with[NSYSCALLS] = {
#define OR(error) (1u << (error))
#define SENDING (OR(E_BAD_ENV) | OR(E_IPC_NOT_RECV) | OR(E_INVAL) | OR(E_NO_MEM))
		[SYS_env_destroy] = OR(E_BAD_ENV),
		[SYS_page_alloc] = OR(E_BAD_ENV) | OR(E_INVAL) | OR(E_NO_MEM),
		[SYS_page_map] = OR(E_BAD_ENV) | OR(E_INVAL) | OR(E_NO_MEM),
		[SYS_page_unmap] = OR(E_BAD_ENV) | OR(E_INVAL),
		[SYS_exofork] = OR(E_NO_FREE_ENV) | OR(E_NO_MEM),
		[SYS_env_set_status] = OR(E_BAD_ENV) | OR(E_INVAL),
		[SYS_env_set_pgfault_upcall] = OR(E_BAD_ENV),
		[SYS_ipc_try_send] = SENDING,
		[SYS_ipc_recv] = OR(E_INVAL),
		[SYS_env_set_trapframe] = OR(E_BAD_ENV) | OR(E_FAULT),
		[SYS_page_protect] = OR(E_BAD_ENV) | OR(E_INVAL) | OR(E_SHARED),
		[SYS_page_copy] = OR(E_BAD_ENV) | OR(E_INVAL) | OR(E_NO_MEM),
		[SYS_page_move] = OR(E_BAD_ENV) | OR(E_INVAL) | OR(E_NO_MEM),
		[SYS_pages_map] = OR(E_BAD_ENV) | OR(E_INVAL) | OR(E_NO_MEM),
		[SYS_pages_share] = OR(E_BAD_ENV) | OR(E_INVAL) | OR(E_NO_MEM),
		[SYS_pages_protect] = OR(E_BAD_ENV) | OR(E_INVAL),
		[SYS_pages_unmap] = OR(E_BAD_ENV) | OR(E_INVAL),
		[SYS_ipc_send] = SENDING,
		[SYS_ipc_wait] = OR(E_BAD_ENV) | OR(E_INVAL) | OR(E_TIMEOUT),
		[SYS_ipc_call] = SENDING,
		[SYS_ipc_call_value] = SENDING,
		[SYS_ports_read] = OR(E_NOT_SUPP) | OR(E_INVAL) | OR(E_FAULT),
		[SYS_ports_write] = OR(E_NOT_SUPP) | OR(E_INVAL) | OR(E_FAULT),
		[SYS_env_give_device] = OR(E_BAD_ENV) | OR(E_NOT_SUPP),
		[SYS_env_set_weight] = OR(E_BAD_ENV) | OR(E_INVAL),
		[SYS_env_set_exception_upcall] = OR(E_BAD_ENV) | OR(E_INVAL),
		[SYS_env_set_keeper] = OR(E_BAD_ENV),
		[SYS_archive_page] = OR(E_BAD_ENV) | OR(E_INVAL) | OR(E_NO_MEM),
#undef SENDING
#undef OR
	};

	return number < NSYSCALLS ? with[number] >> error & 1 : error == E_INVAL;
}

static bool
takes_an_id_of_ours(uint32_t number)
{
	return number == SYS_env_destroy || number == SYS_page_alloc || number == SYS_page_map ||
		number == SYS_page_unmap || number == SYS_env_set_status ||
		number == SYS_env_set_pgfault_upcall || number == SYS_env_set_trapframe ||
		number == SYS_page_protect || number == SYS_page_copy || number == SYS_page_move ||
		number == SYS_pages_share || number == SYS_pages_protect ||
		number == SYS_pages_unmap || number == SYS_env_set_weight ||
		number == SYS_env_give_device || number == SYS_env_set_exception_upcall;
}

static bool
is_about_the_device(uint32_t number)
{
	return number == SYS_ports_read || number == SYS_ports_write ||
		number == SYS_env_give_device;
}

// A call that moves bytes through a port has been made, and all that have been before are `before'.
static void
check_ports(struct Env *self, bool written, const uint32_t a[5], uint32_t before)
{
	const uint32_t size = a[1] * a[3];
	uint8_t seen[PGSIZE];

	CHECK_EQ(fake_ports.total, before + size);
	if (size == 0)
		return;
	CHECK(fake_ports.port == a[0] && fake_ports.width == a[1] && fake_ports.written == written);
	CHECK_EQ(copy_from_user(&kenv(self)->space, seen, a[2], size, NULL), 0);
	CHECK(memcmp(seen, fake_ports.bytes + fake_ports.n - size, size) == 0);
}

static unsigned
count_envs(void)
{
	unsigned n = 0;

	for (struct Env *e = envs; e < envs + NENV; e++)
		n += e->env_status != ENV_FREE;
	return n;
}

static void
check_failure(uint32_t number, int error)
{
	CHECK(error < MAXERROR);
	CHECK(may_fail_with(number, error));
	if (error == E_NO_MEM || error == E_NO_FREE_ENV)
		CHECK(!env_any_dead()); // what they hold is as good as free
	if (error == E_NO_MEM && npages < BORDER)
		CHECK(page_nfree() <= 1);
	if (error == E_NO_FREE_ENV)
		CHECK_EQ(count_envs(), NENV);
}

// A page of dst at va, just mapped with perm by page_alloc or page_map.
static void
check_mapped(struct Env *dst, uint32_t va, uint32_t perm)
{
	CHECK(va < UTOP && va % PGSIZE == 0);
	CHECK_EQ(bits_at(dst, va) & ~PTE_GIVENW, perm);
	CHECK(!(perm & PTE_W) || (bits_at(dst, va) & PTE_GIVENW));
}

static void
check_zeroed(uint32_t ppn)
{
	const uint8_t *p = fake_frame(ppn);

	CHECK_EQ(pages[ppn].pp_ref, 1);
	CHECK(p[0] == 0 && memcmp(p, p + 1, PGSIZE - 1) == 0);
}

// Let self ask for a call, by int or by sysenter.
static void
ask(struct Env *self, bool sysenter, uint32_t number, const uint32_t arg[5])
{
	struct Trapframe *tf = &kenv(self)->frame;

	tf->tf_regs.reg_eax = number;
	if (!sysenter) {
		tf->tf_regs.reg_edx = arg[0];
		tf->tf_regs.reg_ecx = arg[1];
		tf->tf_regs.reg_ebx = arg[2];
		tf->tf_regs.reg_edi = arg[3];
		tf->tf_regs.reg_esi = arg[4];
		return;
	}
	// On the stack, wherever that is, unless it cannot be written.
	tf->tf_esp = a_page_of(self) + byte() * 16;
	for (int i = 0; i < 5; i++)
		copy_to_user(&kenv(self)->space, tf->tf_esp + 4 + 4 * i, &arg[i], 4, NULL);
}

// The arguments of the call that self asks for.
static void
asked(struct Env *self, bool sysenter, uint32_t arg[5])
{
	const struct Trapframe *tf = &kenv(self)->frame;
	const struct PushRegs *regs = &tf->tf_regs;
	const uint32_t by_int[] = {regs->reg_edx, regs->reg_ecx, regs->reg_ebx, regs->reg_edi,
				   regs->reg_esi};

	for (int i = 0; i < 5; i++) {
		arg[i] = sysenter ? 0 : by_int[i];
		if (sysenter)
			copy_from_user(&kenv(self)->space, &arg[i], tf->tf_esp + 4 + 4 * i, 4,
				       NULL);
	}
}

// Make the call that self asks for.
static void
make_call(struct Env *self, bool sysenter, bool compare)
{
	struct Trapframe *tf = &kenv(self)->frame, was;
	struct Snapshot before = {0}, after;
	uint32_t a[5], number, frame = 0, bits = 0;

	number = tf->tf_regs.reg_eax;
	asked(self, sysenter, a);
	struct Env *e = ours(self, a[0]), *dst = ours(self, a[2]);
	bool two = number == SYS_page_map || number == SYS_page_copy;
	if ((two || number == SYS_page_move) && e && a[1] < UTOP) {
		frame = frame_at(e, a[1]);
		bits = bits_at(e, a[1]);
	}
	tf->tf_eip = CALL_EIP;
	fake_clear_console();
	const bool had_device = kenv(self)->has_device;
	const uint32_t through_ports = fake_ports.total;
	fake_ports.n = 0;
	was = *tf;
	if (compare)
		before = snapshot(true);
	if (sysenter)
		syscall_sysenter(self);
	else
		syscall(self);
	if (number == SYS_env_set_trapframe && e == self && tf->tf_eip != CALL_EIP)
		return;
	int32_t r = tf->tf_regs.reg_eax;
	static_assert(SYSCALL_LENGTH == SYSENTER_LENGTH, "how far to go back");
	if (tf->tf_eip == CALL_EIP - SYSCALL_LENGTH) { // in parts
		was.tf_eip -= SYSCALL_LENGTH;
		CHECK(memcmp(tf, &was, sizeof was) == 0);
		return;
	}
	if (number == SYS_env_set_trapframe && e == self && r != -E_FAULT)
		return; // eip happens to be the same
	was.tf_regs.reg_eax = r;
	CHECK(memcmp(tf, &was, sizeof was) == 0);
	if (is_about_the_device(number) && r != -E_BAD_ENV)
		CHECK((r == -E_NOT_SUPP) == !had_device);
	if (r < 0)
		CHECK_EQ(fake_ports.total, through_ports);
	if (takes_an_id_of_ours(number))
		CHECK((r == -E_BAD_ENV) == (!e || (two && !dst)));
	if (r < 0) {
		check_failure(number, -r);
		if (compare) {
			tf->tf_regs.reg_eax = number;
			after = snapshot(true);
			CHECK(snapshot_is(&before, &after));
			tf->tf_regs.reg_eax = r;
		}
		return;
	}
	CHECK(number < NSYSCALLS);
	if (number == SYS_page_alloc) {
		check_mapped(e, a[1], a[2]);
		check_zeroed(frame_at(e, a[1]));
	} else if (number == SYS_page_map) {
		check_mapped(dst, a[3], a[4]);
		CHECK(frame != 0);
		CHECK_EQ(frame_at(dst, a[3]), frame);
		CHECK(!(a[4] & PTE_W) || (bits & (e == dst ? PTE_GIVENW : PTE_W)));
	} else if (number == SYS_page_protect) {
		check_mapped(e, a[1], a[2] & ~PAGE_SOLE);
		CHECK(!(a[2] & PAGE_SOLE) || pages[frame_at(e, a[1])].pp_ref == 1);
	} else if (number == SYS_page_copy) {
		check_mapped(dst, a[3], a[4]);
		CHECK(frame != frame_at(dst, a[3]));
		CHECK_EQ(pages[frame_at(dst, a[3])].pp_ref, 1);
		if (frame_at(e, a[1]) == frame) // and has not been replaced by its copy
			CHECK(memcmp(fake_frame(frame), fake_frame(frame_at(dst, a[3])), PGSIZE) ==
			      0);
	} else if (number == SYS_page_move) {
		check_mapped(e, a[2], a[3]);
		CHECK_EQ(frame_at(e, a[2]), frame);
		CHECK(a[1] == a[2] || fake_walk(&kenv(e)->space, a[1]) == 0);
	} else if (number == SYS_pages_map || number == SYS_pages_share ||
		   number == SYS_pages_protect || number == SYS_pages_unmap) {
		uint32_t n = number == SYS_pages_map ? a[3] : a[2];
		CHECK((uint32_t) r <= n && (r > 0 || n == 0));
		for (uint32_t i = 0; number == SYS_pages_unmap && i < (uint32_t) r; i++)
			CHECK_EQ(fake_walk(&kenv(e)->space, a[1] + i * PGSIZE), 0);
	} else if (number == SYS_page_unmap) {
		CHECK_EQ(fake_walk(&kenv(e)->space, a[1]), 0);
	} else if (number == SYS_exofork) {
		struct Env *child = ours(self, r);
		CHECK(child && child != self && child->env_status == ENV_NOT_RUNNABLE);
		was.tf_regs.reg_eax = 0;
		CHECK(memcmp(&kenv(child)->frame, &was, sizeof was) == 0);
	} else if (number == SYS_ports_read || number == SYS_ports_write) {
		check_ports(self, number == SYS_ports_write, a, through_ports);
	} else if (number == SYS_env_give_device) {
		CHECK(kenv(e)->has_device);
	} else if (number == SYS_ipc_recv) {
		CHECK_EQ(self->env_status, ENV_NOT_RUNNABLE);
	}
}

// Other things that happen to a program

static void
fault(struct Env *self)
{
	static const uint32_t stacks[] = {USTACKTOP, UXSTACKTOP, UXSTACKTOP - 52, UXSTACKTOP - 4040,
					  UXSTACKTOP - 4096};
	struct Trapframe *tf = &kenv(self)->frame;
	uint32_t bad = 0, va = a_va();
	uint8_t b = byte();

	if (!self->env_pgfault_upcall && !may_end())
		return;
	if (b & 1)
		tf->tf_esp = b & 2 ? word() : CHOOSE(stacks);
	if (!self->env_pgfault_upcall) {
		env_kill(self, IPC_ENDED_BY_TRAP(T_PGFLT));
	} else if (upcall_page_fault(self, va, FEC_U, &bad) < 0) {
		CHECK(bad < UTOP);
		user_mem_fail(self, bad);
	}
}

// An exception, which is handled or the end.  A breakpoint does not come again, so that of an env
// that is stopped is not lost.
static void
exception(struct Env *self, bool running)
{
	static const uint8_t vectors[] = {T_BRKPT, T_DIVIDE, T_GPFLT, T_SIMDERR, IRQ_OFFSET + 3};
	struct Trapframe *tf = &kenv(self)->frame;
	uint32_t bad = 0;

	if (!running && self->env_status != ENV_NOT_RUNNABLE)
		return;
	tf->tf_trapno = running ? CHOOSE(vectors) : T_BRKPT;
	if (!upcall_wanted(self, tf->tf_trapno)) {
		if (may_end())
			env_kill(self, IPC_ENDED_BY_TRAP(kenv(self)->frame.tf_trapno));
	} else if (upcall_exception(self, &bad) < 0) {
		CHECK(bad < UTOP);
		user_mem_fail(self, bad);
	}
}

// The program uses a page, and writes there if it may.
static void
use_memory(struct Env *self)
{
	uint32_t va = CHOOSE(vas), off = byte() * 16;
	uint32_t value = word();

	if (!frame_at(self, va))
		return;
	fake_touch(self, va);
	if (bits_at(self, va) & PTE_W) {
		fake_write(self, va);
		poke(self, va + off, &value, sizeof value);
	}
}

// While a program runs, its registers are in the CPU, and what the kernel has of them is nobody's
// to read or to write.
static const struct Trapframe stale = {
	.tf_regs = {~0u, ~0u, ~0u, ~0u, ~0u, ~0u, ~0u, ~0u},
	.tf_es = GD_UD | 3,
	.tf_ds = GD_UD | 3,
	.tf_eip = ~0u,
	.tf_cs = GD_UT | 3,
	.tf_eflags = FL_IF | 2,
	.tf_esp = ~0u,
	.tf_ss = GD_UD | 3,
};

static void
leave_kernel(struct Env *e, int cpu)
{
	live[cpu] = kenv(e)->frame;
	kenv(e)->frame = stale;
}

static void
enter_kernel(struct Env *e, int cpu)
{
	CHECK(memcmp(&kenv(e)->frame, &stale, sizeof stale) == 0);
	kenv(e)->frame = live[cpu];
}

static void
visit(void)
{
	uint8_t b = byte();
	int cpu = b & 1;
	if (!on_cpu[cpu] && !env_any_runnable())
		cpu ^= 1;
	struct Env *self = on_cpu[cpu];
	uint32_t arg[5] = {0};

	fake_cpu = cpu;
	fake_kicked[cpu] = false;
	bool running = self && self->env_status == ENV_RUNNING && !kenv(self)->has_next_frame;
	if (self)
		enter_kernel(self, cpu);
	switch (self ? b / 4 % 16 : 0) {
	case 0: // an interrupt that is nothing to it
		break;
	case 1:
		if (running)
			sched_tick(self, cpu);
		break;
	case 2:
		if (running)
			fault(self);
		break;
	case 3:
		exception(self, running);
		break;
	case 4:
		if (running)
			use_memory(self);
		break;
	case 5:
		if (running)
			make_call(self, b & 0x40, b & 2);
		break;
	case 6:
		if (running) {
			uint32_t number = below(NSYSCALLS + 1);
			for (int i = 0; i < 5; i++)
				arg[i] = word();
			ask(self, b & 0x40, number < NSYSCALLS ? number : word(), arg);
			make_call(self, b & 0x40, b & 2);
		}
		break;
	case 7:
		burst(200);
		break;
	default:
		if (running) {
			uint32_t number = small_call(self, arg);
			ask(self, b & 0x40, number, arg);
			make_call(self, b & 0x40, b & 2);
		}
	}
	if (self)
		env_take_frame(self);
	struct Env *next = sched_pick(self, cpu);
	if (next)
		CHECK(next->env_status == ENV_RUNNING && kenv(next)->space.cpu == cpu);
	else
		CHECK(!env_any_runnable());
	if (next != self)
		fake_switch(cpu, next);
	on_cpu[cpu] = next;
	if (next)
		leave_kernel(next, cpu);
	world_check();
}

static void
start_all(void)
{
	struct Env *first = program(NULL, NOCPU);

	kenv(first)->has_device = true;
	program(first, NOCPU);
	program(first, NOCPU);
	program(NULL, NOCPU);
}

static void
end_all(void)
{
	for (struct Env *e = envs; e < envs + NENV; e++)
		if (e->env_status != ENV_FREE)
			env_destroy(NULL, e);
	for (int cpu = 0; cpu < NCPUS; cpu++) {
		fake_cpu = cpu;
		CHECK(!sched_pick(on_cpu[cpu], cpu));
		on_cpu[cpu] = NULL;
		fake_switch(cpu, NULL);
	}
	while (env_any_dead())
		env_reap();
	world_check();
	CHECK_EQ(count_envs(), 0);
	CHECK_EQ(env_nactive, 0);
	CHECK_EQ(page_nfree(), nfree);
}

// The slots are there again: the lowest is always the next.
static void
take_slots(void)
{
	struct Env *e;

	for (int i = 0; i < 16 && env_alloc(&e, NULL) == 0; i++)
		CHECK_EQ(e - envs, i);
	end_all();
}

void
fuzz(void)
{
	uint8_t b = byte();
	int machine =
		b < 0xf0 ? b % 4 : 4; // the last one is slow, for its frames have high numbers

	fake_start(machines[machine].low, machines[machine].high);
	fake_keep();
	fake_keys = "keys";
	nfree = page_nfree();
	memset(on_cpu, 0, sizeof on_cpu);
	start_all();
	for (int i = 0; i < MAXVISITS && more(); i++) {
		if (env_nactive == 0) {
			end_all();
			start_all();
		}
		visit();
	}
	end_all();
	take_slots();
}
