// Locks in memory that several share, as programs for uCore know them.

#ifndef UCORE_LOCK_H
#define UCORE_LOCK_H

#include <atomic.h>
#include <defs.h>
#include <ulib.h>

#define INIT_LOCK                                                                                  \
	{                                                                                          \
		0                                                                                  \
	}

typedef volatile bool lock_t;

static inline void
lock_init(lock_t *l)
{
	*l = 0;
}

static inline bool
try_lock(lock_t *l)
{
	return !test_and_set_bit(0, l);
}

static inline void
lock(lock_t *l)
{
	while (!try_lock(l))
		yield();
}

static inline void
unlock(lock_t *l)
{
	test_and_clear_bit(0, l);
}

#endif
