/* Bringing the file layer up. */
#include "kernel/core/panic.h"
#include "kernel/fs/fs.h"
#include "kernel/fs/kpath.h"
#include "kernel/fs/notify.h"
#include "kernel/fs/path.h"
#include "kernel/fs/vfs.h"
#include "kernel/ipc/mqueue.h"
#include "kernel/net/sock.h"
#include "kernel/procfs/procfs.h"
#include "kernel/tty/tty.h"

void __init fs_init(void)
{
	inode_init();
	dentry_init();
	file_init();
	fdtable_init();
	fscontext_init();
	path_init();
	tmpfs_init(); /* first: its device number is seen, and as on Linux it is 0:1 */
	hugetlbfs_init();
	pipe_init();
	anon_file_init();
	epoll_init();
	eventfd_init();
	inotify_init();
	userfaultfd_init();
	sock_init();
	devfs_init();
	sysfs_init();
	tracefs_init();
	mem_dev_init();
	tty_dev_init();
	pty_init();
	mqueue_init();
	proc_init();
	if (mount_create("tmpfs", "rootfs", (struct path){0}, 0, NULL))
		boot_fail("out of memory for the root file system");
}

/* Makes one file; what is there already stays as it is. */
static void __init make(const char *path, u32 mode, const char *target)
{
	int err = kpath_create(path, mode, 0, target, NULL);

	if (err && err != -EEXIST)
		boot_fail("cannot make %s (error %d)", path, -err);
}

static void __init mount_at(const char *path, const char *type, const char *options)
{
	struct path on;
	int err;

	make(path, S_IFDIR | 0755, NULL);
	err = path_lookup(AT_FDCWD, path, LOOKUP_FOLLOW | LOOKUP_DIRECTORY, &on);
	if (!err) {
		err = mount_create_implied(type, on, options);
		path_put(on);
	}
	if (err)
		boot_fail("cannot mount %s on %s (error %d)", type, path, -err);
}

static bool __init is_empty(const char *path)
{
	struct path p;
	bool empty;

	if (path_lookup(AT_FDCWD, path, LOOKUP_FOLLOW, &p))
		return true;
	empty = dentry_empty(p.dentry);
	path_put(p);
	return empty;
}

void __init fs_mount_defaults(void)
{
	mount_at("/dev", "devtmpfs", NULL);
	make("/dev/fd", S_IFLNK | 0777, "/proc/self/fd");
	make("/dev/stdin", S_IFLNK | 0777, "/proc/self/fd/0");
	make("/dev/stdout", S_IFLNK | 0777, "/proc/self/fd/1");
	make("/dev/stderr", S_IFLNK | 0777, "/proc/self/fd/2");
	mount_at("/dev/shm", "tmpfs", "mode=1777");
	mount_at("/dev/pts", "devpts", "gid=5,mode=620");
	mount_at("/proc", "proc", NULL);
	mount_at("/sys", "sysfs", NULL);
	mount_at("/sys/kernel/tracing", "tracefs", NULL);
	if (is_empty("/tmp"))
		mount_at("/tmp", "tmpfs", "mode=1777");
}
