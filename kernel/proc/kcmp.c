/* kcmp(2): whether two threads have something in common, and if not, an order of what they have.
 */
#include "kernel/abi/errno.h"
#include "kernel/abi/kcmp.h"
#include "kernel/core/random.h"
#include "kernel/fs/file.h"
#include "kernel/proc/process.h"
#include "kernel/proc/ptrace.h"
#include "kernel/syscalls.h"

/* 0: the same; 1: less; 2: more. The order is one, but says nothing of where things are. */
static long compare(const void *a, const void *b)
{
	static u32 mask, factor;
	u32 x, y;
	if (!factor) {
		random_bytes(&mask, sizeof(mask));
		random_bytes(&factor, sizeof(factor));
		factor |= 1;
	}
	x = ((u32)a ^ mask) * factor;
	y = ((u32)b ^ mask) * factor;
	return (x < y) | (x > y) << 1;
}

struct subject {
	const struct process *p;
	const struct task *t; /* NULL: the process's first thread, which has exited */
};

/* What a thread has of the kind. Caller holds process_lock. */
static const void *part_of(const struct subject *s, u32 type)
{
	switch (type) {
	case KCMP_VM:
		return s->t ? s->p->mm : NULL;
	case KCMP_FILES:
		return s->t ? s->t->files : NULL;
	case KCMP_FS:
		return s->t ? s->t->fs : NULL;
	case KCMP_SIGHAND:
		return s->p->sighand;
	case KCMP_SYSVSEM:
		return s->p->sem_undos;
	default: /* KCMP_IO: nobody has one */
		return NULL;
	}
}

/* The descriptors' tables, referenced, of threads that have one still. Caller holds process_lock. */
static bool get_tables(const struct subject s[2], struct files *files[2])
{
	for (u32 i = 0; i < 2; i++)
		if (!s[i].t || !s[i].t->files)
			return false;
	files[0] = files_get(s[0].t->files);
	files[1] = files_get(s[1].t->files);
	return true;
}

static long compare_files(struct files *const files[2], const u32 fd[2])
{
	struct file *f[2];
	long ret = -EBADF;
	for (u32 i = 0; i < 2; i++) {
		f[i] = files_fget(files[i], fd[i]);
		files_put(files[i]);
	}
	if (f[0] && f[1])
		ret = compare(f[0], f[1]);
	file_put(f[0]);
	file_put(f[1]);
	return ret;
}

/* Two threads, if the caller may look into both. Caller holds process_lock. */
static long find_both(const u32 tid[2], struct subject s[2])
{
	for (u32 i = 0; i < 2; i++) {
		s[i].t = task_find(tid[i]);
		s[i].p = s[i].t ? s[i].t->process : process_find(tid[i]);
		if (!s[i].p)
			return -ESRCH;
	}
	return ptrace_may_attach(s[0].p) && ptrace_may_attach(s[1].p) ? 0 : -EPERM;
}

long sys_kcmp(u32 tid1, u32 tid2, u32 type, u32 fd1, u32 fd2)
{
	struct subject s[2];
	struct files *files[2];
	u32 flags = spin_lock_irqsave(&process_lock);
	long ret = find_both((u32[]){tid1, tid2}, s);
	bool by_fd = !ret && type == KCMP_FILE;
	if (by_fd && !get_tables(s, files)) {
		by_fd = false;
		ret = -EBADF;
	} else if (!ret && !by_fd) {
		ret = type < KCMP_TYPES ? compare(part_of(&s[0], type), part_of(&s[1], type))
					: -EINVAL;
	}
	spin_unlock_irqrestore(&process_lock, flags);
	return by_fd ? compare_files(files, (u32[]){fd1, fd2}) : ret;
}
