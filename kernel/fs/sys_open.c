/* System calls that open and close: open, openat, openat2, creat, close, close_range, pipe, pipe2. */
#include "kernel/abi/sched.h"
#include "kernel/fs/open.h"
#include "kernel/fs/path.h"
#include "kernel/proc/task.h"
#include "kernel/syscalls.h"
#include "kernel/x86/uaccess.h"

static long do_open(s32 dirfd, uptr_t path, const struct abi_open_how *how)
{
	struct files *fs = current_task()->files;
	char *buf = user_path_get(path);
	struct file *f;
	long fd;

	if (is_err(buf))
		return ptr_err(buf);
	fd = files_reserve(fs, 0, how->flags & O_CLOEXEC);
	if (fd >= 0) {
		f = path_open(dirfd, buf, how);
		if (is_err(f)) {
			files_unreserve(fs, (u32)fd);
			fd = ptr_err(f);
		} else {
			files_fill(fs, (u32)fd, f);
		}
	}
	user_path_free(buf);
	return fd;
}

long sys_openat(s32 dirfd, uptr_t path, u32 flags, u32 mode)
{
	return do_open(dirfd, path, &(struct abi_open_how){.flags = flags, .mode = mode});
}

/* openat2() refuses what the older calls ignore. */
static long check_how(const struct abi_open_how *h)
{
	const u64 scoped = RESOLVE_BENEATH | RESOLVE_IN_ROOT;
	bool creates = h->flags & (O_CREAT | O_TMPFILE_BIT);

	if ((h->flags & ~(u64)O_ALL) || (h->resolve & ~(u64)(RESOLVE_CACHED * 2 - 1)))
		return -EINVAL;
	if ((h->resolve & scoped) == scoped || (h->mode & ~(u64)(creates ? 07777 : 0)))
		return -EINVAL;
	if ((h->flags & O_PATH) &&
		(h->flags & ~(u64)(O_DIRECTORY | O_NOFOLLOW | O_PATH | O_CLOEXEC)))
		return -EINVAL;
	return h->resolve & RESOLVE_CACHED && (creates || h->flags & O_TRUNC) ? -EAGAIN : 0;
}

long sys_openat2(s32 dirfd, uptr_t path, uptr_t uhow, u32 size)
{
	struct abi_open_how how;
	long err;

	if (size < sizeof(how))
		return -EINVAL;
	if (size > PAGE_SIZE)
		return -E2BIG;
	err = copy_struct_from_user(&how, sizeof(how), uhow, size);
	if (!err)
		err = check_how(&how);
	return err ? err : do_open(dirfd, path, &how);
}

long sys_open(uptr_t path, u32 flags, u32 mode)
{
	return sys_openat(AT_FDCWD, path, flags, mode);
}

long sys_creat(uptr_t path, u32 mode)
{
	return sys_openat(AT_FDCWD, path, O_CREAT | O_WRONLY | O_TRUNC, mode);
}

long sys_close(u32 fd)
{
	return files_close(current_task()->files, fd);
}

long sys_close_range(u32 first, u32 last, u32 flags)
{
	struct files *fs;
	long err;

	if ((flags & ~(CLOSE_RANGE_UNSHARE | CLOSE_RANGE_CLOEXEC)) || first > last)
		return -EINVAL;
	if (flags & CLOSE_RANGE_UNSHARE) {
		err = sys_unshare(CLONE_FILES);
		if (err)
			return err;
	}
	fs = current_task()->files;
	if (flags & CLOSE_RANGE_CLOEXEC)
		files_set_cloexec_range(fs, first, last);
	else
		files_close_range(fs, first, last, false);
	return 0;
}

long sys_pipe2(uptr_t fds, u32 flags)
{
	struct files *fs = current_task()->files;
	bool cloexec = flags & O_CLOEXEC;
	struct file *ends[2];
	long fd[2];
	s32 out[2];
	int err;

	if (flags & ~(O_CLOEXEC | O_NONBLOCK | O_DIRECT))
		return -EINVAL;
	if (flags & O_DIRECT)
		return -EINVAL; /* packet mode */
	err = pipe_create(ends, flags & O_NONBLOCK);
	if (err)
		return err;
	fd[0] = files_reserve(fs, 0, cloexec);
	fd[1] = fd[0] < 0 ? fd[0] : files_reserve(fs, 0, cloexec);
	if (fd[1] < 0) {
		err = (int)fd[1];
	} else {
		out[0] = (s32)fd[0];
		out[1] = (s32)fd[1];
		err = copy_to_user(fds, out, sizeof(out));
	}
	if (!err) {
		files_fill(fs, (u32)fd[0], ends[0]);
		files_fill(fs, (u32)fd[1], ends[1]);
		return 0;
	}
	for (u32 i = 0; i < 2; i++) {
		if (fd[i] >= 0)
			files_unreserve(fs, (u32)fd[i]);
		file_put(ends[i]);
	}
	return err;
}

long sys_pipe(uptr_t fds)
{
	return sys_pipe2(fds, 0);
}
