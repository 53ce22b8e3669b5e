/* The machine layer: memory functions, page tables, W^X, reads that may fault, FPU and selectors.
 */
#include "kernel/core/sched.h"
#include "kernel/core/selftest.h"
#include "kernel/lib/string.h"
#include "kernel/x86/extable.h"
#include "kernel/x86/features.h"
#include "kernel/x86/thread.h"
#include "kernel/x86/trap.h"
#include "kernel/x86/uaccess.h"
#include "mm/page_alloc.h"
#include "mm/pmap.h"

/* linker.ld */
extern u8 __text_start[], __text_end[], __rodata_start[], __rodata_end[];
extern u8 __init_text_start[], __init_text_end[];
extern u8 __start_ex_table[], __stop_ex_table[];

/* --- memcpy and memset: every offset, every short length --- */

#define BUF 160u
#define GAP 0xaa

static u8 source[BUF], target[BUF];

/* Compilers know what memcpy does; through these they do not. */
static void *(*volatile do_memcpy)(void *restrict, const void *restrict, size_t) = memcpy;
static void *(*volatile do_memset)(void *, int, size_t) = memset;

static void prepare(void)
{
	for (u32 i = 0; i < BUF; i++) {
		source[i] = (u8)(i * 13 + 1);
		target[i] = GAP;
	}
}

static bool copied(u32 to, u32 from, u32 n)
{
	for (u32 i = 0; i < BUF; i++)
		if (target[i] != (i - to < n ? source[from + i - to] : GAP))
			return false;
	return true;
}

static bool filled(u32 to, u8 with, u32 n)
{
	for (u32 i = 0; i < BUF; i++)
		if (target[i] != (i - to < n ? with : GAP))
			return false;
	return true;
}

KTEST(x86, memcpy)
{
	for (u32 to = 8; to < 12; to++) {
		for (u32 from = 0; from < 4; from++) {
			for (u32 n = 0; n < 70; n++) {
				prepare();
				KEXPECT(do_memcpy(target + to, source + from, n) == target + to);
				KREQUIRE(copied(to, from, n));
			}
		}
	}
}

KTEST(x86, memset)
{
	for (u32 to = 8; to < 12; to++) {
		for (u32 n = 0; n < 70; n++) {
			prepare();
			KEXPECT(do_memset(target + to, (int)(0x300 + n), n) == target + to);
			KREQUIRE(filled(to, (u8)n, n));
		}
	}
}

/* --- Whole pages, low and high --- */

static bool page_is_all(struct page *p, u8 value)
{
	u8 *va = kmap_local(p);
	u32 i = 0;

	while (i < PAGE_SIZE && va[i] == value)
		i++;
	kunmap_local(va);
	return i == PAGE_SIZE;
}

static void page_fill(struct page *p, u8 value)
{
	void *va = kmap_local(p);

	memset(va, value, PAGE_SIZE);
	kunmap_local(va);
}

static void check_page_operations(u32 gfp)
{
	struct page *a = page_alloc(gfp, PK_KERNEL), *b = page_alloc(gfp, PK_KERNEL);

	KREQUIRE(a && b);
	page_fill(a, 0x11);
	page_fill(b, 0x22);
	page_copy(a, b);
	KEXPECT(page_is_all(a, 0x22));
	page_zero(b);
	KEXPECT(page_is_all(b, 0));
	KEXPECT(page_is_all(a, 0x22));
	page_free(a);
	page_free(b);
}

KTEST(x86, page_zero_and_copy)
{
	check_page_operations(GFP_KERNEL);
	check_page_operations(GFP_USER);
}

KTEST(x86, page_operations_keep_sse)
{
	u32 before[4] = {1, 2, 3, 4}, after[4] = {0};
	struct page *p = page_alloc(GFP_KERNEL, PK_KERNEL);

	KREQUIRE(p);
	if (cpu_features.sse2) {
		__asm__ volatile("movups %0, %%xmm0" ::"m"(before));
		page_zero(p);
		page_copy(p, p);
		__asm__ volatile("movups %%xmm0, %0" : "=m"(after));
		KEXPECT(memcmp(before, after, sizeof(before)) == 0);
	}
	page_free(p);
}

