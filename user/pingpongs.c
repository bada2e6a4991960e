// Two envs that share memory count together.  The messages carry nothing, they only say whose
// turn it is; the number is a variable of both.

#include "inc/lib.h"

#define LAST 10

static volatile uint32_t ball;

void
umain(int argc, char **argv)
{
	envid_t self, other = sfork();

	if (other < 0)
		panic("sfork: %e", other);
	self = sys_getenvid();
	if (other != 0) {
		cprintf("i am %08x; thisenv is %p\n", self, thisenv);
		cprintf("send 0 from %x to %x\n", self, other);
		ipc_send(other, 0, NULL, 0);
	}

	// Only the env whose turn it is may look at the ball: `done' is its last look.
	for (bool done = false; !done;) {
		ipc_recv(&other, NULL, NULL);
		cprintf("%x got %d from %x (thisenv is %p %x)\n", self, ball, other, thisenv,
			thisenv->env_id);
		if (ball == LAST)
			break;
		done = ++ball == LAST;
		ipc_send(other, 0, NULL, 0);
	}
}
