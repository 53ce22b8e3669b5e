/* System V semaphores, as ipc(2), exit and /proc see them. The calls are in sys_sem.c. */
#ifndef IPC_SEM_H
#define IPC_SEM_H

#include "kernel/lib/types.h"

struct process;
struct text;

/* /proc/sys/kernel/sem: semaphores of one set, of all sets, operations of one semop(), sets */
extern u32 sem_limits[4];

/* semtimedop(2) with a struct timespec of 32 bits, NULL: without end. */
long sem_timedop(s32 id, uptr_t ops, u32 n, uptr_t time);

/* semctl(2); `arg` is the value or pointer itself. is64: the newer structs. */
long sem_control(s32 id, u32 num, u32 cmd, u32 arg, bool is64);

/* The process ends: what it did with SEM_UNDO is taken back. */
void sem_exit(struct process *p);

/* Lines of /proc/sysvipc/sem. */
void sem_show(struct text *t);

#endif
