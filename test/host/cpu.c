// The seam on the host: a machine of which the core sees only kern/cpu.h, as strict as a real
// one can be.
//
// - Frames at and above the border have no address; frames that are free may not be touched.
// - A CPU keeps the translations that fake_touch gives it, until it is told to drop them, and
//   when told, it looks at the page tables at once and keeps what it finds.  So an entry that
//   changes after the flush, and a frame that is freed before it, are both seen.
// - Only the CPU that Space.cpu names hears of a flush.

#include "test/host/fake.h"

#include "inc/assert.h"
#include "inc/stdio.h"
#include "inc/string.h"
#include "kern/cpu.h"
#include "kern/env.h"
#include "kern/page.h"
#include "test/host/test.h"

#define MAXPAGES (BORDER + FAKE_MAXHIGH)
#define CONSOLE_SIZE 65536
#define TLB_SIZE 64

pde_t *kern_pgdir;
int fake_cpu;
bool fake_kicked[FAKE_NCPU];
unsigned fake_wakes;
unsigned fake_flushes;
void (*fake_meanwhile)(void);
struct FakePorts fake_ports;
char fake_console[CONSOLE_SIZE];
const char *fake_keys;

static uint8_t *memory;
static struct PageInfo *infos;
static uint32_t *words;
static size_t console_len;
static uint32_t behind_low; // FAKE_NKEPT frames from here on are for fake_keep
static struct {
	struct Space *sp; // NULL: nothing here
	uint32_t va;
	pte_t pte;
} tlb[FAKE_NCPU][TLB_SIZE];
static struct Env *loaded[FAKE_NCPU]; // whose directory each CPU stands on

void
fake_start(uint32_t nlow, uint32_t nhigh)
{
	static pde_t kernel_directory[NPDENTRIES];

	if (!memory) {
		memory = test_reserve((size_t) MAXPAGES * PGSIZE);
		infos = test_reserve(MAXPAGES * sizeof *infos);
		words = test_reserve(MAXPAGES * sizeof *words);
	}
	if (npages) {
		memset(infos, 0, npages * sizeof *infos);
		memset(words, 0, npages * sizeof *words);
	}
	for (uint32_t i = PDX(UTOP); i < NPDENTRIES; i++)
		kernel_directory[i] = i << PDXSHIFT | PTE_W; // not present: there is no such memory
	kernel_directory[PDX(UVPT)] = 0;
	kern_pgdir = kernel_directory;

	memset(memory, GARBAGE, (nlow + FAKE_NKEPT) * PGSIZE);
	memset(memory + (size_t) BORDER * PGSIZE, GARBAGE, nhigh * PGSIZE);
	page_init(infos, words, nhigh ? BORDER + nhigh : nlow + FAKE_NKEPT);
	behind_low = nlow;
	page_add(0, nlow);
	page_add(BORDER, BORDER + nhigh);
	memset(envs, 0, sizeof envs);
	memset(kenvs, 0, sizeof kenvs);
	env_init();

	fake_cpu = 0;
	memset(fake_kicked, 0, sizeof fake_kicked);
	fake_wakes = fake_flushes = 0;
	fake_meanwhile = NULL;
	fake_keys = "";
	memset(&fake_ports, 0, sizeof fake_ports);
	memset(tlb, 0, sizeof tlb);
	memset(loaded, 0, sizeof loaded);
	fake_clear_console();
}

void
fake_keep(void)
{
	page_keep(behind_low, FAKE_NKEPT);
}

// Memory

uint8_t *
fake_frame(uint32_t ppn)
{
	return memory + (size_t) ppn * PGSIZE;
}

static uint8_t *
frame_in_use(uint32_t ppn)
{
	if (ppn == 0 || ppn >= npages)
		panic("frame %x does not exist", ppn);
	if (pages[ppn].pp_ref == 0)
		panic("frame %x is touched while it is free", ppn);
	return fake_frame(ppn);
}

