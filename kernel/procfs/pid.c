/*
 * /proc/PID and /proc/PID/task/TID: finding the process, who may look at it, what references to it
 * can be had, and its smaller files. The table of all of them is at the end.
 */
#include "kernel/abi/prctl.h"
#include "kernel/core/panic.h"
#include "kernel/lib/fmt.h"
#include "kernel/lib/number.h"
#include "kernel/lib/string.h"
#include "kernel/proc/coredump.h"
#include "kernel/proc/process.h"
#include "kernel/procfs/procfs.h"
#include "kernel/procfs/procfs_impl.h"
#include "kernel/x86/ptrace.h"
#include "kernel/x86/uaccess.h"
#include "mm/fail_nth.h"
#include "mm/space.h"

static const struct proc_dir task_dir;

/* --- Finding --- */

struct process *proc_find_locked(const struct proc_node *n, struct task **t)
{
	struct process *p = process_find(n->id);

	*t = task_find(n->id);
	if (!p && *t)
		p = (*t)->process;
	return p && p->start_ns == n->start_ns ? p : NULL;
}

bool proc_alive(const struct proc_node *n)
{
	struct process *p;
	struct task *t;
	u32 flags;

	if (!n->id)
		return true;
	flags = spin_lock_irqsave(&process_lock);
	p = proc_find_locked(n, &t);
	spin_unlock_irqrestore(&process_lock, flags);
	return p;
}

bool proc_pid_next(const struct proc_node *dir, u32 *number)
{
	u32 flags = spin_lock_irqsave(&process_lock);
	struct process *p = process_next(*number);

	if (p)
		*number = p->pid;
	spin_unlock_irqrestore(&process_lock, flags);
	return p;
}

/* Threads other than the first are found, too, though not listed; as on Linux. */
bool proc_pid_find(const struct proc_node *dir, u32 number, struct proc_node *child)
{
	u32 flags = spin_lock_irqsave(&process_lock);
	struct process *p = process_find(number);
	struct task *t = p ? NULL : task_find(number);

	if (t)
		p = t->process;
	if (p) {
		child->id = number;
		child->start_ns = p->start_ns;
	}
	spin_unlock_irqrestore(&process_lock, flags);
	return p;
}

u32 proc_pid_count(const struct proc_node *dir)
{
	return nr_processes;
}

/* The lowest thread number >= min. The first thread's stays until the process is waited for. */
static u32 thread_from(const struct process *p, u32 min)
{
	u32 lowest = p->pid >= min ? p->pid : 0;
	struct task *t;

	list_for_each_entry (t, &p->threads, sibling)
		if (t->tid >= min && (!lowest || t->tid < lowest))
			lowest = t->tid;
	return lowest;
}

static bool task_next(const struct proc_node *dir, u32 *number)
{
	u32 flags = spin_lock_irqsave(&process_lock), lowest;
	struct task *t;
	struct process *p = proc_find_locked(dir, &t);

	lowest = p ? thread_from(p, *number) : 0;
	spin_unlock_irqrestore(&process_lock, flags);
	if (lowest)
		*number = lowest;
	return lowest;
}

static bool task_find_child(const struct proc_node *dir, u32 number, struct proc_node *child)
{
	u32 found = number;

	child->id = number;
	child->thread = true;
	return number && task_next(dir, &found) && found == number;
}

static u32 task_count(const struct proc_node *dir)
{
	u32 flags = spin_lock_irqsave(&process_lock), n;
	struct task *t;
	struct process *p = proc_find_locked(dir, &t);

	n = p ? p->nr_threads : 0;
	spin_unlock_irqrestore(&process_lock, flags);
	return n;
}

int proc_self_readlink(const struct proc_node *n, char *buf, size_t size)
{
	char text[12];

	if (!current_task())
		return -ENOENT;
	snprintf(text, sizeof(text), "%u", current_process()->pid);
	return proc_link_text(buf, size, text);
}

int proc_thread_self_readlink(const struct proc_node *n, char *buf, size_t size)
{
	struct task *t = current_task();
	char text[32];

	if (!t)
		return -ENOENT;
	snprintf(text, sizeof(text), "%u/task/%u", t->process->pid, t->tid);
	return proc_link_text(buf, size, text);
}

