/*
 * Address spaces: making and ending them, and the changes to their maps that most memory calls come
 * down to: map, unmap, the break, a growing stack.
 *
 * Each change checks everything first and allocates what it needs; the part that edits the tree
 * cannot fail. VMAs that have become one are merged at once, so /proc/PID/maps shows what Linux's
 * would.
 */
#include "mm/space.h"
#include "kernel/abi/errno.h"
#include "kernel/x86/trap.h"
#include "mm/anon.h"
#include "mm/commit.h"
#include "mm/cow.h"
#include "mm/hugetlb.h"
#include "mm/object.h"
#include "mm/page_alloc.h"
#include "mm/slab.h"
#include "mm/space_impl.h"
#include "mm/trace_mm.h"
#include "mm/userfault.h"
#include "mm/zap.h"

LIST_HEAD(mm_list);
struct spinlock mm_list_lock = SPINLOCK_INIT("mm_list");
u32 max_map_count = 65530;
vaddr_t user_min = USER_MIN;

static struct slab_cache *mm_cache, *vma_cache;

/* By VM_READ to VM_SHARED. */
u64 vm_pte_table[16] __ro_after_init;
u8 vm_kinds[16] __ro_after_init;

/* PTE_A is set: the entry is made because somebody touches the page. */
static u64 pte_flags(u32 vm_flags)
{
	if (!(vm_flags & VM_PROT))
		return PTE_PROTNONE | PTE_U | PTE_A | pte_nx_mask;
	u64 flags = PTE_P | PTE_U | PTE_A;
	if (!(vm_flags & VM_EXEC))
		flags |= pte_nx_mask;
	if ((vm_flags & (VM_SHARED | VM_WRITE)) == (VM_SHARED | VM_WRITE))
		flags |= PTE_W;
	return flags;
}

/* As in Linux's vm_stat_account(). */
static enum vm_kind kind_of(u32 vm_flags)
{
	if ((vm_flags & (VM_EXEC | VM_WRITE)) == VM_EXEC)
		return VM_KIND_EXEC;
	return (vm_flags & (VM_WRITE | VM_SHARED)) == VM_WRITE ? VM_KIND_DATA : VM_KIND_OTHER;
}

void space_init(void)
{
	for (u32 flags = 0; flags < 16; flags++) {
		vm_pte_table[flags] = pte_flags(flags);
		vm_kinds[flags] = kind_of(flags);
	}
	mm_cache = slab_create("mm_struct", sizeof(struct mm), 0, 0, NULL);
	vma_cache = slab_create("vm_area_struct", sizeof(struct vma), 0, 0, NULL);
	kassert(mm_cache && vma_cache);
}

/* --- One VMA --- */

/* A copy of `from` that holds its own references but is in no list or tree yet. */
struct vma *vma_dup(const struct vma *from)
{
	struct vma *v = slab_alloc(vma_cache);
	if (!v)
		return NULL;
	*v = *from;
	v->anon = NULL; /* joining is a step of its own */
	v->own = v->newest = NULL;
	v->promises = NULL; /* so is having a part in these */
	if (v->backing)
		v->backing->ops->get(v->backing);
	return v;
}

void vma_attach_object(struct vma *v)
{
	mutex_lock(&v->object->lock);
	list_add_tail(&v->object_link, &v->object->vmas);
	mutex_unlock(&v->object->lock);
}

/* Undoes vma_dup(). */
void vma_drop(struct vma *v)
{
	if (v->backing)
		v->backing->ops->put(v->backing);
	slab_free(vma_cache, v);
}

/* Leaves every list and goes; no entry of it is mapped, and it is in no tree. */
static void vma_free(struct vma *v)
{
	if (v->object) {
		mutex_lock(&v->object->lock);
		list_del(&v->object_link);
		if (v->flags & VM_HUGETLB)
			hugetlb_close(v);
		mutex_unlock(&v->object->lock);
	}
	if (v->anon)
		anon_leave(v);
	vma_drop(v);
}

