/*
 * The kernel's own symbol table. tools/ksyms.py makes it from the first link's names, and the
 * second link puts it into section .ksyms; before that, and in the first link, it is empty. What is
 * only there until the kernel has booted has a table by itself, which goes with it (.init.ksyms).
 *
 * It is made of groups, one for each stretch of the image that may move as a whole between the
 * links (what lies before the table, and .bss behind it). In a group each symbol is its distance
 * from the one before, as a ULEB128 number, and its name with a NUL.
 */
#ifndef CORE_KSYMS_H
#define CORE_KSYMS_H

#include "kernel/lib/types.h"

struct ksyms_group {
	u32 start, end; /* addresses, half-open */
	u32 count;      /* symbols; they follow, ascending, the first one's distance is from `start` */
	u32 bytes;      /* of the symbols, padded to 4: the next group follows */
};

/* Looks `addr` up in tables of this form at [table, end). Pure. NULL where no symbol is below it.
 * *offset: from the symbol; *size: from there to the next one, or to the end of its group. */
const char *ksyms_find(const void *table, const void *end, u32 addr, u32 *offset, u32 *size);

/* The init code and its symbols are about to go away. At boot, once. */
void ksyms_forget_init(void);

#endif
