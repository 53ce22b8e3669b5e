/* Calls about the system as a whole, and prctl. */
#include "kernel/abi/errno.h"
#include "kernel/abi/prctl.h"
#include "kernel/abi/reboot.h"
#include "kernel/abi/seccomp.h"
#include "kernel/abi/sysinfo.h"
#include "kernel/abi/utsname.h"
#include "kernel/core/clock.h"
#include "kernel/core/cpustat.h"
#include "kernel/core/log.h"
#include "kernel/core/panic.h"
#include "kernel/core/random.h"
#include "kernel/lib/string.h"
#include "kernel/proc/cred.h"
#include "kernel/proc/process.h"
#include "kernel/syscalls.h"
#include "kernel/x86/ptrace.h"
#include "kernel/x86/uaccess.h"
#include "mm/kmalloc.h"
#include "mm/page_alloc.h"
#include "mm/space.h"
#include "mm/pagecache.h"

/* --- Names --- */

struct abi_utsname utsname = {
	.sysname = "Linux",
	.nodename = "tessera",
	.release = "6.1.0-tessera",
	.version = "#1 Tessera",
	.machine = "i686",
	.domainname = "(none)",
};

struct spinlock utsname_lock = SPINLOCK_INIT("utsname");

long sys_uname(uptr_t to)
{
	struct abi_utsname u;
	spin_lock(&utsname_lock);
	u = utsname;
	spin_unlock(&utsname_lock);
	return copy_to_user(to, &u, sizeof(u));
}

static long set_name(char field[65], uptr_t from, s32 len)
{
	char name[65] = "";
	if (!capable(CAP_SYS_ADMIN))
		return -EPERM;
	if (len < 0 || len > 64)
		return -EINVAL;
	if (copy_from_user(name, from, (u32)len) < 0)
		return -EFAULT;
	spin_lock(&utsname_lock);
	memcpy(field, name, sizeof(name));
	spin_unlock(&utsname_lock);
	return 0;
}

long sys_sethostname(uptr_t from, s32 len)
{
	return set_name(utsname.nodename, from, len);
}

long sys_setdomainname(uptr_t from, s32 len)
{
	return set_name(utsname.domainname, from, len);
}

/* --- State --- */

long sys_sysinfo(uptr_t to)
{
	struct abi_sysinfo s = {
		.uptime = (s32)(clock_monotonic_ns() / NSEC_PER_SEC),
		.totalram = page_alloc_total(),
		.freeram = page_alloc_free(),
		.sharedram = pagecache_shmem_pages,
		.procs = (u16)MIN(nr_threads, 0xffffu),
		.totalhigh = page_alloc_total_high(),
		.freehigh = page_alloc_free_high(),
		.mem_unit = PAGE_SIZE,
	};
	u32 load[3];
	load_averages(load);
	for (u32 i = 0; i < 3; i++)
		s.loads[i] = load[i] << (SI_LOAD_SHIFT - LOAD_SHIFT);
	/* Bytes where they fit, as Linux does it: some programs do not look at the unit. */
	if (s.totalram < 1u << (32 - PAGE_SHIFT)) {
		s.totalram <<= PAGE_SHIFT;
		s.freeram <<= PAGE_SHIFT;
		s.sharedram <<= PAGE_SHIFT;
		s.totalhigh <<= PAGE_SHIFT;
		s.freehigh <<= PAGE_SHIFT;
		s.mem_unit = 1;
	}
	return copy_to_user(to, &s, sizeof(s));
}

/* The generator is always ready, so the flags make no difference but for what Linux refuses. */
#define GRND_KNOWN    0x7u /* NONBLOCK, RANDOM, INSECURE */
#define GRND_EXCLUDES 0x6u /* RANDOM and INSECURE together */

