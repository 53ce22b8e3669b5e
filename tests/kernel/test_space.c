/* Address spaces without a process: mapping, faulting, sharing and ending them by direct calls. */
#include "kernel/abi/errno.h"
#include "kernel/abi/mman.h"
#include "kernel/core/selftest.h"
#include "kernel/lib/string.h"
#include "kernel/x86/trap.h"
#include "mm/anon.h"
#include "mm/object.h"
#include "mm/page_alloc.h"
#include "mm/slab.h"
#include "tests/kernel/space.h"

#define BASE 0x10000000u

static long map_object(struct mm *mm, vaddr_t addr, u32 pages, u32 flags, struct object *o)
{
	return map(mm, &(struct map_request){.addr = addr,
			       .len = pages * PAGE_SIZE,
			       .vm_flags = flags,
			       .how = MM_FIXED,
			       .object = o});
}

static pte_t entry(struct mm *mm, vaddr_t addr)
{
	pte_t *p = pmap_pte(&mm->pmap, addr);
	return p ? *p : PTE_NONE;
}

KTEST(space, demand_zero)
{
	struct mm *mm = mm_create();
	KREQUIRE(mm);
	KEXPECT_EQ(map_anon(mm, BASE, 4, RW), BASE);
	KEXPECT_EQ(mm_rss(mm), 0);
	KEXPECT_EQ(touch(mm, BASE, 0), FAULT_DONE);
	KEXPECT_EQ(pte_pfn(entry(mm, BASE)).v, page_pfn(zero_page).v);
	KEXPECT(!pte_write(entry(mm, BASE)));
	KEXPECT_EQ(mm_rss(mm), 0);
	KEXPECT_EQ(touch(mm, BASE, PF_WRITE), FAULT_DONE);
	KEXPECT(pte_write(entry(mm, BASE)));
	KEXPECT(pte_pfn(entry(mm, BASE)).v != page_pfn(zero_page).v);
	KEXPECT_EQ(mm->rss[RSS_ANON], 1);
	KEXPECT_EQ(peek(mm, BASE + 8), 0);
	KEXPECT_EQ(touch(mm, BASE + PAGE_SIZE, PF_WRITE), FAULT_DONE);
	KEXPECT_EQ(mm->rss[RSS_ANON], 2);
	mm_put(mm);
}

KTEST(space, access_rights)
{
	struct mm *mm = mm_create();
	KREQUIRE(mm);
	KEXPECT_EQ(map_anon(mm, BASE, 1, VM_READ | VM_MAYREAD | VM_MAYWRITE), BASE);
	KEXPECT_EQ(touch(mm, BASE, PF_WRITE), FAULT_ACCERR);
	KEXPECT_EQ(touch(mm, BASE, PF_INSTR), FAULT_ACCERR);
	KEXPECT_EQ(touch(mm, BASE - 1, 0), FAULT_MAPERR);
	KEXPECT_EQ(touch(mm, BASE + PAGE_SIZE, 0), FAULT_MAPERR);
	KEXPECT_EQ(touch(mm, BASE, PF_WRITE | FAULT_FORCE), FAULT_DONE);
	KEXPECT(!pte_write(entry(mm, BASE)));
	mm_put(mm);
}

KTEST(space, unmap_splits_and_frees_tables)
{
	struct mm *mm = mm_create();
	KREQUIRE(mm);
	u32 tables = mm->pmap.nr_tables;
	KEXPECT_EQ(map_anon(mm, BASE, 8, RW), BASE);
	for (u32 i = 0; i < 8; i++)
		poke(mm, BASE + i * PAGE_SIZE, ~i);
	KEXPECT_EQ(unmap(mm, BASE + 2 * PAGE_SIZE, 3), 0);
	KEXPECT_EQ(mm->vmas.count, 2);
	KEXPECT_EQ(mm_rss(mm), 5);
	KEXPECT_EQ(touch(mm, BASE + 2 * PAGE_SIZE, 0), FAULT_MAPERR);
	KEXPECT_EQ(map_anon(mm, BASE + 2 * PAGE_SIZE, 3, RW), BASE + 2 * PAGE_SIZE);
	KEXPECT_EQ(mm->vmas.count, 1);
	KEXPECT_EQ(peek(mm, BASE + 2 * PAGE_SIZE), 0);
	poke(mm, BASE + 3 * PAGE_SIZE + 64, 1); /* a frame of its own, with nothing of the old */
	KEXPECT_EQ(peek(mm, BASE + 3 * PAGE_SIZE), 0);
	KEXPECT_EQ(unmap(mm, BASE, 8), 0);
	KEXPECT_EQ(mm->vmas.count, 0);
	KEXPECT(mm->pmap.nr_tables <= tables + 1);
	KEXPECT_EQ(mm->total_vm, 0);
	mm_put(mm);
}

