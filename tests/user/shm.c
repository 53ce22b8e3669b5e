/* System V shared memory: shmget, shmat, shmdt and shmctl, called directly and through ipc; what
 * the attachments count; when a segment goes; who may; and how /proc shows it. */
#include "tests/user/test.h"
#include <sys/ipc.h>
#include <sys/shm.h>
#include <time.h>

#define RW  (PROT_READ | PROT_WRITE)
#define KEY 0x7e55e7a

#ifndef SHM_STAT_ANY
#define SHM_STAT_ANY 15
#endif
#ifndef SHM_EXEC
#define SHM_EXEC 0100000
#endif
#define IPC_64	     0x100
#define SHM_DEST_BIT 01000
#define SHM_LOCK_BIT 02000

/* The kernel's structs. */
struct perm64 {
	int key;
	unsigned uid, gid, cuid, cgid;
	unsigned short mode, pad1, seq, pad2;
	unsigned unused[2];
};

struct ds64 {
	struct perm64 perm;
	unsigned segsz, atime, atime_high, dtime, dtime_high, ctime, ctime_high;
	int cpid, lpid;
	unsigned nattch, unused[2];
};

struct perm_old {
	int key;
	unsigned short uid, gid, cuid, cgid, mode, seq;
};

struct ds_old {
	struct perm_old perm;
	int segsz, atime, dtime, ctime;
	unsigned short cpid, lpid, nattch, unused;
	void *unused2, *unused3;
};

static long get(int key, size_t size, int flags)
{
	return syscall(SYS_shmget, key, size, flags);
}

static long at(int id, const void *addr, int flags)
{
	return syscall(SYS_shmat, id, addr, flags);
}

static long dt(const void *addr)
{
	return syscall(SYS_shmdt, addr);
}

static long ctl(int id, int cmd, void *buf)
{
	return syscall(SYS_shmctl, id, cmd, buf);
}

static int make(size_t size)
{
	int id = get(IPC_PRIVATE, size, 0600);

	if (id < 0)
		die("shmget");
	return id;
}

static char *attach(int id)
{
	char *p = (char *)at(id, NULL, 0);

	if (p == MAP_FAILED)
		die("shmat");
	return p;
}

static struct ds64 stat_of(int id)
{
	struct ds64 d;

	if (ctl(id, IPC_STAT, &d))
		memset(&d, 0xff, sizeof(d));
	return d;
}

static int nattch(int id)
{
	return stat_of(id).nattch;
}

/* Whether there still is such a segment. */
static const char *state(int id)
{
	struct ds64 d;

	return ctl(id, IPC_STAT, &d) == 0 ? "there" : errno_name(errno);
}

static void answer_id(const char *name, long id)
{
	if (id < 0)
		say(name, "-1 %s", errno_name(errno));
	else
		say(name, "ok");
}

/* What shmat said; detached again. */
static void answer_at(const char *name, long addr, const void *wanted)
{
	if (addr == -1) {
		say(name, "-1 %s", errno_name(errno));
		return;
	}
	say(name, "%s %s", !wanted || addr == (long)wanted ? "ok" : "elsewhere",
		map_perms((void *)addr));
	dt((void *)addr);
}

/* --- shmget --- */

