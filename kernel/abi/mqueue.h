/* POSIX message queues (linux/mqueue.h). */
#ifndef ABI_MQUEUE_H
#define ABI_MQUEUE_H

#include "kernel/lib/types.h"

#define MQ_PRIO_MAX 32768u

/* What mq_notify(2)'s SIGEV_THREAD sends: the program's bytes, the last of them one of these. */
#define NOTIFY_COOKIE_LEN 32u
#define NOTIFY_WOKENUP	  1
#define NOTIFY_REMOVED	  2

struct abi_mq_attr {
	s32 flags; /* O_NONBLOCK of the open file */
	s32 maxmsg, msgsize;
	s32 curmsgs;
	s32 reserved[4];
};
_Static_assert(sizeof(struct abi_mq_attr) == 32, "struct mq_attr is 32 bytes");

#endif
