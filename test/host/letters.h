// A model of messages: who waits to send or to receive what, since when and how much longer, and
// what came last; and who keeps whom, and waits to be heard of.  It says in another way what kern/ipc.c
// has to do, and follows the kernel in three things only: whether there was memory for a page table,
// which only the test knows, why somebody has ended, and when his memory has been given back.

#ifndef FAULTLINE_TEST_HOST_LETTERS_H
#define FAULTLINE_TEST_HOST_LETTERS_H

#include "kern/env.h"

// What the model does not know is asked for here.
struct Pages {
	// Whether `from' may send the page at va to `to' with this permission.
	bool (*offers)(struct Env *from, struct Env *to, uint32_t va, uint32_t perm);
	// It is sent, and must be at dstva of to now, unless memory was lacking: -E_NO_MEM.
	int (*pass)(struct Env *from, struct Env *to, uint32_t va, uint32_t perm, uint32_t dstva);
};

// No env is there yet.
void letters_init(const struct Pages *pages);

// Whether this is one of the calls that the model knows.
bool letters_knows(uint32_t number);

// self has made the call.  Returns what is in its eax now, which is 0 when it waits.  Where two
// errors are right, the model is for the one that the kernel finds first.
int32_t letters_call(struct Env *self, uint32_t number, const uint32_t arg[5]);

// self has made sys_env_set_keeper for e with success: keeper, or nobody, keeps it now.
void letters_keeper(struct Env *e, struct Env *keeper);
// Who keeps e; NULL: nobody.
struct Env *letters_keeper_of(struct Env *e);

// Whether e waits, to send or for a message.
bool letters_wait(struct Env *e);

// The clock has ticked; e has been given other registers.
void letters_tick(void);
void letters_new_frame(struct Env *e);

// After each step: see who has come and who has ended, and compare all that can be seen.
void letters_check(void);

// How many messages have come to their receivers, and how many of these had to wait; how many ends
// keepers have heard of.
extern unsigned letters_sent, letters_waited, letters_ends;

#endif
