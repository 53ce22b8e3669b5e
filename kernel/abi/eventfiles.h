/* epoll(7), eventfd(2), timerfd_create(2), signalfd(2): their flags and structs. */
#ifndef ABI_EVENTFILES_H
#define ABI_EVENTFILES_H

#include "kernel/lib/types.h"

/* --- epoll --- */

#define EPOLL_CTL_ADD 1u
#define EPOLL_CTL_DEL 2u
#define EPOLL_CTL_MOD 3u

/* Beside the bits of poll(2), which have the same values. */
#define EPOLLEXCLUSIVE (1u << 28)
#define EPOLLWAKEUP    (1u << 29)
#define EPOLLONESHOT   (1u << 30)
#define EPOLLET	       (1u << 31)

struct abi_epoll_event {
	u32 events;
	u64 data;
} __packed __aligned(4);
_Static_assert(sizeof(struct abi_epoll_event) == 12, "struct epoll_event is 12 bytes");

/* --- eventfd: O_CLOEXEC, O_NONBLOCK and this --- */

#define EFD_SEMAPHORE 1u

/* --- timerfd --- */

#define TFD_TIMER_ABSTIME	1u
#define TFD_TIMER_CANCEL_ON_SET 2u

/* --- signalfd --- */

struct abi_signalfd_siginfo {
	u32 signo;
	s32 err, code;
	u32 pid, uid;
	s32 fd;
	u32 tid, band, overrun, trapno;
	s32 status, value;
	u64 ptr, utime, stime, addr;
	u16 addr_lsb, pad2;
	s32 syscall;
	u64 call_addr;
	u32 arch;
	u8 pad[28];
};
_Static_assert(sizeof(struct abi_signalfd_siginfo) == 128, "struct signalfd_siginfo is 128 bytes");

#endif
