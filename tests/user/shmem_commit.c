/* Committed memory of files that live in memory: which pages count, when, and what is refused. */
#include "tests/user/test.h"
#include <sys/mount.h>
#include <sys/shm.h>

#define RW     (PROT_READ | PROT_WRITE)
#define SHARED (MAP_SHARED | MAP_ANONYMOUS)
#define PAGES  64u

#ifndef SHM_NORESERVE
#define SHM_NORESERVE 010000
#endif

static long last;

/* Pages of Committed_AS. Allocates nothing. */
static long committed(void)
{
	static char text[4096];
	int fd = open("/proc/meminfo", O_RDONLY);
	ssize_t n = read(fd, text, sizeof(text) - 1);
	const char *at;

	close(fd);
	text[n > 0 ? n : 0] = '\0';
	at = strstr(text, "Committed_AS:");
	if (!at)
		die("Committed_AS");
	return strtol(at + 13, NULL, 10) / 4;
}

/* Pages committed since the last time. */
static void more(const char *name)
{
	long now = committed();

	say(name, "%+ld", now - last);
	last = committed();
}

static void touch_pages(volatile char *p, size_t from, size_t n)
{
	for (size_t i = from; i < from + n; i++)
		p[i * PAGE] = 1;
}

/* A file without pages of its own, PAGES long. */
static void use_file(const char *what, int fd)
{
	char data[3 * PAGE] = "x", *p;
	char name[64];

#define STEP(label) (snprintf(name, sizeof(name), "%s.%s", what, label), more(name))
	last = committed();
	answer(what, ftruncate(fd, PAGES * PAGE));
	STEP("ftruncate");
	pwrite(fd, data, 1, 0);
	STEP("write_byte");
	pwrite(fd, data, 1, 1);
	STEP("write_again");
	pwrite(fd, data, sizeof(data), 2 * PAGE + 100);
	STEP("write_four");
	pread(fd, data, sizeof(data), 10 * PAGE);
	STEP("read_hole");
	p = mmap(NULL, PAGES * PAGE, RW, MAP_SHARED, fd, 0);
	STEP("mmap_shared");
	try_read(p + 10 * PAGE);
	STEP("fault_read");
	try_write(p + 11 * PAGE);
	STEP("fault_write");
	munmap(p, PAGES * PAGE);
	STEP("munmap_shared");
	p = mmap(NULL, PAGES * PAGE, RW, MAP_PRIVATE, fd, 0);
	STEP("mmap_private");
	try_read(p + 12 * PAGE);
	STEP("fault_private_read");
	try_write(p + 13 * PAGE);
	STEP("fault_private_write");
	munmap(p, PAGES * PAGE);
	STEP("munmap_private");
	answer("fallocate", fallocate(fd, 0, 8 * PAGE, 8 * PAGE));
	STEP("fallocate");
	fallocate(fd, FALLOC_FL_KEEP_SIZE, (PAGES + 8) * PAGE, 4 * PAGE);
	STEP("fallocate_beyond");
	fallocate(fd, FALLOC_FL_PUNCH_HOLE | FALLOC_FL_KEEP_SIZE, 9 * PAGE + 1, 3 * PAGE);
	STEP("punch");
	ftruncate(fd, 8 * PAGE + 1);
	STEP("shrink");
	ftruncate(fd, PAGES * PAGE);
	STEP("grow");
	p = mmap(NULL, PAGES * PAGE, RW, MAP_SHARED, fd, 0);
	p[20 * PAGE] = 1;
	close(fd);
	STEP("close_mapped");
	p[21 * PAGE] = 1;
	STEP("fault_closed");
	munmap(p, PAGES * PAGE);
	STEP("munmap_last");
}

static void named_file(void)
{
	int fd = make_file("/tmp/commit", "x", 0), second;

	use_file("tmpfs", fd);
	fd = open("/tmp/commit", O_RDWR);
	second = dup(fd);
	unlink("/tmp/commit");
	more("unlink_open");
	close(fd);
	more("close_one");
	close(second);
	more("close_last");
	last = committed();
	close(make_file("/tmp/commit", "text", 4));
	more("named.make");
	link("/tmp/commit", "/tmp/commit2");
	more("named.link");
	unlink("/tmp/commit");
	more("named.unlink_one");
	truncate("/tmp/commit2", 0);
	more("named.truncate");
	unlink("/tmp/commit2");
	more("named.unlink");
	mkdir("/tmp/commit", 0755);
	more("mkdir");
	rmdir("/tmp/commit");
	more("rmdir");
}

static void other_names(void)
{
	char target[2000];
	struct stat st;

	memset(target, 'x', sizeof(target) - 1);
	target[sizeof(target) - 1] = '\0';
	last = committed();
	symlink("short", "/tmp/commit");
	more("symlink_short");
	unlink("/tmp/commit");
	symlink(target, "/tmp/commit");
	more("symlink_long");
	lstat("/tmp/commit", &st);
	say("symlink_blocks", "%ld", (long)st.st_blocks);
	unlink("/tmp/commit");
	more("symlink_unlink");
}

static void shared_anon(const char *what, int flags)
{
	char name[64], *p;

	last = committed();
	p = mmap(NULL, PAGES * PAGE, RW, SHARED | flags, -1, 0);
	STEP("mmap");
	touch_pages(p, 0, 8);
	STEP("touch");
	madvise(p, 4 * PAGE, MADV_REMOVE);
	STEP("remove");
	p = mremap(p, PAGES * PAGE, 2 * PAGES * PAGE, MREMAP_MAYMOVE);
	STEP("mremap");
	munmap(p, PAGES * PAGE);
	STEP("munmap_half");
	munmap(p + PAGES * PAGE, PAGES * PAGE);
	STEP("munmap");
}

