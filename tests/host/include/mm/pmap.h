/* What the page allocator needs of the page tables, on the host (tests/host/fakes.c). */
#ifndef HOST_PMAP_H
#define HOST_PMAP_H

#include "mm/page.h"

struct page *page_zero(struct page *p);
void page_copy(struct page *dst, struct page *src);

#endif
