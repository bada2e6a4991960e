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

#endif
