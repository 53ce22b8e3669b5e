/* POSIX message queues (linux/mqueue.h). */
#ifndef ABI_MQUEUE_H
#define ABI_MQUEUE_H

#include "kernel/lib/types.h"

#define MQ_PRIO_MAX 32768u

struct abi_mq_attr {
	s32 flags; /* O_NONBLOCK of the open file */
	s32 maxmsg, msgsize;
	s32 curmsgs;
	s32 reserved[4];
};
_Static_assert(sizeof(struct abi_mq_attr) == 32, "struct mq_attr is 32 bytes");

#endif
