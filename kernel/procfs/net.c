/*
 * /proc/net, which is /proc/PID/net of every process: the sockets of the machine. A line is made
 * under sock_lock, where nothing can be allocated, and then added to the text; which sockets there
 * are may change between two lines. Of the kernel's pointers that Linux shows there is the column,
 * and a 0 in it.
 */
#include "kernel/fs/vfs.h"
#include "kernel/lib/fmt.h"
#include "kernel/net/sock.h"
#include "kernel/procfs/procfs_impl.h"

#define LINE_MAX 256u

/* States of TCP, which stand for those of the other protocols too. */
enum {
	TCP_ESTABLISHED = 1,
	TCP_SYN_SENT = 2,
	TCP_FIN_WAIT2 = 5,
	TCP_CLOSE = 7,
	TCP_CLOSE_WAIT = 8,
	TCP_LISTEN = 10,
};

/* One file of /proc/net. Both functions are called with sock_lock held. */
struct sock_list {
	const char *header;
	int width; /* of each line, without the newline; blanks fill it */
	bool (*lists)(const struct sock *s);
	/* A line for the nth of them, at most LINE_MAX bytes with its NUL. */
	void (*line)(char *line, const struct sock *s, u32 n);
};

static const struct sock *nth(const struct sock_list *l, u32 n)
{
	const struct sock *s;

	list_for_each_entry (s, &socks, all)
		if (l->lists(s) && n-- == 0)
			return s;
	return NULL;
}

static int show(struct text *t, const struct sock_list *l)
{
	char line[LINE_MAX];
	const struct sock *s;
	u32 n = 0;

	text_printf(t, "%-*s\n", l->width, l->header);
	do {
		spin_lock(&sock_lock);
		s = nth(l, n);
		if (s)
			l->line(line, s, n++);
		spin_unlock(&sock_lock);
		if (s)
			text_printf(t, "%-*s\n", l->width, line);
	} while (s);
	return 0;
}

/* The one behind its file; 0 where it has none, or none yet. */
static u32 ino_of(const struct sock *s)
{
	return s->file ? s->file->dentry->inode->ino : 0;
}

static u32 owner_of(const struct sock *s)
{
	return s->file ? s->file->dentry->inode->uid : 0;
}

/* --- AF_INET --- */

/* What TCP and UDP have in common: to the count of references and the pointer. */
static int put_inet(char *line, const struct sock *s, u32 n, u32 state, u32 unread)
{
	return snprintf(line, LINE_MAX,
		"%*u: %08X:%04X %08X:%04X %02X %08X:%08X 00:00000000 00000000 %5u        0 %u %u "
		"00000000",
		sock_is_tcp(s) ? 4 : 5, n, __builtin_bswap32(s->local.addr), s->local.port,
		__builtin_bswap32(s->remote.addr), s->remote.port, state, 0, unread, owner_of(s),
		ino_of(s), s->refs);
}

/* Not one that is only bound, nor the far end of a connect() that has yet to get into the queue. */
static bool tcp_lists(const struct sock *s)
{
	return sock_is_tcp(s) && s->state != SS_CLOSED &&
	       !(s->accepted && s->peer && s->peer->state == SS_CONNECTING);
}

/* The other side's FIN has arrived. */
static bool has_fin(const struct sock *s)
{
	return !s->peer || s->peer->dead || (s->peer->shutdown & SND_SHUTDOWN);
}

static u32 tcp_state(const struct sock *s)
{
	if (s->state == SS_LISTENING)
		return TCP_LISTEN;
	if (s->state == SS_CONNECTING)
		return TCP_SYN_SENT;
	if (has_fin(s))
		return TCP_CLOSE_WAIT;
	return s->shutdown & SND_SHUTDOWN ? TCP_FIN_WAIT2 : TCP_ESTABLISHED;
}

/* A listener tells its connections that wait; a FIN behind unread bytes is one more. At the end
 * times and windows of a line that loses nothing and on which nothing waits. */
static void tcp_line(char *line, const struct sock *s, u32 n)
{
	u32 state = tcp_state(s);
	bool listens = state == TCP_LISTEN;
	u32 unread = listens ? s->queued : s->unread + (s->unread && has_fin(s));
	int at = put_inet(line, s, n, state, unread);

	snprintf(line + at, LINE_MAX - (u32)at, listens ? " 100 0 0 10 0" : " 20 4 0 10 -1");
}

static const struct sock_list tcp_list = {
	.header = "  sl  local_address rem_address   st tx_queue rx_queue tr tm->when retrnsmt   "
		  "uid  timeout inode",
	.width = 149,
	.lists = tcp_lists,
	.line = tcp_line,
};

static int tcp_show(struct text *t, const struct proc_node *n)
{
	return show(t, &tcp_list);
}

static bool udp_lists(const struct sock *s)
{
	return s->ops == &inet_family && s->type == SOCK_DGRAM && s->local.port;
}

static void udp_line(char *line, const struct sock *s, u32 n)
{
	u32 state = s->state == SS_CONNECTED ? TCP_ESTABLISHED : TCP_CLOSE;
	int at = put_inet(line, s, n, state, s->unread);

	snprintf(line + at, LINE_MAX - (u32)at, " 0"); /* dropped */
}

static const struct sock_list udp_list = {
	.header = "   sl  local_address rem_address   st tx_queue rx_queue tr tm->when retrnsmt   "
		  "uid  timeout inode ref pointer drops",
	.width = 127,
	.lists = udp_lists,
	.line = udp_line,
};

static int udp_show(struct text *t, const struct proc_node *n)
{
	return show(t, &udp_list);
}

/* --- AF_UNIX --- */

static bool unix_lists(const struct sock *s)
{
	return s->ops == &unix_family;
}

/* As Linux's struct socket has it, whose numbers these are; without a file there is none. That
 * somebody is connected to it is not said of a receiver of datagrams, as Linux does. */
static u32 unix_state(const struct sock *s)
{
	bool connected = s->state == SS_CONNECTED;

	if (s->file)
		return connected ? 3 : 1;
	return connected ? 2 : 4;
}

static void unix_line(char *line, const struct sock *s, u32 n)
{
	u32 accepts = s->state == SS_LISTENING ? 1u << 16 : 0;
	int at = snprintf(line, LINE_MAX, "00000000: %08X 00000000 %08X %04X %02X %5u", s->refs,
		accepts, s->type, unix_state(s), ino_of(s));
	u32 len = s->name ? s->name->len - offsetof(struct abi_sockaddr_un, path) : 0;
	const char *path = s->name ? s->name->addr.path : "";

	if (!s->name)
		return;
	line[at++] = ' ';
	if (path[0])
		len--; /* its NUL */
	for (u32 i = 0; i < len; i++)
		line[at++] = path[i] ? path[i] : '@';
	line[at] = '\0';
}

static const struct sock_list unix_list = {
	.header = "Num       RefCount Protocol Flags    Type St Inode Path",
	.lists = unix_lists,
	.line = unix_line,
};

static int unix_show(struct text *t, const struct proc_node *n)
{
	return show(t, &unix_list);
}

static const struct proc_entry rows[] = {
	{"tcp", S_IFREG | 0444, .read_only = true, .show = tcp_show},
	{"udp", S_IFREG | 0444, .read_only = true, .show = udp_show},
	{"unix", S_IFREG | 0444, .read_only = true, .show = unix_show},
};

const struct proc_dir proc_net_dir = {.rows = rows, .nr_rows = ARRAY_SIZE(rows)};
