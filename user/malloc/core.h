/*
 * The allocator's inside.
 *
 *   thread      tcache: per size class a list of free blocks and a run of never used ones
 *      |        (batches of blocks)
 *   central     per size class: the spans that have free blocks
 *      |        (spans: 1 to 16 pages cut into blocks of one size; mixed ones: of any)
 *   page heap   runs of pages, merged with their neighbours; the heap that brk grows, and mapped
 *      |        extents where brk cannot
 *   glue        brk, mmap, mremap, madvise
 *
 * Blocks above M_MMAP_THRESHOLD have a mapping each and skip the three levels. Nothing about a
 * block is written beside it: the page map leads from an address to the size class of its page and
 * to its span.
 *
 * Locks: caches.lock, central.lock of a class, mixed.lock, heap.lock; never two classes but in
 * fork().
 */
#ifndef TMALLOC_CORE_H
#define TMALLOC_CORE_H

#include "glue.h"

/* Nothing here can be another library's: no way around by the global offset table. */
#pragma GCC visibility push(hidden)

#define PAGE_SHIFT   12
#define PAGE_SIZE    ((size_t)1 << PAGE_SHIFT)
#define PAGE_MASK    (PAGE_SIZE - 1)
#define SMALL_MAX    32768 /* the largest size that has a class */
#define NR_CLASSES   73    /* class 0 is no class */
#define SPAN_PAGES   16    /* the longest span of small blocks */
#define ALIGNMENT    16

#define likely(x)   __builtin_expect(!!(x), 1)
#define unlikely(x) __builtin_expect(!!(x), 0)
#define cold        __attribute__((cold, noinline))

static inline size_t page_round_up(size_t n)
{
	return (n + PAGE_MASK) & ~PAGE_MASK;
}

/* --- Locks ---------------------------------------------------------------------------------- */

struct lock {
	int word;
};

/* A process of one thread needs no lock: the two would cost more than what they guard. */
static inline void lock_take(struct lock *l)
{
	int zero = 0;

	if (os_single_threaded())
		return;
	if (unlikely(!__atomic_compare_exchange_n(
		    &l->word, &zero, 1, false, __ATOMIC_ACQUIRE, __ATOMIC_RELAXED)))
		os_lock_wait(&l->word);
}

static inline void lock_drop(struct lock *l)
{
	if (os_single_threaded())
		return;
	if (unlikely(__atomic_exchange_n(&l->word, 0, __ATOMIC_RELEASE) == 2))
		os_lock_wake(&l->word);
}

/* --- Size classes --------------------------------------------------------------------------- */

/* Steps of 16 up to 256, then eight classes for each doubling: at most 1/8 of a block is wasted. */
#define TABLE_MAX 1024
extern const uint8_t class_table[TABLE_MAX / 16 + 1];

static inline unsigned class_of(size_t size)
{
	unsigned log;

	if (likely(size <= TABLE_MAX))
		return class_table[(size + 15) >> 4];
	log = 31 - __builtin_clz((uint32_t)size - 1);
	return 9 + (log - 7) * 8 + (((uint32_t)(size - 1) >> (log - 3)) & 7);
}

static inline uint32_t class_compute_size(unsigned c)
{
	if (c <= 8)
		return c * 16;
	return (8 + (c - 9) % 8 + 1) << (7 + (c - 9) / 8 - 3);
}

struct class_info {
	uint32_t size;    /* of a block */
	uint32_t inverse; /* 2^32 / size, rounded up: see class_is_start() */
	uint16_t pages;   /* of the shortest span that wastes little */
	uint16_t least;   /* of one that will do rather than that new pages are used */
	uint16_t cap;     /* the most blocks in one thread's list */
	uint16_t batch;   /* how many go back to the centre at once */
	uint16_t most;    /* how many come from there at once */
} __attribute__((aligned(32)));
extern struct class_info classes[NR_CLASSES];

/* Whether @offset into a span (below 64 KiB) is a multiple of the class's size: Lemire and Kaser's
 * test, exact while log2(offset) + log2(size) <= 32. Nothing is a start in class 0. */
static inline bool class_is_start(const struct class_info *k, uint32_t offset)
{
	return offset * k->inverse < k->inverse;
}

/* --- Free blocks ---------------------------------------------------------------------------- */

