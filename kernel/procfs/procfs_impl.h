/*
 * The inside of procfs, for its own files and their tests.
 *
 * A directory is a table of rows, and a row says all there is to know of a file: its name, its mode
 * and the function that makes its text. Besides its rows a directory may have names that come and go,
 * and stand for numbers: processes, threads, descriptors, mapped addresses.
 *
 *   /proc          procfs.c    what its files say: system.c, meminfo.c, kpage.c
 *   /proc/sys      sysctl.c
 *   /proc/PID      pid.c       and: status.c, maps.c, map_files.c, pid_mem.c, fd.c, oom_score.c,
 *                              net.c
 *
 * Nothing here holds on to a process. A node knows its number and its start, and looks for it anew
 * at each use under process_lock; what it needs is copied there, or referenced (an address space, a
 * descriptor table). Then the text is made with no lock but the address space's.
 */
#ifndef PROCFS_PROCFS_IMPL_H
#define PROCFS_PROCFS_IMPL_H

#include "kernel/fs/text.h"
#include "kernel/fs/vfs.h"
#include "kernel/proc/task.h"

struct mm;
struct proc_dir;
struct proc_node;

struct proc_entry {
	const char *name; /* NULL: numbered */
	u32 mode;         /* S_IF type and permission bits */
	bool guarded;     /* only for who may look into the process: proc_may_access() */
	bool read_only;   /* nobody may open it for writing, whatever he may override */

	/* Regular file: makes the text; takes what was written at `pos` (terminated, n bytes) and
	 * returns the bytes used. Both return a negative errno. */
	int (*show)(struct text *t, const struct proc_node *n);
	int (*show_part)(struct text *t, const struct proc_node *n, u32 *cursor); /* or so: text.h */
	long (*store)(const struct proc_node *n, char *s, size_t len, u64 pos);
	const struct file_ops *ops; /* of a file that is no text */
	const struct proc_dir *dir; /* directory */
	/* The open file that a numbered node which is no directory stands for, referenced; or NULL. */
	struct file *(*file)(const struct proc_node *n);
	/* Symlink: its text, or for a magic one the place it leads to (referenced). */
	int (*readlink)(const struct proc_node *n, char *buf, size_t size);
	int (*target)(const struct proc_node *n, struct path *out);
	const struct inode_ops *inode_ops; /* NULL: as the type of file wants */
	const void *data;                  /* sysctl.c: struct sysctl */
};

struct proc_dir {
	const struct proc_entry *rows;
	u32 nr_rows;
	/* Numbered names; `numbered` NULL: there are none. */
	const struct proc_entry *numbered;
	/* The number that a name could stand for: proc_parse_name() if NULL; and the name of a node,
	 * which is its number in decimal if NULL. */
	bool (*parse)(const char *name, u32 len, u32 *number);
	void (*print)(const struct proc_node *n, char *name, size_t size);
	/* Moves *number to the lowest name >= it; false past the last. */
	bool (*next)(const struct proc_node *dir, u32 *number);
	/* Whether there is this name; *child, a copy of dir's node, becomes its node. */
	bool (*find)(const struct proc_node *dir, u32 number, struct proc_node *child);
	/* How many numbered names there are, when they are directories: for the link count. */
	u32 (*count)(const struct proc_node *dir);
};

/* What an inode of procfs stands for (inode->private). */
struct proc_node {
	const struct proc_entry *entry;
	u32 id;       /* process, or thread; 0: neither */
	bool thread;  /* under /proc/PID/task: of the thread alone */
	u64 start_ns; /* the process's, which tells it from a later one of the same number */
	u32 fd;       /* under fd and fdinfo; under map_files the number of the first page */
	vaddr_t end;  /* under map_files */
};

static inline const struct proc_node *inode_node(const struct inode *inode)
{
	return inode->private;
}
static inline const struct proc_node *file_node(const struct file *f)
{
	return inode_node(f->dentry->inode);
}

/* Of an open file that is no text, what held when it was opened: whether by CAP_SYS_ADMIN, and
 * which of its programs the process was (process->execs). */