KTEST(space, protection_keeps_whose_page_it_is)
{
	static const u32 prots[] = {VM_READ, VM_READ | VM_WRITE, 0, VM_READ | VM_WRITE};
	struct mm *mm = mm_create();
	KREQUIRE(mm);
	KEXPECT_EQ(map_anon(mm, BASE, 2, RW), BASE);
	poke(mm, BASE, 7);
	touch(mm, BASE + PAGE_SIZE, 0);
	for (u32 i = 0; i < ARRAY_SIZE(prots); i++) {
		KEXPECT_EQ(protect(mm, BASE, 2, prots[i]), 0);
		KEXPECT(pte_anon(entry(mm, BASE)) && !pte_anon(entry(mm, BASE + PAGE_SIZE)));
		KEXPECT_EQ(pte_write(entry(mm, BASE)), !!(prots[i] & VM_WRITE));
	}
	mm_put(mm);
}

KTEST(space, borrowed_page_outlives_its_mapping)
{
	struct mm *mm = mm_create();
	KREQUIRE(mm);
	KEXPECT_EQ(map_anon(mm, BASE, 1, RW), BASE);
	poke(mm, BASE, 7);
	struct page *p = pfn_page(pte_pfn(entry(mm, BASE)));
	page_get(p);
	KEXPECT_EQ(unmap(mm, BASE, 1), 0);
	KEXPECT_EQ(p->kind, PK_ANON);
	KEXPECT_EQ(p->refcount, 1);
	KEXPECT_EQ(p->mapcount, 0);
	page_put(p);
	mm_put(mm);
}

KTEST(space, cow_after_fork)
{
	struct mm *parent = mm_create();
	KREQUIRE(parent);
	KEXPECT_EQ(map_anon(parent, BASE, 2, RW), BASE);
	poke(parent, BASE, 111);
	struct mm *child = mm_fork(parent);
	KREQUIRE(child);
	struct page *p = pfn_page(pte_pfn(entry(parent, BASE)));
	KEXPECT_EQ(p->mapcount, 2);
	KEXPECT_EQ(p->refcount, 1);
	KEXPECT(!pte_write(entry(parent, BASE)));
	KEXPECT(!pte_write(entry(child, BASE)));
	poke(child, BASE, 222);
	KEXPECT_EQ(peek(parent, BASE), 111);
	KEXPECT_EQ(peek(child, BASE), 222);
	KEXPECT_EQ(p->mapcount, 1);
	u64 reused = vm_events.pgreuse;
	KEXPECT_EQ(touch(parent, BASE, PF_WRITE), FAULT_DONE);
	KEXPECT_EQ(vm_events.pgreuse, reused + 1);
	KEXPECT_EQ(page_pfn(p).v, pte_pfn(entry(parent, BASE)).v);
	mm_put(child);
	KEXPECT_EQ(peek(parent, BASE), 111);
	mm_put(parent);
}

KTEST(space, cow_three_generations)
{
	struct mm *a = mm_create();
	KREQUIRE(a);
	KEXPECT_EQ(map_anon(a, BASE, 16, RW), BASE);
	for (u32 i = 0; i < 16; i++)
		poke(a, BASE + i * PAGE_SIZE, i);
	struct mm *b = mm_fork(a);
	KREQUIRE(b);
	for (u32 i = 0; i < 16; i += 2)
		poke(b, BASE + i * PAGE_SIZE, 100 + i);
	struct mm *c = mm_fork(b);
	KREQUIRE(c);
	mm_put(b);
	for (u32 i = 0; i < 16; i++) {
		KEXPECT_EQ(peek(a, BASE + i * PAGE_SIZE), i);
		KEXPECT_EQ(peek(c, BASE + i * PAGE_SIZE), i % 2 ? i : 100 + i);
	}
	mm_put(a);
	mm_put(c);
}

KTEST(space, prot_none_keeps_the_page)
{
	struct mm *mm = mm_create();
	KREQUIRE(mm);
	KEXPECT_EQ(map_anon(mm, BASE, 3, RW), BASE);
	poke(mm, BASE + PAGE_SIZE, 77);
	KEXPECT_EQ(protect(mm, BASE + PAGE_SIZE, 1, 0), 0);
	KEXPECT_EQ(mm->vmas.count, 3);
	KEXPECT_EQ(touch(mm, BASE + PAGE_SIZE, 0), FAULT_ACCERR);
	KEXPECT(!pte_present(entry(mm, BASE + PAGE_SIZE)));
	KEXPECT_EQ(mm_rss(mm), 1);
	KEXPECT_EQ(protect(mm, BASE + PAGE_SIZE, 1, VM_READ | VM_WRITE), 0);
	KEXPECT_EQ(mm->vmas.count, 1);
	KEXPECT_EQ(peek(mm, BASE + PAGE_SIZE), 77);
	mm_put(mm);
}

