// The loader in a library: images of every kind are looked at, good ones run as they should, at once and on
// demand, and what fails leaves nothing behind.

#include "inc/elf.h"
#include "inc/image.h"
#include "inc/region.h"
#include "user/attack.h"

#define SELF "loader"
#define HERE ((void *) 0x50000000)

static const char *const ways[] = {"at once", "lazily"};

// Until the memory of all that have ended has been given back.
static void
wait_dead(void)
{
	for (int i = 0; i < NENV; i++)
		while (envs[i].env_status == ENV_DYING)
			sys_yield();
}

static envid_t
load(const char *name, char *const argv[], int lazy)
{
	envid_t id = _image_load(name, argv, lazy);

	if (id < 0)
		panic("%s, %s: %e", name, ways[lazy], id);
	return id;
}

// Let a child run to its end.  Returns what it has sent before.
static uint32_t
run(envid_t id)
{
	envid_t from;
	int r = sys_env_set_status(id, ENV_RUNNABLE);

	if (r < 0)
		panic("start: %e", r);
	uint32_t value = ipc_recv(&from, NULL, NULL);
	assert(from == id);
	wait_end(id);
	return value;
}

// The other side: what a child does, by its first argument.

#define NBIG 40000
#define WORD(i) ((uint32_t) (i) *2654435761u)
#define WORDS_4(i) WORD(i), WORD((i) + 1), WORD((i) + 2), WORD((i) + 3)
#define WORDS_16(i) WORDS_4(i), WORDS_4((i) + 4), WORDS_4((i) + 8), WORDS_4((i) + 12)
#define WORDS_64(i) WORDS_16(i), WORDS_16((i) + 16), WORDS_16((i) + 32), WORDS_16((i) + 48)
#define WORDS_256(i) WORDS_64(i), WORDS_64((i) + 64), WORDS_64((i) + 128), WORDS_64((i) + 192)
#define WORDS_1024(i) WORDS_256(i), WORDS_256((i) + 256), WORDS_256((i) + 512), WORDS_256((i) + 768)
#define NDATA 3072

static const volatile uint32_t constants[] = {WORDS_1024(0), WORDS_1024(1024), WORDS_1024(2048)};
static volatile uint32_t data[] = {WORDS_1024(0), WORDS_1024(1024), WORDS_1024(2048)};
static volatile uint32_t zeros[NBIG];
extern volatile char __bss_start[]; // the linker's
static char window[4 * PGSIZE] __attribute__((aligned(PGSIZE)));

static void
reply(uint32_t value)
{
	ipc_send(thisenv->env_parent_id, value, NULL, 0);
}

static void
check_memory(void)
{
	for (uint32_t i = 0; i < NDATA; i += 7)
		assert(constants[i] == WORD(i) && data[i] == WORD(i));
	for (uint32_t i = 0; i < NBIG; i++)
		assert(zeros[i] == 0);
	for (uint32_t i = 0; i < NDATA; i += 512)
		data[i]++;
	for (uint32_t i = 0; i < NBIG; i += 512)
		zeros[i]++;
	assert(data[512] == WORD(512) + 1 && data[513] == WORD(513) && zeros[512] == 1);
}

static uint32_t
sum_of(int argc, char **argv)
{
	uint32_t sum = argc;

	assert(argv[argc] == NULL);
	for (int i = 0; i < argc; i++)
		for (const char *s = argv[i]; *s; s++)
			sum = sum * 31 + (uint8_t) *s;
	return sum;
}

static void
handler(struct UTrapframe *utf)
{
	int r = sys_page_alloc(0, (void *) ROUNDDOWN(utf->utf_fault_va, PGSIZE), RW);

	assert(r == 0);
}

static int
fill_sevens(struct Region *r, uint32_t offset, void *page)
{
	memset(page, 7, PGSIZE);
	return 0;
}
static const struct Pager sevens = {.name = "sevens", .fill = fill_sevens};

