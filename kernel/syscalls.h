/*
 * The system calls: a prototype for each, in the order of their rooms, and the list of the names
 * that kernel/syscall.c makes its table of. What is not listed answers -ENOSYS.
 *
 * Arguments are as Linux i386 passes them: u32 and s32, uptr_t for what points to user memory, a
 * 64-bit one as two halves, low first. The result is a value or a negative errno.
 */
#ifndef KERNEL_SYSCALLS_H
#define KERNEL_SYSCALLS_H

#include "kernel/lib/types.h"

/* --- kernel/proc: processes, signals, time --- */

/* kernel/proc/fork.c */
long sys_fork(void);
long sys_vfork(void);
long sys_clone(u32 flags, u32 stack, uptr_t parent_tid, uptr_t tls, uptr_t child_tid);
long sys_clone3(uptr_t args, u32 size);

/* kernel/proc/unshare.c */
long sys_unshare(u32 flags);
long sys_setns(u32 fd, u32 type);

/* kernel/proc/exec.c */
long sys_execve(uptr_t path, uptr_t argv, uptr_t envp);
long sys_execveat(s32 dirfd, uptr_t path, uptr_t argv, uptr_t envp, u32 flags);

/* kernel/proc/exit.c */
__noreturn long sys_exit(s32 code);
__noreturn long sys_exit_group(s32 code);

/* kernel/proc/seccomp.c */
long sys_seccomp(u32 op, u32 flags, uptr_t arg);

/* kernel/proc/sys_ptrace.c */
long sys_ptrace(u32 request, u32 pid, u32 addr, uptr_t data);

/* kernel/proc/wait.c */
long sys_wait4(s32 pid, uptr_t status, u32 options, uptr_t rusage);
long sys_waitpid(s32 pid, uptr_t status, u32 options);
long sys_waitid(u32 who, s32 id, uptr_t infop, u32 options, uptr_t rusage);

/* kernel/proc/sigframe.c */
long sys_sigreturn(void);
long sys_rt_sigreturn(void);

/* kernel/proc/sys_signal.c */
long sys_kill(s32 pid, u32 sig);
long sys_tgkill(s32 tgid, s32 tid, u32 sig);
long sys_tkill(s32 tid, u32 sig);
long sys_rt_sigqueueinfo(s32 pid, u32 sig, uptr_t uinfo);
long sys_rt_tgsigqueueinfo(s32 tgid, s32 tid, u32 sig, uptr_t uinfo);
long sys_pidfd_send_signal(u32 fd, u32 sig, uptr_t uinfo, u32 flags);
long sys_rt_sigaction(u32 sig, uptr_t set, uptr_t old, u32 size);
long sys_sigaction(u32 sig, uptr_t set, uptr_t old);
long sys_signal(u32 sig, u32 handler);
long sys_rt_sigprocmask(u32 how, uptr_t set, uptr_t old, u32 size);
long sys_sigprocmask(u32 how, uptr_t set, uptr_t old);
long sys_sgetmask(void);
long sys_ssetmask(u32 mask);
long sys_rt_sigpending(uptr_t set, u32 size);
long sys_sigpending(uptr_t set);
long sys_pause(void);
long sys_rt_sigsuspend(uptr_t set, u32 size);
long sys_sigsuspend(u32 unused1, u32 unused2, u32 mask);
long sys_rt_sigtimedwait(uptr_t set, uptr_t info, uptr_t timeout, u32 size);
long sys_rt_sigtimedwait_time64(uptr_t set, uptr_t info, uptr_t timeout, u32 size);
long sys_sigaltstack(uptr_t set, uptr_t old);

/* kernel/proc/sys_proc.c */
long sys_getpid(void);
long sys_gettid(void);
long sys_getppid(void);
long sys_set_tid_address(uptr_t addr);
long sys_getpgid(s32 pid);
long sys_getpgrp(void);
long sys_getsid(s32 pid);
long sys_setpgid(s32 pid, s32 pgid);
long sys_setsid(void);
long sys_prlimit64(s32 pid, u32 which, uptr_t uset, uptr_t uold);
long sys_ugetrlimit(u32 which, uptr_t to);
long sys_getrlimit(u32 which, uptr_t to);
long sys_setrlimit(u32 which, uptr_t from);
long sys_getrusage(s32 who, uptr_t to);
long sys_times(uptr_t to);

