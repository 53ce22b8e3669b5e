/*
 * Locks that the kernel hands over: FUTEX_LOCK_PI and its relatives, of which pthreads make mutexes
 * with PTHREAD_PRIO_INHERIT.
 *
 * The word of such a lock is the owner's thread id, with FUTEX_WAITERS while somebody sleeps. A
 * free lock is taken, and one that nobody waits for released, by the program alone. Otherwise the
 * owner gives it to the waiting thread of the highest priority, of those with the same to the one that
 * has waited longest, and writes that one's id into the word. Until then it runs with that priority
 * (kernel/proc/pi.h).
 *
 * A lock whose owner dies goes to the next with FUTEX_OWNER_DIED. The word may be in memory that the
 * dying thread cannot reach, so the next one writes it.
 *
 * The word is read and written under the bucket's lock, where it cannot be faulted in: if it is not
 * there to be written, it is made so without the lock and all begins anew.
 */
#include "kernel/abi/errno.h"
#include "kernel/abi/futex.h"
#include "kernel/proc/futex_impl.h"
#include "kernel/proc/task.h"
#include "kernel/x86/uaccess.h"

#define ACQUIRED 1	   /* of take_lock() */
#define FAULT_IN (-EFAULT) /* nothing was done: fault_in() and try again */

/* Reads the word, if it can be written too. Caller holds the bucket's lock. */
static bool read_word(u32 *val, uptr_t addr)
{
	return user_is_writable(addr) && !copy_from_user_nofault(val, addr, sizeof(*val));
}

static long fault_in(uptr_t addr)
{
	return cmpxchg_user(addr, 0, 0) == -EFAULT ? -EFAULT : 0;
}

/* One who waits for the lock, or has just been granted it; or NULL. */
static struct futex_waiter *any_waiter(const struct futex_key *key)
{
	struct futex_waiter *w;

	list_for_each_entry (w, &futex_bucket_of(key)->waiters, link)
		if (futex_key_equal(&w->key, key))
			return w;
	return NULL;
}

/* Whose turn it is when the owner gives the lock away. Caller holds the bucket's lock. */
static struct futex_waiter *next_owner(const struct futex_key *key, const struct task *owner)
{
	u32 flags = spin_lock_irqsave(&process_lock);
	struct futex_waiter *w, *next = NULL;

	list_for_each_entry (w, &owner->pi_waiters, pi.link) {
		if (futex_key_equal(&w->key, key)) {
			next = w;
			break;
		}
	}
	spin_unlock_irqrestore(&process_lock, flags);
	return next;
}

/* Those who wait for the old owner's lock wait for the new one now, in the same order. Caller holds the
 * bucket's lock. */
static void change_owner(const struct futex_key *key, struct task *old, struct task *new)
{
	u32 flags = spin_lock_irqsave(&process_lock);
	struct futex_waiter *w, *next;

	list_for_each_entry_safe (w, next, &old->pi_waiters, pi.link) {
		if (!futex_key_equal(&w->key, key))
			continue;
		pi_change_owner(&w->pi, new);
		new->owns_futex = true;
	}
	spin_unlock_irqrestore(&process_lock, flags);
}

/* Whom the waiter waits for, if the word names nobody else. NULL: it is not for a lock, or the word is
 * wrong. */
static struct task *owner_told(const struct futex_waiter *w, u32 word)
{
	struct task *owner = w->granted ? w->task : w->pi.owner;
	u32 tid = word & FUTEX_TID_MASK;

	if (owner && tid != owner->tid && (tid || !(word & FUTEX_OWNER_DIED)))
		return NULL;
	return owner;
}

/* The living thread of this id. */
static struct task *find_owner(u32 tid)
{
	u32 flags = spin_lock_irqsave(&process_lock);
	struct task *t = task_find(tid);

	if (t && t->exiting)
		t = NULL;
	if (t)
		t->owns_futex = true;
	spin_unlock_irqrestore(&process_lock, flags);
	return t;
}

/*
 * Takes the lock for t, or finds whom t has to wait for: ACQUIRED; 0: *owner; FAULT_IN; or a
 * negative errno. waiters: FUTEX_WAITERS if others will wait, else 0. Caller holds the bucket's
 * lock.
 */