/* --- Who may look --- */

static bool same_ids(const struct credentials *me, const struct credentials *it)
{
	return me->fsuid == it->euid && me->fsuid == it->suid && me->fsuid == it->uid &&
	       me->fsgid == it->egid && me->fsgid == it->sgid && me->fsgid == it->gid;
}

bool proc_may_access_locked(const struct process *p)
{
	const struct credentials *me = current_cred();

	if (!current_task() || p == current_process() || capable(CAP_SYS_PTRACE))
		return true;
	if (!same_ids(me, &p->cred) || (p->mm && !p->dumpable))
		return false;
	return (p->cred.cap_permitted & ~me->cap_effective) == 0;
}

bool proc_may_access(const struct proc_node *n)
{
	u32 flags = spin_lock_irqsave(&process_lock);
	struct task *t;
	struct process *p = proc_find_locked(n, &t);
	bool may = p && proc_may_access_locked(p);

	spin_unlock_irqrestore(&process_lock, flags);
	return may;
}

/* What must not be dumped belongs to root, but for the directories. */
bool proc_owner(const struct proc_node *n, u32 *uid, u32 *gid)
{
	u32 flags = spin_lock_irqsave(&process_lock);
	struct task *t;
	struct process *p = proc_find_locked(n, &t);
	bool own = p && (p->dumpable || n->entry->mode == (S_IFDIR | 0555));

	if (p) {
		*uid = own ? p->cred.euid : 0;
		*gid = own ? p->cred.egid : 0;
	}
	spin_unlock_irqrestore(&process_lock, flags);
	return p;
}

/* --- References to what it has --- */

/* 0 when the node may be used by the caller. Caller holds process_lock. */
static int check_locked(const struct proc_node *n, const struct process *p)
{
	if (!p)
		return -ESRCH;
	return n->entry->guarded && !proc_may_access_locked(p) ? -EACCES : 0;
}

int proc_get_mm(const struct proc_node *n, struct mm **out)
{
	u32 flags = spin_lock_irqsave(&process_lock);
	struct task *t;
	struct process *p = proc_find_locked(n, &t);
	int err = check_locked(n, p);

	*out = err ? NULL : p->mm;
	if (*out)
		mm_get(*out);
	spin_unlock_irqrestore(&process_lock, flags);
	return err;
}

u32 proc_program(const struct proc_node *n)
{
	u32 flags = spin_lock_irqsave(&process_lock);
	struct task *t;
	const struct process *p = n->id ? proc_find_locked(n, &t) : NULL;
	u32 program = p ? p->execs : 0;

	spin_unlock_irqrestore(&process_lock, flags);
	return program;
}

struct mm *proc_opened_mm(const struct file *f)
{
	u32 flags = spin_lock_irqsave(&process_lock);
	struct task *t;
	const struct process *p = proc_find_locked(file_node(f), &t);
	bool same = p && proc_opened(0, p->execs) == proc_opened(0, proc_opened_program(f));
	struct mm *mm = same ? p->mm : NULL;

	if (mm)
		mm_get(mm);
	spin_unlock_irqrestore(&process_lock, flags);
	return mm;
}

int proc_get_files(const struct proc_node *n, struct files **out)
{
	u32 flags = spin_lock_irqsave(&process_lock);
	struct task *t;
	struct process *p = proc_find_locked(n, &t);
	int err = check_locked(n, p);

	*out = err || !t ? NULL : t->files;
	if (*out)
		files_get(*out);
	spin_unlock_irqrestore(&process_lock, flags);
	return err;
}

static struct fs_context *get_fs(const struct proc_node *n)
{
	u32 flags = spin_lock_irqsave(&process_lock);
	struct task *t;
	struct process *p = proc_find_locked(n, &t);
	struct fs_context *fs = p && t && t->fs ? fs_get(t->fs) : NULL;

	spin_unlock_irqrestore(&process_lock, flags);
	return fs;
}

static bool is_current(const struct proc_node *n)
{
	u32 flags = spin_lock_irqsave(&process_lock);
	struct task *t;
	struct process *p = proc_find_locked(n, &t);

	spin_unlock_irqrestore(&process_lock, flags);
	return p && t == current_task();
}

/* --- comm --- */

