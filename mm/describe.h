/* What an address is, for panics: the VMA that holds it, or the slab object, area or frame. */
#ifndef MM_DESCRIBE_H
#define MM_DESCRIBE_H

#include "kernel/lib/types.h"

/* Prints a line on the console. Takes no lock and allocates nothing; believes what it finds only
 * as far as it can check. */
void describe_addr(vaddr_t addr);

#endif
