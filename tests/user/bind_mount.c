/* Bind mounts: the same files in a second place, with flags of their own; and mounts that move. */
#include "test.h"

#include <dirent.h>
#include <sys/mount.h>
#include <sys/statfs.h>
#include <sys/sysmacros.h>

#define TOP "bind_top"

static char top[256]; /* TOP's absolute path */

static void write_text(const char *path, const char *text)
{
	int fd = open(path, O_WRONLY | O_CREAT | O_TRUNC, 0755);

	if (fd < 0 || write(fd, text, strlen(text)) < 0)
		die(path);
	close(fd);
}

static void show_file(const char *name, const char *path)
{
	char text[64] = "";
	int fd = open(path, O_RDONLY);

	if (fd < 0) {
		answer(name, fd);
		return;
	}
	if (read(fd, text, sizeof(text) - 1) < 0)
		answer(name, -1);
	close(fd);
	say(name, "%s", text);
}

/* A line of mountinfo by its fields: mounts that belong to this test, ids as their order. */
static void show_line(const char *name, char *line, unsigned *ids, int n)
{
	unsigned id, parent, major, minor;
	char root[256], at[256], *rest;
	int used, above = -1;

	sscanf(line, "%u %u %u:%u %255s %255s %n", &id, &parent, &major, &minor, root, at, &used);
	for (int i = 0; i < n; i++)
		if (ids[i] == parent)
			above = i;
	ids[n] = id;
	rest = line + used;
	rest[strcspn(rest, "\n")] = '\0';
	say(name, "#%d in %d: %s %s %s", n, above, root, at + strlen(top), rest);
}

static void show_mounts(const char *name)
{
	FILE *f = fopen("/proc/self/mountinfo", "r");
	unsigned ids[32];
	char line[1024];
	int n = 0;

	while (fgets(line, sizeof(line), f))
		if (strstr(line, top) && n < 32)
			show_line(name, line, ids, n++);
	fclose(f);
	f = fopen("/proc/self/mounts", "r");
	while (fgets(line, sizeof(line), f)) {
		char *at = strstr(line, top);

		line[strcspn(line, "\n")] = '\0';
		if (at)
			say(name, "%.*s%s", (int)(at - line), line, at + strlen(top));
	}
	fclose(f);
}

static int bind_on(const char *from, const char *to, unsigned long flags)
{
	return mount(from, to, NULL, MS_BIND | flags, NULL);
}

static bool same_file(const char *a, const char *b)
{
	struct stat x, y;

	return stat(a, &x) == 0 && stat(b, &y) == 0 && x.st_dev == y.st_dev && x.st_ino == y.st_ino;
}

/* --- Directories and files --- */

static void show_place(const char *name)
{
	char cwd[512], *at = getcwd(cwd, sizeof(cwd)) ? strstr(cwd, TOP) : NULL;

	say(name, "%s", at ? at : cwd);
}

static void test_directory(void)
{
	answer("dir.bind", bind_on("src", "dst", 0));
	show_mounts("dir");
	show_file("dir.read", "dst/sub/file");
	check("dir.same", same_file("src/sub/file", "dst/sub/file"));
	write_text("dst/new", "made there");
	show_file("dir.made", "src/new");
	answer("dir.unlink", unlink("dst/new"));
	answer("dir.gone", access("src/new", F_OK));
	answer("dir.chdir", chdir("dst/sub"));
	show_place("dir.place");
	answer("dir.up", chdir(".."));
	show_place("dir.place");
	answer("dir.up", chdir(".."));
	show_place("dir.place");
	check("dir.parent", same_file(".", top));
	answer("dir.link_across", link("src/sub/file", "dst/link"));
	answer("dir.rename_across", rename("src/sub/file", "dst/renamed"));
	answer("dir.rename_within", rename("dst/sub/file", "dst/sub/other"));
	answer("dir.rename_back", rename("src/sub/other", "src/sub/file"));
	answer("dir.rmdir_target", rmdir("dst"));
	answer("dir.rename_target", rename("dst", "elsewhere"));
	answer("dir.rmdir_source_root", rmdir("src"));
	answer("dir.umount_inside", umount("dst/sub"));
	answer("dir.umount_source", umount("src"));
	answer("dir.umount", umount("dst"));
	answer("dir.umount_again", umount("dst"));
	answer("dir.empty", access("dst/sub", F_OK));
}

