/*
 * User and group ids, supplementary groups and capabilities, with Linux's rules for who may change
 * them to what. Each thread has its own; it is the C library that sets those of all.
 *
 * i386 has each call twice: the old ones have 16-bit ids, in which 0xffff is -1 and larger ids read
 * as overflow_uid or overflow_gid.
 */
#include "kernel/abi/errno.h"
#include "kernel/abi/prctl.h"
#include "kernel/lib/kassert.h"
#include "kernel/proc/cred.h"
#include "kernel/proc/process.h"
#include "kernel/syscalls.h"
#include "kernel/x86/uaccess.h"
#include "mm/kmalloc.h"
#include "mm/space.h"

#define NO_ID (~0u)

u32 overflow_uid = 65534, overflow_gid = 65534;

static u32 from16(u32 id)
{
	return (id & 0xffff) == 0xffff ? NO_ID : id & 0xffff;
}

u16 uid_to16(u32 uid)
{
	return (u16)(uid > 0xffff ? overflow_uid : uid);
}

u16 gid_to16(u32 gid)
{
	return (u16)(gid > 0xffff ? overflow_gid : gid);
}

/* Uid changes move capabilities: nobody keeps root's without an id of root (SECBIT_KEEP_CAPS
 * aside), and only an effective one makes them count. */
static void caps_follow_uids(struct credentials *c, const struct credentials *old)
{
	bool was = old->uid == 0 || old->euid == 0 || old->suid == 0;
	bool is = c->uid == 0 || c->euid == 0 || c->suid == 0;
	if (c->securebits & SECBIT_NO_SETUID_FIXUP)
		return;
	if (was && !is) {
		if (!(c->securebits & SECBIT_KEEP_CAPS))
			c->cap_permitted = c->cap_effective = 0;
		c->cap_ambient = 0;
	}
	if (old->euid == 0 && c->euid != 0)
		c->cap_effective = 0;
	if (old->euid != 0 && c->euid == 0)
		c->cap_effective = c->cap_permitted;
}

struct groups *groups_get(struct groups *g)
{
	if (g)
		__atomic_add_fetch(&g->refcount, 1, __ATOMIC_RELAXED);
	return g;
}

void groups_put(struct groups *g)
{
	if (g && __atomic_sub_fetch(&g->refcount, 1, __ATOMIC_ACQ_REL) == 0)
		kfree(g);
}

bool groups_have(const struct groups *g, u32 gid)
{
	u32 low = 0, high = g ? g->n : 0;
	while (low < high) {
		u32 middle = low + (high - low) / 2;
		if (g->id[middle] == gid)
			return true;
		if (g->id[middle] < gid)
			low = middle + 1;
		else
			high = middle;
	}
	return false;
}

void cred_copy(struct credentials *to, const struct credentials *from)
{
	*to = *from;
	groups_get(to->groups);
}

void cred_release(struct credentials *c)
{
	groups_put(c->groups);
	c->groups = NULL;
}

/* Others see those of the first thread. Returns the groups that they saw until now, for the caller to
 * put. Caller holds process_lock. */
static struct groups *cred_publish(struct task *t)
{
	struct process *p = t->process;
	struct groups *old = p->cred.groups;
	if (t->tid != p->pid)
		return NULL;
	cred_copy(&p->cred, &t->cred);
	process_set_mm_limits(p, p->mm);
	return old;
}

/* Puts new credentials of the calling thread in place. Where they have other groups, the reference to
 * those is taken over. */
static void cred_commit(struct credentials *new)
{
	struct task *t = current_task();
	struct groups *old = t->cred.groups, *seen;
	u32 flags = spin_lock_irqsave(&process_lock);
	caps_follow_uids(new, &t->cred);
	if (t->cred.euid != new->euid || t->cred.egid != new->egid ||
		t->cred.fsuid != new->fsuid || t->cred.fsgid != new->fsgid) {
		t->process->dumpable = false;
		t->process->pdeath_signal = 0;
	}
	t->cred = *new;
	seen = cred_publish(t);
	spin_unlock_irqrestore(&process_lock, flags);
	groups_put(seen);
	if (old != new->groups)
		groups_put(old);
}

