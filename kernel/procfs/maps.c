/*
 * An address space as text: /proc/PID/maps, smaps, smaps_rollup, statm; and pagemap, its page table
 * as Linux shows it.
 *
 * The caller has pinned the address space. Its lock is held while the text is made, which goes to
 * kernel memory; nothing here touches the reader's.
 */
#include "kernel/abi/prctl.h"
#include "kernel/lib/fmt.h"
#include "kernel/lib/string.h"
#include "kernel/procfs/procfs_impl.h"
#include "mm/anon.h"
#include "mm/hugetlb.h"
#include "mm/kmalloc.h"
#include "mm/page_alloc.h"
#include "mm/space_impl.h"
#include "mm/zap.h"

/* --- maps --- */

#define NAME_COLUMN 49u /* on a machine of 32 bits */

struct map_line {
	vaddr_t start, end;
	u32 flags; /* VM_ bits */
	u64 offset, ino;
	u32 dev;
};

#define MAP_LINE_MAX 80u /* all fields at their longest, but for the name */

/* "%08x-%08x %c%c%c%c %08llx %02x:%02x %llu ", from its end. */
static void put_map_line(struct text *t, const struct map_line *m, bool named)
{
	char line[MAP_LINE_MAX], *end = line + sizeof(line), *at = end;

	if (!named)
		*--at = '\n';
	*--at = ' ';
	at = fmt_decimal(at, m->ino);
	*--at = ' ';
	at = fmt_hex(at, DEV_MINOR(m->dev), 2);
	*--at = ':';
	at = fmt_hex(at, DEV_MAJOR(m->dev), 2);
	*--at = ' ';
	at = fmt_hex(at, (u32)m->offset, 8);
	at = fmt_hex(at, (u32)(m->offset >> 32), 0);
	*--at = ' ';
	*--at = m->flags & VM_MAYSHARE ? 's' : 'p';
	*--at = m->flags & VM_EXEC ? 'x' : '-';
	*--at = m->flags & VM_WRITE ? 'w' : '-';
	*--at = m->flags & VM_READ ? 'r' : '-';
	*--at = ' ';
	at = fmt_hex(at, m->end, 8);
	*--at = '-';
	at = fmt_hex(at, m->start, 8);
	text_put(t, at, (size_t)(end - at));
}

/* The name comes at a fixed column, or after one more blank where the line is longer, and ends it.
 * `line` is where the line begins. */
static void put_map_name(struct text *t, size_t line, const char *name)
{
	const char *newline;
	size_t column = t->len - line;

	char blanks[NAME_COLUMN];

	memset(blanks, ' ', sizeof(blanks));
	text_put(t, blanks, column < NAME_COLUMN ? NAME_COLUMN - column : 1);
	while ((newline = strchr(name, '\n'))) {
		text_put(t, name, (size_t)(newline - name));
		text_puts(t, "\\012");
		name = newline + 1;
	}
	text_puts(t, name);
	text_puts(t, "\n");
}

/* What memory without a file is called; NULL: nothing. */
static const char *special_name(const struct vma *v, const struct mm *mm)
{
	if (v->start <= mm->brk && v->end >= mm->start_brk)
		return "[heap]";
	if (v->start <= mm->start_stack && v->end >= mm->start_stack)
		return "[stack]";
	return NULL;
}

/* `path` has room for ABI_PATH_MAX. Caller holds the mm's lock. */
static void put_vma(struct text *t, struct vma *v, const struct mm *mm, char *path)
{
	struct map_line m = {.start = v->start, .end = v->end, .flags = v->flags};
	const char *name = v->backing ? path : special_name(v, mm);
	size_t line = t->len;

	if (v->backing) {
		m.offset = (u64)v->pgoff << PAGE_SHIFT;
		v->backing->ops->id(v->backing, &m.dev, &m.ino);
		v->backing->ops->name(v->backing, path, ABI_PATH_MAX);
	}
	put_map_line(t, &m, name);
	if (name)
		put_map_name(t, line, name);
}

