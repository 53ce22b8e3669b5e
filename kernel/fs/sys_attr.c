/* System calls that change files other than by writing: chmod, chown, utime and their families,
 * truncate, fallocate, umask; and the extended attributes that no file has. */
#include "kernel/abi/prctl.h"
#include "kernel/abi/time.h"
#include "kernel/core/clock.h"
#include "kernel/fs/notify.h"
#include "kernel/fs/path.h"
#include "kernel/proc/task.h"
#include "kernel/syscalls.h"
#include "kernel/x86/uaccess.h"

#define MAX_SMALL 0x7fffffffull /* size without O_LARGEFILE */
#define KEEP_ID	  0xffffffffu	/* chown: leave it */
#define KEEP_ID16 0xffffu

/* --- One way to the inode, then the change --- */

/* What is to be done with an inode; arguments in the struct around it. */
struct change {
	int (*apply)(struct inode *inode, const struct change *c);
	u32 event; /* IN_ bit that who watches the file is told, or 0 */
};

static int check_changeable(struct path p)
{
	const struct inode *inode = p.dentry->inode;
	int err = mount_may_write(p.mnt);

	if (err)
		return err;
	return inode->ops->attributes_settable && !inode->super->fixed ? 0 : -EPERM;
}

static long change_at(struct path p, const struct change *c)
{
	struct inode *inode = p.dentry->inode;
	int err = check_changeable(p);

	if (err)
		return err;
	mutex_lock(&namespace_lock);
	err = c->apply(inode, c);
	if (!err)
		inode->ctime = inode_now();
	mutex_unlock(&namespace_lock);
	if (!err && c->event)
		notify_dentry(p.dentry, c->event);
	return err;
}

static long change_path(s32 dirfd, uptr_t path, u32 lookup, const struct change *c)
{
	struct path p;
	long err = user_path_lookup(dirfd, path, lookup, &p);

	if (err)
		return err;
	err = change_at(p, c);
	path_put(p);
	return err;
}

static long change_fd(u32 fd, const struct change *c)
{
	struct file *f = fget(fd);
	long err;

	if (!f)
		return -EBADF;
	err = change_at(file_at(f), c);
	file_put(f);
	return err;
}

/* --- chmod --- */

struct chmod {
	struct change change;
	u32 mode;
};

static int apply_chmod(struct inode *inode, const struct change *c)
{
	u32 mode = container_of(c, struct chmod, change)->mode & 07777;

	if (S_ISLNK(inode->mode))
		return -EOPNOTSUPP;
	if (!inode_owned(inode))
		return -EPERM;
	if (!cred_capable(CAP_FSETID) && !cred_in_group(inode->gid))
		mode &= ~S_ISGID;
	inode->mode = (inode->mode & S_IFMT) | mode;
	return 0;
}

long sys_fchmodat(s32 dirfd, uptr_t path, u32 mode)
{
	struct chmod c = {{apply_chmod, IN_ATTRIB}, mode};

	return change_path(dirfd, path, LOOKUP_FOLLOW, &c.change);
}

long sys_chmod(uptr_t path, u32 mode)
{
	return sys_fchmodat(AT_FDCWD, path, mode);
}

long sys_fchmod(u32 fd, u32 mode)
{
	struct chmod c = {{apply_chmod, IN_ATTRIB}, mode};

	return change_fd(fd, &c.change);
}

/* --- chown --- */

struct chown {
	struct change change;
	u32 uid, gid;
};

static u32 chown_event(u32 uid, u32 gid)
{
	return uid == KEEP_ID && gid == KEEP_ID ? 0 : IN_ATTRIB;
}

/* CAP_CHOWN allows all; an owner may give a file to a group of his. */
static bool may_chown(const struct inode *inode, u32 uid, u32 gid)
{
	if (cred_capable(CAP_CHOWN))
		return true;
	if (current_cred()->fsuid != inode->uid)
		return false;
	return (uid == KEEP_ID || uid == inode->uid) &&
	       (gid == KEEP_ID || gid == inode->gid || cred_in_group(gid));
}

