/* Lineages of private pages against a naive model: each VMA has the list of all it descends from.
 */
#include "kernel/core/selftest.h"
#include "mm/lineage.h"

#define VMAS  24u
#define NODES 256u
#define DEEP  64u

static struct vma vma[VMAS];
static struct lineage node[NODES];

static struct {
	bool alive, first;
	u32 parent;
} model[NODES];
static struct {
	bool used;
	u32 own, deep, chain[DEEP]; /* the oldest first */
} model_vma[VMAS];

static void reset(void)
{
	for (u32 i = 0; i < VMAS; i++) {
		vma[i] = (struct vma){.start = i};
		model_vma[i].used = false;
	}
	for (u32 i = 0; i < NODES; i++)
		model[i].alive = false;
}

static u32 fresh_node(void)
{
	u32 n = 0;
	while (n < NODES && model[n].alive)
		n++;
	return n;
}

static u32 count_owners(u32 n)
{
	u32 count = 0;
	for (u32 i = 0; i < VMAS; i++)
		count += model_vma[i].used && model_vma[i].own == n;
	return count;
}

static u32 count_children(u32 n)
{
	u32 count = model[n].first;
	for (u32 i = 0; i < NODES; i++)
		count += model[i].alive && !model[i].first && model[i].parent == n;
	return count;
}

static bool in_a_chain(u32 n)
{
	for (u32 i = 0; i < VMAS; i++)
		for (u32 j = 0; model_vma[i].used && j < model_vma[i].deep; j++)
			if (model_vma[i].chain[j] == n)
				return true;
	return false;
}

static void begin(u32 to)
{
	u32 n = fresh_node();
	if (n == NODES)
		return;
	model[n].alive = model[n].first = true;
	model_vma[to].used = true;
	model_vma[to].own = model_vma[to].chain[0] = n;
	model_vma[to].deep = 1;
	lineage_begin(&vma[to], &node[n]);
}

static void share(u32 to, u32 from)
{
	model_vma[to] = model_vma[from];
	lineage_share(&vma[to], &vma[from]);
}

static void fork_one(u32 to, u32 from)
{
	u32 n = fresh_node(), deep = model_vma[from].deep, own = NODES;
	if (deep == DEEP || n == NODES)
		return;
	for (u32 j = deep; j--;)
		if (!count_owners(model_vma[from].chain[j]) &&
			count_children(model_vma[from].chain[j]) < 2)
			own = model_vma[from].chain[j];
	model_vma[to] = model_vma[from];
	KEXPECT_EQ(lineage_fork(&vma[to], &vma[from], &node[n]), own == NODES);
	if (own == NODES) {
		model[n].alive = true;
		model[n].first = false;
		model[n].parent = model_vma[from].own;
		model_vma[to].chain[model_vma[to].deep++] = own = n;
	}
	model_vma[to].own = own;
}

static void leave(u32 v)
{
	model_vma[v].used = false;
	struct lineage *dead = lineage_leave(&vma[v]);
	for (u32 n = 0; n < NODES; n++) {
		if (!model[n].alive || in_a_chain(n))
			continue;
		model[n].alive = false;
		bool found = model[n].first;
		for (struct lineage *l = dead; l; l = l->older)
			found |= l == &node[n];
		KEXPECT(found);
	}
	for (struct lineage *l = dead; l; l = l->older)
		KEXPECT(!model[l - node].alive);
}

static void compare(u32 v)
{
	if (!model_vma[v].used) {
		KEXPECT(!vma[v].own && !vma[v].newest);
		return;
	}
	KEXPECT(vma[v].own == &node[model_vma[v].own]);
	KEXPECT_EQ(vma[v].own->owners, count_owners(model_vma[v].own));
	KEXPECT_EQ(vma[v].own->children, count_children(model_vma[v].own));
	KEXPECT_EQ(lineage_is_first(&vma[v]), model_vma[v].deep == 1);
	struct lineage *l = vma[v].newest;
	for (u32 j = model_vma[v].deep; j--; l = l->older)
		KEXPECT(l == &node[model_vma[v].chain[j]]);
	KEXPECT(!l);
}

KTEST(lineage, random_against_model)
{
	reset();
	for (u32 step = 0; step < 4000; step++) {
		u32 to = ktest_random() % VMAS, from = ktest_random() % VMAS;
		u32 what = ktest_random() % 8;
		if (model_vma[to].used)
			leave(to);
		else if (!model_vma[from].used || what == 0)
			begin(to);
		else if (what < 3)
			share(to, from);
		else
			fork_one(to, from);
		compare(to);
		compare(from);
	}
	for (u32 i = 0; i < VMAS; i++)
		if (model_vma[i].used)
			leave(i);
	for (u32 n = 0; n < NODES; n++)
		KEXPECT(!model[n].alive);
}

/* A process that lives on in its children, which live on in theirs, needs two lineages at a time.
 */
KTEST(lineage, forks_in_a_row_reuse_what_is_left)
{
	u32 fresh = 0;
	reset();
	begin(0);
	for (u32 i = 0; i < 100; i++) {
		u32 used = fresh_node();
		fork_one(!(i % 2), i % 2);
		fresh += fresh_node() != used;
		leave(i % 2);
	}
	KEXPECT(fresh <= 2);
	leave(0);
}

KTEST(lineage, what_may_merge)
{
	reset();
	begin(0);
	share(1, 0);
	fork_one(2, 0);
	begin(3);
	KEXPECT(lineage_fits(&vma[0], &vma[1]) && lineage_joins(&vma[0], &vma[1]));
	KEXPECT(!lineage_fits(&vma[0], &vma[2]) && !lineage_fits(&vma[0], &vma[3]));
	KEXPECT(lineage_fits(&vma[4], &vma[0]) && !lineage_fits(&vma[0], &vma[4]));
	KEXPECT(!lineage_fits(&vma[4], &vma[2]) && lineage_joins(&vma[4], &vma[2]));
	KEXPECT(lineage_fits(&vma[4], &vma[5]));
	for (u32 i = 0; i < 4; i++)
		leave(i);
}
