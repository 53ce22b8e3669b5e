/* userfaultfd(2)'s events: changes of the map that wait until they have been read. */
#include "tests/user/userfaultfd.h"
#include <sched.h>

#ifndef MREMAP_DONTUNMAP
#define MREMAP_DONTUNMAP 4
#endif
#define EVENTS (UFFD_FEATURE_EVENT_REMAP | UFFD_FEATURE_EVENT_REMOVE | UFFD_FEATURE_EVENT_UNMAP)

static char *area; /* PAGES of private memory */

static int fresh(uint64_t features)
{
	int fd = make_uffd(O_CLOEXEC, features);

	area = map_at(FREE_AREA, PAGES * PAGE, RW);
	if (reg(fd, area, PAGES * PAGE))
		die("register");
	return fd;
}

static void drop(int fd)
{
	close(fd);
	munmap(area, PAGES * PAGE);
}

/* --- A thread that reads what comes, to be told of afterwards --- */

static struct listener {
	int fd;
	unsigned count;
	struct uffd_msg m[4];
	pthread_t thread;
} ear;

static void *listen_body(void *arg)
{
	(void)arg;
	for (unsigned i = 0; i < ear.count; i++)
		get_message("listen", ear.fd, &ear.m[i]);
	return NULL;
}

static void listen_for(int fd, unsigned count)
{
	ear.fd = fd;
	ear.count = count;
	if (pthread_create(&ear.thread, NULL, listen_body, NULL))
		die("pthread_create");
}

/* All of them came, and no more. */
static void heard(const char *name, long result)
{
	struct uffd_msg m;

	answer(name, result);
	pthread_join(ear.thread, NULL);
	for (unsigned i = 0; i < ear.count; i++)
		say_message(name, &ear.m[i], area);
	fcntl(ear.fd, F_SETFL, O_NONBLOCK);
	answer(name, read(ear.fd, &m, sizeof(m)));
	fcntl(ear.fd, F_SETFL, 0);
}

static long moved(void *at)
{
	return at == MAP_FAILED ? -1 : at == area ? 0 : 1;
}

static const char *registered(const void *p)
{
	int fd = make_uffd(0, 0);
	const char *text = reg(fd, p, PAGE) ? errno_name(errno) : "no";

	close(fd);
	return text;
}

/* --- munmap --- */

static void unmapping(void)
{
	int fd = fresh(EVENTS);

	listen_for(fd, 1);
	heard("unmap.one", munmap(area + PAGE, PAGE));
	listen_for(fd, 0);
	heard("unmap.hole", munmap(area + PAGE, PAGE));
	mprotect(area + 3 * PAGE, PAGE, PROT_READ);
	listen_for(fd, 1);
	heard("unmap.three_areas", munmap(area + 2 * PAGE, 3 * PAGE));
	unreg(fd, area + 6 * PAGE, PAGE);
	listen_for(fd, 0);
	heard("unmap.not_registered", munmap(area + 6 * PAGE, PAGE));
	listen_for(fd, 1);
	heard("unmap.with_more", munmap(area + 5 * PAGE, 3 * PAGE));
	listen_for(fd, 1);
	heard("unmap.map_over",
		moved(mmap(area, PAGE, RW, MAP_PRIVATE | MAP_ANONYMOUS | MAP_FIXED, -1, 0)));
	say("unmap.now_registered", "%s", registered(area));
	drop(fd);
	fd = fresh(0);
	listen_for(fd, 0);
	heard("unmap.not_asked", munmap(area, PAGE));
	drop(fd);
	fd = fresh(EVENTS);
	close(fd);
	answer("unmap.closed", munmap(area, PAGES * PAGE));
}

/* --- mremap --- */

static void remap_with(const char *name, uint64_t features, unsigned events)
{
	int fd = fresh(features);
	char *to;

	copy_to(fd, area, letters(area, area), PAGE, 0, NULL);
	listen_for(fd, events);
	to = mremap(
		area, PAGES * PAGE, 2 * PAGES * PAGE, MREMAP_MAYMOVE | MREMAP_FIXED, FREE_AREA2);
	heard(name, moved(to));
	say(name, "%s, %c", registered(to), to[0]);
	if (!(features & UFFD_FEATURE_EVENT_REMAP))
		say(name, "%d", to[PAGE]);
	close(fd);
	munmap(to, 2 * PAGES * PAGE);
}

