/* Netlink sockets, and what NETLINK_ROUTE says of interfaces and addresses (linux/netlink.h,
 * linux/rtnetlink.h, linux/if_link.h, linux/if_addr.h). */
#ifndef ABI_NETLINK_H
#define ABI_NETLINK_H

#include "kernel/lib/types.h"

struct abi_sockaddr_nl {
	u16 family, pad;
	u32 port; /* 0: the kernel; a socket's is often its process's number */
	u32 groups;
};
_Static_assert(sizeof(struct abi_sockaddr_nl) == 12, "struct sockaddr_nl is 12 bytes");

#define NETLINK_ROUTE 0u

/* Before each message of a datagram; the next begins at a multiple of 4. */
struct abi_nlmsghdr {
	u32 len; /* with the header */
	u16 type, flags;
	u32 seq, port;
};
_Static_assert(sizeof(struct abi_nlmsghdr) == 16, "struct nlmsghdr is 16 bytes");

#define NLMSG_ERROR    2u
#define NLMSG_DONE     3u
#define NLMSG_MIN_TYPE 0x10u

#define NLM_F_REQUEST 0x001u
#define NLM_F_MULTI   0x002u
#define NLM_F_ACK     0x004u
#define NLM_F_CAPPED  0x100u /* of an answer: not all of the request follows */
#define NLM_F_DUMP    0x300u

/* Options at SOL_NETLINK. */
#define SOL_NETLINK		270
#define NETLINK_ADD_MEMBERSHIP	1u
#define NETLINK_DROP_MEMBERSHIP 2u
#define NETLINK_PKTINFO		3u
#define NETLINK_BROADCAST_ERROR 4u
#define NETLINK_NO_ENOBUFS	5u
#define NETLINK_CAP_ACK		10u
#define NETLINK_EXT_ACK		11u
#define NETLINK_GET_STRICT_CHK	12u

/* Types of messages: each thing has four, NEW, DEL, GET and SET. */
#define RTM_NEWLINK  16u
#define RTM_GETLINK  18u
#define RTM_NEWADDR  20u
#define RTM_GETADDR  22u
#define RTM_GETROUTE 26u
#define RTM_GETNEIGH 30u
#define RTM_KIND     3u
#define RTM_KIND_GET 2u

/* An attribute: type and length, then its value; the next begins at a multiple of 4. */
struct abi_rtattr {
	u16 len, type; /* len: with these four bytes */
};
_Static_assert(sizeof(struct abi_rtattr) == 4, "struct rtattr is 4 bytes");

struct abi_ifinfomsg {
	u8 family, pad;
	u16 type; /* ARPHRD_ */
	s32 index;
	u32 flags, change; /* IFF_ bits, and which of them are meant */
};
_Static_assert(sizeof(struct abi_ifinfomsg) == 16, "struct ifinfomsg is 16 bytes");

struct abi_ifaddrmsg {
	u8 family, prefixlen, flags, scope;
	u32 index;
};
_Static_assert(sizeof(struct abi_ifaddrmsg) == 8, "struct ifaddrmsg is 8 bytes");

#define ARPHRD_LOOPBACK 772u
#define IFA_F_PERMANENT 0x80u
#define RT_SCOPE_HOST	254u

#define IFLA_ADDRESS	     1u
#define IFLA_BROADCAST	     2u
#define IFLA_IFNAME	     3u
#define IFLA_MTU	     4u
#define IFLA_QDISC	     6u
#define IFLA_STATS	     7u
#define IFLA_TXQLEN	     13u
#define IFLA_OPERSTATE	     16u
#define IFLA_LINKMODE	     17u
#define IFLA_STATS64	     23u
#define IFLA_GROUP	     27u
#define IFLA_PROMISCUITY     30u
#define IFLA_NUM_TX_QUEUES   31u
#define IFLA_NUM_RX_QUEUES   32u
#define IFLA_CARRIER	     33u
#define IFLA_CARRIER_CHANGES 35u
#define IFLA_STATS_SIZE	     96u
#define IFLA_STATS64_SIZE    200u

#define IFA_ADDRESS   1u
#define IFA_LOCAL     2u
#define IFA_LABEL     3u
#define IFA_CACHEINFO 6u
#define IFA_FLAGS     8u

#endif
