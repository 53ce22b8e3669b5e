/*
 * System V semaphores: semget, semop, semtimedop, semctl.
 *
 *   table --by place--> struct sem_set --undos--> struct sem_undo <--sem_undos-- struct process
 *
 * The operations of one semop() happen all together or not at all. Who cannot go on sleeps until
 * anything about the set has changed, and tries again. What a process did with SEM_UNDO is kept
 * negated beside it, and added when it ends.
 *
 * Everything is under the table's lock. A set that was removed is freed by the last who sleeps on
 * it.
 */
#include "kernel/abi/errno.h"
#include "kernel/core/clock.h"
#include "kernel/fs/text.h"
#include "kernel/fs/vfs.h"
#include "kernel/ipc/ipc_ids.h"
#include "kernel/ipc/sem.h"
#include "kernel/lib/string.h"
#include "kernel/proc/process.h"
#include "kernel/syscalls.h"
#include "kernel/x86/uaccess.h"
#include "mm/kmalloc.h"

#define SEMVMX 32767 /* largest value of a semaphore, */
#define SEMAEM 32767 /* and of an adjustment at exit */
#define SEMUSZ 20    /* what Linux says: the size of an old struct */

#define FEW_OPS 8u /* that many are kept on the stack */

struct sem {
	s32 value;
	u32 pid;	/* who changed it last */
	u32 ncnt, zcnt; /* who wait for it to grow, to be 0 */
};

struct sem_set {
	struct ipc_object ipc;
	u32 nsems;
	s64 otime, ctime;
	struct list_head undos; /* struct sem_undo.in_set */
	struct ipc_event changed;
	struct sem sems[];
};

/* It goes with the process, or the set, whichever is first. */
struct sem_undo {
	struct sem_undo *next;	 /* of the process */
	struct sem_undo **place; /* that points to it: process->sem_undos, or another's `next` */
	struct list_head in_set;
	struct sem_set *set;
	s32 adjust[]; /* for each semaphore */
};

u32 sem_limits[4] = {32000, 1024000000, 500, 32000};

#define SEMMSL sem_limits[0]
#define SEMMNS sem_limits[1]
#define SEMOPM sem_limits[2]
#define SEMMNI sem_limits[3]

static struct ipc_table sems = IPC_TABLE_INIT(sems);
static u32 nr_sems; /* in all sets; sems.lock */

static struct sem_set *set_of(struct ipc_object *o)
{
	return o ? container_of(o, struct sem_set, ipc) : NULL;
}

/* --- semget --- */

static long create(s32 key, u32 nsems, u32 flags)
{
	struct sem_set *set;
	int err;

	if (!nsems)
		return -EINVAL;
	if (nr_sems + nsems > SEMMNS)
		return -ENOSPC;
	set = kzalloc(sizeof(*set) + nsems * sizeof(struct sem));
	if (!set)
		return -ENOMEM;
	ipc_own(&set->ipc, key, flags);
	set->nsems = nsems;
	set->ctime = ipc_now();
	list_init(&set->undos);
	ipc_event_init(&set->changed);
	err = ipc_enter(&sems, &set->ipc, SEMMNI);
	if (err) {
		kfree(set);
		return err;
	}
	nr_sems += nsems;
	return set->ipc.id;
}

static long get_locked(s32 key, u32 nsems, u32 flags)
{
	struct ipc_object *o;
	long err = ipc_get(&sems, key, flags, &o);

	if (err)
		return err;
	if (!o)
		return create(key, nsems, flags);
	if (nsems > set_of(o)->nsems)
		return -EINVAL;
	return ipc_may(o, flags) ? o->id : -EACCES;
}

long sys_semget(s32 key, s32 nsems, u32 flags)
{
	long id;

	if (nsems < 0 || nsems > (s32)SEMMSL)
		return -EINVAL;
	mutex_lock(&sems.lock);
	id = get_locked(key, (u32)nsems, flags);
	mutex_unlock(&sems.lock);
	return id;
}

/* --- semop --- */

