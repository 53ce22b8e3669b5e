/* userfaultfd(2): programs that fill the pages they miss themselves. Its calls, what they refuse,
 * and faults of threads and of the kernel on their behalf. */
#include "tests/user/userfaultfd.h"
#include <sys/uio.h>

#ifndef MADV_POPULATE_WRITE
#define MADV_POPULATE_READ  22
#define MADV_POPULATE_WRITE 23
#endif

static char *area; /* PAGES of private memory, registered by whoever needs it */

static void fresh_area(void)
{
	area = map_at(FREE_AREA, PAGES * PAGE, RW);
}

static void drop_area(void)
{
	munmap(area, PAGES * PAGE);
}

/* --- The descriptor --- */

static void say_file(const char *name, const char *path)
{
	char text[256];
	int fd = open(path, O_RDONLY | O_CLOEXEC), n = read(fd, text, sizeof(text) - 1);

	text[n < 0 ? 0 : n] = 0;
	say(name, "%s", text);
	close(fd);
}

static void fdinfo(const char *name, int fd)
{
	char path[64], line[128];
	FILE *f;

	snprintf(path, sizeof(path), "/proc/self/fdinfo/%d", fd);
	f = fopen(path, "re");
	while (f && fgets(line, sizeof(line), f))
		if (!strncmp(line, "pending", 7) || !strncmp(line, "total", 5) ||
			!strncmp(line, "API", 3) || !strncmp(line, "flags", 5)) {
			line[strlen(line) - 1] = 0;
			say(name, "%s", line);
		}
	fclose(f);
}

/* Faults that nobody has read. */
static int fdinfo_pending(int fd)
{
	char path[64], text[512] = "";
	int info, count = -1;

	snprintf(path, sizeof(path), "/proc/self/fdinfo/%d", fd);
	info = open(path, O_RDONLY | O_CLOEXEC);
	(void)!read(info, text, sizeof(text) - 1);
	close(info);
	if (strstr(text, "pending:"))
		sscanf(strstr(text, "pending:"), "pending: %d", &count);
	return count;
}

static void say_poll(const char *name, int fd)
{
	struct pollfd p = {.fd = fd, .events = POLLIN | POLLOUT};
	int n = poll(&p, 1, 0);

	say(name, "%d %x", n, p.revents);
}

static void descriptor(void)
{
	char path[64], name[64] = "";
	struct uffd_msg m;
	int fd;

	answer("open.unknown_flag", open_uffd(0x10));
	answer("open.all_bits", open_uffd(-1));
	fd = open_uffd(O_CLOEXEC | UFFD_USER_MODE_ONLY);
	check("open.user_mode", fd >= 0);
	say("open.cloexec", "%d", fcntl(fd, F_GETFD));
	say("open.flags", "%x", fcntl(fd, F_GETFL));
	snprintf(path, sizeof(path), "/proc/self/fd/%d", fd);
	(void)!readlink(path, name, sizeof(name) - 1);
	say("open.name", "%s", name);
	fdinfo("fdinfo.new", fd);
	say_poll("poll.new", fd);
	answer("read.new", read(fd, &m, sizeof(m)));
	answer("register.new", reg(fd, FREE_AREA, PAGE));
	answer("wake.new", wake(fd, FREE_AREA, PAGE));
	answer("ioctl.new", ioctl(fd, FIONREAD, name));
	close(fd);
	fd = make_uffd(O_CLOEXEC, 0);
	say_poll("poll.blocking", fd);
	fcntl(fd, F_SETFL, O_NONBLOCK);
	say_poll("poll.nonblocking", fd);
	answer("read.nothing", read(fd, &m, sizeof(m)));
	answer("read.short", read(fd, &m, sizeof(m) - 1));
	answer("write", write(fd, &m, sizeof(m)));
	answer("ioctl.unknown", ioctl(fd, FIONREAD, name));
	answer("ioctl.bad_address", ioctl(fd, UFFDIO_REGISTER, KERNEL));
	answer_ptr("mmap", mmap(NULL, PAGE, PROT_READ, MAP_SHARED, fd, 0));
	fdinfo("fdinfo.ready", fd);
	close(fd);
}

static void say_api(const char *name, int fd, uint64_t version, uint64_t features)
{
	struct uffdio_api api = {version, features, 0x77};
	long result = ioctl(fd, UFFDIO_API, &api);

	say(name, "%s, api %llx, features %llx, ioctls %llx", result ? errno_name(errno) : "ok",
		(unsigned long long)api.api, (unsigned long long)api.features,
		(unsigned long long)api.ioctls);
}

