/* The memory of the whole machine in /proc: meminfo, vmstat, zones, slabs, vmalloc, resources. */
#include "kernel/abi/prctl.h"
#include "kernel/core/bootinfo.h"
#include "kernel/core/panic.h"
#include "kernel/lib/fmt.h"
#include "kernel/lib/string.h"
#include "kernel/procfs/procfs_impl.h"
#include "mm/allocinfo.h"
#include "mm/commit.h"
#include "mm/hugetlb.h"
#include "mm/mm_check.h"
#include "mm/page_alloc.h"
#include "mm/pmap.h"
#include "mm/poison.h"
#include "mm/slab.h"
#include "mm/space.h"
#include "mm/vmalloc.h"

#define KIB_PER_PAGE (PAGE_SIZE / 1024)

/* --- Counting --- */

/* Pages. They are in no lists by age: where Linux tells active from inactive, all are inactive. */
struct memory {
	u32 total, free, total_high, free_high, available;
	u32 mapped; /* page cache that processes map */
	u32 file, shmem, anon, mlocked;
};

/* Linux counts pages that are locked; they are in memory, so these are the locked VMAs'. */
static u32 count_mlocked(void)
{
	struct mm *mm;
	u32 n = 0;

	spin_lock(&mm_list_lock);
	list_for_each_entry (mm, &mm_list, link)
		n += mm->locked_vm;
	spin_unlock(&mm_list_lock);
	return n;
}

static void count_memory(struct memory *m)
{
	u32 free = page_alloc_free(), reserve = page_alloc_reserve();

	*m = (struct memory){
		.total = page_alloc_total(),
		.free = free,
		.total_high = page_alloc_total_high(),
		.free_high = page_alloc_free_high(),
		.available = free > reserve ? free - reserve : 0,
		.mapped = pagecache_mapped,
		.file = pagecache_pages,
		.shmem = pagecache_shmem_pages,
		.anon = pages_in_use[PK_ANON],
		.mlocked = count_mlocked(),
	};
}

/* --- meminfo --- */

static void put_kb(struct text *t, const char *name, u32 pages)
{
	text_kb(t, name, 24, pages * KIB_PER_PAGE);
}

static void meminfo_lists(struct text *t, const struct memory *m)
{
	put_kb(t, "MemTotal:", m->total);
	put_kb(t, "MemFree:", m->free);
	put_kb(t, "MemAvailable:", m->available);
	put_kb(t, "Buffers:", 0);
	put_kb(t, "Cached:", m->file);
	put_kb(t, "SwapCached:", 0);
	put_kb(t, "Active:", 0);
	put_kb(t, "Inactive:", m->anon + m->file);
	put_kb(t, "Active(anon):", 0);
	put_kb(t, "Inactive(anon):", m->anon + m->shmem);
	put_kb(t, "Active(file):", 0);
	put_kb(t, "Inactive(file):", m->file - m->shmem);
	put_kb(t, "Unevictable:", m->mlocked);
	put_kb(t, "Mlocked:", m->mlocked);
	put_kb(t, "HighTotal:", m->total_high);
	put_kb(t, "HighFree:", m->free_high);
	put_kb(t, "LowTotal:", m->total - m->total_high);
	put_kb(t, "LowFree:", m->free - m->free_high);
}

/* As on Linux those of processes, the sum of their VmPTE. */
static u32 user_tables(void)
{
	return pages_in_use[PK_PGTABLE] - pmap_kernel_tables;
}