/* kernel/proc/cred.c */
long sys_getuid32(void);
long sys_geteuid32(void);
long sys_getgid32(void);
long sys_getegid32(void);
long sys_getuid(void);
long sys_geteuid(void);
long sys_getgid(void);
long sys_getegid(void);
long sys_getresuid32(uptr_t r, uptr_t e, uptr_t s);
long sys_getresgid32(uptr_t r, uptr_t e, uptr_t s);
long sys_getresuid(uptr_t r, uptr_t e, uptr_t s);
long sys_getresgid(uptr_t r, uptr_t e, uptr_t s);
long sys_setuid32(u32 uid);
long sys_setreuid32(u32 ruid, u32 euid);
long sys_setresuid32(u32 ruid, u32 euid, u32 suid);
long sys_setfsuid32(u32 uid);
long sys_setuid(u32 uid);
long sys_setreuid(u32 ruid, u32 euid);
long sys_setresuid(u32 ruid, u32 euid, u32 suid);
long sys_setfsuid(u32 uid);
long sys_setgid32(u32 gid);
long sys_setregid32(u32 rgid, u32 egid);
long sys_setresgid32(u32 rgid, u32 egid, u32 sgid);
long sys_setfsgid32(u32 gid);
long sys_setgid(u32 gid);
long sys_setregid(u32 rgid, u32 egid);
long sys_setresgid(u32 rgid, u32 egid, u32 sgid);
long sys_setfsgid(u32 gid);
long sys_getgroups32(s32 size, uptr_t list);
long sys_getgroups(s32 size, uptr_t list);
long sys_setgroups32(s32 size, uptr_t list);
long sys_setgroups(s32 size, uptr_t list);
long sys_capget(uptr_t header, uptr_t data);
long sys_capset(uptr_t header, uptr_t data);

/* kernel/proc/sys_sched.c */
long sys_sched_setscheduler(s32 pid, s32 policy, uptr_t param);
long sys_sched_setparam(s32 pid, uptr_t param);
long sys_sched_setattr(s32 pid, uptr_t attr, u32 flags);
long sys_sched_getattr(s32 pid, uptr_t attr, u32 size, u32 flags);
long sys_sched_getscheduler(s32 pid);
long sys_sched_getparam(s32 pid, uptr_t to);
long sys_sched_get_priority_max(u32 policy);
long sys_sched_get_priority_min(u32 policy);
long sys_sched_rr_get_interval(s32 pid, uptr_t to);
long sys_sched_rr_get_interval_time64(s32 pid, uptr_t to);
long sys_sched_yield(void);
long sys_membarrier(u32 cmd, u32 flags, u32 cpu);
long sys_sched_getaffinity(s32 pid, u32 len, uptr_t to);
long sys_sched_setaffinity(s32 pid, u32 len, uptr_t from);
long sys_getcpu(uptr_t cpu, uptr_t node, uptr_t unused);
long sys_getpriority(u32 which, u32 who);
long sys_setpriority(u32 which, u32 who, s32 nice);
long sys_nice(s32 increment);
long sys_ioprio_set(u32 which, u32 who, u32 prio);
long sys_ioprio_get(u32 which, u32 who);

/* kernel/proc/sys_time.c */
long sys_adjtimex(uptr_t timex);
long sys_clock_adjtime(s32 id, uptr_t timex);
long sys_clock_adjtime64(s32 id, uptr_t timex);
long sys_clock_gettime(s32 id, uptr_t to);
long sys_clock_gettime64(s32 id, uptr_t to);
long sys_clock_getres(s32 id, uptr_t to);
long sys_clock_getres_time64(s32 id, uptr_t to);
long sys_gettimeofday(uptr_t tv, uptr_t tz);
long sys_time(uptr_t to);
long sys_clock_settime(s32 id, uptr_t from);
long sys_clock_settime64(s32 id, uptr_t from);
long sys_settimeofday(uptr_t tv, uptr_t tz);
long sys_stime(uptr_t from);
long sys_nanosleep(uptr_t req, uptr_t rem);
long sys_clock_nanosleep(s32 id, u32 flags, uptr_t req, uptr_t rem);
long sys_clock_nanosleep_time64(s32 id, u32 flags, uptr_t req, uptr_t rem);
long sys_restart_syscall(void);

/* kernel/proc/pidfd.c */
long sys_pidfd_open(s32 pid, u32 flags);
long sys_pidfd_getfd(u32 fd, u32 target, u32 flags);
long sys_process_mrelease(u32 fd, u32 flags);

/* kernel/proc/posix_timer.c */
long sys_timer_create(s32 clock, uptr_t uevent, uptr_t uid);
long sys_timer_delete(u32 id);
long sys_timer_getoverrun(u32 id);
long sys_timer_settime(u32 id, u32 flags, uptr_t set, uptr_t old);
long sys_timer_settime64(u32 id, u32 flags, uptr_t set, uptr_t old);
long sys_timer_gettime(u32 id, uptr_t to);
long sys_timer_gettime64(u32 id, uptr_t to);

/* kernel/proc/itimer.c */
long sys_setitimer(u32 which, uptr_t uset, uptr_t uold);
long sys_getitimer(u32 which, uptr_t to);
long sys_alarm(u32 seconds);

/* kernel/proc/signalfd.c */
long sys_signalfd(s32 fd, uptr_t mask, u32 size);
long sys_signalfd4(s32 fd, uptr_t mask, u32 size, u32 flags);

