/*
 * execve: finds the program behind scripts, has its address space built (exec_load.c,
 * exec_args.c), and then, when nothing can fail any more, lets the process become it.
 */
#include "kernel/abi/errno.h"
#include "kernel/abi/fcntl.h"
#include "kernel/abi/prctl.h"
#include "kernel/abi/sched.h"
#include "kernel/abi/stat.h"
#include "kernel/core/bootinfo.h"
#include "kernel/core/random.h"
#include "kernel/core/trace.h"
#include "kernel/fs/file.h"
#include "kernel/fs/notify.h"
#include "kernel/fs/path.h"
#include "kernel/fs/vfs.h"
#include "kernel/lib/fmt.h"
#include "kernel/lib/string.h"
#include "kernel/proc/cred.h"
#include "kernel/proc/exec.h"
#include "kernel/proc/posix_timer.h"
#include "kernel/proc/process.h"
#include "kernel/proc/ptrace.h"
#include "kernel/proc/rseq.h"
#include "kernel/proc/signal.h"
#include "kernel/proc/vdso.h"
#include "kernel/syscalls.h"
#include "mm/kmalloc.h"
#include "mm/space.h"

/* --- Finding the program --- */

/* A program's file is read through its page cache, and cannot be opened for writing while it is in
 * use (ETXTBSY): by this exec, or by a mapping of it, which hold the struct file. */
static ssize_k program_read(struct file *f, struct iobuf *to, size_t n, u64 *pos)
{
	ssize_k got = object_read(f->backing.object, to, *pos, n);
	if (got > 0)
		*pos += (u64)got;
	return got;
}

static void program_release(struct file *f)
{
	file_allow_write(f);
}

static const struct file_ops program_ops = {.read = program_read, .release = program_release};

static long check_program(struct file *f)
{
	long err = file_may_exec(f);
	if (!err && (!f->backing.object || f->backing.object->vm_flags || f->ops->release))
		err = -EACCES; /* not a file of the kind that programs are in */
	if (!err)
		err = file_deny_write(f);
	if (!err)
		f->ops = &program_ops;
	return err;
}

struct file *exec_open(s32 dirfd, const char *path, u32 lookup_flags)
{
	struct path at;
	struct file *f;
	long err = path_lookup(dirfd, path, lookup_flags ^ LOOKUP_FOLLOW, &at);
	if (err)
		return err_ptr(err);
	if (!S_ISREG(at.dentry->inode->mode)) {
		err = S_ISLNK(at.dentry->inode->mode) ? -ELOOP : -EACCES;
		path_put(at);
		return err_ptr(err);
	}
	f = file_create(at, O_RDONLY | O_LARGEFILE);
	if (is_err(f))
		return f;
	err = check_program(f);
	if (err) {
		file_put(f);
		return err_ptr(err);
	}
	notify_file(f, IN_OPEN);
	return f;
}

static bool is_blank(char c)
{
	return c == ' ' || c == '\t';
}

/* Splits "#! /bin/sh -e" as Linux does: the interpreter, and the rest as one argument (NULL: none).
 * `line` is terminated; `whole` says that its end was seen. */
static long split_script_line(char *line, bool whole, const char **interp, const char **arg)
{
	char *p = line + 2, *end = line + strlen(line);
	while (is_blank(*p))
		p++;
	while (end > p && is_blank(end[-1]))
		*--end = '\0';
	*interp = p;
	while (*p && !is_blank(*p))
		p++;
	if (p == *interp || (!*p && !whole))
		return -ENOEXEC; /* no interpreter, or its name is cut */
	*arg = NULL;
	if (!*p)
		return 0;
	*p++ = '\0';
	while (is_blank(*p))
		p++;
	*arg = *p ? p : NULL;
	return 0;
}

/* argv[0] gives way to the interpreter, its argument, and the script. */
static void script_args(
	struct exec_args *a, const char *script, const char *interp, const char *arg)
{
	if (a->nr_prefix)
		a->nr_prefix--;
	else
		a->skip = 1;
	a->prefix[a->nr_prefix++] = script;
	if (arg)
		a->prefix[a->nr_prefix++] = arg;
	a->prefix[a->nr_prefix++] = interp;
}