static void meminfo_uses(struct text *t, const struct memory *m)
{
	put_kb(t, "SwapTotal:", 0);
	put_kb(t, "SwapFree:", 0);
	put_kb(t, "Zswap:", 0);
	put_kb(t, "Zswapped:", 0);
	put_kb(t, "Dirty:", 0);
	put_kb(t, "Writeback:", 0);
	put_kb(t, "AnonPages:", m->anon);
	put_kb(t, "Mapped:", m->mapped);
	put_kb(t, "Shmem:", m->shmem);
	put_kb(t, "KReclaimable:", 0);
	put_kb(t, "Slab:", pages_in_use[PK_SLAB]);
	put_kb(t, "SReclaimable:", 0);
	put_kb(t, "SUnreclaim:", pages_in_use[PK_SLAB]);
	put_kb(t, "KernelStack:", kstack_count() * (KSTACK_SIZE / PAGE_SIZE));
	put_kb(t, "PageTables:", user_tables());
	put_kb(t, "SecPageTables:", 0);
	put_kb(t, "NFS_Unstable:", 0);
	put_kb(t, "Bounce:", 0);
	put_kb(t, "WritebackTmp:", 0);
	put_kb(t, "CommitLimit:", commit_limit());
	put_kb(t, "Committed_AS:", commit_total());
	put_kb(t, "VmallocTotal:", (VMALLOC_END - VMALLOC_START) / PAGE_SIZE);
	put_kb(t, "VmallocUsed:", vmalloc_used_pages());
	put_kb(t, "VmallocChunk:", 0);
	put_kb(t, "Percpu:", 0);
}

static void meminfo_large_pages(struct text *t)
{
	u32 low = ALIGN_UP(MIN(nr_pfns, LOWMEM_LIMIT / PAGE_SIZE), PT_ENTRIES);
	u32 small = pmap_direct_tables * PT_ENTRIES;
	struct hugetlb_stat huge;

	put_kb(t, "HardwareCorrupted:", poisoned_pages);
	put_kb(t, "AnonHugePages:", 0);
	put_kb(t, "ShmemHugePages:", 0);
	put_kb(t, "ShmemPmdMapped:", 0);
	put_kb(t, "FileHugePages:", 0);
	put_kb(t, "FilePmdMapped:", 0);
	hugetlb_stat(&huge);
	text_printf(t, "HugePages_Total:   %5u\nHugePages_Free:    %5u\n", huge.total, huge.free);
	text_printf(t, "HugePages_Rsvd:    %5u\nHugePages_Surp:    %5u\n", huge.reserved,
		huge.surplus);
	put_kb(t, "Hugepagesize:", HUGE_PAGES);
	put_kb(t, "Hugetlb:", huge.total * HUGE_PAGES);
	put_kb(t, "DirectMap4k:", small);
	put_kb(t, "DirectMap2M:", low - small);
}

int proc_meminfo_show(struct text *t, const struct proc_node *n)
{
	struct memory m;

	count_memory(&m);
	meminfo_lists(t, &m);
	meminfo_uses(t, &m);
	meminfo_large_pages(t);
	return 0;
}

/* --- Zones --- */

/* The zone's numbers; false when the machine has no such memory. */
static bool zone_get(u32 i, struct zone_stat *z)
{
	page_alloc_stat(i, z);
	return z->managed;
}

int proc_buddyinfo_show(struct text *t, const struct proc_node *n)
{
	struct zone_stat z;

	for (u32 i = 0; i < NR_ZONES; i++) {
		if (!zone_get(i, &z))
			continue;
		text_printf(t, "Node 0, zone %8s ", z.name);
		for (u32 order = 0; order < NR_ORDERS; order++)
			text_printf(t, "%6u ", z.nr_free[order]);
		text_puts(t, "\n");
	}
	return 0;
}

/* Pages are not grouped by what they are for. Linux shows it so where it does not group them
 * either, on machines with little memory: all of them in the first group. */
static const char *const migrate_types[] = {
	"Unmovable", "Movable", "Reclaimable", "HighAtomic", "Isolate"};

#define PAGEBLOCK_ORDER 9u
#define PAGEBLOCK_PAGES (1u << PAGEBLOCK_ORDER)

static void put_type_rows(struct text *t, const struct zone_stat *z)
{
	for (u32 type = 0; type < ARRAY_SIZE(migrate_types); type++) {
		text_printf(t, "Node %4d, zone %8s, type %12s ", 0, z->name, migrate_types[type]);
		for (u32 order = 0; order < NR_ORDERS; order++)
			text_printf(t, "%6u ", type ? 0 : z->nr_free[order]);
		text_puts(t, "\n");
	}
}