static void handshake(void)
{
	int fd = open_uffd(0);

	say_api("api.version", fd, 0xab, 0);
	say_api("api.unknown_feature", fd, UFFD_API, 1ull << 40);
	say_api("api.write_protect", fd, UFFD_API, UFFD_FEATURE_PAGEFAULT_FLAG_WP);
	say_api("api.wp_shmem", fd, UFFD_API, UFFD_FEATURE_WP_HUGETLBFS_SHMEM);
	say_api("api.minor", fd, UFFD_API, UFFD_FEATURE_MINOR_SHMEM);
	answer("api.bad_address", ioctl(fd, UFFDIO_API, KERNEL));
	say_api("api.ok", fd, UFFD_API, UFFD_FEATURE_EVENT_FORK | UFFD_FEATURE_THREAD_ID);
	fdinfo("fdinfo.features", fd);
	say_api("api.twice", fd, UFFD_API, 0);
	close(fd);
}

static void say_register(const char *name, int fd, const void *p, size_t len, uint64_t mode)
{
	uint64_t ioctls = 0x99;
	long result = reg_mode(fd, p, len, mode, &ioctls);

	say(name, "%s, ioctls %llx", result ? errno_name(errno) : "ok", (unsigned long long)ioctls);
}

static void registering(void)
{
	int fd = make_uffd(0, 0), other = make_uffd(0, 0);
	char *file;

	fresh_area();
	say_register("register.mode_0", fd, area, PAGE, 0);
	say_register("register.mode_unknown", fd, area, PAGE, 8);
	say_register("register.write_protect", fd, area, PAGE, UFFDIO_REGISTER_MODE_WP);
	say_register("register.both", fd, area, PAGE, 3);
	say_register("register.minor", fd, area, PAGE, UFFDIO_REGISTER_MODE_MINOR);
	say_register("register.unaligned", fd, area + 1, PAGE, 1);
	say_register("register.unaligned_length", fd, area, 100, 1);
	say_register("register.nothing", fd, area, 0, 1);
	say_register("register.kernel", fd, KERNEL, PAGE, 1);
	say_register("register.too_long", fd, area, 0xfffff000u, 1);
	say_register("register.hole", fd, FREE_AREA2, PAGE, 1);
	say_register("register.all", fd, area, PAGES * PAGE, 1);
	say_register("register.again", fd, area, PAGES * PAGE, 1);
	say_register("register.part_again", fd, area + PAGE, PAGE, 1);
	say_register("register.other", other, area + PAGE, PAGE, 1);
	answer("unregister.other", unreg(other, area, PAGES * PAGE));
	say_register("register.other_now", other, area + PAGE, PAGE, 1);
	close(other);
	say_register("register.other_closed", fd, area, PAGES * PAGE, 1);
	munmap(area + 2 * PAGE, PAGE);
	say_register("register.over_hole", fd, area, PAGES * PAGE, 1);
	answer("unregister.over_hole", unreg(fd, area, PAGES * PAGE));
	answer("unregister.again", unreg(fd, area, PAGES * PAGE));
	answer("unregister.hole", unreg(fd, FREE_AREA2, PAGE));
	answer("unregister.nothing", unreg(fd, area, 0));
	answer("wake.hole", wake(fd, FREE_AREA2, PAGE));
	answer("wake.nothing", wake(fd, area, 0));
	drop_area();
	file = mmap(NULL, PAGE, PROT_READ, MAP_SHARED, make_file("file", "abc", 3), 0);
	say_register("register.tmpfs", fd, file, PAGE, 1);
	munmap(file, PAGE);
	file = mmap(NULL, PAGE, PROT_READ, MAP_SHARED, open("file", O_RDONLY | O_CLOEXEC), 0);
	say_register("register.read_only_file", fd, file, PAGE, 1);
	munmap(file, PAGE);
	file = mmap(NULL, PAGE, PROT_READ, MAP_PRIVATE, open("file", O_RDONLY | O_CLOEXEC), 0);
	say_register("register.private_file", fd, file, PAGE, 1);
	munmap(file, PAGE);
	close(fd);
}

/* --- What /proc shows --- */

