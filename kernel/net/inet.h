/* AF_INET, for the files beside inet.c and for /proc/sys/net. */
#ifndef NET_INET_H
#define NET_INET_H

#include "kernel/net/sock.h"

extern u32 inet_port_range[2];	   /* first and last port that the kernel gives out */
extern u32 inet_unprivileged_port; /* the first that needs no CAP_NET_BIND_SERVICE */

/* --- inet_opt.c --- */

void inet_default_options(struct sock *s);
long inet_setopt(struct sock *s, s32 level, u32 option, uptr_t value, s32 len);
long inet_getopt(struct sock *s, s32 level, u32 option, s32 *value);

/* --- lo.c --- */

#define LO_NAME	   "lo"
#define LO_INDEX   1
#define LO_MTU	   65536u
#define LO_ADDR	   0x7f000001u /* 127.0.0.1 */
#define LO_NETMASK 0xff000000u
#define LO_TXQLEN  1000u

/* Requests about the interface, on a socket of any family. */
long lo_ioctl(u32 cmd, uptr_t arg);

#endif
