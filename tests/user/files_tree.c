/* The tree of names: directories, links, renaming, the current folder, reading directories. */
#include "tests/user/test.h"
#include <dirent.h>

struct entry {
	uint64_t ino, off;
	uint16_t len;
	uint8_t type;
	char name[];
};

static char buf[4096];

static long links(const char *path)
{
	struct stat st;

	return lstat(path, &st) ? -1 : (long)st.st_nlink;
}

static void touch_file(const char *name, const char *text)
{
	close(make_file(name, text, strlen(text)));
}

static const char *contents(const char *name)
{
	int fd = open(name, O_RDONLY);
	ssize_t n = read(fd, buf, sizeof(buf) - 1);

	close(fd);
	buf[n > 0 ? n : 0] = 0;
	return n < 0 ? errno_name(errno) : buf;
}

static void directories(void)
{
	answer("mkdir", mkdir("a", 0755));
	answer("mkdir.exists", mkdir("a", 0755));
	answer("mkdir.slash", mkdir("a/b/", 0755));
	answer("mkdir.no_parent", mkdir("no/b", 0755));
	answer("mkdir.dot", mkdir(".", 0755));
	answer("mkdir.dot_dot", mkdir("a/..", 0755));
	answer("mkdir.root", mkdir("/", 0755));
	answer("mkdir.empty", mkdir("", 0755));
	touch_file("file", "x");
	answer("mkdir.in_file", mkdir("file/x", 0755));
	answer("mkdir.over_file", mkdir("file", 0755));
	say("nlink", "%ld %ld", links("a"), links("a/b"));
	answer("rmdir.not_empty", rmdir("a"));
	answer("rmdir.dot", rmdir("a/b/."));
	answer("rmdir.dot_dot", rmdir("a/b/.."));
	answer("rmdir.file", rmdir("file"));
	answer("rmdir.missing", rmdir("missing"));
	answer("rmdir.root", rmdir("/"));
	answer("rmdir", rmdir("a/b"));
	answer("nlink.after", links("a"));
	answer("unlink.directory", unlink("a"));
	answer("unlink.missing", unlink("missing"));
	answer("unlink.slash", unlink("file/"));
	answer("unlink", unlink("file"));
	answer("unlinkat.dir", unlinkat(AT_FDCWD, "a", AT_REMOVEDIR));
	answer("unlinkat.bad_flags", unlinkat(AT_FDCWD, "a", 0x1234));
}

static void hard_links(void)
{
	touch_file("one", "shared");
	mkdir("d", 0755);
	answer("link", link("one", "two"));
	answer("link.exists", link("one", "two"));
	answer("link.missing", link("missing", "three"));
	answer("link.directory", link("d", "e"));
	answer("link.no_parent", link("one", "no/three"));
	say("link.count", "%ld %ld", links("one"), links("two"));
	unlink("one");
	say("link.left", "%ld %s", links("two"), contents("two"));
	answer("symlink", symlink("two", "sym"));
	answer("symlink.exists", symlink("two", "sym"));
	answer("symlink.empty", symlink("", "empty"));
	answer("link.of_symlink", link("sym", "sym2"));
	say("link.of_symlink_is", "%ld %s", links("sym"), contents("sym2"));
	answer("readlink", readlink("sym", buf, sizeof(buf)));
	say("readlink.text", "%.3s", buf);
	answer("readlink.short", readlink("sym", buf, 2));
	answer("readlink.file", readlink("two", buf, sizeof(buf)));
	answer("readlink.zero", readlink("sym", buf, 0));
	answer("readlink.missing", readlink("missing", buf, sizeof(buf)));
	unlink("sym");
	unlink("sym2");
	unlink("two");
	rmdir("d");
}

