/* Job control: which session has a terminal, and which of its process groups may use it. */
#include "kernel/abi/errno.h"
#include "kernel/abi/prctl.h"
#include "kernel/abi/signal.h"
#include "kernel/abi/stat.h"
#include "kernel/proc/signal.h"
#include "kernel/proc/task.h"
#include "kernel/tty/tty_impl.h"

long tty_check_foreground(struct tty *t, u32 sig)
{
	const struct process *p = current_process();
	u32 foreground = READ_ONCE(t->pgrp), pgid = READ_ONCE(p->pgid);

	if (READ_ONCE(p->tty) != t || !foreground || pgid == foreground)
		return 0;
	if (signal_ignored_or_blocked(sig))
		return sig == SIGTTIN ? -EIO : 0;
	if (pgrp_orphaned(pgid))
		return -EIO;
	signal_send_pgrp(pgid, sig);
	return -ERESTARTSYS;
}

/* Caller holds process_lock. */
static void set_controlling(struct tty *t, struct process *p)
{
	t->sid = p->sid;
	t->pgrp = p->pgid;
	p->tty = t;
}

/* Takes the terminal away from its session. Caller holds process_lock. */
static void clear_session(struct tty *t)
{
	struct process *p;

	list_for_each_entry (p, &process_list, all)
		if (p->tty == t)
			p->tty = NULL;
	t->sid = 0;
	t->pgrp = 0;
}

static bool is_session_leader(const struct process *p)
{
	return p->sid == p->pid;
}

void tty_become_controlling(struct tty *t)
{
	struct process *p = current_process();
	u32 flags = spin_lock_irqsave(&process_lock);

	if (is_session_leader(p) && !p->tty && !t->sid)
		set_controlling(t, p);
	spin_unlock_irqrestore(&process_lock, flags);
}

/* What a foreground group gets when its terminal goes; 0: there is none. */
static void tell_group(u32 pgrp)
{
	if (pgrp) {
		signal_send_pgrp(pgrp, SIGHUP);
		signal_send_pgrp(pgrp, SIGCONT);
	}
}

u32 tty_take_from_session(struct tty *t, bool tell_leader)
{
	u32 flags = spin_lock_irqsave(&process_lock), pgrp = t->pgrp;
	struct process *leader = t->sid && tell_leader ? process_find(t->sid) : NULL;

	if (leader && leader->state != P_ZOMBIE) {
		signal_send_process_locked(leader, SIGHUP, NULL);
		signal_send_process_locked(leader, SIGCONT, NULL);
		leader->tty_old_pgrp = pgrp;
	}
	clear_session(t);
	spin_unlock_irqrestore(&process_lock, flags);
	return pgrp;
}

static void session_ended(u32 sid)
{
	struct tty *t = tty_of_session(sid);
	u32 pgrp;

	if (!t)
		return;
	pgrp = tty_take_from_session(t, false);
	if (t == tty_console())
		tell_group(pgrp);
	else if (pgrp)
		signal_send_pgrp(pgrp, SIGHUP);
	tty_put(t);
}

void tty_leader_exits(struct process *p)
{
	if (p->tty)
		session_ended(p->sid);
	else
		tell_group(p->tty_old_pgrp);
}

u32 tty_nr(const struct tty *t)
{
	return t ? abi_encode_dev(t->dev) : 0;
}

s32 tty_foreground(const struct tty *t)
{
	return t ? (s32)READ_ONCE(t->pgrp) : -1;
}

long tty_set_ctty(struct tty *t, bool may_read, bool steal)
{
	struct process *p = current_process();
	bool privileged = capable(CAP_SYS_ADMIN);
	u32 flags = spin_lock_irqsave(&process_lock);
	long err = 0;

	if (is_session_leader(p) && p->tty == t && t->sid == p->sid)
		goto out;
	err = -EPERM;
	if (!is_session_leader(p) || p->tty)
		goto out;
	if (t->sid && !(steal && privileged))
		goto out;
	if (!may_read && !privileged)
		goto out;
	clear_session(t);
	set_controlling(t, p);
	err = 0;
out:
	spin_unlock_irqrestore(&process_lock, flags);
	return err;
}

long tty_give_up_ctty(struct tty *t)
{
	struct process *p = current_process();
	u32 flags;

	if (READ_ONCE(p->tty) != t)
		return -ENOTTY;
	if (is_session_leader(p))
		tell_group(tty_take_from_session(t, false));
	flags = spin_lock_irqsave(&process_lock);
	p->tty = NULL;
	spin_unlock_irqrestore(&process_lock, flags);
	return 0;
}

/* The session that a process group is in; 0 when there is no such group. Caller holds
 * process_lock. */
static u32 session_of(u32 pgid)
{
	struct process *p;

	for_each_in_group (p, pgid)
		return p->sid;
	return 0;
}

long tty_set_foreground(struct tty *t, u32 pgid)
{
	const struct process *p = current_process();
	u32 flags = spin_lock_irqsave(&process_lock);
	u32 sid = session_of(pgid);
	long err = 0;

	if (p->tty != t || t->sid != p->sid)
		err = -ENOTTY;
	else if (!sid)
		err = -ESRCH;
	else if (sid != p->sid)
		err = -EPERM;
	else
		t->pgrp = pgid;
	spin_unlock_irqrestore(&process_lock, flags);
	return err;
}