void *
frame_ptr(uint32_t ppn)
{
	if (ppn >= BORDER)
		panic("frame %x has no address", ppn);
	return frame_in_use(ppn);
}

uint32_t
frame_of(const void *ptr)
{
	size_t off = (const uint8_t *) ptr - memory;

	if (off % PGSIZE != 0 || off / PGSIZE >= BORDER)
		panic("%p is not the address of a frame", ptr);
	return off / PGSIZE;
}

void
frame_zero(uint32_t ppn)
{
	memset(frame_in_use(ppn), 0, PGSIZE);
}

void
frame_copy(uint32_t dst_ppn, uint32_t src_ppn)
{
	if (dst_ppn == src_ppn)
		panic("frame %x is copied to itself", dst_ppn);
	memcpy(frame_in_use(dst_ppn), frame_in_use(src_ppn), PGSIZE);
}

// The test's idea of what others do meanwhile.
static void
meanwhile(void)
{
	void (*f)(void) = fake_meanwhile;

	fake_meanwhile = NULL;
	if (f)
		f();
}

void
frame_zero_unlocked(uint32_t ppn)
{
	frame_zero(ppn);
	meanwhile();
	frame_in_use(ppn);
}

void
frame_copy_unlocked(uint32_t dst_ppn, uint32_t src_ppn)
{
	frame_copy(dst_ppn, src_ppn);
	meanwhile();
	frame_in_use(dst_ppn);
	frame_in_use(src_ppn);
}

void
frame_read(uint32_t ppn, uint32_t off, void *dst, size_t n)
{
	if (off > PGSIZE || n > PGSIZE - off)
		panic("read past the end of a frame");
	memcpy(dst, frame_in_use(ppn) + off, n);
}

void
frame_write(uint32_t ppn, uint32_t off, const void *src, size_t n)
{
	if (off > PGSIZE || n > PGSIZE - off)
		panic("write past the end of a frame");
	memcpy(frame_in_use(ppn) + off, src, n);
}

// Translations

pte_t
fake_walk(const struct Space *sp, uint32_t va)
{
	pde_t pde = sp->pgdir ? sp->pgdir[PDX(va)] : 0;

	if (!(pde & PTE_P))
		return 0;
	return ((const pte_t *) fake_frame(PTE_ADDR(pde) >> PGSHIFT))[PTX(va)];
}

// The entry for va, whose table is there.
static pte_t *
entry_of(const struct Space *sp, uint32_t va)
{
	return (pte_t *) fake_frame(PTE_ADDR(sp->pgdir[PDX(va)]) >> PGSHIFT) + PTX(va);
}

// The CPU takes an entry into its TLB: as a real one, not without PTE_A.
static pte_t
use_entry(const struct Space *sp, uint32_t va)
{
	pte_t pte = fake_walk(sp, va);

	if (pte & PTE_P)
		*entry_of(sp, va) |= PTE_A;
	return pte;
}

// The translation of va, which e's CPU has or makes.
static pte_t *
translation(struct Env *e, uint32_t va)
{
	struct Space *sp = &kenv(e)->space;
	int free = -1;

	CHECK(sp->cpu != NOCPU);
	CHECK(PGOFF(va) == 0);
	CHECK(fake_walk(sp, va) & PTE_P);
	for (int i = 0; i < TLB_SIZE; i++) {
		if (tlb[sp->cpu][i].sp == sp && tlb[sp->cpu][i].va == va)
			return &tlb[sp->cpu][i].pte;
		if (!tlb[sp->cpu][i].sp)
			free = i;
	}
	CHECK(free >= 0);
	tlb[sp->cpu][free].sp = sp;
	tlb[sp->cpu][free].va = va;
	tlb[sp->cpu][free].pte = use_entry(sp, va);
	return &tlb[sp->cpu][free].pte;
}

void
fake_touch(struct Env *e, uint32_t va)
{
	translation(e, va);
}