static void put_block_counts(struct text *t)
{
	struct zone_stat z;

	text_printf(t, "\n%-23s", "Number of blocks type ");
	for (u32 type = 0; type < ARRAY_SIZE(migrate_types); type++)
		text_printf(t, "%12s ", migrate_types[type]);
	text_puts(t, "\n");
	for (u32 i = 0; i < NR_ZONES; i++) {
		u32 blocks;

		if (!zone_get(i, &z))
			continue;
		blocks = (z.end.v - z.start.v + PAGEBLOCK_PAGES - 1) / PAGEBLOCK_PAGES;
		text_printf(t, "Node %d, zone %8s ", 0, z.name);
		for (u32 type = 0; type < ARRAY_SIZE(migrate_types); type++)
			text_printf(t, "%12u ", type ? 0 : blocks);
		text_puts(t, "\n");
	}
}

int proc_pagetypeinfo_show(struct text *t, const struct proc_node *n)
{
	struct zone_stat z;

	text_printf(t, "Page block order: %u\nPages per block:  %u\n\n", PAGEBLOCK_ORDER,
		PAGEBLOCK_PAGES);
	text_printf(t, "%-43s ", "Free pages count per migrate type at order ");
	for (u32 order = 0; order < NR_ORDERS; order++)
		text_printf(t, "%6u ", order);
	text_puts(t, "\n");
	for (u32 i = 0; i < NR_ZONES; i++)
		if (zone_get(i, &z))
			put_type_rows(t, &z);
	put_block_counts(t);
	return 0;
}

/* --- vmstat --- */

struct counter {
	const char *name;
	u64 value;
};

/* What is where now; zoneinfo has it too. */
static u32 node_counters(const struct memory *m, struct counter *c)
{
	const struct counter all[] = {
		{"nr_inactive_anon", m->anon + m->shmem},
		{"nr_active_anon", 0},
		{"nr_inactive_file", m->file - m->shmem},
		{"nr_active_file", 0},
		{"nr_unevictable", m->mlocked},
		{"nr_slab_reclaimable", 0},
		{"nr_slab_unreclaimable", pages_in_use[PK_SLAB]},
		{"nr_anon_pages", m->anon},
		{"nr_mapped", m->mapped},
		{"nr_file_pages", m->file},
		{"nr_dirty", 0},
		{"nr_writeback", 0},
		{"nr_shmem", m->shmem},
		{"nr_kernel_stack", kstack_count() * (KSTACK_SIZE / 1024)},
		{"nr_page_table_pages", user_tables()},
	};

	memcpy(c, all, sizeof(all));
	return ARRAY_SIZE(all);
}

#define MAX_NODE_COUNTERS 16u

static void put_counters(struct text *t, const struct counter *c, u32 n)
{
	for (u32 i = 0; i < n; i++)
		text_printf(t, "%s %llu\n", c[i].name, c[i].value);
}

/* There is neither swap nor a disk to count. Allocations are not told apart by zone:
 * all of them are on the line of the middle one, so that the sum is right. Last come counters
 * that Linux does not have. */
