// Queues: rings of links that stand in what is queued.  Everything takes constant time.

#ifndef FAULTLINE_KERN_QUEUE_H
#define FAULTLINE_KERN_QUEUE_H

#include "inc/types.h"

struct Link {
	struct Link *next, *prev; // NULL: in no queue
};

struct Queue {
	struct Link *first; // NULL: empty
};

// The structure that a link is the member `member' of.
#define QUEUED(link, type, member) ((type *) ((char *) (link) -offsetof(type, member)))

// Behind all others.
static inline void
queue_add(struct Queue *q, struct Link *l)
{
	struct Link *first = q->first;

	if (!first) {
		q->first = l->next = l->prev = l;
		return;
	}
	l->next = first;
	l->prev = first->prev;
	first->prev->next = l;
	first->prev = l;
}

// Before all others.
static inline void
queue_push(struct Queue *q, struct Link *l)
{
	queue_add(q, l);
	q->first = l;
}

static inline void
queue_remove(struct Queue *q, struct Link *l)
{
	if (l->next == l) {
		q->first = NULL;
	} else {
		l->next->prev = l->prev;
		l->prev->next = l->next;
		if (q->first == l)
			q->first = l->next;
	}
	l->next = l->prev = NULL;
}

#endif
