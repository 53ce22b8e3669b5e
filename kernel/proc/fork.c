/*
 * New threads and processes: fork, vfork and clone are one operation that shares or copies each
 * part of the parent; and the start of process 1, which has no parent to copy.
 *
 * Everything that can fail is done before the new thread is put in a list; undoing it is putting
 * back the parts in the order they were got.
 */
#include "kernel/abi/errno.h"
#include "kernel/abi/prctl.h"
#include "kernel/abi/sched.h"
#include "kernel/core/bootinfo.h"
#include "kernel/core/log.h"
#include "kernel/core/panic.h"
#include "kernel/core/trace.h"
#include "kernel/fs/file.h"
#include "kernel/lib/kassert.h"
#include "kernel/lib/string.h"
#include "kernel/proc/exec.h"
#include "kernel/proc/pidfd.h"
#include "kernel/proc/cred.h"
#include "kernel/proc/process.h"
#include "kernel/proc/ptrace.h"
#include "kernel/proc/rseq.h"
#include "kernel/proc/signal.h"
#include "kernel/syscalls.h"
#include "kernel/x86/uaccess.h"
#include "mm/space.h"

struct clone_request {
	u32 flags;	   /* CLONE_ bits */
	u32 exit_signal;   /* 0: none */
	u32 stack;	   /* 0: the parent's stack pointer */
	uptr_t parent_tid; /* used as the flags say, as the next two */
	uptr_t child_tid;
	uptr_t tls;
	uptr_t pidfd;
	bool clear_sighand; /* no handlers in the child */
};

/* Shared by a thread that was made with CLONE_VFORK: lives on its maker's kernel stack. */
struct vfork_wait {
	struct waitq q; /* first: task->vfork_done points here */
	bool done;	/* process_lock */
};

/* Flags that change nothing here: no I/O contexts, no System V undo lists. */
#define CLONE_NO_EFFECT (CLONE_SYSVSEM | CLONE_DETACHED | CLONE_IO)
#define CLONE_SUPPORTED                                                                            \
	(CLONE_VM | CLONE_FS | CLONE_FILES | CLONE_SIGHAND | CLONE_VFORK | CLONE_PARENT |          \
		CLONE_THREAD | CLONE_PIDFD | CLONE_SETTLS | CLONE_PARENT_SETTID | CLONE_CHILD_CLEARTID |         \
		CLONE_CHILD_SETTID | CLONE_PTRACE | CLONE_UNTRACED | CLONE_NO_EFFECT)

long namespace_flags_check(u32 flags)
{
	flags &= CLONE_NAMESPACES;
	if (flags & ~CLONE_NEWUSER && !(flags & CLONE_NEWUSER) && !capable(CAP_SYS_ADMIN))
		return -EPERM;
	return flags ? -EINVAL : 0;
}

static long clone_check(const struct clone_request *r)
{
	long err = namespace_flags_check(r->flags & ~CSIGNAL);
	if (err)
		return err;
	if (r->flags & ~CLONE_SUPPORTED)
		return -EINVAL;
	if ((r->flags & CLONE_PIDFD) && (r->flags & (CLONE_THREAD | CLONE_DETACHED)))
		return -EINVAL;
	if ((r->flags & CLONE_SIGHAND) && !(r->flags & CLONE_VM))
		return -EINVAL;
	if ((r->flags & CLONE_THREAD) && !(r->flags & CLONE_SIGHAND))
		return -EINVAL;
	if ((r->flags & CLONE_PARENT) && current_process()->unkillable)
		return -EINVAL;
	/* Who gains rights may not find that others can change its folders: kernel/proc/exec.h. */
	return (r->flags & CLONE_FS) && current_process()->nr_loading ? -EAGAIN : 0;
}

/* --- The thread --- */