/* The flags of the mapping at p, or "none". */
static const char *vm_flags(const char *p)
{
	unsigned long start, end, at = (unsigned long)p;
	FILE *smaps = fopen("/proc/self/smaps", "re");
	static char line[512];
	bool here = false;

	while (fgets(line, sizeof(line), smaps)) {
		if (sscanf(line, "%lx-%lx ", &start, &end) == 2)
			here = start <= at && at < end;
		else if (here && !strncmp(line, "VmFlags:", 8))
			break;
	}
	fclose(smaps);
	line[strcspn(line, "\n")] = 0;
	return here ? line : "none";
}

static void shown(void)
{
	int fd = make_uffd(0, 0), other = make_uffd(0, 0);

	fresh_area();
	say("flags.before", "%s", vm_flags(area));
	reg(fd, area + PAGE, 4 * PAGE);
	say("lines.part", "%d", map_lines(area, PAGES * PAGE));
	say("flags.registered", "%s", vm_flags(area + PAGE));
	say("flags.beside", "%s", vm_flags(area));
	reg(fd, area + 5 * PAGE, PAGE);
	say("lines.grown", "%d", map_lines(area, PAGES * PAGE));
	reg(other, area + 6 * PAGE, PAGE);
	say("lines.two_descriptors", "%d", map_lines(area, PAGES * PAGE));
	mprotect(area + 2 * PAGE, PAGE, PROT_READ);
	say("lines.mprotect", "%d", map_lines(area, PAGES * PAGE));
	say("flags.mprotect", "%s", vm_flags(area + 2 * PAGE));
	mprotect(area + 2 * PAGE, PAGE, RW);
	say("lines.mprotect_back", "%d", map_lines(area, PAGES * PAGE));
	unreg(fd, area + 3 * PAGE, PAGE);
	say("lines.hole", "%d", map_lines(area, PAGES * PAGE));
	close(fd);
	say("lines.one_closed", "%d", map_lines(area, PAGES * PAGE));
	close(other);
	say("lines.closed", "%d", map_lines(area, PAGES * PAGE));
	drop_area();
	fd = make_uffd(0, 0);
	fresh_area();
	reg(fd, area, PAGES * PAGE);
	mmap(area + PAGES * PAGE, PAGE, RW, MAP_PRIVATE | MAP_ANONYMOUS | MAP_FIXED, -1, 0);
	say("lines.new_neighbour", "%d", map_lines(area, (PAGES + 1) * PAGE));
	munmap(area, (PAGES + 1) * PAGE);
	close(fd);
}

/* --- Faults --- */

static void faults(void)
{
	struct pager p = {.name = "fault", .fd = make_uffd(0, 0), .how = "cccc"};
	struct rusage before, after;

	fresh_area();
	reg(p.fd, p.base = area, PAGES * PAGE);
	pager_start(&p);
	getrusage(RUSAGE_THREAD, &before);
	say("fault.read", "%c", area[100]);
	getrusage(RUSAGE_THREAD, &after);
	say("fault.read_counts", "major %ld", after.ru_majflt - before.ru_majflt);
	area[PAGE + 5] = 'X';
	say("fault.write", "%c%c", area[PAGE + 5], area[PAGE + 6]);
	say("fault.no_more", "%c", area[200]);
	__sync_fetch_and_add((int *)(area + 2 * PAGE), 1);
	say("fault.locked", "%c", area[2 * PAGE]);
	memset(area + 4 * PAGE - 4, 'y', 4);
	pager_join(&p);
	say("fault.there", "%c%c", area[3 * PAGE], area[4 * PAGE - 1]);
	close(p.fd);
	say("fault.closed", "%d", area[4 * PAGE]);
	drop_area();
}

/* A fault that is woken with nothing there faults again. */
static void other_answers(void)
{
	struct pager p = {
		.name = "answer", .fd = make_uffd(0, UFFD_FEATURE_EXACT_ADDRESS), .how = "zzwwczu"};
	struct pager q = {.name = "closing", .fd = make_uffd(0, 0), .how = "x"};

	fresh_area();
	reg(p.fd, p.base = q.base = area, PAGES * PAGE);
	pager_start(&p);
	say("answer.zero_read", "%d", area[100]);
	area[PAGE + 77] = 'X';
	say("answer.zero_write", "%d %d", area[PAGE + 77], area[PAGE]);
	area[100] = 'Y';
	say("answer.later_write", "%d %d", area[100], area[101]);
	say("answer.woken", "%c", area[2 * PAGE + 9]);
	madvise(area + 2 * PAGE, PAGE, MADV_DONTNEED);
	say("answer.dropped", "%d", area[2 * PAGE]);
	say("answer.unregistered", "%d", area[3 * PAGE]);
	pager_join(&p);
	close(p.fd);
	reg(q.fd, area, PAGES * PAGE);
	pager_start(&q);
	say("answer.closed", "%d", area[4 * PAGE]);
	pager_join(&q);
	drop_area();
}

