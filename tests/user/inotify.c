/*
 * inotify(7): which events each system call makes, for the file and for its directory; how they
 * are queued and read; what the watches and their limits answer. Cookies are shown as numbers from
 * 1 on, in the order in which they come.
 */
#include "tests/user/test.h"

#include <dirent.h>
#include <poll.h>
#include <pthread.h>
#include <sys/epoll.h>
#include <sys/inotify.h>
#include <sys/ioctl.h>
#include <sys/mount.h>
#include <sys/syscall.h>
#include <sys/uio.h>

#define DIR_MODE 0755

static int fd; /* the instance */

static const struct {
	unsigned bit;
	const char *name;
} bits[] = {
	{IN_ACCESS, "ACCESS"},
	{IN_MODIFY, "MODIFY"},
	{IN_ATTRIB, "ATTRIB"},
	{IN_CLOSE_WRITE, "CLOSE_WRITE"},
	{IN_CLOSE_NOWRITE, "CLOSE_NOWRITE"},
	{IN_OPEN, "OPEN"},
	{IN_MOVED_FROM, "MOVED_FROM"},
	{IN_MOVED_TO, "MOVED_TO"},
	{IN_CREATE, "CREATE"},
	{IN_DELETE, "DELETE"},
	{IN_DELETE_SELF, "DELETE_SELF"},
	{IN_MOVE_SELF, "MOVE_SELF"},
	{IN_UNMOUNT, "UNMOUNT"},
	{IN_Q_OVERFLOW, "OVERFLOW"},
	{IN_IGNORED, "IGNORED"},
	{IN_ISDIR, "ISDIR"},
};

static unsigned cookie_number(unsigned cookie)
{
	static unsigned first;

	if (!cookie)
		return 0;
	if (!first)
		first = cookie;
	return cookie - first + 1;
}

static void show_event(const char *name, const struct inotify_event *e)
{
	char line[400];
	int at = snprintf(line, sizeof(line), "wd %d", e->wd);

	for (size_t i = 0; i < COUNT(bits); i++)
		if (e->mask & bits[i].bit)
			at += snprintf(line + at, sizeof(line) - at, " %s", bits[i].name);
	if (e->cookie)
		at += snprintf(
			line + at, sizeof(line) - at, " cookie %u", cookie_number(e->cookie));
	if (e->len)
		snprintf(line + at, sizeof(line) - at, " '%s' in %u", e->name, e->len);
	say(name, "%s", line);
}

/* Everything that is queued, one line an event. */
static void events_of(const char *name, int from)
{
	char buf[8192] __attribute__((aligned(4)));
	int waiting = -1;
	long n;

	ioctl(from, FIONREAD, &waiting);
	n = waiting ? read(from, buf, sizeof(buf)) : 0;
	if (n != waiting)
		say(name, "%d bytes to read, got %ld", waiting, n);
	if (n == 0)
		say(name, "nothing");
	for (long at = 0; at < n;) {
		struct inotify_event *e = (struct inotify_event *)(buf + at);

		show_event(name, e);
		at += sizeof(*e) + e->len;
	}
}

static void events(const char *name)
{
	events_of(name, fd);
}

static void watch(const char *name, const char *path, unsigned mask)
{
	answer(name, inotify_add_watch(fd, path, mask));
}

static void touch_file(const char *path)
{
	close(open(path, O_WRONLY | O_CREAT, 0644));
}

static void begin(void)
{
	fd = inotify_init1(IN_NONBLOCK | IN_CLOEXEC);
	if (fd < 0)
		die("inotify_init1");
	if (mkdir("watched", DIR_MODE) || mkdir("other", DIR_MODE))
		die("mkdir");
}

static void end(void)
{
	close(fd);
	if (system("rm -rf watched other"))
		die("rm");
}

/* --- What makes which events --- */