/* Prints VMAs, from the first that ends above *cursor on, until the part is long enough. */
static void put_part(struct text *t, struct mm *mm, u32 *cursor,
	void (*put)(struct text *, struct vma *, const struct mm *, char *path))
{
	char *path = kmalloc(ABI_PATH_MAX);
	struct vma *v;

	if (!path) {
		t->error = -ENOMEM;
		return;
	}
	mutex_lock(&mm->lock);
	for (v = vma_find(&mm->vmas, *cursor); v && t->len < TEXT_PART;
		v = vma_next(v)) {
		put(t, v, mm, path);
		*cursor = v->end;
	}
	mutex_unlock(&mm->lock);
	if (!v)
		*cursor = TEXT_END;
	kfree(path);
}

void proc_maps_part(struct text *t, struct mm *mm, u32 *cursor)
{
	put_part(t, mm, cursor, put_vma);
}

/* --- Walking entries --- */

struct entry_walk {
	void (*entry)(struct entry_walk *w, struct vma *v, vaddr_t addr, pte_t e);
	/* The part [start, end) of a huge page, by its entry. */
	void (*huge)(struct entry_walk *w, vaddr_t start, vaddr_t end, pte_t e);
};

static void walk_huge_entries(struct entry_walk *w, struct vma *v, vaddr_t start, vaddr_t end)
{
	for (vaddr_t at = start, next; at < end; at = next) {
		pte_t e = hugetlb_entry(v->mm, at);

		next = MIN(end - 1, at | (HUGE_SIZE - 1)) + 1;
		if (!pte_none(e))
			w->huge(w, at, next, e);
	}
}

/* Calls w->entry or w->huge for every entry of [start, end) of v that has a frame of the program's.
 * Caller holds the mm's lock. */
static void walk_entries(struct entry_walk *w, struct vma *v, vaddr_t start, vaddr_t end)
{
	if (v->flags & VM_PFNMAP)
		return;
	if (v->flags & VM_HUGETLB) {
		walk_huge_entries(w, v, start, end);
		return;
	}
	vma_lock_entries(v);
	for (vaddr_t at = start, next; at < end; at = next) {
		pte_t *pte = pmap_pte(&v->mm->pmap, at);

		next = pt_end(at, end);
		for (; pte && at < next; at += PAGE_SIZE, pte++)
			if (pte_maps(*pte))
				w->entry(w, v, at, *pte);
	}
	vma_unlock_entries(v);
}

/* --- smaps --- */

/* Fractions of pages that several share, as on Linux. */
#define PSS_SHIFT 12

/* Bytes; pss fields in 1 / 2^PSS_SHIFT of them. */
struct usage {
	struct entry_walk walk; /* first */
	u64 rss, referenced, anonymous, lazy;
	u64 shared_clean, shared_dirty, private_clean, private_dirty;
	u64 pss, pss_dirty, pss_kind[RSS_NR], pss_locked;
	u64 shared_huge, private_huge;
};

static void count_entry(struct entry_walk *w, struct vma *v, vaddr_t addr, pte_t e)
{
	struct usage *u = (struct usage *)w;
	struct page *p = pfn_page(pte_pfn(e));
	bool shared, dirty;
	u32 pss;

	if (p == zero_page)
		return;
	shared = p->mapcount > 1;
	dirty = pte_dirty(e) || p->flags & PF_DIRTY;
	pss = (PAGE_SIZE << PSS_SHIFT) / MAX(p->mapcount, 1u);
	u->rss += PAGE_SIZE;
	u->referenced += pte_young(e) ? PAGE_SIZE : 0;
	u->anonymous += page_rss_kind(p) == RSS_ANON ? PAGE_SIZE : 0;
	u->lazy += pte_low_lazy((u32)e.v) && !dirty ? PAGE_SIZE : 0;
	u->pss += pss;
	u->pss_kind[page_rss_kind(p)] += pss;
	u->pss_dirty += dirty ? pss : 0;
	u->pss_locked += v->flags & VM_LOCKED ? pss : 0;
	*(shared	? dirty ? &u->shared_dirty : &u->shared_clean
		: dirty ? &u->private_dirty
			: &u->private_clean) += PAGE_SIZE;
}

