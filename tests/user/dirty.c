/* Which pages of files are dirty, as /proc/self/smaps counts them: those that were written, through
 * whatever, and not those that were only made to be read. */
#include "tests/user/test.h"
#include "tests/user/userfaultfd.h"
#include <sys/shm.h>

static void show(const char *name, const char *p)
{
	pid_t me = getpid();

	say(name, "shared %ld clean %ld dirty, private %ld clean %ld dirty, anonymous %ld",
		smaps_value(me, p, "Shared_Clean:"), smaps_value(me, p, "Shared_Dirty:"),
		smaps_value(me, p, "Private_Clean:"), smaps_value(me, p, "Private_Dirty:"),
		smaps_value(me, p, "Anonymous:"));
}

static int new_file(void)
{
	int fd = memfd_create("dirty", MFD_CLOEXEC);

	if (fd < 0 || ftruncate(fd, PAGES * PAGE))
		die("memfd");
	return fd;
}

static char *map(int fd, int prot, int flags)
{
	char *p = mmap(NULL, PAGES * PAGE, prot, flags, fd, 0);

	if (p == MAP_FAILED)
		die("mmap");
	return p;
}

static void read_all(const char *p)
{
	for (unsigned i = 0; i < PAGES; i++)
		(void)*(volatile const char *)(p + i * PAGE);
}

static void mapped(void)
{
	int fd = new_file();
	char *p = map(fd, PROT_READ | PROT_WRITE, MAP_SHARED);

	read_all(p);
	show("mapped.holes_read", p);
	p[PAGE] = 1;
	show("mapped.one_written", p);
	munmap(p, PAGES * PAGE);
	p = map(fd, PROT_READ, MAP_SHARED);
	read_all(p);
	show("mapped.and_unmapped", p);
	munmap(p, PAGES * PAGE);
	p = map(fd, PROT_READ | PROT_WRITE, MAP_PRIVATE);
	read_all(p);
	show("mapped.private", p);
	p[0] = p[PAGE] = 1;
	show("mapped.private_written", p);
	munmap(p, PAGES * PAGE);
	close(fd);
}

static void populated_again(void)
{
	char *p = map(-1, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS);
	pid_t pid;

	madvise(p, PAGES * PAGE, MADV_POPULATE_READ);
	madvise(p, PAGES * PAGE, MADV_DONTNEED);
	read_all(p);
	show("populated_again.read", p);
	p[0] = 1; /* no fault: only the entry knows */
	madvise(p, 2 * PAGE, MADV_POPULATE_WRITE);
	show("populated_again.written", p);
	if (!(pid = fork())) {
		read_all(p);
		show("populated_again.child", p);
		_exit(0);
	}
	waitpid(pid, NULL, 0);
	munmap(p, PAGES * PAGE);
}

