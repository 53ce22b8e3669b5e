/*
 * Balanced binary tree that is rebalanced when nodes come and not when they go: a relaxed AVL tree
 * (Sen, Tarjan: Deletion Without Rebalancing in Balanced Binary Trees, SODA 2010), with an optional
 * augmentation. Pure.
 *
 * Each node has a rank above those of its children. A node that goes leaves the ranks of the others
 * as they are, so one that comes back to its place finds room there: what is taken and given back,
 * as mappings are, costs no rotation. The price is that paths are logarithmic in the number of nodes
 * that have ever come, not of those that are there.
 *
 * The tree is threaded: each node knows its neighbours in order, and the user knows after which a
 * new one belongs. Nodes may carry an upper bound on something in their subtree. The tree keeps it
 * one: a node that takes another's place takes its bound too, and one that goes down keeps its own.
 * The user raises those that a new node exceeds, and lowers, when it cares to, those that have
 * become too wide.
 */
#ifndef LIB_RAVL_H
#define LIB_RAVL_H

#include "kernel/lib/types.h"

struct ravl_node {
	struct ravl_node *parent, *left, *right;
	struct ravl_node *prev, *next; /* in order; NULL at an end */
	u32 bound;                     /* the user's, for this subtree; never more than the parent's */
	u32 rank;                      /* above those of the children; a new node has 0 */
};

struct ravl_root {
	struct ravl_node *node;
	struct ravl_node *first, *last;
};

/* Puts `n`, with a bound of 0, right behind `prev` in order (NULL: as the first). */
void ravl_insert_after(struct ravl_root *root, struct ravl_node *prev, struct ravl_node *n);
void ravl_erase(struct ravl_root *root, struct ravl_node *n);

/* Ranks and links; returns the number of nodes, or -1 when broken. */
int ravl_check(const struct ravl_root *root);

#define ravl_entry(p, type, member) container_of(p, type, member)

#endif
