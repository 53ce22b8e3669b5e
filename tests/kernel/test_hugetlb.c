/*
 * The pool of huge pages and its mappings by direct calls: counts, promises, where the frames are.
 * The guard around each test checks that the pool and memory are again as they were.
 */
#include "kernel/abi/errno.h"
#include "kernel/core/selftest.h"
#include "kernel/fs/vfs.h"
#include "kernel/lib/string.h"
#include "kernel/x86/trap.h"
#include "mm/hugetlb.h"
#include "mm/page_alloc.h"
#include "tests/kernel/space.h"

#define BASE   0x10000000u
#define SHARED (VM_SHARED | VM_MAYSHARE)

static u32 free_pages(void)
{
	struct hugetlb_stat s;
	hugetlb_stat(&s);
	return s.free;
}

static u32 reserved(void)
{
	struct hugetlb_stat s;
	hugetlb_stat(&s);
	return s.reserved;
}

static u32 surplus(void)
{
	struct hugetlb_stat s;
	hugetlb_stat(&s);
	return s.surplus;
}

/* Maps `pages` huge pages at BASE. */
static long map_huge(struct mm *mm, struct file *f, u32 pages, u32 vm_flags)
{
	return map(mm, &(struct map_request){
			       .addr = BASE,
			       .len = pages * HUGE_SIZE,
			       .vm_flags = RW | vm_flags | f->backing.object->vm_flags,
			       .how = MM_FIXED | MM_HUGE,
			       .backing = &f->backing,
			       .object = f->backing.object,
		       });
}

/* One test's world: a pool, a file, an address space that maps it all. */
struct world {
	struct file *file;
	struct mm *mm;
};

static void setup(struct world *w, u32 pool, u32 pages, u32 vm_flags)
{
	hugetlb_set_pool(pool);
	w->file = file_create_huge(pages * HUGE_SIZE);
	w->mm = mm_create();
	KREQUIRE(!is_err(w->file) && w->mm);
	KEXPECT_EQ(map_huge(w->mm, w->file, pages, vm_flags), BASE);
}

static void teardown(struct world *w)
{
	if (w->mm)
		mm_put(w->mm);
	file_put(w->file);
	KEXPECT_EQ(reserved(), 0);
	hugetlb_set_pool(0);
}

KTEST(hugetlb, pool_comes_from_the_buddy_and_goes_back)
{
	struct hugetlb_stat s;
	u32 before = page_alloc_free();

	hugetlb_set_pool(3);
	hugetlb_stat(&s);
	KEXPECT_EQ(s.total, 3);
	KEXPECT_EQ(s.free, 3);
	KEXPECT_EQ(page_alloc_free(), before - 3 * HUGE_PAGES);
	hugetlb_set_pool(1);
	KEXPECT_EQ(page_alloc_free(), before - HUGE_PAGES);
	hugetlb_set_pool(0);
	KEXPECT_EQ(page_alloc_free(), before);
}

KTEST(hugetlb, more_than_there_is)
{
	struct hugetlb_stat s;
	u32 before = page_alloc_free();

	hugetlb_set_pool(~0u);
	hugetlb_stat(&s);
	KEXPECT(s.total > 0 && s.total * HUGE_PAGES <= before);
	KEXPECT(s.alloc_fail > 0);
	hugetlb_set_pool(0);
	KEXPECT_EQ(page_alloc_free(), before);
}

KTEST(hugetlb, promised_pages_stay)
{
	hugetlb_set_pool(3);
	KEXPECT(hugetlb_reserve(NULL, 2));
	KEXPECT(!hugetlb_reserve(NULL, 2));
	struct page *p = hugetlb_take(NULL, false);
	KREQUIRE(p);
	KEXPECT(!hugetlb_take(NULL, false)); /* the two left are promised */
	struct page *q = hugetlb_take(NULL, true);
	KREQUIRE(q);
	KEXPECT_EQ(reserved(), 1);
	hugetlb_set_pool(0); /* what is promised or in use cannot go yet */
	KEXPECT_EQ(free_pages(), 1);
	KEXPECT_EQ(surplus(), 3);
	hugetlb_put(p);
	hugetlb_put(q);
	KEXPECT_EQ(surplus(), 1);
	hugetlb_unreserve(NULL, 1);
	KEXPECT_EQ(free_pages(), 0);
	KEXPECT_EQ(surplus(), 0);
}

