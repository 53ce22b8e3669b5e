/* Processes and threads as objects: their caches, their numbers, and how they are found. */
#include "kernel/abi/errno.h"
#include "kernel/abi/prctl.h"
#include "kernel/core/panic.h"
#include "kernel/core/cpustat.h"
#include "kernel/core/trace.h"
#include "kernel/lib/string.h"
#include "kernel/proc/coredump.h"
#include "kernel/proc/posix_timer.h"
#include "kernel/proc/cred.h"
#include "kernel/proc/process.h"
#include "kernel/proc/sigqueue.h"
#include "mm/page_alloc.h"
#include "mm/slab.h"
#include "mm/space.h"
#include "mm/vmalloc.h"

LIST_HEAD(process_list);
struct pid_bucket pid_buckets[PID_BUCKETS];
struct spinlock process_lock = SPINLOCK_INIT("process");
u32 nr_processes, nr_threads, max_threads;

static struct slab_cache *task_cache, *process_cache, *sighand_cache;

/* Numbers in use, one bit each; under process_lock. 0 is nobody's. */
static u32 pid_map[PID_MAX / 32] = {1};
/* By the low bits of numbers: none of these names a session where a bit is not set. */
#define SESSION_BITS 4096u
static u32 session_map[SESSION_BITS / 32];
static u32 last_pid;
u32 pid_max = PID_MAX;

void process_init(void)
{
	task_cache = slab_create("task", sizeof(struct task), 64, 0, NULL);
	process_cache = slab_create("process", sizeof(struct process), 0, 0, NULL);
	sighand_cache = slab_create("sighand", sizeof(struct sighand), 0, 0, NULL);
	if (!task_cache || !process_cache || !sighand_cache)
		boot_fail("no memory for the process caches");
	for (u32 i = 0; i < PID_BUCKETS; i++) {
		list_init(&pid_buckets[i].processes);
		list_init(&pid_buckets[i].threads);
		list_init(&pid_buckets[i].members);
	}
	/* As Linux: kernel stacks may take an eighth of memory. */
	max_threads = MAX(page_alloc_total() / (8 * (KSTACK_SIZE / PAGE_SIZE)), 20u);
	user_init();
	sigqueue_init();
	posix_timer_init();
	futex_init();
}

u32 trace_who(char comm[16])
{
	const struct task *t = current_task();
	if (t)
		memcpy(comm, t->comm, sizeof(t->comm));
	return t ? t->tid : 0;
}

void task_set_comm(struct task *t, const char *name)
{
	memset(t->comm, 0, sizeof(t->comm));
	strlcpy(t->comm, name, sizeof(t->comm));
	if (t->tid == t->process->pid)
		memcpy(t->process->comm, t->comm, sizeof(t->comm));
}

struct task *task_create(void)
{
	struct task *t = slab_zalloc(task_cache);
	if (!t)
		return NULL;
	t->thread.kstack = kstack_alloc();
	if (!t->thread.kstack) {
		slab_free(task_cache, t);
		return NULL;
	}
	t->altstack_flags = SS_DISABLE;
	t->mce_kill = PR_MCE_KILL_DEFAULT;
	sigpending_init(&t->pending);
	list_init(&t->tracees);
	list_init(&t->pi_waiters);
	return t;
}

void task_free(struct task *t)
{
	kassert(!t->files && !t->fs);
	sigpending_flush(&t->pending, t->process);
	seccomp_release(t);
	cred_release(&t->cred);
	kstack_free(t->thread.kstack);
	slab_free(task_cache, t);
}

struct process *process_create(void)
{
	struct process *p = slab_zalloc(process_cache);
	if (!p)
		return NULL;
	list_init(&p->threads);
	list_init(&p->children);
	list_init(&p->dead);
	waitq_init(&p->child_exit);
	waitq_init(&p->threads_gone);
	sigpending_init(&p->pending);
	p->start_ns = clock_monotonic_ns();
	p->exit_signal = SIGCHLD;
	p->dumpable = true;
	p->coredump_filter = COREDUMP_DEFAULT;
	return p;
}