/* Bounds and pgoff of a VMA on an object's list change only under the object's lock. */
void vma_set_bounds(struct vma *v, vaddr_t start, vaddr_t end, u32 pgoff)
{
	vma_lock_entries(v);
	vma_resize(&v->mm->vmas, v, start, end);
	v->pgoff = pgoff;
	vma_unlock_entries(v);
}

/* Cuts v at addr, strictly inside it; v keeps the lower half. Returns the upper, or NULL: memory is
 * out, or so is the number of VMAs, unless one of the halves `goes` to a neighbour afterwards. */
static struct vma *vma_split(struct vma *v, vaddr_t addr, bool goes)
{
	struct vma_set *s = &v->mm->vmas;
	struct vma *upper = s->count < max_map_count || goes ? vma_dup(v) : NULL;
	if (!upper)
		return NULL;
	upper->pgoff = vma_pgoff(v, addr);
	upper->start = addr;
	if (v->flags & VM_HUGETLB)
		hugetlb_split(upper, v);
	else
		anon_join(upper, v);
	vma_attach(upper); /* before v lets its entries go: the object must find every one */
	vma_lock_entries(v);
	vma_cut(s, v, upper);
	vma_unlock_entries(v);
	return upper;
}

/* Joins `upper` into `v`, right below it. */
static void vma_absorb(struct vma *v, struct vma *upper)
{
	if (!v->anon)
		anon_join(v, upper);
	v->zero_mapped |= upper->zero_mapped;
	vma_lock_entries(v);
	vma_join(&v->mm->vmas, v, upper);
	vma_unlock_entries(v);
	vma_free(upper);
}

void vma_merge_above(struct vma *v)
{
	struct vma *next = vma_next(v);
	if (next && vma_can_merge(v, next) && lineage_fits(v, next))
		vma_absorb(v, next);
}

/* Merges v with the neighbours it fits. Returns the VMA that holds it now. When both fit but their
 * pages keep them apart, the one below has it. */
struct vma *vma_merge_slow(struct vma *v)
{
	struct vma *prev = vma_prev(v), *next = vma_next(v);
	bool above = next && vma_can_merge(v, next) && lineage_fits(v, next);
	if (!prev || !vma_can_merge(prev, v) || !lineage_fits(v, prev)) {
		if (above)
			vma_absorb(v, next);
		return v;
	}
	above = above && lineage_joins(prev, next);
	vma_absorb(prev, v);
	if (above)
		vma_absorb(prev, next);
	return prev;
}

/* --- Counts --- */

/* Private memory that can be written is promised memory. Huge pages are promised by their pool. */
static bool is_accountable(u32 flags)
{
	return (flags & (VM_NORESERVE | VM_SHARED | VM_HUGETLB | VM_WRITE)) == VM_WRITE;
}

/* Pages of [start, end) that are mapped now. */
static u32 mapped_pages(struct mm *mm, vaddr_t start, vaddr_t end)
{
	u32 pages = 0;
	for (struct vma *v = vma_find(&mm->vmas, start); v && v->start < end; v = vma_next(v))
		pages += (MIN(v->end, end) - MAX(v->start, start)) >> PAGE_SHIFT;
	return pages;
}

/* --- Unmapping --- */

/* Ends what is mapped in [start, end) of v, and what was promised for it. */
static void vma_clear(struct vma *v, vaddr_t start, vaddr_t end)
{
	struct mm *mm = v->mm;
	u32 pages = (end - start) >> PAGE_SHIFT;
	if (!vma_is_untouched(v)) {
		vma_lock_entries(v);
		zap_range(v, start, end, ZAP_ALL);
		vma_unlock_entries(v);
	}
	mm->hiwater_vm = MAX(mm->hiwater_vm, mm->total_vm);
	mm_account(mm, v->flags, -(s32)pages);
	if (v->flags & VM_ACCOUNT)
		commit_release(pages);
	else if (v->flags & VM_HUGETLB)
		hugetlb_unpromise(v, start, end);
}