static void getting(void)
{
	int id = get(KEY, 3 * PAGE, IPC_CREAT | 0600), other;

	check("get.new", id >= 0);
	say("get.again", "%s", get(KEY, 3 * PAGE, 0600) == id ? "same" : "another");
	say("get.smaller", "%s", get(KEY, PAGE, IPC_CREAT) == id ? "same" : "another");
	say("get.zero", "%s", get(KEY, 0, 0) == id ? "same" : "another");
	answer_id("get.larger", get(KEY, 3 * PAGE + 1, 0));
	answer_id("get.larger_page", get(KEY, 4 * PAGE, IPC_CREAT));
	answer_id("get.exclusive", get(KEY, PAGE, IPC_CREAT | IPC_EXCL | 0600));
	answer_id("get.exclusive_alone", get(KEY, PAGE, IPC_EXCL));
	answer_id("get.exclusive_larger", get(KEY, 9 * PAGE, IPC_CREAT | IPC_EXCL));
	answer_id("get.unknown", get(KEY + 1, PAGE, 0600));
	answer_id("get.unknown_exclusive", get(KEY + 1, PAGE, IPC_EXCL | 0600));
	answer("rmid", ctl(id, IPC_RMID, NULL));
	answer_id("get.removed", get(KEY, PAGE, 0600));
	answer_id("size.zero", get(KEY, 0, IPC_CREAT | 0600));
	answer_id("size.private_zero", get(IPC_PRIVATE, 0, 0600));
	answer_id("size.max", get(IPC_PRIVATE, 0xff000000, 0600));
	answer_id("size.huge", get(IPC_PRIVATE, 0xffffffff, 0600));
	answer_id("huge_pages.1gb", get(IPC_PRIVATE, PAGE, SHM_HUGETLB | 30u << 26 | 0600));
	answer_id("huge_pages", get(IPC_PRIVATE, PAGE, SHM_HUGETLB | 0600));
	id = get(IPC_PRIVATE, 1, IPC_EXCL | 07777);
	say("one_byte", "size %u mode %o", stat_of(id).segsz, stat_of(id).perm.mode);
	ctl(id, IPC_RMID, NULL);
	id = get(IPC_PRIVATE, PAGE, SHM_NORESERVE | 0600);
	answer_id("noreserve", id);
	ctl(id, IPC_RMID, NULL);
	id = get(-5, PAGE, IPC_CREAT | 0600);
	answer_id("negative_key", id);
	say("negative_key", "%d", stat_of(id).perm.key);
	ctl(id, IPC_RMID, NULL);
	id = make(PAGE);
	other = make(PAGE);
	say("ids", "%d", other - id);
	ctl(id, IPC_RMID, NULL);
	ctl(other, IPC_RMID, NULL);
}

/* A stale identifier finds nothing, for the places go round. */
static void identifiers(void)
{
	int first = make(PAGE), id = first, places = 0, next;

	for (;;) {
		ctl(id, IPC_RMID, NULL);
		next = make(PAGE);
		places++;
		if ((next & 0x7fff) <= (id & 0x7fff) || places > 1000)
			break;
		id = next;
	}
	say("wrap.place", "%d", next & 0x7fff);
	say("wrap.sequence", "%d", (next >> 15) - (first >> 15));
	say("wrap.stat_seq", "%d", stat_of(next).perm.seq - (next >> 15));
	say("stale", "%s", state(first));
	say("wrong_seq", "%s", state(next + (1 << 15)));
	answer_at("stale.at", at(next + (1 << 15), NULL, 0), NULL);
	ctl(next, IPC_RMID, NULL);
}

/* --- shmat --- */

static void attaching(void)
{
	int id = make(2 * PAGE + 10);
	char *p, *q;

	answer_at("at.any", at(id, NULL, 0), NULL);
	answer_at("at.read_only", at(id, NULL, SHM_RDONLY), NULL);
	answer_at("at.exec", at(id, NULL, SHM_EXEC), NULL);
	answer_at("at.exec_read_only", at(id, NULL, SHM_EXEC | SHM_RDONLY), NULL);
	answer_at("at.unknown_flags", at(id, NULL, 0x777), NULL);
	answer_at("at.fixed", at(id, FREE_AREA, 0), FREE_AREA);
	answer_at("at.odd", at(id, FREE_AREA + 1, 0), FREE_AREA);
	answer_at("at.round", at(id, FREE_AREA + PAGE - 1, SHM_RND), FREE_AREA);
	answer_at("at.remap_null", at(id, NULL, SHM_REMAP), NULL);
	answer_at("at.round_to_null", at(id, (void *)5, SHM_RND | SHM_REMAP), NULL);
	answer_at("at.kernel", at(id, (void *)0xc0000000, 0), NULL);
	answer_at("at.to_top", at(id, (void *)0xbffff000, SHM_REMAP), NULL);
	answer_at("at.wraps", at(id, (void *)0xfffff000, 0), NULL);
	answer_at("at.bad_id", at(-1, NULL, 0), NULL);
	answer_at("at.bad_id_odd", at(-1, FREE_AREA + 1, 0), NULL);
	answer_at("at.no_id", at(0x7fffffff, NULL, 0), NULL);
	answer_at("at.no_id_odd", at(0x7fffffff, FREE_AREA + 1, 0), NULL);
	p = map_at(FREE_AREA + PAGE, PAGE, RW);
	answer_at("at.taken", at(id, FREE_AREA, 0), NULL);
	answer_at("at.remap", at(id, FREE_AREA, SHM_REMAP), FREE_AREA);
	say("at.remap.gone", "%s", map_perms(p));
	p = attach(id);
	q = attach(id);
	p[5] = 'x';
	check("shared", q[5] == 'x' && p != q);
	say("beyond", "%s %s %s", try_write(p + 2 * PAGE + 10), try_write(p + 3 * PAGE - 1),
		map_perms(p + 3 * PAGE));
	dt(p);
	dt(q);
	p = (char *)at(id, NULL, SHM_RDONLY);
	check("kept", p[5] == 'x');
	say("read_only.write", "%s", try_write(p));
	answer("read_only.mprotect", mprotect(p, PAGE, RW));
	dt(p);
	ctl(id, IPC_RMID, NULL);
}

