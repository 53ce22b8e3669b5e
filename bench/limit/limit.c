/* The limit's tables and calls, and in ring 3 its rows; limit.h says what it is. */
#include <stddef.h>
#include <stdint.h>
#include "bench/limit/limit.h"

typedef uint32_t u32;
typedef uint64_t u64;

#define PAGE	       4096u
#define PAGES	       (REGION_SIZE / PAGE)
#define TABLE_ENTRIES  512
#define FLUSH_ALL_FROM 32 /* pages from which on loading CR3 is cheaper than invlpg for each */

/* --- Tables --- */

#define __page_aligned __attribute__((aligned(4096)))

struct tss {
	u32 link, esp0, ss0, rest[23];
};

u64 pdpt[4] __attribute__((aligned(32)));
u64 idt[256];
static u64 low_directory[TABLE_ENTRIES] __page_aligned;
static u64 region_directory[TABLE_ENTRIES] __page_aligned;
u64 region_tables[PAGES] __page_aligned;
static u64 child_tables[PAGES] __page_aligned;
static uint16_t counts[PAGES];
static struct tss tss;

extern u64 gdt_tss;
extern char kernel_stack_top[];
extern u32 fault_action, signal_handler;
void call_entry(void), fault_entry(void);
void fault_clear(void), fault_map(void), fault_copy(void), fault_signal(void);
void call_null(void), call_sigreturn(void);
void clear_page(u32 at);
void fill_tables(void);
void user_main(void);

static u64 gate(void (*handler)(void), u32 dpl)
{
	u32 at = (u32)handler;
	return (u64)((at & 0xffff0000) | 0x8e00 | dpl << 13) << 32 | SEL_KCODE << 16 |
	       (at & 0xffff);
}

/* A fault that no row wants ends in a double fault, then in a reset: their gates are empty. */
void fill_tables(void)
{
	for (u32 i = 0; i < TABLE_ENTRIES; i++)
		low_directory[i] = (u64)i << 21 | PDE_PS | PTE_U | PTE_W | PTE_P;
	for (u32 i = 0; i < PAGES / TABLE_ENTRIES; i++)
		region_directory[i] =
			(u32)&region_tables[i * TABLE_ENTRIES] | PTE_U | PTE_W | PTE_P;
	pdpt[0] = (u32)low_directory | PTE_P;
	pdpt[1] = (u32)region_directory | PTE_P;
	idt[14] = gate(fault_entry, 0);
	idt[0x80] = gate(call_entry, 3);
	tss.esp0 = (u32)kernel_stack_top;
	tss.ss0 = SEL_KDATA;
	u32 base = (u32)&tss;
	gdt_tss = (u64)((base & 0xff000000) | 0x8900 | (base >> 16 & 0xff)) << 32 | base << 16 |
		  (sizeof(tss) - 1);
}

/* --- Ring 0: calls. Their first argument is a page of the region, the second how many. --- */

static void flush_all(void)
{
	u32 cr3;
	asm volatile("movl %%cr3, %0; movl %0, %%cr3" : "=r"(cr3) : : "memory");
}

static void flush(u32 page, u32 n)
{
	if (n >= FLUSH_ALL_FROM) {
		flush_all();
		return;
	}
	for (u32 i = page; i < page + n; i++)
		asm volatile("invlpg (%0)" : : "r"(REGION + i * PAGE) : "memory");
}

static void call_unmap(u32 page, u32 n)
{
	for (u64 *pte = &region_tables[page]; pte < &region_tables[page + n]; pte++)
		*(volatile u32 *)pte = 0;
	flush(page, n);
}

static void call_protect(u32 page, u32 n, u32 writable)
{
	for (u64 *pte = &region_tables[page]; pte < &region_tables[page + n]; pte++)
		*(volatile u32 *)pte = (*(u32 *)pte & ~PTE_W) | writable;
	flush(page, n);
}

static void call_populate(u32 page, u32 n)
{
	for (u32 i = page; i < page + n; i++) {
		clear_page(FRAMES + i * PAGE);
		*(volatile u32 *)&region_tables[i] = (FRAMES + i * PAGE) | PTE_U | PTE_W | PTE_P;
	}
}

static void call_mincore(u32 page, u32 n, unsigned char *vector)
{
#pragma GCC unroll 8
	for (u32 i = 0; i < n; i++)
		vector[i] = *(u32 *)&region_tables[page + i] & PTE_P;
}

static void call_move(u32 page, u32 n, u32 to)
{
	for (u32 i = 0; i < n; i++) {
		*(volatile u32 *)&region_tables[to + i] = *(u32 *)&region_tables[page + i];
		*(volatile u32 *)&region_tables[page + i] = 0;
	}
	flush(page, n);
}

static void call_fork(u32 page, u32 n)
{
	for (u32 i = page; i < page + n; i++) {
		u32 pte = *(u32 *)&region_tables[i] & ~PTE_W;
		*(volatile u32 *)&region_tables[i] = pte;
		*(volatile u32 *)&child_tables[i] = pte;
		counts[i]++;
	}
	flush_all();
}

