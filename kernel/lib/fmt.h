/* printf formatting, pure. Conversions: d i u x X o c s p %, flags `-0 #+space`, width and
 * precision (also `*`), lengths hh h l ll z. `%pS` prints an address as symbol+offset when a
 * symboliser is installed. */
#ifndef LIB_FMT_H
#define LIB_FMT_H

#include <stdarg.h>
#include "kernel/lib/types.h"

/* The symboliser behind `%pS`: ksym_lookup() of kernel/core/panic.h, put here at boot. NULL: `%pS`
 * prints the bare address. */
extern const char *(*fmt_symboliser)(u32 addr, u32 *offset);

/* Formats into a sink that takes `n` bytes at a time. Returns the number of bytes produced. */
size_t fmt_v(void (*sink)(void *ctx, const char *s, size_t n), void *ctx, const char *f, va_list ap);

/* As the C library's: returns the length that the whole text would have had. */
int vsnprintf(char *buf, size_t size, const char *f, va_list ap);
int snprintf(char *buf, size_t size, const char *f, ...) __printf(3, 4);

/* As snprintf, but returns what was really written (never more than size-1). For building text
 * piece by piece. */
int scnprintf(char *buf, size_t size, const char *f, ...) __printf(3, 4);

/* Numbers without a format, for text that has thousands of them. They end at `end`; the functions
 * return where they begin. fmt_hex() writes at least `digits`. */
char *fmt_decimal(char *end, u64 v);
char *fmt_hex(char *end, u32 v, u32 digits);

#endif
