// Messages between envs: one word, and perhaps a page.

#ifndef FAULTLINE_KERN_IPC_H
#define FAULTLINE_KERN_IPC_H

#include "inc/env.h"

struct Message;
struct PageInfo;

// Give the page at srcva of from to to, who waits for a message, with the rights in how.  Returns
// env_ipc_perm: the rights, or 0 when to takes no page.
//	-E_INVAL, -E_NO_MEM	as sys_ipc_try_send
int ipc_pass_page(struct Env *from, struct Env *to, uint32_t srcva, uint32_t how);

// Send m for self, if its receiver waits for a message from self.
//	as sys_ipc_try_send
int ipc_try_send(struct Env *self, const struct Message *m);

// sys_ipc_send, and sys_ipc_call for a message with `call'.  When self is left to wait, *waits is
// true, and the result will be set when the wait is over.
int ipc_send(struct Env *self, const struct Message *m, bool *waits);

// Let self wait for a message, from `only' if that is not 0.  0: the result of its call is set, or
// will be.
//	-E_INVAL	dstva is no page address, or how has an unknown bit
//	-E_TIMEOUT	how has IPC_NOWAIT, and no message is there
int ipc_recv(struct Env *self, envid_t only, uint32_t dstva, uint32_t how);

// The clock has ticked: whose patience is over is released.
void ipc_tick(void);

#endif