static int comm_show(struct text *t, const struct proc_node *n)
{
	u32 flags = spin_lock_irqsave(&process_lock);
	struct task *task;
	struct process *p = proc_find_locked(n, &task);
	char comm[16];

	if (p)
		memcpy(comm, task ? task->comm : p->comm, sizeof(comm));
	spin_unlock_irqrestore(&process_lock, flags);
	if (p)
		text_printf(t, "%s\n", comm);
	return p ? 0 : -ESRCH;
}

/* A process names its own threads only. */
static long comm_store(const struct proc_node *n, char *s, size_t len, u64 pos)
{
	u32 flags = spin_lock_irqsave(&process_lock);
	struct task *t;
	struct process *p = proc_find_locked(n, &t);
	long used = p ? (long)len : -ESRCH;

	if (p && (!t || p != current_process()))
		used = -EINVAL;
	else if (p)
		task_set_comm(t, s);
	spin_unlock_irqrestore(&process_lock, flags);
	return used;
}

/* --- limits --- */

static const struct {
	const char *name, *unit;
} limit_names[RLIM_NLIMITS] = {
	[RLIMIT_CPU] = {"Max cpu time", "seconds"},
	[RLIMIT_FSIZE] = {"Max file size", "bytes"},
	[RLIMIT_DATA] = {"Max data size", "bytes"},
	[RLIMIT_STACK] = {"Max stack size", "bytes"},
	[RLIMIT_CORE] = {"Max core file size", "bytes"},
	[RLIMIT_RSS] = {"Max resident set", "bytes"},
	[RLIMIT_NPROC] = {"Max processes", "processes"},
	[RLIMIT_NOFILE] = {"Max open files", "files"},
	[RLIMIT_MEMLOCK] = {"Max locked memory", "bytes"},
	[RLIMIT_AS] = {"Max address space", "bytes"},
	[RLIMIT_LOCKS] = {"Max file locks", "locks"},
	[RLIMIT_SIGPENDING] = {"Max pending signals", "signals"},
	[RLIMIT_MSGQUEUE] = {"Max msgqueue size", "bytes"},
	[RLIMIT_NICE] = {"Max nice priority", NULL},
	[RLIMIT_RTPRIO] = {"Max realtime priority", NULL},
	[RLIMIT_RTTIME] = {"Max realtime timeout", "us"},
};

static void put_limit(struct text *t, u64 limit)
{
	if (proc_rlimit(limit) == RLIM32_INFINITY)
		text_printf(t, "%-20s ", "unlimited");
	else
		text_printf(t, "%-20u ", proc_rlimit(limit));
}

static int limits_show(struct text *t, const struct proc_node *n)
{
	struct abi_rlimit64 limit[RLIM_NLIMITS];
	u32 flags = spin_lock_irqsave(&process_lock);
	struct task *task;
	struct process *p = proc_find_locked(n, &task);

	if (p)
		memcpy(limit, p->rlimit, sizeof(limit));
	spin_unlock_irqrestore(&process_lock, flags);
	if (!p)
		return -ESRCH;
	text_printf(t, "%-25s %-20s %-20s %-10s\n", "Limit", "Soft Limit", "Hard Limit", "Units");
	for (u32 i = 0; i < RLIM_NLIMITS; i++) {
		text_printf(t, "%-25s ", limit_names[i].name);
		put_limit(t, limit[i].cur);
		put_limit(t, limit[i].max);
		if (limit_names[i].unit)
			text_printf(t, "%-10s", limit_names[i].unit);
		text_puts(t, "\n");
	}
	return 0;
}

/* --- Links --- */

static int exe_target(const struct proc_node *n, struct path *out)
{
	struct mm *mm;
	int err = proc_get_mm(n, &mm);

	if (err || !mm)
		return -ENOENT;
	if (mm->exe)
		*out = path_get(file_at(backing_file(mm->exe)));
	else
		err = -ENOENT;
	mm_put(mm);
	return err;
}

static int fs_target(const struct proc_node *n, bool root, struct path *out)
{
	struct fs_context *fs = get_fs(n);

	if (!fs)
		return -ENOENT;
	spin_lock(&fs->lock);
	*out = path_get(root ? fs->root : fs->cwd);
	spin_unlock(&fs->lock);
	fs_put(fs);
	return 0;
}

