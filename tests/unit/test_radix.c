/* The radix tree against a plain array, with memory that runs out on purpose. */
#include "kernel/abi/errno.h"
#include "kernel/core/selftest.h"
#include "kernel/lib/radix.h"

#define NODES 64u
#define KEYS  48u

static struct radix_node pool[NODES];
static bool used[NODES];
static u32 nodes_left; /* allocations that will still succeed */

static struct radix_node *node_alloc(void)
{
	if (!nodes_left)
		return NULL;
	for (u32 i = 0; i < NODES; i++) {
		if (used[i])
			continue;
		used[i] = true;
		nodes_left--;
		pool[i] = (struct radix_node){0};
		return &pool[i];
	}
	return NULL;
}

static void node_free(struct radix_node *n)
{
	u32 i = (u32)(n - pool);

	KREQUIRE(i < NODES && used[i]);
	used[i] = false;
	nodes_left++;
}

static struct radix setup(void)
{
	for (u32 i = 0; i < NODES; i++)
		used[i] = false;
	nodes_left = NODES;
	return (struct radix){.node_alloc = node_alloc, .node_free = node_free};
}

/* An item for each index, told apart by its address. */
static char marks[KEYS];

/* Indices that exercise every height and the ends of the range. */
static u32 key(u32 i)
{
	static const u32 near[] = {0, 62, 4094, 262142, 16777214, 1073741822, 4294967288u};

	return i < 7 * 6 ? near[i / 6] + i % 6 : 5000 + i;
}

KTEST(radix, empty)
{
	struct radix r = setup();
	u32 index = 0;

	KEXPECT(!radix_get(&r, 0) && !radix_get(&r, UINT32_MAX));
	KEXPECT(!radix_delete(&r, 5));
	KEXPECT(!radix_next(&r, &index));
}

KTEST(radix, insert_get_delete)
{
	struct radix r = setup();

	KEXPECT_EQ(radix_insert(&r, 0, &marks[0]), 0);
	KEXPECT_EQ(radix_insert(&r, UINT32_MAX, &marks[1]), 0);
	KEXPECT_EQ(radix_insert(&r, 0, &marks[2]), -EEXIST);
	KEXPECT(radix_get(&r, 0) == &marks[0]);
	KEXPECT(radix_get(&r, UINT32_MAX) == &marks[1]);
	KEXPECT(!radix_get(&r, 64) && !radix_get(&r, UINT32_MAX - 1));
	KEXPECT(radix_delete(&r, UINT32_MAX) == &marks[1]);
	/* The tree is low again. */
	KEXPECT_EQ(nodes_left, NODES - 1);
	KEXPECT(radix_delete(&r, 0) == &marks[0]);
	KEXPECT(!r.root);
	KEXPECT_EQ(nodes_left, NODES);
}

KTEST(radix, replace_changes_one_slot)
{
	struct radix r = setup();

	KREQUIRE(!radix_insert(&r, 5, &marks[0]) && !radix_insert(&r, UINT32_MAX, &marks[1]));
	nodes_left = 0; /* it needs none */
	radix_replace(&r, UINT32_MAX, &marks[2]);
	radix_replace(&r, 5, &marks[3]);
	KEXPECT(radix_get(&r, 5) == &marks[3] && radix_get(&r, UINT32_MAX) == &marks[2]);
	KEXPECT(!radix_get(&r, 6));
	KEXPECT(radix_delete(&r, 5) == &marks[3] && radix_delete(&r, UINT32_MAX) == &marks[2]);
	KEXPECT(!r.root);
}

KTEST(radix, next_finds_in_order)
{
	struct radix r = setup();
	u32 at = 0, found = 0;

	for (u32 i = 0; i < 7 * 6; i++)
		KREQUIRE(!radix_insert(&r, key(i), &marks[i]));
	for (void *item; (item = radix_next(&r, &at)); at++) {
		KEXPECT_EQ(at, key(found));
		KEXPECT(item == &marks[found]);
		found++;
		if (at == UINT32_MAX)
			break;
	}
	KEXPECT_EQ(found, 7 * 6);
	at = 1073741828;
	KEXPECT(radix_next(&r, &at) && at == key(36));
	for (u32 i = 0; i < 7 * 6; i++)
		KEXPECT(radix_delete(&r, key(i)) == &marks[i]);
	KEXPECT_EQ(nodes_left, NODES);
}

KTEST(radix, out_of_memory_leaves_nothing)
{
	struct radix r = setup();

	KREQUIRE(!radix_insert(&r, 3, &marks[0]));
	/* Five new levels above the root and five nodes below the topmost are needed. */
	for (u32 n = 0; n < 10; n++) {
		nodes_left = n;
		KEXPECT_EQ(radix_insert(&r, UINT32_MAX, &marks[1]), -ENOMEM);
		KEXPECT_EQ(nodes_left, n);
		KEXPECT(radix_get(&r, 3) == &marks[0] && !radix_get(&r, UINT32_MAX));
	}
	nodes_left = 10;
	KEXPECT_EQ(radix_insert(&r, UINT32_MAX, &marks[1]), 0);
	KEXPECT_EQ(nodes_left, 0);
	KEXPECT(radix_get(&r, 3) == &marks[0] && radix_get(&r, UINT32_MAX) == &marks[1]);
}

KTEST(radix, random_operations)
{
	struct radix r = setup();
	bool in[KEYS] = {false};

	for (u32 n = 0; n < 4000; n++) {
		u32 i = ktest_random() % KEYS, at = key(i), next = ktest_random() % KEYS;

		nodes_left = MIN(nodes_left, ktest_random() % NODES);
		if (in[i]) {
			KEXPECT(radix_delete(&r, at) == &marks[i]);
			in[i] = false;
		} else {
			int err = radix_insert(&r, at, &marks[i]);

			KEXPECT(err == 0 || err == -ENOMEM);
			in[i] = !err;
		}
		KEXPECT(radix_get(&r, key(next)) == (in[next] ? &marks[next] : NULL));
		nodes_left = NODES;
		for (u32 u = 0; u < NODES; u++)
			nodes_left -= used[u];
	}
	for (u32 i = 0; i < KEYS; i++)
		KEXPECT(radix_delete(&r, key(i)) == (in[i] ? &marks[i] : NULL));
	KEXPECT_EQ(nodes_left, NODES);
}
