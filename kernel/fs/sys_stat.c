/* System calls that ask about files: the stat family, statx, access, statfs. */
#include "kernel/abi/statfs.h"
#include "kernel/core/clock.h"
#include "kernel/fs/path.h"
#include "kernel/proc/cred.h"
#include "kernel/proc/task.h"
#include "kernel/syscalls.h"
#include "kernel/x86/uaccess.h"

#define MAX_SMALL 0x7fffffffull

/* --- stat --- */

#define EARLIEST (INT64_MAX / (s64)NSEC_PER_SEC) /* seconds before 1970 */

/* Seconds, rounded down, and the nanoseconds after them, counted from the earliest time there is:
 * dividing what is not negative is quick. */
static s32 split_time(s64 ns, u32 *rest)
{
	u64 since = (u64)ns + (u64)EARLIEST * NSEC_PER_SEC;

	*rest = (u32)(since % NSEC_PER_SEC);
	return (s32)(since / NSEC_PER_SEC - EARLIEST);
}

/* Major and minor number as they were when both were bytes. */
static u16 old_encode_dev(u32 dev)
{
	return (u16)(DEV_MAJOR(dev) << 8 | (DEV_MINOR(dev) & 0xff));
}

static long put_old_stat(uptr_t user, const struct kstat *st)
{
	struct abi_old_stat s = {
		.st_dev = old_encode_dev(st->dev),
		.st_ino = (u16)st->ino,
		.st_mode = (u16)st->mode,
		.st_nlink = (u16)st->nlink,
		.st_uid = uid_to16(st->uid),
		.st_gid = gid_to16(st->gid),
		.st_rdev = old_encode_dev(st->rdev),
		.st_size = (u32)st->size,
	};
	u32 nsec;

	if (s.st_ino != st->ino || s.st_nlink != st->nlink || st->size > MAX_SMALL)
		return -EOVERFLOW;
	s.st_atime = (u32)split_time(st->atime, &nsec);
	s.st_mtime = (u32)split_time(st->mtime, &nsec);
	s.st_ctime = (u32)split_time(st->ctime, &nsec);
	return copy_to_user(user, &s, sizeof(s));
}

static long put_stat(uptr_t user, const struct kstat *st)
{
	struct abi_stat s = {
		.st_dev = abi_encode_dev(st->dev),
		.st_ino = st->ino,
		.st_mode = (u16)st->mode,
		.st_nlink = (u16)st->nlink,
		.st_uid = uid_to16(st->uid),
		.st_gid = gid_to16(st->gid),
		.st_rdev = abi_encode_dev(st->rdev),
		.st_size = (u32)st->size,
		.st_blksize = st->blksize,
		.st_blocks = (u32)st->blocks,
	};

	if (st->size > MAX_SMALL || st->nlink > 0xffff)
		return -EOVERFLOW;
	s.st_atime = (u32)split_time(st->atime, &s.st_atime_nsec);
	s.st_mtime = (u32)split_time(st->mtime, &s.st_mtime_nsec);
	s.st_ctime = (u32)split_time(st->ctime, &s.st_ctime_nsec);
	return copy_to_user(user, &s, sizeof(s));
}

static long put_stat64(uptr_t user, const struct kstat *st)
{
	struct abi_stat64 s = {
		.st_dev = abi_encode_dev(st->dev),
		.st_ino32 = st->ino,
		.st_mode = st->mode,
		.st_nlink = st->nlink,
		.st_uid = st->uid,
		.st_gid = st->gid,
		.st_rdev = abi_encode_dev(st->rdev),
		.st_size = (s64)st->size,
		.st_blksize = st->blksize,
		.st_blocks = st->blocks,
		.st_ino = st->ino,
	};
	u32 nsec;

	s.st_atime = split_time(st->atime, &nsec);
	s.st_atime_nsec = nsec;
	s.st_mtime = split_time(st->mtime, &nsec);
	s.st_mtime_nsec = nsec;
	s.st_ctime = split_time(st->ctime, &nsec);
	s.st_ctime_nsec = nsec;
	return copy_to_user(user, &s, sizeof(s));
}

typedef long (*put_stat_fn)(uptr_t user, const struct kstat *st);

static long stat_path(s32 dirfd, uptr_t path, u32 flags, struct kstat *st)
{
	struct path p;
	int err = user_path_lookup(dirfd, path, flags, &p);

	if (err)
		return err;
	path_stat(p, st);
	path_put(p);
	return 0;
}

static long stat_fd(u32 fd, struct kstat *st)
{
	struct file *f = fget_raw(fd);

	if (!f)
		return -EBADF;
	path_stat(file_at(f), st);
	file_put(f);
	return 0;
}

static long stat_path_to(uptr_t path, uptr_t user, u32 flags, put_stat_fn put)
{
	struct kstat st;
	long err = stat_path(AT_FDCWD, path, flags, &st);

	return err ? err : put(user, &st);
}