// Faults of all kinds, in a program some of whose pages are still to come.
static void
check_faults(void)
{
	const struct Region like = {.name = "window",
				    .start = (uint32_t) window,
				    .size = sizeof window,
				    .prot = REGION_RW,
				    .max = REGION_RW,
				    .pager = &sevens};
	struct Region *made;
	envid_t id;

	set_pgfault_handler(handler);
	*(volatile int *) HERE = 1;
	assert(region_add(&made, &like) == 0);
	assert(window[PGSIZE] == 0); // it was memory before
	assert(region_evict(made, 0, sizeof window) == 0);
	assert(window[PGSIZE] == 7 && window[2 * PGSIZE] == 7);
	assert(region_dirty(made, 0, sizeof window, NULL) == 0);
	zeros[10 * 1024] = 5;
	if ((id = fork()) == 0) {
		assert(zeros[10 * 1024] == 5 && zeros[20 * 1024] == 0 && data[1100] == WORD(1100));
		zeros[10 * 1024] = data[2100] = 6;
		exit();
	}
	wait_end(id);
	assert(zeros[10 * 1024] == 5 && data[2100] == WORD(2100));
	if ((id = sfork()) == 0) {
		zeros[30 * 1024] = data[2100] = 7;
		exit();
	}
	wait_end(id);
	assert(zeros[30 * 1024] == 7 && data[2100] == 7);
}

// How many pages of the program there are.
static uint32_t
present(void)
{
	uint32_t n = 0;

	for (uint32_t va = UTEXT; va < IMAGE_END; va += PGSIZE) {
		if (!(uvpd[PDX(va)] & PTE_P))
			va += PTSIZE - PGSIZE;
		else if (uvpt[PGNUM(va)] & PTE_P)
			n++;
	}
	return n;
}

static void
be_child(int argc, char **argv)
{
	// The rest of data's last page.
	for (const volatile char *p = __bss_start; (uint32_t) p % PGSIZE != 0; p++)
		assert(*p == 0);
	switch (argv[1][0]) {
	case 'm':
		check_memory();
		reply(42);
		break;
	case 'a':
		reply(sum_of(argc, argv));
		break;
	case 't': // which frame has this text
		(void) *(const volatile char *) check_memory;
		reply(PTE_ADDR(uvpt[PGNUM(check_memory)]));
		break;
	case 'd':
		data[0]++;
		reply(PTE_ADDR(uvpt[PGNUM(data)]));
		break;
	case 'p':
		reply(present());
		break;
	case 'q':
		check_memory();
		reply(present());
		break;
	case 'f':
		check_faults();
		reply(43);
		break;
	case 'w': // where nothing is
		*(volatile int *) HERE = 1;
		break;
	case 'c': // to text
		*(volatile int *) check_memory = 1;
		break;
	}
}

// This side.

static uint32_t
ask(char *what, int lazy)
{
	char *argv[] = {SELF, what, NULL};

	return run(load(SELF, argv, lazy));
}

// What both ways cost for a program that touches little of itself, and for one that touches all.
#define TIMES 20
static void
measure(int lazy, char *what)
{
	char *argv[] = {SELF, what, NULL};
	uint64_t loading = 0, running = 0;
	uint32_t there = 0;

	for (int i = 0; i < TIMES; i++) {
		uint64_t start = read_tsc();
		envid_t id = load(SELF, argv, lazy);
		uint64_t loaded = read_tsc();
		there = run(id);
		loading += loaded - start, running += read_tsc() - loaded;
	}
	cprintf("loader: %s, %s: %u pages at the end; %u thousand cycles to load, %u to run\n",
		ways[lazy], *what == 'p' ? "touches little" : "touches all", there,
		(uint32_t) (loading / TIMES / 1000), (uint32_t) (running / TIMES / 1000));
	wait_dead();
}

static void
check_good(int lazy)
{
	char *argv[] = {SELF, "t", NULL};
	envid_t a = load(SELF, argv, lazy), b = load(SELF, argv, !lazy);

	assert(ask("m", lazy) == 42);
	assert(run(a) == run(b));
	argv[1] = "d";
	a = load(SELF, argv, lazy), b = load(SELF, argv, lazy);
	// Both are there when the second answers.
	assert(sys_env_set_status(a, ENV_RUNNABLE) == 0);
	uint32_t frame = ipc_recv(NULL, NULL, NULL);
	assert(frame != 0 && run(b) != 0);
	wait_end(a);
	assert(ask("f", lazy) == 43);
}

