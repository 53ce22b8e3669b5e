/* The first program: output, arguments, environment, memory from malloc. Also built with musl. */
#include "tests/user/test.h"

/* Volatile, so that the library's malloc is really asked. */
static volatile size_t sizes[] = {1, 16, 100, 4000, 5000, 70000, 200000, 3000000};

static bool filled_blocks(void)
{
	char *blocks[COUNT(sizes)];
	bool good = true;

	for (size_t i = 0; i < COUNT(sizes); i++) {
		blocks[i] = malloc(sizes[i]);
		if (!blocks[i])
			return false;
		memset(blocks[i], 'a' + i, sizes[i]);
	}
	for (size_t i = 0; i < COUNT(sizes); i++) {
		good = good && all_bytes(blocks[i], sizes[i], 'a' + i);
		free(blocks[i]);
	}
	return good;
}

static bool realloc_keeps(void)
{
	char *p = NULL;
	size_t had = 0;

	for (size_t size = 10; size < 1000000; had = size, size *= 3) {
		p = realloc(p, size);
		if (!p || !all_bytes(p, had, 'r'))
			return false;
		memset(p, 'r', size);
	}
	free(p);
	return true;
}

static bool calloc_is_zero(void)
{
	for (size_t i = 0; i < COUNT(sizes); i++) {
		char *p = calloc(1, sizes[i]);

		if (!p || !all_bytes(p, sizes[i], 0))
			return false;
		memset(p, 1, sizes[i]);
		free(p);
	}
	return true;
}

static bool churn(void)
{
	static char *slots[512];
	unsigned seed = 1;

	for (int i = 0; i < 20000; i++) {
		seed = seed * 1103515245 + 12345;
		unsigned slot = (seed >> 16) % COUNT(slots);

		if (slots[slot] && *slots[slot] != (char)slot)
			return false;
		free(slots[slot]);
		slots[slot] = malloc(1 + (seed >> 8) % 2000);
		if (!slots[slot])
			return false;
		*slots[slot] = slot;
	}
	return true;
}

static int compare(const void *a, const void *b)
{
	return *(const int *)a - *(const int *)b;
}

static int zeroed[5000];
static int initialised = 12345;

int main(int argc, char **argv, char **envp)
{
	int numbers[] = {5, 3, 9, 1, 7};
	const char *base = strrchr(argv[0], '/');

	printf("hello, world\n");
	printf("argc %d, argv[0] %s, argv[argc] %s\n", argc, base ? "a path" : "a name",
		argv[argc] ? "set" : "null");
	printf("environment: %s, PATH %s\n", envp == environ ? "third argument" : "elsewhere",
		getenv("PATH") ? "set" : "unset");
	printf("%d %ld %lld %x %o %c %s %5.2f %e %p\n", -1, 123456789L, 1LL << 40, 0xbeef, 8, 'x',
		"string", 3.14159, 1e100, (void *)0x1234);
	printf("data %d, bss %s\n", initialised,
		all_bytes((char *)zeroed, sizeof(zeroed), 0) ? "zero" : "not zero");
	qsort(numbers, COUNT(numbers), sizeof(int), compare);
	printf("sorted %d %d %d %d %d\n", numbers[0], numbers[1], numbers[2], numbers[3],
		numbers[4]);
	fflush(stdout);
	check("malloc.filled", filled_blocks());
	check("malloc.realloc", realloc_keeps());
	check("malloc.calloc", calloc_is_zero());
	check("malloc.churn", churn());
	fprintf(stderr, "the last line goes to standard error\n");
	return test_failed;
}
