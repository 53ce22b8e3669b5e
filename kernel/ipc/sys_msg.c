/*
 * System V message queues: msgget, msgsnd, msgrcv, msgctl.
 *
 * Who finds no room, or no message that he wants, sleeps until anything about the queue has changed
 * and tries again. Everything is under the table's lock; user memory is touched without it.
 */
#include "kernel/abi/errno.h"
#include "kernel/abi/prctl.h"
#include "kernel/fs/text.h"
#include "kernel/fs/vfs.h"
#include "kernel/ipc/ipc_ids.h"
#include "kernel/ipc/msg.h"
#include "kernel/lib/string.h"
#include "kernel/proc/process.h"
#include "kernel/proc/task.h"
#include "kernel/syscalls.h"
#include "kernel/x86/uaccess.h"
#include "mm/kmalloc.h"

#define MSGSSZ 16
#define MSGSEG 0xffff

u32 msg_max = 8192;
u32 msg_mnb = 16384;
u32 msg_mni = 32000;

struct msg {
	struct list_head link;
	s32 type;
	u32 size;
	u8 text[];
};

struct msg_queue {
	struct ipc_object ipc;
	struct ipc_event changed;
	struct list_head msgs; /* oldest first */
	u32 nr_msgs, bytes;
	u32 max_bytes;
	u32 lspid, lrpid; /* who sent, and received, last */
	s64 stime, rtime, ctime;
};

static struct ipc_table queues = IPC_TABLE_INIT(queues);
static u32 all_msgs, all_bytes; /* in all queues; queues.lock */

static struct msg_queue *queue_of(struct ipc_object *o)
{
	return o ? container_of(o, struct msg_queue, ipc) : NULL;
}

/* --- msgget --- */

static long create(s32 key, u32 flags)
{
	struct msg_queue *q = kzalloc(sizeof(*q));
	int err;

	if (!q)
		return -ENOMEM;
	ipc_own(&q->ipc, key, flags);
	ipc_event_init(&q->changed);
	list_init(&q->msgs);
	q->max_bytes = msg_mnb;
	q->ctime = ipc_now();
	err = ipc_enter(&queues, &q->ipc, msg_mni);
	if (err) {
		kfree(q);
		return err;
	}
	return q->ipc.id;
}

static long get_locked(s32 key, u32 flags)
{
	struct ipc_object *o;
	long err = ipc_get(&queues, key, flags, &o);

	if (err)
		return err;
	if (!o)
		return create(key, flags);
	return ipc_may(o, flags) ? o->id : -EACCES;
}

long sys_msgget(s32 key, u32 flags)
{
	long id;

	mutex_lock(&queues.lock);
	id = get_locked(key, flags);
	mutex_unlock(&queues.lock);
	return id;
}

/* --- msgsnd, msgrcv --- */

/* The queue, if the caller may do this with it. Caller holds the lock. Error pointer. */
static struct msg_queue *get_queue(s32 id, u32 wanted)
{
	struct msg_queue *q = queue_of(ipc_find(&queues, id));

	if (!q)
		return err_ptr(-EINVAL);
	return ipc_may(&q->ipc, wanted) ? q : err_ptr(-EACCES);
}

/* Sleeps until the queue has changed. Called and returns with the lock held; after -EIDRM the queue
 * is gone. */
static long wait_for_change(struct msg_queue *q)
{
	long err = ipc_event_wait(&queues, &q->changed, DEADLINE_NEVER);

	if (err == -EIDRM && !q->changed.sleepers)
		kfree(q);
	return err == -EINTR ? -ERESTARTNOHAND : err;
}

static bool has_room(const struct msg_queue *q, u32 size)
{
	return size + q->bytes <= q->max_bytes && q->nr_msgs < q->max_bytes;
}

static void append(struct msg_queue *q, struct msg *m)
{
	list_add_tail(&m->link, &q->msgs);
	q->nr_msgs++;
	q->bytes += m->size;
	all_msgs++;
	all_bytes += m->size;
}

static void take(struct msg_queue *q, struct msg *m)
{
	list_del(&m->link);
	q->nr_msgs--;
	q->bytes -= m->size;
	all_msgs--;
	all_bytes -= m->size;
}

static long send_locked(s32 id, struct msg *m, u32 flags)
{
	struct msg_queue *q = get_queue(id, IPC_ANY_WRITE);
	long err = 0;

	while (!is_err(q) && !has_room(q, m->size)) {
		err = flags & IPC_NOWAIT ? -EAGAIN : wait_for_change(q);
		if (err)
			return err;
		q = get_queue(id, IPC_ANY_WRITE);
	}
	if (is_err(q))
		return ptr_err(q);
	append(q, m);
	q->lspid = current_process()->pid;
	q->stime = ipc_now();
	ipc_event_signal(&q->changed);
	return 0;
}