void
fake_write(struct Env *e, uint32_t va)
{
	pte_t *pte = translation(e, va);

	CHECK(*pte & PTE_W);
	if (!(*pte & PTE_D))
		*entry_of(&kenv(e)->space, va) |= PTE_D;
	*pte |= PTE_D;
}

void
tlb_invalidate(int cpu, uint32_t va, uint32_t n)
{
	fake_flushes++;
	if (PGOFF(va) != 0 || n == 0 || n > UTOP / PGSIZE)
		panic("flush of %u pages at %x", n, va);
	if (cpu < 0 || cpu >= FAKE_NCPU)
		panic("flush on CPU %d, which does not exist", cpu);
	for (int i = 0; i < TLB_SIZE; i++) {
		struct Space *sp = tlb[cpu][i].sp;
		if (!sp || tlb[cpu][i].va - va >= n * PGSIZE)
			continue;
		if (pages[PTE_ADDR(tlb[cpu][i].pte) >> PGSHIFT].pp_ref == 0)
			panic("the frame at %x was freed while a CPU could reach it",
			      tlb[cpu][i].va);
		tlb[cpu][i].pte = use_entry(sp, tlb[cpu][i].va);
		if (!(tlb[cpu][i].pte & PTE_P))
			tlb[cpu][i].sp = NULL;
	}
}

void
tlb_invalidate_page(int cpu, uint32_t va)
{
	tlb_invalidate(cpu, va, 1);
}

static void
drop(int cpu, const struct Space *sp)
{
	for (int i = 0; i < TLB_SIZE; i++)
		if (tlb[cpu][i].sp == sp)
			tlb[cpu][i].sp = NULL;
}

void
cpu_forget(struct Env *e)
{
	if (kenv(e)->space.cpu != NOCPU || !kenv(e)->space.pgdir)
		panic("cpu_forget of an env that runs, or has lost its memory already");
	drop(fake_cpu, &kenv(e)->space);
	if (loaded[fake_cpu] == e)
		loaded[fake_cpu] = NULL;
}

void
fake_switch(int cpu, struct Env *e)
{
	if (loaded[cpu] && !kenv(loaded[cpu])->space.pgdir)
		panic("CPU %d stands on a directory that is free", cpu);
	loaded[cpu] = e;
	for (int i = 0; i < TLB_SIZE; i++)
		if (!e || tlb[cpu][i].sp != &kenv(e)->space)
			tlb[cpu][i].sp = NULL;
}

void
fake_check(void)
{
	const pte_t ignore = PTE_A | PTE_D;

	for (int cpu = 0; cpu < FAKE_NCPU; cpu++) {
		if (loaded[cpu] && !kenv(loaded[cpu])->space.pgdir)
			panic("CPU %d stands on a directory that is free", cpu);
		for (int i = 0; i < TLB_SIZE; i++) {
			struct Space *sp = tlb[cpu][i].sp;
			if (!sp)
				continue;
			if (!sp->pgdir)
				panic("CPU %d has translations of a space that is free", cpu);
			pte_t pte = fake_walk(sp, tlb[cpu][i].va);
			if ((pte ^ tlb[cpu][i].pte) & ~ignore)
				panic("CPU %d has a stale translation of %x", cpu, tlb[cpu][i].va);
			if (tlb[cpu][i].pte & ~pte & PTE_D)
				panic("CPU %d would not note a write to %x", cpu, tlb[cpu][i].va);
		}
	}
	struct Env *on[FAKE_NCPU] = {NULL};
	for (struct Env *e = envs; e < envs + NENV; e++) {
		struct Kenv *k = kenv(e);
		if (e->env_status == ENV_FREE || k->space.cpu == NOCPU)
			continue;
		if (on[k->space.cpu])
			panic("CPU %d has %x and %x", k->space.cpu, on[k->space.cpu]->env_id,
			      e->env_id);
		on[k->space.cpu] = e;
		if (k->space.cpu == fake_cpu)
			continue;
		if ((e->env_status != ENV_RUNNING || k->has_next_frame) &&
		    !fake_kicked[k->space.cpu])
			panic("CPU %d was not told of %x", k->space.cpu, e->env_id);
	}
}