static int cwd_target(const struct proc_node *n, struct path *out)
{
	return fs_target(n, false, out);
}

static int root_target(const struct proc_node *n, struct path *out)
{
	return fs_target(n, true, out);
}

/* --- What it waits in --- */

/* The two words that every frame of a function begins with. */
struct frame {
	u32 ebp, eip;
};

/* What a thread that sleeps has at its stack pointer (kernel/x86/switch.S). */
struct saved_registers {
	u32 edi, esi, ebx;
	struct frame frame;
};

/* The function that called schedule(): a code address, 0 when it cannot be told. */
static u32 wait_address(const struct thread *t)
{
	struct saved_registers saved;
	struct frame f;
	const char *name;
	u32 offset;
	bool scheduling = false;

	if (peek_kernel(&saved, (const void *)t->x86.ksp, sizeof(saved)))
		return 0;
	f = saved.frame;
	for (u32 depth = 0; depth < 8; depth++) {
		if (scheduling)
			return f.eip;
		name = ksym_lookup(f.eip, &offset);
		scheduling = name && strcmp(name, "schedule") == 0;
		if (f.ebp - (u32)t->kstack >= KSTACK_SIZE ||
			peek_kernel(&f, (const void *)f.ebp, sizeof(f)))
			return 0;
	}
	return 0;
}

static int wchan_show(struct text *t, const struct proc_node *n)
{
	u32 flags = spin_lock_irqsave(&process_lock), offset, at = 0;
	struct task *task;
	struct process *p = proc_find_locked(n, &task);
	const char *name = NULL;

	if (p && task && task->thread.state != T_RUNNABLE && proc_may_access_locked(p))
		at = wait_address(&task->thread);
	spin_unlock_irqrestore(&process_lock, flags);
	if (at)
		name = ksym_lookup(at, &offset);
	text_puts(t, name ? name : "0");
	return p ? 0 : -ESRCH;
}

/* The system call that it is in, with its arguments; -1: it is the kernel's for another reason. */
static int syscall_show(struct text *t, const struct proc_node *n)
{
	u32 flags = spin_lock_irqsave(&process_lock);
	struct task *task;
	struct process *p = proc_find_locked(n, &task);
	bool allowed = p && proc_may_access_locked(p);
	bool runs = task && task != current_task() && task->thread.state == T_RUNNABLE;
	struct abi_user_regs r = {.orig_eax = (u32)-1};

	if (allowed && task && !runs)
		x86_regs_get(&task->thread.x86, &r);
	spin_unlock_irqrestore(&process_lock, flags);
	if (!allowed)
		return p ? -EPERM : -ESRCH;
	if (runs) {
		text_puts(t, "running\n");
		return 0;
	}
	text_printf(t, "%d", (s32)r.orig_eax);
	if ((s32)r.orig_eax >= 0)
		text_printf(t, " 0x%x 0x%x 0x%x 0x%x 0x%x 0x%x", r.ebx, r.ecx, r.edx, r.esi, r.edi,
			r.ebp);
	text_printf(t, " 0x%x 0x%x\n", r.esp, r.eip);
	return 0;
}

/* --- io --- */

/* Of one thread, or of all, with those that have exited and the children waited for. */
static void sum_io(const struct process *p, const struct task *only, struct io_count io[IO_NR])
{
	const struct task *t;

	if (only) {
		io_count_add(io, only->io);
		return;
	}
	io_count_add(io, p->io);
	list_for_each_entry (t, &p->threads, sibling)
		io_count_add(io, t->io);
}

/* Files are in memory: nothing is read from a disk, or written to it. */
static int io_show(struct text *t, const struct proc_node *n)
{
	struct io_count io[IO_NR] = {0};
	u32 flags = spin_lock_irqsave(&process_lock);
	struct task *task;
	struct process *p = proc_find_locked(n, &task);
	bool there = p && (task || !n->thread), may = there && proc_may_access_locked(p);

	if (may)
		sum_io(p, n->thread ? task : NULL, io);
	spin_unlock_irqrestore(&process_lock, flags);
	if (!may)
		return there ? -EACCES : -ESRCH;
	text_printf(t, "rchar: %llu\nwchar: %llu\nsyscr: %llu\nsyscw: %llu\n", io[IO_READ].bytes,
		io[IO_WRITE].bytes, io[IO_READ].calls, io[IO_WRITE].calls);
	text_puts(t, "read_bytes: 0\nwrite_bytes: 0\ncancelled_write_bytes: 0\n");
	return 0;
}

