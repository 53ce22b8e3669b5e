/*
 * Magazines: what makes slab_alloc() and slab_free() short.
 *
 * A CPU pops from and pushes to its loaded magazine. When that is exhausted (or full) it tries the
 * previous one, and only then the depot, so that a sequence that goes back and forth over a border
 * does not pay for it each time. When the depot cannot help, one object comes from the slabs.
 */
#include "mm/slab_impl.h"
#include "kernel/core/trace.h"
#include "kernel/lib/kassert.h"
#include "kernel/lib/string.h"
#include "mm/fail_nth.h"

struct magazine no_magazine;

static void swap_magazines(struct slab_cpu *cpu)
{
	struct magazine *m = cpu->loaded;

	cpu->loaded = cpu->previous;
	cpu->previous = m;
}

static void push(struct magazine **list, u32 *count, struct magazine *m)
{
	m->next = *list;
	*list = m;
	++*count;
}

static struct magazine *pop(struct magazine **list, u32 *count)
{
	struct magazine *m = *list;

	if (m) {
		*list = m->next;
		--*count;
	}
	return m;
}

static void flush(struct slab_cache *c, struct magazine *m)
{
	while (m->rounds)
		slab_put(c, m->round[--m->rounds], 0);
}

/* Loads a magazine that has rounds. Returns false when neither CPU nor depot has one. */
static bool load_full(struct slab_cache *c)
{
	struct slab_cpu *cpu = slab_this_cpu(c);
	struct magazine *m;

	if (cpu->previous->rounds) {
		swap_magazines(cpu);
		return true;
	}
	if (!c->depot_full)
		return false;
	spin_lock(&c->lock);
	m = pop(&c->depot_full, &c->nr_full);
	if (m && cpu->previous != &no_magazine)
		push(&c->depot_empty, &c->nr_empty, cpu->previous);
	spin_unlock(&c->lock);
	if (!m)
		return false;
	cpu->previous = cpu->loaded;
	cpu->loaded = m;
	return true;
}

/* An empty magazine from the depot, or a new one; NULL when memory is out. */
static struct magazine *get_empty(struct slab_cache *c)
{
	struct magazine *m;

	spin_lock(&c->lock);
	m = pop(&c->depot_empty, &c->nr_empty);
	spin_unlock(&c->lock);
	if (m)
		return m;
	m = slab_alloc(c->magazines->cache);
	if (m) {
		m->rounds = 0;
		m->capacity = c->magazines->capacity;
	}
	return m;
}

/* Loads a magazine that has room. Returns false when there is none to be had. */
static bool load_empty(struct slab_cache *c)
{
	struct slab_cpu *cpu = slab_this_cpu(c);
	struct magazine *m;

	if (cpu->previous->rounds < cpu->previous->capacity) {
		swap_magazines(cpu);
		return true;
	}
	if (c->nr_full >= c->depot_max && cpu->previous != &no_magazine) {
		flush(c, cpu->previous);
		swap_magazines(cpu);
		return true;
	}
	m = get_empty(c);
	if (!m)
		return false;
	/* Both of the CPU's are full, or none: getting one may have shrunk this very cache. */
	if (cpu->previous != &no_magazine) {
		spin_lock(&c->lock);
		push(&c->depot_full, &c->nr_full, cpu->previous);
		spin_unlock(&c->lock);
	}
	cpu->previous = cpu->loaded;
	cpu->loaded = m;
	return true;
}

/*
 * While objects are watched the loaded magazine is never a real one: the fast paths find neither
 * rounds nor room, and every call comes through here.
 */
static bool watched;

static void trace_alloc(struct slab_cache *c, const void *obj, uintptr_t caller)
{
	struct trace_kmem_cache_alloc t = {
		(u32)caller, (u32)(uintptr_t)obj, c->objsize, c->size, 0, -1, 0, ""};

	if (c->flags & SLAB_KMALLOC || !trace_is_on(TE_kmem_cache_alloc))
		return;
	strlcpy(t.name, c->name, sizeof(t.name));
	trace_write(TE_kmem_cache_alloc, &t, sizeof(t));
}

static void trace_free(struct slab_cache *c, const void *obj, uintptr_t caller)
{
	struct trace_kmem_cache_free t = {(u32)caller, (u32)(uintptr_t)obj, ""};

	if (c->flags & SLAB_KMALLOC || !trace_is_on(TE_kmem_cache_free))
		return;
	strlcpy(t.name, c->name, sizeof(t.name));
	trace_write(TE_kmem_cache_free, &t, sizeof(t));
}

static void hide_magazine(struct slab_cpu *cpu)
{
	if (cpu->loaded != &no_magazine)
		swap_magazines(cpu);
}

void slab_watch(bool on)
{
	struct slab_cache *c;

	if (on == watched)
		return;
	watched = on;
	spin_lock(&slab_list_lock);
	list_for_each_entry (c, &slab_caches, link) {
		if (on && c->magazines)
			slab_flush_magazines(c);
	}
	spin_unlock(&slab_list_lock);
}

static void *alloc_one(struct slab_cache *c, uintptr_t caller)
{
	struct slab_cpu *cpu = slab_this_cpu(c);
	void *obj;

	if (c->magazines && load_full(c))
		return cpu->loaded->round[--cpu->loaded->rounds];
	obj = slab_take(c);
	if (obj && c->flags & SLAB_DEBUG)
		slab_debug_alloc(c, obj, caller);
	return obj;
}

static __noinline void *alloc_slow(struct slab_cache *c, uintptr_t caller)
{
	void *obj = fail_nth_now(c->name, caller) ? NULL : alloc_one(c, caller);

	if (unlikely(watched)) {
		hide_magazine(slab_this_cpu(c));
		trace_alloc(c, obj, caller);
	}
	return obj;
}

