/*
 * Processes and their threads.
 *
 * A struct task is a thread as the scheduler sees it; a struct process is what its threads share
 * (Linux's thread group): address space, signal handlers, limits, family. Files and folders are
 * each thread's own, though nearly always the same. A process whose last thread is gone stays as a
 * zombie until its parent has read its status.
 */
#ifndef PROC_TASK_H
#define PROC_TASK_H

#include "kernel/abi/resource.h"
#include "kernel/abi/signal.h"
#include "kernel/core/clock.h"
#include "kernel/core/sched.h"
#include "kernel/lib/list.h"
#include "kernel/lib/types.h"
#include "kernel/proc/seccomp.h"
#include "kernel/proc/user_dispatch.h"
#include "kernel/proc/usage.h"
#include "kernel/proc/user.h"

struct mm;
struct files;
struct fs_context;
struct pi_waiter;
struct sem_undo;
struct tty;

/* Pending signals. A set bit without an entry in the queue is a signal whose siginfo was not kept,
 * because an interrupt sent it, or memory was out, or the user has too many: it is reported as sent
 * by the kernel, or by nobody. */
struct sigpending {
	u64 set;                /* bit n-1: signal n is pending */
	u64 nobodys;            /* those of `set` of which it was not kept that a process sent them */
	struct list_head queue; /* struct sigqueue, oldest first */
};

struct sighand {
	u32 refcount;
	struct abi_sigaction_k action[_NSIG];
};

/* What a thread may do. */
struct credentials {
	u32 uid, euid, suid, fsuid;
	u32 gid, egid, sgid, fsgid;
	struct groups *groups; /* supplementary ones (kernel/proc/cred.h), referenced; NULL: none */
	u64 cap_effective, cap_permitted, cap_inheritable; /* bit n: capability n */
	u64 cap_bset;    /* those that a program can give */
	u64 cap_ambient; /* those that are kept over execve */
	u32 securebits;  /* SECBIT_ bits */
};

/* ITIMER_VIRTUAL or ITIMER_PROF: CPU time left until the signal. */
struct cpu_itimer {
	u64 expires_ns; /* in CPU time of the process; 0: not armed */
	u64 interval_ns;
};

enum process_state { P_ALIVE, P_STOPPED, P_ZOMBIE };