static inline void *proc_opened(bool by_admin, u32 program)
{
	return (void *)(uintptr_t)(program << 1 | by_admin);
}
static inline bool proc_opened_by_admin(const struct file *f)
{
	return (uintptr_t)f->private & 1;
}
static inline u32 proc_opened_program(const struct file *f)
{
	return (uintptr_t)f->private >> 1;
}

/* --- procfs.c --- */

extern const struct inode_ops proc_dir_ops, proc_file_inode_ops;
extern const struct inode_ops proc_fd_link_ops, proc_map_link_ops;

/* The pieces of inode operations, for rows that bring their own. */
int proc_lookup(struct dentry *dir, const char *name, u32 len, struct inode **out);
bool proc_valid(struct dentry *d);
int proc_open(struct inode *inode, struct file *f);
void proc_refresh(struct inode *inode);
void proc_evict(struct inode *inode);

/* What a readlink returns: the text cut at `size`, and its length. */
int proc_link_text(char *buf, size_t size, const char *text);

/* A decimal number without a sign or leading zeroes, as a name. */
bool proc_parse_name(const char *name, u32 len, u32 *number);

/* --- pid.c --- */

/* Seen from the debugger's side of ptrace. */
#define CAP_SYS_PTRACE 19

extern const struct proc_entry proc_pid_entry; /* the row of every number in /proc */

bool proc_pid_next(const struct proc_node *dir, u32 *number);
bool proc_pid_find(const struct proc_node *dir, u32 number, struct proc_node *child);
u32 proc_pid_count(const struct proc_node *dir);
int proc_self_readlink(const struct proc_node *n, char *buf, size_t size);
int proc_thread_self_readlink(const struct proc_node *n, char *buf, size_t size);

/* The process of a node, NULL when it is gone, and in *t the thread that has its number (NULL: it
 * has exited). Caller holds process_lock. */
struct process *proc_find_locked(const struct proc_node *n, struct task **t);

/* It is still there (true for what belongs to no process). */
bool proc_alive(const struct proc_node *n);

/* Whether the calling process may look into this one: it is itself, has the same ids, or
 * CAP_SYS_PTRACE. */
bool proc_may_access(const struct proc_node *n);
bool proc_may_access_locked(const struct process *p); /* process_lock held */

/* References to what a process, or its thread of that number, has: 0, -ESRCH, or -EACCES for a
 * guarded node. *out is NULL when it has exited; also after a failure. */
int proc_get_mm(const struct proc_node *n, struct mm **out);
int proc_get_files(const struct proc_node *n, struct files **out);

/* Which program the process is: changes with execve(). 0 when it is gone. */
u32 proc_program(const struct proc_node *n);
/* The address space that an open file of the process was opened for, referenced, whoever asks now;
 * NULL when it has become another program, or has none any more. */
struct mm *proc_opened_mm(const struct file *f);

/* Owner of the files of a process; false when it is gone. */
bool proc_owner(const struct proc_node *n, u32 *uid, u32 *gid);

/* --- status.c --- */

int proc_pid_stat_show(struct text *t, const struct proc_node *n);
int proc_status_show(struct text *t, const struct proc_node *n);

/* --- oom_score.c --- */

int proc_oom_score_show(struct text *t, const struct proc_node *n);
int proc_oom_score_adj_show(struct text *t, const struct proc_node *n);
long proc_oom_score_adj_store(const struct proc_node *n, char *s, size_t len, u64 pos);
int proc_oom_adj_show(struct text *t, const struct proc_node *n);
long proc_oom_adj_store(const struct proc_node *n, char *s, size_t len, u64 pos);

/* A resource limit as Linux holds it on a machine of 32 bits. */
static inline u32 proc_rlimit(u64 limit)
{
	return (u32)MIN(limit, (u64)RLIM32_INFINITY);
}

/* --- fd.c --- */

extern const struct proc_dir proc_fd_dir, proc_fdinfo_dir;
extern const struct inode_ops proc_fd_dir_ops, proc_fdinfo_dir_ops;

/* The target of a link that stands for an open file. */
int proc_file_target(const struct proc_node *n, struct path *out);

/* Slots that a descriptor table with these files would have on Linux: FDSize. */
u32 proc_fd_slots(struct files *fs);

/* --- maps.c --- */

