/* Descriptors of processes: pidfd_open(2), pidfd_getfd(2), pidfd_send_signal(2), and what
 * process_mrelease(2) asks. */
#include "kernel/proc/pidfd.h"
#include "kernel/abi/errno.h"
#include "kernel/abi/fcntl.h"
#include "kernel/fs/file.h"
#include "kernel/fs/poll.h"
#include "kernel/fs/text.h"
#include "kernel/fs/vfs.h"
#include "kernel/proc/process.h"
#include "kernel/proc/ptrace.h"
#include "kernel/procfs/procfs.h"
#include "kernel/syscalls.h"
#include "kernel/x86/uaccess.h"
#include "mm/kmalloc.h"

struct pidfd {
	u32 pid; /* 0: of a promise, not yet known */
	u64 start_ns;
};

static struct waitq exits = WAITQ_INIT(exits); /* of any process */

void pidfd_exited(void)
{
	waitq_wake_all(&exits);
}

static const struct file_ops pidfd_ops;

/* Which process a file names; false when it names none. */
static bool named_by(const struct file *f, struct pidfd *who)
{
	if (f->ops != &pidfd_ops)
		return proc_dir_process(f, &who->pid, &who->start_ns);
	*who = *(const struct pidfd *)f->private;
	return true;
}

struct process *pidfd_find_locked(const struct file *f)
{
	struct pidfd who;
	struct process *p = named_by(f, &who) ? process_find(who.pid) : NULL;

	return p && p->start_ns == who.start_ns ? p : NULL;
}

static bool has_exited(const struct file *f)
{
	u32 flags = spin_lock_irqsave(&process_lock);
	const struct process *p = pidfd_find_locked(f);
	bool exited = !p || p->state == P_ZOMBIE;

	spin_unlock_irqrestore(&process_lock, flags);
	return exited;
}

static u32 pidfd_poll(struct file *f, struct poll_table *pt)
{
	poll_wait_for(pt, &exits, POLLIN);
	return has_exited(f) ? POLLIN | POLLRDNORM : 0;
}

static void pidfd_release(struct file *f)
{
	kfree(f->private);
}

static void pidfd_show(struct file *f, struct text *t)
{
	u32 flags = spin_lock_irqsave(&process_lock);
	const struct process *p = pidfd_find_locked(f);
	int pid = p ? (int)p->pid : -1;

	spin_unlock_irqrestore(&process_lock, flags);
	text_printf(t, "Pid:\t%d\nNSpid:\t%d\n", pid, pid);
}

static const struct file_ops pidfd_ops = {
	.poll = pidfd_poll,
	.release = pidfd_release,
	.show_info = pidfd_show,
};

struct file *pidfd_or_proc_get(u32 fd)
{
	struct file *f = fget(fd);
	struct pidfd who;

	if (f && !named_by(f, &who)) {
		file_put(f);
		return NULL;
	}
	return f;
}

struct file *pidfd_get(u32 fd)
{
	struct file *f = pidfd_or_proc_get(fd);

	if (f && f->ops != &pidfd_ops) {
		file_put(f);
		return NULL;
	}
	return f;
}

u32 pidfd_pid(const struct file *f)
{
	struct pidfd who;

	return named_by(f, &who) ? who.pid : 0;
}

#define PIDFD_KIND "anon_inode:[pidfd]"

static struct pidfd *pidfd_make(u32 pid, u64 start_ns)
{
	struct pidfd *pf = kmalloc(sizeof(*pf));

	if (pf)
		*pf = (struct pidfd){pid, start_ns};
	return pf;
}

/* --- For clone() --- */

static long promise_file(struct pidfd_promise *pp)
{
	struct pidfd *pf = pidfd_make(0, 0);

	if (!pf)
		return -ENOMEM;
	pp->file = anon_file_create(PIDFD_KIND, O_RDWR, &pidfd_ops, pf);
	if (!is_err(pp->file))
		return 0;
	kfree(pf);
	return ptr_err(pp->file);
}

