/* System V shared memory, as ipc(2) and /proc see it. The calls are in sys_shm.c. */
#ifndef IPC_SHM_H
#define IPC_SHM_H

#include "kernel/lib/types.h"

struct text;

/* /proc/sys/kernel/{shmmax,shmall,shmmni} */
extern u32 shm_max; /* bytes of one segment */
extern u32 shm_all; /* pages of all segments together */
extern u32 shm_mni; /* segments */

/* shmctl(2); is64: the newer structs. */
long shm_control(s32 id, u32 cmd, uptr_t buf, bool is64);

/* Lines of /proc/sysvipc/shm. */
void shm_show(struct text *t);

#endif
