/*
 * The kernel's log: a ring in memory that is also printed on the console.
 *
 * Levels are Linux's: a line is printed when its level is below the console level (`quiet` on the
 * command line sets 4, `loglevel=N` any). KERN output never enters the middle of a line that a
 * program is writing.
 */
#ifndef CORE_LOG_H
#define CORE_LOG_H

#include <stdarg.h>
#include "kernel/lib/types.h"

enum log_level { LOG_EMERG, LOG_ALERT, LOG_CRIT, LOG_ERR, LOG_WARN, LOG_NOTICE, LOG_INFO, LOG_DEBUG };

#define LOG_BUF_SIZE 32768u /* bytes that are kept: a power of two */

extern u32 log_console_level;

/* One line, without the newline; "[seconds.micros] " is put before it. Any context. */
void log_at(enum log_level level, const char *fmt, ...) __printf(2, 3);
#define log_err(...)  log_at(LOG_ERR, __VA_ARGS__)
#define log_warn(...) log_at(LOG_WARN, __VA_ARGS__)
#define log_info(...) log_at(LOG_INFO, __VA_ARGS__)

/* Raw text straight to the console, no prefix, no level: KTAP, panics. A newline becomes CR LF. */
void console_printf(const char *fmt, ...) __printf(1, 2);
void console_vprintf(const char *fmt, va_list ap);

/* Applies `quiet`, `debug` and `loglevel=N` of the command line; from here on %pS finds names. */
void log_init(void);

/* Copies the newest `size` bytes of what was logged after *since, oldest first, and moves *since
 * behind it. Positions count the bytes ever logged: 0 is before all. Returns the count. */
size_t log_read(char *buf, size_t size, u32 *since);
/* The oldest instead: moves *from, which may be too old, behind what it copied. */
size_t log_read_on(char *buf, size_t size, u32 *from);
/* How many bytes there are of what was logged after `since`. */
size_t log_unread(u32 since);

/* True at most `burst` times in any `seconds`; for faults that a program can cause at will. */
struct ratelimit {
	u64 since_ns;
	u32 count;
};
bool ratelimit_ok(struct ratelimit *r, u32 burst, u32 seconds);

#endif
