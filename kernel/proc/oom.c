/*
 * When a fault or a system call finds no memory: what programs said they can do without is taken;
 * if there is none of that, the process that holds most memory is killed, so that the others can go
 * on. The program takes its fault again or makes its call again; by then the victim has run and
 * freed what it had, or a tracer keeps it from that and what it had is taken.
 */
#include "kernel/core/log.h"
#include "kernel/core/panic.h"
#include "kernel/proc/signal.h"
#include "kernel/proc/task.h"
#include "mm/fault.h"
#include "mm/lazyfree.h"
#include "mm/page_alloc.h"
#include "mm/space.h"

#define NEVER_KILL (-1000) /* of oom_score_adj */

u32 oom_kill_allocating_task, oom_dump_tasks = 1, panic_on_oom;

/* Pages that the process's death would give back, page tables included; oom_score_adj adds or
 * takes away thousandths of all memory. */
static s32 badness(const struct process *p)
{
	s32 adjust = p->oom_score_adj * (s32)(page_alloc_total() / 1000);
	return (s32)(mm_rss(p->mm) + p->mm->pmap.nr_tables) + adjust;
}

static bool is_dying(const struct process *p)
{
	return p->group_exit || (p->pending.set & sigmask(SIGKILL));
}

static bool may_be_killed(const struct process *p)
{
	return p->pid != 1 && p->mm && p->oom_score_adj != NEVER_KILL;
}

/* All its threads are in the hands of a tracer, which may want memory before it lets them go.
 * Caller holds process_lock. */
static bool is_held(const struct process *p)
{
	const struct task *t;
	list_for_each_entry (t, &p->threads, sibling)
		if (t->thread.state != T_TRACED)
			return false;
	return true;
}

/* Who made the call, if that is the setting, else the largest process that may be killed, of equal
 * ones the youngest; NULL with *dying set when one is on its way out already. Caller holds
 * process_lock. */
static struct process *pick_victim(bool *dying)
{
	struct process *p, *worst = NULL;
	*dying = false;
	if (oom_kill_allocating_task && current_task() && may_be_killed(current_process()))
		return current_process();
	list_for_each_entry (p, &process_list, all) {
		if (!may_be_killed(p))
			continue;
		if (is_dying(p) && !is_held(p)) {
			*dying = true;
			return NULL;
		}
		if (!p->oom_victim && (!worst || badness(p) >= badness(worst)))
			worst = p;
	}
	return worst;
}

/* The address space of a victim that a tracer keeps from its end, if nobody else has it; with a
 * user for the caller. */
static struct mm *get_held_mm(void)
{
	struct mm *mm = NULL;
	u32 flags = spin_lock_irqsave(&process_lock);
	struct process *p;
	list_for_each_entry (p, &process_list, all)
		if (p->oom_victim && p->mm && p->mm->users == 1 && p->mm->rss[RSS_ANON] &&
			is_held(p)) {
			mm = p->mm;
			mm_get(mm);
			break;
		}
	spin_unlock_irqrestore(&process_lock, flags);
	return mm;
}

/* Linux's OOM reaper. */
static bool reap_held(void)
{
	struct mm *mm = get_held_mm();
	if (!mm)
		return false;
	bool reaped = mm_reap(mm) != 0;
	mm_put(mm);
	return reaped;
}

/* Who has how much, to the log: Linux's table. Caller holds process_lock. */
static void dump_tasks(void)
{
	const struct process *p;
	log_info("Tasks state (memory values in pages):");
	log_info("[  pid  ]   uid  tgid total_vm      rss pgtables_bytes swapents oom_score_adj name");
	list_for_each_entry (p, &process_list, all)
		if (p->mm)
			log_info("[%7u] %5u %5u %8u %8u %8u %8u         %5d %s", p->pid, p->cred.uid,
				p->pid, p->mm->total_vm, mm_rss(p->mm),
				p->mm->pmap.nr_tables * PAGE_SIZE, 0u, p->oom_score_adj, p->comm);
}

bool oom_kill(bool must)
{
	bool dying;
	if (lazy_reclaim() || reap_held())
		return true;
	if (panic_on_oom)
		panic("out of memory: %s panic_on_oom is enabled",
			panic_on_oom == 2 ? "compulsory" : "system-wide");
	u32 flags = spin_lock_irqsave(&process_lock);
	struct process *p = pick_victim(&dying);
	u32 pid = p ? p->pid : 0, kib = p ? mm_rss(p->mm) * (PAGE_SIZE / 1024) : 0;
	if (p) {
		p->oom_victim = true;
		if (oom_dump_tasks)
			dump_tasks();
	}
	spin_unlock_irqrestore(&process_lock, flags);
	if (p) {
		log_at(LOG_ERR, "out of memory: killed process %u (%s), %u KiB resident", pid,
			p->comm, kib);
		vm_events.oom_kill++;
		signal_send_process(p, SIGKILL, NULL);
	} else if (!dying) {
		if (must)
			panic("out of memory, and no process but 1 to kill");
		return false;
	}
	yield();
	return current_task() && !is_dying(current_process());
}
