/* Trace events: that they fire with the right fields, that nothing is written while they are off,
 * what the ring does when it is full, and the text. */
#include "kernel/abi/errno.h"
#include "kernel/core/panic.h"
#include "kernel/core/selftest.h"
#include "kernel/core/trace_text.h"
#include "kernel/lib/string.h"
#include "kernel/x86/uaccess.h"
#include "mm/allocinfo.h"
#include "mm/anon.h"
#include "mm/kmalloc.h"
#include "mm/page_alloc.h"
#include "mm/slab.h"
#include "tests/kernel/space.h"

#define BASE 0x20000000u

static u32 record[TRACE_RECORD_MAX / 4];
static struct trace_reader reader;

static void begin(const char *glob)
{
	KEXPECT_EQ(trace_resize(256), 0);
	KEXPECT_EQ(trace_enable(glob, true), 0);
}

/* Everything off, and what was written is ready to be read. */
static void stop(void)
{
	KEXPECT_EQ(trace_enable("*", false), 0);
	trace_reader_start(&reader);
}

static void end(void)
{
	KEXPECT_EQ(trace_resize(0), 0);
}

/* The fields of the next record, which must be of this event; those of none otherwise. */
static const void *next_of(enum trace_id id)
{
	static const u32 none[TRACE_RECORD_MAX / 4];
	u32 cpu = 99;
	const struct trace_record *r = trace_reader_next(&reader, record, &cpu);

	KEXPECT(r && r->event == id && cpu == 0);
	return r && r->event == id ? (const void *)(r + 1) : none;
}

#define NEXT(name) ((const struct trace_##name *)next_of(TE_##name))

static bool at_end(void)
{
	u32 cpu;

	return !trace_reader_next(&reader, record, &cpu);
}

/* --- What is off --- */

static void work(void)
{
	struct page *p = page_alloc(GFP_KERNEL, PK_KERNEL);
	void *m = kmalloc(100);

	kfree(m);
	if (p)
		page_free(p);
}

KTEST(trace, nothing_is_written_while_off)
{
	u64 in_buffer, written;

	begin("kmem:*");
	KEXPECT_EQ(trace_enable("kmem:*", false), 0);
	trace_clear();
	work();
	trace_count(&in_buffer, &written);
	KEXPECT_EQ(written, 0);
	end();
}

KTEST(trace, nothing_is_written_with_the_switch_off)
{
	u64 in_buffer, written;

	begin("kmem:*");
	trace_switch(false);
	trace_clear();
	work();
	KEXPECT_EQ(trace_mark("unheard"), -EBADF);
	trace_count(&in_buffer, &written);
	KEXPECT_EQ(written, 0);
	trace_switch(true);
	work();
	trace_count(&in_buffer, &written);
	KEXPECT(written >= 4);
	end();
}

KTEST(trace, events_are_chosen_by_name_and_system)
{
	KEXPECT_EQ(trace_enable("nosuch*", true), -EINVAL);
	begin("kmem:mm_page_*,sched");
	KEXPECT(trace_wanted(TE_mm_page_alloc) && trace_wanted(TE_mm_page_free));
	KEXPECT(trace_wanted(TE_sched_process_fork));
	KEXPECT(!trace_wanted(TE_kmalloc) && !trace_wanted(TE_sys_enter_brk));
	KEXPECT_EQ(trace_enable("sys_*_brk", true), 0);
	KEXPECT(trace_wanted(TE_sys_enter_brk) && trace_wanted(TE_sys_exit_brk));
	KEXPECT(!trace_wanted(TE_sys_enter) && !trace_wanted(TE_sys_enter_munmap));
	stop();
	KEXPECT(!trace_wanted(TE_mm_page_alloc));
	end();
}

/* --- Memory of the kernel --- */

static bool inside(u32 address, const void *function)
{
	return address - (u32)function < 512;
}

static __noinline u32 allocate_and_free(void)
{
	void *volatile m = kmalloc(100); /* or the compiler leaves both out */

	kfree(m);
	return (u32)m;
}

