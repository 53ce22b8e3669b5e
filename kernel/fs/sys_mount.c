/* System calls on whole file systems: mount, umount, and the swapping, syncs and hints that have
 * nothing to do while memory is the only storage. */
#include "kernel/abi/prctl.h"
#include "kernel/fs/open.h"
#include "kernel/fs/path.h"
#include "kernel/proc/task.h"
#include "kernel/syscalls.h"

#define PROPAGATION	 (MS_UNBINDABLE | MS_PRIVATE | MS_SLAVE | MS_SHARED)
#define STORED_FLAGS	 (MS_RDONLY | MS_NOSUID | MS_NODEV | MS_NOEXEC | MS_NOATIME)
#define ATIME_FLAGS	 (MS_NOATIME | MS_NODIRATIME | MS_RELATIME | MS_STRICTATIME)
#define ADVICE_MAX	 5u	  /* POSIX_FADV_NOREUSE */
#define SWAP_FLAGS_VALID 0x7ffffu /* priority, PREFER, DISCARD and how */

/* --- mount --- */

/* mount(2)'s strings, copied in; "" where the pointer was NULL. */
struct mount_strings {
	char *source, *type, *options;
};

static char *get_string(uptr_t user)
{
	char *s;

	if (user.va)
		return user_path_get(user);
	s = user_path_get_empty();
	return s ? s : err_ptr(-ENOMEM);
}

static void put_strings(struct mount_strings *s)
{
	if (!is_err(s->source))
		user_path_free(s->source);
	if (!is_err(s->type))
		user_path_free(s->type);
	if (!is_err(s->options))
		user_path_free(s->options);
}

static long get_strings(struct mount_strings *s, uptr_t source, uptr_t type, uptr_t options)
{
	s->source = get_string(source);
	s->type = get_string(type);
	s->options = get_string(options);
	if (!is_err(s->source) && !is_err(s->type) && !is_err(s->options))
		return 0;
	put_strings(s);
	return is_err(s->source) ? ptr_err(s->source)
	       : is_err(s->type) ? ptr_err(s->type)
				 : ptr_err(s->options);
}

/* With MS_BIND only the mount is changed, without it the file system too. What is said of neither
 * access time stays as it is. */
static long remount(struct path on, u32 flags)
{
	u32 keep = flags & ATIME_FLAGS ? 0 : on.mnt->flags & MS_NOATIME;

	return mount_set_flags(on, (flags & STORED_FLAGS) | keep, !(flags & MS_BIND));
}

/* There is one name space, and nothing is propagated in it: all that counts is what may be bound. */
static long change_propagation(struct path on, u32 flags)
{
	u32 type = flags & ~(MS_REC | MS_SILENT);

	if ((type & ~PROPAGATION) || (type & (type - 1)))
		return -EINVAL;
	return mount_set_unbindable(on, flags);
}

static long bind_or_move(struct path on, const char *source, u32 flags)
{
	struct path from;
	long err;

	if (!source[0])
		return -EINVAL;
	err = path_lookup(AT_FDCWD, source, LOOKUP_FOLLOW, &from);
	if (err)
		return err;
	err = flags & MS_BIND ? mount_bind(from, on, flags) : mount_move(from, on);
	path_put(from);
	return err;
}

static long mount_on(struct path on, const struct mount_strings *s, u32 flags)
{
	if (flags & MS_REMOUNT)
		return remount(on, flags);
	if (flags & MS_BIND)
		return bind_or_move(on, s->source, flags);
	if (flags & PROPAGATION)
		return change_propagation(on, flags);
	if (flags & MS_MOVE)
		return bind_or_move(on, s->source, flags);
	if (!s->type[0])
		return -EINVAL;
	return mount_create(
		s->type, s->source[0] ? s->source : "none", on, flags & STORED_FLAGS, s->options);
}

long sys_mount(uptr_t source, uptr_t target, uptr_t type, u32 flags, uptr_t data)
{
	struct mount_strings s;
	struct path on;
	long err;

	if ((flags & MS_MGC_MSK) == MS_MGC_VAL)
		flags &= ~MS_MGC_MSK;
	if (!cred_capable(CAP_SYS_ADMIN))
		return -EPERM;
	err = get_strings(&s, source, type, data);
	if (err)
		return err;
	err = user_path_lookup(AT_FDCWD, target, LOOKUP_FOLLOW, &on);
	if (!err) {
		err = mount_on(on, &s, flags);
		path_put(on);
	}
	put_strings(&s);
	return err;
}

