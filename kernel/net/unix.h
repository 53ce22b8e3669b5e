/*
 * AF_UNIX sockets: streams, datagrams and sequenced packets between processes of one machine.
 *
 *   file --private--> struct unix_sock <--peer--> struct unix_sock <--private-- file
 *                        | receive: struct unix_msg, oldest first; each holds its sender
 *                        | (a listener's holds the sockets that wait to be accepted)
 *
 * A socket lives as long as somebody holds it: its file, its peer, the messages that it sent and
 * that nobody has read. What it has sent is charged to it until it is read or dropped, so what
 * a program can make the kernel hold is bounded by SO_SNDBUF for each of its sockets.
 *
 * unix_lock, a spin lock, guards all links and states of all sockets. Nothing is freed, and no user
 * memory touched, while it is held. Whoever reads a socket holds its read_lock, a mutex, over the
 * copying; only he takes messages off.
 */
#ifndef NET_UNIX_H
#define NET_UNIX_H

#include "kernel/abi/socket.h"
#include "kernel/abi/uio.h"
#include "kernel/core/lock.h"
#include "kernel/core/sched.h"
#include "kernel/fs/file.h"
#include "kernel/lib/list.h"

#define UNIX_SNDBUF	180224u /* as on Linux i386: 256 packets of 256 bytes with their overhead */
#define UNIX_SNDBUF_MIN 4480u
#define UNIX_DGRAM_QLEN 10u /* datagrams more than these wait for the receiver */
#define UNIX_SOMAXCONN	4096u
#define UNIX_CHUNK	32768u /* of a stream that go into one message */

enum unix_state { UNIX_CLOSED, UNIX_LISTENING, UNIX_CONNECTED };

#define UNIX_RCV_SHUTDOWN 1u
#define UNIX_SND_SHUTDOWN 2u
#define UNIX_SHUTDOWN	  3u

/* A name: bytes of sun_path, the first NUL for an abstract one. */
struct unix_name {
	u32 refs; /* unix_lock */
	u32 len;  /* of the whole address */
	struct abi_sockaddr_un addr;
};

/* What travels beside the bytes. */
struct unix_scm {
	struct abi_ucred cred;
	bool cred_set; /* by SCM_CREDENTIALS */
	u32 nr_files;
	struct file **files; /* kmalloc()ed; each referenced; NULL: none */
};

struct unix_piece {
	struct unix_piece *next;
	u32 len;
	u8 data[];
};

struct unix_msg {
	struct list_head link;
	struct unix_sock *sender; /* referenced */
	u32 len, taken;		  /* bytes; read so far */
	u32 charge;		  /* against the sender's SO_SNDBUF */
	struct unix_scm scm;
	struct unix_piece *pieces;
};

/* letters: u: unix_lock; i: set at creation */
struct unix_sock {
	u32 refs;		/* u */
	u32 type;		/* i: SOCK_ */
	enum unix_state state;	/* u */
	bool dead;		/* u: its file is closed */
	bool accepted;		/* i: the server's end: its name is the listener's */
	u32 shutdown;		/* u */
	s32 error;		/* u: told once, positive */
	struct file *file;	/* u: not referenced; NULL: not accepted yet, or closed */
	struct unix_sock *peer; /* u: referenced */
	struct unix_name *name; /* u */
	struct dentry *path;	/* u: of one bound to a path */
	struct list_head all;	/* u: unix_socks */
	struct list_head
		receive; /* u: struct unix_msg.link; a listener's: struct unix_sock.waiting */
	struct list_head waiting;  /* u: in a listener's queue; empty: in none */
	u32 queued;		   /* u: entries of `receive` */
	u32 unread;		   /* u: bytes in it */
	u32 backlog;		   /* u: entries that may be queued before senders wait */
	u32 charged;		   /* u: by messages that it sent */
	u32 sndbuf, rcvbuf;	   /* u */
	u32 options;		   /* u: bit n: option SO_n that is a switch */
	u32 priority, rcvlowat;	   /* u */
	struct abi_linger linger;  /* u */
	u64 rcvtimeo, sndtimeo;	   /* u: ns, 0: forever */
	struct abi_ucred peercred; /* u */
	u32 inflight;		   /* u: references to its file that are in messages */
	bool reachable;		   /* u: unix_gc() */
	struct list_head gc;	   /* u */
	struct mutex read_lock;
	struct waitq readers, writers;
};

extern struct spinlock unix_lock;
extern struct list_head unix_socks; /* every socket that is not dead; unix_lock */
extern const struct file_ops unix_file_ops;
/* Senders of datagrams wait for room at the receiver on this queue, which outlives both. */
extern struct waitq unix_dgram_room;

static inline bool file_is_socket(const struct file *f)
{
	return f->ops == &unix_file_ops;
}
static inline struct unix_sock *unix_of(const struct file *f)
{
	return f->private;
}
static inline bool unix_queue_full(const struct unix_sock *s)
{
	return s->queued > s->backlog;
}
static inline bool unix_connecting(const struct unix_sock *s)
{
	return s->type != SOCK_DGRAM;
}