/* kernel/proc/timerfd.c */
long sys_timerfd_create(s32 clock, u32 flags);
long sys_timerfd_settime(u32 fd, u32 flags, uptr_t set, uptr_t old);
long sys_timerfd_settime64(u32 fd, u32 flags, uptr_t set, uptr_t old);
long sys_timerfd_gettime(u32 fd, uptr_t to);
long sys_timerfd_gettime64(u32 fd, uptr_t to);

/* kernel/proc/futex.c */
long sys_futex(uptr_t addr, u32 op, u32 val, uptr_t timeout, uptr_t addr2, u32 val3);
long sys_futex_time64(uptr_t addr, u32 op, u32 val, uptr_t timeout, uptr_t addr2, u32 val3);
long sys_futex_waitv(uptr_t words, u32 n, u32 flags, uptr_t timeout, u32 clock);
long sys_set_robust_list(uptr_t head, u32 len);
long sys_get_robust_list(s32 tid, uptr_t head, uptr_t len);

/* kernel/ipc/sys_sem.c */
long sys_semget(s32 key, s32 nsems, u32 flags);
long sys_semtimedop_time64(s32 id, uptr_t ops, u32 n, uptr_t time);
long sys_semctl(s32 id, u32 num, u32 cmd, u32 arg);

/* kernel/ipc/sys_msg.c */
long sys_msgget(s32 key, u32 flags);
long sys_msgsnd(s32 id, uptr_t buf, u32 size, u32 flags);
long sys_msgrcv(s32 id, uptr_t buf, u32 size, s32 type, u32 flags);
long sys_msgctl(s32 id, u32 cmd, uptr_t buf);

/* kernel/ipc/sys_shm.c */
long sys_shmget(s32 key, u32 size, u32 flags);
long sys_shmat(s32 id, u32 addr, u32 flags);
long sys_shmdt(u32 addr);
long sys_shmctl(s32 id, u32 cmd, uptr_t buf);

/* kernel/ipc/sys_ipc.c */
long sys_ipc(u32 call, s32 first, u32 second, u32 third, uptr_t ptr, u32 fifth);

/* kernel/ipc/mqueue.c */
long sys_mq_open(uptr_t name, u32 flags, u32 mode, uptr_t attr);
long sys_mq_unlink(uptr_t name);
long sys_mq_timedsend(u32 fd, uptr_t text, u32 size, u32 prio, uptr_t timeout);
long sys_mq_timedsend_time64(u32 fd, uptr_t text, u32 size, u32 prio, uptr_t timeout);
long sys_mq_timedreceive(u32 fd, uptr_t text, u32 size, uptr_t prio, uptr_t timeout);
long sys_mq_timedreceive_time64(u32 fd, uptr_t text, u32 size, uptr_t prio, uptr_t timeout);
long sys_mq_notify(u32 fd, uptr_t event);
long sys_mq_getsetattr(u32 fd, uptr_t new, uptr_t old);

/* kernel/proc/rseq.c */
long sys_rseq(uptr_t area, u32 len, u32 flags, u32 signature);

/* kernel/proc/process_vm.c */
long sys_process_vm_readv(
	u32 tid, uptr_t lvec, u32 nr_local, uptr_t rvec, u32 nr_remote, u32 flags);
long sys_process_vm_writev(
	u32 tid, uptr_t lvec, u32 nr_local, uptr_t rvec, u32 nr_remote, u32 flags);
long sys_process_madvise(u32 pidfd, uptr_t vec, u32 n, u32 advice, u32 flags);

/* kernel/proc/tls.c */
long sys_set_thread_area(uptr_t desc);
long sys_get_thread_area(uptr_t udesc);

/* kernel/proc/kcmp.c */
long sys_kcmp(u32 tid1, u32 tid2, u32 type, u32 fd1, u32 fd2);

/* kernel/proc/ldt.c */
long sys_modify_ldt(s32 func, uptr_t at, u32 size);

/* kernel/proc/sys_misc.c */
long sys_uname(uptr_t to);
long sys_sethostname(uptr_t from, s32 len);
long sys_setdomainname(uptr_t from, s32 len);
long sys_sysinfo(uptr_t to);
long sys_getrandom(uptr_t to, u32 n, u32 flags);
long sys_syslog(s32 type, uptr_t buf, s32 len);
long sys_reboot(u32 magic1, u32 magic2, u32 cmd, uptr_t arg);
long sys_personality(u32 personality);
long sys_prctl(u32 option, u32 arg2, u32 arg3, u32 arg4, u32 arg5);

/* --- mm: memory --- */

/* mm/madvise.c */
long sys_madvise(u32 start, u32 len, u32 advice);

/* mm/mincore.c */
long sys_mincore(u32 start, u32 len, uptr_t vec);

/* mm/mlock.c */
long sys_mlock(u32 addr, u32 len);
long sys_mlock2(u32 addr, u32 len, u32 flags);
long sys_munlock(u32 addr, u32 len);
long sys_mlockall(u32 flags);
long sys_munlockall(void);

