/* Options of TCP and IP that programs set. Nothing is ever delayed, lost or probed here, so they
 * are checked, kept and given back. */
#include "kernel/abi/errno.h"
#include "kernel/net/inet.h"
#include "kernel/x86/uaccess.h"

struct inet_option {
	s32 level;
	u32 option;
	s32 min, max; /* 0 and 1: a switch, for which whatever is not 0 is 1 */
	s32 initial;
};

static const struct inet_option inet_options[] = {
	{IPPROTO_TCP, TCP_NODELAY, 0, 1, 0},
	{IPPROTO_TCP, TCP_CORK, 0, 1, 0},
	{IPPROTO_TCP, TCP_KEEPIDLE, 1, 32767, 7200},
	{IPPROTO_TCP, TCP_KEEPINTVL, 1, 32767, 75},
	{IPPROTO_TCP, TCP_KEEPCNT, 1, 127, 9},
	{IPPROTO_TCP, TCP_SYNCNT, 1, 127, 6},
	{IPPROTO_TCP, TCP_DEFER_ACCEPT, 0, INT32_MAX, 0},
	{IPPROTO_TCP, TCP_QUICKACK, 0, 1, 1},
	{IPPROTO_TCP, TCP_USER_TIMEOUT, 0, INT32_MAX, 0},
	{IPPROTO_IP, IP_TOS, 0, 255, 0},
	{IPPROTO_IP, IP_TTL, 1, 255, 64},
	{IPPROTO_IP, IP_MTU_DISCOVER, 0, 5, 1},
	{IPPROTO_IP, IP_RECVERR, 0, 1, 0},
	{IPPROTO_IP, IP_BIND_ADDRESS_NO_PORT, 0, 1, 0},
};
_Static_assert(ARRAY_SIZE(inet_options) == NR_INET_OPTIONS, "each row has its place in a socket");

void inet_default_options(struct sock *s)
{
	for (u32 i = 0; i < NR_INET_OPTIONS; i++)
		s->inet_options[i] = inet_options[i].initial;
}

/* The row of an option, -1: the socket has none such. */
static s32 find_option(const struct sock *s, s32 level, u32 option)
{
	if (level == IPPROTO_TCP && s->protocol != IPPROTO_TCP)
		return -1;
	for (s32 i = 0; i < (s32)NR_INET_OPTIONS; i++)
		if (inet_options[i].level == level && inet_options[i].option == option)
			return i;
	return -1;
}

long inet_setopt(struct sock *s, s32 level, u32 option, uptr_t value, s32 len)
{
	const struct inet_option *o;
	s32 at = find_option(s, level, option), v;

	if (at < 0)
		return -ENOPROTOOPT;
	if (len < (s32)sizeof(v))
		return -EINVAL;
	if (get_user_u32((u32 *)&v, value))
		return -EFAULT;
	o = &inet_options[at];
	if (o->max == 1)
		v = v != 0;
	if (v < o->min || v > o->max)
		return -EINVAL;
	s->inet_options[at] = v;
	return 0;
}

long inet_getopt(struct sock *s, s32 level, u32 option, s32 *value)
{
	s32 at = find_option(s, level, option);

	if (at < 0)
		return level == IPPROTO_IP || level == (s32)s->protocol ? -ENOPROTOOPT
									: -EOPNOTSUPP;
	*value = s->inet_options[at];
	return 0;
}
