// The stock pagers, line by line of inc/region.h: zero, guard, the growing stack, files, write watch
// and snapshots.  region_shared is in pagers_fork, region_remote has a test of its own.

#include "user/pagers.h"

static uint32_t
present(const struct Region *r)
{
	uint32_t n = 0;

	for (uint32_t offset = 0; offset < r->size; offset += PGSIZE)
		n += region_present(r, offset);
	return n;
}

static void
zero(void)
{
	struct Region *r = add(ARENA, 16, REGION_RW, &region_zero, NULL);

	for (uint32_t i = 0; i < PGSIZE; i += 4)
		CHECK(WORD(ARENA + 3 * PGSIZE + i) == 0);
	CHECK(present(r) == 1);
	WORD(ARENA + 15 * PGSIZE) = 1;
	CHECK(present(r) == 2);
	// What was there goes, and zeros come again.
	CHECK(region_evict(r, 0, r->size) == 0 && present(r) == 0 &&
	      WORD(ARENA + 15 * PGSIZE) == 0);
	CHECK(region_remove(r) == 0);
	r = add(ARENA, 1, REGION_NONE, &region_zero, NULL);
	CHECK(!can_read(ARENA) && !can_write(ARENA, 1));
	CHECK(region_remove(r) == 0);
	r = add(ARENA, 1, REGION_READ, &region_zero, NULL);
	CHECK(can_read(ARENA) && !can_write(ARENA, 1));
	CHECK(region_remove(r) == 0);
}

static void
guard(void)
{
	struct Region *r = add(ARENA, 2, REGION_NONE, &region_guard, NULL), *around;

	CHECK(!can_read(ARENA) && !can_write(ARENA + PGSIZE, 1) && present(r) == 0);
	CHECK(region_remove(r) == 0);
	r = add(ARENA, 2, REGION_RW, &region_guard, NULL);
	CHECK(!can_read(ARENA) && !can_write(ARENA + PGSIZE, 1) && present(r) == 0);
	CHECK(region_remove(r) == 0);
	// In the middle of others, which would fill its pages.
	around = add(ARENA, 3, REGION_RW, &region_zero, NULL);
	r = add(ARENA + PGSIZE, 1, REGION_RW, &region_guard, NULL);
	CHECK(can_write(ARENA + PGSIZE - 4, 1) && can_write(ARENA + 2 * PGSIZE, 1));
	CHECK(!can_read(ARENA + PGSIZE) && !can_write(ARENA + 2 * PGSIZE - 4, 1));
	CHECK(region_remove(r) == 0 && can_write(ARENA + PGSIZE, 1));
	CHECK(region_remove(around) == 0);
}

// Files.

static uint8_t disk[3 * PGSIZE], original[3 * PGSIZE];
static volatile uint32_t nreads, nwrites, written_to;
static volatile int disk_error;

static int
disk_read(struct File *file, uint32_t offset, void *to, uint32_t n)
{
	CHECK(n <= PGSIZE && offset <= file->size && n <= file->size - offset);
	nreads++;
	if (disk_error)
		return disk_error;
	memcpy(to, disk + offset, n);
	return 0;
}

static int
disk_write(struct File *file, uint32_t offset, const void *from, uint32_t n)
{
	CHECK(n <= PGSIZE && offset <= file->size && n <= file->size - offset);
	nwrites++;
	if (disk_error)
		return disk_error;
	memcpy(disk + offset, from, n);
	written_to = MAX(written_to, offset + n);
	return 0;
}

static void
fill_disk(void)
{
	for (uint32_t i = 0; i < sizeof disk; i++)
		original[i] = disk[i] = i * 7 + i / PGSIZE + 1;
	nreads = nwrites = written_to = disk_error = 0;
}

// Offset 100 in the file is where the region starts, which goes beyond the file's end.
#define FILE_AT 100
#define FILE_SIZE (2 * PGSIZE + 500)

static void
compare_file(uint32_t base)
{
	for (uint32_t i = 0; i < 4 * PGSIZE; i++) {
		uint8_t right = FILE_AT + i < FILE_SIZE ? original[FILE_AT + i] : 0;
		CHECK(*(volatile uint8_t *) (base + i) == right);
	}
}

static void
file_read_only(void)
{
	struct File file = {.read = disk_read, .offset = FILE_AT, .size = FILE_SIZE};
	struct File memory = {
		.read = file_in_memory, .offset = FILE_AT, .size = FILE_SIZE, .arg = disk};
	struct Region *r;

	fill_disk();
	r = add(ARENA, 4, REGION_READ, &region_file, &file);
	compare_file(ARENA);
	CHECK(nreads >= 3 && nreads <= 4);
	CHECK(!can_write(ARENA, 1) && !can_write(ARENA + 3 * PGSIZE, 1));
	CHECK(region_evict(r, 0, r->size) == 0);
	disk_error = -E_NOT_FOUND;
	CHECK(!can_read(ARENA) && region_fill(r, 0) == -E_NOT_FOUND);
	disk_error = 0;
	compare_file(ARENA);
	CHECK(region_remove(r) == 0);

	r = add(ARENA, 4, REGION_READ, &region_file, &memory);
	compare_file(ARENA);
	CHECK(!can_write(ARENA, 1) && region_remove(r) == 0);
}

