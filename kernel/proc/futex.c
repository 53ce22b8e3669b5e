/*
 * futex(2): sleeping on a word of user memory, and waking who sleeps on it.
 *
 * A word is named by a key: private memory by its address space and address, memory that may be
 * shared by its object and the place in it. Waiters hang in a hash of buckets. The word is read
 * under the bucket's lock, without faulting; if its page is not there it is faulted in without the
 * lock and all begins anew. So a waker, who changes the word first and looks for waiters then,
 * finds everybody who saw the old value.
 */
#include "kernel/abi/futex.h"
#include "kernel/abi/errno.h"
#include "kernel/abi/prctl.h"
#include "kernel/abi/time.h"
#include "kernel/core/clock.h"
#include "kernel/proc/futex.h"
#include "kernel/proc/futex_impl.h"
#include "kernel/syscalls.h"
#include "kernel/x86/uaccess.h"
#include "mm/kmalloc.h"
#include "mm/space.h"

#define ROBUST_LIST_LIMIT 2048u

struct futex_bucket futex_buckets[FUTEX_BUCKETS];

void futex_init(void)
{
	for (u32 i = 0; i < FUTEX_BUCKETS; i++) {
		spin_init(&futex_buckets[i].lock, "futex");
		list_init(&futex_buckets[i].waiters);
	}
}

/* --- Keys --- */

static long shared_key(vaddr_t addr, struct futex_key *key)
{
	struct mm *mm = current_process()->mm;
	struct vma *v;
	mutex_lock(&mm->lock);
	v = vma_at(&mm->vmas, addr);
	if (v && v->object && (v->flags & VM_SHARED)) {
		key->owner = v->object;
		key->at = (u64)vma_pgoff(v, addr) * PAGE_SIZE + addr % PAGE_SIZE;
	}
	mutex_unlock(&mm->lock);
	return v ? 0 : -EFAULT;
}

long futex_get_key(uptr_t addr, u32 op, struct futex_key *key)
{
	if (addr.va % 4)
		return -EINVAL;
	if (!user_range_ok(addr, 4))
		return -EFAULT;
	*key = (struct futex_key){current_process()->mm, addr.va};
	return op & FUTEX_PRIVATE_FLAG ? 0 : shared_key(addr.va, key);
}

bool futex_key_equal(const struct futex_key *a, const struct futex_key *b)
{
	return a->owner == b->owner && a->at == b->at;
}

struct futex_bucket *futex_bucket_of(const struct futex_key *key)
{
	u32 h = ((u32)(uintptr_t)key->owner >> 4) * 0x9e3779b1u + (u32)(key->at >> 2);
	h *= 0x85ebca6bu;
	return &futex_buckets[h >> 26];
}
_Static_assert(FUTEX_BUCKETS == 1u << (32 - 26), "the hash has six bits");

void futex_lock_two(struct futex_bucket *a, struct futex_bucket *b)
{
	spin_lock(a < b ? &a->lock : &b->lock);
	if (a != b)
		spin_lock(a < b ? &b->lock : &a->lock);
}

void futex_unlock_two(struct futex_bucket *a, struct futex_bucket *b)
{
	spin_unlock(&a->lock);
	if (a != b)
		spin_unlock(&b->lock);
}

/* --- Waking --- */

void futex_enter(struct futex_waiter *w)
{
	struct list_head *at = w->bucket->waiters.prev;

	while (at != &w->bucket->waiters &&
		list_entry(at, struct futex_waiter, link)->priority < w->priority)
		at = at->prev;
	list_add(&w->link, at);
}

/* It waits no more, for whatever it was. Caller holds the bucket's lock. */
static void leave(struct futex_waiter *w)
{
	list_del(&w->link);
	if (w->pi.owner)
		pi_unblock(&w->pi);
}

/* The waiter takes the bucket's lock before it returns. */
void futex_wake_waiter(struct futex_waiter *w)
{
	leave(w);
	w->woken = true;
	thread_wake(&w->task->thread);
}

