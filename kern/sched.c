// Scheduling: round robin over one queue, in constant time.

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
sched_tick(struct Env *self)
{
	if (self->env_status == ENV_RUNNING)
		env_yield(self);
}
