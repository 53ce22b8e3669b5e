/*
 * Who runs next: the runnable threads of one CPU. Pure.
 *
 * Realtime threads come before all others, the highest priority first, and keep the CPU until they
 * sleep (SCHED_FIFO) or have had their slice (SCHED_RR). Of each second they leave the others 50 ms,
 * so that one that loops does not take the machine with it.
 *
 * The others share the CPU by weight, as in Linux's CFS: each has a virtual time that goes on while it
 * runs, the slower the more weight its nice value gives it, and who is furthest behind runs next. The
 * floor is how far all have come at least; it never goes back. Who wakes is put a little below it
 * however long he slept, and takes the CPU at once from one that is clearly ahead of him: he reacts at
 * once, and a busy thread still gets its share. SCHED_BATCH waits for the tick instead, and so does
 * SCHED_IDLE, whose weight is next to nothing.
 *
 * The caller owns the lock and brings the time; who runs is in neither tree.
 */
#ifndef CORE_RUNQ_H
#define CORE_RUNQ_H

#include "kernel/lib/ravl.h"
#include "kernel/lib/types.h"

/* Linux's for one CPU, but that a tick of 4 ms looks at slices there and here. */
#define RUNQ_LATENCY_NS     6000000u /* in so much time all run once, */
#define RUNQ_MIN_SLICE_NS   750000u  /* unless that were less than this for each */
#define RUNQ_CREDIT_NS      3000000u /* how far below the floor he starts who slept */
#define RUNQ_DEBIT_NS       3000000u /* how far above it who is new */
#define RUNQ_WAKEUP_NS      1000000u /* so far behind one preempts: virtual time */
#define RUNQ_RR_SLICE_NS    100000000u
#define RUNQ_RT_PERIOD_NS   1000000000u
#define RUNQ_RT_RUNTIME_NS  950000000u

#define NICE_0_WEIGHT 1024u

/* One thread. Zeroes, once runq_set_policy() was called. */
struct sched_entity {
	struct ravl_node node; /* while it waits */
	u64 vtime_ns;          /* CPU time it had, at the pace of NICE_0_WEIGHT */
	u32 weight;            /* of its share */
	u8 policy;             /* a SCHED_ number */
	u8 priority;           /* 1 to 99 of a realtime thread, 0 of another */
	bool waits;            /* it is in the queue */
};

struct runq {
	struct ravl_root realtime, fair; /* those that wait: first is next */
	struct sched_entity *running;    /* NULL: nobody, the CPU is idle */
	u64 floor_ns;                    /* of virtual time */
	u64 charged_ns;                  /* until when `running` was charged: the present time */
	u64 ran_ns;                      /* what it had since it was picked */
	u64 rt_since_ns, rt_ran_ns;      /* a period of realtime threads, and what they had in it */
	u32 nr;                          /* how many wait */
	u32 weight;                      /* of the fair ones among them */
};

#define RUNQ_INIT(who_runs) {.running = (who_runs), .floor_ns = RUNQ_CREDIT_NS}

/* What the thread is from now on. It is not in a queue. Priority 0 but for SCHED_FIFO and SCHED_RR. */
void runq_set_policy(struct sched_entity *e, u32 policy, u32 priority, s32 nice);

/* Who runs had the CPU until `now_ns`. The calls below take that for the present. */
void runq_charge(struct runq *rq, u64 now_ns);

/* Enters one that is new, one that has slept, and one that ran or waited and goes on waiting: before
 * others like him, or (`last`) behind all that he does not take precedence of. */
void runq_enter_new(struct runq *rq, struct sched_entity *e);
void runq_enter_woken(struct runq *rq, struct sched_entity *e);
void runq_enter_again(struct runq *rq, struct sched_entity *e, bool last);
void runq_leave(struct runq *rq, struct sched_entity *e);

/* Takes the next one out, who runs from now on. NULL when nobody waits. */
struct sched_entity *runq_pick(struct runq *rq);

/* Whether `e`, who has just woken, takes the CPU from who runs. */
bool runq_preempts(const struct runq *rq, const struct sched_entity *e);
/* With the tick: whether who runs must let another run now. */
bool runq_slice_over(const struct runq *rq);
/* Whether who runs has had a slice of SCHED_RR. */
bool runq_rotates(const struct runq *rq);

#endif