static void test_data(void)
{
	struct timespec now[2] = {{0, UTIME_NOW}, {0, UTIME_OMIT}};
	char byte;
	int f;

	begin();
	watch("data.add", "watched", IN_ALL_EVENTS);
	f = open("watched/file", O_RDWR | O_CREAT, 0644);
	events("data.create");
	watch("data.add.file", "watched/file", IN_ALL_EVENTS);
	answer("data.write", write(f, "abcd", 4));
	events("data.write");
	answer("data.write.nothing", write(f, "", 0));
	answer("data.read.end", read(f, &byte, 1));
	events("data.nothing");
	pread(f, &byte, 1, 0);
	pread(f, &byte, 1, 0);
	events("data.read.twice");
	ftruncate(f, 1);
	events("data.ftruncate");
	truncate("watched/file", 2);
	events("data.truncate");
	ftruncate(f, 2);
	events("data.ftruncate.same");
	answer("data.fallocate", fallocate(f, 0, 0, 8192));
	events("data.fallocate");
	answer("data.punch", fallocate(f, FALLOC_FL_PUNCH_HOLE | FALLOC_FL_KEEP_SIZE, 0, 4096));
	events("data.punch");
	fchmod(f, 0600);
	events("data.fchmod");
	chown("watched/file", 0, 0);
	events("data.chown");
	chown("watched/file", -1, -1);
	events("data.chown.nobody");
	futimens(f, NULL);
	events("data.utimes");
	futimens(f, now);
	events("data.utimes.access");
	now[0].tv_nsec = UTIME_OMIT;
	now[1].tv_nsec = UTIME_NOW;
	futimens(f, now);
	events("data.utimes.modification");
	close(f);
	events("data.close");
	close(open("watched/file", O_RDONLY));
	events("data.open.read");
	close(open("watched/file", O_RDWR | O_TRUNC));
	events("data.open.truncate");
	close(open("watched/file", O_PATH));
	events("data.open.path");
	answer("data.stat", access("watched/file", R_OK));
	events("data.stat");
	end();
}

static void test_mapping(void)
{
	int f;
	char *p;

	begin();
	f = make_file("watched/file", "abcd", 4);
	watch("mapping.add", "watched/file", IN_ALL_EVENTS);
	p = mmap(NULL, PAGE, PROT_READ | PROT_WRITE, MAP_SHARED, f, 0);
	p[0] = 'x';
	close(f);
	events("mapping.written");
	answer("mapping.remove", madvise(p, PAGE, MADV_REMOVE));
	events("mapping.remove");
	munmap(p, PAGE);
	events("mapping.gone");
	end();
}

static void test_copying(void)
{
	char bytes[4];
	struct iovec v[2] = {{bytes, 2}, {bytes + 2, 2}};
	int from, to;

	begin();
	from = make_file("watched/from", "0123456789ab", 12);
	to = make_file("watched/to", "", 0);
	lseek(from, 0, SEEK_SET);
	watch("copying.modify", "watched", IN_MODIFY);
	answer("copying.range", copy_file_range(from, NULL, to, NULL, 4, 0));
	events("copying.modify");
	watch("copying.access", "watched", IN_ACCESS);
	answer("copying.range", copy_file_range(from, NULL, to, NULL, 4, 0));
	events("copying.access");
	watch("copying.both", "watched", IN_ACCESS | IN_MODIFY);
	answer("copying.readv", readv(from, v, 2));
	answer("copying.writev", writev(to, v, 2));
	events("copying.vectors");
	close(from);
	close(to);
	end();
}

static void test_names(void)
{
	begin();
	watch("names.add", "watched", IN_ALL_EVENTS);
	mkdir("watched/dir", DIR_MODE);
	symlink("x", "watched/symlink");
	mkfifo("watched/fifo", 0600);
	events("names.make");
	touch_file("watched/file");
	events("names.touch");
	watch("names.add.file", "watched/file", IN_ALL_EVENTS);
	link("watched/file", "watched/link");
	events("names.link");
	unlink("watched/link");
	events("names.unlink.one");
	watch("names.add.dir", "watched/dir", IN_ALL_EVENTS);
	closedir(opendir("watched/dir"));
	events("names.opendir");
	DIR *d = opendir("watched/dir");
	readdir(d);
	closedir(d);
	events("names.readdir");
	rmdir("watched/dir");
	events("names.rmdir");
	unlink("watched/file");
	events("names.unlink");
	answer("names.rm.gone", inotify_rm_watch(fd, 2));
	rmdir("watched/none");
	unlink("watched/none");
	mkdir("watched/fifo", DIR_MODE);
	events("names.failed");
	end();
}