static void
check_deaths(int lazy)
{
	for (const char *const *what = (const char *const[]){"w", "c", NULL}; *what; what++) {
		char *argv[] = {SELF, (char *) *what, NULL};
		envid_t id = load(SELF, argv, lazy);
		assert(sys_env_set_status(id, ENV_RUNNABLE) == 0);
		wait_end(id);
	}
}

static void
check_arguments(int lazy)
{
	static char text[PGSIZE];
	static char *argv[800];
	char *few[] = {SELF, "a", text, NULL};
	const uint32_t most = PGSIZE * 3 / 4 - sizeof SELF - sizeof "a" - 1 - 3 * sizeof(char *);

	memset(text, 'x', most);
	text[most] = '\0';
	assert(run(load(SELF, few, lazy)) == sum_of(3, few));
	text[most] = 'x';
	text[most + 1] = '\0';
	assert(_image_load(SELF, few, lazy) == -E_INVAL);
	argv[0] = SELF, argv[1] = "a";
	for (int i = 2; i < 800; i++)
		argv[i] = i % 3 ? "" : "yz";
	argv[400] = NULL;
	assert(run(load(SELF, argv, lazy)) == sum_of(400, argv));
	argv[400] = "", argv[799] = NULL;
	assert(_image_load(SELF, argv, lazy) == -E_INVAL);
}

static void
check_names(int lazy)
{
	static char text[2 * PGSIZE];
	char *argv[] = {SELF, NULL};

	memset(text, 'l', sizeof text - 1);
	assert(_image_load("", argv, lazy) == -E_NOT_FOUND);
	assert(_image_load("loade", argv, lazy) == -E_NOT_FOUND);
	assert(_image_load("loader ", argv, lazy) == -E_NOT_FOUND);
	assert(_image_load("ucore", argv, lazy) == -E_NOT_FOUND);
	assert(_image_load(text, argv, lazy) == -E_NOT_FOUND);
	assert(_image_load("badentry", argv, lazy) == -E_NOT_EXEC);
	assert(ask("m", lazy) == 42);
}

// Loading with every number of frames too few.
static void
check_no_memory(int lazy)
{
	char *argv[] = {SELF, "m", NULL};
	uint32_t va = 0x50000000, least = 0;
	envid_t id;

	while (sys_page_alloc(0, (void *) va, RW) == 0)
		va += PGSIZE;
	for (;; least++) {
		uint32_t before = free_frames();
		id = _image_load(SELF, argv, lazy);
		if (id >= 0)
			break;
		assert(id == -E_NO_MEM);
		wait_dead();
		assert(free_frames() == before);
		va -= PGSIZE;
		assert(sys_page_unmap(0, (void *) va) == 0);
	}
	assert(least > 3);
	cprintf("loader: %s takes %u frames\n", ways[lazy], least);
	destroy(id);
	for (; va > 0x50000000; va -= PGSIZE)
		sys_page_unmap(0, (void *) (va - PGSIZE));
}

static void
check_no_env(int lazy)
{
	static envid_t ids[NENV];
	char *argv[] = {SELF, "m", NULL};
	int n = 0, r;

	while ((r = sys_exofork()) >= 0)
		ids[n++] = r;
	assert(r == -E_NO_FREE_ENV);
	assert(_image_load(SELF, argv, lazy) == -E_NO_FREE_ENV);
	while (n > 0)
		destroy(ids[--n]);
}

// Images.

// A header and three segments, as the linker makes them.
static struct Small {
	struct Elf elf;
	struct Proghdr ph[4];
} small = {
	.elf = {.e_magic = ELF_MAGIC,
		.e_elf = {ELF_CLASS_32, ELF_DATA_LITTLE, ELF_VERSION},
		.e_type = ELF_TYPE_EXEC,
		.e_machine = ELF_MACHINE_386,
		.e_version = ELF_VERSION,
		.e_entry = UTEXT + 0x20,
		.e_phoff = sizeof(struct Elf),
		.e_ehsize = sizeof(struct Elf),
		.e_phentsize = sizeof(struct Proghdr),
		.e_phnum = 4},
	.ph = {{ELF_PROG_LOAD, 0x1020, UTEXT + 0x20, 0, 0x1000, 0x1000, 5, PGSIZE},
	       {ELF_PROG_LOAD, 0x3000, UTEXT + 0x2000, 0, 0x100, 0x100, 4, PGSIZE},
	       {0x6474e551, 0, 0, 0, 0, 0, 7, 16},
	       {ELF_PROG_LOAD, 0x4000, UTEXT + 0x3000, 0, 0x1100, 0x4000, 6, PGSIZE}},
};
#define SMALL_SIZE 0x5100