/* letters: l: process_lock; o: its own threads only */
struct process {
	u32 pid;
	enum process_state state;     /* l */
	struct list_head all;         /* l: every process, by pid */
	struct list_head by_pid, in_group; /* l: in its buckets of pid_buckets */
	struct list_head threads;     /* l: struct task.sibling */
	u32 nr_threads;               /* l */
	struct process *parent;       /* l */
	u32 parent_tid;               /* l: the thread of the parent that made it, or its heir */
	struct list_head children;    /* l: struct process.sibling */
	struct list_head sibling;     /* l */
	u32 pgid, sid;                /* l: set by process_set_group() */
	struct tty *tty;              /* l: controlling terminal, or NULL */
	struct sem_undo *sem_undos;   /* what it did with SEM_UNDO (kernel/ipc/sys_sem.c) */
	u32 tty_old_pgrp;             /* l: its foreground group when it was hung up, 0: none */
	struct mm *mm;                /* o: NULL once it has exited */
	struct sighand *sighand;      /* o */
	struct sigpending pending;    /* l: signals for any thread */
	struct credentials cred;      /* l: the first thread's, for others to judge by */
	struct user *user;            /* l: whose it is, by its real user id; referenced */
	struct abi_rlimit64 rlimit[RLIM_NLIMITS]; /* l */
	int exit_status;              /* l: wait status once it exits */
	bool group_exit;              /* l: exit_group() or a fatal signal is under way */
	struct task *dumper;          /* l: the thread that writes a core file meanwhile, or NULL */
	u32 nr_undumped;              /* l: threads that have begun to exit and wait for it */
	bool unkillable;              /* l: process 1: default actions do not touch it */
	struct task *exec_task;       /* l: the thread in execve() that the others must die for */
	u32 stop_signal;              /* l: the threads must stop or have stopped for it; 0: run */
	u32 nr_stopped;               /* l: threads that have */
	u32 nr_traced;                /* l: threads that are traced, dead ones too */
	struct list_head dead;        /* l: struct task.sibling of threads that have exited */
	struct waitq threads_gone;    /* execve(), or a core file, waits for the other threads here */
	u32 nr_sigqueue;              /* l: siginfos queued for it and its threads */
	s32 nice;                     /* l: its first thread's, which has exited, and the next two */
	u8 sched_policy, sched_priority; /* l */
	u32 pdeath_signal;            /* o: to itself when its parent dies; 0: none */
	bool detached;                /* l: it has lost its parent and nobody will wait for it */
	bool stop_report, cont_report;/* l: a state change the parent has not waited for */
	u32 exit_signal;              /* to the parent at exit: SIGCHLD, 0 for none */
	struct waitq child_exit;      /* the process's threads in wait4() */
	u64 start_ns;
	u64 utime_ns, stime_ns;       /* l: of threads that have exited */
	u64 cutime_ns, cstime_ns;     /* l: of children waited for */
	u32 minflt, majflt;           /* l: of threads that have exited */
	u32 cminflt, cmajflt;         /* l: of children waited for */
	struct io_count io[IO_NR];    /* l: of threads that have exited and children waited for */
	u32 maxrss;                   /* pages, largest seen */
	u32 cmaxrss;
	struct timer alarm;           /* ITIMER_REAL */
	u64 alarm_interval_ns;
	struct timer cpu_tick;        /* runs while something counts CPU time: itimer.c */
	struct cpu_itimer itimer_virtual, itimer_prof; /* l */
	struct ravl_root posix_timers; /* l: kernel/proc/posix_timer.c */
	u32 next_timer_id;            /* l */
	u32 nvcsw, nivcsw;            /* l: of threads that have exited */
	u32 cnvcsw, cnivcsw;          /* l: of children waited for */
	s16 oom_score_adj;            /* l: -1000 (never) to 1000 (first); inherited */
	s16 oom_score_adj_min;        /* l: how low it may be set without privilege; inherited */
	bool oom_victim;              /* l: has been killed for its memory */
	u32 personality;              /* o */
	u32 membarriers;              /* o: MEMBARRIER_ commands that it has registered for */
	char comm[16];
	bool dumpable;
	u32 execs;                    /* l: how often it has become another program */
	u32 parent_execs;             /* l: and its parent had, when it made this one */
	u32 nr_loading;               /* l: threads in execve(): exec_wait() */
	u32 coredump_filter;          /* COREDUMP_ bits (kernel/proc/coredump.h); inherited */
	bool thp_disabled;            /* o: PR_SET_THP_DISABLE: kept and reported; inherited */
	bool child_subreaper;         /* l: orphans among its descendants become its children */
	bool set_id;                  /* o: its last execve() gained rights: AT_SECURE */
};

/* What a thread has of being traced (kernel/proc/ptrace.h); all under process_lock. */
struct ptrace {
	struct task *tracer;     /* NULL: it is not, and the rest means nothing */
	struct list_head link;   /* tracer->tracees */
	u32 options;             /* PTRACE_O_ bits */
	bool seized;             /* by PTRACE_SEIZE */
	bool privileged;         /* the tracer had CAP_SYS_PTRACE when that began */
	bool syscalls;           /* it stops at both ends of system calls, */
	bool emulate;            /* or at their begin, and they are not carried out */
	u8 traps;                /* TRAP_ bits: it shall stop by itself */
	u32 code;                /* T_TRACED: event << 8 | signal, or 0 once wait4() has told; then the
				  * signal to go on with. T_DEAD: its wait status */
	/* while T_TRACED: */
	bool listening;          /* not to be touched until its process has news */
	bool has_info;           /* `info` is set */
	u32 message;             /* PTRACE_GETEVENTMSG */
	struct abi_siginfo info;
};