/* What a free block holds: the next one, encoded, and a mark made of that and of the block's own
 * address. A write after free breaks the mark; a block freed twice still has it. The constant is
 * there so that a cleared mark fits no link, not even one that the program wrote a part of. 32 bits
 * can be a mark by chance, so there the mark has an echo. */
struct block {
	uintptr_t link;
	uintptr_t mark;
#ifndef __LP64__
	uintptr_t echo;
#endif
};

extern uintptr_t block_key;

#define MARK 0x6d2b79f5

static inline void block_link(struct block *b, struct block *next)
{
	uintptr_t link = (uintptr_t)next ^ block_key;

	b->link = link;
	b->mark = (link ^ (uintptr_t)b) + MARK;
#ifndef __LP64__
	b->echo = ~b->mark;
#endif
}

/* The link that the mark of @b was made of. */
static inline uintptr_t block_marked_link(const struct block *b)
{
	return (b->mark - MARK) ^ (uintptr_t)b;
}

static inline bool block_is_marked(const struct block *b)
{
#ifndef __LP64__
	if (b->echo != ~b->mark)
		return false;
#endif
	return b->link == block_marked_link(b);
}

static inline struct block *block_of_link(uintptr_t link)
{
	return (struct block *)(link ^ block_key);
}

_Noreturn void die(const char *what, const void *addr);
/* The ends of fast paths: they abort too, but as functions that might return they are reached by a
 * jump, and the paths need no stack. */
void *die_of_write(const struct block *b);
void die_of_double_free(const struct block *b);

/* The block after @b, which is on a list; aborts when @b was written to. */
static inline struct block *block_next(const struct block *b)
{
	uintptr_t link = block_marked_link(b);

	if (unlikely(b->link != link))
		die_of_write(b);
	return block_of_link(link);
}

/* --- Spans and the page map ----------------------------------------------------------------- */

enum span_state {
	SPAN_NONE,   /* the structure is unused */
	SPAN_FREE,   /* pages in the page heap's bins */
	SPAN_KEPT,   /* free since a moment ago: in no bin, its neighbours do not know */
	SPAN_RUN,    /* one block of whole pages, from the heap */
	SPAN_SMALL,  /* blocks of one class */
	SPAN_MIXED,  /* blocks of several classes */
	SPAN_MAPPED, /* one block with a mapping of its own */
};

struct span {
	uintptr_t start;
	size_t pages;
	struct span *next, *prev; /* in a bin, or in the list of its class */
	union {
		struct block *free; /* small: blocks that came back to the span */
		struct granules *map; /* mixed: where its blocks begin and end */
		size_t asked;       /* run, mapped: what the program asked for, when debugging */
	};
	uint32_t bump;            /* run, mapped: where the block begins, when debugging */
	uint32_t freed_at;        /* free: heap.looks then */
	uint16_t used;            /* small, mixed: blocks held by threads and programs */
	uint16_t nr;              /* small: blocks in all */
	uint16_t fresh;           /* small: the last so many were never handed out */
	uint8_t state, class; /* mixed: the largest class that fits into a gap */
	uint8_t zero;     /* never written since the system gave it (small: the fresh blocks) */
	uint8_t mapped;   /* from an extent, not from brk */
	uint8_t listed;   /* small: on the class's list */
	uint8_t purged;   /* free: the system took its memory back */
	uint8_t guard;    /* debugging: pages after the block that cannot be touched */
	uint8_t dead;     /* debugging: freed, in quarantine */
};

/* What a span in use becomes is written under the lock of its class, while its neighbours ask under
 * heap.lock whether it is free. */
static inline void span_become(struct span *s, enum span_state state)
{
	__atomic_store_n(&s->state, state, __ATOMIC_RELAXED);
}

static inline bool span_is_free(const struct span *s)
{
	return __atomic_load_n(&s->state, __ATOMIC_RELAXED) == SPAN_FREE;
}

static inline uintptr_t span_end(const struct span *s)
{
	return s->start + (s->pages << PAGE_SHIFT);
}

/* @s goes to the head of a list, and out of it from wherever it is. */
static inline void span_push(struct span **list, struct span *s)
{
	s->prev = NULL;
	s->next = *list;
	if (s->next)
		s->next->prev = s;
	*list = s;
}

