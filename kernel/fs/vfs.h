/*
 * The virtual file system: files without their names (inodes), the tree of names (dentries), and
 * what is mounted where.
 *
 *   struct mount --root--> struct dentry --inode--> struct inode --ops--> its file system
 *     |   |   |              |  parent, children        object: page cache of a regular file
 *     |   |   +--super---> struct super: the file system of all that
 *     +---+-covered, parent: where it is seen
 *
 * There are two kinds of file systems. In a stored one (tmpfs, and devfs on top of it) the tree of
 * dentries *is* the directory content: a dentry is pinned from the moment it is linked until it is
 * unlinked, and the file system only makes inodes. In a dynamic one (proc) a directory has a
 * `lookup` operation that makes an inode for a name; that dentry lives while somebody holds it. A
 * dynamic directory lists itself through file_ops.readdir, which its `open` installs.
 *
 * A mount shows the tree of a file system, or a part of it (a bind mount), in one place. As several
 * may show the same, a dentry alone does not say where it is: a struct path does.
 *
 * Locks, outermost first:
 *   namespace_lock  mutex  changes to directories and mounts; calls of lookup. No user memory is
 *                          touched while it is held, and nobody takes it with an mm's lock held
 *   inode->lock     mutex  writes and truncations of one file. User memory may be touched
 *   object->lock           (mm/object.h)
 *   dcache_lock     spin   links between dentries, reference counts of dentries and inodes
 *
 * dentry_put() and inode_put() take dcache_lock and object locks only, so a mapping may drop its
 * file while it holds the mm's lock.
 */
#ifndef FS_VFS_H
#define FS_VFS_H

#include "kernel/abi/errno.h"
#include "kernel/abi/fcntl.h"
#include "kernel/abi/stat.h"
#include "kernel/core/lock.h"
#include "kernel/fs/file.h"
#include "kernel/lib/list.h"
#include "kernel/lib/types.h"
#include "mm/object.h"

struct credentials;
struct pipe;
struct inode;
struct mount;
struct super;
struct text;

extern struct mutex namespace_lock;
extern struct spinlock dcache_lock;

/* --- Inodes --- */

/* Any operation may be NULL; the comment ends with what happens then. */
struct inode_ops {
	/* Dynamic directory: makes the inode (one reference) that `name` stands for now, or returns
	 * -ENOENT. Called under namespace_lock; may sleep. NULL: the dentry tree is all there
	 * is. */
	int (*lookup)(struct dentry *dir, const char *name, u32 len, struct inode **out);
	/* Whether a dentry that lookup made, and that is still held by somebody, still stands for
	 * its name (a process may have died and its pid been used again). NULL: always. */
	bool (*valid)(struct dentry *d);
	/* Stored directory: makes an inode of any type with one reference, nlink 1 (2 for a
	 * directory); owner and times are set by the caller. `target` is a symlink's text. NULL:
	 * nothing can be created or removed here (EPERM, or ENOENT where there is a lookup). */
	int (*create)(struct inode *dir, u32 mode, u32 rdev, const char *target,
		struct inode **out);
	/* The inode is being opened as `f`: sets f->ops and f->private as it likes. f->dentry,
	 * f->flags and f->backing are already set. NULL: what the type of file says. */
	int (*open)(struct inode *inode, struct file *f);
	/* A symlink's text into buf; returns its length (not terminated, cut at size). */
	int (*readlink)(struct inode *inode, char *buf, size_t size);
	/* A magic link: the place it leads to (referenced), whatever its text says (the text is only
	 * for readlink). NULL: the text is followed. */
	int (*follow)(struct inode *inode, struct path *out);
	/* Checks `mask` (MAY_ bits) for ids. NULL: the mode bits. */
	int (*permission)(struct inode *inode, u32 mask, u32 uid, u32 gid);
	/* Brings mode, owner, size up to date before they are looked at. NULL: they are. */
	void (*refresh)(struct inode *inode);
	/* Links of a directory whose names come and go by themselves. NULL: its nlink. */
	u32 (*links)(const struct inode *inode);
	/* Sets a regular file's size; under inode->lock. NULL: nothing happens (like a device). */
	int (*truncate)(struct inode *inode, u64 size);
	/* fallocate(2) on a regular file, ranges checked; under inode->lock. EOPNOTSUPP. */
	int (*fallocate)(struct inode *inode, u32 mode, u64 start, u64 end);
	/* chmod, chown and utime may change it. */
	bool attributes_settable;
	/* A directory whose names come and go with what they name: link(2) and rename(2) are EPERM. */
	bool names_fixed;
	/* rename(2) may leave a whiteout in it: a device 0/0. */
	bool whiteouts;
	/* What stat(2) gives as the size where neither contents nor names are kept. */
	u32 stat_size;
	/* The last reference is gone: frees what `private` and the object hold. */
	void (*evict)(struct inode *inode);
};