// One field of it changed.
#define AT(field) offsetof(struct Small, field), sizeof((struct Small *) 0)->field
static const struct {
	uint32_t offset, size, value;
	int r;
} changes[] = {
	{AT(elf.e_magic), ELF_MAGIC, 0},
	{AT(elf.e_magic), ELF_MAGIC + 1, -E_NOT_EXEC},
	{AT(elf.e_elf[0]), 2, -E_NOT_EXEC},
	{AT(elf.e_elf[1]), 2, -E_NOT_EXEC},
	{AT(elf.e_elf[2]), 0, -E_NOT_EXEC},
	{AT(elf.e_elf[3]), 9, -E_NOT_EXEC},
	{AT(elf.e_type), 1, -E_NOT_EXEC},
	{AT(elf.e_type), 3, -E_NOT_EXEC},
	{AT(elf.e_machine), 62, -E_NOT_EXEC},
	{AT(elf.e_version), 2, -E_NOT_EXEC},
	{AT(elf.e_entry), 0, -E_NOT_EXEC},
	{AT(elf.e_entry), UTEXT + 0x1f, -E_NOT_EXEC},
	{AT(elf.e_entry), UTEXT + 0x101f, 0},
	{AT(elf.e_entry), UTEXT + 0x1020, -E_NOT_EXEC},
	{AT(elf.e_entry), UTEXT + 0x3000, -E_NOT_EXEC}, // data
	{AT(elf.e_entry), KERNBASE, -E_NOT_EXEC},
	{AT(elf.e_phoff), 0, -E_NOT_EXEC},
	{AT(elf.e_phoff), SMALL_SIZE, -E_NOT_EXEC},
	{AT(elf.e_phoff), UINT32_MAX, -E_NOT_EXEC},
	{AT(elf.e_phoff), UINT32_MAX - sizeof small.ph + 1, -E_NOT_EXEC},
	{AT(elf.e_flags), 1, -E_NOT_EXEC},
	{AT(elf.e_ehsize), 64, -E_NOT_EXEC},
	{AT(elf.e_phentsize), 56, -E_NOT_EXEC},
	{AT(elf.e_phentsize), 0, -E_NOT_EXEC},
	{AT(elf.e_phnum), 0, -E_NOT_EXEC},
	{AT(elf.e_phnum), 1, 0},
	{AT(elf.e_phnum), UINT16_MAX, -E_NOT_EXEC},
	{AT(elf.e_shoff), UINT32_MAX, 0},   // nobody looks there
	{AT(ph[0].p_type), 0, -E_NOT_EXEC}, // the entry is in none
	{AT(ph[2].p_type), ELF_PROG_INTERP, -E_NOT_EXEC},
	{AT(ph[2].p_type), ELF_PROG_DYNAMIC, -E_NOT_EXEC},
	{AT(ph[2].p_type), ELF_PROG_TLS, -E_NOT_EXEC},
	{AT(ph[2].p_type), ELF_PROG_LOAD, 0}, // of nothing
	{AT(ph[3].p_offset), 0x4001, -E_NOT_EXEC},
	{AT(ph[3].p_offset), SMALL_SIZE + 1, -E_NOT_EXEC},
	{AT(ph[3].p_offset), 0x5000, -E_NOT_EXEC},
	{AT(ph[3].p_offset), 0xfffff000, -E_NOT_EXEC},
	{AT(ph[3].p_va), UTEXT + 0x2000, -E_NOT_EXEC},
	{AT(ph[3].p_va), UTEXT + 0x4000, 0},
	{AT(ph[3].p_va), UTEXT + 0x3004, -E_NOT_EXEC},
	{AT(ph[3].p_va), 0, -E_NOT_EXEC},
	{AT(ph[3].p_va), UTEXT, -E_NOT_EXEC},
	{AT(ph[3].p_va), IMAGE_END - 0x4000, 0},
	{AT(ph[3].p_va), IMAGE_END - 0x3000, -E_NOT_EXEC},
	{AT(ph[3].p_va), USTACKTOP - 0x4000, -E_NOT_EXEC},
	{AT(ph[3].p_va), KERNBASE, -E_NOT_EXEC},
	{AT(ph[3].p_va), 0xffffe000, -E_NOT_EXEC},
	{AT(ph[0].p_va), UTEMP + 0x20, -E_NOT_EXEC},
	{AT(ph[3].p_filesz), 0x1101, -E_NOT_EXEC},
	{AT(ph[3].p_filesz), UINT32_MAX, -E_NOT_EXEC},
	{AT(ph[3].p_filesz), 0, 0},
	{AT(ph[3].p_memsz), 0x10ff, -E_NOT_EXEC},
	{AT(ph[3].p_memsz), 0, -E_NOT_EXEC},
	{AT(ph[3].p_memsz), UINT32_MAX, -E_NOT_EXEC},
	{AT(ph[3].p_memsz), IMAGE_END - UTEXT - 0x3000, 0},
	{AT(ph[3].p_memsz), IMAGE_END - UTEXT - 0x2fff, -E_NOT_EXEC},
	{AT(ph[3].p_flags), 8, -E_NOT_EXEC},
	{AT(ph[3].p_flags), 7, 0},
	{AT(ph[3].p_align), 3, -E_NOT_EXEC},
	{AT(ph[3].p_align), 0, 0},
	{AT(ph[3].p_align), 0x2000, -E_NOT_EXEC}, // it is not where the file has it
	{AT(ph[3].p_align), 0x80000000, -E_NOT_EXEC},
};

