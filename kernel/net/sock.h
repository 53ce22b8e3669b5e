/*
 * Sockets between processes of one machine: streams, datagrams and sequenced packets, named by
 * paths (AF_UNIX) or by an address of the loopback interface and a port (AF_INET); and sockets that
 * speak with the kernel (AF_NETLINK). There is no network: nothing is ever cut into packets that
 * could be lost or come late.
 *
 *   file --private--> struct sock <--peer--> struct sock <--private-- file
 *                        | receive: struct sock_msg, oldest first; each holds its sender
 *                        | (a listener's holds the sockets that wait to be accepted)
 *
 * A socket lives as long as somebody holds it: its file, its peer, the messages that it sent and
 * that nobody has read. What it has sent is charged to it until it is read or dropped, so what
 * a program can make the kernel hold is bounded for each of its sockets.
 *
 * What differs between families is behind struct sock_family: names, and how ends of connections
 * look from the other side.
 *
 * sock_lock, a spin lock, guards all links and states of all sockets. Nothing is freed, and no user
 * memory touched, while it is held. Whoever reads a socket holds its read_lock, a mutex, over the
 * copying; only he takes messages off.
 */
#ifndef NET_SOCK_H
#define NET_SOCK_H

#include "kernel/abi/netlink.h"
#include "kernel/abi/socket.h"
#include "kernel/abi/uio.h"
#include "kernel/core/lock.h"
#include "kernel/core/sched.h"
#include "kernel/fs/file.h"
#include "kernel/lib/list.h"

#define SOCK_BUF     180224u /* as on Linux i386: 256 packets of 256 bytes with their overhead */
#define SOCK_BUF_MIN 4480u
#define SOCK_CHUNK   32768u /* of a stream that go into one message */

/*
 * CLOSED -> LISTENING by listen(), and back by shutdown();
 * CLOSED -> CONNECTED by connect() or socketpair(), or by way of CONNECTING while a listener's
 * queue is full (AF_INET); CONNECTED -> CLOSED when both sides are done or one was reset (AF_INET),
 * or when a datagram socket's peer goes.
 */
enum sock_state { SS_CLOSED, SS_LISTENING, SS_CONNECTING, SS_CONNECTED };

#define RCV_SHUTDOWN  1u
#define SND_SHUTDOWN  2u
#define SHUTDOWN_MASK 3u

/* An address as the user gives or gets it, in a buffer that holds the longest. */
union sock_addr {
	u16 family;
	struct abi_sockaddr_un un;
	struct abi_sockaddr_in in;
	struct abi_sockaddr_nl nl;
	u8 bytes[SOCKADDR_MAX];
};

/* An AF_UNIX name: bytes of sun_path, the first NUL for an abstract one. */
struct unix_name {
	u32 refs; /* sock_lock */
	u32 len;  /* of the whole address */
	struct abi_sockaddr_un addr;
};

/* An AF_INET name, as the processor reads numbers. 0: any address, no port. */
struct inet_name {
	u32 addr;
	u16 port;
};

#define NR_INET_OPTIONS 14u /* rows of inet_options[] in inet_opt.c */

/* What travels beside the bytes. */
struct scm {
	struct abi_ucred cred;
	bool cred_set; /* by SCM_CREDENTIALS */
	u32 nr_files;
	struct file **files; /* kmalloc()ed; each referenced; NULL: none */
	u64 stamp_ns; /* when it came, by the real-time clock; 0: nobody looked */
	u32 stamp; /* to be told so: sock->stamp, 0: not */
	struct user *sender; /* with files: who sent them; referenced, NULL: nobody any more */
};

struct msg_piece {
	struct msg_piece *next;
	u32 len;
	u8 data[];
};

struct sock_msg {
	struct list_head link;
	struct sock *sender;   /* referenced */
	struct inet_name from; /* AF_INET: its name when it sent this */
	u32 len, taken;	       /* bytes; read so far */
	u32 charge;	       /* against what the sender may have under way */
	struct scm scm;
	struct msg_piece *pieces;
};

