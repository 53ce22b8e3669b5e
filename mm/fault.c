/* The page-fault handler. See mm/fault.h for the map of its cases. What a fault on private memory
 * goes through is inlined into handle_page_fault(): each call would cost it a tenth. */
#include "mm/fault.h"
#include "kernel/abi/errno.h"
#include "kernel/core/log.h"
#include "kernel/core/panic.h"
#include "kernel/x86/features.h"
#include "kernel/x86/trap.h"
#include "mm/anon.h"
#include "mm/cow.h"
#include "mm/fail_nth.h"
#include "mm/hugetlb.h"
#include "mm/object.h"
#include "mm/page_alloc.h"
#include "mm/pagecache.h"
#include "mm/trace_mm.h"
#include "mm/userfault.h"
#include "mm/zap.h"

/* One fault on its way. */
struct fault {
	struct vma *vma;
	vaddr_t addr; /* page aligned */
	u32 write;    /* PF_WRITE, or 0: a read */
	pte_t *pte;   /* its entry; the table exists */
};

static struct mm *fault_mm(const struct fault *f)
{
	return f->vma->mm;
}

/* Enters a page where the entry is empty. The extra flags are of the low word. */
static __forceinline void map_page(struct fault *f, struct page *p, u32 extra)
{
	p->mapcount++;
	pmap_enter_page(f->pte, page_pfn(p), f->vma->prot, extra);
}

/* W and D for a page that is written; W only if the VMA says so (a forced write leaves it out). */
static __forceinline u32 written_flags(const struct fault *f)
{
	_Static_assert(VM_WRITE == PTE_W, "the mask");
	return (f->vma->flags & VM_WRITE) | (u32)PTE_D;
}

/* Enters a page of our own. */
static __forceinline void map_own(struct fault *f, struct page *p)
{
	fault_mm(f)->rss[RSS_ANON]++;
	map_page(f, p, written_flags(f) | (u32)(PTE_ANON | PTE_OWN));
}

/* A frame for private memory, member of the VMA's family, not mapped yet. */
static __forceinline struct page *alloc_anon(struct fault *f, u32 gfp)
{
	if (anon_prepare(f->vma) < 0)
		return NULL;
	struct page *p = page_alloc(GFP_USER | gfp, PK_ANON);
	if (likely(p))
		anon_add_page(f->vma, f->addr, p);
	return p;
}

/* --- Nothing there: private memory --- */

static __forceinline enum fault_result fault_anon(struct fault *f)
{
	if (!f->write) {
		pmap_enter(f->pte, pte_make(page_pfn(zero_page), f->vma->prot));
		f->vma->zero_mapped = true;
		vm_events.zero_map++;
		return FAULT_DONE;
	}
	struct page *p = alloc_anon(f, GFP_ZERO);
	if (unlikely(!p))
		return FAULT_OOM;
	map_own(f, p);
	vm_events.zero_fill++;
	return FAULT_DONE;
}

/* --- A frame there, a write refused --- */

static __forceinline void clear_entry(struct fault *f)
{
	pmap_clear(f->pte);
	pmap_flush_page(&fault_mm(f)->pmap, f->addr);
}

/* Replaces what the entry holds by a page of our own with the same contents. The old one stays:
 * others map it, or it is the cache's. */
static __forceinline enum fault_result cow_copy(struct fault *f, struct page *old)
{
	struct page *p = alloc_anon(f, 0);
	if (unlikely(!p))
		return FAULT_OOM;
	page_copy(p, old);
	clear_entry(f);
	fault_mm(f)->rss[page_rss_kind(old)]--;
	pagecache_mapped -= !--old->mapcount; /* of a private page another entry is left */
	map_own(f, p);
	vm_events.cow_copy++;
	return FAULT_DONE;
}

static __forceinline enum fault_result fault_write_protected(struct fault *f)
{
	u32 lo = pte_low(f->pte);
	struct page *p = pfn_page(pte_pfn(*f->pte));
	bool own = cow_is_exclusive(lo, p);
	if (own || f->vma->flags & VM_SHARED) {
		p->flags |= own ? 0 : PF_DIRTY;
		pmap_set_low(f->pte, lo | written_flags(f) | (own ? (u32)PTE_OWN : 0));
		pmap_flush_page(&fault_mm(f)->pmap, f->addr);
		vm_events.pgreuse++;
		return FAULT_DONE;
	}
	if (p != zero_page)
		return cow_copy(f, p);
	clear_entry(f);
	return fault_anon(f);
}

