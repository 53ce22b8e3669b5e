/*
 * The exception table: instructions that may fault on purpose, and where each continues then.
 * Entries are made by EXTABLE (kernel/x86/asm.h) and sorted at boot.
 */
#ifndef X86_EXTABLE_H
#define X86_EXTABLE_H

#include "kernel/lib/types.h"

/* Where a fault of the instruction at `eip` continues, or 0 when it has no entry. */
u32 extable_lookup(u32 eip);

/* Sorts the table; while it can still be written. */
void extable_init(void);

#endif