/* The calling process's undo for a set, made if it is missing. NULL: no memory. */
static struct sem_undo *get_undo(struct sem_set *set)
{
	struct process *p = current_process();
	struct sem_undo *u;

	for (u = p->sem_undos; u; u = u->next)
		if (u->set == set)
			return u;
	u = kzalloc(sizeof(*u) + set->nsems * sizeof(s32));
	if (!u)
		return NULL;
	u->set = set;
	list_add_tail(&u->in_set, &set->undos);
	u->next = p->sem_undos;
	u->place = &p->sem_undos;
	if (u->next)
		u->next->place = &u->next;
	p->sem_undos = u;
	return u;
}

static void drop_undo(struct sem_undo *u)
{
	*u->place = u->next;
	if (u->next)
		u->next->place = u->place;
	list_del(&u->in_set);
	kfree(u);
}

struct sem_call {
	s32 id;
	const struct abi_sembuf *ops;
	u32 nr_ops;
	bool alters, undoes;
	u64 deadline; /* monotonic, or DEADLINE_NEVER */
	u32 blocker;  /* the operation that could not be done */
};

#define WOULD_BLOCK 1

/* One operation. 0, WOULD_BLOCK or -ERANGE. */
static long do_op(struct sem *sem, const struct abi_sembuf *op, s32 *adjust)
{
	s32 value = sem->value + op->op;

	if ((op->op == 0 && sem->value) || value < 0)
		return WOULD_BLOCK;
	if (value > SEMVMX)
		return -ERANGE;
	if (op->flags & SEM_UNDO) {
		if (*adjust - op->op < -SEMAEM - 1 || *adjust - op->op > SEMAEM)
			return -ERANGE;
		*adjust -= op->op;
	}
	sem->value = value;
	return 0;
}

/* All of them, or none. */
static long try_ops(struct sem_set *set, struct sem_call *c, struct sem_undo *u)
{
	long err = 0;
	s32 unused = 0;
	u32 i;

	for (i = 0; i < c->nr_ops && !err; i++) {
		const struct abi_sembuf *op = &c->ops[i];

		err = do_op(&set->sems[op->num], op, u ? &u->adjust[op->num] : &unused);
	}
	if (!err) {
		for (i = 0; i < c->nr_ops; i++)
			set->sems[c->ops[i].num].pid = current_process()->pid;
		return 0;
	}
	c->blocker = --i;
	while (i--) {
		const struct abi_sembuf *op = &c->ops[i];

		set->sems[op->num].value -= op->op;
		if (op->flags & SEM_UNDO)
			u->adjust[op->num] += op->op;
	}
	return err;
}

static long check_ops(const struct sem_set *set, const struct sem_call *c)
{
	if (!set)
		return -EINVAL;
	for (u32 i = 0; i < c->nr_ops; i++)
		if (c->ops[i].num >= set->nsems)
			return -EFBIG;
	return ipc_may(&set->ipc, c->alters ? IPC_ANY_WRITE : IPC_ANY_READ) ? 0 : -EACCES;
}

/* Sleeps until the set has changed. Called and returns with the table locked; the set may be gone
 * when it returns -EIDRM. */
static long wait_for_change(struct sem_set *set, const struct sem_call *c)
{
	const struct abi_sembuf *op = &c->ops[c->blocker];
	u32 *count = op->op ? &set->sems[op->num].ncnt : &set->sems[op->num].zcnt;
	long err;

	++*count;
	err = ipc_event_wait(&sems, &set->changed, c->deadline);
	--*count;
	if (err == -EIDRM && !set->changed.sleepers)
		kfree(set);
	return err;
}

static long semop_locked(struct sem_call *c)
{
	struct sem_set *set = set_of(ipc_find(&sems, c->id));
	struct sem_undo *u = NULL;
	long err = check_ops(set, c);

	if (!err && c->undoes) {
		u = get_undo(set);
		if (!u)
			err = -ENOMEM;
	}
	while (!err) {
		err = try_ops(set, c, u);
		if (!err) {
			set->otime = ipc_now();
			if (c->alters)
				ipc_event_signal(&set->changed);
			return 0;
		}
		if (err == WOULD_BLOCK)
			err = c->ops[c->blocker].flags & IPC_NOWAIT ? -EAGAIN
								    : wait_for_change(set, c);
	}
	return err;
}