/* Takes [start, end), which is all of v or lies at one of its borders, out of the space. */
static void vma_unmap(struct vma *v, vaddr_t start, vaddr_t end)
{
	vma_clear(v, start, end);
	if (start > v->start) {
		vma_set_bounds(v, v->start, start, v->pgoff);
	} else if (end < v->end) {
		vma_set_bounds(v, end, v->end, vma_pgoff(v, end));
	} else {
		vma_remove(&v->mm->vmas, v);
		vma_free(v);
	}
}

/* With these flags [start, end) of v becomes part of a neighbour of v. */
static __noinline bool goes_to_neighbour(
	const struct vma *v, vaddr_t start, vaddr_t end, u32 flags)
{
	const struct vma *below = vma_prev(v), *above = vma_next(v);
	struct vma part = *v;
	part.start = start;
	part.end = end;
	part.pgoff = vma_pgoff(v, start);
	part.flags = flags;
	return (below && vma_can_merge(below, &part) && lineage_fits(&part, below)) ||
	       (above && vma_can_merge(&part, above) && lineage_fits(&part, above));
}

/* A border of [start, end) would break a VMA, v or a later one: as on Linux, that at start is made
 * all the same, if it can be. Returns -EINVAL, or -ENOMEM when it is the number of VMAs that is out. */
static __noinline long cut_broken(struct vma *v, vaddr_t start, vaddr_t end)
{
	if (v->start >= start || vma_check_borders(v, start, v->end))
		return -EINVAL;
	if (v->end > end && v->mm->vmas.count >= max_map_count)
		return -ENOMEM;
	return vma_split(v, start, false) ? -EINVAL : -ENOMEM;
}

struct vma *vma_cut_out(struct vma *v, vaddr_t start, vaddr_t end, u32 flags)
{
	if (vma_check_borders(v, start, end)) {
		(void)cut_broken(v, start, end);
		return NULL;
	}
	bool goes = unlikely(v->mm->vmas.count >= max_map_count) &&
		    goes_to_neighbour(v, start, end, flags);
	if (v->start < start && !(v = vma_split(v, start, goes)))
		return NULL;
	if (v->end > end && !vma_split(v, end, goes))
		return NULL;
	return v;
}

bool vma_breaks(const struct vma *v, vaddr_t start, vaddr_t end)
{
	if (v->flags & VM_WHOLE)
		return start != v->start || end != v->end;
	return !IS_ALIGNED(start | end, PD_SIZE);
}

/* Whether [start, end), of which v is the first VMA, ends or begins where a VMA would break. */
static bool breaks_vma(struct vma *v, vaddr_t start, vaddr_t end)
{
	const struct vma *last = vma_at(&v->mm->vmas, end - 1);
	return vma_check_borders(v, MAX(start, v->start), MIN(end, v->end)) ||
	       (last && vma_check_borders(last, MAX(start, last->start), MIN(end, last->end)));
}

/* Frees the page tables that [start, end), just unmapped between these two, has left without any
 * VMA. Either may be NULL. */
static void free_tables(
	struct mm *mm, struct vma *below, struct vma *above, vaddr_t start, vaddr_t end)
{
	vaddr_t floor = below ? below->end : 0, ceiling = above ? above->start : USER_TOP;
	if (ceiling - 1 <= (start | (PD_SIZE - 1)))
		return; /* mostly: one table spans it all */
	floor = MAX(floor, ALIGN_DOWN(start, PD_SIZE));
	ceiling = MIN(ceiling, ALIGN_UP(end, PD_SIZE));
	if (ALIGN_UP(floor, PD_SIZE) + PD_SIZE <= ceiling)
		pmap_free_tables(&mm->pmap, floor, ceiling);
}