/* The child's exit; its tables are given back whole. */
static void call_exit(u32 page, u32 n)
{
	for (u32 i = page; i < page + n; i++)
		counts[i]--;
	flush_all();
}

void *const call_actions[] = {
	[CALL_NULL] = call_null,
	[CALL_UNMAP] = call_unmap,
	[CALL_PROTECT] = call_protect,
	[CALL_POPULATE] = call_populate,
	[CALL_MINCORE] = call_mincore,
	[CALL_MOVE] = call_move,
	[CALL_FORK] = call_fork,
	[CALL_EXIT] = call_exit,
	[CALL_SIGRETURN] = call_sigreturn,
};

/* --- Ring 3: the console and the stopwatch. The user may use ports. --- */

static void outb(u32 port, u32 value)
{
	asm volatile("outb %b0, %w1" : : "a"(value), "d"(port));
}

static void print(const char *text)
{
	for (; *text; text++)
		outb(0x3f8, *text);
}

static void print_number(u64 value)
{
	char digits[24], *p = digits + sizeof(digits);
	*--p = 0;
	do
		*--p = '0' + value % 10;
	while (value /= 10);
	print(" ");
	print(p);
}

static u64 rdtsc(void)
{
	u64 value;
	asm volatile("rdtsc" : "=A"(value) : : "memory");
	return value;
}

static u32 call(u32 nr, u32 a, u32 b, u32 c)
{
	asm volatile("int $0x80" : "+a"(nr) : "b"(a), "c"(b), "d"(c) : "memory");
	return nr;
}

/* --- Rows: one function makes a sample; two parameters say of what. --- */

/* Before a sample the region is empty; `action` is what its faults will do. */
struct row {
	const char *name;
	void (*run)(u32 pages, u32 times);
	u32 pages, times;
	u32 ops;
	void (*action)(void);
	void (*prepare)(u32 pages);
};

static void touch(u32 pages)
{
	for (u32 at = REGION; at < REGION + pages * PAGE; at += PAGE)
		*(volatile u32 *)at = at;
}

static void touch_once(u32 pages, u32 times)
{
	touch(pages);
}

static void touch_random(u32 pages, u32 times)
{
	for (u32 i = 0; i < pages; i++)
		*(volatile u32 *)(REGION + i * 40503 % PAGES * PAGE) = i;
}

static void null_call(u32 pages, u32 times)
{
	for (u32 i = 0; i < times; i++)
		call(CALL_NULL, 0, 0, 0);
}

static void map_touch_unmap(u32 pages, u32 times)
{
	for (u32 i = 0; i < times; i++) {
		call(CALL_NULL, 0, 0, 0);
		touch(pages);
		call(CALL_UNMAP, 0, pages, 0);
	}
}

static void unmap(u32 pages, u32 times)
{
	call(CALL_UNMAP, 0, pages, 0);
}

static void unmap_touch(u32 pages, u32 times)
{
	for (u32 i = 0; i < times; i++) {
		call(CALL_UNMAP, 0, pages, 0);
		touch(pages);
	}
}

static void populate(u32 pages, u32 times)
{
	call(CALL_POPULATE, 0, pages, 0);
}

static void toggle(u32 pages, u32 times)
{
	for (u32 i = 0; i < times; i++) {
		call(CALL_PROTECT, 0, pages, 0);
		call(CALL_PROTECT, 0, pages, PTE_W);
	}
}

static void move(u32 pages, u32 times)
{
	for (u32 i = 0; i < times; i += 2) {
		call(CALL_MOVE, 0, pages, pages);
		call(CALL_MOVE, pages, pages, 0);
	}
}

static unsigned char vector[1024];

static void mincore(u32 pages, u32 times)
{
	for (u32 i = 0; i < times; i++)
		call(CALL_MINCORE, 0, pages, (u32)vector);
}

/* fork, the child's exit, and the parent's wait. */
static void fork_exit_wait(u32 pages, u32 times)
{
	for (u32 i = 0; i < times; i++) {
		call(CALL_FORK, 0, pages, 0);
		call(CALL_EXIT, 0, pages, 0);
		call(CALL_NULL, 0, 0, 0);
	}
}

/* Two handlers of a fault that has become a signal. The second finds the page's number in esi. */
void step_over(void), unprotect(void);
asm("step_over:\n"
    "	addl	$2, 16(%esp)\n"
    "	movl	$8, %eax\n"
    "	int	$0x80\n"
    "unprotect:\n"
    "	pushl	%ebx\n"
    "	movl	%esi, %ebx\n"
    "	movl	$1, %ecx\n"
    "	movl	$2, %edx\n"
    "	movl	$2, %eax\n"
    "	int	$0x80\n"
    "	popl	%ebx\n"
    "	movl	$8, %eax\n"
    "	int	$0x80\n");