/* Follows one #! line; e->file becomes the interpreter. */
static long follow_script(struct exec *e, const char *head, const char **path)
{
	const char *interp, *arg;
	const char *newline = strchr(head, '\n');
	char *line;
	struct file *f;
	long err;
	if (e->scripts == EXEC_MAX_SCRIPTS)
		return -ELOOP;
	line = kmalloc(EXEC_HEAD + 1);
	if (!line)
		return -ENOMEM;
	e->line[e->scripts++] = line;
	strlcpy(line, head, newline ? (size_t)(newline - head) + 1 : EXEC_HEAD + 1);
	err = split_script_line(line, newline || strlen(head) < EXEC_HEAD, &interp, &arg);
	if (err)
		return err;
	f = exec_open(AT_FDCWD, interp, 0);
	if (is_err(f)) {
		e->why = "its script interpreter cannot be opened";
		return ptr_err(f);
	}
	script_args(&e->args, *path, interp, arg);
	*path = interp;
	file_put(e->file);
	e->file = f;
	return 0;
}

/* From scripts to the ELF file, or what will be refused as one. */
static long find_program(struct exec *e)
{
	const char *path = e->execfn;
	char *head = kmalloc(EXEC_HEAD + 1);
	long err = head ? 0 : -ENOMEM;
	while (!err) {
		ssize_k n = file_pread(e->file, head, EXEC_HEAD, 0);
		if (n < 0)
			err = n;
		if (n < 2 || head[0] != '#' || head[1] != '!')
			break;
		head[n] = '\0';
		err = follow_script(e, head, &path);
	}
	kfree(head);
	return err;
}

/* --- Rights --- */

/* CLONE_FILES, CLONE_FS: threads that do not end with execve() have the same. */
static u32 shared_outside(const struct task *me)
{
	u32 flags = spin_lock_irqsave(&process_lock);
	u32 files = files_holders(me->files), fs = fs_holders(me->fs);
	const struct task *t;
	list_for_each_entry (t, &me->process->threads, sibling) {
		files -= t->files == me->files;
		fs -= t->fs == me->fs;
	}
	spin_unlock_irqrestore(&process_lock, flags);
	return (files ? CLONE_FILES : 0) | (fs ? CLONE_FS : 0);
}

/* A tracer without rights must not get them from a program that it controls, nor who can move the
 * program's root. Who has renounced new rights loses even those that only the effective ids gave. */
static bool others_have_hold(const struct task *t)
{
	const struct ptrace *pt = &t->ptrace;
	return (pt->tracer && !pt->privileged) || (shared_outside(t) & CLONE_FS);
}

static bool must_not_gain(const struct task *t)
{
	return t->no_new_privs || (others_have_hold(t) && !capable(CAP_SETUID));
}

/* In execve(), from before its rights are looked at until it has them. */
static struct waitq loaded = WAITQ_INIT(loaded);

static void loading_begin(struct process *p)
{
	u32 flags = spin_lock_irqsave(&process_lock);
	p->nr_loading++;
	spin_unlock_irqrestore(&process_lock, flags);
}

static void loading_end(struct process *p)
{
	u32 flags = spin_lock_irqsave(&process_lock);
	p->nr_loading--;
	spin_unlock_irqrestore(&process_lock, flags);
	if (waitq_awaited(&loaded)) /* is_loading() takes the lock, too */
		waitq_wake_all(&loaded);
}

static bool is_loading(u32 tid)
{
	u32 flags = spin_lock_irqsave(&process_lock);
	const struct task *t = task_find(tid);
	bool yes = t && t->process != current_process() && t->process->nr_loading;
	spin_unlock_irqrestore(&process_lock, flags);
	return yes;
}

long exec_wait(u32 tid)
{
	return wait_event_interruptible(&loaded, !is_loading(tid)) ? -ERESTARTNOINTR : 0;
}