/* Huge pages are in none of the other counts. */
static void count_huge(struct entry_walk *w, vaddr_t start, vaddr_t end, pte_t e)
{
	struct usage *u = (struct usage *)w;

	if (pfn_page(pte_pfn(e))->mapcount > 1)
		u->shared_huge += end - start;
	else
		u->private_huge += end - start;
}

static void put_kb(struct text *t, const char *label, u64 bytes)
{
	text_kb(t, label, 24, (u32)(bytes >> 10));
}

static void put_pss(struct text *t, const char *label, u64 pss)
{
	put_kb(t, label, pss >> PSS_SHIFT);
}

static void put_usage(struct text *t, const struct usage *u, bool rollup)
{
	put_kb(t, "Rss:", u->rss);
	put_pss(t, "Pss:", u->pss);
	put_pss(t, "Pss_Dirty:", u->pss_dirty);
	if (rollup) {
		put_pss(t, "Pss_Anon:", u->pss_kind[RSS_ANON]);
		put_pss(t, "Pss_File:", u->pss_kind[RSS_FILE]);
		put_pss(t, "Pss_Shmem:", u->pss_kind[RSS_SHMEM]);
	}
	put_kb(t, "Shared_Clean:", u->shared_clean);
	put_kb(t, "Shared_Dirty:", u->shared_dirty);
	put_kb(t, "Private_Clean:", u->private_clean);
	put_kb(t, "Private_Dirty:", u->private_dirty);
	put_kb(t, "Referenced:", u->referenced);
	put_kb(t, "Anonymous:", u->anonymous);
	put_kb(t, "LazyFree:", u->lazy);
	put_kb(t, "AnonHugePages:", 0);
	put_kb(t, "ShmemPmdMapped:", 0);
	put_kb(t, "FilePmdMapped:", 0);
	put_kb(t, "Shared_Hugetlb:", u->shared_huge);
	put_kb(t, "Private_Hugetlb:", u->private_huge);
	put_kb(t, "Swap:", 0);
	put_kb(t, "SwapPss:", 0);
	put_pss(t, "Locked:", u->pss_locked);
}

/* In the order of Linux's bits. */
static const struct {
	u32 flag;
	char name[4]; /* with a blank */
} flag_names[] = {
	{VM_READ, "rd "},
	{VM_WRITE, "wr "},
	{VM_EXEC, "ex "},
	{VM_SHARED, "sh "},
	{VM_MAYREAD, "mr "},
	{VM_MAYWRITE, "mw "},
	{VM_MAYEXEC, "me "},
	{VM_MAYSHARE, "ms "},
	{VM_GROWSDOWN, "gd "},
	{VM_UFFD_MISSING, "um "},
	{VM_PFNMAP, "pf "},
	{VM_LOCKED, "lo "},
	{VM_PFNMAP, "io "},
	{VM_SEQ_READ, "sr "},
	{VM_RAND_READ, "rr "},
	{VM_DONTCOPY, "dc "},
	{VM_DONTEXPAND, "de "},
	{VM_LOCKONFAULT, "?? "},
	{VM_ACCOUNT, "ac "},
	{VM_NORESERVE, "nr "},
	{VM_HUGETLB, "ht "},
	{VM_SYNC, "sf "},
	{VM_WIPEONFORK, "wf "},
	{VM_DONTDUMP, "dd "},
	{VM_SOFTDIRTY, "sd "},
	{VM_HUGEPAGE, "hg "},
	{VM_NOHUGEPAGE, "nh "},
	{VM_MERGEABLE, "mg "},
};

static void put_flags(struct text *t, u32 flags)
{
	text_puts(t, "VmFlags: ");
	for (u32 i = 0; i < ARRAY_SIZE(flag_names); i++)
		if (flags & flag_names[i].flag)
			text_put(t, flag_names[i].name, 3);
	text_puts(t, "\n");
}

static void put_smap(struct text *t, struct vma *v, const struct mm *mm, char *path)
{
	struct usage u = {.walk = {count_entry, count_huge}};
	u32 page = v->flags & VM_HUGETLB ? HUGE_SIZE : PAGE_SIZE;

	walk_entries(&u.walk, v, v->start, v->end);
	put_vma(t, v, mm, path);
	put_kb(t, "Size:", v->end - v->start);
	put_kb(t, "KernelPageSize:", page);
	put_kb(t, "MMUPageSize:", page);
	put_usage(t, &u, false);
	text_puts(t, "THPeligible:    0\n");
	put_flags(t, v->flags);
}