KTEST(hugetlb, surplus_is_all_or_nothing)
{
	hugetlb_max_surplus = 2;
	KEXPECT(!hugetlb_reserve(NULL, 3));
	KEXPECT_EQ(surplus(), 0);
	KEXPECT(hugetlb_reserve(NULL, 2));
	KEXPECT_EQ(surplus(), 2);
	hugetlb_unreserve(NULL, 2);
	KEXPECT_EQ(surplus(), 0);
	hugetlb_max_surplus = 0;
}

KTEST(hugetlb, one_entry_maps_two_megabytes)
{
	struct world w;
	setup(&w, 2, 2, 0);
	u32 tables = w.mm->pmap.nr_tables;

	KEXPECT_EQ(touch(w.mm, BASE + HUGE_SIZE + 12345, PF_WRITE), FAULT_DONE);
	pte_t e = *pmap_pde(&w.mm->pmap, BASE + HUGE_SIZE);
	KEXPECT(pte_huge(e) && pte_present(e) && pte_write(e) && pte_user(e));
	KEXPECT_EQ(pte_pfn(e).v % HUGE_PAGES, 0);
	KEXPECT(!pmap_pte(&w.mm->pmap, BASE + HUGE_SIZE));
	KEXPECT(w.mm->pmap.nr_tables <= tables + 1); /* a directory, no table */
	KEXPECT_EQ(w.mm->huge_pages, 1);
	KEXPECT_EQ(mm_rss(w.mm), 0);
	KEXPECT_EQ(touch(w.mm, BASE, 0), FAULT_DONE);
	KEXPECT(!pte_write(*pmap_pde(&w.mm->pmap, BASE)));
	teardown(&w);
}

/* An mremap() that ran out of memory leaves empty tables behind, where there is no VMA. */
KTEST(hugetlb, tables_in_the_way_are_freed)
{
	struct world w = {.mm = mm_create()};
	KREQUIRE(w.mm);
	KEXPECT(pmap_pte_alloc(&w.mm->pmap, BASE));
	hugetlb_set_pool(1);
	w.file = file_create_huge(HUGE_SIZE);
	KREQUIRE(!is_err(w.file));
	KEXPECT_EQ(map_huge(w.mm, w.file, 1, 0), BASE);
	KEXPECT_EQ(w.mm->pmap.nr_tables, 1);
	KEXPECT_EQ(peek(w.mm, BASE), 0);
	poke(w.mm, BASE + HUGE_SIZE - 4, 2);
	KEXPECT_EQ(peek(w.mm, BASE + HUGE_SIZE - 4), 2);
	teardown(&w);
}

KTEST(hugetlb, borders_are_whole_pages)
{
	struct world w;
	setup(&w, 3, 3, 0);

	KEXPECT_EQ(unmap(w.mm, BASE, 1), -EINVAL);
	KEXPECT_EQ(unmap(w.mm, BASE + PAGE_SIZE, 3 * HUGE_PAGES - 1), -EINVAL);
	KEXPECT_EQ(unmap(w.mm, 0x1000000, (BASE - 0x1000000) / PAGE_SIZE + 1), -EINVAL);
	KEXPECT_EQ(w.mm->vmas.count, 1);
	KEXPECT_EQ(unmap(w.mm, BASE + HUGE_SIZE, HUGE_PAGES), 0);
	KEXPECT_EQ(w.mm->vmas.count, 2);
	KEXPECT_EQ(reserved(), 2);
	KEXPECT_EQ(unmap(w.mm, BASE, HUGE_PAGES), 0);
	KEXPECT_EQ(reserved(), 1);
	poke(w.mm, BASE + 2 * HUGE_SIZE, 1); /* the part that was cut off kept its promise */
	KEXPECT_EQ(reserved(), 0);
	teardown(&w);
}

KTEST(hugetlb, copies_after_fork)
{
	struct world w;
	setup(&w, 3, 1, 0);

	poke(w.mm, BASE + 8, 111);
	struct mm *child = mm_fork(w.mm);
	KREQUIRE(child);
	KEXPECT(!pte_write(*pmap_pde(&w.mm->pmap, BASE)));
	KEXPECT_EQ(child->huge_pages, 1);
	poke(child, BASE + 8, 222);
	KEXPECT_EQ(peek(w.mm, BASE + 8), 111);
	KEXPECT_EQ(peek(child, BASE + 8), 222);
	KEXPECT_EQ(free_pages(), 1);
	poke(w.mm, BASE + 8, 112); /* alone again: no copy */
	KEXPECT_EQ(free_pages(), 1);
	mm_put(child);
	KEXPECT_EQ(free_pages(), 2);
	teardown(&w);
}

