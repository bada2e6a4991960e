// System calls.  The contracts are in inc/syscall.def, and this file reads in the same order.
//
// Each handler gets the calling env and the raw arguments, checks everything, and then changes
// everything.  What it returns goes into the caller's eax, with two exceptions: a long call does
// a part of its work and asks to be made again (AGAIN), so that nobody waits long for the lock
// or an interrupt; and a call that sets all registers leaves eax alone (AS_IT_IS).

#include "inc/syscall.h"
#include "kern/syscall.h"

#include "inc/device.h"
#include "inc/error.h"
#include "inc/ipc.h"
#include "inc/stdio.h"
#include "kern/env.h"
#include "kern/ipc.h"
#include "kern/page.h"

#define AGAIN INT32_MIN
#define AS_IT_IS SYSCALL_SPECIAL

#define CPUTS_CHECK (256 * PGSIZE) // how much of a text is checked,
#define CPUTS_PRINT 128            // or printed, at a time
#define PORTS_PART 512 // bytes between a port and memory at a time; all widths divide it

void
user_mem_fail(struct Env *self, unsigned bad)
{
	cprintf("[%08x] user_mem_check assertion failure for va %08x\n", self->env_id, bad);
	env_kill(self, IPC_ENDED_BY_ADDRESS);
}

// A call has failed without a change, because memory or a slot is lacking.  What the dead still
// hold is as good as free: then it is made again when some of that has been given back.
static int32_t
lacking(int r)
{
	return env_reap() ? AGAIN : r;
}

// The whole text is checked before any of it is printed.  How far it has come is kept with the
// text's place; a program that prints another text in between starts again, and harms nobody.
static int32_t
sys_cputs(struct Env *self, uint32_t va, uint32_t len)
{
	struct Kenv *k = kenv(self);
	char buf[CPUTS_PRINT];
	uint32_t bad, n;

	if (k->cputs.va != va || k->cputs.len != len) {
		k->cputs.va = va;
		k->cputs.len = len;
		k->cputs.checked = k->cputs.printed = 0;
	}
	if (k->cputs.checked < len) {
		n = MIN(len - k->cputs.checked, (uint32_t) CPUTS_CHECK);
		if (user_mem_check(&k->space, va + k->cputs.checked, n, 0, &bad) < 0) {
			user_mem_fail(self, bad);
			return AS_IT_IS;
		}
		k->cputs.checked += n;
		if (k->cputs.checked < len)
			return AGAIN;
	}
	n = MIN(len - k->cputs.printed, (uint32_t) CPUTS_PRINT);
	if (copy_from_user(&k->space, buf, va + k->cputs.printed, n, &bad) < 0) {
		user_mem_fail(self, bad);
		return AS_IT_IS;
	}
	cons_write(buf, n);
	k->cputs.printed += n;
	if (k->cputs.printed < len)
		return AGAIN;
	k->cputs.va = k->cputs.len = k->cputs.checked = k->cputs.printed = 0;
	return 0;
}

static int32_t
sys_cgetc(struct Env *self)
{
	(void) self;
	return cons_getc();
}

static int32_t
sys_getenvid(struct Env *self)
{
	return self->env_id;
}

// A call that may have stopped its caller has the result r; who does not go on gets it later.
static int32_t
stopped(struct Env *self, int32_t r)
{
	if (self->env_status == ENV_RUNNING)
		return r;
	kenv(self)->frame.tf_regs.reg_eax = r;
	return AS_IT_IS;
}

static int32_t
sys_env_destroy(struct Env *self, uint32_t envid)
{
	struct Env *e = env_find_ours(self, envid);

	if (!e)
		return -E_BAD_ENV;
	if (e == self)
		env_tell(self->env_id, "exiting gracefully", NULL);
	else
		env_tell(self->env_id, "destroying", e);
	env_destroy(self, e);
	return stopped(self, 0);
}

// What a call that may have failed for want of memory answers.
static inline int32_t
or_lacking(int r)
{
	return r == -E_NO_MEM ? lacking(r) : r;
}

