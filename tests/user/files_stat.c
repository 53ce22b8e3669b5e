/* What is known about a file: stat's fields, modes, times, access; special files in the tree. */
#include "tests/user/test.h"
#include <sys/statfs.h>
#include <sys/sysmacros.h>
#include <sys/time.h>
#include <utime.h>

static void show(const char *name, const char *path)
{
	struct stat st;

	if (lstat(path, &st)) {
		say(name, "%s", errno_name(errno));
		return;
	}
	say(name, "mode %o nlink %ld uid %d gid %d size %ld blocks %ld blksize %ld", st.st_mode,
		(long)st.st_nlink, st.st_uid, st.st_gid,
		S_ISDIR(st.st_mode) ? -1 : (long)st.st_size, (long)st.st_blocks,
		(long)st.st_blksize);
}

/* The first stat(2): device and inode number have 16 bits. */
struct old_stat {
	uint16_t dev, ino, mode, nlink, uid, gid, rdev;
	uint32_t size, atime, mtime, ctime;
};

static bool same_old(const struct old_stat *o, const struct stat *s)
{
	return o->ino == s->st_ino && o->mode == s->st_mode && o->nlink == s->st_nlink &&
	       o->uid == s->st_uid && o->gid == s->st_gid && o->size == (uint32_t)s->st_size &&
	       o->atime == (uint32_t)s->st_atime && o->mtime == (uint32_t)s->st_mtime &&
	       o->ctime == (uint32_t)s->st_ctime &&
	       o->rdev == (major(s->st_rdev) << 8 | minor(s->st_rdev));
}

/* An inode number that does not fit is an error, if a machine that runs long has such. */
static bool agrees(long result, const struct old_stat *o, const struct stat *s)
{
	if (s->st_ino > UINT16_MAX)
		return result == -1 && errno == EOVERFLOW;
	return result == 0 && same_old(o, s);
}

static void old_calls(void)
{
	struct old_stat old;
	struct stat new;
	int fd = make_file("old", "text", 4);

	stat("old", &new);
	check("old.stat", agrees(syscall(SYS_oldstat, "old", &old), &old, &new));
	check("old.fstat", agrees(syscall(SYS_oldfstat, fd, &old), &old, &new));
	stat("/dev/null", &new);
	check("old.device", agrees(syscall(SYS_oldstat, "/dev/null", &old), &old, &new));
	if (symlink("old", "old-link") || lstat("old-link", &new))
		die("symlink");
	check("old.lstat", agrees(syscall(SYS_oldlstat, "old-link", &old), &old, &new));
	answer("old.missing", syscall(SYS_oldstat, "missing", &old));
	answer("old.closed", syscall(SYS_oldfstat, -1, &old));
	answer("old.unwritable", syscall(SYS_oldstat, "/dev/null", KERNEL));
	truncate64("old", 1ll << 31);
	answer("old.large", syscall(SYS_oldfstat, fd, &old));
	close(fd);
	unlink("old-link");
	unlink("old");
}

static void device(const char *path)
{
	struct stat st;

	if (stat(path, &st))
		say("device", "%s %s", path, errno_name(errno));
	else
		say("device", "%s %s %d:%d", path, S_ISCHR(st.st_mode) ? "char" : "other",
			major(st.st_rdev), minor(st.st_rdev));
}

static void fields(void)
{
	static char text[10000];
	int fd;

	umask(022);
	close(make_file("file", "hello", 5));
	show("stat.file", "file");
	close(make_file("large", text, sizeof(text)));
	show("stat.large", "large");
	fd = open("sparse", O_RDWR | O_CREAT, 0600);
	if (ftruncate(fd, 1 << 20) || pwrite(fd, "x", 1, 500000) != 1)
		die("sparse");
	close(fd);
	show("stat.sparse", "sparse");
	mkdir("dir", 0777);
	show("stat.dir", "dir");
	if (symlink("file", "link"))
		die("symlink");
	show("stat.link", "link");
	answer("mkfifo", mkfifo("fifo", 0666));
	show("stat.fifo", "fifo");
	answer("mknod.char", mknod("null", S_IFCHR | 0666, makedev(1, 3)));
	show("stat.char", "null");
	device("null");
	answer("mknod.file", mknod("plain", S_IFREG | 0640, 0));
	show("stat.plain", "plain");
	answer("mknod.exists", mknod("plain", S_IFREG | 0640, 0));
	answer("mknod.directory", mknod("d", S_IFDIR | 0755, 0));
	show("stat.missing", "missing");
	show("stat.through_file", "file/x");
	show("stat.empty", "");
}

