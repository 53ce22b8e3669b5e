/* Open files: open's flags and errors, reading, writing, seeking, truncating, descriptors. */
#include "tests/user/test.h"
#include <sys/ioctl.h>
#include <sys/sendfile.h>
#include <termios.h>

static char buf[256];

static long size_of(int fd)
{
	struct stat st;

	return fstat(fd, &st) ? -1 : st.st_size;
}

static void try_open(const char *name, const char *path, int flags)
{
	int fd = open(path, flags, 0644);

	say(name, "%s", fd < 0 ? errno_name(errno) : "ok");
	close(fd);
}

static void opening(void)
{
	char longer[300];
	int fd;

	close(make_file("file", "text", 4));
	if (mkdir("dir", 0755) || symlink("file", "link") || symlink("nowhere", "dangling") ||
		symlink("loop", "loop"))
		die("setup");
	try_open("open.file", "file", O_RDWR);
	try_open("open.missing", "missing", O_RDONLY);
	try_open("open.empty_name", "", O_RDONLY);
	try_open("open.excl_exists", "file", O_CREAT | O_EXCL | O_RDWR);
	try_open("open.excl_link", "dangling", O_CREAT | O_EXCL | O_RDWR);
	try_open("open.dir_read", "dir", O_RDONLY);
	try_open("open.dir_write", "dir", O_WRONLY);
	try_open("open.dir_creat", "dir", O_RDONLY | O_CREAT);
	try_open("open.directory_is_file", "file", O_RDONLY | O_DIRECTORY);
	try_open("open.directory", "dir", O_RDONLY | O_DIRECTORY);
	try_open("open.file_slash", "file/", O_RDONLY);
	try_open("open.creat_slash", "new/", O_RDWR | O_CREAT);
	try_open("open.through_file", "file/x", O_RDONLY);
	try_open("open.through_missing", "missing/x", O_RDWR | O_CREAT);
	try_open("open.link", "link", O_RDONLY);
	try_open("open.nofollow", "link", O_RDONLY | O_NOFOLLOW);
	try_open("open.dangling", "dangling", O_RDONLY);
	try_open("open.loop", "loop", O_RDONLY);
	try_open("open.creat_through_link", "dangling", O_RDWR | O_CREAT);
	answer("open.created_target", access("nowhere", F_OK));
	try_open("open.dot", ".", O_RDONLY);
	try_open("open.dots", "dir/../dir/./../file", O_RDONLY);
	try_open("open.missing_dots", "missing/../file", O_RDONLY);
	try_open("open.tmpfile", ".", O_TMPFILE | O_RDWR);
	try_open("open.accmode_3", "file", 3);
	try_open("open.direct", "file", O_RDWR | O_DIRECT | O_TRUNC);
	try_open("open.direct_creat", "direct", O_RDWR | O_CREAT | O_DIRECT);
	answer("open.direct_created", unlink("direct"));
	try_open("open.direct_device", "/dev/zero", O_RDONLY | O_DIRECT);
	try_open("open.direct_path", "file", O_PATH | O_DIRECT);
	fd = open("file", O_RDWR);
	answer("open.direct_kept_size", size_of(fd));
	answer("open.direct_later", fcntl(fd, F_SETFL, O_DIRECT));
	close(fd);
	memset(buf, 'n', 255);
	try_open("open.name_255", buf, O_RDWR | O_CREAT);
	unlink(buf);
	memset(longer, 'n', 256);
	longer[256] = 0;
	try_open("open.name_256", longer, O_RDWR | O_CREAT);
}

static void modes(void)
{
	int fd = open("file", O_WRONLY | O_TRUNC);

	say("trunc.size", "%ld", size_of(fd));
	answer("writeonly.read", read(fd, buf, 1));
	answer("writeonly.write", write(fd, "hello", 5));
	close(fd);
	fd = open("file", O_RDONLY);
	answer("readonly.write", write(fd, "x", 1));
	answer("readonly.ftruncate", ftruncate(fd, 0));
	answer("readonly.read", read(fd, buf, 100));
	answer("readonly.end", read(fd, buf, 100));
	close(fd);
	fd = open("dir", O_RDONLY);
	answer("directory.read", read(fd, buf, 10));
	answer("directory.write", write(fd, buf, 10));
	close(fd);
	answer("closed.read", read(fd, buf, 1));
	answer("closed.close", close(fd));
	answer("closed.negative", close(-1));
}

static void append(void)
{
	int a = open("log", O_RDWR | O_CREAT | O_APPEND, 0644), b = open("log", O_WRONLY);

	if (write(a, "first", 5) != 5 || pwrite(b, "second", 6, 5) != 6)
		die("log");
	lseek(a, 0, SEEK_SET);
	answer("append.write", write(a, "third", 5));
	answer("append.offset", lseek(a, 0, SEEK_CUR));
	answer("append.pwrite", pwrite(a, "!", 1, 0));
	answer("append.size", size_of(a));
	lseek(a, 0, SEEK_SET);
	say("append.contents", "%.*s", (int)read(a, buf, 100), buf);
	fcntl(a, F_SETFL, 0);
	answer("append.cleared", pwrite(a, "F", 1, 0));
	lseek(a, 0, SEEK_SET);
	say("append.contents", "%.*s", (int)read(a, buf, 100), buf);
	close(a);
	close(b);
}

