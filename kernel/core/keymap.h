/* A PC keyboard's scancodes (set 1) as the bytes a terminal sends. US layout. Pure. */
#ifndef CORE_KEYMAP_H
#define CORE_KEYMAP_H

#include "kernel/lib/types.h"

#define KEYMAP_MAX 6u /* bytes one key can make, with its NUL */

struct keymap {
	bool shift, ctrl, alt, caps;
	bool extended; /* the last byte was 0xe0 */
	u8 skip;       /* bytes still to ignore: the Pause key */
};

/* Takes one scancode byte. Stores what the key sends, NUL-terminated, and returns its length; 0
 * for releases, modifiers and half sequences. (Ctrl-Space sends a NUL: length 1.) */
u32 keymap_byte(struct keymap *k, u8 code, char out[KEYMAP_MAX]);

#endif