static __forceinline enum fault_result fault_present(struct fault *f)
{
	if (unlikely(pte_poisoned(*f->pte)))
		return FAULT_HWPOISON;
	if (f->write && !pte_write(*f->pte))
		return fault_write_protected(f);
	/* The entry allows it: the TLB remembered an older one. */
	pmap_flush_page(&fault_mm(f)->pmap, f->addr);
	return FAULT_DONE;
}

/* --- Nothing there: an object --- */

static __forceinline void map_cached(struct fault *f, struct page *p, u32 extra)
{
	fault_mm(f)->rss[f->vma->object->rss_kind]++;
	pagecache_mapped += !p->mapcount;
	map_page(f, p, extra);
	vm_events.file_map++;
}

/* Bytes around a read fault in which cached pages are mapped too (Linux's fault_around_bytes). */
#define FAULT_AROUND (16 * PAGE_SIZE)

/* Maps what the cache already has from the aligned window's start, or the VMA's in it, as far as
 * one table goes. Returns whether the page that was asked for is among them. */
static bool fault_around(const struct fault *f)
{
	struct vma *v = f->vma;
	vaddr_t lo = MAX(ALIGN_DOWN(f->addr, FAULT_AROUND), v->start);
	vaddr_t hi = MIN(lo + FAULT_AROUND, pt_end(lo, v->end));
	struct fault g = {.vma = v, .addr = lo, .pte = f->pte - ((f->addr - lo) >> PAGE_SHIFT)};
	for (; g.addr < hi; g.addr += PAGE_SIZE, g.pte++) {
		if (!pte_none(*g.pte))
			continue;
		struct page *p = object_used(v->object, vma_pgoff(v, g.addr));
		if (p)
			map_cached(&g, p, 0);
	}
	return pte_maps(*f->pte);
}

static enum fault_result fault_private_copy(struct fault *f, struct page *cached)
{
	struct page *p = alloc_anon(f, 0);
	if (!p)
		return FAULT_OOM;
	page_copy(p, cached);
	map_own(f, p);
	vm_events.cow_copy++;
	return FAULT_DONE;
}

/* Caller holds the object's lock, which guards the entry too. */
static enum fault_result fault_object_locked(struct fault *f)
{
	struct page *p;
	if (!f->write && !f->vma->object->no_fault_around && fault_around(f))
		return FAULT_DONE;
	if (f->write && !(f->vma->flags & VM_SHARED) && anon_prepare(f->vma) < 0)
		return FAULT_OOM;
	int err = object_page_locked(f->vma->object, vma_pgoff(f->vma, f->addr), &p);
	if (err)
		return err == -ENOMEM ? FAULT_OOM
		       : err == -EIO ? FAULT_HWPOISON
				     : FAULT_SIGBUS;
	if (!f->write) {
		map_cached(f, p, 0);
		return FAULT_DONE;
	}
	if (!(f->vma->flags & VM_SHARED))
		return fault_private_copy(f, p);
	p->flags |= PF_DIRTY;
	map_cached(f, p, (u32)PTE_D);
	return FAULT_DONE;
}

/* Takes the parts of a struct fault, so that those of private memory stay in registers. */
static __noinline enum fault_result fault_object(
	struct vma *v, vaddr_t addr, u32 write, pte_t *pte)
{
	struct fault f = {.vma = v, .addr = addr, .write = write, .pte = pte};
	struct object *o = v->object;
	mutex_lock(&o->lock);
	enum fault_result r = pte_maps(*pte) ? fault_present(&f) : fault_object_locked(&f);
	mutex_unlock(&o->lock);
	return r;
}

/* --- Which case it is --- */

static __forceinline enum fault_result fault_vma(struct vma *v, vaddr_t addr, u32 write)
{
	struct fault f = {.vma = v, .addr = addr & PAGE_MASK, .write = write};
	f.pte = pmap_pte(&v->mm->pmap, f.addr);
	if (unlikely(!f.pte)) { /* so it is wherever huge pages are */
		if (v->flags & VM_HUGETLB)
			return hugetlb_fault(v, addr, write);
		f.pte = pmap_pte_alloc_slow(&v->mm->pmap, f.addr);
		if (!f.pte)
			return FAULT_OOM;
	}
	if (!v->object)
		return pte_low_maps(pte_low(f.pte)) ? fault_present(&f) : fault_anon(&f);
	return fault_object(v, f.addr, write, f.pte);
}

