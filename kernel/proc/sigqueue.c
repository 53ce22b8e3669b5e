/*
 * Queues of pending signals: what is added, dropped, and taken off.
 *
 * Entries are counted against the process's RLIMIT_SIGPENDING, together with those of all processes
 * of its user; those of POSIX timers belong to them.
 */
#include "kernel/proc/sigqueue.h"
#include "kernel/abi/errno.h"
#include "kernel/core/panic.h"
#include "kernel/lib/kassert.h"
#include "kernel/proc/posix_timer.h"
#include "kernel/proc/process.h"
#include "kernel/proc/signal.h"
#include "kernel/proc/task.h"
#include "kernel/x86/trap.h"
#include "mm/slab.h"

static struct slab_cache *sigqueue_cache;
static LIST_HEAD(spare); /* freed by this CPU's interrupts, which the allocator is not for */

void sigqueue_init(void)
{
	sigqueue_cache = slab_create("sigqueue", sizeof(struct sigqueue), 0, 0, NULL);
	if (!sigqueue_cache)
		boot_fail("no memory for the signal queues");
}

void sigpending_init(struct sigpending *sp)
{
	sp->set = sp->nobodys = 0;
	list_init(&sp->queue);
}

static void count(struct process *p, s32 n)
{
	p->nr_sigqueue += (u32)n;
	user_add(p->user, USER_SIGNALS, n);
}

static void sigqueue_release(struct sigqueue *q, struct process *owner)
{
	list_del(&q->link);
	if (q->timer) {
		posix_timer_unqueued(q->timer);
		return;
	}
	if (owner)
		count(owner, -1);
	if (this_cpu()->irq_depth)
		list_add(&q->link, &spare);
	else
		slab_free(sigqueue_cache, q);
}

static void free_spare(void)
{
	struct sigqueue *q, *next;
	LIST_HEAD(mine);
	u32 flags = irq_save();
	list_splice_tail(&spare, &mine);
	irq_restore(flags);
	list_for_each_entry_safe (q, next, &mine, link)
		slab_free(sigqueue_cache, q);
}

void sigpending_flush(struct sigpending *sp, struct process *owner)
{
	struct sigqueue *q, *next;
	list_for_each_entry_safe (q, next, &sp->queue, link)
		sigqueue_release(q, owner);
	sp->set = 0;
	free_spare();
}

/* Interrupts only ever send plain signals and those that bring their entry. */
struct sigqueue *sigqueue_alloc_locked(struct process *p, bool exception)
{
	struct sigqueue *q;
	bool full = user_has(p->user, USER_SIGNALS) >= p->rlimit[RLIMIT_SIGPENDING].cur;
	if (this_cpu()->irq_depth || (full && !exception))
		return NULL;
	q = slab_alloc(sigqueue_cache);
	if (q)
		count(p, 1);
	return q;
}

/* A plain signal waits once only, so that what is told of it may always be kept: but for those that
 * tkill(2) or the like has sent. */
static bool always_kept(u32 sig, const struct abi_siginfo *info)
{
	return sig < SIGRTMIN_K && (!info || info->si_code >= 0);
}

long sigpending_add(struct process *p, struct sigpending *sp, u32 sig,
	const struct abi_siginfo *info, struct sigqueue *q)
{
	static const struct abi_siginfo from_kernel = {.si_code = SI_KERNEL};
	if (sig < SIGRTMIN_K && (sp->set & sigmask(sig)))
		return 0;
	if (!q && sig != SIGKILL) {
		q = sigqueue_alloc_locked(p, always_kept(sig, info));
		if (q)
			*q = (struct sigqueue){.sig = sig, .info = info ? *info : from_kernel};
	}
	if (q) {
		q->info.si_signo = (s32)sig;
		list_add_tail(&q->link, &sp->queue);
	} else if (info && sig >= SIGRTMIN_K && info->si_code != SI_USER) {
		return -EAGAIN;
	} else {
		sp->nobodys = info ? sp->nobodys | sigmask(sig) : sp->nobodys & ~sigmask(sig);
	}
	sp->set |= sigmask(sig);
	return 0;
}

static void sigpending_discard(struct sigpending *sp, u64 mask, struct process *owner)
{
	struct sigqueue *q, *next;
	if (!(sp->set & mask))
		return;
	sp->set &= ~mask;
	list_for_each_entry_safe (q, next, &sp->queue, link)
		if (sigmask(q->sig) & mask)
			sigqueue_release(q, owner);
}

void signal_discard(struct process *p, u64 mask)
{
	struct task *t;
	kassert_dbg(spin_held(&process_lock));
	sigpending_discard(&p->pending, mask, p);
	list_for_each_entry (t, &p->threads, sibling)
		sigpending_discard(&t->pending, mask, p);
}

static bool sigpending_drop(struct sigpending *sp, struct sigqueue *drop)
{
	struct sigqueue *q;
	bool here = false, more = false;
	list_for_each_entry (q, &sp->queue, link) {
		here |= q == drop;
		more |= q != drop && q->sig == drop->sig;
	}
	if (here && !more)
		sp->set &= ~sigmask(drop->sig);
	if (here)
		list_del_init(&drop->link);
	return here;
}

static void signal_drop(struct process *p, struct sigqueue *q)
{
	struct task *t;
	if (sigpending_drop(&p->pending, q))
		return;
	list_for_each_entry (t, &p->threads, sibling)
		if (sigpending_drop(&t->pending, q))
			return;
}

void sigqueue_free_locked(struct process *p, struct sigqueue *q)
{
	if (sigqueue_waits(q))
		signal_drop(p, q);
	q->timer = NULL;
	sigqueue_release(q, p);
}

/* SIGKILL says what the process dies of, whatever else is pending. Then faults of the program come
 * before anything else, so that the handler's frame shows the instruction that caused them. */
static u32 lowest_signal(u64 set)
{
	if (set & sigmask(SIGKILL))
		return SIGKILL;
	if (set & SIGS_SYNCHRONOUS)
		set &= SIGS_SYNCHRONOUS;
	return set ? (u32)__builtin_ctzll(set) + 1 : 0;
}

/* Takes `sig`, which is pending here. The bit stays while the queue holds another of it. */
static void sigpending_take(
	struct sigpending *sp, u32 sig, struct abi_siginfo *info, struct process *owner)
{
	struct sigqueue *q, *first = NULL;
	bool more = false;
	list_for_each_entry (q, &sp->queue, link) {
		if (q->sig != sig)
			continue;
		more = first;
		if (first)
			break;
		first = q;
	}
	if (!more)
		sp->set &= ~sigmask(sig);
	if (!first) {
		*info = (struct abi_siginfo){.si_signo = (s32)sig,
			.si_code = sp->nobodys & sigmask(sig) ? SI_USER : SI_KERNEL};
		return;
	}
	*info = first->info;
	if (first->timer)
		posix_timer_taken(first->timer, info);
	sigqueue_release(first, owner);
}

u32 signal_dequeue(u64 mask, struct abi_siginfo *info)
{
	struct task *t = current_task();
	struct process *p = t->process;
	struct sigpending *sp = &t->pending;
	u32 sig = lowest_signal(sp->set & mask);
	kassert_dbg(spin_held(&process_lock));
	if (!sig || (p->pending.set & mask & sigmask(SIGKILL))) {
		sp = &p->pending;
		sig = lowest_signal(sp->set & mask);
	}
	if (sig)
		sigpending_take(sp, sig, info, p);
	if (sig == SIGALRM && sp == &p->pending)
		itimer_alarm_taken(p);
	return sig;
}
