/* The first serial port: a 16550 at 0x3f8, 115200 baud, 8N1, FIFOs on. Output is polled; the caller
 * keeps two writers apart. */
#ifndef X86_SERIAL_H
#define X86_SERIAL_H

#include "kernel/lib/types.h"

/* Sets the port up. Without one, everything below does nothing. */
void serial_init(void);

void serial_write(const char *s, size_t n);

/* Lets the port interrupt; each byte received goes to `receive`, in interrupt context. */
void serial_input_start(void (*receive)(u8 c));

/* Stops taking bytes out of the FIFO, which stops the sender, or takes them again. */
void serial_throttle(bool on);

#endif