static long do_semop(s32 id, uptr_t uops, u32 n, u64 deadline)
{
	struct abi_sembuf few[FEW_OPS], *ops = few;
	struct sem_call c = {.id = id, .nr_ops = n, .deadline = deadline};
	long err;

	if (n > SEMOPM)
		return -E2BIG;
	if (n < 1)
		return -EINVAL;
	if (n > FEW_OPS)
		ops = kmalloc(n * sizeof(*ops));
	if (!ops)
		return -ENOMEM;
	err = copy_from_user(ops, uops, n * sizeof(*ops));
	for (u32 i = 0; i < n && !err; i++) {
		c.alters |= ops[i].op != 0;
		c.undoes |= ops[i].flags & SEM_UNDO;
	}
	c.ops = ops;
	if (!err && id < 0)
		err = -EINVAL;
	if (!err) {
		mutex_lock(&sems.lock);
		err = semop_locked(&c);
		mutex_unlock(&sems.lock);
	}
	if (ops != few)
		kfree(ops);
	return err;
}

static long semtimedop(s32 id, uptr_t ops, u32 n, uptr_t time, bool time64)
{
	u64 ns;
	long err;

	if (!time.va)
		return do_semop(id, ops, n, DEADLINE_NEVER);
	err = get_timespec(&ns, time, time64);
	return err ? err : do_semop(id, ops, n, deadline_after(ns));
}

long sys_semtimedop_time64(s32 id, uptr_t ops, u32 n, uptr_t time)
{
	return semtimedop(id, ops, n, time, true);
}

long sem_timedop(s32 id, uptr_t ops, u32 n, uptr_t time)
{
	return semtimedop(id, ops, n, time, false);
}

/* A set's sleepers find it removed. */
static void destroy(struct sem_set *set)
{
	struct sem_undo *u, *next;

	ipc_leave(&sems, &set->ipc);
	nr_sems -= set->nsems;
	list_for_each_entry_safe (u, next, &set->undos, in_set)
		drop_undo(u);
	if (ipc_event_remove(&set->changed))
		kfree(set);
}

static void undo(struct sem_undo *u)
{
	struct sem_set *set = u->set;

	for (u32 i = 0; i < set->nsems; i++) {
		if (!u->adjust[i])
			continue;
		set->sems[i].value = MAX(MIN(set->sems[i].value + u->adjust[i], SEMVMX), 0);
		set->sems[i].pid = current_process()->pid;
	}
	set->otime = ipc_now();
	ipc_event_signal(&set->changed);
}

void sem_exit(struct process *p)
{
	struct sem_undo *u;

	if (!p->sem_undos)
		return;
	mutex_lock(&sems.lock);
	while ((u = p->sem_undos)) {
		undo(u);
		drop_undo(u);
	}
	mutex_unlock(&sems.lock);
}

/* --- semctl --- */

static void fill_stat(const struct sem_set *set, struct abi_semid64_ds *d)
{
	*d = (struct abi_semid64_ds){
		.otime = (u32)set->otime,
		.otime_high = (u32)(set->otime >> 32),
		.ctime = (u32)set->ctime,
		.ctime_high = (u32)(set->ctime >> 32),
		.nsems = set->nsems,
	};
	ipc_fill_perm(&set->ipc, &d->perm);
}

static long put_stat(uptr_t to, const struct abi_semid64_ds *d, bool is64)
{
	struct abi_semid_ds old = {
		.otime = (s32)d->otime, .ctime = (s32)d->ctime, .nsems = (u16)d->nsems};

	if (is64)
		return copy_to_user(to, d, sizeof(*d));
	ipc_old_perm(&d->perm, &old.perm);
	return copy_to_user(to, &old, sizeof(old));
}

