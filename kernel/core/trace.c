/* The rings of trace records, and which events are on. See kernel/core/trace.h. */
#include "kernel/core/trace.h"
#include "kernel/abi/errno.h"
#include "kernel/core/bootinfo.h"
#include "kernel/core/clock.h"
#include "kernel/core/log.h"
#include "kernel/core/sched.h"
#include "kernel/lib/fmt.h"
#include "kernel/lib/number.h"
#include "kernel/lib/string.h"
#include "kernel/x86/trap.h"
#include "mm/allocinfo.h"
#include "mm/fail_nth.h"
#include "mm/kmalloc.h"
#include "mm/page_alloc.h"
#include "mm/slab.h"

u32 trace_bits[(TRACE_NR_EVENTS + 31) / 32];

/* What is on, where the rings are, and what was read of them. Records are written without it: a
 * ring's own CPU does that, with interrupts off. */
static struct spinlock trace_lock = SPINLOCK_INIT("trace");

/* What was asked for. trace_bits is the same while the switch is on, but for what allocinfo wants
 * to hear of: `unwritten` are the events that are on for it alone. */
static u32 wanted[ARRAY_SIZE(trace_bits)], unwritten[ARRAY_SIZE(trace_bits)];
static bool off; /* the switch */

static struct trace_cpu trace_cpus[NR_CPUS];

static struct trace_reader taken; /* by trace_take() */

#define F_(type, field)		       #type " " #field ";"
#define E_(system, name, fields, text) {#system, #name, "" fields, text},
const struct trace_event trace_event[TRACE_NR_EVENTS] = {
	TRACE_EVENTS(E_, F_) TRACE_SYSCALLS(TRACE_SYSCALL_EVENTS_, F_)};
#undef E_
#undef F_

static const struct trace_word trace_word[] = {
#define W(form, words) {#form, words},
	TRACE_WORDS(W)
#undef W
};

const struct trace_directory trace_directory __used = {
	.magic = "TRACE 1",
	.nr_events = TRACE_NR_EVENTS,
	.nr_words = ARRAY_SIZE(trace_word),
	.nr_cpus = NR_CPUS,
	.event = trace_event,
	.word = trace_word,
	.cpu = trace_cpus,
	.mem_map = &mem_map,
	.struct_page = sizeof(struct page),
};

/* --- Writing --- */

static struct trace_cpu *trace_cpu(void)
{
	return &trace_cpus[this_cpu()->id];
}

static struct trace_page *empty(struct trace_page *p)
{
	p->bytes = sizeof(*p);
	p->events = 0;
	return p;
}

/* The next page becomes the one that is written; if all are in use it is the oldest. */
static struct trace_page *next_page(struct trace_cpu *c)
{
	c->pages++;
	c->head = (c->head + 1) % c->nr_pages;
	if (c->head == c->first) {
		c->overwritten += c->page[c->first]->events;
		c->first = (c->first + 1) % c->nr_pages;
	}
	return empty(c->page[c->head]);
}

static u8 where(u32 eflags)
{
	const struct cpu *cpu = this_cpu();
	u32 f = MIN(cpu->spin_depth, (u32)TRACE_PREEMPT);
	f |= eflags & EFLAGS_IF ? 0 : TRACE_IRQSOFF;
	f |= cpu->irq_depth ? TRACE_HARDIRQ : 0;
	f |= cpu->thread && cpu->thread->work & WORK_RESCHED ? TRACE_RESCHED : 0;
	return (u8)f;
}