static void test_open_and_gone(void)
{
	int f;

	begin();
	f = make_file("watched/file", "abcd", 4);
	watch("gone.add", "watched", IN_ALL_EVENTS);
	watch("gone.add.file", "watched/file", IN_ALL_EVENTS);
	unlink("watched/file");
	events("gone.unlink");
	write(f, "x", 1);
	events("gone.write");
	fchmod(f, 0600);
	events("gone.fchmod");
	close(f);
	events("gone.close");

	f = make_file("watched/file", "abcd", 4);
	watch("gone.excl", "watched", IN_ALL_EVENTS | IN_EXCL_UNLINK);
	events("gone.excl.before");
	write(f, "x", 1);
	unlink("watched/file");
	events("gone.excl.unlink");
	write(f, "x", 1);
	fchmod(f, 0600);
	close(f);
	events("gone.excl");
	end();
}

static void test_renames(void)
{
	begin();
	watch("rename.add", "watched", IN_ALL_EVENTS);
	watch("rename.add.other", "other", IN_ALL_EVENTS);
	touch_file("watched/a");
	touch_file("other/b");
	mkdir("watched/dir", DIR_MODE);
	events("rename.before");
	watch("rename.add.a", "watched/a", IN_ALL_EVENTS);
	watch("rename.add.b", "other/b", IN_ALL_EVENTS);
	watch("rename.add.dir", "watched/dir", IN_ALL_EVENTS);
	rename("watched/a", "watched/c");
	events("rename.inside");
	rename("watched/c", "other/b");
	events("rename.over");
	rename("watched/dir", "other/d");
	events("rename.dir");
	rename("other/d", "outside");
	events("rename.out");
	rename("outside", "watched/dir");
	events("rename.in");
	answer("rename.exchange",
		syscall(SYS_renameat2, AT_FDCWD, "watched/dir", AT_FDCWD, "other/b", 2));
	events("rename.exchange");
	rename("watched/b", "other/b");
	rename("watched/dir", "watched/dir");
	events("rename.nothing");
	end();
}

static void test_exec(void)
{
	begin();
	watch("exec.add", "/bin/sh", IN_OPEN | IN_ACCESS | IN_CLOSE);
	if (system("exit 0"))
		die("sh");
	events("exec.run");
	end();
}

/* --- Watches --- */

static void test_watches(void)
{
	int other;

	begin();
	touch_file("watched/file");
	symlink("file", "watched/link");
	watch("watch.first", "watched/file", IN_OPEN);
	watch("watch.again", "watched/file", IN_CLOSE);
	close(open("watched/file", O_RDONLY));
	events("watch.replaced");
	watch("watch.more", "watched/file", IN_OPEN | IN_MASK_ADD);
	close(open("watched/file", O_RDONLY));
	events("watch.added");
	watch("watch.create", "watched/file", IN_OPEN | IN_MASK_CREATE);
	watch("watch.create.new", "watched", IN_OPEN | IN_MASK_CREATE);
	watch("watch.both", "watched/file", IN_OPEN | IN_MASK_CREATE | IN_MASK_ADD);
	watch("watch.link", "watched/link", IN_OPEN);
	watch("watch.link.itself", "watched/link", IN_OPEN | IN_DONT_FOLLOW);
	watch("watch.onlydir", "watched/file", IN_OPEN | IN_ONLYDIR);
	watch("watch.onlydir.dir", "watched", IN_OPEN | IN_ONLYDIR);
	watch("watch.nothing", "watched", 0);
	watch("watch.unknown", "watched", 1u << 20);
	watch("watch.onlydir.alone", "watched", IN_ONLYDIR);
	watch("watch.missing", "watched/none", IN_OPEN);
	watch("watch.pointer", (char *)4, IN_OPEN);
	answer("watch.rm", inotify_rm_watch(fd, 1));
	answer("watch.rm.again", inotify_rm_watch(fd, 1));
	answer("watch.rm.0", inotify_rm_watch(fd, 0));
	answer("watch.rm.-1", inotify_rm_watch(fd, -1));
	events("watch.rm");
	watch("watch.next", "watched/file", IN_OPEN);
	other = open("watched/file", O_RDONLY);
	answer("watch.file", inotify_add_watch(other, "watched", IN_OPEN));
	answer("watch.file.rm", inotify_rm_watch(other, 1));
	answer("watch.closed", inotify_add_watch(999, "watched", IN_OPEN));
	answer("watch.closed.0", inotify_add_watch(999, "watched", 0));
	answer("watch.closed.rm", inotify_rm_watch(999, 1));
	answer("watch.init", inotify_init1(1));
	close(other);
	end();
}

