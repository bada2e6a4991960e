// Who runs next.

#ifndef FAULTLINE_KERN_SCHED_H
#define FAULTLINE_KERN_SCHED_H

struct Env;

// What cpu does after it has run self (NULL: nothing): self again while that is RUNNING, else
// whoever is first in the queue, else NULL.
struct Env *sched_pick(struct Env *self, int cpu);

// The clock has ticked while cpu ran self: its turn may be over.
void sched_tick(struct Env *self, int cpu);

#endif