static int
check_image(const void *file, uint32_t n)
{
	struct Image image;

	return image_check(&image, file, n, SMALL_SIZE);
}

// Put it at the very end of a page, with nothing behind: what looks too far faults.
static void
check_images(void)
{
	struct Small *at = (struct Small *) ((char *) HERE + PGSIZE) - 1;
	struct Image image;

	assert(sys_page_alloc(0, HERE, RW) == 0);
	for (size_t i = 0; i < ARRAY_SIZE(changes); i++) {
		*at = small;
		memcpy((char *) at + changes[i].offset, &changes[i].value, changes[i].size);
		int r = check_image(at, sizeof *at);
		if (r != changes[i].r)
			panic("change %u of the image: %e, not %e", i, r, changes[i].r);
	}
	*at = small;
	for (uint32_t n = 0; n < sizeof *at; n++) {
		void *cut = (char *) HERE + PGSIZE - n;
		memcpy(cut, &small, n);
		assert(check_image(cut, n) == -E_NOT_EXEC);
	}
	*at = small;
	assert(image_check(&image, at, sizeof *at, sizeof *at - 1) == -E_NOT_EXEC);
	assert(image_check(&image, at, sizeof *at, SMALL_SIZE) == 0);
	assert(image.nparts == 3 && image.entry == small.elf.e_entry);
	assert(image_fill(&image.parts[0], UTEXT + PGSIZE) == IMAGE_SHARED);
	assert(image_fill(&image.parts[2], UTEXT + 3 * PGSIZE) == IMAGE_COPY);
	assert(image_fill(&image.parts[2], UTEXT + 4 * PGSIZE) == IMAGE_MIXED);
	assert(image_fill(&image.parts[2], UTEXT + 5 * PGSIZE) == IMAGE_ZERO);
	sys_page_unmap(0, HERE);
}

static void
check_way(int lazy)
{
	check_good(lazy);
	check_deaths(lazy);
	check_arguments(lazy);
	check_names(lazy);
	check_no_memory(lazy);
}

void
umain(int argc, char **argv)
{
	if (argc > 1) {
		be_child(argc, argv);
		return;
	}
	check_images();
	check_no_env(0); // which makes the page tables that the rest finds
	check_way(0);
	wait_dead();
	uint32_t before = free_frames();
	for (int lazy = 0; lazy <= 1; lazy++) {
		check_way(lazy);
		check_no_env(lazy);
	}
	wait_dead();
	assert(free_frames() == before);
	for (int lazy = 0; lazy <= 1; lazy++) {
		measure(lazy, "p");
		measure(lazy, "q");
	}
	cprintf("loader: OK\n");
}
