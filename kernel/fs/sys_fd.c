/* System calls on descriptors: dup and its family, fcntl, flock, ioctl. */
#include "kernel/abi/signal.h"
#include "kernel/fs/fasync.h"
#include "kernel/fs/filelock.h"
#include "kernel/fs/vfs.h"
#include "kernel/proc/task.h"
#include "kernel/syscalls.h"
#include "kernel/x86/uaccess.h"

#define FIGETBSZ     0x2u
#define FICLONE	     0x40049409u
#define FICLONERANGE 0x4020940du
#define MAX_SMALL    0x7fffffffull

/* What F_SETFL may change. */
#define SETTABLE_FLAGS (O_APPEND | O_NONBLOCK | O_NOATIME)

/* --- dup --- */

static long dup_from(u32 fd, u32 min, bool cloexec)
{
	struct file *f = fget_raw(fd);
	long ret;

	if (!f)
		return -EBADF;
	ret = files_install(current_task()->files, f, min, cloexec);
	if (ret < 0)
		file_put(f);
	return ret;
}

static long dup_to(u32 from, u32 to, bool cloexec)
{
	struct file *f = fget_raw(from);
	long ret;

	if (!f)
		return -EBADF;
	ret = files_replace(current_task()->files, to, f, cloexec);
	if (ret < 0)
		file_put(f);
	return ret;
}

long sys_dup(u32 fd)
{
	return dup_from(fd, 0, false);
}

long sys_dup2(u32 from, u32 to)
{
	long open;

	if (from != to)
		return dup_to(from, to, false);
	open = files_get_cloexec(current_task()->files, from);
	return open < 0 ? open : (long)to;
}

long sys_dup3(u32 from, u32 to, u32 flags)
{
	if ((flags & ~O_CLOEXEC) || from == to)
		return -EINVAL;
	return dup_to(from, to, flags & O_CLOEXEC);
}

/* --- Record locks --- */

/* A struct flock of either size, in the larger one's terms. */
struct user_lock {
	s16 type, whence;
	s64 start, len;
	s32 pid;
};

static int get_lock(uptr_t user, bool is64, struct user_lock *out)
{
	struct abi_flock64 big;
	struct abi_flock small;

	if (is64) {
		if (copy_from_user(&big, user, sizeof(big)))
			return -EFAULT;
		*out = (struct user_lock){
			big.l_type, big.l_whence, big.l_start, big.l_len, big.l_pid};
	} else {
		if (copy_from_user(&small, user, sizeof(small)))
			return -EFAULT;
		*out = (struct user_lock){small.l_type, small.l_whence, small.l_start, small.l_len,
			small.l_pid};
	}
	return 0;
}

/* Bytes [start, start + len), or with a negative length those before start; 0 is up to the end. */
static int lock_range(const struct file *f, const struct user_lock *u, struct file_lock *l)
{
	s64 start = u->start, base = 0, end;

	if (u->whence == (s16)SEEK_CUR)
		base = (s64)f->pos;
	else if (u->whence == (s16)SEEK_END)
		base = (s64)f->dentry->inode->object.size;
	else if (u->whence != (s16)SEEK_SET)
		return -EINVAL;
	if (__builtin_add_overflow(start, base, &start))
		return -EOVERFLOW;
	if (start < 0)
		return -EINVAL;
	if (u->len < 0) {
		end = start - 1;
		if (__builtin_add_overflow(start, u->len, &start) || start < 0)
			return -EINVAL;
	} else if (u->len == 0) {
		end = (s64)LOCK_TO_END;
	} else if (__builtin_add_overflow(start, u->len - 1, &end)) {
		return -EOVERFLOW;
	}
	l->start = (u64)start;
	l->end = (u64)end;
	return 0;
}

/* The fcntl() commands come in three kinds of struct and owner. */
struct lock_kind {
	bool is64; /* struct flock64 */
	bool ofd;  /* the open file owns it */
};

static int make_request(
	struct file *f, const struct user_lock *u, struct lock_kind kind, struct file_lock *l)
{
	if (u->type != F_RDLCK && u->type != F_WRLCK && u->type != F_UNLCK)
		return -EINVAL;
	*l = (struct file_lock){
		.posix = true,
		.ofd = kind.ofd,
		.type = (u8)u->type,
		.owner = kind.ofd ? (const void *)f : current_task()->files,
		.pid = kind.ofd ? UINT32_MAX : current_process()->pid,
	};
	return lock_range(f, u, l);
}

static long put_lock(uptr_t user, bool is64, const struct file_lock *l)
{
	u64 len = l->end == LOCK_TO_END ? 0 : l->end - l->start + 1;
	struct abi_flock64 big = {l->type, SEEK_SET, (s64)l->start, (s64)len, (s32)l->pid};
	struct abi_flock small = {l->type, SEEK_SET, (s32)l->start, (s32)len, (s32)l->pid};

	if (is64)
		return copy_to_user(user, &big, sizeof(big));
	if (l->start > MAX_SMALL || len > MAX_SMALL)
		return -EOVERFLOW;
	return copy_to_user(user, &small, sizeof(small));
}

