/* System V message queues, as ipc(2) and /proc see them. The calls are in sys_msg.c. */
#ifndef IPC_MSG_H
#define IPC_MSG_H

#include "kernel/lib/types.h"

struct text;

/* /proc/sys/kernel/{msgmax,msgmnb,msgmni} */
extern u32 msg_max; /* bytes of one message */
extern u32 msg_mnb; /* bytes of one queue, as it is made */
extern u32 msg_mni; /* queues */

/* msgctl(2); is64: the newer structs. */
long msg_control(s32 id, u32 cmd, uptr_t buf, bool is64);

/* Lines of /proc/sysvipc/msg. */
void msg_show(struct text *t);

#endif