/* letters: u: sock_lock; i: set at creation */
struct sock {
	const struct sock_family *ops; /* i */
	u32 refs;		       /* u */
	u32 type;		       /* i: SOCK_ */
	u32 protocol;		       /* i: IPPROTO_, 0 in AF_UNIX */
	enum sock_state state;	       /* u */
	bool dead;		       /* u: its file is closed */
	bool accepted;		       /* i: the server's end: its name is the listener's */
	u32 shutdown;		       /* u */
	s32 error;		       /* u: told once, positive */
	struct file *file;	       /* u: not referenced; NULL: not accepted yet, or closed */
	struct sock *peer;	       /* u: referenced */
	struct sock *listener;	       /* u: in whose queue it is; NULL: in none */
	struct list_head all;	       /* u: socks */
	struct list_head named;	       /* u: in its bucket, if it is to be found by its name */
	struct list_head *bucket;      /* u: that one, NULL: none */
	struct list_head receive;      /* u: struct sock_msg.link; a listener's: sock.waiting */
	struct list_head waiting;      /* u: in a listener's queue */
	u32 queued;		       /* u: entries of `receive` */
	u32 unread;		       /* u: bytes in it */
	u32 backlog;		       /* u: entries that may be queued before senders wait */
	u32 charged;		       /* u: by messages that it sent */
	u32 sndbuf, rcvbuf;	       /* u */
	u32 window;		       /* u: what it may have under way beyond sndbuf */
	u32 options;		       /* u: bit n: option SO_n that is a switch */
	u32 priority, rcvlowat;	       /* u */
	u32 stamp;		       /* u: the SO_TIMESTAMP option that is on, 0: none */
	u32 pacing_rate;	       /* u: SO_MAX_PACING_RATE: kept; ~0: none */
	struct abi_linger linger;      /* u */
	u64 rcvtimeo, sndtimeo;	       /* u: ns, 0: forever */
	struct abi_ucred peercred;     /* u */
	u32 inflight;		       /* u: references to its file that are in messages */
	bool reachable;		       /* u: sock_gc() */
	struct list_head gc;	       /* u */
	struct mutex read_lock;
	struct waitq readers, writers;
	struct list_head async; /* files with O_ASYNC (kernel/fs/fasync.h) */
	bool wants_room;	/* u: it was told that there is none */

	/* AF_UNIX */
	struct unix_name *name; /* u */
	struct path path;	/* u: of one bound to a path */

	/* AF_INET */
	struct inet_name local, remote;	   /* u; remote.port 0: connected to nobody */
	bool addr_bound, port_bound;	   /* u: by bind(): a connection's end leaves them */
	bool untold;			   /* u: connect() has not told yet what came of it */
	u32 uid;			   /* i: whose */
	s32 inet_options[NR_INET_OPTIONS]; /* u */

	/* AF_NETLINK */
	u32 port, groups; /* u: its name; 0: none */
	u32 nl_options;	  /* u: bit n: option n at SOL_NETLINK */
};

struct sock_call;

/* What a family of addresses does its own way. `len` bytes of *addr are the user's, the rest is 0.
 * int: 0 or a negative errno. */
struct sock_family {
	u32 family;
	/* A socket with one reference, or error pointer. type: without flags. */
	struct sock *(*create)(u32 type, u32 protocol);
	int (*bind)(struct sock *s, union sock_addr *addr, u32 len);
	int (*connect)(struct sock *s, union sock_addr *addr, u32 len, bool nonblock);
	/* Whether it may listen now. Caller holds sock_lock. */
	int (*may_listen)(struct sock *s);
	/* The socket's own name or its peer's. Returns the length or -ENOTCONN. */
	long (*getname)(struct sock *s, bool peer, union sock_addr *addr);
	int (*shutdown)(struct sock *s, u32 mask); /* RCV_SHUTDOWN, SND_SHUTDOWN */
	/* s goes: what its peer sees of it. Caller holds sock_lock. */
	void (*leave)(struct sock *s, struct sock *peer);
	/* Whether what s, a stream, sends now arrives: 1; is lost: 0; or why it cannot send. Caller
	 * holds sock_lock. */
	long (*admit)(struct sock *s);
	/* Bytes, or a negative errno. */
	long (*send)(struct sock *s, struct sock_call *c);
	long (*recv)(struct sock *s, struct sock_call *c);
	/* Who a message is from, into c->addr. Caller holds sock_lock. */
	void (*from)(const struct sock_msg *m, struct sock_call *c);
	/* Options at other levels than SOL_SOCKET. */
	long (*setopt)(struct sock *s, s32 level, u32 option, uptr_t value, s32 len);
	long (*getopt)(struct sock *s, s32 level, u32 option, s32 *value);
};