static void
file_private(void)
{
	struct File file = {.read = disk_read, .offset = FILE_AT, .size = FILE_SIZE};
	struct Region *r;

	// Without `write', changes are nobody else's.
	fill_disk();
	r = add(ARENA, 4, REGION_RW, &region_file, &file);
	WORD(ARENA) = 0x11111111;
	CHECK(region_sync(r, 0, r->size) == 0 && WORD(ARENA) == 0x11111111);
	CHECK(region_evict(r, 0, r->size) == 0);
	compare_file(ARENA);
	CHECK(region_remove(r) == 0 && memcmp(disk, original, sizeof disk) == 0);

	// With it, they are stored when that is asked for, and those behind the end are not.
	file.write = disk_write;
	r = add(ARENA, 4, REGION_RW, &region_file, &file);
	compare_file(ARENA);
	CHECK(region_sync(r, 0, r->size) == 0 && nwrites == 0);
	WORD(ARENA + 8) = 0x22222222;
	CHECK(memcmp(disk, original, sizeof disk) == 0);
	CHECK(region_sync(r, 0, r->size) == 0 && nwrites == 1);
	CHECK(*(uint32_t *) (disk + FILE_AT + 8) == 0x22222222);
	memset((void *) (ARENA + 2 * PGSIZE), 0x33, 2 * PGSIZE);
	CHECK(region_evict(r, 0, r->size) == 0 && written_to == FILE_SIZE);
	for (uint32_t i = FILE_AT + 2 * PGSIZE; i < sizeof disk; i++)
		CHECK(disk[i] == (i < FILE_SIZE ? 0x33 : original[i]));
	CHECK(WORD(ARENA + 2 * PGSIZE) == 0x33333333 && WORD(ARENA + 3 * PGSIZE) == 0);
	CHECK(WORD(ARENA + 8) == 0x22222222);
	WORD(ARENA) = 0x44444444;
	disk_error = -E_NO_DISK;
	CHECK(region_remove(r) == -E_NO_DISK && WORD(ARENA) == 0x44444444);
	disk_error = 0;
	CHECK(region_remove(r) == 0 && *(uint32_t *) (disk + FILE_AT) == 0x44444444);
}

// Write watch.

static volatile uint32_t told[16], ntold;

static void
tell(struct Region *r, uint32_t offset)
{
	CHECK(ntold < ARRAY_SIZE(told) && offset % PGSIZE == 0);
	told[ntold++] = offset / PGSIZE;
}

static void
watched(void)
{
	struct Watch watch = {.written = tell};
	struct Region *r = add(ARENA, 8, REGION_RW, &region_watched, &watch);

	CHECK(region_watch(r) == 0);
	CHECK(WORD(ARENA) == 0 && WORD(ARENA + 7 * PGSIZE) == 0 && ntold == 0);
	WORD(ARENA) = 1;                    // read before
	WORD(ARENA + 3 * PGSIZE + 400) = 1; // not there before
	CHECK(ntold == 2 && told[0] == 0 && told[1] == 3);
	WORD(ARENA + 4) = 2;
	WORD(ARENA + 3 * PGSIZE) = 2;
	CHECK(ntold == 2);
	for (uint32_t round = 0; round < 3; round++) {
		CHECK(region_watch(r) == 0);
		ntold = 0;
		CHECK(WORD(ARENA) == 1 + round && ntold == 0);
		WORD(ARENA) = 2 + round;
		WORD(ARENA) = 2 + round;
		WORD(ARENA + 5 * PGSIZE) = 1;
		CHECK(ntold == 2 && told[0] == 0 && told[1] == 5);
		CHECK(WORD(ARENA) == 2 + round);
	}
	CHECK(region_dirty(r, 0, r->size, NULL) == 3);
	CHECK(region_remove(r) == 0);
}

// The program's own data and its stack can be watched as well.

static uint32_t own[8 * PGSIZE / 4] __attribute__((aligned(PGSIZE)));

static volatile uint32_t nquiet;

static void
tell_quietly(struct Region *r, uint32_t offset)
{
	nquiet++;
}

static uint32_t __attribute__((noinline)) deep(uint32_t n)
{
	volatile uint32_t frame[200];

	frame[n % 200] = n;
	return n == 0 ? 0 : deep(n - 1) + frame[n % 200];
}

