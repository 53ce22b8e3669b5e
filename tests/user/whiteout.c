/* RENAME_WHITEOUT: what stays where a file was. */
#include "tests/user/test.h"

#include <sys/sysmacros.h>

#ifndef RENAME_WHITEOUT
#define RENAME_WHITEOUT 4
#endif

static long move(const char *from, const char *to, unsigned flags)
{
	return renameat2(AT_FDCWD, from, AT_FDCWD, to, flags);
}

static void show(const char *what, const char *path)
{
	char line[64];
	struct stat st;

	snprintf(line, sizeof(line), "%s %s", what, path);
	if (lstat(path, &st))
		say(line, "%s", errno_name(errno));
	else
		say(line, "mode %o device %d/%d links %d owner %d:%d", st.st_mode,
			major(st.st_rdev), minor(st.st_rdev), (int)st.st_nlink, (int)st.st_uid,
			(int)st.st_gid);
}

static void make(const char *path)
{
	close(open(path, O_CREAT | O_WRONLY, 0644));
}

static void as_user(void)
{
	if (setgid(1000) || setuid(1000))
		die("setuid");
	answer("user.move", move("dir/mine", "dir/other", RENAME_WHITEOUT));
	show("user", "dir/mine");
	show("user", "dir/other");
	answer("user.mknod", mknod("dir/white", S_IFCHR | 0600, 0));
	answer("user.mknod_block", mknod("dir/block", S_IFBLK | 0600, 0));
	answer("user.mknod_device", mknod("dir/null", S_IFCHR | 0600, makedev(1, 3)));
	answer("user.open", open("dir/white", O_RDONLY));
	answer("user.unlink", unlink("dir/mine"));
}

int main(void)
{
	static const char *const left[] = {
		"b", "c", "d", "e", "f", "g", "dir/mine", "dir/other", "dir/white"};
	struct stat st;

	if (mkdir("/tmp/whiteout", 0755) || chdir("/tmp/whiteout"))
		die("mkdir");
	umask(0);
	make("a");
	answer("file", move("a", "b", RENAME_WHITEOUT));
	show("file", "a");
	show("file", "b");
	answer("whiteout.open", open("a", O_RDONLY));
	answer("whiteout.again", move("a", "c", RENAME_WHITEOUT));
	show("again", "a");
	show("again", "c");
	make("d");
	answer("over", move("b", "d", RENAME_WHITEOUT));
	show("over", "b");
	show("over", "d");
	make("e");
	answer("noreplace", move("d", "e", RENAME_WHITEOUT | 1));
	answer("noreplace.free", move("d", "f", RENAME_WHITEOUT | 1));
	show("noreplace", "d");
	answer("exchange", move("e", "f", RENAME_WHITEOUT | 2));
	answer("absent", move("x", "y", RENAME_WHITEOUT));
	link("e", "g");
	answer("same_file", move("e", "g", RENAME_WHITEOUT));
	show("same_file", "e");
	answer("same_name", move("e", "e", RENAME_WHITEOUT));
	show("same_name", "e");
	mkdir("dir", 0777);
	answer("dir", move("dir", "dir2", RENAME_WHITEOUT));
	show("dir", "dir");
	show("dir", "dir2");
	stat(".", &st);
	say("links", "%d", (int)st.st_nlink);
	unlink("dir");
	mkdir("dir", 0777);
	chown("dir", 5, 6);
	chmod("dir", 02777);
	make("dir/mine");
	chown("dir/mine", 1000, 1000);
	isolated("user", as_user);
	answer("unlink", unlink("a"));
	show("unlinked", "a");
	for (size_t i = 0; i < COUNT(left); i++)
		unlink(left[i]);
	rmdir("dir");
	rmdir("dir2");
	chdir("/");
	answer("empty", rmdir("/tmp/whiteout"));
	return test_failed;
}