long mm_unmap(struct mm *mm, vaddr_t start, u32 len)
{
	kassert_dbg(mutex_held(&mm->lock));
	if (!IS_ALIGNED(start, PAGE_SIZE) || start > USER_TOP || len > USER_TOP - start || !len)
		return -EINVAL;
	vaddr_t end = ALIGN_UP(start + len, PAGE_SIZE);
	struct vma *v = vma_overlap(&mm->vmas, start, end), *next;
	if (!v)
		return 0;
	if (unlikely(end > mm->brittle) && breaks_vma(v, start, end))
		return cut_broken(v, start, end);
	if (v->start < start && v->end > end && !vma_split(v, end, false))
		return -ENOMEM;
	if (unlikely(mm->has_userfault) && userfault_unmap(v, start, end) < 0) {
		vma_merge(v);
		return -ENOMEM;
	}
	if (trace_mm_on())
		trace_unmap(mm, start, end);
	for (; v && v->start < end; v = next) {
		next = vma_next(v);
		vma_unmap(v, MAX(v->start, start), MIN(v->end, end));
	}
	free_tables(mm, vma_below(&mm->vmas, v), v, start, end);
	return 0;
}

/* --- Mapping --- */

/* Linux's choice: the hint if there is room, else top-down below mmap_base, else bottom-up. */
static long place_aligned(struct mm *mm, vaddr_t hint, u32 len, u32 align)
{
	if (len > USER_TOP - user_min)
		return -ENOMEM;
	hint = ALIGN_DOWN(hint, align);
	if (hint) {
		vaddr_t at = MAX(hint, user_min);
		struct vma *above = vma_find(&mm->vmas, at);
		if (at <= USER_TOP - len && (!above || at + len <= vma_start_gap(above)))
			return at;
	}
	struct vma_room room = {&mm->vmas, len, align, user_min, mm->mmap_base};
	vaddr_t at = vma_gap_topdown(&room);
	if (!at) {
		room.low = USER_TOP / 3;
		room.high = USER_TOP;
		at = vma_gap_bottomup(&room);
	}
	return at ? (long)at : -ENOMEM;
}

static long place_fixed(struct mm *mm, vaddr_t addr, u32 len, u32 how)
{
	if (len > USER_TOP || addr > USER_TOP - len)
		return -ENOMEM;
	if (!IS_ALIGNED(addr, PAGE_SIZE))
		return -EINVAL;
	if (addr < (how & MM_LOW ? PAGE_SIZE : user_min))
		return -EPERM;
	if ((how & MM_NOREPLACE) && vma_overlap(&mm->vmas, addr, addr + len))
		return -EEXIST;
	return addr;
}

/* A place with rules of its own: where the caller says, or for huge pages. */
static __noinline long place_special(struct mm *mm, const struct map_request *r)
{
	if ((r->how & MM_HUGE) && r->len <= USER_TOP &&
		!IS_ALIGNED(r->len | (r->how & MM_FIXED ? r->addr : 0), HUGE_SIZE))
		return -EINVAL;
	if (!(r->how & MM_FIXED))
		return place_aligned(mm, r->addr, r->len, HUGE_SIZE);
	return place_fixed(mm, r->addr, r->len, r->how);
}

long mm_place(struct mm *mm, const struct map_request *r)
{
	if (r->how & (MM_FIXED | MM_HUGE))
		return place_special(mm, r);
	vaddr_t at = r->addr ? 0 : vma_gap_last(&mm->vmas, r->len, user_min, mm->mmap_base);
	return at ? (long)at : place_aligned(mm, r->addr, r->len, PAGE_SIZE);
}

/* Grows a neighbour over `want`, which lies between them, if one fits. As on Linux, the one above
 * is asked first, and the one below must then fit that one's pages. */