/* The same for those that may have another real user id, for which there must be a struct user: 0
 * or -EAGAIN. Who has too many processes then cannot become another program. */
static long uids_commit(struct credentials *new)
{
	struct task *t = current_task();
	struct user *u = user_get(new->uid);
	if (!u)
		return -EAGAIN;
	t->over_nproc = u->uid && user_over_nproc(u);
	cred_commit(new);
	if (t->tid == t->process->pid)
		process_set_user(t->process, u);
	else
		user_put(u);
	return 0;
}

/* The capabilities of a program that runs with these ids: root has all that the bounding set lets
 * through, others those that are ambient. */
static void caps_exec(struct credentials *c, bool set_id, bool bounded)
{
	bool root = !(c->securebits & SECBIT_NOROOT);
	u64 before = c->cap_permitted, now = 0;
	if (root && (c->uid == 0 || c->euid == 0))
		now = c->cap_bset | c->cap_inheritable;
	if (bounded)
		now &= before;
	if (set_id)
		c->cap_ambient = 0;
	c->cap_permitted = now | c->cap_ambient;
	c->cap_effective = root && c->euid == 0 ? c->cap_permitted : c->cap_ambient;
	c->securebits &= ~SECBIT_KEEP_CAPS;
}

void cred_exec_locked(struct task *t, u32 euid, u32 egid, bool set_id, bool bounded)
{
	struct process *p = t->process;
	struct credentials *c = &t->cred;
	kassert_dbg(spin_held(&process_lock));
	c->euid = c->suid = c->fsuid = euid;
	c->egid = c->sgid = c->fsgid = egid;
	caps_exec(c, set_id, bounded);
	p->set_id = set_id;
	groups_put(cred_publish(t));
	if (set_id)
		p->pdeath_signal = 0;
}

bool cred_may_signal(u32 uid, u32 euid, const struct credentials *target)
{
	return euid == target->suid || euid == target->uid || uid == target->suid ||
	       uid == target->uid;
}

/* --- Reading --- */

long sys_getuid32(void)
{
	return (long)current_task()->cred.uid;
}

long sys_geteuid32(void)
{
	return (long)current_task()->cred.euid;
}

long sys_getgid32(void)
{
	return (long)current_task()->cred.gid;
}

long sys_getegid32(void)
{
	return (long)current_task()->cred.egid;
}

long sys_getuid(void)
{
	return uid_to16(current_task()->cred.uid);
}

long sys_geteuid(void)
{
	return uid_to16(current_task()->cred.euid);
}

long sys_getgid(void)
{
	return gid_to16(current_task()->cred.gid);
}

long sys_getegid(void)
{
	return gid_to16(current_task()->cred.egid);
}

static long put_three(const u32 id[3], const uptr_t to[3])
{
	for (u32 i = 0; i < 3; i++)
		if (put_user_u32(to[i], id[i]) < 0)
			return -EFAULT;
	return 0;
}

static long put_three16(const u16 id[3], const uptr_t to[3])
{
	for (u32 i = 0; i < 3; i++)
		if (copy_to_user(to[i], &id[i], sizeof(id[i])) < 0)
			return -EFAULT;
	return 0;
}

long sys_getresuid32(uptr_t r, uptr_t e, uptr_t s)
{
	const struct credentials *c = &current_task()->cred;
	return put_three((u32[]){c->uid, c->euid, c->suid}, (uptr_t[]){r, e, s});
}

long sys_getresgid32(uptr_t r, uptr_t e, uptr_t s)
{
	const struct credentials *c = &current_task()->cred;
	return put_three((u32[]){c->gid, c->egid, c->sgid}, (uptr_t[]){r, e, s});
}

long sys_getresuid(uptr_t r, uptr_t e, uptr_t s)
{
	const struct credentials *c = &current_task()->cred;
	return put_three16(
		(u16[]){uid_to16(c->uid), uid_to16(c->euid), uid_to16(c->suid)}, (uptr_t[]){r, e, s});
}