static long fcntl_getlk(struct file *f, uptr_t user, struct lock_kind kind)
{
	struct file_lock want, found;
	struct user_lock u;
	s16 unlocked = F_UNLCK;
	int err = get_lock(user, kind.is64, &u);

	if (!err && u.type == F_UNLCK)
		err = -EINVAL;
	if (!err && kind.ofd && u.pid)
		err = -EINVAL;
	if (!err)
		err = make_request(f, &u, kind, &want);
	if (err)
		return err;
	if (lock_test(f->dentry->inode, &want, &found))
		return put_lock(user, kind.is64, &found);
	return copy_to_user(user, &unlocked, sizeof(unlocked));
}

static long fcntl_setlk(struct file *f, uptr_t user, struct lock_kind kind, bool wait)
{
	struct file_lock want;
	struct user_lock u;
	int err = get_lock(user, kind.is64, &u);

	if (!err && kind.ofd && u.pid)
		err = -EINVAL;
	if (!err)
		err = make_request(f, &u, kind, &want);
	if (err)
		return err;
	if ((u.type == F_RDLCK && !f->backing.may_read) ||
		(u.type == F_WRLCK && !f->backing.may_write))
		return -EBADF;
	return lock_set(f->dentry->inode, &want, wait);
}

long sys_flock(u32 fd, u32 op)
{
	static const u8 types[] = {[LOCK_SH] = F_RDLCK, [LOCK_EX] = F_WRLCK, [LOCK_UN] = F_UNLCK};
	u32 kind = op & ~LOCK_NB;
	struct file_lock want;
	struct file *f;
	long err;

	if (kind != LOCK_SH && kind != LOCK_EX && kind != LOCK_UN)
		return -EINVAL;
	f = fget(fd);
	if (!f)
		return -EBADF;
	if (op != LOCK_UN && !f->backing.may_read && !f->backing.may_write) {
		file_put(f);
		return -EBADF;
	}
	want = (struct file_lock){.type = types[kind], .owner = f, .end = LOCK_TO_END};
	err = lock_set(f->dentry->inode, &want, !(op & LOCK_NB));
	file_put(f);
	return err;
}

/* --- fcntl --- */

static long set_flags(struct file *f, u32 fd, u32 arg)
{
	if (((arg ^ f->flags) & arg & O_NOATIME) && !inode_owned(f->dentry->inode))
		return -EPERM;
	if (arg & O_DIRECT)
		return -EINVAL;
	f->flags = (f->flags & ~SETTABLE_FLAGS) | (arg & SETTABLE_FLAGS);
	if (((arg ^ f->flags) & O_ASYNC) && f->ops->async)
		fasync_set(f, (s32)fd, arg & O_ASYNC);
	return 0;
}

/* --- Whom SIGIO is sent to --- */

static long fcntl_setown_ex(struct file *f, uptr_t user)
{
	struct abi_f_owner_ex owner;

	if (copy_from_user(&owner, user, sizeof(owner)))
		return -EFAULT;
	if (owner.type < F_OWNER_TID || owner.type > F_OWNER_PGRP)
		return -EINVAL;
	return fasync_set_owner(f, owner.type, owner.pid);
}

static long fcntl_setsig(struct file *f, u32 sig)
{
	if (sig > _NSIG)
		return -EINVAL;
	f->owner.sig = sig;
	return 0;
}

/* How long what is written will live, of which nothing here makes use. */
static long get_hint(const struct file *f, uptr_t to)
{
	u64 hint = f->dentry->inode->write_hint;

	return copy_to_user(to, &hint, sizeof(hint));
}

static long set_hint(struct file *f, uptr_t from)
{
	u64 hint;

	if (copy_from_user(&hint, from, sizeof(hint)))
		return -EFAULT;
	if (hint > RWH_WRITE_LIFE_EXTREME)
		return -EINVAL;
	f->dentry->inode->write_hint = (u8)hint;
	return 0;
}

static long fcntl_dup(u32 fd, u32 min, bool cloexec)
{
	if ((u64)min >= current_process()->rlimit[RLIMIT_NOFILE].cur)
		return -EINVAL;
	return dup_from(fd, min, cloexec);
}

static struct lock_kind lock_kind(u32 cmd)
{
	bool ofd = cmd == F_OFD_GETLK || cmd == F_OFD_SETLK || cmd == F_OFD_SETLKW;

	return (struct lock_kind){
		.is64 = ofd || cmd == F_GETLK64 || cmd == F_SETLK64 || cmd == F_SETLKW64,
		.ofd = ofd,
	};
}

