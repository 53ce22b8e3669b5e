/*
 * io_setup(2), io_submit(2), io_getevents(2): Linux's native asynchronous I/O.
 *
 * All our files are in memory, so a request is complete when io_submit() returns, as Linux's are
 * for files that are not opened with O_DIRECT. What happened is an event in a ring that is mapped
 * into the program, which may take events from it by itself (libaio does).
 *
 * The mapping is the context: its address is the context's number, it holds the context, and a call
 * finds it by looking which VMA begins there. A child's copy of the mapping is none, as on Linux.
 */
#include "kernel/abi/aio.h"
#include "kernel/core/clock.h"
#include "kernel/fs/timeout.h"
#include "kernel/fs/vector.h"
#include "kernel/fs/vfs.h"
#include "kernel/lib/string.h"
#include "kernel/proc/process.h"
#include "kernel/proc/task.h"
#include "kernel/syscalls.h"
#include "kernel/x86/uaccess.h"
#include "mm/kmalloc.h"
#include "mm/mmap.h"
#include "mm/userfault.h"

#define EVENTS_MAX 0x10000000u /* bytes of them */

struct aio {
	struct backing backing; /* what the mapping holds */
	struct object ring;	/* its pages are all there */
	u32 refcount;		/* atomic */
	struct mm *mm;		/* whose it is; pinned */
	u32 max_reqs;		/* as io_setup() was told; counted in aio_nr */
	u32 slots;
	struct mutex lock; /* head and tail of the ring */
	u32 tail;	   /* lock: where the next event goes */
	u32 completed;	   /* lock: how many have gone there */
	u32 reserved;	   /* lock: slots for events of requests under way */
	bool dead;	   /* lock: io_destroy() was called */
	struct waitq waiters;
};

u32 aio_max_nr = 65536;
u32 aio_nr; /* atomic */

/* --- The context as what is mapped --- */

static struct aio *aio_of(struct backing *b)
{
	return container_of(b, struct aio, backing);
}

static void aio_get(struct backing *b)
{
	__atomic_add_fetch(&aio_of(b)->refcount, 1, __ATOMIC_RELAXED);
}

static void aio_put(struct backing *b)
{
	struct aio *a = aio_of(b);

	if (__atomic_sub_fetch(&a->refcount, 1, __ATOMIC_ACQ_REL) > 0)
		return;
	__atomic_sub_fetch(&aio_nr, a->max_reqs, __ATOMIC_RELAXED);
	object_destroy(&a->ring);
	mm_unpin(a->mm);
	kfree(a);
}

static int aio_name(struct backing *b, char *buf, size_t size)
{
	return (int)strlcpy(buf, "/[aio] (deleted)", size);
}

static void aio_id(struct backing *b, u32 *dev, u64 *ino)
{
	*dev = 0;
	*ino = 0;
}

static const struct backing_ops aio_backing_ops = {
	.get = aio_get,
	.put = aio_put,
	.name = aio_name,
	.id = aio_id,
	.no_userfault = true,
};

/* The context whose ring begins at `id`, referenced, or NULL. */
static struct aio *aio_find(u32 id)
{
	struct mm *mm = current_process()->mm;
	struct vma *v;
	struct aio *a = NULL;

	mutex_lock(&mm->lock);
	v = vma_find(&mm->vmas, id);
	if (v && v->start == id && v->backing && v->backing->ops == &aio_backing_ops &&
		aio_of(v->backing)->mm == mm) {
		a = aio_of(v->backing);
		aio_get(&a->backing);
	}
	mutex_unlock(&mm->lock);
	return a;
}

/* --- The ring, whose pages are all there. Callers hold a->lock. --- */

static void ring_read(struct aio *a, void *to, u32 at, u32 n)
{
	struct iobuf b = iobuf_kernel(to);

	(void)object_read(&a->ring, &b, at, n);
}

