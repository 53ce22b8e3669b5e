/*
 * Huge pages in address spaces. See mm/hugetlb.h.
 *
 * A private mapping has its promises in bits of its own, which its parts share after a split, and
 * which a fork does not give to the child: a page that the child writes may be missing, the
 * parent's never is. When the parent must copy a page and there is none left, the child's mapping
 * loses its page instead, and with it the right to any other.
 */
#include "mm/hugetlb.h"
#include "kernel/abi/errno.h"
#include "kernel/lib/string.h"
#include "kernel/x86/trap.h"
#include "kernel/x86/uaccess.h"
#include "mm/kmalloc.h"
#include "mm/page_alloc.h"
#include "mm/pagecache.h"
#include "mm/space_impl.h"
#include "mm/zap.h"

/* --- Promises --- */

/* What a private mapping was promised: a bit for each huge page of it that it has not taken yet.
 * Guarded by the mm's lock. */
struct hugetlb_promises {
	u32 refs;  /* VMAs */
	u32 first; /* page of the file that bit 0 stands for */
	u32 bits[];
};

static u32 *promise_word(const struct vma *v, u32 index, u32 *mask)
{
	u32 n = (index - v->promises->first) / HUGE_PAGES;

	*mask = 1u << n % 32;
	return &v->promises->bits[n / 32];
}

/* Whether the page was promised; from now on it is not. */
static bool claim(const struct vma *v, u32 index)
{
	u32 mask, *word;
	bool was;

	if (!v->promises)
		return false;
	word = promise_word(v, index, &mask);
	was = *word & mask;
	*word &= ~mask;
	return was;
}

static int promise_private(struct vma *v)
{
	u32 n = vma_pages(v) / HUGE_PAGES, words = (n + 31) / 32;

	v->promises = kzalloc(sizeof(*v->promises) + words * sizeof(u32));
	if (!v->promises)
		return -ENOMEM;
	if (!hugetlb_reserve(v->object->share, n)) {
		kfree(v->promises);
		v->promises = NULL;
		return -ENOMEM;
	}
	v->promises->refs = 1;
	v->promises->first = v->pgoff;
	for (u32 i = 0; i < n; i++)
		v->promises->bits[i / 32] |= 1u << i % 32;
	return 0;
}

int hugetlb_open(struct vma *v)
{
	struct object *o = v->object;
	u64 end = (u64)(v->pgoff + vma_pages(v)) << PAGE_SHIFT;
	int err = 0;

	v->pages_lost = false;
	mm_note_brittle(v->mm, v->start);
	if (v->pgoff % HUGE_PAGES)
		return -EINVAL;
	if (!(v->flags & VM_NORESERVE))
		err = v->flags & VM_MAYSHARE ? hugetlb_promise(o, v->pgoff, vma_pages(v))
					     : promise_private(v);
	if (!err && (v->flags & VM_WRITE))
		hugetlb_extend(o, end);
	return err;
}

void hugetlb_split(struct vma *upper, struct vma *v)
{
	upper->promises = v->promises;
	upper->pages_lost = v->pages_lost;
	if (v->promises)
		v->promises->refs++;
}

void hugetlb_unpromise(struct vma *v, vaddr_t start, vaddr_t end)
{
	u32 ended = 0;

	for (vaddr_t at = start; at < end; at += HUGE_SIZE)
		ended += claim(v, vma_pgoff(v, at));
	hugetlb_unreserve(v->object->share, ended);
}

void hugetlb_close(struct vma *v)
{
	if (!v->promises)
		return;
	hugetlb_unpromise(v, v->start, v->end);
	if (--v->promises->refs == 0)
		kfree(v->promises);
	v->promises = NULL;
}

void hugetlb_clear_tables(struct mm *mm, vaddr_t start, u32 len)
{
	pmap_free_tables(&mm->pmap, start, start + len);
}

/* --- Faults --- */

