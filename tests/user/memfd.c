/* memfd_create: flags, names, what it is; and seals: what each forbids, and when it may be set. */
#include "tests/user/test.h"

#ifndef MFD_HUGE_1GB
#define MFD_HUGE_1GB (30u << 26)
#endif

#define RW (PROT_READ | PROT_WRITE)

static int new_memfd(unsigned int flags)
{
	int fd = syscall(SYS_memfd_create, "test", flags);

	if (fd < 0)
		die("memfd_create");
	return fd;
}

static int sized(unsigned int flags, off_t size)
{
	int fd = new_memfd(flags);

	if (ftruncate(fd, size))
		die("ftruncate");
	return fd;
}

static int sealed(int seals)
{
	int fd = sized(MFD_ALLOW_SEALING, 2 * PAGE);

	if (fcntl(fd, F_ADD_SEALS, seals))
		die("F_ADD_SEALS");
	return fd;
}

/* --- Creation --- */

static void try_create(const char *name, const char *file_name, unsigned int flags)
{
	int fd = syscall(SYS_memfd_create, file_name, flags);

	say(name, "%s", fd < 0 ? errno_name(errno) : "ok");
	if (fd >= 0)
		close(fd);
}

static void creation(void)
{
	static const unsigned int bad[] = {0x8, 0x10, 0x80, 0x80000000, 21u << 26, ~0u};
	char name[256];

	for (size_t i = 0; i < COUNT(bad); i++)
		try_create("flags.bad", "x", bad[i]);
	try_create("flags.all", "x", MFD_CLOEXEC | MFD_ALLOW_SEALING);
	try_create("flags.huge_1gb", "x", MFD_HUGETLB | MFD_HUGE_1GB);
	try_create("flags.huge_and_bad", "x", MFD_HUGETLB | 0x10);
	try_create("name.null", NULL, 0);
	try_create("name.null_bad_flags", NULL, 0x10);
	try_create("name.kernel", KERNEL, 0);
	try_create("name.empty", "", 0);
	try_create("name.slashes", "a/b/../c", 0);
	memset(name, 'n', sizeof(name));
	name[249] = '\0';
	try_create("name.249", name, 0);
	name[249] = 'n';
	name[250] = '\0';
	try_create("name.250", name, 0);
}

static void show_link(const char *name, const char *file_name)
{
	char path[64], target[300];
	int fd = syscall(SYS_memfd_create, file_name, 0);
	ssize_t n;

	snprintf(path, sizeof(path), "/proc/self/fd/%d", fd);
	n = readlink(path, target, sizeof(target) - 1);
	target[n < 0 ? 0 : n] = '\0';
	say(name, "%s", target);
	close(fd);
}

static void nature(void)
{
	int fd = new_memfd(0), again;
	struct stat st;
	char path[64];

	fstat(fd, &st);
	say("stat", "mode %o nlink %d size %ld blocks %ld uid %d", st.st_mode, (int)st.st_nlink,
		(long)st.st_size, (long)st.st_blocks, (int)st.st_uid);
	say("flags", "%x %x", fcntl(fd, F_GETFL), fcntl(fd, F_GETFD));
	answer("write", write(fd, "hello", 5));
	answer("lseek", lseek(fd, 0, SEEK_CUR));
	snprintf(path, sizeof(path), "/proc/self/fd/%d", fd);
	again = open(path, O_RDONLY);
	answer("reopen.read", read(again, path, sizeof(path)));
	answer("reopen.write", write(again, "x", 1));
	close(again);
	close(fd);
	fd = new_memfd(MFD_CLOEXEC);
	say("cloexec", "%x", fcntl(fd, F_GETFD));
	close(fd);
	show_link("link", "some name");
	show_link("link.empty", "");
	show_link("link.slashes", "/a/b");
}