/* First code of a new thread, on its kernel stack: on to user mode through the copied frame. */
static void task_first_run(void *arg)
{
	struct task *t = arg;
	struct trapframe *tf = x86_thread_frame(&t->thread.x86);
	irq_enable();
	/* As on Linux, a bad address is the program's own problem. */
	if (t->set_child_tid.va)
		(void)!put_user_u32(t->set_child_tid, t->tid);
	while (t->thread.work)
		handle_user_return(tf);
	trap_return(tf);
}

/* Gives back a thread that never ran. */
static void task_drop(struct task *t)
{
	files_put(t->files);
	fs_put(t->fs);
	t->files = NULL;
	t->fs = NULL;
	task_free(t);
}

/* A thread like the calling one, about to return 0 from its system call, without memory yet. */
static long task_copy(const struct clone_request *r, struct task **out)
{
	struct task *parent = current_task(), *t = task_create();
	struct trapframe *tf;
	long err;
	if (!t)
		return -ENOMEM;
	x86_thread_init(&t->thread.x86, t->thread.kstack, task_first_run, t);
	x86_thread_fork(&t->thread.x86, &parent->thread.x86);
	t->thread.x86.user = true;
	tf = x86_thread_frame(&t->thread.x86);
	*tf = *x86_thread_frame(&parent->thread.x86);
	tf->eax = 0;
	if (parent->thread.x86.forced_tf)
		tf->eflags &= ~EFLAGS_TF;
	if (r->stack)
		tf->esp = r->stack;
	cred_copy(&t->cred, &parent->cred);
	t->no_new_privs = parent->no_new_privs;
	t->io_flusher = parent->io_flusher;
	t->blocked = parent->blocked;
	t->ioprio = parent->ioprio;
	t->mce_kill = parent->mce_kill;
	t->timer_slack = t->default_timer_slack = parent->timer_slack;
	memcpy(t->comm, parent->comm, sizeof(t->comm));
	if (r->flags & CLONE_CHILD_SETTID)
		t->set_child_tid = r->child_tid;
	if (r->flags & CLONE_CHILD_CLEARTID)
		t->clear_child_tid = r->child_tid;
	if (!(r->flags & CLONE_VM) || (r->flags & CLONE_VFORK)) {
		t->altstack_sp = parent->altstack_sp;
		t->altstack_size = parent->altstack_size;
		t->altstack_flags = parent->altstack_flags;
	}
	rseq_fork(t, r->flags & CLONE_VM);
	t->fs = r->flags & CLONE_FS ? fs_get(parent->fs) : fs_copy(parent->fs);
	t->files = r->flags & CLONE_FILES ? files_get(parent->files) : files_copy(parent->files);
	err = t->fs && t->files ? 0 : -ENOMEM;
	if (!err && (r->flags & CLONE_SETTLS))
		err = tls_set(t, r->tls, false);
	if (err) {
		task_drop(t);
		return err;
	}
	*out = t;
	return 0;
}

/* What is left to do: its memory is there, and it has used as much of the CPU as the calling one. */
static void task_complete(struct task *t, struct mm *mm)
{
	t->thread.pmap = &mm->pmap;
	sched_fork(t, current_task());
}

/* Room for one more thread, of that user? Caller holds process_lock. */
static long thread_quota(const struct user *u)
{
	u64 limit = current_process()->rlimit[RLIMIT_NPROC].cur;
	if (nr_threads >= max_threads)
		return -EAGAIN;
	if (u->uid == 0 || capable(CAP_SYS_RESOURCE) || capable(CAP_SYS_ADMIN))
		return 0;
	return user_has(u, USER_THREADS) >= limit ? -EAGAIN : 0;
}

static void trace_begin(const struct task *t)
{
	struct trace_sched_process_fork e = {.child_pid = t->tid};
	e.parent_pid = trace_who(e.parent_comm);
	memcpy(e.child_comm, t->comm, sizeof(e.child_comm));
	trace_write(TE_sched_process_fork, &e, sizeof(e));
}

static void task_begin(struct task *t)
{
	if (trace_is_on(TE_sched_process_fork))
		trace_begin(t);
	thread_start(&t->thread);
}

