/*
 * Open files and descriptor tables: what the rest of the kernel needs of the file layer.
 */
#ifndef FS_FILE_H
#define FS_FILE_H

#include "kernel/abi/fcntl.h"
#include "kernel/lib/types.h"
#include "kernel/core/sched.h"
#include "mm/object.h"

struct dentry;
struct file;
struct mount;
struct abi_stat_k;

struct abi_iovec;
struct poll_table;
struct text;

/* A place in the tree of names: a name as one mount shows it (kernel/fs/vfs.h).
 * Handed over by value; who keeps one holds both references. */
struct path {
	struct mount *mnt;
	struct dentry *dentry;
};

/* Operations of an open file. Any may be NULL: the caller gets the errno named. */
struct file_ops {
	/* pos is the file position to use and advance (seekable files), else ignored. EINVAL. */
	ssize_k (*read)(struct file *f, struct iobuf *to, size_t n, u64 *pos);
	ssize_k (*write)(struct file *f, struct iobuf *from, size_t n, u64 *pos);
	/* A vector in user memory, checked, as one read or write: what keeps messages apart needs
	 * it. Piece by piece. */
	ssize_k (*vector)(struct file *f, const struct abi_iovec *iov, u32 n, bool write);
	/* Readiness (POLLIN...), and its wait queues into `pt` when that is not NULL; see
	 * kernel/fs/poll.h. Always ready. */
	u32 (*poll)(struct file *f, struct poll_table *pt);
	long (*ioctl)(struct file *f, u32 cmd, u32 arg); /* ENOTTY */
	/* Works out a new position; the caller sets it. ESPIPE: then the file has no position. */
	long (*seek)(struct file *f, s64 off, u32 whence, u64 *result);
	bool seek_ignored; /* it has none, but lseek(2) says 0 */
	/* Next directory entries, see struct dir_context in kernel/fs/vfs.h. ENOTDIR. */
	long (*readdir)(struct file *f, void *ctx);
	void (*release)(struct file *f);
	/* A descriptor of it is closed by the calling process. May be NULL. */
	void (*flush)(struct file *f);
	/* Lines of its own in /proc/PID/fdinfo. May be NULL. */
	void (*show_info)(struct file *f, struct text *t);
	u32 no_splice; /* which ways splice(2) does not go: EINVAL */
#define SPLICE_READ  1u
#define SPLICE_WRITE 2u
	/* Where the files of the same thing are that have O_ASYNC (kernel/fs/fasync.h); asked when one
	 * gets it. It cannot have it. */
	struct list_head *(*async)(struct file *f);
};

/* Who is sent signals for a file with O_ASYNC, on whose authority, and which one: 0 is SIGIO. */
struct file_owner {
	struct abi_f_owner_ex who;
	u32 uid, euid;
	u32 sig;
};

struct file {
	struct backing backing; /* what a mapping of this file holds; how it was opened */
	u32 refcount;           /* atomic */
	const struct file_ops *ops;
	struct dentry *dentry;  /* the name it was opened by; holds the inode. Never NULL: pipes
				 * and memfds have one that is in no tree */
	struct mount *mnt;      /* by way of which */
	u32 flags;              /* O_ bits */
	struct file_owner owner; /* F_SETOWN's and F_SETSIG's */
	struct list_head async_link; /* with O_ASYNC: see kernel/fs/fasync.h */
	s32 async_fd;           /* with O_ASYNC: the descriptor that it was set by */
	u64 pos;                /* pos_lock, when the file can seek */
	struct mutex pos_lock;  /* taken by those who share the file: outermost */
	void *private;
	struct list_head epolls; /* struct epoll_item; under epoll_lock (kernel/fs/epoll.c) */
	u32 epoll_walk;          /* the walk that has seen it; the same */
};

static inline struct file *backing_file(struct backing *b)
{
	return container_of(b, struct file, backing);
}

/* Whether it is a file that was opened: the kernel's own mappings have other backings. */
bool backing_is_file(const struct backing *b);

struct file *file_get(struct file *f);
void file_put(struct file *f); /* the last one releases; may sleep; NULL is ignored */

/* Opens a path for the kernel (execve, init) relative to the calling process's cwd. Returns the
 * file or an error pointer. `flags` are O_ bits. */