#define MAY_EXEC  1u
#define MAY_WRITE 2u
#define MAY_READ  4u

/* letters: d: dcache_lock; n: namespace_lock; l: `lock`; i: set at creation */
struct inode {
	const struct inode_ops *ops; /* i */
	struct super *super;         /* i: the file system it is of */
	u32 refcount;                /* d */
	u32 ino;                     /* i */
	u32 mode;                    /* n: S_IF and permission bits */
	u32 nlink;                   /* n */
	u32 uid, gid;                /* n */
	u32 rdev;                    /* i: devices: MKDEV() */
	u32 entries;                 /* n: names in a stored directory */
	s64 atime, mtime, ctime, btime; /* ns since 1970 */
	struct mutex lock;
	s32 writers;                 /* d: opens for writing; negative: writing is denied (exec) */
	bool linkable;               /* n: made without a name (O_TMPFILE), may be given one */
	u8 write_hint;               /* F_SET_RW_HINT's: kept and told */
	u32 seals;                   /* tmpfs: F_SEAL_ bits; set under `lock` and the object's lock */
	u32 charged;                 /* tmpfs: pages counted against its file system; super->lock */
	struct list_head locks;      /* kernel/fs/filelock.c: struct file_lock, under its lock */
	struct list_head watches;    /* kernel/fs/inotify.c: struct watch, under inotify_lock */
	struct pipe *pipe;           /* n: a fifo's buffer while it is open */
	void *private;               /* the file system's; tmpfs: a symlink's text */
	struct object object;        /* regular files only: contents */
};

/* A new inode of a file system with one reference, owned by root, all times now, nlink 1 (2 for a
 * directory). NULL when memory is out. The object of a regular file is not initialised. */
struct inode *inode_create(struct super *s, const struct inode_ops *ops, u32 mode) __must_check;
/* The same, counted against its file system's limit until evict() takes it off again
 * (super_uncharge_inode). 0, -ENOSPC or -ENOMEM. */
int inode_create_counted(struct super *s, const struct inode_ops *ops, u32 mode,
	struct inode **out) __must_check;
struct inode *inode_get(struct inode *inode);
void inode_put(struct inode *inode); /* may sleep */

/* Whether it is kept in its file system, and so cannot be changed where that is read-only: a device or
 * a fifo is only named by it. */
static inline bool inode_is_stored(const struct inode *inode)
{
	return S_ISREG(inode->mode) || S_ISDIR(inode->mode) || S_ISLNK(inode->mode);
}

static inline bool inode_has_object(const struct inode *inode)
{
	return S_ISREG(inode->mode) && inode->object.ops;
}

/* The calling thread's credentials; root's where there is no process. */
const struct credentials *current_cred(void);
bool cred_capable(u32 cap);      /* CAP_ numbers of kernel/abi/prctl.h; the kernel itself has all */
bool cred_in_group(u32 gid);     /* fsgid or a supplementary group */