/* Set-id bits of the program, unless something forbids them. */
static void compute_ids(struct exec *e)
{
	const struct task *t = current_task();
	const struct inode *inode = e->file->dentry->inode;
	e->euid = t->cred.euid;
	e->egid = t->cred.egid;
	e->personality = t->process->personality;
	if (!t->no_new_privs && !(e->file->mnt->flags & MS_NOSUID)) {
		bool gid = (inode->mode & (S_ISGID | S_IXGRP)) == (S_ISGID | S_IXGRP);
		if (inode->mode & S_ISUID)
			e->euid = inode->uid;
		if (gid)
			e->egid = inode->gid;
		if (gid || (inode->mode & S_ISUID))
			e->personality &= ~PER_CLEAR_ON_SETID;
	}
	e->set_id = e->euid != t->cred.uid || e->egid != t->cred.gid;
	e->bounded = t->no_new_privs || others_have_hold(t);
	if (e->set_id && must_not_gain(t)) {
		e->euid = t->cred.uid;
		e->egid = t->cred.gid;
		e->set_id = false;
	}
}

/* --- The process becomes the program --- */

/* Ends the other threads. They may be asleep in system calls, so this waits. */
static long become_only_thread(struct process *p, struct task *t)
{
	struct waiter w;
	u32 flags = spin_lock_irqsave(&process_lock);
	if (p->group_exit || p->exec_task) {
		spin_unlock_irqrestore(&process_lock, flags);
		return -EAGAIN; /* dying anyway */
	}
	p->exec_task = t;
	process_kill_threads(p, t);
	spin_unlock_irqrestore(&process_lock, flags);
	while (READ_ONCE(p->nr_threads) > 1) {
		waitq_prepare(&p->threads_gone, &w, T_UNINTERRUPTIBLE);
		if (READ_ONCE(p->nr_threads) > 1)
			schedule();
		waitq_finish(&p->threads_gone, &w);
	}
	flags = spin_lock_irqsave(&process_lock);
	p->exec_task = NULL;
	if (t->tid != p->pid) { /* the first thread is gone: its number is ours */
		struct task *leader = ptrace_leader(p);
		if (leader)
			ptrace_forget(leader);
		pid_free(t->tid);
		task_change_tid(t, p->pid);
		children_inherited(p, t);
	}
	signal_recalc();
	spin_unlock_irqrestore(&process_lock, flags);
	process_free_dead_threads(p);
	return 0;
}

/* The program's memory and its rights become the process's at once: who was allowed to touch what
 * it had before must not reach the one without the other. */
static void become(struct process *p, struct task *t, struct exec *e)
{
	struct mm *old = p->mm;
	u32 flags;
	if (old)
		p->maxrss = MAX(p->maxrss, MAX(old->hiwater_rss, mm_rss(old)));
	flags = spin_lock_irqsave(&process_lock);
	p->mm = e->mm;
	p->execs++;
	cred_exec_locked(t, e->euid, e->egid, e->set_id, e->bounded);
	p->dumpable = !e->set_id && !e->hidden;
	spin_unlock_irqrestore(&process_lock, flags);
	thread_set_pmap(&e->mm->pmap);
	e->mm = NULL;
	vfork_release(t);
	if (old)
		mm_put(old);
}

/* Copies of what was shared with other processes; NULL: it was not. */
struct unshared {
	struct sighand *sighand;
	struct files *files;
};

/* Puts the copies in place; *u gets what they replace. */
static void take_unshared(struct task *t, struct unshared *u)
{
	struct process *p = t->process;
	u32 flags = spin_lock_irqsave(&process_lock);
	if (u->sighand) {
		struct sighand *old = p->sighand;
		p->sighand = u->sighand;
		u->sighand = old;
	}
	if (u->files) {
		struct files *old = t->files;
		t->files = u->files;
		u->files = old;
	}
	spin_unlock_irqrestore(&process_lock, flags);
}

static void reset_signals(struct process *p, struct task *t)
{
	u32 flags = spin_lock_irqsave(&process_lock);
	sighand_reset(p->sighand);
	spin_unlock_irqrestore(&process_lock, flags);
	altstack_disable(t);
	posix_timers_exit(p);
	p->membarriers = 0;
}