static void seeking(void)
{
	int fd = make_file("seek", "0123456789", 10);
	loff_t result;

	answer("seek.set", lseek(fd, 3, SEEK_SET));
	answer("seek.cur", lseek(fd, 2, SEEK_CUR));
	answer("seek.end", lseek(fd, -1, SEEK_END));
	answer("seek.past_end", lseek(fd, 100, SEEK_END));
	answer("seek.read_past_end", read(fd, buf, 1));
	answer("seek.negative", lseek(fd, -1, SEEK_SET));
	answer("seek.before_start", lseek(fd, -200, SEEK_CUR));
	answer("seek.bad_whence", lseek(fd, 0, 9));
	answer("seek.unchanged", lseek(fd, 0, SEEK_CUR));
	answer("seek.large", syscall(SYS__llseek, fd, 0xfff, 0, &result, SEEK_SET));
	check("seek.large_result", result == 0xfffll << 32);
	answer("seek.too_large", syscall(SYS__llseek, fd, 0x1000, 0, &result, SEEK_SET));
	answer("seek.old_call_overflow", syscall(SYS_lseek, fd, 0, SEEK_CUR));
	lseek(fd, 20, SEEK_SET);
	answer("hole.write", write(fd, "x", 1));
	answer("hole.size", size_of(fd));
	answer("hole.read", pread(fd, buf, 21, 0));
	check("hole.zero", all_bytes(buf + 10, 10, 0));
	answer("pread.end", pread(fd, buf, 10, 21));
	answer("pread.negative", pread(fd, buf, 10, -1));
	answer("pread.keeps_offset", lseek(fd, 0, SEEK_CUR));
	if (ftruncate(fd, 5 * PAGE) || pwrite(fd, "data", 4, 2 * PAGE) != 4)
		die("seek");
	answer("seek.data", lseek(fd, PAGE, SEEK_DATA));
	answer("seek.hole", lseek(fd, 2 * PAGE, SEEK_HOLE));
	answer("seek.hole_at_end", lseek(fd, 5 * PAGE - 1, SEEK_HOLE));
	answer("seek.no_data", lseek(fd, 3 * PAGE, SEEK_DATA));
	answer("seek.data_past_end", lseek(fd, 5 * PAGE, SEEK_DATA));
	if (fallocate(fd, 0, 0, 5 * PAGE))
		die("fallocate");
	answer("seek.reserved_is_no_data", lseek(fd, 0, SEEK_DATA));
	answer("seek.reserved_is_a_hole", lseek(fd, 0, SEEK_HOLE));
	answer("seek.reserved_behind", lseek(fd, 2 * PAGE, SEEK_HOLE));
	answer("seek.reserved_only", lseek(fd, 3 * PAGE, SEEK_DATA));
	close(fd);
	fd = open("/dev/null", O_RDWR);
	answer("seek.null_device", lseek(fd, 1000, SEEK_SET));
	close(fd);
}

static void truncating(void)
{
	int fd = make_file("trunc", "0123456789", 10);

	answer("ftruncate.shorter", ftruncate(fd, 4));
	answer("ftruncate.longer", ftruncate(fd, 8));
	answer("ftruncate.read", pread(fd, buf, 20, 0));
	check("ftruncate.zero", !memcmp(buf, "0123\0\0\0\0", 8));
	answer("ftruncate.negative", ftruncate(fd, -1));
	answer("truncate", truncate("trunc", 3));
	answer("truncate.size", size_of(fd));
	answer("truncate.missing", truncate("missing", 3));
	answer("truncate.directory", truncate("dir", 3));
	if (ftruncate(fd, 0))
		die("ftruncate");
	answer("fallocate", fallocate(fd, 0, 0, 5000));
	answer("fallocate.size", size_of(fd));
	answer("fallocate.keep_size", fallocate(fd, FALLOC_FL_KEEP_SIZE, 0, 9000));
	answer("fallocate.kept", size_of(fd));
	answer("fallocate.punch", fallocate(fd, FALLOC_FL_PUNCH_HOLE, 0, 100));
	answer("fallocate.empty", fallocate(fd, 0, 0, 0));
	close(fd);
}

/* Two gigabytes is the end for those who have not said that they know of more. */
static void large(void)
{
	int small = make_file("large", "", 0), fd = open("large", O_RDWR | O_LARGEFILE);
	struct stat64 st;

	answer("large.ftruncate_small", ftruncate64(small, 0x80000000ll));
	answer("large.write_small", pwrite64(small, "x", 1, 0x7fffffffll));
	answer("large.last_small", pwrite64(small, "x", 1, 0x7ffffffell));
	answer("large.short_small", pwrite64(small, buf, 10, 0x7ffffffcll));
	answer("large.ftruncate", ftruncate64(fd, 0x123456789all));
	answer("large.write", pwrite64(fd, "far", 3, 0x1200000000ll));
	answer("large.read", pread64(fd, buf, 10, 0x1200000000ll));
	say("large.data", "%.3s", buf);
	fstat64(fd, &st);
	say("large.size", "%llx", (long long)st.st_size);
	answer("large.old_stat", syscall(SYS_fstat, fd, buf));
	try_open("large.open_small", "large", O_RDONLY);
	try_open("large.open", "large", O_RDONLY | O_LARGEFILE);
	close(small);
	close(fd);
	unlink("large");
}

