/* 64-bit division, which the compiler leaves to kernel/lib/div64.c, against long division by bits.
 */
#include "kernel/core/selftest.h"

static u64 slow_divide(u64 n, u64 d, u64 *rem)
{
	u64 q = 0, r = 0;

	for (int bit = 63; bit >= 0; bit--) {
		bool carry = r >> 63;

		r = r << 1 | (n >> bit & 1);
		if (carry || r >= d) {
			r -= d;
			q |= 1ull << bit;
		}
	}
	*rem = r;
	return q;
}

static void expect_unsigned(u64 n, u64 d)
{
	/* volatile, so that the compiler must ask for a division. */
	volatile u64 vn = n, vd = d;
	u64 r, q = slow_divide(n, d, &r);

	if (vn / vd != q || vn % vd != r)
		ktest_fail(__FILE__, __LINE__, "%llu / %llu", (unsigned long long)n,
			(unsigned long long)d);
}

static void expect_signed(s64 n, s64 d)
{
	volatile s64 vn = n, vd = d;
	u64 r, q = slow_divide(n < 0 ? -(u64)n : (u64)n, d < 0 ? -(u64)d : (u64)d, &r);
	s64 sq = (n < 0) != (d < 0) ? (s64)-q : (s64)q, sr = n < 0 ? (s64)-r : (s64)r;

	if (vn / vd != sq || vn % vd != sr)
		ktest_fail(__FILE__, __LINE__, "%lld / %lld", (long long)n, (long long)d);
}

KTEST(div64, edges)
{
	static const u64 v[] = {0, 1, 2, 3, 10, 0x7fffffff, 0x80000000, 0xffffffff, 0x100000000,
		0x100000001, 0x1ffffffff, 0x7fffffffffffffff, 0x8000000000000000,
		0x8000000000000001, 0xfffffffeffffffff, 0xffffffff00000000, 0xffffffffffffffff};

	for (u32 i = 0; i < ARRAY_SIZE(v); i++) {
		for (u32 j = 1; j < ARRAY_SIZE(v); j++) {
			expect_unsigned(v[i], v[j]);
			if (!(v[i] == 1ull << 63 && v[j] == ~0ull))
				expect_signed((s64)v[i], (s64)v[j]);
		}
	}
}

static u64 random_of_any_length(void)
{
	return ((u64)ktest_random() << 32 | ktest_random()) >> ktest_random() % 64;
}

KTEST(div64, random)
{
	for (u32 i = 0; i < 1000; i++) {
		u64 n = random_of_any_length(), d = random_of_any_length();

		if (!d)
			continue;
		expect_unsigned(n, d);
		expect_signed((s64)n, (s64)(d >> 1) + 1);
		expect_signed((s64)n, -(s64)(d >> 1) - 1);
	}
}