long sys_getresgid(uptr_t r, uptr_t e, uptr_t s)
{
	const struct credentials *c = &current_task()->cred;
	return put_three16(
		(u16[]){gid_to16(c->gid), gid_to16(c->egid), gid_to16(c->sgid)}, (uptr_t[]){r, e, s});
}

/* --- Users --- */

static bool has_uid(const struct credentials *c, u32 id)
{
	return id == c->uid || id == c->euid || id == c->suid;
}

static bool has_gid(const struct credentials *c, u32 id)
{
	return id == c->gid || id == c->egid || id == c->sgid;
}

long sys_setuid32(u32 uid)
{
	struct credentials c = current_task()->cred;
	if (uid == NO_ID)
		return -EINVAL;
	if (capable(CAP_SETUID))
		c.uid = c.suid = uid;
	else if (uid != c.uid && uid != c.suid)
		return -EPERM;
	c.euid = c.fsuid = uid;
	return uids_commit(&c);
}

long sys_setreuid32(u32 ruid, u32 euid)
{
	struct credentials c = current_task()->cred;
	u32 old_uid = c.uid;
	bool may = capable(CAP_SETUID);
	if (ruid != NO_ID && !may && ruid != c.uid && ruid != c.euid)
		return -EPERM;
	if (euid != NO_ID && !may && !has_uid(&c, euid))
		return -EPERM;
	if (ruid != NO_ID)
		c.uid = ruid;
	if (euid != NO_ID)
		c.euid = euid;
	if (ruid != NO_ID || (euid != NO_ID && euid != old_uid))
		c.suid = c.euid;
	c.fsuid = c.euid;
	return uids_commit(&c);
}

long sys_setresuid32(u32 ruid, u32 euid, u32 suid)
{
	struct credentials c = current_task()->cred;
	const u32 want[3] = {ruid, euid, suid};
	for (u32 i = 0; i < 3 && !capable(CAP_SETUID); i++)
		if (want[i] != NO_ID && !has_uid(&c, want[i]))
			return -EPERM;
	if (ruid != NO_ID)
		c.uid = ruid;
	if (euid != NO_ID)
		c.euid = euid;
	if (suid != NO_ID)
		c.suid = suid;
	c.fsuid = c.euid;
	return uids_commit(&c);
}

/* Root's capabilities for files go and come with the id for files. */
static void caps_follow_fsuid(struct credentials *c, u32 old)
{
	if (c->securebits & SECBIT_NO_SETUID_FIXUP)
		return;
	if (old == 0 && c->fsuid != 0)
		c->cap_effective &= ~CAP_FS_SET;
	if (old != 0 && c->fsuid == 0)
		c->cap_effective |= c->cap_permitted & CAP_FS_SET;
}

/* Tells the old one, whether or not it could be set. */
long sys_setfsuid32(u32 uid)
{
	struct credentials c = current_task()->cred;
	u32 old = c.fsuid;
	if (uid != NO_ID && (capable(CAP_SETUID) || has_uid(&c, uid) || uid == c.fsuid)) {
		c.fsuid = uid;
		caps_follow_fsuid(&c, old);
		cred_commit(&c);
	}
	return (long)old;
}

long sys_setuid(u32 uid)
{
	return sys_setuid32(from16(uid));
}

long sys_setreuid(u32 ruid, u32 euid)
{
	return sys_setreuid32(from16(ruid), from16(euid));
}

long sys_setresuid(u32 ruid, u32 euid, u32 suid)
{
	return sys_setresuid32(from16(ruid), from16(euid), from16(suid));
}

long sys_setfsuid(u32 uid)
{
	return uid_to16((u32)sys_setfsuid32(from16(uid)));
}

/* --- Groups --- */

long sys_setgid32(u32 gid)
{
	struct credentials c = current_task()->cred;
	if (gid == NO_ID)
		return -EINVAL;
	if (capable(CAP_SETGID))
		c.gid = c.sgid = gid;
	else if (gid != c.gid && gid != c.sgid)
		return -EPERM;
	c.egid = c.fsgid = gid;
	cred_commit(&c);
	return 0;
}