static int apply_chown(struct inode *inode, const struct change *c)
{
	const struct chown *o = container_of(c, struct chown, change);

	if (!may_chown(inode, o->uid, o->gid))
		return -EPERM;
	if (o->uid != KEEP_ID)
		inode->uid = o->uid;
	if (o->gid != KEEP_ID)
		inode->gid = o->gid;
	if (!S_ISDIR(inode->mode)) {
		inode->mode &= ~S_ISUID;
		if (inode->mode & S_IXGRP)
			inode->mode &= ~S_ISGID;
	}
	return 0;
}

long sys_fchownat(s32 dirfd, uptr_t path, u32 uid, u32 gid, u32 flags)
{
	struct chown c = {{apply_chown, chown_event(uid, gid)}, uid, gid};
	u32 lookup = (flags & AT_SYMLINK_NOFOLLOW ? 0 : LOOKUP_FOLLOW) |
		     (flags & AT_EMPTY_PATH ? LOOKUP_EMPTY : 0);

	if (flags & ~(AT_SYMLINK_NOFOLLOW | AT_EMPTY_PATH))
		return -EINVAL;
	return change_path(dirfd, path, lookup, &c.change);
}

long sys_chown32(uptr_t path, u32 uid, u32 gid)
{
	return sys_fchownat(AT_FDCWD, path, uid, gid, 0);
}

long sys_lchown32(uptr_t path, u32 uid, u32 gid)
{
	return sys_fchownat(AT_FDCWD, path, uid, gid, AT_SYMLINK_NOFOLLOW);
}

long sys_fchown32(u32 fd, u32 uid, u32 gid)
{
	struct chown c = {{apply_chown, chown_event(uid, gid)}, uid, gid};

	return change_fd(fd, &c.change);
}

/* The old calls have ids of 16 bits. */
static u32 wide_id(u32 id)
{
	id &= 0xffff;
	return id == KEEP_ID16 ? KEEP_ID : id;
}

long sys_chown(uptr_t path, u32 uid, u32 gid)
{
	return sys_chown32(path, wide_id(uid), wide_id(gid));
}

long sys_lchown(uptr_t path, u32 uid, u32 gid)
{
	return sys_lchown32(path, wide_id(uid), wide_id(gid));
}

long sys_fchown(u32 fd, u32 uid, u32 gid)
{
	return sys_fchown32(fd, wide_id(uid), wide_id(gid));
}

/* --- utime --- */

struct when {
	s64 sec;
	u32 nsec; /* or UTIME_NOW, UTIME_OMIT */
};

struct utimes {
	struct change change;
	struct when at[2]; /* access, modification */
	bool now;	   /* both are now: who may write may do that */
};

/* 1970 plus or minus 292 years fit; what lies beyond is cut. */
static s64 when_ns(const struct when *w)
{
	const s64 limit = INT64_MAX / (s64)NSEC_PER_SEC - 1;
	s64 sec = MAX(MIN(w->sec, limit), -limit);

	if (w->nsec == UTIME_NOW)
		return inode_now();
	return sec * (s64)NSEC_PER_SEC + w->nsec;
}

static bool when_ok(const struct when *w)
{
	return w->nsec < NSEC_PER_SEC || w->nsec == UTIME_NOW || w->nsec == UTIME_OMIT;
}

static int apply_utimes(struct inode *inode, const struct change *c)
{
	const struct utimes *u = container_of(c, struct utimes, change);
	int err;

	if (!when_ok(&u->at[0]) || !when_ok(&u->at[1]))
		return -EINVAL;
	if (u->now) {
		err = inode_owned(inode) ? 0 : inode_permission(inode, MAY_WRITE);
		if (err)
			return err;
	} else if (!inode_owned(inode)) {
		return -EPERM;
	}
	if (u->at[0].nsec != UTIME_OMIT)
		inode->atime = when_ns(&u->at[0]);
	if (u->at[1].nsec != UTIME_OMIT)
		inode->mtime = when_ns(&u->at[1]);
	return 0;
}