static void test_oneshot(void)
{
	begin();
	touch_file("watched/file");
	watch("oneshot.add", "watched/file", IN_ALL_EVENTS | IN_ONESHOT);
	close(open("watched/file", O_RDONLY));
	events("oneshot.open");
	watch("oneshot.dir", "watched", IN_ALL_EVENTS | IN_ONESHOT);
	unlink("watched/file");
	touch_file("watched/more");
	events("oneshot.unlink");
	end();
}

static void unprivileged(void)
{
	if (setuid(1000))
		die("setuid");
	watch("permission.secret", "watched/secret", IN_OPEN);
	watch("permission.file", "watched/secret/file", IN_OPEN);
	watch("permission.write-only", "watched/unreadable", IN_OPEN);
	watch("permission.readable", "watched/readable", IN_OPEN);
}

static void test_permission(void)
{
	begin();
	mkdir("watched/secret", 0700);
	touch_file("watched/secret/file");
	touch_file("watched/unreadable");
	chmod("watched/unreadable", 0222);
	touch_file("watched/readable");
	isolated("permission", unprivileged);
	end();
}

/* --- The queue --- */

static void test_reading(void)
{
	char buf[64] __attribute__((aligned(4)));
	struct epoll_event ev = {.events = EPOLLIN};
	struct pollfd p;
	char *volatile bad = (char *)4;
	int ep = epoll_create1(0);

	begin();
	p = (struct pollfd){fd, POLLIN | POLLRDNORM | POLLOUT, 0};
	watch("read.add", "watched", IN_CREATE);
	answer("read.empty", read(fd, buf, sizeof(buf)));
	answer("read.empty.short", read(fd, buf, 1));
	answer("read.poll.empty", poll(&p, 1, 0));
	answer("read.epoll.add", epoll_ctl(ep, EPOLL_CTL_ADD, fd, &ev));
	answer("read.epoll.empty", epoll_wait(ep, &ev, 1, 0));
	touch_file("watched/a");
	touch_file("watched/a_name_of_sixteen");
	answer("read.poll", poll(&p, 1, 0));
	say("read.revents", "%x", p.revents);
	answer("read.epoll", epoll_wait(ep, &ev, 1, 0));
	answer("read.0", read(fd, buf, 0));
	answer("read.16", read(fd, buf, 16));
	answer("read.31", read(fd, buf, 31));
	answer("read.40", read(fd, buf, 40));
	answer("read.bad", read(fd, bad, 64));
	answer("read.lost", read(fd, buf, 64));
	touch_file("watched/b");
	touch_file("watched/c");
	answer("read.bad.second", read(fd, map_anon(PAGE) + PAGE - 32, 64));
	answer("read.write", write(fd, buf, 4));
	answer("read.ioctl", ioctl(fd, FIONREAD, (char *)4));
	answer("read.ioctl.other", ioctl(fd, 0x1234, 0));
	snprintf(buf, sizeof(buf), "/proc/self/fd/%d", fd);
	char link[64] = "";
	readlink(buf, link, sizeof(link) - 1);
	say("read.link", "%s", link);
	say("read.flags", "%x", fcntl(fd, F_GETFL));
	close(ep);
	end();
}

static void *make_later(void *arg)
{
	usleep(20000);
	touch_file("watched/late");
	return NULL;
}

static void test_blocking(void)
{
	char buf[256];
	pthread_t t;

	begin();
	fcntl(fd, F_SETFL, 0);
	watch("block.add", "watched", IN_CREATE);
	pthread_create(&t, NULL, make_later, NULL);
	answer("block.read", read(fd, buf, sizeof(buf)));
	pthread_join(t, NULL);
	end();
}

static void test_merging(void)
{
	int f;

	begin();
	f = make_file("watched/f", "", 0);
	int g = make_file("watched/g", "", 0);
	watch("merge.add", "watched", IN_MODIFY | IN_MOVE);
	for (int i = 0; i < 5; i++)
		write(f, "x", 1);
	events("merge.same");
	write(f, "x", 1);
	write(g, "x", 1);
	write(f, "x", 1);
	events("merge.other.between");
	rename("watched/f", "watched/h");
	rename("watched/h", "watched/f");
	rename("watched/f", "watched/h");
	events("merge.renames");
	close(f);
	close(g);
	end();
}