static void put_events(struct text *t)
{
	const struct vm_events *e = &vm_events;
	struct hugetlb_stat huge;

	hugetlb_stat(&huge);
	const struct counter all[] = {
		{"pgpgin", 0},
		{"pgpgout", 0},
		{"pswpin", 0},
		{"pswpout", 0},
		{"pgalloc_dma", 0},
		{"pgalloc_normal", e->pgalloc},
		{"pgalloc_high", 0},
		{"pgalloc_movable", 0},
		{"allocstall_dma", 0},
		{"allocstall_normal", 0},
		{"allocstall_high", 0},
		{"allocstall_movable", 0},
		{"pgfree", e->pgfree},
		{"pglazyfree", e->pglazyfree},
		{"pgfault", e->pgfault},
		{"pgmajfault", e->pgmajfault},
		{"pglazyfreed", e->pglazyfreed},
		{"pgreuse", e->pgreuse},
		{"pgsteal_kswapd", 0},
		{"pgsteal_direct", 0},
		{"pgscan_kswapd", 0},
		{"pgscan_direct", 0},
		{"oom_kill", e->oom_kill},
		{"htlb_buddy_alloc_success", huge.alloc_success},
		{"htlb_buddy_alloc_fail", huge.alloc_fail},
		{"cow_copy", e->cow_copy},
		{"zero_fill", e->zero_fill},
		{"zero_map", e->zero_map},
		{"file_map", e->file_map},
		{"stack_grow", e->stack_grow},
	};

	put_counters(t, all, ARRAY_SIZE(all));
}

int proc_vmstat_show(struct text *t, const struct proc_node *n)
{
	struct counter c[MAX_NODE_COUNTERS];
	struct memory m;

	count_memory(&m);
	text_printf(t, "nr_free_pages %u\nnr_mlock %u\n", m.free, m.mlocked);
	put_counters(t, c, node_counters(&m, c));
	put_events(t);
	return 0;
}

/* --- zoneinfo --- */

static void put_zone(struct text *t, const struct zone_stat *z)
{
	text_printf(t, "  pages free     %u\n        boost    0\n", z->free);
	text_printf(t, "        min      %u\n        low      %u\n        high     %u\n", z->min,
		z->low, z->high);
	text_printf(t, "        spanned  %u\n        present  %u\n        managed  %u\n",
		z->end.v - z->start.v, z->present, z->managed);
	text_puts(t, "        cma      0\n        protection: (0, 0, 0, 0)\n");
	if (!z->managed)
		return;
	text_printf(t, "      %-12s %u\n", "nr_free_pages", z->free);
	text_printf(t, "  pagesets\n    cpu: 0\n              count: %u\n", z->pcp);
	text_puts(t, "              high:  0\n              batch: 0\n");
	text_printf(t, "  node_unreclaimable:  0\n  start_pfn:           %u\n", z->start.v);
}

static void put_node_counters(struct text *t, const struct memory *m)
{
	struct counter c[MAX_NODE_COUNTERS];
	u32 count = node_counters(m, c);

	text_puts(t, "  per-node stats\n");
	for (u32 i = 0; i < count; i++)
		text_printf(t, "      %-12s %llu\n", c[i].name, c[i].value);
}

int proc_zoneinfo_show(struct text *t, const struct proc_node *n)
{
	struct memory m;
	struct zone_stat z;
	bool first = true;

	count_memory(&m);
	for (u32 i = 0; i < NR_ZONES; i++) {
		page_alloc_stat(i, &z);
		text_printf(t, "Node 0, zone %8s\n", z.name);
		if (first && z.managed) {
			put_node_counters(t, &m);
			first = false;
		}
		put_zone(t, &z);
	}
	return 0;
}

/* --- slabinfo --- */

int proc_slabinfo_show(struct text *t, const struct proc_node *n)
{
	struct slab_stat s;

	text_puts(t, "slabinfo - version: 2.1\n"
		     "# name            <active_objs> <num_objs> <objsize> <objperslab> "
		     "<pagesperslab> : tunables <limit> <batchcount> <sharedfactor> : slabdata "
		     "<active_slabs> <num_slabs> <sharedavail>\n");
	for (u32 i = 0; slab_stat(i, &s); i++) {
		text_printf(t, "%-17s %6u %6u %6u %4u %4u", s.name, s.active_objs, s.num_objs,
			s.size, s.objs_per_slab, s.pages_per_slab);
		text_printf(t, " : tunables %4u %4u %4u : slabdata %6u %6u %6u\n", 0, 0, 0,
			s.active_slabs, s.num_slabs, 0);
	}
	return 0;
}

/* --- allocinfo: as Linux 6.10 --- */

