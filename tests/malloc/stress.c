/*
 * Random calls against a shadow of what the heap should hold: each block is filled with a pattern
 * of its own, no two overlap (a pattern would break), and the allocator's invariants are checked
 * all the time. Now and then the system refuses memory, or the heap has no free pages. The same
 * operations are driven by a random number or, as FUZZ, by libFuzzer.
 */
#include <errno.h>
#include <pthread.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include "user/malloc/core.h"
#include "user/malloc/tmalloc.h"
#include "tests/malloc/names.h"
#include "tests/malloc/world.h"

#define SLOTS 512

struct slot {
	unsigned char *p;
	size_t size, align;
	unsigned char tag;
};

struct shadow {
	struct slot slot[SLOTS];
	const uint8_t *input; /* libFuzzer's, or NULL */
	size_t left;
	uint64_t seed;
};

static _Noreturn void fail(const char *what, const void *p)
{
	fprintf(stderr, "stress: %s: %p\n", what, p);
	abort();
}

static unsigned thread_steps;    /* 0 while there is one thread */
static unsigned char perturbed;  /* by M_PERTURB */

static uint32_t next(struct shadow *s)
{
	uint32_t v = 0;

	if (!s->input) {
		s->seed = s->seed * 6364136223846793005u + 1442695040888963407u;
		return s->seed >> 32;
	}
	for (int i = 0; i < 4 && s->left; i++, s->left--)
		v = v << 8 | *s->input++;
	return v;
}

/* Mostly small, sometimes around the limits between the allocator's levels. */
static size_t next_size(struct shadow *s)
{
	uint32_t r = next(s);

	switch (r % 16) {
	case 0 ... 8:
		return (r >> 8) % 300;
	case 9 ... 11:
		return (r >> 8) % 5000;
	case 12:
		return SMALL_MAX - 64 + (r >> 8) % 128;
	case 13:
		return (128 << 10) - 64 + (r >> 8) % 128;
	case 14:
		return (r >> 8) % (100 << 10);
	default:
		return (r >> 8) % (400 << 10);
	}
}

/* Large blocks are filled at their ends and once in each page. */
static void pattern(struct slot *b, size_t from)
{
	for (size_t i = from; i < b->size; i += b->size < 4096 || i < 64 ? 1 : 509)
		b->p[i] = b->tag;
	if (b->size)
		b->p[b->size - 1] = b->tag;
}

static void verify(const struct slot *b, size_t size)
{
	for (size_t i = 0; i < size; i += b->size < 4096 || i < 64 ? 1 : 509)
		if (b->p[i] != b->tag)
			fail("a block changed", b->p + i);
	if (size == b->size && size && b->p[size - 1] != b->tag)
		fail("a block's end changed", b->p);
}

static void fresh(struct slot *b, void *p, size_t size, size_t align, unsigned char tag)
{
	b->p = p;
	if (!p) {
		if (errno != ENOMEM)
			fail("no memory, but errno does not say so", NULL);
		return;
	}
	if ((uintptr_t)p % align)
		fail("misaligned", p);
	if (tm_malloc_usable_size(p) < size)
		fail("too short", p);
	b->size = size;
	b->align = align;
	b->tag = tag;
	pattern(b, 0);
}

static void perturb(unsigned char byte)
{
	if (debug.quarantine)
		return;
	tm_mallopt(TM_PERTURB, byte);
	perturbed = byte;
}

/* What malloc() returns while M_PERTURB is set. */
static void filled(const unsigned char *p, size_t size)
{
	for (size_t i = 0; perturbed && p && i < size; i++)
		if (p[i] != (unsigned char)~perturbed)
			fail("M_PERTURB has not filled a new block", p + i);
}

static void do_calloc(struct slot *b, size_t size, unsigned char tag)
{
	unsigned char *p = tm_calloc(size / 8 + 1, 8);

	for (size_t i = 0; p && i < size; i++)
		if (p[i])
			fail("calloc() is not zero", p + i);
	fresh(b, p, size, ALIGNMENT, tag);
}

static void do_realloc(struct slot *b, size_t size, unsigned char tag)
{
	size_t keep = b->size < size ? b->size : size;
	unsigned char *p = tm_realloc(b->p, size);

	if (!p) {
		if (!size)
			b->p = NULL;
		else if (errno != ENOMEM)
			fail("realloc() failed, but errno does not say so", NULL);
		return;
	}
	b->p = p;
	if (keep == b->size && b->size >= 4096)
		verify(b, keep);
	else
		for (size_t i = 0; i < keep; i += b->size < 4096 || i < 64 ? 1 : 509)
			if (p[i] != b->tag)
				fail("realloc() lost bytes", p + i);
	fresh(b, p, size, ALIGNMENT, tag);
}