long sys_setregid32(u32 rgid, u32 egid)
{
	struct credentials c = current_task()->cred;
	u32 old_gid = c.gid;
	bool may = capable(CAP_SETGID);
	if (rgid != NO_ID && !may && rgid != c.gid && rgid != c.egid)
		return -EPERM;
	if (egid != NO_ID && !may && !has_gid(&c, egid))
		return -EPERM;
	if (rgid != NO_ID)
		c.gid = rgid;
	if (egid != NO_ID)
		c.egid = egid;
	if (rgid != NO_ID || (egid != NO_ID && egid != old_gid))
		c.sgid = c.egid;
	c.fsgid = c.egid;
	cred_commit(&c);
	return 0;
}

long sys_setresgid32(u32 rgid, u32 egid, u32 sgid)
{
	struct credentials c = current_task()->cred;
	const u32 want[3] = {rgid, egid, sgid};
	for (u32 i = 0; i < 3 && !capable(CAP_SETGID); i++)
		if (want[i] != NO_ID && !has_gid(&c, want[i]))
			return -EPERM;
	if (rgid != NO_ID)
		c.gid = rgid;
	if (egid != NO_ID)
		c.egid = egid;
	if (sgid != NO_ID)
		c.sgid = sgid;
	c.fsgid = c.egid;
	cred_commit(&c);
	return 0;
}

long sys_setfsgid32(u32 gid)
{
	struct credentials c = current_task()->cred;
	u32 old = c.fsgid;
	if (gid != NO_ID && (capable(CAP_SETGID) || has_gid(&c, gid) || gid == c.fsgid)) {
		c.fsgid = gid;
		cred_commit(&c);
	}
	return (long)old;
}

long sys_setgid(u32 gid)
{
	return sys_setgid32(from16(gid));
}

long sys_setregid(u32 rgid, u32 egid)
{
	return sys_setregid32(from16(rgid), from16(egid));
}

long sys_setresgid(u32 rgid, u32 egid, u32 sgid)
{
	return sys_setresgid32(from16(rgid), from16(egid), from16(sgid));
}

long sys_setfsgid(u32 gid)
{
	return gid_to16((u32)sys_setfsgid32(from16(gid)));
}

/* Copies the caller's groups to a list of `width` bytes each. */
static long getgroups(s32 size, uptr_t list, u32 width)
{
	const struct groups *g = current_task()->cred.groups;
	u32 n = g ? g->n : 0;
	if (size < 0 || (size && (u32)size < n))
		return -EINVAL;
	for (u32 i = 0; size && i < n; i++) {
		u16 half = gid_to16(g->id[i]);
		const void *id = width == 2 ? (const void *)&half : &g->id[i];
		if (copy_to_user(uptr_add(list, i * width), id, width) < 0)
			return -EFAULT;
	}
	return (long)n;
}

long sys_getgroups32(s32 size, uptr_t list)
{
	return getgroups(size, list, sizeof(u32));
}

long sys_getgroups(s32 size, uptr_t list)
{
	return getgroups(size, list, sizeof(u16));
}

/* The next group of a list of `width` bytes each. -1 is no group, in either width. */
static long get_group(u32 *group, uptr_t at, u32 width)
{
	u16 half;
	if (copy_from_user(width == 2 ? (void *)&half : group, at, width) < 0)
		return -EFAULT;
	if (width == 2)
		*group = half == UINT16_MAX ? UINT32_MAX : half;
	return *group == UINT32_MAX ? -EINVAL : 0;
}

/* Lets id[at] sink to its place in the heap of the first n, whose largest is on top. */
static void sink(u32 *id, u32 at, u32 n)
{
	u32 value = id[at], child;
	for (; (child = 2 * at + 1) < n; at = child) {
		if (child + 1 < n && id[child + 1] > id[child])
			child++;
		if (id[child] <= value)
			break;
		id[at] = id[child];
	}
	id[at] = value;
}

static void groups_sort(struct groups *g)
{
	for (u32 i = g->n / 2; i-- > 0;)
		sink(g->id, i, g->n);
	for (u32 n = g->n; n > 1; n--) {
		u32 largest = g->id[0];
		g->id[0] = g->id[n - 1];
		g->id[n - 1] = largest;
		sink(g->id, 0, n - 1);
	}
}

