/*
 * AF_NETLINK: datagrams to the kernel and its answers (netlink(7)). There is one protocol,
 * NETLINK_ROUTE, and nothing that the kernel tells unasked but mq_notify(2)'s datagrams; sockets do
 * not reach each other.
 *
 * An answer is a message that the socket has sent to itself, as far as memory is counted.
 */
#include "kernel/abi/errno.h"
#include "kernel/abi/prctl.h"
#include "kernel/fs/vfs.h"
#include "kernel/lib/kassert.h"
#include "kernel/lib/string.h"
#include "kernel/net/netlink.h"
#include "kernel/proc/task.h"
#include "kernel/x86/uaccess.h"
#include "mm/kmalloc.h"

#define ALIGN_NL(n)  ALIGN_UP((u32)(n), 4u)
#define SEND_MARGIN  32u	  /* of SO_SNDBUF, as on Linux */
#define FIRST_ROAMER ((u32)-4096) /* ports of those whose process's number is taken, downwards */

/* --- Datagrams from the kernel --- */

struct sock *netlink_sock_get(u32 fd)
{
	struct file *f = fget(fd);
	struct sock *s;

	if (!f)
		return err_ptr(-EBADF);
	if (!file_is_socket(f)) {
		s = err_ptr(-ENOTSOCK);
	} else if (sock_of(f)->ops != &netlink_family) {
		s = err_ptr(-EINVAL);
	} else {
		spin_lock(&sock_lock);
		s = sock_hold(sock_of(f));
		spin_unlock(&sock_lock);
	}
	file_put(f);
	return s;
}

long netlink_post(struct sock *s, const void *bytes, u32 len)
{
	struct iobuf from = iobuf_kernel((void *)bytes);
	struct sock_call c = {.kernel = &from, .len = len};
	struct msg_pos at = {0, 0};
	struct sock_msg *m;
	bool open;

	if (s->charged >= s->rcvbuf)
		return -ENOBUFS;
	m = sock_msg_create(s, &c, &at, len);
	if (is_err(m))
		return ptr_err(m);
	spin_lock(&sock_lock);
	open = !s->dead;
	if (open)
		sock_enqueue(s, s, m, &c);
	spin_unlock(&sock_lock);
	if (open)
		sock_data_ready(s);
	else
		sock_msg_free(m);
	return 0;
}

/* --- Answers --- */

static void put(struct nl_answer *a, const void *from, u32 len)
{
	kassert(a->len + ALIGN_NL(len) <= sizeof(a->bytes));
	memset(a->bytes + a->len, 0, ALIGN_NL(len));
	if (from)
		memcpy(a->bytes + a->len, from, len);
	a->len += ALIGN_NL(len);
}

struct abi_nlmsghdr *nl_begin(struct nl_answer *a, u32 type, u32 flags, const void *head, u32 len)
{
	struct abi_nlmsghdr h = {
		.type = (u16)type, .flags = (u16)flags, .seq = a->seq, .port = a->to->port};
	u32 at = a->len;

	put(a, &h, sizeof(h));
	put(a, head, len);
	return (struct abi_nlmsghdr *)(a->bytes + at);
}

void nl_attr(struct nl_answer *a, u32 type, const void *value, u32 len)
{
	struct abi_rtattr attr = {(u16)(sizeof(attr) + len), (u16)type};

	put(a, &attr, sizeof(attr));
	put(a, value, len);
}

void nl_end(struct nl_answer *a, struct abi_nlmsghdr *h)
{
	h->len = (u32)(a->bytes + a->len - (u8 *)h);
}

long nl_send(struct nl_answer *a)
{
	u32 len = a->len;

	a->len = 0;
	return netlink_post(a->to, a->bytes, len);
}

/* Says what came of a request. The request follows, but where it was done, or by NETLINK_CAP_ACK,
 * only its header. */
static long acknowledge(struct nl_answer *a, const struct abi_nlmsghdr *request, long err)
{
	bool capped = !err || (a->to->nl_options & (1u << NETLINK_CAP_ACK));
	u32 body = capped ? 0 : request->len - sizeof(*request);
	s32 code = (s32)err;
	struct abi_nlmsghdr *h =
		nl_begin(a, NLMSG_ERROR, capped ? NLM_F_CAPPED : 0, &code, sizeof(code));

	put(a, request, sizeof(*request));
	body = MIN(body, (u32)sizeof(a->bytes) - a->len);
	put(a, request + 1, body);
	nl_end(a, h);
	return nl_send(a);
}

/* --- Requests --- */

static long handle(struct nl_answer *a, const struct abi_nlmsghdr *h)
{
	long err = 0;

	a->seq = h->seq;
	if ((h->flags & NLM_F_REQUEST) && h->type >= NLMSG_MIN_TYPE)
		err = rtnetlink_request(a, h, h + 1, h->len - sizeof(*h));
	if (err > 0 || (!err && !(h->flags & NLM_F_ACK)))
		return 0;
	return acknowledge(a, h, err);
}

/* All messages of a datagram, until one is broken. */
static long handle_all(struct sock *s, const u8 *at, u32 len)
{
	struct nl_answer *a = kzalloc(sizeof(*a));
	long err = a ? 0 : -ENOMEM;

	if (a)
		a->to = s;
	while (!err && len >= sizeof(struct abi_nlmsghdr)) {
		const struct abi_nlmsghdr *h = (const void *)at;

		if (h->len < sizeof(*h) || h->len > len)
			break;
		err = handle(a, h);
		at += MIN(ALIGN_NL(h->len), len);
		len -= MIN(ALIGN_NL(h->len), len);
	}
	kfree(a);
	return err;
}

/* --- Names --- */

