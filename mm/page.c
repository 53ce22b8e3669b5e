/* The array of struct page, and the names of what frames are used for. */
#include "mm/page.h"

struct page *mem_map;
u32 nr_pfns;

const char *const page_kind_name[PK_NR] = {
	[PK_RESERVED] = "reserved",
	[PK_FREE] = "free",
	[PK_FREE_TAIL] = "free-tail",
	[PK_PCP] = "pcp",
	[PK_KERNEL] = "kernel",
	[PK_SLAB] = "slab",
	[PK_VMALLOC] = "vmalloc",
	[PK_KSTACK] = "kstack",
	[PK_PGTABLE] = "pgtable",
	[PK_ANON] = "anon",
	[PK_CACHE] = "cache",
	[PK_ZERO] = "zero",
	[PK_HUGE] = "huge",
	[PK_POISON] = "poison",
};
