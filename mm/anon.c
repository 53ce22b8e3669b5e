/* Families of VMAs that share private anonymous pages. See mm/anon.h. */
#include "mm/anon.h"
#include "kernel/abi/errno.h"
#include "mm/page_alloc.h"
#include "mm/slab.h"
#include "mm/space.h"

static struct slab_cache *anon_cache;
static u64 last_id;
static struct spinlock id_lock = SPINLOCK_INIT("anon_id"); /* last_id */
struct page *zero_page;

static void anon_ctor(void *obj)
{
	struct anon *a = obj;
	spin_init(&a->lock, "anon");
	list_init(&a->vmas);
}

/* `b`, right above `a`, differs from it at most in protection: after an mprotect there and back
 * they are one VMA again, if they are of one family. */
static bool could_be_one(const struct vma *a, const struct vma *b)
{
	return a->end == b->start && a->object == b->object && a->backing == b->backing &&
	       b->pgoff == vma_pgoff(a, a->end) &&
	       !((a->flags ^ b->flags) & ~(VM_PROT | VM_SOFTDIRTY));
}

static struct vma *sharing_neighbour(struct vma *v)
{
	struct vma *above = vma_next(&v->mm->vmas, v), *below = vma_prev(&v->mm->vmas, v);
	if (above && above->anon_depth == 1 && could_be_one(v, above))
		return above;
	return below && below->anon_depth == 1 && could_be_one(below, v) ? below : NULL;
}

void anon_new_id(struct vma *v)
{
	spin_lock(&id_lock);
	v->anon_id = ++last_id;
	spin_unlock(&id_lock);
	v->anon_depth++;
}

int anon_found(struct vma *v)
{
	struct vma *near = sharing_neighbour(v);
	if (near) {
		anon_join(v, near);
		return 0;
	}
	struct anon *a = slab_alloc(anon_cache);
	if (!a)
		return -ENOMEM;
	v->anon = a;
	anon_new_id(v);
	list_add(&v->anon_link, &a->vmas);
	return 0;
}

void anon_join(struct vma *v, struct vma *from)
{
	struct anon *a = from->anon;
	v->anon = a;
	v->anon_id = from->anon_id;
	v->anon_depth = from->anon_depth;
	if (!a)
		return;
	spin_lock(&a->lock);
	list_add_tail(&v->anon_link, &a->vmas);
	spin_unlock(&a->lock);
}

void anon_leave(struct vma *v)
{
	struct anon *a = v->anon;
	if (!a)
		return;
	spin_lock(&a->lock);
	list_del(&v->anon_link);
	bool last = list_empty(&a->vmas);
	spin_unlock(&a->lock);
	v->anon = NULL;
	v->anon_id = v->anon_depth = 0;
	if (last)
		slab_free(anon_cache, a);
}

void anon_init(void)
{
	anon_cache = slab_create("anon", sizeof(struct anon), 0, 0, anon_ctor);
	zero_page = page_alloc(GFP_KERNEL | GFP_ZERO, PK_ZERO);
	kassert(anon_cache && zero_page);
}
