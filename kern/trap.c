// Traps.  A trap from a program takes the kernel lock, does what it is there for, and leaves
// through leave(), for this env or another one.  A trap from the kernel itself is an interrupt that
// ends the halt of an idle CPU, or a fault that has a way round it (fix_up); anything else is a
// defect.

#include "kern/trap.h"

#include "inc/assert.h"
#include "inc/ipc.h"
#include "inc/string.h"
#include "inc/syscall.h"
#include "inc/x86.h"
#include "kern/check.h"
#include "kern/env.h"
#include "kern/ipc.h"
#include "kern/kdebug.h"
#include "kern/lapic.h"
#include "kern/mem.h"
#include "kern/monitor.h"
#include "kern/percpu.h"
#include "kern/programs.h"
#include "kern/sched.h"
#include "kern/spinlock.h"
#include "kern/syscall.h"
#include "kern/trapframe.h"
#include "kern/upcall.h"

#define PROVE(type, member, offset)                                                                \
	static_assert(offsetof(type, member) == (offset), "kern/trapframe.h")
PROVE(struct Trapframe, tf_es, TF_REGS_SIZE);
PROVE(struct Trapframe, tf_es, TF_ES);
PROVE(struct Trapframe, tf_ds, TF_DS);
PROVE(struct Trapframe, tf_trapno, TF_TRAPNO);
PROVE(struct Trapframe, tf_err, TF_ERR);
PROVE(struct Trapframe, tf_eip, TF_EIP);
PROVE(struct Trapframe, tf_cs, TF_CS);
PROVE(struct Trapframe, tf_eflags, TF_EFLAGS);
PROVE(struct Trapframe, tf_esp, TF_ESP);
static_assert(sizeof(struct Trapframe) == TF_SIZE, "kern/trapframe.h");

PROVE(struct UTrapframe, utf_fault_va, UTF_FAULT_VA);
PROVE(struct UTrapframe, utf_err, UTF_ERR);
PROVE(struct UTrapframe, utf_regs, UTF_REGS);
PROVE(struct UTrapframe, utf_eip, UTF_EIP);
PROVE(struct UTrapframe, utf_eflags, UTF_EFLAGS);
PROVE(struct UTrapframe, utf_esp, UTF_ESP);
static_assert(sizeof(struct UTrapframe) == UTF_SIZE, "kern/trapframe.h");

PROVE(struct Kenv, frame, KENV_FRAME);
PROVE(struct Kenv, kstack, KENV_FRAME + FRAME_KSTACK);
PROVE(struct Kenv, upcall, KENV_FRAME + FRAME_UPCALL);
PROVE(struct Kenv, link, KENV_LINK);
static_assert(sizeof(struct Kenv) == 1 << KENV_SHIFT, "kern/trapframe.h");
#define PROVE_LINK(member, offset) PROVE(struct Kenv, member, KENV_LINK + (offset))
PROVE_LINK(fpu, LINK_FPU);
PROVE_LINK(frame.tf_regs.reg_edi, LINK_EDI);
PROVE_LINK(frame.tf_regs.reg_esi, LINK_ESI);
PROVE_LINK(frame.tf_regs.reg_ebp, LINK_EBP);
PROVE_LINK(frame.tf_regs.reg_ebx, LINK_EBX);
PROVE_LINK(frame.tf_regs.reg_edx, LINK_EDX);
PROVE_LINK(frame.tf_regs.reg_ecx, LINK_ECX);
PROVE_LINK(frame.tf_regs.reg_eax, LINK_EAX);
PROVE_LINK(frame.tf_eip, LINK_EIP);
PROVE_LINK(frame.tf_esp, LINK_ESP);
PROVE_LINK(kstack, LINK_FRAME_END);
PROVE_LINK(env, LINK_ENV);
PROVE_LINK(id, LINK_ID);
PROVE_LINK(cr3, LINK_CR3);
PROVE_LINK(sysexit, LINK_SYSEXIT);
PROVE_LINK(hold, LINK_HOLD);
PROVE_LINK(link.next, LINK_NEXT);
PROVE_LINK(link.prev, LINK_PREV);
PROVE_LINK(timer.link.next, LINK_TIMER);
PROVE_LINK(out.to, LINK_OUT_TO);
PROVE_LINK(out.value, LINK_OUT_VALUE);
PROVE_LINK(out.srcva, LINK_OUT_SRCVA);
PROVE_LINK(out.how, LINK_OUT_HOW);
PROVE_LINK(out.call, LINK_OUT_CALL);
static_assert(HOLDS_SEND == HOLD_SEND, "kern/trapframe.h");
PROVE_LINK(space.cpu, LINK_CPU);
PROVE_LINK(only, LINK_ONLY);
PROVE_LINK(senders, LINK_SENDERS);
PROVE_LINK(awaited, LINK_AWAITED);
PROVE_LINK(has_next_frame, LINK_HAS_NEXT_FRAME);
PROVE(struct Kenv, fs, FRAME_END + 24);
PROVE(struct Runq, waiting, RUNQ_WAITING);
PROVE(struct Cpu, ts.ts_esp0, CPU_ESP0);
PROVE(struct Current, cpu, CURRENT_CPU);
static_assert(NO_CPU == NOCPU, "kern/trapframe.h");

