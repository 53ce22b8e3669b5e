/* The CMOS clock (Motorola MC146818A data sheet): read until two readings agree, since it may be in
 * the middle of counting on. */
#include "kernel/x86/rtc.h"
#include "kernel/lib/string.h"
#include "kernel/x86/io.h"

#define CMOS_INDEX 0x70
#define CMOS_DATA  0x71

#define RTC_STATUS_A 0x0a
#define RTC_STATUS_B 0x0b
#define STATUS_A_UIP 0x80 /* an update is near: values may be torn */
#define STATUS_B_24H 0x02
#define STATUS_B_BIN 0x04
#define HOUR_PM	     0x80

#define UIP_TRIES  10000u
#define READ_TRIES 5u

enum { SECOND, MINUTE, HOUR, DAY, MONTH, YEAR, NR_FIELDS };

static u8 cmos_read(u8 reg)
{
	outb(CMOS_INDEX, reg);
	return inb(CMOS_DATA);
}

static __init void read_fields(u8 v[NR_FIELDS])
{
	static const u8 reg[NR_FIELDS] = {0, 2, 4, 7, 8, 9};

	for (u32 i = 0; i < UIP_TRIES && cmos_read(RTC_STATUS_A) & STATUS_A_UIP; i++)
		barrier();
	for (u32 i = 0; i < NR_FIELDS; i++)
		v[i] = cmos_read(reg[i]);
}

static __init u32 from_bcd(u32 v)
{
	return (v >> 4) * 10 + (v & 15);
}

/* Days from 1970-01-01 to a date of the Gregorian calendar. Years count from March, so that the
 * leap day is a year's last. */
static __init u32 days_since_1970(u32 year, u32 month, u32 day)
{
	u32 y = month > 2 ? year : year - 1;
	u32 m = month > 2 ? month - 3 : month + 9;

	return 365 * y + y / 4 - y / 100 + y / 400 + (153 * m + 2) / 5 + day - 1 - 719468;
}

u64 __init rtc_read_seconds(void)
{
	u8 v[NR_FIELDS], again[NR_FIELDS], status = cmos_read(RTC_STATUS_B);
	bool pm;

	read_fields(v);
	for (u32 i = 0; i < READ_TRIES; i++) {
		read_fields(again);
		if (memcmp(v, again, sizeof(v)) == 0)
			break;
		memcpy(v, again, sizeof(v));
	}
	pm = !(status & STATUS_B_24H) && v[HOUR] & HOUR_PM;
	v[HOUR] &= (u8)~HOUR_PM;
	if (!(status & STATUS_B_BIN))
		for (u32 i = 0; i < NR_FIELDS; i++)
			v[i] = (u8)from_bcd(v[i]);
	if (!(status & STATUS_B_24H))
		v[HOUR] = (u8)(v[HOUR] % 12 + (pm ? 12 : 0));
	/* The clock tells no century. */
	return (u64)days_since_1970(2000u + v[YEAR], v[MONTH], v[DAY]) * 86400 + v[HOUR] * 3600u +
	       v[MINUTE] * 60u + v[SECOND];
}