void futex_move_waiter(struct futex_waiter *w, const struct futex_key *to)
{
	w->key = *to;
	w->bucket = futex_bucket_of(to);
	list_del(&w->link);
	futex_enter(w);
}

/* One that is to have a lock is not woken by the way, nor moved. */
static bool wants_lock(const struct futex_waiter *w)
{
	return w->pi.owner || w->granted || w->requeue_to;
}

/* Wakes up to nr (but at least one) of the key. Returns how many, or -EINVAL. Caller holds the
 * bucket's lock. */
static long wake_locked(struct futex_bucket *b, const struct futex_key *key, u32 nr, u32 bitset)
{
	struct futex_waiter *w, *next;
	long n = 0;
	list_for_each_entry_safe (w, next, &b->waiters, link) {
		if (!futex_key_equal(&w->key, key))
			continue;
		if (wants_lock(w))
			return -EINVAL;
		if (!(w->bitset & bitset))
			continue;
		futex_wake_waiter(w);
		if (++n >= (long)nr)
			break;
	}
	return n;
}

static long futex_wake(uptr_t addr, u32 op, s32 nr, u32 bitset)
{
	struct futex_key key;
	struct futex_bucket *b;
	long n = bitset ? futex_get_key(addr, op, &key) : -EINVAL;
	if (n)
		return n;
	b = futex_bucket_of(&key);
	spin_lock(&b->lock);
	n = wake_locked(b, &key, nr < 0 ? 0 : (u32)nr, bitset);
	spin_unlock(&b->lock);
	return n;
}

/* --- Waiting --- */

/* Reads the word with a bucket locked; false: fault it in without the lock, and try again. */
static bool read_locked(u32 *val, uptr_t addr)
{
	return copy_from_user_nofault(val, addr, sizeof(*val)) == 0;
}

long futex_enqueue(struct futex_waiter *w, uptr_t addr, u32 val)
{
	struct futex_bucket *b = futex_bucket_of(&w->key);
	u32 now;
	bool read;
	for (;;) {
		spin_lock(&b->lock);
		read = read_locked(&now, addr);
		if (read && now == val) {
			w->bucket = b;
			futex_enter(w);
		}
		spin_unlock(&b->lock);
		if (read)
			return now == val ? 0 : -EAGAIN;
		if (get_user_u32(&now, addr) < 0)
			return -EFAULT;
	}
}

/* Out of whatever bucket it is in now. Returns whether it had been woken. */
static bool dequeue(struct futex_waiter *w)
{
	for (;;) {
		struct futex_bucket *b = READ_ONCE(w->bucket);
		bool woken;
		spin_lock(&b->lock);
		if (b != w->bucket) {
			spin_unlock(&b->lock);
			continue;
		}
		woken = w->woken;
		if (!woken)
			leave(w);
		spin_unlock(&b->lock);
		return woken;
	}
}

/* The last of them that had been woken; -1: none. */
static long dequeue_all(struct futex_waiter *w, u32 n)
{
	long woken = -1;
	for (u32 i = 0; i < n; i++)
		if (dequeue(&w[i]))
			woken = (long)i;
	return woken;
}

static bool any_woken(const struct futex_waiter *w, u32 n)
{
	while (n && !READ_ONCE(w[n - 1].woken))
		n--;
	return n;
}

long futex_sleep(struct futex_waiter *w, u32 n, struct deadline deadline)
{
	struct alarm_clock alarm = {.expired = false};
	struct waitq nobody = WAITQ_INIT(nobody);
	long slept, woken;
	if (deadline.ns != DEADLINE_NEVER)
		alarm_clock_arm_by(&alarm, deadline);
	slept = wait_event_interruptible(&nobody, any_woken(w, n) || READ_ONCE(alarm.expired));
	if (deadline.ns != DEADLINE_NEVER)
		alarm_clock_cancel(&alarm);
	woken = dequeue_all(w, n);
	if (woken >= 0)
		return woken;
	return slept ? slept : -ETIMEDOUT;
}