/* Registers as Linux starts a program with. */
static void set_registers(struct task *t, const struct exec *e)
{
	struct trapframe *tf = x86_thread_frame(&t->thread.x86);
	x86_thread_reset_user(&t->thread.x86);
	x86_set_fs(0);
	x86_set_gs(0);
	*tf = (struct trapframe){
		.ds = SEL_UDATA,
		.es = SEL_UDATA,
		.trapno = tf->trapno, /* a debugger still sees execve's number */
		.orig_eax = tf->orig_eax,
		.eip = e->entry,
		.cs = SEL_UCODE,
		.eflags = EFLAGS_IF | 2,
		.esp = e->sp,
		.ss = SEL_UDATA,
	};
}

static const char *last_name(const char *path)
{
	const char *slash = strrchr(path, '/');
	return slash ? slash + 1 : path;
}

/* Nothing here can fail. */
static void exec_commit(struct exec *e, struct unshared *u)
{
	struct task *t = current_task();
	struct process *p = t->process;
	if (p->mm)
		futex_thread_exit(t);
	t->clear_child_tid = t->robust_list = UPTR(0);
	rseq_forget(t);
	user_dispatch_forget(t);
	become(p, t, e);
	take_unshared(t, u);
	reset_signals(p, t);
	files_close_on_exec(t->files);
	p->personality = e->personality;
	p->mm->read_implies_exec = e->read_implies_exec;
	task_set_comm(t, last_name(e->execfn));
	p->exit_signal = p->parent ? SIGCHLD : p->exit_signal;
	set_registers(t, e);
	if (trace_is_on(TE_sched_process_exec))
		trace_write_text(TE_sched_process_exec,
			&(struct trace_sched_process_exec){p->pid, p->pid},
			sizeof(struct trace_sched_process_exec), e->execfn);
}

/* What other processes share is left to them: copies are made while that may still fail. */
static long unshare(struct task *t, struct unshared *u)
{
	struct process *p = t->process;
	*u = (struct unshared){NULL, NULL};
	if (READ_ONCE(p->sighand->refcount) > 1) {
		u->sighand = sighand_copy(p->sighand);
		if (!u->sighand)
			return -ENOMEM;
	}
	if (shared_outside(t) & CLONE_FILES) {
		u->files = files_copy(t->files);
		if (!u->files)
			return -ENOMEM;
	}
	return 0;
}

static void unshared_drop(struct unshared *u)
{
	if (u->sighand)
		sighand_put(u->sighand);
	if (u->files)
		files_put(u->files);
}

/* --- Places --- */

u32 randomize_va_space = 2;

void __init exec_init(void)
{
	if (cmdline_get("norandmaps", NULL, 0) >= 0)
		randomize_va_space = 0;
}

u32 exec_random(const struct exec *e, u32 n)
{
	u32 r;
	if (!e->randomize)
		return 0;
	random_bytes(&r, sizeof(r));
	return r % n;
}

static void choose_randomness(struct exec *e)
{
	e->randomize = e->personality & ADDR_NO_RANDOMIZE ? 0 : (s32)READ_ONCE(randomize_va_space);
	/* The second part is less than two pages; it is rounded, as Linux does it. */
	e->stack_top = USER_TOP - (exec_random(e, STACK_RANDOM_PAGES) << PAGE_SHIFT);
	e->stack_top = ALIGN_UP(e->stack_top - exec_random(e, STACK_SKEW), PAGE_SIZE);
}

static long exec_build(struct exec *e)
{
	struct process *p = current_process();
	long err = find_program(e);
	if (err)
		return err;
	compute_ids(e);
	choose_randomness(e);
	e->mm = mm_create();
	if (!e->mm)
		return -ENOMEM;
	process_set_mm_limits(p, e->mm);
	if (e->scripts)
		err = exec_args_measure(e);
	if (!err)
		err = exec_load(e);
	if (!err)
		err = vdso_map(e->mm);
	if (!err)
		err = exec_build_stack(e);
	return err;
}

static void exec_release(struct exec *e)
{
	if (e->mm)
		mm_put(e->mm);
	if (e->file)
		file_put(e->file);
	while (e->scripts)
		kfree(e->line[--e->scripts]);
	kfree(e);
}

/* What is wrong with the arguments comes before what is wrong with the file, an error pointer. */
static long exec_check(struct exec *e)
{
	struct file *f = e->file;
	long err;
	if (is_err(f))
		e->file = NULL;
	err = exec_args_measure(e);
	return !err && is_err(f) ? ptr_err(f) : err;
}