/* Tells the calling thread's tracer of its new one. */
static void clone_event(const struct clone_request *r, u32 tid)
{
	u32 event = ptrace_clone_event(r->flags, r->exit_signal);
	if (unlikely(event))
		ptrace_event(event, tid);
}

/* --- vfork(2) --- */

/* Who makes a thread by vfork sleeps until that no longer uses its memory, or until it must die
 * itself: then the child is told not to look for it. Returns whether it was the child. */
static bool vfork_sleep(struct task *child, struct vfork_wait *v)
{
	struct waiter w;
	u32 flags;
	while (!READ_ONCE(v->done) && !fatal_signal_pending()) {
		waitq_prepare(&v->q, &w, T_INTERRUPTIBLE);
		if (!READ_ONCE(v->done) && !fatal_signal_pending())
			schedule();
		waitq_finish(&v->q, &w);
	}
	flags = spin_lock_irqsave(&process_lock);
	if (!v->done)
		child->vfork_done = NULL;
	spin_unlock_irqrestore(&process_lock, flags);
	return v->done;
}

void vfork_release(struct task *t)
{
	u32 flags = spin_lock_irqsave(&process_lock);
	if (t->vfork_done) {
		struct vfork_wait *v = container_of(t->vfork_done, struct vfork_wait, q);
		v->done = true;
		waitq_wake_all(&v->q);
		t->vfork_done = NULL;
	}
	spin_unlock_irqrestore(&process_lock, flags);
}

static void vfork_prepare(const struct clone_request *r, struct task *t, struct vfork_wait *v)
{
	v->done = false;
	waitq_init(&v->q);
	if (r->flags & CLONE_VFORK)
		t->vfork_done = &v->q;
}

/* `t` has begun. */
static void vfork_wait_for(
	const struct clone_request *r, struct task *t, u32 tid, struct vfork_wait *v)
{
	if ((r->flags & CLONE_VFORK) && vfork_sleep(t, v))
		ptrace_event(PTRACE_EVENT_VFORK_DONE, tid);
}

/* --- A thread of the same process --- */

static long thread_clone(const struct clone_request *r)
{
	struct process *p = current_process();
	struct vfork_wait v;
	struct task *t;
	u32 flags;
	long tid, err;
	process_free_dead_threads(p);
	err = task_copy(r, &t);
	if (err)
		return err;
	task_complete(t, p->mm);
	vfork_prepare(r, t, &v);
	flags = spin_lock_irqsave(&process_lock);
	tid = signal_pending() ? -ERESTARTNOINTR : thread_quota(p->user);
	if (tid == 0)
		tid = pid_alloc();
	if (tid > 0) {
		t->tid = (u32)tid;
		process_add_thread(p, t);
		seccomp_inherit(t);
		ptrace_inherit(t, r->flags, r->exit_signal);
	}
	spin_unlock_irqrestore(&process_lock, flags);
	if (tid < 0) {
		task_drop(t);
		return tid;
	}
	if (r->flags & CLONE_PARENT_SETTID)
		(void)!put_user_u32(r->parent_tid, (u32)tid);
	task_begin(t);
	clone_event(r, (u32)tid);
	vfork_wait_for(r, t, (u32)tid, &v);
	return tid;
}

/* --- A process --- */

/* Gives back what process_copy_parts() got. */
static void process_drop_parts(struct process *p)
{
	if (p->mm)
		mm_put(p->mm);
	if (p->sighand)
		sighand_put(p->sighand);
	p->mm = NULL;
	p->sighand = NULL;
}

static long process_copy_parts(struct process *p, const struct process *parent, u32 flags)
{
	p->sighand = flags & CLONE_SIGHAND ? sighand_get(parent->sighand)
					   : sighand_copy(parent->sighand);
	if (p->sighand && (flags & CLONE_VM))
		mm_get(p->mm = parent->mm);
	else if (p->sighand)
		p->mm = mm_fork(parent->mm);
	p->user = user_get(current_task()->cred.uid);
	if (p->mm && p->user)
		return 0;
	process_drop_parts(p);
	return -ENOMEM;
}