static long futex_wait(uptr_t addr, u32 op, u32 val, u32 bitset, struct deadline deadline)
{
	struct futex_waiter w = futex_waiter_new(bitset);
	long err = bitset ? futex_get_key(addr, op, &w.key) : -EINVAL;
	if (!err)
		err = futex_enqueue(&w, addr, val);
	if (!err)
		err = futex_sleep(&w, 1, deadline);
	if (err != -EINTR)
		return err;
	if (deadline.ns == DEADLINE_NEVER)
		return -ERESTARTSYS;
	current_task()->restart = (struct restart){
		.what = RESTART_FUTEX,
		.until_ns = deadline.ns,
		.addr = addr,
		.op = op,
		.val = val,
		.bitset = bitset,
	};
	return -ERESTART_RESTARTBLOCK;
}

long futex_restart(const struct restart *r)
{
	struct deadline until = {r->until_ns, r->op & FUTEX_CLOCK_REALTIME};

	return futex_wait(r->addr, r->op, r->val, r->bitset, until);
}

/* --- Two words --- */

struct requeue {
	uptr_t from, to;
	u32 op;
	s32 nr_wake, nr_move;
	bool compare;
	u32 val; /* what `from` must hold, with compare */
};

/* Caller holds both locks. */
static long requeue_locked(
	const struct requeue *r, const struct futex_key *from, const struct futex_key *to)
{
	struct futex_bucket *a = futex_bucket_of(from);
	struct futex_waiter *w, *next;
	s64 most = (s64)r->nr_wake + r->nr_move;
	long n = 0;
	list_for_each_entry_safe (w, next, &a->waiters, link) {
		if (n >= most)
			break;
		if (!futex_key_equal(&w->key, from))
			continue;
		if (wants_lock(w))
			return -EINVAL;
		if (n++ < r->nr_wake)
			futex_wake_waiter(w);
		else if (futex_bucket_of(to) != a)
			futex_move_waiter(w, to);
		else
			w->key = *to;
	}
	return n;
}

static long futex_requeue(const struct requeue *r)
{
	struct futex_key from, to;
	struct futex_bucket *a, *b;
	long n;
	if (r->nr_wake < 0 || r->nr_move < 0)
		return -EINVAL;
	n = futex_get_key(r->from, r->op, &from);
	if (!n)
		n = futex_get_key(r->to, r->op, &to);
	if (n)
		return n;
	a = futex_bucket_of(&from);
	b = futex_bucket_of(&to);
	for (;;) {
		u32 now = r->val;
		bool read;
		futex_lock_two(a, b);
		read = !r->compare || read_locked(&now, r->from);
		if (read)
			n = now == r->val ? requeue_locked(r, &from, &to) : -EAGAIN;
		futex_unlock_two(a, b);
		if (read)
			return n;
		if (get_user_u32(&now, r->from) < 0)
			return -EFAULT;
	}
}

/* The word of FUTEX_WAKE_OP after its operation. */
static bool wake_op_apply(u32 code, u32 old, u32 *result)
{
	u32 arg = (u32)((s32)(code << 8) >> 20);
	u32 op = code >> 28;
	if (op & FUTEX_OP_ARG_SHIFT)
		arg = 1u << (arg & 31);
	switch (op & 7) {
	case FUTEX_OP_SET:
		*result = arg;
		return true;
	case FUTEX_OP_ADD:
		*result = old + arg;
		return true;
	case FUTEX_OP_OR:
		*result = old | arg;
		return true;
	case FUTEX_OP_ANDN:
		*result = old & ~arg;
		return true;
	case FUTEX_OP_XOR:
		*result = old ^ arg;
		return true;
	}
	return false;
}

static bool wake_op_compare(u32 code, u32 old, bool *result)
{
	s32 a = (s32)old, b = (s32)(code << 20) >> 20;
	switch (code >> 24 & 15) {
	case FUTEX_OP_CMP_EQ:
		*result = a == b;
		return true;
	case FUTEX_OP_CMP_NE:
		*result = a != b;
		return true;
	case FUTEX_OP_CMP_LT:
		*result = a < b;
		return true;
	case FUTEX_OP_CMP_LE:
		*result = a <= b;
		return true;
	case FUTEX_OP_CMP_GT:
		*result = a > b;
		return true;
	case FUTEX_OP_CMP_GE:
		*result = a >= b;
		return true;
	}
	return false;
}

