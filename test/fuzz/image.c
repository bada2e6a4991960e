// lib/image.c with files of any kind, against a reader that thinks in single bytes and wide numbers.
//
// An input is a file as it stands, or the description of one: a header and segments as a linker makes
// them, with some fields that meet the limits and each other.

#include "inc/image.h"

#include "inc/elf.h"
#include "inc/error.h"
#include "inc/string.h"
#include "test/fuzz/fuzz.h"

#define MAXSIZE 20000
#define MAXSEGMENTS 10
#define MAXPAGES 12 // of a part, to look at

static const uint8_t *file;
static uint32_t size;

// The loaded segments of a good file, in its order.
static struct Proghdr want[MAXSEGMENTS];
static uint32_t nwant;

static bool
good_segment(const struct Proghdr *ph, uint64_t low)
{
	const uint64_t va = ph->p_va, offset = ph->p_offset;

	if (ph->p_filesz > ph->p_memsz || offset + ph->p_filesz > size || va < low ||
	    va >= IMAGE_END || va + ph->p_memsz > IMAGE_END || ph->p_flags > 7)
		return false;
	if (va % PGSIZE != offset % PGSIZE)
		return false;
	if (ph->p_align <= 1)
		return true;
	for (uint64_t power = 2; power <= ph->p_align; power *= 2)
		if (power == ph->p_align)
			return (va > offset ? va - offset : offset - va) % power == 0;
	return false;
}

static bool
good(uint32_t n)
{
	uint64_t low = UTEXT;
	bool runs = false;
	struct Elf elf;

	nwant = 0;
	if (n < 52)
		return false;
	memcpy(&elf, file, sizeof elf);
	if (memcmp(file, "\177ELF\1\1\1\0\0\0\0\0\0\0\0\0\2\0\3\0\1\0\0\0", 24) != 0)
		return false;
	if (elf.e_flags || elf.e_ehsize != 52 || elf.e_phentsize != 32 || elf.e_phnum == 0 ||
	    elf.e_phoff < 52 || elf.e_phoff + 32ull * elf.e_phnum > n)
		return false;
	for (uint32_t i = 0; i < elf.e_phnum; i++) {
		struct Proghdr ph;

		memcpy(&ph, file + elf.e_phoff + 32 * i, sizeof ph);
		if (ph.p_type == 2 || ph.p_type == 3 || ph.p_type == 7)
			return false;
		if (ph.p_type != 1 || (ph.p_memsz == 0 && ph.p_filesz == 0))
			continue;
		if (nwant == IMAGE_PARTS || !good_segment(&ph, low))
			return false;
		runs |= (ph.p_flags & 1) && elf.e_entry >= ph.p_va &&
			elf.e_entry < (uint64_t) ph.p_va + ph.p_filesz;
		low = ((uint64_t) ph.p_va + ph.p_memsz + PGSIZE - 1) / PGSIZE * PGSIZE;
		want[nwant++] = ph;
	}
	return runs;
}

// What the file has at an offset, with zeros behind it.
static uint8_t
file_byte(uint64_t offset)
{
	return offset < size ? file[offset] : 0;
}

// Each byte of the page at va, filled as the part says, that is the segment's must be right; and in a
// page that may be written to or has zeros, all others are 0.
static void
check_page(const struct ImagePart *part, const struct Proghdr *ph, uint32_t va)
{
	const enum ImageFill fill = image_fill(part, va);

	for (uint32_t at = va; at < va + PGSIZE; at++) {
		const uint64_t offset = (uint64_t) part->page * PGSIZE + (at - part->start);
		const bool of_file = at >= ph->p_va && at - ph->p_va < ph->p_filesz;
		const bool of_memory = at >= ph->p_va && at - ph->p_va < ph->p_memsz;
		const uint8_t right = of_file ? file[ph->p_offset + (at - ph->p_va)] : 0;
		uint8_t found = 0;

		if (fill == IMAGE_SHARED || fill == IMAGE_COPY ||
		    (fill == IMAGE_MIXED && at >= part->from && at < part->to))
			found = file_byte(offset);
		if (of_memory || fill != IMAGE_SHARED)
			CHECK_EQ(found, right);
	}
	CHECK(fill != IMAGE_SHARED || !(ph->p_flags & ELF_PROG_FLAG_WRITE));
}