static void in_maps(void)
{
	int fd = sized(0, PAGE);
	char *p = mmap(NULL, PAGE, RW, MAP_SHARED, fd, 0), line[512];
	unsigned long start;
	FILE *maps = fopen("/proc/self/maps", "re");

	while (fgets(line, sizeof(line), maps)) {
		char *name = strchr(line, '/');

		if (sscanf(line, "%lx", &start) == 1 && start == (unsigned long)p)
			say("maps", "%.4s %.*s", strchr(line, ' ') + 1,
				name ? (int)strcspn(name, "\n") : 0, name);
	}
	fclose(maps);
	munmap(p, PAGE);
	close(fd);
}

/* --- Setting seals --- */

static void add(const char *name, int fd, unsigned int seals)
{
	int result = fcntl(fd, F_ADD_SEALS, seals);

	say(name, "%s, now %x", result ? errno_name(errno) : "ok", fcntl(fd, F_GET_SEALS));
}

static void setting(void)
{
	int fd = new_memfd(0), pipes[2], file;
	char path[64];

	add("add.not_allowed", fd, F_SEAL_WRITE);
	add("add.not_allowed.none", fd, 0);
	close(fd);
	fd = new_memfd(MFD_ALLOW_SEALING);
	add("add.none", fd, 0);
	add("add.unknown", fd, 0x1000);
	add("add.unknown_too", fd, F_SEAL_GROW | 0x80000000);
	add("add.grow", fd, F_SEAL_GROW);
	add("add.again", fd, F_SEAL_GROW);
	add("add.shrink", fd, F_SEAL_SHRINK);
	add("add.future", fd, F_SEAL_FUTURE_WRITE);
	add("add.seal", fd, F_SEAL_SEAL);
	add("add.sealed", fd, F_SEAL_WRITE);
	add("add.sealed.same", fd, F_SEAL_SEAL);
	add("add.sealed.unknown", fd, 0x1000);
	snprintf(path, sizeof(path), "/proc/self/fd/%d", fd);
	file = open(path, O_RDONLY);
	add("add.read_only", file, F_SEAL_WRITE);
	add("add.read_only.unknown", file, 0x1000);
	close(file);
	close(fd);
	if (pipe(pipes))
		die("pipe");
	add("add.pipe", pipes[1], F_SEAL_WRITE);
	add("add.pipe.read_end", pipes[0], F_SEAL_WRITE);
	answer("add.no_fd", fcntl(99, F_ADD_SEALS, 0));
	answer("get.no_fd", fcntl(99, F_GET_SEALS));
	fd = open("/dev/null", O_RDWR);
	add("add.device", fd, F_SEAL_WRITE);
}

/* --- What they forbid --- */

static void changes(const char *name, int seals)
{
	int fd = sealed(seals);
	char data[3 * PAGE];

	memset(data, 'd', sizeof(data));
	say(name, "seals %x", fcntl(fd, F_GET_SEALS));
	answer("write", pwrite(fd, data, 10, 0));
	answer("write.none", pwrite(fd, data, 0, 0));
	answer("write.to_end", pwrite(fd, data, 10, 2 * PAGE - 10));
	answer("write.past_end", pwrite(fd, data, 10, 2 * PAGE - 5));
	answer("write.behind", pwrite(fd, data, 10, 2 * PAGE));
	answer("write.long", pwrite(fd, data, sizeof(data), 0));
	answer("write.long_odd", pwrite(fd, data, 2 * PAGE, 100));
	answer("grow", ftruncate(fd, 3 * PAGE));
	answer("shrink", ftruncate(fd, PAGE));
	answer("same", ftruncate(fd, 2 * PAGE));
	answer("fallocate", fallocate(fd, 0, 0, PAGE));
	answer("fallocate.grow", fallocate(fd, 0, 0, 4 * PAGE));
	answer("fallocate.keep", fallocate(fd, FALLOC_FL_KEEP_SIZE, 0, 5 * PAGE));
	answer("fallocate.punch", fallocate(fd, FALLOC_FL_KEEP_SIZE | FALLOC_FL_PUNCH_HOLE, 0, 10));
	answer("size", lseek(fd, 0, SEEK_END));
	answer("read", pread(fd, data, 10, 0));
	close(fd);
}