/* Changes the word. Its page is made writable first, so that nothing sleeps, and no other thread
 * runs, between reading and writing it. */
static long wake_op_change(uptr_t addr, u32 code, u32 *old)
{
	vaddr_t page = ALIGN_DOWN(addr.va, PAGE_SIZE);
	u32 result;
	if (mm_populate(current_process()->mm, page, page + PAGE_SIZE) < 0)
		return -EFAULT;
	if (get_user_u32(old, addr) < 0)
		return -EFAULT;
	if (!wake_op_apply(code, *old, &result))
		return -ENOSYS;
	return put_user_u32(addr, result);
}

static long futex_wake_op(uptr_t addr, u32 op, s32 nr, s32 nr2, uptr_t addr2, u32 code)
{
	struct futex_key key, key2;
	u32 old;
	bool holds;
	long n = futex_get_key(addr, op, &key);
	if (!n)
		n = futex_get_key(addr2, op, &key2);
	if (!n)
		n = wake_op_change(addr2, code, &old);
	if (n)
		return n;
	if (!wake_op_compare(code, old, &holds))
		return -ENOSYS;
	futex_lock_two(futex_bucket_of(&key), futex_bucket_of(&key2));
	n = wake_locked(futex_bucket_of(&key), &key, (u32)MAX(nr, 0), FUTEX_BITSET_ANY);
	if (n >= 0 && holds) {
		long n2 = wake_locked(
			futex_bucket_of(&key2), &key2, (u32)MAX(nr2, 0), FUTEX_BITSET_ANY);
		n = n2 < 0 ? n2 : n + n2;
	}
	futex_unlock_two(futex_bucket_of(&key), futex_bucket_of(&key2));
	return n;
}

/* --- The call --- */

/* When the wait ends: FUTEX_WAIT's time is relative, all others' absolute; FUTEX_LOCK_PI's is always
 * of the wall clock. */
static long get_deadline(
	u32 op, u32 cmd, uptr_t timeout, bool time64, struct deadline *deadline)
{
	u64 ns;
	long err;
	*deadline = (struct deadline){.ns = DEADLINE_NEVER};
	if (!timeout.va)
		return 0;
	err = get_timespec(&ns, timeout, time64);
	if (err)
		return err;
	deadline->ns = cmd == FUTEX_WAIT ? deadline_after(ns) : ns;
	deadline->real = (op & FUTEX_CLOCK_REALTIME) || cmd == FUTEX_LOCK_PI;
	return 0;
}

/* The operations that may wait until a time. */
static long futex_timed(
	uptr_t addr, u32 op, u32 cmd, u32 val, struct deadline deadline, uptr_t addr2, u32 val3)
{
	switch (cmd) {
	case FUTEX_WAIT:
		return futex_wait(addr, op, val, FUTEX_BITSET_ANY, deadline);
	case FUTEX_WAIT_BITSET:
		return futex_wait(addr, op, val, val3, deadline);
	case FUTEX_WAIT_REQUEUE_PI:
		return futex_wait_requeue_pi(addr, op, val, deadline, FUTEX_BITSET_ANY, addr2);
	default: /* FUTEX_LOCK_PI, FUTEX_LOCK_PI2 */
		return futex_lock_pi(addr, op, deadline, false);
	}
}

static bool knows_clock(u32 cmd)
{
	return cmd == FUTEX_WAIT_BITSET || cmd == FUTEX_WAIT_REQUEUE_PI || cmd == FUTEX_LOCK_PI2;
}