static void process_copy_fields(struct process *p, const struct process *parent)
{
	p->pgid = parent->pgid;
	p->sid = parent->sid;
	p->tty = parent->tty;
	cred_copy(&p->cred, &current_task()->cred);
	memcpy(p->rlimit, parent->rlimit, sizeof(p->rlimit));
	memcpy(p->comm, current_task()->comm, sizeof(p->comm));
	p->personality = parent->personality;
	p->membarriers = parent->membarriers;
	p->oom_score_adj = parent->oom_score_adj;
	p->oom_score_adj_min = parent->oom_score_adj_min;
	p->dumpable = parent->dumpable;
	p->coredump_filter = parent->coredump_filter;
	p->thp_disabled = parent->thp_disabled;
}

/* The child enters the world: numbers and family. Returns its pid. */
static long process_enter(struct process *p, struct task *t, const struct clone_request *r)
{
	struct process *parent = current_process();
	bool sibling = r->flags & CLONE_PARENT;
	u32 flags = spin_lock_irqsave(&process_lock);
	/* A signal for the group that came while we copied must not miss the child. */
	long pid = signal_pending() ? -ERESTARTNOINTR : thread_quota(p->user);
	if (pid == 0)
		pid = pid_alloc();
	if (pid > 0) {
		process_copy_fields(p, parent);
		p->pid = (u32)pid;
		t->tid = (u32)pid;
		p->exit_signal = sibling ? parent->exit_signal : r->exit_signal;
		p->parent_execs = sibling ? parent->parent_execs : parent->execs;
		p->parent_tid = sibling ? parent->parent_tid : current_task()->tid;
		process_add_thread(p, t);
		process_link(p, sibling ? parent->parent : parent);
		seccomp_inherit(t);
		ptrace_inherit(t, r->flags, r->exit_signal);
		itimer_watch_cpu(p);
	}
	spin_unlock_irqrestore(&process_lock, flags);
	return pid;
}

static long process_clone(const struct clone_request *r)
{
	struct process *p;
	struct task *t;
	struct vfork_wait v;
	struct pidfd_promise fd;
	long pid;
	process_reap_dead();
	p = process_create();
	if (!p)
		return -ENOMEM;
	/* The descriptors first: one that comes while the copy of memory is told to userfaultfd(2)'s
	 * program is not the child's. */
	pid = task_copy(r, &t);
	if (pid < 0)
		goto no_task;
	pid = process_copy_parts(p, current_process(), r->flags);
	if (pid < 0)
		goto no_parts;
	task_complete(t, p->mm);
	pid = r->flags & CLONE_PIDFD ? pidfd_promise(&fd, r->pidfd) : 0;
	if (pid < 0)
		goto no_fd;
	if (r->clear_sighand)
		sighand_reset(p->sighand);
	vfork_prepare(r, t, &v);
	pid = process_enter(p, t, r);
	if (pid < 0)
		goto no_pid;
	if (r->flags & CLONE_PIDFD)
		pidfd_keep(&fd, p);
	if (r->flags & CLONE_PARENT_SETTID)
		(void)!put_user_u32(r->parent_tid, (u32)pid);
	task_begin(t);
	clone_event(r, (u32)pid);
	vfork_wait_for(r, t, (u32)pid, &v);
	return pid;
no_pid:
	if (r->flags & CLONE_PIDFD)
		pidfd_break(&fd);
no_fd:
	process_drop_parts(p);
no_parts:
	task_drop(t);
no_task:
	process_free(p);
	return pid;
}

static long do_clone(const struct clone_request *r)
{
	long err = clone_check(r);
	if (err)
		return err;
	return r->flags & CLONE_THREAD ? thread_clone(r) : process_clone(r);
}

long sys_fork(void)
{
	return do_clone(&(struct clone_request){.exit_signal = SIGCHLD});
}

