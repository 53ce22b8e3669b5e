/* First-fit placement of areas against a map of pages. */
#include "kernel/core/selftest.h"
#include "mm/varea.h"

#define BASE  0xf8001000u
#define PAGES 128u
#define AREAS 48u

static struct varea area[AREAS];

static u32 page_of(vaddr_t va)
{
	return (va - BASE) / PAGE_SIZE;
}

static void complain(const char *fmt, ...)
{
	ktest_fail(__FILE__, __LINE__, "varea_check: %s", fmt);
}

static void silent(const char *fmt, ...)
{
}

/* The lowest run of n free pages, PAGES when there is none. */
static u32 lowest_run(const bool *taken, u32 n)
{
	for (u32 start = 0, i; start + n <= PAGES; start = i + 1) {
		for (i = start; i < start + n && !taken[i]; i++)
			;
		if (i == start + n)
			return start;
	}
	return PAGES;
}

static void mark(bool *taken, const struct varea *a, bool value)
{
	for (u32 i = page_of(a->start); i < page_of(a->end); i++)
		taken[i] = value;
}

KTEST(varea, random_against_a_map)
{
	bool taken[PAGES] = {false}, in[AREAS] = {false};
	struct varea_set s;

	varea_init(&s, BASE, BASE + PAGES * PAGE_SIZE);
	for (u32 n = 0; n < 4000; n++) {
		u32 i = ktest_random() % AREAS, pages = 1 + ktest_random() % 6, where;

		if (in[i]) {
			varea_remove(&s, &area[i]);
			mark(taken, &area[i], false);
			in[i] = false;
		} else {
			where = lowest_run(taken, pages);
			in[i] = varea_place(&s, &area[i], pages * PAGE_SIZE);
			KEXPECT_EQ(in[i], where < PAGES);
			if (in[i]) {
				KEXPECT_EQ(page_of(area[i].start), where);
				mark(taken, &area[i], true);
			}
		}
		if (n % 16 == 0)
			varea_check(&s, complain);
	}
}

KTEST(varea, find_and_next)
{
	struct varea_set s;

	varea_init(&s, BASE, BASE + PAGES * PAGE_SIZE);
	KEXPECT(!varea_find(&s, BASE) && !varea_next(&s, NULL));
	for (u32 i = 0; i < 3; i++)
		KREQUIRE(varea_place(&s, &area[i], 2 * PAGE_SIZE));
	varea_remove(&s, &area[1]);
	KEXPECT(varea_find(&s, 0) == &area[0]);
	KEXPECT(varea_find(&s, area[0].end - 1) == &area[0]);
	KEXPECT(varea_find(&s, area[0].end) == &area[2]);
	KEXPECT(!varea_find(&s, area[2].end));
	KEXPECT(varea_next(&s, &area[0]) == &area[2] && !varea_next(&s, &area[2]));
	KEXPECT(!varea_place(&s, &area[1], PAGES * PAGE_SIZE));
	KEXPECT(varea_place(&s, &area[1], 2 * PAGE_SIZE) && area[1].start == area[0].end);
}

KTEST(varea, checker_sees_damage)
{
	struct varea_set s;

	varea_init(&s, BASE, BASE + PAGES * PAGE_SIZE);
	for (u32 i = 0; i < 3; i++)
		KREQUIRE(varea_place(&s, &area[i], 2 * PAGE_SIZE));
	KEXPECT_EQ(varea_check(&s, silent), 0);
	area[1].start -= PAGE_SIZE;
	KEXPECT(varea_check(&s, silent) > 0);
	area[1].start += PAGE_SIZE;
	s.packed = &area[0];
	KEXPECT(varea_check(&s, silent) > 0);
	s.packed = &area[2];
	s.count++;
	KEXPECT(varea_check(&s, silent) > 0);
}