KTEST(trace, kmalloc_and_kfree)
{
	begin("kmalloc,kfree");
	u32 ptr = allocate_and_free();
	stop();
	const struct trace_kmalloc *a = NEXT(kmalloc);
	KEXPECT_EQ(a->ptr, ptr);
	KEXPECT_EQ(a->bytes_req, 100);
	KEXPECT_EQ(a->bytes_alloc, 128);
	KEXPECT_EQ(a->node, -1);
	KEXPECT(inside(a->call_site, allocate_and_free));
	const struct trace_kfree *f = NEXT(kfree);
	KEXPECT_EQ(f->ptr, ptr);
	KEXPECT(inside(f->call_site, allocate_and_free));
	KEXPECT(at_end());
	end();
}

KTEST(trace, cache_objects)
{
	struct slab_cache *c = slab_create("traced", 40, 0, 0, NULL);
	KREQUIRE(c);
	void *warm[3];
	for (u32 i = 0; i < 3; i++)
		warm[i] = slab_alloc(c);
	for (u32 i = 0; i < 3; i++)
		slab_free(c, warm[i]); /* a magazine is loaded now */
	begin("kmem_cache_alloc,kmem_cache_free");
	void *one = slab_alloc(c), *two = slab_alloc(c);
	slab_free(c, one);
	slab_free(c, two);
	stop();
	void *quiet = slab_alloc(c); /* with the fast path open again */
	slab_free(c, quiet);

	u32 seen = 0, cpu;
	u32 expected[] = {
		TE_kmem_cache_alloc, TE_kmem_cache_alloc, TE_kmem_cache_free, TE_kmem_cache_free};
	const struct trace_record *r;
	while ((r = trace_reader_next(&reader, record, &cpu))) {
		const struct trace_kmem_cache_alloc *a = (const void *)(r + 1);
		const struct trace_kmem_cache_free *f = (const void *)(r + 1);
		bool alloc = r->event == TE_kmem_cache_alloc;
		if (strcmp(alloc ? a->name : f->name, "traced") != 0)
			continue; /* of the magazines */
		KREQUIRE(seen < ARRAY_SIZE(expected));
		KEXPECT_EQ(r->event, expected[seen]);
		KEXPECT_EQ(a->ptr, (u32)(seen % 2 ? two : one)); /* at the same place in both */
		KEXPECT(!alloc || a->bytes_req == 40);
		seen++;
	}
	KEXPECT_EQ(seen, 4);
	slab_destroy(c);
	end();
}

KTEST(trace, frames)
{
	begin("mm_page_alloc,mm_page_free");
	struct page *p = page_alloc(GFP_USER | GFP_ZERO, PK_ANON);
	struct page *q = page_alloc_order(2, GFP_KERNEL, PK_KERNEL);
	KREQUIRE(p && q);
	page_free(p);
	page_free_order(q, 2);
	struct page *r = page_alloc(GFP_KERNEL, PK_KERNEL);
	page_free(r);
	stop();
	const struct trace_mm_page_alloc *a = NEXT(mm_page_alloc);
	KEXPECT_EQ(a->pfn, page_pfn(p).v);
	KEXPECT_EQ(a->order, 0);
	KEXPECT_EQ(a->gfp_flags, GFP_USER | GFP_ZERO);
	KEXPECT_EQ(a->kind, PK_ANON);
	KEXPECT(inside(a->call_site, ktest_trace_frames));
	a = NEXT(mm_page_alloc);
	KEXPECT_EQ(a->pfn, page_pfn(q).v);
	KEXPECT_EQ(a->order, 2);
	const struct trace_mm_page_free *f = NEXT(mm_page_free);
	KEXPECT_EQ(f->pfn, page_pfn(p).v);
	KEXPECT_EQ(f->kind, PK_ANON);
	KEXPECT_EQ(NEXT(mm_page_free)->order, 2);
	KEXPECT_EQ(NEXT(mm_page_alloc)->pfn, page_pfn(r).v);
	KEXPECT_EQ(NEXT(mm_page_free)->pfn, page_pfn(r).v);
	KEXPECT(at_end());
	end();
}

/* --- Address spaces --- */

