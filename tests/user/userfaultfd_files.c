/* userfaultfd(2) over files in memory: shared and private mappings of a memfd, and huge pages. */
#include "tests/user/userfaultfd.h"
#include <sys/mount.h>
#include <sys/shm.h>

#define HUGE	 0x200000u
#define MFD_HUGE 4u

static int file;

static char *map_file(char *at, int flags)
{
	char *p = mmap(at, PAGES * PAGE, RW, flags | MAP_FIXED_NOREPLACE, file, 0);

	if (p != at)
		die("mmap file");
	return p;
}

static void new_file(const char *text)
{
	file = memfd_create("file", MFD_CLOEXEC);
	if (ftruncate(file, (PAGES - 1) * PAGE) || pwrite(file, text, strlen(text), PAGE) < 0)
		die("memfd");
}

static void say_register(const char *name, int fd, const void *p, size_t len)
{
	uint64_t ioctls = 0x99;
	long result = reg_mode(fd, p, len, UFFDIO_REGISTER_MODE_MISSING, &ioctls);

	say(name, "%s, ioctls %llx", result ? errno_name(errno) : "ok", (unsigned long long)ioctls);
}

static void try_continue(const char *name, int fd, const void *p, size_t len)
{
	struct uffdio_continue c = {{(uintptr_t)p, len}, 0, 0x5555};
	long result = ioctl(fd, UFFDIO_CONTINUE, &c);

	answer_copy(name, result, c.mapped);
}

/* --- Shared --- */

static void shared(void)
{
	struct pager p = {.name = "shared", .fd = make_uffd(0, 0), .how = "czcc"};
	char *area, *beside, text[8] = "";
	int pipes[2];

	new_file("in the file");
	area = map_file(FREE_AREA, MAP_SHARED);
	beside = map_file(FREE_AREA2, MAP_SHARED);
	say_register("shared.register", p.fd, p.base = area, PAGES * PAGE);
	pager_start(&p);
	say("shared.there", "%.5s", area + PAGE);
	say("shared.read", "%c", area[10]);
	answer("shared.file", pread(file, text, 1, 10));
	say("shared.file", "%c", text[0]);
	say("shared.beside", "%c", beside[10]);
	area[2 * PAGE] = 'X';
	say("shared.write", "%c %d", beside[2 * PAGE], beside[2 * PAGE + 1]);
	say("shared.made_beside", "%d", beside[3 * PAGE]);
	say("shared.then_there", "%d", area[3 * PAGE]);
	madvise(area, PAGE, MADV_DONTNEED);
	say("shared.dropped", "%c", area[10]);
	madvise(area, PAGE, MADV_REMOVE);
	say("shared.removed", "%c", area[10]);
	if (pipe(pipes))
		die("pipe");
	answer("shared.kernel", write(pipes[1], area + 4 * PAGE, 2));
	close(pipes[0]);
	close(pipes[1]);
	pager_join(&p);
	answer("shared.fallocate", fallocate(file, 0, 5 * PAGE, PAGE));
	say("shared.reserved", "%d", area[5 * PAGE]);
	say("shared.beyond", "%s", try_read(area + (PAGES - 1) * PAGE));
	try_copy("shared.copy_beyond", p.fd, area + (PAGES - 1) * PAGE, area, PAGE, 0);
	try_zero("shared.zero_beyond", p.fd, area + (PAGES - 1) * PAGE, PAGE, 0);
	try_copy("shared.copy_mapped", p.fd, area, area, PAGE, 0);
	madvise(area, PAGE, MADV_DONTNEED);
	try_copy("shared.copy_cached", p.fd, area, area + PAGE, PAGE, 0);
	try_zero("shared.zero_cached", p.fd, area, PAGE, 0);
	try_continue("shared.continue", p.fd, area, PAGE);
	try_continue("shared.continue_again", p.fd, area, PAGE);
	try_continue("shared.continue_missing", p.fd, area + 6 * PAGE, PAGE);
	try_continue("shared.continue_beyond", p.fd, area + (PAGES - 1) * PAGE, PAGE);
	say("shared.continued", "%c", area[10]);
	mprotect(area, PAGES * PAGE, PROT_READ);
	try_copy("shared.copy_read_only", p.fd, area + 6 * PAGE, area, PAGE, 0);
	say("shared.read_only", "%c %c", area[6 * PAGE], beside[6 * PAGE]);
	say("shared.not_writable", "%s", try_write(area + 6 * PAGE));
	close(p.fd);
	munmap(area, PAGES * PAGE);
	munmap(beside, PAGES * PAGE);
	close(file);
}

