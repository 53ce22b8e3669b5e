/* System V IPC: identifiers, keys, owners. */
#include "kernel/abi/errno.h"
#include "kernel/abi/prctl.h"
#include "kernel/core/clock.h"
#include "kernel/fs/vfs.h"
#include "kernel/ipc/ipc_ids.h"
#include "kernel/proc/cred.h"
#include "kernel/proc/task.h"
#include "mm/kmalloc.h"

#define SEQ_MAX	    (INT32_MAX >> IPC_IDS_SHIFT)
#define FIRST_CYCLE 64u /* places that are used before the first is used again */
#define PERMISSIONS 0777u

struct radix_node *ipc_node_alloc(void)
{
	return kzalloc(sizeof(struct radix_node));
}

void ipc_node_free(struct radix_node *n)
{
	kfree(n);
}

/* Whatever its sequence. */
static struct ipc_object *at_place(const struct ipc_table *t, s32 id)
{
	return radix_get(&t->by_place, (u32)id & (IPC_IDS_MAX - 1));
}

struct ipc_object *ipc_find(const struct ipc_table *t, s32 id)
{
	struct ipc_object *o = id < 0 ? NULL : at_place(t, id);

	return o && o->id == id ? o : NULL;
}

struct ipc_object *ipc_next(const struct ipc_table *t, u32 *at)
{
	return radix_next(&t->by_place, at);
}

static struct ipc_object *find_key(const struct ipc_table *t, s32 key)
{
	struct ipc_object *o;

	for (u32 at = 0; (o = ipc_next(t, &at)); at++)
		if (o->key == key)
			return o;
	return NULL;
}

long ipc_get(const struct ipc_table *t, s32 key, u32 flags, struct ipc_object **out)
{
	struct ipc_object *o = key == IPC_PRIVATE ? NULL : find_key(t, key);

	*out = o;
	if (!o)
		return key == IPC_PRIVATE || (flags & IPC_CREAT) ? 0 : -ENOENT;
	return (flags & IPC_CREAT) && (flags & IPC_EXCL) ? -EEXIST : 0;
}

struct ipc_object *ipc_find_owned(const struct ipc_table *t, s32 id)
{
	struct ipc_object *o = ipc_find(t, id);

	if (!o)
		return err_ptr(-EINVAL);
	return ipc_owns(o) || capable(CAP_SYS_ADMIN) ? o : err_ptr(-EPERM);
}

void ipc_own(struct ipc_object *o, s32 key, u32 flags)
{
	const struct credentials *c = current_cred();

	o->key = key;
	o->mode = flags & PERMISSIONS;
	o->uid = o->cuid = c->euid;
	o->gid = o->cgid = c->egid;
}

/* The first free place from next_place on, going round at `limit`; -1 when there is none. */
static s32 free_place(const struct ipc_table *t, u32 limit)
{
	for (u32 i = 0; i < limit; i++) {
		u32 at = t->next_place >= limit ? i : (t->next_place + i) % limit;

		if (!radix_get(&t->by_place, at))
			return (s32)at;
	}
	return -1;
}

int ipc_enter(struct ipc_table *t, struct ipc_object *o, u32 limit)
{
	s32 at;
	int err;

	if (t->in_use >= MIN(limit, IPC_IDS_MAX))
		return -ENOSPC;
	at = free_place(t, MIN(MAX(t->in_use * 3 / 2, FIRST_CYCLE), IPC_IDS_MAX));
	if (at < 0)
		return -ENOSPC;
	err = radix_insert(&t->by_place, (u32)at, o);
	if (err)
		return err;
	if (at <= t->last_place)
		t->seq = t->seq + 1 >= SEQ_MAX ? 0 : t->seq + 1;
	t->last_place = at;
	t->next_place = (u32)at + 1;
	t->max_place = MAX(t->max_place, at);
	t->in_use++;
	o->id = (s32)(t->seq << IPC_IDS_SHIFT) + at;
	return 0;
}

