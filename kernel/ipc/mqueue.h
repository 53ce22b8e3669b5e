/* POSIX message queues, as /proc/sys/fs/mqueue sees them. */
#ifndef IPC_MQUEUE_H
#define IPC_MQUEUE_H

#include "kernel/lib/types.h"

#define MQ_HARD_MSG_MAX	    65536u
#define MQ_HARD_MSGSIZE_MAX (16u << 20)

/* What a queue may have that is made without privilege, and has when nothing is asked for. */
extern u32 mq_queues_max;
extern u32 mq_msg_max, mq_msg_default;	       /* messages */
extern u32 mq_msgsize_max, mq_msgsize_default; /* bytes of one */

/* The type "mqueue", whose only instance also works while it is not mounted. At boot. */
void mqueue_init(void);

#endif