// Map pp, which nobody else has, at va of envid.  While it was filled without the lock, that env may
// have gone.
static inline int32_t
give_filled(struct Env *self, uint32_t envid, struct PageInfo *pp, uint32_t va, uint32_t perm)
{
	struct Env *e = env_find_ours(self, envid);
	int r = e ? page_insert(&kenv(e)->space, pp, va, given_perm(perm)) : -E_BAD_ENV;

	if (r == 0)
		return 0;
	page_decref(pp);
	return or_lacking(r);
}

static int32_t
sys_page_alloc(struct Env *self, uint32_t envid, uint32_t va, uint32_t perm)
{
	struct Env *e = env_find_ours(self, envid);

	if (!e)
		return -E_BAD_ENV;
	if (!user_page(va) || !user_perm(perm))
		return -E_INVAL;
	struct PageInfo *pp = page_alloc_unclean();
	if (!pp)
		return lacking(-E_NO_MEM);
	frame_zero_unlocked(page_number(pp));
	return give_filled(self, envid, pp, va, perm);
}

static int32_t
sys_page_map(struct Env *self, uint32_t srcid, uint32_t srcva, uint32_t dstid, uint32_t dstva,
	     uint32_t perm)
{
	struct Env *src = env_find_ours(self, srcid);
	struct Env *dst = env_find_ours(self, dstid);

	if (!src || !dst)
		return -E_BAD_ENV;
	if (!user_page(srcva) || !user_page(dstva) || !user_perm(perm))
		return -E_INVAL;
	return or_lacking(page_map(&kenv(src)->space, srcva, &kenv(dst)->space, dstva, perm));
}

static int32_t
sys_page_unmap(struct Env *self, uint32_t envid, uint32_t va)
{
	struct Env *e = env_find_ours(self, envid);

	if (!e)
		return -E_BAD_ENV;
	if (!user_page(va))
		return -E_INVAL;
	page_remove(&kenv(e)->space, va);
	return 0;
}

static int32_t
sys_exofork(struct Env *self)
{
	struct Env *e;
	int r = env_alloc(&e, self);

	if (r < 0)
		return lacking(r);
	struct Kenv *k = kenv(e);
	k->frame = kenv(self)->frame;
	k->frame.tf_regs.reg_eax = 0;
	cpu_inherit(self, e);
	return e->env_id;
}

static int32_t
sys_env_set_status(struct Env *self, uint32_t envid, uint32_t status)
{
	struct Env *e = env_find_ours(self, envid);

	if (!e)
		return -E_BAD_ENV;
	if (status == ENV_RUNNABLE)
		env_release(e, HOLD_STOPPED);
	else if (status != ENV_NOT_RUNNABLE)
		return -E_INVAL;
	else if (e == self && !kenv(self)->parent && !kenv(self)->keeper)
		env_destroy(self, self);
	else
		env_hold(e, HOLD_STOPPED);
	return stopped(self, 0);
}

static int32_t
sys_env_set_pgfault_upcall(struct Env *self, uint32_t envid, uint32_t upcall)
{
	struct Env *e = env_find_ours(self, envid);

	if (!e)
		return -E_BAD_ENV;
	env_set_upcall(e, upcall);
	return 0;
}

static int32_t
sys_yield(struct Env *self)
{
	env_yield(self);
	return stopped(self, 0);
}

static int32_t
sys_ipc_try_send(struct Env *self, uint32_t envid, uint32_t value, uint32_t srcva, uint32_t perm)
{
	struct Env *to = env_find(self, envid);

	if (!to)
		return -E_BAD_ENV;
	const struct Message m = {.to = to, .value = value, .srcva = srcva, .how = perm};
	int r = perm != PGOFF(perm) && srcva < UTOP ? -E_INVAL : ipc_try_send(self, &m);
	return or_lacking(r);
}

static int32_t
sys_ipc_recv(struct Env *self, uint32_t dstva)
{
	int r = ipc_recv(self, 0, dstva, 0);

	return r < 0 ? r : AS_IT_IS;
}

static int32_t
sys_env_set_trapframe(struct Env *self, uint32_t envid, uint32_t tf_va)
{
	struct Env *e = env_find_ours(self, envid);
	struct Trapframe tf;

	if (!e)
		return -E_BAD_ENV;
	if (copy_from_user(&kenv(self)->space, &tf, tf_va, sizeof tf, NULL) < 0)
		return -E_FAULT;
	env_sanitize(&tf);
	env_set_frame(self, e, &tf);
	return e == self ? AS_IT_IS : 0;
}

