/* The relaxed AVL tree against a sorted array, with a bound on the weights of each
 * subtree as augmentation. */
#include "kernel/core/selftest.h"
#include "kernel/lib/ravl.h"

#define NODES 400u

struct item {
	struct ravl_node node;
	u32 weight; /* node.bound: no node of the subtree weighs more */
	bool in;
};

static struct item items[NODES];

static struct item *of(const struct ravl_node *n)
{
	return n ? ravl_entry(n, struct item, node) : NULL;
}

static u32 bound_of(const struct ravl_node *n)
{
	return n ? n->bound : 0;
}

static u32 least_bound(const struct ravl_node *n)
{
	return MAX(of(n)->weight, MAX(bound_of(n->left), bound_of(n->right)));
}

static void setup(struct ravl_root *root)
{
	*root = (struct ravl_root){NULL};
	for (u32 i = 0; i < NODES; i++)
		items[i] = (struct item){.weight = ktest_random() % 1000};
}

static struct ravl_node *neighbour_below(const struct item *it)
{
	while (it-- > items)
		if (it->in)
			return (struct ravl_node *)&it->node;
	return NULL;
}

static void insert(struct ravl_root *root, struct item *it)
{
	ravl_insert_after(root, neighbour_below(it), &it->node);
	for (struct ravl_node *n = &it->node; n && n->bound < it->weight; n = n->parent)
		n->bound = it->weight;
	it->in = true;
}

static void erase(struct ravl_root *root, struct item *it)
{
	ravl_erase(root, &it->node);
	it->in = false;
}

/* Same members in the same order both ways, sound ranks, bounds that hold everywhere. */
static void expect_sound(const struct ravl_root *root)
{
	const struct ravl_node *n = root->first;
	u32 count = 0;

	for (u32 i = 0; i < NODES; i++) {
		if (!items[i].in)
			continue;
		KREQUIRE(n == &items[i].node);
		KEXPECT(n->bound >= least_bound(n));
		n = n->next;
		count++;
	}
	KEXPECT(!n);
	n = root->last;
	for (u32 i = NODES; i-- > 0;) {
		if (!items[i].in)
			continue;
		KREQUIRE(n == &items[i].node);
		n = n->prev;
	}
	KEXPECT(!n);
	KEXPECT_EQ(ravl_check(root), count);
}

KTEST(ravl, empty)
{
	struct ravl_root root;

	setup(&root);
	KEXPECT(!root.first && !root.last);
	KEXPECT_EQ(ravl_check(&root), 0);
}

KTEST(ravl, ascending_and_descending)
{
	struct ravl_root root;

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

/* Nodes on the longest way down. */
static u32 height(const struct ravl_node *n)
{
	return n ? 1 + MAX(height(n->left), height(n->right)) : 0;
}

/* As high as an AVL tree of so many nodes as ever came: 400 make 12, 6,000 make 17. */
KTEST(ravl, stays_low)
{
	struct ravl_root root;

	setup(&root);
	for (u32 i = 0; i < NODES; i++)
		insert(&root, &items[i]);
	KEXPECT(height(root.node) <= 12);
	for (u32 i = 0; i < 15 * NODES; i++) {
		erase(&root, &items[i % NODES]);
		insert(&root, &items[i % NODES]);
	}
	KEXPECT(height(root.node) <= 17);
	expect_sound(&root);
}

/* The second time a node comes to its place it changes nothing but its own links. */
KTEST(ravl, coming_back_is_free)
{
	struct ravl_root root;
	struct ravl_node *top;

	setup(&root);
	for (u32 i = 0; i < NODES; i += 2)
		insert(&root, &items[i]);
	insert(&root, &items[77]);
	erase(&root, &items[77]);
	top = root.node;
	u32 parent = items[76].node.rank;
	insert(&root, &items[77]);
	KEXPECT(root.node == top && items[76].node.rank == parent);
	KEXPECT(!items[77].node.left && !items[77].node.right);
}

KTEST(ravl, random_operations)
{
	struct ravl_root root;

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

KTEST(ravl, checker_sees_damage)
{
	struct ravl_root root;

	setup(&root);
	for (u32 i = 0; i < 16; i++)
		insert(&root, &items[i]);
	struct ravl_node *n = root.first, *parent = n->parent;

	n->rank += 30;
	KEXPECT_EQ(ravl_check(&root), -1);
	n->rank -= 30;
	n->bound += 1000;
	KEXPECT_EQ(ravl_check(&root), -1);
	n->bound -= 1000;
	n->parent = &items[15].node;
	KEXPECT_EQ(ravl_check(&root), -1);
	n->parent = parent;
	n->next->prev = NULL;
	KEXPECT_EQ(ravl_check(&root), -1);
	n->next->prev = n;
	expect_sound(&root);
}
