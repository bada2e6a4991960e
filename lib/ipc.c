// Messages.

#include "inc/lib.h"

// An address that says "no page" to the kernel.
#define NO_PAGE ((void *) UTOP)

int32_t
ipc_recv(envid_t *from, void *pg, int *perm)
{
	int r = sys_ipc_recv(pg ? pg : NO_PAGE);
	const bool came = r == 0;

	// All of it, before anything is stored: a store may fault, and the handler get a message.
	const int32_t value = came ? (int32_t) thisenv->env_ipc_value : r;
	const envid_t sender = came ? thisenv->env_ipc_from : 0;
	const int rights = came ? thisenv->env_ipc_perm : 0;
	asm volatile("" : : : "memory");
	if (from)
		*from = sender;
	if (perm)
		*perm = rights;
	return value;
}

void
ipc_send(envid_t to, uint32_t value, void *pg, int perm)
{
	int r = sys_ipc_send(to, value, pg ? pg : NO_PAGE, pg ? perm : 0);

	if (r < 0)
		panic("ipc_send to %08x: %e", to, r);
}

envid_t
ipc_find_env(enum EnvType type)
{
	for (int i = 0; i < NENV; i++)
		if (envs[i].env_status != ENV_FREE && envs[i].env_status != ENV_DYING &&
		    envs[i].env_type == type)
			return envs[i].env_id;
	return 0;
}