long sys_vfork(void)
{
	return do_clone(
		&(struct clone_request){.flags = CLONE_VFORK | CLONE_VM, .exit_signal = SIGCHLD});
}

long sys_clone(u32 flags, u32 stack, uptr_t parent_tid, uptr_t tls, uptr_t child_tid)
{
	if ((flags & (CLONE_PIDFD | CLONE_PARENT_SETTID)) == (CLONE_PIDFD | CLONE_PARENT_SETTID))
		return -EINVAL; /* one place for two answers */
	return do_clone(&(struct clone_request){
		.flags = flags & ~CSIGNAL,
		.exit_signal = flags & CSIGNAL,
		.stack = stack,
		.parent_tid = parent_tid,
		.child_tid = child_tid,
		.tls = tls,
		.pidfd = parent_tid,
	});
}

static long get_clone_args(struct abi_clone_args *args, uptr_t user, u32 size)
{
	if (size > PAGE_SIZE)
		return -E2BIG;
	if (size < CLONE_ARGS_SIZE_VER0)
		return -EINVAL;
	return copy_struct_from_user(args, sizeof(*args), user, size);
}

/* The number of the child cannot be chosen. */
static bool clone_args_ok(const struct abi_clone_args *a, u32 size)
{
	const u64 above = CLONE_CLEAR_SIGHAND | CLONE_INTO_CGROUP;
	if (a->set_tid || a->set_tid_size || (a->flags & ~(u64)UINT32_MAX & ~above))
		return false;
	if ((a->flags & CLONE_INTO_CGROUP) &&
		(size < CLONE_ARGS_SIZE_VER2 || a->cgroup > INT32_MAX))
		return false;
	if (a->exit_signal > _NSIG || (a->flags & (CLONE_DETACHED | CSIGNAL)))
		return false;
	if ((a->flags & CLONE_SIGHAND) && (a->flags & CLONE_CLEAR_SIGHAND))
		return false;
	if ((a->flags & (CLONE_THREAD | CLONE_PARENT)) && a->exit_signal)
		return false;
	if (!a->stack)
		return !a->stack_size;
	return a->stack_size && a->stack <= USER_TOP && a->stack_size <= USER_TOP - a->stack;
}

long sys_clone3(uptr_t uargs, u32 size)
{
	struct abi_clone_args a;
	long err = get_clone_args(&a, uargs, size);
	if (err)
		return err;
	if (!clone_args_ok(&a, size))
		return -EINVAL;
	if (a.flags & CLONE_INTO_CGROUP)
		return -EBADF; /* there are no cgroups, so no descriptor is one */
	return do_clone(&(struct clone_request){
		.flags = (u32)a.flags,
		.exit_signal = (u32)a.exit_signal,
		.stack = (u32)(a.stack + a.stack_size),
		.parent_tid = UPTR(a.parent_tid),
		.child_tid = UPTR(a.child_tid),
		.tls = UPTR(a.tls),
		.pidfd = UPTR(a.pidfd),
		.clear_sighand = a.flags & CLONE_CLEAR_SIGHAND,
	});
}

/* --- Programs without a parent --- */

static const char *const init_env[] = {"HOME=/", "TERM=linux", NULL};

#define MIB (1ull << 20)

/* Linux's limits of process 1 (include/asm-generic/resource.h). */
static void init_limits(struct process *p)
{
	const u64 inf = RLIM64_INFINITY;
	for (u32 i = 0; i < RLIM_NLIMITS; i++)
		p->rlimit[i] = (struct abi_rlimit64){inf, inf};
	p->rlimit[RLIMIT_STACK].cur = 8 * MIB;
	p->rlimit[RLIMIT_CORE].cur = 0;
	p->rlimit[RLIMIT_NPROC] = (struct abi_rlimit64){max_threads / 2, max_threads / 2};
	p->rlimit[RLIMIT_SIGPENDING] = p->rlimit[RLIMIT_NPROC];
	p->rlimit[RLIMIT_NOFILE] = (struct abi_rlimit64){1024, 4096};
	p->rlimit[RLIMIT_MEMLOCK] = (struct abi_rlimit64){8 * MIB, 8 * MIB};
	p->rlimit[RLIMIT_MSGQUEUE] = (struct abi_rlimit64){819200, 819200};
	p->rlimit[RLIMIT_NICE] = (struct abi_rlimit64){0, 0};
	p->rlimit[RLIMIT_RTPRIO] = (struct abi_rlimit64){0, 0};
}