static int32_t
sys_page_protect(struct Env *self, uint32_t envid, uint32_t va, uint32_t perm)
{
	struct Env *e = env_find_ours(self, envid);
	const bool sole = perm & PAGE_SOLE;

	if (!e)
		return -E_BAD_ENV;
	perm &= ~(uint32_t) PAGE_SOLE;
	if (!user_page(va) || !user_perm(perm))
		return -E_INVAL;
	return page_protect(&kenv(e)->space, va, perm, sole);
}

static int32_t
sys_page_copy(struct Env *self, uint32_t srcid, uint32_t srcva, uint32_t dstid, uint32_t dstva,
	      uint32_t perm)
{
	struct Env *src = env_find_ours(self, srcid);
	struct Env *dst = env_find_ours(self, dstid);

	if (!src || !dst)
		return -E_BAD_ENV;
	if (!user_page(srcva) || !user_page(dstva) || !user_perm(perm))
		return -E_INVAL;
	pte_t *from = walk(&kenv(src)->space, srcva);
	if (!from || !*from)
		return -E_INVAL;
	struct PageInfo *source = entry_page(*from), *pp = page_alloc_unclean();
	if (!pp)
		return lacking(-E_NO_MEM);
	if (!page_incref(source)) {
		page_decref(pp);
		return -E_NO_MEM;
	}
	frame_copy_unlocked(page_number(pp), page_number(source));
	page_decref(source);
	return give_filled(self, dstid, pp, dstva, perm);
}

static int32_t
sys_page_move(struct Env *self, uint32_t envid, uint32_t srcva, uint32_t dstva, uint32_t perm)
{
	struct Env *e = env_find_ours(self, envid);

	if (!e)
		return -E_BAD_ENV;
	if (!user_page(srcva) || !user_page(dstva) || !user_perm(perm))
		return -E_INVAL;
	return or_lacking(page_move(&kenv(e)->space, srcva, dstva, perm));
}

static int32_t
sys_pages_map(struct Env *self, uint32_t srcva, uint32_t dstid, uint32_t dstva, uint32_t n,
	      uint32_t perm)
{
	struct Env *dst = env_find_ours(self, dstid);

	if (!dst)
		return -E_BAD_ENV;
	if (!user_range(srcva, n) || !user_range(dstva, n) || !user_perm(perm))
		return -E_INVAL;
	return or_lacking(pages_map(&kenv(self)->space, srcva, &kenv(dst)->space, dstva, n, perm));
}

static int32_t
sys_pages_protect(struct Env *self, uint32_t envid, uint32_t va, uint32_t n, uint32_t when,
		  uint32_t change)
{
	struct Env *e = env_find_ours(self, envid);

	if (!e)
		return -E_BAD_ENV;
	if (!user_range(va, n) || !user_rule(when, change))
		return -E_INVAL;
	return pages_protect(&kenv(e)->space, va, n, when, change, e != self);
}

static int32_t
sys_pages_share(struct Env *self, uint32_t dstid, uint32_t va, uint32_t n, uint32_t when,
		uint32_t change)
{
	struct Env *dst = env_find_ours(self, dstid);

	if (!dst)
		return -E_BAD_ENV;
	if (!user_range(va, n) || !user_rule(when, change))
		return -E_INVAL;
	if (dst == self) // each page is there already, with the rights it has
		return pages_protect(&kenv(self)->space, va, n, when, change, false);
	return or_lacking(pages_share(&kenv(self)->space, &kenv(dst)->space, va, n, when, change));
}

static int32_t
sys_pages_unmap(struct Env *self, uint32_t envid, uint32_t va, uint32_t n)
{
	struct Env *e = env_find_ours(self, envid);

	if (!e)
		return -E_BAD_ENV;
	if (!user_range(va, n))
		return -E_INVAL;
	return pages_unmap(&kenv(e)->space, va, n);
}

static int32_t
send(struct Env *self, uint32_t envid, struct Message *m)
{
	bool waits;

	if (!(m->to = env_find(self, envid)))
		return -E_BAD_ENV;
	int r = ipc_send(self, m, &waits);
	if (waits)
		return AS_IT_IS;
	return or_lacking(r);
}

