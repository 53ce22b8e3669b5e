/* openat2(2): ways that a path must not go, and what it refuses that open(2) ignores. */
#include "tests/user/test.h"

#include <linux/openat2.h>
#include <sys/mount.h>

static int top; /* of the tree */

static long open_as(int dir, const char *path, unsigned long long flags, unsigned long long resolve)
{
	struct open_how how = {.flags = flags, .resolve = resolve};

	return syscall(SYS_openat2, dir, path, &how, sizeof(how));
}

/* What each bit makes of a path from `top`: the errno, or the inode when it is opened. */
static void try(const char *path)
{
	static const char *const names[] = {
		"plain", "no_xdev", "no_magic", "no_links", "beneath", "in_root"};
	char line[256] = "";
	struct stat st;

	for (size_t i = 0; i < COUNT(names); i++) {
		int fd = open_as(top, path, O_RDONLY, i ? 1u << (i - 1) : 0);

		snprintf(line + strlen(line), sizeof(line) - strlen(line), " %s %s", names[i],
			fd < 0 ? errno_name(errno) : "ok");
		if (fd >= 0 && !fstat(fd, &st) && S_ISREG(st.st_mode))
			snprintf(line + strlen(line), 16, "(%ld)", (long)st.st_size);
		if (fd >= 0)
			close(fd);
	}
	say(path, "%s", line + 1);
}

static void ways(void)
{
	static const char *const paths[] = {"a/file", "./a/../a/file", "..", "../tree", ".",
		"a/../..", "/", "/a/file", "/proc", "/proc/self/stat", "missing", "mount",
		"mount/file", "mount/..", "mount/../a/file", "rel", "up", "up/tree/a/file", "abs",
		"abs/a", "absfile", "loop", "magic", "magic/tree", "mount/link", "a/out/a/file",
		"a/file/", "dir_link/file", "proc_link"};

	for (size_t i = 0; i < COUNT(paths); i++)
		try(paths[i]);
}

static void build(void)
{
	int fd;

	mkdir("tree", 0755);
	mkdir("tree/a", 0755);
	mkdir("tree/mount", 0755);
	close(make_file("tree/a/file", "one", 3));
	symlink("a/file", "tree/rel");
	symlink("..", "tree/up");
	symlink("/", "tree/abs");
	symlink("/a/file", "tree/absfile");
	symlink("loop", "tree/loop");
	symlink("/proc/self/cwd", "tree/magic");
	symlink("/proc/self", "tree/proc_link");
	symlink("../../tree", "tree/a/out");
	symlink("a", "tree/dir_link");
	if (mount("none", "tree/mount", "tmpfs", 0, NULL))
		die("mount");
	fd = make_file("tree/mount/file", "four", 4);
	close(fd);
	symlink("../a/file", "tree/mount/link");
	top = open("tree", O_PATH | O_DIRECTORY);
}

static void descriptors(void)
{
	int file = open("tree/a/file", O_RDONLY);

	answer("dirfd.closed", open_as(99, "a", O_RDONLY, RESOLVE_BENEATH));
	answer("dirfd.closed_absolute", open_as(99, "/proc", O_RDONLY, RESOLVE_IN_ROOT));
	answer("dirfd.file", open_as(file, "a", O_RDONLY, RESOLVE_BENEATH));
	check("dirfd.cwd", open_as(AT_FDCWD, "tree/a", O_RDONLY, RESOLVE_BENEATH) >= 0);
	answer("dirfd.cwd_up", open_as(AT_FDCWD, "tree/../..", O_RDONLY, RESOLVE_BENEATH));
	check("cached", open_as(top, "a/file", O_RDONLY, RESOLVE_CACHED) >= 0);
	answer("empty", open_as(top, "", O_RDONLY, RESOLVE_BENEATH));
	close(file);
}

static void creating(void)
{
	static const unsigned resolve[] = {RESOLVE_BENEATH, RESOLVE_IN_ROOT, RESOLVE_CACHED};
	static const char *const paths[] = {"new", "/new2", "up/new3", "mount/new4"};
	struct open_how how = {.flags = O_CREAT | O_EXCL | O_WRONLY | O_CLOEXEC, .mode = 0600};

	for (size_t i = 0; i < COUNT(resolve); i++) {
		for (size_t k = 0; k < COUNT(paths); k++) {
			long fd;

			how.resolve = resolve[i];
			fd = syscall(SYS_openat2, top, paths[k], &how, sizeof(how));
			say(paths[k], "%s", fd < 0 ? errno_name(errno) : "ok");
			if (fd >= 0)
				close(fd);
			unlinkat(top, paths[k] + (paths[k][0] == '/'), 0);
		}
	}
	how.flags = O_TMPFILE | O_RDWR;
	how.resolve = RESOLVE_NO_XDEV;
	check("unnamed", syscall(SYS_openat2, top, "a", &how, sizeof(how)) >= 0);
	answer("unnamed.elsewhere", syscall(SYS_openat2, top, "mount", &how, sizeof(how)));
	how.resolve = RESOLVE_CACHED;
	answer("unnamed.cached", syscall(SYS_openat2, top, "a", &how, sizeof(how)));
}

static void link_itself(void)
{
	answer("link.nofollow", open_as(top, "rel", O_RDONLY | O_NOFOLLOW, RESOLVE_NO_SYMLINKS));
	check("link.path", open_as(top, "rel", O_PATH | O_NOFOLLOW, RESOLVE_NO_SYMLINKS) >= 0);
	answer("link.dir_slash",
		open_as(top, "dir_link/", O_PATH | O_NOFOLLOW, RESOLVE_NO_SYMLINKS));
}

static void refused(void)
{
	static const struct open_how hows[] = {{.flags = 1ull << 32}, {.flags = 1u << 30},
		{.flags = 010}, {.resolve = 64}, {.resolve = 1ull << 40},
		{.resolve = RESOLVE_BENEATH | RESOLVE_IN_ROOT}, {.mode = 0600},
		{.flags = O_CREAT, .mode = 010000}, {.flags = O_PATH | O_RDWR},
		{.flags = O_PATH | O_CREAT}, {.flags = O_PATH | O_LARGEFILE},
		{.flags = O_TRUNC | O_WRONLY, .resolve = RESOLVE_CACHED},
		{.flags = 020000000 | O_RDWR}, {.flags = O_TMPFILE},
		{.flags = O_DIRECTORY | O_CREAT}};
	struct {
		struct open_how how;
		unsigned long long more;
	} larger = {.more = 0};
	char page[2 * PAGE];

	for (size_t i = 0; i < COUNT(hows); i++)
		answer("refused", syscall(SYS_openat2, top, "a/file", &hows[i], sizeof(hows[i])));
	memset(page, 0, sizeof(page));
	answer("size.small", syscall(SYS_openat2, top, "a", &larger, sizeof(larger.how) - 1));
	check("size.larger", syscall(SYS_openat2, top, "a", &larger, sizeof(larger)) >= 0);
	check("size.page", syscall(SYS_openat2, top, "a", page, PAGE) >= 0);
	answer("size.beyond", syscall(SYS_openat2, top, "a", page, PAGE + 1));
	larger.more = 1;
	answer("size.not_zero", syscall(SYS_openat2, top, "a", &larger, sizeof(larger)));
	answer("fault", syscall(SYS_openat2, top, "a", 8, sizeof(larger.how)));
}

int main(void)
{
	build();
	ways();
	descriptors();
	creating();
	link_itself();
	refused();
	umount("tree/mount");
	return test_failed;
}
