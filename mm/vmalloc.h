/*
 * Kernel memory that is contiguous in virtual addresses only, each area followed by an unmapped
 * guard page. Also the kernel stacks, which are kept in a small cache because fork needs one.
 */
#ifndef MM_VMALLOC_H
#define MM_VMALLOC_H

#include "kernel/lib/types.h"

struct page;

/* Zeroed-free memory (contents undefined) of `bytes`, rounded up to pages. NULL when memory or
 * address space is out. */
void *vmalloc(size_t bytes) __must_check;
void vfree(void *p); /* NULL is ignored */

/* Maps existing frames [start, start + bytes) read-only, whatever owns them; vunmap() forgets the
 * mapping only. NULL when address space is out. */
void *vmap_phys(paddr_t start, size_t bytes) __must_check;
void vunmap(void *p);

/* A kernel stack: lowest byte; KSTACK_SIZE long, a guard page below and above. */
void *kstack_alloc(void) __must_check;
void kstack_free(void *stack);

/* Gives cached stacks back. Returns pages freed. */
u32 kstack_shrink(void);

struct vmalloc_area {
	vaddr_t start, end; /* with the guard page */
	u32 pages;          /* frames behind it */
	const char *kind;   /* "vmalloc", "vmap", "kstack" */
	u32 caller;         /* who asked: a code address */
};
/* The area that holds or follows `addr`; false past the last. */
bool vmalloc_next(vaddr_t addr, struct vmalloc_area *out);
u32 vmalloc_used_pages(void);
u32 kstack_count(void); /* stacks handed out */

u32 vmalloc_check(void (*complain)(const char *fmt, ...));
void vmalloc_init(void);

#endif