void ipc_leave(struct ipc_table *t, struct ipc_object *o)
{
	s32 at = o->id & (s32)(IPC_IDS_MAX - 1);

	radix_delete(&t->by_place, (u32)at);
	t->in_use--;
	if (at != t->max_place)
		return;
	while (at >= 0 && !radix_get(&t->by_place, (u32)at))
		at--;
	t->max_place = at;
}

void ipc_event_init(struct ipc_event *e)
{
	*e = (struct ipc_event){.changes = 0};
	waitq_init(&e->waitq);
}

void ipc_event_signal(struct ipc_event *e)
{
	e->changes++;
	waitq_wake_all(&e->waitq);
}

long ipc_event_wait(struct ipc_table *t, struct ipc_event *e, u64 deadline)
{
	u32 seen = e->changes;
	struct alarm_clock alarm;
	long err;

	e->sleepers++;
	mutex_unlock(&t->lock);
	alarm_clock_arm(&alarm, deadline);
	err = wait_event_interruptible(
		&e->waitq, READ_ONCE(e->changes) != seen || READ_ONCE(alarm.expired));
	alarm_clock_cancel(&alarm);
	mutex_lock(&t->lock);
	e->sleepers--;
	if (e->removed)
		return -EIDRM;
	if (err)
		return -EINTR;
	return e->changes == seen ? -EAGAIN : 0;
}

bool ipc_event_remove(struct ipc_event *e)
{
	e->removed = true;
	ipc_event_signal(e);
	return !e->sleepers;
}

long ipc_find_stat(const struct ipc_table *t, s32 id, u32 cmd, bool anyone, struct ipc_object **out)
{
	struct ipc_object *o = cmd == IPC_STAT ? ipc_find(t, id) : at_place(t, id);

	if (!o)
		return -EINVAL;
	if (!anyone && !ipc_may(o, IPC_ANY_READ))
		return -EACCES;
	*out = o;
	return cmd == IPC_STAT ? 0 : o->id;
}

bool ipc_may(const struct ipc_object *o, u32 wanted)
{
	u32 euid = current_task()->cred.euid, granted = o->mode;

	wanted = (wanted >> 6 | wanted >> 3 | wanted) & 7;
	if (euid == o->cuid || euid == o->uid)
		granted >>= 6;
	else if (cred_in_group(o->cgid) || cred_in_group(o->gid))
		granted >>= 3;
	return !(wanted & ~granted) || capable(CAP_IPC_OWNER);
}

bool ipc_owns(const struct ipc_object *o)
{
	u32 euid = current_task()->cred.euid;

	return euid == o->uid || euid == o->cuid;
}

long ipc_set_owner(struct ipc_object *o, const struct abi_ipc64_perm *p)
{
	if (p->uid == UINT32_MAX || p->gid == UINT32_MAX)
		return -EINVAL;
	o->uid = p->uid;
	o->gid = p->gid;
	o->mode = (o->mode & ~PERMISSIONS) | (p->mode & PERMISSIONS);
	return 0;
}

void ipc_fill_perm(const struct ipc_object *o, struct abi_ipc64_perm *p)
{
	*p = (struct abi_ipc64_perm){
		.key = o->key,
		.uid = o->uid,
		.gid = o->gid,
		.cuid = o->cuid,
		.cgid = o->cgid,
		.mode = (u16)o->mode,
		.seq = (u16)(o->id >> IPC_IDS_SHIFT),
	};
}

void ipc_old_perm(const struct abi_ipc64_perm *p, struct abi_ipc_perm *old)
{
	*old = (struct abi_ipc_perm){p->key, uid_to16(p->uid), gid_to16(p->gid),
		uid_to16(p->cuid), gid_to16(p->cgid), p->mode, p->seq};
}

void ipc_new_perm(const struct abi_ipc_perm *old, struct abi_ipc64_perm *p)
{
	p->uid = old->uid;
	p->gid = old->gid;
	p->mode = old->mode;
}

s64 ipc_now(void)
{
	return (s64)(clock_realtime_ns() / NSEC_PER_SEC);
}
