// Messages.

#include "inc/lib.h"

// An address that says "no page" to the kernel.
#define NO_PAGE ((void *) UTOP)

int32_t
ipc_recv(envid_t *from, void *pg, int *perm)
{
	int r = sys_ipc_recv(pg ? pg : NO_PAGE);

	if (from)
		*from = r < 0 ? 0 : thisenv->env_ipc_from;
	if (perm)
		*perm = r < 0 ? 0 : thisenv->env_ipc_perm;
	return r < 0 ? r : (int32_t) thisenv->env_ipc_value;
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