/* times NULL: both now. A NULL path: dirfd itself. */
static long do_utimes(s32 dirfd, uptr_t path, const struct when *times, u32 flags)
{
	const struct when now = {0, UTIME_NOW};
	struct utimes u = {{apply_utimes, IN_ATTRIB}, {now, now}, true};
	u32 lookup = (flags & AT_SYMLINK_NOFOLLOW ? 0 : LOOKUP_FOLLOW) |
		     (flags & AT_EMPTY_PATH ? LOOKUP_EMPTY : 0);

	if (flags & ~(AT_SYMLINK_NOFOLLOW | AT_EMPTY_PATH))
		return -EINVAL;
	if (times) {
		u.at[0] = times[0];
		u.at[1] = times[1];
		if (u.at[0].nsec == UTIME_OMIT && u.at[1].nsec == UTIME_OMIT)
			return 0;
		u.now = u.at[0].nsec == UTIME_NOW && u.at[1].nsec == UTIME_NOW;
		if (u.at[0].nsec == UTIME_OMIT || u.at[1].nsec == UTIME_OMIT)
			u.change.event = u.at[1].nsec == UTIME_OMIT ? IN_ACCESS : IN_MODIFY;
	}
	if (path.va)
		return change_path(dirfd, path, lookup, &u.change);
	return dirfd == AT_FDCWD ? -EFAULT : change_fd((u32)dirfd, &u.change);
}

long sys_utimensat(s32 dirfd, uptr_t path, uptr_t times, u32 flags)
{
	struct abi_timespec32 t[2];
	struct when w[2];

	if (!times.va)
		return do_utimes(dirfd, path, NULL, flags);
	if (copy_from_user(t, times, sizeof(t)))
		return -EFAULT;
	for (u32 i = 0; i < 2; i++)
		w[i] = (struct when){t[i].sec, (u32)t[i].nsec};
	return do_utimes(dirfd, path, w, flags);
}

long sys_utimensat_time64(s32 dirfd, uptr_t path, uptr_t times, u32 flags)
{
	struct abi_timespec64 t[2];
	struct when w[2];

	if (!times.va)
		return do_utimes(dirfd, path, NULL, flags);
	if (copy_from_user(t, times, sizeof(t)))
		return -EFAULT;
	for (u32 i = 0; i < 2; i++)
		w[i] = (struct when){t[i].sec, (u32)t[i].nsec};
	return do_utimes(dirfd, path, w, flags);
}

long sys_futimesat(s32 dirfd, uptr_t path, uptr_t times)
{
	struct abi_timeval32 t[2];
	struct when w[2];

	if (!times.va)
		return do_utimes(dirfd, path, NULL, 0);
	if (copy_from_user(t, times, sizeof(t)))
		return -EFAULT;
	for (u32 i = 0; i < 2; i++) {
		if (t[i].usec < 0 || t[i].usec >= 1000000)
			return -EINVAL;
		w[i] = (struct when){t[i].sec, (u32)t[i].usec * 1000};
	}
	return do_utimes(dirfd, path, w, 0);
}

long sys_utimes(uptr_t path, uptr_t times)
{
	return sys_futimesat(AT_FDCWD, path, times);
}

long sys_utime(uptr_t path, uptr_t times)
{
	struct abi_utimbuf32 t;
	struct when w[2];

	if (!times.va)
		return do_utimes(AT_FDCWD, path, NULL, 0);
	if (copy_from_user(&t, times, sizeof(t)))
		return -EFAULT;
	w[0] = (struct when){t.actime, 0};
	w[1] = (struct when){t.modtime, 0};
	return do_utimes(AT_FDCWD, path, w, 0);
}

/* --- Sizes --- */

static long check_new_size(const struct inode *inode, u64 size)
{
	u64 limit = current_process()->rlimit[RLIMIT_FSIZE].cur;

	if ((s64)size < 0)
		return -EINVAL;
	if (size > FILE_SIZE_MAX)
		return -EFBIG;
	if (size > inode->object.size && size > limit) {
		signal_send_task(current_task(), SIGXFSZ, NULL);
		return -EFBIG;
	}
	return 0;
}