long pidfd_promise(struct pidfd_promise *pp, uptr_t where)
{
	struct files *files = current_task()->files;
	long err;

	pp->fd = files_reserve(files, 0, true);
	if (pp->fd < 0)
		return pp->fd;
	err = promise_file(pp);
	if (!err && put_user_u32(where, (u32)pp->fd)) {
		file_put(pp->file);
		err = -EFAULT;
	}
	if (err)
		files_unreserve(files, (u32)pp->fd);
	return err;
}

void pidfd_keep(struct pidfd_promise *pp, const struct process *p)
{
	*(struct pidfd *)pp->file->private = (struct pidfd){p->pid, p->start_ns};
	files_fill(current_task()->files, (u32)pp->fd, pp->file);
}

void pidfd_break(struct pidfd_promise *pp)
{
	files_unreserve(current_task()->files, (u32)pp->fd);
	file_put(pp->file);
}

/* --- The calls --- */

/* The process with this number; a thread of one is -EINVAL. */
static long find_start(u32 pid, u64 *start_ns)
{
	u32 flags = spin_lock_irqsave(&process_lock);
	const struct process *p = process_find(pid);
	long err = p ? 0 : task_find(pid) ? -EINVAL : -ESRCH;

	if (p)
		*start_ns = p->start_ns;
	spin_unlock_irqrestore(&process_lock, flags);
	return err;
}

long sys_pidfd_open(s32 pid, u32 flags)
{
	struct pidfd *pf;
	u64 start_ns;
	long err;

	if ((flags & ~O_NONBLOCK) || pid <= 0)
		return -EINVAL;
	err = find_start((u32)pid, &start_ns);
	if (err)
		return err;
	pf = pidfd_make((u32)pid, start_ns);
	if (!pf)
		return -ENOMEM;
	return anon_fd_create(PIDFD_KIND, O_RDWR | flags | O_CLOEXEC, &pidfd_ops, pf);
}

/* Whether the process is on its way out, so that its memory goes without help: 0, -EINVAL when not,
 * -ESRCH when it has none any more. */
static long find_dying(const struct file *f)
{
	u32 flags = spin_lock_irqsave(&process_lock);
	const struct process *p = pidfd_find_locked(f);
	long err = !p || !p->mm ? -ESRCH : p->group_exit ? 0 : -EINVAL;

	spin_unlock_irqrestore(&process_lock, flags);
	return err;
}

long sys_process_mrelease(u32 fd, u32 flags)
{
	struct file *f;
	long err;

	if (flags)
		return -EINVAL;
	f = pidfd_get(fd);
	err = f ? find_dying(f) : -EBADF;
	file_put(f);
	return err;
}

/* The descriptor table of the process's first thread, referenced, if the caller may trace it. Error
 * pointer. */
static struct files *get_files(const struct file *f)
{
	u32 flags = spin_lock_irqsave(&process_lock);
	struct process *p = pidfd_find_locked(f);
	struct task *t = p ? task_find(p->pid) : NULL;
	struct files *files = err_ptr(-ESRCH);

	if (p && p != current_process() && !ptrace_may_attach(p))
		files = err_ptr(-EPERM);
	else if (t && t->files)
		files = files_get(t->files);
	spin_unlock_irqrestore(&process_lock, flags);
	return files;
}

/* A descriptor for what another process has open as `target`. */
static long take_descriptor(const struct file *pidfd, u32 target)
{
	struct files *files = get_files(pidfd);
	struct file *f;
	long fd;

	if (is_err(files))
		return ptr_err(files);
	f = files_fget(files, target);
	files_put(files);
	if (!f)
		return -EBADF;
	fd = files_install(current_task()->files, f, 0, true);
	if (fd < 0)
		file_put(f);
	return fd;
}

long sys_pidfd_getfd(u32 fd, u32 target, u32 flags)
{
	struct file *f;
	long got;

	if (flags)
		return -EINVAL;
	f = pidfd_get(fd);
	if (!f)
		return -EBADF;
	got = take_descriptor(f, target);
	file_put(f);
	return got;
}