static bool extend_neighbour(struct vma *below, struct vma *above, const struct vma *want)
{
	bool up = above && vma_can_merge(want, above) && lineage_fits(want, above);
	bool down = below && vma_can_merge(below, want) && lineage_fits(up ? above : want, below);
	if (down) {
		vma_set_bounds(below, below->start, want->end, below->pgoff);
		if (up)
			vma_absorb(below, above);
	} else if (up) {
		vma_set_bounds(above, want->start, above->end, want->pgoff);
	}
	return up || down;
}

/* The heap grows by its own topmost VMA only: it takes in neither the program's zeroed data, where
 * it begins, nor what lies above. */
static bool extend_heap(struct vma *below, const struct vma *want)
{
	if (!below || want->start == want->mm->start_brk || !vma_can_merge(below, want) ||
		!lineage_fits(want, below))
		return false;
	vma_set_bounds(below, below->start, want->end, below->pgoff);
	return true;
}

/* A VMA for the request that holds no reference and is in no list yet. */
static struct vma *vma_make(struct mm *mm, const struct map_request *r, vaddr_t addr, u32 flags)
{
	struct vma *v = slab_alloc(vma_cache);
	if (!v)
		return NULL;
	v->start = addr;
	v->end = addr + r->len;
	v->flags = flags;
	v->prot = vm_pte_flags(flags);
	v->pgoff = r->backing || r->object ? r->pgoff : addr >> PAGE_SHIFT;
	v->mm = mm;
	v->backing = r->backing;
	v->object = r->object;
	v->zero_mapped = false;
	v->anon = NULL;
	v->own = v->newest = NULL;
	return v;
}

/* enter() for a VMA with a backing, which may refuse, or change the flags. Huge pages are promised
 * when it is certain that they will be wanted. */
static __noinline int enter_backed(struct vma *v, struct vma *below)
{
	int err = 0;
	v->backing->ops->get(v->backing);
	v->promises = NULL;
	vma_attach(v);
	u32 flags = v->flags;
	if (v->backing->ops->map)
		err = v->backing->ops->map(v->backing, &v->flags, false);
	if (!err && v->flags & VM_HUGETLB)
		err = hugetlb_open(v);
	if (err) {
		vma_free(v);
		return err;
	}
	vma_insert_after(&v->mm->vmas, below, v);
	if (v->flags != flags)
		vma_merge(v);
	return 0;
}

/* Puts a VMA made for a free range into the space, or lets a neighbour grow instead. Returns 0 or
 * what the backing says; then the VMA is gone. */
static int enter(struct mm *mm, struct vma *v, bool heap)
{
	struct vma *above = vma_find(&mm->vmas, v->start), *below = vma_below(&mm->vmas, above);
	if (heap ? extend_heap(below, v) : extend_neighbour(below, above, v)) {
		slab_free(vma_cache, v);
		return 0;
	}
	if (v->backing)
		return enter_backed(v, below);
	vma_attach(v);
	vma_insert_after(&mm->vmas, below, v);
	return 0;
}

/* Address-space and data limits; what the range replaces does not count twice. */
static bool within_limits(struct mm *mm, const struct map_request *r, vaddr_t addr)
{
	u32 pages = r->len >> PAGE_SHIFT;
	return mm_may_expand(mm, r->vm_flags, pages) ||
	       ((r->how & MM_FIXED) && mm_may_expand(mm, r->vm_flags,
					       pages - mapped_pages(mm, addr, addr + r->len)));
}

long mm_map(struct mm *mm, const struct map_request *r)
{
	long addr = mm_place(mm, r);
	return is_err((void *)addr) ? addr : mm_map_at(mm, r, addr);
}