static void protected_pages(void)
{
	struct pager p = {.name = "protected", .fd = make_uffd(0, 0), .how = "c"};

	fresh_area();
	reg(p.fd, p.base = area, PAGES * PAGE);
	mprotect(area, 2 * PAGE, PROT_READ);
	mprotect(area + 2 * PAGE, PAGE, PROT_NONE);
	say("protected.write", "%s", try_write(area));
	say("protected.none", "%s", try_read(area + 2 * PAGE));
	pager_start(&p);
	say("protected.read", "%c", area[0]);
	pager_join(&p);
	say("protected.write_copied", "%s", try_write(area));
	answer("protected.copy_none",
		copy_to(p.fd, area + 2 * PAGE, letters(area, area), PAGE, 0, NULL));
	mprotect(area, 3 * PAGE, RW);
	say("protected.allowed", "%s %c", try_write(area), area[2 * PAGE]);
	close(p.fd);
	drop_area();
}

/* --- UFFDIO_COPY and UFFDIO_ZEROPAGE by themselves --- */

static void copying(void)
{
	int fd = make_uffd(0, 0);
	char *from = map_at(FREE_AREA2, PAGES * PAGE, RW);

	memset(from, 'q', PAGES * PAGE);
	fresh_area();
	try_copy("copy.not_registered", fd, area, from, PAGE, 0);
	try_zero("zero.not_registered", fd, area, PAGE, 0);
	reg(fd, area, 6 * PAGE);
	try_copy("copy.mode_unknown", fd, area, from, PAGE, 4);
	try_copy("copy.write_protect", fd, area, from, PAGE, UFFDIO_COPY_MODE_WP);
	try_copy("copy.nothing", fd, area, from, 0, 0);
	try_copy("copy.unaligned", fd, area + 4, from, PAGE, 0);
	try_copy("copy.unaligned_length", fd, area, from, 100, 0);
	try_copy("copy.kernel", fd, KERNEL, from, PAGE, 0);
	try_copy("copy.from_nowhere", fd, area, FREE_AREA2 + PAGES * PAGE, PAGE, 0);
	try_copy("copy.from_kernel", fd, area, KERNEL, PAGE, 0);
	try_copy("copy.over_border", fd, area + 5 * PAGE, from, 2 * PAGE, 0);
	try_copy("copy.unaligned_from", fd, area, from + 10, PAGE, 0);
	say("copy.contents", "%d", all_bytes(area, PAGE, 'q'));
	try_copy("copy.exists", fd, area, from, PAGE, 0);
	try_zero("zero.exists", fd, area, PAGE, 0);
	try_copy("copy.second_exists", fd, area, from, 2 * PAGE, 0);
	try_copy("copy.two", fd, area + 2 * PAGE, from, 2 * PAGE, UFFDIO_COPY_MODE_DONTWAKE);
	try_copy("copy.until_there", fd, area + PAGE, from, 2 * PAGE, 0);
	try_copy("copy.source_ends", fd, area + 4 * PAGE, from + (PAGES - 1) * PAGE, 2 * PAGE, 0);
	try_zero("zero.mode_unknown", fd, area + 5 * PAGE, PAGE, 2);
	try_zero("zero.over_border", fd, area + 5 * PAGE, 2 * PAGE, 0);
	try_zero("zero.one", fd, area + 5 * PAGE, PAGE, UFFDIO_ZEROPAGE_MODE_DONTWAKE);
	try_zero("zero.twice", fd, area + 5 * PAGE, PAGE, 0);
	try_copy("copy.over_zero", fd, area + 5 * PAGE, from, PAGE, 0);
	try_copy("copy.from_own", fd, FREE_AREA2, area, PAGE, 0);
	close(fd);
	munmap(from, PAGES * PAGE);
	drop_area();
}

