/* The loopback interface, as ioctl(2) on a socket shows it: it is always there, up, and alone. */
#include "kernel/abi/errno.h"
#include "kernel/abi/netlink.h"
#include "kernel/abi/prctl.h"
#include "kernel/fs/vfs.h"
#include "kernel/lib/string.h"
#include "kernel/net/inet.h"
#include "kernel/x86/uaccess.h"

static struct abi_ifreq lo_with_addr(u32 addr)
{
	return (struct abi_ifreq){
		.name = LO_NAME,
		.addr = {.family = AF_INET, .addr = __builtin_bswap32(addr)},
	};
}

static long get_list(uptr_t arg)
{
	struct abi_ifreq lo = lo_with_addr(LO_ADDR);
	struct abi_ifconf list;

	if (copy_from_user(&list, arg, sizeof(list)))
		return -EFAULT;
	if (!list.req)
		list.len = sizeof(lo);
	else if (list.len < (s32)sizeof(lo))
		list.len = 0;
	else if (copy_to_user(UPTR(list.req), &lo, sizeof(lo)))
		return -EFAULT;
	else
		list.len = sizeof(lo);
	return copy_to_user(arg, &list, sizeof(list)) ? -EFAULT : 0;
}

/* Whether a request may set something, before it is known of what. */
static long may_set(u32 cmd, const struct abi_ifreq *r)
{
	if (!cred_capable(CAP_NET_ADMIN))
		return -EPERM;
	return cmd == SIOCSIFFLAGS || r->addr.family == AF_INET ? 0 : -EINVAL;
}

/* A program that configures the interface says what is so already; nothing else can be had. */
static long set(u32 cmd, const struct abi_ifreq *r)
{
	u32 addr = __builtin_bswap32(r->addr.addr);
	bool is_so = cmd == SIOCSIFFLAGS  ? r->flags & IFF_UP
		     : cmd == SIOCSIFADDR ? addr == LO_ADDR
					  : addr == LO_NETMASK;

	return is_so ? 0 : -EOPNOTSUPP;
}

/* What a request about the interface is answered with, in *r. */
static void get(u32 cmd, struct abi_ifreq *r)
{
	switch (cmd) {
	case SIOCGIFFLAGS:
		r->flags = IFF_UP | IFF_LOOPBACK | IFF_RUNNING;
		break;
	case SIOCGIFADDR:
	case SIOCGIFDSTADDR:
		*r = lo_with_addr(LO_ADDR);
		break;
	case SIOCGIFBRDADDR:
		*r = lo_with_addr(0);
		break;
	case SIOCGIFNETMASK:
		*r = lo_with_addr(LO_NETMASK);
		break;
	case SIOCGIFHWADDR: /* six zeros */
		*r = lo_with_addr(0);
		r->addr.family = ARPHRD_LOOPBACK;
		break;
	case SIOCGIFMAP: /* no device's memory */
		*r = (struct abi_ifreq){.name = LO_NAME};
		break;
	case SIOCGIFMETRIC:
		r->number = 0;
		break;
	case SIOCGIFTXQLEN:
		r->number = LO_TXQLEN;
		break;
	case SIOCGIFMTU:
		r->number = LO_MTU;
		break;
	default: /* SIOCGIFINDEX */
		r->number = LO_INDEX;
	}
}

/* What any request about an interface is answered with, in *r. */
static long answer(u32 cmd, struct abi_ifreq *r)
{
	bool sets = cmd == SIOCSIFFLAGS || cmd == SIOCSIFADDR || cmd == SIOCSIFNETMASK;
	long err = sets ? may_set(cmd, r) : 0;

	if (cmd == SIOCGIFNAME) {
		if (r->number != LO_INDEX)
			return -ENODEV;
		strlcpy(r->name, LO_NAME, sizeof(r->name));
		return 0;
	}
	if (err)
		return err;
	r->name[sizeof(r->name) - 1] = '\0';
	if (strcmp(r->name, LO_NAME) != 0)
		return -ENODEV;
	if (sets)
		return set(cmd, r);
	get(cmd, r);
	return 0;
}

long lo_ioctl(u32 cmd, uptr_t arg)
{
	struct abi_ifreq r;
	long err;

	switch (cmd) {
	case SIOCGIFCONF:
		return get_list(arg);
	case SIOCGIFNAME:
	case SIOCGIFFLAGS:
	case SIOCSIFFLAGS:
	case SIOCGIFADDR:
	case SIOCSIFADDR:
	case SIOCGIFDSTADDR:
	case SIOCGIFBRDADDR:
	case SIOCGIFNETMASK:
	case SIOCSIFNETMASK:
	case SIOCGIFMETRIC:
	case SIOCGIFMTU:
	case SIOCGIFHWADDR:
	case SIOCGIFINDEX:
	case SIOCGIFTXQLEN:
	case SIOCGIFMAP:
		break;
	default:
		return -ENOTTY;
	}
	if (copy_from_user(&r, arg, sizeof(r)))
		return -EFAULT;
	err = answer(cmd, &r);
	return !err && copy_to_user(arg, &r, sizeof(r)) ? -EFAULT : err;
}
