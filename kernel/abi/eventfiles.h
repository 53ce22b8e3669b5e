/* epoll(7), eventfd(2), timerfd_create(2), signalfd(2), inotify(7): their flags and structs. */
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

/* --- inotify: O_CLOEXEC, O_NONBLOCK; what a watch asks for, and an event tells --- */

#define IN_ACCESS	 0x0001u
#define IN_MODIFY	 0x0002u
#define IN_ATTRIB	 0x0004u
#define IN_CLOSE_WRITE	 0x0008u
#define IN_CLOSE_NOWRITE 0x0010u
#define IN_OPEN		 0x0020u
#define IN_MOVED_FROM	 0x0040u
#define IN_MOVED_TO	 0x0080u
#define IN_CREATE	 0x0100u
#define IN_DELETE	 0x0200u
#define IN_DELETE_SELF	 0x0400u
#define IN_MOVE_SELF	 0x0800u
#define IN_ALL_EVENTS	 0x0fffu

/* Told whether asked for or not. */
#define IN_UNMOUNT    0x2000u
#define IN_Q_OVERFLOW 0x4000u
#define IN_IGNORED    0x8000u
#define IN_ISDIR      (1u << 30) /* in an event: it is about a directory */

/* How to watch. */
#define IN_ONLYDIR     (1u << 24)
#define IN_DONT_FOLLOW (1u << 25)
#define IN_EXCL_UNLINK (1u << 26)
#define IN_MASK_CREATE (1u << 28)
#define IN_MASK_ADD    (1u << 29)
#define IN_ONESHOT     (1u << 31)

#define IN_ALL_BITS                                                                                \
	(IN_ALL_EVENTS | IN_UNMOUNT | IN_Q_OVERFLOW | IN_IGNORED | IN_ISDIR | IN_ONLYDIR |         \
		IN_DONT_FOLLOW | IN_EXCL_UNLINK | IN_MASK_CREATE | IN_MASK_ADD | IN_ONESHOT)

struct abi_inotify_event {
	s32 wd;
	u32 mask, cookie;
	u32 len; /* of the name that follows, with the zeroes that fill it up */
};
_Static_assert(sizeof(struct abi_inotify_event) == 16, "struct inotify_event is 16 bytes");

#endif