static void ring_write(struct aio *a, const void *from, u32 at, u32 n)
{
	struct iobuf b = iobuf_kernel((void *)from);

	(void)object_write(&a->ring, &b, at, n);
}

static u32 event_at(u32 slot)
{
	return sizeof(struct abi_aio_ring) + slot * sizeof(struct abi_io_event);
}

/* Whatever the program has put there. */
static u32 ring_head(struct aio *a)
{
	u32 head = 0;

	ring_read(a, &head, offsetof(struct abi_aio_ring, head), sizeof(head));
	return head % a->slots;
}

/* --- Its slots. These take a->lock. --- */

/* A slot for the event of a request that begins now, whatever others complete meanwhile: complete()
 * or unreserve() follows. */
static bool reserve(struct aio *a)
{
	u32 used;
	bool room;

	mutex_lock(&a->lock);
	used = (a->tail + a->slots - ring_head(a)) % a->slots;
	room = used + a->reserved + 1 < a->slots;
	a->reserved += room;
	mutex_unlock(&a->lock);
	return room;
}

static void unreserve(struct aio *a)
{
	mutex_lock(&a->lock);
	a->reserved--;
	mutex_unlock(&a->lock);
}

static void complete(struct aio *a, const struct abi_io_event *e)
{
	mutex_lock(&a->lock);
	ring_write(a, e, event_at(a->tail), sizeof(*e));
	a->tail = (a->tail + 1) % a->slots;
	ring_write(a, &a->tail, offsetof(struct abi_aio_ring, tail), sizeof(a->tail));
	a->completed++;
	a->reserved--;
	mutex_unlock(&a->lock);
	waitq_wake_all(&a->waiters);
}

/* --- io_setup(2) and io_destroy(2) --- */

static bool charge(u32 reqs)
{
	if (__atomic_add_fetch(&aio_nr, reqs, __ATOMIC_RELAXED) <= aio_max_nr)
		return true;
	__atomic_sub_fetch(&aio_nr, reqs, __ATOMIC_RELAXED);
	return false;
}

/* Makes the ring with room for so many events and, as on Linux, as many again. */
static long make_ring(struct aio *a, u32 events)
{
	u32 pages = (event_at(MAX(events, 4 * NR_CPUS) * 2 + 2) + PAGE_SIZE - 1) / PAGE_SIZE;
	struct abi_aio_ring ring = {
		.magic = AIO_RING_MAGIC, .compat_features = 1, .header_length = sizeof(ring)};
	long err = 0;

	a->slots = (pages * PAGE_SIZE - sizeof(ring)) / sizeof(struct abi_io_event);
	ring.nr = a->slots;
	mutex_lock(&a->ring.lock);
	a->ring.size = pages * PAGE_SIZE;
	mutex_unlock(&a->ring.lock);
	for (u32 i = 0; i < pages && err >= 0; i++)
		err = object_reserve_page(&a->ring, i);
	if (err < 0)
		return -ENOMEM;
	ring_write(a, &ring, 0, sizeof(ring));
	return 0;
}

/* A context that nothing maps yet; its only reference is the caller's. Error pointer. */
static struct aio *aio_create(u32 events)
{
	struct aio *a;

	if (events > EVENTS_MAX / sizeof(struct abi_io_event) / 2)
		return err_ptr(-EINVAL);
	if (events > aio_max_nr || !charge(events))
		return err_ptr(-EAGAIN);
	a = kzalloc(sizeof(*a));
	if (!a) {
		__atomic_sub_fetch(&aio_nr, events, __ATOMIC_RELAXED);
		return err_ptr(-ENOMEM);
	}
	object_init(&a->ring, NULL);
	a->ring.vm_flags = VM_DONTEXPAND;
	a->ring.rss_kind = RSS_SHMEM;
	a->backing = (struct backing){&aio_backing_ops, &a->ring, true, true, false, false};
	a->refcount = 1;
	a->max_reqs = events;
	a->mm = current_process()->mm;
	mm_pin(a->mm);
	mutex_init(&a->lock);
	waitq_init(&a->waiters);
	if (make_ring(a, events)) {
		aio_put(&a->backing);
		return err_ptr(-ENOMEM);
	}
	return a;
}