static void test_file(void)
{
	int fd;

	answer("file.bind", bind_on("src/sub/file", "plain", 0));
	show_mounts("file");
	show_file("file.read", "plain");
	write_text("plain", "through the mount");
	show_file("file.written", "src/sub/file");
	answer("file.unlink_target", unlink("plain"));
	answer("file.rename_target", rename("plain", "elsewhere"));
	answer("file.rename_over", rename("other", "plain"));
	answer("file.on_dir", bind_on("src/sub/file", "dst", 0));
	answer("file.dir_on_file", bind_on("src", "other", 0));
	answer("file.tmpfs_on_file", mount("none", "other", "tmpfs", 0, NULL));
	fd = open("plain", O_RDONLY);
	answer("file.busy", umount("plain"));
	close(fd);
	answer("file.umount", umount("plain"));
	show_file("file.own", "plain");
}

/* --- What is mounted below --- */

static void test_recursive(void)
{
	answer("rec.one", mount("one", "src/sub", "tmpfs", 0, "size=64k"));
	answer("rec.mkdir", mkdir("src/sub/deep", 0755));
	answer("rec.two", mount("two", "src/sub/deep", "tmpfs", MS_NOSUID, "size=64k"));
	answer("rec.mkdir", mkdir("src/last", 0755));
	answer("rec.three", mount("three", "src/last", "tmpfs", 0, "size=64k"));
	answer("rec.plain", bind_on("src", "dst", 0));
	answer("rec.not_there", access("dst/sub/deep", F_OK));
	answer("rec.umount", umount("dst"));
	answer("rec.beside", mount("beside", "dst2", "tmpfs", 0, "size=64k"));
	answer("rec.lone", mkdir("src/lone", 0755));
	answer("rec.lone", bind_on("src/lone", "dst", MS_REC));
	answer("rec.lone", umount("dst")); /* nothing is in it */
	answer("rec.lone", rmdir("src/lone"));
	answer("rec.bind", bind_on("src", "dst", MS_REC));
	show_mounts("rec");
	answer("rec.umount", umount("dst2"));
	write_text("dst/sub/deep/file", "shared");
	show_file("rec.read", "src/sub/deep/file");
	answer("rec.chdir", chdir("dst/sub/deep"));
	show_place("rec.place");
	answer("rec.chdir", chdir("../.."));
	show_place("rec.place");
	answer("rec.chdir", chdir(".."));
	answer("rec.busy", umount("dst"));
	answer("rec.below", umount("dst/sub/deep"));
	answer("rec.still", access("src/sub/deep/file", F_OK));
	answer("rec.detach", umount2("dst", MNT_DETACH));
	show_mounts("rec.left");
	answer("rec.part", bind_on("src/sub", "dst", MS_REC));
	show_mounts("rec.part");
	answer("rec.into_itself", bind_on("src", "src/last", MS_REC));
	show_mounts("rec.itself");
	answer("rec.detach", umount2("src/last", MNT_DETACH));
	answer("rec.detach", umount2("dst", MNT_DETACH));
	answer("rec.detach", umount2("src/last", MNT_DETACH));
	answer("rec.detach", umount2("src/sub", MNT_DETACH));
	answer("rec.rmdir", rmdir("src/last"));
	show_mounts("rec.none");
}

/* --- Flags of the mount --- */

static void try_to_change(const char *dir)
{
	char path[64], other[64];
	struct statfs fs;
	int fd;

	snprintf(path, sizeof(path), "%s/file", dir);
	snprintf(other, sizeof(other), "%s/more", dir);
	answer("ro.read", close(open(path, O_RDONLY)));
	answer("ro.write", fd = open(path, O_WRONLY));
	answer("ro.trunc", open(path, O_RDONLY | O_TRUNC));
	answer("ro.creat_there", close(open(path, O_RDONLY | O_CREAT, 0600)));
	answer("ro.creat", open(other, O_RDONLY | O_CREAT, 0600));
	answer("ro.creat_excl", open(path, O_RDONLY | O_CREAT | O_EXCL, 0600));
	answer("ro.tmpfile", open(dir, O_RDWR | O_TMPFILE, 0600));
	answer("ro.mkdir", mkdir(other, 0755));
	answer("ro.mkdir_there", mkdir(path, 0755));
	answer("ro.symlink", symlink("x", other));
	answer("ro.mknod", mknod(other, S_IFIFO | 0600, 0));
	answer("ro.link", link(path, other));
	answer("ro.link_there", link(path, path));
	answer("ro.unlink", unlink(path));
	answer("ro.unlink_nothing", unlink(other));
	answer("ro.rmdir", rmdir(path));
	answer("ro.rename", rename(path, other));
	answer("ro.rename_nothing", rename(other, path));
	answer("ro.chmod", chmod(path, 0700));
	answer("ro.chown", chown(path, 1, 1));
	answer("ro.utime", utimensat(AT_FDCWD, path, NULL, 0));
	answer("ro.truncate", truncate(path, 1));
	answer("ro.truncate_dir", truncate(dir, 1));
	answer("ro.access_w", access(path, W_OK));
	answer("ro.access_r", access(path, R_OK));
	answer("ro.access_dir", access(dir, W_OK));
	answer("ro.statfs", statfs(dir, &fs));
	say("ro.statfs", "%lx", fs.f_flags & 0xffful);
}

