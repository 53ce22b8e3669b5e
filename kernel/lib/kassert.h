/*
 * Two kinds of failure stay apart: what can happen returns an errno; what cannot, panics with the
 * values. kassert() is for the second and is always on; kassert_dbg() costs more than it should
 * on a hot path and is on in DEBUG builds and host tests.
 */
#ifndef LIB_KASSERT_H
#define LIB_KASSERT_H

#include "kernel/lib/types.h"

/* In the kernel: kernel/core/panic.c. On the host: prints and aborts. */
void panic(const char *fmt, ...) __printf(1, 2) __noreturn __attribute__((cold));

#define kassert(cond)                                                                              \
	do {                                                                                       \
		if (unlikely(!(cond)))                                                             \
			panic("assertion failed: %s (%s:%d)", #cond, __FILE__, __LINE__);          \
	} while (0)

/* The same, saying more: kassert_msg(n < max, "n %u max %u", n, max). */
#define kassert_msg(cond, fmt, ...)                                                                \
	do {                                                                                       \
		if (unlikely(!(cond)))                                                             \
			panic("assertion failed: %s (%s:%d): " fmt, #cond, __FILE__, __LINE__,     \
				##__VA_ARGS__);                                                    \
	} while (0)

#ifdef DEBUG
#define kassert_dbg(cond) kassert(cond)
#else
#define kassert_dbg(cond) ((void)sizeof(cond))
#endif

#endif