/* One fault on its way. The object's lock is held. */
struct huge_fault {
	struct vma *vma;
	vaddr_t addr; /* of the huge page */
	bool write;
	pte_t *pde;
};

static void copy_huge(struct page *to, struct page *from)
{
	for (u32 i = 0; i < HUGE_PAGES; i++)
		page_copy(to + i, from + i);
}

/* A page for this mapping alone, to be filled. NULL when there is none. */
static struct page *make_private(const struct huge_fault *f)
{
	u32 index = vma_pgoff(f->vma, f->addr);
	struct page *p = hugetlb_take(f->vma->object->share, claim(f->vma, index));

	if (!p)
		return NULL;
	p->mapping = f->vma->object;
	p->index = index;
	p->flags = PF_UPTODATE | PF_PRIVATE;
	return p;
}

static void map_huge(const struct huge_fault *f, struct page *p, u64 extra)
{
	p->mapcount++;
	f->vma->mm->huge_pages++;
	pmap_set(f->pde, pte_make(page_pfn(p), f->vma->prot | PTE_PS | extra));
}

/* Empties the entry. Returns the page when it was the last one of a private page, which is then to
 * be put, once the TLB has forgotten it; else NULL. */
static struct page *unmap_huge(struct mm *mm, pte_t *pde)
{
	struct page *p = pfn_page(pte_pfn(*pde));

	kassert_dbg(p->mapcount > 0);
	pmap_clear(pde);
	p->mapcount--;
	mm->huge_pages--;
	return hugetlb_is_private(p) && !p->mapcount ? p : NULL;
}

static enum fault_result allow_write(const struct huge_fault *f)
{
	pmap_set(f->pde, pte_set_flags(*f->pde, PTE_W | PTE_D));
	pmap_flush_page(&f->vma->mm->pmap, f->addr);
	return FAULT_DONE;
}

/* Takes the page away from all mappings of its family but the one that it was promised to. */
static void unmap_from_family(struct vma *v, struct page *p)
{
	struct vma *w;

	list_for_each_entry (w, &v->object->vmas, object_link) {
		u32 at = p->index - w->pgoff;
		vaddr_t addr = w->start + (at << PAGE_SHIFT);

		if (w == v || (w->flags & VM_MAYSHARE) || w->promises || at >= vma_pages(w) ||
			pte_pfn(hugetlb_entry(w->mm, addr)).v != page_pfn(p).v)
			continue;
		hugetlb_zap(w, addr, addr + HUGE_SIZE, false);
		w->pages_lost = true;
	}
}

/* A write to a page that others have too. */
static enum fault_result copy_on_write(const struct huge_fault *f, struct page *old)
{
	struct page *p = make_private(f);

	if (!p && f->vma->promises && hugetlb_is_private(old)) {
		unmap_from_family(f->vma, old);
		return old->mapcount == 1 ? allow_write(f) : FAULT_SIGBUS;
	}
	if (!p)
		return FAULT_SIGBUS;
	copy_huge(p, old);
	kassert(!unmap_huge(f->vma->mm, f->pde)); /* others have it too */
	pmap_flush_page(&f->vma->mm->pmap, f->addr);
	map_huge(f, p, PTE_W | PTE_D);
	vm_events.cow_copy++;
	return FAULT_DONE;
}

static enum fault_result fault_present(const struct huge_fault *f)
{
	struct page *p = pfn_page(pte_pfn(*f->pde));

	if (!f->write || pte_write(*f->pde)) {
		pmap_flush_page(&f->vma->mm->pmap, f->addr);
		return FAULT_DONE;
	}
	if (f->vma->flags & VM_SHARED || (hugetlb_is_private(p) && p->mapcount == 1))
		return allow_write(f);
	return copy_on_write(f, p);
}

static enum fault_result fault_shared(const struct huge_fault *f, struct page *p)
{
	int err = p ? 0 : hugetlb_make_page(f->vma->object, vma_pgoff(f->vma, f->addr), &p);

