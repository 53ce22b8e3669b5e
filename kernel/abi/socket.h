/* Sockets: socket(2) and its relatives (linux/socket.h, linux/un.h, linux/in.h, linux/tcp.h,
 * linux/sockios.h, linux/if.h). */
#ifndef ABI_SOCKET_H
#define ABI_SOCKET_H

#include "kernel/lib/types.h"

#define AF_UNSPEC 0u
#define AF_UNIX	  1u
#define AF_INET	  2u
#define AF_NETLINK 16u
#define AF_MAX	  46u

#define SOCK_STREAM    1u
#define SOCK_DGRAM     2u
#define SOCK_RAW       3u
#define SOCK_SEQPACKET 5u
#define SOCK_MAX       11u
#define SOCK_TYPE_MASK 15u /* above: O_CLOEXEC, O_NONBLOCK */

#define SHUT_RD	  0u
#define SHUT_WR	  1u
#define SHUT_RDWR 2u

#define UNIX_PATH_MAX 108u

struct abi_sockaddr_un {
	u16 family;
	char path[UNIX_PATH_MAX];
};
_Static_assert(sizeof(struct abi_sockaddr_un) == 110, "struct sockaddr_un is 110 bytes");

/* Port and address have their high byte first. */
struct abi_sockaddr_in {
	u16 family;
	u16 port;
	u32 addr;
	u8 zero[8];
};
_Static_assert(sizeof(struct abi_sockaddr_in) == 16, "struct sockaddr_in is 16 bytes");

#define IPPROTO_IP  0
#define IPPROTO_TCP 6
#define IPPROTO_UDP 17
#define IPPROTO_MAX 263u

#define SOCKADDR_MAX 128u /* struct sockaddr_storage */

struct abi_msghdr {
	u32 name, namelen;
	u32 iov, iovlen;
	u32 control, controllen;
	u32 flags;
};
_Static_assert(sizeof(struct abi_msghdr) == 28, "struct msghdr is 28 bytes");

struct abi_mmsghdr {
	struct abi_msghdr hdr;
	u32 len;
};

/* Flags of send and recv. */
#define MSG_OOB		 0x1u
#define MSG_PEEK	 0x2u
#define MSG_CTRUNC	 0x8u
#define MSG_TRUNC	 0x20u
#define MSG_DONTWAIT	 0x40u
#define MSG_EOR		 0x80u
#define MSG_WAITALL	 0x100u
#define MSG_NOSIGNAL	 0x4000u
#define MSG_WAITFORONE	 0x10000u
#define MSG_CMSG_CLOEXEC 0x40000000u

/* Control messages: a header, then data; each is aligned to 4 bytes. */
struct abi_cmsghdr {
	u32 len;
	s32 level, type;
};
_Static_assert(sizeof(struct abi_cmsghdr) == 12, "struct cmsghdr is 12 bytes");

#define SOL_SOCKET	1
#define SCM_RIGHTS	1
#define SCM_CREDENTIALS 2
#define SCM_MAX_FD	253u

struct abi_ucred {
	u32 pid, uid, gid;
};

/* Options at SOL_SOCKET. */
#define SO_DEBUG	1u
#define SO_REUSEADDR	2u
#define SO_TYPE		3u
#define SO_ERROR	4u
#define SO_DONTROUTE	5u
#define SO_BROADCAST	6u
#define SO_SNDBUF	7u
#define SO_RCVBUF	8u
#define SO_KEEPALIVE	9u
#define SO_OOBINLINE	10u
#define SO_PRIORITY	12u
#define SO_LINGER	13u
#define SO_REUSEPORT	15u
#define SO_PASSCRED	16u
#define SO_PEERCRED	17u
#define SO_RCVLOWAT	18u
#define SO_SNDLOWAT	19u
#define SO_RCVTIMEO	20u
#define SO_SNDTIMEO	21u
#define SO_TIMESTAMP	29u /* and as a control message: abi_timeval32 */
#define SO_ACCEPTCONN	30u
#define SO_SNDBUFFORCE	32u
#define SO_RCVBUFFORCE	33u
#define SO_TIMESTAMPNS	35u /* abi_timespec32 */
#define SO_PROTOCOL	38u
#define SO_DOMAIN	39u
#define SO_MAX_PACING_RATE 47u
#define SO_TIMESTAMP_NEW 63u /* both with 64 bits for each number */
#define SO_TIMESTAMPNS_NEW 64u
#define SO_RCVTIMEO_NEW 66u
#define SO_SNDTIMEO_NEW 67u