/* mm/mremap.c */
long sys_mremap(u32 addr, u32 old_len, u32 new_len, u32 flags, u32 new_addr);

/* mm/msync.c */
long sys_msync(u32 start, u32 len, u32 flags);

/* mm/sys_mm.c */
long sys_brk(u32 brk);
long sys_mmap2(u32 addr, u32 len, u32 prot, u32 flags, u32 fd, u32 pgoff);
long sys_mmap(uptr_t args);
long sys_munmap(u32 addr, u32 len);
long sys_mprotect(u32 addr, u32 len, u32 prot);

/* mm/remap_file.c */
long sys_remap_file_pages(u32 start, u32 size, u32 prot, u32 pgoff, u32 flags);

/* mm/memfd.c */
long sys_memfd_create(uptr_t uname, u32 flags);

/* --- kernel/fs: files --- */

/* kernel/fs/sys_attr.c */
long sys_fchmodat(s32 dirfd, uptr_t path, u32 mode);
long sys_chmod(uptr_t path, u32 mode);
long sys_fchmod(u32 fd, u32 mode);
long sys_fchownat(s32 dirfd, uptr_t path, u32 uid, u32 gid, u32 flags);
long sys_chown32(uptr_t path, u32 uid, u32 gid);
long sys_lchown32(uptr_t path, u32 uid, u32 gid);
long sys_fchown32(u32 fd, u32 uid, u32 gid);
long sys_chown(uptr_t path, u32 uid, u32 gid);
long sys_lchown(uptr_t path, u32 uid, u32 gid);
long sys_fchown(u32 fd, u32 uid, u32 gid);
long sys_utimensat(s32 dirfd, uptr_t path, uptr_t times, u32 flags);
long sys_utimensat_time64(s32 dirfd, uptr_t path, uptr_t times, u32 flags);
long sys_futimesat(s32 dirfd, uptr_t path, uptr_t times);
long sys_utimes(uptr_t path, uptr_t times);
long sys_utime(uptr_t path, uptr_t times);
long sys_truncate(uptr_t path, s32 size);
long sys_truncate64(uptr_t path, u32 size_lo, u32 size_hi);
long sys_ftruncate(u32 fd, s32 size);
long sys_ftruncate64(u32 fd, u32 size_lo, u32 size_hi);
long sys_fallocate(u32 fd, u32 mode, u32 off_lo, u32 off_hi, u32 len_lo, u32 len_hi);
long sys_umask(u32 mask);
long sys_setxattr(uptr_t path, uptr_t name, uptr_t value, u32 size, u32 flags);
long sys_lsetxattr(uptr_t path, uptr_t name, uptr_t value, u32 size, u32 flags);
long sys_fsetxattr(u32 fd, uptr_t name, uptr_t value, u32 size, u32 flags);
long sys_getxattr(uptr_t path, uptr_t name, uptr_t value, u32 size);
long sys_lgetxattr(uptr_t path, uptr_t name, uptr_t value, u32 size);
long sys_fgetxattr(u32 fd, uptr_t name, uptr_t value, u32 size);
long sys_listxattr(uptr_t path, uptr_t list, u32 size);
long sys_llistxattr(uptr_t path, uptr_t list, u32 size);
long sys_flistxattr(u32 fd, uptr_t list, u32 size);
long sys_removexattr(uptr_t path, uptr_t name);
long sys_lremovexattr(uptr_t path, uptr_t name);
long sys_fremovexattr(u32 fd, uptr_t name);

/* kernel/fs/sys_dir.c */
long sys_mkdirat(s32 dirfd, uptr_t path, u32 mode);
long sys_mkdir(uptr_t path, u32 mode);
long sys_mknodat(s32 dirfd, uptr_t path, u32 mode, u32 dev);
long sys_mknod(uptr_t path, u32 mode, u32 dev);
long sys_symlinkat(uptr_t target, s32 dirfd, uptr_t path);
long sys_symlink(uptr_t target, uptr_t path);
long sys_linkat(s32 olddirfd, uptr_t oldpath, s32 newdirfd, uptr_t newpath, u32 flags);
long sys_link(uptr_t oldpath, uptr_t newpath);
long sys_unlinkat(s32 dirfd, uptr_t path, u32 flags);
long sys_unlink(uptr_t path);
long sys_rmdir(uptr_t path);
long sys_renameat2(s32 olddirfd, uptr_t oldpath, s32 newdirfd, uptr_t newpath, u32 flags);
long sys_renameat(s32 olddirfd, uptr_t oldpath, s32 newdirfd, uptr_t newpath);
long sys_rename(uptr_t oldpath, uptr_t newpath);
long sys_readlinkat(s32 dirfd, uptr_t path, uptr_t buf, u32 size);
long sys_readlink(uptr_t path, uptr_t buf, u32 size);
long sys_getdents(u32 fd, uptr_t buf, u32 size);
long sys_getdents64(u32 fd, uptr_t buf, u32 size);
long sys_getcwd(uptr_t user, u32 size);
long sys_chdir(uptr_t path);
long sys_fchdir(u32 fd);
long sys_chroot(uptr_t path);