static long truncate_named(struct path p, u64 size)
{
	struct inode *inode = p.dentry->inode;
	long err;

	if (S_ISDIR(inode->mode))
		return -EISDIR;
	if (!S_ISREG(inode->mode))
		return -EINVAL;
	err = mount_may_write(p.mnt);
	if (!err)
		err = inode_permission(inode, MAY_WRITE);
	if (!err)
		err = check_new_size(inode, size);
	if (!err)
		err = inode_get_writer(inode);
	if (err)
		return err;
	err = vfs_truncate(p.dentry, size);
	inode_put_writer(inode);
	return err;
}

static long do_truncate(uptr_t path, u64 size)
{
	struct path p;
	long err;

	if ((s64)size < 0)
		return -EINVAL;
	err = user_path_lookup(AT_FDCWD, path, LOOKUP_FOLLOW, &p);
	if (err)
		return err;
	err = truncate_named(p, size);
	path_put(p);
	return err;
}

static long do_ftruncate(u32 fd, u64 size)
{
	struct file *f;
	long err = -EINVAL;

	if ((s64)size < 0)
		return -EINVAL;
	f = fget(fd);
	if (!f)
		return -EBADF;
	if (S_ISREG(f->dentry->inode->mode) && f->backing.may_write &&
		(size <= MAX_SMALL || (f->flags & O_LARGEFILE)))
		err = check_new_size(f->dentry->inode, size);
	if (!err)
		err = vfs_truncate(f->dentry, size);
	file_put(f);
	return err;
}

long sys_truncate(uptr_t path, s32 size)
{
	return do_truncate(path, (u64)(s64)size);
}

long sys_truncate64(uptr_t path, u32 size_lo, u32 size_hi)
{
	return do_truncate(path, u64_of(size_lo, size_hi));
}

long sys_ftruncate(u32 fd, s32 size)
{
	return do_ftruncate(fd, (u64)(s64)size);
}

long sys_ftruncate64(u32 fd, u32 size_lo, u32 size_hi)
{
	return do_ftruncate(fd, u64_of(size_lo, size_hi));
}

/* Which modes may be asked for at all, before it is asked who knows them. */
static long check_fallocate_mode(u32 mode)
{
	bool punch = mode & FALLOC_FL_PUNCH_HOLE, collapse = mode & FALLOC_FL_COLLAPSE_RANGE;
	bool insert = mode & FALLOC_FL_INSERT_RANGE, unshare = mode & FALLOC_FL_UNSHARE_RANGE;

	if (mode & ~FALLOC_FL_SUPPORTED)
		return -EOPNOTSUPP;
	if (punch && (!(mode & FALLOC_FL_KEEP_SIZE) || (mode & FALLOC_FL_ZERO_RANGE)))
		return -EOPNOTSUPP;
	if ((collapse && mode != FALLOC_FL_COLLAPSE_RANGE) ||
		(insert && mode != FALLOC_FL_INSERT_RANGE))
		return -EINVAL;
	return unshare && (mode & ~(FALLOC_FL_UNSHARE_RANGE | FALLOC_FL_KEEP_SIZE)) ? -EINVAL : 0;
}

static long check_fallocate(const struct file *f, u32 mode, u64 start, u64 len)
{
	const struct inode *inode = f->dentry->inode;
	long err;

	if ((s64)start < 0 || (s64)len <= 0)
		return -EINVAL;
	err = check_fallocate_mode(mode);
	if (err)
		return err;
	if (!f->backing.may_write)
		return -EBADF;
	if (S_ISFIFO(inode->mode))
		return -ESPIPE;
	if (S_ISDIR(inode->mode))
		return -EISDIR;
	if (!S_ISREG(inode->mode))
		return -ENODEV;
	if (start + len > FILE_SIZE_MAX)
		return -EFBIG;
	if (mode & ~(FALLOC_FL_KEEP_SIZE | FALLOC_FL_PUNCH_HOLE))
		return -EOPNOTSUPP; /* which no file system here does */
	return inode->ops->fallocate ? 0 : -EOPNOTSUPP;
}

