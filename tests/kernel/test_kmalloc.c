/* kmalloc and its relatives. Also runs on the host, over made-up memory. */
#include "kernel/core/selftest.h"
#include "kernel/lib/string.h"
#include "mm/kmalloc.h"
#include "mm/page.h"

/* Beyond the smallest sizes a block is at most a quarter larger than needed. */
KTEST(kmalloc, sizes)
{
	for (u32 size = 1; size <= 131072; size += 1 + size / 50) {
		void *p = kmalloc(size);

		KREQUIRE(p);
		KEXPECT(ksize(p) >= size);
		if (size > 32)
			KEXPECT((ksize(p) - size) * 4 <= ksize(p));
		else
			KEXPECT(ksize(p) - size < 8);
		KEXPECT(IS_ALIGNED((uintptr_t)p, 8));
		memset(p, 0xa5, size);
		kfree(p);
	}
}

KTEST(kmalloc, powers_of_two_are_aligned)
{
	for (u32 size = 8; size <= 131072; size *= 2) {
		void *p = kmalloc(size), *q = kmalloc(size);

		KREQUIRE(p && q);
		KEXPECT_EQ(ksize(p), size);
		KEXPECT(IS_ALIGNED((uintptr_t)p | (uintptr_t)q, MIN(size, PAGE_SIZE)));
		kfree(p);
		kfree(q);
	}
}

KTEST(kmalloc, extremes)
{
	void *p = kmalloc(0), *q = kmalloc(0);

	KEXPECT(p && q && p != q);
	kfree(p);
	kfree(q);
	kfree(NULL);
	p = kmalloc(131073);
	KREQUIRE(p);
	KEXPECT_EQ(ksize(p), 262144);
	kfree(p);
	p = kmalloc(4u << 20);
	KREQUIRE(p);
	kfree(p);
	KEXPECT(!kmalloc((4u << 20) + 1));
	KEXPECT(!kmalloc(SIZE_MAX));
}

KTEST(kmalloc, zeroed_and_counted)
{
	u8 *p = kmalloc(100);

	KREQUIRE(p);
	memset(p, 0xff, 100);
	kfree(p);
	p = kzalloc(100);
	KREQUIRE(p);
	for (u32 i = 0; i < 100; i++)
		KEXPECT_EQ(p[i], 0);
	kfree(p);
	p = kcalloc(10, 10);
	KREQUIRE(p);
	KEXPECT(!p[0] && !p[99]);
	kfree(p);
	KEXPECT(!kcalloc(SIZE_MAX / 2, 3));
	KEXPECT(!kcalloc(65536, SIZE_MAX / 65536 + 1));
}

KTEST(kmalloc, realloc_keeps_contents)
{
	u8 *p = krealloc(NULL, 10);
	u32 size = 10;

	KREQUIRE(p);
	memset(p, 1, 10);
	while (size < 300000) {
		u32 larger = size + size / 3 + 1;
		u8 *q = krealloc(p, larger);

		KREQUIRE(q);
		KEXPECT(q[0] == 1 && q[size / 2] == 1 && q[size - 1] == 1);
		memset(q, 1, larger);
		p = q;
		size = larger;
	}
	p = krealloc(p, 20);
	KREQUIRE(p);
	KEXPECT(p[0] == 1 && p[19] == 1);
	KEXPECT(ksize(p) < 100);
	kfree(p);
}

KTEST(kmalloc, strdup)
{
	char *s = kstrdup("tessera");

	KREQUIRE(s);
	KEXPECT(!strcmp(s, "tessera"));
	kfree(s);
}

#define HELD 128u

KTEST(kmalloc, random)
{
	struct {
		u8 *p;
		u32 size;
	} held[HELD] = {{NULL, 0}};

	for (u32 n = 0; n < 4000; n++) {
		u32 i = ktest_random() % HELD;

		if (held[i].p) {
			KEXPECT(held[i].p[0] == (u8)i && held[i].p[held[i].size - 1] == (u8)i);
			kfree(held[i].p);
			held[i].p = NULL;
			continue;
		}
		held[i].size = 1 + ktest_random() % (1u << ktest_random() % 14);
		held[i].p = kmalloc(held[i].size);
		KREQUIRE(held[i].p);
		memset(held[i].p, (int)i, held[i].size);
	}
	for (u32 i = 0; i < HELD; i++)
		kfree(held[i].p);
}