int proc_allocinfo_show(struct text *t, const struct proc_node *n)
{
	struct allocinfo a;
	u32 offset;

	text_puts(t, "allocinfo - version: 1.0\n#     <size>  <calls> <tag info>\n");
	for (u32 i = 0; allocinfo_get(i, &a); i++) {
		const char *name = ksym_lookup(a.call_site - 1, &offset);

		text_printf(t, "%12llu %8u %s:%u func:%s\n", a.bytes, a.blocks,
			a.file ? a.file : "?", a.line, name ? name : "?");
	}
	return 0;
}

/* --- vmallocinfo --- */

int proc_vmallocinfo_show(struct text *t, const struct proc_node *n)
{
	struct vmalloc_area a = {0};

	while (vmalloc_next(a.end, &a))
		text_printf(t, "0x%08x-0x%08x %7u %pS pages=%u %s\n", a.start, a.end,
			a.end - a.start, (void *)a.caller, a.pages, a.kind);
	return 0;
}

/* --- iomem --- */

/* Borders of the image, from linker.ld. */
extern char __text_start[], __text_end[], __rodata_start[], __rodata_end[], __data_start[],
	__data_end[], __bss_start[], __bss_end[];

static void put_resource(struct text *t, const char *indent, struct prange r, const char *name)
{
	if (!capable(CAP_SYS_ADMIN))
		r = (struct prange){.start = 0, .end = 1};
	text_printf(t, "%s%08llx-%08llx : %s\n", indent, r.start, r.end - 1, name);
}

static void put_image_part(struct text *t, const struct prange *ram, const char *start,
	const char *end, const char *name)
{
	struct prange r = {.start = virt_to_phys(start).v, .end = virt_to_phys(end).v};

	if (ram->start <= r.start && r.end <= ram->end)
		put_resource(t, "  ", r, name);
}

int proc_iomem_show(struct text *t, const struct proc_node *n)
{
	for (u32 i = 0; i < bootinfo.nr_ram; i++) {
		const struct prange *ram = &bootinfo.ram[i];

		put_resource(t, "", *ram, "System RAM");
		put_image_part(t, ram, __text_start, __text_end, "Kernel code");
		put_image_part(t, ram, __rodata_start, __rodata_end, "Kernel rodata");
		put_image_part(t, ram, __data_start, __data_end, "Kernel data");
		put_image_part(t, ram, __bss_start, __bss_end, "Kernel bss");
	}
	return 0;
}

/* --- swaps --- */

int proc_swaps_show(struct text *t, const struct proc_node *n)
{
	text_puts(t, "Filename\t\t\t\tType\t\tSize\t\tUsed\t\tPriority\n");
	return 0;
}

/* --- The fsck --- */

static struct mutex check_mutex = MUTEX_INIT(check_mutex);
static struct text *findings; /* under check_mutex */

static void put_finding(const char *fmt, ...)
{
	char line[160];
	va_list ap;

	va_start(ap, fmt);
	vsnprintf(line, sizeof(line), fmt, ap);
	va_end(ap);
	text_printf(findings, "%s\n", line);
}

static void put_count(struct text *t, const char *label, u32 n)
{
	text_printf(t, "%-16s%8u\n", label, n);
}

/* /proc/mm_check: the findings, if there are any, and what is in use. A process that sleeps amid a
 * copy, and holds its frame, counts as a finding: read it when the others are at rest. */
int proc_mm_check_show(struct text *t, const struct proc_node *n)
{
	struct mm_usage usage;
	u32 bad;

	mutex_lock(&check_mutex);
	findings = t;
	bad = mm_check(put_finding);
	mm_usage(&usage);
	mutex_unlock(&check_mutex);
	put_count(t, "findings:", bad);
	put_count(t, "frames:", usage.frames);
	put_count(t, "slab objects:", usage.slab_objects);
	put_count(t, "committed:", usage.committed);
	put_count(t, "kernel stacks:", usage.kstacks);
	return 0;
}