/* --- What counts as attached --- */

static int counted;

static void count_child(void)
{
	char *const args[] = {"shm", "exit", NULL};

	say("fork.in_child", "%d", nattch(counted));
	execv("/proc/self/exe", args);
	die("execv");
}

static void counting(void)
{
	int id = counted = make(8 * PAGE), go[2], status;
	char *p = (char *)at(id, FREE_AREA, 0), *q, c;
	pid_t pid;

	say("count.one", "%d", nattch(id));
	q = attach(id);
	say("count.two", "%d", nattch(id));
	dt(q);
	say("count.detached", "%d", nattch(id));
	munmap(p + 3 * PAGE, PAGE);
	say("count.hole", "%d, %d lines", nattch(id), map_lines(p, 8 * PAGE));
	mprotect(p + 5 * PAGE, PAGE, PROT_READ);
	say("count.protect", "%d, %d lines", nattch(id), map_lines(p, 8 * PAGE));
	mprotect(p + 5 * PAGE, PAGE, RW);
	say("count.not_merged", "%d, %d lines", nattch(id), map_lines(p, 8 * PAGE));
	munmap(p + 6 * PAGE, 2 * PAGE);
	say("count.unmapped", "%d, %d lines", nattch(id), map_lines(p, 8 * PAGE));
	if (pipe(go))
		die("pipe");
	pid = fork();
	if (pid == 0) {
		close(go[1]);
		(void)!read(go[0], &c, 1);
		_exit(0);
	}
	say("count.fork", "%d", nattch(id));
	close(go[1]);
	waitpid(pid, &status, 0);
	close(go[0]);
	say("count.exit", "%d", nattch(id));
	answer_status("count.exec", in_child(count_child));
	say("count.exec", "%d", nattch(id));
	madvise(p, PAGE, MADV_DONTFORK);
	say("count.dontfork", "%d, %d lines", nattch(id), map_lines(p, 8 * PAGE));
	answer("dt.pieces", dt(p));
	say("count.dt", "%d, %d lines", nattch(id), map_lines(p, 8 * PAGE));
	ctl(id, IPC_RMID, NULL);
}

static void moving(void)
{
	int id = make(4 * PAGE);
	char *p = (char *)at(id, FREE_AREA, 0), *q;

	p[0] = 'm';
	p[2 * PAGE] = 'n';
	q = mremap(p, 4 * PAGE, 4 * PAGE, MREMAP_MAYMOVE | MREMAP_FIXED, FREE_AREA2);
	answer_ptr("mremap.move", q);
	say("mremap.move", "%d %c", nattch(id), q[0]);
	q = mremap(FREE_AREA2, 0, 2 * PAGE, MREMAP_MAYMOVE | MREMAP_FIXED, FREE_AREA);
	answer_ptr("mremap.copy", q);
	say("mremap.copy", "%d %c", nattch(id), q[0]);
	answer("mremap.dt_copy", dt(FREE_AREA));
	say("mremap.dt_copy", "%d", nattch(id));
	answer_ptr("mremap.shrink", mremap(FREE_AREA2, 4 * PAGE, 2 * PAGE, 0));
	answer_ptr("mremap.grow", mremap(FREE_AREA2, 2 * PAGE, 6 * PAGE, 0));
	say("mremap.grow", "%d %d %s %s", nattch(id), map_lines(FREE_AREA2, 6 * PAGE),
		try_read(FREE_AREA2 + 3 * PAGE), try_read(FREE_AREA2 + 4 * PAGE));
	answer("mremap.dt", dt(FREE_AREA2));
	say("mremap.dt", "%d %d", nattch(id), map_lines(FREE_AREA2, 6 * PAGE));
	p = (char *)at(id, FREE_AREA, 0);
	answer("remap_file_pages", remap_file_pages(p + PAGE, PAGE, 0, 2, 0));
	say("remap_file_pages", "%d %c", nattch(id), p[PAGE]);
	answer("remap.dt", dt(p));
	say("remap.dt", "%d %d", nattch(id), map_lines(p, 4 * PAGE));
	munmap(p, 4 * PAGE);
	say("remap.unmapped", "%d", nattch(id));
	p = (char *)at(id, FREE_AREA, 0);
	answer("dontneed", madvise(p, PAGE, MADV_DONTNEED));
	say("dontneed", "%c", p[0]);
	answer("remove", madvise(p, PAGE, MADV_REMOVE));
	say("remove", "%d", p[0]);
	dt(p);
	ctl(id, IPC_RMID, NULL);
}

