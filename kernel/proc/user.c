/* Users: see kernel/proc/user.h. There are few at a time, so they are a list. */
#include "kernel/proc/user.h"
#include "kernel/core/lock.h"
#include "kernel/core/panic.h"
#include "kernel/lib/kassert.h"
#include "kernel/proc/task.h"
#include "mm/slab.h"

static struct slab_cache *user_cache;
static struct spinlock users_lock = SPINLOCK_INIT("users");
static LIST_HEAD(users);
static struct user root = {.refs = 1}; /* which is always there */

void user_init(void)
{
	user_cache = slab_create("uid_cache", sizeof(struct user), 0, 0, NULL);
	if (!user_cache)
		boot_fail("no memory for the users");
	list_add(&root.all, &users);
}

/* The user of that number, referenced; else `fresh` becomes it, if that is not NULL. */
static struct user *find_or_enter(u32 uid, struct user *fresh)
{
	struct user *u;

	spin_lock(&users_lock);
	list_for_each_entry (u, &users, all) {
		if (u->uid != uid)
			continue;
		u->refs++;
		spin_unlock(&users_lock);
		return u;
	}
	if (fresh)
		list_add_tail(&fresh->all, &users);
	spin_unlock(&users_lock);
	return fresh;
}

struct user *user_get(u32 uid)
{
	struct user *u = find_or_enter(uid, NULL), *fresh;

	if (u)
		return u;
	fresh = slab_alloc(user_cache);
	if (!fresh)
		return NULL;
	*fresh = (struct user){.uid = uid, .refs = 1};
	u = find_or_enter(uid, fresh);
	if (u != fresh)
		slab_free(user_cache, fresh);
	return u;
}

struct user *user_hold(struct user *u)
{
	spin_lock(&users_lock);
	u->refs++;
	spin_unlock(&users_lock);
	return u;
}

void user_put(struct user *u)
{
	bool last;

	if (!u)
		return;
	spin_lock(&users_lock);
	last = --u->refs == 0;
	if (last)
		list_del(&u->all);
	spin_unlock(&users_lock);
	if (!last)
		return;
	for (u32 i = 0; i < USER_COUNTS; i++)
		kassert_msg(!u->count[i], "user %u: %u of kind %u", u->uid, u->count[i], i);
	slab_free(user_cache, u);
}

struct user *current_user(void)
{
	return current_task() ? current_process()->user : &root;
}