static void populated(void)
{
	int fd = new_file();
	char *p = map(fd, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_POPULATE);

	show("populated.shared", p);
	munmap(p, PAGES * PAGE);
	p = map(fd, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_POPULATE);
	show("populated.private", p);
	munmap(p, PAGES * PAGE);
	close(fd);
	p = mmap(NULL, PAGES * PAGE, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	madvise(p, 2 * PAGE, MADV_POPULATE_READ);
	madvise(p + 2 * PAGE, PAGE, MADV_POPULATE_WRITE);
	show("populated.madvise", p);
	mprotect(p, PAGES * PAGE, PROT_READ);
	read_all(p);
	show("populated.protected", p);
	munmap(p, PAGES * PAGE);
}

static void called(void)
{
	int fd = new_file();
	char *p = map(fd, PROT_READ | PROT_WRITE, MAP_SHARED), bytes[2 * PAGE] = {0};

	pread(fd, bytes, sizeof(bytes), 0);
	read_all(p);
	show("called.read", p);
	pwrite(fd, bytes, 1, 0);
	show("called.pwrite", p);
	fallocate(fd, FALLOC_FL_KEEP_SIZE, PAGE, PAGE);
	show("called.fallocate", p);
	fallocate(fd, FALLOC_FL_KEEP_SIZE | FALLOC_FL_PUNCH_HOLE, 3 * PAGE + 100, 100);
	show("called.punched", p);
	fallocate(fd, FALLOC_FL_KEEP_SIZE | FALLOC_FL_PUNCH_HOLE, 0, PAGE);
	read_all(p);
	show("called.punched_and_read", p);
	fallocate(fd, FALLOC_FL_KEEP_SIZE | FALLOC_FL_PUNCH_HOLE, 4 * PAGE, PAGE);
	read_all(p);
	show("called.page_punched", p);
	ftruncate(fd, (PAGES - 1) * PAGE + 100);
	show("called.truncated", p);
	munmap(p, PAGES * PAGE);
	close(fd);
	fd = new_file();
	pwrite(fd, bytes, sizeof(bytes), PAGE);
	fallocate(fd, 0, 3 * PAGE, PAGE);
	p = map(fd, PROT_READ, MAP_SHARED);
	read_all(p);
	show("called.fresh", p);
	munmap(p, PAGES * PAGE);
	close(fd);
}

static void segment(void)
{
	int id = shmget(IPC_PRIVATE, PAGES * PAGE, 0600);
	char *p = shmat(id, NULL, 0), *again;

	shmctl(id, IPC_RMID, NULL);
	read_all(p);
	show("segment.read", p);
	p[0] = 1;
	again = shmat(id, NULL, SHM_RDONLY);
	read_all(again);
	show("segment.writer", p);
	show("segment.reader", again);
	shmdt(p);
	show("segment.writer_gone", again);
	shmdt(again);
}

static void forked(void)
{
	char *p =
		mmap(NULL, PAGES * PAGE, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	pid_t pid;

	memset(p, 1, 2 * PAGE);
	read_all(p);
	p[4 * PAGE] = 1; /* no fault: only the entry knows */
	mprotect(p + 5 * PAGE, PAGE, PROT_READ);
	mprotect(p + 5 * PAGE, PAGE, PROT_READ | PROT_WRITE);
	p[5 * PAGE] = 1;
	pid = fork();
	if (!pid) {
		read_all(p);
		show("forked.child", p);
		p[3 * PAGE] = 1;
		_exit(0);
	}
	waitpid(pid, NULL, 0);
	show("forked.parent", p);
	munmap(p, PAGES * PAGE);
}

static void filled(const char *name, int flags)
{
	int fd = new_file();
	char *p = map(fd, PROT_READ | PROT_WRITE, flags), page[PAGE] = {1};
	int uffd = make_uffd(0, 0);

	if (reg(uffd, p, PAGES * PAGE) || copy_to(uffd, p, page, PAGE, 0, NULL))
		die("userfaultfd");
	close(uffd);
	show(name, p);
	munmap(p, PAGES * PAGE);
	close(fd);
}

/* Through /proc/PID/mem: a write that no entry of the reader's sees. */
static void debugged(void)
{
	int fd = new_file(), memory = open("/proc/self/mem", O_RDWR);
	char *p = map(fd, PROT_READ | PROT_WRITE, MAP_SHARED),
	     *reader = map(fd, PROT_READ, MAP_SHARED);

	read_all(p);
	read_all(reader);
	answer("debugged.write", pwrite64(memory, "x", 1, (uintptr_t)p));
	answer("debugged.write", pwrite64(memory, "y", 1, (uintptr_t)p + 2 * PAGE));
	show("debugged.reader", reader);
	munmap(p, PAGES * PAGE);
	munmap(reader, PAGES * PAGE);
	close(memory);
	close(fd);
}

int main(void)
{
	debugged();
	mapped();
	populated();
	populated_again();
	called();
	segment();
	forked();
	filled("filled.shared", MAP_SHARED);
	filled("filled.private", MAP_PRIVATE);
	return test_failed;
}
