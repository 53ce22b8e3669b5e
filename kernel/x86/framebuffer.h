/*
 * The linear framebuffer, if the boot loader or we have set a graphics mode: 32 bits a pixel, at
 * FRAMEBUFFER_START in kernel space.
 */
#ifndef X86_FRAMEBUFFER_H
#define X86_FRAMEBUFFER_H

#include "kernel/core/canvas.h"
#include "kernel/x86/pte.h"

/* width 0: there is none, and the VGA shows text. Anybody may draw; each owns a part of it. */
extern struct canvas framebuffer;

/* Boot, after bootinfo: takes the loader's mode; where it has set none and the command line says
 * `picture`, sets one. Maps it with the tables of the boot. */
void framebuffer_init(void);

/* Boot: puts it into a page directory of the kernel's half. Write-combining if the CPU can and
 * cpu_features_init() has run, else uncached. */
void framebuffer_map(pte_t *directory);

#endif
