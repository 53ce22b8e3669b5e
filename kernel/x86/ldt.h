/* Segment descriptors, and local tables of them: one for an address space whose programs have asked for
 * segments of their own. */
#ifndef X86_LDT_H
#define X86_LDT_H

#include "kernel/lib/types.h"

struct segdesc {
	u32 lo, hi; /* as the CPU reads it (Intel SDM vol. 3A, 3.4.5); both 0: empty */
};

/* Bits of the high word. */
#define DESC_ACCESSED  (1u << 8)
#define DESC_WRITABLE  (1u << 9)
#define DESC_KIND_SHIFT 10 /* two bits, as UD_CONTENTS */
#define DESC_CODE_DATA (1u << 12)
#define DESC_USER      (3u << 13)
#define DESC_PRESENT   (1u << 15)
#define DESC_AVL       (1u << 20)
#define DESC_32BIT     (1u << 22)
#define DESC_PAGES     (1u << 23)

#define LDT_ENTRIES 8192u /* as many as a selector can name */

struct ldt {
	u32 nr; /* entries, at most LDT_ENTRIES */
	struct segdesc entries[];
};

/* A copy with room for `nr` entries at least; `from` may be NULL. NULL when memory is out; kfree()
 * frees it. */
struct ldt *ldt_copy(const struct ldt *from, u32 nr) __must_check;

/* Makes it this CPU's; NULL: none. */
void ldt_load(const struct ldt *ldt);

#endif