static void remapping(void)
{
	int fd;

	remap_with("remap.told", UFFD_FEATURE_EVENT_REMAP, 1);
	remap_with("remap.all", EVENTS, 2);
	remap_with("remap.unmap_only", UFFD_FEATURE_EVENT_UNMAP, 1);
	remap_with("remap.not_asked", 0, 0);
	fd = fresh(EVENTS);
	listen_for(fd, 0);
	heard("remap.in_place", moved(mremap(area, PAGES * PAGE, (PAGES + 2) * PAGE, 0)));
	say("remap.in_place", "%s", registered(area + (PAGES + 1) * PAGE));
	listen_for(fd, 1);
	heard("remap.shrink", moved(mremap(area, (PAGES + 2) * PAGE, PAGES * PAGE, 0)));
	listen_for(fd, 2);
	heard("remap.part", moved(mremap(area + 2 * PAGE, 2 * PAGE, 2 * PAGE,
				    MREMAP_MAYMOVE | MREMAP_FIXED, FREE_AREA2)));
	answer("remap.fill_moved", zero_at(fd, FREE_AREA2, PAGE, 0, NULL));
	listen_for(fd, 1);
	heard("remap.dont_unmap",
		moved(mremap(area + 4 * PAGE, 2 * PAGE, 2 * PAGE,
			MREMAP_MAYMOVE | MREMAP_FIXED | MREMAP_DONTUNMAP, FREE_AREA2 + 8 * PAGE)));
	say("remap.left", "%s, %s", registered(area + 4 * PAGE), registered(FREE_AREA2 + 8 * PAGE));
	listen_for(fd, 3);
	heard("remap.over", moved(mremap(area + 6 * PAGE, PAGE, PAGE, MREMAP_MAYMOVE | MREMAP_FIXED,
				    FREE_AREA2 + 8 * PAGE)));
	listen_for(fd, 0);
	heard("remap.fails", moved(mremap(area + 7 * PAGE, 2 * PAGE, 3 * PAGE, MREMAP_MAYMOVE)));
	drop(fd);
	munmap(FREE_AREA2, 16 * PAGE);
}

/* --- madvise --- */

static void removing(void)
{
	int fd = fresh(EVENTS), file;
	char *shared;

	copy_to(fd, area, letters(area, area), PAGE, 0, NULL);
	listen_for(fd, 1);
	heard("remove.dontneed", madvise(area, 2 * PAGE, MADV_DONTNEED));
	answer("remove.fill_again", zero_at(fd, area, PAGE, 0, NULL));
	listen_for(fd, 1);
	heard("remove.free", madvise(area + PAGE, PAGE, MADV_FREE));
	mlock(area, PAGE);
	listen_for(fd, 0);
	heard("remove.locked", madvise(area, PAGE, MADV_DONTNEED));
	munlock(area, PAGE);
	unreg(fd, area + PAGE, PAGE);
	listen_for(fd, 2);
	heard("remove.two_parts", madvise(area, 3 * PAGE, MADV_DONTNEED));
	file = memfd_create("file", 0);
	if (ftruncate(file, PAGES * PAGE))
		die("ftruncate");
	shared = mmap(FREE_AREA2, PAGES * PAGE, RW, MAP_SHARED | MAP_FIXED, file, 0);
	shared[0] = 'x';
	reg(fd, shared, PAGES * PAGE);
	area = shared;
	listen_for(fd, 1);
	heard("remove.file", madvise(shared, PAGE, MADV_REMOVE));
	listen_for(fd, 0);
	heard("remove.file_punched",
		fallocate(file, FALLOC_FL_PUNCH_HOLE | FALLOC_FL_KEEP_SIZE, 0, PAGE));
	answer("remove.file_fill", zero_at(fd, shared, PAGE, 0, NULL));
	drop(fd);
	munmap(FREE_AREA, PAGES * PAGE);
	close(file);
}