// The rest

void
cpu_inherit(struct Env *self, struct Env *child)
{
	memset(&kenv(child)->fpu, (int) (self - envs) + 1, sizeof kenv(child)->fpu);
	kenv(child)->fs = kenv(child)->gs = self - envs + 1;
}

void
fpu_reset(struct Fpu *fpu)
{
	memset(fpu, 0xee, sizeof *fpu);
}

void
cpu_kick(int cpu)
{
	if (cpu < 0 || cpu >= FAKE_NCPU)
		panic("there is no CPU %d", cpu);
	if (cpu != fake_cpu)
		fake_kicked[cpu] = true;
}

void
cpu_wake_idle(void)
{
	fake_wakes++;
}

void
cpu_dead(bool any)
{
	if (any != env_any_dead())
		panic("the CPU is told wrong of the dead");
}

// Where the n * width bytes of a call that asks for these go, behind those before it for the same port
// up to a page of them.
static uint8_t *
use_port(uint32_t port, uint32_t width, size_t n, bool written)
{
	struct FakePorts *p = &fake_ports;
	bool known = port == 0x376 ? width == 1 : port >= 0x170 && port + width <= 0x178;

	if (!known || (width != 1 && width != 2 && width != 4))
		panic("%u bytes at port %x", width, port);
	if (p->port != port || p->width != width || p->written != written ||
	    p->n + n * width > sizeof p->bytes)
		p->n = 0;
	p->port = port;
	p->width = width;
	p->written = written;
	p->n += n * width;
	if (p->n > sizeof p->bytes)
		panic("%zu bytes through port %x at once", n * width, port);
	return &p->bytes[p->n - n * width];
}

void
port_read(uint32_t port, uint32_t width, void *to, size_t n)
{
	uint8_t *bytes = use_port(port, width, n, false);

	for (size_t i = 0; i < n * width; i++)
		bytes[i] = ++fake_ports.total;
	memcpy(to, bytes, n * width);
}

void
port_write(uint32_t port, uint32_t width, const void *from, size_t n)
{
	memcpy(use_port(port, width, n, true), from, n * width);
	fake_ports.total += n * width;
}

int
cons_getc(void)
{
	return *fake_keys ? *fake_keys++ : 0;
}

void
fake_clear_console(void)
{
	console_len = 0;
	fake_console[0] = '\0';
}

// Once the record is full, it starts anew.
int
vcprintf(const char *fmt, va_list ap)
{
	va_list again;

	va_copy(again, ap);
	int n = vsnprintf(fake_console + console_len, CONSOLE_SIZE - console_len, fmt, ap);
	if (n >= (int) (CONSOLE_SIZE - console_len)) {
		console_len = 0;
		n = vsnprintf(fake_console, CONSOLE_SIZE, fmt, again);
	}
	console_len += n;
	va_end(again);
	return n;
}

void
cons_write(const char *s, size_t n)
{
	if (n >= CONSOLE_SIZE - console_len)
		console_len = 0;
	memcpy(fake_console + console_len, s, n);
	console_len += n;
	fake_console[console_len] = '\0';
}

int
cprintf(const char *fmt, ...)
{
	va_list ap;

	va_start(ap, fmt);
	int n = vcprintf(fmt, ap);
	va_end(ap);
	return n;
}

void
cputchar(int c)
{
	cprintf("%c", c);
}

void
_panic(const char *file, int line, const char *fmt, ...)
{
	char what[256];
	va_list ap;

	va_start(ap, fmt);
	vsnprintf(what, sizeof what, fmt, ap);
	va_end(ap);
	test_panicked(file, line, what);
}

void
_warn(const char *file, int line, const char *fmt, ...)
{
	va_list ap;

	(void) file, (void) line;
	va_start(ap, fmt);
	vcprintf(fmt, ap);
	va_end(ap);
}
