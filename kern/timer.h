// Time limits, counted in ticks of the clock.

#ifndef FAULTLINE_KERN_TIMER_H
#define FAULTLINE_KERN_TIMER_H

#include "kern/queue.h"

#define TICK_MS 10 // milliseconds from one tick to the next

struct Timer {
	struct Link link;  // [K]
	uint32_t deadline; // [K] the tick at which it is over
};

// No timer is set.
void timer_init(void);

// t, which is not set, is over ms milliseconds from now, or up to a tick later.
void timer_set(struct Timer *t, uint32_t ms);

// t is not over any more, if it was set.
void timer_cancel(struct Timer *t);

// Whether any timer is set.
bool timer_any(void);

// Milliseconds since the start, modulo 2^31.
int32_t timer_ms(void);

// The next tick has come.
void timer_tick(void);

// A timer that is over, now no longer set; NULL when there is none.
struct Timer *timer_over(void);

#endif