static void free_one(struct slab_cache *c, void *obj, uintptr_t caller)
{
	struct slab_cpu *cpu = slab_this_cpu(c);

	if (c->magazines && load_empty(c))
		cpu->loaded->round[cpu->loaded->rounds++] = obj;
	else
		slab_put(c, obj, caller);
}

static __noinline void free_slow(struct slab_cache *c, void *obj, uintptr_t caller)
{
	kassert_msg(obj, "slab_free of NULL to %s", c->name);
	if (unlikely(watched))
		trace_free(c, obj, caller);
	free_one(c, obj, caller);
	if (unlikely(watched))
		hide_magazine(slab_this_cpu(c));
}

void *slab_alloc_for(struct slab_cache *c, uintptr_t caller)
{
	struct magazine *m = slab_this_cpu(c)->loaded;

	if (likely(m->rounds))
		return m->round[--m->rounds];
	return alloc_slow(c, caller);
}

void slab_free_for(struct slab_cache *c, void *obj, uintptr_t caller)
{
	struct magazine *m = slab_this_cpu(c)->loaded;

	if (likely(m->rounds < m->capacity && obj))
		m->round[m->rounds++] = obj;
	else
		free_slow(c, obj, caller);
}

void *slab_alloc(struct slab_cache *c)
{
	struct magazine *m = slab_this_cpu(c)->loaded;

	if (likely(m->rounds))
		return m->round[--m->rounds];
	return alloc_slow(c, (uintptr_t)__builtin_return_address(0));
}

void slab_free(struct slab_cache *c, void *obj)
{
	struct magazine *m = slab_this_cpu(c)->loaded;

	if (likely(m->rounds < m->capacity && obj))
		m->round[m->rounds++] = obj;
	else
		free_slow(c, obj, (uintptr_t)__builtin_return_address(0));
}

void *slab_zalloc(struct slab_cache *c)
{
	void *obj = slab_alloc_for(c, (uintptr_t)__builtin_return_address(0));

	if (obj)
		memset(obj, 0, c->objsize);
	return obj;
}

static void destroy_magazine(struct slab_cache *c, struct magazine *m)
{
	if (!m || m == &no_magazine)
		return;
	flush(c, m);
	slab_free(c->magazines->cache, m);
}

void slab_flush_magazines(struct slab_cache *c)
{
	struct slab_cpu *cpu = slab_this_cpu(c), was = *cpu;
	struct magazine *m;

	cpu->loaded = cpu->previous = &no_magazine;
	destroy_magazine(c, was.loaded);
	destroy_magazine(c, was.previous);
	do {
		spin_lock(&c->lock);
		m = pop(&c->depot_full, &c->nr_full);
		if (!m)
			m = pop(&c->depot_empty, &c->nr_empty);
		spin_unlock(&c->lock);
		destroy_magazine(c, m);
	} while (m);
}

u32 slab_cached(struct slab_cache *c)
{
	u32 n = c->magazines ? c->nr_full * c->magazines->capacity : 0;

	for (u32 cpu = 0; cpu < NR_CPUS; cpu++)
		n += c->cpu[cpu].loaded->rounds + c->cpu[cpu].previous->rounds;
	return n;
}

/* --- The checker --- */

static u32 check_rounds(
	struct slab_cache *c, const struct magazine *m, void (*complain)(const char *fmt, ...))
{
	struct page *s;
	u32 i, faults = 0;

	for (u32 r = 0; r < m->rounds; r++) {
		if (!slab_locate(c, m->round[r], &s, &i) || slab_is_free(c, s, i)) {
			complain("slab %s: %p in a magazine is no object in use", c->name,
				m->round[r]);
			faults++;
		}
	}
	return faults;
}

static bool holds(const struct magazine *m, u32 from, const void *obj)
{
	for (u32 r = from; r < m->rounds; r++) {
		if (m->round[r] == obj)
			return true;
	}
	return false;
}

/* An object that was freed twice is in the CPU's magazines twice, unless it has moved on. */
static u32 check_twice(const struct slab_cache *c, const struct slab_cpu *cpu,
	void (*complain)(const char *fmt, ...))
{
	const struct magazine *a = cpu->loaded, *b = cpu->previous;
	u32 faults = 0;

	for (u32 r = 0; r < a->rounds; r++) {
		if (holds(a, r + 1, a->round[r]) || holds(b, 0, a->round[r])) {
			complain("slab %s: object %p was freed twice", c->name, a->round[r]);
			faults++;
		}
	}
	for (u32 r = 0; r < b->rounds; r++) {
		if (holds(b, r + 1, b->round[r])) {
			complain("slab %s: object %p was freed twice", c->name, b->round[r]);
			faults++;
		}
	}
	return faults;
}

u32 slab_check_magazines(struct slab_cache *c, void (*complain)(const char *fmt, ...))
{
	u32 faults = 0, full = 0;

	for (u32 cpu = 0; cpu < NR_CPUS; cpu++) {
		faults += check_rounds(c, c->cpu[cpu].loaded, complain);
		faults += check_rounds(c, c->cpu[cpu].previous, complain);
		faults += check_twice(c, &c->cpu[cpu], complain);
	}
	for (const struct magazine *m = c->depot_full; m && full <= c->nr_full; m = m->next) {
		faults += check_rounds(c, m, complain);
		full += m->rounds == m->capacity;
	}
	if (full != c->nr_full) {
		complain("slab %s: %u full magazines in the depot, %u counted", c->name, full,
			c->nr_full);
		faults++;
	}
	return faults;
}