void proc_smaps_part(struct text *t, struct mm *mm, u32 *cursor)
{
	put_part(t, mm, cursor, put_smap);
}

static void rollup_text(struct text *t, struct mm *mm)
{
	struct usage u = {.walk = {count_entry, count_huge}};
	struct map_line all = {0};
	size_t line = t->len;
	struct vma *v;

	mutex_lock(&mm->lock);
	vma_for_each (v, &mm->vmas) {
		if (v == vma_first(&mm->vmas))
			all.start = v->start;
		all.end = v->end;
		walk_entries(&u.walk, v, v->start, v->end);
	}
	mutex_unlock(&mm->lock);
	put_map_line(t, &all, true);
	put_map_name(t, line, "[rollup]");
	put_usage(t, &u, true);
}

/* --- The files --- */

static int show_part(struct text *t, const struct proc_node *n, u32 *cursor,
	void (*make)(struct text *, struct mm *, u32 *cursor))
{
	struct mm *mm;
	int err = proc_get_mm(n, &mm);

	if (err)
		return err;
	if (!mm) {
		*cursor = TEXT_END;
		return 0;
	}
	make(t, mm, cursor);
	mm_put(mm);
	return 0;
}

int proc_maps_show(struct text *t, const struct proc_node *n, u32 *cursor)
{
	return show_part(t, n, cursor, proc_maps_part);
}

int proc_smaps_show(struct text *t, const struct proc_node *n, u32 *cursor)
{
	return show_part(t, n, cursor, proc_smaps_part);
}

int proc_smaps_rollup_show(struct text *t, const struct proc_node *n)
{
	struct mm *mm;
	int err = proc_get_mm(n, &mm);

	if (err || !mm)
		return err;
	rollup_text(t, mm);
	mm_put(mm);
	return 0;
}

u32 proc_text_bytes(const struct mm *mm)
{
	return ALIGN_UP(mm->end_code, PAGE_SIZE) - ALIGN_DOWN(mm->start_code, PAGE_SIZE);
}

int proc_statm_show(struct text *t, const struct proc_node *n)
{
	struct mm *mm;
	int err = proc_get_mm(n, &mm);

	if (err)
		return err;
	if (!mm) {
		text_puts(t, "0 0 0 0 0 0 0\n");
		return 0;
	}
	text_printf(t, "%u %u %u %u 0 %u 0\n", mm->total_vm, mm_rss(mm),
		mm->rss[RSS_FILE] + mm->rss[RSS_SHMEM], proc_text_bytes(mm) / PAGE_SIZE,
		mm->kind_vm[VM_KIND_DATA] + mm->kind_vm[VM_KIND_STACK]);
	mm_put(mm);
	return 0;
}

/* --- clear_refs --- */

#define MAX_ORDER_TEXT 12u /* bytes of a write that are looked at */

/* What Linux calls them; 4 is about soft-dirty bits, which it does not have on such machines. */
enum { CLEAR_ALL = 1, CLEAR_ANON, CLEAR_MAPPED, CLEAR_SOFT_DIRTY, RESET_PEAK };

static bool is_blank(char c)
{
	return c == ' ' || (c >= '\t' && c <= '\r');
}

/* A decimal number among blanks. 0, -EINVAL, or -ERANGE: no int. */
static int parse_int(const char *s, s64 *out)
{
	bool negative;
	s64 v = 0;

	while (is_blank(*s))
		s++;
	negative = *s == '-';
	s += *s == '-' || *s == '+';
	if (*s < '0' || *s > '9')
		return -EINVAL;
	for (; *s >= '0' && *s <= '9'; s++)
		v = MIN(v * 10 + (*s - '0'), (s64)INT32_MAX + 1);
	while (is_blank(*s))
		s++;
	*out = negative ? -v : v;
	return v > INT32_MAX ? -ERANGE : *s ? -EINVAL : 0;
}

