/* The log's ring, as it is read at once and piece by piece, and the rate limit. */
#include "kernel/core/clock.h"
#include "kernel/core/log.h"
#include "kernel/core/selftest.h"
#include "kernel/lib/string.h"

static char text[LOG_BUF_SIZE];

/* Below the console level: only the ring sees it. */
static void log_quietly(const char *what, u32 n)
{
	u32 level = log_console_level;

	log_console_level = 0;
	log_at(LOG_DEBUG, "%s %u", what, n);
	log_console_level = level;
}

/* The newest `size` bytes of all that there is. */
static size_t read_newest(size_t size)
{
	u32 start = 0;

	return log_read(text, size, &start);
}

static bool ends_with(size_t n, const char *end)
{
	return n >= strlen(end) && memcmp(text + n - strlen(end), end, strlen(end)) == 0;
}

KTEST(log, newest_line_is_last)
{
	size_t n;

	log_quietly("first of two", 1);
	log_quietly("last of two", 2);
	n = read_newest(sizeof(text));
	KEXPECT(ends_with(n, "] last of two 2\n"));
	KEXPECT_EQ(read_newest(4), 4);
	KEXPECT(memcmp(text, "o 2\n", 4) == 0);
}

KTEST(log, only_what_is_new)
{
	u32 since = 0;
	size_t n;

	log_quietly("before", 1);
	log_read(NULL, 0, &since);
	KEXPECT_EQ(log_read(text, sizeof(text), &since), 0);
	log_quietly("after", 2);
	n = log_read(text, sizeof(text), &since);
	KEXPECT(n < 32 && ends_with(n, "] after 2\n"));
}

KTEST(log, prefix_is_the_time)
{
	size_t n, i;

	log_quietly("stamped", 0);
	n = read_newest(26); /* "[    1.234567] stamped 0\n" and what was before */
	for (i = 0; i < n && text[i] != '['; i++)
		;
	KREQUIRE(i + 14 < n);
	KEXPECT_EQ(text[i + 6], '.');
	KEXPECT_EQ(text[i + 13], ']');
	KEXPECT_EQ(text[i + 14], ' ');
}

KTEST(log, ring_wraps)
{
	size_t n;

	for (u32 i = 0; i < 4000; i++)
		log_quietly("filling the ring", i);
	n = read_newest(sizeof(text));
	KEXPECT_EQ(n, sizeof(text));
	KEXPECT(ends_with(n, " filling the ring 3999\n"));
	KEXPECT(!ends_with(read_newest(100), "3998\n"));
}

KTEST(log, long_lines_are_cut)
{
	u32 level = log_console_level;
	size_t n;

	log_console_level = 0;
	log_at(LOG_DEBUG, "%01000u", 5u);
	log_console_level = level;
	n = read_newest(1000);
	KEXPECT_EQ(text[n - 1], '\n');
	KEXPECT_EQ(text[n - 2], '0');
}

KTEST(log, read_on)
{
	u32 at = 0;
	size_t n;

	while (log_unread(at))
		log_read_on(text, sizeof(text), &at);
	KEXPECT_EQ(log_read_on(text, sizeof(text), &at), 0);
	log_at(LOG_DEBUG, "in parts");
	n = log_unread(at);
	KEXPECT(n > 14 && n < 128);
	KEXPECT_EQ(log_read_on(text, 5, &at), 5);
	KEXPECT_EQ(log_unread(at), n - 5);
	KEXPECT_EQ(log_read_on(text + 5, sizeof(text) - 5, &at), n - 5);
	KEXPECT_EQ(memcmp(text + n - 9, "in parts\n", 9), 0);
	KEXPECT_EQ(log_unread(at), 0);
}

/* Who has not read for long goes on with the oldest that is kept. */
KTEST(log, too_old)
{
	u32 at = 0;

	log_read(NULL, 0, &at);
	at -= 3 * LOG_BUF_SIZE;
	KEXPECT_EQ(log_unread(at), LOG_BUF_SIZE);
	KEXPECT_EQ(log_read_on(text, 8, &at), 8);
	KEXPECT_EQ(log_unread(at), LOG_BUF_SIZE - 8);
}

KTEST(log, rate_limit)
{
	struct ratelimit r = {0};

	KEXPECT(ratelimit_ok(&r, 2, 3600));
	KEXPECT(ratelimit_ok(&r, 2, 3600));
	KEXPECT(!ratelimit_ok(&r, 2, 3600));
	KEXPECT(ratelimit_ok(&r, 2, 0)); /* a new interval */
}