static void detaching(void)
{
	int id = make(4 * PAGE), other = make(4 * PAGE);
	char *p = (char *)at(id, FREE_AREA, 0);

	answer("dt.null", dt(NULL));
	answer("dt.odd", dt(p + 1));
	answer("dt.middle", dt(p + PAGE));
	answer("dt.free", dt(FREE_AREA2));
	answer("dt.kernel", dt(KERNEL - (unsigned long)KERNEL % PAGE));
	munmap(p, PAGE);
	answer("dt.first_gone", dt(p));
	say("dt.first_gone", "%d", nattch(id));
	answer("dt.twice", dt(p));
	p = (char *)at(id, FREE_AREA, 0);
	munmap(p + 2 * PAGE, 2 * PAGE);
	at(other, p + 4 * PAGE, 0);
	answer("dt.neighbour", dt(p));
	say("dt.neighbour", "%d %d", nattch(id), nattch(other));
	answer("dt.neighbour_too", dt(p + 4 * PAGE));
	p = map_at(FREE_AREA, PAGE, RW);
	answer("dt.not_shm", dt(p));
	munmap(p, PAGE);
	ctl(id, IPC_RMID, NULL);
	ctl(other, IPC_RMID, NULL);
}

/* --- Removal --- */

static void removing(void)
{
	int id = get(KEY, PAGE, IPC_CREAT | 0600), again;
	char *p = attach(id), *q;

	answer("rmid.attached", ctl(id, IPC_RMID, NULL));
	say("rmid.state", "%s key %x mode %o nattch %d", state(id), stat_of(id).perm.key,
		stat_of(id).perm.mode, nattch(id));
	again = get(KEY, PAGE, IPC_CREAT | IPC_EXCL | 0600);
	check("rmid.key_free", again >= 0 && again != id);
	q = (char *)at(id, NULL, 0);
	answer_ptr("rmid.attach_more", q);
	answer("rmid.again", ctl(id, IPC_RMID, NULL));
	dt(q);
	say("rmid.still", "%s", state(id));
	p[0] = 1;
	dt(p);
	say("rmid.gone", "%s", state(id));
	answer("rmid.gone", ctl(id, IPC_RMID, NULL));
	ctl(again, IPC_RMID, NULL);
	id = make(PAGE);
	p = attach(id);
	ctl(id, IPC_RMID, NULL);
	munmap(p, PAGE);
	say("rmid.munmap", "%s", state(id));
	id = make(PAGE);
	p = attach(id);
	ctl(id, IPC_RMID, NULL);
	(void)!mmap(p, PAGE, RW, MAP_PRIVATE | MAP_ANONYMOUS | MAP_FIXED, -1, 0);
	say("rmid.mapped_over", "%s", state(id));
	munmap(p, PAGE);
}

static void exit_attached(void)
{
	attach(counted);
	ctl(counted, IPC_RMID, NULL);
	_exit(0);
}

static void last_process(void)
{
	counted = make(PAGE);
	in_child(exit_attached);
	say("rmid.exit", "%s", state(counted));
	counted = make(PAGE);
	in_child(count_child);
	say("kept.exit", "%s", state(counted));
	ctl(counted, IPC_RMID, NULL);
}

/* --- shmctl --- */

