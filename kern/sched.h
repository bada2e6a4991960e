// Who runs next.

#ifndef FAULTLINE_KERN_SCHED_H
#define FAULTLINE_KERN_SCHED_H

struct Env;

// What cpu does after it has run self (NULL: nothing): self again while that is RUNNING, else
// whoever is first in the queue, else NULL.
struct Env *sched_pick(struct Env *self, int cpu);

// self's time is up.
void sched_tick(struct Env *self);

#endif
