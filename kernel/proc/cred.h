/* Changes of who a thread is. */
#ifndef PROC_CRED_H
#define PROC_CRED_H

#include "kernel/lib/types.h"

struct task;

/* execve: the ids of the new program and the capabilities that follow from them, for its one thread. */
void cred_exec(struct task *t, u32 euid, u32 egid, bool set_id);

#endif
