/* Forks behind a VMA's private pages (pure). See mm/lineage.h. */
#include "mm/lineage.h"
#include "kernel/lib/kassert.h"

static void enter(struct vma *v, struct lineage *own, struct lineage *newest)
{
	v->own = own;
	v->newest = newest;
	own->owners++;
	newest->refs++;
}

void lineage_begin(struct vma *v, struct lineage *l)
{
	*l = (struct lineage){.children = 1};
	enter(v, l, l);
}

void lineage_share(struct vma *v, struct vma *from)
{
	enter(v, from->own, from->newest);
}

/* The oldest that nobody owns and that has one child at most; NULL if there is none. */
static struct lineage *find_abandoned(struct lineage *newest)
{
	struct lineage *found = NULL;
	for (struct lineage *l = newest; l; l = l->older)
		if (!l->owners && l->children < 2)
			found = l;
	return found;
}

bool lineage_fork(struct vma *v, struct vma *from, struct lineage *fresh)
{
	struct lineage *abandoned = find_abandoned(from->newest);
	if (abandoned) {
		enter(v, abandoned, from->newest);
		return false;
	}
	*fresh = (struct lineage){.parent = from->own, .older = from->newest};
	fresh->parent->children++;
	fresh->older->refs++;
	enter(v, fresh, fresh);
	return true;
}

struct lineage *lineage_leave(struct vma *v)
{
	struct lineage *dead = NULL, *l = v->newest;
	v->own->owners--;
	v->own = v->newest = NULL;
	while (!--l->refs && l->older) {
		struct lineage *older = l->older;
		kassert_dbg(!l->owners);
		l->parent->children--;
		l->older = dead;
		dead = l;
		l = older;
	}
	return dead;
}
