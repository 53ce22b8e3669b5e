/*
 * Committed memory: the pages that private writable mappings could come to need, and those of files
 * that live in memory: of shared mappings and System V segments all of them from the start, of any
 * other such file each as it comes. And how far the kernel promises more than it has
 * (Documentation/vm/overcommit-accounting of Linux).
 */
#ifndef MM_COMMIT_H
#define MM_COMMIT_H

#include "kernel/lib/types.h"

enum overcommit { OVERCOMMIT_GUESS, OVERCOMMIT_ALWAYS, OVERCOMMIT_NEVER };

/* /proc/sys/vm */
extern u32 overcommit_memory; /* enum overcommit */
extern u32 overcommit_ratio;  /* percent of memory that may be committed in mode NEVER */
extern u32 overcommit_kbytes; /* if not 0, used instead of the ratio */

/* What mode NEVER keeps back in /proc/sys/vm, kB: for an administrator to log in with, from all who
 * are none; and for one to recover in from a process that has all, at most. */
extern u32 admin_reserve_kbytes, user_reserve_kbytes;

/* Chooses the reserves by the memory that is free. */
void commit_init(void);

/* Promises `pages` more to a process that has `total_vm` mapped. False when the policy says no. */
bool commit_charge(u32 pages, u32 total_vm);
/* The same of pages of a file, to the calling process or, where there is none, the kernel. */
bool commit_charge_file(u32 pages);
void commit_release(u32 pages);

/* `pages` of memory (negative: back again) are kept for something else, and mode NEVER does not count
 * on them: the huge pages. */
void commit_set_aside(s32 pages);

u32 commit_total(void); /* pages promised now */
u32 commit_limit(void); /* pages, what mode NEVER allows */

#endif