static void show_info(const char *name)
{
	char path[64], line[256];
	struct stat st;
	FILE *f;

	snprintf(path, sizeof(path), "/proc/self/fdinfo/%d", fd);
	f = fopen(path, "re");
	while (fgets(line, sizeof(line), f)) {
		unsigned wd, mask, ignored;
		unsigned long ino, dev;
		char *end = strchr(line, '\n');

		if (sscanf(line, "inotify wd:%x ino:%lx sdev:%lx mask:%x ignored_mask:%x ", &wd,
			    &ino, &dev, &mask, &ignored) != 5)
			continue;
		stat(wd == 1 ? "watched" : "other", &st);
		check(name, ino == st.st_ino && end);
		say(name, "wd %u mask %x ignored %x", wd, mask, ignored);
	}
	fclose(f);
}

static void test_info(void)
{
	begin();
	watch("info.add", "watched", IN_ALL_EVENTS);
	watch("info.add.2", "other", IN_OPEN | IN_ONESHOT | IN_EXCL_UNLINK | IN_ONLYDIR);
	show_info("info");
	end();
}

/* --- Unmounting --- */

static void test_unmount(void)
{
	begin();
	if (mount("none", "watched", "tmpfs", 0, NULL))
		die("mount");
	touch_file("watched/file");
	watch("unmount.add", "watched", IN_CREATE);
	watch("unmount.add.file", "watched/file", IN_OPEN);
	answer("unmount", umount("watched"));
	events("unmount");
	answer("unmount.rm", inotify_rm_watch(fd, 1));

	if (mount("none", "watched", "tmpfs", 0, NULL))
		die("mount");
	int f = make_file("watched/file", "", 0);

	watch("detach.add", "watched", IN_CREATE);
	answer("detach", umount2("watched", MNT_DETACH));
	events("detach.busy");
	close(f);
	events("detach.gone");
	end();
}

/* --- Limits --- */

#define SETTINGS "/proc/sys/fs/inotify/"

static void with_setting(const char *path, const char *value, void (*body)(void))
{
	char before[32];

	strcpy(before, read_setting(path));
	write_setting(path, value);
	body();
	write_setting(path, before);
}

static void overflow(void)
{
	begin();
	watch("overflow.add", "watched", IN_CREATE | IN_DELETE);
	for (char c = 'a'; c < 'g'; c++)
		touch_file((char[]){'w', 'a', 't', 'c', 'h', 'e', 'd', '/', c, 0});
	events("overflow");
	touch_file("watched/z");
	events("overflow.after");
	end();
}

static void instances(void)
{
	int one, two, three;

	if (setuid(1234))
		die("setuid");
	one = inotify_init();
	two = inotify_init();
	three = inotify_init();
	check("limit.two", one >= 0 && two >= 0);
	answer("limit.three", three);
	close(one);
	check("limit.again", inotify_init() >= 0);
}

static void test_instances(void)
{
	isolated("limit.instances", instances);
}

static void watches(void)
{
	int other;

	if (setuid(1234))
		die("setuid");
	fd = inotify_init();
	other = inotify_init();
	watch("limit.watch.1", "watched", IN_OPEN);
	answer("limit.watch.2", inotify_add_watch(other, "other", IN_OPEN));
	watch("limit.watch.3", "other", IN_OPEN);
	watch("limit.watch.same", "watched", IN_CLOSE);
	answer("limit.watch.rm", inotify_rm_watch(fd, 1));
	watch("limit.watch.4", "other", IN_OPEN);
}

static void test_watch_limit(void)
{
	begin();
	isolated("limit.watches", watches);
	end();
}

static void test_limits(void)
{
	show_setting(SETTINGS "max_queued_events");
	show_setting(SETTINGS "max_user_instances");
	check("limit.enough", atol(read_setting(SETTINGS "max_user_watches")) >= 8192);
	answer("limit.negative", write_setting(SETTINGS "max_user_watches", "-1"));
	with_setting(SETTINGS "max_queued_events", "3", overflow);
	with_setting(SETTINGS "max_user_instances", "2", test_instances);
	with_setting(SETTINGS "max_user_watches", "2", test_watch_limit);
}

int main(void)
{
	test_data();
	test_mapping();
	test_copying();
	test_names();
	test_open_and_gone();
	test_renames();
	test_exec();
	test_watches();
	test_oneshot();
	test_permission();
	test_reading();
	test_blocking();
	test_merging();
	test_info();
	test_unmount();
	test_limits();
	return test_failed;
}
