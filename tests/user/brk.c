/* brk: growing, shrinking, zeroes, and what stands in its way. By raw calls, behind libc's back. */
#include "tests/user/test.h"

static char *start; /* the break before a case, page-aligned */

static char *brk_to(char *to)
{
	return (char *)syscall(SYS_brk, to);
}

/* Prints whether the break is now where it was asked to be, or where it was. */
static void move(const char *name, char *to)
{
	char *before = brk_to(NULL);
	char *after = brk_to(to);

	say(name, "%s", after == to ? "moved" : after == before ? "unmoved" : "elsewhere");
}

static void align_start(void)
{
	char *now = brk_to(NULL);

	start = (char *)(((uintptr_t)now + PAGE - 1) & -PAGE);
	if (brk_to(start) != start)
		die("brk");
}

static void grow_and_shrink(void)
{
	move("brk.grow", start + 3 * PAGE + 100);
	check("brk.grow_zero", all_bytes(start, 3 * PAGE + 100, 0));
	memset(start, 7, 4 * PAGE);
	move("brk.shrink", start + PAGE);
	check("brk.shrink_keeps", all_bytes(start, PAGE, 7));
	say("brk.shrunk_away", "%s", try_read(start + PAGE));
	move("brk.grow_again", start + 4 * PAGE);
	check("brk.grow_again_zero", all_bytes(start + PAGE, 3 * PAGE, 0));
	move("brk.back", start);
	say("brk.all_away", "%s", try_read(start));
}

/* Only whole pages come and go. */
static void inside_a_page(void)
{
	brk_to(start + 1);
	start[1000] = 5;
	move("brk.rest_of_page", start + 2000);
	say("brk.rest_of_page_keeps", "%d", start[1000]);
	move("brk.inside_shrink", start + 10);
	say("brk.inside_shrink_keeps", "%d", start[1000]);
	say("brk.behind_in_page", "%s", try_write(start + PAGE - 1));
	say("brk.behind_page", "%s", try_write(start + PAGE));
	brk_to(start);
}

static void bad_places(void)
{
	extern char end[];

	move("brk.zero", NULL);
	move("brk.one", (char *)1);
	move("brk.text", (char *)0x08048000);
	move("brk.below_start", end - PAGE);
	move("brk.kernel", KERNEL);
	move("brk.top", (char *)0xffffffff);
	move("brk.same", brk_to(NULL));
}

/* A mapping above: one page must stay free below it. */
static void conflict(void)
{
	char *wall = map_at(start + 8 * PAGE, PAGE, PROT_READ | PROT_WRITE);

	*wall = 9;
	move("brk.into_mapping", wall + 1);
	move("brk.over_mapping", wall + 4 * PAGE);
	move("brk.up_to_mapping", wall);
	move("brk.last_page_below", wall - PAGE + 1);
	move("brk.one_page_below", wall - PAGE);
	say("brk.mapping_untouched", "%d", *wall);
	brk_to(start);
	munmap(wall, PAGE);
	move("brk.after_unmap", wall + PAGE);
	brk_to(start);
}

static void limit_data(void)
{
	struct rlimit limit = {16 * PAGE, RLIM_INFINITY};

	setrlimit(RLIMIT_DATA, &limit);
	move("brk.over_rlimit_data", start + 4096 * PAGE);
	limit.rlim_cur = RLIM_INFINITY;
	setrlimit(RLIMIT_DATA, &limit);
	move("brk.under_rlimit_data", start + 4096 * PAGE);
}

static void limit_as(void)
{
	struct rlimit limit = {32 << 20, RLIM_INFINITY};

	setrlimit(RLIMIT_AS, &limit);
	move("brk.over_rlimit_as", start + (64 << 20));
	move("brk.under_rlimit_as", start + (8 << 20));
}

/* The break is the address space's: a child's does not move its parent's. */
static void child_moves(void)
{
	check("brk.inherited", brk_to(NULL) == start + PAGE);
	check("brk.inherited_data", *start == 3);
	move("brk.child_grows", start + 5 * PAGE);
	memset(start, 4, 5 * PAGE);
}

static void forked(void)
{
	brk_to(start + PAGE);
	*start = 3;
	isolated("brk.child", child_moves);
	check("brk.parent_unmoved", brk_to(NULL) == start + PAGE);
	check("brk.parent_data", *start == 3);
	brk_to(start);
}

static void heap_line(void)
{
	FILE *maps;
	char line[512];
	int count = 0;

	brk_to(start + 5 * PAGE);
	maps = fopen("/proc/self/maps", "re");
	while (maps && fgets(line, sizeof(line), maps))
		count += strstr(line, "[heap]") != NULL;
	check("brk.heap_line", count >= 1);
	say("brk.heap_perms", "%s", map_perms(start));
	brk_to(start);
}

static void large(void)
{
	size_t len = 24 << 20;
	bool good = true;

	move("brk.large", start + len);
	for (size_t i = 0; i < len; i += 16 * PAGE)
		start[i] = i >> 16;
	for (size_t i = 0; i < len; i += 16 * PAGE)
		good = good && start[i] == (char)(i >> 16);
	check("brk.large_data", good);
	move("brk.large_back", start);
}

int main(void)
{
	/* Nothing may be between the break and the area the cases use: no stdio, no malloc yet. */
	align_start();
	grow_and_shrink();
	inside_a_page();
	bad_places();
	conflict();
	large();
	forked();
	isolated("brk.limit_data", limit_data);
	isolated("brk.limit_as", limit_as);
	/* From here on the library's malloc needs the heap. */
	align_start();
	heap_line();
	return test_failed;
}
