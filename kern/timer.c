// Time limits.
//
// The timers stand in a hashed wheel (Varghese and Lauck, "Hashed and hierarchical timing wheels",
// 1987, scheme 6): the bucket for each deadline is found by its low bits, so setting and cancelling
// take constant time, and a tick looks at one bucket.  A timer more than a turn of the wheel away
// is looked at once a turn.

#include "kern/timer.h"

#include "inc/memlayout.h"

#define NBUCKETS 256 // a power of two

static struct Queue wheel[NBUCKETS]; // [K]
static struct Queue over;            // [K] until timer_over takes them
static unsigned nset;                // [K] in wheel and over
static uint32_t now;                 // [K] ticks since the start

void
timer_init(void)
{
	for (int i = 0; i < NBUCKETS; i++)
		wheel[i].first = NULL;
	over.first = NULL;
	nset = now = 0;
}

static struct Queue *
bucket(uint32_t tick)
{
	return &wheel[tick % NBUCKETS];
}

void
timer_set(struct Timer *t, uint32_t ms)
{
	// The tick that is under way may be nearly over, and does not count.
	t->deadline = now + 1 + (ms + TICK_MS - 1) / TICK_MS;
	queue_add(bucket(t->deadline), &t->link);
	nset++;
}

void
timer_cancel(struct Timer *t)
{
	if (!t->link.next)
		return;
	queue_remove((int32_t) (t->deadline - now) > 0 ? bucket(t->deadline) : &over, &t->link);
	nset--;
}

bool
timer_any(void)
{
	return nset > 0;
}

int32_t
timer_ms(void)
{
	return now * TICK_MS & INT32_MAX;
}

void
timer_tick(void)
{
	struct Queue *q = bucket(++now), late = {NULL};

	while (q->first) {
		struct Timer *t = QUEUED(q->first, struct Timer, link);
		queue_remove(q, &t->link);
		queue_add(t->deadline == now ? &over : &late, &t->link);
	}
	*q = late;
}

struct Timer *
timer_over(void)
{
	if (!over.first)
		return NULL;
	struct Timer *t = QUEUED(over.first, struct Timer, link);
	queue_remove(&over, &t->link);
	nset--;
	return t;
}