static long take_lock(
	const struct futex_key *key, uptr_t addr, struct task *t, u32 waiters, struct task **owner)
{
	const struct futex_waiter *other = any_waiter(key);
	u32 old;

	if (!read_word(&old, addr))
		return FAULT_IN;
	if ((old & FUTEX_TID_MASK) == t->tid)
		return -EDEADLK;
	if (other) {
		*owner = owner_told(other, old);
		return *owner ? 0 : -EINVAL;
	}
	if (!(old & FUTEX_TID_MASK)) {
		u32 own = (old & FUTEX_OWNER_DIED) | t->tid | waiters;

		return cmpxchg_user(addr, old, own) ? FAULT_IN : ACQUIRED;
	}
	*owner = find_owner(old & FUTEX_TID_MASK);
	if (!*owner)
		return -ESRCH;
	return cmpxchg_user(addr, old, old | FUTEX_WAITERS) ? FAULT_IN : 0;
}

/* The owner died and left the lock to this waiter, who says so in the word. */
static long settle(struct futex_waiter *w, uptr_t addr)
{
	struct futex_bucket *b = w->bucket;
	u32 old;
	long err = 0;

	for (;;) {
		spin_lock(&b->lock);
		if (err || read_word(&old, addr))
			break;
		spin_unlock(&b->lock);
		err = fault_in(addr);
	}
	list_del(&w->link);
	if (!err)
		err = cmpxchg_user(addr, old, FUTEX_OWNER_DIED | FUTEX_WAITERS | w->task->tid);
	spin_unlock(&b->lock);
	return err;
}

/* Ends a wait for the lock at `addr`. err: what the sleep ended with. */
static long finish_wait(struct futex_waiter *w, uptr_t addr, long err)
{
	return w->granted ? settle(w, addr) : err;
}

long futex_lock_pi(uptr_t addr, u32 op, struct deadline deadline, bool try)
{
	struct futex_waiter w = futex_waiter_new(FUTEX_BITSET_ANY);
	struct task *owner;
	long err = futex_get_key(addr, op, &w.key);

	while (!err) {
		w.bucket = futex_bucket_of(&w.key);
		spin_lock(&w.bucket->lock);
		err = take_lock(&w.key, addr, w.task, 0, &owner);
		if (!err && try)
			err = -EAGAIN;
		if (!err)
			err = pi_block(&w.pi, owner);
		if (!err)
			futex_enter(&w);
		spin_unlock(&w.bucket->lock);
		if (!err)
			break;
		if (err == FAULT_IN)
			err = fault_in(addr);
	}
	if (err)
		return err == ACQUIRED ? 0 : err;
	err = finish_wait(&w, addr, futex_sleep(&w, 1, deadline));
	return err == -EINTR ? -ERESTARTNOINTR : err;
}

/* Gives the lock to the first who waits, or to nobody. FAULT_IN, 0 or a negative errno. Caller
 * holds the bucket's lock. */
static long release(const struct futex_key *key, uptr_t addr)
{
	const struct futex_waiter *other = any_waiter(key);
	struct futex_waiter *next = NULL;
	u32 old, new;

	if (!read_word(&old, addr))
		return FAULT_IN;
	if ((old & FUTEX_TID_MASK) != current_task()->tid)
		return -EPERM;
	if (other) {
		next = next_owner(key, current_task());
		if (!next)
			return -EINVAL;
	}
	new = next ? FUTEX_WAITERS | next->task->tid : 0;
	if (cmpxchg_user(addr, old, new))
		return FAULT_IN;
	if (next) {
		futex_wake_waiter(next);
		change_owner(key, current_task(), next->task);
	}
	return 0;
}

long futex_unlock_pi(uptr_t addr, u32 op)
{
	struct futex_key key;
	struct futex_bucket *b;
	u32 now;
	long err = get_user_u32(&now, addr);

	if (!err && (now & FUTEX_TID_MASK) != current_task()->tid)
		err = -EPERM;
	if (!err)
		err = futex_get_key(addr, op, &key);
	if (err)
		return err;
	b = futex_bucket_of(&key);
	for (;;) {
		spin_lock(&b->lock);
		err = release(&key, addr);
		spin_unlock(&b->lock);
		if (err != FAULT_IN)
			return err;
		err = fault_in(addr);
		if (err)
			return err;
	}
}