PROVE(struct Env, env_status, ENV_STATUS);
PROVE(struct Env, env_runs, ENV_RUNS);
PROVE(struct Env, env_ipc_recving, ENV_RECVING);
PROVE(struct Env, env_ipc_dstva, ENV_DSTVA);
PROVE(struct Env, env_ipc_value, ENV_VALUE);
PROVE(struct Env, env_ipc_from, ENV_FROM);
PROVE(struct Env, env_ipc_perm, ENV_PERM);
static_assert(RUNNABLE == ENV_RUNNABLE && RUNNING == ENV_RUNNING, "kern/trapframe.h");
static_assert(NOT_RUNNABLE == ENV_NOT_RUNNABLE && HOLDS_RECV == HOLD_RECV, "kern/trapframe.h");
static_assert(GIVENW == PTE_GIVENW && GROUP == 1 << 5, "kern/syspage.S");
static_assert((uint32_t) SYSCALL_SPECIAL == SPECIAL, "kern/trapframe.h");

#define GATE_INTERRUPT 0x8e00u // present, 32 bits, interrupts off; Intel SDM 3A, 6.11
#define GATE_TASK 0x8500u
#define GATE_DPL(dpl) ((uint32_t) (dpl) << 13)

static uint64_t idt[256]; // [I]

static uint64_t
gate(uint32_t flags, uint32_t sel, uint32_t entry)
{
	return (uint64_t) ((entry & 0xffff0000) | flags) << 32 | sel << 16 | (entry & 0xffff);
}

// Where sysenter goes for each call when the short ways are open: with one CPU, and with more.
void (*sysenter_entries[NSYSCALLS])(void);     // [K]
void (*sysenter_smp_entries[NSYSCALLS])(void); // [I]
bool sysenter_dead;                            // [K] env_any_dead()

