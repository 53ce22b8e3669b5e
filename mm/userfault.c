/* userfaultfd(2)'s messages: who leaves them, who takes them, who may go on. See mm/userfault.h. */
#include "mm/userfault.h"
#include "kernel/proc/signal.h"
#include "kernel/proc/task.h"
#include "kernel/x86/trap.h"
#include "mm/hugetlb.h"
#include "mm/kmalloc.h"
#include "mm/page_alloc.h"
#include "mm/pagecache.h"
#include "mm/space_impl.h"

/* A change of the map that has been made, to be told when mm->lock is let go. */
struct userfault_event {
	struct userfault_event *next; /* on mm->userfault_events, oldest first */
	struct userfault *u;	      /* referenced */
	struct userfault_message m;
};

/* --- Life --- */

struct userfault *userfault_create(struct mm *mm, u32 flags, u32 features)
{
	struct userfault *u = kzalloc(sizeof(*u));
	if (!u)
		return NULL;
	spin_init(&u->lock, "userfault");
	list_init(&u->unread);
	list_init(&u->told);
	list_init(&u->events);
	waitq_init(&u->readers);
	waitq_init(&u->waiters);
	u->refs = 1;
	u->flags = flags;
	u->features = features;
	u->mm = mm;
	mm_pin(mm);
	return u;
}

static void get(struct userfault *u)
{
	spin_lock(&u->lock);
	u->refs++;
	spin_unlock(&u->lock);
}

static void userfault_put(struct userfault *u)
{
	spin_lock(&u->lock);
	bool last = --u->refs == 0;
	spin_unlock(&u->lock);
	if (!last)
		return;
	mm_unpin(u->mm);
	kfree(u);
}

/* Nothing of the space names u any more. */
static void forget(struct mm *mm, const struct userfault *u)
{
	mutex_lock(&mm->lock);
	for (struct vma *v = vma_first(&mm->vmas); v; v = vma_next(v)) {
		if (!(v->flags & VM_UFFD_MISSING) || v->uffd != u)
			continue;
		v->flags &= ~VM_UFFD_MISSING;
		v = vma_merge(v);
	}
	mutex_unlock(&mm->lock);
}

/* --- Messages --- */

/* Its thread may go on. Caller holds u->lock, and wakes u->waiters. */
static void finish(struct userfault *u, struct userfault_message *m)
{
	list_del_init(&m->link);
	m->done = true;
	if (m->msg.event != UFFD_EVENT_PAGEFAULT)
		u->changing--;
}

/* Those of a list that wait for a page of [start, start + len). */
static void finish_range(struct userfault *u, struct list_head *list, vaddr_t start, u32 len)
{
	struct userfault_message *m, *next;
	list_for_each_entry_safe (m, next, list, link)
		if ((vaddr_t)m->msg.pagefault.address - start < len)
			finish(u, m);
}

void userfault_wake(struct userfault *u, vaddr_t start, u32 len)
{
	spin_lock(&u->lock);
	finish_range(u, &u->unread, start, len);
	finish_range(u, &u->told, start, len);
	spin_unlock(&u->lock);
	waitq_wake_all(&u->waiters);
}

/* First nobody comes any more, then all that have come may go. */
void userfault_close(struct userfault *u)
{
	struct mm *mm = mm_get_living(u->mm);
	struct userfault_message *m, *next;
	if (mm) {
		forget(mm, u);
		mm_put(mm);
	}
	spin_lock(&u->lock);
	u->closed = true;
	list_for_each_entry_safe (m, next, &u->events, link)
		finish(u, m);
	spin_unlock(&u->lock);
	userfault_wake(u, 0, ~0u);
	userfault_put(u);
}

/* Leaves a message. When the file is gone nobody would read it: done. */
static void leave(struct userfault *u, struct list_head *list, struct userfault_message *m)
{
	spin_lock(&u->lock);
	list_add_tail(&m->link, list);
	if (u->closed)
		finish(u, m);
	spin_unlock(&u->lock);
	waitq_wake_all(&u->readers);
}

/* Sleeps until the message is done, or `ended` and it is in nobody's hands. */
static void await(struct userfault *u, struct userfault_message *m, bool (*ended)(void))
{
	struct waiter w;
	for (bool over = false; !over;) {
		waitq_prepare(&u->waiters, &w, T_INTERRUPTIBLE);
		over = m->done || (!list_empty(&m->link) && ended());
		if (!over)
			schedule();
		waitq_finish(&u->waiters, &w);
	}
}

/* --- Faults --- */

