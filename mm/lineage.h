/*
 * Whose private pages a VMA may hold: the forks that stand behind it. Pure: no lock, no allocation.
 *
 * Every process of a family (mm/anon.h) makes its private pages in a lineage of its own, so that
 * two VMAs become one only where Linux's would, and /proc/PID/maps reads alike. A VMA has an own
 * lineage, where its new pages belong, and those it descends from, the newest first:
 *
 *      first fault         fork in it            fork in the child
 *      own --> [a]         own --> [b]           own --> [c]
 *                                   | older               | older
 *                                  [a]                   [b]
 *                                                         | older
 *                                                        [a]
 *
 * A VMA of a forked process, whose newest has an older one, never takes in a VMA without pages. A
 * fork may also get a lineage that nobody owns any more and that has one child at most, so that
 * processes which live on in their children do not gather an endless chain. These are the rules of
 * Linux's anon_vma chains.
 */
#ifndef MM_LINEAGE_H
#define MM_LINEAGE_H

#include "mm/vma.h"

/* All fields: the lock of the family. */
struct lineage {
	struct lineage *parent; /* own lineage of the VMA that was forked; NULL in the first */
	struct lineage *older;	/* newest lineage of the VMA that was forked; NULL in the first */
	u32 refs;		/* VMAs whose newest this is, lineages that have it as older */
	u32 owners;		/* VMAs whose own this is */
	u32 children;		/* living lineages whose parent it is; the first is its own child */
};

/* Makes `v`, which has none, the only owner of `l`, the first lineage of a family. */
void lineage_begin(struct vma *v, struct lineage *l);

/* Gives `v`, which has none, what `from` has: a split, a merge or a move. */
void lineage_share(struct vma *v, struct vma *from);

/* Gives `v`, which has none, the lineage of a forked `from`: an abandoned one, else `fresh`.
 * Returns whether `fresh` was used. */
bool lineage_fork(struct vma *v, struct vma *from, struct lineage *fresh);

/* Ends v's part in its lineages. Returns those that are dead now, linked by `older`, without the
 * first of the family, which ends with the family. */
struct lineage *lineage_leave(struct vma *v);

/* Has `v` no forebears? */
static inline bool lineage_is_first(const struct vma *v)
{
	return v->newest && !v->newest->older;
}

/* Do the private pages of `a` and `b` belong together, or has one of them none? */
static inline bool lineage_joins(const struct vma *a, const struct vma *b)
{
	return a->own == b->own || !a->own || !b->own;
}

/* May `v` go into its neighbour as far as their own pages are concerned? A neighbour without pages
 * takes nothing that has some, and one that a fork made nothing that has none. */
static inline bool lineage_fits(const struct vma *v, const struct vma *neighbour)
{
	return v->own == neighbour->own || (!v->own && lineage_is_first(neighbour));
}

#endif