/* The same with a look at the page table before and after. */
static __noinline enum fault_result fault_traced(struct vma *v, vaddr_t addr, u32 write)
{
	struct trace_fault t;
	trace_fault_before(&t, v, addr);
	enum fault_result r = fault_vma(v, addr, write);
	trace_fault_after(&t);
	return r;
}

/* The VMA for addr, growing a stack down to it. */
static __noinline struct vma *find_or_grow(struct mm *mm, vaddr_t addr)
{
	struct vma *v = vma_find(&mm->vmas, addr);
	if (!v || v->start <= addr)
		return v;
	return v->flags & VM_GROWSDOWN ? mm_grow_stack(v, addr) : NULL;
}

static bool access_allowed(u32 flags, u32 access)
{
	u32 wanted = access & PF_WRITE ? VM_WRITE : access & PF_INSTR ? VM_EXEC : VM_PROT;
	if (unlikely(access & FAULT_FORCE))
		wanted <<= 4; /* the VM_MAY bits */
	return flags & wanted;
}

/* Somebody else fills the page. As on Linux the VMA is ready for a page of its own before he is asked:
 * what it may be merged with hangs on that. */
static __noinline enum fault_result fault_missing(struct vma *v, u32 access)
{
	if (access & PF_WRITE && !(v->flags & (VM_SHARED | VM_HUGETLB)) && anon_prepare(v) < 0)
		return FAULT_OOM;
	return FAULT_USERFAULT;
}

__forceinline enum fault_result fault_in(struct mm *mm, vaddr_t addr, u32 access)
{
	struct vma *v = vma_last_at(&mm->vmas, addr);
	if (unlikely(!v) && !(v = find_or_grow(mm, addr)))
		return FAULT_MAPERR;
	if (unlikely(!access_allowed(v->flags, access)))
		return FAULT_ACCERR;
	if (unlikely(v->flags & VM_UFFD_MISSING) && userfault_missing(v, addr))
		return fault_missing(v, access);
	if (trace_mm_on())
		return fault_traced(v, addr, access & PF_WRITE);
	return fault_vma(v, addr, access & PF_WRITE);
}

/* --- What cannot be resolved --- */

static __noinline void fault_failed(struct trapframe *tf, vaddr_t addr, enum fault_result r)
{
	if (r == FAULT_USERFAULT)
		r = userfault_wait(current_mm(), addr, tf->orig_eax);
	if (r == FAULT_DONE)
		return;
	if (r == FAULT_OOM && (fail_nth_happened() || oom_kill(true) || tf_from_user(tf)))
		return; /* a copy of the kernel's is repeated as a program's access is */
	if (tf_from_user(tf))
		signal_force_fault(tf, addr, r);
	else if (!trap_fixup(tf))
		panic_trap(tf, "page fault in the kernel at %08x", addr);
}

/* Nothing but the copy routines may touch user memory; SMAP tells the rest apart. */
static bool stray_kernel_access(const struct trapframe *tf)
{
	return (cpu_features.smap && !(tf->eflags & EFLAGS_AC)) || this_cpu()->irq_depth;
}

void handle_page_fault(struct trapframe *tf, vaddr_t addr)
{
	u32 error = tf->orig_eax;
	if (unlikely(error & PF_RSVD))
		panic_trap(tf, "reserved bit set in a page table, at %08x", addr);
	struct mm *mm = current_mm();
	enum fault_result r = FAULT_MAPERR;
	if (likely(addr < USER_TOP && mm && (error & PF_USER || !stray_kernel_access(tf)))) {
		mutex_lock(&mm->lock);
		r = fault_in(mm, addr, error & (PF_WRITE | PF_INSTR));
		mutex_unlock(&mm->lock);
	}
	if (likely(r == FAULT_DONE)) {
		vm_events.pgfault++;
		current_thread()->minflt++;
		return;
	}
	fault_failed(tf, addr, r);
}
