/* /proc/PID/oom_score, oom_score_adj and oom_adj: who is killed first when memory is out. */
#include "kernel/abi/prctl.h"
#include "kernel/procfs/procfs_impl.h"
#include "mm/page_alloc.h"
#include "mm/space.h"

#define OOM_ADJ_MIN	(-1000)
#define OOM_ADJ_MAX	1000
#define OOM_OLD_DISABLE (-17) /* the scale of oom_adj, which came before */
#define OOM_OLD_MAX	15

/* 0: never, up to 1333: first. */
static s32 oom_score(u32 used, s32 adj, u32 total)
{
	s64 points;

	if (adj == OOM_ADJ_MIN || !total)
		return 0;
	points = (s64)used + (s64)adj * (total / 1000);
	return (s32)MAX((1000 + points * 1000 / total) * 2 / 3, (s64)0);
}

static int oom_adj_get(const struct proc_node *n, s32 *adj)
{
	u32 flags = spin_lock_irqsave(&process_lock);
	struct task *t;
	struct process *p = proc_find_locked(n, &t);

	if (p)
		*adj = p->oom_score_adj;
	spin_unlock_irqrestore(&process_lock, flags);
	return p ? 0 : -ESRCH;
}

/* Everybody may go first. Only the privileged may go later than somebody privileged has allowed,
 * or, by oom_adj, than now. */
static int oom_adj_set(const struct proc_node *n, s32 adj, bool old_scale)
{
	bool privileged = capable(CAP_SYS_RESOURCE);
	u32 flags = spin_lock_irqsave(&process_lock);
	struct task *t;
	struct process *p = proc_find_locked(n, &t);
	int err = p ? 0 : -ESRCH;

	if (p && !privileged && adj < (old_scale ? p->oom_score_adj : p->oom_score_adj_min))
		err = -EACCES;
	if (!err) {
		p->oom_score_adj = (s16)adj;
		if (privileged && !old_scale)
			p->oom_score_adj_min = (s16)adj;
	}
	spin_unlock_irqrestore(&process_lock, flags);
	return err;
}

int proc_oom_score_adj_show(struct text *t, const struct proc_node *n)
{
	s32 adj;
	int err = oom_adj_get(n, &adj);

	if (!err)
		text_printf(t, "%d\n", adj);
	return err;
}

long proc_oom_score_adj_store(const struct proc_node *n, char *s, size_t len, u64 pos)
{
	const char *at = s;
	s64 adj;
	int err = proc_parse_long(&at, OOM_ADJ_MIN, OOM_ADJ_MAX, &adj);

	if (!err)
		err = oom_adj_set(n, (s32)adj, false);
	return err ? err : (long)len;
}

int proc_oom_adj_show(struct text *t, const struct proc_node *n)
{
	s32 adj;
	int err = oom_adj_get(n, &adj);

	if (err)
		return err;
	adj = adj == OOM_ADJ_MAX ? OOM_OLD_MAX : adj * -OOM_OLD_DISABLE / OOM_ADJ_MAX;
	text_printf(t, "%d\n", adj);
	return 0;
}

long proc_oom_adj_store(const struct proc_node *n, char *s, size_t len, u64 pos)
{
	const char *at = s;
	s64 old;
	int err = proc_parse_long(&at, OOM_OLD_DISABLE, OOM_OLD_MAX, &old);

	if (err)
		return err;
	old = old == OOM_OLD_MAX ? OOM_ADJ_MAX : old * OOM_ADJ_MAX / -OOM_OLD_DISABLE;
	err = oom_adj_set(n, (s32)old, true);
	return err ? err : (long)len;
}

/* What has no memory left is not worth killing: 0. */
int proc_oom_score_show(struct text *t, const struct proc_node *n)
{
	struct mm *mm;
	s32 adj, score = 0;
	int err = oom_adj_get(n, &adj);

	if (!err)
		err = proc_get_mm(n, &mm);
	if (err)
		return err;
	if (mm) {
		score = oom_score(mm_rss(mm) + mm->pmap.nr_tables, adj, page_alloc_total());
		mm_put(mm);
	}
	text_printf(t, "%d\n", score);
	return 0;
}