static void show_stat(const char *name, int id)
{
	struct ds64 d = stat_of(id);
	long now = time(NULL);

	say(name, "mode %o uid %u gid %u cuid %u cgid %u size %u nattch %u", d.perm.mode,
		d.perm.uid, d.perm.gid, d.perm.cuid, d.perm.cgid, d.segsz, d.nattch);
	say(name, "atime %s dtime %s ctime %s cpid %s lpid %s", d.atime ? "set" : "0",
		d.dtime ? "set" : "0", now - (long)d.ctime < 5 ? "now" : "another",
		d.cpid == getpid() ? "me" : "another",
		d.lpid == getpid() ? "me"
		: d.lpid	   ? "another"
				   : "0");
	say(name, "%x %x %x %x %x", d.atime_high, d.dtime_high, d.ctime_high, d.unused[0],
		d.unused[1]);
}

static void detach_child(void)
{
	dt(FREE_AREA);
}

static void statistics(void)
{
	int id = get(KEY, 5000, IPC_CREAT | 0641), status;
	char *p;

	show_stat("stat.new", id);
	p = (char *)at(id, FREE_AREA, 0);
	show_stat("stat.attached", id);
	status = in_child(detach_child);
	show_stat("stat.child_detached", id);
	dt(p);
	show_stat("stat.detached", id);
	answer("stat.fault", ctl(id, IPC_STAT, KERNEL));
	answer("stat.null", ctl(id, IPC_STAT, NULL));
	answer("stat.bad_id", ctl(-1, IPC_STAT, NULL));
	answer("stat.no_id", ctl(0x7fffffff, IPC_STAT, NULL));
	answer("cmd.negative", ctl(id, -1, NULL));
	answer("cmd.unknown", ctl(id, 77, NULL));
	answer("cmd.semaphore", ctl(id, 16, NULL));
	answer("cmd.ipc64", ctl(id, IPC_STAT | IPC_64, NULL));
	answer("cmd.unknown_bad_id", ctl(-1, 77, NULL));
	answer("cmd.unknown_no_id", ctl(0x7fffffff, 77, NULL));
	answer("rmid.bad_id", ctl(-1, IPC_RMID, NULL));
	answer("rmid.no_id", ctl(0x7fffffff, IPC_RMID, NULL));
	ctl(id, IPC_RMID, NULL);
	(void)status;
}

static void by_place(void)
{
	int id = make(PAGE);
	struct ds64 d;

	say("place.stat", "%s", ctl(id & 0x7fff, SHM_STAT, &d) == id ? "ok" : "another");
	say("place.stat_any", "%s", ctl(id & 0x7fff, SHM_STAT_ANY, &d) == id ? "ok" : "another");
	say("place.size", "%u", d.segsz);
	say("place.high_bits", "%s",
		ctl((id & 0x7fff) | 0x10000, SHM_STAT, &d) == id ? "ok" : "no");
	answer("place.free", ctl(0x7fff, SHM_STAT, &d));
	answer("place.negative", ctl(-1, SHM_STAT, &d));
	answer("place.fault", ctl(id & 0x7fff, SHM_STAT, KERNEL));
	ctl(id, IPC_RMID, NULL);
}

static void setting(void)
{
	int id = make(PAGE);
	struct ds64 d = stat_of(id);

	d.perm.uid = 5;
	d.perm.gid = 6;
	d.perm.mode = 0177777;
	d.segsz = 99;
	answer("set", ctl(id, IPC_SET, &d));
	show_stat("set", id);
	d.perm.uid = -1;
	answer("set.no_uid", ctl(id, IPC_SET, &d));
	d.perm.uid = 5;
	d.perm.gid = -1;
	answer("set.no_gid", ctl(id, IPC_SET, &d));
	answer("set.fault", ctl(id, IPC_SET, NULL));
	answer("set.no_id_fault", ctl(0x7fffffff, IPC_SET, NULL));
	answer("set.no_id", ctl(0x7fffffff, IPC_SET, &d));
	answer("lock", ctl(id, SHM_LOCK, NULL));
	say("lock", "%o", stat_of(id).perm.mode);
	answer("lock.again", ctl(id, SHM_LOCK, NULL));
	answer("unlock", ctl(id, SHM_UNLOCK, NULL));
	answer("unlock.again", ctl(id, SHM_UNLOCK, NULL));
	say("unlock", "%o", stat_of(id).perm.mode);
	answer("lock.no_id", ctl(0x7fffffff, SHM_LOCK, NULL));
	ctl(id, IPC_RMID, NULL);
}

