/*
 * The console: the serial line and the text screen show the same bytes, and what is typed on either
 * arrives in the same place. Kernel text is in kernel/core/log.h; this is the side the tty uses.
 *
 * Output is polled, so it works before interrupts, in handlers and in a panic. The lock order is
 * tty -> console -> timers.
 */
#ifndef CORE_CONSOLE_H
#define CORE_CONSOLE_H

#include "kernel/lib/types.h"

/* Finds out what there is. The first thing that the kernel does; what is written before is lost. */
void console_init(void);

/* Bytes as they are. Any context. */
void console_output(const char *s, size_t n);

/* A whole kernel line with its newline, on a line of its own: when the cursor is inside one that a
 * program is writing, it starts on the next. */
void console_write_line(const char *s, size_t n);

/* Ends the line that is being written, if there is one. */
void console_fresh_line(void);

/* Turns on the receive interrupts; each byte typed goes to `receive`, in interrupt context. After
 * trap_init(). */
void console_input_start(void (*receive)(u8 c));

/* No more input (it waits in the device, or in the sender) until it is let through again. Any
 * context, `receive` included. */
void console_input_throttle(bool on);

/* From here on no lock is waited for: the machine is going down. */
void console_enter_panic(void);

/* Brings the text screen up to date now; otherwise a timer does. */
void console_flush(void);

#endif
