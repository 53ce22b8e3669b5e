/* Options of sockets: those at SOL_SOCKET here, others are their family's. Those that mean nothing
 * between processes of one machine are kept and given back, as Linux does. */
#include "kernel/abi/errno.h"
#include "kernel/abi/prctl.h"
#include "kernel/abi/time.h"
#include "kernel/core/clock.h"
#include "kernel/fs/vfs.h"
#include "kernel/net/sock.h"
#include "kernel/x86/uaccess.h"

#define SNDBUF_MAX 180224u

/* On or off. */
#define SWITCHES                                                                                   \
	(1u << SO_DEBUG | 1u << SO_REUSEADDR | 1u << SO_DONTROUTE | 1u << SO_BROADCAST |           \
		1u << SO_KEEPALIVE | 1u << SO_OOBINLINE | 1u << SO_REUSEPORT | 1u << SO_PASSCRED)

static bool is_switch(u32 option)
{
	return option < 32 && (SWITCHES >> option & 1);
}

/* --- Times: seconds and microseconds, 32 or 64 bits wide --- */

struct times64 {
	s64 sec, usec;
};

static long get_time(u64 *ns, uptr_t from, s32 len, bool time64)
{
	struct times64 t;
	struct abi_timeval32 t32;

	if (len < (s32)(time64 ? sizeof(t) : sizeof(t32)))
		return -EINVAL;
	if (time64 ? copy_from_user(&t, from, sizeof(t)) : copy_from_user(&t32, from, sizeof(t32)))
		return -EFAULT;
	if (!time64)
		t = (struct times64){t32.sec, t32.usec};
	if (t.usec < 0 || t.usec >= 1000000)
		return -EDOM;
	*ns = t.sec < 0 ? 1 : 0; /* before now: no wait at all */
	if (t.sec >= 0 && t.sec < INT32_MAX)
		*ns = (u64)t.sec * NSEC_PER_SEC + (u64)t.usec * 1000;
	return 0;
}

static long put_value(const void *v, u32 size, uptr_t to, uptr_t ulen, u32 len)
{
	u32 n = MIN(size, len);

	if (copy_to_user(to, v, n))
		return -EFAULT;
	return put_user_u32(ulen, n);
}

static long put_time(u64 ns, bool time64, uptr_t to, uptr_t ulen, u32 len)
{
	struct times64 t = {(s64)(ns / NSEC_PER_SEC), (s64)(ns % NSEC_PER_SEC / 1000)};
	struct abi_timeval32 t32 = {(s32)t.sec, (s32)t.usec};

	return time64 ? put_value(&t, sizeof(t), to, ulen, len)
		      : put_value(&t32, sizeof(t32), to, ulen, len);
}

/* --- Setting --- */

/* The kernel's own bookkeeping needs as much again. */
static void set_size(u32 *size, u32 value, u32 max)
{
	*size = MAX(MIN(value, max) * 2, SOCK_BUF_MIN);
}

static void set_switch(struct sock *s, u32 option, bool on)
{
	spin_lock(&sock_lock);
	if (on)
		s->options |= 1u << option;
	else
		s->options &= ~(1u << option);
	spin_unlock(&sock_lock);
}

static long set_linger(struct sock *s, uptr_t from, s32 len)
{
	struct abi_linger l;

	if (len < (s32)sizeof(l))
		return -EINVAL;
	if (copy_from_user(&l, from, sizeof(l)))
		return -EFAULT;
	s->linger.onoff = l.onoff != 0;
	if (l.onoff)
		s->linger.linger = l.linger;
	return 0;
}

static long set_number(struct sock *s, u32 option, u32 value)
{
	switch (option) {
	case SO_SNDBUF:
		set_size(&s->sndbuf, value, SNDBUF_MAX);
		waitq_wake_all(&s->writers);
		return 0;
	case SO_RCVBUF:
		set_size(&s->rcvbuf, value, SNDBUF_MAX);
		return 0;
	case SO_SNDBUFFORCE:
	case SO_RCVBUFFORCE:
		if (!cred_capable(CAP_NET_ADMIN))
			return -EPERM;
		set_size(option == SO_SNDBUFFORCE ? &s->sndbuf : &s->rcvbuf, value, INT32_MAX / 2);
		return 0;
	case SO_TIMESTAMP:
	case SO_TIMESTAMPNS:
	case SO_TIMESTAMP_NEW:
	case SO_TIMESTAMPNS_NEW:
		s->stamp = value ? option : 0;
		return 0;
	case SO_PRIORITY:
		if (value > 6 && !cred_capable(CAP_NET_ADMIN))
			return -EPERM;
		s->priority = value;
		return 0;
	case SO_MAX_PACING_RATE:
		s->pacing_rate = value;
		return 0;
	case SO_RCVLOWAT:
		s->rcvlowat = (s32)value < 0 ? INT32_MAX : MAX(value, 1u);
		return 0;
	default:
		return -ENOPROTOOPT;
	}
}