/* A table whose whole range goes is emptied at once; it stays when the mapping does. */
KTEST(space, whole_table_is_emptied)
{
	struct mm *mm = mm_create();
	KREQUIRE(mm);
	KEXPECT_EQ(map_anon(mm, BASE, 2 * PT_ENTRIES, RW), BASE);
	poke(mm, BASE + 5 * PAGE_SIZE, 55);
	poke(mm, BASE + PD_SIZE, 66);
	KEXPECT_EQ(touch(mm, BASE + 6 * PAGE_SIZE, 0), FAULT_DONE);
	KEXPECT_EQ(mm_madvise(mm, BASE, PD_SIZE, MADV_DONTNEED), 0);
	KEXPECT_EQ(mm_rss(mm), 1);
	KEXPECT(pte_none(entry(mm, BASE + 5 * PAGE_SIZE)));
	KEXPECT(pte_none(entry(mm, BASE + 6 * PAGE_SIZE)));
	KEXPECT_EQ(peek(mm, BASE + 5 * PAGE_SIZE), 0);
	KEXPECT_EQ(peek(mm, BASE + PD_SIZE), 66);
	mm_put(mm);
}

/* Nothing is counted where memory was only read, but the entries must go all the same. */
KTEST(space, read_memory_is_unmapped)
{
	struct mm *mm = mm_create();
	KREQUIRE(mm);
	KEXPECT_EQ(map_anon(mm, BASE, 8, RW), BASE);
	KEXPECT_EQ(touch(mm, BASE + PAGE_SIZE, 0), FAULT_DONE);
	KEXPECT_EQ(unmap(mm, BASE + 4 * PAGE_SIZE, 1), 0);
	KEXPECT_EQ(map_anon(mm, BASE + 4 * PAGE_SIZE, 1, RW), BASE + 4 * PAGE_SIZE);
	KEXPECT(!pte_none(entry(mm, BASE + PAGE_SIZE)));
	KEXPECT_EQ(unmap(mm, BASE, 4), 0);
	KEXPECT(pte_none(entry(mm, BASE + PAGE_SIZE)));
	mm_put(mm);
}

/* W follows the VMA as long as no fork shares the page, without a fault. */
KTEST(space, own_page_keeps_its_write)
{
	struct mm *mm = mm_create();
	KREQUIRE(mm);
	KEXPECT_EQ(map_anon(mm, BASE, 3, RW), BASE);
	poke(mm, BASE, 5);
	KEXPECT_EQ(touch(mm, BASE + PAGE_SIZE, 0), FAULT_DONE);
	for (u32 round = 0; round < 2; round++) {
		KEXPECT_EQ(protect(mm, BASE, 3, round ? 0 : VM_READ), 0);
		KEXPECT(!pte_write(entry(mm, BASE)) && pte_own(entry(mm, BASE)));
		KEXPECT_EQ(protect(mm, BASE, 3, VM_READ | VM_WRITE), 0);
		KEXPECT(pte_write(entry(mm, BASE)));
		KEXPECT(!pte_write(entry(mm, BASE + PAGE_SIZE)));
		KEXPECT(pte_none(entry(mm, BASE + 2 * PAGE_SIZE)));
	}
	mm_put(mm);
}

KTEST(space, mprotect_gives_no_write_to_a_shared_frame)
{
	struct mm *parent = mm_create();
	KREQUIRE(parent);
	KEXPECT_EQ(map_anon(parent, BASE, 1, RW), BASE);
	poke(parent, BASE, 5);
	struct mm *child = mm_fork(parent);
	KREQUIRE(child);
	KEXPECT_EQ(protect(child, BASE, 1, VM_READ), 0);
	KEXPECT_EQ(protect(child, BASE, 1, VM_READ | VM_WRITE), 0);
	KEXPECT(!pte_write(entry(child, BASE)));
	poke(child, BASE, 6);
	KEXPECT_EQ(peek(parent, BASE), 5);
	mm_put(parent);
	mm_put(child);
}