/* --- Private: what fills it does not come into the file. --- */

static void private(void)
{
	struct pager p = {.name = "private", .fd = make_uffd(0, 0), .how = "czz"};
	char *area, text[8] = "";
	pid_t pid;

	new_file("in the file");
	area = map_file(FREE_AREA, MAP_PRIVATE);
	say_register("private.register", p.fd, p.base = area, PAGES * PAGE);
	pager_start(&p);
	say("private.there", "%.5s", area + PAGE);
	area[PAGE] = 'I';
	say("private.read", "%c", area[10]);
	answer("private.file", pread(file, text, 1, 10));
	say("private.file", "%d", text[0]);
	say("private.zero", "%d", area[2 * PAGE]);
	area[2 * PAGE] = 'X';
	say("private.zero_written", "%c%d", area[2 * PAGE], area[2 * PAGE + 1]);
	area[3 * PAGE] = 'Y';
	say("private.write", "%c%d", area[3 * PAGE], area[3 * PAGE + 1]);
	pager_join(&p);
	say("private.beyond", "%s", try_read(area + (PAGES - 1) * PAGE));
	try_copy("private.copy_beyond", p.fd, area + (PAGES - 1) * PAGE, area, PAGE, 0);
	try_zero("private.zero_beyond", p.fd, area + (PAGES - 1) * PAGE, PAGE, 0);
	madvise(area + PAGE, PAGE, MADV_DONTNEED);
	try_continue("private.continue", p.fd, area + PAGE, PAGE);
	say("private.continued", "%.5s", area + PAGE);
	area[PAGE] = 'J';
	answer("private.then_written", pread(file, text, 1, PAGE));
	say("private.then_written", "%.5s %c", area + PAGE, text[0]);
	try_zero("private.zero_hole", p.fd, area + 4 * PAGE, PAGE, 0);
	try_copy("private.copy_over", p.fd, area + 4 * PAGE, area, PAGE, 0);
	pid = fork();
	if (!pid) {
		say("private.child", "%c %d %c %d", area[10], area[4 * PAGE], area[3 * PAGE],
			area[5 * PAGE]);
		area[4 * PAGE] = 'Z';
		_exit(0);
	}
	waitpid(pid, NULL, 0);
	say("private.parent", "%d", area[4 * PAGE]);
	if (ftruncate(file, 2 * PAGE))
		die("ftruncate");
	say("private.truncated", "%s", try_read(area + 4 * PAGE));
	close(p.fd);
	munmap(area, PAGES * PAGE);
	close(file);
}

/* --- Huge pages --- */

static int set_pool(const char *pages)
{
	int fd = open("/proc/sys/vm/nr_hugepages", O_WRONLY | O_CLOEXEC);
	int n = write(fd, pages, strlen(pages));

	close(fd);
	return n;
}

static void *huge_server(void *arg)
{
	struct pager *p = arg;
	struct uffd_msg m;

	for (const char *how = p->how; *how; how++) {
		char *at;

		get_message(p->name, p->fd, &m);
		at = (char *)(uintptr_t)m.arg.pagefault.address;
		say(p->name, "huge page %u + %u, flags %llx", (unsigned)(at - p->base) / HUGE,
			(unsigned)(at - p->base) % HUGE, (unsigned long long)m.arg.pagefault.flags);
		at -= (at - p->base) % HUGE;
		if (*how == 'w')
			wake(p->fd, at, HUGE);
		else
			copy_to(p->fd, at, FREE_AREA2, HUGE, 0, NULL);
	}
	return NULL;
}

