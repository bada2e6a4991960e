// Which program of the image an env executes.  The kernel knows what it has loaded itself; but libraries
// load programs, too, so the memory decides.

#include "inc/elf.h"
#include "inc/string.h"
#include "kern/env.h"
#include "kern/pmap.h"
#include "kern/programs.h"

// Whether the n bytes at va of e are those at src.
static bool
same(struct Env *e, uint32_t va, const uint8_t *src, uint32_t n)
{
	uint8_t buf[256];

	for (uint32_t part; n > 0; va += part, src += part, n -= part) {
		part = MIN(n, (uint32_t) sizeof buf);
		if (copy_from_user(&kenv(e)->space, buf, va, part, NULL) < 0 ||
		    memcmp(buf, src, part) != 0)
			return false;
	}
	return true;
}

// Whether the page of e at va, which is in ph, is as it was loaded from p.
static bool
is_loaded_from(struct Env *e, uint32_t va, const struct Program *p, const struct Proghdr *ph)
{
	const uint32_t start = MAX(ROUNDDOWN(va, PGSIZE), ph->p_va);
	const uint32_t end = MIN(ROUNDDOWN(va, PGSIZE) + PGSIZE, ph->p_va + ph->p_filesz);

	return same(e, start, p->image + ph->p_offset + (start - ph->p_va), end - start);
}

// The same, for whatever part of p belongs at va.  The kernel has loaded p, so it is well-formed.
static bool
executes(struct Env *e, uint32_t va, const struct Program *p)
{
	const struct Elf *elf = (const struct Elf *) p->image;
	const struct Proghdr *ph = (const struct Proghdr *) (p->image + elf->e_phoff);

	for (int i = 0; i < elf->e_phnum; i++)
		if (ph[i].p_type == ELF_PROG_LOAD && va >= ph[i].p_va &&
		    va - ph[i].p_va < ph[i].p_filesz)
			return is_loaded_from(e, va, p, &ph[i]);
	return false;
}

const struct Program *
program_at(struct Env *e, uint32_t va)
{
	const struct Program *loaded = &programs[kenv(e)->program];
	pte_t pte;

	if (va >= UTOP || !kenv(e)->space.pgdir ||
	    !page_lookup(&kenv(e)->space, ROUNDDOWN(va, PGSIZE), &pte))
		return NULL;
	// A page of the archive is of the program that it is in.
	for (const struct Program *p = programs; p < programs + nprograms; p++)
		if (PGNUM(pte) >= frame_of(p->image) && PGNUM(pte) <= frame_of(p->image_end - 1))
			return p;
	return executes(e, va, loaded) ? loaded : NULL;
}
