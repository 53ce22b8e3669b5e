/*
 * What programs may expect of malloc()'s family on Linux, as the C library's manual and its own
 * tests have it. The program runs with the C library's allocator too, which keeps the checks
 * honest; what only ours does is checked in program.c.
 */
#define _GNU_SOURCE
#include <errno.h>
#include <fcntl.h>
#include <malloc.h>
#include <pthread.h>
#include <signal.h>
#include <stdbool.h>
#include <stdint.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/resource.h>
#include <sys/time.h>
#include <sys/wait.h>
#include <unistd.h>
#include "tests/malloc/check.h"

#define KB 1024

static bool is_aligned(const void *p, size_t align)
{
	return !((uintptr_t)p & (align - 1));
}

/* --- Sizes that cannot be ------------------------------------------------------------------- */

/* A small block was just freed: an overflow in the arithmetic would find it. */
static void before(void)
{
	free(malloc(16));
	errno = 0;
}

#define FAILS(call)                                                                                \
	do {                                                                                       \
		before();                                                                          \
		CHECK(!(call) && errno == ENOMEM);                                                 \
	} while (0)

static void too_large(size_t size)
{
	char *p = malloc(16);
	void *q = p;

	memset(p, 'x', 16);
	FAILS(malloc(size));
	FAILS(valloc(size));
	FAILS(pvalloc(size));
	FAILS(realloc(NULL, size));
	FAILS(realloc(p, size));
	for (size_t n = 1; n <= 8 && size % n == 0; n *= 2) {
		FAILS(calloc(n, size / n));
		FAILS(calloc(size / n, n));
		FAILS(reallocarray(p, n, size / n));
		FAILS(reallocarray(p, size / n, n));
	}
	for (size_t align = 1; align; align *= 2) {
		FAILS(memalign(align, size));
		if (size % align == 0)
			FAILS(aligned_alloc(align, size));
		if (align % sizeof(void *) == 0)
			CHECK(posix_memalign(&q, align, size) == ENOMEM && q == p);
	}
	for (int i = 0; i < 16; i++)
		CHECK(p[i] == 'x');
	free(p);
}

static void limits(void)
{
	for (size_t i = 0; i < 20000; i += 1 + i / 8) {
		too_large(SIZE_MAX - i);
		too_large((size_t)PTRDIFF_MAX + 1 + i);
	}
	for (size_t bits = 1; sizeof(size_t) == 8 && bits < 1 << 14; bits *= 2) {
		too_large(bits << (sizeof(size_t) * 8 - 14));
		too_large((bits << (sizeof(size_t) * 8 - 14)) - 1);
	}
	FAILS(calloc(SIZE_MAX / 2, 3));
	FAILS(calloc((size_t)1 << sizeof(size_t) * 4, (size_t)1 << sizeof(size_t) * 4));
	FAILS(reallocarray(NULL, SIZE_MAX / 2, 3));
}

/* --- Nothing, and odd alignments ------------------------------------------------------------ */

static void zero_sizes(void)
{
	void *p[8] = {malloc(0), calloc(0, 8), calloc(8, 0), realloc(NULL, 0), memalign(64, 0),
		valloc(0), pvalloc(0)};

	CHECK(!posix_memalign(&p[7], 128, 0));
	for (int i = 0; i < 8; i++) {
		CHECK(p[i]);
		for (int k = 0; k < i; k++)
			CHECK(p[k] != p[i]);
	}
	errno = 5;
	for (int i = 0; i < 4; i++)
		CHECK(!realloc(p[i], 0) && errno == 5);
	CHECK(!reallocarray(p[4], 0, 8) && !reallocarray(p[5], 8, 0));
	free(p[6]);
	free(p[7]);
	free(NULL);
	CHECK(errno == 5 && malloc_usable_size(NULL) == 0);
}

