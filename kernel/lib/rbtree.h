/*
 * Red-black tree with an optional augmentation (Cormen et al., ch. 13 and 14). Pure.
 *
 * The user knows between which two nodes a new one belongs, links it there and has the tree
 * balanced. When nodes carry a bound on something in their subtree, `update` recomputes one node's
 * from its children; the tree calls it on the nodes that get other children by balancing or an
 * erasure, lower ones first. Bounds that a new node exceeds are raised by the user, between linking
 * and balancing; those that an erased node leaves too wide are still bounds.
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
	void (*update)(struct rb_root *root, struct rb_node *n); /* NULL: no augmentation */
};

/* Links `n` between `prev` and `next`, its neighbours in order (either may be NULL, at an end): one
 * of them has no child on that side. rb_balance() must follow. */
void rb_link_between(
	struct rb_root *root, struct rb_node *prev, struct rb_node *next, struct rb_node *n);
void rb_balance(struct rb_root *root, struct rb_node *n);
void rb_erase(struct rb_root *root, struct rb_node *n);

struct rb_node *rb_first(const struct rb_root *root);
struct rb_node *rb_last(const struct rb_root *root);
struct rb_node *rb_next(const struct rb_node *n);
struct rb_node *rb_prev(const struct rb_node *n);

/* Colour rules, parent links and black height; returns the number of nodes, or -1 when broken. */
int rb_check(const struct rb_root *root);

#define rb_entry(p, type, member) container_of(p, type, member)

#endif