static inline void span_unlink(struct span **list, struct span *s)
{
	if (s->next)
		s->next->prev = s->prev;
	if (s->prev)
		s->prev->next = s->next;
	else
		*list = s->next;
}

/* What a page of small blocks says of itself: its class, and which page of the span it is. Zero
 * for all others. */
typedef uint16_t page_info;
#define INFO(c, page) ((c) << 5 | (page) << PAGE_SHIFT)
#define INFO_CLASS(i) ((size_t)(i) >> 5 & 0x7f)
/* How far into classes[] and tcache.bin[], whose elements have 32 bytes, the class is: one mask. */
#define INFO_AT(i)    ((size_t)(i) & 0x7f << 5)

/* The pages of @s say that they are of class @c; of none for 0. */
void info_set(struct span *s, unsigned c);

/* How far into its span @p is, whose page says @i. */
static inline uint32_t info_offset(page_info i, uintptr_t p)
{
	return (i & ~(uint32_t)PAGE_MASK) | (p & PAGE_MASK);
}

#ifdef __LP64__
#define LEAF_BITS 18
#define ROOT_BITS 17
#else
#define LEAF_BITS 20
#define ROOT_BITS 0
#endif

struct leaf {
	page_info info[1u << LEAF_BITS];
	struct span *span[1u << LEAF_BITS];
};

#ifdef __LP64__
extern struct leaf *pagemap_root[1u << ROOT_BITS];
static inline struct leaf *pagemap_leaf(uintptr_t p)
{
	return pagemap_root[(p >> (LEAF_BITS + PAGE_SHIFT)) & ((1u << ROOT_BITS) - 1)];
}
#else
extern struct leaf pagemap_only;
static inline struct leaf *pagemap_leaf(uintptr_t p)
{
	(void)p;
	return &pagemap_only;
}
#endif

static inline size_t pagemap_index(uintptr_t p)
{
	return (p >> PAGE_SHIFT) & ((1u << LEAF_BITS) - 1);
}

static inline struct span *pagemap_span(uintptr_t p)
{
	struct leaf *leaf = pagemap_leaf(p);

	return leaf ? leaf->span[pagemap_index(p)] : NULL;
}

static inline page_info pagemap_info(uintptr_t p)
{
	struct leaf *leaf = pagemap_leaf(p);

	return leaf ? leaf->info[pagemap_index(p)] : 0;
}

static inline void pagemap_set(uintptr_t p, struct span *s)
{
	pagemap_leaf(p)->span[pagemap_index(p)] = s;
}

/* A zeroed structure, which the page map does not know yet; NULL when memory is out. Under
 * heap.lock, as all that follow but span_each(). */
struct span *span_new(uintptr_t start, size_t pages, enum span_state state);
void span_delete(struct span *s);
/* Call @f for each span structure ever made. */
void span_each(void (*f)(struct span *, void *), void *arg);
/* Make room for [start, start + len); false when memory is out. */
bool pagemap_reserve(uintptr_t start, size_t len);
/* Make sure that room for one more page, wherever it is, cannot fail; false when memory is out. */
bool pagemap_prepare(void);

/* --- The page heap -------------------------------------------------------------------------- */

#define NR_BINS 192
#define NR_KEPT 4

struct heap {
	struct lock lock;
	uintptr_t base;  /* where the heap began; 0 before the first brk */
	uintptr_t top;   /* the free pages [top, end) that no run holds */
	uintptr_t end;   /* as far as brk has grown */
	uintptr_t fresh; /* pages from here on were never used */
	uintptr_t populated; /* pages below it have memory, or had their chance */
	size_t streak;       /* pages of short runs since the last long one */
	uintptr_t huge;      /* pages from here on may be huge; 0: none */
	struct span *bins[NR_BINS];
	uint64_t nonempty[NR_BINS / 64];
	struct span *kept[NR_KEPT]; /* the runs that were freed last, if the next calls may want them */
	unsigned nr_kept;
	size_t kept_bytes;
	size_t brk_bytes, extent_bytes;   /* taken from the system */
	size_t mapped_bytes, peak_mapped; /* in blocks with their own mapping */
	unsigned nr_mapped, peak_nr_mapped;
	size_t free_bytes; /* in bins */
	size_t nr_free;
	uint32_t tick, purges;
	uint32_t looks, looked_at; /* for old free runs: how often, in which second last */
	uint32_t trimmed_at; /* tick */
	/* mallopt() */
	size_t mmap_threshold, trim_threshold, top_pad;
	unsigned mmap_max;
	bool fixed_thresholds, fixed_pad;
};
extern struct heap heap;