static void obey(struct mm *mm, u32 order)
{
	if (order <= CLEAR_MAPPED)
		mm_clear_refs(mm, order - CLEAR_ALL);
	if (order == RESET_PEAK)
		mm->hiwater_rss = mm_rss(mm);
}

long proc_clear_refs_store(const struct proc_node *n, char *s, size_t len, u64 pos)
{
	struct mm *mm;
	s64 order;
	int err;

	len = MIN(len, (size_t)MAX_ORDER_TEXT);
	s[len] = '\0';
	err = parse_int(s, &order);
	if (err)
		return err;
	if (order < CLEAR_ALL || order > RESET_PEAK)
		return -EINVAL;
	err = proc_get_mm(n, &mm);
	if (err)
		return err;
	if (mm) {
		obey(mm, (u32)order);
		mm_put(mm);
	}
	return (long)len;
}

/* --- pagemap --- */

#define PM_EXCLUSIVE (1ull << 56) /* mapped once */
#define PM_FILE	     (1ull << 61) /* of a file, or shared memory */
#define PM_SWAP      (1ull << 62)
#define PM_PRESENT   (1ull << 63)

struct pagemap {
	struct entry_walk walk; /* first */
	struct mm *mm;
	bool show_frames;
	u32 first; /* page that out[0] stands for */
	u64 *out;
};

static u64 pagemap_entry(const struct pagemap *pm, pte_t e)
{
	const struct page *p = pfn_page(pte_pfn(e));
	u64 v = PM_PRESENT | (pm->show_frames ? pte_pfn(e).v : 0);

	if (pte_poisoned(e))
		return PM_SWAP | (page_rss_kind(p) == RSS_ANON ? 0 : PM_FILE);
	if (p == zero_page)
		return v;
	if (p->kind != PK_ANON)
		v |= PM_FILE;
	if (p->mapcount == 1)
		v |= PM_EXCLUSIVE;
	return v;
}

static void put_pagemap(struct entry_walk *w, struct vma *v, vaddr_t addr, pte_t e)
{
	struct pagemap *pm = (struct pagemap *)w;

	pm->out[addr / PAGE_SIZE - pm->first] = pagemap_entry(pm, e);
}

static void put_huge_pagemap(struct entry_walk *w, vaddr_t start, vaddr_t end, pte_t e)
{
	struct pagemap *pm = (struct pagemap *)w;
	const struct page *head = pfn_page(pte_pfn(e));
	u64 v = PM_PRESENT | (hugetlb_is_private(head) ? 0 : PM_FILE) |
		(head->mapcount == 1 ? PM_EXCLUSIVE : 0);

	for (; start < end; start += PAGE_SIZE)
		pm->out[start / PAGE_SIZE - pm->first] =
			v | (pm->show_frames ? pte_pfn(e).v + pt_index(start) : 0);
}

static int pagemap_fill(void *ctx, u32 first, u32 n, u64 *out)
{
	struct pagemap *pm = ctx;
	vaddr_t start = first * PAGE_SIZE, end = start + n * PAGE_SIZE;
	struct vma *v;

	pm->first = first;
	pm->out = out;
	memset(out, 0, n * sizeof(*out));
	mutex_lock(&pm->mm->lock);
	for (v = vma_overlap(&pm->mm->vmas, start, end); v && v->start < end;
		v = vma_next(v))
		walk_entries(&pm->walk, v, MAX(v->start, start), MIN(v->end, end));
	mutex_unlock(&pm->mm->lock);
	return 0;
}

static ssize_k pagemap_read(struct file *f, struct iobuf *to, size_t n, u64 *pos)
{
	struct pagemap pm = {
		.walk = {put_pagemap, put_huge_pagemap},
		.show_frames = proc_opened_by_admin(f),
	};
	const struct proc_words words = {
		.total = USER_TOP / PAGE_SIZE,
		.fill = pagemap_fill,
		.ctx = &pm,
	};
	ssize_k done;
	int err = proc_get_mm(file_node(f), &pm.mm);

	if (err || !pm.mm)
		return err;
	done = proc_words_read(&words, to, n, pos);
	mm_put(pm.mm);
	return done;
}

const struct file_ops proc_pagemap_ops = {
	.read = pagemap_read,
	.seek = file_seek_endless,
};
