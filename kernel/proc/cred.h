/* Changes of who a thread is. */
#ifndef PROC_CRED_H
#define PROC_CRED_H

#include "kernel/lib/types.h"

struct credentials;
struct task;

#define NGROUPS_MAX 65536u

/* Supplementary groups: never changed once they are there, so that who forks shares them. */
struct groups {
	u32 refcount; /* atomic */
	u32 n;
	u32 id[]; /* ascending */
};

/* NULL, no groups, has no references. */
struct groups *groups_get(struct groups *g);
void groups_put(struct groups *g); /* takes only what frees memory */
bool groups_have(const struct groups *g, u32 gid);

/* A copy for another thread or process, and its end. */
void cred_copy(struct credentials *to, const struct credentials *from);
void cred_release(struct credentials *c);

/* execve: the ids of the new program and the capabilities that follow from them, for its one
 * thread, with its new memory. bounded: it gets no capability that was not permitted before. Caller
 * holds process_lock. */
void cred_exec_locked(struct task *t, u32 euid, u32 egid, bool set_id, bool bounded);

/* prctl(2) on capabilities; -EINVAL for what is not. */
long cred_prctl(u32 option, u32 arg2, u32 arg3, u32 arg4, u32 arg5);

/* kill(2)'s rule for one who has these ids and no capability. */
bool cred_may_signal(u32 uid, u32 euid, const struct credentials *target);

/* What an id above 65535 is where ids have 16 bits: /proc/sys/kernel/overflowuid, overflowgid. */
extern u32 overflow_uid, overflow_gid;
u16 uid_to16(u32 uid);
u16 gid_to16(u32 gid);

#endif