static void expect_set(struct mm *mm, vaddr_t addr, enum trace_why why)
{
	const struct trace_pte_set *s = NEXT(pte_set);
	const pte_t *e = pmap_pte(&mm->pmap, addr);

	KEXPECT_EQ(s->mm, (u32)mm);
	KEXPECT_EQ(s->address, addr);
	KEXPECT_EQ(s->why, why);
	if (e && why != TRACE_WHY_zero)
		KEXPECT_EQ(s->pfn, pte_pfn(*e).v);
}

KTEST(trace, a_fault_from_its_gate_to_its_frame)
{
	struct mm *mm = enter();
	KREQUIRE(mm);
	KEXPECT_EQ(map_anon(mm, BASE, 4, RW), BASE);
	begin("exceptions,page_fault_done,pte_set,rss_stat");
	u32 v = 1;
	KEXPECT_EQ(get_user_u32(&v, UPTR(BASE + 8)), 0);
	KEXPECT_EQ(put_user_u32(UPTR(BASE + 12), 7), 0);
	stop();
	const struct trace_page_fault_kernel *f = NEXT(page_fault_kernel);
	KEXPECT_EQ(f->address, BASE + 8);
	KEXPECT_EQ(f->error_code, 0);
	expect_set(mm, BASE, TRACE_WHY_zero);
	const struct trace_page_fault_done *d = NEXT(page_fault_done);
	KEXPECT_EQ(d->address, BASE + 8);
	KEXPECT_EQ(d->pfn, page_pfn(zero_page).v);
	KEXPECT_EQ(NEXT(page_fault_kernel)->error_code, 3);
	expect_set(mm, BASE, TRACE_WHY_cow);
	KEXPECT_EQ(NEXT(rss_stat)->size, PAGE_SIZE);
	KEXPECT_EQ(NEXT(page_fault_done)->pfn, pte_pfn(*pmap_pte(&mm->pmap, BASE)).v);
	KEXPECT(at_end());
	leave(mm);
	end();
}

KTEST(trace, a_copy_names_both_frames)
{
	struct mm *mm = enter(), *child;
	KREQUIRE(mm);
	KEXPECT_EQ(map_anon(mm, BASE, 2, RW), BASE);
	KEXPECT_EQ(put_user_u32(UPTR(BASE), 7), 0);
	begin("cow,pte_set");
	child = mm_fork(mm);
	KREQUIRE(child);
	u32 shared = pte_pfn(*pmap_pte(&mm->pmap, BASE)).v;
	KEXPECT_EQ(put_user_u32(UPTR(BASE), 8), 0);
	mm_put(child);
	KEXPECT_EQ(put_user_u32(UPTR(BASE + PAGE_SIZE), 8), 0);
	stop();
	const struct trace_pte_set *s = NEXT(pte_set);
	KEXPECT_EQ(s->mm, (u32)child);
	KEXPECT_EQ(s->why, TRACE_WHY_fork);
	KEXPECT_EQ(s->pfn, shared);
	const struct trace_cow *c = NEXT(cow);
	KEXPECT_EQ(c->old_pfn, shared);
	KEXPECT_EQ(c->new_pfn, pte_pfn(*pmap_pte(&mm->pmap, BASE)).v);
	expect_set(mm, BASE, TRACE_WHY_cow);
	expect_set(mm, BASE + PAGE_SIZE, TRACE_WHY_anon);
	KEXPECT(at_end());
	leave(mm);
	end();
}

KTEST(trace, maps_and_what_is_dropped_with_them)
{
	struct mm *mm = enter();
	KREQUIRE(mm);
	begin("vma_*,pte_clear,rss_stat");
	KEXPECT_EQ(map_anon(mm, BASE, 4, RW), BASE);
	KEXPECT_EQ(put_user_u32(UPTR(BASE + PAGE_SIZE), 7), 0);
	mutex_lock(&mm->lock);
	KEXPECT_EQ(mm_protect(mm, BASE, PAGE_SIZE, VM_READ), 0);
	KEXPECT_EQ(mm_unmap(mm, BASE + PAGE_SIZE, 2 * PAGE_SIZE), 0);
	mutex_unlock(&mm->lock);
	stop();
	const struct trace_vma_map *m = NEXT(vma_map);
	KEXPECT(m->start == BASE && m->end == BASE + 4 * PAGE_SIZE && m->mm == (u32)mm);
	KEXPECT_EQ(m->name[0], '\0');
	KEXPECT_EQ(NEXT(rss_stat)->size, PAGE_SIZE);
	const struct trace_vma_change *c = NEXT(vma_change);
	KEXPECT(c->start == BASE && c->end == BASE + PAGE_SIZE);
	KEXPECT_EQ(c->old_flags & VM_PROT, VM_READ | VM_WRITE);
	KEXPECT_EQ(c->flags & VM_PROT, VM_READ);
	KEXPECT_EQ(NEXT(pte_clear)->address, BASE + PAGE_SIZE);
	const struct trace_vma_unmap *u = NEXT(vma_unmap);
	KEXPECT(u->start == BASE + PAGE_SIZE && u->end == BASE + 3 * PAGE_SIZE);
	KEXPECT_EQ(NEXT(rss_stat)->size, 0);
	KEXPECT(at_end());
	leave(mm);
	end();
}