/* --- While it waits --- */

static void *unmap_body(void *arg)
{
	return (void *)(intptr_t)munmap(arg, PAGE);
}

static void *advise_body(void *arg)
{
	return (void *)(intptr_t)(madvise(arg, PAGE, MADV_DONTNEED) ? errno : 0);
}

static void wait_for_event(int fd)
{
	struct pollfd p = {.fd = fd, .events = POLLIN};

	fcntl(fd, F_SETFL, O_NONBLOCK);
	poll(&p, 1, -1);
}

static void waiting(void)
{
	int fd = fresh(EVENTS);
	struct uffd_msg m;
	pthread_t t;
	void *result;

	pthread_create(&t, NULL, unmap_body, area + PAGE);
	wait_for_event(fd);
	say("waiting.unmapped", "%s", map_perms(area + PAGE));
	try_copy("waiting.copy", fd, area, letters(area, area), PAGE, 0);
	try_zero("waiting.zero", fd, area, PAGE, 0);
	answer("waiting.read", read(fd, &m, sizeof(m)));
	pthread_join(t, &result);
	try_copy("waiting.copy_now", fd, area, letters(area, area), PAGE, 0);
	pthread_create(&t, NULL, advise_body, area);
	wait_for_event(fd);
	say("waiting.not_dropped", "%c", area[0]);
	unreg(fd, area, PAGE);
	munmap(area, PAGE);
	answer("waiting.read_remove", read(fd, &m, sizeof(m)));
	pthread_join(t, &result);
	say("waiting.gone", "%s", errno_name((intptr_t)result));
	pthread_create(&t, NULL, unmap_body, area + 2 * PAGE);
	wait_for_event(fd);
	close(fd);
	pthread_join(t, &result);
	answer("waiting.closed", (intptr_t)result);
	munmap(area, PAGES * PAGE);
}

static void unmap_for_ever(void)
{
	fresh(EVENTS);
	munmap(area, PAGE);
}

static void fork_for_ever(void)
{
	fresh(UFFD_FEATURE_EVENT_FORK);
	if (fork() == 0)
		say("fork", "not reached");
}

static void killed(const char *name, void (*body)(void))
{
	int status;
	pid_t pid = fork();

	if (!pid) {
		body();
		_exit(0);
	}
	usleep(20000);
	kill(pid, SIGTERM);
	waitpid(pid, &status, 0);
	answer_status(name, status);
}

/* --- fork --- */

/* Serves the child of a fork: its descriptor comes in the event. */
static void *midwife(void *arg)
{
	int fd = *(int *)arg;
	struct uffd_msg m;
	struct pager p = {.name = "fork.child_fault", .base = area};

	get_message("fork", fd, &m);
	p.fd = m.arg.fork.ufd;
	say("fork.event", "%#x, another descriptor %d, flags %x", m.event, p.fd != fd,
		fcntl(p.fd, F_GETFD));
	get_message("fork", p.fd, &m);
	say_message(p.name, &m, p.base);
	serve(&p, 'c', &m);
	return (void *)(intptr_t)p.fd;
}

static void forking(void)
{
	int fd = fresh(UFFD_FEATURE_EVENT_FORK | UFFD_FEATURE_EVENT_UNMAP), status;
	pthread_t t;
	void *result;
	pid_t pid;

	copy_to(fd, area, letters(area, area), PAGE, 0, NULL);
	pthread_create(&t, NULL, midwife, &fd);
	pid = fork();
	if (!pid) {
		say("fork.child", "%c", area[0]);
		say("fork.child_missing", "%c", area[PAGE]);
		_exit(0);
	}
	waitpid(pid, &status, 0);
	answer_status("fork.exit", status);
	pthread_join(t, &result);
	answer("fork.child_gone", wake((intptr_t)result, area, PAGE));
	answer("fork.child_gone_copy",
		copy_to((intptr_t)result, area, letters(area, area), PAGE, 0, NULL));
	close((intptr_t)result);
	say("fork.parent_registered", "%s", registered(area));
	answer("fork.parent_copy", copy_to(fd, area + PAGE, letters(area, area), PAGE, 0, NULL));
	unreg(fd, area, PAGES * PAGE);
	drop(fd);
}

