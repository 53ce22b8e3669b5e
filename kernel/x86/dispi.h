/* The Bochs display interface of QEMU's standard VGA: a graphics mode without a BIOS. */
#ifndef X86_DISPI_H
#define X86_DISPI_H

#include "kernel/core/bootinfo.h"

/* Sets a mode of 32 bits a pixel and says in `out` where it is. False: there is no such adapter, and
 * nothing has changed. */
bool dispi_set_mode(struct boot_framebuffer *out, u32 width, u32 height);

#endif