	if (err)
		return err == -ENOMEM ? FAULT_OOM : FAULT_SIGBUS;
	map_huge(f, p, f->write ? PTE_D : 0);
	return FAULT_DONE;
}

/* `from`: the file's page, or NULL. There is no huge page of zeroes: a read takes a page too. */
static enum fault_result fault_private(const struct huge_fault *f, struct page *from)
{
	struct page *p;

	if (from && !f->write) {
		map_huge(f, from, 0);
		return FAULT_DONE;
	}
	p = make_private(f);
	if (!p)
		return FAULT_SIGBUS;
	if (from)
		copy_huge(p, from);
	else
		hugetlb_clear_page(p);
	map_huge(f, p, f->write ? PTE_W | PTE_D : 0);
	return FAULT_DONE;
}

static bool is_beyond(const struct object *o, u32 index)
{
	return index / HUGE_PAGES >= o->size >> HUGE_LOG2;
}

static enum fault_result fault_missing(const struct huge_fault *f)
{
	struct object *o = f->vma->object;
	u32 index = vma_pgoff(f->vma, f->addr);
	struct page *p = hugetlb_page(o, index);

	if (f->vma->pages_lost)
		return FAULT_SIGBUS;
	if (!p && is_beyond(o, index))
		return FAULT_SIGBUS;
	return f->vma->flags & VM_MAYSHARE ? fault_shared(f, p) : fault_private(f, p);
}

enum fault_result hugetlb_fault(struct vma *v, vaddr_t addr, bool write)
{
	struct huge_fault f = {.vma = v, .addr = ALIGN_DOWN(addr, HUGE_SIZE), .write = write};
	enum fault_result r;

	if (write && !(v->flags & VM_WRITE))
		return FAULT_ACCERR; /* a debugger's write: Linux does not force those here */
	f.pde = pmap_pde_alloc(&v->mm->pmap, f.addr);
	if (!f.pde)
		return FAULT_OOM;
	mutex_lock(&v->object->lock);
	r = pte_maps(*f.pde) ? fault_present(&f) : fault_missing(&f);
	mutex_unlock(&v->object->lock);
	return r;
}

/* --- Faults that a program resolves (mm/userfault.h) --- */

bool hugetlb_missing(struct vma *v, vaddr_t addr)
{
	struct object *o = v->object;
	u32 index = vma_pgoff(v, ALIGN_DOWN(addr, HUGE_SIZE));
	bool missing;

	if (pte_maps(hugetlb_entry(v->mm, addr)))
		return false;
	mutex_lock(&o->lock);
	missing = !v->pages_lost && !is_beyond(o, index) && !hugetlb_page(o, index);
	mutex_unlock(&o->lock);
	return missing;
}

/* What another thread of the caller unmaps meanwhile reads as zeroes. */
static void copy_from_program(struct page *head, uptr_t src)
{
	for (u32 i = 0; i < HUGE_PAGES; i++, src = uptr_add(src, PAGE_SIZE)) {
		char *va = kmap_local(head + i);
		size_t left = copy_from_user_nofault(va, src, PAGE_SIZE);

		memset(va + PAGE_SIZE - left, 0, left);
		kunmap_local(va);
	}
}

/* The entry is empty. */
static int fill_locked(const struct huge_fault *f, uptr_t src, bool from_file)
{
	bool shared = f->vma->flags & VM_MAYSHARE;
	struct object *o = f->vma->object;
	u32 index = vma_pgoff(f->vma, f->addr);
	struct page *p = hugetlb_page(o, index);
	u64 rights = shared || !(f->vma->flags & VM_WRITE) ? PTE_D : PTE_W | PTE_D;

	if (from_file) {
		if (p)
			map_huge(f, p, shared ? PTE_D : 0);
		return p ? 0 : -EFAULT;
	}
	if (is_beyond(o, index))
		return -EFAULT;
	if (shared && p)
		return -EEXIST;
	if (shared ? hugetlb_make_page(o, index, &p) : !(p = make_private(f)))
		return -ENOMEM;
	copy_from_program(p, src);
	map_huge(f, p, rights);
	return 0;
}