/* --- The ring --- */

KTEST(trace, a_full_ring_keeps_the_newest)
{
	u64 in_buffer, written;
	const u32 n = 1000;
	u32 seen = 0, cpu, last = 0;
	const struct trace_record *r;

	KEXPECT_EQ(trace_resize(8), 0);
	for (u32 i = 0; i < n; i++)
		trace_now(mm_page_free_batched, i);
	trace_count(&in_buffer, &written);
	KEXPECT_EQ(written, n);
	KEXPECT(in_buffer > 100 && in_buffer < n);
	trace_reader_start(&reader);
	while ((r = trace_reader_next(&reader, record, &cpu))) {
		u32 pfn = *(const u32 *)(r + 1);
		KEXPECT(!seen || pfn == last + 1);
		last = pfn;
		seen++;
	}
	KEXPECT_EQ(seen, in_buffer);
	KEXPECT_EQ(last, n - 1);
	end();
}

KTEST(trace, a_reader_goes_on_with_what_is_left)
{
	u32 cpu;

	KEXPECT_EQ(trace_resize(8), 0);
	trace_now(mm_page_free_batched, 0);
	trace_reader_start(&reader);
	for (u32 i = 1; i < 1000; i++)
		trace_now(mm_page_free_batched, i);
	KEXPECT(!trace_reader_next(&reader, record, &cpu)); /* its end is long gone */
	trace_reader_start(&reader);
	for (u32 i = 1000; i < 1050; i++)
		trace_now(mm_page_free_batched, i);
	KEXPECT(trace_reader_next(&reader, record, &cpu));
	end();
}

KTEST(trace, what_the_pipe_takes_is_gone)
{
	u64 in_buffer, written;
	u32 cpu;

	KEXPECT_EQ(trace_resize(8), 0);
	KEXPECT(!trace_take(record, &cpu));
	trace_now(mm_page_free_batched, 1);
	trace_now(mm_page_free_batched, 2);
	KEXPECT(trace_take(record, &cpu));
	trace_count(&in_buffer, &written);
	KEXPECT(in_buffer == 1 && written == 2);
	trace_reader_start(&reader);
	KEXPECT_EQ(NEXT(mm_page_free_batched)->pfn, 2);
	KEXPECT(at_end());
	trace_clear();
	KEXPECT(!trace_take(record, &cpu));
	end();
}

/* --- Text --- */

static bool line_is(const struct trace_record *r, const char *text)
{
	char line[TRACE_LINE_MAX];
	size_t n = trace_line(line, r, 0);

	if (n == strlen(text) && memcmp(line, text, n) == 0)
		return true;
	line[n - 1] = '\0';
	ktest_note("got %s", line);
	return false;
}

