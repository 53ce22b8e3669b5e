/*
 * What the files of kernel/proc share among themselves. Others use kernel/proc/task.h.
 */
#ifndef PROC_PROCESS_H
#define PROC_PROCESS_H

#include "kernel/abi/time.h"
#include "kernel/proc/task.h"
#include "kernel/x86/trap.h"

struct mm;

/* process.personality: nothing is placed at random; pages that can be read can be executed; and what
 * a set-id program does not inherit, with MMAP_PAGE_ZERO and ADDR_COMPAT_LAYOUT. */
#define ADDR_NO_RANDOMIZE    0x0040000u
#define READ_IMPLIES_EXEC    0x0400000u
#define PER_CLEAR_ON_SETID   (ADDR_NO_RANDOMIZE | READ_IMPLIES_EXEC | 0x0100000u | 0x0200000u)

#define PID_MAX      32768u
extern u32 pid_max; /* /proc/sys/kernel/pid_max: numbers are below it, and it is at most PID_MAX */
#define PID_RESERVED 300u /* where the numbering starts again after pid_max */

/* --- task.c: allocation, numbers, lookup --- */

/* A thread with a kernel stack and a process without threads, in no list; NULL when memory is out. */
struct task *task_create(void) __must_check;
struct process *process_create(void) __must_check;
/* The thread's name, cut to 15 bytes and padded; the first thread's is the process's too. */
void task_set_comm(struct task *t, const char *name);
void task_free(struct task *t);       /* it never ran, or has left the CPU for good */
void process_free(struct process *p); /* it holds nothing any more */

struct sighand *sighand_create(void) __must_check;
struct sighand *sighand_copy(struct sighand *from) __must_check;
struct sighand *sighand_get(struct sighand *s);
void sighand_put(struct sighand *s);

/* The next free number, or -EAGAIN. Caller holds process_lock. */
long pid_alloc(void);
void pid_free(u32 pid);
/* Takes 1, which is free, and numbers what follows from 2. Caller holds process_lock. */
void pid_take_first(void);

/* Hangs a process with its first thread into the family and the list, by pid. Caller holds
 * process_lock. */
void process_link(struct process *p, struct process *parent);
void process_unlink(struct process *p);
void process_add_thread(struct process *p, struct task *t);
/* It is no longer found by its number; or has another one. */
void task_forget_tid(struct task *t);
void task_change_tid(struct task *t, u32 tid);

/* Threads there may be at all, from the size of memory; and that there are. */
extern u32 max_threads;
extern u32 nr_threads; /* under process_lock */

/* The process, its threads and signals are that user's from now on. Takes over the reference. */
void process_set_user(struct process *p, struct user *u);
/* Its user has more threads than the calling process may make one have: RLIMIT_NPROC. */
bool user_over_nproc(const struct user *u);

/* Tells an address space what its owner may use now. */
void process_set_mm_limits(const struct process *p, struct mm *mm);

/* --- exit.c: whose thread's its children are. Caller holds process_lock --- */

/* All are the thread's from now on, the only one there is. */
void children_inherited(struct process *p, const struct task *heir);

/* --- fork.c --- */

/*
 * Starts a program in a process whose parent is nobody: process 1 (init), and what the self-tests
 * run. The strings must stay until the program runs. A process 1 that cannot run its program stops
 * the boot; another one exits with status 127. process_collect() waits for it.
 */
struct spawn {
	const char *path;
	const char *const *argv, *const *envp; /* NULL-terminated */
	bool init;
};
long process_spawn(const struct spawn *s, struct process **out) __must_check;

/* --- exit.c, wait.c --- */