static long do_futex(
	uptr_t addr, u32 op, u32 val, uptr_t timeout, uptr_t addr2, u32 val3, bool time64)
{
	u32 cmd = op & ~(FUTEX_PRIVATE_FLAG | FUTEX_CLOCK_REALTIME);
	u32 val2 = timeout.va; /* a count in the calls that know no time */
	struct requeue r = {
		.from = addr, .to = addr2, .op = op, .nr_wake = (s32)val, .nr_move = (s32)val2};
	struct deadline deadline;
	long err;
	if ((op & FUTEX_CLOCK_REALTIME) && !knows_clock(cmd))
		return -ENOSYS;
	switch (cmd) {
	case FUTEX_WAIT:
	case FUTEX_WAIT_BITSET:
	case FUTEX_WAIT_REQUEUE_PI:
	case FUTEX_LOCK_PI:
	case FUTEX_LOCK_PI2:
		err = get_deadline(op, cmd, timeout, time64, &deadline);
		return err ? err : futex_timed(addr, op, cmd, val, deadline, addr2, val3);
	case FUTEX_TRYLOCK_PI:
		return futex_lock_pi(addr, op, (struct deadline){.ns = DEADLINE_NEVER}, true);
	case FUTEX_UNLOCK_PI:
		return futex_unlock_pi(addr, op);
	case FUTEX_CMP_REQUEUE_PI:
		return futex_cmp_requeue_pi(addr, op, (s32)val, (s32)val2, addr2, val3);
	case FUTEX_WAKE:
		return futex_wake(addr, op, (s32)val, FUTEX_BITSET_ANY);
	case FUTEX_WAKE_BITSET:
		return futex_wake(addr, op, (s32)val, val3);
	case FUTEX_CMP_REQUEUE:
		r.compare = true;
		r.val = val3;
		return futex_requeue(&r);
	case FUTEX_REQUEUE:
		return futex_requeue(&r);
	case FUTEX_WAKE_OP:
		return futex_wake_op(addr, op, (s32)val, (s32)val2, addr2, val3);
	}
	return -ENOSYS;
}

long sys_futex(uptr_t addr, u32 op, u32 val, uptr_t timeout, uptr_t addr2, u32 val3)
{
	return do_futex(addr, op, val, timeout, addr2, val3, false);
}

long sys_futex_time64(uptr_t addr, u32 op, u32 val, uptr_t timeout, uptr_t addr2, u32 val3)
{
	return do_futex(addr, op, val, timeout, addr2, val3, true);
}

/* --- The call that waits for several words --- */

static long words_from_user(struct abi_futex_waitv *v, uptr_t from, u32 n)
{
	for (u32 i = 0; i < n; i++) {
		if (copy_from_user(&v[i], uptr_add(from, i * sizeof(v[i])), sizeof(v[i])) < 0)
			return -EFAULT;
		if ((v[i].flags & ~FUTEX_PRIVATE_FLAG) != FUTEX_32 || v[i].reserved)
			return -EINVAL;
	}
	return 0;
}

/* The number of a word that was woken. */
static long wait_for_any(
	struct futex_waiter *w, const struct abi_futex_waitv *v, u32 n, struct deadline deadline)
{
	long err = 0, woken;
	for (u32 i = 0; i < n && !err; i++) {
		w[i] = futex_waiter_new(FUTEX_BITSET_ANY);
		err = futex_get_key(UPTR((u32)v[i].addr), v[i].flags, &w[i].key);
	}
	if (err)
		return err;
	for (u32 i = 0; i < n; i++) {
		err = futex_enqueue(&w[i], UPTR((u32)v[i].addr), (u32)v[i].val);
		if (!err)
			continue;
		woken = dequeue_all(w, i);
		return woken < 0 ? err : woken;
	}
	woken = futex_sleep(w, n, deadline);
	return woken == -EINTR ? -ERESTARTSYS : woken;
}

