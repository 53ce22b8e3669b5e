/*
 * Rows of glibc's malloc: what programs see of the memory system. The same output as bench.c's;
 * one operation is one allocation, written and freed.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

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

static const struct {
	const char *name;
	unsigned (*run)(void);
} rows[] = {
	{"malloc_small", malloc_small},
	{"malloc_large", malloc_large},
	{"malloc_realloc", malloc_realloc},
	{"malloc_calloc", malloc_calloc},
};

static void measure(const char *name, unsigned (*run)(void))
{
	unsigned long long ticks[SAMPLES];
	unsigned ops = 0;
	for (unsigned i = 0; i < SAMPLES; i++) {
		profile_begin();
		unsigned long long start = __builtin_ia32_rdtsc();
		ops = run();
		ticks[i] = __builtin_ia32_rdtsc() - start;
		profile_end();
	}
	printf("row %s %u", name, ops);
	for (unsigned i = 1; i < SAMPLES; i++)
		printf(" %llu", ticks[i]);
	puts("");
}

int main(int argc, char **argv)
{
	if (argc != 3 || strcmp(argv[1], "--row"))
		return 2;
	for (unsigned i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		if (!strcmp(rows[i].name, argv[2]))
			measure(rows[i].name, rows[i].run);
	}
	return 0;
}