static void info(void)
{
	struct {
		unsigned max, min, mni, seg, all, unused[4];
	} limits;
	struct {
		int used;
		unsigned tot, rss, swp, attempts, successes;
	} use, before;
	int id;
	char *p;

	say("ipc_info", "%s", ctl(0, IPC_INFO, &limits) >= 0 ? "ok" : errno_name(errno));
	say("ipc_info", "%u %u %u %u %u %u", limits.max, limits.min, limits.mni, limits.seg,
		limits.all, limits.unused[0]);
	answer("ipc_info.negative", ctl(-1, IPC_INFO, &limits));
	answer("ipc_info.fault", ctl(0, IPC_INFO, NULL));
	ctl(0, SHM_INFO, &before);
	id = make(3 * PAGE);
	p = attach(id);
	p[0] = p[PAGE] = 1;
	say("shm_info", "%s", ctl(0, SHM_INFO, &use) == (id & 0x7fff) ? "highest" : "another");
	say("shm_info", "%d %u %u %u", use.used - before.used, use.tot - before.tot,
		use.rss - before.rss, use.swp);
	answer("shm_info.fault", ctl(0, SHM_INFO, NULL));
	dt(p);
	ctl(id, IPC_RMID, NULL);
	ctl(0, SHM_INFO, &use);
	say("shm_info.after", "%d %u %u", use.used - before.used, use.tot - before.tot,
		use.rss - before.rss);
}

/* --- ipc --- */

static long ipc(unsigned call, int first, int second, int third, void *ptr)
{
	return syscall(SYS_ipc, call, first, second, third, ptr, 0);
}

static void through_ipc(void)
{
	long id = ipc(23, IPC_PRIVATE, 3 * PAGE, 0640, NULL), addr = 0;
	struct ds64 d;
	struct ds_old old;
	int limits[5];

	answer_id("ipc.get", id);
	answer("ipc.at", ipc(21, id, 0, (int)&addr, NULL));
	say("ipc.at", "%s", map_perms((void *)addr));
	answer("ipc.at.fault", ipc(21, id, 0, 0, NULL));
	say("ipc.at.fault", "%d", nattch(id));
	answer("ipc.at.version_1", ipc(21 | 1 << 16, id, 0, (int)&addr, NULL));
	answer("ipc.at.version_2", ipc(21 | 2 << 16, id, SHM_RDONLY, (int)&addr, NULL));
	say("ipc.at.version_2", "%s", map_perms((void *)addr));
	answer("ipc.dt", ipc(22, 0, 0, 0, (void *)addr));
	answer("ipc.stat", ipc(24, id, IPC_STAT | IPC_64, 0, &d));
	say("ipc.stat", "%u %o", d.segsz, d.perm.mode);
	answer("ipc.stat_old", ipc(24, id, IPC_STAT, 0, &old));
	say("ipc.stat_old", "%d %o %d", old.segsz, old.perm.mode, old.nattch);
	old.perm.mode = 0604;
	old.perm.uid = 7;
	answer("ipc.set_old", ipc(24, id, IPC_SET, 0, &old));
	say("ipc.set_old", "%o %u", stat_of(id).perm.mode, stat_of(id).perm.uid);
	d.perm.uid = 0x12345;
	ctl(id, IPC_SET, &d);
	ipc(24, id, IPC_STAT, 0, &old);
	say("ipc.large_uid", "%u %x", old.perm.uid, stat_of(id).perm.uid);
	say("ipc.info_old", "%s", ipc(24, 0, IPC_INFO, 0, limits) >= 0 ? "ok" : "no");
	say("ipc.info_old", "%d %d %d %d %d", limits[0], limits[1], limits[2], limits[3],
		limits[4]);
	answer("ipc.rmid", ipc(24, id, IPC_RMID, 0, NULL));
	answer("ipc.rmid_64", ipc(24, id, IPC_RMID | IPC_64, 0, NULL));
	answer("ipc.unknown", ipc(99, 0, 0, 0, NULL));
	answer("ipc.zero_dt", ipc(22 | 5 << 16, 0, 0, 0, NULL));
}