long sys_msgsnd(s32 id, uptr_t buf, u32 size, u32 flags)
{
	struct msg *m;
	s32 type;
	long err;

	if (get_user_u32((u32 *)&type, buf))
		return -EFAULT;
	if (size > msg_max || (s32)size < 0 || id < 0 || type < 1)
		return -EINVAL;
	m = kmalloc(sizeof(*m) + size);
	if (!m)
		return -ENOMEM;
	m->type = type;
	m->size = size;
	err = copy_from_user(m->text, uptr_add(buf, sizeof(type)), size);
	if (!err) {
		mutex_lock(&queues.lock);
		err = send_locked(id, m, flags);
		mutex_unlock(&queues.lock);
	}
	if (err)
		kfree(m);
	return err;
}

struct msg_call {
	s32 id, type;
	u32 size, flags;
};

static bool is_wanted(const struct msg_call *c, const struct msg *m, u32 number)
{
	if (c->flags & MSG_COPY)
		return number == (u32)c->type;
	if (c->type == 0)
		return true;
	if (c->type < 0)
		return m->type <= (c->type == INT32_MIN ? INT32_MAX : -c->type);
	return (m->type == c->type) != !!(c->flags & MSG_EXCEPT);
}

/* The first that is wanted; with a negative type, the first of the lowest type. */
static struct msg *find(const struct msg_queue *q, const struct msg_call *c)
{
	struct msg *m, *best = NULL;
	u32 number = 0;

	list_for_each_entry (m, &q->msgs, link) {
		if (!is_wanted(c, m, number++) || (best && m->type >= best->type))
			continue;
		best = m;
		if (c->type >= 0)
			break;
	}
	return best;
}

static struct msg *copy_of(const struct msg *m)
{
	struct msg *copy = kmalloc(sizeof(*m) + m->size);

	if (!copy)
		return err_ptr(-ENOMEM);
	memcpy(copy, m, sizeof(*m) + m->size);
	return copy;
}

/* The message that the call asks for, out of the queue. Error pointer. */
static struct msg *receive_locked(const struct msg_call *c)
{
	struct msg_queue *q = get_queue(c->id, IPC_ANY_READ);
	struct msg *m = NULL;
	long err;

	while (!is_err(q) && !(m = find(q, c))) {
		err = c->flags & IPC_NOWAIT ? -ENOMSG : wait_for_change(q);
		if (err)
			return err_ptr(err);
		q = get_queue(c->id, IPC_ANY_READ);
	}
	if (is_err(q))
		return (void *)q;
	if (c->size < m->size && !(c->flags & MSG_NOERROR))
		return err_ptr(-E2BIG);
	if (c->flags & MSG_COPY)
		return copy_of(m);
	take(q, m);
	q->lrpid = current_process()->pid;
	q->rtime = ipc_now();
	ipc_event_signal(&q->changed);
	return m;
}

long sys_msgrcv(s32 id, uptr_t buf, u32 size, s32 type, u32 flags)
{
	struct msg_call c = {id, type, size, flags};
	struct msg *m;
	long got;

	if (id < 0 || (s32)size < 0)
		return -EINVAL;
	if ((flags & MSG_COPY) && ((flags & MSG_EXCEPT) || !(flags & IPC_NOWAIT)))
		return -EINVAL;
	mutex_lock(&queues.lock);
	m = receive_locked(&c);
	mutex_unlock(&queues.lock);
	if (is_err(m))
		return ptr_err(m);
	got = (long)MIN(size, m->size);
	if (put_user_u32(buf, (u32)m->type) ||
		copy_to_user(uptr_add(buf, sizeof(m->type)), m->text, (u32)got))
		got = -EFAULT;
	kfree(m);
	return got;
}

/* --- msgctl --- */

static void fill_stat(const struct msg_queue *q, struct abi_msqid64_ds *d)
{
	*d = (struct abi_msqid64_ds){
		.stime = (u32)q->stime,
		.stime_high = (u32)(q->stime >> 32),
		.rtime = (u32)q->rtime,
		.rtime_high = (u32)(q->rtime >> 32),
		.ctime = (u32)q->ctime,
		.ctime_high = (u32)(q->ctime >> 32),
		.cbytes = q->bytes,
		.qnum = q->nr_msgs,
		.qbytes = q->max_bytes,
		.lspid = (s32)q->lspid,
		.lrpid = (s32)q->lrpid,
	};
	ipc_fill_perm(&q->ipc, &d->perm);
}

/* What 16 bits do not hold, as the old struct shows it. */
static u16 old_count(u32 n)
{
	return (u16)MIN(n, 0xffffu);
}

static long put_stat(uptr_t to, const struct abi_msqid64_ds *d, bool is64)
{
	struct abi_msqid_ds old = {
		.stime = (s32)d->stime,
		.rtime = (s32)d->rtime,
		.ctime = (s32)d->ctime,
		.lcbytes = d->cbytes,
		.lqbytes = d->qbytes,
		.cbytes = old_count(d->cbytes),
		.qnum = old_count(d->qnum),
		.qbytes = old_count(d->qbytes),
		.lspid = (u16)d->lspid,
		.lrpid = (u16)d->lrpid,
	};

	if (is64)
		return copy_to_user(to, d, sizeof(*d));
	ipc_old_perm(&d->perm, &old.perm);
	return copy_to_user(to, &old, sizeof(old));
}

