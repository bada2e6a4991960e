// Three envs, for ever: two send to one as fast as they can, and the lines of the receiver
// show whether both get their turn.

#include "inc/lib.h"

#define SENDERS 2

static void __attribute__((noreturn)) send_to(envid_t receiver)
{
	cprintf("%x loop sending to %x\n", sys_getenvid(), receiver);
	for (;;)
		ipc_send(receiver, 0, NULL, 0);
}

void
umain(int argc, char **argv)
{
	envid_t self = sys_getenvid();

	for (int i = 0; i < SENDERS; i++) {
		envid_t child = fork();

		if (child < 0)
			panic("fork: %e", child);
		if (child == 0)
			send_to(self);
	}

	for (;;) {
		envid_t from;

		ipc_recv(&from, NULL, NULL);
		cprintf("%x recv from %x\n", self, from);
	}
}