/* What is not there yet comes in as for any access: these processors read what may be executed. */
static void sources(void)
{
	static const struct {
		const char *name;
		int prot;
	} all[] = {{"source.exec", PROT_EXEC},
		{"source.write", PROT_WRITE},
		{"source.none", PROT_NONE}};
	int fd = make_uffd(0, 0);

	fresh_area();
	reg(fd, area, PAGES * PAGE);
	for (unsigned i = 0; i < COUNT(all); i++) {
		char *from = map_at(FREE_AREA2, 2 * PAGE, all[i].prot);

		try_copy(all[i].name, fd, area + i * PAGE, from + 10, PAGE, 0);
		munmap(from, 2 * PAGE);
	}
	close(fd);
	drop_area();
}

/* What this machine's Linux has no bit in the page table for. */
static void not_there(void)
{
	int fd = make_uffd(0, 0);
	struct uffdio_writeprotect w = {{(uintptr_t)FREE_AREA, PAGE}, 0};
	struct uffdio_continue c = {{(uintptr_t)FREE_AREA, PAGE}, 0, 0x5555};

	fresh_area();
	reg(fd, area, PAGES * PAGE);
	answer("writeprotect", ioctl(fd, UFFDIO_WRITEPROTECT, &w));
	w.mode = 4;
	answer("writeprotect.mode", ioctl(fd, UFFDIO_WRITEPROTECT, &w));
	w.mode = 3;
	answer("writeprotect.both", ioctl(fd, UFFDIO_WRITEPROTECT, &w));
	w.range.len = 0;
	answer("writeprotect.nothing", ioctl(fd, UFFDIO_WRITEPROTECT, &w));
	answer("continue", ioctl(fd, UFFDIO_CONTINUE, &c));
	say("continue.mapped", "%lld", (long long)c.mapped);
	unreg(fd, area, PAGES * PAGE);
	answer("continue.not_registered", ioctl(fd, UFFDIO_CONTINUE, &c));
	say("continue.not_registered_mapped", "%lld", (long long)c.mapped);
	c.mode = 2;
	answer("continue.mode", ioctl(fd, UFFDIO_CONTINUE, &c));
	close(fd);
	drop_area();
}

/* --- Faults of the kernel --- */

static void kernel_faults(void)
{
	struct pager p = {.name = "kernel", .fd = make_uffd(0, 0), .how = "cczccc"};
	int pipes[2], vm = 7;
	unsigned char seen[PAGES];
	struct iovec local = {&vm, sizeof(vm)}, remote;
	char text[4] = "";

	if (pipe(pipes))
		die("pipe");
	fresh_area();
	reg(p.fd, p.base = area, PAGES * PAGE);
	pager_start(&p);
	answer("kernel.write", write(pipes[1], area + 100, 3));
	answer("kernel.read", read(pipes[0], area + PAGE, 3));
	say("kernel.contents", "%.3s%c", area + PAGE, area[PAGE + 3]);
	answer("kernel.mlock", mlock(area + 2 * PAGE, PAGE));
	answer("kernel.populate_read", madvise(area + 3 * PAGE, PAGE, MADV_POPULATE_READ));
	answer("kernel.populate_write", madvise(area + 4 * PAGE, PAGE, MADV_POPULATE_WRITE));
	remote = (struct iovec){area + 5 * PAGE, 4};
	answer("kernel.process_vm", process_vm_readv(getpid(), &local, 1, &remote, 1, 0));
	pager_join(&p);
	mincore(area, PAGES * PAGE, seen);
	for (unsigned i = 0; i < PAGES; i++)
		say("kernel.mincore", "%d", seen[i] & 1);
	vm = open("/proc/self/mem", O_RDWR | O_CLOEXEC);
	answer("kernel.mem_read", pread(vm, text, 3, (uintptr_t)(area + 6 * PAGE)));
	answer("kernel.mem_write", pwrite(vm, text, 3, (uintptr_t)(area + 6 * PAGE)));
	close(vm);
	close(p.fd);
	drop_area();
	p = (struct pager){
		.name = "user_only", .fd = make_uffd(UFFD_USER_MODE_ONLY, 0), .how = "c"};
	fresh_area();
	reg(p.fd, p.base = area, PAGES * PAGE);
	pager_start(&p);
	say("user_only.read", "%c", area[0]);
	pager_join(&p);
	answer("user_only.write", write(pipes[1], area + PAGE, 3));
	answer("user_only.written", write(pipes[1], area, 3));
	answer("user_only.mlock", mlock(area + PAGE, PAGE));
	answer("user_only.populate", madvise(area + PAGE, PAGE, MADV_POPULATE_WRITE));
	close(p.fd);
	close(pipes[0]);
	close(pipes[1]);
	drop_area();
}

