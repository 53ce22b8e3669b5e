/*
 * A tour of the heap: the story of A (30 K), B (40 K), C (200 K) and D (100 K), told with the
 * program's own break and maps after each step.
 */
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "../tmalloc.h"

#define KB 1024

/* Not every C library declares them. */
int mallopt(int what, int value);
int malloc_trim(size_t pad);

static char *base; /* the break before the first block */

/* The heap's line of the maps, and that of @block if it is in another. A stream would take memory
 * from the heap that is shown. */
static void show_maps(const char *block)
{
	static char text[8192];
	int fd = open("/proc/self/maps", O_RDONLY);
	ssize_t n = read(fd, text, sizeof(text) - 1);

	close(fd);
	text[n > 0 ? n : 0] = '\0';
	for (char *line = strtok(text, "\n"); line; line = strtok(NULL, "\n")) {
		unsigned long from, to;

		if (sscanf(line, "%lx-%lx", &from, &to) != 2)
			continue;
		if (strstr(line, "[heap]") ||
			((unsigned long)block >= from && (unsigned long)block < to))
			printf("    %s\n", line);
	}
}

static void tell(const char *what, const char *block)
{
	struct tm_totals m;

	tm_totals(&m);
	long broke = (char *)sbrk(0) - base;

	printf("%s\n    break %+ld K; free at the top %zu K; mapped blocks %zu (%zu K)\n", what,
		broke / KB, m.top / KB, m.nr_mapped, m.mapped / KB);
	show_maps(block);
}

static char *take(const char *what, size_t size)
{
	char *p = malloc(size);
	char text[80];

	if (!p) {
		puts("malloc-tour: out of memory");
		exit(1);
	}
	memset(p, 1, size);
	snprintf(text, sizeof(text), "%s: at %p", what, (void *)p);
	tell(text, p);
	return p;
}

int main(void)
{
	char *a, *b, *c, *d;

	setvbuf(stdout, NULL, _IONBF, 0);
	base = sbrk(0);
	tell("Before the first block", NULL);
	a = take("A = malloc(30K): in the heap, below the break", 30 * KB);
	b = take("B = malloc(40K): above A, in the same heap", 40 * KB);
	c = take("C = malloc(200K): above M_MMAP_THRESHOLD, a mapping of its own", 200 * KB);
	d = take("D = malloc(100K): above B; the break moves, with room to spare", 100 * KB);
	free(c);
	mallopt(TM_TRIM_THRESHOLD, 128 * KB);
	tell("free(C): the mapping is gone at once", NULL);
	free(b);
	tell("free(B): the break cannot move, D is above; B waits to be used again", NULL);
	free(d);
	tell("free(D): B and D merge with the top, 140K and more: it is trimmed", NULL);
	free(a);
	malloc_trim(0);
	tell("free(A), malloc_trim(0): nothing is left", NULL);
	return 0;
}
