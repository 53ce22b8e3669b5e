/* The order in which runnable threads run. */
#include "kernel/core/runq.h"
#include "kernel/abi/sched.h"

#define IDLE_WEIGHT   3u
#define FRACTION_BITS 10u

static struct sched_entity *entity_of(struct ravl_node *n)
{
	return n ? ravl_entry(n, struct sched_entity, node) : NULL;
}

/* Each step of niceness is a tenth of the CPU between two: a factor of 5/4. */
static u32 weight_of_nice(s32 nice)
{
	u64 w = NICE_0_WEIGHT << FRACTION_BITS;

	for (; nice < 0; nice++)
		w += w / 4;
	for (; nice > 0; nice--)
		w -= w / 5;
	return (u32)(w >> FRACTION_BITS);
}

void runq_set_policy(struct sched_entity *e, u32 policy, u32 priority, s32 nice)
{
	e->policy = (u8)policy;
	e->priority = (u8)priority;
	e->weight = policy == SCHED_IDLE ? IDLE_WEIGHT : weight_of_nice(nice);
}

/* Time as it goes for that thread. */
static u64 virtual_ns(const struct sched_entity *e, u64 ns)
{
	return likely(e->weight == NICE_0_WEIGHT) ? ns : ns * NICE_0_WEIGHT / e->weight;
}

static void raise_floor(struct runq *rq)
{
	const struct sched_entity *first = entity_of(rq->fair.first);
	u64 least = rq->running->vtime_ns;

	if (first && first->vtime_ns < least)
		least = first->vtime_ns;
	rq->floor_ns = MAX(rq->floor_ns, least);
}

static void charge_realtime(struct runq *rq, u64 ns)
{
	if (rq->charged_ns - rq->rt_since_ns >= RUNQ_RT_PERIOD_NS) {
		rq->rt_since_ns = rq->charged_ns;
		rq->rt_ran_ns = 0;
	}
	rq->rt_ran_ns += ns;
}

void runq_charge(struct runq *rq, u64 now_ns)
{
	u64 ns = now_ns - rq->charged_ns;

	rq->charged_ns = now_ns;
	if (!rq->running)
		return;
	rq->ran_ns += ns;
	if (unlikely(rq->running->priority)) {
		charge_realtime(rq, ns);
		return;
	}
	rq->running->vtime_ns += virtual_ns(rq->running, ns);
	raise_floor(rq);
}

/* They have had their part of this period. */
static bool throttled(const struct runq *rq)
{
	return rq->rt_ran_ns > RUNQ_RT_RUNTIME_NS &&
	       rq->charged_ns - rq->rt_since_ns < RUNQ_RT_PERIOD_NS;
}

/* --- Entering and leaving --- */

/* Behind those that are as far behind. */
static void enter_fair(struct runq *rq, struct sched_entity *e)
{
	struct ravl_node *prev = rq->fair.last;

	if (prev && entity_of(prev)->vtime_ns > e->vtime_ns) {
		prev = NULL;
		for (struct ravl_node *n = rq->fair.node; n;) {
			bool later = entity_of(n)->vtime_ns > e->vtime_ns;

			prev = later ? prev : n;
			n = later ? n->left : n->right;
		}
	}
	ravl_insert_after(&rq->fair, prev, &e->node);
	rq->weight += e->weight;
}

/* Before or behind those of the same priority. */
static void enter_realtime(struct runq *rq, struct sched_entity *e, bool behind)
{
	struct ravl_node *prev = NULL;

	for (struct ravl_node *n = rq->realtime.node; n;) {
		bool later = entity_of(n)->priority < e->priority + !behind;

		prev = later ? prev : n;
		n = later ? n->left : n->right;
	}
	ravl_insert_after(&rq->realtime, prev, &e->node);
}

static void enter(struct runq *rq, struct sched_entity *e, bool behind)
{
	rq->nr++;
	e->waits = true;
	if (unlikely(e->priority))
		enter_realtime(rq, e, behind);
	else
		enter_fair(rq, e);
}

static void enter_from(struct runq *rq, struct sched_entity *e, u64 least_vtime_ns)
{
	e->vtime_ns = MAX(e->vtime_ns, least_vtime_ns);
	enter(rq, e, true);
}

void runq_enter_new(struct runq *rq, struct sched_entity *e)
{
	enter_from(rq, e, rq->floor_ns + RUNQ_DEBIT_NS);
}

void runq_enter_woken(struct runq *rq, struct sched_entity *e)
{
	enter_from(rq, e, rq->floor_ns - RUNQ_CREDIT_NS);
}

void runq_enter_again(struct runq *rq, struct sched_entity *e, bool last)
{
	if (last && rq->fair.last)
		e->vtime_ns = MAX(e->vtime_ns, entity_of(rq->fair.last)->vtime_ns);
	enter(rq, e, last);
}

void runq_leave(struct runq *rq, struct sched_entity *e)
{
	rq->nr--;
	e->waits = false;
	if (unlikely(e->priority)) {
		ravl_erase(&rq->realtime, &e->node);
		return;
	}
	ravl_erase(&rq->fair, &e->node);
	rq->weight -= e->weight;
}

/* --- Choosing --- */

struct sched_entity *runq_pick(struct runq *rq)
{
	bool realtime = rq->realtime.first && !(rq->fair.first && throttled(rq));
	struct sched_entity *e = entity_of(realtime ? rq->realtime.first : rq->fair.first);

	if (e)
		runq_leave(rq, e);
	rq->running = e;
	rq->ran_ns = 0;
	return e;
}

bool runq_preempts(const struct runq *rq, const struct sched_entity *e)
{
	const struct sched_entity *r = rq->running;

	if (!r)
		return true;
	if (unlikely(e->priority || r->priority))
		return e->priority > r->priority && !throttled(rq);
	if (unlikely(e->policy != SCHED_OTHER || r->policy == SCHED_IDLE))
		return r->policy == SCHED_IDLE && e->policy != SCHED_IDLE;
	return r->vtime_ns > e->vtime_ns + virtual_ns(e, RUNQ_WAKEUP_NS);
}

bool runq_rotates(const struct runq *rq)
{
	return rq->running && rq->running->policy == SCHED_RR && rq->ran_ns >= RUNQ_RR_SLICE_NS;
}

static bool realtime_slice_over(const struct runq *rq)
{
	const struct sched_entity *first = entity_of(rq->realtime.first), *r = rq->running;

	if (throttled(rq))
		return r->priority && rq->fair.first;
	return first && first->priority + runq_rotates(rq) > r->priority;
}

/* The share of who runs in RUNQ_LATENCY_NS, or in what it takes to give each of many his. */
static u64 fair_slice(const struct runq *rq)
{
	u64 period = MAX(RUNQ_LATENCY_NS, (rq->nr + 1) * (u64)RUNQ_MIN_SLICE_NS);
	u64 slice = period * rq->running->weight / (rq->running->weight + rq->weight);

	return MAX(slice, (u64)RUNQ_MIN_SLICE_NS);
}

bool runq_slice_over(const struct runq *rq)
{
	const struct sched_entity *first = entity_of(rq->fair.first), *r = rq->running;
	u64 slice;

	if (!r || !rq->nr)
		return rq->nr;
	if (r->priority || (rq->realtime.first && !throttled(rq)))
		return realtime_slice_over(rq);
	if (!first)
		return false;
	slice = fair_slice(rq);
	return rq->ran_ns >= slice ||
	       (rq->ran_ns >= RUNQ_MIN_SLICE_NS && r->vtime_ns > first->vtime_ns + slice);
}