/* Returns the address of the mapping, which holds the context from now on. */
static long aio_map(struct aio *a)
{
	struct mmap_args m = {
		.prot = PROT_READ | PROT_WRITE,
		.flags = MAP_SHARED,
		.r = {.len = (u32)a->ring.size, .backing = &a->backing},
	};
	struct mm *mm = current_process()->mm;
	long at;

	mutex_lock(&mm->lock);
	at = mmap_locked(mm, &m);
	mm_unlock(mm);
	mmap_populate(mm, &m, at);
	return at;
}

/* Takes the ring out of the address space: nobody finds the context any more. 0 or -ENOMEM. */
static long aio_kill(struct aio *a, u32 id)
{
	struct mm *mm = a->mm;
	long err;

	mutex_lock(&a->lock);
	a->dead = true;
	mutex_unlock(&a->lock);
	waitq_wake_all(&a->waiters);
	mutex_lock(&mm->lock);
	err = mm_unmap(mm, id, (u32)a->ring.size);
	mm_unlock(mm);
	return err;
}

long sys_io_setup(u32 events, uptr_t uid)
{
	struct aio *a;
	u32 id;
	long at, err;

	if (get_user_u32(&id, uid))
		return -EFAULT;
	if (id || !events)
		return -EINVAL;
	a = aio_create(events);
	if (is_err(a))
		return ptr_err(a);
	at = aio_map(a);
	err = is_err((void *)at) ? at : put_user_u32(uid, (u32)at);
	if (err && !is_err((void *)at) && aio_kill(a, (u32)at))
		err = -ENOMEM;
	aio_put(&a->backing);
	return err;
}

long sys_io_destroy(u32 id)
{
	struct aio *a = aio_find(id);
	long err;

	if (!a)
		return -EINVAL;
	err = aio_kill(a, id);
	aio_put(&a->backing);
	return err;
}

/* --- io_submit(2) --- */

/* Who reads and writes later has no system call that could be restarted. */
static s64 final_result(long done)
{
	switch (done) {
	case -ERESTARTSYS:
	case -ERESTARTNOINTR:
	case -ERESTARTNOHAND:
	case -ERESTART_RESTARTBLOCK:
		return -EINTR;
	}
	return done;
}

static long transfer_vector(struct file *f, const struct abi_iocb *cb, bool write, s64 *res)
{
	u64 pos = (u64)cb->offset;
	struct vector v;
	long err = vector_get(&v, UPTR((u32)cb->buf), (u32)cb->nbytes);

	if (err)
		return err;
	*res = final_result(vector_rw(f, &v, &pos, write));
	vector_free(&v);
	return 0;
}

static long transfer(struct file *f, const struct abi_iocb *cb, s64 *res)
{
	bool write = cb->opcode == IOCB_CMD_PWRITE || cb->opcode == IOCB_CMD_PWRITEV;
	struct iobuf b = iobuf_user(UPTR((u32)cb->buf));
	u32 n = (u32)cb->nbytes;
	u64 pos = (u64)cb->offset;
	long err = 0;

	if (cb->flags & IOCB_FLAG_IOPRIO)
		err = ioprio_check((u16)cb->reqprio);
	if (!err && cb->rw_flags)
		err = -EOPNOTSUPP;
	if (err)
		return err;
	if (!(write ? f->backing.may_write : f->backing.may_read))
		return -EBADF;
	if (!(write ? f->ops->write : f->ops->read) || S_ISDIR(f->dentry->inode->mode))
		return -EINVAL;
	if (cb->opcode == IOCB_CMD_PREADV || cb->opcode == IOCB_CMD_PWRITEV)
		return cb->offset < 0 ? -EINVAL : transfer_vector(f, cb, write, res);
	if (!user_range_ok(b.u, n))
		return -EFAULT;
	if (cb->offset < 0 || cb->offset + n < 0)
		return -EINVAL;
	*res = final_result(write ? file_write(f, &b, n, &pos) : file_read(f, &b, n, &pos));
	return 0;
}

