/*
 * Debugging, chosen by TMALLOC_OPTIONS: a list with commas of
 *
 *   guard         each block on pages of its own, its end against a page that faults
 *   junk          new blocks are filled with 0xa5, freed ones with 0x5a
 *   quarantine=N  N bytes of freed blocks stay, inaccessible where they can; a write is found.
 *                 1 MiB with guard or junk
 *   leaks         the blocks that are left, at exit
 *   stats         malloc_stats() at exit
 *   json=FILE     the heap's state at exit as JSON; svg=FILE: as a drawing
 *
 * The first four give each block its own run of pages and no thread cache, so that every call
 * comes through here. M_PERTURB alone fills blocks where they are. With guard or junk what is left
 * of a block's last page has a known byte, which must be there still when the block is freed.
 */
#include "core.h"
#include "out.h"
#include "tmalloc.h"

#define JUNK	   0x5a
#define AFTER	   0xfd
#define QUARANTINE (1 << 20)
#define MAX_GUARDS 16000 /* each guard splits a mapping in two; Linux allows 65530 of them */
#define MAX_LEAKS  100

struct debug debug;
struct lock debug_lock;

static struct quarantine {
	struct span *oldest, *newest;
	size_t bytes;
	bool chosen;
} quarantine;

/* --- Options -------------------------------------------------------------------------------- */

static bool option_is(const char **text, const char *name)
{
	const char *t = *text;

	while (*name && *t == *name) {
		t++;
		name++;
	}
	if (*name || (t[-1] != '=' && *t && *t != ','))
		return false;
	*text = t;
	return true;
}

static size_t option_number(const char *t)
{
	size_t v = 0;

	for (; *t >= '0' && *t <= '9'; t++)
		v = v * 10 + (*t - '0');
	return v;
}

/* A file's name up to the comma; there are two at most. */
static const char *option_name(const char *t)
{
	static char names[2][256];
	static unsigned used;
	unsigned n = 0;

	if (used == 2)
		return NULL;
	for (; *t && *t != ',' && n < sizeof(names[0]) - 1; t++)
		names[used][n++] = *t;
	return names[used++];
}

static void option_unknown(const char *t)
{
	struct out o = {.fd = 2};
	char name[40];
	unsigned n = 0;

	while (n < sizeof(name) - 1 && t[n] && t[n] != ',') {
		name[n] = t[n];
		n++;
	}
	name[n] = '\0';
	out_format(&o, "tmalloc: TMALLOC_OPTIONS: not known: %s\n", name);
	out_flush(&o);
}

static void option(const char *t)
{
	if (option_is(&t, "guard"))
		debug.guard = true;
	else if (option_is(&t, "junk"))
		debug.fill = JUNK;
	else if (option_is(&t, "leaks"))
		debug.leaks = true;
	else if (option_is(&t, "stats"))
		debug.stats = true;
	else if (option_is(&t, "quarantine="))
		debug.quarantine = option_number(t), quarantine.chosen = true;
	else if (option_is(&t, "json="))
		debug.json = option_name(t);
	else if (option_is(&t, "svg="))
		debug.svg = option_name(t);
	else
		option_unknown(t);
}

void debug_options(const char *text)
{
	if (!text)
		return;
	while (*text) {
		option(text);
		while (*text && *text++ != ',')
			;
		while (*text == ' ')
			text++;
	}
	debug.fenced = debug.guard || debug.fill;
	if (debug.fenced && !quarantine.chosen)
		debug.quarantine = QUARANTINE;
	debug.on = debug.guard || debug.fill || debug.leaks || debug.quarantine;
	if (debug.on)
		cache_flush();
}

/* What is in the quarantine is expected to keep the byte that it has. */
void debug_perturb(uint8_t fill)
{
	if (debug.quarantine)
		return;
	debug.fill = fill;
	if (fill)
		cache_flush();
}

/* --- Blocks --------------------------------------------------------------------------------- */

size_t debug_size(struct span *s)
{
	return s->asked ? s->asked - 1 : s->pages << PAGE_SHIFT;
}

/* The bytes from the block's end to the end of its pages. */
static size_t bytes_after(struct span *s)
{
	return ((s->pages - s->guard) << PAGE_SHIFT) - s->bump - debug_size(s);
}

static void expect_bytes(const unsigned char *p, size_t n, uint8_t byte, const char *otherwise)
{
	for (size_t i = 0; i < n; i++)
		if (p[i] != byte)
			die(otherwise, p + i);
}

static struct span *pages_guarded(size_t len, size_t align)
{
	struct span *s;