extern const struct sock_family unix_family, inet_family, netlink_family;

extern struct spinlock sock_lock;
extern struct list_head socks; /* every socket that is not dead; sock_lock */

/* Sockets by a hash of what their family finds them by (struct sock.named): first those that listen or
 * take datagrams, the last named first; then all other ones. Caller holds sock_lock. */
struct list_head *sock_bucket(u32 hash);
/* It is found by another hash from now on, or by none. */
void sock_name(struct sock *s, u32 hash);
void sock_unname(struct sock *s);

static inline bool sock_listens(const struct sock *s)
{
	return s->type == SOCK_DGRAM || s->state == SS_LISTENING;
}

extern const struct file_ops sock_file_ops;
/* Senders of datagrams wait for room at the receiver on this queue, which outlives both. */
extern struct waitq sock_dgram_room;
extern u32 sock_somaxconn; /* /proc/sys/net/core/somaxconn */

static inline bool file_is_socket(const struct file *f)
{
	return f->ops == &sock_file_ops;
}
static inline struct sock *sock_of(const struct file *f)
{
	return f->private;
}
static inline bool sock_queue_full(const struct sock *s)
{
	return s->queued > s->backlog;
}
static inline bool sock_connects(const struct sock *s)
{
	return s->type == SOCK_STREAM || s->type == SOCK_SEQPACKET;
}
static inline bool sock_is_tcp(const struct sock *s)
{
	return s->ops == &inet_family && s->type == SOCK_STREAM;
}
/* Bytes that may be charged to it: how much it may have under way. */
static inline u64 sock_limit(const struct sock *s)
{
	return s->state == SS_CONNECTING ? 0 : (u64)s->sndbuf + s->window;
}
/* A switch of SOL_SOCKET. */
static inline bool sock_option(const struct sock *s, u32 option)
{
	return s->options >> option & 1;
}

/* --- sock.c --- */

struct sock *sock_create(const struct sock_family *ops, u32 type) __must_check; /* or error ptr */
struct sock *sock_hold(struct sock *s); /* caller holds sock_lock */
void sock_put(struct sock *s);		/* NULL is ignored */
/* A file for it, taking over the reference, also on failure. flags: O_ bits. Error pointer. */
struct file *sock_file_create(struct sock *s, u32 flags) __must_check;
/* As if its file were closed; for one that never had any. */
void sock_close(struct sock *s);
void sock_pair(struct sock *a, struct sock *b);
/* Makes `conn` the server's end of a connection of s, and puts it into the listener's queue. Caller
 * holds sock_lock and wakes the listener's readers. */
void sock_link(struct sock *s, struct sock *conn, struct sock *listener);
struct abi_ucred sock_own_cred(void);

/* What a socket leaves behind when it is closed or begins anew. */
struct sock_rest {
	struct sock *peer;	  /* NULL: none */
	struct list_head msgs;	  /* unread */
	struct list_head waiting; /* connections that nobody accepted */
};
#define SOCK_REST_INIT(r)                                                                          \
	{                                                                                          \
		NULL, LIST_HEAD_INIT((r).msgs), LIST_HEAD_INIT((r).waiting)                        \
	}
/* Adds what the socket has to an empty *rest. Caller holds sock_lock. */
void sock_detach(struct sock *s, struct sock_rest *rest);
/* Wakes and lets go, without the lock. */
void sock_drop(struct sock *s, struct sock_rest *rest);

int sock_listen(struct sock *s, s32 backlog);
/* *out: the connection, referenced. */
int sock_accept(struct sock *s, bool nonblock, struct sock **out);
void sock_wake(struct sock *s);
/* There is something to read or to accept. */
void sock_data_ready(struct sock *s);
/* Its peer has done something to it that its state tells. */
void sock_state_changed(struct sock *s);

