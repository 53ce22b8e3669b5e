/* Numbers read from text. */
#include "kernel/lib/number.h"
#include "kernel/lib/string.h"

/* The value of a digit in any base up to 16; 16 when it is none. */
static u32 digit_value(char c)
{
	if (c >= '0' && c <= '9')
		return (u32)(c - '0');
	c |= 0x20;
	return c >= 'a' && c <= 'f' ? (u32)(c - 'a') + 10 : 16;
}

static u32 take_base(const char **s)
{
	if ((*s)[0] != '0')
		return 10;
	if (((*s)[1] | 0x20) != 'x' || digit_value((*s)[2]) >= 16)
		return 8;
	*s += 2;
	return 16;
}

bool take_number(const char **s, u32 base, u64 max, u64 *out)
{
	const char *p = *s;
	u64 v = 0;

	if (!base)
		base = take_base(&p);
	if (digit_value(*p) >= base)
		return false;
	for (; digit_value(*p) < base; p++)
		if (__builtin_mul_overflow(v, (u64)base, &v) ||
			__builtin_add_overflow(v, (u64)digit_value(*p), &v) || v > max)
			return false;
	*s = p;
	*out = v;
	return true;
}

bool take_size(const char **s, u64 *bytes)
{
	static const char units[] = "kmgtpe";
	const char *p = *s, *unit;
	u64 v = 0;
	bool number = take_number(&p, 0, UINT64_MAX, &v);
	u32 shift;

	unit = *p ? strchr(units, *p | 0x20) : NULL;
	shift = unit ? 10 * (u32)(unit - units + 1) : 0;
	if ((!number && !unit) || v > UINT64_MAX >> shift)
		return false;
	*s = unit ? p + 1 : p;
	*bytes = v << shift;
	return true;
}

bool number_line(const char *s, u32 *out)
{
	u64 v;

	if (!take_number(&s, 10, UINT32_MAX, &v) || (*s && strcmp(s, "\n") != 0))
		return false;
	*out = (u32)v;
	return true;
}
