/* Inodes: their life, who may do what with them, and their attributes. */
#include "kernel/fs/vfs.h"
#include "kernel/abi/prctl.h"
#include "kernel/core/clock.h"
#include "kernel/fs/notify.h"
#include "kernel/lib/kassert.h"
#include "kernel/lib/string.h"
#include "kernel/proc/cred.h"
#include "kernel/proc/task.h"
#include "mm/slab.h"

struct mutex namespace_lock = MUTEX_INIT(namespace_lock);
struct spinlock dcache_lock = SPINLOCK_INIT("dcache");

static struct slab_cache *inode_cache __ro_after_init;

struct inode *inode_create(struct super *s, const struct inode_ops *ops, u32 mode)
{
	struct inode *inode = slab_zalloc(inode_cache);

	if (!inode)
		return NULL;
	inode->ops = ops;
	inode->super = s;
	inode->refcount = 1;
	inode->mode = mode;
	inode->nlink = S_ISDIR(mode) ? 2 : 1;
	inode->atime = inode->mtime = inode->ctime = inode->btime = inode_now();
	mutex_init(&inode->lock);
	list_init(&inode->locks);
	list_init(&inode->watches);
	spin_lock(&s->lock);
	inode->ino = ++s->next_ino;
	spin_unlock(&s->lock);
	return inode;
}

int inode_create_counted(struct super *s, const struct inode_ops *ops, u32 mode, struct inode **out)
{
	int err = super_charge_inode(s);

	if (err)
		return err;
	*out = inode_create(s, ops, mode);
	if (*out)
		return 0;
	super_uncharge_inode(s);
	return -ENOMEM;
}

struct inode *inode_get(struct inode *inode)
{
	spin_lock(&dcache_lock);
	kassert(inode->refcount > 0);
	inode->refcount++;
	spin_unlock(&dcache_lock);
	return inode;
}

void inode_put(struct inode *inode)
{
	bool last;

	spin_lock(&dcache_lock);
	kassert(inode->refcount > 0);
	last = --inode->refcount == 0;
	spin_unlock(&dcache_lock);
	if (!last)
		return;
	kassert(list_empty(&inode->locks) && list_empty(&inode->watches));
	kassert(inode->writers == 0);
	if (inode->ops->evict)
		inode->ops->evict(inode);
	if (!inode->nlink)
		__atomic_sub_fetch(&inode->super->nameless, 1, __ATOMIC_RELAXED);
	slab_free(inode_cache, inode);
}

/* --- Permission --- */

const struct credentials *current_cred(void)
{
	static const struct credentials kernel_cred;
	struct task *t = this_cpu()->task;

	return t ? &t->cred : &kernel_cred;
}

bool cred_capable(u32 cap)
{
	return !this_cpu()->task || capable(cap);
}

bool cred_in_group(u32 gid)
{
	const struct credentials *cred = current_cred();

	return cred->fsgid == gid || groups_have(cred->groups, gid);
}

void inode_set_owner(struct inode *inode)
{
	inode->uid = current_cred()->fsuid;
	inode->gid = current_cred()->fsgid;
}

bool inode_owned(const struct inode *inode)
{
	return current_cred()->fsuid == inode->uid || cred_capable(CAP_FOWNER);
}

/* What CAP_DAC_OVERRIDE allows: everything, except to execute a file that nobody may. */
static bool may_override(const struct inode *inode, u32 mask)
{
	bool dir = S_ISDIR(inode->mode);

	if (cred_capable(CAP_DAC_OVERRIDE))
		return dir || !(mask & MAY_EXEC) || (inode->mode & 0111);
	return cred_capable(CAP_DAC_READ_SEARCH) &&
	       (mask == MAY_READ || (dir && !(mask & MAY_WRITE)));
}

static int mode_permission(const struct inode *inode, u32 mask, u32 uid, u32 gid)
{
	u32 bits = inode->mode;

	if (uid == inode->uid)
		bits >>= 6;
	else if (gid == inode->gid || groups_have(current_cred()->groups, inode->gid))
		bits >>= 3;
	if ((bits & mask) == mask)
		return 0;
	/* Capabilities belong to the ids that the process acts with; access(2) asks for others. */
	if (uid != current_cred()->fsuid && uid != 0)
		return -EACCES;
	return may_override(inode, mask) ? 0 : -EACCES;
}

int inode_permission_as(struct inode *inode, u32 mask, u32 uid, u32 gid)
{
	if ((mask & MAY_WRITE) && inode_is_stored(inode) && (inode->super->flags & MS_RDONLY))
		return -EROFS;
	if ((mask & MAY_WRITE) && inode->super->fixed && inode_has_object(inode))
		return -EACCES;
	if (inode->ops->refresh)
		inode->ops->refresh(inode);
	if (inode->ops->permission)
		return inode->ops->permission(inode, mask, uid, gid);
	return mode_permission(inode, mask, uid, gid);
}