static long sem_stat(s32 id, u32 cmd, uptr_t to, bool is64)
{
	struct abi_semid64_ds d;
	struct ipc_object *o;
	long result;

	mutex_lock(&sems.lock);
	result = ipc_find_stat(&sems, id, cmd, cmd == SEM_STAT_ANY, &o);
	if (result >= 0)
		fill_stat(set_of(o), &d);
	mutex_unlock(&sems.lock);
	return result >= 0 && put_stat(to, &d, is64) ? -EFAULT : result;
}

/* Limits, or with SEM_INFO what is in use. Returns the highest place in use. */
static long sem_info(u32 cmd, uptr_t to)
{
	struct abi_seminfo info = {
		.semmap = (s32)SEMMNS,
		.semmni = (s32)SEMMNI,
		.semmns = (s32)SEMMNS,
		.semmnu = (s32)SEMMNS,
		.semmsl = (s32)SEMMSL,
		.semopm = (s32)SEMOPM,
		.semume = (s32)SEMOPM,
		.semusz = SEMUSZ,
		.semvmx = SEMVMX,
		.semaem = SEMAEM,
	};
	long result;

	mutex_lock(&sems.lock);
	if (cmd == SEM_INFO) {
		info.semusz = (s32)sems.in_use;
		info.semaem = (s32)nr_sems;
	}
	result = MAX(sems.max_place, 0);
	mutex_unlock(&sems.lock);
	return copy_to_user(to, &info, sizeof(info)) ? -EFAULT : result;
}

static void forget_adjustments(struct sem_set *set, u32 first, u32 n)
{
	struct sem_undo *u;

	list_for_each_entry (u, &set->undos, in_set)
		memset(&u->adjust[first], 0, n * sizeof(s32));
}

static void set_value(struct sem_set *set, u32 num, s32 value)
{
	set->sems[num].value = value;
	set->sems[num].pid = current_process()->pid;
}

static long set_one(s32 id, u32 num, s32 value)
{
	struct sem_set *set;
	long err = 0;

	if (value < 0 || value > SEMVMX)
		return -ERANGE;
	mutex_lock(&sems.lock);
	set = set_of(ipc_find(&sems, id));
	if (!set || num >= set->nsems)
		err = -EINVAL;
	else if (!ipc_may(&set->ipc, IPC_ANY_WRITE))
		err = -EACCES;
	if (!err) {
		set_value(set, num, value);
		forget_adjustments(set, num, 1);
		set->ctime = ipc_now();
		ipc_event_signal(&set->changed);
	}
	mutex_unlock(&sems.lock);
	return err;
}

/* The set's size, or a negative errno. */
static long size_of(s32 id, u32 wanted)
{
	struct sem_set *set;
	long n;

	mutex_lock(&sems.lock);
	set = set_of(ipc_find(&sems, id));
	n = !set ? -EINVAL : ipc_may(&set->ipc, wanted) ? (long)set->nsems : -EACCES;
	mutex_unlock(&sems.lock);
	return n;
}

/* Copies all values between the set and an array of its size. */
static long exchange_all(s32 id, u16 *values, long n, bool set_them)
{
	struct sem_set *set;
	long err = 0;

	mutex_lock(&sems.lock);
	set = set_of(ipc_find(&sems, id));
	if (!set || set->nsems != (u32)n)
		err = -EIDRM;
	for (u32 i = 0; i < (u32)n && !err; i++) {
		if (set_them)
			set_value(set, i, values[i]);
		else
			values[i] = (u16)set->sems[i].value;
	}
	if (!err && set_them) {
		forget_adjustments(set, 0, (u32)n);
		set->ctime = ipc_now();
		ipc_event_signal(&set->changed);
	}
	mutex_unlock(&sems.lock);
	return err;
}

static long values_from_user(u16 *values, u32 n, uptr_t from)
{
	if (copy_from_user(values, from, n * sizeof(u16)))
		return -EFAULT;
	for (u32 i = 0; i < n; i++)
		if (values[i] > SEMVMX)
			return -ERANGE;
	return 0;
}

