/* System calls under the eyes of filters. See kernel/proc/seccomp.h. */
#include "kernel/proc/seccomp.h"
#include "kernel/abi/errno.h"
#include "kernel/abi/prctl.h"
#include "kernel/abi/seccomp.h"
#include "kernel/abi/syscall_nr.h"
#include "kernel/core/log.h"
#include "kernel/lib/bpf.h"
#include "kernel/lib/kassert.h"
#include "kernel/proc/coredump.h"
#include "kernel/proc/process.h"
#include "kernel/proc/ptrace.h"
#include "kernel/proc/signal.h"
#include "kernel/syscalls.h"
#include "kernel/x86/uaccess.h"
#include "mm/kmalloc.h"

#define DATA_WORDS (sizeof(struct abi_seccomp_data) / sizeof(u32))

/* Instructions in all filters of a thread, each counting as so many more. */
#define CHAIN_MAX_INSNS 32768u
#define FILTER_PENALTY	4u

struct seccomp_filter {
	u32 refcount;		     /* process_lock */
	struct seccomp_filter *prev; /* the next older one, or NULL */
	bool log;
	u32 n;
	struct abi_sock_filter insns[];
};

enum {
#define X(nr, name) NR_##name = (nr),
	ABI_SYSCALLS(X)
#undef X
};

/* --- Chains --- */

static void filter_put(struct seccomp_filter *f)
{
	while (f && --f->refcount == 0) {
		struct seccomp_filter *prev = f->prev;
		kfree(f);
		f = prev;
	}
}

void seccomp_release(struct task *t)
{
	u32 flags;
	if (!t->seccomp.filters)
		return;
	flags = spin_lock_irqsave(&process_lock);
	filter_put(t->seccomp.filters);
	spin_unlock_irqrestore(&process_lock, flags);
}

u32 seccomp_count(const struct task *t)
{
	u32 n = 0;
	for (const struct seccomp_filter *f = t->seccomp.filters; f; f = f->prev)
		n++;
	return n;
}

/* Gives a thread the calling one's state. */
static void share(struct task *t)
{
	const struct task *me = current_task();
	kassert_dbg(spin_held(&process_lock));
	if (me->seccomp.filters)
		me->seccomp.filters->refcount++;
	filter_put(t->seccomp.filters);
	t->seccomp = me->seccomp;
	t->thread.x86.traced |= TRACED_FILTERED;
}

void seccomp_inherit(struct task *child)
{
	if (current_task()->seccomp.mode)
		share(child);
}

/* --- Judging a call --- */

static void say(const struct trapframe *tf, const char *what)
{
	const struct task *t = current_task();
	static struct ratelimit limit;
	if (ratelimit_ok(&limit, 10, 5))
		log_info("seccomp: %s[%u]: call %u at %x: %s", t->comm, t->tid, tf->orig_eax,
			tf->eip, what);
}

/* Ends the thread, and its process if it is the only one or that was asked for. Nobody can catch
 * it. */
static __noreturn void kill(struct trapframe *tf, u32 action, u32 reason)
{
	struct abi_siginfo info = siginfo_sys(tf, SYS_SECCOMP, reason);
	say(tf, "killed");
	if (action == SECCOMP_RET_KILL_THREAD && current_process()->nr_threads > 1)
		task_exit(SIGSYS);
	tf->eax = tf->orig_eax;
	coredump(&info);
	process_exit_group(SIGSYS);
}

/* The program may catch it, and sees its registers as they were before the call. */
static bool trap(struct trapframe *tf, u32 reason)
{
	struct abi_siginfo info = siginfo_sys(tf, SYS_SECCOMP, reason);
	tf->eax = tf->orig_eax;
	signal_force(SIGSYS, &info);
	return false;
}

static bool refuse(struct trapframe *tf, u32 err)
{
	tf->eax = -MIN(err, (u32)MAX_ERRNO);
	return false;
}