static void devices(void)
{
	device("/dev/null");
	device("/dev/zero");
	device("/dev/full");
	device("/dev/random");
	device("/dev/urandom");
	device("/dev/tty");
	device("/dev/console");
}

/* The calls that ask agree with each other. */
static void agreement(void)
{
	struct stat a, b, c;
	struct statx x;
	int fd = open("file", O_RDONLY);

	stat("link", &a);
	fstat(fd, &b);
	fstatat(AT_FDCWD, "link", &c, AT_SYMLINK_NOFOLLOW);
	check("agree.stat_fstat",
		a.st_ino == b.st_ino && a.st_dev == b.st_dev && a.st_mtime == b.st_mtime);
	check("agree.nofollow", S_ISLNK(c.st_mode) && c.st_ino != a.st_ino);
	answer("statx", statx(AT_FDCWD, "file", 0, STATX_BASIC_STATS, &x));
	check("agree.statx", x.stx_ino == a.st_ino && x.stx_size == (unsigned)a.st_size &&
				     x.stx_mode == a.st_mode &&
				     x.stx_mtime.tv_sec == a.st_mtim.tv_sec &&
				     (long)x.stx_mtime.tv_nsec == a.st_mtim.tv_nsec);
	say("statx.mask", "%#x", x.stx_mask & STATX_BASIC_STATS);
	answer("statx.empty_path", statx(fd, "", AT_EMPTY_PATH, STATX_SIZE, &x));
	answer("statx.empty_path_not_asked_for", statx(fd, "", 0, STATX_SIZE, &x));
	answer("statx.bad_flags", statx(AT_FDCWD, "file", 0x8000, STATX_SIZE, &x));
	answer("fstat.closed", fstat(99, &a));
	close(fd);
}

static void modes(void)
{
	struct stat st;
	mode_t masks[] = {0, 022, 077, 0777};
	char name[16];

	for (size_t i = 0; i < COUNT(masks); i++) {
		umask(masks[i]);
		snprintf(name, sizeof(name), "m%zu", i);
		close(open(name, O_CREAT | O_RDWR, 06777));
		stat(name, &st);
		say("umask", "%03o gives %o", masks[i], st.st_mode & 07777);
	}
	say("umask.old", "%o", umask(022));
	umask(07777);
	say("umask.only_permissions", "%o", umask(022));
	answer("chmod", chmod("file", 07755));
	stat("file", &st);
	say("chmod.mode", "%o", st.st_mode);
	answer("chmod.link", chmod("link", 0600));
	stat("file", &st);
	say("chmod.through_link", "%o", st.st_mode);
	answer("chmod.missing", chmod("missing", 0600));
	answer("chown", chown("file", 5, 6));
	answer("chown.only_group", chown("file", -1, 7));
	stat("file", &st);
	say("chown.ids", "%d %d", st.st_uid, st.st_gid);
	answer("lchown", lchown("link", 8, 9));
	lstat("link", &st);
	say("lchown.ids", "%d %d", st.st_uid, st.st_gid);
	chmod("file", 06755);
	answer("chown.root_again", chown("file", 0, 0));
	stat("file", &st);
	say("chown.clears_setid", "%o", st.st_mode);
}

