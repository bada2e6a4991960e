// Messages between envs: one word, and perhaps a page.

#ifndef FAULTLINE_KERN_IPC_H
#define FAULTLINE_KERN_IPC_H

#include "inc/types.h"

struct Env;
struct PageInfo;

// A page on its way from one address space to another: what a sender offers, checked.
struct PageGift {
	struct PageInfo *page;
	uint32_t perm; // of the new mapping, with PTE_GIVENW where it is due
};

// What the page at va of `from' becomes when it is mapped in `to' with perm; see sys_page_map.
//	-E_INVAL	as there
int page_offer(struct Env *from, uint32_t va, struct Env *to, uint32_t perm, struct PageGift *g);

// Map what was offered at va of `to'.	-E_NO_MEM as sys_page_map
int page_accept(struct Env *to, uint32_t va, const struct PageGift *g);

// sys_ipc_try_send and sys_ipc_recv; the latter blocks self, and its result is already there.
int ipc_try_send(struct Env *self, struct Env *to, uint32_t value, uint32_t srcva, uint32_t perm);
int ipc_recv(struct Env *self, uint32_t dstva);

#endif