/* First code of such a process: it becomes the program, or fails. */
static void spawned_first_run(void *arg)
{
	const struct spawn s = *(const struct spawn *)arg;
	const char *why = "";
	long err;
	irq_enable();
	err = s.init ? files_open_console(current_task()->files) : 0;
	if (err < 0)
		log_warn("process 1 has no console (error %d)", (int)-err);
	err = exec_kernel(s.path, s.argv, s.envp, &why);
	if (err < 0 && s.init)
		boot_fail("cannot run %s: %s", s.path, why);
	if (err < 0)
		process_exit_group(127 << 8);
	trap_return(x86_thread_frame(&current_thread()->x86));
}

static long spawn_parts(struct process *p, struct task *t)
{
	p->user = user_get(0);
	p->sighand = sighand_create();
	t->fs = fs_create();
	t->files = files_create();
	return p->user && p->sighand && t->fs && t->files ? 0 : -ENOMEM;
}

static long spawn_enter(struct process *p, struct task *t, bool init)
{
	u32 flags = spin_lock_irqsave(&process_lock);
	long pid = 1;
	if (init)
		pid_take_first();
	else
		pid = pid_alloc();
	if (pid > 0) {
		p->pid = t->tid = (u32)pid;
		p->unkillable = init;
		process_add_thread(p, t);
		process_link(p, NULL);
		if (!init)
			process_set_group(p, p->pid, p->pid);
	}
	spin_unlock_irqrestore(&process_lock, flags);
	return pid;
}

long process_spawn(const struct spawn *s, struct process **out)
{
	struct process *p = process_create();
	struct task *t;
	long pid = -ENOMEM;
	if (!p)
		return -ENOMEM;
	init_limits(p);
	t = task_create();
	if (!t)
		goto no_task;
	if (spawn_parts(p, t) < 0)
		goto no_parts;
	t->cred.cap_effective = t->cred.cap_permitted = t->cred.cap_bset = CAP_FULL;
	cred_copy(&p->cred, &t->cred);
	x86_thread_init(&t->thread.x86, t->thread.kstack, spawned_first_run, (void *)s);
	t->thread.x86.user = true;
	pid = spawn_enter(p, t, s->init);
	if (pid < 0)
		goto no_parts;
	if (out)
		*out = p;
	task_begin(t);
	return pid;
no_parts:
	task_drop(t);
	process_drop_parts(p);
no_task:
	process_free(p);
	return pid;
}

/* The words after `--` on the command line, split in place. */
static u32 split_words(char *s, const char **word, u32 max)
{
	u32 n = 0;
	while (n < max) {
		while (*s == ' ')
			*s++ = '\0';
		if (!*s)
			break;
		word[n++] = s;
		while (*s && *s != ' ')
			s++;
	}
	return n;
}

void process_start_init(const char *path)
{
	static char init_path[256], args[BOOT_CMDLINE];
	static const char *argv[34]; /* Linux's limit: 32 words */
	static struct spawn s;
	long pid;
	strlcpy(init_path, path, sizeof(init_path));
	strlcpy(args, cmdline_init_args(), sizeof(args));
	argv[0] = init_path;
	split_words(args, argv + 1, 32);
	s = (struct spawn){.path = init_path, .argv = argv, .envp = init_env, .init = true};
	pid = process_spawn(&s, NULL);
	if (pid < 0)
		boot_fail("cannot run %s: out of memory", path);
}