/* e->file is open, or an error pointer. Frees e. */
static long exec_run(struct exec *e, const char **why)
{
	struct unshared u = {NULL, NULL};
	struct process *p = current_process();
	long err = exec_check(e);
	loading_begin(p);
	if (!err)
		err = exec_build(e);
	if (!err)
		err = unshare(current_task(), &u);
	if (!err)
		err = become_only_thread(p, current_task());
	if (!err)
		exec_commit(e, &u);
	loading_end(p);
	unshared_drop(&u);
	*why = e->why;
	exec_release(e);
	return err;
}

static const char *errno_text(long err)
{
	switch (-err) {
	case ENOENT:
		return "no such file";
	case ENOTDIR:
		return "not a directory";
	case EACCES:
		return "no permission, or not a regular file";
	case ENOMEM:
		return "out of memory";
	case ENOEXEC:
		return "not a program";
	case ELOOP:
		return "too many links or script interpreters";
	case EIO:
		return "cannot be read";
	}
	return "execve failed";
}

long exec_kernel(
	const char *path, const char *const *argv, const char *const *envp, const char **why)
{
	struct exec *e = kzalloc(sizeof(*e));
	long err;
	*why = errno_text(-ENOMEM);
	if (!e)
		return -ENOMEM;
	e->execfn = path;
	e->args.kargv = argv;
	e->args.kenvp = envp;
	e->file = exec_open(AT_FDCWD, path, 0);
	err = exec_run(e, why);
	if (err && !*why)
		*why = errno_text(err);
	return err;
}

/* The path that a program opened by descriptor is told. */
static const char *fd_execfn(s32 dirfd, const char *path, char *buf, size_t size)
{
	if (dirfd == AT_FDCWD || path[0] == '/')
		return path;
	snprintf(buf, size, *path ? "/dev/fd/%d/%s" : "/dev/fd/%d", dirfd, path);
	return buf;
}

/* Opens what execveat(2) names. */
static struct file *open_at(s32 dirfd, const char *path, u32 flags)
{
	u32 lookup = 0;
	if (flags & ~(AT_EMPTY_PATH | AT_SYMLINK_NOFOLLOW))
		return err_ptr(-EINVAL);
	if (flags & AT_EMPTY_PATH)
		lookup |= LOOKUP_EMPTY;
	if (flags & AT_SYMLINK_NOFOLLOW)
		lookup |= LOOKUP_FOLLOW; /* exec_open() inverts it */
	return exec_open(dirfd, path, lookup);
}

static long do_execve(s32 dirfd, uptr_t upath, uptr_t argv, uptr_t envp, u32 flags)
{
	struct exec *e;
	const char *why;
	char *path, *fdpath = NULL;
	long err = -ENOMEM;
	u32 tid = current_task()->tid;
	path = user_path_get(upath);
	if (is_err(path))
		return ptr_err(path);
	if (!*path && !(flags & AT_EMPTY_PATH)) {
		user_path_free(path);
		return -ENOENT;
	}
	if (current_task()->over_nproc && user_over_nproc(current_user())) {
		user_path_free(path);
		return -EAGAIN;
	}
	current_task()->over_nproc = false;
	e = kzalloc(sizeof(*e));
	if (dirfd != AT_FDCWD)
		fdpath = kmalloc(PAGE_SIZE);
	if (e && (fdpath || dirfd == AT_FDCWD)) {
		e->execfn = fd_execfn(dirfd, path, fdpath, PAGE_SIZE);
		e->args.user = true;
		e->args.argv = argv;
		e->args.envp = envp;
		e->file = open_at(dirfd, path, flags);
		err = exec_run(e, &why);
	} else {
		kfree(e);
	}
	kfree(fdpath);
	user_path_free(path);
	if (!err)
		ptrace_exec(tid);
	return err;
}

long sys_execve(uptr_t path, uptr_t argv, uptr_t envp)
{
	return do_execve(AT_FDCWD, path, argv, envp, 0);
}

long sys_execveat(s32 dirfd, uptr_t path, uptr_t argv, uptr_t envp, u32 flags)
{
	return do_execve(dirfd, path, argv, envp, flags);
}
