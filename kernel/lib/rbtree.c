/*
 * Red-black tree: Cormen et al., ch. 13, with NULL for the leaves, so the deletion carries the
 * parent of the node it looks at.
 */
#include "kernel/lib/rbtree.h"

static bool is_red(const struct rb_node *n)
{
	return n && n->red;
}

/* Makes `parent` (NULL: the root) point to `n` where it pointed to `old`. */
static void replace_child(
	struct rb_root *root, struct rb_node *parent, struct rb_node *old, struct rb_node *n)
{
	if (!parent)
		root->node = n;
	else if (parent->left == old)
		parent->left = n;
	else
		parent->right = n;
	if (n)
		n->parent = parent;
}

/* n's right child takes its place, n goes down to the left. */
static void rotate_left(struct rb_root *root, struct rb_node *n)
{
	struct rb_node *up = n->right;

	n->right = up->left;
	if (up->left)
		up->left->parent = n;
	replace_child(root, n->parent, n, up);
	up->left = n;
	n->parent = up;
	up->bound = n->bound;
}

static void rotate_right(struct rb_root *root, struct rb_node *n)
{
	struct rb_node *up = n->left;

	n->left = up->right;
	if (up->right)
		up->right->parent = n;
	replace_child(root, n->parent, n, up);
	up->right = n;
	n->parent = up;
	up->bound = n->bound;
}

/* A red node under a red parent whose sibling is black: one or two rotations end it. */
static void insert_rotate(struct rb_root *root, struct rb_node *n)
{
	struct rb_node *p = n->parent, *g = p->parent;

	if (p == g->left) {
		if (n == p->right) {
			rotate_left(root, p);
			p = n;
		}
		rotate_right(root, g);
	} else {
		if (n == p->left) {
			rotate_right(root, p);
			p = n;
		}
		rotate_left(root, g);
	}
	p->red = false;
	g->red = true;
}

/* Has n's neighbours in order point to `before` and `after` where they point to n. */
static void set_neighbours(
	struct rb_root *root, struct rb_node *n, struct rb_node *before, struct rb_node *after)
{
	if (n->prev)
		n->prev->next = after;
	else
		root->first = after;
	if (n->next)
		n->next->prev = before;
	else
		root->last = before;
}

/* Of two neighbours one has no child on the other's side. */
void rb_link_after(struct rb_root *root, struct rb_node *prev, struct rb_node *n)
{
	struct rb_node *next = prev ? prev->next : root->first;

	n->left = n->right = NULL;
	n->prev = prev;
	n->next = next;
	n->red = true;
	set_neighbours(root, n, n, n);
	if (prev && !prev->right) {
		n->parent = prev;
		prev->right = n;
	} else {
		n->parent = next;
		*(next ? &next->left : &root->node) = n;
	}
}

/* `n` is red, and its parent may be: mends that, as far up as it takes. */
void rb_balance(struct rb_root *root, struct rb_node *n)
{
	while (is_red(n->parent)) {
		struct rb_node *g = n->parent->parent;
		struct rb_node *uncle = n->parent == g->left ? g->right : g->left;

		if (!is_red(uncle)) {
			insert_rotate(root, n);
			break;
		}
		n->parent->red = uncle->red = false;
		g->red = true;
		n = g;
	}
	root->node->red = false;
}

/*
 * The subtree on the left of `p` is one black node short and its sibling `s` is black with a red
 * child: rotations borrow one from it.
 */
static void borrow_for_left(struct rb_root *root, struct rb_node *p, struct rb_node *s)
{
	if (!is_red(s->right)) {
		s->left->red = false;
		s->red = true;
		rotate_right(root, s);
		s = p->right;
	}
	s->red = p->red;
	p->red = false;
	s->right->red = false;
	rotate_left(root, p);
}

