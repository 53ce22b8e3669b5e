/* unshare(2) and setns(2): a thread stops sharing what clone(2) let it share. There is one
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
static void exchange(struct task *t, struct own *own)
{
	u32 flags = spin_lock_irqsave(&process_lock);
	struct own old = {own->fs ? t->fs : NULL, own->files ? t->files : NULL};

	if (own->fs)
		t->fs = own->fs;
	if (own->files)
		t->files = own->files;
	spin_unlock_irqrestore(&process_lock, flags);
	*own = old;
}

/* The threads of a process share these for good. */
static long check(u32 flags)
{
	if (flags & ~UNSHARABLE)
		return -EINVAL;
	if ((flags & SHARED_BY_THREADS) && current_process()->nr_threads > 1)
		return -EINVAL;
	return namespace_flags_check(flags);
}

long sys_unshare(u32 flags)
{
	struct task *t = current_task();
	bool fs = (flags & CLONE_FS) && fs_holders(t->fs) > 1;
	bool files = (flags & CLONE_FILES) && files_holders(t->files) > 1;
	struct own own = {NULL, NULL};
	long err = check(flags);

	if (err)
		return err;
	if (fs)
		own.fs = fs_copy(t->fs);
	if (files)
		own.files = files_copy(t->files);
	if ((fs && !own.fs) || (files && !own.files))
		err = -ENOMEM;
	else
		exchange(t, &own);
	fs_put(own.fs);
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
