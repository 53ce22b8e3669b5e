/*
 * Red-black tree with an optional augmentation (Cormen et al., ch. 13 and 14). Pure.
 *
 * The tree is threaded: each node knows its neighbours in order. The user knows after which node a
 * new one belongs, links it there and has the tree balanced. Nodes may carry an upper bound on something in their subtree. The tree keeps it one: a
 * node that takes another's place takes its bound too, and one that goes down keeps its own. The
 * user raises those that a new node exceeds, between linking and balancing, and lowers, when it
 * cares to, those that have become too wide.
 */
#ifndef LIB_RBTREE_H
#define LIB_RBTREE_H

#include "kernel/lib/types.h"

struct rb_node {
	struct rb_node *parent, *left, *right;
	struct rb_node *prev, *next; /* in order; NULL at an end */
	u32 bound; /* the user's, for this subtree */
	bool red;
};

struct rb_root {
	struct rb_node *node;
	struct rb_node *first, *last;
};

/* Links `n` right behind `prev` in order (NULL: as the first). rb_balance() must follow. */
void rb_link_after(struct rb_root *root, struct rb_node *prev, struct rb_node *n);
void rb_balance(struct rb_root *root, struct rb_node *n);
void rb_erase(struct rb_root *root, struct rb_node *n);

/* Colour rules, links and black height; returns the number of nodes, or -1 when broken. */
int rb_check(const struct rb_root *root);

#define rb_entry(p, type, member) container_of(p, type, member)

#endif