static void test_read_only(void)
{
	int fd;

	answer("ro.bind", bind_on("src/sub", "dst", MS_RDONLY | MS_NOSUID)); /* flags have no effect */
	show_mounts("ro.bound");
	fd = open("dst/file", O_WRONLY);
	answer("ro.busy", bind_on(NULL, "dst", MS_REMOUNT | MS_RDONLY));
	answer("ro.written", write(fd, "w", 1));
	close(fd);
	answer("ro.inside", bind_on(NULL, "dst/file", MS_REMOUNT | MS_RDONLY));
	answer("ro.remount", bind_on(NULL, "dst", MS_REMOUNT | MS_RDONLY));
	show_mounts("ro");
	try_to_change("dst");
	answer("ro.source_writes", close(open("src/sub/file", O_WRONLY)));
	answer("ro.bind_again", bind_on("dst", "dst2", 0)); /* as read-only as what it is of */
	show_mounts("ro.again");
	answer("ro.rw", bind_on(NULL, "dst2", MS_REMOUNT));
	answer("ro.rw_writes", close(open("dst2/file", O_WRONLY)));
	answer("ro.umount", umount("dst2"));
	answer("ro.noexec", bind_on(NULL, "dst", MS_REMOUNT | MS_NOEXEC | MS_NODEV | MS_NOATIME));
	show_mounts("ro.noexec");
	answer("ro.noexec_access", access("dst/file", X_OK));
	answer("ro.noexec_source", access("src/sub/file", X_OK));
	answer("ro.noexec_exec", execl("dst/file", "file", NULL));
	answer("ro.umount", umount("dst"));
}

/* --- The file system under two mounts --- */

static void test_whole(void)
{
	struct statx x;

	answer("whole.mount", mount("whole", "src/sub", "tmpfs", 0, "size=64k"));
	write_text("src/sub/f", "kept");
	answer("whole.mkdir", mkdir("src/sub/d", 0755));
	answer("whole.bind", bind_on("src/sub", "dst", 0));
	answer("whole.bind_part", bind_on("src/sub/d", "dst2", 0));
	show_mounts("whole");
	statx(AT_FDCWD, "dst2", 0, STATX_BASIC_STATS, &x);
	say("whole.root_of_part", "%d", !!(x.stx_attributes & STATX_ATTR_MOUNT_ROOT));
	statx(AT_FDCWD, "src/sub/d", 0, STATX_BASIC_STATS, &x);
	say("whole.no_root", "%d", !!(x.stx_attributes & STATX_ATTR_MOUNT_ROOT));
	answer("whole.rmdir_bound", rmdir("src/sub/d"));
	show_mounts("whole.deleted");
	answer("whole.create_in_deleted", mkdir("dst2/x", 0755));
	answer("whole.umount", umount("src/sub"));
	show_file("whole.outlives", "dst/f");
	answer("whole.ro", mount(NULL, "dst", NULL, MS_REMOUNT | MS_RDONLY, NULL));
	show_mounts("whole.ro");
	answer("whole.umount", umount("dst"));
	answer("whole.umount", umount("dst2"));
}

/* --- Moving, and what is refused --- */

static void test_move(void)
{
	answer("move.mount", mount("moved", "dst", "tmpfs", 0, "size=64k"));
	answer("move.mkdir", mkdir("dst/in", 0755));
	answer("move.below", mount("below", "dst/in", "tmpfs", 0, "size=64k"));
	write_text("dst/in/file", "moved along");
	answer("move.move", mount("dst", "dst2", NULL, MS_MOVE, NULL));
	show_mounts("move");
	show_file("move.read", "dst2/in/file");
	answer("move.gone", access("dst/in", F_OK));
	answer("move.no_root", mount("dst2/..", "dst", NULL, MS_MOVE, NULL));
	answer("move.no_mount", mount("src", "dst", NULL, MS_MOVE, NULL));
	answer("move.into_itself", mount("dst2", "dst2/in", NULL, MS_MOVE, NULL));
	answer("move.on_file", mount("dst2", "other", NULL, MS_MOVE, NULL));
	answer("move.the_root", mount("/", "dst", NULL, MS_MOVE, NULL));
	answer("move.nothing", mount("nothing", "dst", NULL, MS_MOVE, NULL));
	answer("move.on_itself", mount("dst2", "dst2", NULL, MS_MOVE, NULL));
	answer("move.out", mount("dst2/in", "dst", NULL, MS_MOVE, NULL));
	show_mounts("move.out");
	answer("move.back", mount("dst", "dst2/in", NULL, MS_MOVE, NULL));
	show_mounts("move.back");
	answer("move.umount", umount2("dst2", MNT_DETACH));
	show_mounts("move.none");
}