KTEST(x86, kmap_nests)
{
	struct page *p[KMAP_SLOTS];
	u32 *va[KMAP_SLOTS], n;

	for (n = 0; n < KMAP_SLOTS; n++) {
		p[n] = page_alloc(GFP_USER, PK_KERNEL);
		KREQUIRE(p[n]);
		va[n] = kmap_local(p[n]);
		*va[n] = n;
	}
	while (n-- > 0) {
		KEXPECT_EQ(*va[n], n);
		kunmap_local(va[n]);
		KEXPECT_EQ(peek_kernel(target, va[n], 1), !page_is_low(p[n]));
		page_free(p[n]);
	}
}

/* --- The kernel's half --- */

static bool is_between(vaddr_t va, const u8 *start, const u8 *end)
{
	return va >= (u32)start && va < (u32)end;
}

KTEST(x86, writable_or_executable)
{
	vaddr_t va = KERNEL_BASE;
	u32 step, executable = 0;

	do {
		pte_t e = pmap_kernel_lookup(va);

		step = pte_huge(e) ? PD_SIZE : PAGE_SIZE;
		if (!pte_present(e))
			continue;
		KREQUIRE(!pte_user(e));
		if (is_between(va, __text_start, __rodata_end))
			KREQUIRE(!pte_write(e));
		if (!cpu_features.nx || !pte_exec(e))
			continue;
		KREQUIRE(!pte_write(e));
		KREQUIRE(is_between(va, __text_start, __text_end) ||
			 is_between(va, __init_text_start, __init_text_end));
		executable++;
	} while ((va += step) >= KERNEL_BASE);
	KEXPECT(executable > 0 || !cpu_features.nx);
}

KTEST(x86, nothing_at_zero)
{
	struct pmap_walk w;

	KEXPECT(!pte_present(pmap_kernel_lookup((u32)boot_stack - PAGE_SIZE)));
	pmap_walk(read_cr3(), 0, &w);
	KEXPECT(w.levels == 1 || !pte_present(w.level[w.levels - 1].entry));
}

KTEST(x86, peek_stops_where_nothing_is_mapped)
{
	u8 *guard = (u8 *)((u32)boot_stack - PAGE_SIZE);

	KEXPECT_EQ(peek_kernel(target, source, BUF), 0);
	KEXPECT_EQ(peek_kernel(target, guard - 8, 16), 8);
	KEXPECT_EQ(peek_kernel(target, guard, 16), 16);
	KEXPECT_EQ(peek_kernel(target, (void *)USER_MIN, 16), 16);
	KEXPECT_EQ(peek_kernel(target, (void *)0xfffffff8, 16), 16);
}

KTEST(x86, exception_table_is_sorted)
{
	const u32(*e)[2] = (const void *)__start_ex_table;
	const u32(*end)[2] = (const void *)__stop_ex_table;

	KREQUIRE(e < end);
	for (; e < end; e++) {
		KEXPECT_EQ(extable_lookup((*e)[0]), (*e)[1]);
		KEXPECT(e + 1 == end || (*e)[0] < e[1][0]);
	}
	KEXPECT_EQ(extable_lookup(0), 0);
	KEXPECT_EQ(extable_lookup((u32)extable_lookup), 0);
	KEXPECT_EQ(extable_lookup(~0u), 0);
}

KTEST(x86, user_ranges)
{
	u32 v;

	KEXPECT(user_range_ok(UPTR(0), 0));
	KEXPECT(user_range_ok(UPTR(USER_TOP), 0));
	KEXPECT(user_range_ok(UPTR(USER_TOP - 4), 4));
	KEXPECT(!user_range_ok(UPTR(USER_TOP - 4), 5));
	KEXPECT(!user_range_ok(UPTR(~0u), 2));
	KEXPECT(!user_range_ok(UPTR(4096), ~0u));
	KEXPECT(get_user_u32(&v, UPTR(USER_MIN)) < 0); /* a kernel thread has no user memory */
}

/* --- Page tables of a user half --- */

