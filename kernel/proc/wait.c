/* wait4, waitpid and waitid: reading the status of children, and reaping them. */
#include "kernel/abi/errno.h"
#include "kernel/abi/fcntl.h"
#include "kernel/abi/wait.h"
#include "kernel/fs/file.h"
#include "kernel/proc/pidfd.h"
#include "kernel/proc/process.h"
#include "kernel/proc/ptrace.h"
#include "kernel/proc/usage.h"
#include "kernel/syscalls.h"
#include "kernel/x86/uaccess.h"

/* One wait: which children, what news of them, and the news found. */
struct wait_request {
	u32 who;     /* P_ALL, P_PID, P_PGID */
	u32 id;	     /* of the process or the group */
	u32 options; /* W bits */
	/* found: */
	u32 pid, uid;
	int code;   /* CLD_ */
	int status; /* as wait4() gives it */
	struct abi_rusage usage;
	struct process *reap; /* a zombie that was taken: to be freed */
};

enum { WAIT_NO_CHILD, WAIT_NONE, WAIT_FOUND }; /* one that matches, or two, are worth the most */

static bool id_matches(const struct wait_request *r, u32 id, const struct process *c)
{
	if (r->who == P_PID)
		return id == r->id;
	return r->who == P_ALL || c->pgid == r->id;
}

static bool wait_matches(const struct wait_request *r, const struct process *c)
{
	bool clone_child = c->exit_signal != SIGCHLD;
	return id_matches(r, c->pid, c) &&
	       ((r->options & W_ALL) || clone_child == !!(r->options & W_CLONE));
}

static void found(struct wait_request *r, u32 id, struct process *c, int code, int status)
{
	r->pid = id;
	r->uid = c->cred.uid;
	r->code = code;
	r->status = status;
	usage_of(c, &r->usage);
}

/* The child's times and faults become ours. */
static void inherit_usage(struct process *p, const struct process *c)
{
	u64 utime, stime;
	process_cpu_time(c, &utime, &stime);
	p->cutime_ns += utime + c->cutime_ns;
	p->cstime_ns += stime + c->cstime_ns;
	p->cminflt += c->minflt + c->cminflt;
	p->cmajflt += c->majflt + c->cmajflt;
	p->cnvcsw += c->nvcsw + c->cnvcsw;
	p->cnivcsw += c->nivcsw + c->cnivcsw;
	io_count_add(p->io, c->io);
	p->cmaxrss = MAX(p->cmaxrss, MAX(c->maxrss, c->cmaxrss));
}

static void found_exit(struct wait_request *r, u32 id, struct process *c, int status)
{
	found(r, id, c, exit_why((u32)status), status);
}

/* A zombie whose status the caller has: it is his to free. */
static void take_zombie(struct wait_request *r, struct process *c)
{
	inherit_usage(c->parent, c);
	process_unlink(c);
	r->reap = c;
}

/* Is there news of this child? A zombie that is taken is unlinked. One that is traced is its
 * tracer's first. */
static bool wait_child(struct wait_request *r, struct process *c)
{
	bool take = !(r->options & WNOWAIT);
	if (c->state == P_ZOMBIE && (r->options & WEXITED)) {
		if (ptrace_leader(c) || !ptrace_threads_gone(c))
			return false;
		found_exit(r, c->pid, c, c->exit_status);
		if (take)
			take_zombie(r, c);
		return true;
	}
	if (c->stop_report && (r->options & WSTOPPED)) {
		found(r, c->pid, c, CLD_STOPPED, (int)W_STATUS_STOPPED(c->stop_signal));
		c->stop_report = !take;
		return true;
	}
	if (c->cont_report && (r->options & WCONTINUED)) {
		found(r, c->pid, c, CLD_CONTINUED, W_STATUS_CONTINUED);
		c->cont_report = !take;
		return true;
	}
	return false;
}

