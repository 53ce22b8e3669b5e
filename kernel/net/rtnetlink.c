/* NETLINK_ROUTE: what getifaddrs(3) and ip(8) ask of interfaces, addresses and routes
 * (rtnetlink(7)). There is one interface (lo.c), with one address, and no route but to itself. */
#include "kernel/abi/errno.h"
#include "kernel/abi/prctl.h"
#include "kernel/fs/vfs.h"
#include "kernel/lib/string.h"
#include "kernel/net/inet.h"
#include "kernel/net/netlink.h"

/* The attributes of the interface that are numbers. */
static const struct {
	u8 type, len;
	u32 value;
} link_numbers[] = {
	{IFLA_TXQLEN, 4, 1000},
	{IFLA_OPERSTATE, 1, 0}, /* unknown */
	{IFLA_LINKMODE, 1, 0},
	{IFLA_MTU, 4, LO_MTU},
	{IFLA_GROUP, 4, 0},
	{IFLA_PROMISCUITY, 4, 0},
	{IFLA_NUM_TX_QUEUES, 4, 1},
	{IFLA_NUM_RX_QUEUES, 4, 1},
	{IFLA_CARRIER, 1, 1},
	{IFLA_CARRIER_CHANGES, 4, 0},
};

static void put_link(struct nl_answer *a, u32 flags)
{
	struct abi_ifinfomsg head = {.type = ARPHRD_LOOPBACK,
		.index = LO_INDEX,
		.flags = IFF_UP | IFF_LOOPBACK | IFF_RUNNING | IFF_LOWER_UP};
	struct abi_nlmsghdr *h = nl_begin(a, RTM_NEWLINK, flags, &head, sizeof(head));

	nl_attr(a, IFLA_IFNAME, LO_NAME, sizeof(LO_NAME));
	for (u32 i = 0; i < ARRAY_SIZE(link_numbers); i++)
		nl_attr(a, link_numbers[i].type, &link_numbers[i].value, link_numbers[i].len);
	nl_attr(a, IFLA_QDISC, "noqueue", sizeof("noqueue"));
	nl_attr(a, IFLA_ADDRESS, NULL, 6);
	nl_attr(a, IFLA_BROADCAST, NULL, 6);
	nl_attr(a, IFLA_STATS64, NULL, IFLA_STATS64_SIZE);
	nl_attr(a, IFLA_STATS, NULL, IFLA_STATS_SIZE);
	nl_end(a, h);
}

static void put_addr(struct nl_answer *a)
{
	static const u32 times[4] = {
		UINT32_MAX, UINT32_MAX, 0, 0}; /* preferred and valid for ever */
	struct abi_ifaddrmsg head = {.family = AF_INET,
		.prefixlen = 8,
		.flags = IFA_F_PERMANENT,
		.scope = RT_SCOPE_HOST,
		.index = LO_INDEX};
	struct abi_nlmsghdr *h = nl_begin(a, RTM_NEWADDR, NLM_F_MULTI, &head, sizeof(head));
	u32 addr = __builtin_bswap32(LO_ADDR), flags = IFA_F_PERMANENT;

	nl_attr(a, IFA_ADDRESS, &addr, sizeof(addr));
	nl_attr(a, IFA_LOCAL, &addr, sizeof(addr));
	nl_attr(a, IFA_LABEL, LO_NAME, sizeof(LO_NAME));
	nl_attr(a, IFA_FLAGS, &flags, sizeof(flags));
	nl_attr(a, IFA_CACHEINFO, times, sizeof(times));
	nl_end(a, h);
}

/* Everything of a kind, and that it was everything. */
static long dump(struct nl_answer *a, u32 type)
{
	const s32 none = 0;
	long err = 0;

	switch (type) {
	case RTM_GETLINK:
		put_link(a, NLM_F_MULTI);
		err = nl_send(a);
		break;
	case RTM_GETADDR:
		put_addr(a);
		err = nl_send(a);
		break;
	case RTM_GETROUTE:
	case RTM_GETNEIGH:
		break;
	default:
		return -EOPNOTSUPP;
	}
	if (!err) {
		nl_end(a, nl_begin(a, NLMSG_DONE, NLM_F_MULTI, &none, sizeof(none)));
		err = nl_send(a);
	}
	return err ? err : 1;
}

static bool is_lo(const char *name, u32 len)
{
	return len >= strlen(LO_NAME) && !strncmp(name, LO_NAME, len);
}

/* What the attributes of a request name: 0, -ENODEV, or -EINVAL for nothing. */
static long check_name(const u8 *at, u32 len)
{
	const struct abi_rtattr *attr = (const void *)at;

	while (len >= sizeof(*attr) && attr->len >= sizeof(*attr) && attr->len <= len) {
		u32 step = MIN(ALIGN_UP((u32)attr->len, 4u), len);

		if (attr->type == IFLA_IFNAME)
			return is_lo((const char *)(attr + 1), attr->len - sizeof(*attr)) ? 0
											  : -ENODEV;
		at += step;
		len -= step;
		attr = (const void *)at;
	}
	return -EINVAL;
}

/* Whether a request means the one interface: 0, -ENODEV, or -EINVAL when it names none. */
static long check_link(const struct abi_ifinfomsg *i, u32 len)
{
	if (len < sizeof(*i))
		return -EINVAL;
	if (i->index > 0)
		return i->index == LO_INDEX ? 0 : -ENODEV;
	return check_name((const u8 *)(i + 1), len - sizeof(*i));
}

static long get_link(struct nl_answer *a, const struct abi_ifinfomsg *i, u32 len)
{
	long err = check_link(i, len);

	if (err)
		return err;
	put_link(a, 0);
	return nl_send(a);
}

/* The interface is up and stays so. */
static long set_link(const struct abi_ifinfomsg *i, u32 len)
{
	long err = check_link(i, len);

	if (err)
		return err;
	return i->change == IFF_UP && (i->flags & IFF_UP) ? 0 : -EOPNOTSUPP;
}

long rtnetlink_request(struct nl_answer *a, const struct abi_nlmsghdr *h, const void *body, u32 len)
{
	bool get = (h->type & RTM_KIND) == RTM_KIND_GET;

	if (!len)
		return 0;
	if (!get && !cred_capable(CAP_NET_ADMIN))
		return -EPERM;
	if (get && (h->flags & NLM_F_DUMP))
		return dump(a, h->type);
	if (h->type == RTM_GETLINK)
		return get_link(a, body, len);
	return h->type == RTM_NEWLINK ? set_link(body, len) : -EOPNOTSUPP;
}