static void odd_alignments(void)
{
	static const size_t bad[] = {0, 1, 2, 3, 24, 0x300, (size_t)-1};
	void *p = &p;

	errno = 5;
	for (int i = 0; i < 7; i++)
		CHECK(posix_memalign(&p, bad[i], 10) == EINVAL && p == &p && errno == 5);
	CHECK(!memalign(SIZE_MAX, 8) && errno == EINVAL);
	errno = 0;
	CHECK(!memalign(SIZE_MAX / 2 + 2, 8) && errno == EINVAL);
	CHECK(is_aligned(p = memalign(48, 10), 64));
	free(p);
	for (size_t align = 1; align <= 1 << 21; align *= 2) {
		p = aligned_alloc(align, 3 * align);
		CHECK(p && is_aligned(p, align) && is_aligned(p, 16));
		memset(p, 1, 3 * align);
		free(p);
	}
	free(p = valloc(100));
	CHECK(is_aligned(p, 4096));
	p = pvalloc(1);
	CHECK(is_aligned(p, 4096) && malloc_usable_size(p) >= 4096);
	free(p);
}

/* A block that was aligned goes to the next who asks the same. */
static void aligned_reuse(void)
{
	static const size_t sizes[][2] = {{32, 24}, {64, 24}, {128, 128}, {128, 500}};
	void *p, *q;

	for (int i = 0; i < 4; i++) {
		size_t room;

		p = memalign(sizes[i][0], sizes[i][1]);
		room = malloc_usable_size(p);
		free(p);
		q = memalign(sizes[i][0], room);
		CHECK(is_aligned(q, sizes[i][0]));
		free(q);
	}
}

/* --- What a block is ------------------------------------------------------------------------ */

/* All of malloc_usable_size() can be written, and realloc() keeps it. */
static void usable(void)
{
	enum { N = 400 };
	unsigned char *p[N];
	size_t room[N];

	for (int i = 0; i < N; i++) {
		p[i] = malloc(i < 300 ? i * 7 : i * 1000);
		room[i] = malloc_usable_size(p[i]);
		CHECK(is_aligned(p[i], 16) && room[i] >= (size_t)(i < 300 ? i * 7 : i * 1000));
		memset(p[i], i, room[i]);
	}
	for (int i = 0; i < N; i++) {
		for (size_t k = 0; k < room[i]; k++)
			CHECK(p[i][k] == (unsigned char)i);
		p[i] = realloc(p[i], room[i] * 2 + 1);
		for (size_t k = 0; k < room[i]; k++)
			CHECK(p[i][k] == (unsigned char)i);
		p[i] = realloc(p[i], room[i] / 5 + 1);
		for (size_t k = 0; k < room[i] / 5 + 1; k++)
			CHECK(p[i][k] == (unsigned char)i || k >= room[i]);
		free(p[i]);
	}
}

static void calloc_zeroes(void)
{
	for (size_t size = 1; size < 3 << 20; size += 1 + size / 3) {
		unsigned char *p = malloc(size);

		memset(p, 0xff, size);
		free(p);
		p = calloc(size, 1);
		for (size_t i = 0; i < size; i++)
			CHECK(!p[i]);
		free(p);
	}
}

/* --- errno ---------------------------------------------------------------------------------- */

static void free_leaves_errno(void)
{
	static const size_t sizes[] = {1, 1000, 30000, 100 * KB, 5318153};

	for (int i = 0; i < 5; i++) {
		void *p[200];

		for (int k = 0; k < 200 >> i; k++)
			p[k] = malloc(sizes[i]);
		errno = 1789;
		for (int k = 0; k < 200 >> i; k++)
			free(p[k]);
		CHECK(errno == 1789);
	}
}

