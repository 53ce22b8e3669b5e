/* Files without a name that are given one, what of a tmpfs's inodes names take, and calls whose
 * refusal hangs on how a file was opened. */
#include "tests/user/test.h"
#include <sys/file.h>
#include <sys/mount.h>
#include <sys/statfs.h>
#include <sys/uio.h>

#define MOUNT "unnamed"

static void inodes(const char *name)
{
	struct statfs f;

	statfs(".", &f);
	say(name, "%ld inodes", (long)(f.f_files - f.f_ffree));
}

static long name_it(int fd, const char *name)
{
	char path[32];

	snprintf(path, sizeof(path), "/proc/self/fd/%d", fd);
	return linkat(AT_FDCWD, path, AT_FDCWD, name, AT_SYMLINK_FOLLOW);
}

static long names(int fd)
{
	struct stat st;

	return fstat(fd, &st) ? -1 : (long)st.st_nlink;
}

static void unnamed(void)
{
	int fd = open(".", O_TMPFILE | O_RDWR, 0600), other;

	say("unnamed", "%ld names", names(fd));
	inodes("unnamed");
	answer("unnamed.link", name_it(fd, "named"));
	say("unnamed.link", "%ld names", names(fd));
	inodes("unnamed.link");
	answer("unnamed.again", name_it(fd, "again"));
	check("unnamed.write", write(fd, "text", 4) == 4);
	close(fd);
	unlink("named");
	unlink("again");
	inodes("unnamed.gone");
	fd = open(".", O_TMPFILE | O_RDWR | O_EXCL, 0600);
	answer("exclusive.link", name_it(fd, "named"));
	answer("exclusive.link_empty", linkat(fd, "", AT_FDCWD, "named", AT_EMPTY_PATH));
	close(fd);
	other = make_file("dead", "", 0);
	unlink("dead");
	answer("unlinked.link", linkat(other, "", AT_FDCWD, "named", AT_EMPTY_PATH));
	close(other);
}

static void links_count(void)
{
	char name[] = "l0";

	close(make_file("file", "", 0));
	inodes("links.none");
	answer("links.one", link("file", "one"));
	answer("links.two", link("file", "two"));
	inodes("links.two");
	unlink("one");
	inodes("links.unlinked");
	link("file", "one");
	rename("one", "two");
	close(make_file("else", "", 0));
	rename("else", "two");
	inodes("links.replaced");
	while (name[1] < '9' && link("file", name) == 0)
		name[1]++;
	say("links.full", "%s %s", name, errno_name(errno));
	inodes("links.full");
	while (name[1]-- > '0')
		unlink(name);
	unlink("file");
	unlink("two");
	inodes("links.gone");
}

static void refused(void)
{
	struct iovec part = {(char[]){0}, 1};
	int neither, fd = make_file("file", "0123456789", 10), readable = open("file", O_RDONLY);
	loff_t from = 20, to = 21;

	neither = open("file", O_ACCMODE);
	answer("neither.lock", flock(neither, LOCK_EX));
	answer("neither.unlock", flock(neither, LOCK_UN));
	answer("readlink.empty", readlink("", part.iov_base, 1));
	answer("pwritev2.readable", pwritev2(readable, &part, 1, 0, 0x1000));
	answer("copy.beyond_the_end", copy_file_range(fd, &from, fd, &to, 5, 0));
	from = 2, to = 4;
	answer("copy.overlap", copy_file_range(fd, &from, fd, &to, 5, 0));
	from = 8, to = 10;
	answer("copy.overlap_if_longer", copy_file_range(fd, &from, fd, &to, 5, 0));
	mkdir("dir", 0700);
	answer("exchange.into_itself",
		renameat2(AT_FDCWD, "dir", AT_FDCWD, "dir/absent", RENAME_EXCHANGE));
	close(neither);
	close(readable);
	close(fd);
}

int main(void)
{
	mkdir(MOUNT, 0700);
	if (mount("none", MOUNT, "tmpfs", 0, "nr_inodes=8") || chdir(MOUNT))
		die("mount");
	unnamed();
	links_count();
	refused();
	if (chdir("..") || umount(MOUNT))
		die("umount");
	rmdir(MOUNT);
	return test_failed;
}