long sys_futex_waitv(uptr_t words, u32 n, u32 flags, uptr_t timeout, u32 clock)
{
	u32 op = clock == CLOCK_REALTIME ? FUTEX_CLOCK_REALTIME : 0;
	struct abi_futex_waitv *v;
	struct futex_waiter *w;
	struct deadline deadline;
	long err;
	if (flags || n == 0 || n > FUTEX_WAITV_MAX || !words.va)
		return -EINVAL;
	if (timeout.va && clock != CLOCK_REALTIME && clock != CLOCK_MONOTONIC)
		return -EINVAL;
	err = get_deadline(op, FUTEX_WAIT_BITSET, timeout, true, &deadline);
	if (err)
		return err;
	v = kmalloc(n * sizeof(*v));
	w = kmalloc(n * sizeof(*w));
	err = v && w ? words_from_user(v, words, n) : -ENOMEM;
	if (!err)
		err = wait_for_any(w, v, n, deadline);
	kfree(w);
	kfree(v);
	return err;
}

/* --- Threads that die --- */

/* A lock of the list: if the thread holds it, it becomes "owner died", and one waiter may try. One
 * that it was about to take or give back (`pending`) may have been given back without its waking
 * anybody. Bit 0 of the link marks a lock that the kernel hands over itself: futex_pi_exit(). */
static void release_robust(const struct task *t, u32 link, s32 offset, bool pending)
{
	u32 entry = link & ~1u;
	uptr_t word = UPTR(entry + (u32)offset);
	u32 val;
	if (word.va % 4 || get_user_u32(&val, word) < 0)
		return;
	if (pending && !val && !(link & 1))
		(void)futex_wake(word, FUTEX_WAKE, 1, FUTEX_BITSET_ANY);
	if ((val & FUTEX_TID_MASK) != t->tid)
		return;
	if (put_user_u32(word, (val & FUTEX_WAITERS) | FUTEX_OWNER_DIED) < 0)
		return;
	if ((val & FUTEX_WAITERS) && !(link & 1))
		(void)futex_wake(word, FUTEX_WAKE, 1, FUTEX_BITSET_ANY);
}

static void walk_robust_list(const struct task *t)
{
	struct abi_robust_list_head head;
	u32 link;
	if (copy_from_user(&head, t->robust_list, sizeof(head)) < 0)
		return;
	link = head.next;
	for (u32 n = 0; (link & ~1u) != t->robust_list.va && n < ROBUST_LIST_LIMIT; n++) {
		u32 next;
		bool more = get_user_u32(&next, UPTR(link & ~1u)) == 0;
		if ((link & ~1u) != (head.pending & ~1u))
			release_robust(t, link, head.futex_offset, false);
		if (!more)
			return;
		link = next;
	}
	if (head.pending & ~1u)
		release_robust(t, head.pending, head.futex_offset, true);
}

void futex_thread_exit(struct task *t)
{
	if (t->robust_list.va)
		walk_robust_list(t);
	t->robust_list = UPTR(0);
	futex_pi_exit(t);
	/* Whoever joins the thread waits for this word, if there is anybody who could. */
	if (t->clear_child_tid.va && (t->process->nr_threads > 1 || t->process->mm->users > 1)) {
		(void)!put_user_u32(t->clear_child_tid, 0);
		(void)futex_wake(t->clear_child_tid, FUTEX_WAKE, 1, FUTEX_BITSET_ANY);
	}
	t->clear_child_tid = UPTR(0);
}

long sys_set_robust_list(uptr_t head, u32 len)
{
	if (len != sizeof(struct abi_robust_list_head))
		return -EINVAL;
	current_task()->robust_list = head;
	return 0;
}

long sys_get_robust_list(s32 tid, uptr_t head, uptr_t len)
{
	const struct task *t;
	u32 flags, value = 0;
	long err = 0;
	flags = spin_lock_irqsave(&process_lock);
	t = tid ? task_find((u32)tid) : current_task();
	if (!t)
		err = -ESRCH;
	else if (t->process != current_process() && !capable(CAP_SYS_PTRACE) &&
		 t->cred.uid != current_task()->cred.uid)
		err = -EPERM;
	else
		value = t->robust_list.va;
	spin_unlock_irqrestore(&process_lock, flags);
	if (err)
		return err;
	if (put_user_u32(len, sizeof(struct abi_robust_list_head)) < 0)
		return -EFAULT;
	return put_user_u32(head, value);
}
