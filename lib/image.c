// What an ELF file says of itself, checked.
// Source: System V ABI, chapter 5, and its Intel386 supplement.

#include "inc/image.h"

#include "inc/elf.h"
#include "inc/error.h"
#include "inc/string.h"

static bool
is_program(const struct Elf *elf)
{
	static const uint8_t ident[12] = {ELF_CLASS_32, ELF_DATA_LITTLE, ELF_VERSION};

	return elf->e_magic == ELF_MAGIC && memcmp(elf->e_elf, ident, sizeof ident) == 0 &&
		elf->e_type == ELF_TYPE_EXEC && elf->e_machine == ELF_MACHINE_386 &&
		elf->e_version == ELF_VERSION && elf->e_flags == 0 && elf->e_ehsize == sizeof *elf;
}

// Whether the program headers are among the first n bytes.
static bool
has_headers(const struct Elf *elf, uint32_t n)
{
	return elf->e_phentsize == sizeof(struct Proghdr) && elf->e_phnum > 0 &&
		elf->e_phoff >= sizeof *elf && elf->e_phoff <= n &&
		elf->e_phnum <= (n - elf->e_phoff) / sizeof(struct Proghdr);
}

// Whether what ph loads is in a file of `size' bytes, and fits below IMAGE_END, behind `low'.
static bool
is_loadable(const struct Proghdr *ph, uint32_t size, uint32_t low)
{
	const bool power = (ph->p_align & (ph->p_align - 1)) == 0;

	if (ph->p_filesz > ph->p_memsz || ph->p_offset > size || ph->p_filesz > size - ph->p_offset)
		return false;
	if (ph->p_va < low || ph->p_va >= IMAGE_END || ph->p_memsz > IMAGE_END - ph->p_va)
		return false;
	if (ph->p_flags & ~(ELF_PROG_FLAG_EXEC | ELF_PROG_FLAG_WRITE | ELF_PROG_FLAG_READ))
		return false;
	// So that pages of the file are pages of memory.
	return power && PGOFF(ph->p_offset) == PGOFF(ph->p_va) &&
		(ph->p_align == 0 || (ph->p_offset - ph->p_va) % ph->p_align == 0);
}

// Add what ph loads, which is some memory.	-E_NOT_EXEC
static int
add_part(struct Image *image, const struct Proghdr *ph, uint32_t size)
{
	struct ImagePart *part = &image->parts[image->nparts];
	const uint32_t low = image->nparts > 0 ? part[-1].end : IMAGE_START;

	if (image->nparts == IMAGE_PARTS || !is_loadable(ph, size, low))
		return -E_NOT_EXEC;
	part->start = ROUNDDOWN(ph->p_va, PGSIZE);
	part->end = ROUNDUP(ph->p_va + ph->p_memsz, PGSIZE);
	part->from = ph->p_va;
	part->to = ph->p_va + ph->p_filesz;
	part->page = ph->p_offset / PGSIZE;
	part->writable = ph->p_flags & ELF_PROG_FLAG_WRITE;
	part->shared = !part->writable && ph->p_filesz == ph->p_memsz;
	image->nparts++;
	return 0;
}

static int
add_header(struct Image *image, const struct Proghdr *ph, uint32_t size)
{
	switch (ph->p_type) {
	case ELF_PROG_LOAD:
		return ph->p_memsz > 0 || ph->p_filesz > 0 ? add_part(image, ph, size) : 0;
	case ELF_PROG_DYNAMIC:
	case ELF_PROG_INTERP:
	case ELF_PROG_TLS: // nobody here does what these ask for
		return -E_NOT_EXEC;
	default:
		return 0;
	}
}

int
image_check(struct Image *image, const void *file, uint32_t n, uint32_t size)
{
	struct Proghdr ph;
	struct Elf elf;
	bool runs = false;
	int r;

	if (n < sizeof elf || n > size)
		return -E_NOT_EXEC;
	memcpy(&elf, file, sizeof elf);
	if (!is_program(&elf) || !has_headers(&elf, n))
		return -E_NOT_EXEC;
	*image = (struct Image){.entry = elf.e_entry};
	for (uint32_t i = 0; i < elf.e_phnum; i++) {
		memcpy(&ph, (const char *) file + elf.e_phoff + i * sizeof ph, sizeof ph);
		if ((r = add_header(image, &ph, size)) < 0)
			return r;
		runs |= ph.p_type == ELF_PROG_LOAD && (ph.p_flags & ELF_PROG_FLAG_EXEC) &&
			elf.e_entry >= ph.p_va && elf.e_entry - ph.p_va < ph.p_filesz;
	}
	return runs ? 0 : -E_NOT_EXEC;
}

enum ImageFill
image_fill(const struct ImagePart *part, uint32_t va)
{
	if (part->shared)
		return IMAGE_SHARED;
	if (va >= part->to || part->from == part->to)
		return IMAGE_ZERO;
	return va >= part->from && part->to - va >= PGSIZE ? IMAGE_COPY : IMAGE_MIXED;
}