/* What all filters say: the strictest answer, of equal ones the newest filter's. */
static u32 judge(const struct trapframe *tf, bool *log)
{
	const struct abi_seccomp_data data = {
		.nr = (s32)tf->orig_eax,
		.arch = AUDIT_ARCH_I386,
		.instruction_pointer = tf->eip,
		.args = {tf->ebx, tf->ecx, tf->edx, tf->esi, tf->edi, tf->ebp},
	};
	const struct seccomp_filter *f = current_task()->seccomp.filters;
	u32 verdict = SECCOMP_RET_ALLOW;
	for (; f; f = f->prev) {
		u32 v = bpf_run(f->insns, (const u32 *)&data, DATA_WORDS);
		if ((s32)(v & SECCOMP_RET_ACTION_FULL) < (s32)(verdict & SECCOMP_RET_ACTION_FULL)) {
			verdict = v;
			*log = f->log;
		}
	}
	return verdict;
}

static bool filters_permit(struct trapframe *tf, bool tracer_asked);

/* A tracer that wants to hear of it decides; what it makes of the call is judged again. */
static bool ask_tracer(struct trapframe *tf, u32 message)
{
	const struct ptrace *pt = &current_task()->ptrace;
	tf->eax = (u32)-ENOSYS;
	if (!pt->tracer || !(pt->options & 1u << PTRACE_EVENT_SECCOMP))
		return false;
	ptrace_event(PTRACE_EVENT_SECCOMP, message);
	return tf->trapno == VEC_SYSCALL && !fatal_signal_pending() && filters_permit(tf, true);
}

static bool filters_permit(struct trapframe *tf, bool tracer_asked)
{
	bool log = false;
	u32 verdict = judge(tf, &log), data = verdict & SECCOMP_RET_DATA;
	switch (verdict & SECCOMP_RET_ACTION_FULL) {
	case SECCOMP_RET_ALLOW:
		return true;
	case SECCOMP_RET_LOG:
		say(tf, "allowed");
		return true;
	case SECCOMP_RET_TRACE:
		return tracer_asked || ask_tracer(tf, data);
	case SECCOMP_RET_USER_NOTIF: /* there is nobody to notify */
		return refuse(tf, ENOSYS);
	case SECCOMP_RET_ERRNO:
		if (log)
			say(tf, "refused");
		return refuse(tf, data);
	case SECCOMP_RET_TRAP:
		if (log)
			say(tf, "trapped");
		return trap(tf, data);
	}
	kill(tf, verdict & SECCOMP_RET_ACTION_FULL, data);
}

bool seccomp_permits(struct trapframe *tf)
{
	if (current_task()->seccomp.mode == SECCOMP_MODE_FILTER)
		return filters_permit(tf, false);
	switch (tf->orig_eax) {
	case NR_read:
	case NR_write:
	case NR_exit:
	case NR_sigreturn:
		return true;
	}
	say(tf, "killed");
	task_exit(SIGKILL);
}

/* --- Setting it --- */

/* From now on the calling thread's calls are judged. Caller holds process_lock. */
static void enter_mode(u8 mode)
{
	struct task *t = current_task();
	t->seccomp.mode = mode;
	t->thread.x86.traced |= TRACED_FILTERED;
	trap_trace_thread(true);
}

/* A mode once entered is not left. */
static bool may_enter(u8 mode)
{
	u8 now = current_task()->seccomp.mode;
	return !now || now == mode;
}

long seccomp_set_strict(void)
{
	u32 flags;
	if (!may_enter(SECCOMP_MODE_STRICT))
		return -EINVAL;
	flags = spin_lock_irqsave(&process_lock);
	enter_mode(SECCOMP_MODE_STRICT);
	spin_unlock_irqrestore(&process_lock, flags);
	return 0;
}

static long filter_load(struct seccomp_filter *f, uptr_t insns)
{
	u16 *scratch;
	bool sound;
	if (copy_from_user(f->insns, insns, f->n * sizeof(f->insns[0])) < 0)
		return -EFAULT;
	scratch = kmalloc(f->n * sizeof(*scratch));
	if (!scratch)
		return -ENOMEM;
	sound = bpf_check(f->insns, f->n, DATA_WORDS, scratch);
	kfree(scratch);
	return sound ? 0 : -EINVAL;
}

