/* Records as lines of text. kernel/core/trace_events.h says what stands in {braces}. */
#include "kernel/core/trace_text.h"
#include "kernel/core/lock.h"
#include "kernel/core/panic.h"
#include "kernel/lib/fmt.h"
#include "kernel/lib/string.h"
#include "mm/page.h"

struct line {
	char *buf;
	size_t len, size; /* size: without the newline */
};

static void put(struct line *l, const char *s, size_t n)
{
	n = MIN(n, l->size - l->len);
	memcpy(l->buf + l->len, s, n);
	l->len += n;
}

static void putf(struct line *l, const char *fmt, ...) __printf(2, 3);
static void putf(struct line *l, const char *fmt, ...)
{
	char s[96];
	va_list ap;

	va_start(ap, fmt);
	put(l, s, MIN((size_t)vsnprintf(s, sizeof(s), fmt, ap), sizeof(s) - 1));
	va_end(ap);
}

/* A word of a list or of the event's text, which are not terminated. */
struct word {
	const char *s;
	size_t n;
};

static bool is(struct word w, const char *s)
{
	return w.n == strlen(s) && memcmp(w.s, s, w.n) == 0;
}

/* The part of *s up to `end`, or the rest; *s goes behind it. */
static struct word cut(const char **s, char end)
{
	const char *from = *s, *to = strchr(from, end);

	if (!to)
		to = from + strlen(from);
	*s = to + (*to != '\0');
	return (struct word){from, (size_t)(to - from)};
}

/* --- Values --- */

/* Where the field of this name lies in a record: its type and name precede those behind it in
 * event->fields. */
static const void *find_field(
	const struct trace_event *e, const struct trace_record *r, struct word name)
{
	const char *at = (const char *)(r + 1), *fields = e->fields;

	while (*fields) {
		struct word type = cut(&fields, ' '), field = cut(&fields, ';');

		if (field.n == name.n && memcmp(field.s, name.s, name.n) == 0)
			return at;
		at += is(type, "trace_name") ? sizeof(trace_name) : sizeof(u32);
	}
	return "\0\0\0";
}

/* Symbols that were looked for: a trace names the same ones again and again. */
static struct symbol {
	u32 addr;
	const char *name;
	u32 offset, size;
} symbols[64];
static struct spinlock symbols_lock = SPINLOCK_INIT("trace symbols");

static struct symbol find_symbol(u32 addr)
{
	struct symbol *s = &symbols[(addr ^ addr >> 6) % ARRAY_SIZE(symbols)], found;

	spin_lock(&symbols_lock);
	if (s->addr != addr) {
		s->addr = addr;
		s->name = ksym_extent(addr, &s->offset, &s->size);
	}
	found = *s;
	spin_unlock(&symbols_lock);
	return found;
}

static void put_symbol(struct line *l, u32 addr, bool offset)
{
	struct symbol s = find_symbol(addr);

	if (!s.name)
		putf(l, "0x%x", addr);
	else if (offset)
		putf(l, "%s+0x%x/0x%x", s.name, s.offset, s.size);
	else
		putf(l, "%s", s.name);
}

static void put_listed(struct line *l, struct word form, u32 v)
{
	const struct trace_directory *d = &trace_directory;
	const char *words = "";

	for (u32 i = 0; i < d->nr_words; i++)
		if (is(form, d->word[i].form))
			words = d->word[i].words;
	for (u32 i = 0; *words; i++) {
		struct word w = cut(&words, ' ');
		if (i == v) {
			put(l, w.s, w.n);
			return;
		}
	}
	putf(l, "0x%x", v);
}

static void put_value(struct line *l, struct word form, const void *field)
{
	u32 v = *(const u32 *)field;

	if (is(form, "s"))
		put(l, field, strlen(field));
	else if (is(form, "x"))
		putf(l, "%x", v);
	else if (is(form, "08x"))
		putf(l, "%08x", v);
	else if (is(form, "u"))
		putf(l, "%u", v);
	else if (is(form, "d"))
		putf(l, "%d", (s32)v);
	else if (is(form, "sym") || is(form, "symoff"))
		put_symbol(l, v, is(form, "symoff"));
	else if (is(form, "page"))
		putf(l, "%08x", v ? (u32)&mem_map[v] : 0);
	else
		put_listed(l, form, v);
}

/* --- Lines --- */

static void put_fields(struct line *l, const struct trace_event *e, const struct trace_record *r)
{
	const char *text = e->text;

	while (*text) {
		struct word literal = cut(&text, '{');

		put(l, literal.s, literal.n);
		if (*text) {
			struct word name = cut(&text, ':'), form = cut(&text, '}');

			put_value(l, form, find_field(e, r, name));
		}
	}
}

static void put_context(struct line *l, u32 flags)
{
	u32 depth = flags & TRACE_PREEMPT;

	putf(l, "%c%c%c", flags & TRACE_IRQSOFF ? 'd' : '.', flags & TRACE_RESCHED ? 'N' : '.',
		flags & TRACE_HARDIRQ ? 'h' : '.');
	putf(l, depth ? "%x." : "..", depth);
}

static void put_time(struct line *l, u64 ns)
{
	u64 us = (ns + 500) / 1000;

	putf(l, " %5u.%06u: ", (u32)(us / 1000000), (u32)(us % 1000000));
}

size_t trace_line(char buf[TRACE_LINE_MAX], const struct trace_record *r, u32 cpu)
{
	const struct trace_event *e = &trace_event[r->event];
	struct line l = {buf, 0, TRACE_LINE_MAX - 1};

	putf(&l, "%16.16s-%-7u [%03u] ", r->pid ? r->comm : "<idle>", r->pid, cpu);
	put_context(&l, r->flags);
	put_time(&l, r->ns);
	/* Linux calls these by other names than the events, in their text. */
	if (strcmp(e->system, "syscalls") != 0 && r->event != TE_print)
		putf(&l, "%s: ", e->name);
	put_fields(&l, e, r);
	buf[l.len] = '\n';
	return l.len + 1;
}

size_t trace_header(char *buf, size_t size)
{
	u64 in_buffer, written;

	trace_count(&in_buffer, &written);
	return (size_t)scnprintf(buf, size,
		"# tracer: nop\n"
		"#\n"
		"# entries-in-buffer/entries-written: %llu/%llu   #P:%u\n"
		"#\n"
		"#                                _-----=> irqs-off/BH-disabled\n"
		"#                               / _----=> need-resched\n"
		"#                              | / _---=> hardirq/softirq\n"
		"#                              || / _--=> preempt-depth\n"
		"#                              ||| / _-=> migrate-disable\n"
		"#                              |||| /     delay\n"
		"#           TASK-PID     CPU#  |||||  TIMESTAMP  FUNCTION\n"
		"#              | |         |   |||||     |         |\n",
		in_buffer, written, NR_CPUS);
}
