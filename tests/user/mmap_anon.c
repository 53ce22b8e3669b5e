/* Anonymous mappings: contents, placement, splitting, merging, replacing. */
#include "tests/user/test.h"

#define RW   (PROT_READ | PROT_WRITE)
#define ANON (MAP_PRIVATE | MAP_ANONYMOUS)

static char *anon(void *at, size_t len, int prot, int flags)
{
	return mmap(at, len, prot, ANON | flags, -1, 0);
}

static void contents(void)
{
	char *p = map_anon(64 * PAGE);

	check("mmap.zero", all_bytes(p, 64 * PAGE, 0));
	memset(p, 1, 64 * PAGE);
	munmap(p, 64 * PAGE);
	p = map_anon(64 * PAGE);
	check("mmap.zero_again", all_bytes(p, 64 * PAGE, 0));
	munmap(p, 64 * PAGE);

	p = map_anon(1);
	say("mmap.length_rounded", "%s", try_write(p + PAGE - 1));
	munmap(p, 1);
	say("munmap.length_rounded", "%s", try_read(p + PAGE - 1));
}

static void holes(void)
{
	char *p = map_at(FREE_AREA, 5 * PAGE, RW);

	for (int i = 0; i < 5; i++)
		p[i * PAGE] = i;
	say("split.lines_before", "%d", map_lines(p, 5 * PAGE));
	answer("split.munmap_middle", munmap(p + 2 * PAGE, PAGE));
	say("split.lines_after", "%d", map_lines(p, 5 * PAGE));
	say("split.hole", "%s", try_read(p + 2 * PAGE));
	say("split.data", "%d %d %d %d", p[0], p[PAGE], p[3 * PAGE], p[4 * PAGE]);
	munmap(p, PAGE);
	munmap(p + 4 * PAGE, PAGE);
	say("split.ends", "%s %s %s %s", try_read(p), try_read(p + PAGE), try_read(p + 3 * PAGE),
		try_read(p + 4 * PAGE));
	answer("split.munmap_over_holes", munmap(p, 5 * PAGE));
	say("split.lines_at_end", "%d", map_lines(p, 5 * PAGE));
}

static void merging(void)
{
	char *p = map_at(FREE_AREA, PAGE, RW);

	anon(p + 2 * PAGE, PAGE, RW, MAP_FIXED);
	say("merge.apart", "%d", map_lines(p, 4 * PAGE));
	anon(p + PAGE, PAGE, RW, MAP_FIXED);
	say("merge.filled", "%d", map_lines(p, 4 * PAGE));
	anon(p + 3 * PAGE, PAGE, PROT_READ, MAP_FIXED);
	say("merge.other_prot", "%d", map_lines(p, 4 * PAGE));
	anon(p + PAGE, PAGE, PROT_NONE, MAP_FIXED);
	say("merge.replaced_middle", "%d", map_lines(p, 4 * PAGE));
	mmap(p + PAGE, PAGE, RW, MAP_SHARED | MAP_ANONYMOUS | MAP_FIXED, -1, 0);
	say("merge.shared_does_not", "%d", map_lines(p, 4 * PAGE));
	munmap(p, 4 * PAGE);
}

static void hints(void)
{
	char *q, *p = anon(FREE_AREA, PAGE, RW, 0);

	check("hint.free", p == FREE_AREA);
	q = anon(FREE_AREA, PAGE, RW, 0);
	check("hint.taken_goes_elsewhere", q != MAP_FAILED && q != FREE_AREA);
	munmap(q, PAGE);
	q = anon(FREE_AREA + PAGE, PAGE, RW, 0);
	check("hint.just_above", q == FREE_AREA + PAGE);
	munmap(q, PAGE);
	q = anon(FREE_AREA - PAGE, 2 * PAGE, RW, 0);
	check("hint.overlapping_goes_elsewhere", q != MAP_FAILED && q != FREE_AREA - PAGE);
	munmap(q, 2 * PAGE);
	munmap(p, PAGE);
	q = anon(FREE_AREA + 123, PAGE, RW, 0);
	check("hint.unaligned_is_rounded_down", q == FREE_AREA);
	munmap(q, PAGE);
	q = anon(KERNEL, PAGE, RW, 0);
	check("hint.kernel_goes_elsewhere", q != MAP_FAILED && q < KERNEL);
	munmap(q, PAGE);
	q = anon((void *)0xbffff000, 2 * PAGE, RW, 0);
	check("hint.over_the_top_goes_elsewhere", q != MAP_FAILED);
	munmap(q, 2 * PAGE);
	q = anon((void *)PAGE, PAGE, RW, 0);
	check("hint.low_is_raised", q != MAP_FAILED && q >= (char *)0x10000);
	munmap(q, PAGE);
}