/* 0, -EACCES, or -EROFS. The first asks with the process's file-system ids. */
int inode_permission(struct inode *inode, u32 mask);
int inode_permission_as(struct inode *inode, u32 mask, u32 uid, u32 gid);
void inode_set_owner(struct inode *inode); /* the caller, who has just made it */
bool inode_owned(const struct inode *inode); /* by the caller, or he has CAP_FOWNER */

/* Its last link is gone (or it never had one); it is the first again. Caller holds namespace_lock, or
 * has just made it. */
void inode_set_nameless(struct inode *inode);
void inode_set_named(struct inode *inode);

s64 inode_now(void);
void inode_accessed(struct inode *inode, const struct mount *m); /* by way of m: relatime */
void file_accessed(struct file *f);       /* its inode, unless it was opened with O_NOATIME */
void inode_modified(struct inode *inode); /* mtime and ctime */
/* A write to or chown of a set-id file by somebody else takes the set-id bits. */
void inode_drop_suid(struct inode *inode);

/* ETXTBSY's two sides: get fails while writing is denied, deny fails while it is open for it. */
int inode_get_writer(struct inode *inode) __must_check;
void inode_put_writer(struct inode *inode);
int file_deny_write(struct file *f) __must_check;
void file_allow_write(struct file *f);

/* --- Dentries --- */

#define D_PINNED  1u /* linked in a stored directory: one reference belongs to the tree */
#define D_DELETED 2u /* unlinked, or its directory entry vanished */
#define D_ANON    4u /* never had a name in a tree: pipes, memfds */
#define D_KIND    8u /* shown by its name alone: "anon_inode:[eventfd]" */

#define DENTRY_INLINE_NAME 24

struct dentry {
	u32 refcount;                /* d: holders, children, and the tree when D_PINNED */
	u32 flags;                   /* d */
	struct dentry *parent;       /* d: referenced; itself for a root */
	struct inode *inode;         /* i: referenced */
	const char *name;            /* d: `inline_name` or from kmalloc */
	u32 len, hash;               /* d */
	struct list_head bucket;     /* d: hash chain; empty when not hashed */
	struct list_head sibling;    /* d: parent->children, newest first */
	struct list_head children;   /* d */
	u32 cookie;                  /* d: place in the parent's listing, higher is newer */
	u32 last_cookie;             /* d: the highest given to a child */
	struct mount *mounted;       /* d: what covers it, in one mount or another; or NULL */
	char inline_name[DENTRY_INLINE_NAME];
};

struct dentry *dentry_get(struct dentry *d);
void dentry_put(struct dentry *d); /* may sleep; NULL is ignored */

/* A dentry that is in no tree; takes over the caller's reference to the inode, also on failure
 * (NULL: memory is out). Shown as "NAME:[ino]", or "NAME (deleted)" when it begins with a slash. */
struct dentry *dentry_create_anon(const char *name, struct inode *inode) __must_check;
/* Makes s->root. The same about the inode. Returns 0 or -ENOMEM. */
int dentry_create_root(struct super *s, struct inode *inode) __must_check;

/* The child called `name`, referenced: 0, -ENOENT, or what lookup said. Mounts are not crossed. */
int dentry_lookup(struct dentry *dir, const char *name, u32 len, struct dentry **out) __must_check;
int dentry_lookup_locked(
	struct dentry *dir, const char *name, u32 len, struct dentry **out) __must_check;

/* Links a new pinned dentry for the inode into a stored directory. Takes over the reference to the
 * inode in both cases. Caller holds namespace_lock and knows that the name is free. 0 or -ENOMEM;
 * *out, when not NULL, gets a reference to the dentry. */
int dentry_link(struct dentry *dir, const char *name, u32 len, struct inode *inode,
	struct dentry **out) __must_check;
/* Takes a pinned dentry out of its directory; it lives on while it is held. namespace_lock held. */
void dentry_unlink(struct dentry *d);
/* Moves d to another name. `storage` is NULL or kmalloc()ed memory for the name (when it does not
 * fit inline). namespace_lock held; cannot fail. */