static int32_t
sys_ipc_send(struct Env *self, uint32_t envid, uint32_t value, uint32_t srcva, uint32_t how)
{
	return send(self, envid, &(struct Message){.value = value, .srcva = srcva, .how = how});
}

static int32_t
sys_ipc_wait(struct Env *self, uint32_t envid, uint32_t dstva, uint32_t how)
{
	struct Env *from = NULL;

	if (envid != 0) {
		from = env_find(self, envid);
		if (!from)
			from = env_find_ended(self, envid);
		if (!from || from == self)
			return -E_BAD_ENV;
	}
	int r = ipc_recv(self, from ? from->env_id : 0, dstva, how);
	if (r < 0)
		return r;
	if (from)
		kenv(from)->awaited = true;
	return AS_IT_IS;
}

static int32_t
sys_ipc_call(struct Env *self, uint32_t envid, uint32_t value, uint32_t srcva, uint32_t how,
	     uint32_t dstva)
{
	return send(
		self, envid,
		&(struct Message){
			.value = value, .srcva = srcva, .how = how, .dstva = dstva, .call = true});
}

static int32_t
sys_ipc_call_value(struct Env *self, uint32_t envid, uint32_t value, uint32_t how)
{
	return sys_ipc_call(self, envid, value, UTOP, how, UTOP);
}

static int32_t
sys_env_set_weight(struct Env *self, uint32_t envid, uint32_t weight)
{
	struct Env *e = env_find_ours(self, envid);

	if (!e)
		return -E_BAD_ENV;
	if (weight < 1 || weight > WEIGHT_MAX)
		return -E_INVAL;
	kenv(e)->weight = weight;
	return 0;
}

// Whether the width bytes from port on all belong to the n from `first' on.
static bool
ports_within(uint32_t port, uint32_t width, uint32_t first, uint32_t n)
{
	return port >= first && port - first < n && width <= n - (port - first);
}

// Whether self may move n values of this width between its memory at va, where it needs perm, and the
// port.
static int
ports_check(struct Env *self, uint32_t port, uint32_t width, uint32_t va, uint32_t n, uint32_t perm)
{
	if (!kenv(self)->has_device)
		return -E_NOT_SUPP;
	if ((width != 1 && width != 2 && width != 4) || n > PGSIZE / width)
		return -E_INVAL;
	if (!ports_within(port, width, DEVICE_COMMAND, DEVICE_NCOMMAND) &&
	    !ports_within(port, width, DEVICE_CONTROL, 1))
		return -E_INVAL;
	return user_mem_check(&kenv(self)->space, va, n * width, perm, NULL);
}

static int32_t
sys_ports_read(struct Env *self, uint32_t port, uint32_t width, uint32_t va, uint32_t n)
{
	struct Space *sp = &kenv(self)->space;
	char buf[PORTS_PART];
	int r = ports_check(self, port, width, va, n, PTE_W);

	for (uint32_t part; r == 0 && n > 0; va += part * width, n -= part) {
		part = MIN(n, PORTS_PART / width);
		port_read(port, width, buf, part);
		r = copy_to_user(sp, va, buf, part * width, NULL);
	}
	return r;
}

static int32_t
sys_ports_write(struct Env *self, uint32_t port, uint32_t width, uint32_t va, uint32_t n)
{
	struct Space *sp = &kenv(self)->space;
	char buf[PORTS_PART];
	int r = ports_check(self, port, width, va, n, 0);

	for (uint32_t part; r == 0 && n > 0; va += part * width, n -= part) {
		part = MIN(n, PORTS_PART / width);
		r = copy_from_user(sp, buf, va, part * width, NULL);
		if (r == 0)
			port_write(port, width, buf, part);
	}
	return r;
}

static int32_t
sys_env_give_device(struct Env *self, uint32_t envid)
{
	struct Env *e = env_find_ours(self, envid);

	if (!e)
		return -E_BAD_ENV;
	if (!kenv(self)->has_device)
		return -E_NOT_SUPP;
	kenv(e)->has_device = true;
	return 0;
}