static long stat_fd_to(u32 fd, uptr_t user, put_stat_fn put)
{
	struct kstat st;
	long err = stat_fd(fd, &st);

	return err ? err : put(user, &st);
}

long sys_stat(uptr_t path, uptr_t user)
{
	return stat_path_to(path, user, LOOKUP_FOLLOW, put_stat);
}

long sys_lstat(uptr_t path, uptr_t user)
{
	return stat_path_to(path, user, 0, put_stat);
}

long sys_fstat(u32 fd, uptr_t user)
{
	return stat_fd_to(fd, user, put_stat);
}

long sys_oldstat(uptr_t path, uptr_t user)
{
	return stat_path_to(path, user, LOOKUP_FOLLOW, put_old_stat);
}

long sys_oldlstat(uptr_t path, uptr_t user)
{
	return stat_path_to(path, user, 0, put_old_stat);
}

long sys_oldfstat(u32 fd, uptr_t user)
{
	return stat_fd_to(fd, user, put_old_stat);
}

long sys_stat64(uptr_t path, uptr_t user)
{
	return stat_path_to(path, user, LOOKUP_FOLLOW, put_stat64);
}

long sys_lstat64(uptr_t path, uptr_t user)
{
	return stat_path_to(path, user, 0, put_stat64);
}

long sys_fstat64(u32 fd, uptr_t user)
{
	return stat_fd_to(fd, user, put_stat64);
}

static u32 lookup_flags(u32 at_flags)
{
	return (at_flags & AT_SYMLINK_NOFOLLOW ? 0 : LOOKUP_FOLLOW) |
	       (at_flags & AT_EMPTY_PATH ? LOOKUP_EMPTY : 0);
}

long sys_fstatat64(s32 dirfd, uptr_t path, uptr_t user, u32 flags)
{
	struct kstat st;
	long err;

	if (flags & ~(AT_SYMLINK_NOFOLLOW | AT_NO_AUTOMOUNT | AT_EMPTY_PATH))
		return -EINVAL;
	err = stat_path(dirfd, path, lookup_flags(flags), &st);
	return err ? err : put_stat64(user, &st);
}

static struct abi_statx_timestamp statx_time(s64 ns)
{
	struct abi_statx_timestamp t = {0};

	t.sec = split_time(ns, &t.nsec);
	return t;
}

/* The time of birth is told only to who asks for it; the attributes that nothing here ever has are
 * known to be absent. */
static long put_statx(uptr_t user, const struct kstat *st, u32 mask)
{
	struct abi_statx s = {
		.stx_mask = STATX_BASIC_STATS | STATX_MNT_ID | (mask & STATX_BTIME),
		.stx_attributes = st->mount_root ? STATX_ATTR_MOUNT_ROOT : 0,
		.stx_attributes_mask = STATX_ATTR_KNOWN,
		.stx_mnt_id = st->mnt_id,
		.stx_blksize = st->blksize,
		.stx_nlink = st->nlink,
		.stx_uid = st->uid,
		.stx_gid = st->gid,
		.stx_mode = (u16)st->mode,
		.stx_ino = st->ino,
		.stx_size = st->size,
		.stx_blocks = st->blocks,
		.stx_atime = statx_time(st->atime),
		.stx_btime = statx_time(mask & STATX_BTIME ? st->btime : 0),
		.stx_ctime = statx_time(st->ctime),
		.stx_mtime = statx_time(st->mtime),
		.stx_rdev_major = DEV_MAJOR(st->rdev),
		.stx_rdev_minor = DEV_MINOR(st->rdev),
		.stx_dev_major = DEV_MAJOR(st->dev),
		.stx_dev_minor = DEV_MINOR(st->dev),
	};

	return copy_to_user(user, &s, sizeof(s));
}

long sys_statx(s32 dirfd, uptr_t path, u32 flags, u32 mask, uptr_t user)
{
	struct kstat st;
	long err;

	if ((mask & STATX__RESERVED) || (flags & AT_STATX_SYNC_TYPE) == AT_STATX_SYNC_TYPE)
		return -EINVAL;
	if (flags & ~(AT_SYMLINK_NOFOLLOW | AT_NO_AUTOMOUNT | AT_EMPTY_PATH | AT_STATX_SYNC_TYPE))
		return -EINVAL;
	err = stat_path(dirfd, path, lookup_flags(flags), &st);
	return err ? err : put_statx(user, &st, mask);
}

/* --- access --- */

static int access_permission(struct path p, u32 mode, bool real)
{
	const struct credentials *cred = current_cred();
	struct inode *inode = p.dentry->inode;
	int err;

	if (mode == 0)
		return 0;
	if ((mode & X_OK) && S_ISREG(inode->mode) && (p.mnt->flags & MS_NOEXEC))
		return -EACCES;
	err = inode_permission_as(
		inode, mode, real ? cred->uid : cred->fsuid, real ? cred->gid : cred->fsgid);
	return err || !(mode & W_OK) || !inode_is_stored(inode) ? err : mount_may_write(p.mnt);
}

