/*
 * What programs may call besides malloc()'s family. Defined with the prefix of the unit tests too.
 */
#ifndef TMALLOC_H
#define TMALLOC_H

#include <stddef.h>

/* mallopt(): the numbers are the C library's. */
#define TM_MXFAST         1
#define TM_TRIM_THRESHOLD (-1)
#define TM_TOP_PAD        (-2)
#define TM_MMAP_THRESHOLD (-3)
#define TM_MMAP_MAX       (-4)
#define TM_PERTURB        (-6)

#define TM_MXFAST_MAX (80 * sizeof(size_t) / 4)

struct tm_totals {
	size_t system, in_use, free, top;  /* bytes of the heap, which brk and extents make up */
	size_t mapped, nr_mapped;          /* blocks with their own mapping */
	size_t peak_mapped, peak_nr_mapped;
	size_t nr_free;                    /* free runs of pages */
	size_t cached;                     /* of free: bytes that small free blocks take */
};

/* The totals now; they do not agree to the last byte while other threads work. */
void tm_totals(struct tm_totals *t);
/* Write the heap's state to @fd: one JSON object, or a drawing of the spans. */
void tmalloc_dump_json(int fd);
void tmalloc_dump_svg(int fd);
/* What malloc_stats() writes. */
void tmalloc_dump_stats(int fd);
/* Check every structure; aborts with the name of what is wrong. Other threads must rest. */
void tmalloc_check(void);

#endif