long sys_fallocate(u32 fd, u32 mode, u32 off_lo, u32 off_hi, u32 len_lo, u32 len_hi)
{
	u64 start = u64_of(off_lo, off_hi), len = u64_of(len_lo, len_hi);
	struct file *f = fget(fd);
	struct inode *inode;
	long err;

	if (!f)
		return -EBADF;
	inode = f->dentry->inode;
	err = check_fallocate(f, mode, start, len);
	if (!err && !(mode & FALLOC_FL_KEEP_SIZE))
		err = check_new_size(inode, start + len);
	if (!err) {
		mutex_lock(&inode->lock);
		err = inode->ops->fallocate(inode, mode, start, start + len);
		mutex_unlock(&inode->lock);
		if (!err)
			notify_file(f, IN_MODIFY);
	}
	file_put(f);
	return err;
}

long sys_umask(u32 mask)
{
	struct fs_context *c = current_task()->fs;
	u32 old;

	spin_lock(&c->lock);
	old = c->umask;
	c->umask = mask & 0777;
	spin_unlock(&c->lock);
	return (long)old;
}

/* --- Extended attributes: no file system here has them --- */

#define XATTR_NAME_SIZE 256

/* What remains to be said when the file is there: the name must be one. */
static long no_attribute(uptr_t name)
{
	char text[XATTR_NAME_SIZE];
	long len = strncpy_from_user(text, name, sizeof(text));

	if (len < 0)
		return len;
	return len == 0 || len == XATTR_NAME_SIZE ? -ERANGE : -EOPNOTSUPP;
}

static long path_is_there(uptr_t path, u32 lookup)
{
	struct path p;
	int err = user_path_lookup(AT_FDCWD, path, lookup, &p);

	if (!err)
		path_put(p);
	return err;
}

static long fd_is_there(u32 fd)
{
	struct file *f = fget(fd);

	file_put(f);
	return f ? 0 : -EBADF;
}

static long no_attribute_to_set(uptr_t name, u32 flags)
{
	return flags & ~(XATTR_CREATE | XATTR_REPLACE) ? -EINVAL : no_attribute(name);
}

long sys_setxattr(uptr_t path, uptr_t name, uptr_t value, u32 size, u32 flags)
{
	return path_is_there(path, LOOKUP_FOLLOW) ?: no_attribute_to_set(name, flags);
}

long sys_lsetxattr(uptr_t path, uptr_t name, uptr_t value, u32 size, u32 flags)
{
	return path_is_there(path, 0) ?: no_attribute_to_set(name, flags);
}

long sys_fsetxattr(u32 fd, uptr_t name, uptr_t value, u32 size, u32 flags)
{
	return fd_is_there(fd) ?: no_attribute_to_set(name, flags);
}

long sys_getxattr(uptr_t path, uptr_t name, uptr_t value, u32 size)
{
	return path_is_there(path, LOOKUP_FOLLOW) ?: no_attribute(name);
}

long sys_lgetxattr(uptr_t path, uptr_t name, uptr_t value, u32 size)
{
	return path_is_there(path, 0) ?: no_attribute(name);
}

long sys_fgetxattr(u32 fd, uptr_t name, uptr_t value, u32 size)
{
	return fd_is_there(fd) ?: no_attribute(name);
}

/* The list is empty. */
long sys_listxattr(uptr_t path, uptr_t list, u32 size)
{
	return path_is_there(path, LOOKUP_FOLLOW);
}

long sys_llistxattr(uptr_t path, uptr_t list, u32 size)
{
	return path_is_there(path, 0);
}

long sys_flistxattr(u32 fd, uptr_t list, u32 size)
{
	return fd_is_there(fd);
}

long sys_removexattr(uptr_t path, uptr_t name)
{
	return path_is_there(path, LOOKUP_FOLLOW) ?: no_attribute(name);
}

long sys_lremovexattr(uptr_t path, uptr_t name)
{
	return path_is_there(path, 0) ?: no_attribute(name);
}

long sys_fremovexattr(u32 fd, uptr_t name)
{
	return fd_is_there(fd) ?: no_attribute(name);
}
