/*
 * What hugetlbfs makes of size=, min_size= and nr_inodes=: its text in /proc/mounts, its numbers in
 * statfs(2), and who is refused a page or an inode. The test fills the pool itself and gives it
 * back.
 */
#include "tests/user/test.h"
#include <sys/mount.h>
#include <sys/vfs.h>

#define HUGE 0x200000u
#define RW   (PROT_READ | PROT_WRITE)
#define NR   "/proc/sys/vm/nr_hugepages"
#define DIR  "huge_mount_dir"
#define POOL "8"

/* The part of `path`'s line for the mount that follows its type. */
static const char *mount_text(const char *path)
{
	static char line[512], out[512];
	FILE *f = fopen(path, "re");

	strcpy(out, "none");
	while (f && fgets(line, sizeof(line), f)) {
		char *type = strstr(line, DIR) ? strstr(line, " hugetlbfs ") : NULL;

		if (type)
			strcpy(out, type + 1);
	}
	if (f)
		fclose(f);
	out[strcspn(out, "\n")] = '\0';
	return out;
}

static long meminfo(const char *field)
{
	FILE *f = fopen("/proc/meminfo", "re");
	char line[128];
	long value = -1;

	while (f && fgets(line, sizeof(line), f))
		if (!strncmp(line, field, strlen(field)))
			value = atol(line + strlen(field));
	if (f)
		fclose(f);
	return value;
}

static void show_pool(const char *name)
{
	say(name, "pool: %ld free, %ld reserved", meminfo("HugePages_Free:"),
		meminfo("HugePages_Rsvd:"));
}

static void show(const char *name)
{
	struct statfs64 fs = {0};
	struct statfs small;
	char both[64];

	statfs64(DIR, &fs);
	say(name, "blocks %lld free %lld avail %lld files %lld free %lld", (long long)fs.f_blocks,
		(long long)fs.f_bfree, (long long)fs.f_bavail, (long long)fs.f_files,
		(long long)fs.f_ffree);
	snprintf(both, sizeof(both), "%s statfs", name);
	answer(both, syscall(SYS_statfs, DIR, &small));
	show_pool(name);
}

static bool start(const char *options)
{
	if (!mount("none", DIR, "hugetlbfs", 0, options))
		return true;
	answer(options, -1);
	return false;
}

static void try_options(const char *options)
{
	if (!start(options))
		return;
	say(options, "%s", mount_text("/proc/mounts"));
	say(options, "%s", mount_text("/proc/self/mountinfo"));
	show(options);
	umount(DIR);
}

static void test_options(void)
{
	static const char *const options[] = {"", "size=4m", "size=4M,nr_inodes=10", "size=5000k",
		"size=4194303", "size=1g", "size=0", "size=50%", "size=51%", "size=200%", "size=0%",
		"size=10%", "size=", "size=m", "size=-1", "size=x", "size", "size=4m!", "size=4mm",
		"size=50%%", "size=0x400000", "size=020000000", "min_size=4m", "min_size=25%",
		"min_size=0", "min_size=", "min_size=k", "min_size=16m", "min_size=18m",
		"size=8m,min_size=4m", "min_size=8m,size=8m", "size=4m,min_size=8m",
		"min_size=8m,size=4m", "size=4m,size=6m", "nr_inodes=3", "nr_inodes=0",
		"nr_inodes=1", "nr_inodes=1k", "nr_inodes=k", "nr_inodes=", "nr_inodes=5x",
		"nr_inodes=0,size=2m", "nr_inodes=2,min_size=2m", "nr_inodes=4294967295,size=2m",
		"pagesize=2M", "pagesize=2048k", "pagesize=2097152", "pagesize=2Mx",
		"pagesize=", "pagesize=4M", "pagesize=1G", "pagesize",
		"uid=3,gid=4,mode=1711,size=2m", "mode=7777,min_size=2m",
		"mode=755,uid=0,size=2m,pagesize=2M"};

	for (size_t i = 0; i < COUNT(options); i++)
		try_options(options[i]);
	show_pool("after");
}

static int make(const char *name)
{
	return open(name, O_RDWR | O_CREAT | O_CLOEXEC, 0600);
}

static char *map(const char *name, int fd, int pages, int flags)
{
	void *p = mmap(NULL, pages * HUGE, RW, flags, fd, 0);

	answer(name, p == MAP_FAILED ? -1 : 0);
	show(name);
	return p;
}

static void unmap(const char *name, char *p, int pages)
{
	answer(name, munmap(p, pages * HUGE));
	show(name);
}