/* --- Condition variables: waiting for one word, and then for a lock --- */

long futex_wait_requeue_pi(uptr_t addr, u32 op, u32 val, struct deadline deadline, u32 bitset,
	uptr_t lock_addr)
{
	struct futex_key lock;
	struct futex_waiter w = futex_waiter_new(bitset);
	long err = addr.va == lock_addr.va || !bitset ? -EINVAL : 0;

	if (!err)
		err = futex_get_key(addr, op, &w.key);
	if (!err)
		err = futex_get_key(lock_addr, op, &lock);
	w.requeue_to = &lock;
	if (!err)
		err = futex_enqueue(&w, addr, val);
	if (err)
		return err;
	err = finish_wait(&w, lock_addr, futex_sleep(&w, 1, deadline));
	if (err != -EINTR)
		return err;
	return futex_key_equal(&w.key, &lock) ? -EAGAIN : -ERESTARTNOINTR;
}

struct requeue_pi {
	struct futex_key from, to;
	uptr_t to_addr;
	s32 nr_move;
};

/* The first gets the lock if it is free; all others wait for it. Returns how many were woken or
 * moved, FAULT_IN or a negative errno. Caller holds both locks. */
static long requeue_locked(const struct requeue_pi *r)
{
	struct futex_waiter *w, *next;
	struct task *owner;
	long n = 0, err;

	list_for_each_entry_safe (w, next, &futex_bucket_of(&r->from)->waiters, link) {
		if (n > r->nr_move)
			break;
		if (!futex_key_equal(&w->key, &r->from))
			continue;
		if (!w->requeue_to || !futex_key_equal(w->requeue_to, &r->to))
			return -EINVAL;
		err = take_lock(
			&r->to, r->to_addr, w->task, r->nr_move ? FUTEX_WAITERS : 0, &owner);
		if (!err)
			err = pi_block(&w->pi, owner);
		if (err && err != ACQUIRED)
			return n && err == FAULT_IN ? n : err;
		if (err == ACQUIRED)
			futex_wake_waiter(w);
		else
			futex_move_waiter(w, &r->to);
		n++;
	}
	return n;
}

long futex_cmp_requeue_pi(uptr_t from, u32 op, s32 nr_wake, s32 nr_move, uptr_t to, u32 val)
{
	struct requeue_pi r = {.to_addr = to, .nr_move = nr_move};
	struct futex_bucket *a, *b;
	long n = from.va == to.va || nr_wake != 1 || nr_move < 0 ? -EINVAL : 0;
	u32 now;

	if (!n)
		n = futex_get_key(from, op, &r.from);
	if (!n)
		n = futex_get_key(to, op, &r.to);
	if (n)
		return n;
	a = futex_bucket_of(&r.from);
	b = futex_bucket_of(&r.to);
	for (;;) {
		futex_lock_two(a, b);
		n = FAULT_IN;
		if (!copy_from_user_nofault(&now, from, sizeof(now)) && user_is_writable(to))
			n = now == val ? requeue_locked(&r) : -EAGAIN;
		futex_unlock_two(a, b);
		if (n != FAULT_IN)
			return n;
		if (get_user_u32(&now, from) || fault_in(to))
			return -EFAULT;
	}
}

/* --- Owners that die --- */

/* Caller holds the bucket's lock. */
static void leave_to_next(struct futex_bucket *b, struct task *t)
{
	struct futex_waiter *w, *next;

	list_for_each_entry (w, &b->waiters, link) {
		if (w->pi.owner != t)
			continue;
		next = next_owner(&w->key, t);
		pi_unblock(&next->pi);
		change_owner(&next->key, t, next->task);
		next->granted = true;
		next->woken = true;
		thread_wake(&next->task->thread);
	}
}

void futex_pi_exit(struct task *t)
{
	if (!t->owns_futex)
		return;
	for (u32 i = 0; i < FUTEX_BUCKETS; i++) {
		spin_lock(&futex_buckets[i].lock);
		leave_to_next(&futex_buckets[i], t);
		spin_unlock(&futex_buckets[i].lock);
	}
	t->owns_futex = false;
}
