/* The battery clock. */
#ifndef X86_RTC_H
#define X86_RTC_H

#include "kernel/lib/types.h"

/* Seconds since 1970-01-01 00:00 UTC, which is what the clock is taken to be set to. */
u64 rtc_read_seconds(void);

#endif