static long msg_stat(s32 id, u32 cmd, uptr_t to, bool is64)
{
	struct abi_msqid64_ds d;
	struct ipc_object *o;
	long result;

	mutex_lock(&queues.lock);
	result = ipc_find_stat(&queues, id, cmd, cmd == MSG_STAT_ANY, &o);
	if (result >= 0)
		fill_stat(queue_of(o), &d);
	mutex_unlock(&queues.lock);
	return result >= 0 && put_stat(to, &d, is64) ? -EFAULT : result;
}

/* Limits, or with MSG_INFO what is in use. Returns the highest place in use. */
static long msg_info(u32 cmd, uptr_t to)
{
	struct abi_msginfo info = {
		.msgpool = (s32)(msg_mni * msg_mnb / 1024),
		.msgmap = (s32)msg_mnb,
		.msgmax = (s32)msg_max,
		.msgmnb = (s32)msg_mnb,
		.msgmni = (s32)msg_mni,
		.msgssz = MSGSSZ,
		.msgtql = (s32)msg_mnb,
		.msgseg = MSGSEG,
	};
	long result;

	mutex_lock(&queues.lock);
	if (cmd == MSG_INFO) {
		info.msgpool = (s32)queues.in_use;
		info.msgmap = (s32)all_msgs;
		info.msgtql = (s32)all_bytes;
	}
	result = MAX(queues.max_place, 0);
	mutex_unlock(&queues.lock);
	return copy_to_user(to, &info, sizeof(info)) ? -EFAULT : result;
}

/* Those who sleep on it find it removed; the last of them frees it. */
static void destroy(struct msg_queue *q)
{
	struct msg *m;

	ipc_leave(&queues, &q->ipc);
	while (!list_empty(&q->msgs)) {
		m = list_first_entry(&q->msgs, struct msg, link);
		take(q, m);
		kfree(m);
	}
	if (ipc_event_remove(&q->changed))
		kfree(q);
}

/* IPC_RMID, and IPC_SET with the new owner and limit in *d. */
static long change_locked(s32 id, const struct abi_msqid64_ds *d)
{
	struct ipc_object *o = ipc_find_owned(&queues, id);
	struct msg_queue *q;
	long err;

	if (is_err(o))
		return ptr_err(o);
	q = queue_of(o);
	if (!d) {
		destroy(q);
		return 0;
	}
	if (d->qbytes > msg_mnb && !capable(CAP_SYS_RESOURCE))
		return -EPERM;
	err = ipc_set_owner(o, &d->perm);
	if (err)
		return err;
	q->max_bytes = d->qbytes;
	q->ctime = ipc_now();
	ipc_event_signal(&q->changed);
	return 0;
}

static long change(s32 id, const struct abi_msqid64_ds *d)
{
	long err;

	mutex_lock(&queues.lock);
	err = change_locked(id, d);
	mutex_unlock(&queues.lock);
	return err;
}

static long set(s32 id, uptr_t from, bool is64)
{
	struct abi_msqid64_ds d;
	struct abi_msqid_ds old;

	if (is64 ? copy_from_user(&d, from, sizeof(d)) : copy_from_user(&old, from, sizeof(old)))
		return -EFAULT;
	if (!is64) {
		ipc_new_perm(&old.perm, &d.perm);
		d.qbytes = old.qbytes ? old.qbytes : old.lqbytes;
	}
	return change(id, &d);
}

long msg_control(s32 id, u32 cmd, uptr_t buf, bool is64)
{
	if (id < 0)
		return -EINVAL;
	switch (cmd) {
	case IPC_INFO:
	case MSG_INFO:
		return msg_info(cmd, buf);
	case IPC_STAT:
	case MSG_STAT:
	case MSG_STAT_ANY:
		return msg_stat(id, cmd, buf, is64);
	case IPC_RMID:
		return change(id, NULL);
	case IPC_SET:
		return set(id, buf, is64);
	default:
		return -EINVAL;
	}
}

long sys_msgctl(s32 id, u32 cmd, uptr_t buf)
{
	return msg_control(id, cmd, buf, true);
}

/* --- /proc/sysvipc/msg --- */

void msg_show(struct text *t)
{
	struct msg_queue *q;

	text_puts(t,
		"       key      msqid perms      cbytes       qnum lspid lrpid   uid   gid  cuid"
		"  cgid      stime      rtime      ctime\n");
	mutex_lock(&queues.lock);
	for (u32 at = 0; (q = queue_of(ipc_next(&queues, &at))); at++)
		text_printf(t,
			"%10d %10d  %4o  %10u %10u %5u %5u %5u %5u %5u %5u %10lld %10lld %10lld\n",
			q->ipc.key, q->ipc.id, q->ipc.mode, q->bytes, q->nr_msgs, q->lspid,
			q->lrpid, q->ipc.uid, q->ipc.gid, q->ipc.cuid, q->ipc.cgid, q->stime,
			q->rtime, q->ctime);
	mutex_unlock(&queues.lock);
}