/* --- unix.c --- */

struct unix_sock *unix_create(u32 type) __must_check; /* one reference; NULL: no memory */
struct unix_sock *unix_hold(struct unix_sock *s);     /* caller holds unix_lock */
void unix_put(struct unix_sock *s);		      /* NULL is ignored */
/* A file for it, taking over the reference, also on failure. flags: O_ bits. Error pointer. */
struct file *unix_file_create(struct unix_sock *s, u32 flags) __must_check;
int unix_pair(struct unix_sock *a, struct unix_sock *b);

/* `len` bytes of an address as the user gave it, at most SOCKADDR_MAX. Negative errno. */
int unix_bind(struct unix_sock *s, struct abi_sockaddr_un *addr, u32 len);
int unix_connect(struct unix_sock *s, struct abi_sockaddr_un *addr, u32 len, bool nonblock);
int unix_listen(struct unix_sock *s, s32 backlog);
/* *out: the connection, referenced. */
int unix_accept(struct unix_sock *s, bool nonblock, struct unix_sock **out);
int unix_shutdown(struct unix_sock *s, u32 how);
/* The socket's own name or its peer's into *addr. Returns the length or -ENOTCONN. */
long unix_getname(struct unix_sock *s, bool peer, struct abi_sockaddr_un *addr);
u32 unix_copy_name(const struct unix_name *name, struct abi_sockaddr_un *addr);
/* The socket that an address names, of this type, that the caller may write to; referenced. */
struct unix_sock *unix_find(struct abi_sockaddr_un *addr, u32 len, u32 type) __must_check;
int unix_autobind(struct unix_sock *s);
bool unix_writable(const struct unix_sock *s);
void unix_wake(struct unix_sock *s);

/* Sleeps on q until cond(s), for at most `ns` (0: forever). 0, -EAGAIN at the end of that, or what
 * a signal makes of it. */
long unix_wait(struct waitq *q, bool (*cond)(struct unix_sock *s), struct unix_sock *s, u64 ns);

/* --- unix_io.c --- */

/* One call of send or recv: what sendmsg(2) and recvmsg(2) have in their struct. */
struct unix_call {
	const struct abi_iovec *iov; /* user memory, checked; or, with `kernel`, one buffer */
	u32 nr_iov;
	struct iobuf *kernel;
	u32 len;   /* of all */
	u32 flags; /* MSG_ */
	bool nonblock;
	struct abi_sockaddr_un addr; /* to, or from */
	u32 addr_len;		     /* 0: none */
	struct unix_scm scm;	     /* sent: taken over by the message; received: the caller's */
	u32 out_flags;		     /* MSG_ bits that recvmsg(2) returns */
};

/* Bytes, or a negative errno. */
long unix_send(struct unix_sock *s, struct unix_call *c);
long unix_recv(struct unix_sock *s, struct unix_call *c);

/* --- unix_msg.c --- */

/* A message of the next `len` bytes of the call, from *at on, which is advanced. Error pointer. */
struct unix_pos {
	u32 i, off; /* iovec, and byte in it */
};
struct unix_msg *unix_msg_create(
	struct unix_sock *sender, struct unix_call *c, struct unix_pos *at, u32 len) __must_check;
/* Copies n bytes from `from` on out to where *at is. Returns bytes copied, short at bad memory. */
u32 unix_msg_copy(
	const struct unix_msg *m, u32 from, u32 n, struct unix_call *c, struct unix_pos *at);
/* Gives its charge back and frees it, with the files in it. Not under unix_lock. */
void unix_msg_free(struct unix_msg *m);
/* The same for a list of them. */
void unix_msgs_free(struct list_head *msgs);
void unix_scm_drop(struct unix_scm *scm); /* puts the files */
/* Another reference to each file, into *to. -ENOMEM. */
int unix_scm_copy(struct unix_scm *to, const struct unix_scm *from) __must_check;

/* --- unix_gc.c: sockets that only messages hold, which nobody can ever read --- */

/* Its files are in a message from now on, or no more. Caller holds unix_lock. */
void unix_inflight(const struct unix_scm *scm, s32 by);
extern u32 unix_nr_inflight; /* references to sockets in messages */
extern bool unix_gc_wanted;  /* a socket was closed */
void unix_gc(void);

/* --- scm.c: control messages --- */

int scm_send(struct unix_scm *scm, uptr_t control, u32 len) __must_check;
/* Writes what was received; *used bytes of control are. Puts the files that found no room. Returns
 * MSG_CTRUNC or 0. */
u32 scm_recv(struct unix_scm *scm, bool with_cred, u32 flags, uptr_t control, u32 len, u32 *used);

/* --- sockopt.c --- */

long unix_setsockopt(struct unix_sock *s, s32 level, u32 option, uptr_t value, s32 len);
long unix_getsockopt(struct unix_sock *s, s32 level, u32 option, uptr_t value, uptr_t len);

void unix_init(void);

#endif