static void by_signal(void)
{
	int fd = make_uffd(0, UFFD_FEATURE_SIGBUS), pipes[2];

	if (pipe(pipes))
		die("pipe");
	fresh_area();
	reg(fd, area, PAGES * PAGE);
	say("sigbus.read", "%s", try_read(area));
	say("sigbus.write", "%s", try_write(area + PAGE));
	say("sigbus.error", "%lx", last_fault.error);
	answer("sigbus.system_call", write(pipes[1], area, 3));
	answer("sigbus.populate", madvise(area, PAGE, MADV_POPULATE_READ));
	answer("sigbus.copy", copy_to(fd, area, letters(area, area), PAGE, 0, NULL));
	say("sigbus.copied", "%s", try_read(area));
	answer("sigbus.zero", zero_at(fd, area + PAGE, PAGE, 0, NULL));
	say("sigbus.zeroed", "%s", try_write(area + PAGE));
	close(fd);
	say("sigbus.closed", "%s", try_write(area + 2 * PAGE));
	close(pipes[0]);
	close(pipes[1]);
	drop_area();
}

/* --- Waiting --- */

static volatile int signals_seen;

static void on_signal(int sig)
{
	(void)sig;
	signals_seen++;
}

static void *toucher(void *arg)
{
	return (void *)(intptr_t) * (volatile char *)arg;
}

/* Many threads miss the same page: each is told of, one answer wakes all. */
static void crowd(void)
{
	int fd = make_uffd(0, UFFD_FEATURE_THREAD_ID);
	pthread_t threads[4];
	struct uffd_msg m[6];
	intptr_t sum = 0;
	void *result;

	fresh_area();
	reg(fd, area, PAGES * PAGE);
	for (unsigned i = 0; i < COUNT(threads); i++)
		pthread_create(&threads[i], NULL, toucher, area + i);
	for (unsigned got = 0; got < COUNT(threads); got++) {
		get_message("crowd", fd, &m[got]);
		for (unsigned i = 0; i < got; i++)
			if (m[i].arg.pagefault.feat.ptid == m[got].arg.pagefault.feat.ptid)
				say("crowd.thread", "told twice");
		if (m[got].arg.pagefault.feat.ptid == (unsigned)getpid() ||
			!m[got].arg.pagefault.feat.ptid)
			say("crowd.thread", "of nobody");
	}
	fdinfo("crowd.all_read", fd);
	fcntl(fd, F_SETFL, O_NONBLOCK);
	answer("crowd.no_more", read(fd, m, sizeof(m)));
	copy_to(fd, area, letters(area, area + PAGE), PAGE, 0, NULL);
	for (unsigned i = 0; i < COUNT(threads); i++) {
		pthread_join(threads[i], &result);
		sum += (intptr_t)result;
	}
	say("crowd.sum", "%d", (int)sum - 4 * 'b');
	for (unsigned i = 0; i < 2; i++)
		pthread_create(&threads[i], NULL, toucher, area + PAGE * (i + 1));
	do
		usleep(1000);
	while (fdinfo_pending(fd) < 2);
	fdinfo("crowd.unread", fd);
	say_poll("crowd.poll", fd);
	answer("crowd.read_short", read(fd, m, 3 * sizeof(m[0]) / 2));
	answer("crowd.read_rest", read(fd, m, sizeof(m)));
	zero_at(fd, area + PAGE, 2 * PAGE, UFFDIO_ZEROPAGE_MODE_DONTWAKE, NULL);
	wake(fd, area + 3 * PAGE, PAGE);
	wake(fd, area, PAGE);
	fdinfo("crowd.not_woken", fd);
	wake(fd, area + PAGE, 2 * PAGE);
	for (unsigned i = 0; i < 2; i++)
		pthread_join(threads[i], NULL);
	fdinfo("crowd.woken", fd);
	close(fd);
	drop_area();
}

