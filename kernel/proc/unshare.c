/* unshare(2) and setns(2): a process stops sharing what clone(2) let it share. There is one
 * namespace of each kind. */
#include "kernel/abi/errno.h"
#include "kernel/abi/prctl.h"
#include "kernel/abi/sched.h"
#include "kernel/fs/file.h"
#include "kernel/fs/vfs.h"
#include "kernel/proc/process.h"
#include "kernel/proc/task.h"
#include "kernel/syscalls.h"

#define SHARED_BY_THREADS (CLONE_THREAD | CLONE_SIGHAND | CLONE_VM)
#define UNSHARABLE	  (SHARED_BY_THREADS | CLONE_FS | CLONE_FILES | CLONE_SYSVSEM | CLONE_NAMESPACES)

/* What it is to have of its own; NULL: nothing new. */
struct own {
	struct fs_context *fs;
	struct files *files;
};

/* Puts the copies in place; *own gets what they replace. */
static void exchange(struct process *p, struct own *own)
{
	u32 flags = spin_lock_irqsave(&process_lock);
	struct own old = {own->fs ? p->fs : NULL, own->files ? p->files : NULL};

	if (own->fs)
		p->fs = own->fs;
	if (own->files)
		p->files = own->files;
	spin_unlock_irqrestore(&process_lock, flags);
	*own = old;
}

/* The threads of a process share these for good. */
static long check(u32 flags)
{
	if (flags & ~UNSHARABLE)
		return -EINVAL;
	if ((flags & (SHARED_BY_THREADS | CLONE_FS | CLONE_FILES)) &&
		current_process()->nr_threads > 1)
		return -EINVAL;
	return namespace_flags_check(flags);
}

long sys_unshare(u32 flags)
{
	struct process *p = current_process();
	struct own own = {NULL, NULL};
	long err = check(flags);

	if (err)
		return err;
	if (flags & CLONE_FS)
		own.fs = fs_copy(p->fs);
	if (flags & CLONE_FILES)
		own.files = files_copy(p->files);
	if (((flags & CLONE_FS) && !own.fs) || ((flags & CLONE_FILES) && !own.files))
		err = -ENOMEM;
	else
		exchange(p, &own);
	if (own.fs)
		fs_put(own.fs);
	if (own.files)
		files_put(own.files);
	return err;
}

/* No file stands for a namespace. */
long sys_setns(u32 fd, u32 type)
{
	struct file *f = fget(fd);

	file_put(f);
	return f ? -EINVAL : -EBADF;
}
