// How a message is sent or waited for: the last argument of the sys_ipc_ calls, which the rights
// of a page share with these.

#ifndef FAULTLINE_INC_IPC_H
#define FAULTLINE_INC_IPC_H

// Do not wait: fail at once instead.
#define IPC_NOWAIT 0x1000
// Of a call: take the answer from the env that was called, and from nobody else.
#define IPC_ONLY 0x2000
// Wait no longer than ms milliseconds, 1 to 65,535; 0 is for ever.  The clock ticks every 10 ms,
// and a wait may take one tick longer.
#define IPC_TIMEOUT(ms) ((uint32_t) (ms) << 16)

// In env_ipc_perm: this is the last message of an env that has ended, to its keeper (see
// sys_env_set_keeper).  No env can send this bit.  env_ipc_value says why it has ended:
#define IPC_ENDED 0x4000
#define IPC_ENDED_ITSELF 0     // by sys_env_destroy(0), or it stopped where nobody could start it
#define IPC_ENDED_BY_OTHER 1   // by sys_env_destroy of another env, or with its parent
#define IPC_ENDED_BY_ADDRESS 2 // a call or a fault needed memory that it may not use
#define IPC_ENDED_BY_TRAP(n) ((n) + 8u) // a trap with number n of inc/trap.h

#endif
