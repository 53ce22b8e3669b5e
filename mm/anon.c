/* Families of VMAs that share private anonymous pages. See mm/anon.h. */
#include "mm/anon.h"
#include "kernel/abi/errno.h"
#include "mm/page_alloc.h"
#include "mm/slab.h"

static struct slab_cache *anon_cache, *lineage_cache;
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
	struct vma *above = vma_next(v), *below = vma_prev(v);
	if (above && lineage_is_first(above) && could_be_one(v, above))
		return above;
	return below && lineage_is_first(below) && could_be_one(below, v) ? below : NULL;
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
	lineage_begin(v, &a->first);
	list_add(&v->anon_link, &a->vmas);
	return 0;
}

void anon_join(struct vma *v, struct vma *from)
{
	struct anon *a = from->anon;
	v->anon = a;
	if (!a)
		return;
	spin_lock(&a->lock);
	lineage_share(v, from);
	list_add_tail(&v->anon_link, &a->vmas);
	spin_unlock(&a->lock);
}

int anon_fork(struct vma *v, struct vma *from)
{
	struct anon *a = from->anon;
	if (!a)
		return 0;
	struct lineage *fresh = slab_alloc(lineage_cache);
	if (!fresh)
		return -ENOMEM;
	v->anon = a;
	spin_lock(&a->lock);
	bool used = lineage_fork(v, from, fresh);
	list_add_tail(&v->anon_link, &a->vmas);
	spin_unlock(&a->lock);
	if (!used)
		slab_free(lineage_cache, fresh);
	return 0;
}

static __noinline void free_lineages(struct lineage *dead)
{
	for (struct lineage *next; dead; dead = next) {
		next = dead->older;
		slab_free(lineage_cache, dead);
	}
}

void anon_leave(struct vma *v)
{
	struct anon *a = v->anon;
	v->anon = NULL;
	spin_lock(&a->lock);
	list_del(&v->anon_link);
	struct lineage *dead = lineage_leave(v);
	bool last = list_empty(&a->vmas);
	spin_unlock(&a->lock);
	if (unlikely(dead))
		free_lineages(dead);
	if (last)
		slab_free(anon_cache, a);
}

void anon_init(void)
{
	anon_cache = slab_create("anon", sizeof(struct anon), 0, 0, anon_ctor);
	lineage_cache = slab_create("lineage", sizeof(struct lineage), 0, 0, NULL);
	zero_page = page_alloc(GFP_KERNEL | GFP_ZERO, PK_ZERO);
	kassert(anon_cache && lineage_cache && zero_page);
}