KTEST(hugetlb, parent_keeps_its_page)
{
	struct world w;
	setup(&w, 2, 2, 0);

	poke(w.mm, BASE, 1);
	poke(w.mm, BASE + HUGE_SIZE, 1);
	struct mm *child = mm_fork(w.mm);
	KREQUIRE(child);
	KEXPECT_EQ(touch(child, BASE, PF_WRITE), FAULT_SIGBUS);
	KEXPECT_EQ(touch(child, BASE, 0), FAULT_DONE);
	poke(w.mm, BASE, 2); /* no page is left: the child loses its entry */
	KEXPECT_EQ(child->huge_pages, 1);
	KEXPECT_EQ(touch(child, BASE, 0), FAULT_SIGBUS);
	KEXPECT_EQ(peek(w.mm, BASE), 2);
	KEXPECT_EQ(peek(child, BASE + HUGE_SIZE), 1);
	mm_put(child);
	teardown(&w);
}

KTEST(hugetlb, orphan_outlives_promises)
{
	struct world w;
	setup(&w, 3, 2, 0);

	poke(w.mm, BASE, 7);
	struct mm *child = mm_fork(w.mm);
	KREQUIRE(child);
	mm_put(w.mm);
	KEXPECT_EQ(reserved(), 0);
	KEXPECT_EQ(peek(child, BASE), 7);
	poke(child, BASE + HUGE_SIZE, 8);
	w.mm = child;
	teardown(&w);
}

KTEST(hugetlb, shared_pages_are_the_file)
{
	struct world w;
	setup(&w, 2, 2, SHARED);
	struct object *o = w.file->backing.object;

	KEXPECT_EQ(reserved(), 2);
	poke(w.mm, BASE + HUGE_SIZE + 4096, 42);
	KEXPECT_EQ(o->nr_pages, 1);
	KEXPECT_EQ(reserved(), 1);
	KEXPECT_EQ(unmap(w.mm, BASE, 2 * HUGE_PAGES), 0);
	KEXPECT_EQ(reserved(), 1); /* the file keeps page and promise */
	KEXPECT_EQ(map_huge(w.mm, w.file, 2, SHARED), BASE);
	KEXPECT_EQ(reserved(), 1);
	KEXPECT_EQ(peek(w.mm, BASE + HUGE_SIZE + 4096), 42);
	hugetlb_truncate(o, HUGE_SIZE);
	KEXPECT_EQ(w.mm->huge_pages, 0);
	KEXPECT_EQ(touch(w.mm, BASE + HUGE_SIZE, 0), FAULT_SIGBUS);
	KEXPECT_EQ(free_pages(), 2);
	hugetlb_truncate(o, 0);
	KEXPECT_EQ(reserved(), 0);
	teardown(&w);
}

KTEST(hugetlb, promise_for_what_is_missing_only)
{
	hugetlb_set_pool(3);
	struct file *f = file_create_huge(3 * HUGE_SIZE);
	KREQUIRE(!is_err(f));
	struct object *o = f->backing.object;

	KEXPECT_EQ(hugetlb_promise(o, HUGE_PAGES, HUGE_PAGES), 0);
	KEXPECT_EQ(hugetlb_promise(o, 0, 4 * HUGE_PAGES), -ENOMEM);
	KEXPECT_EQ(reserved(), 1); /* the failure left nothing */
	KEXPECT_EQ(hugetlb_allocate(o, 0, 1), 0);
	KEXPECT_EQ(hugetlb_promise(o, 0, 3 * HUGE_PAGES), 0);
	KEXPECT_EQ(reserved(), 2);
	hugetlb_punch(o, 0, 3 * HUGE_SIZE); /* drops the page, not the promises */
	KEXPECT_EQ(reserved(), 2);
	KEXPECT_EQ(free_pages(), 3);
	struct world w = {.file = f};
	teardown(&w);
}

KTEST(hugetlb, no_place_off_its_grid)
{
	struct mm *mm = mm_create();
	KREQUIRE(mm);
	struct map_request r = {.addr = BASE + PAGE_SIZE, .len = HUGE_SIZE, .how = MM_HUGE};
	mutex_lock(&mm->lock);
	KEXPECT_EQ(mm_place(mm, &r), BASE);
	r.addr = 0;
	KEXPECT_EQ(mm_place(mm, &r) % HUGE_SIZE, 0);
	r.addr = BASE + PAGE_SIZE;
	r.how |= MM_FIXED;
	KEXPECT_EQ(mm_place(mm, &r), -EINVAL);
	mutex_unlock(&mm->lock);
	mm_put(mm);
}
