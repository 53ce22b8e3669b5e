/*
 * An ordinary program, with the allocator preloaded or linked: what it can see from outside. The
 * break and the maps through the story of A, B, C and D; misuse, which must abort with one line;
 * fork() beside threads; the debugging options.
 */
#define _GNU_SOURCE
#include <errno.h>
#include <fcntl.h>
#include <malloc.h>
#include <obstack.h>
#include <pthread.h>
#include <signal.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <unistd.h>
#include "tests/malloc/check.h"

#define obstack_chunk_alloc malloc
#define obstack_chunk_free  free

#define KB 1024

static char *volatile sink;

static char *now(void)
{
	return sbrk(0);
}

static int is_mapped(void *p)
{
	unsigned char v;

	return !mincore((void *)((uintptr_t)p & -4096ul), 1, &v);
}

/* 30K, 40K and 100K push the break or fit under it; 200K has a mapping; the order of the frees. */
static void abcd(void)
{
	char *a, *b, *c, *d, *high;
	size_t merged;

	a = malloc(30 * KB);
	b = malloc(40 * KB);
	CHECK(a < now() && b < now());
	c = malloc(200 * KB);
	CHECK(c > now() + (1 << 20) && mallinfo().hblks == 1 && mallinfo().hblkhd == 200 * KB);
	d = malloc(100 * KB);
	CHECK(d < now() && d > b);
	memset(a, 1, 30 * KB);
	memset(b, 1, 40 * KB);
	memset(c, 1, 200 * KB);
	memset(d, 1, 100 * KB);
	high = now();
	free(c);
	CHECK(!is_mapped(c) && mallinfo().hblks == 0 && now() == high);
	mallopt(M_TRIM_THRESHOLD, 128 * KB);
	free(b);
	CHECK(now() == high && mallinfo().fordblks >= 40 * KB);
	CHECK(malloc(40 * KB) == b);
	free(b);
	free(d);
	merged = mallinfo().keepcost;
	CHECK(now() < high);
	CHECK(merged <= 132 * KB && merged >= 124 * KB);
	CHECK(now() <= b + 132 * KB);
	CHECK(a[0] == 1 && a[30 * KB - 1] == 1);
	free(a);
	malloc_trim(0);
	CHECK(mallinfo().keepcost == 0);
}

/* Somebody maps a page where the break would grow: the heap goes on elsewhere. */
static void brk_conflict(void)
{
	char *p, *at = (char *)(((uintptr_t)now() + 4095) & -4096ul);
	void *wall =
		mmap(at, 4096, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_FIXED_NOREPLACE, -1, 0);

	CHECK(wall == at);
	for (int i = 0; i < 100; i++) {
		p = malloc(100 * KB);
		CHECK(p);
		memset(p, 1, 100 * KB);
		sink = p;
	}
	munmap(wall, 4096);
	p = sbrk(8192);
	CHECK(p != (void *)-1);
	memset(p, 7, 8192);
	for (int i = 0; i < 100; i++)
		memset(malloc(50 * KB), 1, 50 * KB);
	CHECK(p[0] == 7 && p[8191] == 7);
}

/* Where no block of its size is free, a small one is mapped too if mallopt() says so. */
static void small_threshold(void)
{
	char *p;

	mallopt(M_MMAP_THRESHOLD, 0);
	p = malloc(5000);
	CHECK(mallinfo().hblks == 1 && malloc_usable_size(p) == 8192);
	p = realloc(p, 9000);
	CHECK(mallinfo().hblks == 1);
	free(p);
	CHECK(mallinfo().hblks == 0 && !is_mapped(p));
	mallopt(M_MMAP_THRESHOLD, 128 * KB);
}

static void library(void)
{
	struct obstack o;
	char *line = NULL, *text;
	size_t room = 0, n = 0;
	FILE *f;

	obstack_init(&o);
	for (int i = 0; i < 10000; i++)
		obstack_printf(&o, "%d ", i);
	obstack_1grow(&o, 0);
	CHECK(strlen(obstack_finish(&o)) == 48890);
	obstack_free(&o, NULL);
	f = open_memstream(&text, &n);
	malloc_info(0, f);
	fclose(f);
	CHECK(n > 100 && !strncmp(text, "<malloc version=\"1\">", 20));
	CHECK(malloc_info(1, stdout) == EINVAL);
	CHECK(!aligned_alloc(65, 64) && !aligned_alloc(0, 64) && errno == EINVAL);
	f = fmemopen(text, n, "r");
	CHECK(getline(&line, &room, f) == 21);
	fclose(f);
	free(line);
	free(text);
}

/* --- Misuse --------------------------------------------------------------------------------- */

static pthread_barrier_t freed;

/* The block stays in this thread's cache. */
static void *frees(void *p)
{
	free(p);
	pthread_barrier_wait(&freed);
	pause();
	return NULL;
}