KTEST(pmap, tables_go_with_the_gap)
{
	static const vaddr_t at[] = {0x10000, 0x200000, 0x3ffff000, 0x40000000, 0xbffff000};
	struct pmap pm;

	KREQUIRE(pmap_init(&pm) == 0);
	for (u32 i = 0; i < ARRAY_SIZE(at); i++) {
		KEXPECT(!pmap_pte(&pm, at[i]));
		KEXPECT(pmap_pte_alloc(&pm, at[i]) == pmap_pte(&pm, at[i]));
	}
	KEXPECT_EQ(pm.nr_tables, 5 + 3);
	pmap_free_tables(&pm, 0x11000, 0x3ff000);
	KEXPECT_EQ(pm.nr_tables, 8);
	pmap_free_tables(&pm, 0x1ff000, 0x80000000);
	KEXPECT_EQ(pm.nr_tables, 4);
	KEXPECT(pmap_pte(&pm, 0x10000) && pmap_pte(&pm, 0xbffff000));
	KEXPECT(!pmap_pte(&pm, 0x200000) && !pmap_pde(&pm, 0x40000000));
	pmap_destroy(&pm);
}

/* Reads what is at `va` now, after its entry has been made to map `p`. */
static u32 read_through(struct pmap *pm, vaddr_t va, struct page *p, bool by_range)
{
	pte_t *pte = pmap_pte(pm, va);

	pmap_set(pte, PTE_NONE);
	if (by_range)
		pmap_flush_range(pm, va, va + PAGE_SIZE);
	else
		pmap_flush_page(pm, va);
	pmap_set(pte, pte_make(page_pfn(p), PTE_P | PTE_W | pte_nx_mask));
	return *(volatile u32 *)va;
}

KTEST(pmap, flush_forgets)
{
	const vaddr_t va = 0x40000000;
	struct page *a = page_alloc(GFP_KERNEL, PK_KERNEL), *b = page_alloc(GFP_KERNEL, PK_KERNEL);
	struct pmap pm;

	KREQUIRE(a && b && pmap_init(&pm) == 0);
	*(u32 *)page_virt(a) = 0xa;
	*(u32 *)page_virt(b) = 0xb;
	pmap_activate(&pm);
	KREQUIRE(pmap_pte_alloc(&pm, va));
	for (u32 i = 0; i < 4; i++) {
		KEXPECT_EQ(read_through(&pm, va, a, i & 1), 0xa);
		KEXPECT_EQ(read_through(&pm, va, b, i & 2), 0xb);
	}
	pmap_set(pmap_pte(&pm, va), PTE_NONE);
	pmap_flush_range(&pm, 0, USER_TOP);
	pmap_activate(NULL);
	pmap_destroy(&pm);
	page_free(a);
	page_free(b);
}

KTEST(pmap, walk_names_every_level)
{
	struct pmap_walk w;

	pmap_walk(read_cr3(), (u32)source, &w);
	KREQUIRE(w.levels == 3);
	KEXPECT_EQ(w.level[2].entry.v & PTE_FRAME, virt_to_phys(source).v & PTE_FRAME);
	KEXPECT_EQ(w.level[2].entry.v, pmap_kernel_lookup((u32)source).v);
}

/* --- What a program may put into a signal frame --- */

KTEST(x86, forged_fpu_image)
{
	static struct thread t;
	static u8 image[512];

	for (u32 round = 0; round < 64; round++) {
		for (u32 i = 0; i < sizeof(image); i++)
			image[i] = round ? (u8)ktest_random() : 0xff;
		x86_fpu_load_user(&t.x86, image);
	}
	x86_thread_reset_user(&t.x86);
	x86_fpu_restore(&t.x86);
}

KTEST(x86, refused_selectors_become_null)
{
	x86_set_gs(SEL_UDATA);
	KEXPECT_EQ(x86_get_gs(), SEL_UDATA);
	x86_set_gs(0x1f3); /* beyond the GDT */
	KEXPECT_EQ(x86_get_gs(), 0);
	x86_set_fs(SEL_TSS);
	KEXPECT_EQ(x86_get_fs(), 0);
}