/* A handler runs while its thread waits; then the fault is told of again. */
static void signals(void)
{
	struct sigaction action = {.sa_handler = on_signal};
	int fd = make_uffd(0, 0);
	struct uffd_msg m;
	pthread_t t;

	sigaction(SIGUSR1, &action, NULL);
	fresh_area();
	reg(fd, area, PAGES * PAGE);
	pthread_create(&t, NULL, toucher, area);
	get_message("signal", fd, &m);
	say_message("signal.first", &m, area);
	pthread_kill(t, SIGUSR1);
	get_message("signal", fd, &m);
	say_message("signal.second", &m, area);
	say("signal.handled", "%d", signals_seen);
	fdinfo("signal.waiting", fd);
	copy_to(fd, area, letters(area, area), PAGE, 0, NULL);
	pthread_join(t, NULL);
	close(fd);
	drop_area();
}

static void wait_for_ever(void)
{
	int fd = make_uffd(0, 0);

	fresh_area();
	reg(fd, area, PAGES * PAGE);
	say("killed.waits", "yes");
	(void)*(volatile char *)area;
}

static void wait_in_kernel(void)
{
	int fd = make_uffd(0, 0);

	fresh_area();
	reg(fd, area, PAGES * PAGE);
	say("killed.waits", "yes");
	(void)!write(1, area, 1);
}

static void killed(const char *name, void (*body)(void), int sig)
{
	int pipes[2], status;
	char byte;
	pid_t pid;

	if (pipe(pipes))
		die("pipe");
	pid = fork();
	if (!pid) {
		(void)!write(pipes[1], "x", 1);
		body();
		_exit(0);
	}
	(void)!read(pipes[0], &byte, 1);
	usleep(20000);
	kill(pid, sig);
	waitpid(pid, &status, 0);
	answer_status(name, status);
	close(pipes[0]);
	close(pipes[1]);
}

/* exit_group() ends a thread that waits. */
static void exit_beside(void)
{
	int fd = make_uffd(0, 0);
	struct uffd_msg m;
	pthread_t t;

	fresh_area();
	reg(fd, area, PAGES * PAGE);
	pthread_create(&t, NULL, toucher, area);
	get_message("exit", fd, &m);
	_exit(0);
}

static int leaves(void *arg)
{
	syscall(SYS_set_tid_address, arg);
	syscall(SYS_exit, 0);
	return 0;
}

/* A thread that ends waits for nobody to fill the page where it would say so. */
static void ends_in_missing_page(void)
{
	static char stack[16384];
	int fd = make_uffd(O_NONBLOCK, 0);
	struct uffd_msg m;
	char path[64];
	int tid;

	fresh_area();
	reg(fd, area, PAGES * PAGE);
	tid = clone(leaves, stack + sizeof(stack),
		CLONE_VM | CLONE_FS | CLONE_FILES | CLONE_SIGHAND | CLONE_THREAD | CLONE_SYSVSEM,
		area);
	snprintf(path, sizeof(path), "/proc/self/task/%d", tid);
	for (int i = 0; i < 1000 && !access(path, F_OK); i++)
		usleep(1000);
	say("ends.there", "%s", access(path, F_OK) ? "no" : "yes");
	answer("ends.message", read(fd, &m, sizeof(m)));
	close(fd);
}

/* --- Rights --- */

static void unprivileged(void)
{
	int fd;

	if (setgid(1000) || setuid(1000))
		die("setuid");
	answer("user.kernel_faults", open_uffd(0));
	fd = open_uffd(UFFD_USER_MODE_ONLY | O_CLOEXEC);
	check("user.user_faults", fd >= 0);
	say_api("user.fork", fd, UFFD_API, UFFD_FEATURE_EVENT_FORK);
	say_api("user.api", fd, UFFD_API, 0);
	answer("user.device", open("/dev/userfaultfd", O_RDWR | O_CLOEXEC));
}

static void device(void)
{
	struct stat st;
	int fd = open("/dev/userfaultfd", O_RDWR | O_CLOEXEC), made;

	say_file("sysctl", "/proc/sys/vm/unprivileged_userfaultfd");
	if (fstat(fd, &st))
		die("/dev/userfaultfd");
	say("device.mode", "%o", st.st_mode);
	answer("device.unknown", ioctl(fd, FIONREAD, 0));
	answer("device.unknown_flag", ioctl(fd, USERFAULTFD_IOC_NEW, 0x10));
	made = ioctl(fd, USERFAULTFD_IOC_NEW, O_CLOEXEC | O_NONBLOCK);
	say("device.flags", "%x %d", fcntl(made, F_GETFL), fcntl(made, F_GETFD));
	say_api("device.api", made, UFFD_API, 0);
	answer("device.read", read(fd, &st, sizeof(st)));
	close(made);
	close(fd);
}