void dentry_move(struct dentry *d, struct dentry *dir, const char *name, u32 len, char *storage);
/* Swaps the places of two linked dentries. namespace_lock held. */
void dentry_exchange(struct dentry *a, struct dentry *b);

bool dentry_is_ancestor(struct dentry *above, struct dentry *d); /* or the same */
bool dentry_empty(struct dentry *d);

/* Drops the names of a whole tree, which nobody holds any more. */
void dentry_tree_drop(struct dentry *root);

/* --- Paths: places in the tree of mounts --- */

static inline bool path_equal(struct path a, struct path b)
{
	return a.dentry == b.dentry && a.mnt == b.mnt;
}
/* Whether a mount begins here. */
bool path_is_mount_root(struct path p);

struct path path_get(struct path p); /* takes references to both */
void path_put(struct path p);        /* may sleep; what is NULL is ignored */

/* The mount that covers the place, or NULL. Caller holds dcache_lock, or namespace_lock. */
struct mount *mount_covering(struct path p);
/* On to the root of the topmost mount that covers the place, if one does. Takes over and gives
 * references. */
void path_cross_mounts(struct path *p);
/* The directory above p, mounts crossed, not above `root`; referenced. -ENOENT: p was moved out of
 * what its mount shows. */
int path_parent(struct path p, struct path root, struct path *out);

/* Text of p as seen from `root`, built at the end of buf; returns its beginning (NUL-terminated).
 * " (deleted)" is appended to what is unlinked. What is not below root has the path from the top of
 * its tree. When it does not fit, the front is missing. `fit` may be NULL. */
struct path_fit {
	bool whole, below;
};
char *path_text(struct path p, struct path root, char *buf, size_t size, struct path_fit *fit);
/* The same for where a mount is, whether what it shows was unlinked or not. NULL: not below root. */
char *mount_text(struct mount *m, struct path root, char *buf, size_t size);
/* The same for a dentry within its file system; "//deleted" is what is appended. */
char *dentry_text(struct dentry *d, char *buf, size_t size);

/* --- Directory listings --- */

/*
 * getdents hands one of these to file_ops.readdir as `ctx`. `pos` is where to go on (f->pos):
 * 0 is ".", 1 is "..", larger values are the directory's own, below 2^31. dir_emit() returns false
 * when the entry did not fit: stop there. `next` is the position of the entry after this one.
 */
struct dir_context {
	u64 pos;
	bool (*emit)(struct dir_context *c, const char *name, u32 len, u32 ino, u32 type, u64 next);
};
static inline bool dir_emit(
	struct dir_context *c, const char *name, u32 len, u32 ino, u32 mode, u64 next)
{
	if (!c->emit(c, name, len, ino, mode >> 12, next))
		return false;
	c->pos = next;
	return true;
}
/* "." and ".." of f, when pos is still below 2. False: stop. */
bool dir_emit_dots(struct file *f, struct dir_context *c);

/* Operations of an open stored directory. */
extern const struct file_ops stored_dir_ops;

/* --- Changing directories (kernel/fs/namespace.c). All take namespace_lock. --- */

struct name; /* kernel/fs/pathname.h */

/* Creates under dir. `mode` has the type, and the umask is already applied. */
int vfs_create(struct path dir, const struct name *name, u32 mode, u32 rdev, const char *target,
	struct dentry **out);
int vfs_link(struct path old, struct path dir, const struct name *name);
int vfs_unlink(struct path dir, const struct name *name);
int vfs_rmdir(struct path dir, const struct name *name);
int vfs_rename(struct path olddir, const struct name *oldname, struct path newdir,
	const struct name *newname, u32 flags);

/* --- File systems and mounts --- */

struct fs_stat {
	u32 magic;
	u64 blocks, bfree, files, ffree; /* blocks of super_block_size() */
};