static __noinline long map_untraced(struct mm *mm, const struct map_request *r, vaddr_t addr)
{
	kassert_dbg(mutex_held(&mm->lock));
	u32 pages = r->len >> PAGE_SHIFT;
	if (!within_limits(mm, r, addr))
		return -ENOMEM;
	u32 flags = r->vm_flags & ~VM_ACCOUNT;
	if (r->how & (MM_FIXED | MM_HUGE)) {
		if ((r->how & MM_FIXED) && mm_unmap(mm, addr, r->len) < 0)
			return -ENOMEM; /* also where it would break a VMA: Linux's word */
		if (r->how & MM_HUGE) { /* always in memory: nothing to lock */
			flags &= ~(VM_LOCKED | VM_LOCKONFAULT);
			hugetlb_clear_tables(mm, addr, r->len);
		}
	}
	if (is_accountable(flags)) {
		if (!commit_charge(pages, mm->total_vm))
			return -ENOMEM;
		flags |= VM_ACCOUNT;
	}
	struct vma *v = vma_make(mm, r, addr, flags);
	int err = v ? enter(mm, v, r->how & MM_HEAP) : -ENOMEM;
	if (err) {
		if (flags & VM_ACCOUNT)
			commit_release(pages);
		return err;
	}
	mm_account(mm, flags, pages);
	return addr;
}

static __noinline long map_traced(struct mm *mm, const struct map_request *r, vaddr_t addr)
{
	long at = map_untraced(mm, r, addr);
	if (!is_err((void *)at))
		trace_map(vma_at(&mm->vmas, at), at, at + r->len);
	return at;
}

long mm_map_at(struct mm *mm, const struct map_request *r, vaddr_t addr)
{
	return trace_mm_on() ? map_traced(mm, r, addr) : map_untraced(mm, r, addr);
}

/* --- The break --- */

bool mm_brk_within_limit(const struct mm *mm, vaddr_t brk)
{
	return brk - mm->start_brk + (mm->end_data - mm->start_data) <= mm->limits.heap;
}

static long brk_grow(struct mm *mm, vaddr_t from, vaddr_t to)
{
	struct vma *above = vma_find(&mm->vmas, from);
	if (to > USER_TOP - PAGE_SIZE || (above && to + PAGE_SIZE > vma_start_gap(above)) ||
		mm->vmas.count > max_map_count)
		return -ENOMEM;
	u32 flags = VM_READ | VM_WRITE | VM_MAYREAD | VM_MAYWRITE | VM_MAYEXEC | mm->def_flags;
	flags |= mm_implied_exec(mm, flags, flags);
	if ((flags & VM_LOCKED) && !mm_may_lock(mm, (to - from) >> PAGE_SHIFT))
		return -EAGAIN;
	struct map_request r = {.len = to - from, .vm_flags = flags, .how = MM_HEAP};
	return mm_map_at(mm, &r, from);
}

/* Returns whether the break is now `brk`. */
static bool brk_move(struct mm *mm, vaddr_t brk)
{
	if (brk < mm->start_brk || brk > USER_TOP - PAGE_SIZE || !mm_brk_within_limit(mm, brk))
		return false;
	vaddr_t to = ALIGN_UP(brk, PAGE_SIZE), from = ALIGN_UP(mm->brk, PAGE_SIZE);
	if (to < from && (!vma_overlap(&mm->vmas, to, from) || mm_unmap(mm, to, from - to) < 0))
		return false;
	if (to > from && brk_grow(mm, from, to) < 0)
		return false;
	mm->brk = brk;
	return true;
}

vaddr_t mm_brk(struct mm *mm, vaddr_t brk)
{
	mutex_lock(&mm->lock);
	vaddr_t old = ALIGN_UP(mm->brk, PAGE_SIZE);
	bool moved = brk_move(mm, brk);
	vaddr_t result = mm->brk;
	bool populate = moved && (mm->def_flags & VM_LOCKED);
	mm_unlock(mm);
	if (populate && ALIGN_UP(result, PAGE_SIZE) > old)
		(void)mm_populate(mm, old, ALIGN_UP(result, PAGE_SIZE));
	return result;
}