/* `how`: what the faults on the first two pages, which are missing or not, get. */
static void huge(const char *name, int flags, int from, const char *how)
{
	struct pager p = {.name = name, .fd = make_uffd(0, 0), .how = how};
	char *area = mmap(FREE_AREA, 4 * HUGE, RW, flags | MAP_FIXED_NOREPLACE, from, 0);
	char *source = mmap(FREE_AREA2, 2 * HUGE, RW,
		MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE | MAP_FIXED, -1, 0);

	if (area == MAP_FAILED || source == MAP_FAILED)
		die("huge");
	madvise(source, 2 * HUGE, MADV_NOHUGEPAGE);
	memset(source, 'h', HUGE);
	source[HUGE - 1] = 'e';
	p.base = area;
	say_register(name, p.fd, area + PAGE, HUGE);
	say_register(name, p.fd, area, HUGE + PAGE);
	say_register(name, p.fd, area, 4 * HUGE);
	answer(name, unreg(p.fd, area + PAGE, HUGE));
	pthread_create(&p.thread, NULL, huge_server, &p);
	say(name, "%c %c", area[HUGE - 2], area[HUGE - 1]);
	area[HUGE + 3 * PAGE + 7] = 'X';
	say(name, "%c %c %c", area[HUGE], area[HUGE + 3 * PAGE + 7], area[2 * HUGE - 1]);
	pthread_join(p.thread, NULL);
	try_copy(name, p.fd, area + PAGE, source, HUGE, 0);
	try_copy(name, p.fd, area + 2 * HUGE, source, PAGE, 0);
	try_copy(name, p.fd, area, source, HUGE, 0);
	try_zero(name, p.fd, area + 2 * HUGE, HUGE, 0);
	try_copy(name, p.fd, area + 2 * HUGE, (char *)0xbff00000, HUGE, 0);
	try_copy(name, p.fd, area + 2 * HUGE, source + 100, 2 * HUGE, 0);
	try_continue(name, p.fd, area + 3 * HUGE, HUGE);
	madvise(area + 3 * HUGE, HUGE, MADV_DONTNEED);
	try_continue(name, p.fd, area + 3 * HUGE, HUGE);
	munmap(source, 2 * HUGE);
	close(p.fd);
	munmap(area, 4 * HUGE);
}

static void huge_pages(void)
{
	int fd;

	if (set_pool("8") < 0)
		die("nr_hugepages");
	huge("huge_private", MAP_PRIVATE | MAP_ANONYMOUS | MAP_HUGETLB, -1, "cwc");
	huge("huge_shared", MAP_SHARED | MAP_ANONYMOUS | MAP_HUGETLB, -1, "cwc");
	fd = memfd_create("huge", MFD_HUGE);
	if (ftruncate(fd, 4 * HUGE))
		die("huge file");
	huge("huge_file", MAP_SHARED, fd, "cwc");
	huge("huge_file_again", MAP_PRIVATE, fd, "");
	close(fd);
	set_pool("0");
}

/* --- Segments of System V, which only huge pages make fit --- */

static void segment(const char *name, size_t size, int get, int attach)
{
	int id = shmget(IPC_PRIVATE, size, get | 0600), fd = make_uffd(0, 0);
	char *p = shmat(id, FREE_AREA, attach);

	shmctl(id, IPC_RMID, NULL);
	if (p == (void *)-1)
		die("shmat");
	answer(name, reg(fd, p, size));
	answer(name, unreg(fd, p, size));
	shmdt(p);
	close(fd);
}

static void segments(void)
{
	set_pool("2");
	segment("segment", 2 * PAGE, 0, 0);
	segment("segment.read_only", 2 * PAGE, 0, SHM_RDONLY);
	segment("segment.huge", HUGE, SHM_HUGETLB, 0);
	set_pool("0");
}

/* --- Merging --- */

/* A write that is refused leaves its mark on a private mapping: a forked process sees it. */
static void refused(const char *name, const char *(*touch)(volatile void *))
{
	int fd = make_uffd(0, UFFD_FEATURE_SIGBUS);
	char *p = map_at(FREE_AREA, 3 * PAGE, RW);
	pid_t pid;

	if (reg(fd, p, 3 * PAGE))
		die("register");
	say(name, "%s", touch(p));
	pid = fork();
	if (!pid) {
		mmap(p + PAGE, PAGE, RW, MAP_PRIVATE | MAP_ANONYMOUS | MAP_FIXED, -1, 0);
		say(name, "%d", map_lines(p, 3 * PAGE));
		_exit(0);
	}
	waitpid(pid, NULL, 0);
	munmap(p, 3 * PAGE);
	close(fd);
}

/* The ring of io_setup(2) is no file of memory. */
static void ring(void)
{
	int fd = make_uffd(O_NONBLOCK, 0);
	unsigned long at = 0;

	answer("ring", syscall(SYS_io_setup, 1, &at));
	answer("ring.register", reg(fd, (void *)at, PAGE));
	syscall(SYS_io_destroy, at);
	close(fd);
}