static void unlinked(void)
{
	int fd = make_file("gone", "still here", 10);
	struct stat st;

	unlink("gone");
	answer("unlinked.write", write(fd, "!", 1));
	answer("unlinked.read", pread(fd, buf, 20, 0));
	fstat(fd, &st);
	say("unlinked.nlink", "%ld", (long)st.st_nlink);
	try_open("unlinked.open", "gone", O_RDONLY);
	close(fd);
}

static void descriptors(void)
{
	int fd = make_file("dup", "abcdef", 6), copy = dup(fd), other = open("dup", O_RDONLY);

	lseek(fd, 2, SEEK_SET);
	answer("dup.shares_offset", lseek(copy, 0, SEEK_CUR));
	answer("open.own_offset", lseek(other, 0, SEEK_CUR));
	say("getfl", "%#o %#o", fcntl(fd, F_GETFL) & ~O_LARGEFILE,
		fcntl(other, F_GETFL) & ~O_LARGEFILE);
	fcntl(copy, F_SETFL, O_APPEND | O_NONBLOCK);
	say("setfl.shared", "%#o", fcntl(fd, F_GETFL) & ~O_LARGEFILE);
	say("cloexec", "%d %d", fcntl(fd, F_GETFD), fcntl(copy, F_GETFD));
	fcntl(copy, F_SETFD, FD_CLOEXEC);
	say("cloexec.set", "%d", fcntl(copy, F_GETFD));
	answer("dupfd", fcntl(fd, F_DUPFD, 30));
	answer("dupfd.next", fcntl(fd, F_DUPFD_CLOEXEC, 30));
	say("dupfd.flags", "%d %d", fcntl(30, F_GETFD), fcntl(31, F_GETFD));
	answer("dupfd.too_high", fcntl(fd, F_DUPFD, 1 << 20));
	answer("dupfd.negative", fcntl(fd, F_DUPFD, -1));
	answer("fcntl.unknown", fcntl(fd, 12345));
	answer("fcntl.closed", fcntl(99, F_GETFD));
	answer("dup.closed", dup(99));
	answer("ioctl.not_a_terminal", ioctl(fd, TCGETS, buf));
	answer("ioctl.closed", ioctl(99, TCGETS, buf));
	answer("isatty.errno", isatty(fd) ? 1 : -1);
	answer("fsync", fsync(fd));
	answer("fdatasync", fdatasync(fd));
	close(30);
	close(31);
	close(fd);
	close(copy);
	close(other);
}

/* The lowest free number is used. */
static void lowest(void)
{
	int a = dup(0), b = dup(0), c;

	close(a);
	c = dup(0);
	check("lowest", c == a && b == a + 1);
	close(b);
	close(c);
}

static void devices(void)
{
	int null = open("/dev/null", O_RDWR), zero = open("/dev/zero", O_RDWR);
	int full = open("/dev/full", O_RDWR), random = open("/dev/urandom", O_RDONLY);

	answer("null.read", read(null, buf, 10));
	answer("null.write", write(null, buf, 10));
	memset(buf, 1, sizeof(buf));
	answer("zero.read", read(zero, buf, 10));
	check("zero.zero", all_bytes(buf, 10, 0) && buf[10] == 1);
	answer("zero.write", write(zero, buf, 10));
	answer("full.read", read(full, buf, 10));
	answer("full.write", write(full, buf, 10));
	answer("urandom.read", read(random, buf, 64));
	check("urandom.random", !all_bytes(buf, 64, buf[0]));
	close(null);
	close(zero);
	close(full);
	close(random);
}

/* Which errno comes first, for what cannot be allocated. */
static void fallocate_modes(void)
{
	static const int modes[] = {0, 2, 3, 4, 8, 9, 0x10, 0x11, 0x12, 0x13, 0x20, 0x21, 0x40, 0x41,
		0x42, 0x43, 0x50, 0x80};
	int fds[] = {make_file("modes", "text", 4), open("modes", O_RDONLY), open(".", O_RDONLY),
		open("/dev/null", O_RDWR), -1, -1};
	char name[32];

	pipe(fds + 4);
	for (size_t m = 0; m < COUNT(modes); m++)
		for (size_t i = 0; i < COUNT(fds); i++) {
			snprintf(name, sizeof(name), "fallocate.%x.%zu", modes[m], i);
			answer(name, fallocate(fds[i], modes[m], 0, 4096));
		}
	for (size_t i = 0; i < COUNT(fds); i++)
		close(fds[i]);
	unlink("modes");
}

int main(void)
{
	opening();
	modes();
	append();
	seeking();
	truncating();
	large();
	unlinked();
	descriptors();
	lowest();
	devices();
	fallocate_modes();
	return test_failed;
}