long sys_getrandom(uptr_t to, u32 n, u32 flags)
{
	u8 buf[256];
	u32 done = 0;
	if ((flags & ~GRND_KNOWN) || (flags & GRND_EXCLUDES) == GRND_EXCLUDES)
		return -EINVAL;
	n = MIN(n, (u32)INT32_MAX);
	while (done < n) {
		u32 part = MIN(n - done, (u32)sizeof(buf));
		random_bytes(buf, part);
		if (copy_to_user(uptr_add(to, done), buf, part) < 0)
			return done ? (long)done : -EFAULT;
		done += part;
		if (signal_pending() && done >= sizeof(buf))
			break;
	}
	return (long)done;
}

/* --- The log --- */

enum {
	SYSLOG_CLOSE,
	SYSLOG_OPEN,
	SYSLOG_READ,
	SYSLOG_READ_ALL,
	SYSLOG_READ_CLEAR,
	SYSLOG_CLEAR,
	SYSLOG_CONSOLE_OFF,
	SYSLOG_CONSOLE_ON,
	SYSLOG_CONSOLE_LEVEL,
	SYSLOG_SIZE_UNREAD,
	SYSLOG_SIZE_BUFFER,
};

/* How often a read that waits looks. Who logs something may be where nobody can be woken. */
#define LOG_LOOK_NS (100 * 1000 * 1000u)

static u32 log_cleared; /* positions in the log: log_read() moves this one, */
static u32 log_taken;   /* and log_read_on() this one: for all who use SYSLOG_READ */

static long syslog_wait(void)
{
	long err = 0;

	while (!err && !log_unread(log_taken))
		err = clock_sleep_until(clock_monotonic_ns() + LOG_LOOK_NS);
	return err ? -ERESTARTSYS : 0;
}

/* The newest bytes after *since; or (`on`) the oldest, for which it waits. */
static long syslog_read(uptr_t to, s32 len, u32 *since, bool on)
{
	char *buf;
	size_t n;
	long err;

	if (!to.va || len < 0)
		return -EINVAL;
	n = MIN((u32)len, LOG_BUF_SIZE);
	if (n == 0)
		return 0;
	buf = kmalloc(n);
	if (!buf)
		return -ENOMEM;
	err = on ? syslog_wait() : 0;
	if (!err) {
		n = on ? log_read_on(buf, n, since) : log_read(buf, n, since);
		err = copy_to_user(to, buf, n);
	}
	kfree(buf);
	return err ? err : (long)n;
}

static long set_console_level(s32 level)
{
	if (level < 1 || level > 8)
		return -EINVAL;
	log_console_level = (u32)level;
	return 0;
}

long sys_syslog(s32 type, uptr_t buf, s32 len)
{
	u32 since = log_cleared;

	if (!capable(CAP_SYSLOG) && !capable(CAP_SYS_ADMIN)) /* Debian's dmesg_restrict is 1 */
		return -EPERM;
	switch (type) {
	case SYSLOG_READ:
		return syslog_read(buf, len, &log_taken, true);
	case SYSLOG_READ_ALL:
		return syslog_read(buf, len, &since, false);
	case SYSLOG_READ_CLEAR:
		return syslog_read(buf, len, &log_cleared, false);
	case SYSLOG_CLEAR:
		log_read(NULL, 0, &log_cleared);
		return 0;
	case SYSLOG_CLOSE:
	case SYSLOG_OPEN:
		return 0;
	case SYSLOG_CONSOLE_OFF:
		return set_console_level(1);
	case SYSLOG_CONSOLE_ON:
		return set_console_level(7);
	case SYSLOG_CONSOLE_LEVEL:
		return set_console_level(len);
	case SYSLOG_SIZE_UNREAD:
		return (long)log_unread(log_taken);
	case SYSLOG_SIZE_BUFFER:
		return LOG_BUF_SIZE;
	}
	return -EINVAL;
}

/* --- The end --- */