/* Groups from user memory, with one reference. Error pointer. */
static struct groups *groups_from_user(u32 n, uptr_t list, u32 width)
{
	struct groups *g = kmalloc(sizeof(*g) + n * sizeof(g->id[0]));
	long err = 0;
	if (!g)
		return err_ptr(-ENOMEM);
	g->refcount = 1;
	g->n = n;
	for (u32 i = 0; !err && i < n; i++)
		err = get_group(&g->id[i], uptr_add(list, i * width), width);
	if (err) {
		kfree(g);
		return err_ptr(err);
	}
	groups_sort(g);
	return g;
}

static long setgroups(s32 size, uptr_t list, u32 width)
{
	struct credentials c = current_task()->cred;
	if (!capable(CAP_SETGID))
		return -EPERM;
	if (size < 0 || (u32)size > NGROUPS_MAX)
		return -EINVAL;
	c.groups = size ? groups_from_user((u32)size, list, width) : NULL;
	if (is_err(c.groups))
		return ptr_err(c.groups);
	cred_commit(&c);
	return 0;
}

long sys_setgroups32(s32 size, uptr_t list)
{
	return setgroups(size, list, sizeof(u32));
}

long sys_setgroups(s32 size, uptr_t list)
{
	return setgroups(size, list, sizeof(u16));
}

/* --- Capabilities --- */

/* How many abi_cap_data the caller's version has; 0 and the version of ours for an unknown one. */
static long cap_version(uptr_t uheader, struct abi_cap_header *h, u32 *count)
{
	const u32 ours = CAP_VERSION_3;
	if (copy_from_user(h, uheader, sizeof(*h)) < 0)
		return -EFAULT;
	*count = h->version == CAP_VERSION_1 ? 1 : 2;
	if (h->version == CAP_VERSION_1 || h->version == CAP_VERSION_2 ||
		h->version == CAP_VERSION_3)
		return 0;
	return put_user_u32(uheader, ours) < 0 ? -EFAULT : -EINVAL;
}

/* A thread's, or those of a process that has none any more. Caller holds process_lock. */
static const struct credentials *cred_of(u32 tid)
{
	const struct task *t = task_find(tid);
	const struct process *p = t ? t->process : process_find(tid);
	return t ? &t->cred : p ? &p->cred : NULL;
}

static long cap_read(s32 pid, struct abi_cap_data d[2])
{
	const struct credentials *c = &current_task()->cred;
	u32 flags;
	if (pid < 0)
		return -EINVAL;
	flags = spin_lock_irqsave(&process_lock);
	if (pid)
		c = cred_of((u32)pid);
	for (u32 i = 0; c && i < 2; i++)
		d[i] = (struct abi_cap_data){
			.effective = (u32)(c->cap_effective >> 32 * i),
			.permitted = (u32)(c->cap_permitted >> 32 * i),
			.inheritable = (u32)(c->cap_inheritable >> 32 * i),
		};
	spin_unlock_irqrestore(&process_lock, flags);
	return c ? 0 : -ESRCH;
}

long sys_capget(uptr_t header, uptr_t data)
{
	struct abi_cap_header h;
	struct abi_cap_data d[2];
	u32 count;
	long err = cap_version(header, &h, &count);
	if (err) /* asking for the version alone is no mistake */
		return err == -EINVAL && !data.va ? 0 : err;
	err = cap_read(h.pid, d);
	if (err)
		return err;
	return data.va ? copy_to_user(data, d, count * sizeof(d[0])) : 0;
}