static long filter_from_user(uptr_t fprog, struct seccomp_filter **out)
{
	struct abi_sock_fprog prog;
	struct seccomp_filter *f;
	long err;
	if (copy_from_user(&prog, fprog, sizeof(prog)) < 0)
		return -EFAULT;
	if (prog.len == 0 || prog.len > BPF_MAXINSNS)
		return -EINVAL;
	if (!current_task()->no_new_privs && !capable(CAP_SYS_ADMIN))
		return -EACCES;
	f = kmalloc(sizeof(*f) + prog.len * sizeof(f->insns[0]));
	if (!f)
		return -ENOMEM;
	*f = (struct seccomp_filter){.refcount = 1, .n = prog.len};
	err = filter_load(f, UPTR(prog.filter));
	if (err)
		kfree(f);
	else
		*out = f;
	return err;
}

/* The thread's chain ends in the other's: it can take that over without losing a filter. */
static bool is_behind(const struct task *t, const struct task *ahead)
{
	const struct seccomp_filter *f = ahead->seccomp.filters;
	if (!t->seccomp.mode)
		return true;
	while (f && f != t->seccomp.filters)
		f = f->prev;
	return t->seccomp.mode == SECCOMP_MODE_FILTER && f;
}

/* The first other thread that could not be given the calling one's filters, or NULL. */
static const struct task *first_ahead(void)
{
	struct task *t;
	list_for_each_entry (t, &current_process()->threads, sibling)
		if (t != current_task() && !is_behind(t, current_task()))
			return t;
	return NULL;
}

static void share_with_all(void)
{
	struct task *t;
	list_for_each_entry (t, &current_process()->threads, sibling)
		if (t != current_task())
			share(t);
}

/* Caller holds process_lock. */
static long filter_attach(struct seccomp_filter *new, u32 flags)
{
	struct task *me = current_task();
	const struct task *ahead = NULL;
	u32 total = new->n;
	for (const struct seccomp_filter *f = me->seccomp.filters; f; f = f->prev)
		total += f->n + FILTER_PENALTY;
	if (total > CHAIN_MAX_INSNS)
		return -ENOMEM;
	if (flags & SECCOMP_FILTER_FLAG_TSYNC)
		ahead = first_ahead();
	if (ahead)
		return flags & SECCOMP_FILTER_FLAG_TSYNC_ESRCH ? -ESRCH : (long)ahead->tid;
	new->log = flags &SECCOMP_FILTER_FLAG_LOG;
	new->prev = me->seccomp.filters;
	me->seccomp.filters = new;
	enter_mode(SECCOMP_MODE_FILTER);
	if (flags & SECCOMP_FILTER_FLAG_TSYNC)
		share_with_all();
	return 0;
}

#define FILTER_FLAGS                                                                               \
	(SECCOMP_FILTER_FLAG_TSYNC | SECCOMP_FILTER_FLAG_LOG | SECCOMP_FILTER_FLAG_SPEC_ALLOW |    \
		SECCOMP_FILTER_FLAG_TSYNC_ESRCH)

long seccomp_set_filter(u32 flags, uptr_t fprog)
{
	struct seccomp_filter *new;
	u32 irq;
	long err;
	if (flags & ~FILTER_FLAGS)
		return -EINVAL;
	err = filter_from_user(fprog, &new);
	if (err)
		return err;
	irq = spin_lock_irqsave(&process_lock);
	err = may_enter(SECCOMP_MODE_FILTER) ? filter_attach(new, flags) : -EINVAL;
	spin_unlock_irqrestore(&process_lock, irq);
	if (err)
		kfree(new);
	return err;
}

static long action_available(uptr_t uaction)
{
	u32 action;
	if (get_user_u32(&action, uaction) < 0)
		return -EFAULT;
	switch (action) {
	case SECCOMP_RET_KILL_PROCESS:
	case SECCOMP_RET_KILL_THREAD:
	case SECCOMP_RET_TRAP:
	case SECCOMP_RET_ERRNO:
	case SECCOMP_RET_TRACE:
	case SECCOMP_RET_LOG:
	case SECCOMP_RET_ALLOW:
		return 0;
	}
	return -EOPNOTSUPP;
}

long sys_seccomp(u32 op, u32 flags, uptr_t arg)
{
	switch (op) {
	case SECCOMP_SET_MODE_STRICT:
		return flags || arg.va ? -EINVAL : seccomp_set_strict();
	case SECCOMP_SET_MODE_FILTER:
		return seccomp_set_filter(flags, arg);
	case SECCOMP_GET_ACTION_AVAIL:
		return flags ? -EINVAL : action_available(arg);
	}
	return -EINVAL;
}