KTEST(trace, lines)
{
	struct {
		struct trace_record r;
		struct trace_mm_page_alloc a;
	} alloc = {{.event = TE_mm_page_alloc,
			   .flags = TRACE_IRQSOFF | 2,
			   .pid = 7,
			   .ns = 12345678500ull,
			   .comm = "sh"},
		{.pfn = 0, .order = 3, .gfp_flags = GFP_USER | GFP_ZERO}};
	KEXPECT(line_is(&alloc.r,
		"              sh-7       [000] d..2.    12.345679: mm_page_alloc: page=00000000 "
		"pfn=0x0 order=3 migratetype=0 gfp_flags=GFP_HIGHUSER|__GFP_ZERO\n"));
	struct {
		struct trace_record r;
		struct trace_rss_stat s;
	} rss = {{.event = TE_rss_stat,
			 .flags = TRACE_RESCHED | TRACE_HARDIRQ,
			 .pid = 123456,
			 .comm = "sixteen_letters"},
		{.mm_id = 3000000000u, .curr = 1, .member = 3, .size = -4096}};
	KEXPECT(line_is(&rss.r, " sixteen_letters-123456  [000] .Nh..     0.000000: rss_stat: "
				"mm_id=3000000000 curr=1 "
				"type=MM_SHMEMPAGES size=-4096B\n"));
	struct {
		struct trace_record r;
		struct trace_page_fault_user f;
	} fault = {{.event = TE_page_fault_user}, {.address = 0x8048010, .ip = (u32)panic}};
	KEXPECT(line_is(&fault.r,
		"          <idle>-0       [000] .....     0.000000: page_fault_user: "
		"address=0x8048010 ip=panic error_code=0x0\n"));
	struct {
		struct trace_record r;
		u32 ret;
	} brk = {{.event = TE_sys_exit_brk, .pid = 1, .comm = "init"}, 0x8244880};
	KEXPECT(line_is(&brk.r,
		"            init-1       [000] .....     0.000000: sys_brk -> 0x8244880\n"));
}

KTEST(trace, marks)
{
	char line[TRACE_LINE_MAX], long_text[400];
	u32 cpu;
	const struct trace_record *r;

	KEXPECT_EQ(trace_resize(8), 0);
	KEXPECT_EQ(trace_mark("hello\n"), 0);
	memset(long_text, 'x', sizeof(long_text));
	long_text[sizeof(long_text) - 1] = '\0';
	KEXPECT_EQ(trace_mark(long_text), 0);
	trace_reader_start(&reader);
	r = trace_reader_next(&reader, record, &cpu);
	KREQUIRE(r);
	size_t n = trace_line(line, r, cpu);
	const char *expected = ": tracing_mark_write: hello\n";
	KEXPECT(n > strlen(expected) &&
		memcmp(line + n - strlen(expected), expected, strlen(expected)) == 0);
	r = trace_reader_next(&reader, record, &cpu);
	KREQUIRE(r);
	KEXPECT_EQ(r->words * 4, sizeof(*r) + sizeof(u32) + TRACE_TEXT_MAX);
	KEXPECT(trace_line(line, r, cpu) < TRACE_LINE_MAX);
	end();
}

/* --- Who holds how much --- */

static __noinline void *take(size_t size)
{
	void *volatile p = kmalloc(size); /* not the last thing it does */

	return p;
}

/* What is counted for calls made by a function. */
static struct allocinfo counted(const void *function)
{
	struct allocinfo a;

	for (u32 i = 0; allocinfo_get(i, &a); i++)
		if (inside(a.call_site, function))
			return a;
	return (struct allocinfo){0};
}

KTEST(trace, memory_by_call_site)
{
	enum { N = 6000 }; /* more than the first table of blocks holds */
	static void *block[N];
	u64 in_buffer, written;

	KEXPECT_EQ(trace_resize(8), 0);
	trace_profile(true);
	for (u32 i = 0; i < N; i++)
		block[i] = take(24);
	struct allocinfo a = counted(take);
	KEXPECT_EQ(a.blocks, N);
	KEXPECT_EQ(a.bytes, N * 24);
	KEXPECT(a.file && strcmp(a.file, "tests/kernel/test_trace.c") == 0 && a.line);
	for (u32 i = 0; i < N; i += 2)
		kfree(block[i]);
	KEXPECT_EQ(counted(take).blocks, N / 2);
	for (u32 i = 1; i < N; i += 2)
		kfree(block[i]);
	KEXPECT_EQ(counted(take).bytes, 0);
	KEXPECT_EQ(allocinfo_lost(), 0);
	trace_count(&in_buffer, &written);
	KEXPECT_EQ(written, 0);
	trace_profile(false);
	void *quiet = take(24);
	KEXPECT_EQ(counted(take).blocks, 0);
	kfree(quiet);
	end();
}