long sys_capset(uptr_t header, uptr_t data)
{
	struct abi_cap_header h;
	struct abi_cap_data d[2] = {{0}, {0}};
	struct credentials c = current_task()->cred;
	u64 effective, permitted, inheritable;
	u32 count;
	long err = cap_version(header, &h, &count);
	if (err)
		return err;
	if (h.pid && (u32)h.pid != current_task()->tid)
		return -EPERM;
	if (copy_from_user(d, data, count * sizeof(d[0])) < 0)
		return -EFAULT;
	effective = (d[0].effective | (u64)d[1].effective << 32) & CAP_FULL;
	permitted = (d[0].permitted | (u64)d[1].permitted << 32) & CAP_FULL;
	inheritable = (d[0].inheritable | (u64)d[1].inheritable << 32) & CAP_FULL;
	if ((permitted & ~c.cap_permitted) || (effective & ~permitted))
		return -EPERM;
	if ((inheritable & ~(c.cap_inheritable | c.cap_permitted)) && !capable(CAP_SETPCAP))
		return -EPERM;
	if (inheritable & ~(c.cap_inheritable | c.cap_bset))
		return -EPERM;
	c.cap_effective = effective;
	c.cap_permitted = permitted;
	c.cap_inheritable = inheritable;
	c.cap_ambient &= permitted & inheritable;
	cred_commit(&c);
	return 0;
}

/* --- prctl --- */

static long bounding_drop(u32 cap)
{
	struct credentials c = current_task()->cred;
	if (!capable(CAP_SETPCAP))
		return -EPERM;
	if (cap > CAP_LAST)
		return -EINVAL;
	c.cap_bset &= ~(1ull << cap);
	cred_commit(&c);
	return 0;
}

/* What is locked stays, and a lock too. */
static long set_securebits(u32 bits)
{
	struct credentials c = current_task()->cred;
	u32 locks = c.securebits & SECBITS_LOCKS;
	if ((locks >> 1 & (c.securebits ^ bits)) || (locks & ~bits) ||
		(bits & ~(SECBITS | SECBITS_LOCKS)) || !capable(CAP_SETPCAP))
		return -EPERM;
	c.securebits = bits;
	cred_commit(&c);
	return 0;
}

static long set_keep_caps(u32 on)
{
	struct credentials c = current_task()->cred;
	if (on > 1)
		return -EINVAL;
	if (c.securebits & SECBIT_KEEP_CAPS_LOCKED)
		return -EPERM;
	c.securebits = (c.securebits & ~SECBIT_KEEP_CAPS) | (on ? SECBIT_KEEP_CAPS : 0);
	cred_commit(&c);
	return 0;
}

/* Ambient is only what is permitted and inheritable. */
static bool may_be_ambient(const struct credentials *c, u64 bit)
{
	return (c->cap_permitted & c->cap_inheritable & bit) &&
	       !(c->securebits & SECBIT_NO_CAP_AMBIENT_RAISE);
}

static long ambient(u32 what, u32 cap, u32 arg4, u32 arg5)
{
	struct credentials c = current_task()->cred;
	u64 bit = 1ull << (cap & 63);
	if (arg4 || arg5 || (what == PR_CAP_AMBIENT_CLEAR_ALL ? cap != 0 : cap > CAP_LAST))
		return -EINVAL;
	switch (what) {
	case PR_CAP_AMBIENT_IS_SET:
		return !!(c.cap_ambient & bit);
	case PR_CAP_AMBIENT_RAISE:
		if (!may_be_ambient(&c, bit))
			return -EPERM;
		c.cap_ambient |= bit;
		break;
	case PR_CAP_AMBIENT_LOWER:
		c.cap_ambient &= ~bit;
		break;
	case PR_CAP_AMBIENT_CLEAR_ALL:
		c.cap_ambient = 0;
		break;
	default:
		return -EINVAL;
	}
	cred_commit(&c);
	return 0;
}

long cred_prctl(u32 option, u32 arg2, u32 arg3, u32 arg4, u32 arg5)
{
	const struct credentials *c = &current_task()->cred;
	switch (option) {
	case PR_CAPBSET_READ:
		return arg2 <= CAP_LAST ? (long)(c->cap_bset >> arg2 & 1) : -EINVAL;
	case PR_CAPBSET_DROP:
		return bounding_drop(arg2);
	case PR_GET_SECUREBITS:
		return (long)c->securebits;
	case PR_SET_SECUREBITS:
		return set_securebits(arg2);
	case PR_GET_KEEPCAPS:
		return !!(c->securebits & SECBIT_KEEP_CAPS);
	case PR_SET_KEEPCAPS:
		return set_keep_caps(arg2);
	case PR_CAP_AMBIENT:
		return ambient(arg2, arg3, arg4, arg5);
	}
	return -EINVAL;
}
