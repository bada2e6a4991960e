// The loader: a new env with a program of the archive.
//
// Text and constants are the archive's own pages, which all who run the program share.  The rest is copied, at
// once or, lazily, when it is touched (lib/lazy.h).
//
// Nothing is kept on failure: all that has been done until then is the child's, and goes with it.

#include "inc/archive.h"
#include "inc/image.h"
#include "lib/lazy.h"
#include "lib/pgfault.h"

#define RO (PTE_P | PTE_U)
#define RW (RO | PTE_W)

// Pages of the archive, and of a child to be.
#define FILE_PAGE ((void *) LOADER_START)
#define FILL_PAGE ((void *) (LOADER_START + PGSIZE))

// How much of the stack's first page the arguments may take, in bytes.
#define ARGUMENTS_MAX (PGSIZE * 3 / 4)

static_assert(2 * IMAGE_PARTS < LAZY_NRANGES, "each part can be put off");

extern const char _lazy_entry[], _lazy_entry_end[];

// Most names differ in the first letter.
static inline bool
has_name(const struct ArchiveFile *file, const char *name)
{
	return file->name[0] == name[0] && strncmp(file->name, name, sizeof file->name) == 0;
}

// Find `name' in the archive's directory, which is read page by page.	-E_NOT_FOUND, -E_NO_MEM
static int
find(const char *name, struct ArchiveFile *found)
{
	const uint32_t per_page = PGSIZE / sizeof *found;
	const struct ArchiveFile *const files = FILE_PAGE;
	uint32_t n = 1;
	int r;

	for (uint32_t i = 0; i < n; i++) {
		if (i % per_page == 0 && (r = sys_archive_page(i / per_page, 0, FILE_PAGE)) < 0)
			return r;
		if (i == 0)
			n += ((const struct ArchiveHead *) FILE_PAGE)->nfiles;
		else if (has_name(&files[i % per_page], name)) {
			*found = files[i % per_page];
			return 0;
		}
	}
	return -E_NOT_FOUND;
}

static int
read_image(struct Image *image, const struct ArchiveFile *file)
{
	int r = sys_archive_page(file->first, 0, FILE_PAGE);

	if (r < 0)
		return r;
	return image_check(image, FILE_PAGE, MIN(file->size, (uint32_t) PGSIZE), file->size);
}

static int
rights(const struct ImagePart *part)
{
	return part->writable ? RW : RO;
}

// Which page of the archive stands at va of a part.
static uint32_t
page_at(const struct ArchiveFile *file, const struct ImagePart *part, uint32_t va)
{
	return file->first + part->page + PGNUM(va - part->start);
}

// Give child the page at FILL_PAGE, and have it no more.
static int
hand_over(envid_t child, uint32_t va, int perm)
{
	int r = sys_page_map(0, FILL_PAGE, child, (void *) va, perm);

	sys_page_unmap(0, FILL_PAGE);
	return r;
}

// A page with the file's bytes between zeros.
static int
load_mixed(envid_t child, const struct ArchiveFile *file, const struct ImagePart *part, uint32_t va)
{
	const uint32_t from = MAX(part->from, va), to = MIN(part->to, va + PGSIZE);
	int r;

	if ((r = sys_archive_page(page_at(file, part, va), 0, FILE_PAGE)) < 0 ||
	    (r = sys_page_alloc(0, FILL_PAGE, RW)) < 0)
		return r;
	memcpy((char *) FILL_PAGE + PGOFF(from), (char *) FILE_PAGE + PGOFF(from), to - from);
	return hand_over(child, va, rights(part));
}

static int
load_page(envid_t child, const struct ArchiveFile *file, const struct ImagePart *part, uint32_t va)
{
	const uint32_t page = page_at(file, part, va);
	int r;

	switch (image_fill(part, va)) {
	case IMAGE_SHARED:
		return sys_archive_page(page, child, (void *) va);
	case IMAGE_COPY:
		r = sys_archive_page(page, 0, FILE_PAGE);
		return r < 0 ? r : sys_page_copy(0, FILE_PAGE, child, (void *) va, rights(part));
	case IMAGE_ZERO:
		return sys_page_alloc(child, (void *) va, rights(part));
	default:
		return load_mixed(child, file, part, va);
	}
}

static int
load_now(envid_t child, const struct ArchiveFile *file, const struct Image *image)
{
	int r = 0;

	for (const struct ImagePart *part = image->parts; part < image->parts + image->nparts;
	     part++)
		for (uint32_t va = part->start; va < part->end && r == 0; va += PGSIZE)
			r = load_page(child, file, part, va);
	return r;
}

// Lazy.

// Let the page at va come later: make the last range longer, or begin one.
static void
put_off(struct LazyRange *ranges, uint32_t *n, const struct LazyRange *page)
{
	struct LazyRange *last = *n > 0 ? &ranges[*n - 1] : NULL;

	if (last && last->end == page->start && last->perm == page->perm &&
	    (last->page == 0) == (page->page == 0) &&
	    (page->page == 0 || last->page + PGNUM(page->start - last->start) == page->page))
		last->end = page->end;
	else
		ranges[(*n)++] = *page;
}