/* kernel/fs/epoll.c */
long sys_epoll_create(s32 size);
long sys_epoll_create1(u32 flags);
long sys_epoll_ctl(u32 epfd, u32 op, u32 fd, uptr_t event);
long sys_epoll_wait(u32 epfd, uptr_t events, s32 max, s32 ms);
long sys_epoll_pwait(u32 epfd, uptr_t events, s32 max, s32 ms, uptr_t mask, u32 size);
long sys_epoll_pwait2(u32 epfd, uptr_t events, s32 max, uptr_t time, uptr_t mask, u32 size);

/* kernel/fs/aio.c */
long sys_io_setup(u32 events, uptr_t uid);
long sys_io_destroy(u32 id);
long sys_io_submit(u32 id, s32 n, uptr_t iocbs);
long sys_io_cancel(u32 id, uptr_t iocb, uptr_t result);
long sys_io_getevents(u32 id, s32 min, s32 max, uptr_t events, uptr_t time);
long sys_io_pgetevents(u32 id, s32 min, s32 max, uptr_t events, uptr_t time, uptr_t usig);
long sys_io_pgetevents_time64(
	u32 id, s32 min, s32 max, uptr_t events, uptr_t time, uptr_t usig);

/* kernel/fs/userfaultfd.c */
long sys_userfaultfd(u32 flags);

/* kernel/fs/inotify.c */
long sys_inotify_init(void);
long sys_inotify_init1(u32 flags);
long sys_inotify_add_watch(u32 fd, uptr_t path, u32 mask);
long sys_inotify_rm_watch(u32 fd, s32 wd);

/* kernel/fs/eventfd.c */
long sys_eventfd(u32 count);
long sys_eventfd2(u32 count, u32 flags);

/* kernel/fs/sys_fd.c */
long sys_dup(u32 fd);
long sys_dup2(u32 from, u32 to);
long sys_dup3(u32 from, u32 to, u32 flags);
long sys_flock(u32 fd, u32 op);
long sys_fcntl64(u32 fd, u32 cmd, u32 arg);
long sys_fcntl(u32 fd, u32 cmd, u32 arg);
long sys_ioctl(u32 fd, u32 cmd, u32 arg);

/* kernel/fs/sys_mount.c */
long sys_mount(uptr_t source, uptr_t target, uptr_t type, u32 flags, uptr_t data);
long sys_umount2(uptr_t target, u32 flags);
long sys_umount(uptr_t target);
long sys_sync(void);
long sys_syncfs(u32 fd);
long sys_fsync(u32 fd);
long sys_fdatasync(u32 fd);
long sys_sync_file_range(u32 fd, u32 off_lo, u32 off_hi, u32 len_lo, u32 len_hi, u32 flags);
long sys_fadvise64_64(u32 fd, u32 off_lo, u32 off_hi, u32 len_lo, u32 len_hi, u32 advice);
long sys_fadvise64(u32 fd, u32 off_lo, u32 off_hi, u32 len, u32 advice);
long sys_readahead(u32 fd, u32 off_lo, u32 off_hi, u32 count);
long sys_swapon(uptr_t path, u32 flags);
long sys_swapoff(uptr_t path);

/* kernel/fs/sys_open.c */
long sys_openat(s32 dirfd, uptr_t path, u32 flags, u32 mode);
long sys_openat2(s32 dirfd, uptr_t path, uptr_t how, u32 size);
long sys_open(uptr_t path, u32 flags, u32 mode);
long sys_creat(uptr_t path, u32 mode);
long sys_close(u32 fd);
long sys_close_range(u32 first, u32 last, u32 flags);
long sys_pipe2(uptr_t fds, u32 flags);
long sys_pipe(uptr_t fds);

/* kernel/fs/sys_poll.c */
long sys_poll(uptr_t fds, u32 n, s32 ms);
long sys_ppoll(uptr_t fds, u32 n, uptr_t time, uptr_t mask, u32 size);
long sys_ppoll_time64(uptr_t fds, u32 n, uptr_t time, uptr_t mask, u32 size);
long sys__newselect(u32 n, uptr_t in, uptr_t out, uptr_t ex, uptr_t time);
long sys_select(uptr_t args);
long sys_pselect6(u32 n, uptr_t in, uptr_t out, uptr_t ex, uptr_t time, uptr_t mask);
long sys_pselect6_time64(u32 n, uptr_t in, uptr_t out, uptr_t ex, uptr_t time, uptr_t mask);

