/*
 * Rows of malloc: what programs see of the memory system. The same output as main.c's; one operation
 * is one allocation, written and freed. With --row it runs one row; as process 1, where it is linked
 * with one allocator or another, all of them, each in a process of its own, and switches the machine
 * off.
 */
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/reboot.h>
#include <sys/wait.h>
#include <unistd.h>

#define SAMPLES 8
#define PAGE	4096

/* The addresses between which tools/profile.py counts; as in main.c. */
__attribute__((noinline)) void profile_begin(void)
{
	__asm__ volatile("");
}

__attribute__((noinline)) void profile_end(void)
{
	__asm__ volatile("");
}

/* 16 MiB of objects of 16 to 496 bytes, made and then freed: the heap grows and is trimmed. */
static unsigned malloc_small(void)
{
	enum { OBJECTS = 65536 };
	static void *objects[OBJECTS];
	unsigned state = 1;
	for (unsigned i = 0; i < OBJECTS; i++) {
		state = state * 1664525 + 1013904223;
		objects[i] = malloc(16 + (state >> 16) % 31 * 16);
		*(volatile unsigned *)objects[i] = i;
	}
	for (unsigned i = 0; i < OBJECTS; i++)
		free(objects[i]);
	return OBJECTS;
}

static void touch(volatile char *start, size_t len)
{
	for (size_t at = 0; at < len; at += PAGE)
		start[at] = 1;
}

/* 1 to 16 MiB, each page written. */
static unsigned malloc_large(void)
{
	for (unsigned mib = 1; mib <= 16; mib++) {
		char *block = malloc(mib << 20);
		touch(block, mib << 20);
		free(block);
	}
	return 16;
}

/* A buffer that grows by an eighth from 4 KiB to 16 MiB, as it is being filled. */
static unsigned malloc_realloc(void)
{
	unsigned times = 0;
	size_t filled = 0;
	char *block = NULL;
	for (size_t len = PAGE; len < 16 << 20; len += len / 8, times++) {
		block = realloc(block, len);
		touch(block + filled, len - filled);
		filled = len;
	}
	free(block);
	return times;
}

/* 64 KiB to 1 MiB of zeroes, 16 at once. */
static unsigned malloc_calloc(void)
{
	void *blocks[16];
	for (unsigned i = 0; i < 16; i++) {
		blocks[i] = calloc(i + 1, 65536);
		touch(blocks[i], (i + 1) * 65536);
	}
	for (unsigned i = 0; i < 16; i++)
		free(blocks[i]);
	return 16;
}

/* --- Rows that are only compared between allocators ------------------------------------------- */

static unsigned random_below(unsigned *state, unsigned n)
{
	*state = *state * 1664525 + 1013904223;
	return (*state >> 8) % n;
}

/* A handful of small blocks at a time. */
static unsigned malloc_tiny(void)
{
	enum { OPS = 160000 };
	void *blocks[16];

	for (unsigned i = 0; i < OPS; i++) {
		blocks[i % 16] = malloc(16 + i % 8 * 8);
		*(volatile char *)blocks[i % 16] = 1;
		for (unsigned k = 0; i % 16 == 15 && k < 16; k++)
			free(blocks[k]);
	}
	return OPS;
}

/* One of 4,000 slots at random gets another block. */
static unsigned slots(unsigned ops, unsigned least, unsigned most)
{
	static void *slot[4000];
	unsigned state = 1;

	for (unsigned i = 0; i < ops; i++) {
		void **s = &slot[random_below(&state, 4000)];

		free(*s);
		*s = malloc(least + random_below(&state, most - least));
		*(volatile char *)*s = 1;
	}
	for (unsigned i = 0; i < 4000; i++) {
		free(slot[i]);
		slot[i] = NULL;
	}
	return ops;
}

static unsigned malloc_slots(void)
{
	return slots(100000, 8, 500);
}

static unsigned malloc_medium(void)
{
	return slots(20000, 1000, 20000);
}

/* Two thirds of the blocks go, in the order they came in; new ones take their places. */
static unsigned malloc_fill(void)
{
	enum { BLOCKS = 10000, ROUNDS = 10 };
	static void *block[BLOCKS];
	unsigned state = 1, ops = 0;

	for (unsigned round = 0; round < ROUNDS; round++) {
		for (unsigned i = 0; i < BLOCKS; i++) {
			if (block[i])
				continue;
			block[i] = malloc(1 + random_below(&state, round % 4 ? 120 : 1000));
			*(volatile char *)block[i] = 1;
			ops++;
		}
		for (unsigned i = 0; i < BLOCKS; i++) {
			if (round == ROUNDS - 1 || random_below(&state, 3)) {
				free(block[i]);
				block[i] = NULL;
			}
		}
	}
	return ops;
}

