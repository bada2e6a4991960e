// malloc: free blocks in the order of their addresses, so that neighbours are found and joined when
// one is freed; the first that is large enough is taken, from its end.

#include "user/user.h"

// Before each block; sizes count in these, and it is the alignment of what malloc returns.
struct Block {
	uint size;          // with this head
	struct Block *next; // of the free ones
};

#define LEAST (32768 / sizeof(struct Block)) // to ask sbrk for

static struct Block *free_blocks;

// Join b with the next free block if nothing is in between.
static void
join(struct Block *b)
{
	if (b + b->size != b->next)
		return;
	b->size += b->next->size;
	b->next = b->next->next;
}

static void
insert(struct Block *b)
{
	struct Block *before = 0, **link = &free_blocks;

	while (*link && *link < b) {
		before = *link;
		link = &before->next;
	}
	b->next = *link;
	*link = b;
	join(b);
	if (before)
		join(before);
}

static struct Block *
take(struct Block **link, uint size)
{
	struct Block *b = *link;

	if (b->size == size) {
		*link = b->next;
		return b;
	}
	b->size -= size;
	b += b->size;
	b->size = size;
	return b;
}

// Whether there is a free block of `size' more than before.
static int
grow(uint size)
{
	struct Block *b;

	if (size < LEAST)
		size = LEAST;
	b = (struct Block *) sbrk(size * sizeof(*b));
	if (b == (struct Block *) -1)
		return 0;
	b->size = size;
	insert(b);
	return 1;
}

void *
malloc(uint n)
{
	const uint size = n / sizeof(struct Block) + (n % sizeof(struct Block) != 0) + 1;

	if (size > 0x7fffffff / sizeof(struct Block))
		return 0;
	do {
		for (struct Block **link = &free_blocks; *link; link = &(*link)->next)
			if ((*link)->size >= size)
				return take(link, size) + 1;
	} while (grow(size));
	return 0;
}

void
free(void *p)
{
	if (p)
		insert((struct Block *) p - 1);
}