bool userfault_missing(struct vma *v, vaddr_t addr)
{
	struct object *o = v->object;
	if (v->flags & VM_HUGETLB)
		return hugetlb_missing(v, addr);
	pte_t *pte = pmap_pte(&v->mm->pmap, addr);
	if (pte && pte_maps(*pte))
		return false;
	if (!o)
		return true;
	u32 index = vma_pgoff(v, addr);
	mutex_lock(&o->lock);
	bool missing = index < object_size_pages(o) && !object_cached(o, index);
	mutex_unlock(&o->lock);
	return missing;
}

static struct abi_uffd_msg fault_message(
	const struct userfault *u, const struct vma *v, vaddr_t addr, u32 access)
{
	u32 size = v->flags & VM_HUGETLB ? HUGE_SIZE : PAGE_SIZE;
	return (struct abi_uffd_msg){
		.event = UFFD_EVENT_PAGEFAULT,
		.pagefault =
			{
				.flags = access & PF_WRITE ? UFFD_PAGEFAULT_FLAG_WRITE : 0,
				.address = u->features & UFFD_FEATURE_EXACT_ADDRESS
						   ? addr
						   : ALIGN_DOWN(addr, size),
				.ptid = u->features & UFFD_FEATURE_THREAD_ID ? current_task()->tid
									     : 0,
			},
	};
}

/* It is not for the descriptor, whatever is missing there. */
static bool is_refused(const struct userfault *u, u32 access)
{
	if (u->features & UFFD_FEATURE_SIGBUS)
		return true;
	return !(access & PF_USER) && ((u->flags & UFFD_USER_MODE_ONLY) || fatal_signal_pending());
}

/* Leaves the fault's message while mm->lock keeps others from filling the page. */
static enum fault_result leave_fault(
	struct vma *v, vaddr_t addr, u32 access, struct userfault_message *m)
{
	if (is_refused(v->uffd, access))
		return FAULT_SIGBUS;
	get(v->uffd);
	m->msg = fault_message(v->uffd, v, addr, access);
	leave(v->uffd, &v->uffd->unread, m);
	return FAULT_USERFAULT;
}

enum fault_result userfault_wait(struct mm *mm, vaddr_t addr, u32 access)
{
	struct userfault_message m = {0};
	struct userfault *u = NULL;
	enum fault_result r = FAULT_DONE;
	mutex_lock(&mm->lock);
	struct vma *v = vma_at(&mm->vmas, addr);
	if (v && (v->flags & VM_UFFD_MISSING) && userfault_missing(v, addr)) {
		u = v->uffd;
		r = leave_fault(v, addr, access, &m);
	}
	mutex_unlock(&mm->lock);
	if (r != FAULT_USERFAULT)
		return r;
	await(u, &m, access & PF_USER ? signal_pending : fatal_signal_pending);
	spin_lock(&u->lock);
	list_del_init(&m.link);
	spin_unlock(&u->lock);
	if (m.done) {
		vm_events.pgmajfault++;
		current_thread()->majflt++;
	}
	userfault_put(u);
	return FAULT_DONE;
}

/* --- Changes of the map --- */

static void begin_change(struct userfault *u)
{
	spin_lock(&u->lock);
	u->refs++;
	u->changing++;
	spin_unlock(&u->lock);
}

/* Ends what begin_change() began, told or not. */
static void end_change(struct userfault *u, struct userfault_message *m)
{
	spin_lock(&u->lock);
	if (!m->done)
		finish(u, m);
	spin_unlock(&u->lock);
	userfault_put(u);
}

/* After begin_change(): tells and waits. */
static void tell(struct userfault *u, struct userfault_message *m)
{
	leave(u, &u->events, m);
	await(u, m, fatal_signal_pending);
	end_change(u, m);
	if (m->child)
		userfault_close(m->child);
}

static struct userfault_event **last_event(struct mm *mm)
{
	struct userfault_event **at = &mm->userfault_events;
	while (*at)
		at = &(*at)->next;
	return at;
}

static struct userfault_event *queue_event(struct mm *mm, struct userfault *u, u8 event)
{
	struct userfault_event *e = kzalloc(sizeof(*e));
	if (!e)
		return NULL;
	begin_change(u);
	e->u = u;
	e->m.msg.event = event;
	list_init(&e->m.link);
	*last_event(mm) = e;
	return e;
}

/* The events from *at on are not told. */
static void drop_events(struct userfault_event **at)
{
	for (struct userfault_event *e = *at, *next; e; e = next) {
		next = e->next;
		if (e->m.child)
			userfault_put(e->m.child);
		end_change(e->u, &e->m);
		kfree(e);
	}
	*at = NULL;
}

void userfault_unlock(struct mm *mm)
{
	struct userfault_event *e = mm->userfault_events, *next;
	mm->userfault_events = NULL;
	mutex_unlock(&mm->lock);
	for (; e; e = next) {
		next = e->next;
		tell(e->u, &e->m);
		kfree(e);
	}
}