struct node {
	struct node *left, *right;
};

static struct node *tree_make(unsigned depth)
{
	struct node *n = malloc(sizeof(*n));

	n->left = depth ? tree_make(depth - 1) : NULL;
	n->right = depth ? tree_make(depth - 1) : NULL;
	return n;
}

static void tree_free(struct node *n)
{
	if (!n)
		return;
	tree_free(n->left);
	tree_free(n->right);
	free(n);
}

static unsigned malloc_tree(void)
{
	tree_free(tree_make(15));
	return 1 << 16;
}

/* Strings that grow by some bytes, many at once. */
static unsigned malloc_strings(void)
{
	enum { STRINGS = 500, STEPS = 100 };
	static char *string[STRINGS];
	unsigned state = 1;

	for (unsigned i = 0; i < STEPS * STRINGS; i++) {
		size_t len = (i / STRINGS + 1) * 24 + random_below(&state, 16);

		string[i % STRINGS] = realloc(string[i % STRINGS], len);
		string[i % STRINGS][len - 1] = 1;
	}
	for (unsigned i = 0; i < STRINGS; i++) {
		free(string[i]);
		string[i] = NULL;
	}
	return STEPS * STRINGS;
}

static unsigned malloc_zeroes(void)
{
	enum { OPS = 50000 };
	static void *block[256];
	unsigned state = 1;

	for (unsigned i = 0; i < OPS; i++) {
		free(block[i % 256]);
		block[i % 256] = calloc(1, 16 + random_below(&state, 200));
	}
	for (unsigned i = 0; i < 256; i++) {
		free(block[i]);
		block[i] = NULL;
	}
	return OPS;
}

enum { HANDED = 20000 };
static void *handed[HANDED];

static void *make_handed(void *unused)
{
	unsigned state = 1;

	(void)unused;
	for (unsigned i = 0; i < HANDED; i++) {
		handed[i] = malloc(16 + random_below(&state, 200));
		*(volatile char *)handed[i] = 1;
	}
	return NULL;
}

/* A thread allocates, another frees. */
static unsigned malloc_handed(void)
{
	pthread_t thread;

	if (pthread_create(&thread, NULL, make_handed, NULL))
		return 1;
	pthread_join(thread, NULL);
	for (unsigned i = 0; i < HANDED; i++)
		free(handed[i]);
	return HANDED;
}

/* --- The frame -------------------------------------------------------------------------------- */

static const struct row {
	const char *name;
	unsigned (*run)(void);
} rows[] = {
	{"malloc_small", malloc_small},
	{"malloc_large", malloc_large},
	{"malloc_realloc", malloc_realloc},
	{"malloc_calloc", malloc_calloc},
	{"malloc_tiny", malloc_tiny},
	{"malloc_slots", malloc_slots},
	{"malloc_medium", malloc_medium},
	{"malloc_fill", malloc_fill},
	{"malloc_tree", malloc_tree},
	{"malloc_strings", malloc_strings},
	{"malloc_zeroes", malloc_zeroes},
	{"malloc_handed", malloc_handed},
};

static void measure(const struct row *row)
{
	unsigned long long ticks[SAMPLES];
	unsigned ops = 0;
	for (unsigned i = 0; i < SAMPLES; i++) {
		profile_begin();
		unsigned long long start = __builtin_ia32_rdtsc();
		ops = row->run();
		ticks[i] = __builtin_ia32_rdtsc() - start;
		profile_end();
	}
	printf("row %s %u", row->name, ops);
	for (unsigned i = 1; i < SAMPLES; i++)
		printf(" %llu", ticks[i]);
	puts("");
}

static void measure_all(void)
{
	for (const struct row *row = rows; row < rows + sizeof(rows) / sizeof(rows[0]); row++) {
		int status;

		fflush(stdout);
		if (!fork()) {
			measure(row);
			exit(0);
		}
		wait(&status);
		if (status)
			printf("died %s %d\n", row->name, status);
	}
	puts("end");
	fflush(stdout);
	reboot(RB_POWER_OFF);
}

int main(int argc, char **argv)
{
	if (getpid() == 1)
		measure_all();
	if (argc != 3 || strcmp(argv[1], "--row"))
		return 2;
	for (const struct row *row = rows; row < rows + sizeof(rows) / sizeof(rows[0]); row++)
		if (!strcmp(row->name, argv[2]))
			measure(row);
	return 0;
}