static void segv(u32 pages, u32 times)
{
	signal_handler = (u32)step_over;
	for (u32 i = 0; i < times; i++)
		asm volatile("movl %%eax, (%%ecx)" : : "a"(0), "c"(REGION) : "memory");
}

static void segv_mprotect(u32 pages, u32 times)
{
	signal_handler = (u32)unprotect;
	for (u32 i = 0; i < pages; i++)
		asm volatile("movl %%eax, (%%ecx)"
			     :
			     : "a"(0), "c"(REGION + i * PAGE), "S"(i)
			     : "memory");
}

static void prepare_pages(u32 pages)
{
	call(CALL_POPULATE, 0, pages, 0);
}

static void prepare_read_only(u32 pages)
{
	call(CALL_POPULATE, 0, pages, 0);
	call(CALL_PROTECT, 0, pages, 0);
}

static const struct row rows[] = {
	{"null_call", null_call, 0, 1000, 1000, NULL, NULL},
	{"zero_write_seq", touch_once, 16384, 1, 16384, fault_clear, NULL},
	{"zero_write_rand", touch_random, 16384, 1, 16384, fault_clear, NULL},
	{"zero_read", touch_once, 4096, 1, 4096, fault_map, NULL},
	{"zero_upgrade", touch_once, 4096, 1, 4096, fault_clear, prepare_read_only},
	{"stack_growth", touch_once, 192, 1, 192, fault_clear, NULL},
	{"fault_vma_1", touch_random, 500, 1, 500, fault_clear, NULL},
	{"fault_vma_1000", touch_random, 500, 1, 500, fault_clear, NULL},
	{"fault_vma_30000", touch_random, 500, 1, 500, fault_clear, NULL},
	{"mmap_4k", map_touch_unmap, 0, 200, 200, NULL, NULL},
	{"mmap_1m", map_touch_unmap, 0, 200, 200, NULL, NULL},
	{"mmap_64m", map_touch_unmap, 0, 200, 200, NULL, NULL},
	{"mmap_touch_1", map_touch_unmap, 1, 200, 200, fault_clear, NULL},
	{"mmap_touch_64", map_touch_unmap, 64, 50, 50, fault_clear, NULL},
	{"unmap_touched", unmap, 4096, 1, 4096, NULL, prepare_pages},
	{"populate_4m", populate, 1024, 1, 1024, NULL, NULL},
	{"brk_4k", map_touch_unmap, 1, 200, 200, fault_clear, NULL},
	{"brk_128k", map_touch_unmap, 32, 50, 50, fault_clear, NULL},
	{"mprotect_1", toggle, 1, 200, 200, NULL, prepare_pages},
	{"mprotect_256", toggle, 256, 20, 20, NULL, prepare_pages},
	{"mprotect_middle", toggle, 1, 200, 200, NULL, prepare_pages},
	{"mremap_move", move, 16, 100, 100, NULL, prepare_pages},
	{"mremap_grow", map_touch_unmap, 0, 100, 100, NULL, NULL},
	{"dontneed_64", unmap_touch, 64, 20, 20, fault_clear, prepare_pages},
	{"mincore_1024", mincore, 1024, 20, 20, NULL, prepare_pages},
	{"fork_small", fork_exit_wait, 16, 20, 20, NULL, prepare_pages},
	{"fork_16m", fork_exit_wait, 4096, 4, 4, NULL, prepare_pages},
	{"fork_64m", fork_exit_wait, 16384, 2, 2, NULL, prepare_pages},
	{"cow_break", touch_once, 1024, 1, 1024, fault_copy, prepare_read_only},
	{"cow_reuse", touch_once, 1024, 1, 1024, fault_map, prepare_read_only},
	{"file_read", touch_once, 1024, 1, 1024, fault_map, NULL},
	{"file_write", touch_once, 1024, 1, 1024, fault_copy, NULL},
	{"file_shared_write", touch_once, 1024, 1, 1024, fault_map, NULL},
	{"segv", segv, 0, 200, 200, fault_signal, NULL},
	{"segv_mprotect", segv_mprotect, 256, 1, 256, fault_signal, prepare_read_only},
};

static void measure(const struct row *row)
{
	print("row ");
	print(row->name);
	print_number(row->ops);
	for (u32 sample = 0; sample < 8; sample++) {
		call(CALL_UNMAP, 0, PAGES, 0);
		if (row->prepare)
			row->prepare(row->pages);
		if (row->action)
			fault_action = (u32)row->action;
		u64 start = rdtsc();
		row->run(row->pages, row->times);
		u64 ticks = rdtsc() - start;
		if (sample > 0)
			print_number(ticks);
	}
	print("\n");
}

void user_main(void)
{
	u64 now = rdtsc();
	print("boot");
	print_number(now);
	print("\n");
	for (u32 i = 0; i < sizeof(rows) / sizeof(rows[0]); i++)
		measure(&rows[i]);
	print("end\n");
	outb(0xf4, 16);
	for (;;)
		;
}