/* A size that is no multiple of a page. */
static void growing_odd(void)
{
	int fd = sized(MFD_ALLOW_SEALING, PAGE + 100);
	char data[2 * PAGE];

	memset(data, 'o', sizeof(data));
	fcntl(fd, F_ADD_SEALS, F_SEAL_GROW);
	answer("odd.inside", pwrite(fd, data, 50, PAGE + 50));
	answer("odd.across", pwrite(fd, data, 51, PAGE + 50));
	answer("odd.from_first", pwrite(fd, data, PAGE + 101, 0));
	answer("odd.whole", pwrite(fd, data, PAGE + 100, 0));
	close(fd);
}

static void map_kinds(const char *name, int fd)
{
	static const struct {
		const char *name;
		int prot, flags;
	} kinds[] = {{"shared.rw", RW, MAP_SHARED}, {"shared.r", PROT_READ, MAP_SHARED},
		{"shared.none", PROT_NONE, MAP_SHARED}, {"private.rw", RW, MAP_PRIVATE},
		{"private.r", PROT_READ, MAP_PRIVATE}};

	for (size_t i = 0; i < COUNT(kinds); i++) {
		char *p = mmap(NULL, PAGE, kinds[i].prot, kinds[i].flags, fd, 0);

		if (p == MAP_FAILED) {
			say(name, "%s: %s", kinds[i].name, errno_name(errno));
			continue;
		}
		say(name, "%s: ok, maps %s, mprotect %s, write %s", kinds[i].name, map_perms(p),
			mprotect(p, PAGE, RW) ? errno_name(errno) : "ok", try_write(p));
		munmap(p, PAGE);
	}
}

static void mapping(void)
{
	char path[64];
	int fd = sealed(F_SEAL_WRITE), reader;

	map_kinds("map.write", fd);
	snprintf(path, sizeof(path), "/proc/self/fd/%d", fd);
	reader = open(path, O_RDONLY);
	map_kinds("map.write.reader", reader);
	close(reader);
	close(fd);
	fd = sealed(F_SEAL_FUTURE_WRITE);
	map_kinds("map.future", fd);
	close(fd);
	fd = sealed(F_SEAL_GROW | F_SEAL_SHRINK);
	map_kinds("map.size", fd);
	close(fd);
}

/* Which mappings are in the way of F_SEAL_WRITE. */
static void busy(void)
{
	int fd = sized(MFD_ALLOW_SEALING, 4 * PAGE), reader;
	char *p = mmap(NULL, PAGE, RW, MAP_SHARED, fd, 0), *q;
	char path[64];

	add("busy.rw", fd, F_SEAL_WRITE);
	add("busy.with_others", fd, F_SEAL_WRITE | F_SEAL_SHRINK);
	mprotect(p, PAGE, PROT_READ);
	add("busy.read_now", fd, F_SEAL_WRITE);
	munmap(p, PAGE);
	p = mmap(NULL, 2 * PAGE, PROT_READ, MAP_SHARED, fd, 0);
	add("busy.read", fd, F_SEAL_WRITE);
	munmap(p + PAGE, PAGE);
	add("busy.read_half", fd, F_SEAL_WRITE);
	munmap(p, PAGE);
	snprintf(path, sizeof(path), "/proc/self/fd/%d", fd);
	reader = open(path, O_RDONLY);
	p = mmap(NULL, PAGE, PROT_READ, MAP_SHARED, reader, 0);
	q = mmap(NULL, PAGE, RW, MAP_PRIVATE, fd, 0);
	q[0] = 1;
	add("busy.reader_and_private", fd, F_SEAL_WRITE);
	say("busy.private_write", "%s", try_write(q));
	answer("busy.reader_mprotect", mprotect(p, PAGE, RW));
	munmap(p, PAGE);
	munmap(q, PAGE);
	close(reader);
	close(fd);
}