/* kernel/fs/sys_rw.c */
long sys_read(u32 fd, uptr_t buf, u32 n);
long sys_write(u32 fd, uptr_t buf, u32 n);
long sys_pread64(u32 fd, uptr_t buf, u32 n, u32 pos_lo, u32 pos_hi);
long sys_pwrite64(u32 fd, uptr_t buf, u32 n, u32 pos_lo, u32 pos_hi);
long sys_readv(u32 fd, uptr_t iov, u32 n);
long sys_writev(u32 fd, uptr_t iov, u32 n);
long sys_preadv(u32 fd, uptr_t iov, u32 n, u32 pos_lo, u32 pos_hi);
long sys_pwritev(u32 fd, uptr_t iov, u32 n, u32 pos_lo, u32 pos_hi);
long sys_preadv2(u32 fd, uptr_t iov, u32 n, u32 pos_lo, u32 pos_hi, u32 flags);
long sys_pwritev2(u32 fd, uptr_t iov, u32 n, u32 pos_lo, u32 pos_hi, u32 flags);
long sys_lseek(u32 fd, s32 off, u32 whence);
long sys__llseek(u32 fd, u32 off_hi, u32 off_lo, uptr_t result, u32 whence);
long sys_sendfile(u32 out_fd, u32 in_fd, uptr_t offset, u32 n);
long sys_sendfile64(u32 out_fd, u32 in_fd, uptr_t offset, u32 n);
long sys_copy_file_range(u32 in_fd, uptr_t in_pos, u32 out_fd, uptr_t out_pos, u32 n, u32 flags);
long sys_vmsplice(u32 fd, uptr_t iov, u32 n, u32 flags);

/* kernel/fs/splice.c */
long sys_splice(u32 in_fd, uptr_t in_pos, u32 out_fd, uptr_t out_pos, u32 n, u32 flags);
long sys_tee(u32 in_fd, u32 out_fd, u32 n, u32 flags);

/* kernel/fs/sys_stat.c */
long sys_stat(uptr_t path, uptr_t user);
long sys_lstat(uptr_t path, uptr_t user);
long sys_fstat(u32 fd, uptr_t user);
long sys_oldstat(uptr_t path, uptr_t user);
long sys_oldlstat(uptr_t path, uptr_t user);
long sys_oldfstat(u32 fd, uptr_t user);
long sys_stat64(uptr_t path, uptr_t user);
long sys_lstat64(uptr_t path, uptr_t user);
long sys_fstat64(u32 fd, uptr_t user);
long sys_fstatat64(s32 dirfd, uptr_t path, uptr_t user, u32 flags);
long sys_statx(s32 dirfd, uptr_t path, u32 flags, u32 mask, uptr_t user);
long sys_faccessat2(s32 dirfd, uptr_t path, u32 mode, u32 flags);
long sys_faccessat(s32 dirfd, uptr_t path, u32 mode);
long sys_access(uptr_t path, u32 mode);
long sys_statfs(uptr_t path, uptr_t user);
long sys_fstatfs(u32 fd, uptr_t user);
long sys_statfs64(uptr_t path, u32 size, uptr_t user);
long sys_fstatfs64(u32 fd, u32 size, uptr_t user);

/* --- kernel/net: sockets --- */

/* kernel/net/sys_socket.c */
long sys_socket(u32 family, u32 type, u32 protocol);
long sys_socketpair(u32 family, u32 type, u32 protocol, uptr_t fds);
long sys_bind(u32 fd, uptr_t addr, s32 len);
long sys_connect(u32 fd, uptr_t addr, s32 len);
long sys_listen(u32 fd, s32 backlog);
long sys_accept4(u32 fd, uptr_t addr, uptr_t len, u32 flags);
long sys_getsockname(u32 fd, uptr_t addr, uptr_t len);
long sys_getpeername(u32 fd, uptr_t addr, uptr_t len);
long sys_sendto(u32 fd, uptr_t buf, u32 n, u32 flags, uptr_t addr, s32 len);
long sys_recvfrom(u32 fd, uptr_t buf, u32 n, u32 flags, uptr_t addr, uptr_t len);
long sys_sendmsg(u32 fd, uptr_t msg, u32 flags);
long sys_recvmsg(u32 fd, uptr_t msg, u32 flags);
long sys_sendmmsg(u32 fd, uptr_t msgs, u32 n, u32 flags);
long sys_recvmmsg(u32 fd, uptr_t msgs, u32 n, u32 flags, uptr_t time);
long sys_recvmmsg_time64(u32 fd, uptr_t msgs, u32 n, u32 flags, uptr_t time);
long sys_shutdown(u32 fd, u32 how);
long sys_setsockopt(u32 fd, s32 level, u32 option, uptr_t value, s32 len);
long sys_getsockopt(u32 fd, s32 level, u32 option, uptr_t value, uptr_t len);
long sys_socketcall(u32 call, uptr_t args);

/* --- The names, by room and number --- */