long sys_umount2(uptr_t target, u32 flags)
{
	struct path p;
	long err;

	if (flags & ~(MNT_FORCE | MNT_DETACH | UMOUNT_NOFOLLOW))
		return -EINVAL;
	if (!cred_capable(CAP_SYS_ADMIN))
		return -EPERM;
	err = user_path_lookup(AT_FDCWD, target, flags & UMOUNT_NOFOLLOW ? 0 : LOOKUP_FOLLOW, &p);
	return err ? err : mount_remove(p, flags & MNT_DETACH);
}

long sys_umount(uptr_t target)
{
	return sys_umount2(target, 0);
}

/* --- Syncs: everything already is where it will stay --- */

long sys_sync(void)
{
	return 0;
}

static long check_fd(u32 fd)
{
	struct file *f = fget(fd);

	if (!f)
		return -EBADF;
	file_put(f);
	return 0;
}

long sys_syncfs(u32 fd)
{
	return check_fd(fd);
}

/* Only what has contents can be synced. */
long sys_fsync(u32 fd)
{
	struct file *f = fget(fd);
	u32 type;

	if (!f)
		return -EBADF;
	type = f->dentry->inode->mode & S_IFMT;
	file_put(f);
	return type == S_IFREG || type == S_IFDIR ? 0 : -EINVAL;
}

long sys_fdatasync(u32 fd)
{
	return sys_fsync(fd);
}

static long check_range_fd(u32 fd, u32 off_hi, u32 len_hi)
{
	struct file *f = fget(fd);
	long err = 0;

	if (!f)
		return -EBADF;
	if (S_ISFIFO(f->dentry->inode->mode))
		err = -ESPIPE;
	else if ((s32)off_hi < 0 || (s32)len_hi < 0)
		err = -EINVAL;
	file_put(f);
	return err;
}

long sys_sync_file_range(u32 fd, u32 off_lo, u32 off_hi, u32 len_lo, u32 len_hi, u32 flags)
{
	long err = check_range_fd(fd, off_hi, len_hi);

	return err != -EBADF && flags & ~7u ? -EINVAL : err;
}

long sys_fadvise64_64(u32 fd, u32 off_lo, u32 off_hi, u32 len_lo, u32 len_hi, u32 advice)
{
	long err = check_range_fd(fd, 0, len_hi);

	if (!err && advice > ADVICE_MAX)
		err = -EINVAL;
	return err;
}

long sys_fadvise64(u32 fd, u32 off_lo, u32 off_hi, u32 len, u32 advice)
{
	return sys_fadvise64_64(fd, off_lo, off_hi, len, 0, advice);
}

long sys_readahead(u32 fd, u32 off_lo, u32 off_hi, u32 count)
{
	struct file *f = fget(fd);
	long err = 0;

	if (!f || !f->backing.may_read)
		err = -EBADF;
	else if (!S_ISREG(f->dentry->inode->mode))
		err = -EINVAL;
	file_put(f);
	return err;
}

/* --- Swapping --- */

/* There is no file that pages could be swapped out to: all are in memory. -EINVAL, or what is wrong
 * with the path. */
static long refuse_swap_file(uptr_t path)
{
	char *buf = user_path_get(path);
	struct file *f;
	long err = -EINVAL;

	if (is_err(buf))
		return ptr_err(buf);
	f = file_open(buf, O_RDWR | O_LARGEFILE, 0);
	if (is_err(f))
		err = ptr_err(f);
	else
		file_put(f);
	user_path_free(buf);
	return err;
}

long sys_swapon(uptr_t path, u32 flags)
{
	if (flags & ~SWAP_FLAGS_VALID)
		return -EINVAL;
	return capable(CAP_SYS_ADMIN) ? refuse_swap_file(path) : -EPERM;
}

long sys_swapoff(uptr_t path)
{
	return capable(CAP_SYS_ADMIN) ? refuse_swap_file(path) : -EPERM;
}