/* Sleeps on q until cond(s), for at most `ns` (0: forever). 0, -EAGAIN at the end of that, or what
 * a signal makes of it. */
long sock_wait(struct waitq *q, bool (*cond)(struct sock *s), struct sock *s, u64 ns);

/* --- sock_io.c --- */

/* One call of send or recv: what sendmsg(2) and recvmsg(2) have in their struct. */
struct sock_call {
	const struct abi_iovec *iov; /* user memory, checked; or, with `kernel`, one buffer */
	u32 nr_iov;
	struct iobuf *kernel;
	u32 len;   /* of all */
	u32 flags; /* MSG_ */
	bool nonblock;
	union sock_addr addr; /* to, or from */
	u32 addr_len;	      /* 0: none */
	struct scm scm;	      /* sent: taken over by the message; received: the caller's */
	u32 out_flags;	      /* MSG_ bits that recvmsg(2) returns */
};

/* How far a call has come. */
struct msg_pos {
	u32 i, off; /* iovec, and byte in it */
};

/* The error that a socket tells once: 0 or negative. Caller holds sock_lock. */
long sock_take_error(struct sock *s);
/* A message of the next `len` bytes of the call, from *at on, which is advanced; once the socket may
 * send another, for which it waits. Error pointer. */
struct sock_msg *sock_next_msg(
	struct sock *s, struct sock_call *c, struct msg_pos *at, u32 len) __must_check;
/* Appends a message to what `to` has to read, with the call's files. Caller holds sock_lock, and
 * wakes the receiver's readers. */
void sock_enqueue(struct sock *s, struct sock *to, struct sock_msg *m, struct sock_call *c);
/* err: why it cannot be, if that is known already, or 0. */
long sock_send_stream(struct sock *s, struct sock_call *c, long err);
long sock_recv(struct sock *s, struct sock_call *c);

/* --- sock_msg.c --- */

/* The message for sock_next_msg(), at once. */
struct sock_msg *sock_msg_create(
	struct sock *sender, struct sock_call *c, struct msg_pos *at, u32 len) __must_check;
/* Copies n bytes from `from` on out to where *at is. Returns bytes copied, short at bad memory. */
u32 sock_msg_copy(
	const struct sock_msg *m, u32 from, u32 n, struct sock_call *c, struct msg_pos *at);
/* Gives its charge back and frees it, with the files in it. Not under sock_lock. */
void sock_msg_free(struct sock_msg *m);
/* The same for a list of them. */
void sock_msgs_free(struct list_head *msgs);
void scm_drop(struct scm *scm); /* puts the files */
/* Another reference to each file, into *to. -ENOMEM. */
int scm_copy(struct scm *to, const struct scm *from) __must_check;

/* --- sock_gc.c: sockets that only messages hold, which nobody can ever read --- */

/* Its files are in a message from now on, or no more. Caller holds sock_lock. */
void scm_inflight(const struct scm *scm, s32 by);
extern u32 scm_nr_inflight; /* references to sockets in messages */
extern bool sock_gc_wanted; /* a socket was closed */
void sock_gc(void);

/* --- scm.c: control messages --- */

int scm_send(struct scm *scm, uptr_t control, u32 len) __must_check;
/* Writes what was received; *used bytes of control are. Puts the files that found no room. Returns
 * MSG_CTRUNC or 0. */
u32 scm_recv(struct scm *scm, bool with_cred, u32 flags, uptr_t control, u32 len, u32 *used);

/* --- sockopt.c --- */

long sock_setsockopt(struct sock *s, s32 level, u32 option, uptr_t value, s32 len);
long sock_getsockopt(struct sock *s, s32 level, u32 option, uptr_t value, uptr_t len);

/* --- unix_packet.c: datagrams and sequenced packets of AF_UNIX --- */

long unix_send_packet(struct sock *s, struct sock_call *c);
/* The socket that an address names, of this type, that the caller may write to; referenced. */
struct sock *unix_find(union sock_addr *addr, u32 len, u32 type) __must_check;
int unix_autobind(struct sock *s);

void sock_init(void);

#endif
