/* Netlink, for the file that answers its requests. */
#ifndef NET_NETLINK_H
#define NET_NETLINK_H

#include "kernel/abi/netlink.h"
#include "kernel/net/sock.h"

/* An answer that is being written: messages one behind the other. */
struct nl_answer {
	struct sock *to;
	u32 seq; /* of the request */
	u32 len;
	u8 bytes[1024]; /* the longest is about an interface */
};

/* Begins a message; the head is its type's fixed part. */
struct abi_nlmsghdr *nl_begin(struct nl_answer *a, u32 type, u32 flags, const void *head, u32 len);
/* An attribute of it. `value` NULL: zeroes. */
void nl_attr(struct nl_answer *a, u32 type, const void *value, u32 len);
/* The message is whole. */
void nl_end(struct nl_answer *a, struct abi_nlmsghdr *h);
/* Sends what was written, as one datagram, and begins anew. 0, -ENOBUFS or -ENOMEM. */
long nl_send(struct nl_answer *a);

/* The netlink socket that a descriptor names, referenced, for who will tell a program something
 * through it. -EBADF, -ENOTSOCK, -EINVAL. */
struct sock *netlink_sock_get(u32 fd) __must_check;
/* Puts a datagram from the kernel into its queue; none when it is closed. 0, -ENOBUFS, -ENOMEM. */
long netlink_post(struct sock *s, const void *bytes, u32 len);

/* What NETLINK_ROUTE says to a request, all of it after its header in `len` bytes at `body`. 0 or a
 * negative errno: what an acknowledgement says; 1: the answer is one. (rtnetlink.c) */
long rtnetlink_request(
	struct nl_answer *a, const struct abi_nlmsghdr *h, const void *body, u32 len);

#endif