#define SYSCALLS_PROC(X) \
	X(restart_syscall) X(exit) X(fork) X(waitpid) X(execve) X(time) X(getpid) X(setuid) \
	X(getuid) X(stime) X(alarm) X(pause) X(nice) X(kill) X(times) X(setgid) X(getgid) \
	X(signal) X(geteuid) X(getegid) X(setpgid) X(getppid) X(getpgrp) X(setsid) \
	X(sigaction) X(sgetmask) X(ssetmask) X(setreuid) X(setregid) X(sigsuspend) \
	X(sigpending) X(sethostname) X(setrlimit) X(getrlimit) X(getrusage) X(gettimeofday) \
	X(settimeofday) X(getgroups) X(setgroups) X(reboot) X(getpriority) X(setpriority) \
	X(syslog) X(setitimer) X(getitimer) X(wait4) X(ptrace) X(sysinfo) X(sigreturn) X(clone) \
	X(setdomainname) X(uname) X(sigprocmask) X(getpgid) X(personality) X(setfsuid) \
	X(setfsgid) X(getsid) X(sched_setparam) X(sched_getparam) X(sched_setscheduler) \
	X(sched_getscheduler) X(sched_yield) X(sched_get_priority_max) \
	X(sched_get_priority_min) X(sched_rr_get_interval) X(nanosleep) X(setresuid) \
	X(getresuid) X(setresgid) X(getresgid) X(prctl) X(rt_sigreturn) X(rt_sigaction) \
	X(rt_sigprocmask) X(rt_sigpending) X(rt_sigtimedwait) X(rt_sigqueueinfo) \
	X(rt_sigsuspend) X(capget) X(capset) X(sigaltstack) X(vfork) X(ugetrlimit) \
	X(getuid32) X(getgid32) X(geteuid32) X(getegid32) X(setreuid32) X(setregid32) \
	X(getgroups32) X(setgroups32) X(setresuid32) X(getresuid32) X(setresgid32) \
	X(getresgid32) X(setuid32) X(setgid32) X(setfsuid32) X(setfsgid32) X(gettid) \
	X(tkill) X(futex) X(sched_setaffinity) X(sched_getaffinity) X(set_thread_area) \
	X(get_thread_area) X(exit_group) X(set_tid_address) X(timer_create) \
	X(timer_settime) X(timer_gettime) X(timer_getoverrun) X(timer_delete) X(clock_settime) \
	X(clock_gettime) X(clock_getres) X(clock_nanosleep) X(tgkill) X(waitid) \
	X(set_robust_list) X(get_robust_list) X(getcpu) X(rt_tgsigqueueinfo) X(prlimit64) \
	X(getrandom) X(execveat) X(clock_gettime64) X(clock_settime64) \
	X(clock_getres_time64) X(clock_nanosleep_time64) X(rt_sigtimedwait_time64) \
	X(futex_time64) X(sched_rr_get_interval_time64) X(process_vm_readv) \
	X(process_vm_writev) X(timer_gettime64) X(timer_settime64) X(clone3) \
	X(pidfd_open) X(pidfd_send_signal) X(process_madvise) X(process_mrelease) X(membarrier) \
	X(rseq) X(msgget) X(msgsnd) X(msgrcv) X(msgctl) \
	X(semget) X(semctl) X(semtimedop_time64) X(ioprio_set) X(ioprio_get) X(adjtimex) \
	X(clock_adjtime) X(clock_adjtime64) X(sched_setattr) X(sched_getattr) \
	X(mq_open) X(mq_unlink) X(mq_timedsend) X(mq_timedreceive) X(mq_notify) \
	X(mq_getsetattr) X(mq_timedsend_time64) X(mq_timedreceive_time64) X(unshare) X(setns) \
	X(pidfd_getfd) X(seccomp) X(modify_ldt) X(kcmp) X(futex_waitv)

#define SYSCALLS_MM(X) \
	X(brk) X(mmap) X(munmap) X(mprotect) X(msync) X(mlock) X(munlock) X(mlockall) \
	X(munlockall) X(mremap) X(mmap2) X(mincore) X(madvise) X(mlock2) X(remap_file_pages) \
	X(memfd_create) X(shmget) X(shmctl) X(shmat) X(shmdt) X(ipc)