static void
check_part(const struct ImagePart *part, const struct Proghdr *ph)
{
	const uint32_t npages = (part->end - part->start) / PGSIZE;

	CHECK_EQ(part->start, ph->p_va / PGSIZE * PGSIZE);
	CHECK_EQ(part->end, (ph->p_va + ph->p_memsz + PGSIZE - 1) / PGSIZE * PGSIZE);
	CHECK_EQ(part->writable, (ph->p_flags & 2) != 0);
	for (uint32_t i = 0; i < MIN(npages, (uint32_t) MAXPAGES); i++)
		check_page(part, ph, part->start + i * PGSIZE);
	check_page(part, ph, part->end - PGSIZE);
}

// Files

static uint32_t
a_word(uint32_t usual)
{
	static const uint32_t some[] = {0, 1, PGSIZE, IMAGE_END, UTEXT, UINT32_MAX, 0x80000000};
	const uint8_t b = byte();

	switch (b % 16) {
	case 0:
		return CHOOSE(some);
	case 1:
		return usual + b / 16;
	case 2:
		return usual - b / 16;
	case 3:
		return usual + (b / 16) * PGSIZE;
	case 4:
		return word();
	default:
		return usual;
	}
}

static void
build_file(void)
{
	const uint32_t n = 1 + below(MAXSEGMENTS);
	struct Elf elf = {.e_magic = ELF_MAGIC,
			  .e_elf = {ELF_CLASS_32, ELF_DATA_LITTLE, ELF_VERSION},
			  .e_type = ELF_TYPE_EXEC,
			  .e_machine = ELF_MACHINE_386,
			  .e_version = ELF_VERSION,
			  .e_phoff = sizeof elf,
			  .e_ehsize = sizeof elf,
			  .e_phentsize = sizeof(struct Proghdr),
			  .e_phnum = n};
	struct Proghdr ph[MAXSEGMENTS];
	uint32_t va = UTEXT + byte(), offset = PGSIZE + PGOFF(va);

	elf.e_entry = a_word(va);
	for (uint32_t i = 0; i < n; i++) {
		const uint8_t b = byte();
		// Ends anywhere, or about where a page does.
		const uint32_t filesz =
			b & 1 ? b * 32u : (1 + b / 64) * PGSIZE - PGOFF(va) + b / 8 % 8 - 4;

		ph[i] = (struct Proghdr){.p_type = b < 240 ? ELF_PROG_LOAD : b % 16,
					 .p_offset = a_word(offset),
					 .p_va = a_word(va),
					 .p_filesz = a_word(filesz),
					 .p_flags = i == 0 ? 5 : a_word(b % 8),
					 .p_align = a_word(PGSIZE)};
		ph[i].p_memsz = a_word(ph[i].p_filesz + (b % 4 == 3 ? word() % 0x10000 : 0));
		va = ROUNDUP(ph[i].p_va + ph[i].p_memsz, PGSIZE);
		offset = ROUNDUP(ph[i].p_offset + ph[i].p_filesz, PGSIZE);
	}
	size = a_word(MAXSIZE) % (MAXSIZE + 1);
	uint8_t *bytes = exactly(size);
	for (uint32_t i = 0; i < size; i++)
		bytes[i] = i * 7 + i / 256 + 1;
	for (uint32_t k = below(8); k > 6; k--) // mostly none
		((uint8_t *) &elf)[below(sizeof elf)] = byte();
	memcpy(bytes, &elf, MIN(size, (uint32_t) sizeof elf));
	if (elf.e_phoff <= size && n * sizeof ph[0] <= size - elf.e_phoff)
		memcpy(bytes + elf.e_phoff, ph, n * sizeof ph[0]);
	file = bytes;
}

void
fuzz(void)
{
	struct Image image;

	if (byte() % 8 == 0) {
		size = rest(&file);
		uint8_t *copy = exactly(size);
		if (size > 0)
			memcpy(copy, file, size);
		file = copy;
	} else {
		build_file();
	}

	// The headers stand by themselves, so that looking behind them is noticed.
	const uint32_t n = MIN(size, (uint32_t) PGSIZE);
	void *start = exactly(n);
	if (n > 0)
		memcpy(start, file, n);
	const bool right = good(n);
	CHECK_EQ(image_check(&image, start, n, size), right ? 0 : -E_NOT_EXEC);
	if (!right)
		return;
	CHECK_EQ(image.nparts, nwant);
	for (uint32_t i = 0; i < nwant; i++)
		check_part(&image.parts[i], &want[i]);
}