static int32_t
sys_env_set_exception_upcall(struct Env *self, uint32_t envid, uint32_t upcall, uint32_t mask)
{
	struct Env *e = env_find_ours(self, envid);

	if (!e)
		return -E_BAD_ENV;
	if (mask & ~EXCEPTIONS)
		return -E_INVAL;
	env_set_exceptions(e, upcall, mask);
	return 0;
}

static int32_t
sys_clock_ms(struct Env *self)
{
	(void) self;
	return timer_ms();
}

static int32_t
sys_archive_page(struct Env *self, uint32_t n, uint32_t envid, uint32_t va)
{
	struct Env *e = env_find_ours(self, envid);
	struct PageInfo *pp = page_kept(n);

	if (!e)
		return -E_BAD_ENV;
	if (!user_page(va) || !pp)
		return -E_INVAL;
	if (!page_incref(pp))
		return -E_NO_MEM;
	int r = page_insert(&kenv(e)->space, pp, va, PTE_P | PTE_U);
	if (r == 0)
		return 0;
	page_decref(pp);
	return lacking(r);
}

static int32_t
sys_env_set_keeper(struct Env *self, uint32_t envid, uint32_t keeperid)
{
	struct Env *e = env_find_ours(self, envid), *keeper = NULL;

	if (!e || (kenv(e)->keeper && kenv(e)->keeper != self))
		return -E_BAD_ENV;
	if (keeperid != 0) {
		keeper = env_find(self, keeperid);
		if (!keeper || keeper == e || (keeper != self && keeper != kenv(self)->keeper))
			return -E_BAD_ENV;
	}
	env_set_keeper(e, keeper);
	if (!keeper && !kenv(e)->parent && (kenv(e)->hold & HOLD_STOPPED))
		env_destroy(self, e); // nobody could start it any more
	return 0;
}

// Expand a line of syscall.def to a case: the caller, then as many arguments as the line says.
#define ARGS_0 self
#define ARGS_1 ARGS_0, arg[0]
#define ARGS_2 ARGS_1, arg[1]
#define ARGS_3 ARGS_2, arg[2]
#define ARGS_4 ARGS_3, arg[3]
#define ARGS_5 ARGS_4, arg[4]
#define SYSCALL_INLINE SYSCALL

#define SYSCALL(result, name, n, ...)                                                              \
	case SYS_##name:                                                                           \
		return sys_##name(ARGS_##n);

static int32_t
dispatch(struct Env *self, uint32_t number, const uint32_t *arg)
{
	switch (number) {
#include "inc/syscall.def"
	default:
		return -E_INVAL;
	}
}
#undef SYSCALL

#define SYSCALL(result, name, ...) [SYS_##name] = (void (*)(void)) sys_##name,
void (*const syscall_handlers[NSYSCALLS])(void) = {
#include "inc/syscall.def"
};
#undef SYSCALL

#define SYSCALL(result, name, n, ...) [SYS_##name] = n,
static const uint8_t nargs[NSYSCALLS] = {
#include "inc/syscall.def"
};
#undef SYSCALL

static void
finish(struct Trapframe *tf, int32_t r, uint32_t length)
{
	if (r == AGAIN)
		tf->tf_eip -= length;
	else if (r != AS_IT_IS)
		tf->tf_regs.reg_eax = r;
}

void
syscall(struct Env *self)
{
	struct Trapframe *tf = &kenv(self)->frame;
	const struct PushRegs *regs = &tf->tf_regs;
	const uint32_t arg[] = {regs->reg_edx, regs->reg_ecx, regs->reg_ebx, regs->reg_edi,
				regs->reg_esi};

	finish(tf, dispatch(self, regs->reg_eax, arg), SYSCALL_LENGTH);
}

void
syscall_sysenter(struct Env *self)
{
	struct Trapframe *tf = &kenv(self)->frame;
	uint32_t number = tf->tf_regs.reg_eax, arg[5] = {0};
	int n = number < NSYSCALLS ? nargs[number] : 0;

	// The stack may end behind what a call has, or before.
	for (int i = 0; i < n; i++)
		if (copy_from_user(&kenv(self)->space, &arg[i], tf->tf_esp + 4 + 4 * i, 4, NULL) <
		    0)
			arg[i] = 0;
	finish(tf, dispatch(self, number, arg), SYSENTER_LENGTH);
}