/* A part of the text of one address space, which the caller has pinned. The cursor is the address
 * from which on VMAs are to come. */
void proc_maps_part(struct text *t, struct mm *mm, u32 *cursor);
void proc_smaps_part(struct text *t, struct mm *mm, u32 *cursor);

int proc_maps_show(struct text *t, const struct proc_node *n, u32 *cursor);
int proc_smaps_show(struct text *t, const struct proc_node *n, u32 *cursor);
int proc_smaps_rollup_show(struct text *t, const struct proc_node *n);
int proc_statm_show(struct text *t, const struct proc_node *n);
extern const struct file_ops proc_pagemap_ops;
long proc_clear_refs_store(const struct proc_node *n, char *s, size_t len, u64 pos);

/* Bytes of program text as /proc counts it. */
u32 proc_text_bytes(const struct mm *mm);

/* --- map_files.c --- */

extern const struct proc_dir proc_map_files_dir;

/* --- pid_mem.c --- */

int proc_cmdline_show(struct text *t, const struct proc_node *n);
int proc_environ_show(struct text *t, const struct proc_node *n);
int proc_auxv_show(struct text *t, const struct proc_node *n);
extern const struct file_ops proc_pid_mem_ops;

/* --- kpage.c --- */

extern const struct file_ops proc_kpagecount_ops, proc_kpageflags_ops;

/* KPF_ bits of a frame. */
u64 proc_kpageflags(pfn_t pfn);

/* A file of u64s, `total` of them: fill(ctx, first, n, out) makes some. */
struct proc_words {
	u64 total;
	int (*fill)(void *ctx, u32 first, u32 n, u64 *out);
	void *ctx;
};
ssize_k proc_words_read(const struct proc_words *w, struct iobuf *to, size_t n, u64 *pos);

/* --- meminfo.c --- */

int proc_meminfo_show(struct text *t, const struct proc_node *n);
int proc_buddyinfo_show(struct text *t, const struct proc_node *n);
int proc_pagetypeinfo_show(struct text *t, const struct proc_node *n);
int proc_slabinfo_show(struct text *t, const struct proc_node *n);
int proc_vmallocinfo_show(struct text *t, const struct proc_node *n);
int proc_allocinfo_show(struct text *t, const struct proc_node *n);
int proc_vmstat_show(struct text *t, const struct proc_node *n);
int proc_zoneinfo_show(struct text *t, const struct proc_node *n);
int proc_iomem_show(struct text *t, const struct proc_node *n);
int proc_swaps_show(struct text *t, const struct proc_node *n);
int proc_mm_check_show(struct text *t, const struct proc_node *n);

/* --- system.c --- */

int proc_boot_cmdline_show(struct text *t, const struct proc_node *n);
int proc_cpuinfo_show(struct text *t, const struct proc_node *n);
int proc_devices_show(struct text *t, const struct proc_node *n);
int proc_filesystems_show(struct text *t, const struct proc_node *n);
int proc_interrupts_show(struct text *t, const struct proc_node *n);
int proc_loadavg_show(struct text *t, const struct proc_node *n);
int proc_modules_show(struct text *t, const struct proc_node *n);
int proc_msg_show(struct text *t, const struct proc_node *n);
int proc_sem_show(struct text *t, const struct proc_node *n);
int proc_shm_show(struct text *t, const struct proc_node *n);
int proc_mountinfo_show(struct text *t, const struct proc_node *n);
int proc_mounts_show(struct text *t, const struct proc_node *n);
int proc_stat_show(struct text *t, const struct proc_node *n);
int proc_uptime_show(struct text *t, const struct proc_node *n);
int proc_version_show(struct text *t, const struct proc_node *n);

/* --- net.c --- */

extern const struct proc_dir proc_net_dir;

/* --- sysctl.c --- */

extern const struct proc_dir proc_sys_dir;

/*
 * Reads a number as Linux's sysctl does: blanks, an optional sign, digits, then a blank or the end.
 * *s moves behind it. 0, or -EINVAL: there is none, something else follows, or it is outside
 * [min, max].
 */
int proc_parse_long(const char **s, s64 min, s64 max, s64 *out);

#endif