/* Without a hint: from the top down, the highest hole that is large enough. */
static void placement(void)
{
	size_t len = 1 << 20;
	char *a = map_anon(len), *b = map_anon(len), *c = map_anon(len), *d;

	check("place.downwards", b == a - len && c == b - len);
	check("place.below_stack", a < (char *)__builtin_frame_address(0));
	munmap(b, len);
	d = map_anon(len);
	check("place.reuses_hole", d == b);
	munmap(b, len);
	d = map_anon(2 * len);
	check("place.hole_too_small", d == c - 2 * len);
	munmap(d, 2 * len);
	munmap(a, len);
	d = map_anon(len);
	check("place.top_of_hole", d == a);
	munmap(d, len);
	munmap(c, len);
}

static void fixed(void)
{
	char *p = map_at(FREE_AREA, 4 * PAGE, RW);

	memset(p, 6, 4 * PAGE);
	answer_ptr("fixed.replace", anon(p + PAGE, 2 * PAGE, RW, MAP_FIXED));
	say("fixed.contents", "%d %d %d %d", p[0], p[PAGE], p[2 * PAGE], p[3 * PAGE]);
	answer_ptr("fixed.noreplace_taken", anon(p, PAGE, RW, MAP_FIXED_NOREPLACE));
	answer_ptr("fixed.noreplace_part", anon(p - PAGE, 2 * PAGE, RW, MAP_FIXED_NOREPLACE));
	answer_ptr("fixed.noreplace_over", anon(p - PAGE, 8 * PAGE, RW, MAP_FIXED_NOREPLACE));
	answer_ptr("fixed.noreplace_free", anon(p - PAGE, PAGE, RW, MAP_FIXED_NOREPLACE));
	say("fixed.kept", "%d %d", p[0], p[3 * PAGE]);
	munmap(p - PAGE, 5 * PAGE);
	answer_ptr("fixed.last_page", anon((void *)0x3ffff000, PAGE, RW, MAP_FIXED));
	munmap((void *)0x3ffff000, PAGE);
}

/* Flags that change nothing one can see, or a little. */
static void flags(void)
{
	unsigned char in_core[8] = {0};
	char *p = anon(NULL, 8 * PAGE, RW, MAP_POPULATE);

	mincore(p, 8 * PAGE, in_core);
	for (int i = 0; i < 8; i++)
		in_core[0] &= in_core[i];
	say("flags.populate", "%d", in_core[0] & 1);
	munmap(p, 8 * PAGE);
	p = answer_ptr("flags.noreserve", anon(NULL, 1 << 30, PROT_NONE, MAP_NORESERVE));
	say("flags.prot_none", "%s", try_read(p));
	munmap(p, 1 << 30);
	answer_ptr("flags.stack", p = anon(NULL, PAGE, RW, MAP_STACK));
	munmap(p, PAGE);
	answer_ptr("flags.denywrite", p = anon(NULL, PAGE, RW, MAP_DENYWRITE | MAP_EXECUTABLE));
	munmap(p, PAGE);
	answer_ptr("flags.fd_ignored", p = mmap(NULL, PAGE, RW, ANON, 99, 0));
	munmap(p, PAGE);
	answer_ptr("flags.offset_ignored", p = mmap(NULL, PAGE, RW, ANON, -1, 5 * PAGE));
	munmap(p, PAGE);
	p = mmap(NULL, 2 * PAGE, RW, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	check("flags.shared_zero", all_bytes(p, 2 * PAGE, 0));
	munmap(p, 2 * PAGE);
}

static void growsdown(void)
{
	char *p = anon(FREE_AREA, 2 * PAGE, RW, MAP_FIXED_NOREPLACE | MAP_GROWSDOWN);

	p[0] = 1;
	say("growsdown.just_below", "%s", try_write(p - 1));
	say("growsdown.far_below", "%s", try_write(p - 20 * PAGE));
	say("growsdown.lines", "%d", map_lines(p - 20 * PAGE, 22 * PAGE));
	say("growsdown.above", "%s", try_write(p + 2 * PAGE));
	munmap(p - 20 * PAGE, 22 * PAGE);
}

static void many(void)
{
	enum { N = 1000 };
	char *p = map_at(FREE_AREA, 2 * N * PAGE, PROT_NONE);
	bool good = true;

	for (int i = 0; i < N; i++) {
		good = good && anon(p + 2 * i * PAGE, PAGE, RW, MAP_FIXED) != MAP_FAILED;
		p[2 * i * PAGE] = i;
	}
	say("many.lines", "%d", map_lines(p, 2 * N * PAGE));
	for (int i = 0; i < N; i++)
		good = good && p[2 * i * PAGE] == (char)i;
	check("many.data", good);
	answer("many.unmap_half", munmap(p + N * PAGE / 2, N * PAGE));
	say("many.lines_left", "%d", map_lines(p, 2 * N * PAGE));
	munmap(p, 2 * N * PAGE);
	say("many.lines_at_end", "%d", map_lines(p, 2 * N * PAGE));
}

int main(void)
{
	contents();
	holes();
	merging();
	hints();
	placement();
	fixed();
	flags();
	growsdown();
	many();
	return test_failed;
}