/* Writes fields and, padded with zeroes to `text_size`, a text behind them. */
static void append(enum trace_id id, const void *fields, u32 n, const char *text, u32 text_size)
{
	struct trace_cpu *c = trace_cpu();
	u32 size = sizeof(struct trace_record) + n + text_size, eflags = irq_save();
	if (c->page) {
		struct trace_page *p = c->page[c->head];
		if (p->bytes + size > PAGE_SIZE)
			p = next_page(c);
		struct trace_record *r = (struct trace_record *)((char *)p + p->bytes);
		*r = (struct trace_record){
			.event = (u16)id,
			.words = (u8)(size / 4),
			.flags = where(eflags),
			.ns = clock_monotonic_ns(),
		};
		r->pid = trace_who(r->comm);
		memcpy(r + 1, fields, n);
		memset((char *)(r + 1) + n, 0, text_size);
		strlcpy((char *)(r + 1) + n, text, text_size);
		p->bytes += size;
		p->events++;
		c->written++;
	}
	irq_restore(eflags);
}

void trace_write(enum trace_id id, const void *fields, u32 n)
{
	if (allocinfo_wants(id))
		allocinfo_event(id, fields);
	if (!(unwritten[TRACE_WORD(id)] & TRACE_BIT(id)))
		append(id, fields, n, "", 0);
}

void trace_write_text(enum trace_id id, const void *fields, u32 n, const char *text)
{
	append(id, fields, n, text, ALIGN_UP(MIN(strlen(text) + 1, TRACE_TEXT_MAX), 4));
}

/* --- What is on --- */

static bool any(const u32 *bits, enum trace_id from, enum trace_id to)
{
	for (u32 id = from; id <= to; id++)
		if (bits[TRACE_WORD(id)] & TRACE_BIT(id))
			return true;
	return false;
}

static void note_free(void)
{
	for (u32 cpu = 0; cpu < NR_CPUS; cpu++)
		trace_cpus[cpu].free = page_alloc_free();
}

/* What will be on. Returns it in bits[]. */
static void choose(u32 bits[ARRAY_SIZE(trace_bits)])
{
	for (u32 i = 0; i < ARRAY_SIZE(trace_bits); i++) {
		bits[i] = off ? 0 : wanted[i];
		unwritten[i] = 0;
	}
	for (u32 id = 0; id < TRACE_NR_EVENTS; id++) {
		u32 *word = &bits[TRACE_WORD(id)];
		if (!allocinfo_wants(id) || *word & TRACE_BIT(id))
			continue;
		*word |= TRACE_BIT(id);
		unwritten[TRACE_WORD(id)] |= TRACE_BIT(id);
	}
}

/* Opens or closes the doors of the hot places before anything may come through them. */
static void apply(void)
{
	u32 bits[ARRAY_SIZE(trace_bits)];
	choose(bits);
	bool frames = any(bits, TE_mm_page_alloc, TE_mm_page_free);
	slab_watch(fail_nth_used || any(bits, TE_kmem_cache_alloc, TE_kmem_cache_free));
	page_alloc_watch(fail_nth_used || frames);
	if (frames && !any(trace_bits, TE_mm_page_alloc, TE_mm_page_free))
		note_free();
	trap_trace(any(bits, TE_page_fault_user, TRACE_NR_EVENTS - 1));
	memcpy(trace_bits, bits, sizeof(trace_bits));
}

static bool matches(const char *glob, const struct trace_event *e)
{
	char full[64];
	snprintf(full, sizeof(full), "%s:%s", e->system, e->name);
	return glob_match(glob, full) || glob_match(glob, e->name) || glob_match(glob, e->system);
}

int trace_enable(const char *glob, bool on)
{
	bool any = false;
	if (on && !trace_size_kb() && trace_resize(TRACE_RING_KB) < 0)
		return -ENOMEM;
	spin_lock(&trace_lock);
	for (u32 id = 0; id < TRACE_NR_EVENTS; id++) {
		if (!matches(glob, &trace_event[id]))
			continue;
		any = true;
		if (on)
			wanted[TRACE_WORD(id)] |= TRACE_BIT(id);
		else
			wanted[TRACE_WORD(id)] &= ~TRACE_BIT(id);
	}
	apply();
	spin_unlock(&trace_lock);
	return any ? 0 : -EINVAL;
}

void trace_doors_update(void)
{
	spin_lock(&trace_lock);
	apply();
	spin_unlock(&trace_lock);
}