int inode_permission(struct inode *inode, u32 mask)
{
	const struct credentials *cred = current_cred();

	return inode_permission_as(inode, mask, cred->fsuid, cred->fsgid);
}

void inode_set_nameless(struct inode *inode)
{
	inode->nlink = 0;
	__atomic_add_fetch(&inode->super->nameless, 1, __ATOMIC_RELAXED);
}

void inode_set_named(struct inode *inode)
{
	inode->nlink = 1;
	__atomic_sub_fetch(&inode->super->nameless, 1, __ATOMIC_RELAXED);
}

/* --- Times and size --- */

s64 inode_now(void)
{
	return (s64)clock_realtime_coarse_ns();
}

/* As Linux's default mount option: once a day, or when it has changed since it was last read. */
void inode_accessed(struct inode *inode, const struct mount *m)
{
	s64 now;

	if (mount_is_readonly(m) || (m->flags & MS_NOATIME))
		return;
	now = inode_now();
	if (inode->atime <= inode->mtime || inode->atime <= inode->ctime ||
		now - inode->atime > (s64)(24 * 3600 * NSEC_PER_SEC))
		inode->atime = now;
}

void file_accessed(struct file *f)
{
	if (!(f->flags & O_NOATIME))
		inode_accessed(f->dentry->inode, f->mnt);
}

void inode_modified(struct inode *inode)
{
	inode->mtime = inode->ctime = inode_now();
}

void inode_drop_suid(struct inode *inode)
{
	u32 drop = S_ISUID;

	if (!S_ISREG(inode->mode) || cred_capable(CAP_FSETID))
		return;
	if ((inode->mode & (S_ISGID | S_IXGRP)) == (S_ISGID | S_IXGRP))
		drop |= S_ISGID;
	inode->mode &= ~drop;
}

int vfs_truncate(struct dentry *d, u64 size)
{
	struct inode *inode = d->inode;
	int err;

	if (!inode->ops->truncate)
		return 0;
	mutex_lock(&inode->lock);
	err = inode->ops->truncate(inode, size);
	if (!err) {
		inode_drop_suid(inode);
		inode_modified(inode);
		notify_dentry(d, IN_MODIFY);
	}
	mutex_unlock(&inode->lock);
	return err;
}

int inode_get_writer(struct inode *inode)
{
	int err = 0;

	spin_lock(&dcache_lock);
	if (inode->writers < 0)
		err = -ETXTBSY;
	else
		inode->writers++;
	spin_unlock(&dcache_lock);
	return err;
}

void inode_put_writer(struct inode *inode)
{
	spin_lock(&dcache_lock);
	kassert(inode->writers > 0);
	inode->writers--;
	spin_unlock(&dcache_lock);
}

int file_deny_write(struct file *f)
{
	struct inode *inode = f->dentry->inode;
	int err = 0;

	spin_lock(&dcache_lock);
	if (inode->writers > 0)
		err = -ETXTBSY;
	else
		inode->writers--;
	spin_unlock(&dcache_lock);
	return err;
}

void file_allow_write(struct file *f)
{
	struct inode *inode = f->dentry->inode;

	spin_lock(&dcache_lock);
	kassert(inode->writers < 0);
	inode->writers++;
	spin_unlock(&dcache_lock);
}

/* A stored directory has no contents but its names; Linux's tmpfs pretends to 20 bytes for each,
 * "." and ".." included. */
static u64 stat_size(const struct inode *inode)
{
	if (inode_has_object(inode))
		return inode->object.size;
	if (S_ISDIR(inode->mode) && inode->ops->create)
		return 20 * (2 + (u64)inode->entries);
	if (S_ISLNK(inode->mode) && inode->ops->create)
		return strlen(inode->private);
	return inode->ops->stat_size;
}

void path_stat(struct path p, struct kstat *st)
{
	struct inode *inode = p.dentry->inode;
	u32 block = super_block_size(inode->super);

	if (inode->ops->refresh)
		inode->ops->refresh(inode);
	*st = (struct kstat){
		.dev = inode->super->dev,
		.ino = inode->ino,
		.mode = inode->mode,
		.nlink = inode->ops->links ? inode->ops->links(inode) : inode->nlink,
		.uid = inode->uid,
		.gid = inode->gid,
		.rdev = inode->rdev,
		.blksize = block,
		.size = stat_size(inode),
		.blocks = (u64)(inode_has_object(inode) ? inode->object.nr_pages : inode->charged) *
			  (block / 512),
		.atime = inode->atime,
		.mtime = inode->mtime,
		.ctime = inode->ctime,
		.btime = inode->btime,
		.mnt_id = p.mnt->id,
		.mount_root = path_is_mount_root(p),
	};
}

void __init inode_init(void)
{
	inode_cache = slab_create("inode_cache", sizeof(struct inode), 0, 0, NULL);
	if (!inode_cache)
		panic("no memory for the inode cache");
}