long sock_setsockopt(struct sock *s, s32 level, u32 option, uptr_t value, s32 len)
{
	u32 v;

	if (level != SOL_SOCKET)
		return s->ops->setopt(s, level, option, value, len);
	if (len < (s32)sizeof(v))
		return -EINVAL;
	switch (option) {
	case SO_LINGER:
		return set_linger(s, value, len);
	case SO_RCVTIMEO:
	case SO_RCVTIMEO_NEW:
		return get_time(&s->rcvtimeo, value, len, option == SO_RCVTIMEO_NEW);
	case SO_SNDTIMEO:
	case SO_SNDTIMEO_NEW:
		return get_time(&s->sndtimeo, value, len, option == SO_SNDTIMEO_NEW);
	}
	if (get_user_u32(&v, value))
		return -EFAULT;
	if (!is_switch(option))
		return set_number(s, option, v);
	set_switch(s, option, v);
	return 0;
}

/* --- Getting --- */

/* An option whose value is one number. False: there is no such. */
static bool get_number(struct sock *s, u32 option, u32 *v)
{
	switch (option) {
	case SO_TYPE:
		*v = s->type;
		return true;
	case SO_DOMAIN:
		*v = s->ops->family;
		return true;
	case SO_PROTOCOL:
		*v = s->protocol;
		return true;
	case SO_ERROR:
		spin_lock(&sock_lock);
		*v = (u32)-sock_take_error(s);
		spin_unlock(&sock_lock);
		return true;
	case SO_SNDBUF:
		*v = s->sndbuf;
		return true;
	case SO_RCVBUF:
		*v = s->rcvbuf;
		return true;
	case SO_TIMESTAMP:
	case SO_TIMESTAMPNS:
	case SO_TIMESTAMP_NEW:
	case SO_TIMESTAMPNS_NEW:
		*v = s->stamp == option || /* and that one with nanoseconds, as on Linux */
		     (option == SO_TIMESTAMP_NEW && s->stamp == SO_TIMESTAMPNS_NEW);
		return true;
	case SO_PRIORITY:
		*v = s->priority;
		return true;
	case SO_MAX_PACING_RATE:
		*v = s->pacing_rate;
		return true;
	case SO_RCVLOWAT:
		*v = s->rcvlowat;
		return true;
	case SO_SNDLOWAT:
		*v = 1;
		return true;
	case SO_ACCEPTCONN:
		*v = s->state == SS_LISTENING;
		return true;
	}
	*v = option < 32 && sock_option(s, option);
	return is_switch(option);
}

/* Who the peer was when the connection was made; nobody without one. */
static struct abi_ucred peer_cred(const struct sock *s)
{
	struct abi_ucred c;

	spin_lock(&sock_lock);
	c = s->peercred;
	if (!c.pid)
		c.uid = c.gid = UINT32_MAX;
	spin_unlock(&sock_lock);
	return c;
}

long sock_getsockopt(struct sock *s, s32 level, u32 option, uptr_t value, uptr_t ulen)
{
	struct abi_ucred cred;
	u32 len, v;
	long err;

	if (get_user_u32(&len, ulen))
		return -EFAULT;
	if ((s32)len < 0)
		return -EINVAL;
	if (level != SOL_SOCKET) {
		err = s->ops->getopt(s, level, option, (s32 *)&v);
		return err ? err : put_value(&v, sizeof(v), value, ulen, len);
	}
	switch (option) {
	case SO_PEERCRED:
		cred = peer_cred(s);
		return put_value(&cred, sizeof(cred), value, ulen, len);
	case SO_LINGER:
		return put_value(&s->linger, sizeof(s->linger), value, ulen, len);
	case SO_RCVTIMEO:
	case SO_RCVTIMEO_NEW:
		return put_time(s->rcvtimeo, option == SO_RCVTIMEO_NEW, value, ulen, len);
	case SO_SNDTIMEO:
	case SO_SNDTIMEO_NEW:
		return put_time(s->sndtimeo, option == SO_SNDTIMEO_NEW, value, ulen, len);
	}
	if (!get_number(s, option, &v))
		return -ENOPROTOOPT;
	return put_value(&v, sizeof(v), value, ulen, len);
}