struct fs_type {
	const char *name;
	u32 magic;
	bool nodev; /* "nodev" in /proc/filesystems: needs no block device */
	bool counts_links; /* each name of a file counts as an inode, so that they have a limit too */
	u32 block_size; /* bytes: what its files' pages have; 0: PAGE_SIZE */
	/* Makes s->root (dentry_create_root) from mount(2)'s data; s is zeroed but for type, flags
	 * and dev. */
	int (*mount)(struct super *s, const char *options);
	/* The instance, where there is only one: each mount shows it. Or NULL. */
	struct super *only;
	/* After the tree is gone, or mount failed: frees s->private. May be NULL. */
	void (*kill)(struct super *s);
	void (*statfs)(struct super *s, struct fs_stat *out); /* magic is set; may be NULL */
	/* The options of its own that it has now, each with a comma before it. May be NULL. */
	void (*show_options)(struct text *t, const struct super *s);
	struct list_head link;
};

/* A file system: a tree of names and the files in it, whichever mounts show it. It goes with the
 * last of them. Letters: n: namespace_lock; i: set at creation; l: lock */
struct super {
	const struct fs_type *type; /* i */
	struct dentry *root;        /* i: one reference */
	u32 refcount;               /* atomic: mounts, and one for itself where it stays */
	u32 flags;                  /* n: MS_RDONLY or 0 */
	u32 dev;                    /* i: st_dev */
	bool fixed;                 /* i: neither its tree nor its files can be changed (sysfs) */
	struct spinlock lock;
	u32 next_ino;               /* l */
	u32 nr_inodes, max_inodes;  /* l: tmpfs, hugetlbfs; no limit: 0 */
	u32 nameless;               /* atomic: inodes without a link that somebody holds */
	u32 nr_pages, max_pages;    /* l: tmpfs */
	void *private;
};

/* Where a file system, or a part of it, is seen. Letters: n: changed under namespace_lock, d: and
 * dcache_lock; i: set at creation */
struct mount {
	struct super *super;        /* i: one reference */
	struct dentry *root;        /* i: what is seen, one reference */
	u32 refcount;               /* atomic: holders, mounts in it, and the tree while it is there */
	struct mount *parent;       /* d: the mount that it is mounted in, one reference; NULL for the
				     * root, and what is in no tree (any more) */
	struct dentry *covered;     /* d: where in it, one reference; NULL without a parent */
	struct mount *next_covering; /* d: the next of covered->mounted */
	struct list_head link;      /* n: mount_list, oldest first */
	struct list_head children;  /* n: what is mounted in it, oldest first */
	struct list_head sibling;   /* n: parent->children */
	u32 flags;                  /* n: MS_ bits */
	u32 writers;                /* atomic: regular files open for writing by way of it */
	u32 id;                     /* i */
	char *source;               /* i: mount(2)'s first argument */
	bool implied;               /* i: made by the kernel at boot, not asked for by a program */
};

static inline u32 super_block_size(const struct super *s)
{
	return s->type->block_size ? s->type->block_size : PAGE_SIZE;
}

static inline struct mount *mount_get(struct mount *m)
{
	__atomic_add_fetch(&m->refcount, 1, __ATOMIC_RELAXED);
	return m;
}

void mount_free(struct mount *m); /* the last reference is gone; may sleep */

static inline void mount_put(struct mount *m)
{
	if (m && __atomic_sub_fetch(&m->refcount, 1, __ATOMIC_ACQ_REL) == 0)
		mount_free(m);
}

static inline bool mount_is_readonly(const struct mount *m)
{
	return (m->flags | m->super->flags) & MS_RDONLY;
}
/* 0, or -EROFS: nothing can be changed by way of it. */
int mount_may_write(const struct mount *m);

extern struct list_head mount_list;

/* Makes a type known to mount(2). At boot, before fs_mount_defaults(). */
void fs_register(struct fs_type *type);

/* Mounts a file system of the named type. Takes namespace_lock. 0 or -errno: -ENODEV for an unknown
 * type, -ENOTDIR where it is no directory. */
int mount_create(const char *type, const char *source, struct path on, u32 flags,
	const char *options);