static int personality_show(struct text *t, const struct proc_node *n)
{
	u32 flags = spin_lock_irqsave(&process_lock);
	struct task *task;
	struct process *p = proc_find_locked(n, &task);
	u32 personality = p ? p->personality : 0;

	spin_unlock_irqrestore(&process_lock, flags);
	if (p)
		text_printf(t, "%08x\n", personality);
	return p ? 0 : -ESRCH;
}

/* --- coredump_filter --- */

static int coredump_filter_show(struct text *t, const struct proc_node *n)
{
	u32 flags = spin_lock_irqsave(&process_lock);
	struct task *task;
	struct process *p = proc_find_locked(n, &task);
	bool has_memory = p && p->mm;
	u32 filter = p ? p->coredump_filter : 0;

	spin_unlock_irqrestore(&process_lock, flags);
	if (has_memory)
		text_printf(t, "%08x\n", filter);
	return p ? 0 : -ESRCH;
}

/* A number of the base and nothing else, but for a newline behind it. */
static long whole_number(const char *s, u32 base, u64 *v)
{
	bool digits = *s >= '0' && *s <= '9';

	if (!take_number(&s, base, UINT64_MAX, v))
		return digits ? -ERANGE : -EINVAL;
	return (*s == '\n' ? s[1] : *s) ? -EINVAL : 0;
}

static long coredump_filter_store(const struct proc_node *n, char *s, size_t len, u64 pos)
{
	struct process *p;
	struct task *task;
	u32 flags;
	u64 v;
	long err = whole_number(s, 0, &v);

	if (err)
		return err;
	if (v > UINT32_MAX)
		return -ERANGE;
	flags = spin_lock_irqsave(&process_lock);
	p = proc_find_locked(n, &task);
	if (p)
		p->coredump_filter = (u32)v & COREDUMP_ALL;
	spin_unlock_irqrestore(&process_lock, flags);
	return p ? (long)len : -ESRCH;
}

/* --- timerslack_ns: one's own, or with privilege another thread's --- */

/* Caller holds process_lock. */
static int find_slack_locked(const struct proc_node *n, struct task **t)
{
	if (!proc_find_locked(n, t) || !*t)
		return -ESRCH;
	return *t == current_task() || capable(CAP_SYS_NICE) ? 0 : -EPERM;
}

static int timerslack_show(struct text *t, const struct proc_node *n)
{
	u32 flags = spin_lock_irqsave(&process_lock);
	struct task *task;
	int err = find_slack_locked(n, &task);
	u64 ns = err ? 0 : task_timer_slack(task);

	spin_unlock_irqrestore(&process_lock, flags);
	if (!err)
		text_printf(t, "%llu\n", ns);
	return err;
}

static long timerslack_store(const struct proc_node *n, char *s, size_t len, u64 pos)
{
	struct task *task;
	u32 flags;
	u64 ns;
	long err = whole_number(s, 10, &ns);

	if (err)
		return err;
	flags = spin_lock_irqsave(&process_lock);
	err = find_slack_locked(n, &task);
	if (!err)
		task_set_timer_slack(task, ns);
	spin_unlock_irqrestore(&process_lock, flags);
	return err ? err : (long)len;
}

/* --- fail-nth: of the thread that asks, by itself --- */

static int fail_nth_show(struct text *t, const struct proc_node *n)
{
	if (!is_current(n))
		return -EPERM;
	text_printf(t, "%u\n", fail_nth_left());
	return 0;
}

static long fail_nth_store(const struct proc_node *n, char *s, size_t len, u64 pos)
{
	u64 nth;
	long err = whole_number(s, 0, &nth);

	if (!is_current(n) || !capable(CAP_SYS_RESOURCE))
		return -EPERM;
	if (err)
		return err;
	if (nth > UINT32_MAX / 2)
		return -ERANGE;
	fail_nth_set((u32)nth);
	return (long)len;
}

/* --- The tables --- */