/* The C library's way. */
static void library(void)
{
	int id = shmget(IPC_PRIVATE, 100, 0600);
	char *p = shmat(id, NULL, 0);
	struct shmid_ds d;

	strcpy(p, "library");
	answer("libc.stat", shmctl(id, IPC_STAT, &d));
	say("libc.stat", "%lu %lu %o", (unsigned long)d.shm_segsz, (unsigned long)d.shm_nattch,
		d.shm_perm.mode);
	answer("libc.rmid", shmctl(id, IPC_RMID, NULL));
	say("libc", "%s", p);
	answer("libc.dt", shmdt(p));
	answer_ptr("libc.at_gone", shmat(id, NULL, 0));
}

/* --- Who may --- */

static int ids[5];

static void try_all(const char *name, int id, int key)
{
	struct ds64 d, all;
	int got = get(key, 0, 0400), both = get(key, 0, 0600);

	say(name, "get %s, read-write %s", got == id ? "ok" : errno_name(EACCES),
		both == id ? "ok" : errno_name(EACCES));
	answer_at(name, at(id, NULL, 0), NULL);
	answer_at(name, at(id, NULL, SHM_RDONLY), NULL);
	answer_at(name, at(id, NULL, SHM_RDONLY | SHM_EXEC), NULL);
	answer(name, ctl(id, IPC_STAT, &d));
	say(name, "%s", ctl(id & 0x7fff, SHM_STAT, &all) == id ? "ok" : errno_name(errno));
	say(name, "%s", ctl(id & 0x7fff, SHM_STAT_ANY, &all) == id ? "ok" : errno_name(errno));
	all.perm.mode = all.perm.mode & 0777;
	answer(name, ctl(id, IPC_SET, &all));
	answer(name, ctl(id, SHM_LOCK, NULL));
	answer(name, ctl(id, SHM_UNLOCK, NULL));
}

static void as_user(void)
{
	static const char *const names[] = {
		"user.private", "user.others_read", "user.group_write", "user.owner", "user.exec"};
	struct rlimit none = {0, 0}, page = {PAGE, PAGE};
	int mine, second;

	if (setgid(10) || setuid(10))
		die("setuid");
	for (size_t i = 0; i < COUNT(names); i++)
		try_all(names[i], ids[i], KEY + i);
	mine = make(PAGE);
	second = make(PAGE);
	setrlimit(RLIMIT_MEMLOCK, &page);
	answer("user.lock", ctl(mine, SHM_LOCK, NULL));
	answer("user.lock_second", ctl(second, SHM_LOCK, NULL));
	answer("user.lock_again", ctl(mine, SHM_LOCK, NULL));
	answer("user.unlock", ctl(mine, SHM_UNLOCK, NULL));
	answer("user.lock_second_now", ctl(second, SHM_LOCK, NULL));
	setrlimit(RLIMIT_MEMLOCK, &none);
	answer("user.lock_none", ctl(mine, SHM_LOCK, NULL));
	answer("user.unlock_none", ctl(second, SHM_UNLOCK, NULL));
	answer_id("user.huge_pages", get(IPC_PRIVATE, PAGE, SHM_HUGETLB | 0600));
	answer("user.rmid", ctl(mine, IPC_RMID, NULL));
	answer("user.rmid_second", ctl(second, IPC_RMID, NULL));
	for (size_t i = 0; i < COUNT(names); i++)
		answer("user.rmid_other", ctl(ids[i], IPC_RMID, NULL));
}

static void permission(void)
{
	static const int modes[] = {0600, 0604, 0060, 0400, 0705};
	struct ds64 d;

	for (size_t i = 0; i < COUNT(ids); i++) {
		ids[i] = get(KEY + i, PAGE, IPC_CREAT | modes[i]);
		d = stat_of(ids[i]);
		d.perm.gid = i == 2 ? 10 : 0;
		d.perm.uid = i == 3 ? 10 : 0;
		ctl(ids[i], IPC_SET, &d);
	}
	isolated("as_user", as_user);
	for (size_t i = 0; i < COUNT(ids); i++)
		say("left", "%s", ctl(ids[i], IPC_RMID, NULL) ? errno_name(errno) : "removed");
}

/* --- /proc --- */

