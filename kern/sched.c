// Scheduling: round robin over the queue of each CPU, in turns as long as an env's weight says, in
// constant time.  An idle CPU takes from the longest queue, and so does one with fewer than others
// when the clock ticks.

#include "kern/sched.h"

#include "kern/env.h"

struct Env *
sched_pick(struct Env *self, int cpu)
{
	if (self && self->env_status != ENV_RUNNING) {
		env_let_go(self);
		self = NULL;
	}
	env_reap();
	if (!self)
		self = env_next(cpu);
	if (env_any_runnable() || env_any_dead())
		cpu_wake_idle();
	return self;
}

void
sched_tick(struct Env *self, int cpu)
{
	struct Kenv *k = kenv(self);

	env_balance(cpu);
	if (self->env_status != ENV_RUNNING || ++k->ticks < k->weight)
		return;
	k->ticks = 0;
	env_yield(self);
}