struct abi_linger {
	s32 onoff, linger;
};

/* Options at IPPROTO_TCP. */
#define TCP_NODELAY	 1u
#define TCP_CORK	 3u
#define TCP_KEEPIDLE	 4u
#define TCP_KEEPINTVL	 5u
#define TCP_KEEPCNT	 6u
#define TCP_SYNCNT	 7u
#define TCP_DEFER_ACCEPT 9u
#define TCP_QUICKACK	 12u
#define TCP_USER_TIMEOUT 18u

/* Options at IPPROTO_IP. */
#define IP_TOS			1u
#define IP_TTL			2u
#define IP_MTU_DISCOVER		10u
#define IP_RECVERR		11u
#define IP_BIND_ADDRESS_NO_PORT 24u

/* Requests about interfaces, ioctl(2). */
#define FIOSETOWN      0x8901u
#define SIOCSPGRP      0x8902u
#define FIOGETOWN      0x8903u
#define SIOCGPGRP      0x8904u
#define SIOCATMARK     0x8905u
#define SIOCGIFNAME    0x8910u
#define SIOCGIFCONF    0x8912u
#define SIOCGIFFLAGS   0x8913u
#define SIOCSIFFLAGS   0x8914u
#define SIOCGIFADDR    0x8915u
#define SIOCSIFADDR    0x8916u
#define SIOCGIFDSTADDR 0x8917u
#define SIOCGIFBRDADDR 0x8919u
#define SIOCGIFNETMASK 0x891bu
#define SIOCSIFNETMASK 0x891cu
#define SIOCGIFMETRIC  0x891du
#define SIOCGIFMTU     0x8921u
#define SIOCGIFHWADDR  0x8927u
#define SIOCGIFINDEX   0x8933u
#define SIOCGIFTXQLEN  0x8942u
#define SIOCGIFMAP     0x8970u

#define IFF_UP	     0x1u
#define IFF_LOOPBACK 0x8u
#define IFF_RUNNING  0x40u
#define IFF_LOWER_UP 0x10000u

struct abi_ifreq {
	char name[16];
	union {
		struct abi_sockaddr_in addr;
		u16 flags;
		u32 number; /* index, MTU */
	};
};
_Static_assert(sizeof(struct abi_ifreq) == 32, "struct ifreq is 32 bytes");

struct abi_ifconf {
	s32 len;
	u32 req;
};

/* First argument of socketcall(2). */
#define SYS_SOCKET	1u
#define SYS_BIND	2u
#define SYS_CONNECT	3u
#define SYS_LISTEN	4u
#define SYS_ACCEPT	5u
#define SYS_GETSOCKNAME 6u
#define SYS_GETPEERNAME 7u
#define SYS_SOCKETPAIR	8u
#define SYS_SEND	9u
#define SYS_RECV	10u
#define SYS_SENDTO	11u
#define SYS_RECVFROM	12u
#define SYS_SHUTDOWN	13u
#define SYS_SETSOCKOPT	14u
#define SYS_GETSOCKOPT	15u
#define SYS_SENDMSG	16u
#define SYS_RECVMSG	17u
#define SYS_ACCEPT4	18u
#define SYS_RECVMMSG	19u
#define SYS_SENDMMSG	20u

#endif
