/* rseq(2) (linux/rseq.h). */
#ifndef ABI_RSEQ_H
#define ABI_RSEQ_H

#include "kernel/lib/types.h"

#define RSEQ_FLAG_UNREGISTER	  1u
#define RSEQ_CPU_ID_UNINITIALIZED UINT32_MAX

/* A thread's area, in its own memory, aligned to 32 bytes. */
struct abi_rseq {
	u32 cpu_id_start, cpu_id;
	u64 rseq_cs; /* struct abi_rseq_cs of the sequence that the thread is in, 0: none */
	u32 flags;
	u32 pad[3];
};
_Static_assert(sizeof(struct abi_rseq) == 32, "struct rseq is 32 bytes");

/* A sequence: it begins at start_ip, and is complete behind post_commit_offset bytes. */
struct abi_rseq_cs {
	u32 version, flags;
	u64 start_ip, post_commit_offset, abort_ip;
};
_Static_assert(sizeof(struct abi_rseq_cs) == 32, "struct rseq_cs is 32 bytes");

#endif