static void renaming(void)
{
	touch_file("a", "A");
	touch_file("b", "B");
	mkdir("d", 0755);
	mkdir("d/sub", 0755);
	mkdir("empty", 0755);
	answer("rename", rename("a", "c"));
	say("rename.moved", "%ld %s", links("a"), contents("c"));
	answer("rename.over", rename("c", "b"));
	say("rename.replaced", "%s", contents("b"));
	answer("rename.same", rename("b", "b"));
	link("b", "b2");
	answer("rename.same_file", rename("b", "b2"));
	say("rename.both_stay", "%ld %ld", links("b"), links("b2"));
	answer("rename.missing", rename("missing", "x"));
	answer("rename.file_over_dir", rename("b", "d"));
	answer("rename.dir_over_file", rename("d", "b"));
	answer("rename.dir_over_full", rename("empty", "d"));
	answer("rename.into_itself", rename("d", "d/sub/x"));
	answer("rename.onto_parent", rename("d/sub", "d"));
	answer("rename.dot", rename("d/.", "x"));
	answer("rename.dir_over_empty", rename("d", "empty"));
	say("rename.moved_dir", "%ld %ld", links("empty"), links("empty/sub"));
	answer("rename.into_dir", rename("b", "empty/sub/b"));
	say("rename.found", "%s", contents("empty/sub/b"));
	answer("rename.dir_out", rename("empty/sub", "sub"));
	say("rename.parents", "%ld %ld", links("empty"), links("sub"));
	answer("rename.noreplace", syscall(SYS_renameat2, AT_FDCWD, "b2", AT_FDCWD, "sub", 1));
	answer("rename.exchange", syscall(SYS_renameat2, AT_FDCWD, "b2", AT_FDCWD, "sub", 2));
	say("rename.exchanged", "%s %ld", contents("sub"), links("b2"));
	answer("rename.bad_flags", syscall(SYS_renameat2, AT_FDCWD, "b2", AT_FDCWD, "x", 8));
	unlink("b2/b");
	rmdir("b2");
	unlink("sub");
	rmdir("empty");
}

static void working_directory(void)
{
	char *base = getcwd(NULL, 0);
	int fd;

	mkdir("w", 0755);
	touch_file("w/file", "inside");
	answer("chdir", chdir("w"));
	getcwd(buf, sizeof(buf));
	say("getcwd", "%s", buf + strlen(base));
	say("relative", "%s", contents("file"));
	answer("getcwd.length", syscall(SYS_getcwd, buf, sizeof(buf)) - strlen(base));
	answer("getcwd.too_small", syscall(SYS_getcwd, buf, 2));
	answer("chdir.file", chdir("file"));
	answer("chdir.missing", chdir("missing"));
	mkdir("gone", 0755);
	chdir("gone");
	rmdir("../gone");
	answer("removed.getcwd", syscall(SYS_getcwd, buf, sizeof(buf)));
	answer("removed.create", open("x", O_CREAT | O_RDWR, 0644));
	answer("removed.parent", chdir(".."));
	chdir(base);
	fd = open("w", O_RDONLY);
	answer("fchdir", fchdir(fd));
	answer("openat", openat(fd, "file", O_RDONLY) > 0);
	chdir(base);
	answer("openat.other_cwd", openat(fd, "file", O_RDONLY) > 0);
	answer("openat.bad_fd", openat(99, "file", O_RDONLY));
	answer("openat.absolute", openat(99, "/dev/null", O_RDONLY) > 0);
	close(fd);
	fd = open("w/file", O_RDONLY);
	answer("fchdir.file", fchdir(fd));
	answer("openat.not_a_dir", openat(fd, "x", O_RDONLY));
	close(fd);
	unlink("w/file");
	rmdir("w");
	free(base);
}

static int by_text(const void *a, const void *b)
{
	return strcmp(*(char *const *)a, *(char *const *)b);
}