static void step(struct shadow *s)
{
	uint32_t r = next(s), what = r % 16;
	struct slot *b = &s->slot[(r >> 8) % SLOTS];
	size_t size = next_size(s);
	unsigned char tag = r >> 24;
	void *p = NULL;

	if (r >> 27 == 0)
		refuse(next(s) % 4, 1 + next(s) % 8);
	if (r >> 20 == 0x123)
		tm_malloc_trim(size);
	if (r >> 24 == 0x55)
		crowd(next(s) % 4);
	if (r >> 22 == 0xc8 && !thread_steps)
		perturb(next(s) % 4 ? 0 : tag);
	errno = 0;
	if (b->p) {
		verify(b, b->size);
		if (what < 4) {
			do_realloc(b, size, tag);
		} else {
			tm_free(b->p);
			b->p = NULL;
		}
	} else if (what < 3) {
		do_calloc(b, size, tag);
	} else if (what == 3) {
		size_t align = (size_t)1 << (4 + (r >> 20) % 14);

		if (!tm_posix_memalign(&p, align, size))
			fresh(b, p, size, align, tag);
	} else {
		p = tm_malloc(size);
		filled(p, size);
		fresh(b, p, size, ALIGNMENT, tag);
	}
}

static void clear(struct shadow *s)
{
	for (unsigned i = 0; i < SLOTS; i++) {
		if (s->slot[i].p) {
			verify(&s->slot[i], s->slot[i].size);
			tm_free(s->slot[i].p);
		}
		s->slot[i].p = NULL;
	}
	if (!thread_steps)
		perturb(0);
}

#ifdef FUZZ

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static struct shadow s;

	crowd(false);
	mixed.least = 1;
	s.input = data;
	s.left = size;
	while (s.left) {
		step(&s);
		tmalloc_check();
	}
	clear(&s);
	nothing_left();
	return 0;
}

#else

/* --- Threads -------------------------------------------------------------------------------- */

/* Blocks pass from thread to thread through here. */
static struct slot shared[SLOTS];
static pthread_mutex_t shared_lock = PTHREAD_MUTEX_INITIALIZER;

static void swap(struct shadow *s)
{
	uint32_t r = next(s);
	struct slot *a = &s->slot[r % SLOTS], *b = &shared[(r >> 16) % SLOTS], t;

	pthread_mutex_lock(&shared_lock);
	t = *a;
	*a = *b;
	*b = t;
	pthread_mutex_unlock(&shared_lock);
}

static void *thread(void *arg)
{
	struct shadow *s = calloc(1, sizeof(*s));

	s->seed = (uintptr_t)arg;
	for (unsigned i = 0; i < thread_steps; i++) {
		step(s);
		if (i % 3 == 0)
			swap(s);
	}
	refuse(0, 0);
	clear(s);
	free(s);
	return NULL;
}

static void threads(unsigned rounds, unsigned seed)
{
	pthread_t t[6];

	for (unsigned round = 0; round < rounds; round++) {
		for (uintptr_t i = 0; i < 6; i++)
			if (pthread_create(&t[i], NULL, thread, (void *)(seed + round * 7 + i + 1)))
				fail("no thread", NULL);
		for (unsigned i = 0; i < 6; i++)
			pthread_join(t[i], NULL);
		tmalloc_check();
	}
	for (unsigned i = 0; i < SLOTS; i++)
		tm_free(shared[i].p);
}

int main(int argc, char **argv)
{
	static struct shadow s;
	unsigned steps = argc > 1 ? atoi(argv[1]) : 20000;

	s.seed = argc > 2 ? atoi(argv[2]) : 1;
	printf("stress: %u steps, seed %u", steps, (unsigned)s.seed);
	fflush(stdout);
	mixed.least = 1;
	for (unsigned i = 0; i < steps; i++) {
		step(&s);
		if (i % 64 == 0 || i < 2000)
			tmalloc_check();
	}
	clear(&s);
	nothing_left();
	thread_steps = steps;
	threads(3, s.seed);
	nothing_left();
	puts(", then 3 times 6 threads: ok");
	return 0;
}
#endif