static void
sysenter_init(void)
{
	extern void enter_0(void), enter_1(void), enter_2(void), enter_3(void), enter_4(void),
		enter_5(void), sysenter_whole(void);
	static void (*const entries[NSYSCALLS])(void) = {
#define SYSCALL(result, name, n, ...) [SYS_##name] = enter_##n,
#define SYSCALL_INLINE SYSCALL
#include "inc/syscall.def"
#undef SYSCALL
#undef SYSCALL_INLINE
	};

	extern void smp_0(void), smp_1(void), smp_2(void), smp_3(void), smp_4(void), smp_5(void),
		smp_getenvid(void), smp_page_protect(void);
	static void (*const smp_entries[NSYSCALLS])(void) = {
#define SYSCALL(result, name, n, ...) [SYS_##name] = smp_##n,
#define SYSCALL_INLINE SYSCALL
#include "inc/syscall.def"
#undef SYSCALL
#undef SYSCALL_INLINE
	};

	memcpy(sysenter_entries, entries, sizeof entries);
	memcpy(sysenter_smp_entries, smp_entries, sizeof smp_entries);
	sysenter_smp_entries[SYS_getenvid] = smp_getenvid;
	sysenter_smp_entries[SYS_page_protect] = smp_page_protect;
	sysenter_smp_entries[SYS_exofork] = sysenter_whole;
	sysenter_smp_entries[SYS_env_set_trapframe] = sysenter_whole;
#define ENTRY(name)                                                                                \
	extern void enter_##name(void);                                                            \
	sysenter_entries[SYS_##name] = enter_##name;
	ENTRY(getenvid)
	ENTRY(page_protect)
	ENTRY(page_map)
	ENTRY(page_unmap)
	ENTRY(ipc_recv)
	ENTRY(ipc_send)
#undef ENTRY
	// These look at the caller's whole frame.
	sysenter_entries[SYS_exofork] = sysenter_entries[SYS_env_set_trapframe] = sysenter_whole;
	cpu_dead(false);
}

void *
sysenter_entry(void)
{
	extern char sysenter_fast[], sysenter_smp[], sysenter_slow[];

	if (!SHORT_WAYS)
		return sysenter_slow;
	return ncpu == 1 ? sysenter_fast : sysenter_smp;
}

void
cpu_dead(bool any)
{
	extern void enter_0(void), enter_3(void), enter_5(void), enter_yield(void),
		enter_ipc_call(void), enter_ipc_call_value(void);

	sysenter_dead = any;
	sysenter_entries[SYS_yield] = any ? enter_0 : enter_yield;
	sysenter_entries[SYS_ipc_call] = any ? enter_5 : enter_ipc_call;
	sysenter_entries[SYS_ipc_call_value] = any ? enter_3 : enter_ipc_call_value;
}

void
trap_init(void)
{
	extern void trap_pgflt_fast(void);

#define TRAP(num, name, err, dpl, text)                                                            \
	extern void trap_##name(void);                                                             \
	idt[num] = gate(GATE_INTERRUPT | GATE_DPL(dpl), GD_KT, (uintptr_t) trap_##name);
#include "kern/trap.def"
#undef TRAP
	sysenter_init();
	if (SHORT_WAYS)
		idt[T_PGFLT] = gate(GATE_INTERRUPT, GD_KT, (uintptr_t) trap_pgflt_fast);
	idt[T_NMI] = idt[T_DBLFLT] = idt[T_MCHK] = gate(GATE_TASK, GD_FATAL, 0);
}

void
trap_init_cpu(void)
{
	struct Pseudodesc pd = {sizeof idt - 1, (uintptr_t) idt};

	lidt(&pd);
}

static const char *
trap_name(uint32_t trapno)
{
	static const char *const names[] = {
#define TRAP(num, name, err, dpl, text) [num] = text,
#include "kern/trap.def"
#undef TRAP
	};

	return trapno < ARRAY_SIZE(names) && names[trapno] ? names[trapno] : "(unknown trap)";
}

static bool
from_user(const struct Trapframe *tf)
{
	return (tf->tf_cs & 3) == 3;
}

// Whose trap this is.
static struct Env *
current(void)
{
	struct Kenv *k = cpu_kenv(thiscpu);

	assert(k);
	return k->env;
}

uint32_t
trap_at(const struct Trapframe *tf)
{
	return tf->tf_trapno == T_BRKPT || tf->tf_trapno == T_OFLOW ? tf->tf_eip - 1 : tf->tf_eip;
}

// Where in its source the current env has trapped, if it executes a program of the image.
static void
print_place(const struct Trapframe *tf)
{
	const struct Program *p = program_at(current(), trap_at(tf));
	struct Place place;

	if (p && kdebug_find(p->lines, trap_at(tf), &place))
		cprintf("  at   %s+0x%02x %s:%u\n", place.function, place.offset, place.file,
			place.line);
}

void
print_trapframe(const struct Trapframe *tf, const uint32_t *cr2)
{
	const struct PushRegs *r = &tf->tf_regs;

	cprintf("TRAP frame at 0x%08x from CPU %d\n", (unsigned) (uintptr_t) tf, cpunum());
	cprintf("  edi  0x%08x\n  esi  0x%08x\n", r->reg_edi, r->reg_esi);
	cprintf("  ebp  0x%08x\n  oesp 0x%08x\n", r->reg_ebp, r->reg_oesp);
	cprintf("  ebx  0x%08x\n  edx  0x%08x\n", r->reg_ebx, r->reg_edx);
	cprintf("  ecx  0x%08x\n  eax  0x%08x\n", r->reg_ecx, r->reg_eax);
	cprintf("  es   0x----%04x\n  ds   0x----%04x\n", tf->tf_es, tf->tf_ds);
	cprintf("  trap 0x%08x %s\n", tf->tf_trapno, trap_name(tf->tf_trapno));
	if (cr2)
		cprintf("  cr2  0x%08x\n", *cr2);
	cprintf("  err  0x%08x", tf->tf_err);
	if (tf->tf_trapno == T_PGFLT)
		cprintf(" [%s, %s, %s]", tf->tf_err & FEC_U ? "user" : "kernel",
			tf->tf_err & FEC_WR ? "write" : "read",
			tf->tf_err & FEC_PR ? "protection" : "not-present");
	cprintf("\n  eip  0x%08x\n", tf->tf_eip);
	cprintf("  cs   0x----%04x\n  flag 0x%08x\n", tf->tf_cs, tf->tf_eflags);
	if (from_user(tf)) {
		cprintf("  esp  0x%08x\n  ss   0x----%04x\n", tf->tf_esp, tf->tf_ss);
		print_place(tf);
	}
}

static void
page_fault(struct Env *self, struct Trapframe *tf)
{
	uint32_t va = rcr2(), bad;

	if (!kenv(self)->upcall) {
		cprintf("[%08x] user fault va %08x ip %08x\n", self->env_id, va, tf->tf_eip);
		print_trapframe(tf, &va);
		env_kill(self, IPC_ENDED_BY_TRAP(T_PGFLT));
	} else if (upcall_page_fault(self, va, tf->tf_err, &bad) < 0) {
		user_mem_fail(self, bad);
	}
}

// Whether self is told of this exception, which is not a page fault.  What the monitor has asked for
// stays the monitor's.
static bool
handles(struct Env *self, uint32_t trapno)
{
	return upcall_wanted(self, trapno) && !(trapno == T_DEBUG && monitor_steps(self));
}

// An exception that is not a page fault.
static void
exception(struct Env *self, struct Trapframe *tf)
{
	uint32_t bad;

	if (handles(self, tf->tf_trapno)) {
		if (upcall_exception(self, &bad) < 0)
			user_mem_fail(self, bad);
		return;
	}
	if (tf->tf_trapno == T_BRKPT || tf->tf_trapno == T_DEBUG) {
		if (monitor_trap(self, tf))
			return;
	} else {
		print_trapframe(tf, NULL);
	}
	env_kill(self, IPC_ENDED_BY_TRAP(tf->tf_trapno));
}

// The clock has ticked.  That of CPU 0 is the one for all.
static void
tick(struct Env *self)
{
	if (cpunum() == 0)
		ipc_tick();
	sched_tick(self, cpunum());
}

// A trap from a running program.
static void
dispatch(struct Env *self, struct Trapframe *tf)
{
	switch (tf->tf_trapno) {
	case T_SYSCALL:
		syscall(self);
		return;
	case T_PGFLT:
		page_fault(self, tf);
		return;
	}
	if (lapic_interrupt(tf->tf_trapno)) {
		if (tf->tf_trapno == IRQ_OFFSET + IRQ_TIMER)
			tick(self);
		return;
	}
	exception(self, tf);
}

#if CHECK
// A check costs as much as there is to look at, in entries and frames.  It is paid for out of a
// store to which each trap adds: small programs are checked after every trap, and those that use
// much and trap often, once the store is used up, as often as they pay for it.
#define CHECK_FIRST (512 * 1024 * 1024)
#define CHECK_EACH_TIME 2048
static void
check_now_and_then(void)
{
	static unsigned work, credit = CHECK_FIRST; // [K]

	credit = MIN(credit + CHECK_EACH_TIME, CHECK_FIRST);
	if (credit < work)
		return;
	work = check_all(check_words);
	credit -= MIN(credit, work);
}
#endif

// Whether the instruction that trapped runs again when its program goes on at tf, or can be made
// to: then the trap may be forgotten, and will come again.
static bool
forget(struct Trapframe *tf)
{
	switch (tf->tf_trapno) {
	case T_SYSCALL:
		tf->tf_eip -= SYSCALL_LENGTH;
		return true;
	case T_DEBUG:
	case T_BRKPT:
	case T_OFLOW:
		return false;
	default:
		lapic_interrupt(tf->tf_trapno);
		return true;
	}
}

static void __attribute__((noreturn)) leave(struct Env *self)
{
	env_take_frame(self);
#if CHECK
	check_now_and_then();
#endif
	env_run(sched_pick(self, cpunum()));
}

// Called by trapentry.S on this CPU's kernel stack; tf is the current env's Kenv.frame.
void __attribute__((noreturn)) trap(struct Trapframe *tf);

void
trap(struct Trapframe *tf)
{
	lock_kernel();
	struct Env *self = current();

	assert(tf == &kenv(self)->frame);
	kenv(self)->sysexit = 0;
	// An env that is stopped or dying, or is to go on elsewhere, has nothing to say any more; but
	// what cannot be repeated is not lost when it is merely stopped.
	bool running = self->env_status == ENV_RUNNING && !kenv(self)->has_next_frame;
	if (running || (!forget(tf) && self->env_status == ENV_NOT_RUNNABLE))
		dispatch(self, tf);
	leave(self);
}

// What an env that comes by sysenter goes on with, beside what sysenter.S saves.
static void
flat_frame(struct Trapframe *tf)
{
	tf->tf_trapno = T_SYSCALL;
	tf->tf_eflags = FL_IF | 2;
	tf->tf_ds = tf->tf_es = GD_UD | 3;
}

// Called by sysenter.S, like trap() by trapentry.S.
void __attribute__((noreturn)) sysenter_trap(void);

void
sysenter_trap(void)
{
	lock_kernel();
	struct Env *self = current();
	struct Trapframe *tf = &kenv(self)->frame;

	flat_frame(tf);
	if (self->env_status == ENV_RUNNING && !kenv(self)->has_next_frame)
		syscall_sysenter(self);
	else
		tf->tf_eip -= SYSENTER_LENGTH;
	leave(self);
}

// The same for a program that is single-stepped.  One that does so itself meets no debug exception
// here, but with the instruction after this one, as behind int $0x30: what the call does to its
// registers, perhaps much later, is done to them and not to those of the handler.
void __attribute__((noreturn)) sysenter_trap_stepped(void);

void
sysenter_trap_stepped(void)
{
	lock_kernel();
	struct Env *self = current();
	struct Trapframe *tf = &kenv(self)->frame;

	flat_frame(tf);
	if (self->env_status == ENV_RUNNING && !kenv(self)->has_next_frame) {
		bool steps_itself = handles(self, T_DEBUG);

		if (steps_itself)
			tf->tf_eflags |= FL_TF;
		syscall_sysenter(self);
		tf->tf_trapno = T_DEBUG;
		if (!steps_itself && self->env_status != ENV_DYING)
			dispatch(self, tf);
	} else {
		tf->tf_eip -= SYSENTER_LENGTH;
		tf->tf_eflags |= FL_TF;
	}
	leave(self);
}

// Called by sysenter.S after a call whose caller does not go on at once.
void __attribute__((noreturn)) sysenter_leave(void);

void
sysenter_leave(void)
{
	struct Env *self = current();

	flat_frame(&kenv(self)->frame);
	if (kenv(self)->timer.link.next)
		kenv(self)->sysexit = 0; // for the short ways, who do not know of time limits
	leave(self);
}

// Called by trapentry.S for a trap out of virtual-8086 mode, with the frame where the CPU put it:
// make it look like the general protection fault that the way into that mode should have been.
void __attribute__((noreturn)) trap_from_vm86(const struct Trapframe *low);

void
trap_from_vm86(const struct Trapframe *low)
{
	struct Trapframe *tf = (struct Trapframe *) ((uintptr_t) low + VM86_EXTRA);

	lapic_interrupt(low->tf_trapno);
	memmove(tf, low, sizeof *tf);
	env_sanitize(tf);
	tf->tf_trapno = T_GPFLT;
	trap(tf);
}

// Whether the kernel knew that this could happen: an access to a program's memory or a load of
// its segments that has a way round it, or the first instruction behind the sysenter of a program
// that is single-stepped.
static bool
fix_up(struct Trapframe *tf)
{
	extern const struct {
		uint32_t at, go_on;
	} fixups[]; // until at is 0
	extern char sysenter_stepped[];

	if (tf->tf_trapno == T_PGFLT || tf->tf_trapno == T_GPFLT || tf->tf_trapno == T_SEGNP) {
		for (size_t i = 0; fixups[i].at; i++) {
			if (fixups[i].at == tf->tf_eip) {
				tf->tf_eip = fixups[i].go_on;
				return true;
			}
		}
	}
	if (tf->tf_trapno == T_DEBUG && tf->tf_eip == (uint32_t) sysenter_entry()) {
		tf->tf_eip = (uint32_t) sysenter_stepped;
		tf->tf_eflags &= ~(uint32_t) FL_TF;
		return true;
	}
	return false;
}

// Called by trapentry.S for a trap out of the kernel; returns there.
void trap_in_kernel(struct Trapframe *tf);

void
trap_in_kernel(struct Trapframe *tf)
{
	uint32_t va = rcr2();

	if (lapic_interrupt(tf->tf_trapno)) {
		thiscpu->ticked |= tf->tf_trapno == IRQ_OFFSET + IRQ_TIMER;
		return;
	}
	if (fix_up(tf))
		return;
	print_trapframe(tf, tf->tf_trapno == T_PGFLT ? &va : NULL);
	panic("trap in the kernel");
}