/* Everything already is where it will stay. */
static long sync(const struct file *f, const struct abi_iocb *cb, s64 *res)
{
	u32 type = f->dentry->inode->mode & S_IFMT;

	if (cb->buf || cb->offset || cb->nbytes || cb->rw_flags)
		return -EINVAL;
	*res = 0;
	return type == S_IFREG || type == S_IFDIR ? 0 : -EINVAL;
}

static long do_request(struct file *f, const struct abi_iocb *cb, s64 *res)
{
	switch (cb->opcode) {
	case IOCB_CMD_PREAD:
	case IOCB_CMD_PWRITE:
	case IOCB_CMD_PREADV:
	case IOCB_CMD_PWRITEV:
		return transfer(f, cb, res);
	case IOCB_CMD_FSYNC:
	case IOCB_CMD_FDSYNC:
		return sync(f, cb, res);
	}
	return -EINVAL;
}

/* The file that is told of the event: NULL when none is wanted. Error pointer. */
static struct file *get_eventfd(const struct abi_iocb *cb)
{
	struct file *f;

	if (!(cb->flags & IOCB_FLAG_RESFD))
		return NULL;
	f = fget(cb->resfd);
	if (!f)
		return err_ptr(-EBADF);
	if (file_is_eventfd(f))
		return f;
	file_put(f);
	return err_ptr(-EINVAL);
}

static long submit_file(struct aio *a, struct file *f, const struct abi_iocb *cb, uptr_t user)
{
	struct abi_io_event e = {.data = cb->data, .obj = user.va};
	struct file *eventfd = get_eventfd(cb);
	long err;

	if (is_err(eventfd))
		return ptr_err(eventfd);
	err = put_user_u32(uptr_add(user, offsetof(struct abi_iocb, key)), 0);
	if (!err)
		err = do_request(f, cb, &e.res);
	if (!err) {
		complete(a, &e);
		if (eventfd)
			eventfd_signal(eventfd);
	}
	file_put(eventfd);
	return err;
}

static long submit_one(struct aio *a, uptr_t user)
{
	struct abi_iocb cb;
	struct file *f;
	long err;

	if (copy_from_user(&cb, user, sizeof(cb)))
		return -EFAULT;
	if (cb.reserved2 || cb.buf > UINT32_MAX || cb.nbytes > INT32_MAX)
		return -EINVAL;
	if (!reserve(a))
		return -EAGAIN;
	f = fget(cb.fildes);
	err = f ? submit_file(a, f, &cb, user) : -EBADF;
	if (err)
		unreserve(a);
	file_put(f);
	return err;
}

/* Ends at the first request that is refused; that one's error counts only where it is the first. */
long sys_io_submit(u32 id, s32 n, uptr_t iocbs)
{
	struct aio *a;
	long err = 0;
	s32 i;
	u32 at;

	if (n < 0)
		return -EINVAL;
	a = aio_find(id);
	if (!a)
		return -EINVAL;
	n = MIN(n, (s32)a->slots);
	for (i = 0; i < n && !err; i += !err) {
		err = get_user_u32(&at, uptr_add(iocbs, (u32)i * sizeof(at)));
		if (!err)
			err = submit_one(a, UPTR(at));
	}
	aio_put(&a->backing);
	return i ? i : err;
}

/* What is submitted is complete: there is nothing to cancel. */
long sys_io_cancel(u32 id, uptr_t iocb, uptr_t result)
{
	u32 key;

	return get_user_u32(&key, uptr_add(iocb, offsetof(struct abi_iocb, key))) ? -EFAULT
										  : -EINVAL;
}