static void segment(const char *what, int flags)
{
	int id;
	char name[64], *p;

	last = committed();
	id = shmget(IPC_PRIVATE, PAGES * PAGE, flags | 0600);
	STEP("shmget");
	p = shmat(id, NULL, 0);
	STEP("shmat");
	touch_pages(p, 0, 8);
	STEP("touch");
	shmctl(id, IPC_RMID, NULL);
	STEP("rmid");
	shmdt(p);
	STEP("shmdt");
}

/* What a file may not have: a fault answers with SIGBUS. */
static void full_mount(void)
{
	char data[PAGE] = "x", *p;
	int fd;

	mkdir("/tmp/full", 0755);
	mount("none", "/tmp/full", "tmpfs", 0, "size=8k");
	fd = open("/tmp/full/f", O_RDWR | O_CREAT, 0644);
	ftruncate(fd, PAGES * PAGE);
	last = committed();
	p = mmap(NULL, PAGES * PAGE, RW, MAP_SHARED, fd, 0);
	say("full.first", "%s", try_write(p));
	say("full.second", "%s", try_read(p + PAGE));
	say("full.third", "%s", try_write(p + 2 * PAGE));
	say("full.read", "%s", try_read(p + 3 * PAGE));
	answer("full.pwrite", pwrite(fd, data, PAGE, 4 * PAGE));
	answer("full.pread", pread(fd, p + 5 * PAGE, PAGE, 0));
	answer("full.fallocate", fallocate(fd, 0, 4 * PAGE, PAGE));
	more("full.committed");
	munmap(p, PAGES * PAGE);
	close(fd);
	umount("/tmp/full");
	rmdir("/tmp/full");
	more("full.unmounted");
}

/* --- Refusals --- */

#define LARGE (64u << 20)
#define ROOM  (24u << 10) /* kB that may be committed yet: far from where counts are inexact */

/* The limit in kB, `room` above what is committed. */
static void limit(long room)
{
	char text[32];

	snprintf(text, sizeof(text), "%ld", committed() * 4 + room);
	write_setting("/proc/sys/vm/overcommit_kbytes", text);
}

static void touch_all(volatile char *p)
{
	touch_pages(p, 0, LARGE / PAGE);
}

static void refuse(void)
{
	static char data[1 << 20];
	int fd = memfd_create("m", 0), id;
	long n, sum = 0;
	char *p;

	limit(ROOM);
	write_setting("/proc/sys/vm/overcommit_memory", "2");
	answer("refuse.ftruncate", ftruncate(fd, LARGE));
	p = answer_ptr("refuse.mmap_file", mmap(NULL, LARGE, RW, MAP_SHARED, fd, 0));
	while ((n = pwrite(fd, data, sizeof(data), sum)) > 0)
		sum += n;
	answer("refuse.write", n);
	check("refuse.write_some", sum > (8 << 20) && sum < (40 << 20));
	ftruncate(fd, 0);
	answer("refuse.fallocate", fallocate(fd, 0, 0, LARGE));
	answer("refuse.size", lseek(fd, 0, SEEK_END));
	ftruncate(fd, LARGE);
	say("refuse.fault", survives(touch_all, p) ? "ok" : fault_name(&last_fault));
	munmap(p, LARGE);
	answer_ptr("refuse.shared", mmap(NULL, LARGE, RW, SHARED, -1, 0));
	answer_ptr("refuse.shared_noreserve",
		mmap(NULL, LARGE, RW, SHARED | MAP_NORESERVE, -1, 0));
	answer("refuse.shmget", shmget(IPC_PRIVATE, LARGE, 0600));
	answer("refuse.shmget_noreserve", shmget(IPC_PRIVATE, LARGE, SHM_NORESERVE | 0600));
	close(fd);
	id = shmget(IPC_PRIVATE, LARGE / 16, 0600);
	check("refuse.shmget_small", id >= 0);
	shmctl(id, IPC_RMID, NULL);
}

/* All but the administrator leave him admin_reserve_kbytes, 8 MiB here. */
static void reserves(void)
{
	limit(5u << 10);
	write_setting("/proc/sys/vm/user_reserve_kbytes", "0");
	write_setting("/proc/sys/vm/overcommit_memory", "2");
	answer_ptr("reserve.root", mmap(NULL, 1u << 20, RW, SHARED, -1, 0));
	setresuid(1000, 1000, 1000);
	answer_ptr("reserve.user", mmap(NULL, 1u << 20, RW, SHARED, -1, 0));
}

static void give_back(void)
{
	write_setting("/proc/sys/vm/overcommit_memory", "0");
	write_setting("/proc/sys/vm/overcommit_ratio", "50");
	write_setting("/proc/sys/vm/user_reserve_kbytes", "15526");
}

int main(void)
{
	use_file("memfd", memfd_create("m", 0));
	named_file();
	other_names();
	shared_anon("shared", 0);
	shared_anon("shared_noreserve", MAP_NORESERVE);
	segment("shm", 0);
	segment("shm_noreserve", SHM_NORESERVE);
	full_mount();
	isolated("refuse", refuse);
	give_back();
	isolated("reserve", reserves);
	give_back();
	return test_failed;
}