/* Ends the calling thread; `status` is a wait status. */
__noreturn void task_exit(int status);
/* The thread's process ends, or becomes another thread's alone. Caller holds process_lock. */
static inline bool must_die(const struct task *t)
{
	const struct process *p = t->process;
	return (p->group_exit && p->dumper != t) || (p->exec_task && p->exec_task != t);
}
/* Wakes the other threads, which are to find that they must end. Caller holds process_lock. */
void process_kill_threads(struct process *p, struct task *except);
/* Lets the thread that sleeps in vfork() go on until this one no longer uses its memory. */
void vfork_release(struct task *t);
/* Tells of a zombie whom it concerns next: a tracer, then the parent. Caller holds process_lock. */
void process_notify_exit(struct process *p);
/* CLD_EXITED, CLD_KILLED or CLD_DUMPED, for a wait status. */
int exit_why(u32 status);
/* Frees threads of the process that have exited. */
void process_free_dead_threads(struct process *p);
/* Waits in the kernel, without a process, for one that has no parent. Returns its wait status. */
int process_collect(struct process *p);
/* Frees a zombie that its parent has waited for and that is in no list any more. */
void process_reap(struct process *p);

/* --- futex.c --- */

void futex_init(void);
/* The thread dies: clear_child_tid, and the locks of its robust list. */
void futex_thread_exit(struct task *t);

/* --- itimer.c --- */

void itimer_exit(struct process *p);
/* A SIGALRM that was pending for the process is being taken. Caller holds process_lock. */
void itimer_alarm_taken(struct process *p);
/* Looks at the process's CPU time with every tick from now on, if a timer or RLIMIT_CPU asks for
 * it. After either was set, and for a new process. */
void itimer_watch_cpu(struct process *p);

/* --- tls.c: set_thread_area() on any thread; -EINVAL, -ESRCH (no free entry), -EFAULT --- */
long tls_set(struct task *t, uptr_t desc, bool pick);
struct abi_user_desc;
/* A descriptor as programs give it, of 32 bits or not there at all; and whether it stands for none. */
struct segdesc user_desc_to_segment(const struct abi_user_desc *d);
bool user_desc_empty(const struct abi_user_desc *d);
/* One entry of any thread but a running one: -EINVAL when there is none, or *d is not allowed. */
long tls_entry_set(struct task *t, u32 entry, const struct abi_user_desc *d);
long tls_entry_get(const struct task *t, u32 entry, struct abi_user_desc *d);

/* What a new thread inherits of its parent's scheduling: all that is its own, unless SCHED_RESET_ON_FORK
 * is set and it is realtime. */
void sched_fork(struct task *t, const struct task *parent);

/* --- sys_sched.c: whether the caller may set an I/O priority: 0, -EINVAL where class and level do not
 * fit together (what stands above the 16 bits does not matter), -EPERM --- */
long ioprio_check(u32 prio);

/* What a wish for new namespaces (CLONE_NEW bits) is answered with, which are not there: -EPERM as far
 * as it needs a privilege that the caller lacks, else -EINVAL; 0 without such bits. */
long namespace_flags_check(u32 flags);

/* --- set_mm.c --- */

/* PR_SET_MM_* `which` of the caller's memory, at `addr`. -EINVAL, -EPERM, -EFAULT as prctl(2). */
long prctl_set_mm(u32 which, vaddr_t addr, u32 arg4, u32 arg5);

/* --- sys_time.c: reading times from user memory --- */

long get_timespec(u64 *ns, uptr_t p, bool time64); /* -EFAULT, -EINVAL */
long put_timespec(uptr_t p, u64 ns, bool time64);
/* Converts a wish relative to now into a monotonic deadline, without overflow. */
u64 deadline_after(u64 ns);
/* Whether the clock tells the time of day, and what the real-time clock says when it says `ns`. */
bool clock_is_realtime(s32 id);
u64 clock_to_realtime(s32 id, u64 ns);
/* A clock of CPU time (kernel/abi/time.h) as @who reads it: its own threads, any process. -EINVAL
 * when there is no such process, or thread of it. Caller holds process_lock. */
long cpu_clock_locked(const struct process *who, s32 id, u64 *ns);

/* Sleeps interruptibly until the deadline; 0 or -EINTR. DEADLINE_NEVER waits for a signal only. */
long sleep_until(u64 deadline);

/* Linux's saturating conversions of times. */
static inline struct abi_timeval32 ns_to_timeval32(u64 ns)
{
	return (struct abi_timeval32){
		.sec = (s32)(ns / NSEC_PER_SEC), .usec = (s32)(ns % NSEC_PER_SEC / 1000)};
}

#endif