/* munmap() in the middle of a mapping needs one more, and there are no more. */
static void free_without_mappings(void)
{
	size_t size = 16 << 20, pages = 66000;
	char *p = malloc(size), *many;

	many = mmap(
		NULL, pages * 4096, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
	CHECK(many != MAP_FAILED);
	for (size_t i = 0; i < pages; i += 2)
		if (mprotect(many + i * 4096, 4096, PROT_READ))
			break;
	memset(p, 1, size);
	errno = 1789;
	free(p);
	CHECK(errno == 1789);
	munmap(many, pages * 4096);
	p = malloc(size);
	CHECK(p);
	memset(p, 2, size);
	free(p);
}

/* --- Numbers -------------------------------------------------------------------------------- */

static void info_adds_up(const struct mallinfo2 *m)
{
	CHECK(m->arena == m->uordblks + m->fordblks);
	CHECK(m->keepcost <= m->fordblks && m->fsmblks <= m->fordblks && !m->usmblks);
	CHECK(!m->hblks == !m->hblkhd);
}

static void numbers(void)
{
	enum { N = 100 };
	struct mallinfo2 a = mallinfo2(), b, c;
	struct mallinfo old;
	char *p[N], *big;
	size_t total = 0;

	info_adds_up(&a);
	for (int i = 0; i < N; i++) {
		p[i] = malloc(160 * i);
		total += 160 * i;
	}
	b = mallinfo2();
	info_adds_up(&b);
	CHECK(b.uordblks >= a.uordblks + total && b.uordblks < a.uordblks + 2 * total);
	big = malloc(60 << 20);
	c = mallinfo2();
	CHECK(c.hblks == b.hblks + 1 && c.hblkhd >= b.hblkhd + (60 << 20));
	CHECK(c.arena == b.arena);
	old = mallinfo();
	CHECK(old.hblks == (int)c.hblks && old.arena == (int)c.arena);
	free(big);
	for (int i = 0; i < N; i++)
		free(p[i]);
	c = mallinfo2();
	info_adds_up(&c);
	CHECK(c.hblks == b.hblks && c.hblkhd == b.hblkhd && c.uordblks <= b.uordblks - total / 2);
}

static void trims(void)
{
	enum { N = 500 };
	void *p[N];

	for (int i = 0; i < N; i++)
		memset(p[i] = malloc(20000), 1, 20000);
	for (int i = 0; i < N; i += 2)
		free(p[i]);
	CHECK(malloc_trim(0) == 1);
	for (int i = 1; i < N; i += 2)
		free(p[i]);
	malloc_trim(0);
	CHECK(mallinfo2().keepcost < 8192);
}

static void options(void)
{
	char *p;

	CHECK(mallopt(M_MXFAST, 0) && mallopt(M_MXFAST, 80 * sizeof(size_t) / 4));
	CHECK(!mallopt(M_MXFAST, 1000) && !mallopt(M_MXFAST, -1));
	CHECK(mallopt(M_CHECK_ACTION, 1) && mallopt(M_ARENA_MAX, 2) && mallopt(M_ARENA_TEST, 2));
	CHECK(mallopt(M_NLBLKS, 1) && mallopt(M_GRAIN, 1) && mallopt(M_KEEP, 1));
	CHECK(mallopt(M_MMAP_THRESHOLD, 1 << 30) && mallopt(M_TRIM_THRESHOLD, -1));
	CHECK(mallopt(M_TOP_PAD, -8192)); /* glibc may ask for too little, and refuse: program.c */
	p = malloc(300 * KB);
	if (p)
		memset(p, 1, 300 * KB);
	free(p);
	CHECK(mallopt(M_TOP_PAD, 0) && mallopt(M_MMAP_MAX, 0));
	p = malloc(60 << 20);
	CHECK(p && !mallinfo2().hblks);
	free(p);
	CHECK(mallopt(M_MMAP_MAX, 65536) && mallopt(M_MMAP_THRESHOLD, 128 * KB));
	CHECK(mallopt(M_TRIM_THRESHOLD, 128 * KB) && malloc_trim(0));
	p = malloc(70 << 20);
	CHECK(mallinfo2().hblks == 1);
	free(p);
	CHECK(!mallinfo2().hblks);
}

static bool all_are(const char *p, size_t from, size_t to, char byte)
{
	for (; from < to; from++)
		if (p[from] != byte)
			return false;
	return true;
}

/* New memory gets the complement of the byte, freed memory the byte (but for some links). */
static void perturbed(void)
{
	char *p, *q;

	CHECK(mallopt(M_PERTURB, 0x5c));
	p = malloc(5000);
	CHECK(all_are(p, 0, 5000, (char)0xa3));
	q = calloc(1, 5000);
	CHECK(all_are(q, 0, 5000, 0));
	free(q);
	free(p);
	CHECK(all_are(p, 64, 4900, 0x5c));
	p = malloc(1100);
	q = malloc(1100);
	CHECK(all_are(p, 0, 1100, (char)0xa3) && all_are(q, 0, 1100, (char)0xa3));
	CHECK(p - q < 4096 && q - p < 4096);
	p = memset(malloc(60000), 1, 60000);
	CHECK(mallopt(M_PERTURB, 0));
	p = memset(realloc(p, 100000), 2, 100000);
	CHECK(malloc_usable_size(p) >= 100000);
	p = realloc(p, 110000);
	CHECK(all_are(p, 0, 100000, 2));
	free(p);
}

/* --- Signals and fork() --------------------------------------------------------------------- */

static volatile sig_atomic_t signals;

/* A process of one thread may fork wherever a signal meets it. */
static void on_alarm(int number)
{
	int saved = errno;
	pid_t pid = fork();

	if (!pid)
		_exit(0);
	waitpid(pid, NULL, 0);
	signals++;
	errno = saved;
}

static void forks_in_handlers(void)
{
	void *p[101] = {0};

	signal(SIGALRM, on_alarm);
	for (unsigned i = 0; signals < 100; i++) {
		struct itimerval soon = {.it_value.tv_usec = 1 + i % 20};

		setitimer(ITIMER_REAL, &soon, NULL);
		for (int k = 0; k < 40; k++) {
			free(p[(i + k) % 101]);
			p[(i + k) % 101] = malloc((i + k) * 2654435761u % 70000);
		}
	}
	usleep(1000);
	for (int i = 0; i < 101; i++)
		free(p[i]);
}

/* getline() wants memory while it holds a stream; fork() wants all streams. */
static volatile bool stop;

static void *reads(void *file)
{
	FILE *f = fopen(file, "r");

	while (!stop) {
		char *line = NULL;
		size_t room = 0;

		rewind(f);
		CHECK(getline(&line, &room, f) > 0);
		free(line);
	}
	fclose(f);
	return NULL;
}

static void *flushes(void *unused)
{
	while (!stop)
		CHECK(!fflush(NULL));
	return NULL;
}

static void *forks(void *unused)
{
	for (int i = 0; i < 25; i++) {
		int status;
		pid_t pid = fork();

		if (!pid) {
			FILE *f = tmpfile();

			fclose(f);
			_exit(17);
		}
		CHECK(waitpid(pid, &status, 0) == pid && WEXITSTATUS(status) == 17);
	}
	return NULL;
}

static void forks_beside_streams(void)
{
	void *(*const work[])(void *) = {forks, forks, reads, reads, reads, flushes};
	char file[] = "/tmp/malloc-test-XXXXXX", line[50000];
	int fd = mkstemp(file);
	pthread_t t[6];

	memset(line, 'x', sizeof(line));
	line[sizeof(line) - 1] = '\n';
	CHECK(write(fd, line, sizeof(line)) == sizeof(line));
	close(fd);
	for (int i = 0; i < 6; i++)
		CHECK(!pthread_create(&t[i], NULL, work[i], file));
	pthread_join(t[0], NULL);
	pthread_join(t[1], NULL);
	stop = true;
	for (int i = 2; i < 6; i++)
		pthread_join(t[i], NULL);
	unlink(file);
}

/* --- Threads -------------------------------------------------------------------------------- */

static pthread_key_t key;

/* Runs when the thread's own cache may be gone already. */
static void last_words(void *p)
{
	char *q = strdup("the last words of a thread");

	free(p);
	free(q);
	free(calloc(1, 100000));
}

static void *short_life(void *unused)
{
	pthread_setspecific(key, malloc(100));
	free(malloc(32));
	return malloc(32);
}

static void threads_leak_nothing(void)
{
	size_t before;

	for (int i = 0; i < 1500; i++) {
		pthread_t t;
		void *p;

		if (i == 100)
			before = mallinfo2().uordblks;
		CHECK(!pthread_create(&t, NULL, short_life, NULL) && !pthread_join(t, &p));
		free(p);
	}
	CHECK(mallinfo2().uordblks <= before + 1500);
}

static void *many_lives(void *unused)
{
	for (int i = 0; i < 300; i++) {
		pthread_t t;
		void *p;

		CHECK(!pthread_create(&t, NULL, short_life, NULL) && !pthread_join(t, &p));
		free(p);
	}
	return NULL;
}

/* Reports while threads come and go; malloc_stats() is no point of cancellation. */
static void *reports(void *unused)
{
	FILE *f = fopen("/dev/null", "w");

	for (int i = 0; i < 200; i++) {
		mallinfo2();
		CHECK(!malloc_info(0, f));
	}
	fclose(f);
	pthread_cancel(pthread_self());
	malloc_stats();
	stop = true;
	return NULL;
}

static void reports_beside_threads(void)
{
	pthread_t t[3];
	int keep = dup(2), null = open("/dev/null", O_WRONLY);

	dup2(null, 2);
	stop = false;
	CHECK(!pthread_create(&t[0], NULL, many_lives, NULL));
	CHECK(!pthread_create(&t[1], NULL, many_lives, NULL));
	CHECK(!pthread_create(&t[2], NULL, reports, NULL));
	for (int i = 0; i < 3; i++)
		pthread_join(t[i], NULL);
	dup2(keep, 2);
	close(keep);
	close(null);
	CHECK(stop);
}

/* --- Until there is no more ----------------------------------------------------------------- */

static size_t hungry_size, hungry_align;
static int hungry_how;
static pthread_barrier_t all; /* have begun, have no more */

static void *hungry_block(void)
{
	void *p = NULL, *q;

	switch (hungry_how) {
	case 0:
		return malloc(hungry_size);
	case 1:
		return calloc(1, hungry_size);
	case 2:
		p = malloc(16);
		q = realloc(p, hungry_size);
		if (!q)
			free(p);
		return q;
	case 3:
		return aligned_alloc(hungry_align, hungry_size);
	case 4:
		return valloc(hungry_size);
	default:
		if (posix_memalign(&p, hungry_align, hungry_size))
			errno = ENOMEM;
		return p;
	}
}

struct link {
	struct link *next;
};

static void *hungry(void *unused)
{
	struct link *list = NULL, *p;

	pthread_barrier_wait(&all);
	while ((p = hungry_block())) {
		if (hungry_how >= 3 && hungry_how != 4)
			CHECK(is_aligned(p, hungry_align));
		p->next = list;
		list = p;
	}
	CHECK(errno == ENOMEM);
	pthread_barrier_wait(&all);
	while (list) {
		p = list->next;
		free(list);
		list = p;
	}
	return NULL;
}

/* In a child with little address space; afterwards there is memory again. */
static void hungry_threads(int how, size_t size, size_t align)
{
	struct rlimit limit = {80 << 20, 80 << 20};
	pthread_t t[4];
	pthread_attr_t attr;
	int status;
	pid_t pid = fork();

	if (pid) {
		CHECK(waitpid(pid, &status, 0) == pid && !status);
		return;
	}
	setrlimit(RLIMIT_AS, &limit);
	hungry_how = how;
	hungry_size = size;
	hungry_align = align;
	pthread_attr_init(&attr);
	pthread_attr_setstacksize(&attr, 256 * KB);
	pthread_barrier_init(&all, NULL, 4);
	for (int i = 0; i < 4; i++)
		CHECK(!pthread_create(&t[i], &attr, hungry, NULL));
	for (int i = 0; i < 4; i++)
		pthread_join(t[i], NULL);
	malloc_trim(0);
	CHECK(malloc(100) && malloc(10000) && malloc(10 << 20));
	_exit(0);
}

static void memory_ends(void)
{
	for (int how = 0; how < 6; how++) {
		hungry_threads(how, 512, 128);
		hungry_threads(how, 17 * 4096, 128);
	}
	hungry_threads(0, 300 * KB, 0);
	hungry_threads(2, 3 << 20, 0);
	hungry_threads(3, 100 * KB, 64 * KB);
}

/* --- Beginning and end ---------------------------------------------------------------------- */

static char *early, *late;

__attribute__((constructor)) static void first(void)
{
	early = strcpy(malloc(20), "early");
}

__attribute__((destructor)) static void last(void)
{
	CHECK(!strcmp(early, "early") && !strcmp(late, "late"));
	free(early);
	late = realloc(late, 100000);
	CHECK(late);
	free(late);
	puts("interface: ok");
}

static void at_exit(void)
{
	late = strdup("late");
}

int main(void)
{
	atexit(at_exit);
	numbers();
	limits();
	zero_sizes();
	odd_alignments();
	aligned_reuse();
	usable();
	calloc_zeroes();
	free_leaves_errno();
	trims();
	options();
	perturbed();
	free_without_mappings();
	forks_in_handlers();
	CHECK(!pthread_key_create(&key, last_words));
	memory_ends();
	threads_leak_nothing();
	reports_beside_threads();
	forks_beside_streams();
	return 0;
}