static void
watched_program(void)
{
	struct Watch watch = {.written = tell}, quiet = {.written = tell_quietly};
	struct Region *r;

	for (uint32_t i = 0; i < ARRAY_SIZE(own); i++)
		own[i] = i;
	r = add((uint32_t) own, 8, REGION_RW, &region_watched, &watch);
	for (uint32_t round = 0; round < 2; round++) {
		CHECK(region_watch(r) == 0);
		ntold = 0;
		for (uint32_t i = 0; i < ARRAY_SIZE(own); i += 100)
			((volatile uint32_t *) own)[i]++;
		CHECK(ntold == 8);
	}
	for (uint32_t i = 0; i < ARRAY_SIZE(own); i++)
		CHECK(own[i] == i + (i % 100 == 0 ? 2 : 0));

	r = add(USTACKTOP - 4 * PGSIZE, 4, REGION_RW, &region_watched, &quiet);
	deep(4);
	for (uint32_t round = 0; round < 5; round++) {
		CHECK(region_watch(r) == 0);
		CHECK(deep(10) == 55);
		CHECK(region_watch(r) == 0);
		cprintf("pagers_stock: on a stack that is watched%s\n", round ? ", again" : "");
	}
	CHECK(nquiet >= 10);
	CHECK(region_protect(r, 0, r->size, REGION_RW) == 0);
}

// Snapshots, against a plain model: a word at the start of each page.

#define PAGES 16
#define KEPT 6
#define SNAPSHOT(i) (ARENA + (1 + (i)) * 0x100000)

static uint32_t model[PAGES], kept[KEPT][PAGES];
static bool is_kept[KEPT];

static void
compare(uint32_t base, const uint32_t *right)
{
	for (uint32_t i = 0; i < PAGES; i++) {
		pte_t pte = uvpd[PDX(base)] & PTE_P ? uvpt[PGNUM(base + i * PGSIZE)] : 0;

		// What is missing in a snapshot is what it would be in the region.
		CHECK(pte & PTE_P ? WORD(base + i * PGSIZE) == right[i] : right[i] == 0);
	}
}

static void
snapshot_step(struct Region *r, uint32_t *seed)
{
	uint32_t what = xorshift(seed) % 16, page = xorshift(seed) % PAGES,
		 k = xorshift(seed) % KEPT;

	if (what < 8) {
		WORD(ARENA + page * PGSIZE) = model[page] = xorshift(seed);
	} else if (what < 10) {
		CHECK(WORD(ARENA + page * PGSIZE) == model[page]);
	} else if (what < 12) {
		if (is_kept[k])
			CHECK(region_snapshot_drop(r, (void *) SNAPSHOT(k)) == 0);
		CHECK(region_snapshot(r, (void *) SNAPSHOT(k)) == 0);
		memcpy(kept[k], model, sizeof model);
		is_kept[k] = true;
	} else if (what < 14 && is_kept[k]) {
		CHECK(region_restore(r, (void *) SNAPSHOT(k)) == 0);
		memcpy(model, kept[k], sizeof model);
	} else if (what == 14 && is_kept[k]) {
		CHECK(region_snapshot_drop(r, (void *) SNAPSHOT(k)) == 0);
		for (uint32_t i = 0; i < PAGES; i++)
			CHECK(!(uvpt[PGNUM(SNAPSHOT(k) + i * PGSIZE)] & PTE_P));
		is_kept[k] = false;
	} else if (what == 15 && page % 4 == 0) {
		CHECK(region_evict(r, page * PGSIZE, PGSIZE) == 0);
		model[page] = 0;
	}
}

static void
snapshots(void)
{
	struct Region *r = add(ARENA, PAGES, REGION_RW, &region_zero, NULL);
	uint32_t seed = 77, frames;

	for (uint32_t i = 0; i < KEPT; i++) {
		CHECK(region_snapshot(r, (void *) SNAPSHOT(i)) == 0);
		CHECK(region_snapshot_drop(r, (void *) SNAPSHOT(i)) == 0);
		MUST(sys_page_alloc(0, (void *) SNAPSHOT(i), RW)); // the table stays
		MUST(sys_page_unmap(0, (void *) SNAPSHOT(i)));
	}
	frames = free_frames();
	for (uint32_t i = 0; i < 3000; i++) {
		snapshot_step(r, &seed);
		if (i % 16 != 0)
			continue;
		compare(ARENA, model);
		for (uint32_t k = 0; k < KEPT; k++)
			if (is_kept[k])
				compare(SNAPSHOT(k), kept[k]);
	}
	for (uint32_t k = 0; k < KEPT; k++)
		if (is_kept[k])
			CHECK(!can_write(SNAPSHOT(k) + 4 * PGSIZE, 1));
	for (uint32_t k = 0; k < KEPT; k++)
		if (is_kept[k])
			CHECK(region_snapshot_drop(r, (void *) SNAPSHOT(k)) == 0);
	for (uint32_t i = 0; i < PAGES; i++)
		CHECK(WORD(ARENA + i * PGSIZE) == model[i]);
	CHECK(region_evict(r, 0, r->size) == 0 && free_frames() == frames);
	CHECK(region_remove(r) == 0);
}

