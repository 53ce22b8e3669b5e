/* Taking bad frames from use. See mm/poison.h. */
#include "mm/poison.h"
#include "kernel/abi/errno.h"
#include "kernel/core/panic.h"
#include "mm/anon.h"
#include "mm/fault.h"
#include "mm/page_alloc.h"
#include "mm/pagecache.h"
#include "mm/rmap.h"
#include "mm/space_impl.h"
#include "mm/zap.h"

u32 poisoned_pages, poisoned_retired;
u32 memory_failure_early_kill, memory_failure_recovery = 1;

/* Nobody has it any more but us. */
static void retire(struct page *p)
{
	page_set_kind(p, PK_POISON);
	p->flags = 0;
	p->mapping = NULL;
	poisoned_retired++;
}

void page_retire_poisoned(struct page *p)
{
	if (p->flags & PF_POISON)
		retire(p);
}

/* --- Entries --- */

/* Nobody writes there until a fault has asked. */
static void stop_writes(const struct vma *v, const struct page *p)
{
	pte_t *pte = rmap_entry(v, p);
	if (!pte)
		return;
	pmap_take_low(pte, (u32)PTE_W);
	pmap_flush_page(&v->mm->pmap, rmap_addr(v, p));
}

/* An entry whose page is lost. Linux counts such a page as used and dirty. */
#define LOST (PTE_PROTNONE | PTE_POISON | PTE_U | PTE_A | PTE_D)

/* `by` comes in p's place, or (NULL) the mark that it is lost. */
static void replace_entry(const struct vma *v, struct page *p, struct page *by)
{
	pte_t *pte = rmap_entry(v, p);
	if (!pte)
		return;
	pte_t old = *pte;
	pmap_clear(pte);
	pmap_flush_page(&v->mm->pmap, rmap_addr(v, p));
	pagecache_mapped -= !--p->mapcount && p->kind == PK_CACHE;
	if (by) {
		pmap_enter(pte, pte_make(page_pfn(by), old.v & ~(PTE_FRAME | PTE_W)));
		pagecache_mapped += !by->mapcount++ && by->kind == PK_CACHE;
		return;
	}
	pmap_enter(pte, pte_make(page_pfn(p), LOST));
	v->mm->rss[page_rss_kind(p)]--;
	poison_tell(v->mm, rmap_addr(v, p));
}

/* --- Private memory --- */

/* The next address space with a user, which the caller gets; `prev`, NULL at first, loses his. */
static struct mm *next_mm(struct mm *prev)
{
	struct mm *mm = NULL;
	spin_lock(&mm_list_lock);
	struct list_head *at = prev ? prev->link.next : mm_list.next;
	for (; at != &mm_list && !mm; at = at->next)
		mm = mm_get_living(container_of(at, struct mm, link));
	spin_unlock(&mm_list_lock);
	if (prev)
		mm_put(prev);
	return mm;
}

/* The entries of one VMA of the family. The first one that is replaced by a copy has it made: from
 * then on only entries that have never been written through since (not their own) get the copy. */
static void replace_in(struct vma *v, struct page *p, struct page *by)
{
	pte_t *pte = rmap_entry(v, p);
	if (!pte || (by && by->mapcount && pte_own(*pte)))
		return;
	if (by) {
		stop_writes(v, p);
		if (!by->mapcount)
			page_copy(by, p);
	}
	replace_entry(v, p, by);
	if (!p->mapcount)
		page_put(p); /* the family's reference */
}

/* One pass over all spaces. */
static void replace_private(struct page *p, struct page *by)
{
	for (struct mm *mm = NULL; (mm = next_mm(mm));) {
		struct vma *v;
		mutex_lock(&mm->lock);
		vma_for_each (v, &mm->vmas) {
			if (!p->mapcount || v->anon != p->mapping || (v->flags & VM_HUGETLB))
				continue;
			vma_lock_entries(v);
			replace_in(v, p, by);
			vma_unlock_entries(v);
		}
		mutex_unlock(&mm->lock);
	}
}

/* A fork behind the pass may have mapped it anew. The caller's reference becomes the poison's. */
static long poison_private(struct page *p)
{
	while (p->mapcount)
		replace_private(p, NULL);
	poisoned_pages++;
	retire(p);
	return 0;
}

#define REFS_AT_REST 2u /* the owner's and ours */

static long move_private(struct page *p)
{
	struct page *by = page_alloc(GFP_USER, PK_ANON);
	if (by) {
		by->mapping = p->mapping;
		by->index = p->index;
		if (p->refcount == REFS_AT_REST)
			replace_private(p, by);
		if (!by->mapcount)
			page_put(by);
	}
	if (p->mapcount) {
		page_put(p);
		return by ? -EBUSY : -ENOMEM;
	}
	poisoned_pages++;
	retire(p);
	return 0;
}

/* --- Pages of files; o->lock held --- */

static void replace_cached(struct object *o, struct page *p, struct page *by)
{
	struct vma *v;
	list_for_each_entry (v, &o->vmas, object_link)
		replace_entry(v, p, by);
}

static long poison_cached(struct object *o, struct page *p)
{
	replace_cached(o, p, NULL);
	page_get(p);
	p->flags = (u8)((p->flags & ~PF_UPTODATE) | PF_POISON);
	poisoned_pages++;
	return 0;
}

static long move_cached(struct object *o, struct page *p)
{
	if (p->refcount != 1)
		return -EBUSY;
	struct page *by = page_alloc(GFP_USER, PK_CACHE);
	struct vma *v;
	if (!by)
		return -ENOMEM;
	list_for_each_entry (v, &o->vmas, object_link)
		stop_writes(v, p);
	page_copy(by, p);
	by->flags = p->flags;
	by->mapping = o;
	by->index = p->index;
	radix_replace(&o->pages, p->index, by);
	replace_cached(o, p, by);
	poisoned_pages++;
	retire(p);
	return 0;
}

/* --- The call --- */

/* Of the kernel's own objects nothing can be taken: it runs from them. */
static long take_cached(struct object *o, struct page *p, bool soft)
{
	if (!o->ops)
		return -EBUSY;
	mutex_lock(&o->lock);
	long err = soft ? move_cached(o, p) : poison_cached(o, p);
	mutex_unlock(&o->lock);
	return err;
}

/* One page. Faults it in as a read does. */
static long take_page(struct mm *mm, vaddr_t addr, bool soft)
{
	long err = -EFAULT;
	struct page *p = NULL;
	mutex_lock(&mm->lock);
	struct vma *v = vma_at(&mm->vmas, addr);
	if (v && (v->flags & VM_READ) && fault_in(mm, addr, 0) == FAULT_DONE) {
		const pte_t *pte = pmap_pte(&mm->pmap, addr);
		p = pte ? pfn_page(pte_pfn(*pte)) : NULL;
		err = -EBUSY;
		if (p && !soft && !memory_failure_recovery)
			panic("memory failure on page %x", page_pfn(p).v);
		if (p && p->kind == PK_CACHE)
			err = take_cached(p->mapping, p, soft);
		if (p && p->kind != PK_ANON)
			p = NULL;
	}
	if (p)
		page_get(p);
	mutex_unlock(&mm->lock);
	if (!p)
		return err;
	return soft ? move_private(p) : poison_private(p);
}

long mm_poison(struct mm *mm, vaddr_t start, vaddr_t end, bool soft)
{
	long err = 0;
	for (; start < end && !err; start += PAGE_SIZE)
		err = start < USER_TOP ? take_page(mm, start, soft) : -EFAULT;
	return err;
}
