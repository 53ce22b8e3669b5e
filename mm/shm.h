/* System V shared memory, as /proc shows and changes it. The calls are in mm/sys_shm.c. */
#ifndef MM_SHM_H
#define MM_SHM_H

#include "kernel/lib/types.h"

struct text;

/* /proc/sys/kernel/{shmmax,shmall,shmmni} */
extern u32 shm_max; /* bytes of one segment */
extern u32 shm_all; /* pages of all segments together */
extern u32 shm_mni; /* segments */

/* Lines of /proc/sysvipc/shm. */
void shm_show(struct text *t);

#endif