void process_free(struct process *p)
{
	kassert(!p->mm && !p->sighand);
	kassert(list_empty(&p->threads) && list_empty(&p->dead) && list_empty(&p->children));
	sigpending_flush(&p->pending, p);
	user_put(p->user);
	cred_release(&p->cred);
	slab_free(process_cache, p);
}

struct sighand *sighand_create(void)
{
	struct sighand *s = slab_zalloc(sighand_cache);
	if (s)
		s->refcount = 1;
	return s;
}

struct sighand *sighand_copy(struct sighand *from)
{
	struct sighand *s = slab_alloc(sighand_cache);
	if (!s)
		return NULL;
	s->refcount = 1;
	memcpy(s->action, from->action, sizeof(s->action));
	return s;
}

struct sighand *sighand_get(struct sighand *s)
{
	u32 flags = spin_lock_irqsave(&process_lock);
	s->refcount++;
	spin_unlock_irqrestore(&process_lock, flags);
	return s;
}

void sighand_put(struct sighand *s)
{
	u32 flags = spin_lock_irqsave(&process_lock);
	bool last = --s->refcount == 0;
	spin_unlock_irqrestore(&process_lock, flags);
	if (last)
		slab_free(sighand_cache, s);
}

static bool pid_used(u32 pid)
{
	return pid_map[pid / 32] & 1u << (pid % 32);
}

static bool names_session(u32 pid)
{
	u32 bit = pid % SESSION_BITS;
	bool others = false;
	struct process *p;
	if (!(session_map[bit / 32] & 1u << bit % 32))
		return false;
	list_for_each_entry (p, &process_list, all) {
		if (p->sid == pid)
			return true;
		others |= p->sid % SESSION_BITS == bit;
	}
	if (!others)
		session_map[bit / 32] &= ~(1u << bit % 32);
	return false;
}

bool pid_names_group(u32 pid)
{
	struct process *p;
	for_each_in_group (p, pid)
		return true;
	return names_session(pid);
}

long pid_alloc(void)
{
	u32 pid = last_pid;
	kassert_dbg(spin_held(&process_lock));
	for (u32 tries = 0; tries < PID_MAX; tries++) {
		if (++pid >= pid_max)
			pid = PID_RESERVED;
		if (pid_used(pid) || pid == 1 || pid_names_group(pid))
			continue;
		pid_map[pid / 32] |= 1u << (pid % 32);
		last_pid = pid;
		return pid;
	}
	return -EAGAIN;
}

void pid_take_first(void)
{
	kassert(!pid_used(1));
	pid_map[0] |= 1u << 1;
	last_pid = 1;
}

void pid_free(u32 pid)
{
	kassert_dbg(pid_used(pid));
	pid_map[pid / 32] &= ~(1u << (pid % 32));
}

struct process *process_find(u32 pid)
{
	struct process *p;
	kassert_dbg(spin_held(&process_lock));
	list_for_each_entry (p, &pid_bucket(pid)->processes, by_pid)
		if (p->pid == pid)
			return p;
	return NULL;
}

struct process *process_next(u32 pid)
{
	struct process *p = NULL;
	while (pid < PID_MAX && !p) {
		u32 used = pid_map[pid / 32] >> pid % 32;
		pid += used ? (u32)__builtin_ctz(used) : 32 - pid % 32;
		p = used ? process_find(pid++) : NULL;
	}
	return p;
}

struct task *task_find(u32 tid)
{
	struct task *t;
	kassert_dbg(spin_held(&process_lock));
	list_for_each_entry (t, &pid_bucket(tid)->threads, by_tid)
		if (t->tid == tid)
			return t;
	return NULL;
}

/* New processes have the highest number nearly always, so the place is sought from the back. */
static void process_list_insert(struct process *p)
{
	struct list_head *at = &process_list;
	while (at->prev != &process_list && list_entry(at->prev, struct process, all)->pid > p->pid)
		at = at->prev;
	list_add_tail(&p->all, at);
}