bool trace_wanted(enum trace_id id)
{
	return wanted[TRACE_WORD(id)] & TRACE_BIT(id);
}

void trace_switch(bool on)
{
	spin_lock(&trace_lock);
	off = !on;
	apply();
	spin_unlock(&trace_lock);
}

void trace_profile(bool on)
{
	spin_lock(&trace_lock);
	allocinfo_set(on);
	apply();
	spin_unlock(&trace_lock);
}

bool trace_switched_on(void)
{
	return !off;
}

int trace_mark(const char *text)
{
	if (off)
		return -EBADF;
	if (!trace_size_kb() && trace_resize(TRACE_RING_KB) < 0)
		return -ENOMEM;
	char line[TRACE_TEXT_MAX];
	size_t n = strlcpy(line, text, sizeof(line));
	if (n && n < sizeof(line) && line[n - 1] == '\n')
		line[n - 1] = '\0';
	struct trace_print t = {.ip = (u32)__builtin_return_address(0)};
	trace_write_text(TE_print, &t, sizeof(t), line);
	return 0;
}

/* --- Rings --- */

static void clear_cpu(struct trace_cpu *c)
{
	c->first = c->head = 0;
	c->written = c->overwritten = c->pages = 0;
	if (c->page)
		empty(c->page[0]);
}

void trace_clear(void)
{
	spin_lock(&trace_lock);
	for (u32 cpu = 0; cpu < NR_CPUS; cpu++)
		clear_cpu(&trace_cpus[cpu]);
	taken = (struct trace_reader){0};
	note_free();
	spin_unlock(&trace_lock);
}

static void free_pages(struct trace_page **pages, u32 n)
{
	while (n--)
		page_free(virt_page(pages[n]));
	kfree(pages);
}

static struct trace_page **alloc_pages(u32 n)
{
	struct trace_page **pages = kcalloc(n, sizeof(*pages));
	for (u32 i = 0; pages && i < n; i++) {
		struct page *p = page_alloc(GFP_KERNEL, PK_KERNEL);
		if (!p) {
			free_pages(pages, i);
			return NULL;
		}
		pages[i] = page_virt(p);
	}
	return pages;
}

static void set_pages(struct trace_cpu *c, struct trace_page **pages, u32 n)
{
	spin_lock(&trace_lock);
	struct trace_page **old = c->page;
	u32 nr_old = c->nr_pages;
	c->page = pages;
	c->nr_pages = n;
	clear_cpu(c);
	taken = (struct trace_reader){0};
	spin_unlock(&trace_lock);
	free_pages(old, nr_old);
}

int trace_resize(u32 kb)
{
	u32 n = kb ? MAX(kb / (PAGE_SIZE / 1024), 2u) : 0;
	struct trace_page **pages[NR_CPUS] = {0};
	for (u32 cpu = 0; n && cpu < NR_CPUS; cpu++) {
		pages[cpu] = alloc_pages(n);
		if (pages[cpu])
			continue;
		while (cpu--)
			free_pages(pages[cpu], n);
		return -ENOMEM;
	}
	for (u32 cpu = 0; cpu < NR_CPUS; cpu++)
		set_pages(&trace_cpus[cpu], pages[cpu], n);
	if (!n)
		return trace_enable("*", false);
	return 0;
}

u32 trace_size_kb(void)
{
	return trace_cpus[0].nr_pages * (PAGE_SIZE / 1024);
}

/* --- Reading --- */

/* Used pages of the ring before the one that is written. */
static u32 full_pages(const struct trace_cpu *c)
{
	return (c->head + c->nr_pages - c->first) % c->nr_pages;
}

static const struct trace_page *page_at(const struct trace_cpu *c, u64 number)
{
	u32 back = (u32)(c->pages - number);
	return c->page[(c->head + c->nr_pages - back) % c->nr_pages];
}