/* Caller holds sock_lock. */
static bool port_used(u32 port)
{
	const struct sock *s;

	list_for_each_entry (s, &socks, all)
		if (s->ops == &netlink_family && s->port == port)
			return true;
	return false;
}

/* 0: any. Caller holds sock_lock. */
static int take_port(struct sock *s, u32 port)
{
	if (port && port_used(port))
		return -EADDRINUSE;
	if (!port) {
		port = current_process()->pid;
		for (u32 next = FIRST_ROAMER; port_used(port); next--)
			port = next;
	}
	s->port = port;
	return 0;
}

static int autobind(struct sock *s)
{
	int err = 0;

	spin_lock(&sock_lock);
	if (!s->port)
		err = take_port(s, 0);
	spin_unlock(&sock_lock);
	return err;
}

static int check_address(const union sock_addr *addr, u32 len)
{
	return len < sizeof(addr->nl) || addr->family != AF_NETLINK ? -EINVAL : 0;
}

static int netlink_bind(struct sock *s, union sock_addr *addr, u32 len)
{
	int err = check_address(addr, len);

	if (err)
		return err;
	spin_lock(&sock_lock);
	if (!s->port)
		err = take_port(s, addr->nl.port);
	else if (addr->nl.port != s->port)
		err = -EINVAL;
	if (!err)
		s->groups = addr->nl.groups;
	spin_unlock(&sock_lock);
	return err;
}

/* Only the kernel can be spoken to. */
static int check_target(const union sock_addr *addr, u32 len)
{
	int err = check_address(addr, len);

	if (err || (!addr->nl.port && !addr->nl.groups))
		return err;
	if (!cred_capable(CAP_NET_ADMIN))
		return -EPERM;
	return addr->nl.port ? -ECONNREFUSED : 0;
}

static int netlink_connect(struct sock *s, union sock_addr *addr, u32 len, bool nonblock)
{
	int err = addr->family == AF_UNSPEC ? 0 : check_target(addr, len);

	return err ? err : autobind(s);
}

static long netlink_getname(struct sock *s, bool peer, union sock_addr *addr)
{
	addr->nl = (struct abi_sockaddr_nl){.family = AF_NETLINK};
	if (!peer) {
		addr->nl.port = s->port;
		addr->nl.groups = s->groups;
	}
	return sizeof(addr->nl);
}

static void netlink_from(const struct sock_msg *m, struct sock_call *c)
{
	c->addr.nl = (struct abi_sockaddr_nl){.family = AF_NETLINK};
	c->addr_len = sizeof(c->addr.nl);
}

/* --- The family --- */

static long netlink_send(struct sock *s, struct sock_call *c)
{
	struct msg_pos at = {0, 0};
	struct sock_msg *m;
	long err = c->flags & MSG_OOB ? -EOPNOTSUPP : 0;

	if (!err && !c->len)
		err = -ENODATA;
	if (!err && c->addr_len)
		err = check_target(&c->addr, c->addr_len);
	if (!err)
		err = autobind(s);
	if (!err && c->len > s->sndbuf - SEND_MARGIN)
		err = -EMSGSIZE;
	if (err)
		return err;
	m = sock_msg_create(s, c, &at, c->len);
	if (is_err(m))
		return ptr_err(m);
	err = handle_all(s, m->pieces->data, m->pieces->len); /* a page: no request is longer */
	sock_msg_free(m);
	return err ? err : (long)c->len;
}

#define SWITCHES                                                                                   \
	(1u << NETLINK_PKTINFO | 1u << NETLINK_BROADCAST_ERROR | 1u << NETLINK_NO_ENOBUFS |        \
		1u << NETLINK_CAP_ACK | 1u << NETLINK_EXT_ACK | 1u << NETLINK_GET_STRICT_CHK)
#define SETTABLE (SWITCHES | 1u << NETLINK_ADD_MEMBERSHIP | 1u << NETLINK_DROP_MEMBERSHIP)

/* There is nothing that members of a group would be told. */
static long netlink_setopt(struct sock *s, s32 level, u32 option, uptr_t value, s32 len)
{
	u32 v = 0;

	if (level != SOL_NETLINK || option >= 32 || !(SETTABLE >> option & 1))
		return -ENOPROTOOPT;
	if (len >= (s32)sizeof(v) && get_user_u32(&v, value))
		return -EFAULT;
	spin_lock(&sock_lock);
	s->nl_options = v ? s->nl_options | 1u << option : s->nl_options & ~(1u << option);
	spin_unlock(&sock_lock);
	return 0;
}

static long netlink_getopt(struct sock *s, s32 level, u32 option, s32 *value)
{
	if (level != SOL_NETLINK || option >= 32 || !(SWITCHES >> option & 1))
		return -ENOPROTOOPT;
	*value = s->nl_options >> option & 1;
	return 0;
}

static int refuse_shutdown(struct sock *s, u32 mask)
{
	return -EOPNOTSUPP;
}

static struct sock *netlink_create(u32 type, u32 protocol)
{
	if (type != SOCK_RAW && type != SOCK_DGRAM)
		return err_ptr(-ESOCKTNOSUPPORT);
	return protocol == NETLINK_ROUTE ? sock_create(&netlink_family, type)
					 : err_ptr(-EPROTONOSUPPORT);
}

const struct sock_family netlink_family = {
	.family = AF_NETLINK,
	.create = netlink_create,
	.bind = netlink_bind,
	.connect = netlink_connect,
	.getname = netlink_getname,
	.shutdown = refuse_shutdown,
	.send = netlink_send,
	.recv = sock_recv,
	.from = netlink_from,
	.setopt = netlink_setopt,
	.getopt = netlink_getopt,
};