/* The same for the kernel's own defaults: once a program has mounted something over them, they are
 * no longer listed, as if they had never been there. */
int mount_create_implied(const char *type, struct path on, const char *options);
/* Shows what is at `from` at `on` too, with MS_REC in flags also what is mounted in it. -EINVAL where
 * `from` is in no tree, or unbindable. */
int mount_bind(struct path from, struct path on, u32 flags);
/* Moves the mount that begins at `from`, with all that is mounted in it. */
int mount_move(struct path from, struct path on);
/* The flags of the mount that begins at p, and with `super` those of its file system. -EBUSY: files
 * are open for writing where nothing can be written from now on. */
int mount_set_flags(struct path p, u32 flags, bool super);
/* MS_UNBINDABLE or not, of the mount at p; with MS_REC of all mounts in it. */
int mount_set_unbindable(struct path p, u32 flags);
/* Unmounts what begins at p, which is put. detach: also when it is busy, with everything mounted
 * below. Takes namespace_lock. */
int mount_remove(struct path p, bool detach);
/* Whether listings leave it out: it is such a default, or sits inside one. Caller holds
 * namespace_lock. */
bool mount_is_hidden(struct mount *m);
/* A mount that shows the file system, referenced, or NULL. Caller holds namespace_lock. */
struct mount *mount_of_super(const struct super *s);
/* Counts an inode of a file system that has a limit of them: 0 or -ENOSPC. And one that is gone. */
int super_charge_inode(struct super *s) __must_check;
void super_uncharge_inode(struct super *s);
/* Its own flags, each with a comma before it: ",nosuid,relatime". */
void mount_show_flags(struct text *t, const struct mount *m);
/* Options of the file system, as fs_type.show_options. */
void super_show_options(struct text *t, const struct super *s);
/* One line of /proc/mounts for each mount that is visible below the caller's root. */
void mounts_show(struct text *t);
/* Lines of /proc/filesystems. */
void filesystems_show(struct text *t);

/* A file system whose mount is in no tree: home of pipes and anonymous files. */
struct internal_mount {
	struct super super;
	struct mount mount;
};
void mount_init_internal(struct internal_mount *m, const struct fs_type *type);

/* The root of the root file system, before and beside any process. Not referenced. */
struct path vfs_root(void);

/* --- cwd, root and umask of processes (kernel/fs/fscontext.c) --- */

struct fs_context {
	u32 refcount;
	struct spinlock lock;
	struct path root, cwd; /* lock: referenced */
	u32 umask;                 /* lock */
};

/* Referenced root and cwd of the calling process (the root file system's, without a process). */
struct path current_root(void);
struct path current_cwd(void);
u32 current_umask(void);
/* Take over the references. */
void fs_set_cwd(struct fs_context *c, struct path p);
void fs_set_root(struct fs_context *c, struct path p);

/* --- Attributes, for stat and its cousins --- */

struct kstat {
	u32 dev, ino, mode, nlink, uid, gid, rdev, blksize;
	u64 size, blocks; /* blocks of 512 bytes */
	s64 atime, mtime, ctime, btime;
	u32 mnt_id;
	bool mount_root; /* a mount begins there */
};
void path_stat(struct path p, struct kstat *st);

/* --- Files, beyond file.h --- */

/* The page cache numbers pages with 32 bits: 16 TiB. */
#define FILE_SIZE_MAX ((u64)UINT32_MAX << PAGE_SHIFT)

/* Where it was opened; not referenced. */
static inline struct path file_at(const struct file *f)
{
	return (struct path){f->mnt, f->dentry};
}

/* An open file on `at` (taking over the references, also on failure), with permission already
 * checked. Runs the type's open. Error pointer. */
struct file *file_create(struct path at, u32 flags) __must_check;

/* An open file of an inode without a name, from now on the caller's: shown as `name`, see
 * dentry_create_anon(). Takes over the inode's reference, also on failure. Error pointer. */
struct file *file_create_unnamed(
	struct mount *mnt, struct inode *inode, const char *name, u32 flags) __must_check;

