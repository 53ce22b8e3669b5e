/* The red-black tree against a sorted array, with a bound on the weights of each
 * subtree as augmentation. */
#include "kernel/core/selftest.h"
#include "kernel/lib/rbtree.h"

#define NODES 400u

struct item {
	struct rb_node rb;
	u32 weight; /* rb.bound: no node of the subtree weighs more */
	bool in;
};

static struct item items[NODES];

static struct item *of(const struct rb_node *n)
{
	return n ? rb_entry(n, struct item, rb) : NULL;
}

static u32 bound_of(const struct rb_node *n)
{
	return n ? n->bound : 0;
}

static u32 least_bound(const struct rb_node *n)
{
	return MAX(of(n)->weight, MAX(bound_of(n->left), bound_of(n->right)));
}

static void setup(struct rb_root *root)
{
	*root = (struct rb_root){NULL};
	for (u32 i = 0; i < NODES; i++)
		items[i] = (struct item){.weight = ktest_random() % 1000};
}

static struct rb_node *neighbour_below(const struct item *it)
{
	while (it-- > items)
		if (it->in)
			return (struct rb_node *)&it->rb;
	return NULL;
}

static void insert(struct rb_root *root, struct item *it)
{
	rb_link_after(root, neighbour_below(it), &it->rb);
	it->rb.bound = 0;
	for (struct rb_node *n = &it->rb; n && n->bound < it->weight; n = n->parent)
		n->bound = it->weight;
	rb_balance(root, &it->rb);
	it->in = true;
}

static void erase(struct rb_root *root, struct item *it)
{
	rb_erase(root, &it->rb);
	it->in = false;
}

/* Same members in the same order both ways, sound colours, bounds that hold everywhere. */
static void expect_sound(const struct rb_root *root)
{
	const struct rb_node *n = root->first;
	u32 count = 0;

	for (u32 i = 0; i < NODES; i++) {
		if (!items[i].in)
			continue;
		KREQUIRE(n == &items[i].rb);
		KEXPECT(n->bound >= least_bound(n));
		n = n->next;
		count++;
	}
	KEXPECT(!n);
	n = root->last;
	for (u32 i = NODES; i-- > 0;) {
		if (!items[i].in)
			continue;
		KREQUIRE(n == &items[i].rb);
		n = n->prev;
	}
	KEXPECT(!n);
	KEXPECT_EQ(rb_check(root), count);
}

KTEST(rbtree, empty)
{
	struct rb_root root;

	setup(&root);
	KEXPECT(!root.first && !root.last);
	KEXPECT_EQ(rb_check(&root), 0);
}

KTEST(rbtree, ascending_and_descending)
{
	struct rb_root root;

	setup(&root);
	for (u32 i = 0; i < NODES; i++)
		insert(&root, &items[i]);
	expect_sound(&root);
	for (u32 i = NODES; i-- > 0;)
		erase(&root, &items[i]);
	expect_sound(&root);
	for (u32 i = NODES; i-- > 0;)
		insert(&root, &items[i]);
	expect_sound(&root);
	for (u32 i = 0; i < NODES; i++)
		erase(&root, &items[i]);
	KEXPECT(!root.node);
}

KTEST(rbtree, random_operations)
{
	struct rb_root root;

	setup(&root);
	for (u32 i = 0; i < 6000; i++) {
		struct item *it = &items[ktest_random() % NODES];

		if (it->in)
			erase(&root, it);
		else
			insert(&root, it);
		if (i % 64 == 0)
			expect_sound(&root);
	}
	expect_sound(&root);
}

KTEST(rbtree, checker_sees_damage)
{
	struct rb_root root;

	setup(&root);
	for (u32 i = 0; i < 16; i++)
		insert(&root, &items[i]);
	struct rb_node *n = root.first, *parent = n->parent;

	n->red = !n->red;
	KEXPECT_EQ(rb_check(&root), -1);
	n->red = !n->red;
	n->parent = &items[15].rb;
	KEXPECT_EQ(rb_check(&root), -1);
	n->parent = parent;
	n->next->prev = NULL;
	KEXPECT_EQ(rb_check(&root), -1);
	n->next->prev = n;
	root.node->red = true;
	KEXPECT_EQ(rb_check(&root), -1);
	root.node->red = false;
	expect_sound(&root);
}
