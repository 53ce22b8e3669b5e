/*
 * The 64-bit operations that the compiler calls by name on a 32-bit machine. The kernel is built
 * with its own calling convention, so the compiler's library cannot serve it.
 */
#include "kernel/lib/types.h"

#ifdef __i386__

u64 __udivmoddi4(u64 n, u64 d, u64 *rem);
u64 __udivdi3(u64 n, u64 d);
u64 __umoddi3(u64 n, u64 d);
s64 __divdi3(s64 n, s64 d);
s64 __moddi3(s64 n, s64 d);
s64 __divmoddi4(s64 n, s64 d, s64 *rem);
int __ctzdi2(u64 v);

/* n / d where the quotient fits in 32 bits: the high half of n is below d. */
static u32 div_narrow(u64 n, u32 d, u32 *rem)
{
	u32 q, r;

	__asm__("divl %4" : "=a"(q), "=d"(r) : "0"((u32)n), "1"((u32)(n >> 32)), "rm"(d) : "cc");
	*rem = r;
	return q;
}

static u64 div_by_32(u64 n, u32 d, u64 *rem)
{
	u32 high = 0, r = (u32)(n >> 32), low;

	if (r >= d)
		high = div_narrow(r, d, &r);
	low = div_narrow(u64_of((u32)n, r), d, &r);
	*rem = r;
	return u64_of(low, high);
}

/* d >= 2^32. The top 32 bits of d, normalised, give a quotient that is at most one too large;
 * taking one off leaves at most one to add (Warren, Hacker's Delight, 9-5). */
static u64 div_by_64(u64 n, u64 d, u64 *rem)
{
	u32 zeroes = (u32)__builtin_clz((u32)(d >> 32)), unused;
	u32 top = (u32)(d << zeroes >> 32);
	u64 q = (u64)div_narrow(n >> 1, top, &unused) << zeroes >> 31;

	if (q)
		q--;
	n -= q * d;
	if (n >= d) {
		q++;
		n -= d;
	}
	*rem = n;
	return q;
}

u64 __udivmoddi4(u64 n, u64 d, u64 *rem)
{
	u64 r, q = d >> 32 ? div_by_64(n, d, &r) : div_by_32(n, (u32)d, &r);

	if (rem)
		*rem = r;
	return q;
}

u64 __udivdi3(u64 n, u64 d)
{
	return __udivmoddi4(n, d, NULL);
}

u64 __umoddi3(u64 n, u64 d)
{
	u64 r;

	__udivmoddi4(n, d, &r);
	return r;
}

static u64 magnitude(s64 v)
{
	return v < 0 ? -(u64)v : (u64)v;
}

s64 __divdi3(s64 n, s64 d)
{
	u64 q = __udivmoddi4(magnitude(n), magnitude(d), NULL);

	return (n < 0) != (d < 0) ? (s64)-q : (s64)q;
}

s64 __moddi3(s64 n, s64 d)
{
	u64 r;

	__udivmoddi4(magnitude(n), magnitude(d), &r);
	return n < 0 ? (s64)-r : (s64)r;
}

s64 __divmoddi4(s64 n, s64 d, s64 *rem)
{
	s64 q = __divdi3(n, d);

	*rem = n - q * d;
	return q;
}

/* Trailing zeroes of a value that is not 0. */
int __ctzdi2(u64 v)
{
	return (u32)v ? __builtin_ctz((u32)v) : 32 + __builtin_ctz((u32)(v >> 32));
}

#endif