struct task {
	struct thread thread;      /* first: current_task() and the scheduler share the pointer */
	u32 tid;
	struct process *process;
	struct list_head sibling;  /* l: process->threads */
	struct list_head by_tid;   /* l: while it is there, in its bucket of pid_buckets */
	u64 blocked;               /* o: signal mask */
	u64 real_blocked;          /* o: the mask that sigtimedwait() lowered for a moment, else 0 */
	u64 saved_blocked;         /* o: to restore after sigsuspend, with restore_blocked */
	bool restore_blocked;
	struct sigpending pending; /* l */
	struct credentials cred;   /* o; changes under l */
	struct files *files;       /* o; changes under l; NULL when it exits: kernel/fs/file.h */
	struct fs_context *fs;     /* the same: cwd, root, umask */
	bool no_new_privs;         /* o: execve() gives no rights; inherited */
	bool over_nproc;           /* o: it became a user's who had more than RLIMIT_NPROC */
	bool io_flusher;           /* o: PR_SET_IO_FLUSHER: kept and told; inherited */
	bool stop_done;            /* l: counted in process->nr_stopped */
	struct list_head tracees;  /* l: struct ptrace.link of the threads that it traces */
	struct ptrace ptrace;      /* l */
	struct seccomp seccomp;    /* l */
	struct user_dispatch dispatch; /* o */
	u32 altstack_sp, altstack_size, altstack_flags; /* o */
	u8 mce_kill;               /* o: PR_MCE_KILL_ of prctl(2); inherited */
	struct waitq *vfork_done;  /* l: who made it sleeps there in vfork(), or NULL */
	uptr_t set_child_tid;      /* o: where its tid goes when it first runs, 0: nowhere */
	uptr_t clear_child_tid;    /* o */
	uptr_t robust_list;        /* o */
	struct list_head pi_waiters; /* l: struct pi_waiter: who waits for a lock that it has */
	struct pi_waiter *pi_wait; /* l: it waits for one itself; NULL: it does not */
	bool owns_futex;           /* l: somebody waits for a lock that it has (kernel/proc/futex_pi.c) */
	bool exiting;              /* l: it gives no lock away any more */
	uptr_t rseq;               /* o: its area (kernel/proc/rseq.c), 0: none */
	u32 rseq_signature;        /* o */
	struct restart {           /* o: what restart_syscall(2) goes on with */
		enum { RESTART_NOTHING, RESTART_SLEEP, RESTART_FUTEX } what;
		s32 clock;         /* SLEEP: */
		u64 until_ns;      /* by that clock; FUTEX: by what `op` says */
		uptr_t addr;       /* SLEEP: where the time left goes, 0: nowhere; FUTEX: the word */
		bool time64;       /* SLEEP: in a 64-bit timespec */
		u32 op, val, bitset; /* FUTEX */
	} restart;
	u32 sched_policy, sched_priority; /* l: its own; thread.sched has what it runs with; inherited */
	s32 nice;                  /* l: the same, as a weight */
	bool sched_reset_on_fork;  /* l: but not by children */
	u16 ioprio;                /* l: kept and reported (ioprio_set(2)); inherited */
	u64 timer_slack, default_timer_slack; /* l: task_set_timer_slack(); inherited */
	struct io_count io[IO_NR]; /* o */
	u32 trapno, trap_error;    /* o: of its last exception, for sigcontext */
	vaddr_t trap_addr;         /* o: CR2 of its last page fault */
	char comm[16];
};

struct abi_utsname;
extern struct abi_utsname utsname; /* what uname(2) says; under utsname_lock */
extern struct spinlock utsname_lock;

extern struct list_head process_list; /* every process, ascending pid */

/* Whom a number names, by its low bits: processes, their threads, and the members of its group. All under
 * process_lock. */