static void misuse(int what)
{
	pthread_t t;
	char *p = malloc(100), *run = malloc(60 * KB), *mapped = malloc(900 * KB), *q;

	sink = p;
	switch (what) {
	case 0:
		free(p);
		free(sink);
		break;
	case 1:
		free(p + 16);
		break;
	case 2:
		free(p + 1);
		break;
	case 3:
		free((char *)&p);
		break;
	case 4:
		free(p);
		memset(sink, 'x', 8);
		q = malloc(100);
		sink = q;
		break;
	case 5:
		free(run + 4096);
		break;
	case 6:
		sink = run;
		free(run);
		free(sink);
		break;
	case 7:
		sink = mapped;
		free(mapped);
		free(sink);
		break;
	case 8:
		free(p);
		sink = realloc(sink, 5000);
		break;
	case 9:
		sink = realloc(run + 64, 5000);
		break;
	case 10:
		pthread_barrier_init(&freed, NULL, 2);
		pthread_create(&t, NULL, frees, p);
		pthread_barrier_wait(&freed);
		free(sink);
		break;
	}
	(void)q;
}

#pragma GCC diagnostic ignored "-Wpragmas"
#pragma GCC diagnostic ignored "-Wfree-nonheap-object"

static void misuse_aborts(void)
{
	for (int what = 0; what <= 10; what++) {
		char text[200] = "";
		int fd[2], status;
		pid_t pid;

		CHECK(!pipe(fd));
		pid = fork();
		if (!pid) {
			dup2(fd[1], 2);
			misuse(what);
			_exit(0);
		}
		close(fd[1]);
		CHECK(read(fd[0], text, sizeof(text) - 1) > 0);
		close(fd[0]);
		CHECK(waitpid(pid, &status, 0) == pid);
		CHECK(WIFSIGNALED(status) && WTERMSIG(status) == SIGABRT);
		CHECK(!strncmp(text, "tmalloc: ", 9) && strstr(text, ": 0x"));
		CHECK(strchr(text, '\n') == text + strlen(text) - 1);
	}
}

/* --- fork() beside threads ------------------------------------------------------------------ */

static volatile int stop;

static void *churn(void *arg)
{
	void *p[64] = {0};

	(void)arg;
	for (unsigned i = 0; !stop; i++) {
		free(p[i % 64]);
		p[i % 64] = malloc(i * 37 % 50000);
	}
	for (int i = 0; i < 64; i++)
		free(p[i]);
	return NULL;
}

static void forks(void)
{
	pthread_t t[3];

	for (int i = 0; i < 3; i++)
		CHECK(!pthread_create(&t[i], NULL, churn, NULL));
	for (int i = 0; i < 50; i++) {
		int status;
		pid_t pid = fork();

		if (!pid) {
			for (int k = 0; k < 1000; k++)
				free(malloc(k * 97));
			_exit(0);
		}
		CHECK(waitpid(pid, &status, 0) == pid && status == 0);
	}
	stop = 1;
	for (int i = 0; i < 3; i++)
		pthread_join(t[i], NULL);
}

static void *early;

__attribute__((constructor)) static void constructor(void)
{
	early = malloc(1000);
}

/* Under TMALLOC_OPTIONS=junk: a byte too far is found by free(), within the alignment too. */
static void overflow(void)
{
	char *p = malloc(50);

	sink = p;
	sink[50] = 1;
	free(p);
}

/* Under TMALLOC_OPTIONS=junk: at the latest when the program ends. */
static void late(void)
{
	char *p = malloc(50);

	sink = p;
	free(p);
	sink[7] = 1;
}

/* Under TMALLOC_OPTIONS=guard,junk,leaks: a byte too far faults; freed memory cannot be read. */
static void guarded(void)
{
	for (int what = 0; what < 3; what++) {
		int status;
		pid_t pid = fork();

		if (!pid) {
			char *p = malloc(64);

			sink = p;
			if (p[5] != (char)0xa5)
				_exit(9);
			if (what == 0)
				sink[64] = 1;
			else if (what == 1)
				free(p), sink[1] = 1;
			_exit(0);
		}
		CHECK(waitpid(pid, &status, 0) == pid);
		CHECK(what == 2 ? status == 0 : WIFSIGNALED(status) && WTERMSIG(status) == SIGSEGV);
	}
	sink = realloc(realloc(malloc(10), 100000), 20);
	CHECK(malloc_usable_size(sink) == 20);
	free(sink);
	sink = aligned_alloc(4096, 10000);
	CHECK((uintptr_t)sink % 4096 == 0);
	free(sink);
	sink = malloc(12345);
}

/* A pad that would make the heap grow by less than is asked for is none. */
static void negative_pad(void)
{
	char *p;

	mallopt(M_MMAP_THRESHOLD, 1 << 30);
	mallopt(M_TOP_PAD, -8192);
	p = malloc(300 * KB);
	CHECK(p);
	memset(p, 1, 300 * KB);
	free(p);
}

int main(int argc, char **argv)
{
	CHECK(early && malloc_usable_size(early) >= 1000);
	if (argc > 1 && !strcmp(argv[1], "guard")) {
		guarded();
		return 0;
	}
	if (argc > 1 && !strcmp(argv[1], "overflow")) {
		overflow();
		return 0;
	}
	if (argc > 1 && !strcmp(argv[1], "late")) {
		late();
		return 0;
	}
	abcd();
	small_threshold();
	library();
	misuse_aborts();
	forks();
	brk_conflict();
	negative_pad();
	free(early);
	printf("program (%zu bits): ok\n", sizeof(long) * 8);
	return 0;
}
