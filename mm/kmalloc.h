/*
 * General-purpose kernel memory: slab caches of 8 bytes to 128 KiB in steps that waste at most a
 * quarter, whole pages above. Blocks are 8-byte aligned, those of a power of two on their size
 * (up to a page). Never sleeps; not for interrupt handlers.
 */
#ifndef MM_KMALLOC_H
#define MM_KMALLOC_H

#include "kernel/lib/types.h"

void kmalloc_init(void);

void *kmalloc(size_t size) __must_check;
void *kzalloc(size_t size) __must_check;
/* n * size with the overflow checked. */
void *kcalloc(size_t n, size_t size) __must_check;
/* Grows or shrinks, keeping the contents; the old block stays valid when it returns NULL. */
void *krealloc(void *p, size_t size) __must_check;
char *kstrdup(const char *s) __must_check;
void kfree(const void *p); /* NULL is ignored */
size_t ksize(const void *p);

#endif
