// init's semaphores, and the patience of those who wait for one.

#include "lib/proc.h"

static struct Sem *
find(uint32_t id)
{
	return id < SEMS && INIT->sem[id].used ? &INIT->sem[id] : NULL;
}

void
_sem_init(void)
{
	link_init(&INIT->timed);
}

int32_t
_sem_new(int value)
{
	for (int id = 0; id < SEMS; id++) {
		struct Sem *sem = &INIT->sem[id];

		if (sem->used)
			continue;
		*sem = (struct Sem){.used = true, .value = value};
		link_init(&sem->waiting);
		return id;
	}
	return -E_MAX_OPEN;
}

int32_t
_sem_up(uint32_t id)
{
	struct Sem *sem = find(id);

	if (!sem)
		return -E_INVAL;
	while (!link_alone(&sem->waiting))
		if (_init_answer(LINKED(sem->waiting.next, struct Task, queue), 0))
			return 0;
	if (sem->value == INT32_MAX)
		return -E_INVAL;
	sem->value++;
	return 0;
}

static int32_t
until(const struct Task *t, int32_t now)
{
	// The clock has 31 bits.
	return (int32_t) ((t->deadline - (uint32_t) now) << 1) >> 1;
}

// Let t lose patience in ms milliseconds.
static void
limit(struct Task *t, uint32_t ms)
{
	const int32_t now = sys_clock_ms();
	struct Link *l = INIT->timed.next;

	t->deadline = (uint32_t) now + ms;
	while (l != &INIT->timed && until(LINKED(l, struct Task, timed), now) <= (int32_t) ms)
		l = l->next;
	link_insert(l, &t->timed);
}

void
_sem_down(struct Task *t, uint32_t arg)
{
	struct Sem *sem = find(SEM_ID(arg));

	if (!sem) {
		_init_answer(t, -E_INVAL);
	} else if (sem->value > 0) {
		sem->value--;
		_init_answer(t, 0);
	} else {
		_init_wait(t, WAIT_SEM, SEM_ID(arg), &sem->waiting);
		if (SEM_WAIT(arg) > 0)
			limit(t, SEM_WAIT(arg));
	}
}

int32_t
_sem_free(uint32_t id)
{
	struct Sem *sem = find(id);

	if (!sem)
		return -E_INVAL;
	sem->used = false;
	while (!link_alone(&sem->waiting))
		_init_answer(LINKED(sem->waiting.next, struct Task, queue), -E_INVAL);
	return 0;
}

uint32_t
_sem_timeouts(void)
{
	while (!link_alone(&INIT->timed)) {
		struct Task *t = LINKED(INIT->timed.next, struct Task, timed);
		const int32_t left = until(t, sys_clock_ms());

		if (left > 0)
			return IPC_TIMEOUT(MIN(left, 60000));
		_init_answer(t, -E_TIMEOUT);
	}
	return 0;
}