long sys_reboot(u32 magic1, u32 magic2, u32 cmd, uptr_t arg)
{
	if (!capable(CAP_SYS_BOOT))
		return -EPERM;
	if (magic1 != REBOOT_MAGIC1 ||
		(magic2 != REBOOT_MAGIC2 && magic2 != REBOOT_MAGIC2A && magic2 != REBOOT_MAGIC2B &&
			magic2 != REBOOT_MAGIC2C))
		return -EINVAL;
	switch (cmd) {
	case REBOOT_CAD_ON:
	case REBOOT_CAD_OFF:
		return 0; /* there is no Ctrl-Alt-Del to turn on or off */
	case REBOOT_RESTART:
	case REBOOT_RESTART2:
		log_at(LOG_EMERG, "reboot: Restarting system");
		machine_reboot(EXIT_PASS);
	case REBOOT_HALT:
		log_at(LOG_EMERG, "reboot: System halted");
		machine_poweroff(EXIT_PASS);
	case REBOOT_POWER_OFF:
		log_at(LOG_EMERG, "reboot: Power down");
		machine_poweroff(EXIT_PASS);
	}
	return -EINVAL;
}

/* --- The calling process --- */

long sys_personality(u32 personality)
{
	struct process *p = current_process();
	u32 was = p->personality;
	if (personality != 0xffffffff) {
		p->personality = personality;
		p->mm->read_implies_exec = personality & READ_IMPLIES_EXEC;
	}
	return (long)was;
}

static long prctl_set_name(uptr_t from)
{
	struct task *t = current_task();
	char name[sizeof(t->comm)];
	long n = strncpy_from_user(name, from, sizeof(name));
	if (n == -ENAMETOOLONG) /* cut */
		n = copy_from_user(name, from, sizeof(name) - 1);
	if (n < 0)
		return -EFAULT;
	name[sizeof(name) - 1] = '\0';
	task_set_comm(t, name);
	return 0;
}

/* A flag that may be set to 0 or 1. */
static long set_flag(bool *flag, u32 value)
{
	if (value > 1)
		return -EINVAL;
	*flag = value;
	return 0;
}

/* When the calling thread wants to hear of memory that was lost. */
static long set_mce_kill(u32 what, u32 policy, u32 arg4, u32 arg5)
{
	bool clear = what == PR_MCE_KILL_CLEAR;
	if (arg4 || arg5 || what > PR_MCE_KILL_SET || policy > (clear ? 0 : PR_MCE_KILL_DEFAULT))
		return -EINVAL;
	current_task()->mce_kill = (u8)(clear ? PR_MCE_KILL_DEFAULT : policy);
	return 0;
}

static void set_timer_slack(u32 ns)
{
	u32 flags = spin_lock_irqsave(&process_lock);
	task_set_timer_slack(current_task(), ns);
	spin_unlock_irqrestore(&process_lock, flags);
}

/* Whether the calling thread writes out what others wait for: nothing is ever written out here. */
static long set_io_flusher(u32 on, u32 arg3, u32 arg4, u32 arg5)
{
	if (!capable(CAP_SYS_RESOURCE))
		return -EPERM;
	return arg3 || arg4 || arg5 ? -EINVAL : set_flag(&current_task()->io_flusher, on);
}

static long get_io_flusher(u32 arg2, u32 arg3, u32 arg4, u32 arg5)
{
	if (!capable(CAP_SYS_RESOURCE))
		return -EPERM;
	return arg2 || arg3 || arg4 || arg5 ? -EINVAL : current_task()->io_flusher;
}

/* Whether the calling thread may execute RDTSC. */
static long set_tsc(u32 what)
{
	u32 flags;
	if (what != PR_TSC_ENABLE && what != PR_TSC_SIGSEGV)
		return -EINVAL;
	flags = spin_lock_irqsave(&process_lock);
	x86_tsc_allow(what == PR_TSC_ENABLE);
	spin_unlock_irqrestore(&process_lock, flags);
	return 0;
}

static long set_seccomp(u32 mode, uptr_t filter)
{
	if (mode == SECCOMP_MODE_STRICT)
		return seccomp_set_strict();
	return mode == SECCOMP_MODE_FILTER ? seccomp_set_filter(0, filter) : -EINVAL;
}

