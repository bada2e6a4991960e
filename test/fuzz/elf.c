// kern/load.c with images of any kind, against a loader that thinks in single bytes.
//
// An input is an image as it stands, or the description of one: segments with sizes and places
// that meet the limits and each other, and a header with a few bytes changed.

#include "kern/load.h"

#include "inc/elf.h"
#include "inc/string.h"
#include "test/fuzz/fuzz.h"
#include "test/host/world.h"

#define MAXSIZE 16384
#define MAXSEGMENTS 5
#define MAXFRAMES 100

static const struct {
	uint32_t low, high;
} machines[] = {{MAXFRAMES, 0}, {12, 0}, {40, 0}, {8, 8}};

static const uint8_t *image;
static uint32_t size;

// What must be loaded.
static struct Page {
	uint32_t va;
	bool writable;
	uint8_t bytes[PGSIZE];
} want[MAXFRAMES];
static int nwant;
static uint32_t low, high; // frames that the model has left

static bool
wanted(uint32_t va)
{
	for (int i = 0; i < nwant; i++)
		if (want[i].va == va)
			return true;
	return false;
}

static bool
wanted_near(uint32_t va)
{
	for (int i = 0; i < nwant; i++)
		if (want[i].va / PTSIZE == va / PTSIZE)
			return true;
	return false;
}

static int
want_page(uint32_t va, bool writable)
{
	if (wanted(va))
		return -E_NOT_EXEC;
	if (high > 0)
		high--;
	else if (low > 0)
		low--;
	else
		return -E_NO_MEM;
	if (!wanted_near(va)) {
		if (low == 0)
			return -E_NO_MEM;
		low--;
	}
	want[nwant].va = va;
	want[nwant].writable = writable;
	memset(want[nwant].bytes, 0, PGSIZE);
	nwant++;
	return 0;
}

static int
want_segment(const struct Proghdr *ph)
{
	const uint64_t start = ph->p_va, end = start + ph->p_memsz;
	int r;

	if ((uint64_t) ph->p_offset + ph->p_filesz > size || ph->p_filesz > ph->p_memsz ||
	    end > UTOP)
		return -E_NOT_EXEC;
	if (start == end)
		return 0;
	for (uint64_t va = start & ~(PGSIZE - 1ull); va < end; va += PGSIZE) {
		if ((r = want_page(va, ph->p_flags & ELF_PROG_FLAG_WRITE)) < 0)
			return r;
		for (uint32_t i = 0; i < PGSIZE; i++)
			if (va + i >= start && va + i - start < ph->p_filesz)
				want[nwant - 1].bytes[i] = image[ph->p_offset + (va + i - start)];
	}
	return 0;
}

static int
want_image(uint32_t *entry)
{
	struct Proghdr ph;
	struct Elf elf;
	int r;

	if (size < sizeof elf)
		return -E_NOT_EXEC;
	memcpy(&elf, image, sizeof elf);
	if (memcmp(image, "\177ELF\1\1", 6) != 0 || elf.e_type != 2 || elf.e_machine != 3 ||
	    elf.e_phentsize != 32 || elf.e_entry >= UTOP)
		return -E_NOT_EXEC;
	if (elf.e_phoff + 32ull * elf.e_phnum > size)
		return -E_NOT_EXEC;
	for (int i = 0; i < elf.e_phnum; i++) {
		memcpy(&ph, image + elf.e_phoff + 32 * i, sizeof ph);
		if (ph.p_type == 1 && (r = want_segment(&ph)) < 0)
			return r;
	}
	*entry = elf.e_entry;
	return want_page(USTACKTOP - PGSIZE, true);
}

static void
check_loaded(struct Env *e)
{
	CHECK_EQ(count_mapped(e), nwant);
	for (int i = 0; i < nwant; i++) {
		CHECK_EQ(bits_at(e, want[i].va), want[i].writable ? RW | PTE_GIVENW : RO);
		CHECK(memcmp(fake_frame(frame_at(e, want[i].va)), want[i].bytes, PGSIZE) == 0);
	}
}

// Images

static uint32_t
a_size(uint32_t usual)
{
	uint8_t b = byte();

	switch (b % 8) {
	case 0 ... 2:
		return usual;
	case 3:
		return b / 8;
	case 4:
		return (b / 8) * 512 + (b & 0x80 ? -1 : 0);
	case 5:
		return usual + b / 8;
	case 6:
		return usual - b / 8;
	default:
		return word();
	}
}

static uint32_t
an_address(void)
{
	static const uint32_t some[] = {
		UTEXT, UTEXT + PGSIZE,     UTEXT + 4 * PGSIZE, UTEXT + PTSIZE - PGSIZE,
		0,     USTACKTOP - PGSIZE, UTOP - PGSIZE,      USTACKTOP - 2 * PGSIZE,
		UTOP,  KERNBASE,           0xfffff000,
	};
	uint8_t b = byte();

	switch (b / 64) {
	case 0:
		return UTEXT + b * PGSIZE;
	case 1:
		return CHOOSE(some);
	case 2:
		return CHOOSE(some) + b * 16;
	default:
		return b & 1 ? word() : UTEXT + b * 64u;
	}
}