/* A tracee has exited: a process with its last thread, another thread for itself. */
static bool wait_dead_tracee(struct wait_request *r, struct task *t)
{
	struct process *c = t->process;
	bool first = t->tid == c->pid, own = c->parent == current_process();
	if (!(r->options & WEXITED) || (first && (c->state != P_ZOMBIE || !ptrace_threads_gone(c))))
		return false;
	found_exit(r, t->tid, c, first || c->group_exit ? c->exit_status : (int)t->ptrace.code);
	if (r->options & WNOWAIT)
		return true;
	if (first && own) {
		ptrace_forget(t);
		take_zombie(r, c);
	} else {
		ptrace_unlink(t);
	}
	return true;
}

/* Is there news of a thread that the caller traces? */
static bool wait_tracee(struct wait_request *r, struct task *t)
{
	u32 code = t->ptrace.code;
	if (t->thread.state == T_DEAD)
		return wait_dead_tracee(r, t);
	if (t->thread.state != T_TRACED || t->ptrace.listening || !code)
		return false;
	found(r, t->tid, t->process, CLD_TRAPPED, (int)W_STATUS_STOPPED(code));
	if (!(r->options & WNOWAIT))
		t->ptrace.code = 0;
	return true;
}

static int scan_tracees(struct wait_request *r, const struct process *p)
{
	struct task *by, *t;
	int result = WAIT_NO_CHILD;
	list_for_each_entry (by, &p->threads, sibling) {
		if ((r->options & W_NOTHREAD) && by != current_task())
			continue;
		list_for_each_entry (t, &by->tracees, ptrace.link) {
			if (!id_matches(r, t->tid, t->process))
				continue;
			if (wait_tracee(r, t))
				return WAIT_FOUND;
			result = WAIT_NONE;
		}
	}
	return result;
}

/* One that the caller traces is looked at as that. */
static int look_at_child(struct wait_request *r, struct process *c)
{
	const struct task *leader = ptrace_leader(c);
	if ((r->options & W_NOTHREAD) && c->parent_tid != current_task()->tid)
		return WAIT_NO_CHILD;
	if (!wait_matches(r, c) || (leader && leader->ptrace.tracer->process == c->parent))
		return WAIT_NO_CHILD;
	return wait_child(r, c) ? WAIT_FOUND : WAIT_NONE;
}

static int scan_children(struct wait_request *r, const struct process *p)
{
	struct process *c = r->who == P_PID ? process_find(r->id) : NULL;
	int result = WAIT_NO_CHILD;
	if (r->who == P_PID)
		return c && c->parent == p ? look_at_child(r, c) : WAIT_NO_CHILD;
	list_for_each_entry (c, &p->children, sibling) {
		int one = look_at_child(r, c);
		result = MAX(result, one);
		if (one == WAIT_FOUND)
			break;
	}
	return result;
}

static int wait_scan(struct wait_request *r)
{
	const struct process *p = current_process();
	u32 flags = spin_lock_irqsave(&process_lock);
	int children = scan_children(r, p);
	int tracees = children == WAIT_FOUND ? WAIT_NO_CHILD : scan_tracees(r, p);
	spin_unlock_irqrestore(&process_lock, flags);
	return MAX(children, tracees);
}

/* The pid found, 0 with WNOHANG when there is no news, or a negative errno. */
static long do_wait(struct wait_request *r)
{
	struct process *p = current_process();
	for (;;) {
		struct waiter w;
		int found_what;
		long ret = 0;
		waitq_prepare(&p->child_exit, &w, T_INTERRUPTIBLE);
		found_what = wait_scan(r);
		if (found_what == WAIT_NONE && !(r->options & WNOHANG)) {
			if (signal_pending())
				ret = -ERESTARTSYS;
			else
				schedule();
		}
		waitq_finish(&p->child_exit, &w);
		process_reap_dead();
		if (r->reap)
			process_reap(r->reap);
		if (found_what == WAIT_FOUND)
			return (long)r->pid;
		if (found_what == WAIT_NO_CHILD)
			return -ECHILD;
		if (ret || (r->options & WNOHANG))
			return ret;
	}
}