/* file_create() for what no type's open makes: with these operations, and `private`. */
struct file *file_create_with(struct path at, u32 flags, const struct file_ops *ops,
	void *private) __must_check;

/* Reads or writes through the file's operations, with all the checks of read(2) and write(2) but
 * the user range: `pos` NULL uses and moves the file's position. */
ssize_k file_read(struct file *f, struct iobuf *to, size_t n, u64 *pos);
ssize_k file_write(struct file *f, struct iobuf *from, size_t n, u64 *pos);

/* Bytes that fit under RLIMIT_FSIZE and O_LARGEFILE's limit at `pos`; -EFBIG (and SIGXFSZ). */
ssize_k file_write_limit(struct file *f, u64 pos, size_t n);

/* The generic seek within [0, size]: for files whose size is in the inode or given. */
long file_seek_size(struct file *f, s64 off, u32 whence, u64 size, u64 *result);
/* For files without a size, and directories: SEEK_SET and SEEK_CUR to anywhere. */
long file_seek_endless(struct file *f, s64 off, u32 whence, u64 *result);

u32 file_count(void); /* open files in the system */
extern u32 file_max;  /* how many there may be, but for the privileged: ENFILE */

/* Sets the size of the regular file that d names. Takes inode->lock. 0 or a negative errno. */
int vfs_truncate(struct dentry *d, u64 size);

/* --- Makers of special files --- */

/* tmpfs.c: an unlinked regular file of zero length for memfd_create, shared anonymous memory and
 * System V segments; open for reading and writing. `name` is what /proc/PID/maps shows, as in
 * "/memfd:NAME" or "/dev/zero" (" (deleted)" is appended). flags: O_ bits for the file. Error
 * pointer. */
struct file *tmpfs_create_anonymous(const char *name, u32 flags) __must_check;
/* The same of `bytes` zeroes. `reserve`: all of its pages are promised now (mm/commit.h), or -ENOMEM. */
struct file *tmpfs_create_sized(const char *name, u32 bytes, bool reserve) __must_check;
/* Puts a frame of the boot module in as a page of a file (object_adopt_page). 0, -ENOMEM, -EEXIST. */
int tmpfs_adopt_page(struct inode *inode, u32 index, struct page *p) __must_check;
extern const struct inode_ops tmpfs_inode_ops;
int tmpfs_mount(struct super *s, const char *options);
void tmpfs_statfs(struct super *s, struct fs_stat *out);
void tmpfs_show_options(struct text *t, const struct super *s);
void tmpfs_init(void);

/* hugetlbfs.c: the same of huge pages. */
struct file *hugetlbfs_create_anonymous(const char *name, u32 flags) __must_check;
/* Whether the caller may have System V segments of them: with CAP_IPC_LOCK, or in the group that
 * /proc/sys/vm/hugetlb_shm_group names. */
bool hugetlb_may_have_segments(void);
extern u32 hugetlb_shm_group;
extern const struct inode_ops hugetlbfs_inode_ops;
void hugetlbfs_init(void);

/* mm/memfd.c: seals, which only files of tmpfs and hugetlbfs have (others: -EINVAL). */
long seals_add(struct file *f, u32 seals);
long seals_get(const struct file *f);
/* What they say about a mapping with these VM_ flags: -EPERM, or 0 and perhaps without
 * VM_MAYWRITE. As on Linux, F_SEAL_FUTURE_WRITE says nothing `early` (struct backing_ops). */
int seals_check_map(struct inode *inode, u32 *vm_flags, bool early);
/* Whether they forbid writing, and the new size. Caller holds `lock`. */
bool seals_forbid_write(const struct inode *inode);
bool seals_forbid_size(const struct inode *inode, u64 size);