static void
build_image(void)
{
	struct Elf elf = {.e_magic = ELF_MAGIC,
			  .e_elf = {ELF_CLASS_32, ELF_DATA_LITTLE, 1},
			  .e_type = ELF_TYPE_EXEC,
			  .e_machine = ELF_MACHINE_386,
			  .e_version = 1,
			  .e_phoff = sizeof elf,
			  .e_phentsize = sizeof(struct Proghdr)};
	int nsegments = below(MAXSEGMENTS + 1);
	uint8_t b = byte();

	size = b < 0xc0 ? sizeof elf + nsegments * sizeof(struct Proghdr) + b * 64
			: word() % (MAXSIZE + 1);
	uint8_t *bytes = exactly(size);
	for (uint32_t i = 0; i < size; i++)
		bytes[i] = i * 7 + i / 256 + 1;
	image = bytes;
	elf.e_entry = an_address();
	elf.e_phnum = nsegments;
	for (uint32_t n = below(8); n > 5; n--) // mostly none
		((uint8_t *) &elf)[below(sizeof elf)] = byte();
	memcpy(bytes, &elf, MIN(size, sizeof elf));
	for (int i = 0; i < nsegments; i++) {
		struct Proghdr ph = {.p_type = below(16) ? ELF_PROG_LOAD : byte()};
		ph.p_offset = a_size(MIN(i * 512u, size));
		ph.p_va = an_address();
		ph.p_filesz = a_size(ph.p_offset < size ? size - ph.p_offset : 0);
		ph.p_memsz = a_size(below(8) ? ph.p_filesz : UTOP - ph.p_va);
		ph.p_flags = byte();
		uint64_t at = elf.e_phoff + 32ull * i;
		if (at + sizeof ph <= size)
			memcpy(bytes + at, &ph, sizeof ph);
	}
}

// A string of len characters at the end of its memory.
static char *
a_string(uint32_t len)
{
	char *s = exactly(len + 1);

	for (uint32_t i = 0; i < len; i++)
		s[i] = byte() | 1;
	s[len] = '\0';
	return s;
}

// At va of e there are s or as much of it as n bytes hold.
static void
check_string(struct Env *e, uint32_t va, const char *s, uint32_t n)
{
	char found[128];
	uint32_t len = MIN((uint32_t) strlen(s), n - 1);

	peek(e, va, found, len + 1);
	CHECK(memcmp(found, s, len) == 0);
	CHECK_EQ(found[len], '\0');
}

// The program's name and perhaps an argument, on the stack that it has just got.
static void
check_arguments(struct Env *e)
{
	const uint32_t top = USTACKTOP - 128, text = top + 20, size = 104;
	const char *name = a_string(below(128)), *argument = below(2) ? a_string(below(128)) : NULL;
	uint32_t words[5], second = text + MIN((uint32_t) strlen(name), size / 2 - 1) + 1;

	load_arguments(e, name, argument);
	world_check();
	CHECK_EQ(kenv(e)->frame.tf_esp, top);
	peek(e, top, words, sizeof words);
	CHECK_EQ(words[0], argument ? 2u : 1u); // argc, argv, argv[0], argv[1], argv[2]
	CHECK_EQ(words[1], top + 8);
	CHECK_EQ(words[2], text);
	CHECK_EQ(words[3], argument ? second : 0);
	CHECK_EQ(words[4], 0);
	check_string(e, text, name, size / 2);
	if (argument)
		check_string(e, second, argument, text + size - second);
	for (uint32_t va = USTACKTOP - PGSIZE; va < top; va += 4) {
		peek(e, va, words, 4);
		CHECK_EQ(words[0], 0);
	}
}

void
fuzz(void)
{
	uint8_t b = byte();
	struct Env *e;
	uint32_t entry;

	fake_start(machines[b % 4].low, machines[b % 4].high);
	uint32_t nfree = page_nfree();
	CHECK_EQ(env_alloc(&e, NULL), 0);
	struct Trapframe tf = kenv(e)->frame;
	if (b / 4 % 4 == 0) {
		size = rest(&image);
		void *copy = exactly(size);
		if (size > 0)
			memcpy(copy, image, size);
		image = copy;
	} else {
		build_image();
	}

	nwant = 0;
	low = machines[b % 4].low - 2; // without frame 0, and the page directory
	high = machines[b % 4].high;
	int r = want_image(&entry);
	CHECK_EQ(load_elf(e, image, size), r);
	world_check();
	if (r == 0) {
		check_loaded(e);
		tf.tf_eip = entry;
		tf.tf_esp = USTACKTOP;
	}
	CHECK(memcmp(&kenv(e)->frame, &tf, sizeof tf) == 0);
	if (r == 0)
		check_arguments(e);
	env_destroy(NULL, e);
	while (env_any_dead())
		env_reap();
	world_check();
	CHECK_EQ(page_nfree(), nfree);
}