static void
snapshot_edges(void)
{
	const uint32_t at = ARENA + 0x100000, alias = ARENA + 0x200000;
	struct Region *r = add(ARENA, 4, REGION_RW, &region_zero, NULL);
	struct Region *other = add(at + 8 * PGSIZE, 1, REGION_RW, &region_zero, NULL);

	CHECK(region_snapshot(r, (void *) (at + 4)) == -E_INVAL);
	CHECK(region_snapshot(r, (void *) ARENA) == -E_INVAL);
	CHECK(region_snapshot(r, (void *) (at + 5 * PGSIZE)) == -E_INVAL);
	CHECK(region_snapshot(r, (void *) (UTEXT - PGSIZE)) == -E_INVAL);
	CHECK(region_snapshot(r, (void *) (USTACKTOP - PGSIZE)) == -E_INVAL);
	CHECK(region_snapshot(r, (void *) 0xfffff000) == -E_INVAL);
	CHECK(region_remove(other) == 0);

	// It gives no right that was not there.
	WORD(ARENA) = 1;
	CHECK(region_protect(r, 0, r->size, REGION_READ) == 0);
	CHECK(region_snapshot(r, (void *) at) == 0);
	CHECK(!can_write(ARENA, 2) && !can_write(at, 2) && WORD(ARENA) == 1);
	CHECK(region_protect(r, 0, r->size, REGION_RW) == 0);
	WORD(ARENA) = 2;
	CHECK(WORD(at) == 1 && WORD(ARENA) == 2);
	CHECK(region_restore(r, (void *) at) == 0 && WORD(ARENA) == 1);
	WORD(ARENA) = 3;
	CHECK(WORD(at) == 1);
	CHECK(region_restore(r, (void *) at) == 0);
	CHECK(region_protect(r, 0, r->size, REGION_RW) == 0);
	WORD(ARENA) = 4;
	CHECK(WORD(at) == 1 && WORD(ARENA) == 4);
	// What has been written to since counts as written.
	CHECK(region_snapshot_drop(r, (void *) at) == 0 && WORD(ARENA) == 4);
	CHECK(region_dirty(r, 0, r->size, NULL) == 1);
	CHECK(region_remove(r) == 0);

	// What would not go back with its pages has no snapshots.
	r = add(ARENA, 4, REGION_RW, &counting, NULL);
	CHECK(region_snapshot(r, (void *) at) == -E_INVAL);
	CHECK(region_remove(r) == 0);
	r = add(ARENA, 4, REGION_RW, &region_shared, NULL);
	CHECK(region_snapshot(r, (void *) at) == -E_INVAL);
	CHECK(region_remove(r) == 0);
	r = add_alias(ARENA, 4, REGION_RW, &region_zero, alias);
	CHECK(region_snapshot(r, (void *) at) == -E_INVAL);
	CHECK(region_remove(r) == 0);
}

// The stack.

static void
recurse(uint32_t arg)
{
	CHECK(deep(100) == 5050);
	SHARED[arg] = SURVIVED;
}

static void
grow_stack(void)
{
	const uint32_t size = 32 * PGSIZE, guard = USTACKTOP - size - PGSIZE;

	CHECK(region_grow_stack(100) == -E_INVAL);
	CHECK(region_grow_stack(size) == 0);
	CHECK(region_at((void *) (USTACKTOP - size)) && region_at((void *) guard));
	CHECK(!region_at((void *) (guard - PGSIZE)));
	SHARED[0] = 0;
	wait_end(spawn(recurse, 0));
	CHECK(SHARED[0] == SURVIVED);
	recurse(1);
	CHECK(SHARED[1] == SURVIVED);
	CHECK(!can_read(guard) && !can_write(guard + PGSIZE - 4, 1));
	wait_end(spawn(recurse, 0));
}

void
umain(int argc, char **argv)
{
	set_pgfault_handler(own_handler);
	share_page();
	zero();
	guard();
	cprintf("pagers_stock: zero, guard\n");
	file_read_only();
	file_private();
	cprintf("pagers_stock: file\n");
	watched();
	cprintf("pagers_stock: watched\n");
	snapshots();
	snapshot_edges();
	cprintf("pagers_stock: snapshots\n");
	grow_stack();
	cprintf("pagers_stock: stack\n");
	if (fork() == 0) {
		watched_program();
		SHARED[0] = 1991;
		exit();
	}
	while (!alone())
		sys_yield();
	CHECK(SHARED[0] == 1991);
	cprintf("pagers_stock: OK\n");
}