static void test_shared(void)
{
	int fd;
	char *p;

	if (!start("size=6m"))
		return;
	fd = make(DIR "/a");
	answer("shared.truncate", ftruncate(fd, 8 * HUGE));
	map("shared.map_4", fd, 4, MAP_SHARED);
	p = map("shared.map_3", fd, 3, MAP_SHARED);
	p[0] = p[HUGE] = 1;
	show("shared.touched");
	unmap("shared.unmapped", p, 3);
	p = map("shared.noreserve", fd, 8, MAP_SHARED | MAP_NORESERVE);
	say("shared.page_2", "%s", try_write(p + 2 * HUGE));
	say("shared.page_3", "%s", try_write(p + 3 * HUGE));
	answer("shared.punch",
		fallocate(fd, FALLOC_FL_PUNCH_HOLE | FALLOC_FL_KEEP_SIZE, HUGE, HUGE));
	show("shared.punch");
	say("shared.page_3", "%s", try_write(p + 3 * HUGE));
	answer("shared.allocate", fallocate(fd, 0, 0, 2 * HUGE));
	answer("shared.shrink", ftruncate(fd, HUGE));
	show("shared.shrink");
	answer("shared.allocate", fallocate(fd, 0, 0, 3 * HUGE));
	answer("shared.allocate", fallocate(fd, 0, 0, 4 * HUGE));
	show("shared.allocate");
	munmap(p, 8 * HUGE);
	close(fd);
	answer("shared.unlink", unlink(DIR "/a"));
	show("shared.unlink");
	answer("shared.umount", umount(DIR));
}

static void child_writes(void)
{
	int fd = open(DIR "/p", O_RDWR | O_CLOEXEC);
	char *p = mmap(NULL, HUGE, RW, MAP_PRIVATE | MAP_NORESERVE, fd, 0);

	say("private.other", "%s", try_write(p));
}

static void test_private(void)
{
	char *p, *q;
	int fd;

	if (!start("size=4m"))
		return;
	fd = make(DIR "/p");
	answer("private.truncate", ftruncate(fd, 4 * HUGE));
	map("private.map_3", fd, 3, MAP_PRIVATE);
	p = map("private.map_2", fd, 2, MAP_PRIVATE);
	q = map("private.map_1", fd, 1, MAP_PRIVATE | MAP_NORESERVE);
	say("private.noreserve", "%s", try_write(q));
	say("private.promised", "%s", try_write(p));
	show("private.touched");
	in_child(child_writes);
	unmap("private.unmapped", p, 2);
	say("private.noreserve", "%s", try_write(q));
	show("private.noreserve");
	munmap(q, HUGE);
	close(fd);
	show("private.closed");
	answer("private.umount", umount(DIR));
}

/* Pages that were promised to a mount are nobody else's. */
static void test_minimum(const char *options)
{
	char *p, *q;
	int fd;

	if (!start(options))
		return;
	show(options);
	q = mmap(NULL, 5 * HUGE, RW, MAP_PRIVATE | MAP_ANONYMOUS | MAP_HUGETLB, -1, 0);
	answer("minimum.others_5", q == MAP_FAILED ? -1 : 0);
	q = mmap(NULL, 4 * HUGE, RW, MAP_PRIVATE | MAP_ANONYMOUS | MAP_HUGETLB, -1, 0);
	answer("minimum.others_4", q == MAP_FAILED ? -1 : 0);
	fd = make(DIR "/m");
	map("minimum.map_5", fd, 5, MAP_SHARED);
	p = map("minimum.map_4", fd, 4, MAP_SHARED);
	p[0] = p[HUGE] = 1;
	show("minimum.touched");
	munmap(q, 4 * HUGE);
	unmap("minimum.unmapped", p, 4);
	answer("minimum.shrink", ftruncate(fd, HUGE));
	show("minimum.shrink");
	answer("minimum.allocate", fallocate(fd, 0, 0, 6 * HUGE));
	show("minimum.allocate");
	answer("minimum.shrink", ftruncate(fd, 0));
	show("minimum.empty");
	close(fd);
	answer("minimum.umount", umount(DIR));
	show_pool("minimum.umount");
}

static void test_inodes(void)
{
	if (!start("nr_inodes=3,size=2m"))
		return;
	show("inodes");
	close(make(DIR "/a"));
	answer("inodes.mkdir", mkdir(DIR "/b", 0755));
	show("inodes.full");
	answer("inodes.create", make(DIR "/c"));
	answer("inodes.mkdir", mkdir(DIR "/c", 0755));
	answer("inodes.fifo", mknod(DIR "/c", S_IFIFO | 0600, 0));
	answer("inodes.rmdir", rmdir(DIR "/b"));
	answer("inodes.fifo", mknod(DIR "/c", S_IFIFO | 0600, 0));
	show("inodes.again");
	answer("inodes.umount", umount(DIR));
}

int main(void)
{
	if (write_setting(NR, POOL) < 0)
		die(NR);
	mkdir(DIR, 0755);
	catch_faults(0);
	test_options();
	test_shared();
	test_private();
	test_minimum("min_size=8m");
	test_minimum("min_size=8m,size=10m");
	test_inodes();
	rmdir(DIR);
	write_setting(NR, "0");
	show_pool("end");
	return test_failed;
}