/* --- io_getevents(2) --- */

struct wait_for {
	struct aio *a;
	s32 min, max;
	uptr_t events; /* where they go */
	u64 deadline;
};

/* Takes up to max - got events, or none where one cannot be copied. Returns how many there are now,
 * or a negative errno; *seen is how many had been completed then. */
static long take_events(const struct wait_for *w, s32 got, u32 *seen)
{
	struct aio *a = w->a;
	struct abi_io_event e;
	s32 all = got;
	u32 head;
	long err = 0;

	mutex_lock(&a->lock);
	*seen = a->completed;
	head = ring_head(a);
	for (; head != a->tail && all < w->max && !err; all++) {
		ring_read(a, &e, event_at(head), sizeof(e));
		err = copy_to_user(uptr_add(w->events, (u32)all * sizeof(e)), &e, sizeof(e));
		head = (head + 1) % a->slots;
	}
	if (!err)
		ring_write(a, &head, offsetof(struct abi_aio_ring, head), sizeof(head));
	else
		all = got;
	if (a->dead && !err)
		err = -EINVAL;
	mutex_unlock(&a->lock);
	return err && !all ? err : all;
}

static long wait_events(const struct wait_for *w)
{
	struct alarm_clock alarm = {0};
	bool over = w->deadline == 0;
	s32 got = 0;
	long ret;
	u32 seen;

	if (!over && w->deadline != UINT64_MAX)
		alarm_clock_arm(&alarm, w->deadline);
	for (;;) {
		ret = take_events(w, got, &seen);
		if (ret < 0 || ret >= w->min || over || w->a->dead)
			break;
		got = (s32)ret;
		if (wait_event_interruptible(&w->a->waiters, READ_ONCE(w->a->completed) != seen ||
								     READ_ONCE(w->a->dead) ||
								     READ_ONCE(alarm.expired)))
			break;
		over = READ_ONCE(alarm.expired);
	}
	alarm_clock_cancel(&alarm);
	return ret;
}

static long get_events(u32 id, s32 min, s32 max, uptr_t events, const struct timeout *t)
{
	struct wait_for w = {aio_find(id), min, max, events, t->deadline};
	long ret = -EINVAL;

	if (!w.a)
		return ret;
	if (min >= 0 && min <= max)
		ret = wait_events(&w);
	aio_put(&w.a->backing);
	return ret;
}

long sys_io_getevents(u32 id, s32 min, s32 max, uptr_t events, uptr_t time)
{
	struct timeout t;
	long ret = timeout_get(&t, time, TIMESPEC32);

	if (ret)
		return ret;
	ret = get_events(id, min, max, events, &t);
	return !ret && signal_pending() ? -EINTR : ret;
}

static long pgetevents(u32 id, s32 min, s32 max, uptr_t events, struct timeout *t, uptr_t usig)
{
	struct abi_aio_sigset sig = {0, 0};
	bool interrupted;
	long ret;

	if (usig.va && copy_from_user(&sig, usig, sizeof(sig)))
		return -EFAULT;
	ret = sigmask_enter(UPTR(sig.mask), sig.size);
	if (ret)
		return ret;
	ret = get_events(id, min, max, events, t);
	interrupted = signal_pending();
	sigmask_leave(interrupted);
	return !ret && interrupted ? -ERESTARTNOHAND : ret;
}

long sys_io_pgetevents(u32 id, s32 min, s32 max, uptr_t events, uptr_t time, uptr_t usig)
{
	struct timeout t;
	long ret = timeout_get(&t, time, TIMESPEC32);

	return ret ? ret : pgetevents(id, min, max, events, &t, usig);
}

long sys_io_pgetevents_time64(u32 id, s32 min, s32 max, uptr_t events, uptr_t time, uptr_t usig)
{
	struct timeout t;
	long ret = timeout_get(&t, time, TIMESPEC64);

	return ret ? ret : pgetevents(id, min, max, events, &t, usig);
}