/* pipe.c */
int pipe_create(struct file *ends[2], u32 flags) __must_check;
int fifo_open(struct inode *inode, struct file *f);
bool file_is_pipe(const struct file *f);
long pipe_resize(struct file *f, u32 size); /* F_SETPIPE_SZ; returns the new size */
extern u32 pipe_max_size; /* what F_SETPIPE_SZ gives to who is not privileged */
/* Pages that the pipes of a user may have, who is not privileged: beyond the first number new ones
 * are small, beyond the second there are none. 0: no limit. */
extern u32 pipe_user_pages_soft, pipe_user_pages_hard;
long pipe_capacity(struct file *f);
/* What moves bytes between a pipe and something else. `move` puts n bytes of buf (a page) there, or
 * gets up to n from there; returns how many, 0 at an end, or a negative errno. The pipe is locked. */
struct pipe_mover {
	ssize_k (*move)(struct pipe_mover *m, size_t n);
	char *buf;
};
/* Moves up to n bytes out of a pipe, or into it, and no more than there are, or is room for: `wait`
 * is for the first only. Returns bytes, 0 at an end, -EAGAIN, -EPIPE (and SIGPIPE) or what `move`
 * returned. */
ssize_k pipe_drain(struct file *f, struct pipe_mover *m, size_t n, bool wait);
ssize_k pipe_fill(struct file *f, struct pipe_mover *m, size_t n, bool wait);
/* The same from one pipe to another; `take`: the first loses what the second gets. Of `m` only the
 * buffer is used. */
struct pipe_copy {
	struct file *in, *out;
	bool wait, take;
};
ssize_k pipe_to_pipe(const struct pipe_copy *c, struct pipe_mover *m, size_t n);
void pipe_init(void);

/* anonfile.c: an open file that has no name, only a kind, as in "anon_inode:[eventfd]". flags: O_
 * bits, O_RDWR among them. Error pointer; then `private` is still the caller's. */
struct file *anon_file_create(const char *kind, u32 flags, const struct file_ops *ops,
	void *private) __must_check;
/* The same, and a descriptor for it (O_CLOEXEC and O_NONBLOCK in flags count), or a negative errno.
 * What `private` is belongs to the file from now on: on failure its release is called. */
long anon_fd_create(const char *kind, u32 flags, const struct file_ops *ops, void *private);
void anon_file_init(void);
void epoll_init(void);
extern u32 epoll_max_watches; /* /proc/sys/fs/epoll/max_user_watches */
void eventfd_init(void);
/* eventfd.c: adds one to the count of an eventfd(2), unless that is as high as it can be. */
bool file_is_eventfd(const struct file *f);
void eventfd_signal(struct file *f);
/* aio.c: /proc/sys/fs/aio-max-nr, and what io_setup(2) has asked for in all. */
extern u32 aio_max_nr, aio_nr;
void userfaultfd_init(void);

/* epoll.c: the file goes; no instance watches it any more. */
void epoll_forget(struct file *f);

/* kernel/net/sock_gc.c: a descriptor was closed, or (`now`) a whole table, which may have been the
 * last way to sockets in messages: looks for such if it is time. */
void sockets_collect(bool now);

/* devfs.c: character devices by number. `open` may change f->ops; it may be NULL. `name` NULL makes
 * no node in /dev. At boot, before fs_mount_defaults(). */
void chrdev_register(u32 major, u32 minor, const char *name, u32 mode, const struct file_ops *ops,
	int (*open)(struct file *f));
/* The same for all minors below `count`, with no node in /dev. */
void chrdev_register_range(
	u32 major, u32 count, const struct file_ops *ops, int (*open)(struct file *f));
int chrdev_open(struct inode *inode, struct file *f);
void devfs_init(void);
void mem_dev_init(void);
void tty_dev_init(void);
void sysfs_init(void);
void tracefs_init(void);

/* filelock.c */
void locks_release_owner(struct inode *inode, const void *owner); /* close(2) */
void locks_release_file(struct file *f);                          /* last close: flock */

void inode_init(void);
void dentry_init(void);
void file_init(void);
void fdtable_init(void);
void fscontext_init(void);
void path_init(void);

#endif