static void *fork_body(void *arg)
{
	int status;
	pid_t pid = fork();

	(void)arg;
	if (!pid) {
		say("fork.unserved", "%d", area[PAGE]);
		_exit(0);
	}
	waitpid(pid, &status, 0);
	return (void *)(intptr_t)status;
}

/* The event stays until there is a descriptor for it. Whose is closed has memory of its own. */
static void fork_unserved(void)
{
	int fd = fresh(UFFD_FEATURE_EVENT_FORK), spare;
	struct rlimit files, none;
	struct uffd_msg m;
	pthread_t t;
	void *status;

	pthread_create(&t, NULL, fork_body, NULL);
	wait_for_event(fd);
	getrlimit(RLIMIT_NOFILE, &files);
	none = files;
	spare = dup(fd);
	close(spare);
	none.rlim_cur = spare;
	setrlimit(RLIMIT_NOFILE, &none);
	answer("fork.no_descriptor", read(fd, &m, sizeof(m)));
	setrlimit(RLIMIT_NOFILE, &files);
	answer("fork.descriptor", read(fd, &m, sizeof(m)));
	close(m.arg.fork.ufd);
	pthread_join(t, &status);
	answer_status("fork.unserved", (intptr_t)status);
	drop(fd);
}

static volatile int *shared_fd;

static void *look_at_descriptor(void *arg)
{
	pid_t pid = fork();

	if (!pid) {
		while (!*shared_fd)
			sched_yield();
		answer("fork.descriptor_in_child", fcntl(*shared_fd, F_GETFD));
		_exit(0);
	}
	waitpid(pid, NULL, 0);
	return NULL;
}

/* The descriptor for the child's memory is not the child's. */
static void fork_descriptor(void)
{
	int fd = fresh(UFFD_FEATURE_EVENT_FORK);
	struct uffd_msg m;
	pthread_t t;

	shared_fd = mmap(NULL, PAGE, RW, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	if (pthread_create(&t, NULL, look_at_descriptor, NULL))
		die("pthread_create");
	get_message("fork.descriptor_in_child", fd, &m);
	*shared_fd = m.arg.fork.ufd;
	pthread_join(t, NULL);
	close(m.arg.fork.ufd);
	drop(fd);
}

#define HUGE 0x200000u

static void *drop_one_and_a_half(void *at)
{
	answer("replaced.drop", madvise(at, 3 * HUGE / 2, MADV_DONTNEED));
	return NULL;
}

/* While dropping waits to be told, huge pages come to the place: of these no half one goes. */
static void replaced(void)
{
	int fd = make_uffd(O_NONBLOCK, UFFD_FEATURE_EVENT_REMOVE);
	char *p = map_at(FREE_AREA, 2 * HUGE, RW);
	struct pollfd ready = {.fd = fd, .events = POLLIN};
	pthread_t thread;
	struct uffd_msg m;

	if (write_setting("/proc/sys/vm/nr_hugepages", "2") < 0)
		die("nr_hugepages");
	reg(fd, p, 2 * HUGE);
	if (pthread_create(&thread, NULL, drop_one_and_a_half, p))
		die("pthread_create");
	poll(&ready, 1, -1);
	p = mmap(p, 2 * HUGE, RW, MAP_PRIVATE | MAP_ANONYMOUS | MAP_HUGETLB | MAP_FIXED, -1, 0);
	p[0] = p[HUGE] = 1;
	get_message("replaced.message", fd, &m);
	pthread_join(thread, NULL);
	say("replaced.pages", "%d %d", p[0], p[HUGE]);
	munmap(p, 2 * HUGE);
	write_setting("/proc/sys/vm/nr_hugepages", "0");
}

int main(void)
{
	unmapping();
	remapping();
	removing();
	waiting();
	killed("waiting.killed", unmap_for_ever);
	killed("waiting.fork_killed", fork_for_ever);
	forking();
	fork_unserved();
	fork_descriptor();
	isolated("replaced", replaced);
	return test_failed;
}
