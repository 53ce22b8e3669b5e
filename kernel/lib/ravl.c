/* Relaxed AVL tree: insertion much as in an AVL tree, by ranks; a deletion leaves them alone. */
#include "kernel/lib/ravl.h"

/* A child that is not there counts as a leaf. An AVL tree sets it one lower; here a new node then
 * stays a leaf, whatever turns above it, and goes as it came. */
static u32 rank(const struct ravl_node *n)
{
	return n ? n->rank : 0;
}

/* Makes `parent` (NULL: the root) point to `n` where it pointed to `old`. */
static void replace_child(struct ravl_root *root, struct ravl_node *parent, struct ravl_node *old,
	struct ravl_node *n)
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
static void rotate_left(struct ravl_root *root, struct ravl_node *n)
{
	struct ravl_node *up = n->right;

	n->right = up->left;
	if (up->left)
		up->left->parent = n;
	replace_child(root, n->parent, n, up);
	up->left = n;
	n->parent = up;
	up->bound = n->bound;
}

static void rotate_right(struct ravl_root *root, struct ravl_node *n)
{
	struct ravl_node *up = n->left;

	n->left = up->right;
	if (up->right)
		up->right->parent = n;
	replace_child(root, n->parent, n, up);
	up->right = n;
	n->parent = up;
	up->bound = n->bound;
}

/* `n` takes its parent's place. */
static void rotate_up(struct ravl_root *root, struct ravl_node *n)
{
	if (n->parent->left == n)
		rotate_right(root, n->parent);
	else
		rotate_left(root, n->parent);
}

/* `n` has become as high as its parent, whose other child is lower by two: the higher of n's
 * children takes the parent's place if it is the inner one, else `n` itself does. */
static void rotate(struct ravl_root *root, struct ravl_node *n)
{
	struct ravl_node *parent = n->parent;
	struct ravl_node *inner = parent->left == n ? n->right : n->left;

	if (rank(inner) + 1 == n->rank) {
		rotate_up(root, inner);
		n->rank--;
		inner->rank++;
		n = inner;
	}
	rotate_up(root, n);
	parent->rank--;
}

/* `n` has the rank of its parent: raises those above it as far up as it takes, or until a sibling
 * is too low for that. */
static __noinline void rebalance(struct ravl_root *root, struct ravl_node *n)
{
	struct ravl_node *p;

	for (; (p = n->parent) && p->rank == n->rank; n = p) {
		if (rank(p->left == n ? p->right : p->left) + 2 <= p->rank) {
			rotate(root, n);
			return;
		}
		p->rank++;
	}
}

/* Has n's neighbours in order point to `before` and `after` where they point to n. */
static void set_neighbours(struct ravl_root *root, struct ravl_node *n, struct ravl_node *before,
	struct ravl_node *after)
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
void ravl_insert_after(struct ravl_root *root, struct ravl_node *prev, struct ravl_node *n)
{
	struct ravl_node *next = prev ? prev->next : root->first, *parent = next;

	n->left = n->right = NULL;
	n->prev = prev;
	n->next = next;
	n->bound = 0;
	n->rank = 0;
	set_neighbours(root, n, n, n);
	if (prev && !prev->right) {
		parent = prev;
		prev->right = n;
	} else {
		*(next ? &next->left : &root->node) = n;
	}
	n->parent = parent;
	if (parent && parent->rank == 0)
		rebalance(root, n);
}

/* Puts n's successor, which has no left child and was unlinked, where `n` stands. */
static void take_place(struct ravl_root *root, struct ravl_node *n, struct ravl_node *successor)
{
	replace_child(root, n->parent, n, successor);
	successor->left = n->left;
	successor->right = n->right;
	successor->bound = n->bound;
	successor->rank = n->rank;
	if (n->left)
		n->left->parent = successor;
	if (n->right)
		n->right->parent = successor;
}

void ravl_erase(struct ravl_root *root, struct ravl_node *n)
{
	/* The node that leaves its place in the tree has at most one child. */
	struct ravl_node *gone = n->left && n->right ? n->next : n;

	set_neighbours(root, n, n->prev, n->next);
	replace_child(root, gone->parent, gone, gone->left ? gone->left : gone->right);
	if (gone != n)
		take_place(root, n, gone);
}

static struct ravl_node *leftmost(struct ravl_node *n)
{
	while (n->left)
		n = n->left;
	return n;
}

/* The next node in order, by the tree alone. */
static struct ravl_node *successor_of(const struct ravl_node *n)
{
	struct ravl_node *p;

	if (n->right)
		return leftmost(n->right);
	while ((p = n->parent) && n == p->right)
		n = p;
	return p;
}

/* `child` (may be NULL) knows that it is one of n's, and has less of what a child has less of. */
static bool child_sound(const struct ravl_node *n, const struct ravl_node *child)
{
	return !child || (child->parent == n && child->rank < n->rank && child->bound <= n->bound);
}

/* True when the node's links agree with its neighbours'. */
static bool node_sound(const struct ravl_root *root, const struct ravl_node *n)
{
	const struct ravl_node *next = successor_of(n);

	return n->next == next && (next ? next->prev : root->last) == n &&
	       child_sound(n, n->left) && child_sound(n, n->right);
}

int ravl_check(const struct ravl_root *root)
{
	int count = 0;

	if (!root->node)
		return root->first || root->last ? -1 : 0;
	if (root->node->parent || root->first != leftmost(root->node) || root->first->prev)
		return -1;
	for (const struct ravl_node *n = root->first; n; n = n->next) {
		if (!node_sound(root, n))
			return -1;
		count++;
	}
	return count;
}