struct file *file_open(const char *path, u32 flags, u32 mode) __must_check;

/* Checks that f may be executed: a regular file with an x bit, not on a noexec mount. 0 or
 * -EACCES. */
int file_may_exec(struct file *f);
/* Whether the caller might open the file for reading, however f was opened: 0 or -EACCES. */
int file_may_read(const struct file *f);

/* Reads from a regular file into kernel memory, at pos. Returns bytes, short at the end, or errno. */
ssize_k file_pread(struct file *f, void *buf, size_t n, u64 pos);

/* A nameless file of `bytes` zeroes: what a MAP_SHARED|MAP_ANONYMOUS mapping maps. Shows as
 * "/dev/zero (deleted)". `reserve`: its pages are promised now (mm/commit.h), or -ENOMEM. Returns the
 * file or an error pointer. */
struct file *file_create_shared_anon(u32 bytes, bool reserve) __must_check;
/* The same of huge pages: what MAP_HUGETLB maps. Shows as "/anon_hugepage (deleted)". */
struct file *file_create_huge(u32 bytes) __must_check;

/* Absolute path by which it was opened, " (deleted)" appended when unlinked, terminated; when it
 * does not fit its front is missing. Returns its length. */
int file_path(struct file *f, char *buf, size_t size);

/* --- Descriptor tables (struct files) and cwd/root/umask (struct fs_context) --- */

/* /proc/sys/fs/nr_open: descriptors that any process may have. */
extern u32 nr_open;

struct files *files_create(void) __must_check;
struct files *files_copy(struct files *from) __must_check; /* fork */
struct files *files_get(struct files *f);
void files_put(struct files *f); /* the last one closes; may sleep; NULL is ignored */
u32 files_holders(const struct files *f); /* threads that have it, and who just looks at it */
void files_close_on_exec(struct files *f);
u32 files_count(const struct files *f);

/* The file behind a descriptor, with a reference (file_put when done), or NULL. */
struct file *files_fget(struct files *fs, u32 fd);
/* The same of the running process: fget() not one that was opened with O_PATH, which only names a
 * place; fget_raw() that too. */
struct file *fget(u32 fd);
struct file *fget_raw(u32 fd);

/* The descriptors that the running process's table has room for. */
u32 files_capacity(void);
/* The lowest free descriptor >= min gets f (taking over the caller's reference). Returns it, or
 * -EMFILE / -ENOMEM, leaving the reference with the caller. cloexec: FD_CLOEXEC. */
long files_install(struct files *fs, struct file *f, u32 min, bool cloexec) __must_check;
/* The same in two steps, so that what an open does cannot be for nothing: reserve, then fill (which
 * takes over the reference) or unreserve. */
long files_reserve(struct files *fs, u32 min, bool cloexec) __must_check;
void files_fill(struct files *fs, u32 fd, struct file *f);
void files_unreserve(struct files *fs, u32 fd);
/* The open file at the lowest descriptor >= *fd, referenced, and *fd set to it; NULL past the last.
 * For /proc/PID/fd. */
struct file *files_next(struct files *fs, u32 *fd);
/* What dup2() does: fd gets f (taking over the reference), what was there is closed. Returns fd,
 * or -EBADF / -ENOMEM, leaving the reference with the caller. */
long files_replace(struct files *fs, u32 fd, struct file *f, bool cloexec) __must_check;
/* -EBADF when it is not open. */
long files_close(struct files *fs, u32 fd);
void files_close_range(struct files *fs, u32 first, u32 last, bool only_cloexec);
/* FD_CLOEXEC: 0, 1 or -EBADF. */
long files_get_cloexec(struct files *fs, u32 fd);
long files_set_cloexec(struct files *fs, u32 fd, bool on);
void files_set_cloexec_range(struct files *fs, u32 first, u32 last);

struct fs_context *fs_create(void) __must_check;
struct fs_context *fs_copy(struct fs_context *from) __must_check;
struct fs_context *fs_get(struct fs_context *f);
void fs_put(struct fs_context *f); /* NULL is ignored */
u32 fs_holders(const struct fs_context *f);

/* Opens /dev/console (or makes an equivalent) as descriptors 0, 1 and 2. */
int files_open_console(struct files *fs);

#endif
