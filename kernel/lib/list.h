/* Circular doubly linked list with a head that is itself a link. Pure; the owner locks. */
#ifndef LIB_LIST_H
#define LIB_LIST_H

#include "kernel/lib/types.h"

struct list_head {
	struct list_head *next, *prev;
};

#define LIST_HEAD_INIT(name) {&(name), &(name)}
#define LIST_HEAD(name)      struct list_head name = LIST_HEAD_INIT(name)

static inline void list_init(struct list_head *h)
{
	h->next = h;
	h->prev = h;
}

static inline bool list_empty(const struct list_head *h)
{
	return h->next == h;
}

static inline void list_insert_between(
	struct list_head *n, struct list_head *prev, struct list_head *next)
{
	n->next = next;
	n->prev = prev;
	prev->next = n;
	next->prev = n;
}

/* Inserts right behind `h`: at the front of the list, or after an element. */
static inline void list_add(struct list_head *n, struct list_head *h)
{
	list_insert_between(n, h, h->next);
}

/* Inserts right before `h`: at the back of the list, or before an element. */
static inline void list_add_tail(struct list_head *n, struct list_head *h)
{
	list_insert_between(n, h->prev, h);
}

/* Unlinks; the element's own pointers are left dangling. */
static inline void list_del(struct list_head *n)
{
	struct list_head *prev = n->prev, *next = n->next;

	prev->next = next;
	next->prev = prev;
}

/* Unlinks and leaves the element an empty list, so that list_empty() tells it is in none. */
static inline void list_del_init(struct list_head *n)
{
	list_del(n);
	list_init(n);
}

static inline void list_move(struct list_head *n, struct list_head *h)
{
	list_del(n);
	list_add(n, h);
}

static inline void list_move_tail(struct list_head *n, struct list_head *h)
{
	list_del(n);
	list_add_tail(n, h);
}

/* Appends all of `from` to the back of `to` and leaves `from` empty. */
static inline void list_splice_tail(struct list_head *from, struct list_head *to)
{
	if (list_empty(from))
		return;
	from->next->prev = to->prev;
	to->prev->next = from->next;
	from->prev->next = to;
	to->prev = from->prev;
	list_init(from);
}

#define list_entry(p, type, member) container_of(p, type, member)
#define list_first_entry(h, type, member) list_entry((h)->next, type, member)
#define list_last_entry(h, type, member)  list_entry((h)->prev, type, member)
#define list_next_entry(p, member) list_entry((p)->member.next, __typeof__(*(p)), member)

#define list_for_each(p, h) for ((p) = (h)->next; (p) != (h); (p) = (p)->next)

#define list_for_each_entry(p, h, member)                                                          \
	for ((p) = list_first_entry(h, __typeof__(*(p)), member); &(p)->member != (h);             \
		(p) = list_next_entry(p, member))

/* The element may be removed inside the loop. */
#define list_for_each_entry_safe(p, n, h, member)                                                  \
	for ((p) = list_first_entry(h, __typeof__(*(p)), member), (n) = list_next_entry(p, member);\
		&(p)->member != (h); (p) = (n), (n) = list_next_entry(n, member))

#endif