/* --- The stack --- */

struct vma *mm_grow_stack(struct vma *v, vaddr_t addr)
{
	kassert_dbg(!v->object); /* MAP_GROWSDOWN is for private anonymous memory only */
	addr = ALIGN_DOWN(addr, PAGE_SIZE);
	struct mm *mm = v->mm;
	u32 pages = (v->start - addr) >> PAGE_SHIFT;
	struct vma *below = vma_prev(v);
	if (addr < user_min || v->end - addr > mm->limits.stack || pages > v->pgoff)
		return NULL;
	if (below && addr - below->end < STACK_GUARD_GAP && (below->flags & VM_PROT) &&
		!(below->flags & VM_GROWSDOWN))
		return NULL;
	if (anon_prepare(v) < 0 || !mm_may_expand(mm, v->flags, pages) ||
		((v->flags & VM_LOCKED) && !mm_may_lock(mm, pages)))
		return NULL;
	/* There must be memory for it even where none is promised. */
	if (!commit_charge(pages, mm->total_vm))
		return NULL;
	if (!(v->flags & VM_ACCOUNT))
		commit_release(pages);
	if (trace_mm_on())
		trace_map(v, addr, v->start);
	vma_grow_down(v, addr);
	v->pgoff -= pages;
	mm_account(mm, v->flags, pages);
	vm_events.stack_grow++;
	return v;
}

/* --- Whole spaces --- */

struct mm *mm_create(void)
{
	struct mm *mm = slab_zalloc(mm_cache);
	if (!mm)
		return NULL;
	if (pmap_init(&mm->pmap) < 0) {
		slab_free(mm_cache, mm);
		return NULL;
	}
	vma_set_init(&mm->vmas);
	mm->brittle = USER_TOP;
	mutex_init(&mm->lock);
	mm->users = mm->pins = 1;
	mm->limits = (struct mm_limits){~0u, ~0u, ~0u, 8u << 20, 8u << 20};
	spin_lock(&mm_list_lock);
	list_add_tail(&mm->link, &mm_list);
	spin_unlock(&mm_list_lock);
	return mm;
}

static void unmap_all(struct mm *mm)
{
	struct vma *v, *next;
	if (trace_mm_on())
		trace_unmap(mm, 0, USER_TOP);
	for (v = vma_first(&mm->vmas); v; v = next) {
		next = vma_next(v);
		vma_clear(v, v->start, v->end);
		vma_free(v);
	}
	vma_set_init(&mm->vmas);
}

void mm_put(struct mm *mm)
{
	if (__atomic_sub_fetch(&mm->users, 1, __ATOMIC_ACQ_REL) > 0)
		return;
	mutex_lock(&mm->lock);
	unmap_all(mm);
	kassert_msg(!mm_rss(mm), "%d pages are still counted", (int)mm_rss(mm));
	mutex_unlock(&mm->lock);
	if (mm->exe)
		mm->exe->ops->put(mm->exe);
	spin_lock(&mm_list_lock);
	list_del(&mm->link);
	spin_unlock(&mm_list_lock);
	pmap_destroy(&mm->pmap);
	mm_unpin(mm);
}

void mm_pin(struct mm *mm)
{
	spin_lock(&mm_list_lock);
	mm->pins++;
	spin_unlock(&mm_list_lock);
}

void mm_unpin(struct mm *mm)
{
	spin_lock(&mm_list_lock);
	bool last = --mm->pins == 0;
	spin_unlock(&mm_list_lock);
	if (last)
		slab_free(mm_cache, mm);
}

struct mm *mm_get_living(struct mm *mm)
{
	u32 users = READ_ONCE(mm->users);
	while (users)
		if (__atomic_compare_exchange_n(&mm->users, &users, users + 1, false,
			    __ATOMIC_ACQUIRE, __ATOMIC_RELAXED))
			return mm;
	return NULL;
}
