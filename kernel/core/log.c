/* The kernel's log: a ring of bytes, its lines also printed on the console. */
#include "kernel/core/log.h"
#include "kernel/core/bootinfo.h"
#include "kernel/core/clock.h"
#include "kernel/core/console.h"
#include "kernel/core/lock.h"
#include "kernel/core/panic.h"
#include "kernel/lib/fmt.h"

#define LINE_MAX  512u	 /* longer lines are cut */

u32 log_console_level = LOG_DEBUG; /* everything more serious than debugging */

/* Guards the ring. Nothing is taken inside it. */
static struct spinlock log_lock = SPINLOCK_INIT("log");
static char ring[LOG_BUF_SIZE];
static u32 ring_head; /* bytes ever written */

static void ring_put(const char *s, size_t n)
{
	u32 flags = spin_lock_irqsave(&log_lock);

	for (size_t i = 0; i < n; i++)
		ring[ring_head++ % LOG_BUF_SIZE] = s[i];
	spin_unlock_irqrestore(&log_lock, flags);
}

void log_at(enum log_level level, const char *fmt, ...)
{
	u64 us = clock_monotonic_ns() / 1000;
	char line[LINE_MAX];
	va_list ap;
	int n, max;

	n = scnprintf(line, sizeof(line), "[%5u.%06u] ", (u32)(us / 1000000), (u32)(us % 1000000));
	va_start(ap, fmt);
	max = (int)sizeof(line) - 1 - n; /* leaves room for the newline */
	n += MIN(vsnprintf(line + n, (size_t)max, fmt, ap), max - 1);
	va_end(ap);
	line[n++] = '\n';
	ring_put(line, (size_t)n);
	if ((u32)level < log_console_level)
		console_write_line(line, (size_t)n);
}

/* Caller holds the lock. */
static void ring_copy(char *buf, u32 from, u32 n)
{
	for (u32 i = 0; i < n; i++)
		buf[i] = ring[(from + i) % LOG_BUF_SIZE];
}

size_t log_read(char *buf, size_t size, u32 *since)
{
	u32 flags = spin_lock_irqsave(&log_lock);
	u32 n = MIN(MIN(ring_head - *since, LOG_BUF_SIZE), (u32)size);

	ring_copy(buf, ring_head - n, n);
	*since = ring_head;
	spin_unlock_irqrestore(&log_lock, flags);
	return n;
}

size_t log_read_on(char *buf, size_t size, u32 *from)
{
	u32 flags = spin_lock_irqsave(&log_lock);
	u32 there = MIN(ring_head - *from, LOG_BUF_SIZE), n = MIN(there, (u32)size);

	ring_copy(buf, ring_head - there, n);
	*from = ring_head - there + n;
	spin_unlock_irqrestore(&log_lock, flags);
	return n;
}

size_t log_unread(u32 since)
{
	return MIN(READ_ONCE(ring_head) - since, LOG_BUF_SIZE);
}

bool ratelimit_ok(struct ratelimit *r, u32 burst, u32 seconds)
{
	u64 now = clock_monotonic_ns();

	if (r->count == 0 || now - r->since_ns >= seconds * NSEC_PER_SEC) {
		r->since_ns = now;
		r->count = 0;
	}
	if (r->count >= burst)
		return false;
	r->count++;
	return true;
}

void __init log_init(void)
{
	char value[8];

	fmt_symboliser = ksym_lookup;
	if (cmdline_get("debug", NULL, 0) == 0)
		log_console_level = LOG_DEBUG + 1;
	if (cmdline_get("quiet", NULL, 0) == 0)
		log_console_level = LOG_WARN;
	if (cmdline_get("loglevel", value, sizeof(value)) == 1 && value[0] >= '0' &&
		value[0] <= '9')
		log_console_level = (u32)(value[0] - '0');
}