// Put off what can be, to ranges, and load the rest.
static int
load_part(envid_t child, const struct ArchiveFile *file, const struct ImagePart *part,
	  struct LazyRange *ranges, uint32_t *n)
{
	int r = 0;

	for (uint32_t va = part->start; va < part->end && r == 0; va += PGSIZE) {
		const enum ImageFill fill = image_fill(part, va);
		const struct LazyRange page = {
			.start = va,
			.end = va + PGSIZE,
			.page = fill == IMAGE_ZERO ? 0 : page_at(file, part, va),
			.perm = fill == IMAGE_SHARED ? 0 : rights(part),
		};

		if (fill == IMAGE_MIXED)
			r = load_mixed(child, file, part, va);
		else
			put_off(ranges, n, &page);
	}
	return r;
}

static int
load_lazily(envid_t child, const struct ArchiveFile *file, const struct Image *image)
{
	struct LazyRange ranges[LAZY_NRANGES] = {0};
	struct Lazy *const lazy = FILL_PAGE;
	uint32_t n = 0;
	int r;

	for (uint32_t i = 0; i < image->nparts; i++)
		if ((r = load_part(child, file, &image->parts[i], ranges, &n)) < 0)
			return r;
	if ((r = sys_page_alloc(0, FILL_PAGE, RW)) < 0)
		return r;
	memcpy(lazy->ranges, ranges, sizeof ranges);
	memcpy((char *) FILL_PAGE + (LAZY_ENTRY - LAZY), _lazy_entry,
	       (uintptr_t) _lazy_entry_end - (uintptr_t) _lazy_entry);
	if ((r = hand_over(child, LAZY, RW)) < 0 ||
	    (r = sys_page_alloc(child, (void *) UXSTACKBASE, RW)) < 0)
		return r;
	return sys_env_set_pgfault_upcall(child, (void *) LAZY_ENTRY);
}

// The stack.

// Count argv, and the bytes of its strings.	-E_INVAL: they are too many
static int
measure(char *const argv[], uint32_t *argc, uint32_t *bytes)
{
	*argc = *bytes = 0;
	for (; argv[*argc]; ++*argc) {
		const uint32_t room = ARGUMENTS_MAX - *bytes;
		const uint32_t len = strnlen(argv[*argc], room);

		if (len + 1 + sizeof argv[0] > room)
			return -E_INVAL;
		*bytes += len + 1 + sizeof argv[0];
	}
	*bytes -= *argc * sizeof argv[0];
	return 0;
}

// Build the top page of child's stack, as lib/entry.S expects it: argc, argv, the array that argv points
// to, the strings, and at UTHISENV a word for thisenv.  Returns in *esp where that begins.
static int
build_stack(envid_t child, char *const argv[], uint32_t *esp)
{
	uint32_t argc, bytes;
	int r;

	if ((r = measure(argv, &argc, &bytes)) < 0 || (r = sys_page_alloc(0, FILL_PAGE, RW)) < 0)
		return r;
	*esp = ROUNDDOWN(UTHISENV - bytes - (argc + 3) * sizeof(uint32_t), 16);

	const uint32_t away = (uint32_t) FILL_PAGE - (USTACKTOP - PGSIZE);
	uint32_t *const words = (uint32_t *) (*esp + away);
	uint32_t string = *esp + (argc + 3) * sizeof(uint32_t);

	words[0] = argc;
	words[1] = *esp + 2 * sizeof(uint32_t);
	for (uint32_t i = 0; i < argc; i++) {
		words[2 + i] = string;
		strcpy((char *) (string + away), argv[i]);
		string += strlen(argv[i]) + 1;
	}
	return hand_over(child, USTACKTOP - PGSIZE, RW);
}

static int
start_at(envid_t child, uint32_t eip, uint32_t esp)
{
	struct Trapframe tf = {.tf_eip = eip, .tf_esp = esp};

	return sys_env_set_trapframe(child, &tf);
}

static int
load(envid_t child, const struct ArchiveFile *file, const struct Image *image, char *const argv[],
     int lazy)
{
	uint32_t esp;
	int r;

	if ((r = build_stack(child, argv, &esp)) < 0 ||
	    (r = (lazy ? load_lazily : load_now)(child, file, image)) < 0)
		return r;
	return start_at(child, image->entry, esp);
}

envid_t
_image_load(const char *name, char *const argv[], int lazy)
{
	struct ArchiveFile file;
	struct Image image;
	envid_t child;
	int r;

	r = find(name, &file);
	if (r == 0)
		r = read_image(&image, &file);
	child = r < 0 ? r : sys_exofork();
	if (child > 0 && (r = load(child, &file, &image, argv, lazy)) < 0) {
		sys_env_destroy(child);
		child = r;
	}
	sys_page_unmap(0, FILE_PAGE);
	sys_page_unmap(0, FILL_PAGE);
	return child;
}