KTEST(space, stack_grows_to_its_limit)
{
	struct mm *mm = mm_create();
	KREQUIRE(mm);
	u32 top = BASE + 0x1000000;
	mm->limits.stack = 64 * PAGE_SIZE;
	KEXPECT_EQ(map_anon(mm, top - PAGE_SIZE, 1, RW | VM_GROWSDOWN), top - PAGE_SIZE);
	KEXPECT_EQ(touch(mm, top - 10 * PAGE_SIZE, PF_WRITE), FAULT_DONE);
	KEXPECT_EQ(mm->kind_vm[VM_KIND_STACK], 10);
	KEXPECT_EQ(touch(mm, top - 64 * PAGE_SIZE, PF_WRITE), FAULT_DONE);
	KEXPECT_EQ(touch(mm, top - 65 * PAGE_SIZE, PF_WRITE), FAULT_MAPERR);
	KEXPECT_EQ(mm->vmas.count, 1);
	mm_put(mm);
}

KTEST(space, stack_keeps_its_guard_gap)
{
	struct mm *mm = mm_create();
	KREQUIRE(mm);
	u32 top = BASE + 0x1000000;
	mm->limits.stack = ~0u;
	KEXPECT_EQ(map_anon(mm, top - PAGE_SIZE, 1, RW | VM_GROWSDOWN), top - PAGE_SIZE);
	KEXPECT_EQ(map_anon(mm, top - 400 * PAGE_SIZE, 1, RW), top - 400 * PAGE_SIZE);
	KEXPECT_EQ(touch(mm, top - 143 * PAGE_SIZE, PF_WRITE), FAULT_DONE);
	KEXPECT_EQ(touch(mm, top - 144 * PAGE_SIZE, PF_WRITE), FAULT_MAPERR);
	mm_put(mm);
}

KTEST(space, brk_moves_both_ways)
{
	struct mm *mm = mm_create();
	KREQUIRE(mm);
	mm->start_brk = mm->brk = BASE + 100;
	KEXPECT_EQ(mm_brk(mm, 0), BASE + 100);
	KEXPECT_EQ(mm_brk(mm, BASE + 5 * PAGE_SIZE), BASE + 5 * PAGE_SIZE);
	KEXPECT_EQ(mm->total_vm, 4);
	poke(mm, BASE + 2 * PAGE_SIZE, 1);
	KEXPECT_EQ(mm_brk(mm, BASE + PAGE_SIZE + 4), BASE + PAGE_SIZE + 4);
	KEXPECT_EQ(mm->total_vm, 1);
	KEXPECT_EQ(mm_brk(mm, BASE + 4 * PAGE_SIZE), BASE + 4 * PAGE_SIZE);
	KEXPECT_EQ(peek(mm, BASE + 2 * PAGE_SIZE), 0);
	KEXPECT_EQ(map_anon(mm, BASE + 16 * PAGE_SIZE, 1, RW), BASE + 16 * PAGE_SIZE);
	KEXPECT_EQ(mm_brk(mm, BASE + 16 * PAGE_SIZE), BASE + 4 * PAGE_SIZE);
	mm_put(mm);
}

KTEST(space, fixed_may_not_leave_user_space)
{
	struct mm *mm = mm_create();
	KREQUIRE(mm);
	KEXPECT_EQ(map_anon(mm, USER_TOP, 1, RW), -ENOMEM);
	KEXPECT_EQ(map_anon(mm, USER_TOP - PAGE_SIZE, 2, RW), -ENOMEM);
	KEXPECT_EQ(map_anon(mm, 0xFFFFF000u, 1, RW), -ENOMEM);
	KEXPECT_EQ(map_anon(mm, 0, 1, RW), -EPERM);
	KEXPECT_EQ(map_anon(mm, BASE + 1, 1, RW), -EINVAL);
	KEXPECT_EQ(unmap(mm, USER_TOP - PAGE_SIZE, 2), -EINVAL);
	mm_put(mm);
}

/* --- Objects --- */

KTEST(space, shared_object_is_one_copy)
{
	struct mm *a = mm_create(), *b = mm_create();
	struct object o;
	object_init(&o, NULL);
	KREQUIRE(a && b);
	object_truncate(&o, 3 * PAGE_SIZE);
	u32 flags = RW | VM_SHARED | VM_MAYSHARE;
	KEXPECT_EQ(map_object(a, BASE, 3, flags, &o), BASE);
	KEXPECT_EQ(map_object(b, BASE + 0x100000, 3, flags, &o), BASE + 0x100000);
	poke(a, BASE + PAGE_SIZE, 42);
	KEXPECT_EQ(peek(b, BASE + 0x100000 + PAGE_SIZE), 42);
	KEXPECT_EQ(o.nr_pages, 1);
	mm_put(a);
	KEXPECT_EQ(peek(b, BASE + 0x100000 + PAGE_SIZE), 42);
	mm_put(b);
	object_destroy(&o);
}

