/* Kernel threads. */
#include "kernel/core/kthread.h"
#include "kernel/lib/kassert.h"
#include "kernel/x86/trap.h"
#include "mm/kmalloc.h"
#include "mm/vmalloc.h"

struct kthread {
	struct thread thread;
	const char *name; /* for who looks with a debugger */
	void (*fn)(void *arg);
	void *arg;
	bool ended;
	struct waitq joiner;
};

static struct kthread *to_kthread(const struct thread *t)
{
	kassert(t->pmap == NULL && !t->x86.user);
	return container_of(t, struct kthread, thread);
}

static void run(void *arg)
{
	struct kthread *k = arg;

	irq_enable();
	k->fn(k->arg);
	k->ended = true;
	waitq_wake_all(&k->joiner);
	thread_exit();
}

struct thread *kthread_create(const char *name, void (*fn)(void *arg), void *arg)
{
	struct kthread *k = kzalloc(sizeof(*k));

	if (!k)
		return NULL;
	k->thread.kstack = kstack_alloc();
	if (!k->thread.kstack)
		goto no_stack;
	k->name = name;
	k->fn = fn;
	k->arg = arg;
	waitq_init(&k->joiner);
	x86_thread_init(&k->thread.x86, k->thread.kstack, run, k);
	thread_start(&k->thread);
	return &k->thread;

no_stack:
	kfree(k);
	return NULL;
}

/* Once `ended` can be seen here the other thread has switched away for the last time: the kernel is
 * not preempted between the wake and the switch. */
void kthread_join(struct thread *t)
{
	struct kthread *k = to_kthread(t);

	wait_event(&k->joiner, READ_ONCE(k->ended));
	kassert(t->state == T_DEAD);
	kstack_free(t->kstack);
	kfree(k);
}
