/*
 * What happens to files, told to those who watch them: where the file layer calls inotify(7).
 *
 * While nothing is watched in the whole system each call is the test of one word. None sleeps; they
 * take dcache_lock and inotify_lock, and are made once what they tell of is done.
 */
#ifndef FS_NOTIFY_H
#define FS_NOTIFY_H

#include "kernel/abi/eventfiles.h"
#include "kernel/fs/pathname.h"
#include "kernel/fs/vfs.h"

extern u32 notify_watches; /* how many there are; inotify_lock */

/* /proc/sys/fs/inotify: the first is for an instance made from now on, the others are for a user. */
extern u32 inotify_max_events, inotify_max_instances, inotify_max_watches;

/* Something happened to the file that d names: its watchers and those of the directory that has, or
 * had, the name hear of it. `opened`: through an open file. */
void notify_dentry_slow(struct dentry *d, u32 event, bool opened);

static inline void notify_dentry(struct dentry *d, u32 event)
{
	if (unlikely(notify_watches))
		notify_dentry_slow(d, event, false);
}

static inline void notify_file(struct file *f, u32 event)
{
	if (unlikely(notify_watches) && !(f->flags & O_PATH))
		notify_dentry_slow(f->dentry, event, true);
}

/* A name, which stands or stood for a file of this mode, came to the directory or left it. */
void notify_name_slow(const struct inode *dir, u32 event, u32 mode, const struct name *name);

static inline void notify_name(
	const struct inode *dir, u32 event, u32 mode, const struct name *name)
{
	if (unlikely(notify_watches))
		notify_name_slow(dir, event, mode, name);
}

/* d, which was `name` in `from`, has its new place, where `replaced` was (may be NULL). */
void notify_moved_slow(const struct dentry *d, const struct inode *from, const struct name *name,
	const struct dentry *replaced);

static inline void notify_moved(const struct dentry *d, const struct inode *from,
	const struct name *name, const struct dentry *replaced)
{
	if (unlikely(notify_watches))
		notify_moved_slow(d, from, name, replaced);
}

/* To the file itself, by whatever name: only its own watchers hear of it. After IN_DELETE_SELF and
 * IN_UNMOUNT nobody watches it any more. */
void notify_inode_slow(const struct inode *inode, u32 event);

static inline void notify_inode(const struct inode *inode, u32 event)
{
	if (unlikely(notify_watches))
		notify_inode_slow(inode, event);
}

/* The file system is about to go, with every inode that is watched in it. */
void notify_unmount(const struct super *s);

void inotify_init(void);

#endif