/* There is no room for the page where the file is. */
static void no_room(void)
{
	char from[2 * PAGE];
	int file, fd = make_uffd(O_NONBLOCK, 0);
	char *p;

	if (mkdir("full", 0755) || mount("none", "full", "tmpfs", 0, "size=4k"))
		die("mount");
	file = open("full/file", O_RDWR | O_CREAT, 0644);
	ftruncate(file, 2 * PAGE);
	p = mmap(NULL, 2 * PAGE, RW, MAP_SHARED, file, 0);
	answer("no_room.register", reg(fd, p, 2 * PAGE));
	try_copy("no_room.copy", fd, p, from, 2 * PAGE, 0);
	try_copy("no_room.copy_again", fd, p + PAGE, from, PAGE, 0);
	try_zero("no_room.zero", fd, p + PAGE, PAGE, 0);
	munmap(p, 2 * PAGE);
	close(file);
	close(fd);
	umount("full");
	rmdir("full");
}

/* With what the file has: a page, one that is only reserved, none, and one whose frame is bad. */
static void continued(void)
{
	int file = memfd_create("continued", 0), fd = make_uffd(O_NONBLOCK, 0);
	unsigned char there[4];
	char *a, *p;

	ftruncate(file, 4 * PAGE);
	a = mmap(NULL, 4 * PAGE, RW, MAP_SHARED, file, 0);
	p = mmap(NULL, 4 * PAGE, RW, MAP_SHARED, file, 0);
	memset(a, 7, 2 * PAGE);
	fallocate(file, 0, 2 * PAGE, PAGE);
	madvise(a, PAGE, 20 /* MADV_COLD: Linux's lists know the page from now on */);
	answer("continued.poison", madvise(a + PAGE, PAGE, MADV_HWPOISON));
	answer("continued.register", reg(fd, p, 4 * PAGE));
	try_continue("continued.page", fd, p, PAGE);
	try_continue("continued.bad", fd, p + PAGE, PAGE);
	try_continue("continued.reserved", fd, p + 2 * PAGE, PAGE);
	try_continue("continued.missing", fd, p + 3 * PAGE, PAGE);
	say("continued.read", "%d %d", p[0], p[2 * PAGE]);
	a = mmap(NULL, 4 * PAGE, RW, MAP_SHARED, file, 0);
	mincore(a, 4 * PAGE, there);
	say("continued.mincore", "%d%d%d%d", there[0] & 1, there[1] & 1, there[2] & 1,
		there[3] & 1);
	answer("continued.used_now", lseek(file, 2 * PAGE, SEEK_DATA));
	ftruncate(file, 0);
}

/* Memory like any, but that UFFDIO_ZEROPAGE asks how long the file is, Linux's way: a device is not,
 * what is shared is as long as the mapping, wherever in the file that begins. */
static void device(const char *name, int flags, off_t at)
{
	int fd = make_uffd(0, 0), zero = open("/dev/zero", O_RDWR);
	char *area = mmap(FREE_AREA, 8 * PAGE, RW, flags | MAP_FIXED, zero, at);

	answer(name, reg(fd, area, 8 * PAGE));
	try_zero(name, fd, area, PAGE, 0);
	try_copy(name, fd, area + PAGE, FREE_AREA2, PAGE, 0);
	unreg(fd, area, 8 * PAGE);
	say(name, "%s", try_write(area + 4 * PAGE));
	close(fd);
	close(zero);
	munmap(area, 8 * PAGE);
}

static void devices(void)
{
	char *from = map_at(FREE_AREA2, PAGE, RW);

	device("device.private", MAP_PRIVATE, 0);
	device("device.private_later", MAP_PRIVATE, 9 * PAGE);
	device("device.shared", MAP_SHARED, 0);
	device("device.shared_later", MAP_SHARED, 5 * PAGE);
	device("device.shared_beyond", MAP_SHARED, 9 * PAGE);
	munmap(from, PAGE);
}

int main(void)
{
	shared();
	private();
	devices();
	huge_pages();
	segments();
	ring();
	no_room();
	isolated("continued", continued);
	refused("refused.read", try_read);
	refused("refused.write", try_write);
	return test_failed;
}