#define PID_BUCKETS 128u
struct pid_bucket {
	struct list_head processes; /* struct process.by_pid */
	struct list_head threads;   /* struct task.by_tid: the living ones */
	struct list_head members;   /* struct process.in_group */
};
extern struct pid_bucket pid_buckets[PID_BUCKETS];

static inline struct pid_bucket *pid_bucket(u32 number)
{
	return &pid_buckets[number % PID_BUCKETS];
}

/* Each process of a group, zombies too. */
#define for_each_in_group(p, number)                                                               \
	list_for_each_entry (p, &pid_bucket(number)->members, in_group)                            \
		if ((p)->pgid != (number)) {                                                       \
		} else

extern struct spinlock process_lock;
extern u32 nr_processes;

static inline struct task *current_task(void)
{
	return this_cpu()->task;
}
/* PR_SET_TIMERSLACK: by how many nanoseconds its timers may come later than asked, to come with
 * others. Kept and reported; here they come in time. 0 sets it to what the thread began with, which
 * is 0 for 50 us. Caller holds process_lock. */
static inline void task_set_timer_slack(struct task *t, u64 ns)
{
	t->timer_slack = ns ?: t->default_timer_slack;
}
static inline u64 task_timer_slack(const struct task *t)
{
	return t->timer_slack ?: 50000;
}

/* The order in which threads come, in Linux's numbers: the lowest first, realtime ones below 100. */
static inline s32 sched_rank(u32 priority, s32 nice)
{
	return priority ? 99 - (s32)priority : 120 + nice;
}
static inline s32 task_rank(const struct task *t)
{
	return sched_rank(t->thread.sched.priority, t->nice);
}

static inline struct process *current_process(void)
{
	return this_cpu()->task->process;
}

/* Caller holds process_lock. */
struct process *process_find(u32 pid);
struct task *task_find(u32 tid);
/* The one with the lowest number from `pid` on. */
struct process *process_next(u32 pid);
/* Whether a group or a session is named by the number, which stays taken so long. */
bool pid_names_group(u32 pid);
/* From now on it is in that group and session. */
void process_set_group(struct process *p, u32 pgid, u32 sid);

/* Starts process 1 from `path` in the root file system. Stops with boot_fail() when it cannot. */
void process_start_init(const char *path);

/* The caches, before the first thread of a program. */
void process_init(void);

/*
 * When process 1 has exited: every other process has been killed and reaped, its own memory and
 * files are released, and only its kernel stack is left, on which this runs. kernel/main.c.
 */
__noreturn void process1_exited(int wait_status);

/* Frees processes that nobody waits for and that are off the CPU. Called now and then by fork,
 * exit and wait; before memory is checked, by whoever checks. */
void process_reap_dead(void);

/* CPU time of a process: its living threads and those that have exited. Caller holds process_lock. */
void process_cpu_time(const struct process *p, u64 *utime_ns, u64 *stime_ns);

/* Capabilities of the calling process (CAP_ numbers of kernel/abi/prctl.h). */
bool capable(u32 cap);

/*
 * Signals, kernel/proc/signal_send.c. `info` may be NULL (SI_KERNEL). All take process_lock themselves
 * and may be called from interrupts; the caller makes sure that the process stays.
 */
void signal_send_process(struct process *p, u32 sig, const struct abi_siginfo *info);
void signal_send_task(struct task *t, u32 sig, const struct abi_siginfo *info);
/* Every process of the group; returns how many there were. */
u32 signal_send_pgrp(u32 pgid, u32 sig);

/* True when the calling process ignores or blocks the signal (tty job control asks). */
bool signal_ignored_or_blocked(u32 sig);
/* The group has no member whose parent is in another group of the same session. */
bool pgrp_orphaned(u32 pgid);

/* kernel/proc/exit.c. Ends the calling process with a wait status. */
__noreturn void process_exit_group(int wait_status);

#endif
