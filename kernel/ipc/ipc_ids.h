/*
 * What System V IPC's kinds of object have in common: a table of them by identifier and by key, and
 * who may do what with one.
 *
 * An identifier is the place in the table, with a sequence number above it that changes when the
 * places are used again: a stale identifier finds nothing.
 */
#ifndef IPC_IPC_IDS_H
#define IPC_IPC_IDS_H

#include "kernel/abi/ipc.h"
#include "kernel/core/lock.h"
#include "kernel/core/sched.h"
#include "kernel/lib/radix.h"

#define IPC_IDS_SHIFT 15
#define IPC_IDS_MAX   (1u << IPC_IDS_SHIFT) /* an identifier has 15 bits for the place */

/* letters: i: set at creation; all others: the table's lock */
struct ipc_object {
	s32 key; /* IPC_PRIVATE once it was removed */
	s32 id;	 /* i */
	u32 uid, gid, mode;
	u32 cuid, cgid; /* i */
};

struct ipc_table {
	struct mutex lock;
	struct radix by_place; /* place in the table -> struct ipc_object */
	u32 in_use;
	s32 max_place;	/* highest in use, -1: none */
	s32 last_place; /* given out last */
	u32 next_place; /* where to look for the next */
	u32 seq;
};

#define IPC_ANY_READ  0444u
#define IPC_ANY_WRITE 0222u

/* What those sleep on who cannot go on with an object until anything about it has changed. All of
 * it: the table's lock. */
struct ipc_event {
	u32 changes; /* counted, so that sleepers see them */
	u32 sleepers;
	bool removed;
	struct waitq waitq;
};

/* For IPC_TABLE_INIT: a table's radix nodes. */
struct radix_node *ipc_node_alloc(void);
void ipc_node_free(struct radix_node *n);

#define IPC_TABLE_INIT(t)                                                                          \
	{                                                                                          \
		.lock = MUTEX_INIT((t).lock), .max_place = -1, .last_place = -1,                   \
		.by_place = {.node_alloc = ipc_node_alloc, .node_free = ipc_node_free},            \
	}

/* All of these with the table's lock held. */

struct ipc_object *ipc_find(const struct ipc_table *t, s32 id); /* or NULL */
/* For IPC_RMID and IPC_SET, the caller's to change. Error pointer: -EINVAL: none; -EPERM. */
struct ipc_object *ipc_find_owned(const struct ipc_table *t, s32 id);
/* The next at or behind the place *at, which is set to its own; NULL past the last. */
struct ipc_object *ipc_next(const struct ipc_table *t, u32 *at);

/*
 * What a call for an object's state means: IPC_STAT its identifier, the others (SEM_STAT and its like)
 * a place of the table, and they return the identifier. The caller must be allowed to read it, but
 * with `anyone`. Returns what the call does, with the object in *out; or -EINVAL, -EACCES.
 */
long ipc_find_stat(const struct ipc_table *t, s32 id, u32 cmd, bool anyone, struct ipc_object **out);

/* What semget(2) and its like mean by key and flags: 0 with the object in *out, whose permissions the
 * caller checks, or with NULL: to be made; -ENOENT, -EEXIST. */
long ipc_get(const struct ipc_table *t, s32 key, u32 flags, struct ipc_object **out);

/* Makes a new object the caller's, with permissions from `flags`. */
void ipc_own(struct ipc_object *o, s32 key, u32 flags);
/* Gives it an identifier, if there are fewer than `limit`. 0, -ENOSPC or -ENOMEM. */
int ipc_enter(struct ipc_table *t, struct ipc_object *o, u32 limit) __must_check;
void ipc_leave(struct ipc_table *t, struct ipc_object *o);

void ipc_event_init(struct ipc_event *e);
/* Something about the object has changed: who sleeps looks again. */
void ipc_event_signal(struct ipc_event *e);
/* Sleeps until a change, with the table's lock let go meanwhile. 0; -EAGAIN at the deadline; -EINTR;
 * -EIDRM: the object was removed, and if nobody sleeps any more the caller frees it. */
long ipc_event_wait(struct ipc_table *t, struct ipc_event *e, u64 deadline);
/* The object is removed. Returns whether nobody sleeps, so that it can be freed at once. */
bool ipc_event_remove(struct ipc_event *e);

/* Whether the calling process has these permissions; `wanted` may have them in the place of the
 * owner, of the group or of others. */
bool ipc_may(const struct ipc_object *o, u32 wanted);
bool ipc_owns(const struct ipc_object *o);
/* IPC_SET: the new owner, group and mode of *p. 0 or -EINVAL. */
long ipc_set_owner(struct ipc_object *o, const struct abi_ipc64_perm *p);

/* What users see of owner and mode: of an object; the old struct from the new one; and what IPC_SET
 * sets, out of the old one. */
void ipc_fill_perm(const struct ipc_object *o, struct abi_ipc64_perm *p);
void ipc_old_perm(const struct abi_ipc64_perm *p, struct abi_ipc_perm *old);
void ipc_new_perm(const struct abi_ipc_perm *old, struct abi_ipc64_perm *p);

/* Seconds since 1970. */
s64 ipc_now(void);

#endif
