/* Windows of the kernel onto memory that it has no address for: the machine's side of kmap_local()
 * (mm/pmap.h). */
#ifndef X86_KMAP_H
#define X86_KMAP_H

#include "kernel/x86/thread.h"

/* Replaces the windows `from` has open on this CPU by those of `to`. Interrupts are off. */
void kmap_switch(struct x86_thread *from, struct x86_thread *to);

/* Reads physical memory inside one page, in any context, without using a kmap slot. False when
 * there is nothing to read. */
bool pmap_read_phys(void *dst, paddr_t src, size_t n);

#endif
