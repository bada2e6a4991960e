// Two envs send a number back and forth, one greater each time.

#include "inc/lib.h"

#define LAST 10

void
umain(int argc, char **argv)
{
	envid_t self, other = fork();
	int ball = 0;

	if (other < 0)
		panic("fork: %e", other);
	self = sys_getenvid();
	if (other != 0) {
		cprintf("send 0 from %x to %x\n", self, other);
		ipc_send(other, ball, NULL, 0);
	}

	while (ball < LAST) {
		ball = ipc_recv(&other, NULL, NULL);
		cprintf("%x got %d from %x\n", self, ball, other);
		if (ball < LAST)
			ipc_send(other, ++ball, NULL, 0);
	}
}
