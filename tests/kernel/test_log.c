/* The log as it is read on, piece by piece. */
#include "kernel/core/log.h"
#include "kernel/core/selftest.h"
#include "kernel/lib/string.h"

KTEST(log, read_on)
{
	char text[128];
	u32 at = 0;
	size_t n;

	while (log_unread(at))
		log_read_on(text, sizeof(text), &at);
	KEXPECT_EQ(log_read_on(text, sizeof(text), &at), 0);
	log_at(LOG_DEBUG, "in parts");
	n = log_unread(at);
	KEXPECT(n > 14 && n < sizeof(text));
	KEXPECT_EQ(log_read_on(text, 5, &at), 5);
	KEXPECT_EQ(log_unread(at), n - 5);
	KEXPECT_EQ(log_read_on(text + 5, sizeof(text) - 5, &at), n - 5);
	KEXPECT_EQ(memcmp(text + n - 9, "in parts\n", 9), 0);
	KEXPECT_EQ(log_unread(at), 0);
}

/* Who has not read for long goes on with the oldest that is kept. */
KTEST(log, too_old)
{
	char text[8];
	u32 at = 0;

	log_read(NULL, 0, &at);
	at -= 3 * LOG_BUF_SIZE;
	KEXPECT_EQ(log_unread(at), LOG_BUF_SIZE);
	KEXPECT_EQ(log_read_on(text, sizeof(text), &at), sizeof(text));
	KEXPECT_EQ(log_unread(at), LOG_BUF_SIZE - sizeof(text));
}