static bool wants(const struct vma *v, u32 feature)
{
	return (v->flags & VM_UFFD_MISSING) && (v->uffd->features & feature);
}

static int queue_range(struct mm *mm, struct userfault *u, vaddr_t start, vaddr_t end)
{
	struct userfault_event *e = queue_event(mm, u, UFFD_EVENT_UNMAP);
	if (!e)
		return -ENOMEM;
	e->m.msg.range.start = start;
	e->m.msg.range.end = end;
	return 0;
}

/* One event for each userfault, however many VMAs it has there. */
int userfault_unmap(struct vma *v, vaddr_t start, vaddr_t end)
{
	struct mm *mm = v->mm;
	struct userfault_event **first = last_event(mm), *e;
	for (; v && v->start < end; v = vma_next(v)) {
		if (!wants(v, UFFD_FEATURE_EVENT_UNMAP))
			continue;
		for (e = *first; e && e->u != v->uffd;)
			e = e->next;
		if (!e && queue_range(mm, v->uffd, start, end) < 0) {
			drop_events(first);
			return -ENOMEM;
		}
	}
	return 0;
}

int userfault_remap(struct vma *to, vaddr_t from, u32 len, bool unmap)
{
	struct userfault *u = to->uffd;
	struct userfault_event **first = last_event(to->mm), *e;
	if (u->features & UFFD_FEATURE_EVENT_REMAP) {
		e = queue_event(to->mm, u, UFFD_EVENT_REMAP);
		if (!e)
			return -ENOMEM;
		e->m.msg.remap.from = from;
		e->m.msg.remap.to = to->start;
		e->m.msg.remap.len = len;
	} else {
		to->flags &= ~VM_UFFD_MISSING;
	}
	if (unmap && (u->features & UFFD_FEATURE_EVENT_UNMAP) &&
		queue_range(to->mm, u, from, from + len) < 0) {
		drop_events(first);
		return -ENOMEM;
	}
	return 0;
}

/* Every lock of the space begins with no events: what is queued now is this fork's. */
int userfault_fork(struct vma *v, struct mm *old)
{
	struct userfault_event *e = old->userfault_events;
	if (!wants(v, UFFD_FEATURE_EVENT_FORK)) {
		v->flags &= ~VM_UFFD_MISSING;
		return 0;
	}
	while (e && e->u != v->uffd)
		e = e->next;
	if (!e) {
		e = queue_event(old, v->uffd, UFFD_EVENT_FORK);
		if (!e)
			return -ENOMEM;
		e->m.child = userfault_create(v->mm, v->uffd->flags, v->uffd->features);
		if (!e->m.child)
			return -ENOMEM;
	}
	v->uffd = e->m.child;
	v->mm->has_userfault = true;
	return 0;
}

void userfault_fork_failed(struct mm *old)
{
	drop_events(&old->userfault_events);
}

bool userfault_remove(struct vma *v, vaddr_t start, vaddr_t end)
{
	struct mm *mm = v->mm;
	struct userfault *u = v->uffd;
	struct userfault_message m = {.msg = {.event = UFFD_EVENT_REMOVE, .range = {start, end}}};
	if (!wants(v, UFFD_FEATURE_EVENT_REMOVE))
		return false;
	begin_change(u);
	mutex_unlock(&mm->lock);
	tell(u, &m);
	mutex_lock(&mm->lock);
	return true;
}

/* --- Who reads --- */

bool userfault_ready(struct userfault *u)
{
	spin_lock(&u->lock);
	bool ready = !list_empty(&u->unread) || !list_empty(&u->events);
	spin_unlock(&u->lock);
	return ready;
}

/* Caller holds u->lock. NULL when there is none. */
static struct userfault_message *oldest(struct list_head *list)
{
	return list_empty(list) ? NULL : list_first_entry(list, struct userfault_message, link);
}

bool userfault_take(struct userfault *u, struct abi_uffd_msg *out, struct userfault_message **fork)
{
	*fork = NULL;
	spin_lock(&u->lock);
	struct userfault_message *fault = oldest(&u->unread), *event = oldest(&u->events);
	if (fault) {
		*out = fault->msg;
		list_move_tail(&fault->link, &u->told);
	} else if (event) {
		*out = event->msg;
		if (event->child) {
			list_del_init(&event->link);
			*fork = event;
		} else {
			finish(u, event);
		}
	}
	spin_unlock(&u->lock);
	waitq_wake_all(&u->waiters);
	return fault || event;
}

void userfault_forked(struct userfault *u, struct userfault_message *fork, bool ok)
{
	spin_lock(&u->lock);
	if (ok) {
		fork->child = NULL;
		finish(u, fork);
	} else {
		list_add(&fork->link, &u->events);
	}
	spin_unlock(&u->lock);
	waitq_wake_all(&u->waiters);
}
