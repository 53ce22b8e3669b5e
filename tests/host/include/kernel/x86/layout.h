/*
 * The address map as host tests see it: "physical" memory is a mapping of the test process, with a
 * border between low and high memory that is low enough to have some of each.
 */
#ifndef HOST_LAYOUT_H
#define HOST_LAYOUT_H

#include_next "kernel/x86/layout.h"

#undef KERNEL_BASE
#undef LOWMEM_LIMIT
#define KERNEL_BASE  0x70000000u
#define LOWMEM_LIMIT 0x03000000u

#endif