KTEST(space, private_object_page_is_copied)
{
	struct mm *mm = mm_create();
	struct object o;
	u32 word = 7;
	struct iobuf from = iobuf_kernel(&word);
	object_init(&o, NULL);
	KREQUIRE(mm);
	KEXPECT_EQ(object_write(&o, &from, 16, sizeof(word)), sizeof(word));
	KEXPECT_EQ(map_object(mm, BASE, 1, RW, &o), BASE);
	KEXPECT_EQ(peek(mm, BASE + 16), 7);
	KEXPECT_EQ(mm->rss[RSS_FILE], 1);
	poke(mm, BASE + 16, 8);
	KEXPECT_EQ(mm->rss[RSS_FILE], 0);
	KEXPECT_EQ(mm->rss[RSS_ANON], 1);
	struct iobuf to = iobuf_kernel(&word);
	KEXPECT_EQ(object_read(&o, &to, 16, sizeof(word)), sizeof(word));
	KEXPECT_EQ(word, 7);
	mm_put(mm);
	object_destroy(&o);
}

KTEST(space, truncation_unmaps)
{
	struct mm *mm = mm_create();
	struct object o;
	object_init(&o, NULL);
	KREQUIRE(mm);
	object_truncate(&o, 4 * PAGE_SIZE);
	KEXPECT_EQ(map_object(mm, BASE, 6, RW | VM_SHARED | VM_MAYSHARE, &o), BASE);
	for (u32 i = 0; i < 4; i++)
		poke(mm, BASE + i * PAGE_SIZE + 200, 9);
	KEXPECT_EQ(touch(mm, BASE + 4 * PAGE_SIZE, 0), FAULT_SIGBUS);
	object_truncate(&o, PAGE_SIZE + 100);
	KEXPECT_EQ(o.nr_pages, 2);
	KEXPECT_EQ(mm_rss(mm), 2);
	KEXPECT_EQ(touch(mm, BASE + 2 * PAGE_SIZE, 0), FAULT_SIGBUS);
	KEXPECT_EQ(peek(mm, BASE + PAGE_SIZE + 200), 0);
	KEXPECT_EQ(peek(mm, BASE + 200), 9);
	object_punch(&o, 0, PAGE_SIZE);
	KEXPECT_EQ(peek(mm, BASE + 200), 0);
	mm_put(mm);
	object_destroy(&o);
}

/* --- Out of memory --- */

/* Takes all frames that a user may have but `leave`. */
static void hog(struct page_chain *pages, u32 leave)
{
	struct page *p;
	*pages = (struct page_chain){NULL};
	while ((p = page_alloc(GFP_USER, PK_KERNEL)))
		page_chain_add(pages, p);
	while (leave-- && (p = page_chain_take(pages)))
		page_free(p);
}

static void unhog(struct page_chain *pages)
{
	page_free_chain(pages);
}

static enum fault_result touch_until_oom(struct mm *mm, u32 first)
{
	enum fault_result r = FAULT_DONE;
	for (u32 i = first; i < 512 && r == FAULT_DONE; i++)
		r = touch(mm, BASE + i * PAGE_SIZE, PF_WRITE);
	return r;
}

KTEST(space, out_of_memory_unwinds)
{
	struct page_chain pages;
	for (u32 leave = 0; leave < 24; leave += 3) {
		struct mm *mm = mm_create();
		KREQUIRE(mm);
		KEXPECT_EQ(map_anon(mm, BASE, 512, RW), BASE);
		KEXPECT_EQ(map_anon(mm, BASE + 0x40000000, 8, RW), BASE + 0x40000000);
		for (u32 i = 0; i < 8; i++) {
			poke(mm, BASE + i * PAGE_SIZE, i);
			poke(mm, BASE + 0x40000000 + i * PAGE_SIZE, i);
		}
		hog(&pages, leave);
		KEXPECT_EQ(touch_until_oom(mm, 8), FAULT_OOM);
		struct mm *child = mm_fork(mm);
		if (child) {
			KEXPECT_EQ(touch_until_oom(child, 0), FAULT_OOM);
			mm_put(child);
		}
		unhog(&pages);
		for (u32 i = 0; i < 8; i++)
			KEXPECT_EQ(peek(mm, BASE + i * PAGE_SIZE), i);
		mm_put(mm);
	}
}