static void times(void)
{
	struct timespec set[2] = {{1000, 500}, {2000, 600}};
	struct stat before, after;

	answer("utimensat", utimensat(AT_FDCWD, "file", set, 0));
	stat("file", &before);
	say("times.set", "%ld.%ld %ld.%ld", (long)before.st_atim.tv_sec, before.st_atim.tv_nsec,
		(long)before.st_mtim.tv_sec, before.st_mtim.tv_nsec);
	set[0].tv_nsec = UTIME_OMIT;
	set[1].tv_nsec = UTIME_NOW;
	answer("utimensat.now", utimensat(AT_FDCWD, "file", set, 0));
	stat("file", &after);
	check("times.omit_and_now", after.st_atime == 1000 && after.st_mtime > 1000000000);
	set[0].tv_nsec = 1000000000;
	answer("utimensat.bad", utimensat(AT_FDCWD, "file", set, 0));
	answer("utimensat.missing", utimensat(AT_FDCWD, "missing", NULL, 0));
	answer("utime", utime("file", &(struct utimbuf){5, 6}));
	stat("file", &after);
	say("utime.set", "%ld %ld", (long)after.st_atime, (long)after.st_mtime);
	close(make_file("file", "newer", 5));
	stat("file", &after);
	check("times.write_changes", after.st_mtime > 1000000000 && after.st_ctime > 1000000000);
	stat(".", &before);
	usleep(20000);
	close(make_file("another", "", 0));
	stat(".", &after);
	check("times.directory", after.st_mtim.tv_sec > before.st_mtim.tv_sec ||
					 after.st_mtim.tv_nsec > before.st_mtim.tv_nsec);
}

/* Reads a file or lists a directory; whether that changed its time of access. */
static bool access_is_noted(const char *path, int flags)
{
	struct stat before, after;
	char buf[512];
	int fd = open(path, flags);

	fstat(fd, &before);
	usleep(20000);
	if (flags & O_DIRECTORY)
		syscall(SYS_getdents64, fd, buf, sizeof(buf));
	else
		read(fd, buf, sizeof(buf));
	fstat(fd, &after);
	close(fd);
	return before.st_atim.tv_sec != after.st_atim.tv_sec ||
	       before.st_atim.tv_nsec != after.st_atim.tv_nsec;
}

static void noting_access(void)
{
	close(make_file("read", "x", 1));
	mkdir("listed", 0755);
	check("noatime.file", !access_is_noted("read", O_RDONLY | O_NOATIME));
	check("noatime.dir", !access_is_noted("listed", O_RDONLY | O_DIRECTORY | O_NOATIME));
	check("atime.file", access_is_noted("read", O_RDONLY));
	check("atime.dir", access_is_noted("listed", O_RDONLY | O_DIRECTORY));
}

static void accessing(void)
{
	chmod("file", 0);
	answer("access.exists", access("file", F_OK));
	answer("access.root_reads", access("file", R_OK | W_OK));
	answer("access.root_executes", access("file", X_OK));
	chmod("file", 0100);
	answer("access.root_executes_some", access("file", X_OK));
	answer("access.directory", access("dir", R_OK | W_OK | X_OK));
	answer("access.missing", access("missing", F_OK));
	answer("access.bad_mode", access("file", 8));
	answer("access.through_file", access("file/x", F_OK));
	answer("access.link", access("link", F_OK));
	chmod("file", 0644);
}

static void file_system(void)
{
	struct statfs fs;

	answer("statfs", statfs(".", &fs));
	say("statfs.fields", "type %#lx bsize %ld namelen %ld", (long)fs.f_type, (long)fs.f_bsize,
		(long)fs.f_namelen);
	answer("statfs.proc", statfs("/proc", &fs));
	say("statfs.proc_type", "%#lx", (long)fs.f_type);
	answer("statfs.missing", statfs("missing", &fs));
}

static void root(void)
{
	struct stat st;

	stat("/", &st);
	say("root", "%o", st.st_mode);
}

int main(void)
{
	fields();
	devices();
	agreement();
	modes();
	times();
	noting_access();
	accessing();
	file_system();
	root();
	old_calls();
	return test_failed;
}