/* --- Processes --- */

/* Without the event a child's memory is its own, but the descriptor still serves the parent. */
static void forked(void)
{
	int fd = make_uffd(0, 0), status;
	struct uffd_msg m;
	pthread_t t;
	pid_t pid;

	fresh_area();
	reg(fd, area, PAGES * PAGE);
	copy_to(fd, area, letters(area, area), PAGE, 0, NULL);
	pthread_create(&t, NULL, toucher, area + PAGE);
	get_message("fork", fd, &m);
	pid = fork();
	if (!pid) {
		say("fork.child_flags", "%s", vm_flags(area));
		say("fork.child_reads", "%c %d", area[0], area[PAGE]);
		answer("fork.child_copies",
			copy_to(fd, area + PAGE, letters(area, area + PAGE), PAGE, 0, NULL));
		say("fork.child_still_reads", "%d", area[PAGE]);
		_exit(0);
	}
	waitpid(pid, &status, 0);
	pthread_join(t, NULL);
	say("fork.parent_reads", "%c", area[PAGE]);
	say("fork.parent_flags", "%s", vm_flags(area));
	close(fd);
	drop_area();
}

/* The memory is gone, the descriptor is not. */
static void outlived(void)
{
	int pipes[2], status;
	char byte;
	pid_t pid;

	if (pipe(pipes))
		die("pipe");
	pid = fork();
	if (!pid) {
		int fd = make_uffd(0, 0);

		fresh_area();
		reg(fd, area, PAGES * PAGE);
		if (fork())
			_exit(0);
		while (getppid() == pid)
			;
		usleep(20000);
		answer("outlived.register", reg(fd, area, PAGE));
		answer("outlived.unregister", unreg(fd, area, PAGE));
		try_copy("outlived.copy", fd, area, area, PAGE, 0);
		try_zero("outlived.zero", fd, area, PAGE, 0);
		answer("outlived.wake", wake(fd, area, PAGE));
		fdinfo("outlived", fd);
		close(fd);
		say("outlived.own", "%s", try_write(area));
		_exit(0);
	}
	close(pipes[1]);
	waitpid(pid, &status, 0);
	(void)!read(pipes[0], &byte, 1);
	close(pipes[0]);
}

/* Where what is registered no more becomes one mapping with its neighbours again. */
static void borders(void)
{
	int fd = make_uffd(O_NONBLOCK, 0);
	char *p = map_at(FREE_AREA, 8 * PAGE, RW);

	reg(fd, p, 5 * PAGE);
	say("borders.registered", "%d", map_lines(p, 8 * PAGE));
	unreg(fd, p + 4 * PAGE, PAGE);
	say("borders.without_last", "%d", map_lines(p, 8 * PAGE));
	unreg(fd, p, PAGE);
	say("borders.without_first", "%d", map_lines(p, 8 * PAGE));
	reg(fd, p + 4 * PAGE, 2 * PAGE);
	say("borders.more", "%d", map_lines(p, 8 * PAGE));
	reg(fd, p + 7 * PAGE, PAGE);
	say("borders.hole_left", "%d", map_lines(p, 8 * PAGE));
	reg(fd, p + 6 * PAGE, PAGE);
	say("borders.hole_filled", "%d", map_lines(p, 8 * PAGE));
	reg(fd, p, 8 * PAGE);
	say("borders.all", "%d", map_lines(p, 8 * PAGE));
	answer("borders.fill_across", zero_at(fd, p, 2 * PAGE, 0, NULL));
}

int main(void)
{
	descriptor();
	handshake();
	registering();
	shown();
	faults();
	other_answers();
	protected_pages();
	copying();
	sources();
	not_there();
	kernel_faults();
	by_signal();
	crowd();
	signals();
	killed("killed.user", wait_for_ever, SIGKILL);
	killed("killed.kernel", wait_in_kernel, SIGKILL);
	killed("killed.terminated", wait_in_kernel, SIGTERM);
	isolated("exit", exit_beside);
	isolated("ends", ends_in_missing_page);
	device();
	isolated("user", unprivileged);
	forked();
	outlived();
	isolated("borders", borders);
	return test_failed;
}