long sys_wait4(s32 pid, uptr_t status, u32 options, uptr_t rusage)
{
	const u32 known = WNOHANG | WUNTRACED | WCONTINUED | W_NOTHREAD | W_CLONE | W_ALL;
	struct wait_request r = {.who = P_PID, .id = (u32)pid, .options = options | WEXITED};
	long got;
	if (options & ~known)
		return -EINVAL;
	if (pid == INT32_MIN)
		return -ESRCH;
	if (pid == -1) {
		r.who = P_ALL;
	} else if (pid <= 0) {
		r.who = P_PGID;
		r.id = pid ? (u32)-pid : current_process()->pgid;
	}
	got = do_wait(&r);
	if (got <= 0)
		return got;
	if (status.va && put_user_u32(status, (u32)r.status) < 0)
		return -EFAULT;
	if (rusage.va && copy_to_user(rusage, &r.usage, sizeof(r.usage)) < 0)
		return -EFAULT;
	return got;
}

long sys_waitpid(s32 pid, uptr_t status, u32 options)
{
	return sys_wait4(pid, status, options, UPTR(0));
}

/* si_status: the exit code or the signal, without the packing of wait4(). */
static s32 waitid_status(const struct wait_request *r)
{
	switch (r->code) {
	case CLD_EXITED:
	case CLD_STOPPED:
	case CLD_TRAPPED: /* with the event above the signal */
		return r->status >> 8;
	case CLD_CONTINUED:
		return SIGCONT;
	}
	return r->status & 0x7f;
}

/* Nothing found, for whatever reason, is told by zeroes. */
static long waitid_put(uptr_t infop, const struct wait_request *r, long got)
{
	struct abi_siginfo info = {.si_signo = 0};
	if (got > 0) {
		info.si_signo = SIGCHLD;
		info.si_code = r->code;
		info.chld.pid = (s32)r->pid;
		info.chld.uid = r->uid;
		info.chld.status = waitid_status(r);
	}
	/* Linux writes these six words and leaves the rest alone. */
	return infop.va ? copy_to_user(infop, &info, 24) : 0;
}

/* Waits for the child that the descriptor r->id names. */
static long wait_for_pidfd(struct wait_request *r, bool *nonblocking)
{
	struct file *f = pidfd_get(r->id);
	if (!f)
		return -EBADF;
	r->who = P_PID;
	r->id = pidfd_pid(f);
	*nonblocking = f->flags & O_NONBLOCK;
	if (*nonblocking)
		r->options |= WNOHANG;
	file_put(f);
	return 0;
}

/* What do_wait() returns, for who, id and options as waitid(2) has them. */
static long waitid_wait(struct wait_request *r)
{
	const u32 known =
		WNOHANG | WNOWAIT | WEXITED | WSTOPPED | WCONTINUED | W_NOTHREAD | W_CLONE | W_ALL;
	u32 options = r->options;
	s32 id = (s32)r->id;
	bool nonblocking = false;
	long got;
	if ((options & ~known) || !(options & (WEXITED | WSTOPPED | WCONTINUED)))
		return -EINVAL;
	if (r->who > P_PIDFD || (r->who == P_PID && id <= 0) || (r->who >= P_PGID && id < 0))
		return -EINVAL;
	if (r->who == P_PIDFD && (got = wait_for_pidfd(r, &nonblocking)) < 0)
		return got;
	if (r->who == P_PGID && id == 0)
		r->id = current_process()->pgid;
	got = do_wait(r);
	return got == 0 && nonblocking && !(options & WNOHANG) ? -EAGAIN : got;
}

long sys_waitid(u32 who, s32 id, uptr_t infop, u32 options, uptr_t rusage)
{
	struct wait_request r = {.who = who, .id = (u32)id, .options = options};
	long got = waitid_wait(&r);
	if (got > 0 && rusage.va && copy_to_user(rusage, &r.usage, sizeof(r.usage)) < 0)
		return -EFAULT;
	if (waitid_put(infop, &r, got) < 0)
		return -EFAULT;
	return MIN(got, 0l);
}
