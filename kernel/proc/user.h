/*
 * Users: what the processes of one real user id make the kernel hold together, by kind, so that a
 * limit is one for all of them.
 */
#ifndef PROC_USER_H
#define PROC_USER_H

#include "kernel/lib/list.h"
#include "kernel/lib/types.h"

enum user_count {
	USER_THREADS,       /* RLIMIT_NPROC; under process_lock */
	USER_SIGNALS,       /* struct sigqueue, RLIMIT_SIGPENDING; under process_lock */
	USER_FILES_SENT,    /* descriptors in messages that nobody has read, RLIMIT_NOFILE */
	USER_PIPE_PAGES,    /* /proc/sys/fs/pipe-user-pages-soft and -hard */
	USER_EPOLL_WATCHES, /* /proc/sys/fs/epoll/max_user_watches */
	USER_COUNTS,
};

struct user {
	struct list_head all;   /* users_lock */
	u32 uid;
	u32 refs;               /* users_lock */
	u32 count[USER_COUNTS]; /* atomic */
};

/* Before the first process. */
void user_init(void);

/* The user of that number, referenced; NULL: no memory. Not in interrupts, as the next two. */
struct user *user_get(u32 uid) __must_check;
struct user *user_hold(struct user *u);
void user_put(struct user *u); /* NULL is ignored */

/* Of the calling process; root for a thread of the kernel. Not referenced. */
struct user *current_user(void);

static inline void user_add(struct user *u, enum user_count what, s32 n)
{
	__atomic_fetch_add(&u->count[what], (u32)n, __ATOMIC_RELAXED);
}
static inline u32 user_has(const struct user *u, enum user_count what)
{
	return __atomic_load_n(&u->count[what], __ATOMIC_RELAXED);
}

#endif
