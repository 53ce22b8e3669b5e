/* The red-black tree against a sorted array, with each subtree's node count as augmentation. */
#include "kernel/core/selftest.h"
#include "kernel/lib/rbtree.h"

#define NODES 400u

struct item {
	struct rb_node rb;
	u32 key;
	u32 below; /* nodes of this subtree */
	bool in;
};

static struct item items[NODES];

static struct item *of(const struct rb_node *n)
{
	return n ? rb_entry(n, struct item, rb) : NULL;
}

static u32 size_of(const struct rb_node *n)
{
	return n ? of(n)->below : 0;
}

static bool update(struct rb_node *n)
{
	u32 old = of(n)->below;

	of(n)->below = 1 + size_of(n->left) + size_of(n->right);
	return of(n)->below != old;
}

static void setup(struct rb_root *root)
{
	*root = (struct rb_root){.update = update};
	for (u32 i = 0; i < NODES; i++)
		items[i] = (struct item){.key = i * 7};
}

static void insert(struct rb_root *root, struct item *it)
{
	struct rb_node *parent = NULL, **link = &root->node;

	while (*link) {
		parent = *link;
		link = it->key < of(parent)->key ? &parent->left : &parent->right;
	}
	rb_insert(root, parent, link, &it->rb);
	it->in = true;
}

static void erase(struct rb_root *root, struct item *it)
{
	rb_erase(root, &it->rb);
	it->in = false;
}

/* Same members in the same order both ways, sound colours, right counts everywhere. */
static void expect_sound(const struct rb_root *root)
{
	const struct rb_node *n = rb_first(root);
	u32 count = 0;

	for (u32 i = 0; i < NODES; i++) {
		if (!items[i].in)
			continue;
		KREQUIRE(n == &items[i].rb);
		KEXPECT_EQ(items[i].below, 1 + size_of(n->left) + size_of(n->right));
		n = rb_next(n);
		count++;
	}
	KEXPECT(!n);
	n = rb_last(root);
	for (u32 i = NODES; i-- > 0;) {
		if (!items[i].in)
			continue;
		KREQUIRE(n == &items[i].rb);
		n = rb_prev(n);
	}
	KEXPECT(!n);
	KEXPECT_EQ(rb_check(root), count);
}

KTEST(rbtree, empty)
{
	struct rb_root root;

	setup(&root);
	KEXPECT(!rb_first(&root) && !rb_last(&root));
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

KTEST(rbtree, replace_and_update_path)
{
	struct item other = {.key = 7 * 7};
	struct rb_root root;

	setup(&root);
	for (u32 i = 0; i < 16; i++)
		insert(&root, &items[i]);
	rb_replace(&root, &items[7].rb, &other.rb);
	KEXPECT_EQ(rb_check(&root), 16);
	KEXPECT(rb_next(&items[6].rb) == &other.rb && rb_prev(&items[8].rb) == &other.rb);
	rb_replace(&root, &other.rb, &items[7].rb);
	expect_sound(&root);

	items[3].below = 99;
	rb_update_path(&root, &items[3].rb);
	expect_sound(&root);
}

KTEST(rbtree, checker_sees_damage)
{
	struct rb_root root;

	setup(&root);
	for (u32 i = 0; i < 16; i++)
		insert(&root, &items[i]);
	struct rb_node *n = rb_first(&root), *parent = n->parent;

	n->red = !n->red;
	KEXPECT_EQ(rb_check(&root), -1);
	n->red = !n->red;
	n->parent = &items[15].rb;
	KEXPECT_EQ(rb_check(&root), -1);
	n->parent = parent;
	root.node->red = true;
	KEXPECT_EQ(rb_check(&root), -1);
	root.node->red = false;
	expect_sound(&root);
}