/* A thread has all but the last four. */
static const struct proc_entry rows[] = {
	{"auxv", S_IFREG | 0400, .guarded = true, .show = proc_auxv_show},
	{"clear_refs", S_IFREG | 0200, .store = proc_clear_refs_store},
	{"cmdline", S_IFREG | 0444, .show = proc_cmdline_show},
	{"comm", S_IFREG | 0644, .show = comm_show, .store = comm_store},
	{"cwd", S_IFLNK | 0777, .target = cwd_target},
	{"environ", S_IFREG | 0400, .guarded = true, .show = proc_environ_show},
	{"exe", S_IFLNK | 0777, .target = exe_target},
	{"fail-nth", S_IFREG | 0644, .show = fail_nth_show, .store = fail_nth_store},
	{"fd", S_IFDIR | 0500, .dir = &proc_fd_dir, .inode_ops = &proc_fd_dir_ops},
	{"fdinfo", S_IFDIR | 0555, .dir = &proc_fdinfo_dir, .inode_ops = &proc_fdinfo_dir_ops},
	{"io", S_IFREG | 0400, .show = io_show},
	{"limits", S_IFREG | 0444, .show = limits_show},
	{"maps", S_IFREG | 0444, .guarded = true, .show_part = proc_maps_show},
	{"mem", S_IFREG | 0600, .guarded = true, .ops = &proc_pid_mem_ops},
	{"mountinfo", S_IFREG | 0444, .show = proc_mountinfo_show},
	{"mounts", S_IFREG | 0444, .show = proc_mounts_show},
	{"net", S_IFDIR | 0555, .dir = &proc_net_dir},
	{"oom_adj", S_IFREG | 0644, .show = proc_oom_adj_show, .store = proc_oom_adj_store},
	{"oom_score", S_IFREG | 0444, .show = proc_oom_score_show},
	{"oom_score_adj", S_IFREG | 0644, .show = proc_oom_score_adj_show,
		.store = proc_oom_score_adj_store},
	{"pagemap", S_IFREG | 0400, .guarded = true, .ops = &proc_pagemap_ops},
	{"personality", S_IFREG | 0400, .guarded = true, .show = personality_show},
	{"root", S_IFLNK | 0777, .target = root_target},
	{"smaps", S_IFREG | 0444, .guarded = true, .show_part = proc_smaps_show},
	{"smaps_rollup", S_IFREG | 0444, .guarded = true, .show = proc_smaps_rollup_show},
	{"stat", S_IFREG | 0444, .show = proc_pid_stat_show},
	{"statm", S_IFREG | 0444, .show = proc_statm_show},
	{"status", S_IFREG | 0444, .show = proc_status_show},
	{"syscall", S_IFREG | 0400, .show = syscall_show},
	{"wchan", S_IFREG | 0444, .show = wchan_show},
	/* not of a thread: */
	{"coredump_filter", S_IFREG | 0644, .show = coredump_filter_show,
		.store = coredump_filter_store},
	{"map_files", S_IFDIR | 0500, .dir = &proc_map_files_dir, .inode_ops = &proc_fd_dir_ops},
	{"task", S_IFDIR | 0555, .dir = &task_dir},
	{"timerslack_ns", S_IFREG | 0666, .show = timerslack_show, .store = timerslack_store},
};

static const struct proc_dir thread_dir = {.rows = rows, .nr_rows = ARRAY_SIZE(rows) - 4};
static const struct proc_entry thread_entry = {.mode = S_IFDIR | 0555, .dir = &thread_dir};

static const struct proc_dir task_dir = {
	.numbered = &thread_entry,
	.next = task_next,
	.find = task_find_child,
	.count = task_count,
};

static const struct proc_dir pid_dir = {.rows = rows, .nr_rows = ARRAY_SIZE(rows)};
const struct proc_entry proc_pid_entry = {.mode = S_IFDIR | 0555, .dir = &pid_dir};

bool proc_dir_process(const struct file *f, u32 *pid, u64 *start_ns)
{
	const struct inode *inode = f->dentry->inode;

	if (inode->ops != &proc_dir_ops || inode_node(inode)->entry != &proc_pid_entry)
		return false;
	*pid = inode_node(inode)->id;
	*start_ns = inode_node(inode)->start_ns;
	return true;
}
