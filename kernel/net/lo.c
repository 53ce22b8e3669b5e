/* The loopback interface, as ioctl(2) on a socket shows it: it is always there, up, and alone. */
#include "kernel/abi/errno.h"
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

/* What a request about an interface is answered with, in *r. */
static long answer(u32 cmd, struct abi_ifreq *r)
{
	if (cmd == SIOCGIFNAME) {
		if (r->number != LO_INDEX)
			return -ENODEV;
		strlcpy(r->name, LO_NAME, sizeof(r->name));
		return 0;
	}
	r->name[sizeof(r->name) - 1] = '\0';
	if (strcmp(r->name, LO_NAME) != 0)
		return -ENODEV;
	switch (cmd) {
	case SIOCGIFFLAGS:
		r->flags = IFF_UP | IFF_LOOPBACK | IFF_RUNNING;
		return 0;
	case SIOCSIFFLAGS:
		if (!cred_capable(CAP_NET_ADMIN))
			return -EPERM;
		return r->flags & IFF_UP ? 0 : -EOPNOTSUPP;
	case SIOCGIFADDR:
		*r = lo_with_addr(LO_ADDR);
		return 0;
	case SIOCGIFNETMASK:
		*r = lo_with_addr(0xff000000);
		return 0;
	case SIOCGIFMTU:
		r->number = LO_MTU;
		return 0;
	default: /* SIOCGIFINDEX */
		r->number = LO_INDEX;
		return 0;
	}
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
	case SIOCGIFNETMASK:
	case SIOCGIFMTU:
	case SIOCGIFINDEX:
		break;
	default:
		return -ENOTTY;
	}
	if (copy_from_user(&r, arg, sizeof(r)))
		return -EFAULT;
	err = answer(cmd, &r);
	return !err && copy_to_user(arg, &r, sizeof(r)) ? -EFAULT : err;
}