/* Reads with buffers of this size; the names come sorted. */
static void read_names(const char *name, int fd, size_t size)
{
	char *names[64], all[1024] = "";
	int count = 0;
	long n;

	lseek(fd, 0, SEEK_SET);
	while ((n = syscall(SYS_getdents64, fd, buf, size)) > 0)
		for (long at = 0; at < n && count < 64;) {
			struct entry *e = (struct entry *)(buf + at);

			snprintf(all, sizeof(all), "%s/%d", e->name, e->type);
			names[count++] = strdup(all);
			at += e->len;
		}
	qsort(names, count, sizeof(char *), by_text);
	all[0] = 0;
	for (int i = 0; i < count; i++) {
		strcat(strcat(all, i ? " " : ""), names[i]);
		free(names[i]);
	}
	say(name, "%s (%s)", all, n < 0 ? errno_name(errno) : "end");
}

static void reading(void)
{
	int fd;

	mkdir("r", 0755);
	chdir("r");
	touch_file("file", "");
	touch_file(".hidden", "");
	mkdir("dir", 0755);
	if (symlink("x", "link") || mkfifo("fifo", 0644))
		die("setup");
	touch_file("a_rather_long_name_that_needs_more_room_than_the_others", "");
	fd = open(".", O_RDONLY);
	read_names("getdents.all", fd, sizeof(buf));
	read_names("getdents.piecewise", fd, 80);
	read_names("getdents.too_small", fd, 20);
	unlink("file");
	read_names("getdents.after_unlink", fd, sizeof(buf));
	lseek(fd, 0, SEEK_SET);
	say("getdents.some", "%d", syscall(SYS_getdents64, fd, buf, 80) > 0);
	touch_file("late", "");
	close(fd);
	fd = open("late", O_RDONLY);
	answer("getdents.file", syscall(SYS_getdents64, fd, buf, sizeof(buf)));
	close(fd);
	answer("getdents.closed", syscall(SYS_getdents64, fd, buf, sizeof(buf)));
	fd = open("dir", O_RDONLY);
	rmdir("dir");
	read_names("getdents.removed", fd, sizeof(buf));
	close(fd);
	chdir("..");
}

/* What a process sees of places that are not below its root. */
static void outside(void)
{
	char path[256] = "", link[64];
	int out, proc, file, n;

	mkdir("jail", 0755);
	mkdir("out", 0755);
	out = open("out", O_RDONLY | O_DIRECTORY);
	file = openat(out, "file", O_CREAT | O_RDWR, 0644);
	proc = open("/proc/self", O_RDONLY | O_DIRECTORY);
	if (chroot("jail") || fchdir(out))
		die("chroot");
	answer("outside.getcwd", syscall(SYS_getcwd, path, sizeof(path)) > 0);
	say("outside.getcwd", "%.14s %s", path, strrchr(path, '/'));
	snprintf(link, sizeof(link), "fd/%d", file);
	n = readlinkat(proc, link, path, sizeof(path) - 1);
	path[n > 0 ? n : 0] = '\0';
	say("outside.fd", "%c %s", path[0], strrchr(path, '/'));
	answer("outside.mounts", read(openat(proc, "mounts", O_RDONLY), path, sizeof(path)));
}

/* Below directories whose names together are longer than a path may be. */
static void deep(void)
{
	enum { LEVELS = 17 };
	char name[256], path[5000];

	memset(name, 'x', 255);
	name[255] = '\0';
	for (int i = 0; i < LEVELS; i++)
		if (mkdir(name, 0755) || chdir(name))
			die("deep");
	answer("deep.cwd", readlink("/proc/self/cwd", path, sizeof(path)));
	answer("deep.cwd.short", readlink("/proc/self/cwd", path, 10));
	answer("deep.getcwd", syscall(SYS_getcwd, path, sizeof(path)));
	check("deep.follow", chdir("/proc/self/cwd") == 0);
	for (int i = 0; i < LEVELS; i++)
		if (chdir("..") || rmdir(name))
			die("deep back");
	check("deep.back", readlink("/proc/self/cwd", path, sizeof(path)) > 0);
}

int main(void)
{
	directories();
	hard_links();
	renaming();
	working_directory();
	reading();
	deep();
	isolated("outside", outside);
	unlink("out/file");
	rmdir("out");
	rmdir("jail");
	return test_failed;
}
