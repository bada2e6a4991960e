// The stock pagers that need nobody else's help.

#include "lib/region.h"

// Zero on demand: what is done for every pager that says nothing else.
const struct Pager region_zero = {.name = "zero"};

// Nothing may be done there.

static int
guard_fault(struct Region *r, const struct Fault *f, struct UTrapframe *utf)
{
	(void) r, (void) f, (void) utf;
	return REGION_REFUSED;
}

const struct Pager region_guard = {.name = "guard", .fault = guard_fault};

// The stack.

int
region_grow_stack(uint32_t size)
{
	const struct Region stack = {
		.name = "stack",
		.start = USTACKTOP - size,
		.size = size,
		.prot = REGION_RW,
		.max = REGION_RW,
		.pager = &region_zero,
	};
	const struct Region guard = {
		.name = "guard of the stack",
		.start = stack.start - PGSIZE,
		.size = PGSIZE,
		.pager = &region_guard,
	};
	struct Region *below;
	int r;

	if (size == 0 || size > USTACKTOP - UTEXT - PGSIZE)
		return -E_INVAL;
	if ((r = region_add(&below, &guard)) < 0)
		return r;
	if ((r = region_add(NULL, &stack)) < 0)
		region_remove(below);
	return r;
}

// Files.

// How much of the page at offset is in the file.
static uint32_t
in_file(const struct File *file, uint32_t offset)
{
	const uint32_t at = file->offset + offset;

	return at < file->size ? MIN(file->size - at, (uint32_t) PGSIZE) : 0;
}

static int
file_fill(struct Region *r, uint32_t offset, void *page)
{
	struct File *file = r->arg;
	const uint32_t n = in_file(file, offset);

	return n == 0 ? 0 : file->read(file, file->offset + offset, page, n);
}

static int
file_write_back(struct Region *r, uint32_t offset, const void *page)
{
	struct File *file = r->arg;
	const uint32_t n = in_file(file, offset);

	return n == 0 || !file->write ? 0 : file->write(file, file->offset + offset, page, n);
}

const struct Pager region_file = {
	.name = "file",
	.fill = file_fill,
	.write_back = file_write_back,
};

int
file_in_memory(struct File *file, uint32_t offset, void *to, uint32_t n)
{
	memcpy(to, (const char *) file->arg + offset, n);
	return 0;
}

// Write watch.  All pages begin protected.

static int
watched_fault(struct Region *r, const struct Fault *f, struct UTrapframe *utf)
{
	const struct Watch *watch = r->arg;
	int err;

	(void) utf;
	if (f->access & ~r->max)
		return REGION_DECLINED;
	if (f->missing)
		return region_fill(r, f->offset);
	// A page that has been opened is copy-on-write's.
	if (!(region_pte(f->va) & PTE_TRAP))
		return REGION_DECLINED;
	if ((err = region_protect(r, f->offset, PGSIZE, REGION_RW)) == 0)
		watch->written(r, f->offset);
	return err;
}

const struct Pager region_watched = {.name = "write watch", .fault = watched_fault};

int
region_watch(struct Region *r)
{
	return region_protect(r, 0, r->size, REGION_READ);
}

// Memory that a family shares.

// What is missing until now would be missing on each side by itself later; and what is protected may be
// opened there, too.
static int
shared_fork(struct Region *r, envid_t child)
{
	int err = 0;

	for (uint32_t o = 0; o < r->size && err == 0; o += PGSIZE)
		err = region_fill(r, o);
	if (err < 0)
		return err;
	return ALL_PAGES(r->start, r->size / PGSIZE,
			 sys_pages_share(child, va, n, PAGES_IF(PTE_TRAP, 0), PAGES_TO(0, 0)));
}

const struct Pager region_shared = {.name = "shared", .shared = true, .fork = shared_fork};
