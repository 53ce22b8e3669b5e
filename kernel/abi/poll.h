/* poll(2), select(2) and their families (include/uapi/asm-generic/poll.h). */
#ifndef ABI_POLL_H
#define ABI_POLL_H

#include "kernel/lib/types.h"

#define POLLIN     0x0001u
#define POLLPRI    0x0002u
#define POLLOUT    0x0004u
#define POLLERR    0x0008u
#define POLLHUP    0x0010u
#define POLLNVAL   0x0020u
#define POLLRDNORM 0x0040u
#define POLLRDBAND 0x0080u
#define POLLWRNORM 0x0100u
#define POLLWRBAND 0x0200u
#define POLLMSG    0x0400u
#define POLLRDHUP  0x2000u

struct abi_pollfd {
	s32 fd;
	u16 events, revents;
};
_Static_assert(sizeof(struct abi_pollfd) == 8, "struct pollfd is 8 bytes");

#define ABI_FD_SETSIZE 1024u

/* select(2), number 82: its five arguments in memory */
struct abi_sel_arg {
	u32 n, inp, outp, exp, tvp;
};

/* The last argument of pselect6(2) */
struct abi_sigset_arg {
	u32 set, size;
};

#endif
