/*
 * Red-black tree with an optional augmentation (Cormen et al., ch. 13 and 14). Pure.
 *
 * The user links a new node at the leaf he found while descending, then calls rb_insert(), which
 * rebalances. When the tree carries per-subtree data, `update` recomputes one node's from its
 * children; the tree calls it bottom-up on every node whose subtree changed, up to the root.
 */
#ifndef LIB_RBTREE_H
#define LIB_RBTREE_H

#include "kernel/lib/types.h"

struct rb_node {
	struct rb_node *parent, *left, *right;
	bool red;
};

struct rb_root {
	struct rb_node *node;
	bool (*update)(struct rb_node *n); /* returns whether it changed; NULL: no augmentation */
};

/* Rebalances after `n` has been hung at *link under `parent` (NULL for an empty tree). */
void rb_insert(struct rb_root *root, struct rb_node *parent, struct rb_node **link, struct rb_node *n);
void rb_erase(struct rb_root *root, struct rb_node *n);

/* Inserts `n` between `prev` and `next`, its neighbours in order (either may be NULL, at an end),
 * without a descent: one of them has no child on that side. */
void rb_insert_between(
	struct rb_root *root, struct rb_node *prev, struct rb_node *next, struct rb_node *n);

/* Puts `n` where `old` stands; both must compare alike. The augmentation is recomputed. */
void rb_replace(struct rb_root *root, struct rb_node *old, struct rb_node *n);

/* Recomputes the augmentation from `n` to the root, after n's own data changed. */
void rb_update_path(struct rb_root *root, struct rb_node *n);

struct rb_node *rb_first(const struct rb_root *root);
struct rb_node *rb_last(const struct rb_root *root);
struct rb_node *rb_next(const struct rb_node *n);
struct rb_node *rb_prev(const struct rb_node *n);

/* Colour rules, parent links and black height; returns the number of nodes, or -1 when broken. */
int rb_check(const struct rb_root *root);

#define rb_entry(p, type, member) container_of(p, type, member)

#endif
