// A disk whose power fails, for programs that are to survive that.
//
// While `power' is a number of sectors, what is written goes to a cache, and reaches the disk with the next
// flush.  When that many sectors have been written, the power fails: each sector in the cache reaches
// the disk as a whole, or in part, or not, and writes and flushes return -E_NO_DISK from then on.
// Reads do not see the cache.

#ifndef FAULTLINE_USER_FAILINGDISK_H
#define FAULTLINE_USER_FAILINGDISK_H

#include "inc/disk.h"
#include "user/gallery.h"

#define FOREVER UINT32_MAX
static uint32_t power = FOREVER; // how many sectors can still be written; 0: it has failed

// How much of a sector arrives when the power fails, in bytes.
static const uint32_t arriving[] = {0, 32, SECTOR_SIZE};
static uint32_t luck; // which of these, for the last sector

#define CACHED_MAX 1024
static struct {
	uint32_t sector;
	char bytes[SECTOR_SIZE];
} cache[CACHED_MAX];
static uint32_t cached;

static void
power_fails(void)
{
	static uint32_t seed = 1;

	for (uint32_t i = 0; i < cached; i++) {
		uint32_t of = i == cached - 1 ? luck : xorshift(&seed) % ARRAY_SIZE(arriving);
		char sector[SECTOR_SIZE];

		MUST(disk_read(cache[i].sector, sector, 1));
		memcpy(sector, cache[i].bytes, arriving[of]);
		MUST(disk_write(cache[i].sector, sector, 1));
	}
	cached = 0;
}

// disk_write
static int
failing_write(uint32_t sector, const void *from, uint32_t n)
{
	if (power == FOREVER)
		return disk_write(sector, from, n);
	for (; n > 0 && power > 0; n--, sector++, from += SECTOR_SIZE) {
		CHECK(cached < CACHED_MAX);
		cache[cached].sector = sector;
		memcpy(cache[cached++].bytes, from, SECTOR_SIZE);
		if (--power == 0)
			power_fails();
	}
	return power == 0 ? -E_NO_DISK : 0;
}

// disk_flush
static int
failing_flush(void)
{
	int r = power == 0 ? -E_NO_DISK : 0;

	for (uint32_t i = 0; i < cached && r == 0; i++)
		r = disk_write(cache[i].sector, cache[i].bytes, 1);
	cached = 0;
	return r < 0 ? r : disk_flush();
}

#endif