void process_set_group(struct process *p, u32 pgid, u32 sid)
{
	kassert_dbg(spin_held(&process_lock));
	p->pgid = pgid;
	p->sid = sid;
	session_map[sid % SESSION_BITS / 32] |= 1u << sid % 32;
	list_move_tail(&p->in_group, &pid_bucket(pgid)->members);
}

void process_link(struct process *p, struct process *parent)
{
	kassert_dbg(spin_held(&process_lock));
	p->parent = parent;
	if (parent)
		list_add_tail(&p->sibling, &parent->children);
	else
		list_init(&p->sibling);
	process_list_insert(p);
	list_add(&p->by_pid, &pid_bucket(p->pid)->processes);
	list_add_tail(&p->in_group, &pid_bucket(p->pgid)->members);
	nr_processes++;
}

void process_unlink(struct process *p)
{
	kassert_dbg(spin_held(&process_lock));
	list_del_init(&p->sibling);
	list_del_init(&p->all);
	list_del(&p->by_pid);
	list_del(&p->in_group);
	p->parent = NULL;
	nr_processes--;
}

void process_add_thread(struct process *p, struct task *t)
{
	kassert_dbg(spin_held(&process_lock));
	t->process = p;
	list_add_tail(&t->sibling, &p->threads);
	list_add(&t->by_tid, &pid_bucket(t->tid)->threads);
	p->nr_threads++;
	nr_threads++;
	user_add(p->user, USER_THREADS, 1);
	cpustat_forked(t->tid);
}

void task_forget_tid(struct task *t)
{
	list_del(&t->by_tid);
}

void task_change_tid(struct task *t, u32 tid)
{
	t->tid = tid;
	list_move(&t->by_tid, &pid_bucket(tid)->threads);
}

void process_set_user(struct process *p, struct user *u)
{
	u32 flags = spin_lock_irqsave(&process_lock);
	struct user *old = p->user;
	user_add(old, USER_THREADS, -(s32)p->nr_threads);
	user_add(old, USER_SIGNALS, -(s32)p->nr_sigqueue);
	user_add(u, USER_THREADS, (s32)p->nr_threads);
	user_add(u, USER_SIGNALS, (s32)p->nr_sigqueue);
	p->user = u;
	spin_unlock_irqrestore(&process_lock, flags);
	user_put(old);
}

bool user_over_nproc(const struct user *u)
{
	return user_has(u, USER_THREADS) > current_process()->rlimit[RLIMIT_NPROC].cur;
}

static u32 mm_limit(u64 rlimit)
{
	return (u32)MIN(rlimit, (u64)~0u);
}

void process_set_mm_limits(const struct process *p, struct mm *mm)
{
	bool may_lock = p->cred.cap_effective & 1ull << CAP_IPC_LOCK;
	const struct abi_rlimit64 *data = &p->rlimit[RLIMIT_DATA];
	mm->limits = (struct mm_limits){
		.as = mm_limit(p->rlimit[RLIMIT_AS].cur),
		.data = mm_limit(data->cur ? data->cur : data->max),
		.heap = mm_limit(data->cur),
		.stack = mm_limit(p->rlimit[RLIMIT_STACK].cur),
		.memlock = may_lock ? ~0u : mm_limit(p->rlimit[RLIMIT_MEMLOCK].cur),
	};
}

void process_cpu_time(const struct process *p, u64 *utime_ns, u64 *stime_ns)
{
	const struct task *t;
	*utime_ns = p->utime_ns;
	*stime_ns = p->stime_ns;
	list_for_each_entry (t, &p->threads, sibling) {
		*utime_ns += t->thread.utime_ns;
		*stime_ns += t->thread.stime_ns;
	}
}

bool capable(u32 cap)
{
	struct task *t = current_task();
	return !t || (t->cred.cap_effective & 1ull << cap);
}