	if (!debug.guard || heap.nr_mapped >= MAX_GUARDS)
		return NULL;
	s = mapped_new(len + PAGE_SIZE, align);
	if (!s)
		return NULL;
	os_protect((void *)(s->start + len), PAGE_SIZE, false);
	s->guard = 1;
	return s;
}

/* The size asked for is stored plus one, so that zero means not known. */
void *debug_alloc(size_t size, size_t align)
{
	size_t small = align < ALIGNMENT ? ALIGNMENT : align;
	size_t len = page_round_up(((size ? size : 1) + small - 1) & -small);
	struct span *s;
	void *p;

	if (len < size || len > PTRDIFF_MAX - PAGE_SIZE)
		return NULL;
	align = align < PAGE_SIZE ? PAGE_SIZE : align;
	s = pages_guarded(len, align);
	if (s)
		s->bump = len - ((size + small - 1) & -small);
	else
		s = heap_alloc(len >> PAGE_SHIFT, align >> PAGE_SHIFT, true);
	if (!s)
		return NULL;
	if (s->bump >= PAGE_SIZE)
		s->bump = 0;
	s->asked = size + 1;
	p = (void *)(s->start + s->bump);
	debug_fill_new(p, size);
	if (debug.fenced)
		__builtin_memset((char *)p + size, AFTER, bytes_after(s));
	return p;
}

static void block_return(struct span *s)
{
	size_t len = (s->pages - s->guard) << PAGE_SHIFT;

	if (s->guard)
		os_protect((void *)s->start, len + PAGE_SIZE, true);
	else if (debug.fill && s->asked)
		expect_bytes((void *)(s->start + s->bump), debug_size(s), debug.fill,
			"use after free: a freed block was written to");
	s->dead = s->bump = s->asked = 0;
	s->next = NULL;
	if (s->state == SPAN_MAPPED) {
		s->guard = 0;
		mapped_free(s);
	} else {
		heap_free(s);
	}
}

static struct span *quarantine_pop(void)
{
	struct span *s = quarantine.oldest;

	if (!s || quarantine.bytes <= debug.quarantine)
		return NULL;
	quarantine.oldest = s->next;
	quarantine.bytes -= s->pages << PAGE_SHIFT;
	return s;
}

void debug_free(struct span *s, void *p)
{
	struct span *out;

	if (debug.fenced && s->asked)
		expect_bytes((unsigned char *)p + debug_size(s), bytes_after(s), AFTER,
			"overflow: what lies behind a block was written to");
	debug_fill_freed(p, debug_size(s));
	lock_take(&debug_lock);
	s->dead = 1;
	s->next = NULL;
	if (quarantine.oldest)
		quarantine.newest->next = s;
	else
		quarantine.oldest = s;
	quarantine.newest = s;
	quarantine.bytes += s->pages << PAGE_SHIFT;
	if (s->guard)
		os_protect((void *)s->start, s->pages << PAGE_SHIFT, false);
	while ((out = quarantine_pop()))
		block_return(out);
	lock_drop(&debug_lock);
}

/* No block may leave the program without a look at it. */
static void quarantine_empty(void)
{
	struct span *out;

	lock_take(&debug_lock);
	debug.quarantine = 0;
	while ((out = quarantine_pop()))
		block_return(out);
	lock_drop(&debug_lock);
}

/* --- At exit -------------------------------------------------------------------------------- */

struct leaks {
	struct out out;
	size_t nr, bytes;
};

static void leak_report(struct span *s, void *arg)
{
	struct leaks *l = arg;

	if ((s->state != SPAN_RUN && s->state != SPAN_MAPPED) || s->dead || !s->asked)
		return;
	l->nr++;
	l->bytes += debug_size(s);
	if (l->nr <= MAX_LEAKS)
		out_format(&l->out, "tmalloc: leak: %z bytes at %p\n", debug_size(s),
			s->start + s->bump);
}

static void leaks_report(void)
{
	struct leaks l = {.out = {.fd = 2}};

	span_each(leak_report, &l);
	out_format(&l.out, "tmalloc: leaks: %z blocks, %z bytes\n", l.nr, l.bytes);
	out_flush(&l.out);
}

static void dump_to(const char *path, void (*dump)(int fd))
{
	int fd = path ? os_create(path) : -1;

	if (fd < 0)
		return;
	dump(fd);
	os_close(fd);
}

void debug_at_exit(void)
{
	quarantine_empty();
	if (debug.leaks)
		leaks_report();
	if (debug.stats)
		tmalloc_dump_stats(2);
	dump_to(debug.json, tmalloc_dump_json);
	dump_to(debug.svg, tmalloc_dump_svg);
}
