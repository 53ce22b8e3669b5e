/*
 * Radix tree from a 32-bit index to a non-NULL pointer, 6 bits a level, as deep as the largest
 * index needs. Pure: nodes come from the allocator it is handed.
 */
#ifndef LIB_RADIX_H
#define LIB_RADIX_H

#include "kernel/lib/types.h"

#define RADIX_BITS 6
#define RADIX_SLOTS (1u << RADIX_BITS)

struct radix_node {
	u8 height; /* 1: slots are items */
	u8 used;   /* non-NULL slots */
	void *slot[RADIX_SLOTS];
};

struct radix {
	struct radix_node *root;
	/* Returns a zeroed node, or NULL when memory is out. */
	struct radix_node *(*node_alloc)(void);
	void (*node_free)(struct radix_node *n);
};

void *radix_get(const struct radix *r, u32 index);

/* Stores over an empty slot. Returns 0, -ENOMEM, or -EEXIST when the slot is taken. */
int radix_insert(struct radix *r, u32 index, void *item) __must_check;

/* Stores over a slot that is not empty. */
void radix_replace(struct radix *r, u32 index, void *item);

/* Empties a slot and returns what it held (NULL if nothing); nodes left empty are freed. */
void *radix_delete(struct radix *r, u32 index);

/* The first item at an index >= *index; *index is set to where it was found. NULL if none. */
void *radix_next(const struct radix *r, u32 *index);

#endif