#define SYSCALLS_FS(X) \
	X(read) X(write) X(open) X(close) X(creat) X(link) X(unlink) X(chdir) X(mknod) \
	X(chmod) X(lchown) X(lseek) X(mount) X(umount) X(utime) X(access) X(sync) X(rename) \
	X(mkdir) X(rmdir) X(dup) X(pipe) X(umount2) X(ioctl) X(fcntl) X(umask) X(chroot) \
	X(dup2) X(select) X(symlink) X(readlink) X(truncate) X(ftruncate) X(fchmod) \
	X(fchown) X(statfs) X(fstatfs) X(stat) X(lstat) X(fstat) X(oldstat) X(oldlstat) \
	X(oldfstat) X(fsync) X(fchdir) \
	X(_llseek) X(getdents) X(_newselect) X(flock) X(readv) X(writev) X(fdatasync) \
	X(poll) X(pread64) X(pwrite64) X(chown) X(getcwd) X(sendfile) X(truncate64) \
	X(ftruncate64) X(stat64) X(lstat64) X(fstat64) X(lchown32) X(fchown32) X(chown32) \
	X(getdents64) X(fcntl64) X(readahead) X(swapon) X(swapoff) X(setxattr) X(lsetxattr) X(fsetxattr) \
	X(getxattr) X(lgetxattr) X(fgetxattr) X(listxattr) X(llistxattr) X(flistxattr) \
	X(removexattr) X(lremovexattr) X(fremovexattr) X(sendfile64) X(fadvise64) \
	X(statfs64) X(fstatfs64) X(utimes) X(fadvise64_64) X(openat) X(openat2) X(mkdirat) X(mknodat) \
	X(fchownat) X(futimesat) X(fstatat64) X(unlinkat) X(renameat) X(linkat) X(symlinkat) \
	X(readlinkat) X(fchmodat) X(faccessat) X(pselect6) X(ppoll) X(splice) \
	X(sync_file_range) X(tee) X(vmsplice) X(utimensat) X(fallocate) X(dup3) X(pipe2) X(preadv) \
	X(pwritev) X(syncfs) X(renameat2) X(copy_file_range) X(preadv2) X(pwritev2) X(statx) \
	X(utimensat_time64) X(pselect6_time64) X(ppoll_time64) X(close_range) X(faccessat2) \
	X(epoll_create) X(epoll_create1) X(epoll_ctl) X(epoll_wait) X(epoll_pwait) \
	X(epoll_pwait2) X(eventfd) X(eventfd2) X(signalfd) X(signalfd4) X(timerfd_create) \
	X(timerfd_settime) X(timerfd_settime64) X(timerfd_gettime) X(timerfd_gettime64) \
	X(userfaultfd) X(inotify_init) X(inotify_init1) X(inotify_add_watch) X(inotify_rm_watch) \
	X(io_setup) X(io_destroy) X(io_getevents) X(io_submit) X(io_cancel) X(io_pgetevents) \
	X(io_pgetevents_time64)

#define SYSCALLS_NET(X) \
	X(socketcall) X(recvmmsg) X(sendmmsg) X(socket) X(socketpair) X(bind) X(connect) \
	X(listen) X(accept4) X(getsockopt) X(setsockopt) X(getsockname) X(getpeername) \
	X(sendto) X(sendmsg) X(recvfrom) X(recvmsg) X(shutdown) X(recvmmsg_time64)

#define SYSCALLS(X) SYSCALLS_PROC(X) SYSCALLS_MM(X) SYSCALLS_FS(X) SYSCALLS_NET(X)

/* Those of them that lack something that Linux has, and what: `make abi` prints it. Who adds it
 * takes the note out. */
#define SYSCALLS_PARTIAL(P) \
	P(clone, "namespaces: EINVAL") \
	P(setns, "namespaces: EINVAL") \
	P(unshare, "namespaces: EINVAL") \
	P(adjtimex, "no leap seconds, no signal of a second (PPS)") \
	P(clock_adjtime, "see adjtimex") \
	P(clock_adjtime64, "see adjtimex") \
	P(clone3, "namespaces, a chosen pid: EINVAL; there are no cgroups") \
	P(copy_file_range, "regular files only") \
	P(fcntl, "F_SETLEASE, F_NOTIFY: EINVAL") \
	P(fcntl64, "F_SETLEASE, F_NOTIFY: EINVAL") \
	P(fallocate, "COLLAPSE_RANGE, INSERT_RANGE, UNSHARE_RANGE: EOPNOTSUPP") \
	P(io_submit, "IOCB_CMD_POLL: EINVAL; a read of an empty pipe waits in it") \
	P(kcmp, "KCMP_EPOLL_TFD: EINVAL") \
	P(madvise, "MERGEABLE, HUGEPAGE only noted; HWPOISON: no huge pages") \
	P(modify_ldt, "segments of 16 bits: EINVAL") \
	P(mount, "MS_SHARED: nothing is propagated; MS_REMOUNT: options of the file system are ignored") \
	P(pipe2, "O_DIRECT (packets): EINVAL") \
	P(prctl, "names, dumpable, capabilities, subreaper, PR_SET_MM and the like; others EINVAL") \
	P(sched_setattr, "SCHED_DEADLINE: EBUSY") \
	P(seccomp, "SECCOMP_FILTER_FLAG_NEW_LISTENER: EINVAL; nobody can be notified") \
	P(sendfile, "from regular files only") \
	P(sendfile64, "from regular files only") \
	P(socket, "AF_UNIX, AF_INET over loopback, NETLINK_ROUTE: others EAFNOSUPPORT; no raw packets") \
	P(socketcall, "families and types: see socket; no MSG_OOB") \
	P(umount2, "MNT_EXPIRE: EINVAL") \
	P(setxattr, "no attributes: EOPNOTSUPP") \
	P(lsetxattr, "no attributes: EOPNOTSUPP") \
	P(fsetxattr, "no attributes: EOPNOTSUPP")

#endif
