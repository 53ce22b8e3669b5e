/* Inodes: their life, who may do what with them, and their attributes. */
#include "kernel/fs/vfs.h"
#include "kernel/abi/prctl.h"
#include "kernel/core/clock.h"
#include "kernel/fs/notify.h"
#include "kernel/lib/kassert.h"
#include "kernel/lib/string.h"
#include "kernel/proc/task.h"
#include "mm/slab.h"

struct mutex namespace_lock = MUTEX_INIT(namespace_lock);
struct spinlock dcache_lock = SPINLOCK_INIT("dcache");

static struct slab_cache *inode_cache __ro_after_init;

struct inode *inode_create(struct mount *mnt, const struct inode_ops *ops, u32 mode)
{
	struct inode *inode = slab_zalloc(inode_cache);

	if (!inode)
		return NULL;
	inode->ops = ops;
	inode->mnt = mnt;
	inode->refcount = 1;
	inode->mode = mode;
	inode->nlink = S_ISDIR(mode) ? 2 : 1;
	inode->atime = inode->mtime = inode->ctime = inode->btime = inode_now();
	mutex_init(&inode->lock);
	list_init(&inode->locks);
	list_init(&inode->watches);
	spin_lock(&mnt->lock);
	inode->ino = ++mnt->next_ino;
	spin_unlock(&mnt->lock);
	return inode;
}

int inode_create_counted(
	struct mount *mnt, const struct inode_ops *ops, u32 mode, struct inode **out)
{
	int err = mount_charge_inode(mnt);

	if (err)
		return err;
	*out = inode_create(mnt, ops, mode);
	if (*out)
		return 0;
	mount_uncharge_inode(mnt);
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

static bool in_groups(const struct credentials *cred, u32 gid)
{
	for (u32 i = 0; i < cred->ngroups; i++)
		if (cred->groups[i] == gid)
			return true;
	return false;
}

bool cred_in_group(u32 gid)
{
	const struct credentials *cred = current_cred();

	return cred->fsgid == gid || in_groups(cred, gid);
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
	else if (gid == inode->gid || in_groups(current_cred(), inode->gid))
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
	u32 type = inode->mode & S_IFMT;
	bool stored = type == S_IFREG || type == S_IFDIR || type == S_IFLNK;

	if ((mask & MAY_WRITE) && stored && (inode->mnt->flags & MS_RDONLY))
		return -EROFS;
	if ((mask & MAY_WRITE) && inode->mnt->fixed && inode_has_object(inode))
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

/* --- Times and size --- */

s64 inode_now(void)
{
	return (s64)clock_realtime_coarse_ns();
}

/* As Linux's default mount option: once a day, or when it has changed since it was last read. */
void inode_accessed(struct inode *inode)
{
	s64 now;

	if (inode->mnt->flags & (MS_RDONLY | MS_NOATIME))
		return;
	now = inode_now();
	if (inode->atime <= inode->mtime || inode->atime <= inode->ctime ||
		now - inode->atime > (s64)(24 * 3600 * NSEC_PER_SEC))
		inode->atime = now;
}

void file_accessed(struct file *f)
{
	if (!(f->flags & O_NOATIME))
		inode_accessed(f->dentry->inode);
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

void inode_stat(struct inode *inode, struct kstat *st)
{
	u32 block = mount_block_size(inode->mnt);

	if (inode->ops->refresh)
		inode->ops->refresh(inode);
	*st = (struct kstat){
		.dev = inode->mnt->dev,
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
		.mnt_id = inode->mnt->id,
	};
}

void __init inode_init(void)
{
	inode_cache = slab_create("inode_cache", sizeof(struct inode), 0, 0, NULL);
	if (!inode_cache)
		panic("no memory for the inode cache");
}
