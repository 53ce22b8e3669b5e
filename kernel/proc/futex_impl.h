/* What futex.c and futex_pi.c share: keys, buckets, waiters. */
#ifndef PROC_FUTEX_IMPL_H
#define PROC_FUTEX_IMPL_H

#include "kernel/core/clock.h"
#include "kernel/core/lock.h"
#include "kernel/core/sched.h"
#include "kernel/lib/list.h"
#include "kernel/proc/pi.h"
#include "kernel/proc/process.h"

#define FUTEX_BUCKETS 64u

struct futex_key {
	const void *owner; /* struct mm or struct object; compared, never looked behind */
	u64 at;		   /* address, or byte of the object */
};

struct futex_bucket {
	struct spinlock lock;
	struct list_head waiters; /* struct futex_waiter, by priority; of one the oldest first */
};

/* On the stack of the thread that waits. All of it: the bucket's lock. */
struct futex_waiter {
	struct list_head link;
	struct futex_bucket *bucket; /* changed under the locks of both, by a requeue */
	struct futex_key key;
	struct task *task;
	u32 bitset;
	u32 priority; /* that its thread had when it began to wait */
	bool woken;   /* and out of the bucket, unless `granted` */

	/* futex_pi.c */
	const struct futex_key
		*requeue_to; /* the lock that it wants once it is woken; NULL: none */
	struct pi_waiter pi; /* while it waits for a lock */
	bool granted; /* the owner died: the lock is its own, once it has said so in the word */
};

extern struct futex_bucket futex_buckets[FUTEX_BUCKETS];

/* The calling thread, about to wait. */
static inline struct futex_waiter futex_waiter_new(u32 bitset)
{
	struct task *t = current_task();

	return (struct futex_waiter){
		.task = t, .bitset = bitset, .priority = t->sched_priority, .pi = {.task = t}};
}

/* What tells the word at addr from all others: private to the process, or by what is mapped there. 0,
 * -EINVAL (not aligned) or -EFAULT. Takes mm->lock. */
long futex_get_key(uptr_t addr, u32 op, struct futex_key *key);
bool futex_key_equal(const struct futex_key *a, const struct futex_key *b);
struct futex_bucket *futex_bucket_of(const struct futex_key *key);
/* Locks two buckets, which may be the same, in the order of their addresses. */
void futex_lock_two(struct futex_bucket *a, struct futex_bucket *b);
void futex_unlock_two(struct futex_bucket *a, struct futex_bucket *b);

/* Puts it into its bucket. Caller holds the bucket's lock. */
void futex_enter(struct futex_waiter *w);
/* Takes it off its bucket and wakes it. Caller holds the bucket's lock. */
void futex_wake_waiter(struct futex_waiter *w);
/* Moves it to another word's bucket. Caller holds both locks. */
void futex_move_waiter(struct futex_waiter *w, const struct futex_key *to);
/* Hangs the waiter up if the word still is `val`. 0, -EAGAIN, -EFAULT. */
long futex_enqueue(struct futex_waiter *w, uptr_t addr, u32 val);
/* Sleeps until one of n is woken, or the deadline, or a signal; then none of them waits any more. The
 * number of a woken one, -ETIMEDOUT, -EINTR. */
long futex_sleep(struct futex_waiter *w, u32 n, struct deadline deadline);

/* --- futex_pi.c --- */

long futex_lock_pi(uptr_t addr, u32 op, struct deadline deadline, bool try);
long futex_unlock_pi(uptr_t addr, u32 op);
long futex_wait_requeue_pi(uptr_t addr, u32 op, u32 val, struct deadline deadline, u32 bitset,
	uptr_t lock_addr);
long futex_cmp_requeue_pi(uptr_t from, u32 op, s32 nr_wake, s32 nr_move, uptr_t to, u32 val);
/* The thread ends or begins a new program: the locks it has go to who waits for them. */
void futex_pi_exit(struct task *t);

#endif