static void borrow_for_right(struct rb_root *root, struct rb_node *p, struct rb_node *s)
{
	if (!is_red(s->left)) {
		s->right->red = false;
		s->red = true;
		rotate_left(root, s);
		s = p->left;
	}
	s->red = p->red;
	p->red = false;
	s->left->red = false;
	rotate_right(root, p);
}

/* Returns the black sibling of p's child on side `left`, rotating a red one out of the way. */
static struct rb_node *black_sibling(struct rb_root *root, struct rb_node *p, bool left)
{
	struct rb_node *s = left ? p->right : p->left;

	if (!s->red)
		return s;
	s->red = false;
	p->red = true;
	if (left)
		rotate_left(root, p);
	else
		rotate_right(root, p);
	return left ? p->right : p->left;
}

/* The subtree at `n` (may be NULL) under `p` is one black node short. */
static void erase_rebalance(struct rb_root *root, struct rb_node *p, struct rb_node *n)
{
	while (p && !is_red(n)) {
		bool left = p->left == n;
		struct rb_node *s = black_sibling(root, p, left);

		if (!is_red(s->left) && !is_red(s->right)) {
			s->red = true;
			n = p;
			p = n->parent;
			continue;
		}
		if (left)
			borrow_for_left(root, p, s);
		else
			borrow_for_right(root, p, s);
		return;
	}
	if (n)
		n->red = false;
}

/* Puts n's successor, which has no left child and was unlinked, where `n` stands. */
static void take_place(struct rb_root *root, struct rb_node *n, struct rb_node *successor)
{
	replace_child(root, n->parent, n, successor);
	successor->left = n->left;
	successor->right = n->right;
	successor->bound = n->bound;
	successor->red = n->red;
	if (n->left)
		n->left->parent = successor;
	if (n->right)
		n->right->parent = successor;
}

void rb_erase(struct rb_root *root, struct rb_node *n)
{
	/* The node that leaves its place in the tree has at most one child. */
	struct rb_node *gone = n->left && n->right ? n->next : n;
	struct rb_node *child = gone->left ? gone->left : gone->right;
	struct rb_node *parent = gone->parent;
	bool black = !gone->red;

	set_neighbours(root, n, n->prev, n->next);
	replace_child(root, parent, gone, child);
	if (gone != n) {
		take_place(root, n, gone);
		if (parent == n)
			parent = gone;
	}
	if (black)
		erase_rebalance(root, parent, child);
}

static struct rb_node *leftmost(struct rb_node *n)
{
	while (n->left)
		n = n->left;
	return n;
}

/* The next node in order, by the tree alone. */
static struct rb_node *successor_of(const struct rb_node *n)
{
	struct rb_node *p;

	if (n->right)
		return leftmost(n->right);
	while ((p = n->parent) && n == p->right)
		n = p;
	return p;
}

/* True when the node's links agree with its neighbours', and its colour with its children's. */
static bool node_sound(const struct rb_root *root, const struct rb_node *n)
{
	const struct rb_node *l = n->left, *r = n->right, *next = successor_of(n);

	if (n->next != next || (next ? next->prev : root->last) != n)
		return false;
	if ((l && l->parent != n) || (r && r->parent != n))
		return false;
	return !n->red || (!is_red(l) && !is_red(r));
}

/* Black nodes from `n` up to the root, itself included. */
static int black_depth(const struct rb_node *n)
{
	int depth = 0;

	for (; n; n = n->parent)
		depth += !n->red;
	return depth;
}

int rb_check(const struct rb_root *root)
{
	int count = 0, height = -1;

	if (!root->node)
		return root->first || root->last ? -1 : 0;
	if (root->node->parent || root->node->red || root->first != leftmost(root->node) ||
		root->first->prev)
		return -1;
	for (const struct rb_node *n = root->first; n; n = n->next) {
		if (!node_sound(root, n))
			return -1;
		count++;
		if (n->left && n->right)
			continue;
		if (height < 0)
			height = black_depth(n);
		if (black_depth(n) != height)
			return -1;
	}
	return count;
}
