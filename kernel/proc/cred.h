/* Changes of who a process is. */
#ifndef PROC_CRED_H
#define PROC_CRED_H

#include "kernel/lib/types.h"

struct process;

/* execve: the ids of the new program and the capabilities that follow from them. */
void cred_exec(struct process *p, u32 euid, u32 egid, bool set_id);

#endif