int hugetlb_fill(struct vma *v, vaddr_t addr, uptr_t src, bool from_file)
{
	struct huge_fault f = {.vma = v, .addr = addr, .pde = pmap_pde_alloc(&v->mm->pmap, addr)};
	int err;

	if (!f.pde)
		return -ENOMEM;
	mutex_lock(&v->object->lock);
	err = pte_maps(*f.pde) ? -EEXIST : fill_locked(&f, src, from_file);
	mutex_unlock(&v->object->lock);
	return err;
}

/* --- Entries of ranges --- */

/* The entry at addr if it maps something, else NULL. */
static pte_t *mapped_pde(const struct vma *v, vaddr_t addr)
{
	pte_t *pde = pmap_pde(&v->mm->pmap, addr);

	return pde && pte_maps(*pde) ? pde : NULL;
}

void hugetlb_zap(struct vma *v, vaddr_t start, vaddr_t end, bool keep_private)
{
	LIST_HEAD(dropped);

	kassert_dbg(IS_ALIGNED(start | end, HUGE_SIZE));
	for (vaddr_t at = start; at < end; at += HUGE_SIZE) {
		pte_t *pde = mapped_pde(v, at);
		struct page *p = pde ? pfn_page(pte_pfn(*pde)) : NULL;

		if (!p || (keep_private && hugetlb_is_private(p)))
			continue;
		p = unmap_huge(v->mm, pde);
		if (p)
			list_add(&p->link, &dropped);
	}
	pmap_flush_range(&v->mm->pmap, start, end);
	while (!list_empty(&dropped)) {
		struct page *p = list_first_entry(&dropped, struct page, link);

		list_del(&p->link);
		hugetlb_put(p);
	}
}

void hugetlb_protect(struct vma *v, vaddr_t start, vaddr_t end)
{
	bool private = (v->flags & (VM_WRITE | VM_SHARED)) == VM_WRITE;

	for (vaddr_t at = start; at < end; at += HUGE_SIZE) {
		pte_t *pde = mapped_pde(v, at);
		struct page *p = pde ? pfn_page(pte_pfn(*pde)) : NULL;
		u64 own;

		if (!p)
			continue;
		own = private && hugetlb_is_private(p) && p->mapcount == 1 ? PTE_W : 0;
		pmap_set(pde, pte_make(pte_pfn(*pde), v->prot | PTE_PS | own | (pde->v & PTE_D)));
	}
	pmap_flush_range(&v->mm->pmap, start, end);
}

/* Only private pages: what is the file's is found again by a fault. */
int hugetlb_fork(struct vma *to, struct vma *from)
{
	to->pages_lost = false;
	if (from->flags & VM_MAYSHARE)
		return 0;
	for (vaddr_t at = from->start; at < from->end; at += HUGE_SIZE) {
		pte_t *s = mapped_pde(from, at), *d;
		struct page *p = s ? pfn_page(pte_pfn(*s)) : NULL;

		if (!p || !hugetlb_is_private(p))
			continue;
		d = pmap_pde_alloc(&to->mm->pmap, at);
		if (!d)
			return -ENOMEM;
		p->mapcount++;
		to->mm->huge_pages++;
		pmap_set(s, pte_clear_flags(*s, PTE_W));
		pmap_set(d, *s);
	}
	return 0;
}

void hugetlb_move(struct vma *to, struct vma *from)
{
	to->promises = from->promises;
	to->pages_lost = from->pages_lost;
	from->promises = NULL;
	for (vaddr_t at = from->start; at < from->end; at += HUGE_SIZE) {
		pte_t *s = mapped_pde(from, at);
		pte_t e = s ? *s : PTE_NONE;

		if (!s)
			continue;
		pmap_clear(s);
		pmap_set(pmap_pde(&to->mm->pmap, to->start + (at - from->start)), e);
	}
	pmap_flush_range(&from->mm->pmap, from->start, from->end);
}
