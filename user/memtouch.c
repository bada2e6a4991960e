// Takes all the memory there is, a page at a time, and leaves in each a word that no other has:
// no frame is given out twice, wherever in physical memory it lies.

#include "inc/lib.h"

#define FIRST 0x10000000u
#define LIMIT (USTACKTOP - 0x1000000u)

static volatile uint32_t *
word(uint32_t page)
{
	return (volatile uint32_t *) (FIRST + page * PGSIZE);
}

static uint32_t
mark(uint32_t page)
{
	return 0x5eed0000 ^ page;
}

void
umain(int argc, char **argv)
{
	uint32_t n;
	int r = 0;

	for (n = 0; n < (LIMIT - FIRST) / PGSIZE; n++) {
		if ((r = sys_page_alloc(0, (void *) word(n), PTE_P | PTE_U | PTE_W)) < 0)
			break;
		if (*word(n) != 0)
			panic("page %u was not zeroed: %08x", n, *word(n));
		*word(n) = mark(n);
	}
	if (r < 0 && r != -E_NO_MEM)
		panic("sys_page_alloc: %e", r);

	for (uint32_t i = 0; i < n; i++)
		if (*word(i) != mark(i))
			panic("page %u holds %08x, not %08x", i, *word(i), mark(i));
	cprintf("memtouch: %u pages, %u MB\n", n, n / (1024 * 1024 / PGSIZE));
	cprintf("memtouch: OK\n");
}