/* GETALL, SETALL. */
static long move_all(s32 id, uptr_t user, bool set_them)
{
	long n = size_of(id, set_them ? IPC_ANY_WRITE : IPC_ANY_READ), err = 0;
	u16 *values;

	if (n < 0)
		return n;
	values = kmalloc((u32)n * sizeof(u16));
	if (!values)
		return -ENOMEM;
	if (set_them)
		err = values_from_user(values, (u32)n, user);
	if (!err)
		err = exchange_all(id, values, n, set_them);
	if (!err && !set_them)
		err = copy_to_user(user, values, (u32)n * sizeof(u16));
	kfree(values);
	return err;
}

static long get_one(s32 id, u32 num, u32 cmd)
{
	struct sem_set *set;
	long value = -EINVAL;

	mutex_lock(&sems.lock);
	set = set_of(ipc_find(&sems, id));
	if (set && !ipc_may(&set->ipc, IPC_ANY_READ))
		value = -EACCES;
	else if (set && num < set->nsems)
		value = cmd == GETVAL	 ? set->sems[num].value
			: cmd == GETPID	 ? (long)set->sems[num].pid
			: cmd == GETNCNT ? (long)set->sems[num].ncnt
					 : (long)set->sems[num].zcnt;
	mutex_unlock(&sems.lock);
	return value;
}

/* IPC_RMID, and IPC_SET with the new owner in *perm. */
static long change_locked(s32 id, const struct abi_ipc64_perm *perm)
{
	struct ipc_object *o = ipc_find_owned(&sems, id);
	long err;

	if (is_err(o))
		return ptr_err(o);
	if (!perm) {
		destroy(set_of(o));
		return 0;
	}
	err = ipc_set_owner(o, perm);
	if (!err)
		set_of(o)->ctime = ipc_now();
	return err;
}

static long change(s32 id, const struct abi_ipc64_perm *perm)
{
	long err;

	mutex_lock(&sems.lock);
	err = change_locked(id, perm);
	mutex_unlock(&sems.lock);
	return err;
}

static long set_owner(s32 id, uptr_t from, bool is64)
{
	struct abi_semid64_ds d;
	struct abi_semid_ds old;

	if (is64 ? copy_from_user(&d, from, sizeof(d)) : copy_from_user(&old, from, sizeof(old)))
		return -EFAULT;
	if (!is64)
		ipc_new_perm(&old.perm, &d.perm);
	return change(id, &d.perm);
}

long sem_control(s32 id, u32 num, u32 cmd, u32 arg, bool is64)
{
	if (id < 0)
		return -EINVAL;
	switch (cmd) {
	case IPC_INFO:
	case SEM_INFO:
		return sem_info(cmd, UPTR(arg));
	case IPC_STAT:
	case SEM_STAT:
	case SEM_STAT_ANY:
		return sem_stat(id, cmd, UPTR(arg), is64);
	case GETALL:
		return move_all(id, UPTR(arg), false);
	case SETALL:
		return move_all(id, UPTR(arg), true);
	case GETVAL:
	case GETPID:
	case GETNCNT:
	case GETZCNT:
		return get_one(id, num, cmd);
	case SETVAL:
		return set_one(id, num, (s32)arg);
	case IPC_RMID:
		return change(id, NULL);
	case IPC_SET:
		return set_owner(id, UPTR(arg), is64);
	default:
		return -EINVAL;
	}
}

long sys_semctl(s32 id, u32 num, u32 cmd, u32 arg)
{
	return sem_control(id, num, cmd, arg, true);
}

/* --- /proc/sysvipc/sem --- */

void sem_show(struct text *t)
{
	struct sem_set *set;

	text_puts(t, "       key      semid perms      nsems   uid   gid  cuid  cgid      otime"
		     "      ctime\n");
	mutex_lock(&sems.lock);
	for (u32 at = 0; (set = set_of(ipc_next(&sems, &at))); at++)
		text_printf(t, "%10d %10d  %4o %10u %5u %5u %5u %5u %10lld %10lld\n", set->ipc.key,
			set->ipc.id, set->ipc.mode, set->nsems, set->ipc.uid, set->ipc.gid,
			set->ipc.cuid, set->ipc.cgid, set->otime, set->ctime);
	mutex_unlock(&sems.lock);
}
