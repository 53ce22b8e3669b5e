/* The PS/2 keyboard behind an i8042 controller: raw scancodes. */
#ifndef X86_KEYBOARD_H
#define X86_KEYBOARD_H

#include "kernel/lib/types.h"

/* Lets the keyboard interrupt; each scancode byte (set 1) goes to `receive`, in interrupt context.
 * Without a controller nothing happens. */
void keyboard_input_start(void (*receive)(u8 code));

#endif