long sys_faccessat2(s32 dirfd, uptr_t path, u32 mode, u32 flags)
{
	bool real = !(flags & AT_EACCESS);
	struct path p;
	int err;

	if ((mode & ~(R_OK | W_OK | X_OK)) ||
		(flags & ~(AT_EACCESS | AT_SYMLINK_NOFOLLOW | AT_EMPTY_PATH)))
		return -EINVAL;
	err = user_path_lookup(dirfd, path, lookup_flags(flags) | (real ? LOOKUP_REAL_IDS : 0), &p);
	if (err)
		return err;
	err = access_permission(p, mode, real);
	path_put(p);
	return err;
}

long sys_faccessat(s32 dirfd, uptr_t path, u32 mode)
{
	return sys_faccessat2(dirfd, path, mode, 0);
}

long sys_access(uptr_t path, u32 mode)
{
	return sys_faccessat2(AT_FDCWD, path, mode, 0);
}

/* --- statfs --- */

static void fill_statfs(const struct mount *m, struct abi_statfs64 *s)
{
	const struct fs_type *type = m->super->type;
	struct fs_stat st = {.magic = type->magic};
	u32 flags = m->flags | m->super->flags;

	if (type->statfs)
		type->statfs(m->super, &st);
	*s = (struct abi_statfs64){
		.f_type = st.magic,
		.f_bsize = super_block_size(m->super),
		.f_blocks = st.blocks,
		.f_bfree = st.bfree,
		.f_bavail = st.bfree,
		.f_files = st.files,
		.f_ffree = st.ffree,
		.f_fsid = {(s32)m->super->dev, 0},
		.f_namelen = ABI_NAME_MAX,
		.f_frsize = super_block_size(m->super),
		/* The first four flags have the same bits as mount(2)'s. */
		.f_flags = ST_VALID | (flags & (MS_RDONLY | MS_NOSUID | MS_NODEV | MS_NOEXEC)) |
			   (flags & MS_NOATIME ? 0 : ST_RELATIME),
	};
}

static long put_statfs64(uptr_t user, const struct abi_statfs64 *s)
{
	return copy_to_user(user, s, sizeof(*s));
}

static long put_statfs(uptr_t user, const struct abi_statfs64 *s)
{
	struct abi_statfs small = {
		.f_type = s->f_type,
		.f_bsize = s->f_bsize,
		.f_blocks = (u32)s->f_blocks,
		.f_bfree = (u32)s->f_bfree,
		.f_bavail = (u32)s->f_bavail,
		.f_files = (u32)s->f_files,
		.f_ffree = (u32)s->f_ffree,
		.f_fsid = {s->f_fsid[0], s->f_fsid[1]},
		.f_namelen = s->f_namelen,
		.f_frsize = s->f_frsize,
		.f_flags = s->f_flags,
	};

	if ((s->f_blocks | s->f_bfree | s->f_bavail) >> 32)
		return -EOVERFLOW;
	return copy_to_user(user, &small, sizeof(small));
}

typedef long (*put_statfs_fn)(uptr_t user, const struct abi_statfs64 *s);

static long statfs_path(uptr_t path, uptr_t user, put_statfs_fn put)
{
	struct abi_statfs64 s;
	struct path p;
	int err = user_path_lookup(AT_FDCWD, path, LOOKUP_FOLLOW, &p);

	if (err)
		return err;
	fill_statfs(p.mnt, &s);
	path_put(p);
	return put(user, &s);
}

static long statfs_fd(u32 fd, uptr_t user, put_statfs_fn put)
{
	struct abi_statfs64 s;
	struct file *f = fget_raw(fd);

	if (!f)
		return -EBADF;
	fill_statfs(f->mnt, &s);
	file_put(f);
	return put(user, &s);
}

long sys_statfs(uptr_t path, uptr_t user)
{
	return statfs_path(path, user, put_statfs);
}

long sys_fstatfs(u32 fd, uptr_t user)
{
	return statfs_fd(fd, user, put_statfs);
}

/* The size is an argument so that the struct can grow; Linux also takes the padded one. */
static bool statfs64_size_ok(u32 size)
{
	return size == sizeof(struct abi_statfs64) || size == sizeof(struct abi_statfs64) + 4;
}

long sys_statfs64(uptr_t path, u32 size, uptr_t user)
{
	return statfs64_size_ok(size) ? statfs_path(path, user, put_statfs64) : -EINVAL;
}

long sys_fstatfs64(u32 fd, u32 size, uptr_t user)
{
	return statfs64_size_ok(size) ? statfs_fd(fd, user, put_statfs64) : -EINVAL;
}