static void busy_child(void)
{
	int fd = sized(MFD_ALLOW_SEALING, PAGE), status, go[2];
	char *p = mmap(NULL, PAGE, RW, MAP_SHARED, fd, 0), c;
	pid_t pid;

	if (pipe(go))
		die("pipe");
	pid = fork();
	if (pid == 0) {
		close(go[1]);
		(void)!read(go[0], &c, 1);
		_exit(0);
	}
	munmap(p, PAGE);
	add("busy.child", fd, F_SEAL_WRITE);
	close(go[1]);
	waitpid(pid, &status, 0);
	add("busy.child_gone", fd, F_SEAL_WRITE);
	close(go[0]);
	close(fd);
}

/* A mapping from before F_SEAL_FUTURE_WRITE goes on as it was. */
static void future(void)
{
	int fd = sized(MFD_ALLOW_SEALING, 2 * PAGE);
	char *p = mmap(NULL, 2 * PAGE, RW, MAP_SHARED, fd, 0), *q;

	add("future", fd, F_SEAL_FUTURE_WRITE);
	say("future.old_write", "%s", try_write(p));
	answer("future.old_protect", mprotect(p, PAGE, PROT_READ));
	answer("future.old_unprotect", mprotect(p, PAGE, RW));
	answer("future.old_remove", madvise(p, PAGE, MADV_REMOVE));
	say("future.removed", "%d", p[0]);
	answer_ptr("future.dup", mremap(p, 0, PAGE, MREMAP_MAYMOVE));
	q = answer_ptr("future.read", mmap(NULL, PAGE, PROT_READ, MAP_SHARED, fd, 0));
	p[1] = 'f';
	check("future.seen", q[1] == 'f');
	add("future.then_write", fd, F_SEAL_WRITE);
	munmap(p, 2 * PAGE);
	answer("future.fd_write", pwrite(fd, "x", 1, 0));
	close(fd);
}

/* The range of MAP_FIXED, when the seal refuses the mapping. */
static void refused_over(void)
{
	int fd = sealed(F_SEAL_WRITE);
	char *p = map_at(FREE_AREA, 3 * PAGE, RW);

	answer_ptr("over", mmap(p + PAGE, PAGE, RW, MAP_SHARED | MAP_FIXED, fd, 0));
	say("over.left", "%s %s %s", map_perms(p), map_perms(p + PAGE), map_perms(p + 2 * PAGE));
	munmap(p, 3 * PAGE);
	close(fd);
}

static void other_calls(void)
{
	int fd = sealed(F_SEAL_WRITE), plain = new_memfd(MFD_ALLOW_SEALING);
	char path[64];

	snprintf(path, sizeof(path), "/proc/self/fd/%d", fd);
	answer("truncate.path", truncate(path, 0));
	close(fd);
	fd = sealed(F_SEAL_SHRINK);
	answer("open.trunc", open(path, O_RDWR | O_TRUNC));
	answer("truncate.shrink", truncate(path, 10));
	answer("write.closed", ftruncate(plain, 10));
	fcntl(plain, F_ADD_SEALS, F_SEAL_WRITE);
	answer("write.bad_buffer", write(plain, KERNEL, 10));
	answer("write.unmapped_buffer", write(plain, (void *)0x1000000, 10));
	close(fd);
	close(plain);
}

int main(void)
{
	creation();
	nature();
	in_maps();
	setting();
	changes("none", 0);
	changes("shrink", F_SEAL_SHRINK);
	changes("grow", F_SEAL_GROW);
	changes("write", F_SEAL_WRITE);
	changes("future", F_SEAL_FUTURE_WRITE);
	changes("all", F_SEAL_WRITE | F_SEAL_GROW | F_SEAL_SHRINK | F_SEAL_SEAL);
	growing_odd();
	mapping();
	busy();
	busy_child();
	future();
	refused_over();
	other_calls();
	return test_failed;
}