static long prctl_set(u32 option, u32 arg2, u32 arg3, u32 arg4, u32 arg5)
{
	struct task *t = current_task();
	struct process *p = t->process;
	switch (option) {
	case PR_SET_PDEATHSIG:
		if (arg2 > _NSIG)
			return -EINVAL;
		p->pdeath_signal = arg2;
		return 0;
	case PR_SET_DUMPABLE:
		return set_flag(&p->dumpable, arg2);
	case PR_SET_TIMING:
		return arg2 ? -EINVAL : 0;
	case PR_SET_TIMERSLACK:
		set_timer_slack(arg2);
		return 0;
	case PR_TASK_PERF_EVENTS_DISABLE:
	case PR_TASK_PERF_EVENTS_ENABLE:
		return 0; /* there are none */
	case PR_SET_THP_DISABLE:
		if (arg3 || arg4 || arg5)
			return -EINVAL;
		p->thp_disabled = arg2;
		return 0;
	case PR_SET_SECCOMP:
		return set_seccomp(arg2, UPTR(arg3));
	case PR_SET_TSC:
		return set_tsc(arg2);
	case PR_MCE_KILL:
		return set_mce_kill(arg2, arg3, arg4, arg5);
	case PR_SET_CHILD_SUBREAPER:
		p->child_subreaper = arg2;
		return 0;
	case PR_SET_SYSCALL_USER_DISPATCH:
		return user_dispatch_set(arg2, arg3, arg4, UPTR(arg5));
	case PR_SET_MM:
		return prctl_set_mm(arg2, arg3, arg4, arg5);
	case PR_SET_NO_NEW_PRIVS:
		if (arg2 != 1 || arg3 || arg4 || arg5)
			return -EINVAL;
		t->no_new_privs = true;
		return 0;
	case PR_SET_NAME:
		return prctl_set_name(UPTR(arg2));
	case PR_SET_IO_FLUSHER:
		return set_io_flusher(arg2, arg3, arg4, arg5);
	}
	return cred_prctl(option, arg2, arg3, arg4, arg5);
}

long sys_prctl(u32 option, u32 arg2, u32 arg3, u32 arg4, u32 arg5)
{
	struct task *t = current_task();
	struct process *p = t->process;
	switch (option) {
	case PR_GET_PDEATHSIG:
		return put_user_u32(UPTR(arg2), p->pdeath_signal);
	case PR_GET_DUMPABLE:
		return p->dumpable;
	case PR_GET_TIMING:
		return 0;
	case PR_GET_TIMERSLACK:
		return (long)MIN(task_timer_slack(t), (u64)UINT32_MAX);
	case PR_GET_SECCOMP:
		return t->seccomp.mode;
	case PR_GET_TSC:
		return put_user_u32(UPTR(arg2), t->thread.x86.traced & TRACED_NO_TSC ? PR_TSC_SIGSEGV
										: PR_TSC_ENABLE);
	case PR_GET_THP_DISABLE:
		return arg2 || arg3 || arg4 || arg5 ? -EINVAL : p->thp_disabled;
	case PR_GET_NAME:
		return copy_to_user(UPTR(arg2), t->comm, sizeof(p->comm));
	case PR_MCE_KILL_GET:
		return arg2 || arg3 || arg4 || arg5 ? -EINVAL : t->mce_kill;
	case PR_GET_CHILD_SUBREAPER:
		return put_user_u32(UPTR(arg2), p->child_subreaper);
	case PR_GET_NO_NEW_PRIVS:
		return arg2 || arg3 || arg4 || arg5 ? -EINVAL : t->no_new_privs;
	case PR_GET_IO_FLUSHER:
		return get_io_flusher(arg2, arg3, arg4, arg5);
	case PR_GET_TID_ADDRESS:
		return put_user_u32(UPTR(arg2), t->clear_child_tid.va);
	}
	return prctl_set(option, arg2, arg3, arg4, arg5);
}