/* Moves on to what is still there, and over the ends of pages. NULL at the end. */
static const struct trace_record *peek(const struct trace_cpu *c, struct trace_place *p)
{
	if (!c->page)
		return NULL;
	if (p->page + full_pages(c) < c->pages) {
		p->page = c->pages - full_pages(c);
		p->at = 0;
		p->record = c->overwritten;
	}
	if (p->record >= p->end)
		return NULL;
	const struct trace_page *page = page_at(c, p->page);
	if (p->at >= page->bytes) {
		page = page_at(c, ++p->page);
		p->at = 0;
	}
	p->at = MAX(p->at, (u32)sizeof(*page));
	return (const struct trace_record *)((const char *)page + p->at);
}

/* Caller holds the lock, as of the next two. */
static void set_ends(struct trace_reader *r)
{
	for (u32 cpu = 0; cpu < NR_CPUS; cpu++)
		r->cpu[cpu].end = trace_cpus[cpu].written;
}

void trace_reader_start(struct trace_reader *r)
{
	spin_lock(&trace_lock);
	*r = taken;
	set_ends(r);
	spin_unlock(&trace_lock);
}

static const struct trace_record *next_locked(
	struct trace_reader *r, u32 buf[TRACE_RECORD_MAX / 4], u32 *cpu)
{
	const struct trace_record *first = NULL;
	u32 eflags = irq_save();
	for (u32 i = 0; i < NR_CPUS; i++) {
		const struct trace_record *next = peek(&trace_cpus[i], &r->cpu[i]);
		if (next && (!first || next->ns < first->ns)) {
			first = next;
			*cpu = i;
		}
	}
	if (first) {
		memcpy(buf, first, first->words * 4u);
		r->cpu[*cpu].at += first->words * 4u;
		r->cpu[*cpu].record++;
	}
	irq_restore(eflags);
	return first ? (const struct trace_record *)buf : NULL;
}

const struct trace_record *trace_reader_next(
	struct trace_reader *r, u32 buf[TRACE_RECORD_MAX / 4], u32 *cpu)
{
	spin_lock(&trace_lock);
	const struct trace_record *record = next_locked(r, buf, cpu);
	spin_unlock(&trace_lock);
	return record;
}

const struct trace_record *trace_take(u32 buf[TRACE_RECORD_MAX / 4], u32 *cpu)
{
	spin_lock(&trace_lock);
	set_ends(&taken);
	const struct trace_record *record = next_locked(&taken, buf, cpu);
	spin_unlock(&trace_lock);
	return record;
}

void trace_count(u64 *in_buffer, u64 *written)
{
	*in_buffer = *written = 0;
	for (u32 cpu = 0; cpu < NR_CPUS; cpu++) {
		const struct trace_cpu *c = &trace_cpus[cpu];
		*written += c->written;
		*in_buffer += c->written - MAX(c->overwritten, taken.cpu[cpu].record);
	}
}

/* --- Boot --- */

/* "64M" in KiB; 0 if it is no size. */
static __init u32 parse_kb(const char *s)
{
	u64 bytes = 0;
	(void)take_size(&s, &bytes);
	return (u32)MIN(bytes >> 10, (u64)LOWMEM_LIMIT >> 10);
}

void __init trace_init(void)
{
	char word[512];
	u32 kb = TRACE_RING_KB;
	if (cmdline_get("mem_profiling", word, sizeof(word)) >= 0 ||
		cmdline_get("sysctl.vm.mem_profiling", word, sizeof(word)) >= 0)
		trace_profile(word[0] != '0');
	if (cmdline_get("trace_buf_size", word, sizeof(word)) > 0)
		kb = parse_kb(word);
	if (cmdline_get("trace", word, sizeof(word)) <= 0)
		return;
	if (!kb || trace_resize(kb) < 0)
		log_at(LOG_ALERT, "trace: no memory for a ring of %u KiB", kb);
	else if (trace_enable(word, true) < 0)
		log_at(LOG_ALERT, "trace: no event matches %s", word);
}