static long fcntl_file(struct file *f, u32 fd, u32 cmd, u32 arg)
{
	switch (cmd) {
	case F_GETFL:
		return (long)f->flags;
	case F_SETFL:
		return set_flags(f, fd, arg);
	case F_GETLK:
	case F_GETLK64:
	case F_OFD_GETLK:
		return fcntl_getlk(f, UPTR(arg), lock_kind(cmd));
	case F_SETLK:
	case F_SETLK64:
	case F_OFD_SETLK:
		return fcntl_setlk(f, UPTR(arg), lock_kind(cmd), false);
	case F_SETLKW:
	case F_SETLKW64:
	case F_OFD_SETLKW:
		return fcntl_setlk(f, UPTR(arg), lock_kind(cmd), true);
	case F_GETOWN:
		return fasync_number(f);
	case F_SETOWN:
		return fasync_set_number(f, (s32)arg);
	case F_GETOWN_EX:
		return copy_to_user(UPTR(arg), &f->owner.who, sizeof(f->owner.who));
	case F_SETOWN_EX:
		return fcntl_setown_ex(f, UPTR(arg));
	case F_GETSIG:
		return (long)f->owner.sig;
	case F_SETSIG:
		return fcntl_setsig(f, arg);
	case F_GETLEASE:
		return F_UNLCK; /* nobody can take one */
	case F_GETPIPE_SZ:
		return file_is_pipe(f) ? pipe_capacity(f) : -EBADF;
	case F_SETPIPE_SZ:
		return file_is_pipe(f) ? pipe_resize(f, arg) : -EBADF;
	case F_GET_RW_HINT:
		return get_hint(f, UPTR(arg));
	case F_SET_RW_HINT:
		return set_hint(f, UPTR(arg));
	case F_ADD_SEALS:
		return seals_add(f, arg);
	case F_GET_SEALS:
		return seals_get(f);
	default:
		return -EINVAL;
	}
}

long sys_fcntl64(u32 fd, u32 cmd, u32 arg)
{
	struct files *fs = current_task()->files;
	struct file *f;
	long ret;

	switch (cmd) {
	case F_DUPFD:
	case F_DUPFD_CLOEXEC:
		return fcntl_dup(fd, arg, cmd == F_DUPFD_CLOEXEC);
	case F_GETFD:
		return files_get_cloexec(fs, fd);
	case F_SETFD:
		return files_set_cloexec(fs, fd, arg & FD_CLOEXEC);
	}
	f = cmd == F_GETFL ? fget_raw(fd) : fget(fd);
	if (!f)
		return -EBADF;
	ret = fcntl_file(f, fd, cmd, arg);
	file_put(f);
	return ret;
}

long sys_fcntl(u32 fd, u32 cmd, u32 arg)
{
	if (lock_kind(cmd).is64)
		return -EINVAL;
	return sys_fcntl64(fd, cmd, arg);
}

/* --- ioctl --- */

/* FIONBIO and FIOASYNC: what the word says. */
static long set_nonblock(struct file *f, uptr_t arg)
{
	u32 on;

	if (get_user_u32(&on, arg))
		return -EFAULT;
	f->flags = on ? f->flags | O_NONBLOCK : f->flags & ~O_NONBLOCK;
	return 0;
}

static long set_async(struct file *f, u32 fd, uptr_t arg)
{
	u32 on;

	if (get_user_u32(&on, arg))
		return -EFAULT;
	if (!on == !(f->flags & O_ASYNC))
		return 0;
	if (!f->ops->async)
		return -ENOTTY;
	fasync_set(f, (s32)fd, on);
	return 0;
}

static long ioctl_regular(struct file *f, u32 cmd, uptr_t arg)
{
	struct inode *inode = f->dentry->inode;
	u64 size = inode_has_object(inode) ? inode->object.size : 0;

	switch (cmd) {
	case FIGETBSZ:
		return put_user_u32(arg, PAGE_SIZE);
	case FIONREAD:
		return put_user_u32(arg, (u32)(size - f->pos));
	case FIOQSIZE:
		return copy_to_user(arg, &size, sizeof(size));
	case FICLONE:
	case FICLONERANGE:
		return -EOPNOTSUPP;
	default:
		return -ENOTTY;
	}
}

static long ioctl_file(struct file *f, u32 fd, u32 cmd, u32 arg)
{
	long ret = -ENOTTY;

	if (cmd == FIONBIO)
		return set_nonblock(f, UPTR(arg));
	if (cmd == FIOASYNC)
		return set_async(f, fd, UPTR(arg));
	if (f->ops->ioctl)
		ret = f->ops->ioctl(f, cmd, arg);
	else if (S_ISREG(f->dentry->inode->mode))
		ret = ioctl_regular(f, cmd, UPTR(arg));
	return ret;
}

long sys_ioctl(u32 fd, u32 cmd, u32 arg)
{
	struct file *f = fget(fd);
	long ret;

	if (!f)
		return -EBADF;
	if (cmd == FIOCLEX || cmd == FIONCLEX)
		ret = files_set_cloexec(current_task()->files, fd, cmd == FIOCLEX);
	else
		ret = ioctl_file(f, fd, cmd, arg);
	file_put(f);
	return ret;
}