/* A run of @pages, aligned to @align pages (a power of two); NULL when memory is out, or when there
 * is no such run and the heap is not to @grow. */
struct span *heap_alloc(size_t pages, size_t align, bool grow);
/* A run of @pages; a free one of at least @least, rather than that new pages are used. NULL when
 * memory is out, or when it would take new pages and @grow is false. */
struct span *heap_alloc_short(size_t least, size_t pages, bool grow);
void heap_free(struct span *s);
/* The runs that were freed last merge with their neighbours. Under heap.lock. */
void heap_settle(void);
/* Change the length of a run where it is. Shrinking always works. */
bool heap_resize(struct span *s, size_t pages);
/* Give all unused memory back and keep @pad bytes at the top; whether anything went. */
bool heap_trim(size_t pad);
void heap_check(void);

/* A block with its own mapping. */
struct span *mapped_new(size_t len, size_t align);
void mapped_free(struct span *s);
bool mapped_resize(struct span *s, size_t len);

/* --- The centre: spans of each class -------------------------------------------------------- */

#define TRANSFERS 4

struct central {
	struct lock lock;
	struct span *partial;               /* spans with blocks to give */
	struct block *transfer[TRANSFERS];  /* whole batches, passed from thread to thread */
	unsigned nr_transfers;
	size_t nr_spans, pages;
	size_t used; /* blocks held by threads and programs, those in mixed spans too */
	bool busy;   /* blocks were wanted since it was last looked at for spans to retire */
} __attribute__((aligned(64)));
extern struct central central[NR_CLASSES];

/* What a refill brought: a list, or a run of unused blocks. */
struct refill {
	struct block *head;
	unsigned n;
	char *bump, *end;
	bool zero;
};

/* What one span of class @c has, up to class_info.most blocks; false when memory is out. */
bool central_take(unsigned c, struct refill *r);
/* The first @n blocks of the list @b come back; the rest of it is returned. */
struct block *central_give(unsigned c, struct block *b, unsigned n);
/* The rest of a run of unused blocks comes back. */
void central_give_run(unsigned c, char *bump, char *end);
/* Empty the transfer slots. */
void central_drain(void);
void central_check(void);

/* --- Mixed spans ---------------------------------------------------------------------------- */

struct mixed {
	struct lock lock;
	struct span *list[NR_CLASSES]; /* by the largest class that fits into a gap */
	struct unused *unused[SPAN_PAGES + 1]; /* maps, by the pages of the span */
	size_t pages;
	size_t least; /* pages that an idle class has before its spans become mixed ones */
};
extern struct mixed mixed;

/* The alignment of the blocks of class @c in their spans: what aligned() counts on. */
static inline size_t class_alignment(unsigned c)
{
	size_t align = classes[c].size & -classes[c].size;

	return align < PAGE_SIZE ? align : PAGE_SIZE;
}

/* Blocks of class @c from the gaps of a mixed span; false when there is none. Under the lock of the
 * class, as the next two. */
bool mixed_take(unsigned c, struct refill *r);
void mixed_give(struct span *s, unsigned c, struct block *b);
/* A span of small blocks, which is on no list, becomes a mixed one; false when memory is out. */
bool mixed_add(struct span *s);
/* The class of the block at @p in a mixed span, or abort; 0 when no such span is there. */
unsigned mixed_class(const void *p);
/* The bytes that its blocks have. */
size_t mixed_taken(const struct span *s);
/* Counts the blocks of @s in @used. */
void mixed_check(const struct span *s, size_t *used);

/* --- The thread's cache --------------------------------------------------------------------- */

struct bin {
	struct block *head; /* free blocks */
	char *bump, *end;   /* blocks never handed out: [bump, end) */
	int32_t room;       /* how many more the list takes: below 0 blocks go back */
	int32_t longest;    /* how long it is when there is room for 0 */
} __attribute__((aligned(32)));

static inline unsigned bin_length(const struct bin *b)
{
	return b->longest - b->room;
}

/* The next block of a run. A mark from an earlier life of its pages must not stay. */
static inline void *bin_carve(struct bin *b, unsigned c)
{
	struct block *p = (struct block *)b->bump;

	b->bump += classes[c].size;
	p->mark = 0;
	return p;
}