static void show_map(const char *name, const void *p, int id)
{
	unsigned long start, end, inode;
	FILE *maps = fopen("/proc/self/maps", "re");
	char line[512], perms[8], offset[16], dev[16], path[64];

	while (fgets(line, sizeof(line), maps))
		if (sscanf(line, "%lx-%lx %7s %15s %15s %lu %63[^\n]", &start, &end, perms, offset,
			    dev, &inode, path) == 7 &&
			start == (unsigned long)p)
			say(name, "%lu %s %s %s %s %s", (end - start) / PAGE, perms, offset, dev,
				inode == (unsigned long)id ? "id" : "another inode", path);
	fclose(maps);
}

static void proc_files(void)
{
	static const char *const settings[] = {"shmmax", "shmall", "shmmni"};
	int id = get(KEY, 2 * PAGE, IPC_CREAT | 0600), fields[5], n, key, found;
	unsigned long size;
	char *p = attach(id), line[512];
	FILE *f;

	p[0] = 1;
	show_map("maps", p, id);
	munmap(p, PAGE);
	show_map("maps.second", p + PAGE, id);
	ctl(id, IPC_RMID, NULL);
	show_map("maps.removed", p + PAGE, id);
	f = fopen("/proc/sysvipc/shm", "re");
	if (!f)
		die("/proc/sysvipc/shm");
	say("sysvipc", "%.*s", (int)strlen(fgets(line, sizeof(line), f)) - 1, line);
	while (fgets(line, sizeof(line), f)) {
		n = sscanf(line, "%d %d %o %lu %d %d %d %d", &key, &found, &fields[0], &size,
			&fields[1], &fields[2], &fields[3], &fields[4]);
		if (found == id)
			say("sysvipc", "%d: key %d mode %o size %lu nattch %d uid %d, %d chars", n,
				key, fields[0], size, fields[3], fields[4], (int)strlen(line));
	}
	fclose(f);
	dt(p);
	for (size_t i = 0; i < COUNT(settings); i++) {
		snprintf(line, sizeof(line), "/proc/sys/kernel/%s", settings[i]);
		f = fopen(line, "re");
		say(settings[i], "%.*s", (int)strcspn(fgets(line, sizeof(line), f), "\n"), line);
		fclose(f);
	}
}

static void set_limit(const char *name, const char *value)
{
	char path[64];
	int fd;

	snprintf(path, sizeof(path), "/proc/sys/kernel/%s", name);
	fd = open(path, O_WRONLY);
	say(name, "set to %s: %s", value,
		write(fd, value, strlen(value)) < 0 ? errno_name(errno) : "ok");
	close(fd);
}

static void limits(void)
{
	int id;

	set_limit("shmmax", "8192");
	answer_id("shmmax.over", get(IPC_PRIVATE, 8193, 0600));
	id = get(IPC_PRIVATE, 8192, 0600);
	answer_id("shmmax.at", id);
	set_limit("shmmax", "4278190079");
	set_limit("shmall", "4");
	answer_id("shmall.over", get(IPC_PRIVATE, 3 * PAGE, 0600));
	set_limit("shmall", "4278190079");
	set_limit("shmmni", "1");
	answer_id("shmmni.over", get(IPC_PRIVATE, PAGE, 0600));
	set_limit("shmmni", "32769");
	set_limit("shmmni", "-1");
	set_limit("shmmni", "4096");
	ctl(id, IPC_RMID, NULL);
}

/* Locked memory that is attached is there at once. */
static void locked(void)
{
	int id = make(4 * PAGE);
	unsigned char there[4];
	char *p;

	mlockall(MCL_FUTURE);
	p = attach(id);
	mincore(p, 4 * PAGE, there);
	say("locked", "%d%d%d%d %d", there[0] & 1, there[1] & 1, there[2] & 1, there[3] & 1,
		status_value("VmLck") >= 16);
	munlockall();
	dt(p);
	ctl(id, IPC_RMID, NULL);
}

int main(int argc, char **argv)
{
	if (argc > 1 && !strcmp(argv[1], "exit"))
		return 0;
	getting();
	identifiers();
	attaching();
	counting();
	moving();
	detaching();
	removing();
	last_process();
	statistics();
	by_place();
	setting();
	info();
	through_ipc();
	library();
	permission();
	proc_files();
	limits();
	isolated("locked", locked);
	return test_failed;
}