static void test_refused(void)
{
	int fd, ends[2];
	char path[64];

	answer("refused.no_source", bind_on(NULL, "dst", 0));
	answer("refused.empty", bind_on("", "dst", 0));
	answer("refused.nothing", bind_on("nothing", "dst", 0));
	answer("refused.no_target", bind_on("src", "nothing", 0));
	answer("refused.remount", bind_on(NULL, "dst", MS_REMOUNT));
	answer("refused.two_kinds", mount(NULL, "/", NULL, MS_PRIVATE | MS_SHARED, NULL));
	answer("refused.kind_of_dir", mount(NULL, "dst", NULL, MS_PRIVATE, NULL));
	answer("refused.kind_and_flag", mount(NULL, "/", NULL, MS_PRIVATE | MS_RDONLY, NULL));
	answer("private", mount(NULL, "/", NULL, MS_PRIVATE | MS_REC, NULL));
	answer("slave", mount(NULL, "/", NULL, MS_SLAVE | MS_SILENT, NULL));
	pipe(ends);
	snprintf(path, sizeof(path), "/proc/self/fd/%d", ends[0]);
	answer("refused.pipe", bind_on(path, "other", 0));
	answer("refused.on_pipe", bind_on("other", path, 0));
	mkdir("gone", 0755);
	fd = open("gone", O_RDONLY);
	rmdir("gone");
	snprintf(path, sizeof(path), "/proc/self/fd/%d", fd);
	answer("refused.on_deleted", bind_on("src", path, 0));
	answer("deleted", bind_on(path, "dst", 0));
	close(fd);
	show_mounts("deleted");
	umount("dst");
	answer("unbindable.mount", mount("closed", "dst", "tmpfs", 0, "size=64k"));
	answer("unbindable", mount(NULL, "dst", NULL, MS_UNBINDABLE, NULL));
	show_mounts("unbindable");
	answer("unbindable.bind", bind_on("dst", "dst2", 0));
	answer("unbindable.rec", bind_on(".", "dst2", MS_REC));
	show_mounts("unbindable.rec");
	umount("dst2");
	answer("unbindable.private", mount(NULL, "dst", NULL, MS_PRIVATE, NULL));
	answer("unbindable.bind", bind_on("dst", "dst2", 0));
	umount("dst2");
	umount("dst");
}

/* A place that is moved out of what a mount shows has nothing above it. */
static void test_moved_out(void)
{
	mkdir("src/a", 0755);
	mkdir("src/a/b", 0755);
	answer("out.bind", bind_on("src/a", "dst", 0));
	answer("out.chdir", chdir("dst/b"));
	answer("out.rename", rename("../../src/a/b", "../../src/b"));
	answer("out.up", chdir(".."));
	show_place("out.place");
	answer("out.back", chdir(top));
	answer("out.umount", umount("dst"));
	rmdir("src/b");
	rmdir("src/a");
}

static void test_root(void)
{
	int status;

	answer("root.bind", bind_on("src", "dst", 0));
	if (fork() == 0) {
		answer("root.chroot", chroot("dst"));
		answer("root.chdir", chdir("/"));
		show_place("root.place");
		answer("root.up", chdir("../.."));
		show_file("root.read", "/sub/../../sub/file");
		check("root.stays", same_file(".", "/"));
		_exit(0);
	}
	wait(&status);
	answer("root.umount", umount("dst"));
}

int main(void)
{
	umask(022);
	mkdir(TOP, 0755);
	if (mount("top", TOP, "tmpfs", 0, "size=1m") || chdir(TOP) || !getcwd(top, sizeof(top)))
		die(TOP);
	mkdir("src", 0755);
	mkdir("src/sub", 0755);
	mkdir("dst", 0755);
	mkdir("dst2", 0755);
	write_text("src/sub/file", "text");
	write_text("plain", "its own");
	write_text("other", "another");
	test_directory();
	test_file();
	test_recursive();
	test_read_only();
	test_whole();
	test_move();
	test_refused();
	test_moved_out();
	test_root();
	chdir("..");
	answer("umount", umount(TOP));
	answer("rmdir", rmdir(TOP));
	return test_failed;
}