enum cache_state {
	CACHE_NEW,  /* limits are 0, so that the first free comes to the slow path too */
	CACHE_LIVE,
	CACHE_DEAD, /* the thread is ending: blocks go straight back */
};

struct tcache {
	struct bin bin[NR_CLASSES];
	int32_t limit[NR_CLASSES]; /* the room that a list starts with; grows with use */
	uint16_t looks[NR_CLASSES]; /* of each bin, when it was last visited */
	unsigned visited;           /* the class whose turn that was */
	uint64_t zero_runs[2]; /* classes whose run is zeroed memory */
	struct tcache *next, **prev;
	size_t granted; /* bytes that the limits allow */
	unsigned victim; /* the class to take a grant from */
	enum cache_state state;
};

/* In a library that is preloaded, or in the program. */
#ifdef __PIC__
#define TLS_MODEL __attribute__((tls_model("initial-exec")))
#else
#define TLS_MODEL __attribute__((tls_model("local-exec")))
#endif
extern __thread struct tcache tcache TLS_MODEL;

struct caches {
	struct lock lock;
	struct tcache *list; /* of the live threads, and @left */
	unsigned nr;         /* live threads */
	struct tcache left;  /* of a thread that has ended, for the next one: live, or empty */
};
extern struct caches caches;

void *cache_refill(unsigned c);
void cache_overflow(unsigned c);
/* What a thread left goes back. */
void cache_drain(void);
/* That, and the calling thread's. */
void cache_flush(void);
/* Before the heap grows: while it is so small that the cache may hold more than its share of it, the
 * calling thread's lists and runs of large blocks go back, in which whole pages may be free. */
void cache_shed(void);
void cache_thread_exit(void);
void caches_fork_child(void);
/* The calling thread's. */
void cache_check(void);

/* --- The slow side of the interface --------------------------------------------------------- */

void core_init(void);
/* Whether M_MMAP_THRESHOLD and M_MMAP_MAX want a block of @size to have its own mapping. */
bool large_wants(size_t size);
void *large_alloc(size_t size, size_t align, bool *zero);
/* For a block that realloc() has to move as it grows, and that may grow on: a mapping, which mremap()
 * moves without a copy, even below the threshold as it is now. NULL when it is to be like any. */
void *large_grown(size_t size);
void large_free(struct span *s);
/* The span whose block begins at @p, or abort. */
struct span *large_lookup(const void *p);

/* Without caches, each block on pages of its own: see debug.c. */
struct debug {
	bool on;       /* guard, leaks, quarantine, or a fill that the options asked for */
	bool guard;    /* a page that faults after each block */
	uint8_t fill;  /* for freed memory, its complement for new; 0: as it is. No cache then */
	bool fenced;   /* guard or junk was chosen: bytes behind each block are known */
	bool leaks;    /* report at exit */
	bool stats;    /* malloc_stats() at exit */
	size_t quarantine; /* bytes of freed blocks that stay inaccessible */
	const char *json, *svg; /* files to write at exit */
};
extern struct debug debug;
extern struct lock debug_lock; /* the quarantine's; heap.lock nests inside it */
void debug_options(const char *text);
/* M_PERTURB: the byte, or 0. Other threads go on without until their lists run out. */
void debug_perturb(uint8_t fill);
static inline void debug_fill_new(void *p, size_t size)
{
	if (unlikely(debug.fill))
		__builtin_memset(p, (uint8_t)~debug.fill, size);
}
static inline void debug_fill_freed(void *p, size_t size)
{
	if (unlikely(debug.fill))
		__builtin_memset(p, debug.fill, size);
}
void *debug_alloc(size_t size, size_t align);
void debug_free(struct span *s, void *p);
size_t debug_size(struct span *s);
void debug_at_exit(void);

void fork_prepare(void);
void fork_parent(void);
void fork_child(void);

/* The public names, with a prefix in the unit tests. */
#ifdef TMALLOC_PREFIX
#define API2(p, n) p##n
#define API1(p, n) API2(p, n)
#define API(name)  API1(TMALLOC_PREFIX, name)
#else
#define API(name) name
#endif
#define EXPORT __attribute__((visibility("default")))

#pragma GCC visibility pop

#endif
