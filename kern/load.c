// ELF images into address spaces.  Source: System V ABI, chapters 4 and 5.
//
// The image is not trusted: every offset and address in it is checked against the image and
// against UTOP before it is used.

#include "kern/load.h"

#include "inc/elf.h"
#include "inc/error.h"
#include "inc/string.h"
#include "kern/env.h"
#include "kern/page.h"

// A zeroed page at va for e, filled with n bytes from src at offset off.
static int
load_page(struct Env *e, uint32_t va, uint32_t perm, uint32_t off, const void *src, uint32_t n)
{
	struct Space *sp = &kenv(e)->space;
	struct PageInfo *pp;
	pte_t pte;

	if (page_lookup(sp, va, &pte))
		return -E_NOT_EXEC;
	pp = page_alloc(PAGE_USER);
	if (!pp)
		return -E_NO_MEM;
	frame_write(page_number(pp), off, src, n);
	int r = page_insert(sp, pp, va, perm);
	if (r < 0)
		page_decref(pp);
	return r;
}

static int
load_segment(struct Env *e, const char *image, uint32_t size, const struct Proghdr *ph)
{
	uint32_t perm = PTE_P | PTE_U;
	int r;

	if (ph->p_offset > size || ph->p_filesz > size - ph->p_offset)
		return -E_NOT_EXEC;
	if (ph->p_filesz > ph->p_memsz || ph->p_va > UTOP || ph->p_memsz > UTOP - ph->p_va)
		return -E_NOT_EXEC;
	if (ph->p_flags & ELF_PROG_FLAG_WRITE)
		perm |= PTE_W | PTE_GIVENW;

	uint32_t end = ph->p_va + ph->p_memsz, file_end = ph->p_va + ph->p_filesz;
	for (uint32_t va = ph->p_va; va < end; va = ROUNDDOWN(va, PGSIZE) + PGSIZE) {
		uint32_t n = va < file_end ? MIN(file_end - va, PGSIZE - PGOFF(va)) : 0;
		const char *src = n > 0 ? image + ph->p_offset + (va - ph->p_va) : image;

		r = load_page(e, ROUNDDOWN(va, PGSIZE), perm, PGOFF(va), src, n);
		if (r < 0)
			return r;
	}
	return 0;
}

int
load_elf(struct Env *e, const void *image, uint32_t size)
{
	struct Trapframe *tf = &kenv(e)->frame;
	struct Proghdr ph;
	struct Elf elf;
	int r;

	if (size < sizeof elf)
		return -E_NOT_EXEC;
	memcpy(&elf, image, sizeof elf);
	if (elf.e_magic != ELF_MAGIC || elf.e_elf[0] != ELF_CLASS_32 ||
	    elf.e_elf[1] != ELF_DATA_LITTLE || elf.e_type != ELF_TYPE_EXEC ||
	    elf.e_machine != ELF_MACHINE_386 || elf.e_phentsize != sizeof ph || elf.e_entry >= UTOP)
		return -E_NOT_EXEC;
	if (elf.e_phoff > size || elf.e_phnum > (size - elf.e_phoff) / sizeof ph)
		return -E_NOT_EXEC;

	for (uint32_t i = 0; i < elf.e_phnum; i++) {
		memcpy(&ph, (const char *) image + elf.e_phoff + i * sizeof ph, sizeof ph);
		if (ph.p_type == ELF_PROG_LOAD && (r = load_segment(e, image, size, &ph)) < 0)
			return r;
	}
	r = load_page(e, USTACKTOP - PGSIZE, PTE_P | PTE_U | PTE_W | PTE_GIVENW, 0, image, 0);
	if (r < 0)
		return r;
	tf->tf_eip = elf.e_entry;
	tf->tf_esp = USTACKTOP;
	return 0;
}

// The upper end of a new stack, as lib/entry.S expects it where there are arguments.
struct Arguments {
	uint32_t argc, argv;
	uint32_t argv_0, argv_1, argv_end;
	char text[104];
	uint32_t thisenv; // at UTHISENV; the program sets it
};
static_assert(sizeof(struct Arguments) % 16 == 0, "the stack stays aligned");

void
load_arguments(struct Env *e, const char *name, const char *argument)
{
	const uint32_t at = USTACKTOP - sizeof(struct Arguments);
	struct Arguments a = {
		.argc = argument ? 2 : 1,
		.argv = at + offsetof(struct Arguments, argv_0),
		.argv_0 = at + offsetof(struct Arguments, text),
	};

	strlcpy(a.text, name, sizeof a.text / 2);
	if (argument) {
		size_t n = strlen(a.text) + 1;
		strlcpy(a.text + n, argument, sizeof a.text - n);
		a.argv_1 = a.argv_0 + n;
	}
	if (copy_to_user(&kenv(e)->space, at, &a, sizeof a, NULL) == 0)
		kenv(e)->frame.tf_esp = at;
}
